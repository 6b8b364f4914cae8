//! Modules of older ABIs, made for one detail each and run under real runtimes once they are upgraded.

#[path = "optimise/mod.rs"]
mod optimise;

use std::sync::Arc;

use support::fixtures::Group;
use support::{Job, Node, Runtime, run_jobs};
use wasm_pyfix::pipeline::{ModuleOptions, upgrade_module};
use wasm_pyfix::target::Target;
use wasm_pyfix_passes::Error;

/// What LLVM before 19 makes of setjmp, in a module whose jump buffers begin at `$memory_base`.
const SETJMP: &str = r#"
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table $table 0 funcref))
  (import "env" "__memory_base" (global $memory_base i32))
  (import "GOT.mem" "__THREW__" (global $THREW (mut i32)))
  (import "GOT.mem" "__threwValue" (global $threwValue (mut i32)))
  (import "env" "malloc" (func $malloc (param i32) (result i32)))
  (import "env" "free" (func $free (param i32)))
  (import "env" "saveSetjmp" (func $saveSetjmp (param i32 i32 i32 i32) (result i32)))
  (import "env" "testSetjmp" (func $testSetjmp (param i32 i32 i32) (result i32)))
  (import "env" "getTempRet0" (func $getTempRet0 (result i32)))
  (import "env" "emscripten_longjmp" (func $longjmp (param i32 i32)))
  (import "env" "invoke_vi" (func $invoke_vi (param i32 i32)))
  (func $new_table (result i32) (local $table i32)
    (i32.store (local.tee $table (call $malloc (i32.const 40))) (i32.const 0))
    (local.get $table))
"#;

fn module(functions: &str) -> Vec<u8> {
    upgraded(&format!("(module (@dylink.0 (mem-info (memory 1024 4) (table 0 0))) {SETJMP} {functions})"))
}

fn upgraded(text: &str) -> Vec<u8> {
    let original = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
    let options = ModuleOptions { personality: "_Unwind_CallPersonality".to_string(), ..ModuleOptions::default() };
    let once = upgrade_module(&original, &options).unwrap().bytes.expect("there is work to do");
    assert!(upgrade_module(&once, &options).unwrap().bytes.is_none(), "a second run changes nothing");
    once
}

/// The answer to `python` beside `files` is `expected` on both targets, and on one with the modules made smaller.
#[track_caller]
fn assert_gives(files: &[(&str, &[u8])], python: &str, expected: &str) {
    let files: Vec<_> = files.iter().map(|(path, bytes)| (path.to_string(), bytes.to_vec())).collect();
    let assert_gives = |files: Vec<(String, Vec<u8>)>, runtime: Runtime, form: &str| {
        let job = Job { files, ..Job::new("legacy", python) };
        let answers = run_jobs(Node::Installed, runtime, &[job]).unwrap_or_else(|error| panic!("{error:#}"));
        assert_eq!(answers[0].outcome.as_deref(), Ok(expected), "{form} on {}", runtime.version());
    };
    for runtime in Runtime::UPGRADED {
        assert_gives(files.clone(), runtime, "upgraded");
    }
    let optimised = |bytes: &[u8]| optimise::optimised(&[bytes], Runtime::V0_29_5, |name| python.contains(name)).remove(0);
    let files = files.iter().map(|(path, bytes)| (path.clone(), optimised(bytes))).collect();
    assert_gives(files, Runtime::V0_29_5, "optimised");
}

/// A frame that jumps past another module's frame must not be taken for it, so no two modules give the same id.
#[test]
fn a_longjmp_passes_the_setjmp_of_another_module() {
    let module = module(
        r#"
        ;; Calls `pointer` with `argument` in a frame of setjmp: 1 when it returns, 100 and the value when it jumps.
        (func $frame (export "frame") (param $pointer i32) (param $argument i32) (result i32)
          (local $table i32) (local $size i32) (local $threw i32) (local $value i32)
          (local.set $table (call $saveSetjmp (global.get $memory_base) (i32.const 1) (call $new_table) (i32.const 4)))
          (local.set $size (call $getTempRet0))
          (i32.store (global.get $THREW) (i32.const 0))
          (call $invoke_vi (local.get $pointer) (local.get $argument))
          (local.set $threw (i32.load (global.get $THREW)))
          (i32.store (global.get $THREW) (i32.const 0))
          (local.set $value (i32.load (global.get $threwValue)))
          (if (i32.and (i32.ne (local.get $threw) (i32.const 0)) (i32.ne (local.get $value) (i32.const 0))) (then
            (if (i32.eqz (call $testSetjmp (i32.load (local.get $threw)) (local.get $table) (local.get $size)))
              (then (call $longjmp (local.get $threw) (local.get $value))))
            (call $free (local.get $table))
            (return (i32.add (i32.const 100) (local.get $value)))))
          (call $free (local.get $table))
          (i32.const 1))
        (func (export "relay") (param $pointer i32) (drop (call $frame (local.get $pointer) (i32.const 0))))
        (func (export "jump") (param i32) (call $longjmp (global.get $memory_base) (i32.const 7)))"#,
    );
    let python = "
import ctypes
a, b = ctypes.CDLL('/a.so'), ctypes.CDLL('/b.so')
address = lambda function: ctypes.cast(function, ctypes.c_void_p).value
# a's frame lies between b's and the jump to b's; then the same the other way round, and a jump to the innermost frame.
str([b.frame(address(a.relay), address(b.jump)), a.frame(address(b.relay), address(a.jump)), a.frame(address(a.jump), 0)])";
    assert_gives(&[("/a.so", &module), ("/b.so", &module)], python, "[107, 107, 107]");
}

