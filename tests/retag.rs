//! Wheels of the stable ABI that were built for one platform, retagged for another: real ones from the Python package index, installed
//! and run.
//!
//! Pyodide's own `loadPackage` looks at no tag. micropip, which does, is unpacked into the runtime and installs from its file system.

#[allow(dead_code, reason = "few of its parts are needed here")]
#[path = "wheels/support.rs"]
mod archives;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Job, Node, Runtime, pypi, run_jobs};

const CSS_INLINE: &str = r#"
import css_inline
styled = css_inline.inline("<style>b{color:red}</style><b>x</b>")
try:
    css_inline.CSSInliner(base_url="::bad::")
    failed = "nothing"
except ValueError as error:
    failed = str(error)
f"{styled} {failed}"
"#;

/// Upgrades `wheel` into `directory`; the one file there is the result.
#[track_caller]
fn upgrade(wheel: &Path, arguments: &[&str], directory: &Path) -> PathBuf {
    let output =
        Command::new(env!("CARGO_BIN_EXE_wasm-pyfix")).arg(wheel).args(arguments).arg("-o").arg(directory).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let result = files.next().unwrap();
    assert!(files.next().is_none(), "more than one file in {}", directory.display());
    result
}

fn file_name(wheel: &Path) -> String {
    wheel.file_name().unwrap().to_str().unwrap().to_string()
}

/// Installs `wheel` with `loadPackage` and runs `python`.
fn with_load_package(wheel: &Path, python: &str) -> Job {
    Job { installed: vec![wheel.to_path_buf()], ..Job::new("loadPackage", python) }
}

/// Installs `wheel` with micropip and runs `python`.
fn with_micropip(wheel: &Path, python: &str) -> Job {
    pypi::with_micropip(wheel, python).unwrap()
}

#[track_caller]
fn run(runtime: Runtime, jobs: &[Job]) -> Vec<Result<String, String>> {
    run_jobs(Node::Installed, runtime, jobs).unwrap().into_iter().map(|answer| answer.outcome).collect()
}

#[test]
fn css_inline_moves_to_the_next_platform() {
    let original = pypi::wheel("css_inline").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let retagged = upgrade(&original, &["--target", "pyemscripten_2026_0"], directory.path());
    assert_eq!(file_name(&retagged), "css_inline-0.24.0-cp310-abi3-pyemscripten_2026_0_wasm32.whl");
    let expected = run(Runtime::V0_29_5, &[with_load_package(&original, CSS_INLINE)]).remove(0).unwrap();
    assert!(expected.contains("style=\"color: red;\""), "{expected}");

    let jobs =
        [with_micropip(&original, CSS_INLINE), with_load_package(&retagged, CSS_INLINE), with_micropip(&retagged, CSS_INLINE)];
    let answers = run(Runtime::V314_0_7, &jobs);
    let refused = answers[0].as_ref().unwrap_err();
    assert!(refused.contains("Wheel was built with Emscripten vpyemscripten.2025.0"), "{refused}");
    assert_eq!(answers[1..], [Ok(expected.clone()), Ok(expected)]);
}

const UHARFBUZZ: &str = r#"
import uharfbuzz
buffer = uharfbuzz.Buffer()
buffer.add_str("\u05d0b")
buffer.guess_segment_properties()
f"{buffer.direction} {buffer.script} {[info.codepoint for info in buffer.glyph_infos]}"
"#;

const PYMUPDF: &str = r#"
import pymupdf
document = pymupdf.open()
document.new_page().insert_text((72, 72), "one wheel")
pdf = document.tobytes()
text = pymupdf.open(stream=pdf)[0].get_text().strip()
try:
    pymupdf.open(stream=b"no pdf", filetype="pdf")
    failed = "nothing"
except Exception as error:
    failed = type(error).__name__
f"{text} {failed}"
"#;

