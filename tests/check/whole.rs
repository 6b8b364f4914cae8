//! Whole distributions: directories, and lock files with their packages.

use super::{check, findings};
use crate::wheels::{Wheel, entries, hex_sha256};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use support::{Job, Node, Runtime, run_jobs};
use tempfile::TempDir;

const A: &str = "a-1.0-cp312-abi3-pyodide_2025_0_wasm32.whl";
const B: &str = "b-1.0-cp312-abi3-pyodide_2025_0_wasm32.whl";

/// A module that needs these libraries and exports one function.
fn module(needed: &[&str], export: &str, value: i32) -> Vec<u8> {
    let needed: String = needed.iter().map(|name| format!("(needed \"{name}\")")).collect();
    let text = format!("(module (@dylink.0 (mem-info) {needed}) (func (export \"{export}\") (result i32) i32.const {value}))");
    wat::parse_str(text).unwrap()
}

/// The codes of the findings in each input, by the name of the input.
fn codes(report: &Value) -> Vec<(String, BTreeSet<String>)> {
    let code = |finding: &Value| finding["code"].as_str().unwrap().to_string();
    let inputs = report["inputs"].as_array().unwrap();
    let of = |input: &Value| {
        let name = input["input"].as_str().unwrap();
        (name.rsplit('/').next().unwrap().to_string(), input["findings"].as_array().unwrap().iter().map(code).collect())
    };
    inputs.iter().map(of).collect()
}

fn expected(expected: &[(&str, &[&str])]) -> Vec<(String, BTreeSet<String>)> {
    expected.iter().map(|(name, codes)| (name.to_string(), codes.iter().map(|code| code.to_string()).collect())).collect()
}

fn with_libs(name: &str, directory: &str, libraries: &[(&str, i32)]) -> Vec<u8> {
    let needed: Vec<&str> = libraries.iter().map(|(name, _)| *name).filter(|name| !name.contains("spare")).collect();
    let path = format!("(runtime-path \"/lib/python3.13/site-packages/{directory}\")");
    let needed: String = needed.iter().map(|name| format!("(needed \"{name}\")")).collect();
    let text = format!("(module (@dylink.0 (mem-info) {needed} {path}) (func (export \"PyInit_m\") (result i32) i32.const 0))");
    let wheel = Wheel::new(name).file("m.abi3.so", &wat::parse_str(text).unwrap());
    let add = |wheel: Wheel, (name, value): &(&str, i32)| wheel.file(&format!("{directory}/{name}"), &module(&[], "f", *value));
    libraries.iter().fold(wheel, add).build()
}

fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    files.iter().for_each(|(name, bytes)| fs::write(directory.path().join(name), bytes).unwrap());
    directory
}

#[test]
fn libraries_of_a_directory_are_compared() {
    let files = [
        (A, with_libs(A, "a.libs", &[("libsame.so", 1), ("libother.so", 2)])),
        (B, with_libs(B, "b.libs", &[("libsame.so", 1), ("libother.so", 3), ("libspare.so", 4)])),
    ];
    let directory = folder(&files);
    let (code, report) = check(&[directory.path()], &[]);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(codes(&report), expected(&[(A, &[]), (B, &["duplicate-library", "unneeded-library"])]));
    let of: Vec<(String, String)> = findings(&report)
        .iter()
        .map(|finding| (finding["severity"].as_str().unwrap().to_string(), finding["message"].as_str().unwrap().to_string()))
        .collect();
    let note = |text: String| ("note".to_string(), text);
    let expected = [
        note(format!("is `a.libs/libsame.so` of `{A}` once more")),
        ("warning".to_string(), format!("has the name of `a.libs/libother.so` of `{A}`, and other contents")),
        note("is a library that no module at hand needs".to_string()),
    ];
    assert_eq!(of, expected);
    assert_eq!((&report["totals"]["inputs"], &report["totals"]["modules"]), (&json!(2), &json!(7)));
    // Files that are named are no whole.
    let named = check(&[&directory.path().join(A), &directory.path().join(B)], &[]).1;
    assert_eq!(findings(&named).len(), 0, "{named:#}");
    // What was unpacked or installed is looked at like its wheel.
    let site = directory.path().join("site");
    for (name, bytes) in &files {
        for entry in entries(bytes) {
            let path = site
                .join(entry.name.replace("demo-1.0", name.split_at(5).0))
                .to_str()
                .unwrap()
                .replace("m.abi3.so", &format!("{}.abi3.so", &name[..1]));
            fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
            let text = String::from_utf8(entry.contents.clone());
            let text = text.map(|text| {
                text.replace("demo-1.0", &name[..5]).replace("m.abi3.so", &format!("{}.abi3.so", &name[..1])).into_bytes()
            });
            fs::write(path, text.unwrap_or(entry.contents)).unwrap();
        }
    }
    let report = check(&[&site], &[]).1;
    let names: Vec<(String, BTreeSet<String>)> = codes(&report);
    assert_eq!(
        names,
        self::expected(&[("a-1.0.dist-info", &[]), ("b-1.0.dist-info", &["duplicate-library", "unneeded-library"])]),
        "{report:#}"
    );
}

