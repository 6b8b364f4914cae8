//! What `show` tells of wheels and archives, and that it tells the truth about modules at hand.

#[allow(dead_code, reason = "these tests build archives and take none apart")]
#[path = "wheels/support.rs"]
mod archives;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use archives::Wheel;
use serde_json::Value;
use tempfile::TempDir;
use wasm_pyfix_passes::survey::{self, Function, Kind, Survey};
use wasmparser::{FuncType, ValType};

fn survey_of(text: &str) -> Survey {
    survey::survey(&wat::parse_str(text).unwrap()).unwrap()
}

#[test]
fn sections_are_the_whole_file() {
    let text = r#"(module (@dylink.0 (mem-info (memory 8 2) (table 0 0))) (import "env" "f" (func $f (param i64)))
        (func $g (export "g") i64.const 0 call $f))"#;
    let bytes = wat::parse_str(text).unwrap();
    let survey = survey::survey(&bytes).unwrap();
    assert_eq!(survey.sections.iter().map(|section| section.size).sum::<u64>() + 8, bytes.len() as u64);
    let names: Vec<&str> = survey.sections.iter().map(|section| section.name.as_str()).collect();
    assert_eq!(names, ["dylink.0", "type", "import", "function", "export", "code", "name"]);
    assert_eq!(survey.sections[1].count, Some(2));
    assert_eq!(survey.imports[0].kind, Kind::Function(FuncType::new([ValType::I64], [])));
    assert_eq!(survey.functions, [Function { index: 1, size: 6, name: Some("g".to_string()) }]);
    assert_eq!((survey.exported_function("g"), survey.body_size(1), survey.body_size(0)), (Some(1), Some(6), None));
    let linking = survey.linking.unwrap();
    assert!(linking.first && !linking.legacy && linking.dylink.memory_size == 8);
}

#[test]
fn what_no_pass_takes_is_looked_over() {
    let survey = survey_of(
        r#"(module (import "env" "memory" (memory i64 1 2 shared)) (tag $t (export "t") (param i32))
        (func try catch_all end) (func (block try_table (catch_all 0) end)))"#,
    );
    assert!(survey.linking.is_none() && survey.memories[0].shared && survey.memories[0].memory64);
    assert_eq!((survey.legacy_handlers, survey.new_handlers), (1, 1));
    assert!(matches!(survey.exports[0].kind, Kind::Tag(_)));
    assert!(survey::survey(b"\0asm\x0d\0\x01\0").is_err());
}

fn show(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"));
    command.arg("show").args(arguments).current_dir(directory).stdin(Stdio::null());
    command.env("SOURCE_DATE_EPOCH", "1700000000").env_remove("CLICOLOR_FORCE").output().unwrap()
}

