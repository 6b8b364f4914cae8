//! Checks against several targets, and against those to come.

use super::wheels::Wheel;
use super::{check, codes, findings};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

const NAME: &str = "demo-1.0-cp312-abi3-pyemscripten_2025_0_wasm32.whl";

/// A wheel for 2025_0 with a native extension that imports `names`, besides what it needs for exceptions.
fn wheel(directory: &Path, name: &str, names: &[&str]) -> PathBuf {
    let imports: String =
        names.iter().map(|name| format!("(import \"env\" \"{name}\" (func (param i32 i32) (result i32)))")).collect();
    let text = format!(
        "(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
           (import \"env\" \"_Unwind_CallPersonality\" (func (param i32) (result i32))) {imports}
           (import \"env\" \"__cpp_exception\" (tag $tag (param i32)))
           (func (export \"PyInit_ext\") (result i32) try (result i32) i32.const 0 catch $tag end))"
    );
    let path = directory.join(name);
    std::fs::write(&path, Wheel::new(name).file("demo/ext.abi3.so", &wat::parse_str(text).unwrap()).build()).unwrap();
    path
}

/// Target and codes of each report of a run.
fn reports(report: &Value) -> Vec<(String, BTreeSet<String>)> {
    let of = |report: &Value| {
        let found = findings(report);
        (report["target"].as_str().unwrap().to_string(), codes(&found).into_iter().map(str::to_string).collect())
    };
    report["reports"].as_array().unwrap().iter().map(of).collect()
}

fn expected(reports: &[(&str, &[&str])]) -> Vec<(String, BTreeSet<String>)> {
    reports.iter().map(|(target, codes)| (target.to_string(), codes.iter().map(|code| code.to_string()).collect())).collect()
}

const AHEAD: [&str; 2] = ["legacy-exceptions", "retired-symbol"];

#[test]
fn later_platforms_are_checked_too() {
    let directory = tempfile::tempdir().unwrap();
    let good = wheel(directory.path(), NAME, &["PyList_Append"]);
    let (code, report) = check(&[&good], &["--against-next"]);
    // Tags do not matter there.
    let expect = expected(&[("pyodide_2025_0", &[]), ("pyemscripten_2026_0", &[]), ("pyemscripten_2026_5", &AHEAD)]);
    assert_eq!((code, &report["exit_code"], reports(&report)), (0, &0.into(), expect));

    // It is there in Python 3.13 and 3.14, and gone in 3.15.
    let bad = wheel(directory.path(), NAME, &["_PyLong_Add"]);
    let (code, report) = check(&[&bad], &["--against-next"]);
    let outside = ["non-abi3-symbol", "unportable-abi3"];
    let last = [&AHEAD[..], &outside, &["missing-function"]].concat();
    let expect =
        expected(&[("pyodide_2025_0", &["non-abi3-symbol"]), ("pyemscripten_2026_0", &outside), ("pyemscripten_2026_5", &last)]);
    assert_eq!((code, reports(&report)), (1, expect));

    let for_one_python = NAME.replace("abi3", "cp312").replace("cp312", "cp313");
    let (code, report) = check(&[&wheel(directory.path(), &for_one_python, &[])], &["--against-next"]);
    assert_eq!((code, reports(&report)[1].clone()), (1, expected(&[("pyemscripten_2026_0", &["python-tag"])]).remove(0)));
}

#[test]
fn the_last_platform_has_only_what_is_known_to_come() {
    let directory = tempfile::tempdir().unwrap();
    let wheel = wheel(directory.path(), &NAME.replace("2025_0", "2026_5"), &[]);
    let (code, report) = check(&[&wheel], &["--against-next"]);
    assert_eq!((code, report["target"].as_str()), (0, Some("pyemscripten_2026_5")));
    assert_eq!(codes(&findings(&report)), BTreeSet::from(AHEAD));
    // Nobody is told who does not ask.
    let (_, report) = check(&[&wheel], &[]);
    assert_eq!(findings(&report), [] as [Value; 0]);
}

#[test]
fn several_targets_are_checked_in_the_order_that_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let wheel = wheel(directory.path(), NAME, &[]);
    let (code, report) = check(&[&wheel], &["--target", "314", "--target", "0.29", "--target", "2026_0"]);
    assert_eq!((code, reports(&report)), (1, expected(&[("pyemscripten_2026_0", &["platform-tag"]), ("pyodide_2025_0", &[])])));

    let fails = |arguments: &[&str], says: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"));
        let output = command.arg("check").arg(&wheel).args(arguments).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && stderr.contains(says), "{stderr}");
    };
    fails(&["--against-next", "--target", "0.29", "--target", "314"], "goes on from one target");
    fails(&["--against-next", "--main", "main.wasm"], "`--main` is about one runtime");
}
