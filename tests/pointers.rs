//! Function pointers that are called under another type: modules in which every slot of a type, every kind of method and some callbacks
//! have one parameter too few or too many end the runtime, and say what they say natively once upgraded.
//!
//! `tests/pointers` has the sources, what a native CPython prints, and how both were made. Where there is a corpus beside the repository,
//! zstandard 0.23.0 and kiwisolver 1.4.8 are run, too.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{Job, Node, Runtime, run_jobs};

/// A module with types from specs, and one with static types.
const MODULES: [&str; 2] = ["limited", "static"];

const TRAP: &str = "null function or function signature mismatch";

fn directory() -> PathBuf {
    support::repository().join("tests/pointers")
}

fn built(name: &str) -> PathBuf {
    directory().join(format!("built/{name}.so"))
}

fn tool(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_wasm-pyfix")).args(arguments).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), printed.into_owned())
}

/// The findings in a file.
fn findings(file: &Path, target: &str) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"))
        .arg("check")
        .arg(file)
        .args(["--json", "--target", target])
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["inputs"][0]["findings"].as_array().unwrap().clone()
}

fn upgraded(file: &Path, target: &str, arguments: &[&str]) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("out.so");
    let (input, written) = (file.to_str().unwrap(), output.to_str().unwrap());
    let (code, printed) = tool(&[&[input, "-o", written, "--target", target], arguments].concat());
    assert_eq!(code, 0, "{printed}");
    std::fs::read(&output).unwrap()
}

fn job(module: Vec<u8>) -> Job {
    let runner = std::fs::read(directory().join("run.py")).unwrap();
    let files = vec![("/t/m.so".to_string(), module), ("/t/run.py".to_string(), runner)];
    Job { files, ..Job::new("slots", "import sys\nsys.path.insert(0, '/t')\nimport run\nrun.run('/t/m.so')") }
}

/// The names of the types for slots.
fn types() -> BTreeSet<String> {
    let slots = std::fs::read_to_string(directory().join("src/slots.h")).unwrap();
    let names = slots.lines().filter_map(|line| line.strip_prefix("SLOT(")?.split(", ").nth(1).map(str::to_string));
    names.flat_map(|name| ["fewer", "more"].map(|direction| format!("m.{direction}_{name}"))).collect()
}

#[test]
fn every_slot_is_found() {
    for (name, spared) in [("limited", ""), ("static", "tp_del")] {
        for target in ["0.27", "0.29", "314", "315"] {
            let findings = findings(&built(name), target);
            let of = |code: &str| -> BTreeSet<String> {
                let of = findings.iter().filter(|finding| finding["code"] == code);
                of.map(|finding| finding["symbol"].as_str().unwrap().to_string()).collect()
            };
            // Python calls it by the trampoline, too.
            let calls = |name: &String| name.ends_with("tp_call");
            let mut expected: BTreeSet<String> = types()
                .into_iter()
                .filter(|name| spared.is_empty() || !name.ends_with(spared))
                .filter(|name| !calls(name))
                .collect();
            expected.extend(["slots", "bare", "fewer_fastcall", "more_fastcall"].map(str::to_string));
            expected
                .extend(["fewer_fastcall_keywords", "more_fastcall_keywords", "m.shared_one", "m.shared_two"].map(str::to_string));
            expected.extend(["qsort", "bsearch", "PyCapsule_New", "Py_AddPendingCall", "signal"].map(str::to_string));
            match name {
                "limited" => expected.extend(["fewer_method", "more_method"].map(str::to_string)),
                _ => expected.extend(["m.fewer_tp_vectorcall", "m.more_tp_vectorcall"].map(str::to_string)),
            }
            assert_eq!(of("pointer-type-mismatch"), expected, "{name} for {target}");
            assert!(findings.iter().filter(|finding| finding["severity"] == "error").all(|finding| finding["fixable"] == true));
            // They have four parameters, one of them as the setter of an attribute.
            assert_eq!(of("pointer-type-refused"), ["more", "more_keywords"].map(str::to_string).into(), "{name} for {target}");
            let forgiven = ["fewer_varargs", "more_varargs", "fewer_keywords", "fewer_noargs", "more_noargs"];
            let forgiven =
                forgiven.into_iter().chain(["fewer_object", "more_object", "fewer", "more", "m.fewer_tp_call", "m.more_tp_call"]);
            assert_eq!(of("pointer-type-forgiven"), forgiven.map(str::to_string).collect(), "{name} for {target}");
        }
    }
}

