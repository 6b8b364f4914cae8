//! Which modules a wheel offers to Python.

use crate::archive::Archive;
use crate::loader::{base_name, directory};
use crate::wheel::contents::is_module_name;
use anyhow::Result;
use std::collections::BTreeSet;
use wasm_pyfix_passes::linking::python::is_entry;
use wasmparser::{Parser, Payload};

/// The modules in the wheel `bytes`, as in `import`: those of its root and all extension modules. Libraries are none.
pub fn modules(bytes: &[u8]) -> Result<BTreeSet<String>> {
    let archive = Archive::open(bytes)?;
    let mut found = BTreeSet::new();
    for (index, entry) in archive.entries.iter().enumerate().filter(|(_, entry)| !entry.directory) {
        let path = installed(&entry.name);
        let root = path.strip_suffix("/__init__.py").or_else(|| path.strip_suffix(".py"));
        if let Some(name) = root.filter(|name| !name.contains('/')) {
            found.extend(dotted(name));
        } else if is_module_name(path) && is_extension(&archive.read(index)?) {
            let stem = base_name(path).split('.').next().unwrap_or_default();
            let parent = directory(path);
            found.extend(dotted(&if parent.is_empty() { stem.to_string() } else { format!("{parent}/{stem}") }));
        }
    }
    Ok(found)
}

/// Where installers put the file at `path` of a wheel, below `site-packages`.
fn installed(path: &str) -> &str {
    match path.split_once(".data/") {
        Some((_, rest)) => rest.strip_prefix("platlib/").or_else(|| rest.strip_prefix("purelib/")).unwrap_or(path),
        None => path,
    }
}

/// The name by which Python imports what is at `path`, if it can have one.
fn dotted(path: &str) -> Option<String> {
    let is_identifier = |part: &str| {
        part.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && part.chars().all(|character| character.is_alphanumeric() || character == '_')
    };
    path.split('/').all(is_identifier).then(|| path.replace('/', "."))
}

/// Whether Python can import the module `bytes`.
fn is_extension(bytes: &[u8]) -> bool {
    let exports = Parser::new(0).parse_all(bytes).find_map(|payload| match payload {
        Ok(Payload::ExportSection(section)) => Some(section),
        _ => None,
    });
    exports.is_some_and(|section| section.into_iter().flatten().any(|export| is_entry(export.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_imports() {
        for (path, name) in [
            ("demo", Some("demo")),
            ("demo/_core", Some("demo._core")),
            ("demo.libs/libx", None),
            ("demo-1.0.dist-info/x", None),
            ("1/x", None),
        ] {
            assert_eq!(dotted(path).as_deref(), name, "{path}");
        }
        assert_eq!(installed("demo-1.0.data/platlib/demo/x.so"), "demo/x.so");
        assert_eq!(installed("demo-1.0.data/scripts/x.py"), "demo-1.0.data/scripts/x.py");
    }
}
