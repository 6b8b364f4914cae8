//! Which entries of an archive are side modules, and what planning needs to know of one.
//!
//! A module is recognised by its name (`.so`, `.so.1`, `.wasm`) and its contents together: Pyodide loads by the name alone
//! (`_package_loader.get_dynlibs`), and a shared library of another platform under such a name fails there with a message that
//! explains nothing. A `.wasm` file without linking metadata is data of the package, not a side module.

use crate::archive::Archive;
use crate::codes::reading::FOREIGN_BINARY;
use anyhow::{Context, Result, bail};
use rayon::prelude::*;
use wasm_pyfix_passes::module::dylink::{self, Dylink};
use wasmparser::{ExternalKind, Parser, Payload};

/// Bytes of a file that `kind` looks at.
pub const HEAD: u64 = 8;

/// What a file with the name of a module holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A core WebAssembly module.
    Module,
    /// A binary of something that is not supported, by its common name.
    Foreign(&'static str),
    /// Anything else: a linker script, an empty file, …
    Other,
}

/// Whether `path` is named like a module.
pub fn is_module_name(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    name.ends_with(".wasm") || name.ends_with(".so") || name.split_once(".so.").is_some_and(|(_, rest)| rest.split('.').all(number))
}

/// Whether Pyodide opens the file at `path` when it loads the wheel: by its name alone, unless that has the tag of another Python than
/// `python` (`should_load_dynlib` in its `_package_loader.py`, 0.29.5).
pub fn is_opened(path: &str, python: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let parts: Vec<&str> = name.split('.').collect();
    // What stands before `.so`, unless that is the name.
    let tag = parts.iter().skip(1).position(|part| *part == "so").filter(|before| *before > 0).map_or("", |before| parts[before]);
    let is_tag =
        |interpreter: &str| tag.strip_prefix(interpreter).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let own = python.strip_prefix("cp").is_some_and(|version| tag == format!("cpython-{version}-wasm32-emscripten"));
    is_module_name(path) && !name.ends_with(".wasm") && (own || !["cpython-", "pypy-", "jython-"].into_iter().any(is_tag))
}

/// What a file is whose `kind` is [`Kind::Other`], by its first `HEAD` bytes.
pub fn describe(head: &[u8]) -> &'static str {
    match head {
        [] => "an empty file",
        b"!<arch>\n" | b"!<thin>\n" => "a static library, an archive of object files",
        b"version " | b"/annex/o" => "a pointer to a file that was not fetched (Git LFS or git-annex)",
        [b'#', b'!', ..] => "a script",
        _ if head.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n')) => {
            "text, a linker script or a link that was not followed, perhaps"
        }
        _ => "no WebAssembly",
    }
}

/// What the first `HEAD` bytes say.
pub fn kind(head: &[u8]) -> Kind {
    match head {
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Kind::Module,
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => Kind::Foreign("a WebAssembly component"),
        [0, b'a', b's', b'm', ..] => Kind::Foreign("WebAssembly of an unknown version"),
        [0x7f, b'E', b'L', b'F', ..] => Kind::Foreign("an ELF file (Linux)"),
        [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..] | [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..] | [0xca, 0xfe, 0xba, 0xbe, ..] => {
            Kind::Foreign("a Mach-O file (macOS)")
        }
        [b'M', b'Z', ..] => Kind::Foreign("a PE file (Windows)"),
        _ => Kind::Other,
    }
}

/// The entries of `archive` that are named like modules, each with what it holds. Fails if the modules among them take too much memory
/// together.
pub fn named_like_modules(archive: &Archive<'_>) -> Result<Vec<(usize, Kind)>> {
    let named: Vec<usize> = (0..archive.entries.len())
        .filter(|index| !archive.entries[*index].directory && is_module_name(&archive.entries[*index].name))
        .collect();
    let kinds = named.par_iter().map(|&index| Ok((index, kind(&archive.head(index, HEAD)?))));
    let kinds = kinds.collect::<Result<Vec<_>>>()?;
    archive.check_held(kinds.iter().filter(|(_, kind)| *kind == Kind::Module).map(|(index, _)| *index))?;
    Ok(kinds)
}

