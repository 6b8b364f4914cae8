//! Names that several modules define: what `check` says of them, and what comes of it.

use super::wheels::Wheel;
use super::{check, findings};
use std::path::Path;
use support::{Job, Node, Runtime, run_jobs};

/// A module that defines the function `who` and the data `table_x`, which give `which`, and takes the addresses of both from the loader.
fn definer(which: u8) -> Vec<u8> {
    with_names("who", "table_x", which, "", "")
}

/// The same under other names, with more linking metadata and more in it.
fn with_names(function: &str, data: &str, which: u8, linking: &str, more: &str) -> Vec<u8> {
    let text = format!(
        r#"(module (@dylink.0 (mem-info (memory 4 2)) {linking})
        (type $f (func (result i32)))
        (import "env" "memory" (memory 0)) (import "env" "__indirect_function_table" (table 0 funcref))
        (import "env" "__memory_base" (global $base i32))
        (import "GOT.func" "{function}" (global $function (mut i32))) (import "GOT.mem" "{data}" (global $data (mut i32)))
        {more}
        (global (export "{data}") i32 (i32.const 0))
        (func $own (export "{function}") (result i32) i32.const {which})
        (func (export "by_address") (result i32) (call_indirect (type $f) (global.get $function)))
        (func (export "peek") (result i32) (i32.load (global.get $data)))
        (func (export "direct") (result i32) call $own)
        (data (global.get $base) "\{which:02x}\00\00\00"))"#
    );
    wat::parse_str(text).unwrap()
}

/// A module that calls `who` by its name, and needs these libraries.
fn caller(needed: &[&str]) -> Vec<u8> {
    let needed: String = needed.iter().map(|name| format!("(needed \"{name}\")")).collect();
    let text = format!(
        r#"(module (@dylink.0 (mem-info) {needed} (runtime-path "/t")) (import "env" "who" (func $who (result i32)))
        (func (export "call") (result i32) call $who))"#
    );
    wat::parse_str(text).unwrap()
}

/// What is said of clashes in `files`: the file, the symbol, and the sentence.
fn clashes(files: &[(&str, &[u8])]) -> Vec<(String, String, String)> {
    let directory = tempfile::tempdir().unwrap();
    let paths: Vec<_> = files.iter().map(|(name, _)| directory.path().join(name)).collect();
    for (path, (_, bytes)) in paths.iter().zip(files) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let paths: Vec<&Path> = paths.iter().map(|path| path.as_path()).collect();
    let (_, report) = check(&paths, &["--target", "pyodide_2025_0"]);
    let inputs = report["inputs"].as_array().unwrap().iter().zip(files);
    let found = inputs.flat_map(|(input, (name, _))| {
        // With the runtime it is an error.
        let of_code = |finding: &&serde_json::Value| finding["code"] == "symbol-clash" && finding["severity"] == "warning";
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_string();
        let findings = input["findings"].as_array().unwrap().iter().filter(of_code);
        findings.map(move |finding| {
            assert_eq!(finding["fixable"], false);
            assert!(text(&finding["remedy"]).contains("between modules, rename the symbol"));
            (name.to_string(), text(&finding["symbol"]), text(&finding["message"]))
        })
    });
    found.collect()
}

#[test]
fn the_first_definition_is_everybodys() {
    let (first, second) = (definer(1), definer(2));
    let found = clashes(&[("a.so", &first), ("b.so", &second)]);
    let expected = |name: &str, symbol: &str, other: &str| {
        let message =
            format!("takes the address of its own `{symbol}` from the loader: of that in `{other}`, if that is loaded before");
        (name.to_string(), symbol.to_string(), message)
    };
    let both = [("a.so", "b.so"), ("b.so", "a.so")];
    let expected: Vec<_> =
        both.iter().flat_map(|(name, other)| ["who", "table_x"].map(|symbol| expected(name, symbol, other))).collect();
    assert_eq!(found, expected);
    let python = "
import ctypes
first, second = [ctypes.CDLL(f'/t/{name}.so') for name in ORDER]
str([value for library in (first, second) for value in (library.by_address(), library.peek(), library.direct())])";
    let files = vec![("/t/a.so".to_string(), first), ("/t/b.so".to_string(), second)];
    for runtime in [Runtime::V0_29_5, Runtime::V314_0_7] {
        let jobs = ["ab", "ba"].map(|order| Job { files: files.clone(), ..Job::new(order, format!("ORDER = '{order}'{python}")) });
        let answers = run_jobs(Node::Installed, runtime, &jobs).unwrap();
        let values = answers.into_iter().map(|answer| answer.outcome.unwrap()).collect::<Vec<_>>();
        assert_eq!(values, ["[1, 1, 1, 1, 1, 2]", "[2, 2, 2, 2, 2, 1]"], "{}", runtime.version());
    }
}

