//! Wheels as others get them: by the names that installers, indexes and tools read, by lock files, and unpacked.

#[allow(dead_code, reason = "few of its parts are needed here")]
#[path = "wheels/support.rs"]
mod archives;

use std::path::{Path, PathBuf};
use std::process::Command;

use archives::Wheel;
use serde_json::Value;
use support::fixtures::expected_text;
use support::{Job, Node, Runtime, pypi, run_jobs};

const OLD_NAME: &str = "demo-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl";

/// Runs the command, which has to succeed, and gives what it says on standard error.
#[track_caller]
fn wasm_pyfix(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_wasm-pyfix")).args(arguments).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    stderr
}

/// Names of the files in a directory.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn path(directory: &tempfile::TempDir, name: &str) -> String {
    directory.path().join(name).to_str().unwrap().to_string()
}

#[test]
fn native_wheels_keep_their_names_and_come_out_as_they_are_where_nothing_is_to_do() {
    for package in ["iminuit", "css_inline"] {
        let wheel = pypi::wheel(package).unwrap();
        let input = std::fs::read(&wheel).unwrap();
        let name = wheel.file_name().unwrap().to_str().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let upgrade = |output: &str, option: &str| {
            let output = path(&directory, output);
            wasm_pyfix(&[wheel.to_str().unwrap(), option, "-o", &output]);
            assert_eq!(names(Path::new(&output)), [name]);
            std::fs::read(Path::new(&output).join(name)).unwrap()
        };
        assert!(upgrade("small/", "-O1").len() < input.len(), "{name}");
        assert!(upgrade("same/", "-O0") == input, "{name}");
    }
}

