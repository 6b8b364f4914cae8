//! The wheel for pip: made by maturin, installed into an empty environment, and used there.
//!
//! maturin would have cargo compile the program once more, for minutes. So the cargo that it finds here says of the program of these tests that
//! it was just compiled; all else is as in a release.

#[allow(dead_code, reason = "few of its parts are needed here")]
#[path = "wheels/support.rs"]
mod archives;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use archives::{Wheel, entries};
use serde_json::json;
use support::pypi;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_wasm-pyfix");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a command that has to succeed, and gives what it prints.
#[track_caller]
fn output_of(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}\n{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stdout).unwrap()
}

/// A directory with a `cargo` that has compiled the program.
fn finished_cargo(directory: &Path) -> PathBuf {
    let metadata = output_of(Command::new(env!("CARGO")).current_dir(root()).args([
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--offline",
    ]));
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "wasm-pyfix").unwrap();
    let target = package["targets"].as_array().unwrap().iter().find(|target| target["kind"] == json!(["bin"])).unwrap();
    let compiled = json!({
        "reason": "compiler-artifact", "package_id": package["id"], "manifest_path": package["manifest_path"], "target": target,
        "profile": {"opt_level": "0", "debuginfo": 0, "debug_assertions": true, "overflow_checks": true, "test": false},
        "features": [], "filenames": [PROGRAM], "executable": PROGRAM, "fresh": true
    });
    fs::write(directory.join("compiled.json"), format!("{compiled}\n{}\n", json!({"reason": "build-finished", "success": true})))
        .unwrap();
    let script = format!(
        "#!/bin/sh\nfor word; do case $word in rustc|build) exec cat '{}';; esac; done\nexec '{}' \"$@\"\n",
        directory.join("compiled.json").display(),
        env!("CARGO")
    );
    let cargo = directory.join("cargo");
    fs::write(&cargo, script).unwrap();
    output_of(Command::new("chmod").arg("+x").arg(&cargo));
    directory.to_path_buf()
}

fn path_with(directory: &Path) -> std::ffi::OsString {
    let all = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths([directory.to_path_buf()].into_iter().chain(std::env::split_paths(&all))).unwrap()
}

/// The wheel, and an environment with nothing in it but what was installed from it.
struct Installed {
    _directory: TempDir,
    wheel: PathBuf,
    environment: PathBuf,
}

fn installed() -> &'static Installed {
    static INSTALLED: OnceLock<Installed> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let maturin = pypi::installed(pypi::MATURIN, Path::new("python3")).unwrap();
        let cargo = finished_cargo(directory.path());
        let mut build = Command::new(maturin.join("bin/maturin"));
        build.current_dir(root()).args(["build", "--profile", "dev", "--auditwheel", "skip", "--offline", "--out"]);
        build.arg(directory.path()).env("PATH", path_with(&cargo)).env("CARGO", cargo.join("cargo"));
        output_of(&mut build);
        let files = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
        let wheel = files.into_iter().find(|path| path.extension().is_some_and(|end| end == "whl")).unwrap();
        let environment = directory.path().join("environment");
        output_of(Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(&environment));
        let mut install = Command::new("python3");
        install.args(["-m", "pip", "--python"]).arg(environment.join("bin/python")).args(["install", "--quiet", "--no-index"]);
        output_of(install.arg(&wheel));
        Installed { _directory: directory, wheel, environment }
    })
}

/// Python of the environment.
fn python() -> Command {
    let mut command = Command::new(installed().environment.join("bin/python"));
    command.env_remove("WASM_PYFIX").env_remove("PYTHONPATH").env("PATH", "/usr/bin:/bin");
    command
}

#[test]
fn the_wheel_has_the_program_the_package_licences_and_a_bill_of_materials() {
    let name = installed().wheel.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with(&format!("wasm_pyfix-{}-py3-none-", env!("CARGO_PKG_VERSION"))), "{name}");
    let all = entries(&fs::read(&installed().wheel).unwrap());
    let names: Vec<&str> = all.iter().map(|entry| entry.name.as_str()).collect();
    let base = format!("wasm_pyfix-{}", env!("CARGO_PKG_VERSION"));
    for expected in [
        format!("{base}.data/scripts/wasm-pyfix"),
        format!("{base}.dist-info/licenses/LICENSE-MIT"),
        format!("{base}.dist-info/licenses/LICENSE-APACHE"),
        format!("{base}.dist-info/sboms/wasm-pyfix.cyclonedx.json"),
        "wasm_pyfix/__init__.py".to_string(),
        "wasm_pyfix/py.typed".to_string(),
    ] {
        assert!(names.contains(&expected.as_str()), "{expected} is not in {names:?}");
    }
    let own = |name: &&str| name.starts_with("wasm_pyfix/") || name.starts_with(&base);
    assert!(names.iter().all(own), "{names:?}");
    let metadata = archives::text(&all, &format!("{base}.dist-info/METADATA"));
    assert!(metadata.contains("License-Expression: MIT OR Apache-2.0") && !metadata.contains("Requires-Dist"), "{metadata}");
}

/// An extension module that catches C++ exceptions, built for Pyodide 0.27, in a wheel with this ABI.
fn extension_wheel(directory: &Path, abi: &str) {
    let name = format!("demo-1.0-cp312-{abi}-pyodide_2024_0_wasm32.whl");
    let module = root().join("tests/fixtures/built/emscripten-3.1.69/O2-sm1-js/e_ext.so");
    let wheel = Wheel::new(&name).file("e_ext.abi3.so", &fs::read(module).unwrap()).build();
    fs::write(directory.join(name), wheel).unwrap();
}

