//! `--closed`: a small distribution in which each export has its reason to stay, or none.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use support::Runtime;

use super::archives::{Wheel, entries};
use super::{check_files, entry, lock, module, names, run_expecting};

type Files = Vec<(&'static str, String, Vec<u8>, &'static [&'static str])>;

/// An archive with a library that exports functions, each of which returns the length of its name.
fn library(name: &str, exports: &[&str]) -> Vec<u8> {
    let function = |name: &&str| format!("(func (export {name:?}) (result i32) i32.const {})", name.len());
    // Takes the address of a function of its own, which nobody else has.
    let own = format!(
        "(import \"GOT.func\" \"own_{name}\" (global $own (mut i32))) (func (export \"own_{name}\") global.get $own drop)
        (func (export \"__wasm_call_ctors\") global.get $own drop)"
    );
    let functions: String = exports.iter().map(function).collect();
    Wheel::bare().file(&format!("{name}.so"), &module("", &format!("{own}{functions}"))).build()
}

/// An extension module that returns the sum of what it imports, and exports more.
fn extension(needed: &str, imports: &[&str], exports: &[&str]) -> Vec<u8> {
    let needed = if needed.is_empty() { String::new() } else { format!("(needed {needed:?})") };
    let parameters = |name: &str| if name == "dlsym" { ("(param i32 i32)", "i32.const 0 i32.const 0") } else { ("", "") };
    let import = |name: &&str| format!("(import \"env\" {name:?} (func ${name} {} (result i32)))", parameters(name).0);
    let export = |name: &&str| format!("(func (export {name:?}) (result i32) i32.const 1000)");
    let sum: String = imports.iter().map(|name| format!("{} call ${name} i32.add ", parameters(name).1)).collect();
    let imports: String = imports.iter().map(import).collect();
    let exports: String = exports.iter().map(export).collect();
    module(&needed, &format!("{imports}{exports}(func (export \"PyInit_m\") (result i32) i32.const 0 {sum})"))
}

fn wheel_name(name: &str) -> String {
    format!("{name}-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl")
}

const SHARED: [&str; 8] = ["shared_1", "shared_2", "shared_3", "named", "unused_1", "unused_2", "unused_3", "unused_4"];

/// Ten wheels and four archives.
fn files() -> Files {
    let wheel = |name: &str, module: &[u8], code: &str| {
        let wheel = Wheel::new(&wheel_name(name)).file(&format!("{name}/m.abi3.so"), module);
        wheel.file(&format!("{name}/__init__.py"), code.as_bytes()).build()
    };
    let user = |name: &'static str, needed: &str, imports: &[&str], code: &str, depends: &'static [&'static str]| {
        (name, wheel_name(name), wheel(name, &extension(needed, imports, &["c_name"]), code), depends)
    };
    let archive = |name: &'static str, exports: &[&str]| {
        (name, format!("{name}-1.0.zip"), library(name, exports), &[] as &'static [&'static str])
    };
    let first = extension("libshared.so", &["shared_1"], &["c_name", "for_others"]);
    let named = Wheel::new("namer-1.0-py3-none-any.whl").file("namer.py", b"NAMES = ['named']\n").build();
    vec![
        archive("libliteral", &["literal_1", "literal_2"]),
        archive("libopened", &["opened_1", "opened_2"]),
        archive("libshared", &SHARED),
        archive("libsought", &["sought_1", "sought_2"]),
        archive("libnobody", &["nobodys"]),
        ("first", wheel_name("first"), wheel("first", &first, ""), &["libshared"]),
        user("second", "libshared.so", &["shared_2", "for_others"], "", &["libshared", "first"]),
        user("third", "libshared.so", &["shared_3", "shared_1"], "", &["libshared"]),
        ("namer", "namer-1.0-py3-none-any.whl".to_string(), named, &[]),
        // Spells out which library it opens, and says nowhere that it depends on it.
        user("literal", "libliteral.so", &["literal_1"], "import ctypes\nctypes.CDLL('libliteral.so').literal_2()\n", &[]),
        // May open whatever it depends on.
        user("opener", "libopened.so", &["opened_1"], "import ctypes\nopen = ctypes.CDLL\n", &["libopened"]),
        user("seeker", "libsought.so", &["sought_1", "dlsym"], "", &["libsought"]),
        user("plain", "", &[], "", &[]),
        user("other", "", &[], "", &[]),
    ]
}

fn write(directory: &Path) {
    let files = files();
    for (_, file, bytes, _) in &files {
        fs::write(directory.join(file), bytes).unwrap();
    }
    let entries = files.iter().map(|(name, file, bytes, depends)| (*name, entry(name, file, bytes, depends)));
    fs::write(directory.join("pyodide-lock.json"), lock("2024_0", &entries.collect::<Vec<_>>())).unwrap();
}

fn exports_of(module: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(module) {
        if let wasmparser::Payload::ExportSection(section) = payload.unwrap() {
            names.extend(section.into_iter().map(|export| export.unwrap().name.to_string()));
        }
    }
    names.sort();
    names
}

/// What the modules in the archives of a directory export, but for what all have, by the names of the archives.
fn exports(directory: &Path) -> BTreeMap<String, Vec<String>> {
    let archives = names(directory).into_iter().filter(|name| name.ends_with(".whl") || name.ends_with(".zip"));
    let exports = archives.map(|name| {
        let entries = entries(&fs::read(directory.join(&name)).unwrap());
        let modules = entries.iter().filter(|entry| entry.name.ends_with(".so"));
        let mut names: Vec<String> = modules.flat_map(|entry| exports_of(&entry.contents)).collect();
        names.retain(|name| name != "PyInit_m" && name != "__wasm_call_ctors");
        (name.split('-').next().unwrap().to_string(), names)
    });
    exports.collect()
}

const WITHOUT: [(&str, &[&str]); 14] = [
    ("first", &["c_name", "for_others"]),
    ("libliteral", &["literal_1", "literal_2", "own_libliteral"]),
    ("libnobody", &["nobodys", "own_libnobody"]),
    ("libopened", &["opened_1", "opened_2", "own_libopened"]),
    ("libshared", &["named", "own_libshared", "shared_1", "shared_2", "shared_3", "unused_1", "unused_2", "unused_3", "unused_4"]),
    ("libsought", &["own_libsought", "sought_1", "sought_2"]),
    ("literal", &["c_name"]),
    ("namer", &[]),
    ("opener", &["c_name"]),
    ("other", &["c_name"]),
    ("plain", &["c_name"]),
    ("second", &["c_name"]),
    ("seeker", &["c_name"]),
    ("third", &["c_name"]),
];

/// What goes with `--closed` of [`WITHOUT`]: nothing else.
const LESS: [(&str, &[&str]); 6] = [
    ("first", &["for_others"]),
    ("libshared", &["named", "shared_1", "shared_2", "shared_3"]),
    ("other", &[]),
    ("plain", &[]),
    ("second", &[]),
    ("third", &[]),
];

fn expected(differing: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
    let all = WITHOUT.iter().chain(differing);
    all.map(|(name, exports)| (name.to_string(), exports.iter().map(|name| name.to_string()).collect())).collect()
}

#[test]
fn what_no_package_needs_goes_in_a_closed_world() {
    let directory = tempfile::tempdir().unwrap();
    let at = |path: &str| directory.path().join(path);
    write(directory.path());
    let lock = |out: &str, options: &[&str]| {
        let arguments = [&["pyodide-lock.json", "-o", out, "--target", "0.29", "--keep-unfit"], options].concat();
        run_expecting(0, directory.path(), &arguments);
        exports(&at(out))
    };
    assert_eq!(lock("open", &[]), expected(&[]));
    let found = lock("closed", &["--closed"]);
    assert_eq!(found, expected(&LESS));
    check_files(&at("closed"));
    // What the first run left is what the second one finds.
    run_expecting(0, &at("closed"), &["pyodide-lock.json", "-o", "again", "--closed"]);
    for name in names(&at("closed/again")) {
        assert!(fs::read(at("closed").join(&name)).unwrap() == fs::read(at("closed/again").join(&name)).unwrap(), "{name}");
    }
    assert_eq!(lock("asked", &["--closed", "--keep-export", "unused_*"])["libshared"].len(), 8);

    const CALL: &str = "import ctypes\nlibrary = ctypes.CDLL\nsite = '/lib/python3.13/site-packages/'\n\
        str([library(f'{site}{name}/m.abi3.so').PyInit_m() for name in ('first', 'third', 'plain')])";
    let answer = super::loads(at("closed/pyodide-lock.json"), Runtime::V0_29_5, &["first", "third", "plain"], CALL);
    assert_eq!(answer, Ok("[8, 16, 0]".to_string()));
}

/// Where nothing tells who depends on whom, whoever opens libraries may open any.
#[test]
fn a_directory_is_a_closed_world_without_dependencies() {
    let directory = tempfile::tempdir().unwrap();
    let at = |path: &str| directory.path().join(path);
    fs::create_dir(at("dist")).unwrap();
    write(&at("dist"));
    fs::remove_file(at("dist/pyodide-lock.json")).unwrap();
    let closed = |out: &str| {
        run_expecting(0, directory.path(), &["dist", "-o", out, "--target", "0.29", "--closed"]);
        exports(&at(out))
    };
    // But for those that open libraries themselves, of which each needs to know one other.
    assert_eq!(closed("all"), expected(&[]));
    for name in ["opener", "seeker"] {
        fs::remove_file(at("dist").join(wheel_name(name))).unwrap();
    }
    let mut expected = expected(&LESS);
    ["opener", "seeker"].iter().for_each(|name| drop(expected.remove(*name)));
    // It spells out what it opens, and so all that it opens is known.
    assert_eq!(closed("some"), expected);

    fs::write(at("dist/broken-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl"), "no archive").unwrap();
    let said = run_expecting(1, directory.path(), &["dist", "-o", "none", "--closed"]);
    assert!(said.contains("error[closed-world]: dist/broken-1.0-") && !at("none").exists(), "{said}");
}

/// Of distributions in one directory, and of what belongs to none of them, each is an input.
#[test]
fn what_was_installed_together_is_a_closed_world() {
    let directory = tempfile::tempdir().unwrap();
    let at = |path: &str| directory.path().join(path);
    let (_, _, wheel, _) = files().into_iter().find(|(name, ..)| *name == "third").unwrap();
    for entry in entries(&wheel).into_iter().chain(entries(&library("libshared", &SHARED))) {
        let path = at("site").join(&entry.name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &entry.contents).unwrap();
    }
    fs::write(at("site/demo-1.0.dist-info/INSTALLER"), "pip\n").unwrap();
    fs::write(at("site/app.py"), "print('named')\n").unwrap();
    let closed = |options: &[&str]| {
        run_expecting(0, directory.path(), &[&["site", "-o", "out", "--closed", "--target", "0.29"], options].concat());
        let found = ["third/m.abi3.so", "libshared.so"].map(|name| exports_of(&fs::read(at("out").join(name)).unwrap()));
        fs::remove_dir_all(at("out")).unwrap();
        found.map(|names| names.join(" "))
    };
    assert_eq!(closed(&[]), ["PyInit_m", "__wasm_call_ctors named shared_1 shared_3"]);
    fs::write(at("site/app.py"), "import ctypes\nctypes.CDLL(name)\n").unwrap();
    assert_eq!(closed(&[])[0], "PyInit_m c_name");
}

#[test]
fn options_that_keep_all_make_no_sense_in_a_closed_world() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path());
    for (options, says) in [
        (&["-o", "out", "--no-prune"][..], "`--no-prune` keeps all"),
        (&["-o", "out", "-O0"], "`-O0` keeps all"),
        (&["-o", "out", "--exports", "all"], "`--exports all` keeps all"),
        (&["--in-place", "--package", "first"], "with `--in-place` those stay"),
    ] {
        let said = run_expecting(2, directory.path(), &[&["pyodide-lock.json", "--target", "0.29", "--closed"], options].concat());
        assert!(said.contains(says), "{said}");
    }
    let report: Value = {
        let arguments = ["pyodide-lock.json", "-n", "--target", "0.29", "--closed", "--json", "-v"];
        serde_json::from_slice(&super::run(directory.path(), &arguments).stdout).unwrap()
    };
    let text = report.to_string();
    for why in ["a module of another input imports it", "its name occurs in code of an input", "a library that no input needs"] {
        assert!(text.contains(why), "{why}");
    }
}
