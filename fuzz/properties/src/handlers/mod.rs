//! Programs that use the exception instructions in all ways that validate, in the text format.
//!
//! A program is a side module of a few functions that call one another in one direction, each with an entry `run0`, `run1` and so on. It imports a function that
//! throws what JavaScript throws (`foreign`) and one that records what happens (`log`). A state of the program, which no exception sets
//! back, decides which way it goes (`$dice`), and what it takes is bounded (`$again`, `$tick`).

mod legacy;
mod new;
mod writer;

use crate::random::Random;
use writer::{Signature, Type, Writer};

/// How a program handles exceptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `try`, `delegate` and `rethrow`.
    Legacy,
    /// `try_table` and `throw_ref` as compilers emit them: a reference is used only in the code behind its label, and only thrown.
    Shaped,
    /// `try_table`, with references that go anywhere.
    Free,
    /// Functions of the first and of the second family, which engines refuse to load together.
    Mixed,
}

/// `b` is of the runtime, so that JavaScript throws it too.
const PRELUDE: &str = r#"
  (import "env" "log" (func $log (param i32)))
  (import "env" "foreign" (func $foreign (param i32) (result i32)))
  (import "env" "__cpp_exception" (tag $b (param i32)))
  (tag $a (export "a"))
  (tag $c (export "c") (param i64 i32))
  (global $state (mut i32) (i32.const 0))
  (global $fuel (mut i32) (i32.const 0))
  (func $dice (param $sides i32) (result i32)
    (global.set $state (i32.add (i32.mul (global.get $state) (i32.const 1103515245)) (i32.const 12345)))
    (i32.rem_u (i32.shr_u (global.get $state) (i32.const 8)) (local.get $sides)))
  (func $again (result i32)
    (global.set $fuel (i32.sub (global.get $fuel) (i32.const 1)))
    (if (result i32) (i32.lt_s (global.get $fuel) (i32.const 0))
      (then (i32.const 0))
      (else (i32.eqz (call $dice (i32.const 3))))))
  (func $tick
    (global.set $fuel (i32.sub (global.get $fuel) (i32.const 1)))
    (if (i32.lt_s (global.get $fuel) (i32.const -300)) (then unreachable)))
"#;

/// Where references may lie that go anywhere.
const KEEPING: &str = r#"
  (global $kept (mut exnref) (ref.null exn))
  (func $keep (param exnref) (global.set $kept (local.get 0)))
"#;

/// What functions take and give.
const SIGNATURES: [Signature; 5] = [
    Signature { parameters: &[Type::I32], results: &[] },
    Signature { parameters: &[Type::I32], results: &[Type::I32] },
    Signature { parameters: &[Type::I32, Type::I64], results: &[Type::I64] },
    Signature { parameters: &[Type::I64], results: &[Type::I64, Type::I32] },
    Signature { parameters: &[], results: &[Type::I32] },
];

/// A program of any family.
///
/// # Panics
/// When what is written is not the text of a module.
pub fn module(random: &mut Random) -> Vec<u8> {
    let family = *random.pick(&[Family::Legacy, Family::Shaped, Family::Free, Family::Mixed]);
    wat::parse_str(program(random.number(), family)).expect("what is written is the text of a module")
}

/// The program of `seed`. Its entries take what decides the way.
pub fn program(seed: u64, family: Family) -> String {
    let mut random = Random::new(seed ^ (family as u64) << 48);
    let mut text = format!("(module (@dylink.0 (mem-info)){PRELUDE}");
    if family == Family::Free {
        text += KEEPING;
    }
    let mut functions: Vec<Signature> = Vec::new();
    for number in 0..2 + random.below(3) {
        let signature = *random.pick(&SIGNATURES);
        let family = match family {
            Family::Mixed => *random.pick(&[Family::Legacy, Family::Shaped]),
            family => family,
        };
        let body = Writer::new(&mut random, family, &functions, signature).function();
        text += &format!("  (func $f{number}{body})\n");
        functions.push(signature);
    }
    (0..functions.len()).for_each(|number| text += &entry(number, functions[number]));
    text + ")\n"
}

/// Calls the function of this number.
fn entry(number: usize, function: Signature) -> String {
    let mut text = format!("  (func (export \"run{number}\") (param i32) (result i32)\n");
    text += "    (global.set $state (i32.mul (local.get 0) (i32.const 40503)))\n    (global.set $fuel (i32.const 120))\n";
    for parameter in function.parameters {
        text += if *parameter == Type::I32 { "    local.get 0\n" } else { "    i64.const 77\n" };
    }
    text += &format!("    call $f{number}\n");
    for result in function.results.iter().rev() {
        text += if *result == Type::I32 { "    call $log\n" } else { "    i32.wrap_i64\n    call $log\n" };
    }
    text + "    global.get $state)\n"
}
