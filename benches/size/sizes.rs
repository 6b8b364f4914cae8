//! Bytes of a wheel and its modules, and what is in them.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use support::modules::modules_of_archive;
use wasmparser::{ExternalKind, Parser, Payload, TypeRef};

/// Of all side modules of a wheel together, in bytes and numbers.
#[derive(Debug, Clone, Copy, Default, serde::Deserialize)]
pub struct Size {
    /// The wheel itself.
    #[serde(default)]
    pub wheel: u64,
    #[serde(default)]
    pub raw: u64,
    /// Each module compressed by itself, at the highest level (9).
    pub gzip: u64,
    /// Each module compressed by itself, with quality 9 of 11: the highest takes a minute for 28 MB.
    pub brotli: u64,
    #[serde(default)]
    pub exports: u64,
    #[serde(default)]
    pub imports: u64,
    /// Imported `invoke_*`: exceptions by JavaScript.
    #[serde(default)]
    pub invokes: u64,
    #[serde(default)]
    pub functions: u64,
    /// The body of `__wasm_apply_data_relocs`.
    #[serde(default)]
    pub relocations: u64,
}

/// Measures the wheel at `path`.
pub fn of_wheel(path: &Path) -> Result<Size> {
    let modules: Vec<Vec<u8>> = modules_of_archive(path)?.into_iter().map(|(_, bytes)| bytes).collect();
    Ok(Size { wheel: std::fs::metadata(path)?.len(), ..of_modules(&modules)? })
}

/// Measures modules that are in no wheel.
pub fn of_modules(modules: &[Vec<u8>]) -> Result<Size> {
    let mut size = compressed(modules)?;
    for module in modules {
        size.raw += module.len() as u64;
        count(module, &mut size)?;
    }
    Ok(size)
}

/// Both are in Node.
fn compressed(modules: &[Vec<u8>]) -> Result<Size> {
    const PROGRAM: &str = "const fs = require('fs'), zlib = require('zlib');
        const quality = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 9 } };
        let gzip = 0, brotli = 0;
        for (const path of JSON.parse(fs.readFileSync(0))) {
            const bytes = fs.readFileSync(path);
            gzip += zlib.gzipSync(bytes, { level: 9 }).length;
            brotli += zlib.brotliCompressSync(bytes, quality).length;
        }
        console.log(JSON.stringify({ gzip, brotli }));";
    let directory = tempfile::tempdir()?;
    let mut paths = Vec::new();
    for (index, module) in modules.iter().enumerate() {
        let path = directory.path().join(index.to_string());
        std::fs::write(&path, module)?;
        paths.push(path);
    }
    let mut node = Command::new("node");
    let mut node = node.args(["-e", PROGRAM]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("cannot start Node")?;
    node.stdin.take().context("Node has a standard input")?.write_all(&serde_json::to_vec(&paths)?)?;
    let output = node.wait_with_output()?;
    ensure!(output.status.success(), "Node cannot compress");
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn count(module: &[u8], size: &mut Size) -> Result<()> {
    let mut imported = 0;
    let mut relocating = None;
    let mut function = 0;
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import?;
                    size.imports += 1;
                    size.invokes += u64::from(import.name.starts_with("invoke_"));
                    imported += u32::from(matches!(import.ty, TypeRef::Func(_)));
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    size.exports += 1;
                    if export.kind == ExternalKind::Func && export.name == "__wasm_apply_data_relocs" {
                        relocating = Some(export.index);
                    }
                }
            }
            Payload::CodeSectionEntry(body) => {
                size.functions += 1;
                if relocating == Some(imported + function) {
                    let range = body.range();
                    size.relocations += range.end - range.start;
                }
                function += 1;
            }
            _ => {}
        }
    }
    Ok(())
}
