//! Small bodies, and what becomes of their call sites.

use super::{Context, thread};
use crate::body::code::{Changes, Code};
use crate::exceptions::abi::Abi;
use crate::exceptions::inline::{self, Helpers, SiteCall};
use crate::exceptions::runtime::{Catches, State};
use crate::exceptions::{flow, sites};
use crate::linking::siblings::SiblingExports;
use crate::module::{Body, FunctionId, GlobalId, Item, Module, TableId, TagId, TypeId};
use wasmparser::{BinaryReader, FunctionBody};

/// A module with the function `$f`, whose body this is; the locals behind `$b` are those that sites add.
fn text(body: &str, added: usize) -> String {
    let added = "i32 ".repeat(added);
    format!(
        r#"(module (@custom "dylink.0" (before first) "\01\04\00\00\00\00")
             (import "env" "invoke_v" (func $invoke_v (param i32)))
             (import "env" "invoke_i" (func $invoke_i (param i32) (result i32)))
             (import "env" "__cxa_find_matching_catch_2" (func $pad (result i32)))
             (import "env" "__resumeException" (func $resume (param i32)))
             (import "env" "getTempRet0" (func $clause (result i32)))
             (import "env" "emscripten_longjmp" (func $longjmp (param i32 i32)))
             (import "env" "throws" (func $throws))
             (import "env" "gives" (func $gives (result i32)))
             (import "env" "work" (func $work))
             (import "env" "caught" (func $caught (param i32 i32)))
             (import "env" "jumped" (func $jumped (param i32 i32) (result i32 i32)))
             (import "env" "__stack_pointer" (global $sp (mut i32)))
             (import "GOT.mem" "__THREW__" (global $threw (mut i32)))
             (import "GOT.mem" "__threwValue" (global $value (mut i32)))
             (import "env" "memory" (memory 0))
             (import "env" "__indirect_function_table" (table 0 funcref))
             (import "env" "__cpp_exception" (tag $cpp (param i32)))
             (import "env" "__c_longjmp" (tag $jump (param i32)))
             (func $f (param $p i32) (result i32) (local $a i32) (local $b i32) (local {added}) {body}))"#
    )
}

fn read(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn instructions(body: &[u8]) -> Vec<String> {
    let operators = FunctionBody::new(BinaryReader::new(body, 0)).get_operators_reader().unwrap();
    operators.into_iter().map(|operator| format!("{:?}", operator.unwrap())).collect()
}

fn body_of<'m>(module: &'m Module<'_>) -> (FunctionId, &'m Body<'m>) {
    module.bodies().next().expect("there is a function")
}

/// The body with its sites threaded; they call `$throws` or `$gives`, which may throw or not.
fn threaded(body: &str, catches: Catches, throws: bool) -> (Vec<String>, usize, usize) {
    let bytes = read(&text(body, 0));
    let module = Module::read(&bytes).unwrap();
    let (function, body) = body_of(&module);
    let abi = Abi::find(&module, &SiblingExports::default());
    let facts = sites::facts(&module, &abi).unwrap();
    let flow = flow::analyse(&facts, function, body).unwrap().expect("it can be followed");
    let state = State {
        stack_pointer: GlobalId(0),
        function_table: TableId(0),
        cpp_exception: Some(TagId(0)),
        longjmp: Some(TagId(1)),
        caught: GlobalId(0),
        threw: None,
    };
    let named = |name: &str| match module.import("env", name) {
        Some(Item::Function(id)) => id,
        _ => panic!("no {name}"),
    };
    let helpers = Helpers { caught: Some(named("caught")), jumped: Some(named("jumped")) };
    let calls = flow.sites.keys().map(|&at| {
        let callee = if body.bytes[at + 1] == 0 { named("throws") } else { named("gives") };
        let ty = module.types().iter().position(|ty| ty == module.signature(callee)).expect("its type is there");
        (at, SiteCall { callee: Some(callee), throws, catches, ty: TypeId(ty as u32) })
    });
    let calls = calls.collect();
    let mut code = Code::new(&module, function, body).unwrap();
    let mut changes = Changes::default();
    let (sites, reports) = inline::inline(&module, &mut code, &mut changes, &flow, &calls, &state).unwrap();
    code.read(&module, changes).unwrap();
    let context = Context::new(&module, &facts.roles, &state, &helpers);
    let threaded = thread(&context, code, sites, reports).unwrap();
    (instructions(&threaded.body), threaded.sites, threaded.passing)
}

#[track_caller]
fn becomes(body: &str, catches: Catches, throws: bool, expected: &str, counts: (usize, usize)) {
    let (actual, sites, passing) = threaded(body, catches, throws);
    let bytes = read(&text(expected, 3));
    let module = Module::read(&bytes).unwrap();
    let expected = instructions(&body_of(&module).1.bytes);
    assert_eq!(actual, expected, "{body}\nbecomes\n{}", actual.join("\n"));
    assert_eq!((sites, passing), counts, "{body}");
}

/// A call, and what was thrown in `$a`.
const CALL: &str = "(i32.store (global.get $threw) (i32.const 0)) (call $invoke_v (i32.const 1))
    (local.set $a (i32.load (global.get $threw))) (i32.store (global.get $threw) (i32.const 0))";
/// The same, of a call with a result in `$b`.
const CALL_FOR_RESULT: &str = "(i32.store (global.get $threw) (i32.const 0)) (local.set $b (call $invoke_i (i32.const 1)))
    (local.set $a (i32.load (global.get $threw))) (i32.store (global.get $threw) (i32.const 0))";