/// Upgrades the wheel `package` with the optimisation `level` into one for all platforms with native exceptions, and runs `python` with it on each, installed in both
/// ways; gives what the original gives on its own platform.
#[track_caller]
fn one_wheel_for_all(package: &str, level: &str, python: &str) -> String {
    let original = pypi::wheel(package).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let targets = Runtime::UPGRADED.map(|runtime| ["--target", runtime.platform()]).concat();
    let merged = upgrade(&original, &[&targets[..], &["--one-wheel", level]].concat(), directory.path());
    // The spelling of the input stays.
    let platforms = "pyemscripten_2025_0_wasm32.pyemscripten_2026_0_wasm32.pyemscripten_2026_5_wasm32";
    assert_eq!(file_name(&merged), file_name(&original).replace("pyemscripten_2025_0_wasm32", platforms));
    let expected = run(Runtime::V0_29_5, &[with_load_package(&original, python)]).remove(0).unwrap();
    for runtime in Runtime::UPGRADED {
        let answers = run(runtime, &[with_load_package(&merged, python), with_micropip(&merged, python)]);
        assert_eq!(answers, [Ok(expected.clone()), Ok(expected.clone())], "{package} on {}", runtime.version());
    }
    expected
}

#[test]
fn one_wheel_of_css_inline_is_installed_on_all_platforms() {
    let answer = one_wheel_for_all("css_inline", "-O1", CSS_INLINE);
    assert!(answer.contains("style=\"color: red;\""), "{answer}");
}

#[test]
fn one_wheel_of_uharfbuzz_is_installed_on_all_platforms() {
    assert_eq!(one_wheel_for_all("uharfbuzz", "-O1", UHARFBUZZ), "rtl Hebr [1488, 98]");
}

#[test]
fn one_wheel_of_pymupdf_is_installed_on_all_platforms() {
    let answer = one_wheel_for_all("pymupdf", "-O0", PYMUPDF);
    assert!(answer.starts_with("one wheel ") && !answer.ends_with("nothing"), "{answer}");
}

/// A module defines and exports what the main module of 2026_0 offers, too, and that of 2025_0 does not. For the one alone its own
/// references could become local; for both they stay.
#[test]
fn what_one_of_the_targets_offers_does_not_make_two_wheels() {
    let text = r#"(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
        (import "env" "lzma_crc32" (func $crc (param i32 i32 i32) (result i32)))
        (func (export "lzma_crc32") (param i32 i32 i32) (result i32) i32.const 1)
        (func (export "PyInit_ext") (result i32) (call $crc (i32.const 0) (i32.const 0) (i32.const 0))))"#;
    let name = "demo-1.0-cp312-abi3-pyemscripten_2025_0_wasm32.whl";
    let directories = [(); 4].map(|()| tempfile::tempdir().unwrap());
    let wheel = directories[0].path().join(name);
    std::fs::write(&wheel, archives::Wheel::new(name).file("demo/ext.abi3.so", &wat::parse_str(text).unwrap()).build()).unwrap();
    let module = |arguments: &[&str], directory: &Path| {
        let bytes = std::fs::read(upgrade(&wheel, arguments, directory)).unwrap();
        archives::entries(&bytes).into_iter().find(|entry| entry.name == "demo/ext.abi3.so").unwrap().contents
    };
    let old = module(&["--target", "0.29"], directories[1].path());
    let new = module(&["--target", "314"], directories[2].path());
    assert_ne!(old, new);
    assert_eq!(module(&["--target", "0.29", "--target", "314", "--one-wheel"], directories[3].path()), new);
}

/// Unchanged modules run, too, and the report says what was proven.
#[test]
fn one_wheel_tells_what_was_proven() {
    let original = pypi::wheel("css_inline").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"));
    command.arg(&original).args(["-n", "-O0", "--one-wheel", "--json", "--target", "0.29", "--target", "314", "--target", "315"]);
    let report: serde_json::Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    let notices = report["inputs"][0]["notices"].as_array().unwrap();
    let proven = notices.iter().find(|notice| notice["code"] == "one-wheel").unwrap();
    assert_eq!(
        proven["message"],
        "for pyodide_2025_0, pyemscripten_2026_0, pyemscripten_2026_5: the upgrade for each gives the same bytes; each offers what the \
         modules import, with the same types; the modules use nothing outside of the stable ABI on another Python than they were built \
         for"
    );
}

