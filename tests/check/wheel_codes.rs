//! The codes that only wheels and archives can have, each with a minimal one; and, where the runtime shows it, what comes of it.

use super::wheels::{Wheel, module};
use super::{check, codes, findings};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;
use support::{Job, Node, Runtime, run_jobs};
use wasm_pyfix::target::{LibraryLookup, Target, libraries};

pub const ABI3: &str = "demo-1.0-cp312-abi3-pyemscripten_2025_0_wasm32.whl";

/// Writes a wheel and checks it against the default target.
fn check_wheel(name: &str, wheel: Wheel) -> (i32, Vec<Value>) {
    check_bytes(name, &wheel.build())
}

fn check_bytes(name: &str, bytes: &[u8]) -> (i32, Vec<Value>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let (code, report) = check(&[&path], &["--target", "pyodide_2025_0"]);
    (code, findings(&report))
}

/// Asserts that a wheel has findings of this code alone, and gives them.
#[track_caller]
fn only(code: &str, name: &str, wheel: Wheel) -> Vec<Value> {
    let (_, findings) = check_wheel(name, wheel);
    assert_eq!(codes(&findings), BTreeSet::from([code]), "{findings:#?}");
    findings
}

/// A wheel with one extension module that nothing is wrong with.
pub fn demo(name: &str) -> Wheel {
    Wheel::new(name).file("demo/ext.abi3.so", &module(&[], &["PyInit_ext"]))
}

#[test]
fn a_wheel_that_is_right() {
    assert_eq!(check_wheel(ABI3, demo(ABI3)), (0, Vec::new()));
    for name in ["demo-1.0-py3-none-any.whl", "demo-1.0-cp313-cp313-pyodide_2025_0_wasm32.pyemscripten_2025_0_wasm32.whl"] {
        assert_eq!(check_wheel(name, Wheel::new(name).file("demo/__init__.py", b"")).0, 0);
    }
}

#[test]
fn tags() {
    for (name, code, fixable) in [
        ("demo-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl", "platform-tag", true),
        ("demo-1.0-cp312-abi3-pyemscripten_2026_0_wasm32.whl", "platform-tag", false),
        ("demo-1.0-cp312-abi3-manylinux_2_28_x86_64.whl", "platform-tag", false),
        ("demo-1.0-cp312-cp312-pyodide_2025_0_wasm32.whl", "python-tag", false),
    ] {
        let findings = only(code, name, demo(name));
        assert_eq!((findings.len(), &findings[0]["fixable"]), (1, &Value::Bool(fixable)), "{name}");
        assert!(findings[0]["prevents"].as_str().unwrap().starts_with("ValueError: Wheel "), "{name}");
    }
    let nobodys = "demo-1.0-cp312-abi3-pyemscripten_2024_0_wasm32.whl";
    assert!(only("platform-tag", nobodys, demo(nobodys))[0]["message"].as_str().unwrap().contains("belongs to no runtime"));
}

