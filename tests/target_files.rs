//! Targets that are files: `wasm-pyfix target` writes them, `--target` takes them, and `targets --diff` compares them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use support::Runtime;
use wasm_pyfix_passes::handlers;
use wasm_pyfix_passes::module::Module;

/// A main module that offers a function which no platform has.
const MAIN: &str = r#"(module
  (func (export "malloc") (param i32) (result i32) i32.const 0)
  (func (export "own") (param i32))
  (func (export "memcpy") (param i32 i32 i32) (result i32) i32.const 0)
  (global (export "__stack_pointer") (mut i32) (i32.const 0))
  (memory (export "memory") 1))"#;

fn tool(arguments: &[&str], directory: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wasm-pyfix")).args(arguments).current_dir(directory).output().unwrap()
}

#[track_caller]
fn text(arguments: &[&str], directory: &Path) -> String {
    let output = tool(arguments, directory);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Exit code and what was printed on standard error.
fn failure(arguments: &[&str], directory: &Path) -> (Option<i32>, String) {
    let output = tool(arguments, directory);
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// A directory with a main module and a side module that imports what it offers.
fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let side = r#"(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
        (import "env" "own" (func (param i32))) (import "env" "memcpy" (func (param i32 i32 i32) (result i32))))"#;
    for (name, text) in [("main.wasm", MAIN), ("side.so", side)] {
        std::fs::write(directory.path().join(name), wat::parse_str(text).unwrap()).unwrap();
    }
    directory
}

fn fixture(name: &str) -> PathBuf {
    support::repository().join("tests/fixtures/built").join(name)
}

#[test]
fn a_main_module_becomes_a_target() {
    let directory = directory();
    let here = directory.path();
    let manifest = text(&["target", "main.wasm", "--like", "pyodide_2025_0"], here);
    assert!(manifest.starts_with("# wasm-pyfix manifest 1\n# like: pyodide_2025_0\n__memory_base loader global i\n"), "{manifest}");
    for output in ["my.target", "my.gz"] {
        assert_eq!(text(&["target", "main.wasm", "--like", "2025_0", "-o", output], here), "");
    }
    assert_eq!(std::fs::read_to_string(here.join("my.target")).unwrap(), manifest);
    for target in ["my.target", "./my.target", "./my.gz"] {
        let checked = text(&["check", "side.so", "--target", target], here);
        assert_eq!(checked, format!("1 file checked against {target}: nothing found\n"));
        assert!(tool(&["side.so", "-n", "--target", target], here).status.success());
    }
    let (code, error) = failure(&["side.so", "-n"], here);
    assert_eq!((code, error.contains("`own`")), (Some(0), true), "nobody knows whose it is: {error}");
    let (code, error) = failure(&["side.so", "-n", "--target", "my.target", "--one-wheel"], here);
    assert_eq!((code, error.contains("give `--target` for each")), (Some(2), true), "{error}");
    let shown = text(&["show", "side.so", "--target", "./my.target", "--json"], here);
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap()["inputs"][0]["upgrade"]["target"], "./my.target");
}

/// A main module with `try_table` runs on engines that know it, and modules for it get it, too.
#[test]
fn the_exception_instructions_are_those_of_the_main_module() {
    let directory = directory();
    let here = directory.path();
    let legacy = "try i32.const 0 call $own catch_all end";
    let new = "block $b try_table (catch_all $b) i32.const 0 call $own end end";
    let own = |handler: &str| {
        MAIN.replace(r#"(func (export "own") (param i32))"#, &format!(r#"(func $own (export "own") (param i32) {handler})"#))
    };
    let cpp = |text: &str, how: &str| format!("(module (tag {how} (param i32)){}", text.strip_prefix("(module").unwrap());
    for (name, text) in [("old.wasm", own(legacy)), ("new.wasm", own(new))] {
        std::fs::write(here.join(name), wat::parse_str(cpp(&text, "(export \"__cpp_exception\")")).unwrap()).unwrap();
    }
    for (name, handler) in [("legacy.so", legacy), ("new.so", new)] {
        let side = format!(
            r#"(module (@dylink.0 (mem-info (memory 0 0) (table 0 0))) (import "env" "own" (func $own (param i32)))
            (func (export "f") {handler}))"#
        );
        std::fs::write(here.join(name), wat::parse_str(side).unwrap()).unwrap();
    }
    let fact = |main: &str, like: &str| {
        text(&["target", main, "--like", like], here).lines().nth(2).and_then(|line| line.strip_prefix("# ")).map(str::to_string)
    };
    assert_eq!(fact("old.wasm", "2026_0"), None, "it is like that of its platform");
    assert_eq!(fact("new.wasm", "2026_0").as_deref(), Some("handlers: exnref"));
    assert_eq!(fact("main.wasm", "2026_0"), None, "it has no handlers");
    assert_eq!(fact("old.wasm", "emscripten-legacy").as_deref(), Some("handlers: legacy"));
    for (main, target) in [("old.wasm", "old.target"), ("new.wasm", "new.target")] {
        text(&["target", main, "--like", "2026_0", "-o", target], here);
    }
    let becomes = |side: &str, target: &str| {
        text(&[side, "-O0", "--target", target, "-o", "out.so"], here);
        let bytes = std::fs::read(here.join("out.so")).unwrap();
        handlers::Kind::of(&Module::read(&bytes).unwrap()).unwrap()
    };
    for side in ["legacy.so", "new.so"] {
        assert_eq!(becomes(side, "old.target"), handlers::Kind::Legacy, "{side}");
        assert_eq!(becomes(side, "new.target"), handlers::Kind::Exnref, "{side}");
    }
    assert!(text(&["check", "new.so", "--target", "old.target"], here).contains("warning[new-exceptions]"));
    assert!(text(&["check", "new.so", "--target", "new.target"], here).contains("nothing found"));
}

