//! Every wheel at hand: PyMuPDF from npm, those pinned from the Python package index, a generated one, and those of a corpus, if there is
//! one.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use support::{Runtime, npm, pypi};

use crate::generated;

/// Where an input comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Built for `pyodide_2024_0`, by Pyodide.
    Pyodide2024,
    /// Built for `pyodide_2025_0`, by Pyodide.
    Pyodide2025,
    /// On the Python package index, for `pyemscripten_2025_0`.
    Index,
    /// Made here.
    Generated,
}

impl Origin {
    /// The runtime that it was built for.
    pub fn runtime(self) -> Runtime {
        match self {
            Origin::Pyodide2024 => Runtime::V0_27_7,
            Origin::Pyodide2025 | Origin::Index | Origin::Generated => Runtime::V0_29_5,
        }
    }

    fn year(self) -> &'static str {
        match self {
            Origin::Pyodide2024 => "2024",
            Origin::Pyodide2025 | Origin::Index | Origin::Generated => "2025",
        }
    }
}

/// A wheel, or a zip archive of libraries.
pub struct Input {
    /// Name and version, and for which platform it was built.
    pub name: String,
    pub path: PathBuf,
    pub origin: Origin,
    /// A native build of the same version.
    pub native: Option<PathBuf>,
}

/// All inputs, or those whose name contains `only`; the one that is made here goes to `directory`.
pub fn inputs(only: Option<&str>, directory: &Path) -> Result<Vec<Input>> {
    let mut inputs = vec![input(&npm::pymupdf_wheel()?, Origin::Pyodide2024, &[])];
    for name in pypi::names()? {
        inputs.push(input(&pypi::wheel(&name)?, Origin::Index, &[]));
    }
    let generated = directory.join(generated::NAME);
    std::fs::write(&generated, generated::wheel()?)?;
    inputs.push(input(&generated, Origin::Generated, &[]));
    if let Some(corpus) = support::corpus() {
        let native = archives(&corpus.join("wheels/2025"))?;
        let old = archives(&corpus.join("wheels/2024"))?;
        inputs.extend(old.iter().map(|path| input(path, Origin::Pyodide2024, &native)));
        inputs.extend(native.iter().map(|path| input(path, Origin::Pyodide2025, &[])));
    }
    inputs.retain(|input| only.is_none_or(|word| input.name.contains(word)));
    Ok(inputs)
}

fn input(path: &Path, origin: Origin, native: &[PathBuf]) -> Input {
    let project = project(path);
    let native = native.iter().find(|other| self::project(other) == project).cloned();
    Input { name: format!("{project} ({})", origin.year()), path: path.to_path_buf(), origin, native }
}

fn archives(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let mut archives = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    archives.sort();
    Ok(archives)
}

/// Name and version of a wheel (its first two fields), or the name of another archive.
fn project(archive: &Path) -> String {
    let name = archive.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if name.ends_with(".whl") { name.splitn(3, '-').take(2).collect::<Vec<_>>().join("-") } else { name }
}