/// A table of four grows when a frame has more setjmps, and not when one setjmp is reached again.
#[test]
fn the_table_of_a_frame_grows_with_its_setjmps() {
    let module = module(
        r#"
        (func $env (param $index i32) (result i32) (i32.add (global.get $memory_base) (i32.mul (local.get $index) (i32.const 48))))
        ;; Reaches setjmps 1 to `count`, each `times` times; gives the size of the table, or minus the number of one that is not found.
        (func (export "fill") (param $count i32) (param $times i32) (result i32)
          (local $table i32) (local $size i32) (local $label i32) (local $other i32)
          (local.set $table (call $new_table))
          (local.set $size (i32.const 4))
          (local.set $other (call $saveSetjmp (call $env (i32.const 20)) (i32.const 1) (call $new_table) (i32.const 4)))
          (loop $again
            (local.set $label (i32.const 1))
            (loop $next
              (local.set $table
                (call $saveSetjmp (call $env (local.get $label)) (local.get $label) (local.get $table) (local.get $size)))
              (local.set $size (call $getTempRet0))
              (br_if $next (i32.le_s (local.tee $label (i32.add (local.get $label) (i32.const 1))) (local.get $count))))
            (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
          (local.set $label (local.get $count))
          (loop $next
            (if (i32.ne (local.get $label)
                (call $testSetjmp (i32.load (call $env (local.get $label))) (local.get $table) (local.get $size)))
              (then (return (i32.sub (i32.const 0) (local.get $label)))))
            (br_if $next (local.tee $label (i32.sub (local.get $label) (i32.const 1)))))
          ;; The setjmp of another frame is in no other table.
          (if (call $testSetjmp (i32.load (call $env (i32.const 20))) (local.get $table) (local.get $size))
            (then (return (i32.const -100))))
          (call $free (local.get $other))
          (call $free (local.get $table))
          (local.get $size))"#,
    );
    let python = "
import ctypes
lib = ctypes.CDLL('/t.so')
str([lib.fill(count, times) for count, times in [(1, 1), (4, 1), (5, 1), (8, 3), (9, 2), (17, 1), (4, 1000)]])";
    assert_gives(&[("/t.so", &module)], python, "[4, 4, 8, 8, 16, 32, 4]");
}

/// Native setjmp of LLVM before 19 has the same tables; only what is thrown is that of today.
#[test]
fn native_setjmp_gets_its_table_too() {
    let module = upgraded(
        r#"(module (@dylink.0 (mem-info (memory 128 4) (table 0 0)))
        (import "env" "memory" (memory 0))
        (import "env" "__memory_base" (global $memory_base i32))
        (import "env" "__c_longjmp" (tag $longjmp (param i32)))
        (import "env" "__wasm_longjmp" (func $longjmp (param i32 i32)))
        (import "env" "saveSetjmp" (func $saveSetjmp (param i32 i32 i32 i32) (result i32)))
        (import "env" "testSetjmp" (func $testSetjmp (param i32 i32 i32) (result i32)))
        (import "env" "malloc" (func $malloc (param i32) (result i32)))
        (import "env" "getTempRet0" (func $getTempRet0 (result i32)))
        (func (export "run") (result i32) (local $table i32) (local $size i32) (local $jump i32)
          (i32.store (local.tee $table (call $malloc (i32.const 40))) (i32.const 0))
          (local.set $table (call $saveSetjmp (global.get $memory_base) (i32.const 3) (local.get $table) (i32.const 4)))
          (local.set $size (call $getTempRet0))
          try
            (call $longjmp (global.get $memory_base) (i32.const 5))
          catch $longjmp
            local.set $jump
          end
          (i32.add (i32.load offset=4 (local.get $jump)) (i32.mul (i32.const 10)
            (call $testSetjmp (i32.load (i32.load (local.get $jump))) (local.get $table) (local.get $size))))))"#,
    );
    assert_gives(&[("/t.so", &module)], "import ctypes\nstr(ctypes.CDLL('/t.so').run())", "35");
}

/// A name that never existed keeps a module from loading until it is mended.
#[test]
fn a_misspelled_symbol_is_found_under_its_right_name() {
    let text = r#"(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
        (import "env" "memory" (memory 0))
        (import "env" "__indirect_function_table" (table $table 0 funcref))
        (import "env" "_emscripten_get_now" (func $now (result f64)))
        (import "GOT.func" "_emscripten_get_now" (global $address (mut i32)))
        (type $now (func (result f64)))
        (func (export "run") (result i32)
          (i32.and (f64.gt (call $now) (f64.const 0))
            (f64.gt (call_indirect (type $now) (global.get $address)) (f64.const 0)))))"#;
    let original = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
    let python = "import ctypes\nstr(ctypes.CDLL('/t.so').run())";
    let error = support::run_python(Runtime::V0_29_5, &[("/t.so", &original)], python).expect_err("it does not load");
    assert!(error.contains("bad export type for '_emscripten_get_now'"), "{error}");

    let target = Target::find("pyodide_2025_0").unwrap();
    let options = ModuleOptions {
        environment: Some(Arc::new(target.manifest().unwrap())),
        aliases: Arc::new(target.aliases()),
        ..ModuleOptions::default()
    };
    let upgraded = upgrade_module(&original, &options).unwrap().bytes.expect("there is work to do");
    assert_gives(&[("/t.so", &upgraded)], python, "1");
}

