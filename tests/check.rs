//! `check` over real wheels and under real runtimes: what it predicts happens, and what it finds nothing in works.
//!
//! The texts of the findings are in `cli/check-*.wat`.

// The part that builds wheels is all that is needed of it.
#[allow(dead_code)]
#[path = "wheels/support.rs"]
mod wheels;

#[path = "check/agreement.rs"]
mod agreement;
#[path = "check/ahead.rs"]
mod ahead;
#[path = "check/clashes.rs"]
mod clashes;
#[path = "check/installers.rs"]
mod installers;
#[path = "check/missing.rs"]
mod missing;
#[path = "check/runtime.rs"]
mod runtime;
#[path = "check/silent.rs"]
mod silent;
#[path = "check/wheel_codes.rs"]
mod wheel_codes;
#[path = "check/whole.rs"]
mod whole;

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Job, Node, Runtime, run_jobs};

/// The exit code and the JSON report of `check` over `files`.
pub fn check(files: &[&Path], arguments: &[&str]) -> (i32, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"));
    let output = command.arg("check").args(files).arg("--json").args(arguments).output().unwrap();
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), report)
}

/// The findings of all inputs of a report.
pub fn findings(report: &Value) -> Vec<Value> {
    let inputs = report["inputs"].as_array().unwrap();
    inputs.iter().flat_map(|input| input["findings"].as_array().unwrap()).cloned().collect()
}