/// Nothing of `name` works on the runtime before the upgrade, and behind it what native code does.
#[track_caller]
fn compare(node: Node, runtime: Runtime, arguments: &[&str]) {
    let mut jobs = vec![job(std::fs::read(built("limited")).unwrap())];
    jobs.extend(MODULES.map(|name| job(upgraded(&built(name), runtime.platform(), arguments))));
    let answers = run_jobs(node, runtime, &jobs).unwrap();
    let before = answers[0].outcome.as_ref().unwrap_err();
    assert!(before.contains(TRAP), "{before}");
    for (name, answer) in MODULES.iter().zip(&answers[1..]) {
        let expected = std::fs::read_to_string(directory().join(format!("{name}.expected"))).unwrap();
        assert_eq!(answer.outcome.as_deref().map(str::trim), Ok(expected.trim()), "{name}");
    }
}

#[test]
fn adapters_do_on_0_27_7_what_native_code_does() {
    compare(Node::Installed, Runtime::V0_27_7, &[]);
}

#[test]
fn adapters_do_on_0_29_5_what_native_code_does() {
    compare(Node::Installed, Runtime::V0_29_5, &["-O0"]);
}

/// Where engines have garbage collection, the trampoline of Python is another one.
#[test]
fn adapters_do_on_0_29_5_with_node_24_what_native_code_does() {
    compare(Node::V24Exnref, Runtime::V0_29_5, &[]);
}

#[test]
fn adapters_do_on_314_0_7_what_native_code_does() {
    compare(Node::Installed, Runtime::V314_0_7, &[]);
}

#[test]
fn adapters_do_on_315_what_native_code_does() {
    compare(Node::V24Exnref, Runtime::V315_0_0A2, &[]);
}

/// What becomes of methods that return nothing or have four parameters, as `pointer-type-refused` says it: on an engine with garbage
/// collection, and on one without.
#[test]
fn the_trampoline_refuses_what_check_warns_of() {
    let text = r#"(module
        (@dylink.0 (mem-info (memory 256 2) (table 2 0)))
        (import "env" "memory" (memory 1))
        (import "env" "__indirect_function_table" (table 2 funcref))
        (import "env" "__memory_base" (global $mb i32))
        (import "env" "__table_base" (global $tb i32))
        (import "env" "PyModule_Create2" (func $create (param i32 i32) (result i32)))
        (import "env" "PyLong_FromLong" (func $long (param i32) (result i32)))
        (elem (global.get $tb) func $nothing $four)
        (func $nothing (param i32 i32))
        (func $four (param i32 i32 i32 i32) (result i32) (call $long (local.get 3)))
        (func (export "PyInit_m") (result i32) (call $create (i32.add (global.get $mb) (i32.const 64)) (i32.const 1013)))
        (func (export "__wasm_apply_data_relocs")
          (i32.store (i32.add (global.get $mb) (i32.const 8)) (i32.add (global.get $mb) (i32.const 0)))
          (i32.store (i32.add (global.get $mb) (i32.const 12)) (i32.add (global.get $tb) (i32.const 0)))
          (i32.store (i32.add (global.get $mb) (i32.const 24)) (i32.add (global.get $mb) (i32.const 4)))
          (i32.store (i32.add (global.get $mb) (i32.const 28)) (i32.add (global.get $tb) (i32.const 1)))
          (i32.store (i32.add (global.get $mb) (i32.const 84)) (i32.add (global.get $mb) (i32.const 0)))
          (i32.store (i32.add (global.get $mb) (i32.const 96)) (i32.add (global.get $mb) (i32.const 8))))
        ;; Two PyMethodDef, with METH_NOARGS and METH_VARARGS
        (data (global.get $mb) "a\00\00\00b\00\00\00"
          "\00\00\00\00\00\00\00\00\04\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00"))"#;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.so");
    std::fs::write(&file, wat::parse_str(text).unwrap()).unwrap();
    let refused = findings(&file, "0.29").iter().filter(|finding| finding["code"] == "pointer-type-refused").count();
    assert_eq!(refused, 2);
    let python = "import sys\nsys.path.insert(0, '/t')\nimport run\nm = run.load('m', '/t/m.so')\nsaid = []\n\
                  for f in m.a, m.b:\n    try:\n        said.append(str(f()))\n    except SystemError as error:\n        said.append(str(error))\n\
                  '; '.join(said)";
    let job = Job { python: python.to_string(), ..job(std::fs::read(&file).unwrap()) };
    const TOO_MANY: &str = "Handler takes too many arguments";
    for (node, [nothing, four]) in
        [(Node::V24Exnref, [TOO_MANY, TOO_MANY]), (Node::Installed, ["NULL without setting an exception", "0"])]
    {
        let answers = run_jobs(node, Runtime::V0_29_5, std::slice::from_ref(&job)).unwrap();
        let said = answers[0].outcome.as_deref().unwrap();
        let (first, second) = said.split_once("; ").unwrap();
        assert!(first.contains(nothing) && second.contains(four), "{said}");
    }
}

