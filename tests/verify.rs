//! `verify`: what it says of wheels that run in real runtimes, before and after.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use support::Runtime;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Adds through a slot whose function takes one parameter too few, and prints what the function noted.
const TEST: &str = "import slots\nslots.more_nb_add() + 1\nprint(slots.take())\n";

/// Writes a wheel with a Python module of this text, and more files, into `directory`.
fn wheel(directory: &Path, python: &str, files: &[(&str, &[u8])]) -> PathBuf {
    let own: [(&str, &[u8]); 4] = [
        ("demo/__init__.py", python.as_bytes()),
        ("demo-1.0.dist-info/METADATA", b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"),
        ("demo-1.0.dist-info/WHEEL", b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp312-abi3-pyodide_2025_0_wasm32\n"),
        ("demo-1.0.dist-info/RECORD", b""),
    ];
    let mut wheel = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, contents) in own.iter().chain(files) {
        wheel.start_file(*name, SimpleFileOptions::default()).unwrap();
        wheel.write_all(contents).unwrap();
    }
    std::fs::create_dir_all(directory).unwrap();
    let path = directory.join("demo-1.0-cp312-abi3-pyodide_2025_0_wasm32.whl");
    std::fs::write(&path, wheel.finish().unwrap().into_inner()).unwrap();
    path
}

fn verify(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wasm-pyfix")).arg("verify").args(arguments).output().unwrap()
}

/// Exit code and report for `wheel`.
fn report(wheel: &Path, arguments: &[&str]) -> (Option<i32>, Value) {
    let runtime = Runtime::V0_29_5.directory().unwrap();
    let own = [wheel.to_str().unwrap(), "--runtime", runtime.to_str().unwrap(), "--json"];
    let output = verify(&[&own, arguments].concat());
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.code(), report)
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// The module `slots` of `tests/pointers`, whose functions have other types than Python calls them with.
#[test]
fn what_only_the_upgraded_wheel_does_is_a_gain() {
    let directory = tempfile::tempdir().unwrap();
    let module = std::fs::read(support::repository().join("tests/pointers/built/limited.so")).unwrap();
    let wheel = wheel(directory.path(), "x = 1\n", &[("slots.abi3.so", &module)]);
    let test = directory.path().join("t.py");
    std::fs::write(&test, TEST).unwrap();
    let (code, all) = report(&wheel, &["--test", test.to_str().unwrap()]);
    let input = &all["inputs"][0];
    assert_eq!((code, &input["verdict"], &input["error"]), (Some(0), &"better".into(), &Value::Null), "{all:#}");
    assert_eq!(texts(&input["gains"]), ["`import slots` works", "the test passes", "runs to the end"], "{all:#}");
    assert_eq!(input["original"]["fatal"], "null function or function signature mismatch");
    assert_eq!(input["upgraded"]["test"]["printed"], "nb_add object 1\n");
    assert!(texts(&input["upgraded"]["modules"][0]["members"]).contains(&"x: int"));

    let documentation = std::fs::read_to_string(support::repository().join("docs/verify.md")).unwrap();
    for name in support::members(&all, &[]) {
        assert!(documentation.contains(&format!("`{name}`")), "docs/verify.md does not describe `{name}`");
    }
}

#[test]
fn what_the_upgraded_wheel_does_not_or_otherwise_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let old = wheel(&directory.path().join("old"), "x = 1\ny = 2\n", &[]);
    let new = wheel(&directory.path().join("new"), "x = 'one'\n", &[]);
    let (code, all) = report(&old, &["--upgraded", new.to_str().unwrap()]);
    assert_eq!((code, &all["exit_code"], &all["inputs"][0]["verdict"]), (Some(1), &1.into(), &"worse".into()));
    assert_eq!(
        texts(&all["inputs"][0]["differences"]),
        ["`demo`: `x: int` went", "`demo`: `y: int` went", "`demo`: `x: str` came"]
    );

    let broken = wheel(&directory.path().join("broken"), "import nowhere\n", &[("other.py", b"x = 1")]);
    let (_, all) = report(&old, &["--upgraded", broken.to_str().unwrap()]);
    let differences = texts(&all["inputs"][0]["differences"]);
    assert!(differences[0].starts_with("`import demo` works no longer: ModuleNotFoundError: No module named 'nowhere'"), "{all:#}");
}

/// A test that does not end is ended, and one that fails the same way both times proves nothing.
#[test]
fn a_test_that_hangs_or_fails_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let wheel = wheel(directory.path(), "", &[]);
    let test = directory.path().join("t.py");
    let own = ["--upgraded", wheel.to_str().unwrap(), "--test", test.to_str().unwrap()];
    std::fs::write(&test, "print(1)\nraise KeyError('x')").unwrap();
    let (code, all) = report(&wheel, &own);
    let input = &all["inputs"][0];
    assert_eq!((code, &input["verdict"]), (Some(0), &"same".into()), "{all:#}");
    assert_eq!(texts(&input["neither"]), ["the test passes: KeyError: 'x'"]);
    let (code, all) = report(&wheel, &[&own[..], &["--timeout", "0"]].concat());
    assert_eq!((code, texts(&all["inputs"][0]["differences"])), (Some(1), vec!["loads: it was not done after 0 seconds"]));
}

#[test]
fn what_cannot_be_tried_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let wheel = wheel(directory.path(), "", &[]);
    let wheel = wheel.to_str().unwrap();
    let runtime = Runtime::V0_29_5.directory().unwrap();
    let runtime = runtime.to_str().unwrap();
    let here = directory.path().to_str().unwrap();
    let module = support::repository().join("tests/pointers/built/limited.so");
    for (arguments, code, says) in [
        (vec![wheel], 2, "--runtime <RUNTIME>"),
        (vec![wheel, wheel, "--runtime", runtime, "--upgraded", wheel], 2, "`--upgraded` names one wheel"),
        (vec![wheel, "--runtime", here], 1, "error[runtime-files]: the runtime `"),
        (vec![wheel, "--runtime", "nowhere"], 1, "neither a directory nor a version of the npm package `pyodide`"),
        (vec![wheel, "--runtime", runtime, "--node", "no-such-node"], 1, "cannot start no-such-node: `--node` says which"),
        (vec![wheel, "--runtime", runtime, "--node", "false"], 1, "Node.js ended"),
        (vec![module.to_str().unwrap(), "--runtime", runtime], 1, "only wheels can be installed and tried"),
        (vec![wheel, "--runtime", runtime, "--test", "none.py"], 1, "none.py: cannot be read"),
    ] {
        let output = verify(&arguments);
        let said = [&output.stdout[..], &output.stderr].concat();
        let said = String::from_utf8(said).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!((output.status.code(), said.contains(says)), (Some(code), true), "{arguments:?}: {said}");
    }
}
