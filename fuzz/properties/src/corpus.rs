//! The modules that inputs are made of: those of the repository's own tests, small enough to be tried many times.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Larger modules are left out, in bytes.
const LARGEST: usize = 40_000;

/// A module of the corpus.
#[derive(Debug)]
pub struct Seed {
    /// Its path below `tests/`.
    pub name: String,
    pub bytes: Vec<u8>,
}

/// All of them, in an order that is the same everywhere.
///
/// # Panics
/// When a file cannot be read.
pub fn modules() -> &'static [Seed] {
    static MODULES: LazyLock<Vec<Seed>> = LazyLock::new(|| {
        let tests = support::repository().join("tests");
        let mut files = Vec::new();
        for directory in ["fixtures/built", "linked", "shapes/built", "native/built", "relocations", "exports", "cli"] {
            collect(&tests.join(directory), &mut files);
        }
        files.sort();
        let seeds: Vec<Seed> = files.iter().filter_map(|path| read(&tests, path)).collect();
        assert!(seeds.len() > 100, "only {} modules under {}", seeds.len(), tests.display());
        seeds
    });
    &MODULES
}

/// A module, or text that is one; tests have texts that are none on purpose.
fn read(tests: &Path, path: &Path) -> Option<Seed> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let bytes = match path.extension().and_then(|extension| extension.to_str()) {
        Some("so") => bytes,
        Some("wat") => wat::parse_bytes(&bytes).ok()?.into_owned(),
        _ => return None,
    };
    let name = path.strip_prefix(tests).unwrap_or(path).to_string_lossy().into_owned();
    (bytes.starts_with(b"\0asm") && bytes.len() <= LARGEST).then_some(Seed { name, bytes })
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}
