//! Libraries of wheels under real runtimes: those that are opened at run time by names that are put together have their symbols after an
//! upgrade, and of several with one name each module gets its own.

use std::io::{Cursor, Write};

use support::{Job, Node, Runtime, run_jobs};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const NAME: &str = "demo-1.0-cp312-abi3-pyodide_2025_0_wasm32.whl";

/// A side module that needs `needed` and exports these functions, which return these numbers.
fn module(needed: &str, functions: &[(&str, u32)]) -> Vec<u8> {
    let needed = if needed.is_empty() { String::new() } else { format!(r#"(needed "{needed}")"#) };
    let functions: String =
        functions.iter().map(|(name, number)| format!(r#"(func (export "{name}") (result i32) (i32.const {number}))"#)).collect();
    wat::parse_str(format!(r#"(module (@dylink.0 (mem-info) {needed}) {functions})"#)).unwrap()
}

/// A wheel of these files.
fn wheel(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut wheel = ZipWriter::new(Cursor::new(Vec::new()));
    let metadata: [(&str, &[u8]); 3] = [
        ("demo-1.0.dist-info/METADATA", b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"),
        ("demo-1.0.dist-info/WHEEL", b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp312-abi3-pyodide_2025_0_wasm32\n"),
        ("demo-1.0.dist-info/RECORD", b""),
    ];
    for (name, contents) in files.iter().chain(&metadata) {
        wheel.start_file(*name, SimpleFileOptions::default()).unwrap();
        wheel.write_all(contents).unwrap();
    }
    wheel.finish().unwrap().into_inner()
}

/// A wheel of an extension module, two libraries of which it needs one, and `code` at `path`.
fn with_code(path: &str, code: &str) -> Vec<u8> {
    wheel(&[
        ("demo/__init__.py", b""),
        (path, code.as_bytes()),
        ("demo/m.abi3.so", &module("libpng.so", &[("PyInit_m", 0)])),
        ("demo.libs/libpng.so", &module("", &[("png_entry", 42)])),
        ("demo.libs/libcore.so", &module("libpng.so", &[("core", 1)])),
    ])
}

/// What `python` answers with the upgraded form of a wheel.
fn answer(wheel: &[u8], runtime: Runtime, python: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let (input, output) = (directory.path().join(NAME), directory.path().join("out"));
    std::fs::write(&input, wheel).unwrap();
    std::fs::create_dir(&output).unwrap();
    let path = support::upgrade_archive(env!("CARGO_BIN_EXE_wasm-pyfix"), &input, runtime, &[], &output);
    let job = Job { unpacked: vec![path], ..Job::new("opener", python) };
    run_jobs(Node::Installed, runtime, &[job]).unwrap().remove(0).outcome.unwrap_or_else(|error| error)
}

#[test]
fn functions_of_libraries_that_are_opened_in_any_words_are_found() {
    const OPENERS: [&str; 4] = [
        "import ctypes\nload = lambda path: ctypes.cdll[path]\n",
        "from ctypes import CDLL as load\n",
        "import ctypes\ncore = ctypes.CDLL(os.path.join(os.getcwd(), 'demo.libs', 'libcore.so'))\nload = lambda path: ctypes.CDLL(f'{path}')\n",
        "import ctypes, _ctypes\nload = lambda path: ctypes.CDLL(path, handle=_ctypes.dlopen(path, 2))\n",
    ];
    for (index, opener) in OPENERS.into_iter().enumerate() {
        let runtime = Runtime::UPGRADED[index % Runtime::UPGRADED.len()];
        let code = format!(
            "import os
{opener}
def entry(kind):
    return getattr(load(f'{{os.getcwd()}}/demo.libs/lib{{kind}}.so'), f'{{kind}}_entry')()"
        );
        let python = "from demo.load import entry\nstr(entry('png'))";
        assert_eq!(answer(&with_code("demo/load.py", &code), runtime, python), "42", "{} {opener}", runtime.version());
    }
}

/// JavaScript that Python runs, from a file of the wheel.
#[test]
fn functions_of_libraries_that_javascript_opens_are_found() {
    let code = "const libraries = pyodide._module.LDSO.loadedLibsByName;\n\
                const path = Object.keys(libraries).find((name) => name.endsWith('lib' + kind + '.so'));\n\
                return libraries[path].exports[kind + '_entry']();\n";
    let python = "
import ctypes
from pyodide.code import run_js
ctypes.CDLL('demo.libs/libpng.so')
import pyodide_js
entry = run_js('(pyodide, kind, code) => new Function(\"pyodide\", \"kind\", code)(pyodide, kind)')
str(entry(pyodide_js, 'png', open('demo/entry.js').read()))";
    for runtime in Runtime::UPGRADED {
        assert_eq!(answer(&with_code("demo/entry.js", code), runtime, python), "42", "{}", runtime.version());
    }
}

/// What a function returns that it calls in the library that it needs.
const CALLING: &str = r#"(module (@dylink.0 (mem-info) (needed "x.so")) (import "env" "which" (func $which (result i32)))
    (func (export "PyInit_m") (result i32) i32.const 0) (func (export "call") (result i32) call $which))"#;

#[test]
fn each_package_calls_the_library_of_that_name_that_is_its_own() {
    let caller = wat::parse_str(CALLING).unwrap();
    let (first, second) = (module("", &[("which", 1)]), module("", &[("which", 2)]));
    let wheel = wheel(&[("a/m.abi3.so", &caller), ("b/m.abi3.so", &caller), ("a.libs/x.so", &first), ("b.libs/x.so", &second)]);
    let python = "
import ctypes, os
str([ctypes.CDLL(f'{os.getcwd()}/{package}/m.abi3.so').call() for package in 'ab'])";
    for runtime in Runtime::UPGRADED {
        assert_eq!(answer(&wheel, runtime, python), "[1, 2]", "{}", runtime.version());
    }
}

/// A wheel whose module calls a function of a library that it lacks, and a directory with that library.
fn lacking(directory: &std::path::Path) -> (std::path::PathBuf, std::path::PathBuf) {
    let (input, libraries) = (directory.join(NAME), directory.join("lib"));
    std::fs::write(&input, wheel(&[("demo/__init__.py", b""), ("demo/m.abi3.so", &wat::parse_str(CALLING).unwrap())])).unwrap();
    std::fs::create_dir(&libraries).unwrap();
    std::fs::write(libraries.join("x.so"), module("", &[("which", 1)])).unwrap();
    (input, libraries)
}

/// Another package may have put a library of that name where the loader looks first.
#[test]
fn a_grafted_library_wins_over_others_of_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let (input, libraries) = lacking(directory.path());
    let other = ("/usr/lib/x.so".to_string(), module("", &[("which", 2)]));
    for runtime in [Runtime::V0_29_5, Runtime::V314_0_7] {
        let answers = ["none", "grafted"].map(|isolate| {
            let output = directory.path().join(format!("{}-{isolate}", runtime.version()));
            std::fs::create_dir(&output).unwrap();
            // The other library does not have the names by which it would be used.
            let arguments = ["--isolate", isolate, "--libdir", libraries.to_str().unwrap(), "--no-isolate"];
            let arguments = &arguments[..if isolate == "none" { 5 } else { 4 }];
            let path = support::upgrade_archive(env!("CARGO_BIN_EXE_wasm-pyfix"), &input, runtime, arguments, &output);
            let python = "
import ctypes, demo
str(ctypes.CDLL(f'{demo.__path__[0]}/m.abi3.so').call())";
            let unpacked = Job { unpacked: vec![path.clone()], files: vec![other.clone()], ..Job::new("unpacked", python) };
            let installed = Job { installed: vec![path], files: vec![other.clone()], ..Job::new("installed", python) };
            let answers = run_jobs(Node::Installed, runtime, &[unpacked, installed]).unwrap();
            answers.into_iter().map(|answer| answer.outcome.unwrap_or_else(|error| error)).collect::<Vec<_>>()
        });
        assert_eq!(answers, [["2", "2"], ["1", "1"]], "{}", runtime.version());
    }
}
