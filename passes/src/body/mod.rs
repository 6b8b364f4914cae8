//! Function bodies: walks over their code, and changes to it.
//!
//! [`arity`] says what instructions take and give, and [`solve`] what holds at a place of a body. [`edit`] replaces bytes and leaves all
//! others as they are; for changes that move code, [`code`] is a body as a list of instructions, which [`encode`](mod@encode) writes.

pub mod arity;
pub mod code;
pub mod edit;
pub mod encode;
pub mod facts;
pub mod halves;
pub mod list;
pub mod pushed;
pub mod solve;

#[cfg(test)]
mod tests;

use wasm_encoder::InstructionSink;

/// The bytes of the instructions that `write` writes.
pub fn code(write: impl for<'s, 'b> FnOnce(&'s mut InstructionSink<'b>) -> &'s mut InstructionSink<'b>) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut InstructionSink::new(&mut bytes));
    bytes
}

/// The address `offset` behind what is in the global `base`, as linkers write it: the number takes room for any, from which prune tells
/// that it is the number of a slot and no sum of an optimiser.
pub fn relocated(base: u32, offset: u32) -> Vec<u8> {
    let mut bytes = code(|code| code.global_get(base));
    bytes.push(I32_CONST);
    bytes.extend((0..4).map(|group| 0x80 | (offset >> (7 * group)) as u8));
    // The sign of the last group goes on.
    bytes.push(((offset as i32) >> 28) as u8 & 0x7f);
    InstructionSink::new(&mut bytes).i32_add();
    bytes
}

/// Opcode of `i32.const`.
const I32_CONST: u8 = 0x41;
