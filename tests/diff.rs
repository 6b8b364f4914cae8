//! What `diff` tells of modules, wheels, directories and lock files.

#[allow(dead_code, reason = "few of its parts are needed here")]
#[path = "wheels/support.rs"]
mod archives;
#[path = "diff/several.rs"]
mod several;

use archives::Wheel;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;
use tempfile::TempDir;

const OLD: &str = "demo-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl";
const NEW: &str = "demo-1.1-cp312-abi3-pyodide_2025_0_wasm32.whl";

fn module(linking: &str, rest: &str) -> Vec<u8> {
    wat::parse_str(format!("(module (@dylink.0 (mem-info (memory 8 0) (table 0 0)) {linking}) {rest})")).unwrap()
}

/// A directory with two versions of a wheel and of its module.
fn versions() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let old = module(
        r#"(needed "libx.so")"#,
        r#"(import "env" "memory" (memory 1)) (import "env" "invoke_vi" (func (param i32 i32))) (import "env" "f" (func $f (param i32)))
        (import "GOT.func" "g" (global (mut i32)))
        (func (export "PyInit_ext") (result i32) i32.const 0) (func (export "hidden") i32.const 7 call $f)
        (func (export "__wasm_apply_data_relocs"))"#,
    );
    let new = module(
        r#"(needed "libx-0123abcd.so") (runtime-path "$ORIGIN/../demo.libs")"#,
        r#"(import "env" "memory" (memory 1)) (import "env" "f" (func (param i64)))
        (func (export "PyInit_ext") (result i32) i32.const 0)"#,
    );
    let library = module("", r#"(import "env" "memory" (memory 1)) (func (export "x") (result i32) i32.const 1)"#);
    let came = module("", r#"(func (export "PyInit_more") (result i32) i32.const 0)"#);
    let went = module("", r#"(func (export "y"))"#);
    let write = |name: &str, bytes: &[u8]| std::fs::write(directory.path().join(name), bytes).unwrap();
    let files = |wheel: Wheel, files: &[(&str, &[u8])]| {
        files.iter().fold(wheel, |wheel, (name, contents)| wheel.file(name, contents)).build()
    };
    let data = vec![7; 3000];
    write(
        OLD,
        &files(
            Wheel::new(OLD),
            &[
                ("demo/__init__.py", b"version = 0\n"),
                ("demo/ext.cpython-312-wasm32-emscripten.so", &old),
                ("demo/gone.txt", &data),
                ("demo.libs/libx.so", &library),
                ("demo.libs/liby.so", &went),
            ],
        ),
    );
    write(
        NEW,
        &files(
            Wheel::new(NEW),
            &[
                ("demo/__init__.py", b"version = 1\n"),
                ("demo/ext.abi3.so", &new),
                ("demo/more.abi3.so", &came),
                ("demo.libs/libx-0123abcd.so", &library),
            ],
        ),
    );
    write("old.so", &old);
    write("new.so", &new);
    directory
}

fn diff(directory: &Path, arguments: &[&str]) -> Output {
    let arguments: Vec<&str> = ["diff"].iter().chain(arguments).copied().collect();
    support::command(env!("CARGO_BIN_EXE_wasm-pyfix"), directory, &arguments).output().unwrap()
}

fn text(directory: &Path, arguments: &[&str]) -> String {
    let output = diff(directory, arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn report(directory: &Path, arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = ["--json"].iter().chain(arguments).copied().collect();
    serde_json::from_slice(&diff(directory, &arguments).stdout).unwrap()
}

/// The text in `docs/diff.md` is what runs print. With `BLESS=1` in the environment it is written instead of compared.
#[test]
fn the_documented_text_is_a_real_one() {
    let directory = versions();
    let runs: [&[&str]; 2] = [&[OLD, NEW], &["old.so", "new.so"]];
    let runs = runs.map(|arguments| format!("$ wasm-pyfix diff {}\n{}", arguments.join(" "), text(directory.path(), arguments)));
    let printed = runs.concat();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/diff.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once("```text\n").unwrap();
    let (example, after) = rest.split_once("```").unwrap();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, format!("{before}```text\n{printed}```{after}")).unwrap();
    } else {
        assert_eq!(example, printed, "docs/diff.md (BLESS=1 writes it)");
    }
}

#[test]
fn modules_are_compared() {
    let directory = versions();
    let report = report(directory.path(), &["old.so", "new.so"]);
    let module = &report["diff"]["modules"][0];
    assert_eq!(
        module["imports"],
        json!({
            "came": {},
            "went": { "GOT.func.g": "GOT.func", "env.invoke_vi": "function (i32, i32) -> ()" },
            "changed": { "env.f": { "old": "function (i32) -> ()", "new": "function (i64) -> ()" } },
        })
    );
    let exports: [Vec<String>; 3] =
        ["came", "went", "changed"].map(|what| module["exports"][what].as_object().unwrap().keys().cloned().collect());
    assert_eq!(exports, [vec![], vec!["__wasm_apply_data_relocs".to_string(), "hidden".to_string()], vec![]]);
    assert_eq!(module["needed"], json!({ "came": ["libx-0123abcd.so"], "went": ["libx.so"] }));
    assert_eq!(module["runtime_path"], json!({ "old": [], "new": ["$ORIGIN/../demo.libs"] }));
    assert_eq!(module["functions"], json!({ "old": 3, "new": 1 }));
    assert_eq!(module["relocations"], json!({ "old": 2, "new": 0 }));
    let sections = module["sections"].as_array().unwrap();
    let names: Vec<&str> = sections.iter().map(|section| section["name"].as_str().unwrap()).collect();
    assert!(["dylink.0", "import", "export", "code"].iter().all(|name| names.contains(name)), "{names:?}");
    let bytes = |name: &str| std::fs::metadata(directory.path().join(name)).unwrap().len();
    assert_eq!(module["sizes"]["raw"], json!({ "old": bytes("old.so"), "new": bytes("new.so") }));
    for way in ["deflate", "gzip", "brotli"] {
        let size = module["sizes"][way]["old"].as_u64().unwrap();
        assert!(size > 50 && size < bytes("old.so") + 30, "{way}: {size}");
    }
    assert_eq!(report["diff"]["sizes"], module["sizes"]);
}

#[test]
fn modules_of_wheels_are_paired() {
    let directory = versions();
    let report = report(directory.path(), &[OLD, NEW, "--no-compressed"]);
    let found = &report["diff"];
    let paths: Vec<(&Value, &Value, &Value)> = found["modules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|module| (&module["path"]["old"], &module["path"]["new"], &module["status"]))
        .collect();
    let [ext, came] = ["demo/ext.abi3.so", "demo/more.abi3.so"].map(Value::from);
    let old_ext = Value::from("demo/ext.cpython-312-wasm32-emscripten.so");
    let [x, hashed, y] = ["demo.libs/libx.so", "demo.libs/libx-0123abcd.so", "demo.libs/liby.so"].map(Value::from);
    let [changed, renamed, is_new, went] = ["changed", "renamed", "came", "went"].map(Value::from);
    assert_eq!(
        paths,
        [(&old_ext, &ext, &changed), (&x, &hashed, &renamed), (&y, &Value::Null, &went), (&Value::Null, &came, &is_new),]
    );
    assert_eq!(found["counts"], json!({ "same": 0, "changed": 1, "renamed": 1, "came": 1, "went": 1 }));
    assert_eq!(
        found["tags"],
        json!({
            "came": ["cp312-abi3-pyodide_2025_0_wasm32"], "went": ["cp312-abi3-pyodide_2024_0_wasm32"],
        })
    );
    assert_eq!((&found["files"]["went"], &found["files"]["came"]), (&json!(["demo/gone.txt"]), &json!([])));
    assert_eq!(found["files"]["changed"][2], "demo/__init__.py");
    assert_eq!((&found["same"], &found["sizes"]["brotli"]), (&json!(false), &json!({ "old": null, "new": null })));
}

#[test]
fn what_is_the_same_is_said_to_be() {
    let directory = versions();
    let report = report(directory.path(), &[NEW, NEW, "--no-compressed"]);
    assert_eq!((&report["diff"]["same"], &report["diff"]["counts"]["same"]), (&json!(true), &json!(3)));
    assert!(text(directory.path(), &["new.so", "new.so"]).ends_with("\n  the same, byte for byte\n"));
    assert!(text(directory.path(), &["new.so", "new.so", "--markdown"]).ends_with("The same, byte for byte.\n"));
}

/// A module that has another name has not changed.
#[test]
fn what_is_renamed_is_said_to_be() {
    let directory = versions();
    let told = text(directory.path(), &[OLD, NEW, "--no-compressed", "-v"]);
    let expected = "  demo.libs/libx.so -> demo.libs/libx-0123abcd.so\n  the same contents under another name\n";
    assert!(told.contains(expected) && !told.contains("with other contents"), "{told}");
}

#[test]
fn exit_codes_tell_what_could_not_be_read() {
    let directory = versions();
    std::fs::write(directory.path().join("text.so"), "text").unwrap();
    for arguments in [["new.so", "gone.so"], ["text.so", "new.so"]] {
        let output = diff(directory.path(), &arguments);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
        assert!(String::from_utf8_lossy(&output.stderr).starts_with("error[unreadable]: "));
        let report = report(directory.path(), &arguments);
        assert_eq!(
            (&report["exit_code"], &report["diff"], &report["error"]["code"]),
            (&json!(1), &Value::Null, &json!("unreadable"))
        );
    }
    let wrong: [&[&str]; 4] =
        [&["new.so"], &["-", "-"], &["old.so", "new.so", "--json", "--markdown"], &["old.so", "new.so", "x.so"]];
    for arguments in wrong {
        assert_eq!(diff(directory.path(), arguments).status.code(), Some(2), "{arguments:?}");
    }
}

/// One screen of 80 columns, unless everything is asked for.
#[test]
fn text_fits_on_a_screen() {
    let directory = tempfile::tempdir().unwrap();
    let wheel = |name: &str, grown: usize| {
        let long: String = (0..50).map(|number| format!("(func (export \"_ZN{}{number}E\"))", "x".repeat(100))).collect();
        let modules = (0..20).map(|number| (format!("demo/m{number}.so"), module("", &long.repeat(usize::from(number == 0)))));
        let data = format!("(data (i32.const 0) \"{}\")", "a".repeat(grown));
        let memory = format!(r#"(import "env" "memory" (memory 1)) {}"#, if grown > 0 { &data } else { "" });
        let modules = modules.map(|(path, bytes)| if grown > 0 { (path, module("", &memory)) } else { (path, bytes) });
        let wheel = modules.fold(Wheel::new(name), |wheel, (path, bytes)| wheel.file(&path, &bytes));
        std::fs::write(directory.path().join(name), wheel.build()).unwrap();
    };
    wheel(OLD, 0);
    wheel(NEW, 100);
    let told = text(directory.path(), &[OLD, NEW, "--no-compressed"]);
    assert!(told.lines().count() <= 40 && told.contains("and 12 more modules that changed less; `-v` describes all"), "{told}");
    for line in told.lines().skip(1) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(text(directory.path(), &[OLD, NEW, "--no-compressed", "-v"]).lines().count() > 100);
}

#[test]
fn markdown_has_tables_and_lists() {
    let directory = versions();
    let told = text(directory.path(), &[OLD, NEW, "--markdown", "--no-compressed"]);
    for line in [
        "| | before | after | % |",
        "- tags that went: 1 (`cp312-abi3-pyodide_2024_0_wasm32`)",
        "- modules: 1 changed, 1 renamed, 1 came, 1 went",
        "| module | | raw | % | brotli | % | functions |",
        "- imports that went: 2 (`GOT.func.g`, `env.invoke_vi`)",
        "<details><summary>demo/ext.cpython-312-wasm32-emscripten.so -> demo/ext.abi3.so</summary>",
    ] {
        assert!(told.lines().any(|found| found == line), "{line} is not in\n{told}");
    }
    // Every row has the cells of its heading.
    for table in told.split("\n\n").filter(|part| part.starts_with('|')) {
        let cells: BTreeSet<usize> = table.lines().map(|line| line.matches('|').count()).collect();
        assert_eq!(cells.len(), 1, "{table}");
    }
    assert!(told.contains("| `demo.libs/libx.so -> demo.libs/libx-0123abcd.so` | renamed | 68 |"), "{told}");
    assert!(!told.contains("with other contents"), "{told}");
    let modules = text(directory.path(), &["old.so", "new.so", "--markdown", "--no-compressed"]);
    assert!(
        modules.contains("| raw | ") && modules.contains("- functions: 3 -> 1\n") && !modules.contains("<details>"),
        "{modules}"
    );
}

/// Every member of the JSON form stands in the documentation, as code.
#[test]
fn the_documentation_has_every_member() {
    let directory = versions();
    // Below are the names of symbols.
    let members = |arguments: &[&str]| support::members(&report(directory.path(), arguments), &["imports", "exports"]);
    let mut found = members(&[OLD, NEW, "--no-compressed"]);
    found.extend(members(&[OLD, "gone.whl"]));
    found.extend(members(&[OLD, ".", "--no-compressed"]));
    let text = std::fs::read_to_string(support::repository().join("docs/diff.md")).unwrap();
    assert!(found.len() > 30);
    for name in found {
        assert!(text.contains(&format!("`{name}`")), "{name} is not documented");
    }
}

/// The program, in a directory.
fn run(directory: &Path, arguments: &[&str]) -> Output {
    let output = support::command(env!("CARGO_BIN_EXE_wasm-pyfix"), directory, arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// The only file in a directory.
fn only_file(directory: &Path) -> String {
    let mut files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let file = files.next().unwrap().to_string_lossy().into_owned();
    assert!(files.next().is_none());
    file
}

/// A record tells what made a wheel of another; whoever changes it again is recorded, too, and who changes nothing is not.
#[test]
fn a_record_tells_what_was_done() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let extension = module(
        r#"(needed "libx.so")"#,
        r#"(func (export "PyInit_ext") (result i32) i32.const 0) (func (export "_ZN1aE")) (func (export "_ZN1bE"))"#,
    );
    let library = module("", r#"(func (export "x") (result i32) i32.const 1)"#);
    let wheel = Wheel::new(OLD).file("demo/ext.abi3.so", &extension).build();
    std::fs::write(path.join(OLD), wheel).unwrap();
    std::fs::create_dir(path.join("lib")).unwrap();
    std::fs::write(path.join("lib/libx.so"), &library).unwrap();
    let options = ["--audit", "--libdir", "lib", "--strip", "names"];
    run(path, &[&[OLD, "-o", "first/"], &options[..]].concat());
    let first = only_file(&path.join("first"));
    let shown: Value = serde_json::from_slice(&run(path, &["show", "--no-upgrade", "--json", &first]).stdout).unwrap();
    let audit = &shown["inputs"][0]["archive"]["audit"];
    let [done] = &audit["runs"].as_array().unwrap()[..] else { panic!("{audit}") };
    assert_eq!((&audit["schema_version"], &done["targets"]), (&json!(1), &json!(["pyodide_2025_0"])));
    assert_eq!(done["options"], json!(["--strip=names", "--libdir=lib"]));
    let modules = done["modules"].as_array().unwrap();
    let originals: Vec<(&Value, &Value, &Value)> = modules
        .iter()
        .map(|module| (&module["original"]["name"], &module["original"]["grafted"], &module["original"]["sha256"]))
        .collect();
    let hashes = [&extension, &library].map(|bytes| Value::from(archives::hex_sha256(bytes)));
    let [ext, libx] = ["demo/ext.abi3.so", "libx.so"].map(Value::from);
    assert_eq!(originals, [(&ext, &json!(false), &hashes[0]), (&libx, &json!(true), &hashes[1])]);
    assert_eq!(modules[0]["passes"]["prune"]["exports_removed"], 2);
    assert!(text(path, &[OLD, &first, "--no-compressed"]).replace("\n               ", " ").contains(", from the old one\n"));

    let told = text(path, &[OLD, &first, "--no-compressed", "-v"]);
    assert!(told.contains("  done         prune: 2 exports removed"), "{told}");
    let told = text(path, &[OLD, &first, "--no-compressed", "--markdown"]);
    assert!(told.contains("- done by `prune`: `2 exports removed"), "{told}");
    let found = report(path, &[OLD, &first, "--no-compressed"]);
    assert_eq!((&found["diff"]["made_from_old"], &found["diff"]["audits"]["new"]), (&json!(true), audit));
    assert_eq!(found["diff"]["modules"][0]["passes"], modules[0]["passes"]);
    assert_eq!(found["diff"]["modules"][1]["passes"], json!({}));

    run(path, &[&[first.as_str(), "-o", "second/"], &options[..]].concat());
    let second = only_file(&path.join("second"));
    assert!(std::fs::read(&first).unwrap() == std::fs::read(&second).unwrap(), "a second run changes something");
    run(path, &[&second, "-o", "third/", "--target", "pyemscripten_2026_0"]);
    let third = only_file(&path.join("third"));
    let shown: Value = serde_json::from_slice(&run(path, &["show", "--no-upgrade", "--json", &third]).stdout).unwrap();
    let targets = shown["inputs"][0]["archive"]["audit"]["runs"].as_array().unwrap().iter().map(|run| run["targets"][0].clone());
    assert_eq!(targets.collect::<Vec<_>>(), ["pyodide_2025_0", "pyemscripten_2026_0"]);
    let found = report(path, &[OLD, &third, "--no-compressed"]);
    assert_eq!(found["diff"]["made_from_old"], false);

    run(path, &[OLD, "-o", "plain/", "--libdir", "lib"]);
    let found = report(path, &[OLD, &only_file(&path.join("plain")), "--no-compressed"]);
    assert_eq!(found["diff"]["audits"], json!({ "old": null, "new": null }));
    let checked = run(path, &["check", &third]);
    assert!(String::from_utf8_lossy(&checked.stdout).contains("nothing found"), "{}", String::from_utf8_lossy(&checked.stdout));
}
