//! Real wheels beside the repository, where there are any: upgraded, they must give on Pyodide 0.29.5 and 314.0.7 what the originals
//! give on 0.27.7, with and without the passes that make them smaller. The directory brings its own runner, snippets and table of expected results.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::Runtime;

#[test]
fn nh3() {
    check("nh3", &[]);
}

#[test]
fn css_inline() {
    check("css_inline", &[]);
}

#[test]
fn clarabel() {
    check("clarabel", &[]);
}

/// The wheel is for one Python version, but the library that is loaded from it by ctypes has no use for Python.
#[test]
fn awkward_cpp() {
    check("awkward_cpp", &["--allow-python-mismatch"]);
}

/// An archive of two shared libraries that throw into each other.
#[test]
fn cpp_exceptions() {
    check("cpp_exceptions", &[]);
}

/// What `docs/migrate.md` says of a wheel is what the commands in it print, but for that which needs a runtime. With `BLESS=1` in the environment
/// it is written instead of compared.
#[test]
fn migrating_is_as_described() {
    let Some(corpus) = support::corpus() else { return };
    let (wheel, _) = expectation(&corpus, "nh3");
    let directory = tempfile::tempdir().expect("a temporary directory");
    std::fs::copy(&wheel, directory.path().join(wheel.file_name().expect("a name"))).expect("the wheel can be copied");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/migrate.md");
    let text = std::fs::read_to_string(&path).expect("the page is there");
    let (mut page, mut count) = (String::new(), 0);
    for (number, block) in text.split("```\n").enumerate() {
        let separator = if number == 0 { "" } else { "```\n" };
        page += separator;
        if !block.starts_with("$ wasm-pyfix ") || block.contains("wasm-pyfix verify") {
            page += block;
            continue;
        }
        for line in block.lines().filter_map(|line| line.strip_prefix("$ wasm-pyfix ")) {
            count += 1;
            let arguments: Vec<&str> = line.split(' ').collect();
            let output =
                support::command(env!("CARGO_BIN_EXE_wasm-pyfix"), directory.path(), &arguments).output().expect("it starts");
            let printed = [output.stdout, output.stderr].concat();
            page += &format!("$ wasm-pyfix {line}\n{}", String::from_utf8(printed).expect("it prints text"));
        }
    }
    assert!(count >= 5, "{count}");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, page).expect("the page can be written");
    } else {
        assert_eq!(text, page, "docs/migrate.md (BLESS=1 writes it)");
    }
}

/// Upgrades the file that the corpus names for `test` and compares what it gives with the corpus's table.
#[track_caller]
fn check(test: &str, arguments: &[&str]) {
    let Some(corpus) = support::corpus() else {
        // Not `eprintln!`: what a passing test prints that way is never seen.
        let notice = format!("no corpus beside the repository, nor where WASM_PYFIX_CORPUS says: {test} was not checked\n");
        std::io::stderr().write_all(notice.as_bytes()).expect("standard error can be written");
        return;
    };
    let (file, expected) = expectation(&corpus, test);
    for (runtime, level) in [
        (Runtime::V0_27_7, "-O1"),
        (Runtime::V0_29_5, "-O0"),
        (Runtime::V0_29_5, "-O1"),
        (Runtime::V314_0_7, "-O1"),
        (Runtime::V315_0_0A2, "-O1"),
    ] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let program = env!("CARGO_BIN_EXE_wasm-pyfix");
        let arguments = [arguments, &[level]].concat();
        let upgraded = support::upgrade_archive(program, &file, runtime, &arguments, directory.path());
        assert_eq!(result(&corpus, test, runtime, &upgraded), expected, "{test} with {level} on {}", runtime.version());
    }
}

/// The file that `test` is about, and its expected result.
#[track_caller]
fn expectation(corpus: &Path, test: &str) -> (PathBuf, String) {
    let table = std::fs::read_to_string(corpus.join("expected.tsv")).expect("the corpus has a table of results");
    let row = table.lines().map(|line| line.split('\t').collect::<Vec<_>>()).find(|row| row[0] == test);
    let Some([_, prefix, expected]) = row.as_deref() else { panic!("expected.tsv has no row of three columns for {test}") };
    let directory = corpus.join("wheels/2024");
    let entries = std::fs::read_dir(&directory).expect("the corpus has wheels").map(|entry| entry.expect("readable").path());
    let belongs = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&format!("{prefix}-")));
    let file = entries.into_iter().find(belongs).unwrap_or_else(|| panic!("{} has no file for {test}", directory.display()));
    (file, expected.to_string())
}

/// What the corpus's runner prints for `test` with `file`: the result, or everything when there is none.
fn result(corpus: &Path, test: &str, runtime: Runtime, file: &Path) -> String {
    let runtime = runtime.directory().unwrap_or_else(|error| panic!("{error:#}"));
    let mut command = Command::new("node");
    command.arg(corpus.join("run.mjs")).arg(runtime).arg(corpus.join("tests").join(format!("{test}.py"))).arg(file);
    let output = command.output().expect("Node starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    let result = printed.lines().find_map(|line| line.strip_prefix("RESULT "));
    result.map_or_else(|| format!("{printed}{}", String::from_utf8_lossy(&output.stderr)), str::to_string)
}
