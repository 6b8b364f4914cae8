//! Reading inputs, and telling what they are.
//!
//! The content decides, by the magic numbers at its start; zip archives are told apart by name, and one called `.zip` by its entries. What is neither a
//! core WebAssembly module nor an archive is reported as what it is, with what to do about it. Whether a module is a side module,
//! and whether an archive is in order, is for those who read further.

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::wheel::naming;

/// Inputs above this size are not read, in bytes. V8 loads no module above it (`kV8MaxWasmModuleSize`, 1 GiB).
const MAX_SIZE: u64 = 1 << 30;

/// What an input is, as far as this tool treats inputs differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A core WebAssembly module.
    Module,
    /// A wheel: a zip archive named `.whl`, or named `.zip` and with the metadata of a wheel.
    Wheel,
    /// Another zip archive, as Pyodide ships shared libraries in.
    Archive,
    /// A directory that is taken as a whole. No file is one.
    Directory,
    /// A lock file, by which the files of its packages are meant. It is recognised by those who take one.
    Lock,
}

/// Where an input comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Stdin,
    File(PathBuf),
}

impl Source {
    /// The source named `path` on the command line, where `-` is standard input.
    pub fn new(path: &Path) -> Self {
        if path.as_os_str() == "-" { Source::Stdin } else { Source::File(path.to_path_buf()) }
    }

    /// The last component of its path; `None` for standard input, and for a name that is not UTF-8.
    pub fn file_name(&self) -> Option<String> {
        match self {
            Source::Stdin => None,
            Source::File(path) => path.file_name().and_then(|name| name.to_str()).map(str::to_string),
        }
    }

    /// Whether it is a wheel, by its name or, of a `.zip`, by its entries.
    pub fn is_wheel(&self) -> bool {
        let (Source::File(path), Some(name)) = (self, self.file_name()) else { return false };
        has_extension(&name, "whl")
            || (has_extension(&name, "zip") && File::open(path).is_ok_and(|file| naming::is_wheel(BufReader::new(file))))
    }

    /// Reads all of it. Fails when it cannot be read or is larger than any runtime would load.
    pub fn read(&self) -> Result<Vec<u8>> {
        match self {
            Source::Stdin => read_limited(std::io::stdin().lock(), MAX_SIZE),
            Source::File(path) => {
                let file = File::open(path).context("cannot open it")?;
                if file.metadata().context("cannot read it")?.is_dir() {
                    bail!("is a directory: name the files in it");
                }
                if self.file_name().is_none() {
                    bail!("its name is not UTF-8: rename it");
                }
                read_limited(file, MAX_SIZE)
            }
        }
    }
}

/// As on the command line.
impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::Stdin => f.write_str("-"),
            Source::File(path) => path.display().fmt(f),
        }
    }
}

fn read_limited(reader: impl Read, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit + 1).read_to_end(&mut bytes).context("cannot read it")?;
    if bytes.len() as u64 > limit {
        bail!("is larger than {limit} bytes: no runtime loads a module of that size");
    }
    Ok(bytes)
}

/// Tells what `bytes`, read from a file called `file_name`, are. Fails, naming what they are, when there is nothing here to upgrade.
pub fn recognise(bytes: &[u8], file_name: Option<&str>) -> Result<Kind> {
    if bytes.starts_with(b"\0asm") {
        return recognise_wasm(bytes);
    }
    if [b"PK\x03\x04", b"PK\x05\x06"].iter().any(|magic| bytes.starts_with(*magic)) {
        return recognise_zip(bytes, file_name);
    }
    if bytes.is_empty() {
        bail!("is empty: expected a WebAssembly side module, a wheel or an archive of shared libraries");
    }
    if let Some(message) = OTHER_FORMATS.iter().find_map(|(magic, message)| bytes.starts_with(magic).then_some(message)) {
        bail!("{message}");
    }
    if let Some(message) = recognise_text(bytes) {
        bail!("{message}");
    }
    let start: Vec<String> = bytes.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    bail!("is neither a WebAssembly module nor a zip archive: it starts with the bytes {}", start.join(" "));
}

/// The first eight bytes: magic, version, and layer, which is 1 for components (component model, `Binary.md`).
fn recognise_wasm(bytes: &[u8]) -> Result<Kind> {
    match bytes.get(4..8) {
        Some([1, 0, 0, 0]) => Ok(Kind::Module),
        Some([_, _, 1, 0]) => bail!(
            "is a WebAssembly component: Pyodide loads core modules only; build it as an Emscripten side module (-sSIDE_MODULE)"
        ),
        Some(version) => bail!(
            "is WebAssembly of an unknown version ({:02x} {:02x} {:02x} {:02x} at offset 0x4): build it again with a released toolchain",
            version[0],
            version[1],
            version[2],
            version[3]
        ),
        None => bail!("is cut off within the header of a WebAssembly module, after {} bytes: fetch or build it again", bytes.len()),
    }
}

