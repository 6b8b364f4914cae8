//! What `diff` tells of directories and lock files.

use super::archives::{Wheel, entries, hex_sha256};
use super::{NEW, OLD, diff, module, report, text, versions};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Two folders: a wheel of another version, one that is the same, one that came, an archive of another version, a module and a text of nobody.
fn folders() -> TempDir {
    let directory = versions();
    let at = |path: &str| directory.path().join(path);
    for folder in ["old", "new/sub"] {
        fs::create_dir_all(at(folder)).unwrap();
    }
    fs::rename(at(OLD), at("old").join(OLD)).unwrap();
    fs::rename(at(NEW), at("new").join(NEW)).unwrap();
    let pure = Wheel::new("pure-1.0-py3-none-any.whl").file("pure.py", b"x = 1\n").build();
    for folder in ["old", "new"] {
        fs::write(at(folder).join("pure-1.0-py3-none-any.whl"), &pure).unwrap();
    }
    fs::write(at("new/came-2.0-py3-none-any.whl"), Wheel::new("came-2.0-py3-none-any.whl").file("came.py", b"y\n").build())
        .unwrap();
    let library = |number: u8| {
        let library = module("", &format!("(func (export \"l\") (result i32) i32.const {number})"));
        Wheel::bare().file("liba.so", &library).build()
    };
    fs::write(at("old/liba-1.0.zip"), library(1)).unwrap();
    fs::write(at("new/sub/liba-1.1.zip"), library(2)).unwrap();
    fs::rename(at("old.so"), at("old/m.cpython-312-wasm32-emscripten.so")).unwrap();
    fs::rename(at("new.so"), at("new/m.abi3.so")).unwrap();
    fs::write(at("new/notes.txt"), "notes\n").unwrap();
    fs::write(at("new/.hidden"), "").unwrap();
    directory
}

/// Each package with its paths and status.
fn packages(report: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_string();
    let packages = report["diff"]["packages"].as_array().unwrap_or_else(|| panic!("{report}"));
    packages.iter().map(|of| (text(&of["path"]["old"]), text(&of["path"]["new"]), text(&of["status"]))).collect()
}

fn expected(packages: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    packages.iter().map(|(old, new, status)| (old.to_string(), new.to_string(), status.to_string())).collect()
}

/// Unpacks an archive as `unzip` does.
fn unpack(bytes: &[u8], directory: &Path) {
    for entry in entries(bytes) {
        let path = directory.join(&entry.name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &entry.contents).unwrap();
    }
}

#[test]
fn packages_of_folders_are_paired() {
    let directory = folders();
    let found = report(directory.path(), &["old", "new", "--no-compressed"]);
    let paired = [
        (OLD, NEW, "changed"),
        ("liba-1.0.zip", "sub/liba-1.1.zip", "changed"),
        ("pure-1.0-py3-none-any.whl", "pure-1.0-py3-none-any.whl", "same"),
        ("-", "came-2.0-py3-none-any.whl", "came"),
    ];
    assert_eq!(packages(&found), expected(&paired));
    let of = &found["diff"];
    assert_eq!(of["package_counts"], json!({ "same": 1, "changed": 2, "renamed": 0, "came": 1, "went": 0 }));
    assert_eq!(of["kinds"], json!({ "old": "directory", "new": "directory" }));
    assert_eq!((&of["same"], &of["files"]["came"]), (&json!(false), &json!(["notes.txt"])));
    // Those of packages and the one of nobody.
    assert_eq!(of["counts"], json!({ "same": 0, "changed": 3, "renamed": 1, "came": 1, "went": 1 }));
    let own = of["modules"].as_array().unwrap();
    assert_eq!((own.len(), &own[0]["path"]["new"]), (1, &json!("m.abi3.so")));
    assert_eq!(of["tags"]["came"], json!(["cp312-abi3-pyodide_2025_0_wasm32"]));
    let raw = |side: &str| -> u64 {
        let modules = of["packages"].as_array().unwrap().iter().flat_map(|package| package["modules"].as_array().unwrap());
        modules.chain(own).filter_map(|module| module["sizes"]["raw"][side].as_u64()).sum()
    };
    assert_eq!(of["sizes"]["raw"], json!({ "old": raw("old"), "new": raw("new") }));
    let demo = &of["packages"][0];
    assert_eq!((&demo["version"], &demo["files"]["went"]), (&json!({ "old": "1.0", "new": "1.1" }), &json!(["demo/gone.txt"])));
    assert_eq!((&of["packages"][3]["kinds"]["old"], &of["packages"][3]["file_sizes"]["old"]), (&Value::Null, &Value::Null));
    assert_eq!(report(directory.path(), &["new", "new", "--no-compressed"])["diff"]["same"], true);
}

