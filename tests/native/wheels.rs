//! Wheels of the package index with native modules, all of whose exceptions become new instructions.

use std::path::{Path, PathBuf};

use support::modules::modules_of_archive;
use support::{Job, Node, Runtime, pypi, run_jobs};

use crate::convert::{EXNREF, instructions};

const CALLS: &str = include_str!("../optimised/calls.py");
const LOAD: &str = include_str!("../optimised/load.py");
const PYMUPDF: &str = include_str!("../runtime/pymupdf.py");

fn pinned(name: &str) -> PathBuf {
    pypi::wheel(name).unwrap_or_else(|error| panic!("{error:#}"))
}

/// How many exception instructions of both kinds are in a wheel.
fn all_instructions(wheel: &Path) -> [usize; 2] {
    let modules = modules_of_archive(wheel).unwrap_or_else(|error| panic!("{error:#}"));
    modules.iter().map(|(_, bytes)| instructions(bytes)).fold([0, 0], |[a, b], [c, d]| [a + c, b + d])
}

/// Runs each snippet over its wheels as they are, and on a Node that knows new instructions over the same wheels converted.
#[track_caller]
fn assert_same(runtime: Runtime, cases: &[(&[&str], &str)], arguments: &[&str]) -> Vec<String> {
    let scratch = tempfile::tempdir().expect("a directory");
    let convert = |name: &str| {
        let directory = scratch.path().join(name);
        std::fs::create_dir(&directory).expect("the directory is new");
        let arguments = [&["--exceptions", EXNREF], arguments].concat();
        let wheel = support::upgrade_archive(env!("CARGO_BIN_EXE_wasm-pyfix"), &pinned(name), runtime, &arguments, &directory);
        assert!(all_instructions(&pinned(name))[0] > 0, "{name} has no legacy instruction");
        let [legacy, new] = all_instructions(&wheel);
        assert!(legacy == 0 && new > 0, "{name}: {legacy} legacy and {new} new instructions");
        wheel
    };
    let job = |names: &[&str], python: &str, wheel: &dyn Fn(&str) -> PathBuf| Job {
        unpacked: names.iter().map(|name| wheel(name)).collect(),
        ..Job::new(names.join(", "), python)
    };
    let answers = |node: Node, wheel: &dyn Fn(&str) -> PathBuf| -> Vec<String> {
        let jobs: Vec<Job> = cases.iter().map(|(names, python)| job(names, python, wheel)).collect();
        let answers = run_jobs(node, runtime, &jobs).unwrap_or_else(|error| panic!("{error:#}"));
        answers.into_iter().map(|answer| answer.outcome.unwrap_or_else(|error| panic!("{}: {error}", answer.name))).collect()
    };
    let before = answers(Node::Installed, &pinned);
    assert_eq!(answers(Node::V24Exnref, &convert), before);
    before
}

/// Those for the stable ABI, on a later platform than theirs.
#[test]
fn wheels_do_the_same_with_new_instructions_on_2026() {
    let answers = assert_same(Runtime::V314_0_7, &[(&["css_inline", "uharfbuzz"], CALLS), (&["pymupdf"], PYMUPDF)], &[]);
    assert!(["css_inline: (", "uharfbuzz: ("].iter().all(|called| answers[0].contains(called)), "{}", answers[0]);
    assert!(answers[1].contains("Hello page 19"), "{}", answers[1]);
}

#[test]
fn wheels_do_the_same_with_new_instructions_on_2025() {
    let answers = assert_same(Runtime::V0_29_5, &[(&["cramjam"], CALLS), (&["iminuit"], LOAD)], &["-O0"]);
    assert!(answers[0].contains("cramjam: (") && answers[1].contains("iminuit"), "{answers:?}");
}