/// A small wheel of a module that is in order, by the name `name`.
fn plain_wheel(name: &str) -> Vec<u8> {
    let module = wat::parse_str(r#"(module (@dylink.0 (mem-info)) (func (export "PyInit_m") (result i32) i32.const 0))"#).unwrap();
    Wheel::new(name).file("m.abi3.so", &module).build()
}

/// The file names of the results for a wheel with these platform tags, and what is said.
fn results(platforms: &str, arguments: &[&str]) -> (Vec<String>, String) {
    let directory = tempfile::tempdir().unwrap();
    let name = format!("demo-1.0-cp312-abi3-{platforms}.whl");
    std::fs::write(directory.path().join(&name), plain_wheel(&name)).unwrap();
    let (input, output) = (path(&directory, &name), path(&directory, "out/"));
    let said = wasm_pyfix(&[&[&*input, "-o", &output], arguments].concat());
    (names(Path::new(&output)), said)
}

/// Command lines, and the platform tags of what they make of a wheel with other ones.
const NAMES: &[(&str, &[&str], &str)] = &[
    ("pyodide_2024_0_wasm32", &[], "pyemscripten_2025_0_wasm32.pyodide_2025_0_wasm32"),
    ("pyodide_2024_0_wasm32", &["--tag-style", "pep783"], "pyemscripten_2025_0_wasm32"),
    ("pyodide_2024_0_wasm32", &["--tag-style", "legacy"], "pyodide_2025_0_wasm32"),
    ("pyodide_2024_0_wasm32", &["--target", "2026_0"], "pyemscripten_2026_0_wasm32"),
    ("emscripten_3_1_58_wasm32", &[], "pyemscripten_2025_0_wasm32.pyodide_2025_0_wasm32"),
    ("pyemscripten_2024_0_wasm32", &[], "pyemscripten_2025_0_wasm32"),
    ("pyemscripten_2024_0_wasm32", &["--tag-style", "both"], "pyemscripten_2025_0_wasm32.pyodide_2025_0_wasm32"),
    ("pyemscripten_2025_0_wasm32", &[], "pyemscripten_2025_0_wasm32"),
    ("pyodide_2025_0_wasm32", &[], "pyodide_2025_0_wasm32"),
    ("pyodide_2025_0_wasm32", &["--tag-style", "both"], "pyemscripten_2025_0_wasm32.pyodide_2025_0_wasm32"),
    (
        "pyemscripten_2025_0_wasm32",
        &["--target", "0.29", "--target", "314", "--one-wheel"],
        "pyemscripten_2025_0_wasm32.pyemscripten_2026_0_wasm32",
    ),
    (
        "pyodide_2024_0_wasm32",
        &["--target", "0.29", "--target", "314", "--one-wheel"],
        "pyemscripten_2025_0_wasm32.pyemscripten_2026_0_wasm32.pyodide_2025_0_wasm32",
    ),
];

#[test]
fn legacy_tags_are_for_wheels_that_had_them_and_who_asks() {
    for (before, arguments, after) in NAMES {
        let (names, _) = results(before, arguments);
        assert_eq!(names, [format!("demo-1.0-cp312-abi3-{after}.whl")], "{before} {arguments:?}");
    }
}

#[test]
fn packaging_takes_all_names_apart() {
    const PROGRAM: &str = "import sys\nfrom packaging.utils import parse_wheel_filename\nfor name in sys.argv[1:]:\n    \
        print(*parse_wheel_filename(name)[:2], *sorted(str(tag) for tag in parse_wheel_filename(name)[3]))";
    let files: Vec<String> = NAMES.iter().map(|(_, _, after)| format!("demo-1.0-cp312-abi3-{after}.whl")).collect();
    let mut python = Command::new("python3");
    let output = python.args(["-c", PROGRAM]).args(&files).env("PYTHONPATH", pypi::wheel("packaging").unwrap()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let expected = |platforms: &str| {
        let tags: String = platforms.split('.').map(|platform| format!(" cp312-abi3-{platform}")).collect();
        format!("demo 1.0{tags}\n")
    };
    let expected: String = NAMES.iter().map(|(_, _, after)| expected(after)).collect();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

/// What checks wheels before they are uploaded takes all of them. Where it cannot be had, nothing is shown, and said so.
#[test]
fn twine_takes_all_wheels() {
    let twine = match pypi::installed(pypi::TWINE, Path::new("python3")) {
        Ok(twine) => twine,
        Err(error) => {
            eprintln!("twine cannot be had, so that no wheel was checked by it: {error:#}");
            return;
        }
    };
    let directory = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (number, (before, arguments, after)) in NAMES.iter().enumerate() {
        let name = format!("demo-1.0-cp312-abi3-{before}.whl");
        let (input, output) = (path(&directory, &format!("{number}/{name}")), path(&directory, &format!("{number}/out/")));
        std::fs::create_dir(directory.path().join(number.to_string())).unwrap();
        std::fs::write(&input, plain_wheel(&name)).unwrap();
        wasm_pyfix(&[&[&*input, "-o", &output], *arguments].concat());
        files.push(format!("{output}demo-1.0-cp312-abi3-{after}.whl"));
    }
    let output = Command::new("python3").args(["-m", "twine", "check"]).args(&files).env("PYTHONPATH", twine).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && printed.matches("PASSED").count() == NAMES.len(), "{printed}");
}

#[test]
fn installers_are_told_of_once() {
    let says = |said: &str| said.matches("the name has the platform in both spellings").count();
    assert_eq!(says(&results("pyodide_2024_0_wasm32", &[]).1), 1);
    for (platforms, arguments) in [
        ("pyodide_2024_0_wasm32", &["--tag-style", "both"][..]),
        ("pyodide_2024_0_wasm32", &["--target", "2026_0"]),
        ("pyemscripten_2025_0_wasm32", &[]),
        ("pyemscripten_2025_0_wasm32.pyodide_2025_0_wasm32", &[]),
    ] {
        assert_eq!(says(&results(platforms, arguments).1), 0, "{platforms} {arguments:?}");
    }
    let directory = tempfile::tempdir().unwrap();
    let inputs = ["a", "b"].map(|name| path(&directory, &OLD_NAME.replace("demo", name)));
    inputs.iter().for_each(|input| std::fs::write(input, plain_wheel(OLD_NAME)).unwrap());
    let said = wasm_pyfix(&[&inputs[0], &inputs[1], "-o", &path(&directory, "out")]);
    assert_eq!((says(&said), said.matches("\nupgraded ").count()), (1, 1), "{said}");
    assert!(said.contains("package index takes `pyemscripten_2025_0` alone") && said.contains("py-compile"), "{said}");
}

/// The lock file of a runtime with one more package, in the file `file_name`.
fn with_demo(runtime: Runtime, file_name: &str) -> String {
    let text = std::fs::read_to_string(runtime.directory().unwrap().join("pyodide-lock.json")).unwrap();
    let mut lock: Value = serde_json::from_str(&text).unwrap();
    lock["packages"]["demo"] = serde_json::json!({
        "depends": [], "file_name": file_name, "imports": ["e_ext"], "install_dir": "site", "name": "demo", "package_type": "package",
        "sha256": "00", "unvendored_tests": false, "version": "1.0"
    });
    serde_json::to_string(&lock).unwrap()
}

/// An extension module that catches C++ exceptions, built for Pyodide 0.27, in a wheel.
fn extension_wheel() -> Vec<u8> {
    let module = support::repository().join("tests/fixtures/built/emscripten-3.1.69/O2-sm1-js/e_ext.so");
    Wheel::new(OLD_NAME).file("e_ext.abi3.so", &std::fs::read(module).unwrap()).build()
}

#[test]
fn the_lock_file_of_an_upgraded_wheel_loads_it() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(OLD_NAME), extension_wheel()).unwrap();
    let lock = path(&directory, "pyodide-lock.json");
    std::fs::write(&lock, with_demo(Runtime::V0_27_7, OLD_NAME)).unwrap();
    let script = std::fs::read_to_string(support::repository().join("tests/runtime/extension.py")).unwrap();
    let outcome = |lock: PathBuf, runtime: Runtime| {
        let job = Job { lock: Some(lock), packages: vec!["demo".to_string()], ..Job::new("e_ext", &script) };
        run_jobs(Node::Installed, runtime, &[job]).unwrap().remove(0).outcome
    };
    // So it is with a new name and hash alone.
    let refused = outcome(PathBuf::from(&lock), Runtime::V0_29_5).unwrap_err();
    assert!(refused.contains("Lock file ABI version doesn't match"), "{refused}");

    for (target, runtime) in [("0.29", Runtime::V0_29_5), ("314", Runtime::V314_0_7)] {
        let output = directory.path().join(target);
        let said = wasm_pyfix(&[
            &path(&directory, OLD_NAME),
            "--target",
            target,
            "--lock",
            &lock,
            "-o",
            &path(&directory, &format!("{target}/")),
        ]);
        assert!(said.contains("packages of the lock file do not fit"), "{said}");
        let answer = outcome(output.join("pyodide-lock.json"), runtime);
        assert_eq!(answer.map(|text| text.trim().replace('\n', " | ")), Ok(expected_text("e_ext").unwrap()), "{target}");
    }
}

