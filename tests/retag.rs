//! Wheels of the stable ABI that were built for one platform, retagged for another: real ones from the Python package index, installed
//! and run.
//!
//! Pyodide's own `loadPackage` looks at no tag. micropip, which does, is unpacked into the runtime and installs from its file system.

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
    let output = Command::new(env!("CARGO_BIN_EXE_wasm-pyfix")).arg(wheel).args(arguments).arg("-o").arg(directory).output().unwrap();
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
    let path = format!("/tmp/{}", file_name(wheel));
    let install = format!("import micropip\nawait micropip.install('emfs:{path}', deps=False)\n");
    Job {
        unpacked: pypi::micropip().unwrap(),
        files: vec![(path, std::fs::read(wheel).unwrap())],
        ..Job::new("micropip", install + python)
    }
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
    assert_eq!(file_name(&retagged), "css_inline-0.23.1-cp310-abi3-pyemscripten_2026_0_wasm32.whl");
    let expected = run(Runtime::V0_29_5, &[with_load_package(&original, CSS_INLINE)]).remove(0).unwrap();
    assert!(expected.contains("style=\"color: red;\""), "{expected}");

    let jobs = [with_micropip(&original, CSS_INLINE), with_load_package(&retagged, CSS_INLINE), with_micropip(&retagged, CSS_INLINE)];
    let answers = run(Runtime::V314_0_7, &jobs);
    let refused = answers[0].as_ref().unwrap_err();
    assert!(refused.contains("Wheel was built with Emscripten vpyemscripten.2025.0"), "{refused}");
    assert_eq!(answers[1..], [Ok(expected.clone()), Ok(expected)]);
}

#[test]
fn one_wheel_is_installed_on_both_platforms() {
    let original = pypi::wheel("css_inline").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let targets = ["--target", "pyodide_2025_0", "--target", "pyemscripten_2026_0", "--one-wheel"];
    let merged = upgrade(&original, &targets, directory.path());
    let platforms = "pyemscripten_2025_0_wasm32.pyemscripten_2026_0_wasm32.pyodide_2025_0_wasm32";
    assert_eq!(file_name(&merged), format!("css_inline-0.23.1-cp310-abi3-{platforms}.whl"));
    let answers = Runtime::UPGRADED.map(|runtime| run(runtime, &[with_micropip(&merged, CSS_INLINE)]).remove(0).unwrap());
    assert!(answers[0].contains("style=\"color: red;\"") && answers[0] == answers[1], "{answers:?}");
}

/// onnx is tagged `abi3`, and its module is called `.cpython-313-wasm32-emscripten.so`.
#[test]
fn the_module_of_onnx_gets_a_name_that_the_next_python_imports() {
    // The package itself needs numpy, which the runtime does not bring along.
    const IMPORT: &str = "
import glob, os, site, sys
directory = os.path.join(site.getsitepackages()[0], 'onnx')
sys.path.insert(0, directory)
import onnx_cpp2py_export
os.path.basename(onnx_cpp2py_export.__file__) + ' ' + str(onnx_cpp2py_export.defs.onnx_opset_version())
";
    let original = pypi::wheel("onnx").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let retagged = upgrade(&original, &["--target", "pyemscripten_2026_0"], directory.path());
    let before = run(Runtime::V0_29_5, &[with_load_package(&original, IMPORT)]).remove(0).unwrap();
    let (named, version) = before.split_once(' ').unwrap();
    assert_eq!(named, "onnx_cpp2py_export.cpython-313-wasm32-emscripten.so");
    let answers = run(Runtime::V314_0_7, &[with_load_package(&original, IMPORT), with_load_package(&retagged, IMPORT)]);
    let missing = answers[0].as_ref().unwrap_err();
    assert!(missing.contains("ModuleNotFoundError: No module named 'onnx_cpp2py_export'"), "{missing}");
    assert_eq!(answers[1].as_deref(), Ok(format!("onnx_cpp2py_export.abi3.so {version}").as_str()));
}
