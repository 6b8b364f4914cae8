//! Small bodies, and what happens around their call sites.

use super::{Checks, Flow, analyse};
use crate::exceptions::abi::Abi;
use crate::exceptions::sites;
use crate::linking::siblings::SiblingExports;
use crate::module::Module;

/// What is known of a function with this `body`; `None` when it was given up.
fn flow(body: &str) -> Option<Flow> {
    let text = format!(
        r#"(module (@custom "dylink.0" (before first) "\01\04\00\00\00\00")
             (import "env" "invoke_v" (func $invoke_v (param i32)))
             (import "env" "__cxa_find_matching_catch_2" (func $pad (result i32)))
             (import "env" "emscripten_longjmp" (func $longjmp (param i32 i32)))
             (import "env" "__wasm_setjmp_test" (func $test (param i32 i32) (result i32)))
             (import "env" "work" (func $work))
             (import "env" "takes" (func $takes (param i32)))
             (import "env" "__stack_pointer" (global $sp (mut i32)))
             (import "env" "__table_base" (global $tb i32))
             (import "GOT.mem" "__THREW__" (global $threw (mut i32)))
             (import "GOT.mem" "__threwValue" (global $value (mut i32)))
             (import "GOT.func" "thrower" (global $thrower (mut i32)))
             (import "env" "memory" (memory 0))
             (import "env" "__indirect_function_table" (table 0 funcref))
             (func $f (param $p i32) (result i32) (local $a i32) (local $b i32) {body}))"#
    );
    let bytes = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let module = Module::read(&bytes).unwrap();
    let (function, body) = module.bodies().next().expect("there is a function");
    let abi = Abi::find(&module, &SiblingExports::default());
    analyse(&sites::facts(&module, &abi).unwrap(), function, body).unwrap()
}

const CLEAR: &str = "(i32.store (global.get $threw) (i32.const 0))";
const CALL: &str = "(call $invoke_v (i32.const 1))";
const THREW: &str = "(i32.load (global.get $threw))";

#[test]
fn what_is_asked_of_a_site_is_found_on_all_ways() {
    let (none, cpp, longjmp, other) = (
        Checks::default(),
        Checks { cpp: true, ..Checks::default() },
        Checks { longjmp: true, ..Checks::default() },
        Checks { other: true, ..Checks::default() },
    );
    let cases: [(String, Vec<Checks>); 12] = [
        (format!("{CALL} (i32.const 0)"), vec![none]),
        // Whether anything came both kinds ask.
        (format!("{CALL} (if {THREW} (then (unreachable))) (i32.const 0)"), vec![none]),
        (format!("{CALL} (drop (i32.eq {THREW} (i32.const 1))) (i32.const 0)"), vec![cpp]),
        (format!("{CALL} (drop (call $pad)) (i32.const 0)"), vec![cpp]),
        (format!("{CALL} (drop (i32.load (global.get $value))) (i32.const 0)"), vec![longjmp]),
        (format!("{CALL} (drop (call $test {THREW} (local.get $p))) (i32.const 0)"), vec![longjmp]),
        (format!("{CALL} (call $longjmp {THREW} (local.get $p)) (i32.const 0)"), vec![longjmp]),
        (format!("{CALL} (call $takes {THREW}) (i32.const 0)"), vec![other]),
        (format!("{CALL} {THREW}"), vec![other]),
        // Through a local, at a place that another site leads to as well, and around a loop.
        (
            format!("{CALL} (local.set $a {THREW}) {CALL} (drop (i32.ne (local.get $a) (i32.const 1))) (i32.const 0)"),
            vec![cpp, none],
        ),
        (format!("(if (local.get $p) (then {CALL}) (else {CALL})) (drop (call $pad)) (i32.const 0)"), vec![cpp, cpp]),
        (
            format!(
                "(loop (drop (i32.eq (local.get $a) (i32.const 1))) {CALL} (local.set $a {THREW}) (br_if 0 (local.get $p))) (i32.const 0)"
            ),
            vec![cpp],
        ),
    ];
    for (body, expected) in cases {
        let flow = flow(&body).unwrap_or_else(|| panic!("given up: {body}"));
        assert_eq!(flow.sites.values().map(|site| site.checks).collect::<Vec<_>>(), expected, "{body}");
    }
}

#[test]
fn function_pointers_are_followed() {
    // The slot, and whether it is known what pushes the pointer, from which local or global.
    for (body, slot, pushed, local, global) in [
        ("(call $invoke_v (i32.add (global.get $tb) (i32.const 3)))", Some(3), true, None, false),
        ("(call $invoke_v (global.get $tb))", Some(0), true, None, true),
        ("(local.set $a (i32.add (i32.const 2) (global.get $tb))) (call $invoke_v (local.get $a))", Some(2), true, Some(1), false),
        ("(call $invoke_v (local.get $p))", None, true, Some(0), false),
        ("(call $invoke_v (global.get $thrower))", None, true, None, true),
        // On some ways.
        (
            "(call $invoke_v (select (global.get $tb) (i32.add (global.get $tb) (i32.const 3)) (local.get $p)))",
            None,
            false,
            None,
            false,
        ),
        // Something stands between.
        ("(local.get $p) (block (br_if 0 (local.get $a))) (call $invoke_v)", None, true, Some(0), false),
        ("(block (result i32) (local.get $p)) (call $invoke_v)", None, false, None, false),
    ] {
        let flow = flow(&format!("{body} (i32.const 0)")).unwrap_or_else(|| panic!("given up: {body}"));
        let pointer = &flow.sites.values().next().expect("there is a site").pointer;
        let found = (pointer.slot, pointer.pushed_by.is_some(), pointer.local, pointer.global.is_some());
        assert_eq!(found, (slot, pushed, local, global), "{body}");
    }
}

#[test]
fn uses_of_the_words_are_told() {
    let with = format!("{CLEAR} {CALL} (local.set $a {THREW}) {CLEAR}");
    for (body, clean) in [
        (format!("{with} (local.get $b)"), true),
        // A load without a site before it, and one behind a call of something else.
        (format!("(drop {THREW}) {with} (local.get $b)"), false),
        (format!("{with} (call $work) (drop {THREW}) (local.get $b)"), false),
        // The address goes elsewhere.
        (format!("{with} (call $takes (global.get $threw)) (local.get $b)"), false),
        (format!("{with} (global.get $threw)"), false),
        (format!("{with} (drop (block (result i32) (global.get $threw))) (local.get $b)"), false),
        // Something else is reported, or not taken back.
        (format!("{with} (i32.store (global.get $threw) (local.get $p)) (local.get $b)"), false),
        (format!("{CALL} (local.get $b)"), false),
    ] {
        let flow = flow(&body).unwrap_or_else(|| panic!("given up: {body}"));
        let words = &flow.words;
        let told = words.foreign || words.late || words.escape || words.kept || words.addresses_stay || words.untidy;
        assert_eq!(told, !clean, "{body}: {words:?}");
    }
}

#[test]
fn functions_are_given_up_that_compute_with_addresses_or_handle_exceptions() {
    for body in [
        "(i32.add (global.get $threw) (i32.const 4))",
        "(i32.store (i32.const 8) (global.get $threw)) (i32.const 0)",
        "(global.set $threw (i32.const 0)) (i32.const 0)",
        "try catch_all end (i32.const 0)",
        "(block (br 0) try catch_all end) (i32.const 0)",
        "(block (try_table (catch_all 0))) (i32.const 0)",
    ] {
        assert!(flow(&format!("{CALL} {body}")).is_none(), "{body}");
    }
}
