//! Modules with exceptions of JavaScript.

use std::fmt::Write;

use anyhow::Result;

use super::Input;

/// What the modules import beside invokes.
const IMPORTS: &str = r#"
  (@dylink.0 (mem-info (memory 0 0) (table 2 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__memory_base" (global $memory_base i32))
  (import "env" "__table_base" (global $table_base i32))
  (import "env" "__stack_pointer" (global (mut i32)))
  (import "GOT.mem" "__THREW__" (global $THREW (mut i32)))
  (import "env" "__resumeException" (func $resume (param i32)))
  (import "env" "__cxa_find_matching_catch_2" (func $cleanup (result i32)))
  (import "env" "abort" (func $abort))
"#;

const INVOKE: &str = r#"(import "env" "invoke_v" (func $invoke_v (param i32)))"#;

/// The functions of the table: one that may throw, and one that cannot.
const FUNCTIONS: &str = r#"
  (func $may_throw (call $abort))
  (func $harmless)
  (elem (global.get $table_base) func $may_throw $harmless)
"#;

/// One call site, with the function pointer and other operands of the call, and what the compiler puts behind it.
fn site(invoke: &str, operands: &str) -> String {
    format!(
        "(i32.store (global.get $THREW) (i32.const 0)) (call {invoke} {operands})
         (local.set $threw (i32.load (global.get $THREW))) (i32.store (global.get $THREW) (i32.const 0))
         (if (i32.eq (local.get $threw) (i32.const 1)) (then (call $resume (call $cleanup))))\n"
    )
}

/// Functions each of which calls the one before, and a call site that calls the last.
pub fn chain(n: usize) -> Result<Input> {
    let mut text = format!("(module {IMPORTS} {INVOKE} {FUNCTIONS}\n");
    writeln!(text, "(func $f0 (call $abort))")?;
    for index in 1..n {
        writeln!(text, "(func $f{index} (call $f{}))", index - 1)?;
    }
    write!(text, "(func (export \"run\") (local $threw i32) (call $f{})", n - 1)?;
    Input::module(&(text + &site("$invoke_v", "(global.get $table_base)") + "))"))
}

/// Imports of an invoke each for another type, and a function with a call site for each.
pub fn invokes(n: usize) -> Result<Input> {
    let mut imports = String::new();
    let mut functions = String::new();
    for number in 1..=n {
        // The parameters are the digits of the number, in binary.
        let is_i32: Vec<bool> = format!("{number:b}").chars().map(|digit| digit == '1').collect();
        let of_each = |one: &str, zero: &str| is_i32.iter().map(|is_i32| if *is_i32 { one } else { zero }).collect::<String>();
        let (letters, types, zeros) = (of_each("i", "f"), of_each(" i32", " f32"), of_each("(i32.const 0)", "(f32.const 0)"));
        writeln!(imports, "(import \"env\" \"invoke_v{letters}\" (func $invoke_v{letters} (param i32{types})))")?;
        let site = site(&format!("$invoke_v{letters}"), &format!("(local.get $pointer) {zeros}"));
        writeln!(functions, "(func (export \"run{number}\") (param $pointer i32) (local $threw i32)\n{site})")?;
    }
    Input::module(&format!("(module {IMPORTS} {imports} {FUNCTIONS} {functions})"))
}

/// Call sites in one function.
pub fn sites(n: usize) -> Result<Input> {
    one_function(n, "(global.get $table_base)")
}

/// Call sites in one function whose callee cannot throw.
pub fn harmless_sites(n: usize) -> Result<Input> {
    one_function(n, "(i32.add (global.get $table_base) (i32.const 1))")
}

fn one_function(n: usize, pointer: &str) -> Result<Input> {
    let mut text = format!("(module {IMPORTS} {INVOKE} {FUNCTIONS}\n");
    writeln!(text, "(func (export \"run\") (local $threw i32)")?;
    for _ in 0..n {
        text += &site("$invoke_v", pointer);
    }
    Input::module(&(text + "))"))
}