#[test]
fn text_and_markdown_tell_of_packages() {
    let directory = folders();
    let told = text(directory.path(), &["old", "new"]);
    for line in [
        "  packages     2 changed, 1 came, 1 the same",
        "  modules      3 changed, 1 renamed, 1 came, 1 went",
        "  demo 1.0 -> 1.1",
        "  liba 1.0 -> 1.1",
        "  came 2.0",
        "  m.cpython-312-wasm32-emscripten.so -> m.abi3.so",
    ] {
        assert!(told.lines().any(|found| found == line), "{line} is not in\n{told}");
    }
    assert!(!told.contains("pure") && told.lines().count() <= 40, "{told}");
    for line in told.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let in_full = text(directory.path(), &["old", "new", "--no-compressed", "-v"]);
    assert!(in_full.contains("  exports      2 went: __wasm_apply_data_relocs, hidden\n"), "{in_full}");
    let told = text(directory.path(), &["old", "new", "--markdown", "--no-compressed"]);
    for line in [
        "- packages: 2 changed, 1 came, 1 the same",
        "| package | | file | % | raw | % | brotli | % |",
        "<details><summary>demo 1.0 -> 1.1</summary>",
        "<details><summary>demo/ext.cpython-312-wasm32-emscripten.so -> demo/ext.abi3.so</summary>",
        "<details><summary>m.cpython-312-wasm32-emscripten.so -> m.abi3.so</summary>",
    ] {
        assert!(told.lines().any(|found| found == line), "{line} is not in\n{told}");
    }
    for table in told.split("\n\n").filter(|part| part.starts_with("| ")) {
        let cells: Vec<usize> = table.lines().map(|line| line.matches('|').count()).collect();
        assert!(cells.iter().all(|count| *count == cells[0]), "{table}");
    }
}

/// A wheel is what it is when it is unpacked, and installed it has its files alone.
#[test]
fn a_wheel_is_compared_with_what_is_in_a_directory() {
    let directory = versions();
    let at = |path: &str| directory.path().join(path);
    unpack(&fs::read(at(OLD)).unwrap(), &at("tree"));
    let found = report(directory.path(), &[OLD, "tree", "--no-compressed"]);
    assert_eq!(packages(&found), expected(&[(OLD, "demo-1.0.dist-info", "renamed")]));
    assert_eq!((&found["diff"]["packages"][0]["tags"]["came"], &found["diff"]["counts"]["same"]), (&json!([]), &json!(3)));
    let found = report(directory.path(), &["tree", NEW, "--no-compressed"]);
    assert_eq!(packages(&found), expected(&[("demo-1.0.dist-info", NEW, "changed")]));
    // Others beside it; what no RECORD lists is of nobody.
    let other = at("tree/other-2.0.dist-info");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("RECORD"), "other.py,,\nother-2.0.dist-info/RECORD,,\n").unwrap();
    fs::write(at("tree/other.py"), "x = 1\n").unwrap();
    fs::write(at("tree/mine.txt"), "").unwrap();
    fs::write(at("tree/native.so"), b"\x7fELF").unwrap();
    let found = report(directory.path(), &[OLD, "tree", "--no-compressed"]);
    assert_eq!(packages(&found), expected(&[(OLD, "demo-1.0.dist-info", "renamed"), ("-", "other-2.0.dist-info", "came")]));
    assert_eq!(found["diff"]["files"]["came"], json!(["mine.txt", "native.so"]));
}