/// A landing pad that works and resumes.
const PAD: &str = "(local.set $a (call $pad)) (drop (call $clause)) (call $work) (call $resume (local.get $a)) (unreachable)";
/// The first instructions, which keep the stack pointer. Local 3 stands for `__THREW__`, 4 for the stack pointer.
const BEGIN: &str = "(local.set 4 (global.get $sp))";
/// A handler of exceptions, up to where it goes on.
const HANDLER: &str = "catch $cpp local.get 4 call $caught";
/// One with the pad inside: what it resumes is thrown on, and nobody asks what was caught.
const PAD_INSIDE: &str = "catch $cpp drop local.get 4 global.set $sp call $work rethrow 0";

#[test]
fn handlers_go_on_at_landing_pads() {
    let threw = "(i32.eq (local.get $a) (i32.const 1))";
    for (body, expected) in [
        // The pad behind a block, for any number of sites.
        (
            format!("(block $out {CALL} (br_if $out {threw}) (return (i32.const 7))) {PAD}"),
            format!(
                "{BEGIN} (block $out try call $throws {HANDLER} br $out end (return (i32.const 7)))
                 (local.set $a (call $pad)) (drop (call $clause)) (call $work) (throw $cpp (local.get $a))"
            ),
        ),
        // A branch around it.
        (
            format!("(block $on {CALL} (br_if $on (i32.eqz {threw})) {PAD}) (i32.const 7)"),
            format!("{BEGIN} (block $on try call $throws {PAD_INSIDE} end br $on) (i32.const 7)"),
        ),
        // In an arm, with code for calls that return in the other.
        (
            format!("{CALL} (if {threw} (then {PAD})) (i32.const 7)"),
            format!("{BEGIN} try call $throws {PAD_INSIDE} end (i32.const 7)"),
        ),
        (
            format!("{CALL} (if {threw} (then {PAD}) (else (call $work))) (i32.const 7)"),
            format!("{BEGIN} try call $throws {PAD_INSIDE} end (call $work) (i32.const 7)"),
        ),
        // A result goes where it is put.
        (
            format!("{CALL_FOR_RESULT} (if {threw} (then {PAD})) (local.get $b)"),
            format!("{BEGIN} try (result i32) call $gives {PAD_INSIDE} end"),
        ),
    ] {
        becomes(&body, Catches::Cpp, true, &expected, (1, 0));
    }
}

#[test]
fn sites_keep_the_test_that_cannot_be_seen_through() {
    // Something else is called before the test, or what was thrown is stored.
    for before in ["(call $work)", "(i32.store (i32.const 8) (local.get $a))"] {
        becomes(
            &format!("{CALL} {before} (if (local.get $a) (then (call $resume (call $pad)) (unreachable))) (i32.const 7)"),
            Catches::Cpp,
            true,
            &format!(
                "{BEGIN} i32.const 0 local.set 3 try call $throws {HANDLER} i32.const 1 local.set 3 end
                 (local.set $a (local.get 3)) {before} (if (local.get $a) (then (throw $cpp (call $pad)))) (i32.const 7)"
            ),
            (0, 0),
        );
    }
}

#[test]
fn calls_that_cannot_throw_lose_their_test() {
    for (body, expected) in [
        (format!("{CALL} (if (local.get $a) (then {PAD})) (i32.const 7)"), "(call $throws) (i32.const 7)"),
        (
            format!("(block $on {CALL} (br_if $on (i32.eqz (local.get $a))) {PAD}) (i32.const 7)"),
            "(block (call $throws) (br 0)) (i32.const 7)",
        ),
        (format!("{CALL_FOR_RESULT} (if (local.get $a) (then {PAD})) (local.get $b)"), "(call $gives)"),
        // The local is read behind the test.
        (format!("{CALL} (if (local.get $a) (then {PAD})) (local.get $a)"), "(call $throws) (i32.const 0)"),
    ] {
        becomes(&body, Catches::Cpp, false, expected, (1, 0));
    }
}

#[test]
fn what_would_be_thrown_on_passes() {
    for (thrown_on, catches) in [
        ("(call $resume (call $pad))", Catches::Cpp),
        ("(call $longjmp (local.get $a) (i32.load (global.get $value)))", Catches::Longjmp),
    ] {
        let body = format!("{CALL} (if (local.get $a) (then {thrown_on} (unreachable))) (i32.const 7)");
        becomes(&body, catches, true, "(call $throws) (i32.const 7)", (1, 1));
    }
    // Nobody else may have set the value.
    let body =
        format!("{CALL} (if (local.get $a) (then (call $longjmp (local.get $a) (local.get $p)) (unreachable))) (i32.const 7)");
    becomes(
        &body,
        Catches::Longjmp,
        true,
        &format!(
            "{BEGIN} try call $throws catch $jump local.get 4 call $jumped drop local.get $p call $longjmp unreachable end
             (i32.const 7)"
        ),
        (1, 0),
    );
}

#[test]
fn function_pointers_are_dropped_from_below_results() {
    becomes(
        "(i32.store (global.get $threw) (i32.const 0)) (block (result i32) (i32.const 1)) (call $invoke_i) (local.set $b)
         (if (i32.load (global.get $threw)) (then (call $resume (call $pad)) (unreachable))) (local.get $b)",
        Catches::Cpp,
        true,
        &format!(
            "{BEGIN} i32.const 1 i32.const 0 local.set 3 try (result i32) call $gives {HANDLER} i32.const 1 local.set 3 i32.const 0 end
             local.set 5 drop local.get 5 local.set $b (if (local.get 3) (then (throw $cpp (call $pad)))) (local.get $b)"
        ),
        (0, 0),
    );
}
