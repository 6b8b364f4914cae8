//! What `upgrade` tells: codes of what is refused and fails, the lines of the text, and the tables of sizes.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

const WHEEL: &str = "demo-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl";

/// A side module with these imports and exports.
fn module(fields: &str) -> Vec<u8> {
    wat::parse_str(format!("(module (@dylink.0 (mem-info (memory 0 0) (table 0 0))) {fields})")).unwrap()
}

fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        writer.start_file(*name, options.last_modified_time(zip::DateTime::default())).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// The wheel called `name` around `files`, with a `RECORD` whose rows are `record`, or that lists them.
fn wheel(name: &str, files: &[(&str, &[u8])], record: Option<&str>) -> Vec<u8> {
    let parts: Vec<&str> = name.trim_end_matches(".whl").split('-').collect();
    let tags = format!("Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {}-{}-{}\n", parts[2], parts[3], parts[4]);
    let info = |file: &str| format!("demo-1.0.dist-info/{file}");
    let (metadata, wheel, listing) = (info("METADATA"), info("WHEEL"), info("RECORD"));
    let mut files = files.to_vec();
    files.push((&metadata, b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"));
    files.push((&wheel, tags.as_bytes()));
    let rows: String = files.iter().map(|(path, _)| format!("{path},,\n")).chain([format!("{listing},,\n")]).collect();
    let rows = record.map_or(rows, str::to_string);
    files.push((&listing, rows.as_bytes()));
    archive(&files)
}

fn command(directory: &Path, arguments: &[&str]) -> Command {
    support::command(env!("CARGO_BIN_EXE_wasm-pyfix"), directory, arguments)
}

fn run(directory: &Path, arguments: &[&str]) -> Output {
    command(directory, arguments).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A directory with one input for each of many ways to fail, and the code that it should have.
fn failing() -> (TempDir, Vec<(&'static str, &'static str)>) {
    let directory = tempfile::tempdir().unwrap();
    let extension = module(r#"(func (export "PyInit_ext") (result i32) i32.const 0)"#);
    let ext: &[(&str, &[u8])] = &[("demo/ext.abi3.so", &extension)];
    let missing = module(r#"(import "env" "_Py_IsFinalizing" (func))"#);
    let changed = module(r#"(import "env" "PyLong_AsLong" (func (param i64)))"#);
    let shared = module(r#"(import "env" "memory" (memory 1 1 shared))"#);
    let asyncify = module(r#"(func (export "asyncify_start_unwind"))"#);
    let unlinked = wat::parse_str("(module)").unwrap();
    let python = "demo-1.0-cp312-cp312-pyodide_2024_0_wasm32.whl";
    let linux = "demo-1.0-cp313-cp313-manylinux_2_17_x86_64.whl";
    let later = "demo-1.0-cp312-abi3-pyemscripten_2026_0_wasm32.whl";
    let elf = "elf-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl";
    let mismatch = "a-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl";
    let lost = "b-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl";
    let files: Vec<(&str, Vec<u8>, &str)> = vec![
        ("missing.so", missing, "missing-function"),
        ("changed.so", changed, "symbol-type-mismatch"),
        ("shared.so", shared, "shared-memory"),
        ("asyncify.so", asyncify, "asyncify"),
        ("unlinked.so", unlinked, "no-dylink"),
        ("cut.so", extension[..extension.len() - 1].to_vec(), "invalid-module"),
        ("elf.so", b"\x7fELF\x02\x01\x01\0".to_vec(), "unreadable"),
        (python, wheel(python, ext, None), "python-tag"),
        (linux, wheel(linux, ext, None), "platform-tag"),
        (later, wheel(later, ext, None), "platform-tag"),
        (elf, wheel(elf, &[("demo/ext.abi3.so", &extension), ("demo/x.so", b"\x7fELF\x02\x01\x01\0")], None), "foreign-binary"),
        (mismatch, wheel(mismatch, ext, Some("demo/ext.abi3.so,,3\n")), "record-mismatch"),
        (lost, wheel(lost, ext, Some("demo/nothing.py,,\n")), "record-missing-file"),
    ];
    let mut expected = Vec::new();
    for (name, bytes, code) in files {
        fs::write(directory.path().join(name), bytes).unwrap();
        expected.push((name, code));
    }
    expected.push(("nothing.so", "unreadable"));
    (directory, expected)
}

#[test]
fn every_refusal_and_failure_has_a_code_that_is_explained() {
    let (directory, expected) = failing();
    let mut arguments: Vec<&str> = expected.iter().map(|(name, _)| *name).collect();
    arguments.extend(["-o", "out", "--json"]);
    let output = run(directory.path(), &arguments);
    let report = json(&output);
    let found: Vec<(&str, &str)> = (report["inputs"].as_array().unwrap().iter())
        .map(|input| (input["input"].as_str().unwrap(), input["error"]["code"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(found, expected);
    let text = stderr(&output);
    for (name, code) in &expected {
        assert!(text.lines().any(|line| line.contains(&format!("[{code}]: {name}: "))), "{name}: {text}");
    }
    for code in expected.iter().map(|(_, code)| *code).collect::<BTreeSet<_>>() {
        assert!(run(directory.path(), &["explain", code]).status.success(), "{code}");
    }
}

/// What `upgrade` does not take, `check` has an error of the same code about.
#[test]
fn check_and_upgrade_have_the_same_codes() {
    let (directory, expected) = failing();
    for (name, code) in expected {
        let report = json(&run(directory.path(), &["check", name, "--json", "--target", "pyodide_2025_0"]));
        let findings = report["inputs"][0]["findings"].as_array().unwrap();
        assert!(findings.iter().any(|finding| finding["code"] == code), "{name}, {code}: {findings:#?}");
    }
}

#[test]
fn failures_apart_from_the_inputs_have_codes() {
    let directory = tempfile::tempdir().unwrap();
    let extension = module(r#"(func (export "PyInit_ext") (result i32) i32.const 0)"#);
    fs::write(directory.path().join("ext.so"), &extension).unwrap();
    fs::write(directory.path().join(WHEEL), wheel(WHEEL, &[("demo/ext.abi3.so", &extension)], None)).unwrap();
    fs::write(directory.path().join("lock.json"), r#"{"packages": {}}"#).unwrap();
    let of_run = |arguments: &[&str]| json(&run(directory.path(), arguments))["error"]["code"].clone();
    assert_eq!(of_run(&["ext.so", "-n", "--json", "--main", "ext.so"]), "runtime-files");
    assert_eq!(of_run(&["ext.so", "-n", "--json", "--lock", "nothing.json"]), "lock-file");
    let of_input = |arguments: &[&str]| json(&run(directory.path(), arguments))["inputs"][0]["error"]["code"].clone();
    assert_eq!(of_input(&[WHEEL, "-o", "out", "--json", "--lock", "lock.json"]), "lock-file");
    assert_eq!(of_input(&["ext.so", "-o", "ext.so/x.so", "--json"]), "unwritable");
    assert_eq!(of_input(&[WHEEL, "-o", "out", "--json", "--target", "emscripten-legacy"]), "modules-only");
}

/// Notices and what passes left have codes as well, and counts have keys that are no sentences.
#[test]
fn notices_and_what_is_left_have_codes() {
    let directory = tempfile::tempdir().unwrap();
    let fields = r#"(import "env" "_emscripten_get_now" (func $now (result f64))) (import "env" "elsewhere" (func $f))
        (func (export "f") (result f64) call $f call $now)"#;
    fs::write(directory.path().join("a.so"), module(fields)).unwrap();
    let report = json(&run(directory.path(), &["a.so", "-n", "--json"]));
    assert_eq!(report["schema_version"], 2);
    let passes = report["inputs"][0]["modules"][0]["passes"].as_array().unwrap();
    let pass = |name: &str| passes.iter().find(|pass| pass["pass"] == name).unwrap();
    assert_eq!(pass("symbols")["changed"]["imports_renamed"], 1);
    assert_eq!(pass("symbols")["names"]["imports_renamed"][0], "_emscripten_get_now=emscripten_get_now");
    let (notice, left) = (&pass("symbols")["notices"][0], &pass("prune")["left"][0]);
    assert_eq!((&notice["code"], &notice["severity"]), (&"unknown-symbol".into(), &"warning".into()));
    assert_eq!((&left["code"], &left["what"]), (&"kept-export".into(), &"export".into()));
    for code in [&notice["code"], &left["code"]] {
        assert!(run(directory.path(), &["explain", code.as_str().unwrap()]).status.success(), "{code}");
    }
    let keys = passes.iter().flat_map(|pass| pass["changed"].as_object().unwrap().keys());
    assert!(keys.into_iter().all(|key| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
}

#[test]
fn the_table_of_sizes_adds_up_to_the_totals() {
    let directory = tempfile::tempdir().unwrap();
    let extension = module(r#"(func (export "PyInit_ext") (result i32) i32.const 0)"#);
    fs::write(directory.path().join(WHEEL), wheel(WHEEL, &[("demo/ext.abi3.so", &extension)], None)).unwrap();
    fs::write(directory.path().join("ext.so"), &extension).unwrap();
    fs::write(directory.path().join("native.so"), b"\x7fELF").unwrap();
    let inputs = [WHEEL, "ext.so", "native.so", "-n", "-q"];
    let table = json(&run(directory.path(), &[&inputs[..], &["--summary=json"]].concat()));
    let report = json(&run(directory.path(), &[&inputs[..], &["--json"]].concat()));
    assert_eq!(table["totals"], report["totals"]);
    let sum = |member: &str| table["rows"].as_array().unwrap()[..2].iter().map(|row| row[member].as_u64().unwrap()).sum::<u64>();
    for member in ["modules", "size_before", "size_after"] {
        assert_eq!(table["totals"][member], sum(member), "{member}");
    }
    let failed = &table["rows"][2];
    assert_eq!((&failed["wheel"], &failed["code"]), (&"native.so".into(), &"unreadable".into()));
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/report.md")).unwrap();
    let members = table.as_object().unwrap().keys().chain(failed.as_object().unwrap().keys());
    for member in members.chain(table["totals"].as_object().unwrap().keys()) {
        assert!(page.contains(&format!("| `{member}` |")), "`{member}` is not in docs/report.md");
    }
}
