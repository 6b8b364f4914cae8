//! `saveSetjmp` and `testSetjmp`: setjmp as LLVM before 19 lowered it, and Emscripten before 3.1.57 supported it.
//!
//! A function that calls setjmp allocates a table of (id, label) pairs for its frame. `saveSetjmp` enters a setjmp into it, with an id
//! that it also leaves in the jump buffer, and grows the table when it is full; `testSetjmp` tells the label from the id, or 0 when
//! the jump buffer was set in another frame. Both were functions of the runtime (compiler-rt, `emscripten_setjmp.c`). Today's
//! runtimes lack them, so the module gets its own; what throws and what catches is the same for both forms of setjmp.
//!
//! **Ids must differ between all frames**, also those of other modules, since a longjmp asks every frame it passes. The counter was
//! in the runtime; it becomes a data symbol that each converted module exports and finds through the GOT, so that all of them use
//! the one of the first. Today's setjmp identifies frames by an address on the stack, in the same word of the jump buffer, and
//! `__wasm_longjmp` keeps its arguments behind that word and the next: ids are odd numbers, which no such address is.
//!
//! **One difference**: a setjmp that is reached again in the same frame gets the entry, and the id, that it has. Jumps land in the
//! same place, and loops around setjmp stop growing the table.

use super::runtime::word;
use crate::body::halves::TempRet;
use crate::module::{FunctionId, GlobalId};
use wasm_encoder::{BlockType, Function, ValType};

/// What `saveSetjmp` needs.
#[derive(Debug, Clone, Copy)]
pub struct Saving {
    /// Holds the address of the counter.
    pub counter: GlobalId,
    /// `realloc(block, size) -> block`
    pub realloc: FunctionId,
}

/// Bytes of an entry: the id, 0 behind the last one, and the label. A table of `size` entries has room for one more.
const ENTRY: i32 = 8;

/// `saveSetjmp(env, label, table, size)`: returns the table and leaves its size in `tempRet0`.
pub fn save(saving: &Saving, temp_ret: TempRet) -> Vec<u8> {
    let (env, label, table, size, entry, id) = (0, 1, 2, 3, 4, 5);
    let mut function = Function::new([(2, ValType::I32)]);
    let mut code = function.instructions();
    code.local_get(table).local_set(entry);
    code.block(BlockType::Empty).loop_(BlockType::Empty);
    // A full table grows to twice its size; the place for the new entry moves with it.
    code.local_get(entry).local_get(table).i32_sub().local_tee(id).local_get(size).i32_const(3).i32_shl().i32_eq();
    code.if_(BlockType::Empty);
    code.local_get(table).local_get(size).i32_const(1).i32_shl().local_tee(size).i32_const(3).i32_shl().i32_const(ENTRY).i32_add();
    code.call(saving.realloc.0).local_tee(table).i32_eqz().if_(BlockType::Empty).unreachable().end();
    code.local_get(table).local_get(id).i32_add().local_set(entry);
    code.end();
    code.local_get(entry).i32_load(word(0)).i32_eqz().if_(BlockType::Empty);
    code.global_get(saving.counter.0).global_get(saving.counter.0).i32_load(word(0)).i32_const(2).i32_add().local_tee(id);
    code.i32_store(word(0));
    code.local_get(entry).local_get(id).i32_const(1).i32_sub().i32_store(word(0));
    code.local_get(entry).local_get(label).i32_store(word(4));
    code.local_get(entry).i32_const(0).i32_store(word(8));
    code.br(2).end();
    code.local_get(entry).i32_load(word(4)).local_get(label).i32_eq().br_if(1);
    code.local_get(entry).i32_const(ENTRY).i32_add().local_set(entry).br(0);
    code.end().end();
    code.local_get(env).local_get(entry).i32_load(word(0)).i32_store(word(0));
    code.local_get(size);
    temp_ret.set(&mut code);
    code.local_get(table).end();
    function.into_raw_body()
}

/// `testSetjmp(id, table, size)`: returns the label, or 0.
pub fn test() -> Vec<u8> {
    let (id, table, size, end) = (0, 1, 2, 3);
    let mut function = Function::new([(1, ValType::I32)]);
    let mut code = function.instructions();
    code.local_get(table).local_get(size).i32_const(3).i32_shl().i32_add().local_set(end);
    code.block(BlockType::Empty).loop_(BlockType::Empty);
    code.local_get(table).local_get(end).i32_eq().br_if(1);
    code.local_get(table).i32_load(word(0)).local_tee(size).i32_eqz().br_if(1);
    code.local_get(size).local_get(id).i32_eq().if_(BlockType::Empty);
    code.local_get(table).i32_load(word(4)).return_().end();
    code.local_get(table).i32_const(ENTRY).i32_add().local_set(table).br(0);
    code.end().end();
    code.i32_const(0).end();
    function.into_raw_body()
}
