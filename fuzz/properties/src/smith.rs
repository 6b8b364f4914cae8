//! Modules that wasm-smith makes up, with what side modules import and with linking metadata put before them.

use std::sync::LazyLock;

use arbitrary::Unstructured;
use wasm_smith::{Config, MemoryOffsetChoices, Module};

use crate::random::Random;

/// Random bytes that a module is made of.
const ENTROPY: usize = 6000;

/// A module; `None` when the bytes at hand make none.
pub fn module(random: &mut Random) -> Option<Vec<u8>> {
    let entropy = random.bytes(ENTROPY);
    let module = Module::new(config(random), &mut Unstructured::new(&entropy)).ok()?;
    let mut bytes = module.to_bytes();
    bytes.splice(8..8, linking(random));
    Some(bytes)
}

fn config(random: &mut Random) -> Config {
    Config {
        available_imports: Some(IMPORTS.clone()),
        min_imports: 8,
        max_imports: 8 + random.below(30),
        min_funcs: 1,
        max_funcs: 1 + random.below(12),
        max_instructions: 20 + random.below(200),
        max_memories: 1,
        max_tables: 1 + random.below(2),
        max_memory32_bytes: 1 << 24,
        max_table_elements: 1000,
        memory_offset_choices: MemoryOffsetChoices(90, 9, 1),
        export_everything: random.chance(30),
        exceptions_enabled: random.chance(30),
        gc_enabled: random.chance(5),
        compact_imports_enabled: false,
        memory64_enabled: random.chance(3),
        threads_enabled: random.chance(3),
        relaxed_simd_enabled: random.chance(20),
        simd_enabled: random.chance(40),
        tail_call_enabled: random.chance(30),
        wide_arithmetic_enabled: false,
        extended_const_enabled: random.chance(60),
        generate_custom_sections: random.chance(20),
        ..Config::default()
    }
}

/// A section `dylink.0` with sizes of memory and table, and at times more.
fn linking(random: &mut Random) -> Vec<u8> {
    let sizes = [random.below(128) as u8, random.below(5) as u8, random.below(16) as u8, 0];
    let mut contents = b"\x08dylink.0\x01\x04".to_vec();
    contents.extend(sizes);
    if random.chance(30) {
        contents.extend(b"\x02\x0c\x02\x04a.so\x05bb.so");
    }
    let mut section = vec![0, contents.len() as u8];
    section.extend(contents);
    section
}

/// What a side module may import.
static IMPORTS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let text = r#"(module
        (import "env" "memory" (memory 0))
        (import "env" "__indirect_function_table" (table 0 funcref))
        (import "env" "__memory_base" (global i32))
        (import "env" "__table_base" (global i32))
        (import "env" "__stack_pointer" (global (mut i32)))
        (import "GOT.mem" "__THREW__" (global (mut i32)))
        (import "GOT.mem" "__threwValue" (global (mut i32)))
        (import "GOT.mem" "_ZTIi" (global (mut i32)))
        (import "GOT.func" "malloc" (global (mut i32)))
        (import "GOT.func" "own" (global (mut i32)))
        (import "env" "malloc" (func (param i32) (result i32)))
        (import "env" "own" (func (param i32) (result i32)))
        (import "env" "time" (func (param i32) (result i64)))
        (import "env" "invoke_v" (func (param i32)))
        (import "env" "invoke_i" (func (param i32) (result i32)))
        (import "env" "invoke_iii" (func (param i32 i32 i32) (result i32)))
        (import "env" "invoke_jj" (func (param i32 i64) (result i64)))
        (import "env" "__cxa_find_matching_catch_2" (func (result i32)))
        (import "env" "__cxa_find_matching_catch_3" (func (param i32) (result i32)))
        (import "env" "__cxa_begin_catch" (func (param i32) (result i32)))
        (import "env" "__cxa_end_catch" (func))
        (import "env" "__cxa_throw" (func (param i32 i32 i32)))
        (import "env" "__resumeException" (func (param i32)))
        (import "env" "llvm_eh_typeid_for" (func (param i32) (result i32)))
        (import "env" "emscripten_longjmp" (func (param i32 i32)))
        (import "env" "__wasm_setjmp" (func (param i32 i32 i32)))
        (import "env" "__wasm_setjmp_test" (func (param i32 i32) (result i32)))
        (import "env" "getTempRet0" (func (result i32)))
        (import "env" "setTempRet0" (func (param i32)))
        (import "env" "__cpp_exception" (tag (param i32))))"#;
    // wasm-smith takes them from the imports of a module.
    wat::parse_str(text).expect("it is text of a module")
});
