//! Modules with many imports.

use std::fmt::Write;

use anyhow::Result;

use super::Input;

const BEGIN: &str = r#"(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0)) (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__memory_base" (global i32)) (import "env" "__table_base" (global i32))
"#;

/// Functions that nobody at hand has, each called once.
pub fn functions(n: usize) -> Result<Input> {
    let mut text = String::from(BEGIN);
    for index in 0..n {
        writeln!(text, "(import \"env\" \"f{index}\" (func $f{index}))")?;
    }
    text.push_str("(func (export \"run\")");
    for index in 0..n {
        writeln!(text, "(call $f{index})")?;
    }
    Input::module(&(text + "))"))
}

/// Addresses of data that nobody reads, those of `__THREW__` among them, and as many landing pads that nobody calls.
pub fn unused(n: usize) -> Result<Input> {
    let mut text = String::from(BEGIN);
    for index in 0..n {
        writeln!(text, "(import \"GOT.mem\" \"d{index}\" (global (mut i32)))")?;
        text.push_str("(import \"GOT.mem\" \"__THREW__\" (global (mut i32)))\n");
        text.push_str("(import \"env\" \"__cxa_find_matching_catch_2\" (func (result i32)))\n");
        text.push_str("(import \"env\" \"getTempRet0\" (func (result i32)))\n");
    }
    text.push_str("(func (export \"run\")");
    Input::module(&(text + "))"))
}

/// Functions that are put into the module where the runtime lacks them, and weak imports beside them.
pub fn substitutes(n: usize) -> Result<Input> {
    let mut text = String::from(BEGIN);
    for _ in 0..n {
        text.push_str("(import \"env\" \"isxdigit\" (func (param i32) (result i32)))\n");
        text.push_str("(import \"env\" \"_emscripten_memcpy_js\" (func (param i32 i32 i32)))\n");
    }
    for index in 0..n {
        writeln!(text, "(func (export \"g{index}\"))")?;
    }
    Input::module(&(text + ")"))
}

/// Functions of the JavaScript ABI for exceptions of which only the address is taken.
pub fn addresses(n: usize) -> Result<Input> {
    let mut text = String::from(BEGIN);
    for number in 1..=n {
        let letters = format!("{number:b}").replace('0', "f").replace('1', "i");
        writeln!(text, "(import \"GOT.func\" \"invoke_v{letters}\" (global $g{number} (mut i32)))")?;
    }
    text.push_str("(func (export \"run\") (result i32)");
    for number in 1..=n {
        writeln!(text, "(drop (global.get $g{number}))")?;
    }
    Input::module(&(text + "(i32.const 0)))"))
}

/// Imports that other passes legalized, each with the function that gives it its 64-bit integers in halves, and exports that have two forms.
pub fn legalized(n: usize) -> Result<Input> {
    let mut text = String::from(BEGIN);
    text.push_str(
        "(import \"env\" \"setTempRet0\" (func $set (param i32))) (import \"env\" \"getTempRet0\" (func $get (result i32)))\n",
    );
    for index in 0..n {
        writeln!(text, "(import \"env\" \"legalimport$f{index}\" (func $f{index} (param i32 i32)))")?;
    }
    for index in 0..n {
        writeln!(
            text,
            "(func $w{index} (param i64) (call $f{index} (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (i64.shr_u (local.get 0) (i64.const 32)))))
             (func $o{index} (export \"orig$e{index}\") (param i64) (call $w{index} (local.get 0)))
             (func (export \"e{index}\") (param i32 i32) (call $o{index} (i64.or (i64.extend_i32_u (local.get 0))
               (i64.shl (i64.extend_i32_u (local.get 1)) (i64.const 32)))))"
        )?;
    }
    Input::module(&(text + ")"))
}

/// Weak functions and addresses that nobody has, all of them used.
pub fn weak(n: usize) -> Result<Input> {
    let mut infos = String::new();
    let mut text = String::new();
    for index in 0..n {
        writeln!(infos, "(import-info \"env\" \"f{index}\" binding-weak)(import-info \"GOT.mem\" \"d{index}\" binding-weak)")?;
        writeln!(text, "(import \"env\" \"f{index}\" (func $f{index} (param i32 i32)))")?;
        writeln!(text, "(import \"GOT.mem\" \"d{index}\" (global $d{index} (mut i32)))")?;
        writeln!(text, "(import \"GOT.func\" \"f{index}\" (global $g{index} (mut i32)))")?;
    }
    text.push_str("(func (export \"run\")");
    for index in 0..n {
        writeln!(text, "(call $f{index} (global.get $d{index}) (global.get $g{index}))")?;
    }
    let begin = BEGIN.replace("(table 0 0))", &format!("(table 0 0)) {infos}"));
    Input::module(&(begin + &text + "))"))
}

/// Imports that are given 64-bit integers in halves, which they may mean, and one that shows that the module was linked so.
pub fn suspects(n: usize) -> Result<Input> {
    let mut text = String::from(BEGIN);
    text.push_str("(import \"env\" \"getTempRet0\" (func $get (result i32)))\n");
    for index in 0..n {
        writeln!(text, "(import \"env\" \"s{index}\" (func $s{index} (param i32 i32)))")?;
    }
    text.push_str("(func (export \"orig$e\") (param i64))(func (export \"e\") (param i32 i32)) (func (export \"run\") (param i64)");
    for index in 0..n {
        writeln!(text, "(call $s{index} (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (i64.shr_u (local.get 0) (i64.const 32))))")?;
    }
    Input::module(&(text + "))"))
}
