//! The exception instructions of main modules.

use anyhow::{Context, Result};
use std::path::PathBuf;
use wasm_pyfix_passes::handlers::Kind;
use wasmparser::{Operator, Parser, Payload};

/// The exception instructions of the runtimes made of these files, if they have any: a main module, with or without its JavaScript, or unpacked
/// npm packages `pyodide`. If one of several has the legacy ones, it is those, which its engines need not be new for.
pub fn of_files(files: &[PathBuf]) -> Result<Option<Kind>> {
    let mut found = None;
    for file in files {
        let path = if file.is_dir() { &file.join("pyodide.asm.wasm") } else { file };
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        if bytes.starts_with(b"\0asm")
            && let Some(kind) = of_main(&bytes).with_context(|| path.display().to_string())?
        {
            found = if found == Some(Kind::Legacy) { found } else { Some(kind) };
        }
    }
    Ok(found)
}

/// The exception instructions of a main module, the first of which tells.
fn of_main(wasm: &[u8]) -> Result<Option<Kind>> {
    for payload in Parser::new(0).parse_all(wasm) {
        let Payload::CodeSectionEntry(body) = payload? else { continue };
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            match operators.read()? {
                Operator::Try { .. } => return Ok(Some(Kind::Legacy)),
                Operator::TryTable { .. } | Operator::ThrowRef => return Ok(Some(Kind::Exnref)),
                _ => {}
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn file(directory: &Path, name: &str, body: &str) -> PathBuf {
        let path = directory.join(name);
        std::fs::write(&path, wat::parse_str(format!("(module (tag $t) (func {body}))")).unwrap()).unwrap();
        path
    }

    #[test]
    fn the_first_handler_tells_and_legacy_ones_win() {
        let directory = tempfile::tempdir().unwrap();
        let none = file(directory.path(), "none.wasm", "throw $t");
        let legacy = file(directory.path(), "legacy.wasm", "try catch_all end");
        let new = file(directory.path(), "new.wasm", "block $b try_table (catch_all $b) end end");
        let javascript = directory.path().join("main.js");
        std::fs::write(&javascript, "try {} finally {}").unwrap();
        let of = |files: &[&PathBuf]| of_files(&files.iter().map(|path| path.to_path_buf()).collect::<Vec<_>>()).unwrap();
        assert_eq!(of(&[&none, &javascript]), None);
        assert_eq!(of(&[&new, &javascript]), Some(Kind::Exnref));
        assert_eq!(of(&[&javascript, &legacy]), Some(Kind::Legacy));
        assert_eq!((of(&[&new, &legacy]), of(&[&legacy, &new])), (Some(Kind::Legacy), Some(Kind::Legacy)));
    }
}