/// Each of three modules in another directory needs the next one, and the third the second.
fn cycle() -> Vec<u8> {
    let module = |needed: &str, export: &str| {
        let text =
            format!(r#"(module (@dylink.0 (mem-info) (needed "{needed}")) (func (export "{export}") (result i32) i32.const 7))"#);
        wat::parse_str(text).unwrap()
    };
    let name = "demo-1.0-cp312-abi3-pyodide_2025_0_wasm32.whl";
    let wheel = Wheel::new(name).file("m.abi3.so", &module("liba.so", "PyInit_m"));
    wheel.file("a/liba.so", &module("libb.so", "a")).file("b/libb.so", &module("liba.so", "b")).build()
}

#[test]
fn a_cycle_over_directories_loads_where_the_notice_says_so() {
    const SAYS: &str =
        "`a/liba.so`, `b/libb.so` need each other from several directories: Pyodide 0.28 and 0.29 do not load them unless";
    const PYTHON: &str = "import ctypes\nstr(ctypes.CDLL(PATH + '/m.abi3.so').PyInit_m())";
    let name = "demo-1.0-cp312-abi3-pyodide_2025_0_wasm32.whl";
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(name), cycle()).unwrap();
    for (target, runtime, minor) in [("0.29", Runtime::V0_29_5, 13), ("314", Runtime::V314_0_7, 14)] {
        let output = directory.path().join(target);
        let said = wasm_pyfix(&[&path(&directory, name), "--target", target, "-o", &path(&directory, &format!("{target}/"))]);
        assert_eq!(said.contains(SAYS), minor == 13, "{said}");
        assert!(!said.contains("more than once"), "{said}");
        let wheel = output.join(&names(&output)[0]);
        let job = |name: &str, root: &str| Job::new(name, PYTHON.replace("PATH", &format!("{root:?}")));
        let installed = Job { installed: vec![wheel.clone()], ..job("installed", &format!("/lib/python3.{minor}/site-packages")) };
        let unpacked = Job { unpacked: vec![wheel], ..job("unpacked", "/home/pyodide") };
        let answers = run_jobs(Node::Installed, runtime, &[installed, unpacked]).unwrap();
        assert_eq!(answers[0].outcome, Ok("7".to_string()), "{target}");
        assert_eq!(answers[1].outcome.is_ok(), minor == 14, "{:?}", answers[1].outcome);
    }
}
