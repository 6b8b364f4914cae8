//! A lock file as an input: a whole distribution is upgraded, and what comes of it loads.

#[allow(dead_code, reason = "few of its parts are needed here")]
#[path = "wheels/support.rs"]
mod archives;
#[path = "locks/closed.rs"]
mod closed;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use archives::{Wheel, hex_sha256};
use serde_json::{Value, json};
use support::{Job, Node, Runtime, run_jobs};
use tempfile::TempDir;

fn run(directory: &Path, arguments: &[&str]) -> Output {
    support::command(env!("CARGO_BIN_EXE_wasm-pyfix"), directory, arguments).output().unwrap()
}

/// Runs, expects an exit code, and returns standard error.
#[track_caller]
fn run_expecting(code: i32, directory: &Path, arguments: &[&str]) -> String {
    let output = run(directory, arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
    stderr
}

fn module(dylink: &str, fields: &str) -> Vec<u8> {
    wat::parse_str(format!("(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)) {dylink}) {fields})")).unwrap()
}

/// The entry of a package in the file `file_name` with these `contents`.
fn entry(name: &str, file_name: &str, contents: &[u8], depends: &[&str]) -> Value {
    let is_library = name.starts_with("lib");
    json!({
        "depends": depends, "file_name": file_name, "imports": [name], "install_dir": if is_library { "dynlib" } else { "site" },
        "name": name, "package_type": if is_library { "shared_library" } else { "package" },
        "sha256": hex_sha256(contents), "unvendored_tests": false, "version": "1.0", "x-own": [1.0, 1e3]
    })
}

/// A lock file of these packages, with unusual spaces.
fn lock(abi_version: &str, packages: &[(&str, Value)]) -> String {
    let packages: Vec<String> = packages.iter().map(|(name, entry)| format!("\n   {:?}:{entry}", name)).collect();
    let info = format!(
        r#"{{ "abi_version":"{abi_version}", "arch": "wasm32", "platform": "emscripten_3_1_58", "python": "3.12.7", "x-own": 1.50}}"#
    );
    format!("{{\"info\": {info}, \"packages\": {{{}\n}}, \"x-own\": {{}} }}\n", packages.join(","))
}

const DEMO: &str = "demo-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl";
const OLD: &str = "old-1.0-cp312-cp312-pyodide_2024_0_wasm32.whl";

/// Files by their names, with the names of their packages and of those that they depend on.
fn files() -> Vec<(&'static str, &'static str, Vec<u8>, &'static [&'static str])> {
    let library = module("", r#"(func (export "answer") (result i32) i32.const 42)"#);
    // Dropped where the exports of an extension module are nobody's, and renamed for every later platform.
    let fields = r#"(import "env" "answer" (func $answer (result i32))) (import "env" "_emscripten_get_now" (func $now (result f64)))
        (func (export "PyInit_m") (result i32) call $now drop call $answer)"#;
    let needing = module(r#"(needed "libanswer.so")"#, fields);
    let plain = module("", r#"(func (export "PyInit_m") (result i32) i32.const 0)"#);
    let pure = |name: &str| Wheel::new(&format!("{name}-1.0-py3-none-any.whl")).file(&format!("{name}.py"), b"x = 1\n").build();
    vec![
        ("demo", DEMO, Wheel::new(DEMO).file("demo/m.abi3.so", &needing).build(), &["libanswer", "Pure"]),
        ("libanswer", "libanswer-1.0.zip", Wheel::bare().file("libanswer.so", &library).build(), &[]),
        ("old", OLD, Wheel::new(OLD).file("old/m.so", &plain).build(), &["pure"]),
        ("pure", "pure-1.0-py3-none-any.whl", pure("pure"), &[]),
        ("user", "user-1.0-py3-none-any.whl", pure("user"), &["old"]),
        ("user-tests", "user-tests.tar", b"no archive that matters".to_vec(), &["user"]),
    ]
}

/// A directory with a distribution of Pyodide 0.27.
fn distribution() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let files = files();
    for (_, file, bytes, _) in &files {
        fs::write(directory.path().join(file), bytes).unwrap();
    }
    let entries = files.iter().map(|(name, file, bytes, depends)| (*name, entry(name, file, bytes, depends)));
    fs::write(directory.path().join("pyodide-lock.json"), lock("2024_0", &entries.collect::<Vec<_>>())).unwrap();
    directory
}

fn read_lock(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Every entry has its file, with the hash that it says.
#[track_caller]
fn check_files(directory: &Path) -> Vec<String> {
    let lock = read_lock(&directory.join("pyodide-lock.json"));
    let packages = lock["packages"].as_object().unwrap();
    for (name, package) in packages {
        let bytes =
            fs::read(directory.join(package["file_name"].as_str().unwrap())).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(package["sha256"], hex_sha256(&bytes), "{name}");
    }
    packages.keys().cloned().collect()
}

/// Loads packages of a lock file and runs `python`.
fn loads(lock: PathBuf, runtime: Runtime, packages: &[&str], python: &str) -> Result<String, String> {
    let packages = packages.iter().map(|name| name.to_string()).collect();
    let job = Job { lock: Some(lock), packages, ..Job::new("lock", python) };
    run_jobs(Node::Installed, runtime, &[job]).unwrap().remove(0).outcome
}

const CALL: &str =
    "import ctypes, glob, pure\nstr(ctypes.CDLL(glob.glob('/lib/python3.*/site-packages/demo/m.abi3.so')[0]).PyInit_m())";

#[test]
fn a_distribution_moves_to_another_platform() {
    for (target, runtime, tags, option) in [
        ("0.29", Runtime::V0_29_5, "pyemscripten_2025_0_wasm32.pyodide_2025_0_wasm32", "--no-encode"),
        ("314", Runtime::V314_0_7, "pyemscripten_2026_0_wasm32", "--stored"),
    ] {
        let directory = distribution();
        let out = directory.path().join("out");
        let said = run_expecting(3, directory.path(), &["pyodide-lock.json", "-o", "out", "--target", target, option]);
        assert!(said.contains(&format!("refused[python-tag]: {OLD}: ")), "{said}");
        assert!(
            said.contains("refused[unfit-dependency]: user-1.0-py3-none-any.whl: depends on `old`, which is left out"),
            "{said}"
        );
        assert!(
            said.contains("warning[lock-dropped]: 3 packages left out of the lock file")
                && said.contains(": old, user, user-tests\n"),
            "{said}"
        );
        assert!(said.lines().last().unwrap().starts_with("6 inputs: "), "{said}");
        assert_eq!(check_files(&out), ["demo", "libanswer", "pure"]);
        let demo = DEMO.replace("pyodide_2024_0_wasm32", tags);
        assert_eq!(names(&out), [&*demo, "libanswer-1.0.zip", "pure-1.0-py3-none-any.whl", "pyodide-lock.json"]);

        let (old, new) = (read_lock(&directory.path().join("pyodide-lock.json")), read_lock(&out.join("pyodide-lock.json")));
        for member in ["depends", "imports", "x-own", "version"] {
            assert_eq!(new["packages"]["demo"][member], old["packages"]["demo"][member], "{member}");
        }
        let text = fs::read_to_string(out.join("pyodide-lock.json")).unwrap();
        assert!(
            text.contains("\"x-own\": 1.50}") && text.contains("\n   \"libanswer\":{") && text.ends_with("\n}, \"x-own\": {} }\n"),
            "{text}"
        );

        assert_eq!(loads(out.join("pyodide-lock.json"), runtime, &["demo"], CALL), Ok("42".to_string()), "{target}");
    }
}

/// What is left out would not have loaded.
#[test]
fn packages_that_do_not_fit_are_kept_for_who_asks() {
    let directory = distribution();
    let out = directory.path().join("out");
    let said = run_expecting(0, directory.path(), &["pyodide-lock.json", "-o", "out", "--target", "0.29", "--keep-unfit"]);
    assert!(
        said.contains("warning[lock-kept]: stays as it is: ") && said.contains("1 package of the lock file does not fit"),
        "{said}"
    );
    assert_eq!(check_files(&out), ["demo", "libanswer", "old", "pure", "user", "user-tests"]);
    assert_eq!(fs::read(out.join(OLD)).unwrap(), fs::read(directory.path().join(OLD)).unwrap());
    let report = run(directory.path(), &["pyodide-lock.json", "-n", "--target", "0.29", "--keep-unfit", "--json"]).stdout;
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!((&report["lock_unfit"], &report["lock_dropped"]), (&json!(["old"]), &json!([])));
    let report: Value =
        serde_json::from_slice(&run(directory.path(), &["pyodide-lock.json", "-n", "--target", "0.29", "--json"]).stdout).unwrap();
    assert_eq!((&report["lock_unfit"], &report["lock_dropped"]), (&json!([]), &json!(["old", "user", "user-tests"])));
    assert_eq!(loads(out.join("pyodide-lock.json"), Runtime::V0_29_5, &["demo", "user"], CALL), Ok("42".to_string()));
}

#[test]
fn some_packages_come_with_what_they_depend_on() {
    let directory = distribution();
    let at = |path: &str| directory.path().join(path);
    run_expecting(0, directory.path(), &["pyodide-lock.json", "-o", "out", "--target", "0.29", "--package", "Demo"]);
    assert_eq!(check_files(&at("out")), ["demo", "libanswer", "pure"]);
    let said = run_expecting(1, directory.path(), &["pyodide-lock.json", "-o", "o", "--target", "0.29", "--package", "nothing"]);
    assert!(said.contains("error[lock-file]: pyodide-lock.json: lists no package `nothing`") && !at("o").exists(), "{said}");
    // In place nothing is thrown away that nobody asked about.
    run_expecting(0, directory.path(), &["pyodide-lock.json", "--in-place", "--target", "0.29", "--package", "demo"]);
    assert_eq!(check_files(directory.path()).len(), 6);
    let lock = read_lock(&at("pyodide-lock.json"));
    assert_eq!(lock["info"]["abi_version"], "2025_0");
    assert!(lock["packages"]["demo"]["file_name"].as_str().unwrap().contains("2025_0") && !at(DEMO).exists());
}

#[test]
fn files_that_are_not_there_or_others_are_errors_that_name_them() {
    let says = |spoil: &dyn Fn(&Path), says: &str| {
        let directory = distribution();
        spoil(directory.path());
        let before = names(directory.path());
        let said = run_expecting(1, directory.path(), &["pyodide-lock.json", "-o", "out", "--target", "0.29"]);
        assert!(said.starts_with("error[lock-file]: pyodide-lock.json: ") && said.contains(says), "{said}");
        assert_eq!(names(directory.path()), before);
    };
    says(
        &|directory| fs::remove_file(directory.join(OLD)).unwrap(),
        &format!("package `old`: its file `{OLD}` is not beside the lock file"),
    );
    says(
        &|directory| fs::write(directory.join("user-tests.tar"), "other").unwrap(),
        "package `user-tests`: `user-tests.tar` has the SHA-256 d9298a",
    );
    let edit = |directory: &Path, old: &str, new: &str| {
        let path = directory.join("pyodide-lock.json");
        fs::write(&path, fs::read_to_string(&path).unwrap().replace(old, new)).unwrap();
    };
    for bad in ["../secret.whl", "/etc/passwd", ""] {
        says(
            &|directory| edit(directory, "libanswer-1.0.zip", bad),
            &format!("package `libanswer`: its file `{bad}` is not below the lock file"),
        );
    }
    // What is only behind a URL, and for any platform, needs nothing.
    let directory = distribution();
    edit(directory.path(), "pure-1.0", "https://example.org/pure-2.0");
    run_expecting(0, directory.path(), &["pyodide-lock.json", "-o", "out", "--target", "0.29", "--package", "demo"]);
    let lock = read_lock(&directory.path().join("out/pyodide-lock.json"));
    assert_eq!(lock["packages"]["pure"]["file_name"], "https://example.org/pure-2.0-py3-none-any.whl");
}

#[test]
fn a_lock_file_for_another_platform_needs_a_target() {
    let directory = distribution();
    let said = run_expecting(3, directory.path(), &["pyodide-lock.json", "-o", "out"]);
    assert!(
        said.starts_with("error[lock-target]: pyodide-lock.json: is for the platform 2024_0, and the target is pyodide_2025_0"),
        "{said}"
    );
    assert!(!directory.path().join("out").exists());
    for (arguments, says) in [
        (&["pyodide-lock.json", "-o", "-", "--target", "0.29"][..], "cannot go to standard output"),
        (&["pyodide-lock.json", "-o", "out", "--target", "0.29", "--target", "314"], "a lock file is for one runtime"),
        (&["pyodide-lock.json", "--lock", "pyodide-lock.json", "-o", "out", "--target", "0.29"], "one run makes one lock file"),
        (&[DEMO, "-o", "out", "--package", "demo"], "no input is one"),
    ] {
        let said = run_expecting(2, directory.path(), arguments);
        assert!(said.contains(says), "{said}");
    }
}

/// A package that cannot be read is no misfit.
#[test]
fn there_is_no_lock_file_where_a_package_fails() {
    let directory = distribution();
    let bytes = b"\0asm".to_vec();
    let broken = Wheel::new(DEMO).file("demo/m.abi3.so", &bytes).build();
    fs::write(directory.path().join(DEMO), &broken).unwrap();
    let text = lock("2024_0", &[("demo", entry("demo", DEMO, &broken, &[]))]);
    fs::write(directory.path().join("pyodide-lock.json"), text).unwrap();
    let said = run_expecting(1, directory.path(), &["pyodide-lock.json", "-o", "out", "--target", "0.29"]);
    assert!(said.contains("error[lock-file]: pyodide-lock.json: 1 input failed, so that there is no new lock file"), "{said}");
    assert!(!directory.path().join("out/pyodide-lock.json").exists());
}

/// A lock file and its files fit each other, whatever happens in between.
#[test]
fn in_place_a_distribution_is_upgraded_as_a_whole_or_not_at_all() {
    let contents = |directory: &Path| -> BTreeMap<String, Vec<u8>> {
        names(directory).into_iter().map(|name| (name.clone(), fs::read(directory.join(name)).unwrap())).collect()
    };
    let arguments = ["pyodide-lock.json", "--in-place", "--target", "0.29", "--precompress", "gz"];
    let directory = distribution();
    run_expecting(3, directory.path(), &[&arguments[..], &["-n"]].concat());
    assert_eq!(names(directory.path()), names(distribution().path()));
    run_expecting(3, directory.path(), &arguments);
    assert_eq!(check_files(directory.path()), ["demo", "libanswer", "pure"]);
    assert!(names(directory.path()).iter().filter(|name| name.ends_with(".gz")).count() == 3, "{:?}", names(directory.path()));

    // The last one fails.
    let directory = distribution();
    let broken = Wheel::new(DEMO).file("demo/m.abi3.so", b"\0asm").build();
    fs::write(directory.path().join(DEMO), &broken).unwrap();
    let path = directory.path().join("pyodide-lock.json");
    let mut lock = read_lock(&path);
    lock["packages"]["demo"]["sha256"] = hex_sha256(&broken).into();
    fs::write(&path, lock.to_string()).unwrap();
    let before = contents(directory.path());
    let output = run(directory.path(), &[&arguments[..], &["--json"]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("no new lock file, and all files are left as they are"), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["inputs"].as_array().unwrap().iter().all(|input| input["output"].is_null()), "{report}");
    assert_eq!(contents(directory.path()), before);
}

/// Files of one name in two directories, and packages that are in one file.
#[test]
fn packages_have_the_files_that_the_lock_file_names() {
    let directory = tempfile::tempdir().unwrap();
    let at = |path: &str| directory.path().join(path);
    let wheel = |contents: &[u8]| {
        let plain = module("", r#"(func (export "PyInit_m") (result i32) i32.const 0)"#);
        Wheel::new(DEMO).file("m.abi3.so", &plain).file("a.txt", contents).build()
    };
    let unfit = Wheel::new(OLD).file("old/m.so", &module("", "")).build();
    let [one, two] = [wheel(b"one"), wheel(b"two")];
    for (path, bytes) in [("one", &one), ("two", &two)] {
        fs::create_dir(at(path)).unwrap();
        fs::write(at(path).join(DEMO), bytes).unwrap();
    }
    fs::write(at(OLD), &unfit).unwrap();
    let packages = [
        ("one", entry("one", &format!("one/{DEMO}"), &one, &[])),
        ("two", entry("two", &format!("two/{DEMO}"), &two, &[])),
        ("also-two", entry("also-two", &format!("two/{DEMO}"), &two, &["old"])),
        ("old", entry("old", OLD, &unfit, &[])),
        ("also-old", entry("also-old", OLD, &unfit, &[])),
    ];
    fs::write(at("pyodide-lock.json"), lock("2024_0", &packages)).unwrap();
    let said = run_expecting(3, directory.path(), &["pyodide-lock.json", "-o", "out", "--target", "0.29"]);
    assert!(said.contains(": also-old, also-two, old\n"), "{said}");
    assert_eq!(check_files(&at("out")), ["one", "two"]);
    run_expecting(0, directory.path(), &["pyodide-lock.json", "-o", "kept", "--target", "0.29", "--keep-unfit"]);
    assert_eq!(check_files(&at("kept")), ["one", "two", "also-two", "old", "also-old"]);
    let bytes = |name: &str| read_lock(&at("kept/pyodide-lock.json"))["packages"][name]["sha256"].clone();
    assert!(bytes("one") != bytes("two") && bytes("two") == bytes("also-two"));
}

/// A lock file over the archives of a year, written into a directory of links to them.
fn corpus(directory: &Path, year: &str) -> Option<PathBuf> {
    let wheels = support::corpus()?.join("wheels").join(year);
    let mut packages: BTreeMap<String, Value> = BTreeMap::new();
    for file in names(&wheels) {
        let bytes = fs::read(wheels.join(&file)).unwrap();
        fs::write(directory.join(&file), &bytes).unwrap();
        let name = if file.ends_with(".zip") { file.rsplit_once('-').unwrap().0 } else { file.split('-').next().unwrap() };
        let name = name.replace('_', "-");
        let depends: &[&str] = if name == "sharedlib-test-py" { &["sharedlib-test"] } else { &[] };
        let mut entry = entry(&name, &file, &bytes, depends);
        if file.ends_with(".zip") {
            entry["install_dir"] = "dynlib".into();
            entry["package_type"] = "shared_library".into();
        }
        packages.insert(name, entry);
    }
    let packages: Vec<(&str, Value)> = packages.iter().map(|(name, entry)| (name.as_str(), entry.clone())).collect();
    let path = directory.join("pyodide-lock.json");
    fs::write(&path, lock(&format!("{year}_0"), &packages)).unwrap();
    Some(path)
}

/// Real distributions on a later platform: what fits is loaded all at once, and used.
#[test]
fn real_distributions_load_on_later_platforms() {
    const NH3: &str = "import nh3\nnh3.clean('<b>x</b><script>y</script>')";
    for (year, target, runtime) in [("2024", "0.29", Runtime::V0_29_5), ("2025", "314", Runtime::V314_0_7)] {
        let directory = tempfile::tempdir().unwrap();
        if corpus(directory.path(), year).is_none() {
            eprintln!("no corpus beside the repository: no distribution was upgraded");
            return;
        }
        run_expecting(3, directory.path(), &["pyodide-lock.json", "-o", "out", "--target", target, "-O0", "-q"]);
        let out = directory.path().join("out");
        let packages = check_files(&out);
        for name in ["argon2-cffi-bindings", "nh3", "lightgbm", "pycryptodome", "sharedlib-test", "tree-sitter-go"] {
            assert!(packages.iter().any(|package| package == name), "{year}: {packages:?}");
        }
        assert!(
            !packages.iter().any(|package| package == "pydantic-core" || package == "sharedlib-test-py"),
            "{year}: {packages:?}"
        );
        // Two libraries that refer to each other, and say nowhere which is to be loaded first.
        let loaded: Vec<&str> = packages.iter().map(String::as_str).filter(|name| *name != "cpp-exceptions-test").collect();
        let answer = loads(out.join("pyodide-lock.json"), runtime, &loaded, NH3);
        assert_eq!(answer, Ok("<b>x</b>".to_string()), "{year} on {target}");
    }
}

/// What a server sends is what the file is, in each format; stored, brotli makes less of it.
#[test]
fn results_are_compressed_for_servers() {
    use std::io::Read;
    let directory = tempfile::tempdir().unwrap();
    let at = |path: &str| directory.path().join(path);
    let text: String = (0..3000).map(|number| format!("value_{} = {number}\n", number * 7 % 1000)).collect();
    let plain = module("", r#"(func (export "PyInit_m") (result i32) i32.const 0)"#);
    let wheel = Wheel::new(DEMO).file("m.abi3.so", &plain).file("a.py", text.as_bytes()).file("b.py", text.as_bytes());
    fs::write(at(DEMO), wheel.build()).unwrap();
    let mut sizes = Vec::new();
    for (out, option) in [("deflated", "-v"), ("stored", "--stored")] {
        let report =
            run(directory.path(), &[DEMO, "-o", &format!("{out}/"), "--precompress", "br,gz,zst", option, "--json"]).stdout;
        let report: Value = serde_json::from_slice(&report).unwrap();
        let input = &report["inputs"][0];
        let bytes = fs::read(at(input["output"].as_str().unwrap())).unwrap();
        let copies: Vec<(String, Vec<u8>)> = input["precompressed"]
            .as_array()
            .unwrap()
            .iter()
            .map(|copy| {
                let compressed = fs::read(at(copy["path"].as_str().unwrap())).unwrap();
                assert_eq!(copy["size"], compressed.len());
                (copy["path"].as_str().unwrap().to_string(), compressed)
            })
            .collect();
        let suffixes = copies.iter().map(|(path, _)| path.strip_prefix(input["output"].as_str().unwrap()).unwrap());
        assert_eq!(suffixes.collect::<Vec<_>>(), [".br", ".gz", ".zst"]);
        let mut unpacked = [Vec::new(), Vec::new(), Vec::new()];
        brotli::Decompressor::new(&*copies[0].1, 4096).read_to_end(&mut unpacked[0]).unwrap();
        flate2::read::GzDecoder::new(&*copies[1].1).read_to_end(&mut unpacked[1]).unwrap();
        zstd::stream::read::Decoder::new(&*copies[2].1).unwrap().read_to_end(&mut unpacked[2]).unwrap();
        assert!(unpacked.iter().all(|unpacked| *unpacked == bytes));
        sizes.push(copies[0].1.len());
    }
    assert!(sizes[1] < sizes[0], "{sizes:?}");
    let said = run_expecting(2, directory.path(), &[DEMO, "-o", "-", "--precompress", "br"]);
    assert!(said.contains("`--precompress` writes beside the result"), "{said}");
    run_expecting(0, directory.path(), &[DEMO, "--in-place", "--precompress", "gz"]);
    let expected = DEMO.replace("pyodide_2024_0_wasm32", "pyemscripten_2025_0_wasm32.pyodide_2025_0_wasm32");
    assert_eq!(names(directory.path()), ["deflated", &expected, &format!("{expected}.gz"), "stored"]);
}
