//! Function pointers that are called under another type.

use super::Input;
use anyhow::Result;
use std::fmt::Write;

/// Bytes of what a type takes in data: a `PyType_Spec` and two `PyType_Slot`.
const TYPE: usize = 40;

fn head(n: usize) -> String {
    format!(
        "(module (@dylink.0 (mem-info (memory {} 2) (table {n} 0))) (import \"env\" \"memory\" (memory 0))
         (import \"env\" \"__indirect_function_table\" (table {n} funcref)) (import \"env\" \"__table_base\" (global $tb i32))
         (import \"env\" \"__memory_base\" (global $mb i32))
         (import \"env\" \"PyType_FromSpec\" (func $type (param i32) (result i32)))
         (import \"env\" \"qsort\" (func $qsort (param i32 i32 i32 i32)))\n",
        n * TYPE + 8
    )
}

fn functions(n: usize, text: &mut String) -> Result<()> {
    text.push_str("(elem (global.get $tb) func");
    for index in 0..n {
        write!(text, " $f{index}")?;
    }
    text.push_str(")\n");
    for index in 0..n {
        writeln!(text, "(func $f{index} (param i32) (result i32) (i32.const {index}))")?;
    }
    Ok(())
}

/// A module of `n` types, each with a function of its own for `tp_init`.
pub fn types(n: usize) -> Result<Input> {
    let mut text = head(n);
    functions(n, &mut text)?;
    let (mut made, mut stored, mut data) = (String::new(), String::new(), String::from("t\\00\\00\\00\\00\\00\\00\\00"));
    for index in 0..n {
        let at = 8 + index * TYPE;
        writeln!(made, "(drop (call $type (i32.add (global.get $mb) (i32.const {at}))))")?;
        let mut store = |at: usize, base: &str, number: usize| {
            writeln!(
                stored,
                "(i32.store (i32.add (global.get $mb) (i32.const {at})) (i32.add (global.get {base}) (i32.const {number})))"
            )
        };
        store(at, "$mb", 0)?;
        store(at + 16, "$mb", at + 20)?;
        store(at + 24, "$tb", index)?;
        data.push_str(&"\\00".repeat(20));
        data.push_str("\\3c");
        data.push_str(&"\\00".repeat(TYPE - 21));
    }
    write!(
        text,
        "(func (export \"PyInit_m\") (result i32) {made} (i32.const 0)) (func (export \"__wasm_apply_data_relocs\") {stored})
         (data (global.get $mb) \"{data}\"))"
    )?;
    Input::module(&text)
}

/// The same, for `check`.
pub fn types_checked(n: usize) -> Result<Input> {
    Ok(Input { checked: true, ..types(n)? })
}

/// A module that sorts `n` times, each time by another function.
pub fn arguments(n: usize) -> Result<Input> {
    let mut text = head(n);
    functions(n, &mut text)?;
    text.push_str("(func (export \"PyInit_m\") (result i32)\n");
    for index in 0..n {
        writeln!(text, "(call $qsort (i32.const 0) (i32.const 0) (i32.const 4) (i32.add (global.get $tb) (i32.const {index})))")?;
    }
    text.push_str("(i32.const 0)))");
    Input::module(&text)
}
