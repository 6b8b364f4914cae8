//! Modules that instrumentation watches while they throw and catch: the fixtures after Binaryen's passes, originals on Pyodide 0.27.7,
//! upgraded ones on the targets.
//!
//! Such passes put a call in front of loads and stores, in the place of them, or between the parts of a function, so that the address of
//! `__THREW__` goes to another function or is computed with. What they call is in a library of the test's own, loaded first: Emscripten
//! would link it into the main module.

use std::path::Path;
use std::process::Command;

use support::fixtures::{Group, differences, run_in_turn};
use support::{Answer, Job, Node, Runtime, npm};
use wasm_pyfix::cli;
use wasm_pyfix::run::InMemory;

/// What instrumentation calls: checks that find nothing to complain about, and observers that give back what they are given.
const OBSERVERS: &str = r#"
(module
  (@dylink.0 (mem-info (memory 4 2) (table 0 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__memory_base" (global $memory_base i32))
  ;; --safe-heap: accesses have to end before the word that this points to; a complaint ends the program.
  (func (export "emscripten_get_sbrk_ptr") (result i32) (global.get $memory_base))
  (func (export "segfault") unreachable)
  (func (export "alignfault") unreachable)
  ;; --instrument-memory: number of the access, bytes, offset, address; and number of the access, value.
  (func (export "load_ptr") (param i32 i32 i32 i32) (result i32) (local.get 3))
  (func (export "store_ptr") (param i32 i32 i32 i32) (result i32) (local.get 3))
  (func (export "load_val_i32") (param i32 i32) (result i32) (local.get 1))
  (func (export "load_val_i64") (param i32 i64) (result i64) (local.get 1))
  (func (export "load_val_f32") (param i32 f32) (result f32) (local.get 1))
  (func (export "load_val_f64") (param i32 f64) (result f64) (local.get 1))
  (func (export "store_val_i32") (param i32 i32) (result i32) (local.get 1))
  (func (export "store_val_i64") (param i32 i64) (result i64) (local.get 1))
  (func (export "store_val_f32") (param i32 f32) (result f32) (local.get 1))
  (func (export "store_val_f64") (param i32 f64) (result f64) (local.get 1))
  (func (export "memory_grow_pre") (param i32 i32) (result i32) (local.get 1))
  (func (export "memory_grow_post") (param i32 i32) (result i32) (local.get 1))
  ;; --log-execution: number of the place.
  (func (export "log_execution") (param i32))
  (data (global.get $memory_base) "\ff\ff\ff\ff"))
"#;

/// Loads the observers for all to see; the runtime's own functions of the same names come first.
const OBSERVED: &str = "
import ctypes
ctypes.CDLL('/observers.so', ctypes.RTLD_GLOBAL)
";

/// The modules of exceptions, and of them together with `setjmp`, as `level` of the compiler leaves them and then `passes`.
fn instrumented(level: &str, passes: &str) -> Group {
    let group = Group::read(&format!("emscripten-3.1.69/{level}-sm1-js")).expect("the fixtures are in the repository");
    let group = group.only(|file| ["a_eh.so", "b_sjcpp.so"].contains(&file));
    let directory = tempfile::tempdir().unwrap();
    for (file, bytes) in &group.modules {
        std::fs::write(directory.path().join(file), bytes).unwrap();
    }
    let library = npm::packages().unwrap().join("binaryen/index.js");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/random/binaryen.mjs");
    let output = Command::new("node").arg(script).arg(library).arg(directory.path()).arg(passes).output().unwrap();
    assert!(output.status.success(), "{passes}: {}", String::from_utf8_lossy(&output.stderr));
    let changed = group.map(|file, before| {
        let after = std::fs::read(directory.path().join(file)).unwrap();
        assert_ne!(before, after, "{file}: {passes} changes nothing");
        after
    });
    Group { name: format!("{level} {passes}"), ..changed }
}

fn upgraded(group: Group, words: &str) -> Group {
    let words = ["wasm-pyfix", "upgrade", "--dry-run", "--quiet", "./input"].into_iter().chain(words.split_whitespace());
    let args = cli::upgrade_args(words).unwrap_or_else(|error| panic!("{error}"));
    let mut tool = InMemory::new(&args).unwrap_or_else(|error| panic!("{error:#}"));
    let name = group.name.clone();
    group.map(|file, bytes| {
        let (report, upgraded) = tool.upgrade(file, &bytes);
        assert!(report.error.is_none(), "{name}, {file}: {:?}", report.error);
        upgraded.expect("there is work to do")
    })
}

fn answers(group: &Group, runtime: Runtime) -> Vec<Answer> {
    let observers = wat::parse_str(OBSERVERS).unwrap();
    let jobs = group.modules.iter().map(|(file, _)| {
        let mut job = group.job(file).expect("it prints something");
        job.python.insert_str(0, OBSERVED);
        job.files.push(("/observers.so".to_string(), observers.clone()));
        job
    });
    let jobs: Vec<Job> = jobs.collect();
    run_in_turn(Node::Installed, runtime, jobs).unwrap_or_else(|error| panic!("{error:#}"))
}

#[track_caller]
fn assert_prints(group: &Group, runtime: Runtime, words: &str) {
    let differences = differences(&answers(group, runtime));
    assert!(differences.is_empty(), "{} on {} {words}\n{}", group.name, runtime.version(), differences.join("\n"));
}

/// The original on 0.27.7 and the upgraded module on both targets print what the natively compiled sources do, made smaller or not.
#[track_caller]
fn does_the_same(level: &str, passes: &str) {
    let original = instrumented(level, passes);
    assert_prints(&original, Runtime::V0_27_7, "as it was");
    for (runtime, size) in [(Runtime::V0_29_5, "-O0"), (Runtime::V0_29_5, "-O1"), (Runtime::V314_0_7, "-O1")] {
        let words = format!("--target {} {size}", runtime.platform());
        assert_prints(&upgraded(original.clone(), &words), runtime, &words);
    }
}

/// Every load and store becomes a call of a function of the module, which an optimiser puts back in place.
#[test]
fn safe_heap() {
    does_the_same("O0", "safe-heap");
    does_the_same("O2", "safe-heap,O2");
}

/// Every address and every value goes through an import.
#[test]
fn instrument_memory() {
    does_the_same("O2", "instrument-memory");
}

/// Calls stand between the parts of a function; and addresses are written to the stack before calls.
#[test]
fn log_execution_and_spill_pointers() {
    does_the_same("O2", "log-execution");
    does_the_same("O2", "spill-pointers");
}

/// Parts of functions go to functions of their own, with the addresses as arguments.
#[test]
fn merge_similar_functions() {
    does_the_same("O0", "merge-similar-functions");
}