/// The libc++ of 2022 had functions that later ones lack. They are named, and nothing is written unless asked for.
#[test]
fn functions_that_libcxx_dropped_are_listed() {
    let group = Group::read("emscripten-3.1.6/O2-sm1-js").expect("the fixtures are in the repository");
    let vector = "_ZNKSt3__220__vector_base_commonILb1EE20__throw_";
    let string = "_ZNKSt3__221__basic_string_commonILb1EE20__throw_length_errorEv";
    let cases = [
        ("a_eh.so", vec![format!("{vector}out_of_rangeEv"), string.to_string()]),
        ("e_ext.so", vec![format!("{vector}out_of_rangeEv"), string.to_string()]),
        ("d_vt.so", vec![format!("{vector}length_errorEv")]),
        ("b_sj.so", Vec::new()),
        ("b_sjcpp.so", Vec::new()),
    ];
    for name in ["pyodide_2025_0", "pyemscripten_2026_0"] {
        let target = Target::find(name).unwrap();
        let mut options = ModuleOptions {
            personality: target.personality.unwrap().to_string(),
            environment: Some(Arc::new(target.manifest().unwrap())),
            aliases: Arc::new(target.aliases()),
            ..ModuleOptions::default()
        };
        for (file, names) in &cases {
            let (_, bytes) = group.modules.iter().find(|(name, _)| name == file).expect(file);
            options.allow_missing = false;
            match upgrade_module(bytes, &options) {
                Ok(_) => assert!(names.is_empty(), "{file} on {name}"),
                Err(Error::Refused { message, .. }) => {
                    let listed: Vec<&str> = message.split('`').filter(|word| word.starts_with("_Z")).collect();
                    assert_eq!(listed, *names, "{file} on {name}: {message}");
                }
                Err(error) => panic!("{file} on {name}: {error}"),
            }
            options.allow_missing = true;
            let result = upgrade_module(bytes, &options).unwrap_or_else(|error| panic!("{file} on {name}: {error}"));
            assert!(result.bytes.is_some());
        }
    }
}

/// Every module of the Python packages of Pyodide 0.17.1 (Emscripten of 2021: legacy `dylink`, legalized, legacy setjmp) is read, and
/// upgraded or refused with a reason.
///
/// `cargo test --test legacy -- --ignored` runs it; it fetches 185 MB from the npm registry once.
#[test]
#[ignore = "fetches 185 MB"]
fn modules_of_2021_are_upgraded_or_refused() {
    let package = support::npm::pyodide_of_2021().unwrap_or_else(|error| panic!("{error:#}"));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut unpack = std::process::Command::new("node");
    unpack.arg(support::repository().join("tests/runtime/unpack.mjs")).arg(package.join("dist")).arg(directory.path());
    let output = unpack.output().expect("Node starts");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "343\n", "{}", String::from_utf8_lossy(&output.stderr));

    let mut modules = Vec::new();
    let mut directories = vec![directory.path().to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).expect("the modules are unpacked") {
            let path = entry.expect("the directory is readable").path();
            if path.is_dir() { directories.push(path) } else { modules.push(path) }
        }
    }
    assert_eq!(modules.len(), 343);
    let target = Target::find("pyodide_2025_0").unwrap();
    let mut options = ModuleOptions {
        bigint: true,
        personality: target.personality.unwrap().to_string(),
        environment: Some(Arc::new(target.manifest().unwrap())),
        aliases: Arc::new(target.aliases()),
        ..ModuleOptions::default()
    };
    for module in modules {
        let bytes = std::fs::read(&module).expect("the module is unpacked");
        for allow_missing in [false, true] {
            options.allow_missing = allow_missing;
            match upgrade_module(&bytes, &options) {
                // Each has at least its metadata in the old section, and `upgrade_module` has validated the result.
                Ok(result) => assert!(result.bytes.is_some(), "{}", module.display()),
                Err(Error::Refused { message, .. }) => assert!(!message.is_empty()),
                Err(error) => panic!("{}: {error}", module.display()),
            }
        }
    }
}