#[test]
fn of_several_wheels_of_a_name_those_for_one_python_are_paired() {
    let directory = tempfile::tempdir().unwrap();
    let write = |path: &str| {
        fs::create_dir_all(directory.path().join(path).parent().unwrap()).unwrap();
        let name = path.split('/').next_back().unwrap();
        fs::write(directory.path().join(path), Wheel::new(name).file("m.py", path.as_bytes()).build()).unwrap();
    };
    let name = |version: &str, python: &str, year: &str| format!("De.mo-{version}-{python}-{python}-pyodide_{year}_0_wasm32.whl");
    let [a, b] = [name("1.0", "cp312", "2024"), name("1.0", "cp313", "2024")];
    let [c, d, e] =
        [name("2.0", "cp312", "2024"), name("1.0", "cp313", "2025"), name("1.0", "cp314", "2025").replace("De.mo", "de_mo")];
    [format!("old/{a}"), format!("old/{b}"), format!("new/{c}"), format!("new/{d}"), format!("new/{e}")]
        .iter()
        .for_each(|path| write(path));
    let found = report(directory.path(), &["old", "new"]);
    assert_eq!(packages(&found), expected(&[(&a, &c, "changed"), (&b, &d, "changed"), ("-", &e, "came")]));
}

/// A lock file over the packages of a folder.
fn lock(directory: &Path, folder: &str, version: &str, depends: &[&str]) {
    let folder = directory.join(folder);
    let mut packages = serde_json::Map::new();
    for file in ["a-1.0-py3-none-any.whl", "b-1.0-py3-none-any.whl", "b-tests.tar"] {
        let bytes = fs::read(folder.join(file)).unwrap();
        let name = if file.ends_with(".tar") { "b-tests" } else { &file[..1] };
        let depends = if name == "a" { depends } else { &[] };
        packages.insert(name.to_string(), json!({ "file_name": file, "sha256": hex_sha256(&bytes), "depends": depends }));
    }
    let url = format!("https://example.org/c-{version}-py3-none-any.whl");
    packages.insert("c".to_string(), json!({ "file_name": url, "sha256": "00", "depends": [] }));
    let lock = json!({ "info": { "abi_version": version }, "packages": packages });
    fs::write(folder.join("pyodide-lock.json"), lock.to_string()).unwrap();
}

