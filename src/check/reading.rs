//! What cannot be read, or is no side module.

use super::input::File;
use super::{Finding, Place};
use crate::codes::reading::{INVALID_MODULE, NOT_A_MODULE};
use crate::wheel::contents;
use wasm_pyfix_passes::Error;
use wasm_pyfix_passes::module::Module;

/// The finding about a file of `size` bytes that is named like a module and is none.
pub fn not_a_module(place: &Place, head: &[u8], size: u64) -> Finding {
    // The loader reads the first 24 bytes as six numbers.
    let says = if size < 24 && !size.is_multiple_of(4) {
        "RangeError: byte length of Uint32Array should be a multiple of 4"
    } else {
        "Error: need to see wasm magic number"
    };
    Finding::new(&NOT_A_MODULE, place, format!("is {}", contents::describe(head))).preventing(says)
}

/// Decodes a module, or tells why it cannot be.
pub fn read<'m>(file: &'m File<'_>, place: &Place) -> Result<Module<'m>, Finding> {
    let module = if file.valid { Module::read_valid(&file.bytes) } else { Module::read_any(&file.bytes) };
    module.map_err(|error| {
        let message = match &error {
            Error::Malformed { offset, message, .. } => format!("is not valid at offset {offset:#x}: {message}"),
            other => other.to_string(),
        };
        Finding::new(&INVALID_MODULE, place, message).preventing("CompileError: WebAssembly.Module(): …")
    })
}