fn recognise_zip(bytes: &[u8], file_name: Option<&str>) -> Result<Kind> {
    match file_name {
        Some(name) if has_extension(name, "whl") => Ok(Kind::Wheel),
        Some(name) if has_extension(name, "zip") && naming::is_wheel(Cursor::new(bytes)) => Ok(Kind::Wheel),
        Some(name) if has_extension(name, "zip") => Ok(Kind::Archive),
        Some(_) => {
            bail!("is a zip archive, named neither .whl nor .zip: name it .whl if it is a wheel, .zip if it holds shared libraries")
        }
        None => bail!("standard input is a zip archive: a wheel's tags are in its file name, so give the file by name"),
    }
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

const MACH_O: &str = "is a Mach-O file, built for macOS: build it for Emscripten (-sSIDE_MODULE)";
const STATIC_LIBRARY: &str = "is a static library: link its objects into a side module first (emcc -sSIDE_MODULE)";
const BITCODE: &str = "is LLVM bitcode: link it into a side module first (emcc -sSIDE_MODULE)";

/// Formats that are met where side modules are expected: their first bytes, and what to say.
const OTHER_FORMATS: &[(&[u8], &str)] = &[
    (b"\x7fELF", "is an ELF file, built for a native platform: build it for Emscripten (-sSIDE_MODULE)"),
    (b"\xfe\xed\xfa\xce", MACH_O),
    (b"\xfe\xed\xfa\xcf", MACH_O),
    (b"\xce\xfa\xed\xfe", MACH_O),
    (b"\xcf\xfa\xed\xfe", MACH_O),
    (b"\xca\xfe\xba\xbe", MACH_O),
    (b"MZ", "is a Windows program or library: build it for Emscripten (-sSIDE_MODULE)"),
    (b"!<arch>\n", STATIC_LIBRARY),
    (b"!<thin>\n", STATIC_LIBRARY),
    (b"BC\xc0\xde", BITCODE),
    (b"\xde\xc0\x17\x0b", BITCODE),
    (b"\x1f\x8b", "is compressed with gzip, as source distributions are: give the wheel built from it"),
];

fn recognise_text(bytes: &[u8]) -> Option<&'static str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => return None,
    };
    if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        return None;
    }
    let start = text.trim_start_matches('\u{feff}').trim_start();
    Some(if start.starts_with("(module") || start.starts_with(";;") || start.starts_with("(;") {
        "is WebAssembly text: assemble it first (wasm-tools parse)"
    } else if start.starts_with('{') {
        "is JSON, not a module; a whole pyodide-lock.json is an input of `upgrade`, `check` and `diff`"
    } else if start.starts_with("version https://git-lfs") {
        "is a Git LFS pointer: fetch the file it stands for (git lfs pull)"
    } else {
        "is text, not a module: where Emscripten wrote JavaScript and WebAssembly, give the WebAssembly file"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: &[u8], name: &str) -> String {
        recognise(bytes, Some(name)).unwrap_err().to_string()
    }

    #[test]
    fn modules_and_archives_are_recognised() {
        assert_eq!(recognise(b"\0asm\x01\0\0\0", Some("x.whl")).unwrap(), Kind::Module);
        assert_eq!(recognise(b"\0asm\x01\0\0\0", None).unwrap(), Kind::Module);
        assert_eq!(recognise(b"PK\x03\x04rest", Some("x.whl")).unwrap(), Kind::Wheel);
        assert_eq!(recognise(b"PK\x03\x04rest", Some("x.ZIP")).unwrap(), Kind::Archive);
        assert_eq!(recognise(b"PK\x05\x06", Some("x.zip")).unwrap(), Kind::Archive);
    }

    #[test]
    fn everything_else_is_called_by_its_name() {
        let cases: &[(&[u8], &str)] = &[
            (b"", "is empty"),
            (b"\0asm", "is cut off within the header of a WebAssembly module, after 4 bytes"),
            (b"\0asm\x0d\0\x01\0", "is a WebAssembly component"),
            (b"\0asm\x02\0\0\0", "unknown version (02 00 00 00 at offset 0x4)"),
            (b"\x7fELF\x02\x01", "is an ELF file"),
            (b"\xcf\xfa\xed\xfe\0", "is a Mach-O file"),
            (b"MZ\x90\0", "is a Windows program"),
            (b"!<arch>\n", STATIC_LIBRARY),
            (b"!<thin>\n", STATIC_LIBRARY),
            (b"BC\xc0\xde", BITCODE),
            (b"\x1f\x8b\x08", "is compressed with gzip"),
            (b"PK\x03\x04", "is a zip archive, named neither"),
            (b"\n(module)", "is WebAssembly text"),
            (b"{\"info\": 1}", "is JSON"),
            (b"var Module = 1;\n", "is text"),
            (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
            (b"\x00\x01\x02", "it starts with the bytes 00 01 02"),
        ];
        for (bytes, expected) in cases {
            let message = message(bytes, "x.so");
            assert!(message.contains(expected), "{bytes:?}: {message}");
        }
        assert!(recognise(b"PK\x03\x04", None).unwrap_err().to_string().contains("give the file by name"));
        assert!(message(b"(module)", "x.whl").contains("is WebAssembly text"));
    }

    #[test]
    fn unbounded_input_is_not_read_to_its_end() {
        assert_eq!(read_limited(&[0; 16][..], 16).unwrap().len(), 16);
        let error = read_limited(std::io::repeat(0), 16).unwrap_err();
        assert!(error.to_string().contains("larger than 16 bytes"));
    }
}