#[test]
fn modules_above_8_mib_are_told() {
    let of = |size: usize| {
        let text = format!(
            r#"(module (@dylink.0 (mem-info)) (@custom "x" "{}") (func (export "PyInit_m") (result i32) i32.const 0))"#,
            " ".repeat(size)
        );
        Wheel::new(A).stored().file("m.abi3.so", &wat::parse_str(text).unwrap()).build()
    };
    for (size, codes_of) in [((8 << 20) - 200, &[][..]), (8 << 20, &["too-large-to-preload"])] {
        let directory = folder(&[(A, of(size))]);
        assert_eq!(codes(&check(&[directory.path()], &[]).1), expected(&[(A, codes_of)]), "{size}");
        assert_eq!(codes(&check(&[&directory.path().join(A)], &[]).1), expected(&[(A, &[])]));
    }
}

fn lock(directory: &Path, abi_version: &str, packages: &[(&str, &str, &[&str])]) {
    let entry = |(name, file, depends): &(&str, &str, &[&str])| {
        let sha256 = fs::read(directory.join(file)).map_or("00".to_string(), |bytes| hex_sha256(&bytes));
        let (kind, place) = if file.ends_with(".zip") { ("shared_library", "dynlib") } else { ("package", "site") };
        let entry = json!({
            "depends": depends, "file_name": file, "imports": [], "install_dir": place, "name": name, "package_type": kind,
            "sha256": sha256, "unvendored_tests": false, "version": "1.0"
        });
        (name.to_string(), entry)
    };
    let packages: serde_json::Map<String, Value> = packages.iter().map(entry).collect();
    let info = json!({"abi_version": abi_version, "arch": "wasm32", "platform": "emscripten_4_0_9", "python": "3.13.2"});
    let text = serde_json::to_string(&json!({"info": info, "packages": packages})).unwrap();
    fs::write(directory.join("pyodide-lock.json"), text).unwrap();
}

#[test]
fn a_lock_file_is_checked_with_its_packages() {
    let library = Wheel::bare().file("libx.so", &module(&[], "f", 1)).build();
    let needing = |name: &str| Wheel::new(name).file("m.abi3.so", &module(&["libx.so"], "PyInit_m", 0)).build();
    let pure = "pure-1.0-py3-none-any.whl";
    let directory = folder(&[
        (A, needing(A)),
        (B, needing(B)),
        ("libx-1.0.zip", library),
        (pure, Wheel::new(pure).file("pure.py", b"").build()),
        ("tests.tar", b"tests".to_vec()),
    ]);
    let path = directory.path().join("pyodide-lock.json");
    let good: &[(&str, &str, &[&str])] =
        &[("a", A, &["pure"]), ("pure", pure, &["libx"]), ("libx", "libx-1.0.zip", &[]), ("t", "tests.tar", &[])];
    lock(directory.path(), "2025_0", good);
    let (code, report) = check(&[&path], &[]);
    assert_eq!((code, report["target"].as_str()), (0, Some("pyodide_2025_0")));
    assert_eq!(codes(&report), expected(&[(A, &[]), (pure, &[]), ("libx-1.0.zip", &[])]), "{report:#}");

    let bad: &[(&str, &str, &[&str])] =
        &[("a", A, &["gone"]), ("b", B, &[]), ("lost", "lost-1.0-py3-none-any.whl", &[]), ("libx", "libx-1.0.zip", &[])];
    lock(directory.path(), "2025_0", bad);
    let (code, report) = check(&[&path], &[]);
    assert_eq!(code, 1);
    let found = [
        ("pyodide-lock.json", &["lock-file", "unknown-package"][..]),
        (A, &["undeclared-dependency"]),
        (B, &["undeclared-dependency"]),
        ("libx-1.0.zip", &[]),
    ];
    assert_eq!(codes(&report), expected(&found), "{report:#}");
    // What it says happens.
    let load = |name: &str| {
        let job = Job { lock: Some(path.clone()), packages: vec![name.to_string()], ..Job::new(name, "import m\nstr(m)") };
        run_jobs(Node::Installed, Runtime::V0_29_5, &[job]).unwrap().remove(0).outcome.unwrap_err()
    };
    let says = |code: &str| {
        let findings = findings(&report);
        findings.iter().find(|finding| finding["code"] == code).unwrap()["prevents"]
            .as_str()
            .unwrap()
            .trim_start_matches("Error: ")
            .to_string()
    };
    let (unknown, undeclared) = (load("a"), load("b"));
    assert!(unknown.contains(&says("unknown-package")), "{unknown}");
    assert!(undeclared.contains(&says("undeclared-dependency")), "{undeclared}");

    // The platform is that of the lock file.
    lock(directory.path(), "2026_0", good);
    let (code, report) = check(&[&path], &[]);
    assert_eq!((code, report["target"].as_str()), (1, Some("pyemscripten_2026_0")));
    assert!(findings(&report).iter().any(|finding| finding["code"] == "platform-tag"), "{report:#}");
    assert_eq!(check(&[&path], &["--target", "0.29"]).0, 0);
    lock(directory.path(), "1999_0", good);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"));
    let output = command.arg("check").arg(&path).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("1999_0, which is not known"));
}

#[test]
fn totals_of_a_whole_are_told() {
    let directory = folder(&[(A, with_libs(A, "a.libs", &[("libx.so", 1)]))]);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"));
    let text = String::from_utf8(command.arg("check").arg(directory.path()).output().unwrap().stdout).unwrap();
    assert!(
        text.starts_with("1 file (2 modules, ") && text.ends_with(" B) checked against pyodide_2025_0: nothing found\n"),
        "{text}"
    );
}
