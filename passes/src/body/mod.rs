//! Function bodies: walks over their code, and changes to it.

pub mod arity;
pub mod code;
pub mod edit;
pub mod encode;
pub mod halves;
pub mod list;
pub mod pushed;
pub mod solve;

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

#[cfg(test)]
mod tests {
    use super::*;
    use wasmparser::{BinaryReader, Operator, OperatorsReader};

    #[test]
    fn relocated_addresses_are_what_linkers_write() {
        assert_eq!(relocated(3, 2), [0x23, 3, 0x41, 0x82, 0x80, 0x80, 0x80, 0, 0x6a]);
        for offset in [0, 5, 0x7f, 0x1234_5678, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
            let bytes = relocated(0, offset);
            let operators: Vec<_> = OperatorsReader::new(BinaryReader::new(&bytes, 0)).into_iter().skip(1).collect();
            assert!(matches!(operators[0], Ok(Operator::I32Const { value }) if value as u32 == offset), "{offset}: {operators:?}");
        }
    }
}
