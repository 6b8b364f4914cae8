//! Modules with equal functions.

use std::fmt::Write;

use anyhow::Result;

use super::Input;

/// Two chains of functions each of which calls the one before: merging the first of both makes the next ones equal, and so on.
pub fn chains(n: usize) -> Result<Input> {
    let mut text = String::from("(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)))\n");
    for chain in ["f", "g"] {
        writeln!(text, "(func ${chain}0 (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))")?;
        for index in 1..n {
            writeln!(
                text,
                "(func ${chain}{index} (param i32) (result i32) (i32.add (i32.const {index}) (call ${chain}{} (local.get 0))))",
                index - 1
            )?;
        }
        writeln!(text, "(func (export \"{chain}\") (param i32) (result i32) (call ${chain}{} (local.get 0)))", n - 1)?;
    }
    Input::module(&(text + ")"))
}