/// CPython 3.15 asks a module for its slots. Here is one whose `Py_mod_exec` has a parameter too many.
#[test]
fn exported_slots_are_followed_on_315() {
    let text = r#"(module
        (@dylink.0 (mem-info (memory 256 2) (table 1 0)))
        (import "env" "memory" (memory 1))
        (import "env" "__indirect_function_table" (table 1 funcref))
        (import "env" "__memory_base" (global $mb i32))
        (import "env" "__table_base" (global $tb i32))
        (import "env" "PyModule_AddIntConstant" (func $add (param i32 i32 i32) (result i32)))
        (elem (global.get $tb) func $exec)
        (func $exec (param $module i32) (param i32) (result i32)
          (call $add (local.get $module) (i32.add (global.get $mb) (i32.const 84)) (i32.const 5)))
        (func (export "PyModExport_m") (result i32) global.get $mb)
        (func (export "__wasm_apply_data_relocs")
          (i32.store (i32.add (global.get $mb) (i32.const 8)) (i32.add (global.get $mb) (i32.const 96)))
          (i32.store (i32.add (global.get $mb) (i32.const 24)) (i32.add (global.get $mb) (i32.const 80)))
          (i32.store (i32.add (global.get $mb) (i32.const 40)) (i32.add (global.get $tb) (i32.const 0))))
        ;; Py_mod_abi with a PyABIInfo of zeros, Py_mod_name and Py_mod_exec
        (data (global.get $mb)
          "\6d\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00"
          "\64\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00"
          "\55\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00"
          "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00" "m\00\00\00v\00"))"#;
    let directory = tempfile::tempdir().unwrap();
    let module = directory.path().join("m.so");
    std::fs::write(&module, wat::parse_str(text).unwrap()).unwrap();
    let python = "import sys\nsys.path.insert(0, '/t')\nimport run\nstr(run.load('m', '/t/m.so').v)";
    let upgraded = upgraded(&module, "315", &[]);
    let jobs = [std::fs::read(&module).unwrap(), upgraded].map(|module| Job { python: python.to_string(), ..job(module) });
    let answers = run_jobs(Node::V24Exnref, Runtime::V315_0_0A2, &jobs).unwrap();
    let before = answers[0].outcome.as_ref().unwrap_err();
    assert!(before.contains(TRAP), "{before}");
    assert_eq!(answers[1].outcome.as_deref(), Ok("5"));
}

#[test]
fn a_second_run_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    for name in MODULES {
        for arguments in [&[][..], &["-O0"], &["--no-merge", "--no-encode"]] {
            let once = directory.path().join("once.so");
            std::fs::write(&once, upgraded(&built(name), "0.29", arguments)).unwrap();
            assert!(findings(&once, "0.29").iter().all(|finding| finding["severity"] != "error"), "{name}");
            let twice = upgraded(&once, "0.29", arguments);
            assert!(twice == std::fs::read(&once).unwrap(), "{name} with {arguments:?}");
        }
    }
}

