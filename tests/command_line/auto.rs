//! `--target auto`: what an input is for, it stays for.

use super::*;

const AUTO: [&str; 2] = ["--target", "auto"];

/// Puts a wheel of one module, with these platform tags, into `directory`, and gives its name.
fn put_wheel(directory: &Path, tags: &str, module: &[u8]) -> String {
    put_wheel_of("demo", directory, tags, module)
}

fn put_wheel_of(distribution: &str, directory: &Path, tags: &str, module: &[u8]) -> String {
    let (python, platforms) = tags.split_once(' ').unwrap();
    let name = format!("{distribution}-1.0-{python}-{}.whl", platforms.replace(' ', "."));
    let listed: String = platforms.split(' ').map(|platform| format!("Tag: {python}-{platform}\n")).collect();
    let path = |name: &str| format!("{distribution}-1.0.dist-info/{name}");
    let files = [
        (format!("{distribution}/ext.abi3.so"), module.to_vec()),
        (path("METADATA"), format!("Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n").into_bytes()),
        (path("WHEEL"), format!("Wheel-Version: 1.0\nRoot-Is-Purelib: false\n{listed}").into_bytes()),
    ];
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |name: &str, bytes: &[u8]| {
        writer.start_file(name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    };
    files.iter().for_each(|(name, bytes)| add(name, bytes));
    let rows: String = files.iter().map(|(name, _)| format!("{name},,\n")).collect();
    add(&path("RECORD"), format!("{rows}{},,\n", path("RECORD")).as_bytes());
    fs::write(directory.join(&name), writer.finish().unwrap().into_inner()).unwrap();
    name
}

/// A module in which there is something to do: nobody needs one of its exports.
fn larger() -> Vec<u8> {
    let text = r#"(module (@dylink.0 (mem-info (memory 0 0) (table 0 0))) (import "env" "memory" (memory 0))
        (func $spare) (func (export "PyInit_ext") (result i32) call $spare call $spare i32.const 0) (func call $spare))"#;
    wat::parse_str(text).unwrap()
}

/// The platforms of wheels, and what they are upgraded for.
const WHEELS: &[(&str, &[&str])] = &[
    ("cp312-cp312 pyodide_2024_0_wasm32", &["pyodide_2024_0"]),
    ("cp312-abi3 emscripten_3_1_58_wasm32", &["pyodide_2024_0"]),
    ("cp313-cp313 pyodide_2025_0_wasm32", &["pyodide_2025_0"]),
    ("cp313-cp313 pyemscripten_2025_0_wasm32 pyodide_2025_0_wasm32", &["pyodide_2025_0"]),
    ("cp314-cp314 pyemscripten_2026_0_wasm32", &["pyemscripten_2026_0"]),
    ("cp312-abi3 pyemscripten_2025_0_wasm32 pyemscripten_2026_0_wasm32", &["pyodide_2025_0", "pyemscripten_2026_0"]),
    ("py3-none any", &["pyodide_2025_0"]),
];

#[test]
fn wheels_keep_their_platforms_and_stay_where_there_is_nothing_to_do() {
    for (tags, targets) in WHEELS {
        let directory = tempfile::tempdir().unwrap();
        let name = put_wheel(directory.path(), tags, &side_module());
        let report = json(&run(directory.path(), &[&AUTO[..], &[&name, "-o", "dist/", "--json"]].concat()));
        assert_eq!((&report["exit_code"], &report["target"]), (&Value::from(0), &Value::from("auto")), "{tags}: {report}");
        assert_eq!((&report["targets"], &report["inputs"][0]["targets"]), (&Value::from(*targets), &Value::from(*targets)));
        assert_eq!(report["inputs"][0]["status"], "unchanged", "{tags}");
        let file = |path: &str| fs::read(directory.path().join(path)).unwrap();
        assert!(file(&name) == file(&format!("dist/{name}")), "{tags}");
    }
}

#[test]
fn wheels_that_change_keep_their_platforms() {
    for (tags, _) in WHEELS.iter().filter(|(tags, _)| !tags.ends_with("any")) {
        let directory = tempfile::tempdir().unwrap();
        let name = put_wheel(directory.path(), tags, &larger());
        let said = run_expecting(0, directory.path(), &[&AUTO[..], &[&name, "-o", "dist/"]].concat());
        assert!(said.starts_with("upgraded "), "{tags}: {said}");
        assert_eq!(names(&directory.path().join("dist")), [name], "{tags}");
    }
}

#[test]
fn one_command_takes_a_matrix_of_wheels() {
    let directory = tempfile::tempdir().unwrap();
    let platforms =
        ["cp312-cp312 pyodide_2024_0_wasm32", "cp313-cp313 pyodide_2025_0_wasm32", "cp314-cp314 pyemscripten_2026_0_wasm32"];
    let mut wheels = platforms.map(|tags| put_wheel(directory.path(), tags, &side_module()));
    wheels.sort();
    let command = |target: &'static str| {
        let wheels = wheels.iter().map(String::as_str);
        wheels.chain(["--target", target, "-o", "dist/"]).collect::<Vec<_>>()
    };
    run_expecting(3, directory.path(), &command("pyodide_2025_0"));
    run_expecting(0, directory.path(), &command("auto"));
    assert_eq!(names(&directory.path().join("dist")), wheels);
    // A second run, and one in place, find nothing to do.
    run_expecting(0, directory.path(), &command("auto"));
    let in_place = [&AUTO[..], &[&wheels[0], "--in-place"]].concat();
    assert!(run_expecting(0, directory.path(), &in_place).starts_with("unchanged "));
    // Those that are not known before their release are told of, wherever they came.
    let preliminary = put_wheel(directory.path(), "cp315-cp315 pyemscripten_2026_5_wasm32", &side_module());
    let said = run_expecting(0, directory.path(), &[&AUTO[..], &[&wheels[0], &preliminary, "-o", "dist/", "-v"]].concat());
    assert!(said.contains("[preliminary-target]"), "{said}");
}

