//! The package for npm: what is in it, and, where `node npm/build.mjs` has compiled the program, that it does what the native one does.
//!
//! The compiled program is not made here: that takes longer than all other tests of the fast kind together. With it,
//! `cargo test --test npm -- --ignored` runs the rest, also over the wheels of the corpus, if there is one.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{Runtime, pypi};

fn package() -> PathBuf {
    support::repository().join("npm")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(package().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What `node` prints, called with `words`.
#[track_caller]
fn node(words: &[&str]) -> String {
    let output = Command::new("node").args(words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_package_is_whole() {
    let manifest: Value = serde_json::from_str(&read("package.json")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(manifest["version"], version);
    assert!(read("version.js").contains(&format!("VERSION = \"{version}\"")));
    assert!(manifest.get("dependencies").is_none());
    let exports = manifest["exports"].as_object().unwrap().values();
    let files = exports.flat_map(|of| of.as_object().map_or(vec![of], |of| of.values().collect()));
    for file in files.chain([&manifest["types"], &manifest["bin"]["wasm-pyfix"]]) {
        let file = file.as_str().unwrap();
        // That one is compiled.
        assert!(file.ends_with(".wasm") || package().join(file).is_file(), "{file}");
    }
}

/// A program of the system is not needed for that: the interface is that of any command for WASI.
#[test]
fn files_in_memory_are_written_and_read() {
    let script = format!(
        "import {{ Files }} from {:?};
        const files = new Files();
        files.write('/in/a/x.so', new Uint8Array([1, 2]));
        const {{ node }} = files.find('/in/../in/./a/x.so');
        node.resize(5);
        node.resize(1);
        node.resize(3);
        console.log(JSON.stringify(files.read('/in').map(([name, bytes]) => [name, ...bytes])), files.find('/in/b/c').error, files.find('/in/a/x.so/c').error);",
        text(&package().join("wasi.js"))
    );
    assert_eq!(node(&["--input-type=module", "-e", &script]), "[[\"a/x.so\",1,0,0]] 44 54\n");
}

/// Modules and wheels that are compared: some of this repository, and the corpus.
fn inputs() -> Vec<PathBuf> {
    let mut inputs = vec![
        support::repository().join("tests/pointers/built/limited.so"),
        support::repository().join("tests/pointers/built/static.so"),
    ];
    for directory in ["wheels/2024", "wheels/2025"] {
        let Some(corpus) = support::corpus() else { continue };
        let entries = std::fs::read_dir(corpus.join(directory)).unwrap();
        inputs.extend(entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|end| end == "whl")));
    }
    inputs.sort();
    inputs
}

/// What `wasm-pyfix` leaves of `input` in a new directory: the exit code, and the files.
fn results(program: &mut Command, input: &Path) -> (Option<i32>, Vec<(String, Vec<u8>)>) {
    let out = tempfile::tempdir().unwrap();
    let output = program.arg(input).args(["-q", "-o"]).arg(format!("{}/", text(out.path()))).output().unwrap();
    let entries = std::fs::read_dir(out.path()).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> =
        entries.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())).collect();
    files.sort();
    (output.status.code(), files)
}

#[test]
#[ignore = "wants the program compiled by `node npm/build.mjs`"]
fn results_are_those_of_the_native_program() {
    for input in inputs() {
        let native = results(&mut Command::new(env!("CARGO_BIN_EXE_wasm-pyfix")), &input);
        let compiled = results(Command::new("node").arg("--no-warnings").arg(package().join("bin.js")), &input);
        assert!(native == compiled, "{}: {:?} and {:?}", input.display(), native.0, compiled.0);
        let Some((name, bytes)) = native.1.first() else { continue };
        let written = tempfile::NamedTempFile::new().unwrap();
        let script = format!(
            "import {{ upgrade, version }} from {:?};
            import {{ readFileSync, writeFileSync }} from 'node:fs';
            const phases = new Set();
            const result = await upgrade(readFileSync({:?}), {{ name: {:?}, onProgress: ({{ phase }}) => phases.add(phase) }});
            writeFileSync({:?}, result.bytes);
            console.log(result.name, phases.has('upgrading'), await version());",
            text(&package().join("index.js")),
            text(&input),
            input.file_name().unwrap().to_str().unwrap(),
            text(written.path())
        );
        let told = node(&["--input-type=module", "-e", &script]);
        assert_eq!(told, format!("{name} true {}\n", env!("CARGO_PKG_VERSION")));
        assert!(std::fs::read(written.path()).unwrap() == *bytes, "{}", input.display());
    }
}

#[test]
#[ignore = "wants the program compiled by `node npm/build.mjs`, and the corpus"]
fn older_wheels_are_upgraded_while_they_are_installed() {
    let corpus = support::corpus().expect("the corpus");
    let wheels = std::fs::read_dir(corpus.join("wheels/2024")).unwrap().map(|entry| entry.unwrap().path());
    let wheel = wheels.into_iter().find(|path| text(path).contains("nh3-")).expect("the wheel of nh3");
    let [micropip, packaging] = <[PathBuf; 2]>::try_from(pypi::micropip().unwrap()).unwrap();
    let script = support::repository().join("tests/runtime/npm_pyodide.mjs");
    let runtime = Runtime::V0_29_5.directory().unwrap();
    let told = node(&[text(&script), text(&package()), text(&runtime), text(&packaging), text(&micropip), text(&wheel)]);
    let lines: Vec<&str> = told.lines().collect();
    assert!(lines[0].contains("is not compatible with Pyodide's platform"), "{told}");
    assert_eq!(lines[1..3], ["loadPackage ok", "micropip ok"]);
    assert!(lines[3].contains("is not what was promised"), "{told}");
}
