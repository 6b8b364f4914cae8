//! A second run changes nothing, with whatever options: every module of the repository that a run accepts, beside some that were written
//! to be hard about it.

use std::path::{Path, PathBuf};
use std::process::Command;

#[path = "random/program.rs"]
mod program;

#[path = "random/forms.rs"]
mod forms;

/// Options that have other passes run, or have them do other things.
const OPTIONS: [&[&str]; 9] = [
    &[],
    &["-O0"],
    &["--exports", "pyinit"],
    &["--dyncalls", "all"],
    &["--dyncalls", "all", "--exports", "pyinit"],
    &["--bsymbolic"],
    &["--strip", "all"],
    &["--exnref"],
    &["--target", "emscripten-legacy", "--exports", "pyinit"],
];

/// Modules in which passes find work that others left them.
const HARD: [(&str, &str); 4] = [
    (
        "two functions that set a global are one, so that it holds an address for good",
        r#"(import "env" "__indirect_function_table" (table 0 funcref))
           (import "env" "__table_base" (global $base i32))
           (global $address (mut i32) (i32.const 0))
           (func $one (global.set $address (global.get $base)))
           (func $other (global.set $address (global.get $base)))
           (func $start (call $one) (call $other))
           (func $in_table (export "PyInit_m") (result i32) (call_indirect (result i32) (global.get $address)))
           (start $start)
           (elem (global.get $base) func $in_table)"#,
    ),
    (
        "an import breaks the conventions of linking until it goes",
        r#"(import "elsewhere" "odd" (func $odd))
           (func $unused (call $odd))
           (func (export "_Z6nobodyv") (result i32) (i32.const 1))
           (func (export "PyInit_m") (result i32) (i32.const 0))"#,
    ),
    (
        "nobody calls the function that finds symbols",
        r#"(import "env" "dlsym" (func $dlsym (param i32 i32) (result i32)))
           (func $unused (drop (call $dlsym (i32.const 0) (i32.const 0))))
           (func (export "_Z6nobodyv") (result i32) (i32.const 1))
           (func (export "PyInit_m") (result i32) (i32.const 0))"#,
    ),
    (
        "wrappers that were asked for",
        r#"(import "env" "__indirect_function_table" (table 0 funcref))
           (import "env" "__table_base" (global $base i32))
           (func $in_table (param i32 f64) (result i64) (i64.const 1))
           (func (export "PyInit_m") (result i32)
             (call_indirect (param f32) (result i32) (f32.const 1) (i32.add (global.get $base) (i32.const 0))))
           (elem (global.get $base) func $in_table)"#,
    ),
];

/// Writes all modules into `directory`.
fn write_modules(directory: &Path) {
    let put = |name: String, bytes: Vec<u8>| std::fs::write(directory.join(format!("{name}.so")), bytes).unwrap();
    let tests = support::repository().join("tests");
    for file in files(&tests.join("cli")).into_iter().filter(|file| file.extension().is_some_and(|end| end == "wat")) {
        // Some are malformed, which is what they are about.
        if let Ok(bytes) = wat::parse_file(&file) {
            put(file.file_stem().unwrap().to_string_lossy().into_owned(), bytes);
        }
    }
    let built = files(&tests.join("fixtures/built")).into_iter().chain(files(&tests.join("linked/built")));
    for (number, file) in built.enumerate().filter(|(_, file)| file.extension().is_some_and(|end| end == "so")) {
        put(format!("built{number}"), std::fs::read(file).unwrap());
    }
    for (number, (_, items)) in HARD.iter().enumerate() {
        let text = format!("(module (@dylink.0 (mem-info (memory 0 0) (table {} 0))) {items})", items.matches("elem").count());
        put(format!("hard{number}"), wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}")));
    }
    for seed in 0..4 {
        let (one, other) = forms::pair(seed);
        for (name, text) in [("whole", forms::whole(seed)), ("one", one), ("other", other), ("extension", forms::extension(seed))] {
            put(format!("{name}{seed}"), wat::parse_str(text).unwrap());
        }
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// What a run makes of `inputs`, by their file names; those that it refuses are missing.
fn run(inputs: &Path, options: &[&str]) -> tempfile::TempDir {
    let results = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"));
    command.args(["upgrade", "--quiet", "--no-check", "--allow-missing", "-o"]).arg(results.path()).args(options);
    let output = command.args(files(inputs)).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code().is_some_and(|code| code <= 3) && !said.contains("internal"), "{options:?}: {said}");
    results
}

#[test]
fn a_second_run_changes_nothing() {
    let inputs = tempfile::tempdir().unwrap();
    write_modules(inputs.path());
    for options in OPTIONS {
        let once = run(inputs.path(), options);
        let twice = run(once.path(), options);
        let made = files(once.path());
        assert!(made.len() > 60, "{options:?}: only {} of {} modules are upgraded", made.len(), files(inputs.path()).len());
        for first in made {
            let second = twice.path().join(first.file_name().unwrap());
            let same = std::fs::read(&first).unwrap() == std::fs::read(&second).unwrap_or_default();
            assert!(same, "{options:?} changes {} again", first.file_name().unwrap().to_string_lossy());
        }
    }
}

/// The names that the first run over a module exports.
fn exports(items: &str, options: &[&str]) -> Vec<String> {
    let inputs = tempfile::tempdir().unwrap();
    let text = format!("(module (@dylink.0 (mem-info (memory 0 0) (table {} 0))) {items})", items.matches("elem").count());
    std::fs::write(inputs.path().join("m.so"), wat::parse_str(text).unwrap()).unwrap();
    let bytes = std::fs::read(run(inputs.path(), options).path().join("m.so")).unwrap();
    let module = wasm_pyfix_passes::module::Module::read(&bytes).unwrap();
    module.exports().iter().map(|export| export.name.to_string()).collect()
}

#[test]
fn the_first_run_goes_to_the_end() {
    for (what, items) in &HARD[1..3] {
        assert_eq!(exports(items, &[]), ["PyInit_m"], "{what}");
    }
    let wrappers = exports(HARD[3].1, &["--dyncalls", "all", "--exports", "pyinit"]);
    assert!(wrappers.iter().any(|name| name == "dynCall_if"), "{wrappers:?}");
}
