//! References of a module to what it defines itself.

use super::Input;
use anyhow::Result;
use std::fmt::Write;

/// An extension module that calls `n` functions of its own through the loader and takes their addresses and those of `n` words.
pub fn own_references(n: usize) -> Result<Input> {
    let mut text = String::from(
        "(module (@dylink.0 (mem-info (memory 0 2) (table 0 0))) (import \"env\" \"memory\" (memory 0))
         (import \"env\" \"__indirect_function_table\" (table 0 funcref)) (import \"env\" \"__table_base\" (global i32))
         (import \"env\" \"__memory_base\" (global i32))\n",
    );
    for index in 0..n {
        writeln!(text, "(import \"GOT.func\" \"f{index}\" (global $fa{index} (mut i32)))")?;
        writeln!(text, "(import \"GOT.mem\" \"d{index}\" (global $da{index} (mut i32)))")?;
        writeln!(text, "(import \"env\" \"f{index}\" (func $f{index} (result i32)))")?;
    }
    for index in 0..n {
        writeln!(text, "(global (export \"d{index}\") i32 (i32.const {index}))")?;
        writeln!(text, "(func (export \"f{index}\") (result i32) (i32.const {index}))")?;
    }
    text.push_str("(func (export \"PyInit_m\") (result i32)\n");
    for index in 0..n {
        writeln!(text, "(drop (i32.add (call $f{index}) (i32.add (global.get $fa{index}) (global.get $da{index}))))")?;
    }
    text.push_str("(i32.const 0)))");
    Input::module(&text)
}
