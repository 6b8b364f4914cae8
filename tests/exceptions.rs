//! The details of exception conversion, each in a module made for it and run under real runtimes.
//!
//! Where JavaScript exception handling gave the right answer, the original gives it on Pyodide 0.27.7 too, so that the test cannot
//! agree with a mistake of its own.

#[path = "optimise/mod.rs"]
mod optimise;
#[path = "exceptions/watched.rs"]
mod watched;

use support::{Job, Node, Runtime, run_jobs};
use wasm_pyfix::pipeline::{ModuleOptions, upgrade_module};
use wasm_pyfix_passes::handlers::Kind;

/// What every test module imports, and a function `$throw_int` that throws its argument.
const PRELUDE: &str = r#"
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table $table 0 funcref))
  (import "env" "__memory_base" (global $memory_base i32))
  (import "env" "__table_base" (global $table_base i32))
  (import "env" "__stack_pointer" (global $stack_pointer (mut i32)))
  (import "GOT.mem" "__THREW__" (global $THREW (mut i32)))
  (import "GOT.mem" "__threwValue" (global $threwValue (mut i32)))
  (import "GOT.mem" "_ZTIi" (global $int (mut i32)))
  (import "GOT.mem" "_ZTId" (global $double (mut i32)))
  (import "env" "__cxa_allocate_exception" (func $allocate (param i32) (result i32)))
  (import "env" "__cxa_throw" (func $throw (param i32 i32 i32)))
  (import "env" "__cxa_begin_catch" (func $begin_catch (param i32) (result i32)))
  (import "env" "__cxa_end_catch" (func $end_catch))
  (import "env" "getTempRet0" (func $getTempRet0 (result i32)))
  (import "env" "__resumeException" (func $resume (param i32)))
  (import "env" "emscripten_longjmp" (func $longjmp (param i32 i32)))
  (import "env" "__wasm_setjmp" (func $setjmp (param i32 i32 i32)))
  (import "env" "__wasm_setjmp_test" (func $setjmp_test (param i32 i32) (result i32)))
  (import "env" "invoke_v" (func $invoke_v (param i32)))
  (import "env" "__cxa_find_matching_catch_2" (func $cleanup (result i32)))
  (import "env" "__cxa_find_matching_catch_3" (func $match (param i32) (result i32)))
"#;

/// Code that asks, after an invoke, for an int or anything else that was thrown.
const ROUTINES: &str = r#"
  (func $throw_int (param $value i32) (local $object i32)
    (i32.store (local.tee $object (call $allocate (i32.const 4))) (local.get $value))
    (call $throw (local.get $object) (global.get $int) (i32.const 0)))
  ;; The int that was caught.
  (func $value_of (param $exception i32) (result i32) (local $value i32)
    (local.set $value (i32.load (call $begin_catch (local.get $exception))))
    (call $end_catch)
    (local.get $value))
"#;

/// Memory for a jump buffer and for what `setjmp` needs to know its frame again.
const BUFFERS: &str = "(memory 128 4)";

/// A test module in two forms: where call sites are inlined, and where all call wrappers, because the module imports `setThrew`, which
/// reports in memory.
struct Module {
    inlined: Vec<u8>,
    wrapped: Vec<u8>,
}

