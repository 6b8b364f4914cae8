//! Files that are not what they have to be.

use super::finding::{Finding, Place};
use super::{Code, Severity, Upgrade};

pub static UNREADABLE: Code = Code {
    name: "unreadable",
    severity: Severity::Error,
    summary: "the file cannot be read or understood",
    explanation: "The file is not there, is cut off or damaged, or is no side module, wheel or archive of shared libraries. What it is \
                  instead is told where that can be recognised. Archives that are not safe to unpack are among them.",
    remedy: "fetch or build the file again",
    upgrade: Upgrade::Refuses,
};

pub static DAMAGED_ENTRY: Code = Code {
    name: "damaged-entry",
    severity: Severity::Error,
    summary: "an entry of the archive is not what its checksum says",
    explanation: "The size or the CRC of an unpacked entry differs from what the archive says, or the entry cannot be unpacked. The archive \
                  was damaged. What unpacks it says so (`zipfile.BadZipFile: Bad CRC-32 for file '…'`), or hands on what is left of it. \
                  Entries that `RECORD` lists are compared with their row instead ([record-mismatch](#record-mismatch)).",
    remedy: "fetch or build the archive again",
    upgrade: Upgrade::Refuses,
};

pub static FOREIGN_BINARY: Code = Code {
    name: "foreign-binary",
    severity: Severity::Error,
    summary: "a shared library of another platform is in the archive",
    explanation: "Pyodide loads every file of a wheel that is named like a shared library. One for Linux, macOS or Windows fails there \
                  with `Error: need to see wasm magic number`.",
    remedy: "build it for Emscripten, or leave it out of the wheel",
    upgrade: Upgrade::Refuses,
};

pub static NOT_A_MODULE: Code = Code {
    name: "not-a-module",
    severity: Severity::Error,
    summary: "a file that is named like a shared library is none",
    explanation: "Pyodide opens every file of a wheel whose name ends in `.so` or `.so.` and numbers, unless it has the tag of another \
                  Python. A static library, a linker script, an empty file or a pointer to a file that was not fetched fails there with \
                  `Error: need to see wasm magic number`, in the words of `loadPackage` `Failed to load dynamic library …`, `We probably \
                  just tried to load a linux .so file or something`; less than 24 bytes, whose number is no multiple of 4, with \
                  `RangeError: byte length of Uint32Array should be a multiple of 4`. The package counts as not loaded.",
    remedy: "put the shared library in its place, give the file another name, or leave it out of the wheel",
    upgrade: Upgrade::Refuses,
};

pub static INVALID_MODULE: Code = Code {
    name: "invalid-module",
    severity: Severity::Error,
    summary: "the module is not valid WebAssembly",
    explanation: "The bytes are not a well-formed module, or its code does not pass validation, with the features that engines have \
                  which run Pyodide. Engines say `CompileError: WebAssembly.Module(): …`. The file was cut off or changed by a broken \
                  tool, or it was compiled with proposals that are not finished.",
    remedy: "fetch or build it again",
    upgrade: Upgrade::Refuses,
};

pub static CODES: [&Code; 5] = [&UNREADABLE, &DAMAGED_ENTRY, &FOREIGN_BINARY, &NOT_A_MODULE, &INVALID_MODULE];

/// The finding about the entry called `name`, which cannot be unpacked.
pub fn damaged(name: &str, error: &anyhow::Error) -> Finding {
    Finding::new(&DAMAGED_ENTRY, &Place { path: Some(name.to_string()) }, format!("is damaged: {error:#}"))
}