#[test]
fn lock_files_are_compared_with_their_files() {
    let directory = tempfile::tempdir().unwrap();
    let at = |path: &str| directory.path().join(path);
    for (folder, tests) in [("old", "old"), ("new", "new")] {
        fs::create_dir(at(folder)).unwrap();
        for name in ["a-1.0-py3-none-any.whl", "b-1.0-py3-none-any.whl"] {
            fs::write(at(folder).join(name), Wheel::new(name).build()).unwrap();
        }
        fs::write(at(folder).join("b-tests.tar"), tests).unwrap();
    }
    lock(directory.path(), "old", "2024_0", &["b"]);
    lock(directory.path(), "new", "2025_0", &["c"]);
    let locks = ["old/pyodide-lock.json", "new/pyodide-lock.json"];
    let found = report(directory.path(), &locks);
    let [a, b] = ["a-1.0-py3-none-any.whl", "b-1.0-py3-none-any.whl"];
    assert_eq!(packages(&found), expected(&[(a, a, "changed"), (b, b, "same")]));
    let of = &found["diff"];
    assert_eq!(of["abi_version"], json!({ "old": "2024_0", "new": "2025_0" }));
    assert_eq!(of["packages"][0]["depends"], json!({ "came": ["c"], "went": ["b"] }));
    let [was, is] = ["2024_0", "2025_0"].map(|version| format!("https://example.org/c-{version}-py3-none-any.whl"));
    assert_eq!(of["files"], json!({ "came": [is], "went": [was], "changed": ["b-tests.tar"] }));
    let told = text(directory.path(), &locks);
    assert!(told.contains("  platform     2024_0 -> 2025_0\n") && told.contains("  depends      1 came: c\n"), "{told}");
    assert_eq!(report(directory.path(), &[locks[0], locks[0]])["diff"]["same"], true);
    // The folder of a lock file is another thing than what it lists.
    assert_eq!(report(directory.path(), &[locks[0], "old"])["diff"]["same"], false);

    fs::remove_file(at("new").join(b)).unwrap();
    let output = diff(directory.path(), &locks);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.starts_with("error[lock-file]: new/pyodide-lock.json: package `b`: its file `b-1.0"), "{said}");
    fs::write(at("old").join(b), "PK\x03\x04").unwrap();
    let output = diff(directory.path(), &["old", "new"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.starts_with("error[unreadable]: old/b-1.0-py3-none-any.whl: "), "{said}");
}

/// An installed distribution, with a row about what is elsewhere.
fn installed(directory: &Path) {
    let own = directory.join("demo-1.0.dist-info");
    fs::create_dir_all(&own).unwrap();
    let rows = "demo.py,,\ndemo-1.0.dist-info/INSTALLER,,\ndemo-1.0.dist-info/RECORD,,\n../../../bin/demo,,\n";
    let info = [("INSTALLER", "pip\n"), ("WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n"), ("RECORD", rows)];
    info.iter().for_each(|(name, text)| fs::write(own.join(name), text).unwrap());
    fs::write(directory.join("demo.py"), "x = 1\n").unwrap();
}

/// `RECORD` of an installed distribution is compared as it is, with the rows about what is elsewhere or gone.
#[test]
fn files_of_installed_distributions_are_compared_as_they_are() {
    let directory = tempfile::tempdir().unwrap();
    let at = |path: &str| directory.path().join(path);
    ["old", "new"].iter().for_each(|folder| installed(&at(folder)));
    let record = at("new/demo-1.0.dist-info/RECORD");
    let rows = fs::read_to_string(&record).unwrap();
    fs::write(&record, format!("{rows}../../../bin/other,sha256=abc,3\n")).unwrap();
    let found = report(directory.path(), &["old", "new"]);
    assert_eq!(found["diff"]["same"], false);
    let package = &found["diff"]["packages"][0];
    assert_eq!(package["files"]["changed"], json!(["demo-1.0.dist-info/RECORD"]));
    let sizes = ["old", "new"].map(|side| (&found["diff"]["file_sizes"][side], &package["file_sizes"][side]));
    assert!(sizes.iter().all(|(all, own)| all == own) && sizes[0] != sizes[1], "{sizes:?}");
    fs::write(&record, rows).unwrap();
    assert_eq!(report(directory.path(), &["old", "new"])["diff"]["same"], true);
    fs::remove_file(at("new/demo.py")).unwrap();
    let found = report(directory.path(), &["old", "new"]);
    assert_eq!(found["diff"]["packages"][0]["files"], json!({ "came": [], "went": ["demo.py"], "changed": [] }));
}

