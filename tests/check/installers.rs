//! What installers say about wheels, in a runtime and outside: they refuse the tags that `check` finds wrong, with the words it predicts.

use super::runtime::matches;
use super::wheel_codes::{ABI3, demo, resealed};
use super::{check, codes, findings};
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Job, Node, Runtime, pypi, run_jobs};
use wasm_pyfix::target::Target;

/// Platform tags of the runtimes that upgraded modules must run on.
const OWN: [&str; 3] = ["pyemscripten_2025_0_wasm32", "pyemscripten_2026_0_wasm32", "pyemscripten_2026_5_wasm32"];

/// The version of the package once it is installed.
const VERSION: &str = "import importlib.metadata\nimportlib.metadata.version('demo')";

fn written(directory: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn run(runtime: Runtime, jobs: &[Job]) -> Vec<Result<String, String>> {
    run_jobs(Node::Installed, runtime, jobs).unwrap().into_iter().map(|answer| answer.outcome).collect()
}

/// What micropip says when it is to install each of `wheels` of `demo`, in one runtime: it does no more than look at the tags of those that it
/// refuses, and the others are removed again.
fn installed_in_turn(runtime: Runtime, wheels: &[PathBuf]) -> Vec<String> {
    const INSTALL: &str = "
import importlib.metadata, json, micropip
said = []
for name in names:
    try:
        await micropip.install(f'emfs:/tmp/{name}', deps=False)
        said.append('installed ' + importlib.metadata.version('demo'))
        micropip.uninstall('demo')
    except Exception as error:
        said.append(f'{type(error).__name__}: {error}')
json.dumps(said)";
    let name = |wheel: &PathBuf| wheel.file_name().unwrap().to_string_lossy().into_owned();
    let files = wheels.iter().map(|wheel| (format!("/tmp/{}", name(wheel)), std::fs::read(wheel).unwrap())).collect();
    let names = serde_json::to_string(&wheels.iter().map(name).collect::<Vec<_>>()).unwrap();
    let job = Job { unpacked: pypi::micropip().unwrap(), files, ..Job::new("micropip", format!("names = {names}{INSTALL}")) };
    let said = run(runtime, &[job]).remove(0).unwrap();
    serde_json::from_str(&said).unwrap()
}

#[test]
fn micropip_refuses_the_tags_that_are_found() {
    let cases = [
        ("demo-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl", "platform-tag"),
        ("demo-1.0-cp312-abi3-pyemscripten_2024_0_wasm32.whl", "platform-tag"),
        ("demo-1.0-cp312-abi3-pyemscripten_2025_0_wasm32.whl", "platform-tag"),
        ("demo-1.0-cp312-abi3-pyemscripten_2026_0_wasm32.whl", "platform-tag"),
        ("demo-1.0-cp312-abi3-pyemscripten_2026_5_wasm32.whl", "platform-tag"),
        ("demo-1.0-cp312-abi3-emscripten_3_1_58_wasm32.whl", "platform-tag"),
        ("demo-1.0-cp312-abi3-manylinux_2_28_x86_64.whl", "platform-tag"),
        ("demo-1.0-cp312-abi3-pyodide_2024_0_wasm32.pyemscripten_2023_0_wasm32.whl", "platform-tag"),
        ("demo-1.0-cp310-abi3-emscripten_{version}_wasm32.whl", ""),
        ("demo-1.0-cp312-cp312-emscripten_{version}_wasm32.whl", "python-tag"),
        ("demo-1.0-cp316-abi3-emscripten_{version}_wasm32.whl", "python-tag"),
        ("demo-1.0-cp312-cp312-{own}.whl", "python-tag"),
        ("demo-1.0-cp316-abi3-{own}.whl", "python-tag"),
        ("demo-1.0-cp310-abi3-{own}.whl", ""),
        ("demo-1.0-py3-none-any.whl", ""),
    ];
    let directory = tempfile::tempdir().unwrap();
    for (runtime, own) in Runtime::UPGRADED.into_iter().zip(OWN) {
        let mut wheels = Vec::new();
        let mut predicted = Vec::new();
        for (name, code) in cases {
            let version = Target::find(runtime.platform()).unwrap().emscripten.replace('.', "_");
            let name = name.replace("{own}", own).replace("{version}", &version);
            let wheel = written(directory.path(), &name, &demo(&name).build());
            let mut found = findings(&check(&[&wheel], &["--target", runtime.platform()]).1);
            // The wheels here do not expand compressed sets.
            found.retain(|finding| finding["code"] != "tags-differ");
            let code = if name.contains(own) && code == "platform-tag" { "" } else { code };
            let expected = [code].into_iter().filter(|code| !code.is_empty()).collect();
            assert_eq!(codes(&found), expected, "{name}: {found:#?}");
            predicted.push(found.first().map(|finding| finding["prevents"].as_str().unwrap().to_string()));
            wheels.push(wheel);
        }
        let mut wrong = Vec::new();
        for ((outcome, predicted), wheel) in installed_in_turn(runtime, &wheels).into_iter().zip(predicted).zip(&wheels) {
            let good = match &predicted {
                None => outcome == "installed 1.0",
                Some(predicted) => matches(&outcome, predicted),
            };
            if !good {
                wrong.push(format!("{} on {}: {predicted:?}: {outcome}", wheel.display(), runtime.version()));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

/// Wheels with `RECORD` wrong in the way that each code names.
fn with_wrong_records(name: &str) -> [(&'static str, Vec<u8>); 4] {
    let replaced = |from: &[u8], to: &[u8]| {
        let mut bytes = demo(name).file("demo/data.txt", b"right").stored().build();
        let at = bytes.windows(from.len()).rposition(|window| window == from).unwrap();
        bytes[at..at + to.len()].copy_from_slice(to);
        resealed(&bytes)
    };
    [
        ("record-mismatch", replaced(b"right", b"wrong")),
        ("record-missing-file", replaced(b"demo/data.txt,", b"demo/gone.txt,")),
        ("record-unlisted", demo(name).unlisted("demo/late.txt", b"late").build()),
        ("record-compiled", demo(name).unlisted("demo/a.pyc", b"\xf3\r\r\n").gone("demo/a.py").build()),
    ]
}

/// No runtime notices a wrong `RECORD`, and pip does not either.
#[test]
fn nobody_compares_a_wheel_with_its_record() {
    let directory = tempfile::tempdir().unwrap();
    for (number, (code, bytes)) in with_wrong_records(ABI3).into_iter().enumerate() {
        let place = directory.path().join(number.to_string());
        std::fs::create_dir(&place).unwrap();
        let wheel = written(&place, ABI3, &bytes);
        let found = findings(&check(&[&wheel], &[]).1);
        assert!(codes(&found).contains(code), "{found:#?}");
        assert!(found.iter().all(|finding| finding["prevents"].is_null()), "{found:#?}");
        let by_load_package = Job { installed: vec![wheel.clone()], ..Job::new("loadPackage", VERSION) };
        let by_micropip = pypi::with_micropip(&wheel, VERSION).unwrap();
        let outcomes = run(Runtime::V0_29_5, &[by_load_package, by_micropip]);
        assert_eq!(outcomes, [Ok("1.0".to_string()), Ok("1.0".to_string())], "{code}");

        // pip takes no wheels of other platforms, and goes by the file name.
        let anywhere = written(&place, "demo-1.0-py3-none-any.whl", &bytes);
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--no-deps", "--no-index", "--no-compile", "--quiet", "--disable-pip-version-check"]);
        let output = pip.arg("--target").arg(place.join("installed")).arg(&anywhere).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !message.contains("RECORD"), "{code}: {message}");
        assert!(place.join("installed/demo/ext.abi3.so").exists());
    }
}
