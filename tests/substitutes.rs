//! Functions that modules get where the runtime lacks them do what the real ones do.

use std::path::Path;
use std::process::{Command, Output};

use support::npm;

fn node(arguments: &[&Path]) -> String {
    let output = Command::new("node").args(arguments).output().expect("Node starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn wasm_pyfix(arguments: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wasm-pyfix")).args(arguments).output().expect("wasm-pyfix starts")
}

/// Every function of characters answers as the C library of Pyodide does, for all characters, `EOF`, and numbers that are neither.
#[test]
fn functions_answer_as_those_of_a_runtime() {
    let repository = support::repository();
    let runtime = npm::packages().unwrap().join("pyodide-0.29.5");
    let table = repository.join("passes/src/substitutes/substitutes.wasm");
    let printed = node(&[&repository.join("tests/runtime/substitutes.mjs"), &runtime, &table]);
    let lines: Vec<(&str, &str)> = printed.lines().filter_map(|line| line.split_once(' ')).collect();
    for (name, answer) in &lines {
        let expected = match *name {
            "abort" | "__assert_fail" => "traps",
            _ if name.contains("memcpy") => "copies",
            _ => "equal",
        };
        assert_eq!(*answer, expected, "{name}");
    }
    assert_eq!(lines.len(), 23, "{printed}");
}

/// A module of 2024_0 whose `memcpy` calls JavaScript for long blocks.
const COPIES: &str = "(module
    (@custom \"dylink.0\" (before first) \"\\01\\04\\00\\00\\00\\00\")
    (import \"env\" \"memory\" (memory 1))
    (import \"env\" \"_emscripten_memcpy_js\" (func $copy (param i32 i32 i32)))
    (func (export \"f\") (param i32 i32 i32) (call $copy (local.get 0) (local.get 1) (local.get 2))))";

#[test]
fn blocks_are_copied() {
    let directory = tempfile::tempdir().unwrap();
    let [module, upgraded, script] = ["copies.so", "upgraded.so", "run.mjs"].map(|name| directory.path().join(name));
    std::fs::write(&module, wat::parse_str(COPIES).unwrap()).unwrap();

    let checked = wasm_pyfix(&[Path::new("check"), &module]);
    let printed = String::from_utf8_lossy(&checked.stdout);
    assert!(
        printed.contains("error[substituted-function]: calls `_emscripten_memcpy_js`") && printed.contains("fixes it"),
        "{printed}"
    );
    let output = wasm_pyfix(&[&module, Path::new("-v"), Path::new("-o"), &upgraded]);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("1 function that the runtime lacks put into the module (_emscripten_memcpy_js)"), "{printed}");

    // Blocks may overlap.
    let text = "import fs from 'node:fs';
        const memory = new WebAssembly.Memory({ initial: 1 });
        const module = new WebAssembly.Module(fs.readFileSync(process.argv[2]));
        const { f } = new WebAssembly.Instance(module, { env: { memory } }).exports;
        const bytes = new Uint8Array(memory.buffer);
        const expected = new Uint8Array(65536);
        for (let i = 0; i < 1000; i++) expected[i] = bytes[i] = i * 7;
        for (const [to, from, size] of [[2000, 0, 1000], [10, 0, 900], [0, 10, 900], [65535, 5, 1], [0, 65536, 0]]) {
          f(to, from, size);
          expected.copyWithin(to, from, from + size);
        }
        console.log(Buffer.compare(bytes, expected));";
    std::fs::write(&script, text).unwrap();
    assert_eq!(node(&[&script, &upgraded]), "0\n");
    let again = directory.path().join("again.so");
    assert!(wasm_pyfix(&[&upgraded, Path::new("-o"), &again]).status.success());
    assert!(std::fs::read(&again).unwrap() == std::fs::read(&upgraded).unwrap());
}
