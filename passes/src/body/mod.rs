//! Function bodies: walks over their code, and changes to it.

pub mod edit;
pub mod halves;
pub mod pushed;

use wasm_encoder::InstructionSink;

/// The bytes of the instructions that `write` writes.
pub fn code(write: impl for<'s, 'b> FnOnce(&'s mut InstructionSink<'b>) -> &'s mut InstructionSink<'b>) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut InstructionSink::new(&mut bytes));
    bytes
}