/// A module that was made smaller before it gets adapters holds its relocations in a table.
#[test]
fn tables_of_relocations_are_followed() {
    let directory = tempfile::tempdir().unwrap();
    let mut jobs = Vec::new();
    for name in MODULES {
        let small = directory.path().join("small.so");
        std::fs::write(&small, upgraded(&built(name), "0.29", &["--no-adapters"])).unwrap();
        let count = |file: &Path| findings(file, "0.29").iter().filter(|finding| finding["severity"] == "error").count();
        assert_eq!(count(&small), count(&built(name)), "{name}");
        jobs.push(job(upgraded(&small, "0.29", &[])));
    }
    for (name, answer) in MODULES.iter().zip(run_jobs(Node::Installed, Runtime::V0_29_5, &jobs).unwrap()) {
        let expected = std::fs::read_to_string(self::directory().join(format!("{name}.expected"))).unwrap();
        assert_eq!(answer.outcome.as_deref().map(str::trim), Ok(expected.trim()), "{name}");
    }
}

/// Without adapters the module comes out as if there were none.
#[test]
fn adapters_can_be_left_out() {
    let plain = upgraded(&built("limited"), "0.29", &["-O0", "--no-adapters"]);
    assert!(plain == std::fs::read(built("limited")).unwrap());
}

/// Wheels of Pyodide's own distribution: where they are, and what to run. They are compiled for Python 3.13, and other parts of kiwisolver do
/// not work with 3.14.
const WHEELS: [(&str, &str, &str); 2] = [
    (
        "findings/pointers/zstandard-0.23.0-cp313-cp313-pyodide_2025_0_wasm32.whl",
        "import zstandard\ntry:\n    zstandard.BufferWithSegmentsCollection()\nexcept Exception as error:\n    said = str(error)\nsaid",
        "must pass at least 1 argument",
    ),
    (
        "corpus/wheels/2025/kiwisolver-1.4.8-cp313-cp313-pyodide_2025_0_wasm32.whl",
        "import gc, kiwisolver\nv = kiwisolver.Variable('v')\nv.setContext([v])\ndel v\nstr(gc.collect() > 0)",
        "True",
    ),
];

#[test]
fn wheels_that_ended_the_runtime_work() {
    for (path, python, expected) in WHEELS {
        let wheel = support::repository().join("../shared").join(path);
        if !wheel.is_file() {
            // Not `eprintln!`: what a passing test prints that way is never seen.
            let notice = format!("no {path} beside the repository: it was not run\n");
            std::io::stderr().write_all(notice.as_bytes()).unwrap();
            continue;
        }
        for runtime in [Runtime::V0_29_5, Runtime::V314_0_7] {
            let output = tempfile::tempdir().unwrap();
            let arguments = ["--allow-python-mismatch"];
            let upgraded = support::upgrade_archive(env!("CARGO_BIN_EXE_wasm-pyfix"), &wheel, runtime, &arguments, output.path());
            // Python 3.14 looks for another suffix than that of 3.13.
            let renamed = "import glob, importlib, os\nfor name in glob.glob('**/*.cpython-313-wasm32-emscripten.so', recursive=True):\n    \
                           os.rename(name, name.split('.')[0] + '.so')\nimportlib.invalidate_caches()\n";
            let job = |path: &Path| Job { unpacked: vec![path.to_path_buf()], ..Job::new("wheel", format!("{renamed}{python}")) };
            let answers = run_jobs(Node::Installed, runtime, &[job(&wheel), job(&upgraded)]).unwrap();
            let before = answers[0].outcome.as_ref().unwrap_err();
            assert!(before.contains(TRAP), "{path} on {}: {before}", runtime.version());
            assert_eq!(answers[1].outcome.as_deref(), Ok(expected), "{path} on {}", runtime.version());
        }
    }
}
