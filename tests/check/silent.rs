//! Predicted failures without a message: a runtime runs the module, and what comes back is wrong.

use super::wheels::Wheel;
use super::{check, codes, findings};
use serde_json::Value;
use std::collections::BTreeSet;
use support::{Job, Node, Runtime, run_jobs};

const PATH: &str = "/home/pyodide/m.so";

/// Runs `python` with a module at [`PATH`].
fn run(runtime: Runtime, module: &[u8], python: &str) -> Result<String, String> {
    let job = Job { files: vec![(PATH.to_string(), module.to_vec())], ..Job::new("m", python) };
    run_jobs(Node::Installed, runtime, &[job]).unwrap().remove(0).outcome
}

/// The findings in one file.
fn check_file(name: &str, bytes: &[u8], arguments: &[&str]) -> Vec<Value> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    findings(&check(&[&path], arguments).1)
}

/// The memory behind the 16 bytes that were asked for belongs to others, or will. What its loss does to them differs from run to run, so
/// there is enough of it that something goes wrong each time.
#[test]
fn too_little_memory() {
    const SIZE: usize = 8 << 20;
    let text = format!(
        "(module (@dylink.0 (mem-info (memory 16 4) (table 0 0))) (import \"env\" \"memory\" (memory 0))
           (import \"env\" \"__memory_base\" (global $base i32)) (data (global.get $base) \"{}\")
           (func (export \"last\") (result i32) (i32.load8_u offset={} (global.get $base))))",
        "*".repeat(SIZE),
        SIZE - 1
    );
    let small = wat::parse_str(text).unwrap();
    let right = wasm_pyfix_upgrade(&small);
    let python = "import ctypes\nlast = ctypes.CDLL('/home/pyodide/m.so').last\nbefore = last()
others = [bytes([7]) * 5000 for _ in range(4000)]\nf'{before} {last()}'";
    for runtime in Runtime::ALL {
        let found = check_file("m.so", &small, &["--target", runtime.platform()]);
        assert_eq!(codes(&found), BTreeSet::from(["dylink-too-small"]));
        assert!(found[0]["prevents"].is_null() && found[0]["fixable"] == true, "{found:#?}");
        let outcome = run(runtime, &small, python);
        assert_ne!(outcome.as_deref(), Ok("42 42"), "{}", runtime.version());
        assert_eq!(check_file("m.so", &right, &["--target", runtime.platform()]), [] as [Value; 0]);
        assert_eq!(run(runtime, &right, python).as_deref(), Ok("42 42"), "{}", runtime.version());
    }
}

fn wasm_pyfix_upgrade(module: &[u8]) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let [input, output] = ["m.so", "upgraded.so"].map(|name| directory.path().join(name));
    std::fs::write(&input, module).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"));
    assert!(command.args(["-O0", "-q"]).arg(&input).arg("-o").arg(&output).status().unwrap().success());
    std::fs::read(&output).unwrap()
}

/// A module that fills its memory with ones, has `gettimeofday` write a `timeval` there, and gives the word at `microseconds`, where it
/// expects them, and the one at `behind`, where its struct ends.
fn timeval(mark: &str, microseconds: u32, behind: u32) -> Vec<u8> {
    wat::parse_str(format!(
        "(module (@dylink.0 (mem-info (memory 32 4) (table 0 0))) (import \"env\" \"memory\" (memory 0)) {mark}
           (import \"env\" \"__memory_base\" (global $base i32))
           (import \"env\" \"gettimeofday\" (func $gettimeofday (param i32 i32) (result i32)))
           (func (export \"call\") (result i32)
             (memory.fill (global.get $base) (i32.const 255) (i32.const 32))
             (call $gettimeofday (global.get $base) (i32.const 0)))
           (func (export \"microseconds\") (result i32) (i32.load offset={microseconds} (global.get $base)))
           (func (export \"behind\") (result i32) (i32.load offset={behind} (global.get $base))))"
    ))
    .unwrap()
}

/// With a `time_t` of four bytes a `timeval` has eight, and of today's sixteen the upper half of the seconds comes in the place of the
/// microseconds, and the microseconds overwrite what is behind.
#[test]
fn time_of_32_bits() {
    let old = timeval("(import \"env\" \"saveSetjmp\" (func (param i32 i32 i32 i32) (result i32)))", 4, 8);
    let new = timeval("", 8, 16);
    // Ten times, for the clock may stand at a whole second.
    let python = "import ctypes, time\nlib = ctypes.CDLL('/home/pyodide/m.so')\nmicroseconds, behind = 0, set()
for _ in range(10):\n    lib.call()\n    microseconds |= lib.microseconds()\n    behind.add(lib.behind() == -1)\n    time.sleep(0.003)
f'{microseconds != 0} {behind}'";
    for runtime in Runtime::ALL {
        let target = ["--target", runtime.platform()];
        let found = check_file("m.so", &old, &target);
        assert!(codes(&found).contains("time-32-bit"), "{found:#?}");
        assert_eq!(run(runtime, &old, python).as_deref(), Ok("False {False}"), "{}", runtime.version());
        assert_eq!(check_file("m.so", &new, &target), [] as [Value; 0]);
        assert_eq!(run(runtime, &new, python).as_deref(), Ok("True {True}"), "{}", runtime.version());
    }
}

/// A module that gives the length of the longest file name, which it reads at `offset` of the struct `statfs`.
fn name_length(offset: u32) -> Vec<u8> {
    wat::parse_str(format!(
        "(module (@dylink.0 (mem-info (memory 256 4) (table 0 0))) (import \"env\" \"memory\" (memory 0))
           (import \"env\" \"__memory_base\" (global $base i32))
           (import \"env\" \"statfs\" (func $statfs (param i32 i32) (result i32)))
           (data (global.get $base) \"/\\00\")
           (func (export \"length\") (result i32)
             (drop (call $statfs (global.get $base) (i32.add (global.get $base) (i32.const 16))))
             (i32.load offset={offset} (i32.add (global.get $base) (i32.const 16)))))"
    ))
    .unwrap()
}

/// The members of `statfs` that count blocks and files grew from four bytes to eight in 2026_0.
#[test]
fn changed_structs() {
    let check_wheel = |platform: &str, module: &[u8], target: &str| {
        let name = format!("demo-1.0-py3-none-{platform}_wasm32.whl");
        let mut found = check_file(&name, &Wheel::new(&name).file("demo/m.so", module).build(), &["--target", target]);
        found.retain(|finding| finding["code"] != "platform-tag");
        found
    };
    let [old, new] = [36, 56].map(name_length);
    let python = "import ctypes\nstr(ctypes.CDLL('/home/pyodide/m.so').length())";
    let cases = [
        ("pyemscripten_2025_0", &old, Runtime::V0_29_5, Ok("255")),
        ("pyemscripten_2025_0", &old, Runtime::V314_0_7, Err("0")),
        ("pyemscripten_2026_0", &new, Runtime::V314_0_7, Ok("255")),
    ];
    for (platform, module, runtime, expected) in cases {
        let found = check_wheel(platform, module, runtime.platform());
        let wrong = if expected.is_ok() { BTreeSet::new() } else { BTreeSet::from(["struct-changed"]) };
        assert_eq!(codes(&found), wrong, "{platform} on {}: {found:#?}", runtime.version());
        // It is the value that is wrong; no call fails.
        assert_eq!(run(runtime, module, python).as_deref(), Ok(expected.unwrap_or_else(|wrong| wrong)));
    }
}
