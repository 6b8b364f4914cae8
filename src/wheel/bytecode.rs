//! Compiled Python (`.pyc`) that a wheel carries for another Python version.
//!
//! CPython reads a `.pyc` only when its first two bytes are its own magic number; a stale one under `__pycache__` is ignored and
//! compiled anew, and one that stands in place of its source (as `pyodide py-compile` leaves them) makes the import fail.

use crate::archive::Archive;
use crate::name::pyc_magic;
use anyhow::Result;
use std::collections::HashSet;

/// The stale bytecode of an archive.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Stale {
    /// Entries that only waste space: their source is there, or Python never looks at them.
    pub droppable: Vec<usize>,
    /// Entries that stand in place of their source.
    pub sourceless: Vec<usize>,
}

/// Finds bytecode of another Python than that of tag `python`; nothing, if the magic number of `python` is not known.
pub fn stale(archive: &Archive<'_>, python: &str) -> Result<Stale> {
    let Some(magic) = pyc_magic(python) else { return Ok(Stale::default()) };
    let names: HashSet<&str> = archive.entries.iter().map(|entry| entry.name.as_str()).collect();
    let mut stale = Stale::default();
    for (index, entry) in archive.entries.iter().enumerate() {
        let Some(stem) = entry.name.strip_suffix(".pyc") else { continue };
        let head = archive.head(index, 4)?;
        if head == [magic.to_le_bytes().as_slice(), b"\r\n"].concat() {
            continue;
        }
        let cached = entry.name.contains("__pycache__/");
        if cached || names.contains(format!("{stem}.py").as_str()) {
            stale.droppable.push(index);
        } else {
            stale.sourceless.push(index);
        }
    }
    Ok(stale)
}