/// A private library that a package of the distribution has, too, is told; one with a name of its own, or that nobody needs, is not.
#[test]
fn libraries_of_the_distribution() {
    let wheel = |library: &str, needed: &str| {
        let extension = format!(
            "(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)) (needed \"{needed}\")
                (runtime-path \"/lib/python3.13/site-packages/demo.libs\")) (func (export \"PyInit_ext\")))"
        );
        let other = module(&[], &["GEOSversion"]);
        Wheel::new(ABI3)
            .file("demo/ext.abi3.so", &wat::parse_str(extension).unwrap())
            .file("demo.libs/libown.so", &other)
            .file(&format!("demo.libs/{library}"), &other)
    };
    let found = only("shadowed-library", ABI3, wheel("libgeos_c.so", "libgeos_c.so"));
    let [one] = &found[..] else { panic!("{found:?}") };
    assert_eq!((&one["path"], &one["symbol"]), (&"demo.libs/libgeos_c.so".into(), &"libgeos_c.so".into()));
    assert_eq!(one["message"], "has the name of a library of `libgeos` in the distribution of pyodide_2025_0");
    // Nothing renames a library that other packages may need.
    let public = wat::parse_str("(module (@dylink.0 (mem-info)) (func (export \"GEOSversion\")))").unwrap();
    let user = wat::parse_str(
        "(module (@dylink.0 (mem-info) (needed \"libgeos_c.so\") (runtime-path \"$ORIGIN\")) (func (export \"PyInit_ext\")))",
    )
    .unwrap();
    let beside = Wheel::new(ABI3).file("demo/ext.abi3.so", &user).file("demo/libgeos_c.so", &public);
    for found in [only("shadowed-library", ABI3, beside), found] {
        let remedy = found[0]["remedy"].as_str().unwrap();
        assert!(remedy.starts_with("if it is in a directory `*.libs`") && remedy.contains("elsewhere, rename it"), "{remedy}");
    }
    assert_eq!(check_wheel(ABI3, wheel("libgeos_c.so", "libown.so")), (0, Vec::new()));
    assert_eq!(check_wheel(ABI3, wheel("libgeos_c-0123abcd.so", "libgeos_c-0123abcd.so")), (0, Vec::new()));
}

/// The packages that are known are those of the locks that come with the runtimes.
#[test]
fn libraries_of_locks_are_known() {
    for target in Target::all().iter().filter(|target| matches!(target.library_lookup, LibraryLookup::RuntimePath { .. })) {
        let runtimes = Runtime::ALL.into_iter().filter(|runtime| target.runtimes.contains(&runtime.version()));
        let mut listed = BTreeSet::new();
        for runtime in runtimes {
            let lock = std::fs::read_to_string(runtime.directory().unwrap().join("pyodide-lock.json")).unwrap();
            let lock: Value = serde_json::from_str(&lock).unwrap();
            let packages = lock["packages"].as_object().unwrap();
            let shared = packages.iter().filter(|(_, package)| package["package_type"] == "shared_library");
            listed.extend(shared.map(|(name, _)| name.clone()));
        }
        let known: BTreeSet<String> = libraries::packages(target).map(str::to_string).collect();
        assert_eq!(known, listed, "{}", target.name);
    }
}

#[test]
fn metadata() {
    let excluded = demo(ABI3).metadata("Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Python: <3.13\n");
    let findings = only("requires-python", ABI3, excluded);
    assert_eq!(findings[0]["path"], "demo-1.0.dist-info/METADATA");
    let other = demo("demo-1.0-cp311-abi3-pyemscripten_2025_0_wasm32.whl");
    assert_eq!(only("tags-differ", ABI3, other)[0]["fixable"], true);
}

#[test]
fn record() {
    let unlisted = only("record-unlisted", ABI3, demo(ABI3).unlisted("demo/late.txt", b"late"));
    assert_eq!(unlisted[0]["path"], "demo/late.txt");
    let fresh = [&3571u16.to_le_bytes()[..], b"\r\nrest"].concat();
    let compiled = demo(ABI3).unlisted("demo/a.pyc", &fresh).unlisted("demo/b.pyc", &fresh).gone("demo/a.py").gone("demo/b.py");
    let compiled = only("record-compiled", ABI3, compiled);
    assert_eq!((compiled.len(), &compiled[0]["fixable"]), (1, &Value::Bool(true)));
    // The same length, so that everything but the hash agrees; and a name that is in RECORD alone.
    for (from, to, code) in
        [(&b"right"[..], &b"wrong"[..], "record-mismatch"), (b"demo/data.txt,", b"demo/gone.txt,", "record-missing-file")]
    {
        let mut bytes = demo(ABI3).file("demo/data.txt", b"right").stored().build();
        let at = bytes.windows(from.len()).rposition(|window| window == from).unwrap();
        bytes[at..at + to.len()].copy_from_slice(to);
        let (code_of_exit, findings) = check_bytes(ABI3, &resealed(&bytes));
        assert_eq!(code_of_exit, 1);
        assert!(codes(&findings).contains(code), "{code}: {findings:#?}");
    }
}

/// An archive with the checksums of its stored entries put right.
pub fn resealed(bytes: &[u8]) -> Vec<u8> {
    use std::io::{Cursor, Read, Write};
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..zip.len() {
        let entry = zip.by_index_data(index).unwrap();
        let name = String::from_utf8(entry.name_raw().to_vec()).unwrap();
        let mut contents = Vec::new();
        zip.by_index_raw(index).unwrap().read_to_end(&mut contents).unwrap();
        let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        writer.start_file(name, stored).unwrap();
        writer.write_all(&contents).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn files_that_are_no_modules() {
    let foreign = only("foreign-binary", ABI3, demo(ABI3).file("demo/native.so", b"\x7fELF\x02\x01\x01\0"));
    assert_eq!(foreign[0]["path"], "demo/native.so");
    let answer = run_files(&[("native.so", b"\x7fELF\x02\x01\x01\0")], "import ctypes\nctypes.CDLL('/home/pyodide/native.so')");
    assert!(answer.is_err_and(|error| error.contains("need to see wasm magic number")));
    assert_eq!(check_wheel(ABI3, demo(ABI3).file("demo/data.wasm", b"\0asm\x01\0\0\0")).0, 0);
    only("no-dylink", ABI3, demo(ABI3).file("demo/data.so", b"\0asm\x01\0\0\0"));
    assert_eq!(codes(&check_bytes(ABI3, b"PK\x05\x06").1), BTreeSet::from(["unreadable"]));
}

/// Each is opened by the loader, which says what `check` told.
#[test]
fn files_that_are_named_like_modules() {
    let kinds: [(&str, &[u8], &str); 6] = [
        ("a.so", b"!<arch>\nfoo.o/          0           0     0     644     0         `\n", "static library"),
        ("b.so", b"#!/bin/sh\nexec true # and more\n", "script"),
        ("c.so", b"", "empty"),
        ("d.so", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "not fetched"),
        ("e.abi3.so.1", b"INPUT(-lfoo)\n", "text"),
        ("g.so", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01", "no WebAssembly"),
    ];
    for (name, contents, kind) in kinds {
        let found = only("not-a-module", ABI3, demo(ABI3).file(&format!("demo/{name}"), contents));
        assert!(found[0]["message"].as_str().unwrap().contains(kind), "{found:#?}");
        let says = found[0]["prevents"].as_str().unwrap();
        let answer = run_files(&[(name, contents)], &format!("import ctypes\nctypes.CDLL('/home/pyodide/{name}')"));
        assert!(answer.as_ref().is_err_and(|error| error.contains(says)), "{name}: {says}: {answer:?}");
    }
    // An upgrade refuses them, unless its result is not checked.
    let directory = tempfile::tempdir().unwrap();
    let input = directory.path().join(ABI3);
    std::fs::write(&input, demo(ABI3).file("demo/empty.so", b"").build()).unwrap();
    for (more, code) in [(&[][..], 3), (&["--no-check"], 0)] {
        let mut upgrade = std::process::Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"));
        let upgrade = upgrade.arg(&input).args(["--target", "pyodide_2025_0", "--dry-run"]).args(more).output().unwrap();
        assert_eq!(upgrade.status.code(), Some(code), "{}", String::from_utf8_lossy(&upgrade.stderr));
    }
    // Nobody opens these.
    for name in ["demo/x.cpython-312-x86_64-linux-gnu.so", "demo/x.wasm", "demo/x.so.txt"] {
        assert_eq!(check_wheel(ABI3, demo(ABI3).file(name, b"text")).0, 0, "{name}");
    }
}

fn run_files(files: &[(&str, &[u8])], python: &str) -> Result<String, String> {
    let files = files.iter().map(|(name, bytes)| (format!("/home/pyodide/{name}"), bytes.to_vec())).collect();
    let job = Job { files, ..Job::new("files", python) };
    run_jobs(Node::Installed, Runtime::V0_29_5, &[job]).unwrap().remove(0).outcome
}

#[test]
fn suffixes() {
    let name = "demo/ext.cpython-312-wasm32-emscripten.so";
    let extension = module(&[], &["PyInit_ext"]);
    let found = only("ignored-suffix", ABI3, Wheel::new(ABI3).file(name, &extension));
    assert_eq!(found[0]["prevents"], "ModuleNotFoundError: No module named 'ext'");
    // An upgrade gives it a name that every Python reads, unless it is another module or that name is taken.
    assert_eq!(found[0]["fixable"], true);
    let other = only("ignored-suffix", ABI3, Wheel::new(ABI3).file(name, &module(&[], &["PyInit_other"])));
    assert_eq!(other[0]["fixable"], false);
    assert!(found[0]["message"].as_str().unwrap().contains("the suffix of Python 3.12, which"), "{found:#?}");
    // Python finds the right file of the module, and the other one is nothing to it.
    assert_eq!(check_wheel(ABI3, demo(ABI3).file(name, &extension)), (0, Vec::new()));
    let older = "demo-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl";
    let private = wat::parse_str(PRIVATE).unwrap();
    let beside = Wheel::new(older).file(name, &private).file("demo/ext.cpython-313-wasm32-emscripten.so", &extension);
    assert_eq!(codes(&check_wheel(older, beside).1), BTreeSet::from(["non-abi3-symbol", "platform-tag"]));
    // A library is not imported.
    assert_eq!(check_wheel(ABI3, Wheel::new(ABI3).file(name, &module(&[], &["f"]))).0, 0);
    let import = |names: &[&str]| {
        let files: Vec<(&str, &[u8])> = names.iter().map(|name| (*name, extension.as_slice())).collect();
        run_files(&files, "import importlib.util\nstr(importlib.util.find_spec('ext') is not None)")
    };
    const FOR_312: &str = "ext.cpython-312-wasm32-emscripten.so";
    assert_eq!(import(&[FOR_312]).as_deref(), Ok("False"));
    assert_eq!(import(&["ext.abi3.so"]).as_deref(), Ok("True"));
    for right in ["ext.cpython-313-wasm32-emscripten.so", "ext.abi3.so", "ext.so"] {
        assert_eq!(import(&[FOR_312, right]).as_deref(), Ok("True"), "{right}");
    }
}

/// A module that uses a symbol of Python outside of the stable ABI.
const PRIVATE: &str = r#"(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
    (import "env" "_PyLong_Sign" (func (param i32) (result i32))) (func (export "PyInit_ext")))"#;

/// Whether `check` says that an upgrade makes a suffix right, and whether an upgrade, which ends with `exit_code`, does.
#[track_caller]
fn suffix_is_repaired(wheel: Wheel, exit_code: i32) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let input = directory.path().join(ABI3);
    std::fs::write(&input, wheel.build()).unwrap();
    let suffixes = |path: &PathBuf| -> Vec<Value> {
        let mut found = findings(&check(&[path], &[]).1);
        found.retain(|finding| finding["code"] == "ignored-suffix");
        found
    };
    let found = suffixes(&input);
    let promised = found.iter().filter(|finding| finding["fixable"] == true).count();
    let output = directory.path().join("out");
    std::fs::create_dir(&output).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"));
    let status = command.args(["-q", "-O0"]).arg(&input).arg("-o").arg(&output).status().unwrap();
    assert_eq!(status.code(), Some(exit_code));
    // A wheel that is refused stays as it is.
    let result = if exit_code == 0 { std::fs::read_dir(&output).unwrap().next().unwrap().unwrap().path() } else { input };
    assert_eq!(found.len() - suffixes(&result).len(), promised, "{found:#?}");
    promised > 0
}

#[test]
fn an_upgrade_repairs_the_suffixes_that_it_is_said_to_repair() {
    const EXT: &str = "ext.cpython-312-wasm32-emscripten.so";
    let extension = module(&[], &["PyInit_ext"]);
    let named = || Wheel::new(ABI3).file("demo/ext.cpython-312-wasm32-emscripten.so", &extension);
    assert!(suffix_is_repaired(named(), 0));
    assert!(suffix_is_repaired(named().file("demo/x.so", &module(&["libother.so"], &["f"])), 0));
    // Another module needs it by its name.
    assert!(!suffix_is_repaired(named().file("demo/x.so", &module(&[EXT], &["f"])), 0));
    // The new name is taken, if by nothing that could be loaded.
    assert!(!suffix_is_repaired(named().file("demo/ext.abi3.so", b"no module"), 3));
    // Of two that would get the same name one does, and makes the other one spare.
    assert!(suffix_is_repaired(named().file("demo/ext.cpython-311-wasm32-emscripten.so", &extension), 0));
    let private = wat::parse_str(PRIVATE).unwrap();
    assert!(!suffix_is_repaired(Wheel::new(ABI3).file("demo/ext.cpython-312-wasm32-emscripten.so", &private), 3));
}

#[test]
fn bytecode() {
    // The magic number of Python 3.12.
    let old = b"\xcb\x0d\r\n\0\0\0\0\0\0\0\0\0\0\0\0";
    let stale = demo(ABI3).file("demo/x.py", b"").file("demo/__pycache__/x.cpython-312.pyc", old);
    assert_eq!(only("stale-bytecode", ABI3, stale)[0]["fixable"], true);
    let found = only("sourceless-bytecode", ABI3, demo(ABI3).file("demo/x.pyc", old));
    let error = run_files(&[("x.pyc", old)], "import x").unwrap_err();
    let predicted = found[0]["prevents"].as_str().unwrap();
    assert!(error.contains(predicted.trim_end_matches('…')), "{predicted}: {error}");
}

/// A package whose module needs a library in another directory, with these entries in its RUNTIME_PATH.
fn with_library(name: &str, runtime_path: &str) -> Wheel {
    let text = format!(
        "(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)) (needed \"libx.so\") {runtime_path})
           (import \"env\" \"x\" (func $x (result i32))) (func (export \"answer\") (result i32) (call $x)))"
    );
    let library = "(module (@dylink.0 (mem-info (memory 0 0) (table 0 0))) (func (export \"x\") (result i32) i32.const 42))";
    Wheel::new(name)
        .file("demo/__init__.py", b"")
        .file("demo/user.so", &wat::parse_str(text).unwrap())
        .file("demo.libs/libx.so", &wat::parse_str(library).unwrap())
}

/// Installs a wheel as `loadPackage` does, calls the module, and tells how many instances of the library there are.
fn installed(name: &str, bytes: &[u8]) -> Result<usize, String> {
    let directory = tempfile::tempdir().unwrap();
    let path: PathBuf = directory.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let python = "import ctypes, sysconfig\nstr(ctypes.CDLL(sysconfig.get_path('purelib') + '/demo/user.so').answer())";
    let job = Job { installed: vec![path], ..Job::new("installed", python) };
    let answer = run_jobs(Node::Installed, Runtime::V0_29_5, &[job]).unwrap().remove(0);
    let libraries = answer.libraries.iter().filter(|library| library.ends_with("libx.so")).count();
    answer.outcome.map(|value| assert_eq!(value, "42")).map(|()| libraries)
}

#[test]
fn libraries() {
    let name = "demo-1.0-py3-none-pyodide_2025_0_wasm32.whl";
    let upgraded = |wheel: &[u8]| {
        let directory = tempfile::tempdir().unwrap();
        let input = directory.path().join(name);
        std::fs::write(&input, wheel).unwrap();
        let out = directory.path().join("out");
        std::fs::create_dir(&out).unwrap();
        let output = support::upgrade_archive(env!("CARGO_BIN_EXE_wasm-pyfix"), &input, Runtime::V0_29_5, &[], &out);
        assert_eq!(check(&[&output], &["--strict"]).0, 0);
        (output.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&output).unwrap())
    };

    let lost = with_library(name, "").build();
    let (code, found) = check_bytes(name, &lost);
    assert_eq!((code, codes(&found)), (1, BTreeSet::from(["library-not-found"])));
    assert_eq!(found[0]["prevents"], "Error: Failed to find dynamic library \"libx.so\"");
    let error = installed(name, &lost).unwrap_err();
    assert!(error.contains("Failed to find dynamic library \"libx.so\"") || error.contains("cannot resolve symbol x"), "{error}");
    let (new_name, right) = upgraded(&lost);
    assert_eq!(installed(&new_name, &right), Ok(1));

    let twice = with_library(name, "(runtime-path \"$ORIGIN/../demo.libs\")").build();
    let (code, found) = check_bytes(name, &twice);
    assert_eq!((code, codes(&found)), (0, BTreeSet::from(["library-loaded-twice"])));
    assert_eq!(found[0]["path"], "demo.libs/libx.so");
    assert_eq!(installed(name, &twice), Ok(2));
    let (new_name, right) = upgraded(&twice);
    assert_eq!(installed(&new_name, &right), Ok(1));

    let missing = Wheel::new(name).file("demo/user.so", &module(&["libother.so"], &["f"]));
    assert_eq!(only("missing-library", name, missing)[0]["symbol"], "libother.so");
}

/// A library that is needed by a path is not looked for, and no RUNTIME_PATH changes that.
#[test]
fn an_upgrade_checks_its_result() {
    let name = "demo-1.0-py3-none-pyodide_2025_0_wasm32.whl";
    let wheel =
        Wheel::new(name).file("demo/user.so", &module(&["lib/libx.so"], &["f"])).file("demo/lib/libx.so", &module(&[], &["x"]));
    let directory = tempfile::tempdir().unwrap();
    let [input, output] = [name, "out.whl"].map(|name| directory.path().join(name));
    std::fs::write(&input, wheel.build()).unwrap();
    let upgrade = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"));
        let result = command.arg(&input).arg("-o").arg(&output).args(arguments).output().unwrap();
        (result.status.code(), String::from_utf8(result.stderr).unwrap())
    };
    let (code, message) = upgrade(&[]);
    assert_eq!(code, Some(3), "{message}");
    for words in
        ["the result would not run on pyodide_2025_0: `demo/user.so` needs `lib/libx.so`", "[library-not-found]", "`--no-check`"]
    {
        assert!(message.contains(words), "{message}");
    }
    assert!(!output.exists());
    let (code, message) = upgrade(&["--no-check"]);
    assert_eq!(code, Some(0), "{message}");
    let bytes = std::fs::read(&output).unwrap();
    assert!(installed(name, &bytes).unwrap_err().contains("Failed to find dynamic library \"lib/libx.so\""));
}

#[test]
fn the_stable_abi() {
    let uses = |names: &[&str]| {
        let imports: String =
            names.iter().map(|name| format!("(import \"env\" \"{name}\" (func (param i32) (result i32)))")).collect();
        let text = format!("(module (@dylink.0 (mem-info (memory 0 0) (table 0 0))) {imports} (func (export \"PyInit_ext\")))");
        Wheel::new(ABI3).file("demo/ext.abi3.so", &wat::parse_str(text).unwrap())
    };
    assert_eq!(only("newer-abi3-symbol", ABI3, uses(&["PyLong_AsInt"]))[0]["symbol"], "PyLong_AsInt");
    assert_eq!(only("non-abi3-symbol", ABI3, uses(&["_PyLong_Sign"]))[0]["symbol"], "_PyLong_Sign");
    // Built for Python 3.12, such a module is not for 3.13; one that keeps to the stable ABI is.
    let older = "demo-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl";
    let (code, moved) = check_wheel(older, uses(&["_PyLong_Sign"]));
    assert_eq!((code, codes(&moved)), (1, BTreeSet::from(["non-abi3-symbol", "platform-tag", "tags-differ", "unportable-abi3"])));
    assert!(moved.iter().all(|finding| finding["fixable"] == false), "{moved:#?}");
    let moved = moved.iter().find(|finding| finding["code"] == "unportable-abi3").unwrap();
    assert!(moved["message"].as_str().unwrap().ends_with("built for Python 3.12, not for Python 3.13"), "{moved}");
    assert_eq!(codes(&check_wheel(older, uses(&["PyLong_AsLong"])).1), BTreeSet::from(["platform-tag", "tags-differ"]));
    assert_eq!(check_wheel(ABI3, uses(&["PyLong_AsLong", "strlen"])), (0, Vec::new()));
}
