//! What comes out stays what it was: SHA-256 of every output, in three ways of running.
//!
//! A change of the engine that is to change nothing keeps the lists in `tests/outputs`; one that makes other outputs writes them anew, with
//! `BLESS=1` in the environment, and says in its commit which changed and why. The lists are of the modules that this project built, of
//! those in npm packages, and of the corpus beside the repository, where it is there.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use support::modules::{files_below, label};
use wasm_pyfix::cli;
use wasm_pyfix::report::Status;
use wasm_pyfix::run::InMemory;

/// Ways of running the tool.
const WAYS: [&[&str]; 3] = [&[], &["-O0"], &["--exnref"]];

#[test]
fn of_modules_built_here() {
    let mut files = Vec::new();
    for directory in ["tests/fixtures/built", "tests/shapes/built", "tests/linked/built", "tests/native/built"] {
        files.extend(libraries_below(&support::repository().join(directory)));
    }
    compare("modules", files);
}

#[test]
fn of_npm_packages() {
    let mut files = support::npm::php_intl().expect("the npm packages can be had");
    files.push(support::npm::pymupdf_wheel().expect("the npm packages can be had"));
    compare("npm", files);
}

#[test]
fn of_the_corpus() {
    let Some(corpus) = support::corpus() else {
        // Not `eprintln!`: what a passing test prints that way is never seen.
        let notice = "no corpus beside the repository, nor where WASM_PYFIX_CORPUS says: its outputs were not checked\n";
        std::io::stderr().write_all(notice.as_bytes()).expect("standard error can be written");
        return;
    };
    compare("corpus", libraries_below(&corpus.join("wheels")));
}

/// Compares the outputs for `files` with the list of this name, or writes it.
#[track_caller]
fn compare(list: &str, files: Vec<PathBuf>) {
    let path = support::repository().join(format!("tests/outputs/{list}.txt"));
    let mut actual = String::new();
    for way in WAYS {
        let words = ["wasm-pyfix", "upgrade", "--dry-run", "--quiet", "--allow-missing", "--allow-python-mismatch"];
        let words = words.iter().chain(way).chain(&["./input"]);
        let args = cli::upgrade_args(words).expect("the arguments are right");
        let mut tool = InMemory::new(&args).expect("the arguments are right");
        for file in &files {
            let bytes = std::fs::read(file).expect("the file can be read");
            let output = output(&mut tool, file, &bytes);
            writeln!(actual, "{output} {} {}", way.first().unwrap_or(&"default"), label(file)).expect("a string takes everything");
        }
    }
    if std::env::var_os("BLESS").is_some() {
        return support::measure::write(&path, &actual).expect("the list can be written");
    }
    let expected = std::fs::read_to_string(&path).expect("there is a list");
    let differ = |(a, b): &(&str, &str)| a != b;
    let different: Vec<&str> = expected.lines().zip(actual.lines()).filter(differ).map(|(_, actual)| actual).collect();
    assert!(
        expected == actual,
        "outputs of {list} differ (BLESS=1 writes the list); {} of {} lines, these and more:\n{}",
        different.len(),
        actual.lines().count(),
        different[..different.len().min(10)].join("\n")
    );
}

/// The hash of what becomes of `bytes`, or why nothing does.
fn output(tool: &mut InMemory<'_>, file: &Path, bytes: &[u8]) -> String {
    let name = file.file_name().and_then(|name| name.to_str()).expect("names are text");
    let (report, output) = tool.upgrade(name, bytes);
    match (output, report.status) {
        (Some(output), _) => Sha256::digest(&output).iter().fold(String::new(), |mut hash, byte| {
            write!(hash, "{byte:02x}").expect("a string takes everything");
            hash
        }),
        (None, Status::Unchanged) => "unchanged".to_string(),
        (None, _) => "refused".to_string(),
    }
}

/// The modules, wheels and archives under `directory`.
fn libraries_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = files_below(directory).expect("the directory can be read");
    let ending = |path: &PathBuf| path.extension().and_then(|extension| extension.to_str()).map(str::to_string);
    files.retain(|path| matches!(ending(path).as_deref(), Some("so" | "whl" | "zip")));
    files
}