fn codes(findings: &[Value]) -> BTreeSet<&str> {
    findings.iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

fn archives(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn the_documentation_has_every_code() {
    const MARK: &str = "## Codes\n";
    let path = support::repository().join("docs/check.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, reference) = text.split_once(MARK).unwrap();
    let expected = wasm_pyfix::check::explain::reference();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, format!("{head}{MARK}{expected}")).unwrap();
        return;
    }
    assert_eq!(reference, expected, "BLESS=1 writes the section on codes anew");
}

/// Every member of the JSON report stands in the documentation, as code.
#[test]
fn the_documentation_has_every_member() {
    let (_, report) = check(&[&support::pypi::wheel("onnx").unwrap()], &[]);
    // Below are symbols.
    let found = support::members(&report, &["future_abi3_objects"]);
    assert!(found.len() > 20);
    let text = std::fs::read_to_string(support::repository().join("docs/check.md")).unwrap();
    for name in found {
        assert!(text.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn the_table_of_the_stable_abi_is_that_of_abi3info() {
    let checked_in = include_str!("../src/abi3/stable_abi.txt");
    let table: String = checked_in.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    assert_eq!(table, support::pypi::stable_abi().unwrap(), "`cargo run --example stable_abi` makes it anew");
}

#[test]
fn native_wheels_of_the_index_are_clean() {
    for name in support::pypi::names().unwrap() {
        let wheel = support::pypi::wheel(&name).unwrap();
        let (code, report) = check(&[&wheel], &[]);
        let findings = findings(&report);
        assert_eq!(code, 0, "{name}: {findings:#?}");
        // onnx says that it has the stable ABI of 3.12, and was compiled for 3.13.
        let expected: &[&str] = if name == "onnx" { &["newer-abi3-symbol", "non-abi3-symbol"] } else { &[] };
        assert_eq!(codes(&findings), expected.iter().copied().collect(), "{name}: {findings:#?}");
    }
}

/// The members are those of abi3audit.
#[test]
fn abi3_wheels_are_audited() {
    let (_, report) = check(&[&support::pypi::wheel("onnx").unwrap()], &[]);
    let audits = report["inputs"][0]["abi3"].as_array().unwrap();
    assert_eq!(audits.len(), 1);
    assert_eq!(audits[0]["name"], "onnx/onnx_cpp2py_export.cpython-313-wasm32-emscripten.so");
    let result = audits[0]["result"].as_object().unwrap();
    let members: Vec<&str> = result.keys().map(String::as_str).collect();
    let expected = ["is_abi3", "is_abi3_baseline_compatible", "baseline", "computed", "non_abi3_symbols", "future_abi3_objects"];
    assert_eq!(members, expected);
    assert_eq!((&result["is_abi3"], &result["is_abi3_baseline_compatible"]), (&Value::Bool(false), &Value::Bool(false)));
    assert_eq!((result["baseline"].as_str(), result["computed"].as_str()), (Some("3.12"), Some("3.13")));
    assert!(result["non_abi3_symbols"].as_array().unwrap().iter().any(|name| name == "PyGILState_Check"));
    assert_eq!(result["future_abi3_objects"]["PyDict_GetItemRef"], "3.13");

    let (_, report) = check(&[&support::pypi::wheel("css_inline").unwrap()], &[]);
    let result = &report["inputs"][0]["abi3"][0]["result"];
    assert_eq!((&result["is_abi3"], &result["is_abi3_baseline_compatible"]), (&Value::Bool(true), &Value::Bool(true)));
    assert_eq!((result["baseline"].as_str(), result["computed"].as_str()), (Some("3.10"), Some("3.10")));
}

/// Takes out what is said of the wheels that were compiled with catching disabled.
fn without_never_caught(findings: Vec<Value>, year: &str) -> Vec<Value> {
    let (found, rest): (Vec<Value>, Vec<Value>) = findings.into_iter().partition(|finding| finding["code"] == "never-caught");
    let packages = found.iter().map(|finding| finding["path"].as_str().unwrap().split('/').next().unwrap());
    let expected: &[&str] = if year == "2024" { &["clingo", "contourpy", "kiwisolver", "lightgbm"] } else { &["clingo"] };
    assert_eq!(packages.collect::<BTreeSet<_>>(), expected.iter().copied().collect(), "{year}: {found:#?}");
    rest
}

/// Takes out what is said of the modules that truly have a name each: two that both have zstd in them, whose functions read tables of their
/// own.
fn without_clashes(findings: Vec<Value>, year: &str) -> Vec<Value> {
    let (found, rest): (Vec<Value>, Vec<Value>) = findings.into_iter().partition(|finding| finding["code"] == "symbol-clash");
    let paths = found.iter().map(|finding| finding["path"].as_str().unwrap().split('.').next().unwrap());
    assert_eq!(paths.collect::<BTreeSet<_>>(), BTreeSet::from(["numcodecs/blosc", "numcodecs/zstd"]), "{year}: {found:#?}");
    let symbols = found.iter().map(|finding| finding["symbol"].as_str().unwrap());
    assert!(symbols.clone().all(|symbol| symbol.contains("_bt") || symbol.starts_with("HUF_")), "{year}: {found:#?}");
    rest
}

/// Where catching is disabled, the `catch` in the source of an extension does nothing: this one has a class for the error in Python.
#[test]
fn exceptions_of_kiwisolver_end_the_runtime_where_they_are_never_caught() {
    let Some(corpus) = support::corpus() else {
        eprintln!("no corpus beside the repository: nothing to run");
        return;
    };
    let python = "import sys, importlib.util\nsys.path.insert(0, '/home/pyodide')\nfrom kiwisolver import Solver, Variable\n\
                  s, v = Solver(), Variable('v')\ns.addConstraint(v == 1)\ntry:\n    s.addConstraint(v == 2)\nexcept Exception as e:\n    \
                  answer = type(e).__name__\nanswer";
    for (name, runtime, expected) in [
        ("2024/kiwisolver-1.4.5-cp312-cp312-pyodide_2024_0_wasm32.whl", Runtime::V0_27_7, None),
        ("2025/kiwisolver-1.4.8-cp313-cp313-pyodide_2025_0_wasm32.whl", Runtime::V0_29_5, Some("UnsatisfiableConstraint")),
    ] {
        let wheel = corpus.join("wheels").join(name);
        let (_, report) = check(&[&wheel], &["--target", runtime.platform()]);
        assert_eq!(codes(&findings(&report)).contains("never-caught"), expected.is_none(), "{name}");
        let job = Job { unpacked: vec![wheel], ..Job::new("kiwisolver", python) };
        let outcome = run_jobs(Node::Installed, runtime, &[job]).unwrap().remove(0).outcome;
        assert_eq!(outcome.as_ref().ok().map(String::as_str), expected, "{name}: {outcome:?}");
    }
}

/// Wheels of the corpus on the platform that they were built for, all at once so that each finds the libraries of others.
#[test]
fn native_wheels_of_the_corpus_are_clean() {
    let Some(corpus) = support::corpus() else {
        eprintln!("no corpus beside the repository: nothing to check");
        return;
    };
    for (year, target) in [("2024", "pyodide_2024_0"), ("2025", "pyodide_2025_0")] {
        let files = archives(&corpus.join("wheels").join(year));
        let (_, report) = check(&files.iter().map(PathBuf::as_path).collect::<Vec<_>>(), &["--target", target]);
        let findings = findings(&report);
        let mut findings = without_clashes(without_never_caught(findings, year), year);
        // `tests/pointers.rs` runs it.
        let mut wrong: Vec<Value> = findings.extract_if(.., |finding| finding["code"] == "pointer-type-mismatch").collect();
        wrong.retain(|finding| !finding["path"].as_str().unwrap().starts_with("kiwisolver/"));
        assert!(wrong.is_empty(), "{year}: {wrong:#?}");
        findings.retain(|finding| finding["code"] != "pointer-type-forgiven");
        // This one was built by an alpha whose loader looked beside the module; 0.29.5 says so, too.
        let expected: &[&str] = if year == "2025" { &["library-not-found"] } else { &[] };
        assert_eq!(codes(&findings), expected.iter().copied().collect(), "{year}: {findings:#?}");
        for finding in findings {
            assert_eq!(finding["path"], "awkward_cpp/lib/_ext.cpython-313-wasm32-emscripten.so");
            let wheel = files.iter().find(|file| file.to_string_lossy().contains("awkward_cpp")).unwrap();
            let python = "import ctypes\nctypes.CDLL('/home/pyodide/awkward_cpp/lib/_ext.cpython-313-wasm32-emscripten.so')";
            let job = Job { unpacked: vec![wheel.clone()], ..Job::new("awkward", python) };
            let answers = run_jobs(Node::Installed, Runtime::V0_29_5, &[job]).unwrap();
            let error = answers[0].outcome.as_ref().unwrap_err();
            assert!(error.contains(finding["prevents"].as_str().unwrap()), "{error}");
        }
    }
}

#[test]
fn the_wheel_of_npm_is_clean_where_it_was_built_for() {
    let (code, report) = check(&[&support::npm::pymupdf_wheel().unwrap()], &["--target", "pyodide_2024_0"]);
    let findings = findings(&report);
    // It was compiled with catching disabled, and does throw.
    assert!(code == 0 && findings.iter().all(|finding| finding["code"] == "never-caught"), "{findings:#?}");
}

/// A 2024 wheel on a later platform: the symbols that are named are those that the runtime cannot bind, no more and no fewer; and the
/// same wheel upgraded is clean.
#[test]
fn old_wheels_lack_exactly_what_the_runtime_lacks() {
    const OF_SYMBOLS: [&str; 5] =
        ["javascript-exceptions", "missing-function", "never-offered", "missing-address", "unknown-symbol"];
    let mut wheels = vec![support::npm::pymupdf_wheel().unwrap()];
    if let Some(corpus) = support::corpus() {
        let names = ["nh3", "css_inline", "clarabel", "argon2", "pycryptodome", "lightgbm", "tree_sitter_go"];
        let of_corpus = archives(&corpus.join("wheels/2024")).into_iter();
        wheels.extend(
            of_corpus.filter(|file| names.iter().any(|name| file.file_name().unwrap().to_string_lossy().starts_with(name))),
        );
    }
    for runtime in Runtime::UPGRADED {
        for wheel in &wheels {
            let (_, report) = check(&[wheel], &["--target", runtime.platform()]);
            let named: BTreeSet<(String, String)> = (findings(&report).iter())
                .filter(|finding| OF_SYMBOLS.contains(&finding["code"].as_str().unwrap()))
                .map(|finding| ["path", "symbol"].map(|member| finding[member].as_str().unwrap().to_string()).into())
                .collect();
            assert_eq!(named, runtime::unbound(wheel, runtime), "{} on {}", wheel.display(), runtime.version());

            let directory = tempfile::tempdir().unwrap();
            let upgraded = support::upgrade_archive(env!("CARGO_BIN_EXE_wasm-pyfix"), wheel, runtime, &[], directory.path());
            let (code, report) = check(&[&upgraded], &["--target", runtime.platform()]);
            assert_eq!(code, 0, "{}: {:#?}", upgraded.display(), findings(&report));
        }
    }
}