#[test]
fn the_last_needed_library_is_called() {
    let (first, second) = (definer(1), definer(2));
    let (needs, sees) = (caller(&["a.so", "b.so"]), caller(&[]));
    let message = |files: &[(&str, &[u8])]| {
        let found = clashes(files);
        found.into_iter().find(|(name, ..)| name == "c.so").map(|(.., message)| message)
    };
    let [a, b] = [("a.so", first.as_slice()), ("b.so", second.as_slice())];
    let needed = "calls `who` of whichever of `a.so`, `b.so` comes last in what it needs";
    assert_eq!(message(&[a, b, ("c.so", &needs)]).as_deref(), Some(needed));
    let seen = "calls `who` of whichever of `a.so`, `b.so` is loaded first for all modules";
    assert_eq!(message(&[a, b, ("c.so", &sees)]).as_deref(), Some(seen));
    assert_eq!(message(&[a, b, ("c.so", &caller(&["b.so"]))]), None);
    assert_eq!(message(&[a, ("c.so", &sees)]), None);
    let files = [("a", first), ("b", second), ("needs", needs), ("sees", sees)];
    let files: Vec<_> = files.into_iter().map(|(name, bytes)| (format!("/t/{name}.so"), bytes)).collect();
    let python = "
import ctypes
needs = ctypes.CDLL('/t/needs.so').call()
[ctypes.CDLL(f'/t/{name}.so', ctypes.RTLD_GLOBAL) for name in 'ab']
str([needs, ctypes.CDLL('/t/sees.so').call()])";
    for runtime in [Runtime::V0_29_5, Runtime::V314_0_7] {
        let job = Job { files: files.clone(), ..Job::new("call", python) };
        let answer = run_jobs(Node::Installed, runtime, &[job]).unwrap().remove(0);
        assert_eq!(answer.outcome.as_deref(), Ok("[2, 1]"), "{}", runtime.version());
    }
}

/// Of very many modules each knows what it defines itself.
#[test]
fn one_of_many_definitions_is_the_modules_own() {
    let modules: Vec<(String, Vec<u8>)> = (0..70).map(|which| (format!("m{which}.so"), definer(which))).collect();
    let files: Vec<(&str, &[u8])> = modules.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let found = clashes(&files);
    assert_eq!(found.len(), 2 * files.len());
    for (name, symbol, message) in found {
        assert!(message.starts_with(&format!("takes the address of its own `{symbol}`")), "{name}: {message}");
    }
}

/// What is to be shared, or cannot be in one process.
#[test]
fn other_names_that_several_modules_define_are_no_clash() {
    // Each with whether it is one.
    let names = [
        ("_ZN1A1fEv", "plain", 2),
        ("_ZN1AIiE1fEv", "_ZN1A1xE", 0),
        ("_ZN4core3ptr4read17h0123456789abcdefE", "_ZTI1A", 0),
        ("rust_begin_unwind", "__rust_no_alloc_shim_is_unstable", 0),
        ("malloc", "environ", 0),
    ];
    for (function, data, count) in names {
        let modules = [1, 2].map(|which| with_names(function, data, which, "", ""));
        let found = clashes(&[("a.so", &modules[0]), ("b.so", &modules[1])]);
        let of_modules = found.iter().filter(|(.., message)| message.starts_with("takes"));
        assert_eq!(of_modules.count(), 2 * count, "{function}, {data}: {found:?}");
    }
    let named = |name: &str| clashes(&[("a.so", &definer(1)), (name, &definer(2))]);
    assert!(named("other/a.so").is_empty(), "two versions of one file");
    let weak = r#"(import "env" "who" (func $weak (result i32))) (func (export "weakly") (result i32) call $weak)"#;
    let weak = with_names("who", "data", 2, "", weak);
    assert_eq!(clashes(&[("a.so", &definer(1)), ("b.so", &weak)]), [], "to be overridden");
    let linked = with_names("who", "table_x", 2, r#"(needed "a.so")"#, "");
    assert_eq!(clashes(&[("a.so", &definer(1)), ("b.so", &linked)]), [], "linked with the other");
    let refers = r#"(import "env" "direct" (func (result i32)))"#;
    let refers = with_names("who", "table_x", 2, "", refers).to_vec();
    assert_eq!(clashes(&[("a.so", &definer(1)), ("b.so", &refers)]).len(), 4, "it defines what it refers to");
    // A C++ function that is never called directly may be inline.
    assert_eq!(clashes(&[("a.so", &without_call(1)), ("b.so", &without_call(2))]), []);
}

/// Copies of one function that has no state of its own do the same.
#[test]
fn functions_that_do_the_same_are_no_clash() {
    let text = |which: u8, read: &str| {
        let text = format!(
            r#"(module (@dylink.0 (mem-info)) (import "env" "__memory_base" (global $base i32)) (import "GOT.func" "f" (global $f (mut i32)))
            (func (export "f") (result i32) {read} i32.const {which} i32.add) (func (export "get") (result i32) global.get $f))"#
        );
        wat::parse_str(text).unwrap()
    };
    let count = |first: &[u8], second: &[u8]| clashes(&[("a.so", first), ("b.so", second)]).len();
    let (stateless, reading) = (|which| text(which, "i32.const 0"), |which| text(which, "global.get $base"));
    assert_eq!((count(&stateless(1), &stateless(1)), count(&stateless(1), &stateless(2))), (0, 2));
    assert_eq!(count(&reading(1), &reading(1)), 2);
}