const NAMED_FOR_313: &str = "e_ext.cpython-313-wasm32-emscripten.so";
const IMPORT: &str = "import e_ext\n__import__('os').path.basename(e_ext.__file__)";

/// A wheel of the stable ABI with one extension module, named for Python 3.13 alone, as some build tools do.
fn named_for_313(directory: &Path) -> PathBuf {
    let name = "demo-1.0-cp311-abi3-pyemscripten_2025_0_wasm32.whl";
    let module = support::repository().join("tests/fixtures/built/emscripten-3.1.69/O2-sm1-wasm/e_ext.so");
    let wheel = archives::Wheel::new(name).file(NAMED_FOR_313, &std::fs::read(module).unwrap()).build();
    std::fs::write(directory.join(name), wheel).unwrap();
    directory.join(name)
}

#[test]
fn a_module_named_for_one_python_gets_a_name_that_the_next_one_imports() {
    let [before, after] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let original = named_for_313(before.path());
    let retagged = upgrade(&original, &["--target", "pyemscripten_2026_0"], after.path());
    let answers = run(Runtime::V0_29_5, &[with_load_package(&original, IMPORT)]);
    assert_eq!(answers, [Ok(NAMED_FOR_313.to_string())]);
    let jobs = [with_load_package(&original, IMPORT), with_load_package(&retagged, IMPORT), with_micropip(&retagged, IMPORT)];
    let answers = run(Runtime::V314_0_7, &jobs);
    let missing = answers[0].as_ref().unwrap_err();
    assert!(missing.contains("ModuleNotFoundError: No module named 'e_ext'"), "{missing}");
    assert_eq!(answers[1..], [Ok("e_ext.abi3.so".to_string()), Ok("e_ext.abi3.so".to_string())]);
}

/// onnx is tagged `abi3`, and its module, rightly called `.cpython-313-wasm32-emscripten.so`, is not of the stable ABI: it was compiled
/// with the structures of Python 3.13. Under a name that Python 3.14 imports it takes the whole runtime down.
#[test]
fn a_module_that_is_not_of_the_stable_abi_stays_with_its_python() {
    const MODULE: &str = "onnx/onnx_cpp2py_export.cpython-313-wasm32-emscripten.so";
    let original = pypi::wheel("onnx").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"));
    command.arg(&original).args(["--target", "pyemscripten_2026_0", "-o"]).arg(directory.path());
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains(MODULE) && stderr.contains("`PyFrame_GetBack`"), "{stderr}");

    let module = archives::entries(&std::fs::read(&original).unwrap()).into_iter().find(|entry| entry.name == MODULE).unwrap();
    // Nor does a name that is right already make it one.
    let name = "demo-1.0-cp312-abi3-pyemscripten_2025_0_wasm32.whl";
    let renamed = directory.path().join(name);
    std::fs::write(&renamed, archives::Wheel::new(name).file("onnx_cpp2py_export.abi3.so", &module.contents).build()).unwrap();
    let exit_code = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"));
        command.args(arguments).arg(&renamed).output().unwrap().status.code()
    };
    assert_eq!(exit_code(&["upgrade", "--dry-run", "--target", "pyemscripten_2026_0"]), Some(3));
    assert_eq!(exit_code(&["upgrade", "--dry-run"]), Some(0));
    assert_eq!(exit_code(&["check", "--target", "pyemscripten_2026_0"]), Some(1));
    assert_eq!(exit_code(&["check"]), Some(0));

    let job = |name: &str| Job {
        files: vec![(format!("/home/pyodide/{name}"), module.contents.clone())],
        ..Job::new(name, "import onnx_cpp2py_export\nstr(onnx_cpp2py_export.ONNX_ML)")
    };
    assert_eq!(run(Runtime::V0_29_5, &[job("onnx_cpp2py_export.abi3.so")]), [Ok("True".to_string())]);
    let answers = run(Runtime::V314_0_7, &[job("onnx_cpp2py_export.abi3.so")]);
    let died = answers[0].as_ref().unwrap_err();
    assert!(died.contains("Aborted()"), "{died}");
}