/// What tells nothing of its platform is for the default target; a module may be named for the Python of one.
#[test]
fn modules_are_for_the_platform_that_their_names_tell() {
    let directory = tempfile::tempdir().unwrap();
    for (name, target) in [
        ("ext.so", "pyodide_2025_0"),
        ("ext.abi3.so", "pyodide_2025_0"),
        ("ext.cpython-312-wasm32-emscripten.so", "pyodide_2024_0"),
        ("ext.cpython-314-wasm32-emscripten.so", "pyemscripten_2026_0"),
    ] {
        fs::write(directory.path().join(name), side_module()).unwrap();
        let output = run(directory.path(), &[&AUTO[..], &[name, "-o", "dist/", "--json"]].concat());
        assert!(output.stderr.starts_with(b"unchanged") && !String::from_utf8_lossy(&output.stderr).contains("warning"), "{name}");
        assert_eq!(json(&output)["inputs"][0]["targets"], Value::from(vec![target]), "{name}");
    }
}

/// What is installed side by side is upgraded part by part.
#[test]
fn distributions_in_a_directory_keep_their_platforms() {
    let directory = tempfile::tempdir().unwrap();
    let site = directory.path().join("site-packages");
    for (distribution, tags) in [("demo", "cp314-cp314 pyemscripten_2026_0_wasm32"), ("other", "cp313-cp313 pyodide_2025_0_wasm32")]
    {
        let name = put_wheel_of(distribution, directory.path(), tags, &larger());
        let mut archive = zip::ZipArchive::new(Cursor::new(fs::read(directory.path().join(name)).unwrap())).unwrap();
        archive.extract(&site).unwrap();
    }
    let report = json(&run(directory.path(), &[&AUTO[..], &["site-packages", "-o", "out/", "--json"]].concat()));
    assert_eq!(report["inputs"][0]["targets"], Value::from(vec!["pyemscripten_2026_0", "pyodide_2025_0"]), "{report}");
    assert_eq!(report["targets"], report["inputs"][0]["targets"]);
    assert_eq!((&report["exit_code"], &report["inputs"][0]["status"]), (&Value::from(0), &Value::from("upgraded")));
}

/// Nothing is moved to another platform unasked.
#[test]
fn wheels_of_platforms_that_are_not_known_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    for tags in ["cp311-cp311 pyodide_2023_0_wasm32", "cp319-cp319 pyemscripten_2031_0_wasm32"] {
        let name = put_wheel(directory.path(), tags, &side_module());
        let said = run_expecting(3, directory.path(), &[&AUTO[..], &[&name, "-o", "dist/"]].concat());
        assert!(said.contains("knows none of these: name one with `--target`"), "{tags}: {said}");
    }
    let name = put_wheel(directory.path(), "cp313-cp313 manylinux_2_17_x86_64", &side_module());
    let said = run_expecting(3, directory.path(), &[&AUTO[..], &[&name, "-o", "dist/"]].concat());
    assert!(said.contains("only WebAssembly wheels are upgraded"), "{said}");
}

/// The name of a function is the older one on the older platform.
#[test]
fn a_wheel_that_would_be_another_for_each_of_its_platforms_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let text = r#"(module (@dylink.0 (mem-info (memory 0 0) (table 0 0))) (import "env" "memory" (memory 0))
        (import "env" "__gettimeofday" (func $time (param i32 i32) (result i32)))
        (func (export "PyInit_ext") (result i32) i32.const 0 i32.const 0 call $time))"#;
    let tags = "cp312-abi3 pyemscripten_2025_0_wasm32 pyemscripten_2026_0_wasm32";
    let name = put_wheel(directory.path(), tags, &wat::parse_str(text).unwrap());
    let said = run_expecting(3, directory.path(), &[&AUTO[..], &[&name, "-o", "dist/"]].concat());
    assert!(said.contains("refused[targets-differ]") && said.contains("name one of them with `--target`"), "{said}");
}

#[test]
fn the_platform_of_each_input_is_no_runtime() {
    let inputs = inputs();
    for (arguments, expected) in [
        (vec![OLD_NAME, "-n", "--target", "2026_0"], "another one is given, too"),
        (vec![OLD_NAME, "-n", "--main", "ext.so"], "`--main` is about one runtime"),
        (vec![OLD_NAME, "-n", "--lock", "lock.json"], "a lock file is for one runtime"),
    ] {
        let said = run_expecting(2, inputs.path(), &[&AUTO[..], &arguments].concat());
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
}

#[test]
fn check_and_show_take_it_too() {
    let directory = tempfile::tempdir().unwrap();
    let name = put_wheel(directory.path(), "cp314-cp314 pyemscripten_2026_0_wasm32", &side_module());
    let answer = |command: &str| json(&run(directory.path(), &[&[command], &AUTO[..], &[&name, "--json"]].concat()));
    assert_eq!(answer("check")["target"], "pyemscripten_2026_0");
    assert_eq!(answer("show")["inputs"][0]["upgrade"]["target"], "pyemscripten_2026_0");
}