/// What a function imports is of whichever library the module needs.
#[test]
fn functions_that_call_different_libraries_do_not_do_the_same() {
    let user = |needed: &str| {
        let text = format!(
            r#"(module (@dylink.0 (mem-info) (needed "{needed}")) (import "env" "g" (func $g (result i32)))
            (import "GOT.func" "f" (global $f (mut i32)))
            (func (export "f") (result i32) call $g) (func (export "get") (result i32) global.get $f))"#
        );
        wat::parse_str(text).unwrap()
    };
    let library = wat::parse_str(r#"(module (@dylink.0 (mem-info)) (func (export "g") (result i32) i32.const 1))"#).unwrap();
    let libraries: [(&str, &[u8]); 2] = [("l1.so", &library), ("l2.so", &library)];
    let count = |needed: [&str; 2], libraries: &[(&str, &[u8])]| {
        let [first, second] = needed.map(user);
        let found = clashes(&[&[("a.so", first.as_slice()), ("b.so", second.as_slice())], libraries].concat());
        found.iter().filter(|(_, symbol, _)| symbol == "f").count()
    };
    for (needed, libraries, expected) in [
        (["l1.so", "l2.so"], &libraries[..], 2),
        (["l1.so", "l1.so"], &libraries[..], 0),
        (["l1.so", "l1.so"], &libraries[..1], 0),
        (["l1.so", "l1.so"], &[], 0),
        (["l1.so", "l2.so"], &[], 2),
        (["l1.so", "l2.so"], &libraries[..1], 2),
    ] {
        assert_eq!(count(needed, libraries), expected, "{needed:?}, {} libraries", libraries.len());
    }
}

/// A module that takes the address of a C++ function of its own, and does not call it.
fn without_call(which: u8) -> Vec<u8> {
    let text = format!(
        r#"(module (@dylink.0 (mem-info)) (import "GOT.func" "_ZN1A1fEv" (global $f (mut i32)))
        (func (export "_ZN1A1fEv") (result i32) i32.const {which}) (func (export "get") (result i32) global.get $f))"#
    );
    wat::parse_str(text).unwrap()
}

/// Wheels of one distribution are versions of each other; those of two have libraries of their own.
#[test]
fn libraries_of_two_wheels_clash() {
    let wheel = |distribution: &str, which: u8| {
        let name = format!("{distribution}-1.0-cp313-cp313-pyemscripten_2025_0_wasm32.whl");
        (name.clone(), Wheel::new(&name).file(&format!("{distribution}.libs/libx.so"), &definer(which)).build())
    };
    let count = |first: &(String, Vec<u8>), second: &(String, Vec<u8>)| {
        clashes(&[(&first.0, &first.1), (&format!("other/{}", second.0), &second.1)]).len()
    };
    let (one, two) = (wheel("one", 1), wheel("two", 2));
    assert_eq!((count(&one, &two), count(&one, &one)), (4, 0));
    let (_, report) = check(&[&support::pypi::wheel("onnx").unwrap(), &support::pypi::wheel("iminuit").unwrap()], &[]);
    assert!(findings(&report).iter().all(|finding| finding["code"] != "symbol-clash"));
}