#[test]
fn without_javascript_exceptions_and_tags_an_application_keeps_what_it_is_like() {
    let directory = directory();
    let here = directory.path();
    text(&["target", "main.wasm", "--like", "emscripten-legacy", "-o", "app.target"], here);
    assert!(tool(&["side.so", "-n", "--target", "app.target"], here).status.success());
    let (code, error) = failure(&["target", "main.wasm", "--like", "./app.target"], here);
    assert_eq!((code, error.contains("`./app.target` is no platform")), (Some(2), true), "{error}");
}

/// What is wrong with a file is told once, with its line.
#[test]
fn broken_files_are_told_with_their_lines() {
    let directory = directory();
    let here = directory.path();
    let first = "# wasm-pyfix manifest 1\n";
    let like = format!("{first}# like: 314\n");
    for (contents, says) in [
        (String::new(), "a manifest is empty"),
        ("hello\n".to_string(), "not a manifest of this version: it begins with \"hello\""),
        ("# wasm-pyfix manifest 2\n".to_string(), "not a manifest of this version"),
        (first.to_string(), "does not say which platform it is like: a line `# like: NAME` is missing"),
        (format!("{first}# like: 313\n"), "line 2 of a manifest: there is no target `313`"),
        (format!("{first}# like: ./x.target\n"), "line 2 of a manifest: `./x.target` is no platform"),
        (format!("{like}# like: 314\n"), "line 3 of a manifest: `# like:` stands there twice"),
        (format!("{like}# color: red\n"), "line 3 of a manifest: unknown fact `color`"),
        (format!("{like}# handlers: both\n"), "line 3 of a manifest: unknown exception instructions `both`"),
        (format!("{like}# handlers: legacy\n# handlers: exnref\n"), "line 4 of a manifest: `# handlers:` stands there twice"),
        (format!("{like}a wasm data\nb wasm fun i:\n"), "line 4 of a manifest: \"b wasm fun i:\": unknown kind of symbol"),
        (format!("{like}a wasm data\na js data\n"), "line 4 of a manifest: \"a js data\": a symbol stands there twice"),
        (format!("{like}{}\n", "x".repeat(5000)), "line 3 of a manifest: \"xxx"),
    ] {
        std::fs::write(here.join("bad.target"), &contents).unwrap();
        for command in [&["check", "side.so"][..], &["side.so", "-n"], &["show", "side.so"]] {
            let (code, error) = failure(&[command, &["--target", "bad.target"]].concat(), here);
            let expected = format!("error[runtime-files]: bad.target: {says}");
            // Long lines are broken.
            let error = error.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(code == Some(1) && error.contains("bad.target: ") && error.len() < 400, "{contents:?}: {error}");
            assert!(error.starts_with(&expected), "{expected}\n{error}");
            let output = tool(&[command, &["--target", "bad.target", "--json"]].concat(), here);
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!((&report["exit_code"], &report["error"]["code"]), (&1.into(), &"runtime-files".into()), "{command:?}");
        }
    }
    for bytes in [&b"\0asm\x01\0\0\0"[..], b"\xff\xfe", b"\x1f\x8b\x08\0garbage"] {
        std::fs::write(here.join("bad.target"), bytes).unwrap();
        let (code, error) = failure(&["targets", "--diff", "./bad.target", "314"], here);
        assert!(code == Some(1) && error.starts_with("error[runtime-files]: ./bad.target: "), "{error}");
    }
    let (code, error) = failure(&["check", "side.so", "--target", "./none.target"], here);
    assert!(code == Some(1) && error.contains("./none.target: cannot be read"), "{error}");
    let (code, error) = failure(&["target", "side.so"], here);
    assert!(code == Some(1) && error.starts_with("error[runtime-files]: side.so: "), "{error}");
}

