//! What comes of symbols that nobody offers, under real runtimes; and that what was missing on the platform of origin, too, is no error.

use super::wheels::Wheel;
use super::{check, findings};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Job, Node, Runtime, run_jobs};

/// No Pyodide has this function; Pyodide's own wheel of pyxel imports it.
const NOBODYS: &str = "emscripten_sleep";
/// Pyodide 0.27 to 0.29 have this one, with another type; 314 has not.
const DROPPED: &str = "__time";

/// A module that calls `function` in one export and not in the other, with what `more` there is.
fn caller(function: &str, more: &str) -> Vec<u8> {
    let text = format!(
        "(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
           (import \"env\" \"{function}\" (func $missing (param i32) (result i32))) {more}
           (func (export \"calls\") (result i32) (call $missing (i32.const 0)))
           (func (export \"answer\") (result i32) i32.const 42))"
    );
    wat::parse_str(text).unwrap()
}

/// A function fails when it is called, never before; an address keeps the module from loading.
#[test]
fn a_missing_function_fails_when_it_is_called_and_a_missing_address_at_once() {
    let address = |kind: &str| caller("abs", &format!("(import \"{kind}\" \"{NOBODYS}\" (global (mut i32)))"));
    let job = |module: Vec<u8>, function: &str| Job {
        files: vec![("/home/pyodide/m.so".to_string(), module)],
        ..Job::new("m", format!("import ctypes\nstr(ctypes.CDLL('/home/pyodide/m.so').{function}())"))
    };
    for runtime in Runtime::ALL {
        let says = if matches!(runtime, Runtime::V314_0_7 | Runtime::V315_0_0A2) {
            "undefined symbol 'emscripten_sleep'"
        } else {
            "bad export type for"
        };
        let jobs = [
            (job(caller(NOBODYS, ""), "answer"), Ok("42")),
            (job(caller(NOBODYS, ""), "calls"), Err("cannot resolve symbol emscripten_sleep")),
            (job(address("GOT.func"), "answer"), Err(says)),
            (job(address("GOT.mem"), "answer"), Err(says)),
        ];
        let (jobs, expected): (Vec<Job>, Vec<_>) = jobs.into_iter().unzip();
        for (answer, expected) in run_jobs(Node::Installed, runtime, &jobs).unwrap().into_iter().zip(expected) {
            let good = match (&answer.outcome, expected) {
                (Ok(answer), Ok(expected)) => answer == expected,
                (Err(error), Err(says)) => error.contains(says),
                _ => false,
            };
            assert!(good, "{}: {:?} instead of {expected:?}", runtime.version(), answer.outcome);
        }
    }
}

/// Codes and symbols of what is found in a file.
fn found(directory: &Path, name: &str, bytes: &[u8], target: &str) -> Vec<(String, String)> {
    let file = directory.join(name);
    std::fs::write(&file, bytes).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let (_, report) = check(&[&file], &["--target", target]);
    let of_symbols = |finding: &Value| finding["code"] == "missing-function" || finding["code"] == "never-offered";
    findings(&report).iter().filter(|finding| of_symbols(finding)).map(|f| (text(&f["code"]), text(&f["symbol"]))).collect()
}

/// Upgrades a file; its exit code, what is printed, and the result.
fn upgrade(directory: &Path, name: &str, target: &str) -> (Option<i32>, String, PathBuf) {
    let out = directory.join("out");
    std::fs::create_dir_all(&out).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"));
    let output = command.arg(directory.join(name)).args(["-v", "-o"]).arg(&out).args(["--target", target]).output().unwrap();
    let result = std::fs::read_dir(&out).unwrap().next().map(|entry| entry.unwrap().path()).unwrap_or_default();
    (output.status.code(), String::from_utf8(output.stderr).unwrap(), result)
}

/// Each with the codes that are found, for the target after the name.
#[test]
fn what_was_missing_before_is_a_warning() {
    const OLD: &str = "demo-1.0-py3-none-pyodide_2024_0_wasm32.whl";
    const BOTH: &str = "demo-1.0-py3-none-pyodide_2025_0_wasm32.pyemscripten_2026_0_wasm32.whl";
    const MIDDLE: &str = "demo-1.0-py3-none-pyodide_2025_0_wasm32.whl";
    const NATIVE: &str =
        "(import \"env\" \"__cpp_exception\" (tag $tag (param i32))) (func (export \"throws\") (throw $tag (i32.const 0)))";
    for (name, function, more, target, code) in [
        (OLD, NOBODYS, "", "pyodide_2025_0", "never-offered"),
        (MIDDLE, NOBODYS, "", "pyodide_2025_0", "never-offered"),
        (OLD, DROPPED, "", "pyemscripten_2026_0", "missing-function"),
        (BOTH, DROPPED, "", "pyemscripten_2026_0", "missing-function"),
        ("x.cpython-312-wasm32-emscripten.so", NOBODYS, "", "pyodide_2025_0", "never-offered"),
        ("x.cpython-313-wasm32-emscripten.so", DROPPED, "", "pyemscripten_2026_0", "missing-function"),
        ("x.so", NOBODYS, "", "pyodide_2025_0", "missing-function"),
        ("x.so", NOBODYS, NATIVE, "pyodide_2025_0", "never-offered"),
        ("x.so", DROPPED, NATIVE, "pyemscripten_2026_0", "missing-function"),
        ("x.zip", NOBODYS, "", "pyodide_2025_0", "missing-function"),
        ("x.zip", NOBODYS, NATIVE, "pyodide_2025_0", "never-offered"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let module = caller(function, more);
        let bytes = match name.rsplit('.').next() {
            Some("whl") => Wheel::new(name).file("demo/m.so", &module).build(),
            Some("zip") => Wheel::bare().file("m.so", &module).build(),
            _ => module,
        };
        let case = format!("{function} {more} in {name} for {target}");
        assert_eq!(found(directory.path(), name, &bytes, target), [(code.to_string(), function.to_string())], "{case}");
        let (exit_code, printed, result) = upgrade(directory.path(), name, target);
        if code == "missing-function" {
            assert_eq!(exit_code, Some(3), "{case}: {printed}");
            continue;
        }
        assert_eq!(exit_code, Some(0), "{case}: {printed}");
        assert!(printed.contains(&format!("it calls `emscripten_sleep`, which {target} does not have, ")), "{case}: {printed}");
        let bytes = std::fs::read(&result).unwrap();
        let again = found(directory.path(), &result.file_name().unwrap().to_string_lossy(), &bytes, target);
        assert_eq!(again, [(code.to_string(), function.to_string())], "{case}");
    }
}

/// The address of a function that was missing before keeps the module from loading as it ever did.
#[test]
fn addresses_that_were_missing_before_stay_errors() {
    let name = "demo-1.0-py3-none-pyodide_2024_0_wasm32.whl";
    let module = caller(NOBODYS, &format!("(import \"GOT.func\" \"{NOBODYS}\" (global (mut i32)))"));
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(name), Wheel::new(name).file("demo/m.so", &module).build()).unwrap();
    let (exit_code, printed, _) = upgrade(directory.path(), name, "pyodide_2025_0");
    assert_eq!(exit_code, Some(3), "{printed}");
    assert!(printed.contains("it takes the address of `emscripten_sleep`, which pyodide_2025_0 does not have"), "{printed}");
}

/// A function that the upgrade itself needs was not missing before.
#[test]
fn what_the_upgrade_needs_must_be_there() {
    let directory = tempfile::tempdir().unwrap();
    let main =
        wat::parse_str("(module (func (export \"malloc\") (param i32) (result i32) i32.const 0) (memory (export \"memory\") 1))");
    std::fs::write(directory.path().join("main.wasm"), main.unwrap()).unwrap();
    let name = "x.cpython-312-wasm32-emscripten.so";
    let module = wat::parse_str(
        "(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
           (import \"env\" \"invoke_v\" (func $invoke (param i32)))
           (import \"env\" \"__cxa_find_matching_catch_3\" (func $find (param i32) (result i32)))
           (import \"env\" \"setThrew\" (func (param i32 i32)))
           (import \"GOT.mem\" \"__THREW__\" (global $threw (mut i32)))
           (import \"env\" \"memory\" (memory 0))
           (func (export \"f\") (param i32) (result i32)
             (i32.store (global.get $threw) (i32.const 0))
             (call $invoke (local.get 0))
             (if (result i32) (i32.eq (i32.load (global.get $threw)) (i32.const 1))
               (then (call $find (i32.const 0))) (else (i32.const 0)))))",
    );
    std::fs::write(directory.path().join(name), module.unwrap()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"));
    command.arg(directory.path().join(name)).arg("-n").arg("--main").arg(directory.path().join("main.wasm"));
    let output = command.output().unwrap();
    let printed = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{printed}");
    assert!(printed.contains("`_Unwind_CallPersonality`"), "{printed}");
}