#[test]
fn the_functions_give_what_the_program_reports() {
    let directory = tempfile::tempdir().unwrap();
    extension_wheel(directory.path(), "abi3");
    extension_wheel(directory.path(), "cp312");
    output_of(python().arg(root().join("tests/pip/package.py")).arg(directory.path()));
}

#[test]
fn another_program_may_be_named() {
    let mut named = python();
    named.args(["-c", "import wasm_pyfix; print(wasm_pyfix.find_program())"]).env("WASM_PYFIX", PROGRAM);
    assert_eq!(output_of(&mut named).trim(), PROGRAM);
    let found = output_of(python().args(["-c", "import wasm_pyfix; print(wasm_pyfix.find_program())"]));
    assert_eq!(Path::new(found.trim()), installed().environment.join("bin/wasm-pyfix"));
}

/// A directory with a wheel that needs two libraries, these, the modules, and real wheels.
fn wheels_with_libraries() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    ["prefix/lib", "modules", "real"].iter().for_each(|name| fs::create_dir_all(path(name)).unwrap());
    let [one, two] = [archives::module(&["libtwo.so"], &["one"]), archives::module(&[], &["two"])];
    let extension = archives::module(&["libone.so"], &["PyInit_ext"]);
    let name = "demo-1.0-cp313-cp313-pyodide_2025_0_wasm32.whl";
    fs::write(path(name), Wheel::new(name).file("demo/ext.abi3.so", &extension).build()).unwrap();
    fs::write(path("demo-1.0-cp313-cp313-manylinux_2_17_x86_64.whl"), b"").unwrap();
    for (name, contents) in [("libone.so", &one), ("libtwo.so", &two)] {
        fs::write(path("prefix/lib").join(name), contents).unwrap();
        fs::write(path("modules").join(name), contents).unwrap();
    }
    for package in ["iminuit", "uharfbuzz", "css_inline"] {
        let wheel = pypi::wheel(package).unwrap();
        fs::copy(&wheel, path("real").join(wheel.file_name().unwrap())).unwrap();
    }
    directory
}

/// The environment, and auditwheel-emscripten beside it with its command; `None` where there is no Python that it takes.
fn beside_auditwheel() -> Option<(Command, PathBuf)> {
    let Some(newer) = pypi::python_since(3, 12) else {
        eprintln!("there is no Python 3.12 or later, so that nothing was compared with {}", pypi::AUDITWHEEL);
        return None;
    };
    let packages = pypi::installed(pypi::AUDITWHEEL, &newer).unwrap();
    let site = fs::read_dir(installed().environment.join("lib")).unwrap().next().unwrap().unwrap().path().join("site-packages");
    let mut command = Command::new(newer);
    command.env("PYTHONPATH", std::env::join_paths([site, packages.clone()]).unwrap());
    command.env("PATH", path_with(&packages.join("bin"))).env("WASM_PYFIX", installed().environment.join("bin/wasm-pyfix"));
    Some((command, packages))
}

#[test]
fn the_functions_of_auditwheel_give_the_same() {
    let Some((mut python, _)) = beside_auditwheel() else { return };
    let wheels = wheels_with_libraries();
    output_of(python.arg(root().join("tests/pip/auditwheel.py")).arg(wheels.path()));
}

#[test]
fn pyodide_fix_is_the_program() {
    let Some((mut python, _)) = beside_auditwheel() else { return };
    let directory = tempfile::tempdir().unwrap();
    extension_wheel(directory.path(), "abi3");
    const RUN: &str = "import sys\nfrom pyodide_cli.app import main\nsys.argv[0] = 'pyodide'\nmain()";
    let name = "demo-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl";
    python.current_dir(directory.path()).args(["-c", RUN, "fix", name, "-o", "dist", "--target", "2026_0", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&output_of(&mut python)).unwrap();
    assert_eq!(report["inputs"][0]["status"], "upgraded");
    let (mut python, _) = beside_auditwheel().unwrap();
    let help = output_of(python.args(["-c", RUN, "--help"]));
    assert!(help.contains("fix") && help.contains("Registered by wasm-pyfix"), "{help}");
    let (mut python, _) = beside_auditwheel().unwrap();
    let failed = python.args(["-c", RUN, "fix", "missing.whl", "-o", "dist"]).output().unwrap();
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
}

/// What is built elsewhere: all sources that cargo wants, and no data of tests.
#[test]
fn the_source_distribution_is_whole_and_small() {
    let directory = tempfile::tempdir().unwrap();
    let maturin = pypi::installed(pypi::MATURIN, Path::new("python3")).unwrap();
    output_of(Command::new(maturin.join("bin/maturin")).current_dir(root()).args(["sdist", "--out"]).arg(directory.path()));
    let archive = fs::read_dir(directory.path()).unwrap().next().unwrap().unwrap().path();
    assert!(fs::metadata(&archive).unwrap().len() < 2_000_000);
    output_of(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(directory.path()));
    let root = directory.path().join(format!("wasm_pyfix-{}", env!("CARGO_PKG_VERSION")));
    for file in
        ["pyproject.toml", "LICENSE-MIT", "passes/LICENSE-MIT", "src/main.rs", "passes/src/lib.rs", "python/wasm_pyfix/py.typed"]
    {
        assert!(root.join(file).is_file(), "{file}");
    }
    assert!(!root.join("tests/fixtures").exists() && !root.join("benches").exists());
    // Cargo reads it, with the versions that were locked.
    output_of(Command::new(env!("CARGO")).current_dir(&root).args(["metadata", "--format-version", "1", "--locked", "--offline"]));
}