/// The text of what `wasm-pyfix target` writes for a runtime.
fn of_runtime(runtime: Runtime) -> String {
    let directory = runtime.directory().unwrap();
    text(&["target", directory.to_str().unwrap()], Path::new("."))
}

#[test]
fn the_platform_with_the_most_symbols_in_common_is_found() {
    for runtime in Runtime::ALL {
        let manifest = of_runtime(runtime);
        assert_eq!(manifest.lines().nth(1), Some(&*format!("# like: {}", runtime.platform())));
    }
}

/// Emscripten 6.0.6 has another entry point to exception matching, and a main module may lack both.
#[test]
fn the_entry_point_is_that_of_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let manifest = of_runtime(Runtime::V315_0_0A2);
    let entry = "\n_Unwind_CallPersonality wasm func i:i\n";
    assert!(manifest.contains(entry));
    std::fs::write(here.join("new.target"), manifest.replace(entry, "\n__gxx_wasm_personality_v0 wasm func i:i\n")).unwrap();
    std::fs::write(here.join("none.target"), manifest.replace(entry, "\n")).unwrap();
    let imported = |module: &Path, target: &str| -> Vec<String> {
        text(&[module.to_str().unwrap(), "-q", "-o", "out.so", "--target", target], here);
        let bytes = std::fs::read(here.join("out.so")).unwrap();
        let names = Module::read(&bytes).unwrap().imports().iter().map(|import| import.field.to_string()).collect::<Vec<_>>();
        names.into_iter().filter(|name| name.to_lowercase().contains("personality")).collect()
    };
    let (old, native) = (fixture("emscripten-3.1.69/O2-sm1-js/a_eh.so"), fixture("emscripten-3.1.69/O2-sm1-wasm/a_eh.so"));
    assert_eq!(imported(&old, "315"), ["_Unwind_CallPersonality"]);
    assert_eq!(imported(&old, "new.target"), ["__gxx_wasm_personality_v0"]);
    assert_eq!(imported(&old, "none.target"), ["__gxx_personality_wasm0"]);
    assert_eq!(imported(&native, "315"), ["_Unwind_CallPersonality"]);
    assert_eq!(imported(&native, "new.target"), ["__gxx_wasm_personality_v0"]);
}

#[test]
fn differences_are_told() {
    let here = Path::new(".");
    let diff = text(&["targets", "--diff", "314", "2026_5"], here);
    assert!(diff.starts_with("pyemscripten_2026_0 -> pyemscripten_2026_5: 34 went, 11 changed, 243 came\nwent\n"), "{diff}");
    for line in [
        "  _PySys_GetRequiredAttr  func i:i (now PySys_GetAttr)\n",
        "  _PyEval_ImportName  func iiiii:i -> func iiiiiii:i\n",
        "\ncame\n  PyABIInfo_Check  func ii:i\n",
    ] {
        assert!(diff.contains(line), "{line}{diff}");
    }
    let json: Value = serde_json::from_str(&text(&["targets", "--diff", "2024_0", "0.29", "--json"], here)).unwrap();
    assert_eq!(
        (&json["schema_version"], &json["from"], &json["to"]),
        (&1.into(), &"pyodide_2024_0".into(), &"pyodide_2025_0".into())
    );
    assert_eq!(json["went"]["invoke_*"], serde_json::json!({"was": "functions on demand", "now": null}));
    assert_eq!(json["went"]["_PyLong_AsInt"]["now"], "PyLong_AsInt");
    assert_eq!(json["changed"]["_PyLong_AsByteArray"], serde_json::json!({"was": "func iiiii:i", "is": "func iiiiii:i"}));
    assert_eq!(json["came"]["__cpp_exception"], "tag i:");
    assert!(json["structs"].as_array().unwrap().contains(&"EmscriptenMouseEvent".into()));
    let (code, error) = failure(&["targets", "--diff", "314", "emscripten-legacy"], here);
    assert!(code == Some(2) && error.contains("no built-in manifest of emscripten-legacy"), "{error}");
}

#[test]
fn the_list_is_that_of_the_option() {
    let here = Path::new(".");
    assert_eq!(text(&["targets"], here), text(&["--list-targets"], here));
    let json: Value = serde_json::from_str(&text(&["targets", "--json"], here)).unwrap();
    let preliminary: Vec<&Value> = json.as_array().unwrap().iter().filter(|target| target["preliminary"] == true).collect();
    assert_eq!(preliminary.iter().map(|target| &target["name"]).collect::<Vec<_>>(), ["pyemscripten_2026_5"]);
}
