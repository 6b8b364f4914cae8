//! What keeps `upgrade` from taking an archive is found by `check`, under the same code and in the same words.

use super::wheels::{Wheel, module};
use super::{check, findings};
use std::path::Path;
use std::process::Command;

const NAME: &str = "demo-1.0-cp312-abi3-pyodide_2025_0_wasm32.whl";
const ZIP: &str = "libraries.zip";

/// A wheel with this `WHEEL`, and what else it has.
fn with_format(version: &str) -> Vec<u8> {
    let text = format!("Wheel-Version: {version}\nTag: cp312-abi3-pyodide_2025_0_wasm32\n");
    Wheel::bare()
        .file("demo.abi3.so", &module(&[], &["PyInit_demo"]))
        .file("demo-1.0.dist-info/METADATA", b"Name: demo\n")
        .file("demo-1.0.dist-info/WHEEL", text.as_bytes())
        .file("demo-1.0.dist-info/RECORD", b"demo.abi3.so,,\ndemo-1.0.dist-info/METADATA,,\ndemo-1.0.dist-info/WHEEL,,\n")
        .build()
}

/// `bytes` without the entries whose names begin so.
fn without(bytes: &[u8], name: &str) -> Vec<u8> {
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index).unwrap();
        if entry.name().unwrap() != name {
            writer.raw_copy_file(entry).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

/// `bytes` with other contents of a stored entry than its checksum says.
fn damaged(mut bytes: Vec<u8>) -> Vec<u8> {
    let at = bytes.windows(5).position(|window| window == b"right").unwrap();
    bytes[at..at + 5].copy_from_slice(b"wrong");
    bytes
}

/// The exit code of `upgrade`, and what it says.
fn upgrade(path: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"));
    let output = command.arg(path).args(["--target", "pyodide_2025_0", "--dry-run"]).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// What is found in an archive: an error of this code, about this entry, for which `upgrade` ends with `exit_code`. What is about no entry is
/// about the input.
#[track_caller]
fn agree(name: &str, bytes: &[u8], code: &str, path: &str, exit_code: i32) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(name);
    std::fs::write(&file, bytes).unwrap();
    let (checked, report) = check(&[&file], &["--target", "pyodide_2025_0"]);
    let found = findings(&report);
    let found = found.iter().find(|finding| finding["code"] == code).unwrap_or_else(|| panic!("no {code} in {found:#?}"));
    assert_eq!((checked, found["severity"].as_str(), found["fixable"].as_bool()), (1, Some("error"), Some(false)), "{found:#?}");
    assert_eq!(found["path"].as_str().unwrap_or_default(), path);
    let (refused, says) = upgrade(&file);
    assert_eq!(refused, Some(exit_code), "{says}");
    let message = found["message"].as_str().unwrap();
    let subject = if path.is_empty() { "it".to_string() } else { format!("`{path}`") };
    assert!(says.contains(&format!("{subject} {message}")), "{message} is not in: {says}");
    assert!(says.contains(&format!("[{code}]: ")), "{code} is not in: {says}");
}

#[test]
fn about_other_formats() {
    for version in ["2.0", "nonsense"] {
        agree(NAME, &with_format(version), "wheel-version", "demo-1.0.dist-info/WHEEL", 1);
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(NAME);
    std::fs::write(&file, with_format("1.9")).unwrap();
    assert_eq!((check(&[&file], &[]).0, upgrade(&file).0), (0, Some(0)));
}

#[test]
fn about_damaged_entries() {
    let archive = Wheel::bare().file("a.so", &module(&[], &["a"])).file("share/data.txt", b"right").stored().build();
    agree(ZIP, &damaged(archive), "damaged-entry", "share/data.txt", 1);
    let ext = module(&[], &["PyInit_ext"]);
    let wheel = Wheel::new(NAME).file("ext.abi3.so", &ext).unlisted("data.txt", b"right").stored().build();
    agree(NAME, &damaged(wheel), "damaged-entry", "data.txt", 1);
}

#[test]
fn about_namesakes() {
    let libraries = |second: &[u8]| {
        let needing = module(&["x.so"], &["PyInit_m"]);
        let files: [(&str, &[u8]); 3] = [("c/m.abi3.so", &needing), ("a.libs/x.so", &module(&[], &["x"])), ("b.libs/x.so", second)];
        files.into_iter().fold(Wheel::new(NAME), |wheel, (name, contents)| wheel.file(name, contents)).build()
    };
    agree(NAME, &libraries(&module(&[], &["x", "y"])), "ambiguous-library", "c/m.abi3.so", 3);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(NAME);
    std::fs::write(&file, libraries(&module(&[], &["x"]))).unwrap();
    assert!(findings(&check(&[&file], &[]).1).iter().all(|finding| finding["code"] != "ambiguous-library"));
    assert_eq!(upgrade(&file).0, Some(0));
}

/// What is missing is said of the wheel.
#[test]
fn about_missing_metadata() {
    for name in ["METADATA", "WHEEL"] {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(NAME);
        std::fs::write(&file, without(&with_format("1.0"), &format!("demo-1.0.dist-info/{name}"))).unwrap();
        let says = format!("no `demo-1.0.dist-info/{name}` inside: not a wheel");
        let found = findings(&check(&[&file], &[]).1);
        assert!(found.iter().any(|finding| finding["code"] == "unreadable" && finding["message"] == says), "{found:#?}");
        let (code, stderr) = upgrade(&file);
        assert!(code == Some(1) && stderr.contains(&says), "{stderr}");
    }
}

#[test]
fn about_tags() {
    let wheel = |name: &str| Wheel::new(name).file("demo.so", &module(&[], &["PyInit_demo"])).build();
    for (name, code) in [
        ("demo-1.0-cp312-cp312-pyodide_2025_0_wasm32.whl", "python-tag"),
        ("demo-1.0-cp313-cp313-pyemscripten_2026_0_wasm32.whl", "platform-tag"),
        ("demo-1.0-cp313-cp313-manylinux_2_17_x86_64.whl", "platform-tag"),
    ] {
        agree(name, &wheel(name), code, "", 3);
    }
}

#[test]
fn about_bytecode_without_a_source() {
    // Of Python 3.12.
    let mut bytecode = 3531u16.to_le_bytes().to_vec();
    bytecode.extend(b"\r\n\0\0\0\0");
    let wheel = Wheel::new(NAME).file("demo.abi3.so", &module(&[], &["PyInit_demo"])).file("other.pyc", &bytecode).build();
    agree(NAME, &wheel, "sourceless-bytecode", "other.pyc", 3);
}

/// One sentence names all functions that are missing; for one it is that of `check`.
#[test]
fn about_missing_symbols() {
    let needing = |import: &str| {
        wat::parse_str(format!("(module (@dylink.0 (mem-info (memory 0 0) (table 0 0))) {import} (func (export \"PyInit_m\")))"))
            .unwrap()
    };
    for (import, code) in [
        ("(import \"env\" \"emscripten_gone\" (func))", "missing-function"),
        ("(import \"GOT.mem\" \"emscripten_gone\" (global (mut i32)))", "missing-address"),
        ("(import \"env\" \"malloc\" (func (param i64) (result i32)))", "symbol-type-mismatch"),
    ] {
        agree("m.so", &needing(import), code, "", 3);
    }
}
