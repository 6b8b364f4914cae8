//! Every linked module at hand, for properties that hold for all of them.

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::fixtures::is_module;
use crate::npm::{self, Runtime};

/// Name and bytes of every side module: of the fixtures, of the PyMuPDF wheel and, where there is one, of the corpus.
///
/// # Panics
/// When a file cannot be read or the npm packages cannot be had.
pub fn all_modules() -> Vec<(String, Vec<u8>)> {
    side_modules().unwrap_or_else(|error| panic!("{error:#}"))
}

/// Name and bytes of the main modules of all runtimes. They are not side modules, but linked by the same tools.
///
/// # Panics
/// When the npm packages cannot be had.
pub fn main_modules() -> Vec<(String, Vec<u8>)> {
    let read = |runtime: Runtime| -> Result<(String, Vec<u8>)> {
        let path = runtime.directory()?.join("pyodide.asm.wasm");
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok((format!("pyodide-{}", runtime.version()), bytes))
    };
    Runtime::ALL.into_iter().map(|runtime| read(runtime).unwrap_or_else(|error| panic!("{error:#}"))).collect()
}

/// Name and bytes of every side module in the wheel or zip archive `archive`.
pub fn modules_of_archive(archive: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let context = || format!("cannot read {}", archive.display());
    let bytes = std::fs::read(archive).with_context(context)?;
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).with_context(context)?;
    let mut modules = Vec::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).with_context(context)?;
        let name = entry.name().with_context(context)?.into_owned();
        if !name.ends_with(".so") {
            continue;
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).with_context(context)?;
        if is_module(Path::new(&name), &bytes) {
            modules.push((name, bytes));
        }
    }
    Ok(modules)
}

fn side_modules() -> Result<Vec<(String, Vec<u8>)>> {
    let mut modules = Vec::new();
    let fixtures = crate::repository().join("tests/fixtures/built");
    let mut archives = vec![npm::pymupdf_wheel()?];
    if let Some(corpus) = crate::corpus() {
        archives.extend(files_below(&corpus.join("wheels"))?);
    }
    for path in files_below(&fixtures)? {
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        if is_module(&path, &bytes) {
            modules.push((label(&path), bytes));
        }
    }
    for archive in archives {
        let found = modules_of_archive(&archive)?;
        modules.extend(found.into_iter().map(|(name, bytes)| (format!("{}: {name}", label(&archive)), bytes)));
    }
    Ok(modules)
}

/// The last three components of a path: enough to find a file by.
pub fn label(path: &Path) -> String {
    let components: Vec<_> = path.components().rev().take(3).collect();
    components.into_iter().rev().collect::<PathBuf>().to_string_lossy().into_owned()
}

/// All files under `directory`, sorted.
pub fn files_below(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let entries = std::fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
