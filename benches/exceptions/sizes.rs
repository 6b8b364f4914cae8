//! Bytes of code: modules as they were, upgraded, and compiled natively.

use std::collections::HashSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use support::modules::modules_of_archive;
use support::npm;
use wasm_pyfix::pipeline::{ModuleOptions, upgrade_module};
use wasm_pyfix_passes::linking::siblings::{Exporters, SiblingExports};
use wasmparser::{ExternalKind, Parser, Payload};

/// Code sections of one module, in bytes.
struct Row {
    module: String,
    original: u64,
    upgraded: u64,
    /// Of a native build of the same version, where there is one.
    native: Option<u64>,
}

/// Compares all modules at hand that an upgrade changes, in a Markdown table.
pub fn table() -> Result<String> {
    let mut rows = rows_of_archive(&npm::pymupdf_wheel()?, None)?;
    if let Some(corpus) = support::corpus() {
        for archive in archives(&corpus.join("wheels/2024"))? {
            let native = native_build(&corpus, &archive)?;
            rows.extend(rows_of_archive(&archive, native.as_deref())?);
        }
    }
    render(&rows)
}

fn archives(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let mut archives = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    archives.sort();
    Ok(archives)
}

/// The archive of `wheels/2025` with the same name and version as `archive`.
fn native_build(corpus: &Path, archive: &Path) -> Result<Option<PathBuf>> {
    let project = project(archive);
    Ok(archives(&corpus.join("wheels/2025"))?.into_iter().find(|other| self::project(other) == project))
}

/// Name and version of a wheel (its first two fields), or the name of another archive.
fn project(archive: &Path) -> String {
    let name = archive.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !name.ends_with(".whl") {
        return name;
    }
    name.splitn(3, '-').take(2).collect::<Vec<_>>().join("-")
}

fn rows_of_archive(archive: &Path, native: Option<&Path>) -> Result<Vec<Row>> {
    let modules = modules_of_archive(archive)?;
    let native = native.map(modules_of_archive).transpose()?.unwrap_or_default();
    let mut rows = Vec::new();
    for (name, bytes) in &modules {
        let siblings = modules.iter().filter(|(other, _)| other != name);
        let siblings = siblings.map(|(_, bytes)| exported_functions(bytes)).collect::<Result<Vec<_>>>()?;
        let exporters = Arc::new(Exporters::new(siblings.iter().flatten().map(|name| (1, name.as_str()))));
        let options = ModuleOptions { sibling_exports: SiblingExports::of_others(&exporters, 0), ..crate::options()? };
        let result = upgrade_module(bytes, &options).with_context(|| format!("{}: {name}", archive.display()))?;
        let Some(upgraded) = result.bytes else { continue };
        let native = native.iter().find(|(other, _)| untagged(other) == untagged(name));
        rows.push(Row {
            module: format!("{}: {}", project(archive), file_name(name)),
            original: code_size(bytes)?,
            upgraded: code_size(&upgraded)?,
            native: native.map(|(_, bytes)| code_size(bytes)).transpose()?,
        });
    }
    Ok(rows)
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A module's path without what names the Python version: `x.cpython-312-wasm32-emscripten.so` is `x`.
fn untagged(path: &str) -> &str {
    let start = path.len() - file_name(path).len();
    path[start..].find('.').map_or(path, |dot| &path[..start + dot])
}

fn exported_functions(module: &[u8]) -> Result<HashSet<String>> {
    let mut names = HashSet::new();
    for payload in Parser::new(0).parse_all(module) {
        let Payload::ExportSection(exports) = payload? else { continue };
        for export in exports {
            let export = export?;
            if export.kind == ExternalKind::Func {
                names.insert(export.name.to_string());
            }
        }
    }
    Ok(names)
}

/// Size of the code section's contents.
fn code_size(module: &[u8]) -> Result<u64> {
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::CodeSectionStart { size, .. } = payload? {
            return Ok(u64::from(size));
        }
    }
    Ok(0)
}

fn render(rows: &[Row]) -> Result<String> {
    let mut text = String::from(
        "## Size of the code section\n\nEvery module that an upgrade changes, in bytes; native builds are of the same version.\n\n",
    );
    writeln!(
        text,
        "| module | original | upgraded | native | upgraded / original | upgraded / native |\n|---|---|---|---|---|---|"
    )?;
    for row in rows {
        let native = row.native.map_or_else(|| "–".to_string(), |native| native.to_string());
        let to_native = row.to_native().map_or_else(|| "–".to_string(), |ratio| format!("{ratio:.3}"));
        let Row { module, original, upgraded, .. } = row;
        writeln!(text, "| {module} | {original} | {upgraded} | {native} | {:.3} | {to_native} |", row.to_original())?;
    }
    let to_original: Vec<f64> = rows.iter().map(Row::to_original).collect();
    let to_native: Vec<f64> = rows.iter().filter_map(Row::to_native).collect();
    let native_mean = if to_native.is_empty() { "–".to_string() } else { format!("{:.3}", geometric_mean(&to_native)) };
    let (modules, with_native) = (to_original.len(), to_native.len());
    writeln!(text, "| geometric mean of {modules}, {with_native} | | | | {:.3} | {native_mean} |", geometric_mean(&to_original))?;
    let grown = to_original.iter().filter(|ratio| **ratio > 1.0).count();
    writeln!(text, "\nThe code of {grown} of {modules} modules grows.")?;
    Ok(text)
}

impl Row {
    fn to_original(&self) -> f64 {
        self.upgraded as f64 / self.original as f64
    }

    fn to_native(&self) -> Option<f64> {
        self.native.map(|native| self.upgraded as f64 / native as f64)
    }
}

fn geometric_mean(ratios: &[f64]) -> f64 {
    (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp()
}
