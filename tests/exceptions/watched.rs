//! `__THREW__` where others than the call sites read or write it.

use super::{Module, answers, assert_gives, module, upgraded};
use support::{Node, Runtime};

/// As instrumentation has it, another function loads from the address that it is given.
#[test]
fn a_report_is_found_through_an_address_that_is_passed_on() {
    let functions = r#"
        (func $thrower (call $throw_int (i32.const 40)))
        (func $load (param $address i32) (result i32) (i32.load (local.get $address)))
        (func (export "run") (result i32) (local $threw i32)
          (i32.store (global.get $THREW) (i32.const 0))
          (call $invoke_v (global.get $table_base))
          (local.set $threw (call $load (global.get $THREW)))
          (i32.store (global.get $THREW) (i32.const 0))
          (if (i32.ne (local.get $threw) (i32.const 1)) (then (return (i32.const 102))))
          (call $value_of (call $match (global.get $int))))"#;
    assert_gives(&[("passed on", 40, module("$thrower", "", functions))], true);
}

/// Whoever has the address of `__THREW__`, or stores to it, reports as the runtime does, and is heard by the call site above it.
#[test]
fn reports_that_others_make_in_memory_are_found() {
    let asks = |call: &str| {
        format!(
            "(i32.store (global.get $THREW) (i32.const 0))
            {call}
            (local.set $threw (i32.load (global.get $THREW)))
            (i32.store (global.get $THREW) (i32.const 0))
            (if (i32.eq (local.get $threw) (i32.const 1)) (then (return (call $value_of (call $match (global.get $int))))))"
        )
    };
    let first = asks("(call $invoke_v (global.get $table_base))");
    let run = |before: &str, asks: &str| {
        format!(r#"(func (export "run") (result i32) (local $threw i32) (local $p i32) {before} {asks} (local.get $threw))"#)
    };
    let given = r#"(import "env" "invoke_vi" (func $invoke_vi (param i32 i32)))"#;
    let passed = asks("(call $invoke_vi (global.get $table_base) (global.get $THREW))");
    let chosen = asks("(call $invoke_vi (global.get $table_base) (select (global.get $THREW) (global.get $p) (i32.const 1)))");
    let writes = "(func $writes (param $p i32) (i32.store (local.get $p) (i32.const 5)))";
    let kept = |address: &str| {
        let functions = "(global $kept (mut i32) (i32.const 0))
            (func $keep (param $p i32) (global.set $kept (local.get $p)))
            (func $callee (i32.store (global.get $kept) (i32.const 5)))";
        module("$callee", "", &format!("{functions} {}", run(&format!("(call $keep {address})"), &first)))
    };
    let cases = [
        ("the callee writes through an address that was kept", 5, kept("(global.get $THREW)")),
        (
            "another function with a call site keeps it in memory",
            5,
            module(
                "$callee $keeps",
                "",
                &format!(
                    "(func $word (result i32) (i32.add (global.get $memory_base) (i32.const 16)))
                    (func $callee (if (i32.load (call $word)) (then (i32.store (i32.load (call $word)) (i32.const 5)))))
                    (func $keeps (result i32) (local $threw i32)
                      (i32.store (call $word) (i32.const 0)) {first}
                      (i32.store (call $word) (global.get $THREW)) (local.get $threw))
                    {}",
                    run("(drop (call $keeps))", &first)
                ),
            ),
        ),
        ("the callee is given it", 5, module("$writes", given, &format!("{writes} {}", run("", &passed)))),
        (
            "the callee is given it on one of two paths",
            5,
            module(
                "$writes",
                given,
                &format!(
                    "{writes} {}",
                    run("(local.set $p (global.get $memory_base))", &chosen.replace("(global.get $p)", "(local.get $p)"))
                ),
            ),
        ),
        (
            "the callee writes through an address that was kept, and was one of the two",
            5,
            kept("(select (global.get $THREW) (global.get $threwValue) (i32.const 1))"),
        ),
        (
            "the callee stores something else than zero behind a call site of its own",
            7,
            module(
                "$callee $nothing",
                "",
                &format!(
                    "(func $nothing)
                    (func $callee (local $threw i32)
                      (i32.store (global.get $THREW) (i32.const 0))
                      (call $invoke_v (i32.add (global.get $table_base) (i32.const 1)))
                      (local.set $threw (i32.load (global.get $THREW)))
                      (i32.store (global.get $THREW) (i32.const 7)))
                    {}",
                    run("", &first)
                ),
            ),
        ),
        (
            "something is stored through what may be the address, before the report is read",
            9,
            module(
                "$nothing",
                "",
                r#"(func $nothing)
                    (func $word (result i32) (i32.add (global.get $memory_base) (i32.const 16)))
                    (func $either (param $flag i32) (result i32) (local $p i32) (local $threw i32)
                      (i32.store (call $word) (i32.const 0))
                      (i32.store (global.get $THREW) (i32.const 0))
                      (call $invoke_v (global.get $table_base))
                      (local.set $p (call $word))
                      (if (local.get $flag) (then (local.set $p (global.get $THREW))))
                      (i32.store (local.get $p) (i32.const 9))
                      (local.set $threw (i32.load (local.get $p)))
                      (i32.store (global.get $THREW) (i32.const 0))
                      (if (i32.eq (local.get $threw) (i32.const 1)) (then (drop (call $match (global.get $int)))))
                      (local.get $threw))
                    (func (export "run") (result i32) (drop (call $either (i32.const 0))) (call $either (i32.const 1)))"#,
            ),
        ),
    ];
    assert_gives(&cases, true);
}

/// What the conversion relies on, each with a module that does not keep to it: what it gives in JavaScript, and what upgraded.
///
/// No compiler is known to make such modules; those that would be noticed keep their words in memory.
#[test]
fn what_the_locals_of_reports_rely_on_is_known() {
    let first = "(i32.store (global.get $THREW) (i32.const 0))
        (call $invoke_v (global.get $table_base))
        (local.set $threw (i32.load (global.get $THREW)))
        (i32.store (global.get $THREW) (i32.const 0))
        (if (i32.eq (local.get $threw) (i32.const 1)) (then (return (call $value_of (call $match (global.get $int))))))";
    let merged = format!(
        r#"(func $word (result i32) (i32.add (global.get $memory_base) (i32.const 16)))
        (func $callee (i32.store (i32.load (call $word)) (i32.const 5)))
        (func (export "run") (result i32) (local $threw i32) (local $p i32)
          (local.set $p (call $word))
          (if (i32.eqz (local.get $threw)) (then (local.set $p (global.get $THREW))))
          (i32.store (call $word) (local.get $p))
          {first} (local.get $threw))"#
    );
    let stale = r#"(func $thrower (if (i32.eqz (i32.load offset=16 (global.get $memory_base))) (then
            (i32.store offset=16 (global.get $memory_base) (i32.const 1)) (call $throw_int (i32.const 40)))))
        (func (export "run") (result i32) (local $threw i32)
          (call $invoke_v (global.get $table_base))
          (if (i32.eq (i32.load (global.get $THREW)) (i32.const 1)) (then (drop (call $cleanup))))
          (call $invoke_v (global.get $table_base))
          (i32.load (global.get $THREW)))"#;
    let given = r#"(import "env" "invoke_vi" (func $invoke_vi (param i32 i32)))"#;
    let kept = format!(
        r#"(func $word (result i32) (i32.add (global.get $memory_base) (i32.const 16)))
        (func $callee (i32.store (i32.load (call $word)) (i32.const 5)))
        (func $keep (param $p i32) (i32.store (call $word) (local.get $p)))
        (func $gives (local $threw i32)
          (i32.store (global.get $THREW) (i32.const 0))
          (call $invoke_vi (i32.add (global.get $table_base) (i32.const 1)) (global.get $THREW))
          (local.set $threw (i32.load (global.get $THREW)))
          (i32.store (global.get $THREW) (i32.const 0))
          (if (i32.eq (local.get $threw) (i32.const 1)) (then (drop (call $cleanup)))))
        (func (export "run") (result i32) (local $threw i32) (call $gives) {first} (local.get $threw))"#
    );
    let through_either = format!(
        r#"(func $nothing)
        (func $callee (local $threw i32) (local $p i32)
          (i32.store (global.get $THREW) (i32.const 0))
          (call $invoke_v (i32.add (global.get $table_base) (i32.const 1)))
          (local.set $threw (i32.load (global.get $THREW)))
          (i32.store (global.get $THREW) (i32.const 0))
          (local.set $p (i32.add (global.get $memory_base) (i32.const 16)))
          (if (i32.eqz (local.get $threw)) (then (local.set $p (global.get $THREW))))
          (i32.store (local.get $p) (i32.const 7)))
        (func (export "run") (result i32) (local $threw i32) {first} (local.get $threw))"#
    );
    let modules = [
        // The callee of a call site keeps an address that it is given.
        (module("$callee $keep", given, &kept), 5, 0),
        // A function stores through what is an address of the words on some paths alone, for whom it returns to.
        (module("$callee $nothing", "", &through_either), 7, 0),
        // An address that is one of the words on some paths alone is kept and written through later.
        (module("$callee", "", &merged), 5, 0),
        // No zero is stored before the second call site, which finds what the first reported.
        (module("$thrower", "", stale), 1, 0),
    ];
    let originals: Vec<_> = modules.iter().map(|(module, _, _)| module.inlined.clone()).collect();
    let converted: Vec<_> = originals.iter().map(|original| upgraded(original, false)).collect();
    let expected = |value: &dyn Fn(&(Module, i32, i32)) -> i32| format!("{:?}", modules.iter().map(value).collect::<Vec<_>>());
    assert_eq!(answers(Node::Installed, Runtime::V0_27_7, &originals), expected(&|(_, before, _)| *before));
    assert_eq!(answers(Node::Installed, Runtime::V0_29_5, &converted), expected(&|(_, _, after)| *after));
}
