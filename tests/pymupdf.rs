//! The PyMuPDF wheel of npm `pymupdf-node`: what it does on the Pyodide that it was built for it must do, once upgraded, on later
//! ones, whether it is installed by `pyodide.loadPackage` or merely unpacked.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use support::{Answer, Job, Node, Runtime, npm, run_jobs};

const EXPECTED: &str = include_str!("runtime/pymupdf.expected");
const LIBRARIES: [&str; 4] = ["_extra.so", "_mupdf.so", "libmupdf.so", "libmupdfcpp.so"];

fn job(name: &str) -> Job {
    Job::new(name, include_str!("runtime/pymupdf.py"))
}

fn installed(wheel: &Path) -> Job {
    Job { installed: vec![wheel.to_path_buf()], ..job("installed") }
}

fn unpacked(wheel: &Path) -> Job {
    Job { unpacked: vec![wheel.to_path_buf()], ..job("unpacked") }
}

fn run(runtime: Runtime, jobs: &[Job]) -> Vec<Answer> {
    run_jobs(Node::Installed, runtime, jobs).unwrap_or_else(|error| panic!("{error:#}"))
}

fn original() -> PathBuf {
    npm::pymupdf_wheel().unwrap_or_else(|error| panic!("{error:#}"))
}

/// Fails unless every answer is the expected one and every library of the wheel was loaded exactly once.
#[track_caller]
fn assert_works(runtime: Runtime, answers: &[Answer]) {
    for answer in answers {
        let what = format!("{} on {}", answer.name, runtime.version());
        assert_eq!(answer.outcome.as_deref(), Ok(EXPECTED.trim_end()), "{what}");
        let mut loaded: HashMap<&str, usize> = HashMap::new();
        for path in &answer.libraries {
            *loaded.entry(path.rsplit('/').next().unwrap_or(path)).or_default() += 1;
        }
        let once = LIBRARIES.into_iter().map(|name| (name, 1)).collect();
        assert_eq!(loaded, once, "{what}: {:?}", answer.libraries);
    }
}

#[test]
fn original_works_on_2024() {
    assert_works(Runtime::V0_27_7, &run(Runtime::V0_27_7, &[installed(&original())]));
}

#[test]
fn original_fails_on_later_platforms() {
    for runtime in Runtime::UPGRADED {
        for answer in run(runtime, &[installed(&original()), unpacked(&original())]) {
            let error = answer.outcome.expect_err("the original cannot work");
            assert!(error.contains("emscripten_longjmp") || error.contains("Failed to find dynamic library"), "{error}");
        }
    }
}

#[test]
fn upgraded_works_on_2025() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let wheel = support::upgrade_archive(env!("CARGO_BIN_EXE_wasm-pyfix"), &original(), Runtime::V0_29_5, &[], directory.path());
    for runtime in [Runtime::V0_28_3, Runtime::V0_29_5] {
        assert_works(runtime, &run(runtime, &[installed(&wheel), unpacked(&wheel)]));
    }
}

/// Without the passes that make modules smaller, which the other tests of upgraded wheels run.
#[test]
fn merely_upgraded_works_on_2026() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let program = env!("CARGO_BIN_EXE_wasm-pyfix");
    let wheel = support::upgrade_archive(program, &original(), Runtime::V314_0_7, &["-O0"], directory.path());
    assert_works(Runtime::V314_0_7, &run(Runtime::V314_0_7, &[installed(&wheel)]));
}

/// Exceptions stay in JavaScript, names and tags too.
#[test]
fn optimised_works_on_2024() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let wheel = support::upgrade_archive(env!("CARGO_BIN_EXE_wasm-pyfix"), &original(), Runtime::V0_27_7, &[], directory.path());
    assert_eq!(wheel.file_name(), original().file_name());
    let size = |path: &Path| std::fs::metadata(path).expect("the file is there").len();
    assert!(size(&wheel) < size(&original()));
    assert_works(Runtime::V0_27_7, &run(Runtime::V0_27_7, &[installed(&wheel)]));
}

#[test]
fn upgraded_works_on_2026_5() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let wheel = support::upgrade_archive(env!("CARGO_BIN_EXE_wasm-pyfix"), &original(), Runtime::V315_0_0A2, &[], directory.path());
    assert_works(Runtime::V315_0_0A2, &run(Runtime::V315_0_0A2, &[installed(&wheel), unpacked(&wheel)]));
}

#[test]
fn upgraded_works_on_2026() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let wheel = support::upgrade_archive(env!("CARGO_BIN_EXE_wasm-pyfix"), &original(), Runtime::V314_0_7, &[], directory.path());
    assert_works(Runtime::V314_0_7, &run(Runtime::V314_0_7, &[installed(&wheel), unpacked(&wheel)]));
}