/// Bytes that are no UTF-8 tell names apart, in folders and beside installed distributions.
#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_utf_8_are_names() {
    use std::os::unix::ffi::OsStrExt;
    let directory = tempfile::tempdir().unwrap();
    let write = |folder: &str, name: &[u8], text: &str| {
        fs::write(directory.path().join(folder).join(std::ffi::OsStr::from_bytes(name)), text).unwrap();
    };
    for kind in ["folder", "tree"] {
        let [old, new] = ["old", "new"].map(|side| format!("{side}-{kind}"));
        for side in [&old, &new] {
            match kind {
                "tree" => installed(&directory.path().join(side)),
                _ => fs::create_dir(directory.path().join(side)).unwrap(),
            }
            write(side, b"\xff.txt", "same");
        }
        write(&old, b"\xfe.txt", "old");
        write(&new, b"\xfe.txt", "new");
        write(&new, br"\xfe.txt", "came");
        let found = report(directory.path(), &[&old, &new]);
        assert_eq!(found["diff"]["files"], json!({ "came": [r"\\xfe.txt"], "went": [], "changed": [r"\xfe.txt"] }), "{kind}");
    }
}

/// What stands in a lock file or a record is no Markdown.
#[test]
fn platforms_are_code_in_markdown() {
    let directory = tempfile::tempdir().unwrap();
    let lock = |platform: &str| json!({ "info": { "abi_version": platform }, "packages": {} }).to_string();
    fs::write(directory.path().join("old.json"), lock("2024_0")).unwrap();
    fs::write(directory.path().join("new.json"), lock("<img src=x> [a](b)")).unwrap();
    let told = text(directory.path(), &["old.json", "new.json", "--markdown"]);
    assert!(told.contains("- platform: `2024_0 -> <img src=x> [a](b)`\n"), "{told}");
    assert!(told.contains("| files | ") && !told.contains("| file | "), "{told}");
    let told = text(directory.path(), &["old.json", "new.json"]);
    assert!(told.contains("\n  files        ") && !told.contains("\n  file  "), "{told}");
}

/// An entry of a lock file that has another name and the same file is the same package, and of other entries it is said that they differ.
#[test]
fn entries_of_lock_files_may_get_other_names() {
    let directory = tempfile::tempdir().unwrap();
    let file = "a-1.0-py3-none-any.whl";
    let wheel = Wheel::new(file).build();
    fs::write(directory.path().join(file), &wheel).unwrap();
    let lock = |name: &str, key: &str, version: &str| {
        let entry = json!({ "file_name": file, "sha256": hex_sha256(&wheel), "depends": [], "version": version });
        fs::write(directory.path().join(name), json!({ "packages": { key: entry } }).to_string()).unwrap();
    };
    lock("old.json", "a", "1.0");
    lock("renamed.json", "b", "1.0");
    lock("version.json", "a", "1.1");
    let found = report(directory.path(), &["old.json", "renamed.json"]);
    assert_eq!(packages(&found), expected(&[(file, file, "renamed")]));
    assert_eq!(found["diff"]["packages"][0]["name"], json!({ "old": "a", "new": "b" }));
    let found = report(directory.path(), &["old.json", "version.json"]);
    assert_eq!((packages(&found), &found["diff"]["lock_changed"]), (expected(&[(file, file, "same")]), &json!(true)));
    assert!(text(directory.path(), &["old.json", "version.json"]).contains("  lock file    has other contents\n"));
    let told = text(directory.path(), &["old.json", "version.json", "--markdown"]);
    assert!(told.contains("- lock file: has other contents\n"), "{told}");
    for other in ["old.json", "."] {
        assert_eq!(report(directory.path(), &["old.json", other])["diff"]["lock_changed"], false);
    }
}

/// Standard input is called as on the command line.
#[test]
fn standard_input_has_a_name_beside_a_directory() {
    use std::io::Write;
    let directory = versions();
    fs::create_dir(directory.path().join("empty")).unwrap();
    let arguments = ["diff", "-", "empty", "--json"];
    let mut command = support::command(env!("CARGO_BIN_EXE_wasm-pyfix"), directory.path(), &arguments);
    let mut child = command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&fs::read(directory.path().join("old.so")).unwrap()).unwrap();
    let found: Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(found["diff"]["modules"][0]["path"], json!({ "old": "-", "new": null }));
}
