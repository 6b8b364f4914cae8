//! The table of relocations and the code that applies it.
//!
//! **Format.** One group for everything that adds to words: `__memory_base`, `__table_base` or a GOT entry. A group is a list of
//! numbers, one for each word: twice the distance to the word before it, counted in words, and 1 more when it is the last of its group.
//! The first word of a group is counted from the first word of the group before, so groups are sorted by it; that of the first group
//! from `__memory_base`. Numbers are written in base 128, the most significant digit first, with bit 7 set in all bytes but the last.
//! Addresses come in regular patterns (pointer and length, tables of methods, tables of virtual functions), which makes for repeated
//! bytes, and deflate and brotli find those.
//!
//! **Code.** The module's `__wasm_apply_data_relocs` copies the table behind the module's own memory, once, and calls the routine for
//! each group, in order, with what the group adds. Everything before a group has been read by then, so what the routine returns is
//! where the next one begins. The word in front of the table, which the loader zeroes, holds where the last group began, and is never
//! null once there was one: it also tells that the work is done. It lies in memory rather than in a global because it speaks of the
//! words in memory: whoever restores the memory of a running program restores both.

use crate::module::{FunctionId, GlobalId};
use wasm_encoder::{BlockType, Function, InstructionSink, MemArg, MemArgTarget, ValType};

/// The words to which one value is added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What it is added from: `__memory_base`, `__table_base` or a GOT entry.
    pub global: GlobalId,
    /// Bytes behind `__memory_base`, ascending, multiples of four.
    pub places: Vec<u32>,
}

/// The table of `groups`, which are sorted by their first place.
pub fn encode(groups: &[Group]) -> Vec<u8> {
    let mut table = Vec::new();
    let mut group_start = 0;
    for group in groups {
        let mut before = group_start;
        for (index, &place) in group.places.iter().enumerate() {
            let last = index + 1 == group.places.len();
            // Both are multiples of four, so this is twice the distance in words.
            number((place - before) / 2 + u32::from(last), &mut table);
            before = place;
        }
        group_start = group.places.first().copied().unwrap_or(group_start);
    }
    table
}

/// Appends `value` in base 128, the most significant digit first.
fn number(value: u32, out: &mut Vec<u8>) {
    let digits = (32 - value.leading_zeros()).div_ceil(7).max(1);
    for digit in (0..digits).rev() {
        let more = if digit > 0 { 0x80 } else { 0 };
        out.push((value >> (7 * digit)) as u8 & 0x7f | more);
    }
}

/// Where the code finds what it needs.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    pub memory_base: GlobalId,
    /// Bytes behind `__memory_base` of the word that tells where the last group began; the copy of the table follows it.
    pub state: u32,
    /// The data segment with the table.
    pub segment: u32,
    /// Size of the table in bytes.
    pub size: u32,
}

/// `(cursor, value) -> cursor`: adds `value` to the words of the group that begins at `cursor`; returns where the next one begins.
pub fn routine(layout: &Layout) -> Vec<u8> {
    let (cursor, value, place, first, number, byte) = (0, 1, 2, 3, 4, 5);
    let mut function = Function::new([(4, ValType::I32)]);
    let mut code = function.instructions();
    code.global_get(layout.memory_base.0).i32_load(memory(layout.state)).local_set(place);
    code.loop_(BlockType::Empty);
    {
        code.i32_const(0).local_set(number);
        code.loop_(BlockType::Empty);
        {
            code.local_get(number).i32_const(7).i32_shl();
            code.local_get(cursor).i32_load8_s(byte_at(0)).local_tee(byte).i32_const(0x7f).i32_and();
            code.i32_or().local_set(number);
            code.local_get(cursor).i32_const(1).i32_add().local_set(cursor);
            code.local_get(byte).i32_const(0).i32_lt_s().br_if(0);
        }
        code.end();
        // Twice the distance in words, without the bit that marks the last one, is half the distance in bytes.
        code.local_get(number).i32_const(-2).i32_and().i32_const(1).i32_shl();
        code.local_get(place).i32_add().local_tee(place);
        code.local_get(place).i32_load(memory(0)).local_get(value).i32_add().i32_store(memory(0));
        // No word of a module is at address 0.
        code.local_get(first).local_get(place).local_get(first).select().local_set(first);
        code.local_get(number).i32_const(1).i32_and().i32_eqz().br_if(0);
    }
    code.end();
    code.global_get(layout.memory_base.0).local_get(first).i32_store(memory(layout.state));
    code.local_get(cursor).end();
    function.into_raw_body()
}

/// The body of `__wasm_apply_data_relocs`: has `routine` apply the table once, and then does `stores`, every time.
pub fn apply(groups: &[Group], layout: &Layout, routine: FunctionId, stores: impl Fn(&mut InstructionSink<'_>)) -> Vec<u8> {
    let mut function = Function::new([]);
    let mut code = function.instructions();
    let base = layout.memory_base.0;
    let begin = (layout.state + STATE_SIZE) as i32;
    code.global_get(base).i32_load(memory(layout.state)).i32_eqz();
    code.if_(BlockType::Empty);
    {
        code.global_get(base).i32_const(begin).i32_add().i32_const(0).i32_const(layout.size as i32).memory_init(0, layout.segment);
        // The first group is counted from here.
        code.global_get(base).global_get(base).i32_store(memory(layout.state));
        code.global_get(base).i32_const(begin).i32_add();
        for group in groups {
            code.global_get(group.global.0).call(routine.0);
        }
        code.drop();
    }
    code.end();
    stores(&mut code);
    code.end();
    function.into_raw_body()
}

/// Bytes of the word in front of the copy of the table.
pub const STATE_SIZE: u32 = 4;

/// A word at `offset` bytes. lld aligns the words that it relocates.
pub fn memory(offset: u32) -> MemArg {
    MemArg { offset: u64::from(offset), align: 2, target: MemArgTarget::Memory(0), ordering: None }
}

fn byte_at(offset: u32) -> MemArg {
    MemArg { align: 0, ..memory(offset) }
}