/// A side module of `functions`, those named in `slots` in the table, with more `imports`.
fn module(slots: &str, imports: &str, functions: &str) -> Module {
    let wrapped = assemble(slots, &format!(r#"{imports} (import "env" "setThrew" (func (param i32 i32)))"#), functions);
    Module { inlined: assemble(slots, imports, functions), wrapped }
}

fn assemble(slots: &str, imports: &str, functions: &str) -> Vec<u8> {
    let count = slots.split_whitespace().count();
    let text = format!(
        "(module (@dylink.0 (mem-info {BUFFERS} (table {count} 0)))
        {PRELUDE} {imports} {ROUTINES} {functions}
        (elem (global.get $table_base) func {slots}))"
    );
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

fn upgraded(original: &[u8], exnref: bool) -> Vec<u8> {
    let options = ModuleOptions {
        personality: "_Unwind_CallPersonality".to_string(),
        handlers: exnref.then_some(Kind::Exnref),
        ..ModuleOptions::default()
    };
    let once = upgrade_module(original, &options).unwrap().bytes.expect("there is work to do");
    assert!(upgrade_module(&once, &options).unwrap().bytes.is_none(), "a second run changes nothing");
    once
}

/// Upgraded, and then as small as it gets on Pyodide 314.0.7.
fn optimised(original: &[u8]) -> Vec<u8> {
    let upgraded = upgraded(original, false);
    optimise::optimised(&[&upgraded], Runtime::V314_0_7, |name| name == "run").remove(0)
}

/// What `run` of each module gives in `runtime`, all in one.
fn answers(node: Node, runtime: Runtime, modules: &[Vec<u8>]) -> String {
    let files = modules.iter().enumerate().map(|(index, bytes)| (format!("/{index}.so"), bytes.clone())).collect();
    let count = modules.len();
    let python = format!("import ctypes\nstr([ctypes.CDLL(f'/{{index}}.so').run() for index in range({count})])");
    let job = Job { files, ..Job::new("modules", python) };
    let answer = run_jobs(node, runtime, &[job]).unwrap().remove(0);
    answer.outcome.unwrap_or_else(|error| error)
}

/// Every case, upgraded, gives its value on both targets, in both instruction forms, and made smaller; and where `on_2024`, as it was on
/// 0.27.7.
#[track_caller]
fn assert_gives(cases: &[(&str, i32, Module)], on_2024: bool) {
    let names: Vec<&str> = cases.iter().map(|(name, _, _)| *name).collect();
    let expected: Vec<i32> = cases.iter().map(|(_, value, _)| *value).collect();
    let expected = format!("{expected:?}");
    let modules =
        |change: &dyn Fn(&Module) -> Vec<u8>| -> Vec<Vec<u8>> { cases.iter().map(|(_, _, module)| change(module)).collect() };
    if on_2024 {
        let original = modules(&|module| module.inlined.clone());
        assert_eq!(answers(Node::Installed, Runtime::V0_27_7, &original), expected, "the original: {names:?}");
    }
    let inlined = modules(&|module| upgraded(&module.inlined, false));
    for runtime in Runtime::UPGRADED {
        assert_eq!(answers(Node::Installed, runtime, &inlined), expected, "inlined, {}: {names:?}", runtime.version());
    }
    let wrapped = modules(&|module| upgraded(&module.wrapped, false));
    assert_eq!(answers(Node::Installed, Runtime::V0_29_5, &wrapped), expected, "wrapped: {names:?}");
    for (form, optimised) in
        [("inlined", modules(&|module| optimised(&module.inlined))), ("wrapped", modules(&|module| optimised(&module.wrapped)))]
    {
        assert_eq!(answers(Node::Installed, Runtime::V314_0_7, &optimised), expected, "{form} and optimised: {names:?}");
    }
    for exnref in [modules(&|module| upgraded(&module.inlined, true)), modules(&|module| upgraded(&module.wrapped, true))] {
        assert_eq!(answers(Node::V24Exnref, Runtime::V0_29_5, &exnref), expected, "exnref: {names:?}");
    }
}

/// The language-specific data area has one-byte fields that overflow above 20 and above 63 clauses.
#[test]
fn landing_pads_with_many_clauses_find_theirs() {
    let pad = |clauses: usize, last: &str| {
        let parameters = "i32 ".repeat(clauses);
        let import =
            format!(r#"(import "env" "__cxa_find_matching_catch_{}" (func $many (param {parameters}) (result i32)))"#, clauses + 2);
        let others = "(global.get $double) ".repeat(clauses - 1);
        let import = if clauses == 1 { String::new() } else { import };
        let many = if clauses == 1 { "$match" } else { "$many" };
        let run = format!(
            r#"(func $thrower (call $throw_int (i32.const 42)))
            (func (export "run") (result i32) (local $exception i32)
              (i32.store (global.get $THREW) (i32.const 0))
              (call $invoke_v (global.get $table_base))
              (if (i32.ne (i32.load (global.get $THREW)) (i32.const 1)) (then (return (i32.const -1))))
              (local.set $exception (call {many} {others} {last}))
              (if (i32.ne (call $getTempRet0) {last}) (then (return (i32.const -2))))
              (call $value_of (local.get $exception)))"#
        );
        module("$thrower", &import, &run)
    };
    let mut cases = Vec::new();
    for clauses in [1, 2, 20, 21, 63, 64, 70] {
        cases.push(("typed", 42, pad(clauses, "(global.get $int)")));
    }
    assert_gives(&cases, true);
}

/// `catch (...)` is clause 0, whatever the type.
#[test]
fn a_landing_pad_for_anything_takes_anything_and_an_unmatched_one_resumes() {
    let run = r#"
        (func $thrower (call $throw_int (i32.const 5)))
        ;; A landing pad for double only: goes on unwinding.
        (func $passes (local $exception i32)
          (i32.store (global.get $THREW) (i32.const 0))
          (call $invoke_v (global.get $table_base))
          (if (i32.eq (i32.load (global.get $THREW)) (i32.const 1)) (then
            (local.set $exception (call $match (global.get $double)))
            (if (i32.eq (call $getTempRet0) (global.get $double)) (then (drop (call $value_of (local.get $exception)))))
            (call $resume (local.get $exception)))))
        (func (export "run") (result i32) (local $exception i32)
          (i32.store (global.get $THREW) (i32.const 0))
          (call $invoke_v (i32.add (global.get $table_base) (i32.const 1)))
          (if (i32.ne (i32.load (global.get $THREW)) (i32.const 1)) (then (return (i32.const -1))))
          (local.set $exception (call $match (i32.const 0)))
          (i32.add (i32.const 1000) (call $value_of (local.get $exception))))"#;
    assert_gives(&[("anything", 1005, module("$thrower $passes", "", run))], true);
}

/// Wrappers exist for every type of argument and result, and return zero when something was thrown.
#[test]
fn every_value_type_passes_through_an_invoke() {
    let run = r#"
        (func $sum (param i64 f32 f64) (result i64)
          (if (i64.eqz (local.get 0)) (then (call $throw_int (i32.const 1))))
          (i64.add (local.get 0) (i64.trunc_f64_s (f64.add (local.get 2) (f64.promote_f32 (local.get 1))))))
        (func (export "run") (result i32) (local $sum i64)
          (i32.store (global.get $THREW) (i32.const 0))
          (local.set $sum (call $invoke_jjfd (global.get $table_base) (i64.const 4294967296) (f32.const 1.5) (f64.const 2.5)))
          (if (i32.ne (i32.load (global.get $THREW)) (i32.const 0)) (then (return (i32.const -1))))
          (if (i64.ne (local.get $sum) (i64.const 4294967300)) (then (return (i32.const -2))))
          (local.set $sum (call $invoke_jjfd (global.get $table_base) (i64.const 0) (f32.const 1.5) (f64.const 2.5)))
          (if (i32.ne (i32.load (global.get $THREW)) (i32.const 1)) (then (return (i32.const -3))))
          (if (i64.ne (local.get $sum) (i64.const 0)) (then (return (i32.const -4))))
          (call $value_of (call $match (i32.const 0))))"#;
    let import = r#"(import "env" "invoke_jjfd" (func $invoke_jjfd (param i32 i64 f32 f64) (result i64)))"#;
    assert_gives(&[("numbers", 1, module("$sum", import, run))], true);

    let run = r#"
        (func $twice (param v128) (result v128) (i32x4.add (local.get 0) (local.get 0)))
        (func $thrower (param v128) (result v128) (call $throw_int (i32.const 1)) (local.get 0))
        (func (export "run") (result i32) (local $lanes v128)
          (i32.store (global.get $THREW) (i32.const 0))
          (local.set $lanes (call $invoke_VV (global.get $table_base) (v128.const i32x4 1 2 3 4)))
          (local.set $lanes (i32x4.add (local.get $lanes) (call $invoke_VV
            (i32.add (global.get $table_base) (i32.const 1)) (v128.const i32x4 100 100 100 100))))
          (drop (call $value_of (call $match (i32.const 0))))
          (i32.add (i32.load (global.get $THREW)) (i32x4.extract_lane 3 (local.get $lanes))))"#;
    let import = r#"(import "env" "invoke_VV" (func $invoke_VV (param i32 v128) (result v128)))"#;
    // JavaScript cannot pass vectors at all.
    assert_gives(&[("vectors", 9, module("$twice $thrower", import, run))], false);
}

/// JavaScript drops arguments too many and makes up for missing ones; a wasm call of another type traps.
#[test]
fn a_known_callee_of_another_type_is_called_as_javascript_did() {
    let imports = r#"
        (import "env" "invoke_i" (func $invoke_i (param i32) (result i32)))
        (import "env" "invoke_ii" (func $invoke_ii (param i32 i32) (result i32)))"#;
    let functions = r#"
        (func $two (param i32 i32) (result i32) (i32.add (i32.mul (local.get 0) (i32.const 10)) (local.get 1)))
        (func $none (result i32) (i32.const 7))
        (func $nothing)
        (func $is_nan (param f64) (result i32) (f64.ne (local.get 0) (local.get 0)))"#;
    let case = |call: &str| {
        let run = format!(
            r#"{functions} (func (export "run") (result i32) (local $result i32)
              (i32.store (global.get $THREW) (i32.const 0))
              (local.set $result {call})
              (if (i32.eq (i32.load (global.get $THREW)) (i32.const 1)) (then (return (call $value_of (call $match (i32.const 0))))))
              (local.get $result))"#
        );
        module("$two $none $nothing $is_nan", imports, &run)
    };
    let slot = |index: u32| format!("(i32.add (global.get $table_base) (i32.const {index}))");
    assert_gives(
        &[
            ("missing argument", 40, case("(call $invoke_ii (global.get $table_base) (i32.const 4))")),
            ("argument too many", 7, case(&format!("(call $invoke_ii {} (i32.const 4))", slot(1)))),
            ("missing result", 0, case(&format!("(call $invoke_i {})", slot(2)))),
            ("missing number", 1, case(&format!("(call $invoke_i {})", slot(3)))),
            ("result too many", 9, case(&format!("(call $invoke_v {}) (i32.const 9)", slot(1)))),
        ],
        true,
    );
}

/// A frame of setjmp around `$inner`: 100 and the value when the jump arrives, 1 when `$inner` returns.
const SETJMP: &str = r#"
    (func (export "run") (result i32) (local $t i32) (local $v i32)
      (call $setjmp (global.get $memory_base) (i32.const 1) (i32.add (global.get $memory_base) (i32.const 64)))
      (i32.store (global.get $THREW) (i32.const 0))
      (call $invoke_v (global.get $table_base))
      (local.set $t (i32.load (global.get $THREW)))
      (i32.store (global.get $THREW) (i32.const 0))
      (local.set $v (i32.load (global.get $threwValue)))
      (if (i32.and (i32.ne (local.get $t) (i32.const 0)) (i32.ne (local.get $v) (i32.const 0))) (then
        (if (i32.eqz (call $setjmp_test (local.get $t) (i32.add (global.get $memory_base) (i32.const 64))))
          (then (call $longjmp (local.get $t) (local.get $v))))
        (return (i32.add (i32.const 100) (local.get $v)))))
      (i32.const 1))
    (func $jump (call $longjmp (global.get $memory_base) (i32.const 5)))"#;

/// A frame that knows only C++ exceptions around `$jump`.
const CPP_ONLY: &str = r#"
    (i32.store (global.get $THREW) (i32.const 0))
    (call $invoke_v (i32.add (global.get $table_base) (i32.const 1)))
    (local.set $t (i32.load (global.get $THREW)))
    (i32.store (global.get $THREW) (i32.const 0))
    (if (i32.eq (local.get $t) (i32.const 1)) (then (call $resume (call $cleanup))))"#;

/// JavaScript swallowed a longjmp that met a frame with landing pads, and an exception that met a frame with setjmp.
#[test]
fn neither_kind_swallows_the_other() {
    let plain = format!("{SETJMP} (func $inner (local $t i32) {CPP_ONLY})");
    // The same site in a function that also has setjmp, as inlining makes them. Both sites use the same local for `__THREW__`.
    let mixed = format!(
        r#"{SETJMP} (func $quiet)
        (func $inner (local $t i32) (local $v i32) (local $frame i32)
          (local.set $frame (i32.add (global.get $memory_base) (i32.const 80)))
          (call $setjmp (i32.add (global.get $memory_base) (i32.const 32)) (i32.const 1) (local.get $frame))
          (i32.store (global.get $THREW) (i32.const 0))
          (call $invoke_v (i32.add (global.get $table_base) (i32.const 2)))
          (local.set $t (i32.load (global.get $THREW)))
          (i32.store (global.get $THREW) (i32.const 0))
          (local.set $v (i32.load (global.get $threwValue)))
          (if (i32.and (i32.ne (local.get $t) (i32.const 0)) (i32.ne (local.get $v) (i32.const 0))) (then
            (if (i32.eqz (call $setjmp_test (local.get $t) (local.get $frame)))
              (then (call $longjmp (local.get $t) (local.get $v))))))
          (loop $again
            {CPP_ONLY}
            (br_if $again (local.get $v))))"#
    );
    // A frame that asks for both and throws the longjmp on, and then one that throws both on.
    let throws_on = |pad: &str| {
        format!(
            r#"{SETJMP} (func $inner (local $t i32)
            (block $jumped
              (i32.store (global.get $THREW) (i32.const 0))
              (call $invoke_v (i32.add (global.get $table_base) (i32.const 1)))
              (local.set $t (i32.load (global.get $THREW)))
              (i32.store (global.get $THREW) (i32.const 0))
              (br_if $jumped (select (local.get $t) (i32.const 0) (i32.ne (local.get $t) (i32.const 1))))
              (if (i32.eq (local.get $t) (i32.const 1)) (then {pad}))
              (unreachable))
            (call $longjmp (local.get $t) (i32.load (global.get $threwValue)))
            (unreachable))"#
        )
    };
    let beside_landing_pad = throws_on("(drop (call $cleanup)) (return)");
    let only = throws_on("(call $resume (call $cleanup)) (unreachable)");
    // An exception through a frame that knows only setjmp.
    let exception = format!(
        r#"{} {}"#,
        SETJMP.replace(r#"(export "run")"#, "$jumps"),
        r#"(func $throws (call $throw_int (i32.const 8)))
        (func $call_jumps (drop (call $jumps)))
        (func (export "run") (result i32)
          (i32.store (global.get $THREW) (i32.const 0))
          (call $invoke_v (i32.add (global.get $table_base) (i32.const 1)))
          (if (i32.ne (i32.load (global.get $THREW)) (i32.const 1)) (then (return (i32.const -1))))
          (call $value_of (call $match (global.get $int))))"#
    );
    assert_gives(
        &[
            ("longjmp through a landing pad", 105, module("$inner $jump", "", &plain)),
            ("longjmp through a landing pad beside setjmp", 105, module("$inner $jump $quiet", "", &mixed)),
            ("longjmp that a landing pad throws on", 105, module("$inner $jump", "", &beside_landing_pad)),
            ("longjmp through a frame that throws all on", 105, module("$inner $jump", "", &only)),
            ("exception through setjmp", 8, module("$throws $call_jumps", "", &exception)),
        ],
        false,
    );
}

/// Whoever reaches an invoke otherwise than by a call reaches the wrapper.
#[test]
fn invokes_are_reached_by_tail_calls_and_through_the_table() {
    let functions = r#"
        (func $thrower (call $throw_int (i32.const 3)))
        (func $tail (param i32) (return_call $invoke_v (local.get 0)))
        (type $pointer (func (param i32)))
        (func $caught (result i32)
          (if (i32.ne (i32.load (global.get $THREW)) (i32.const 1)) (then (return (i32.const -1))))
          (call $value_of (call $match (i32.const 0))))"#;
    let case = |call: &str| {
        let run = format!(
            r#"{functions} (func (export "run") (result i32)
              (i32.store (global.get $THREW) (i32.const 0)) {call} (call $caught))"#
        );
        module("$thrower $invoke_v", "", &run)
    };
    assert_gives(
        &[
            ("tail call", 3, case("(call $tail (global.get $table_base))")),
            (
                "table",
                3,
                case("(call_indirect (type $pointer) (global.get $table_base) (i32.add (global.get $table_base) (i32.const 1)))"),
            ),
        ],
        true,
    );
}

/// The address of a function that is no longer imported is that of the routine in its place.
#[test]
fn addresses_of_replaced_functions_lead_to_their_routines() {
    let imports = r#"
        (import "GOT.func" "invoke_v" (global $invoke_v_address (mut i32)))
        (import "GOT.func" "emscripten_longjmp" (global $longjmp_address (mut i32)))"#;
    let functions = r#"
        (type $pointer (func (param i32)))
        (func $thrower (call $throw_int (i32.const 3)))
        (func (export "run") (result i32)
          (i32.store (global.get $THREW) (i32.const 0))
          (call_indirect (type $pointer) (global.get $table_base) (global.get $invoke_v_address))
          (if (i32.ne (i32.load (global.get $THREW)) (i32.const 1)) (then (return (i32.const -1))))
          (i32.add (call $value_of (call $match (i32.const 0))) (i32.eqz (global.get $longjmp_address))))"#;
    assert_gives(&[("address", 3, module("$thrower", imports, functions))], false);
}

/// Every form of the test behind a call, and what keeps its test: a frame that runs a cleanup, without and with an exception.
#[test]
fn cleanups_run_whatever_form_the_test_before_them_has() {
    let call = "(i32.store (global.get $THREW) (i32.const 0))
        (call $invoke_v (global.get $table_base))
        (local.set $threw (i32.load (global.get $THREW)))
        (i32.store (global.get $THREW) (i32.const 0))";
    let gives = "(i32.store (global.get $THREW) (i32.const 0))
        (local.set $sum (call $invoke_i (i32.add (global.get $table_base) (i32.const 2))))
        (local.set $threw (i32.load (global.get $THREW)))
        (i32.store (global.get $THREW) (i32.const 0))";
    let harmless = "(i32.store (global.get $THREW) (i32.const 0))
        (drop (call $invoke_ii (i32.add (global.get $table_base) (i32.const 3)) (i32.const 6)))
        (local.set $threw (i32.load (global.get $THREW)))
        (i32.store (global.get $THREW) (i32.const 0))";
    let pad = "(local.set $exception (call $cleanup)) (drop (call $getTempRet0)) (call $note (i32.const 10))
        (call $resume (local.get $exception)) (unreachable)";
    let cases = [
        (
            "branches",
            "(block $pad CALL (br_if $pad (i32.eq (local.get $threw) (i32.const 1))) (call $note (i32.const 1)) (return)) PAD",
        ),
        ("falls", "(block $on CALL (br_if $on (i32.ne (local.get $threw) (i32.const 1))) PAD) (call $note (i32.const 1))"),
        ("two arms", "CALL (if (i32.ne (local.get $threw) (i32.const 1)) (then (call $note (i32.const 1))) (else PAD))"),
        ("guarded", "CALL (if (i32.ne (local.get $threw) (i32.const 1)) (then (call $note (i32.const 1)) (return))) PAD"),
        ("meets again", "CALL (if (i32.eq (local.get $threw) (i32.const 1)) (then PAD)) (call $note (i32.const 1))"),
        (
            "blocks",
            "CALL (block $on (block $pad (br_if $pad (i32.eq (local.get $threw) (i32.const 1))) (call $note (i32.const 1)) (br $on)) PAD)",
        ),
        (
            "shared resume",
            "(block $resume
              CALL (if (i32.ne (local.get $threw) (i32.const 1)) (then (call $note (i32.const 1)) (return)))
              (local.set $exception (call $cleanup)) (drop (call $getTempRet0)) (call $note (i32.const 10))
              (br_if $resume (local.get $exception)) (unreachable))
            (call $resume (local.get $exception)) (unreachable)",
        ),
        (
            "a call in the landing pad",
            "(block $on CALL (br_if $on (i32.ne (local.get $threw) (i32.const 1)))
              (local.set $exception (call $cleanup)) (drop (call $getTempRet0)) (global.set $throws (i32.const 0))
              (block $resume CALL (br_if $resume (i32.ne (local.get $threw) (i32.const 1)))
                (drop (call $cleanup)) (drop (call $getTempRet0)) (unreachable))
              (call $note (i32.const 10)) (call $resume (local.get $exception)) (unreachable))
            (call $note (i32.const 1))",
        ),
        (
            "works before",
            "CALL (call $note (i32.const 0)) (if (i32.eq (local.get $threw) (i32.const 1)) (then PAD)) (call $note (i32.const 1))",
        ),
        (
            "asks again",
            "(block $pad CALL (br_if $pad (i32.eq (local.get $threw) (i32.const 1))) (call $note (i32.const 1)))
            (if (i32.eq (local.get $threw) (i32.const 1)) (then PAD))",
        ),
        (
            "computes before",
            "(local.set $sum (i32.const 5)) CALL (local.set $sum (i32.sub (local.get $sum) (i32.const 4)))
            (if (i32.eq (local.get $threw) (i32.const 1)) (then (if (i32.ne (local.get $sum) (i32.const 1)) (then (unreachable))) PAD))
            (call $note (local.get $sum))",
        ),
        (
            "computes with what was thrown",
            "CALL (local.set $sum (i32.sub (local.get $threw) (i32.const 1)))
            (if (i32.eq (local.get $threw) (i32.const 1)) (then (if (local.get $sum) (then (unreachable))) PAD))
            (call $note (i32.sub (i32.const 0) (local.get $sum)))",
        ),
        (
            "the result below",
            "(block $pad
              (i32.store (global.get $THREW) (i32.const 0))
              (call $invoke_i (i32.add (global.get $table_base) (i32.const 2)))
              (local.set $threw (i32.load (global.get $THREW)))
              (i32.store (global.get $THREW) (i32.const 0))
              (br_if $pad (i32.eq (local.get $threw) (i32.const 1)))
              (call $note) (return))
            PAD",
        ),
        (
            "the result below a landing pad",
            "(i32.store (global.get $THREW) (i32.const 0))
            (call $invoke_i (i32.add (global.get $table_base) (i32.const 2)))
            (local.set $threw (i32.load (global.get $THREW)))
            (i32.store (global.get $THREW) (i32.const 0))
            (if (i32.eq (local.get $threw) (i32.const 1)) (then PAD))
            (call $note)",
        ),
        (
            "nothing to clean up",
            "CALL (if (i32.eq (local.get $threw) (i32.const 1)) (then
              (local.set $exception (call $cleanup)) (drop (call $getTempRet0))
              (call $resume (local.get $exception)) (unreachable)))
            CALL_GIVES (if (i32.eq (local.get $threw) (i32.const 1)) (then
              (call $resume (call $cleanup)) (unreachable)))
            (call $note (i32.const 10)) (call $note (local.get $sum))",
        ),
        (
            "cannot throw",
            "(block $pad
              HARMLESS (br_if $pad (i32.eq (local.get $threw) (i32.const 1)))
              HARMLESS (if (i32.ne (local.get $threw) (i32.const 1)) (then (local.set $sum (i32.const 3))) (else PAD))
              HARMLESS (if (i32.eq (local.get $threw) (i32.const 1)) (then PAD))
              (block $on HARMLESS (br_if $on (i32.ne (local.get $threw) (i32.const 1))) PAD)
              HARMLESS (local.set $sum (i32.sub (local.get $sum) (i32.const 2)))
              (if (i32.eqz (local.get $threw)) (then (br_if $pad (i32.ne (local.get $sum) (i32.const 1)))))
              CALL (if (i32.ne (local.get $threw) (i32.const 1)) (then (call $note (local.get $sum)) (return))))
            PAD",
        ),
        (
            "cannot throw, and asked for a longjmp first",
            "(block $pad (block $jumped
              HARMLESS
              (br_if $jumped (select (local.get $threw) (i32.const 0) (i32.ne (local.get $threw) (i32.const 1))))
              (br_if $pad (i32.eq (local.get $threw) (i32.const 1)))
              CALL
              (br_if $jumped (select (local.get $threw) (i32.const 0) (i32.ne (local.get $threw) (i32.const 1))))
              (br_if $pad (i32.eq (local.get $threw) (i32.const 1)))
              (call $note (i32.const 1)) (return))
              (unreachable))
            PAD",
        ),
        (
            "the result in the landing pad",
            "(i32.store (global.get $THREW) (i32.const 0))
            (local.set $sum (call $invoke_i (i32.add (global.get $table_base) (i32.const 2))))
            (local.set $threw (i32.load (global.get $THREW)))
            (i32.store (global.get $THREW) (i32.const 0))
            (if (i32.eq (local.get $threw) (i32.const 1)) (then
              (if (local.get $sum) (then (unreachable)))
              PAD))
            (call $note (local.get $sum))",
        ),
    ];
    let run = format!(
        r#"(global $throws (mut i32) (i32.const 0))
        (global $notes (mut i32) (i32.const 0))
        (func $note (param i32) (global.set $notes (i32.add (global.get $notes) (local.get 0))))
        (func $callee (if (global.get $throws) (then (call $throw_int (i32.const 40)))))
        (func $gives (result i32) (call $callee) (i32.const 1))
        (func $harmless (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
        (func (export "run") (result i32) (local $threw i32) (local $exception i32)
          (call $frame)
          (global.set $throws (i32.const 1))
          {}
          (if (i32.ne (local.get $threw) (i32.const 1)) (then (return (i32.const -1))))
          (local.set $exception (call $match (global.get $int)))
          (if (i32.ne (call $getTempRet0) (global.get $int)) (then (return (i32.const -2))))
          (i32.add (call $value_of (local.get $exception)) (i32.mul (global.get $notes) (i32.const 100))))"#,
        call.replace("(global.get $table_base)", "(i32.add (global.get $table_base) (i32.const 1))")
    );
    let frame = |(name, body): (&'static str, &str)| {
        let body = body.replace("CALL_GIVES", gives).replace("HARMLESS", harmless).replace("CALL", call).replace("PAD", pad);
        let frame = format!("(func $frame (local $threw i32) (local $exception i32) (local $sum i32) {body})");
        let imports = r#"(import "env" "invoke_i" (func $invoke_i (param i32) (result i32)))
            (import "env" "invoke_ii" (func $invoke_ii (param i32 i32) (result i32)))"#;
        (name, 1140, module("$callee $frame $gives $harmless", imports, &format!("{run} {frame}")))
    };
    assert_gives(&cases.map(frame), true);
}

/// An address that is that of `__THREW__` or of something else, which only running tells.
#[test]
fn an_access_that_may_mean_threw_finds_what_its_address_means() {
    let functions = r#"
        (func $thrower (call $throw_int (i32.const 40)))
        (func $word (result i32) (i32.add (global.get $memory_base) (i32.const 16)))
        (func $asks (param $flag i32) (result i32) (local $found i32) (local $p i32)
          (i32.store (call $word) (i32.const 7))
          (i32.store (global.get $THREW) (i32.const 0))
          (call $invoke_v (global.get $table_base))
          (local.set $p (call $word))
          (if (local.get $flag) (then (local.set $p (global.get $THREW))))
          ;; What is loaded, and what is there after another value was stored.
          (local.set $found (i32.mul (i32.load (local.get $p)) (i32.const 100)))
          (i32.store (local.get $p) (i32.const 5))
          (local.set $found (i32.add (local.get $found) (i32.mul (i32.load (call $word)) (i32.const 10))))
          (local.set $found (i32.add (local.get $found) (i32.load (global.get $THREW))))
          (i32.store (global.get $THREW) (i32.const 0))
          (drop (call $value_of (call $match (global.get $int))))
          (local.get $found))
        (func (export "run") (result i32)
          (i32.add (i32.mul (call $asks (i32.const 0)) (i32.const 1000)) (call $asks (i32.const 1))))"#;
    assert_gives(&[("either", 751_175, module("$thrower", "", functions))], true);
}