/// The linking metadata of `module` and the names of the functions, globals and tags it exports; `None` when it has no such metadata.
///
/// The metadata may stand anywhere: the upgrade puts them first, where loaders look for them.
pub fn inspect(module: &[u8]) -> Result<Option<(Dylink, Vec<String>)>> {
    let mut dylink = None;
    let mut exports = Vec::new();
    for (position, payload) in Parser::new(0).parse_all(module).enumerate() {
        // What begins as a module and breaks off before any metadata may be data of the package, for its own tests say.
        if payload.is_err() && dylink.is_none() && position > 1 {
            return Ok(None);
        }
        match payload.context("not a well-formed WebAssembly module")? {
            Payload::CustomSection(section) if dylink.is_none() => {
                let offset = section.data_offset();
                match section.name() {
                    dylink::SECTION => dylink = Some(Dylink::read(section.data(), offset)?),
                    dylink::LEGACY_SECTION => dylink = Some(Dylink::read_legacy(section.data(), offset)?),
                    _ => {}
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if matches!(export.kind, ExternalKind::Func | ExternalKind::Global | ExternalKind::Tag) {
                        exports.push(export.name.to_string());
                    }
                }
            }
            // Both follow the exports; the bodies need not be looked at.
            Payload::ElementSection(_) | Payload::CodeSectionStart { .. } if dylink.is_some() => break,
            _ => {}
        }
    }
    Ok(dylink.map(|dylink| (dylink, exports)))
}

/// The names that `module` imports, of whatever kind.
pub fn imports(module: &[u8]) -> Result<Vec<&str>> {
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ImportSection(section) => return section.into_imports().map(|import| Ok(import?.name)).collect(),
            Payload::CodeSectionStart { .. } => break,
            _ => {}
        }
    }
    Ok(Vec::new())
}

/// Fails for what `kind` found to be foreign; tells whether the file is a WebAssembly module.
pub fn check(kind: Kind) -> Result<bool> {
    match kind {
        Kind::Module => Ok(true),
        Kind::Other => Ok(false),
        Kind::Foreign(what) => bail!(
            FOREIGN_BINARY
                .fails(format!("this is {what}, not a WebAssembly side module; build it for Emscripten, or leave it out"))
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_modules() {
        for good in ["a.so", "p/liba.so.1.2", "p/x.cpython-312-wasm32-emscripten.so", "g.wasm"] {
            assert!(is_module_name(good), "{good}");
        }
        for bad in ["a.sources", "a.so.py", "so", "p.so/readme", "a.so."] {
            assert!(!is_module_name(bad), "{bad}");
        }
    }

    #[test]
    fn names_of_files_that_are_opened() {
        for name in ["a.so", "p/liba.so.1.2", "a.abi3.so", "a.b.so", "a.cpython-313-wasm32-emscripten.so", "cpython-312.so"] {
            assert!(is_opened(name, "cp313"), "{name}");
        }
        for name in
            ["a.wasm", "a.txt", "a.cpython-312-wasm32-emscripten.so", "a.pypy-39-x.so", "a.cpython-312-x86_64-linux-gnu.so.1"]
        {
            assert!(!is_opened(name, "cp313"), "{name}");
        }
    }

    #[test]
    fn kinds_by_contents() {
        assert_eq!(kind(b"\0asm\x01\0\0\0"), Kind::Module);
        assert_eq!(kind(b"\0asm\x0d\0\x01\0"), Kind::Foreign("a WebAssembly component"));
        assert!(matches!(kind(b"\x7fELF\x02\x01\x01\0"), Kind::Foreign(_)));
        assert_eq!(kind(b""), Kind::Other);
    }
}