fn text(directory: &Path, arguments: &[&str]) -> String {
    let output = show(directory, arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(directory: &Path, arguments: &[&str]) -> Value {
    serde_json::from_slice(&show(directory, arguments).stdout).unwrap()
}

const NAME: &str = "demo-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl";

/// A side module that needs libraries.
fn module(needed: &[&str], runtime_path: &str, export: &str) -> Vec<u8> {
    let needed: String = needed.iter().map(|name| format!("(needed \"{name}\")")).collect();
    let text = format!(
        r#"(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)) {needed} {runtime_path})
        (import "env" "memory" (memory 1)) (func (export "{export}") (result i32) i32.const 0))"#
    );
    wat::parse_str(text).unwrap()
}

/// A directory with the wheel of the example: one module finds its libraries, one does not, two need each other.
fn wheel() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let found = r#"(runtime-path "$ORIGIN/../demo.libs")"#;
    let wheel = Wheel::new(NAME)
        .metadata("Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Python: >=3.12\n")
        .file("demo/__init__.py", b"from demo import ext\n")
        .file("demo/ext.abi3.so", &module(&["liba.so", "libb.so"], found, "PyInit_ext"))
        .file("demo/lost.abi3.so", &module(&["libb.so", "libz.so"], "", "PyInit_lost"))
        .file("demo/native.cpython-311-x86_64-linux-gnu.so", b"INPUT(-lz)\n")
        .file("demo/x.so", &module(&["y.so"], r#"(runtime-path "$ORIGIN")"#, "x"))
        .file("demo/y.so", &module(&["x.so"], r#"(runtime-path "$ORIGIN")"#, "y"))
        .file("demo.libs/liba.so", &module(&["libb.so"], r#"(runtime-path "$ORIGIN")"#, "a"))
        .file("demo.libs/libb.so", &module(&[], "", "b"))
        .build();
    fs::write(directory.path().join(NAME), wheel).unwrap();
    directory
}

/// The text in `docs/show.md` is what a run prints. With `BLESS=1` in the environment it is written instead of compared.
#[test]
fn the_documented_text_is_a_real_one() {
    let directory = wheel();
    let printed = format!("$ wasm-pyfix show {NAME}\n{}", text(directory.path(), &[NAME]));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/show.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once("```text\n").unwrap();
    let (example, after) = rest.split_once("```").unwrap();
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, format!("{before}```text\n{printed}```{after}")).unwrap();
    } else {
        assert_eq!(example, printed, "docs/show.md (BLESS=1 writes it)");
    }
}

#[test]
fn text_fits_into_80_columns() {
    let directory = wheel();
    for line in text(directory.path(), &[NAME, "--modules"]).lines() {
        // A word stays whole.
        assert!(line.chars().count() <= 80 || !line.trim().contains(' '), "{line}");
    }
}

#[test]
fn needed_libraries_are_resolved() {
    let directory = wheel();
    let report = json(directory.path(), &[NAME, "--json", "--no-upgrade"]);
    let input = &report["inputs"][0];
    assert_eq!(input["archive"]["platforms"], serde_json::json!(["pyodide_2024_0"]));
    assert_eq!(input["archive"]["requires_python"], ">=3.12");
    assert_eq!(
        input["archive"]["notices"],
        serde_json::json!(["`demo/native.cpython-311-x86_64-linux-gnu.so` is not WebAssembly"])
    );
    let needs = |path: &str| {
        let modules = input["modules"].as_array().unwrap();
        let module = modules.iter().find(|module| module["path"] == path).unwrap();
        let needed = module["linking"]["needed"].as_array().unwrap();
        needed.iter().map(|need| format!("{} {} {}", need["name"], need["path"], need["found"])).collect::<Vec<_>>()
    };
    let libs = ["liba.so", "libb.so"].map(|name| format!("\"{name}\" \"demo.libs/{name}\" \"runtime_path\""));
    assert_eq!(needs("demo/ext.abi3.so"), libs);
    assert_eq!(needs("demo/lost.abi3.so"), [r#""libb.so" "demo.libs/libb.so" "unreached""#, r#""libz.so" null "elsewhere""#]);
}

#[test]
fn the_upgrade_is_told_for_the_platform_of_the_wheel() {
    let directory = tempfile::tempdir().unwrap();
    let newest = "demo-1.0-cp312-abi3-pyemscripten_2026_0_wasm32.whl";
    let wheel = Wheel::new(newest).file("demo/ext.abi3.so", &module(&[], "", "PyInit_ext")).build();
    fs::write(directory.path().join(newest), wheel).unwrap();
    let upgrade =
        |arguments: &[&str]| json(directory.path(), &[&[newest, "--json"], arguments].concat())["inputs"][0]["upgrade"].clone();
    let own = upgrade(&[]);
    assert_eq!((&own["target"], &own["report"]["status"]), (&"pyemscripten_2026_0".into(), &"unchanged".into()));
    let older = upgrade(&["--target", "pyodide_2025_0"]);
    assert_eq!((&older["target"], &older["report"]["status"]), (&"pyodide_2025_0".into(), &"refused".into()));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "something was written");
}

/// Every member of the JSON form is in the tables of `docs/show.md`, or of `docs/report.md` for the dry run.
#[test]
fn every_member_is_documented() {
    let directory = wheel();
    let module = r#"(module (@producers (processed-by "clang" "19.0.0")) (import "env" "memory" (memory 1)))"#;
    fs::write(directory.path().join("m.wasm"), wat::parse_str(module).unwrap()).unwrap();
    let report = json(directory.path(), &[NAME, "m.wasm", "nothing.so", "--json", "--imports", "--exports"]);
    let found = support::members(&report, &["report", "kinds", "families"]);
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/show.md")).unwrap();
    for member in found {
        assert!(page.contains(&format!("| `{member}` |")), "`{member}` is not in docs/show.md");
    }
}

/// The exception ABI of the fixtures is in the names of their directories, and their version of Emscripten, too.
#[test]
fn fixtures_are_told_by_their_marks() {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/built");
    for (name, exceptions, longjmp, before) in [
        ("emscripten-3.1.6/O2-sm1-js/a_eh.so", "javascript", "none", Value::Null),
        ("emscripten-3.1.6/O2-sm1-js/b_sj.so", "javascript", "javascript", "3.1.57".into()),
        ("emscripten-3.1.69/O2-sm1-js/b_sjcpp.so", "javascript", "javascript", Value::Null),
        ("emscripten-3.1.69/O2-sm1-wasm/a_eh.so", "native", "none", Value::Null),
        ("emscripten-3.1.69/O2-sm1-wasm/b_sj.so", "none", "native", Value::Null),
        ("mixed/mixed.so", "mixed", "none", Value::Null),
    ] {
        let abi = json(&built, &[name, "--json", "--no-upgrade"])["inputs"][0]["modules"][0]["abi"].clone();
        assert_eq!((&abi["exceptions"], &abi["longjmp"]), (&exceptions.into(), &longjmp.into()), "{name}");
        assert_eq!(abi["emscripten_before"], before, "{name}");
    }
}

/// Wheels of the corpus have the conventions of the platform in their names. It is an extra where the corpus lies beside the repository.
#[test]
fn wheels_have_the_conventions_of_their_platform() {
    let Some(corpus) = support::corpus() else {
        eprintln!("no corpus: only the fixtures were looked at");
        return;
    };
    for (year, platform) in [("2024", "pyodide_2024_0"), ("2025", "pyodide_2025_0")] {
        let directory = corpus.join("wheels").join(year);
        let names = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let names: Vec<String> = names.collect();
        let mut arguments: Vec<&str> = names.iter().map(String::as_str).collect();
        arguments.extend(["--json", "--no-upgrade", "--functions", "0"]);
        let report = json(&directory, &arguments);
        let modules = report["inputs"].as_array().unwrap().iter().flat_map(|input| input["modules"].as_array().unwrap());
        let mut count = 0;
        for module in modules {
            let platforms = module["abi"]["platforms"].as_array().unwrap();
            assert!(platforms.contains(&platform.into()), "{year} {}: {platforms:?}", module["path"]);
            count += 1;
        }
        assert!(count > names.len() / 2, "{count} modules");
    }
}
