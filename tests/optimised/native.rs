//! Wheels that others compiled natively for Pyodide 0.29: each is imported, and called where that is possible, before and after.

use std::path::{Path, PathBuf};

use support::modules::modules_of_archive;
use support::{Job, Node, Runtime, pypi, run_jobs};

use crate::{Made, made};

/// Loads every side module of the unpacked wheels, extension modules by themselves, without the Python code around them and what that
/// needs. The answer tells of each what is in it or why it does not load.
const LOAD: &str = include_str!("load.py");

/// What is called of each package. The answers of those that need something else (numpy) are their errors.
const CALLS: &str = include_str!("calls.py");

/// Runs `python` over the wheels as they are without and with the passes that make them smaller, all wheels in one runtime, and compares.
/// Gives the answer.
#[track_caller]
fn assert_same(name: &str, wheels: &[PathBuf], python: &str) -> String {
    let runtime = Runtime::V0_29_5;
    let make = |level: &str| -> Vec<Made> { wheels.iter().map(|wheel| made(wheel, runtime, &[level])).collect() };
    let (before, after) = (make("-O0"), make("-O1"));
    assert!(size(&after) < size(&before), "{name}: modules do not get smaller");
    let job = |level: &str, wheels: &[Made]| Job {
        unpacked: wheels.iter().map(|wheel| wheel.path.clone()).collect(),
        ..Job::new(format!("{name} {level}"), python)
    };
    let answers = run_jobs(Node::Installed, runtime, &[job("-O0", &before), job("-O1", &after)]).unwrap();
    let outcomes: Vec<&String> =
        (answers.iter()).map(|answer| answer.outcome.as_ref().unwrap_or_else(|error| panic!("{}: {error}", answer.name))).collect();
    let pairs = outcomes[0].lines().zip(outcomes[1].lines());
    let differences: Vec<_> = pairs.filter(|(before, after)| before != after).collect();
    assert!(differences.is_empty() && outcomes[0] == outcomes[1], "{name}: {differences:#?}");
    outcomes[0].clone()
}

/// Bytes of all modules.
fn size(wheels: &[Made]) -> usize {
    let modules = wheels.iter().flat_map(|wheel| modules_of_archive(&wheel.path).unwrap());
    modules.map(|(_, bytes)| bytes.len()).sum()
}

fn pinned(name: &str) -> PathBuf {
    pypi::wheel(name).unwrap_or_else(|error| panic!("{error:#}"))
}

/// What the snippets say of the package `name`.
#[track_caller]
fn line<'a>(answer: &'a str, name: &str) -> &'a str {
    answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_else(|| panic!("{name}: {answer}"))
}

#[test]
fn wheels_of_the_package_index_do_the_same() {
    let wheels = ["css_inline", "cramjam", "uharfbuzz"].map(pinned);
    let answer = assert_same("wheels", &wheels, CALLS);
    for package in ["css_inline", "cramjam", "uharfbuzz"] {
        assert!(!line(&answer, package).contains("Error"), "{answer}");
    }
}

#[test]
fn pymupdf_of_the_package_index_does_the_same() {
    let answer = assert_same("pymupdf", &[pinned("pymupdf")], include_str!("../runtime/pymupdf.py"));
    assert!(answer.contains("Hello page 19") && answer.contains("story"), "{answer}");
}

/// What they need of numpy there is not: they are loaded alone, as far as that goes.
#[test]
fn extension_modules_alone_do_the_same() {
    let answer = assert_same("onnx and iminuit", &["onnx", "iminuit"].map(pinned), LOAD);
    assert!(answer.contains("onnx_cpp2py_export") && answer.contains("iminuit"), "{answer}");
}

/// All native builds of the corpus.
#[test]
fn native_wheels_of_the_corpus_do_the_same() {
    let Some(corpus) = support::corpus() else { return };
    let wheels = wheels_in(&corpus.join("wheels/2025"));
    assert_same("loading", &wheels, LOAD);
    assert_same("calls", &wheels, CALLS);
}

fn wheels_in(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("the corpus has wheels").map(|entry| entry.expect("readable").path());
    let mut wheels: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "whl")).collect();
    wheels.sort();
    wheels
}
