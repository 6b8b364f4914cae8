//! Symbols of private libraries that get names of their own: two wheels with a copy of one library each in one process, before and after,
//! and which names stay.
//!
//! The modules of `tests/isolate/built` are made of `tests/isolate/src` by `tests/isolate/build.sh`. Where h5py and netcdf4 of Pyodide 0.28
//! lie beside the repository, each with its own `libhdf5.so`, they are tried together, too.

#[path = "isolate/attacks.rs"]
mod attacks;

use std::io::Write;
use std::path::{Path, PathBuf};

use support::wheel::{self, entry};
use support::{Job, Node, Runtime, run_jobs};
use wasm_pyfix_passes::module::Module;

const PROGRAM: &str = env!("CARGO_BIN_EXE_wasm-pyfix");
const PLATFORM: &str = "pyodide_2025_0";

/// The upgraded form of the wheel `input`, in the directory `name` of `directory`.
fn upgraded(directory: &Path, name: &str, input: &Path, runtime: Runtime, arguments: &[&str]) -> PathBuf {
    let output = directory.join(name);
    std::fs::create_dir_all(&output).unwrap();
    support::upgrade_archive(PROGRAM, input, runtime, arguments, &output)
}

fn built(name: &str) -> Vec<u8> {
    std::fs::read(support::repository().join("tests/isolate/built").join(name)).unwrap()
}

/// The wheel of a package with its own form of the library, written into `directory`.
fn package(directory: &Path, package: &str, which: u32) -> PathBuf {
    let (user, middle, state) = (built("user.abi3.so"), built("libmiddle.so"), built(&format!("{which}/libstate.so")));
    let files: [(String, &[u8]); 4] = [
        (format!("{package}/__init__.py"), b""),
        (format!("{package}/user.abi3.so"), &user),
        (format!("{package}.libs/libmiddle.so"), &middle),
        (format!("{package}.libs/libstate.so"), &state),
    ];
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, contents)| (name.as_str(), *contents)).collect();
    wheel::write(directory, package, PLATFORM, &files)
}

/// Calls all functions of the extension modules of two packages.
const CALLS: &str = "
import ctypes, importlib
FUNCTIONS = ['called', 'called_early', 'called_by_pointer', 'called_from_data', 'same_address', 'same_data', 'through_middle', 'called_back',
    'caught', 'cast', 'same_static', 'jumped', 'shared_static']
modules = [ctypes.CDLL(importlib.import_module(package).__path__[0] + '/user.abi3.so') for package in ORDER]
str([[getattr(module, name)() for name in FUNCTIONS] for module in modules])";

/// What they return in a wheel by itself that has the form `which` of the library; the last one counts on in each wheel.
fn answers(which: u32, shared: u32) -> String {
    format!("[{which}, {which}, {which}, {which}, 1, 41, 43, 1044, 6, 4, 1, 7, {shared}]")
}

#[test]
fn two_wheels_have_a_library_each() {
    let directory = tempfile::tempdir().unwrap();
    let packages = [package(directory.path(), "one", 1), package(directory.path(), "two", 2)];
    for runtime in [Runtime::V0_29_5, Runtime::V314_0_7] {
        let upgrade = |name: &str, arguments: &[&str]| -> Vec<PathBuf> {
            let name = |wheel: &Path| format!("{}-{name}-{}", runtime.version(), wheel.file_name().unwrap().to_string_lossy());
            packages.iter().map(|wheel| upgraded(directory.path(), &name(wheel), wheel, runtime, arguments)).collect()
        };
        let (plain, isolated) = (upgrade("plain", &["--no-isolate"]), upgrade("isolated", &[]));
        let job = |wheels: &[PathBuf], order: &str, install: bool| {
            let (unpacked, installed) = if install { (Vec::new(), wheels.to_vec()) } else { (wheels.to_vec(), Vec::new()) };
            Job { unpacked, installed, ..Job::new(order, format!("ORDER = {order}\n{CALLS}")) }
        };
        let (forth, back) = ("['one', 'two']", "['two', 'one']");
        let mut jobs = vec![job(&plain, forth, false), job(&isolated, forth, false), job(&isolated, back, true)];
        if runtime == Runtime::V0_29_5 {
            jobs.extend([job(&isolated, forth, true), job(&isolated, back, false)]);
        }
        let found = run_jobs(Node::Installed, runtime, &jobs).unwrap();
        let found: Vec<String> = found.into_iter().map(|answer| answer.outcome.unwrap_or_else(|error| error)).collect();
        let (forth, back) = (format!("[{}, {}]", answers(1, 6), answers(2, 7)), format!("[{}, {}]", answers(2, 6), answers(1, 7)));
        assert_ne!(found[0], forth, "{}: nothing clashes", runtime.version());
        assert_eq!(found[1..], [forth.clone(), back.clone(), forth, back][..jobs.len() - 1], "{}", runtime.version());
    }
}

#[test]
fn a_wheel_works_by_itself_as_it_did() {
    let directory = tempfile::tempdir().unwrap();
    let wheel = package(directory.path(), "one", 1);
    let runtime = Runtime::V0_29_5;
    let forms: Vec<PathBuf> = [("plain", &["--no-isolate"] as &[&str]), ("isolated", &[])]
        .map(|(name, arguments)| upgraded(directory.path(), name, &wheel, runtime, arguments))
        .to_vec();
    let jobs: Vec<Job> = forms
        .iter()
        .map(|wheel| Job { unpacked: vec![wheel.clone()], ..Job::new("one", format!("ORDER = ['one']\n{CALLS}")) })
        .collect();
    for answer in run_jobs(Node::Installed, runtime, &jobs).unwrap() {
        assert_eq!(answer.outcome, Ok(format!("[{}]", answers(1, 6))));
    }
}

/// The loader has a library twice that is opened by another spelling of its path. Both have one state, as without names of its own.
#[test]
fn a_library_that_is_loaded_twice_has_one_state() {
    let library = r#"(module (@dylink.0 (mem-info (memory 4 2))) (import "env" "memory" (memory 1))
        (import "env" "__memory_base" (global $base i32)) (import "GOT.mem" "state" (global $state (mut i32)))
        (global (export "state") i32 (i32.const 0))
        (func (export "f") (result i32)
            (i32.store (global.get $state) (i32.add (i32.load (global.get $state)) (i32.const 1)))
            (i32.load (global.get $state)))
        (data (global.get $base) "\01\00\00\00"))"#;
    let user = r#"(module (@dylink.0 (mem-info) (needed "libx.so")) (import "env" "memory" (memory 1))
        (import "env" "f" (func $f (result i32))) (import "GOT.mem" "state" (global $state (mut i32)))
        (func (export "PyInit_m") (result i32) (i32.const 0))
        (func (export "called") (result i32) (call $f))
        (func (export "read") (result i32) (i32.load (global.get $state))))"#;
    let [library, user] = [library, user].map(|text| wat::parse_str(text).unwrap());
    let files: [(&str, &[u8]); 3] =
        [("demo/__init__.py", b"import ctypes\nload = ctypes.CDLL\n"), ("demo/m.abi3.so", &user), ("demo.libs/libx.so", &library)];
    let directory = tempfile::tempdir().unwrap();
    let path = wheel::write(directory.path(), "demo", PLATFORM, &files);
    let python = "import ctypes, demo
m = ctypes.CDLL(demo.__path__[0] + '/m.abi3.so')
m.called()
x = ctypes.CDLL(demo.__path__[0] + '.libs/libx.so')
str([x.f(), m.called(), x.f(), m.read()])";
    for (name, arguments) in [("plain", &["--no-isolate"] as &[&str]), ("isolated", &[])] {
        let wheel = upgraded(directory.path(), name, &path, Runtime::V0_29_5, arguments);
        let job = Job { unpacked: vec![wheel], ..Job::new(name, python) };
        let answer = run_jobs(Node::Installed, Runtime::V0_29_5, &[job]).unwrap().remove(0);
        assert_eq!(answer.outcome.as_deref(), Ok("[3, 4, 5, 5]"), "{name}");
    }
}

/// A second run knows the names; the same input gives the same bytes; another wheel with the same modules gets other names.
#[test]
fn names_are_made_once_and_for_one_wheel() {
    let directory = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| package(directory.path(), name, 1));
    let runtime = Runtime::V0_29_5;
    let first = upgraded(directory.path(), "first", &one, runtime, &[]);
    let again = upgraded(directory.path(), "again", &one, runtime, &[]);
    assert_eq!(std::fs::read(&first).unwrap(), std::fs::read(&again).unwrap());
    let second = upgraded(directory.path(), "second", &first, runtime, &[]);
    assert_eq!(std::fs::read(&first).unwrap(), std::fs::read(&second).unwrap());
    let other = upgraded(directory.path(), "other", &two, runtime, &[]);
    let names = |wheel: &Path, package: &str| {
        let bytes = entry(wheel, &format!("{package}.libs/libstate.so"));
        let module = Module::read(&bytes).unwrap();
        module.exports().iter().map(|export| export.name.to_string()).filter(|name| name.starts_with('$')).collect::<Vec<_>>()
    };
    let (ours, theirs) = (names(&first, "one"), names(&other, "two"));
    assert!(ours.len() == theirs.len() && !ours.is_empty(), "{ours:?} {theirs:?}");
    assert!(!ours.iter().any(|name| theirs.contains(name)), "{ours:?} {theirs:?}");
}

/// A wheel of an extension module and a library, from the text of their items, with `python` beside them.
fn small(directory: &Path, path: &str, library: &str, extension: &str, needed: &str, python: &str) -> PathBuf {
    let module = |needed: &str, items: &str| {
        let text = format!(
            r#"(module (@dylink.0 (mem-info (memory 64 2) (table 0 0)) {needed})
            (import "env" "memory" (memory 1)) (import "env" "__memory_base" (global $base i32)) {items})"#
        );
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    };
    let extension = format!(r#"{extension} (func (export "PyInit_m") (result i32) (i32.const 0))"#);
    let (library, extension) = (module("", library), module(needed, &extension));
    let files: [(&str, &[u8]); 3] = [("demo/m.abi3.so", &extension), (path, &library), ("demo/__init__.py", python.as_bytes())];
    wheel::write(directory, "demo", PLATFORM, &files)
}

const LIBRARY: &str = "demo.libs/libx.so";
const NEEDED: &str = r#"(needed "libx.so")"#;
const CALL: &str = r#"(import "env" "f" (func $f (result i32))) (func (export "call") (result i32) (call $f))"#;
const DEFINITION: &str = r#"(func (export "f") (result i32) (i32.const 42))"#;

/// The names by which the library of a small wheel exports things.
fn exports(path: &str, library: &str, extension: &str, needed: &str, python: &str, arguments: &[&str]) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let input = small(directory.path(), path, library, extension, needed, python);
    let output = upgraded(directory.path(), "out", &input, Runtime::V0_29_5, arguments);
    let bytes = entry(&output, path);
    let mut names: Vec<String> = Module::read(&bytes).unwrap().exports().iter().map(|export| export.name.to_string()).collect();
    names.sort_unstable();
    names
}

fn is_own(name: &str) -> bool {
    name.starts_with('$')
}

#[test]
fn the_old_name_stays_where_it_may_be_looked_up() {
    let kept = |python: &str, arguments: &[&str]| exports(LIBRARY, DEFINITION, CALL, NEEDED, python, arguments);
    let own = kept("", &[]);
    assert!(own.len() == 1 && is_own(&own[0]), "{own:?}");
    for (python, arguments) in
        [("NAME = 'f'", &[] as &[&str]), ("", &["--keep-export", "f"]), ("", &["--no-prune"]), ("", &["--exports", "all"])]
    {
        let both = kept(python, arguments);
        assert!(both.len() == 2 && is_own(&both[0]) && both[1] == "f", "{python} {arguments:?}: {both:?}");
    }
    for (python, arguments) in [
        ("", &["--no-isolate"] as &[&str]),
        ("", &["--no-bind"]),
        ("", &["-O0"]),
        // Others may override what is visible to them.
        ("sys.setdlopenflags(2)", &[]),
        ("CDLL('x', RTLD_GLOBAL)", &[]),
        // It may be there twice then.
        ("ctypes.CDLL(path)", &[]),
        ("ctypes.CDLL('/a/libx.so')", &[]),
    ] {
        assert_eq!(kept(python, arguments), ["f"], "{python} {arguments:?}");
    }
}

#[test]
fn names_stay_that_others_may_mean() {
    let stay = |what: &str, path: &str, library: &str, extension: &str, needed: &str| {
        let names = exports(path, library, extension, needed, "", &[]);
        assert!(!names.is_empty() && !names.iter().any(|name| is_own(name)), "{what}: {names:?}");
    };
    let data = |name: &str| format!(r#"(global (export "{name}") i32 (i32.const 0))"#);
    let address = |name: &str| {
        format!(
            r#"(import "GOT.mem" "{name}" (global $address (mut i32)))
            (func (export "get") (result i32) (global.get $address))"#
        )
    };
    stay("not in `*.libs`", "demo/libx.so", DEFINITION, CALL, NEEDED);
    let of_runtime = |text: &str| text.replace("\"f\"", "\"malloc\"").replace("(result i32)", "(param i32) (result i32)");
    stay(
        "the runtime's",
        LIBRARY,
        &of_runtime(DEFINITION),
        &of_runtime(CALL).replace("(call $f)", "(call $f (i32.const 1))"),
        NEEDED,
    );
    stay("typeinfo", LIBRARY, &data("_ZTI3Foo"), &address("_ZTI3Foo"), NEEDED);
    stay("a variable of C++", LIBRARY, &data("_ZN3foo5stateE"), &address("_ZN3foo5stateE"), NEEDED);
    stay("a library from elsewhere", LIBRARY, DEFINITION, CALL, r#"(needed "libx.so" "libelsewhere.so")"#);
    let mutable = r#"(global (export "f") (mut i32) (i32.const 0))"#;
    // The distribution has one of that name in `/usr/lib`.
    stay("a library that another may be loaded for", "demo.libs/libhdf5.so", DEFINITION, CALL, r#"(needed "libhdf5.so")"#);
    stay("a mutable global", LIBRARY, mutable, &address("f"), NEEDED);
    let moved = exports(LIBRARY, &data("state"), &address("state"), NEEDED, "", &[]);
    assert!(moved.len() == 1 && is_own(&moved[0]), "{moved:?}");
}

/// A wheel whose modules are these: a path, NEEDED and items for each. Tells which names each exports afterwards.
fn group(modules: &[(&str, &str, &str)]) -> Vec<Vec<String>> {
    let directory = tempfile::tempdir().unwrap();
    let bytes = modules.iter().map(|(path, needed, items)| {
        let needed = if needed.is_empty() { String::new() } else { format!(r#"(needed "{needed}")"#) };
        (*path, wat::parse_str(format!("(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)) {needed}) {items})")).unwrap())
    });
    let bytes: Vec<(&str, Vec<u8>)> = bytes.collect();
    let files: Vec<(&str, &[u8])> = bytes.iter().map(|(path, bytes)| (*path, bytes.as_slice())).collect();
    let input = wheel::write(directory.path(), "demo", PLATFORM, &files);
    let output = upgraded(directory.path(), "out", &input, Runtime::V0_29_5, &[]);
    let names = |path: &str| {
        let bytes = entry(&output, path);
        Module::read(&bytes).unwrap().exports().iter().map(|export| export.name.to_string()).collect()
    };
    modules.iter().map(|(path, ..)| names(path)).collect()
}

#[test]
fn all_who_mean_a_symbol_get_it_under_one_name() {
    let user = r#"(import "env" "f" (func $f)) (func (export "PyInit_m") (result i32) (call $f) (i32.const 0))"#;
    let definition = r#"(func (export "f"))"#;
    // Whichever of two definitions wins for them wins still.
    let both = group(&[
        ("demo/m.abi3.so", "liby.so", user),
        ("demo.libs/liby.so", "libx.so", definition),
        ("demo.libs/libx.so", "", definition),
    ]);
    assert!(both[1].len() == 1 && is_own(&both[1][0]) && both[1] == both[2], "{both:?}");
    let alone = group(&[("demo/m.abi3.so", "libx.so", user), ("demo/n.abi3.so", "", user), ("demo.libs/libx.so", "", definition)]);
    assert_eq!(alone[2], ["f"], "a module without the library imports it");
    let plain =
        group(&[("demo/m.abi3.so", "libx.so", user), ("demo.libs/libx.so", "", definition), ("demo/libz.so", "", definition)]);
    assert_eq!(plain[1], ["f"], "a plain library defines it, too");
    let namesakes = group(&[
        ("a/m.abi3.so", "libx.so", user),
        ("a.libs/libx.so", "", definition),
        ("b.libs/libx.so", "", r#"(func (export "f") (nop))"#),
    ]);
    assert_eq!(namesakes[1], ["f"], "two libraries have one name");
}

/// What the library of a small wheel exports, if it needs `library_needs` and a module of the items `extension` needs it, which may import
/// it weakly.
fn tabled(library_needs: &str, extension: &str, weak: bool) -> Vec<String> {
    let start = r#"(import "env" "memory" (memory 1)) (import "env" "__indirect_function_table" (table $table 1 funcref))
        (import "env" "__table_base" (global $table_base i32))"#;
    let needed = if library_needs.is_empty() { String::new() } else { format!(r#"(needed "{library_needs}")"#) };
    let library = format!(
        r#"(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)) {needed})
        (import "env" "memory" (memory 1)) (func (export "f") (result i32) (i32.const 42)))"#
    );
    let weak = if weak { r#"(import-info "env" "f" 1)"# } else { "" };
    let extension =
        format!(r#"(module (@dylink.0 (mem-info (memory 0 0) (table 1 0)) (needed "libx.so") {weak}) {start} {extension})"#);
    let text = |text: &str| wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let (library, extension) = (text(&library), text(&extension));
    let directory = tempfile::tempdir().unwrap();
    let files: [(&str, &[u8]); 2] = [("demo.libs/m.so", &extension), (LIBRARY, &library)];
    let input = wheel::write(directory.path(), "demo", PLATFORM, &files);
    let output = upgraded(directory.path(), "out", &input, Runtime::V0_29_5, &["--keep-export", "use"]);
    let second = upgraded(directory.path(), "second", &output, Runtime::V0_29_5, &["--keep-export", "use"]);
    assert_eq!(std::fs::read(&output).unwrap(), std::fs::read(&second).unwrap());
    let bytes = entry(&output, LIBRARY);
    Module::read(&bytes).unwrap().exports().iter().map(|export| export.name.to_string()).collect()
}

#[test]
fn what_is_certain_goes_by_slot_and_the_rest_by_name() {
    let call = r#"(import "env" "f" (func $f (result i32))) (func (export "use") (result i32) (call $f))"#;
    let address = r#"(import "GOT.func" "f" (global $f (mut i32))) (func (export "use") (result i32) (global.get $f))"#;
    for user in [call, address] {
        let names = tabled("", user, false);
        assert!(names.len() == 1 && names[0].ends_with(":0"), "{user}: {names:?}");
    }
    let others = [
        ("m.so", call),
        ("", r#"(import "env" "f" (func $f (param i32) (result i32))) (func (export "use") (result i32) (call $f (i32.const 0)))"#),
        (
            "",
            r#"(import "env" "f" (func $f (result i32))) (elem (global.get $table_base) func $f)
            (func (export "use") (result i32) (i32.add (call $f) (global.get $table_base)))"#,
        ),
        ("", r#"(import "env" "f" (func $f (result i32))) (func (export "use") (result i32) (return_call $f))"#),
        (
            "",
            r#"(import "env" "f" (func $f (result i32))) (elem declare func $f)
            (func (export "use") (result i32) (drop (ref.func $f)) (call $f))"#,
        ),
    ];
    let others = others.map(|(needs, user)| (needs, user, false));
    for (needs, user, weak) in others.into_iter().chain([("", call, true)]) {
        let names = tabled(needs, user, weak);
        assert!(names.len() == 1 && is_own(&names[0]) && !names[0].contains(':'), "{needs} {user}: {names:?}");
    }
}

#[test]
fn the_map_tells_old_names_and_new_ones() {
    let directory = tempfile::tempdir().unwrap();
    let input = small(directory.path(), LIBRARY, DEFINITION, CALL, NEEDED, "");
    let map = directory.path().join("names.map");
    let output = upgraded(directory.path(), "out", &input, Runtime::V0_29_5, &["--map", map.to_str().unwrap()]);
    let bytes = entry(&output, LIBRARY);
    let new = Module::read(&bytes).unwrap().exports()[0].name.to_string();
    assert!(new.ends_with(":0"), "{new} is no table");
    assert_eq!(std::fs::read_to_string(&map).unwrap(), format!("{LIBRARY}\tf\t{new}[0]\n"));
}

/// `libhdf5.so` imports `dlsym`, so its exports stay, and are found by their names below. The distribution has a library of that name, which
/// `--isolate files` keeps from being loaded in its place.
#[test]
fn h5py_and_netcdf4_work_side_by_side() {
    let directory = support::repository().join("../shared/findings/clash");
    let Ok(files) = std::fs::read_dir(&directory) else {
        let notice = "h5py and netcdf4 are not beside the repository: they were not tried together\n";
        std::io::stderr().write_all(notice.as_bytes()).expect("standard error can be written");
        return;
    };
    let mut wheels: Vec<PathBuf> =
        files.map(|file| file.unwrap().path()).filter(|path| path.extension() == Some("whl".as_ref())).collect();
    wheels.sort();
    let text = std::fs::read_to_string(directory.join("two_hdf5.py")).unwrap().replace("libhdf5.so", "libhdf5[.-]*so");
    let reversed = text.replace("('h5py', 'netcdf4')", "('netcdf4', 'h5py')");
    let answer = |first: &str, second: &str, works: &str| format!("[('{first}', 0, True, 0), ('{second}', 0, {works})]");
    let scratch = tempfile::tempdir().unwrap();
    let results: Vec<PathBuf> = (wheels.iter().enumerate())
        .map(|(number, wheel)| upgraded(scratch.path(), &number.to_string(), wheel, Runtime::V0_29_5, &["--isolate", "files"]))
        .collect();
    for runtime in [Runtime::V0_28_3, Runtime::V0_29_5] {
        let job = |wheels: &[PathBuf], python: &str, install: bool| {
            let (unpacked, installed) = if install { (Vec::new(), wheels.to_vec()) } else { (wheels.to_vec(), Vec::new()) };
            Job { unpacked, installed, ..Job::new("hdf5", python) }
        };
        let mut jobs = vec![job(&wheels, &text, false), job(&results, &text, false), job(&results, &reversed, true)];
        if runtime == Runtime::V0_29_5 {
            jobs.extend([job(&results, &text, true), job(&results, &reversed, false)]);
        }
        let found = run_jobs(Node::Installed, runtime, &jobs).unwrap();
        let found: Vec<String> = found.into_iter().map(|answer| answer.outcome.unwrap_or_else(|error| error)).collect();
        let (forth, back) = (answer("h5py", "netcdf4", "True, 0"), answer("netcdf4", "h5py", "True, 0"));
        assert_eq!(found[0], answer("h5py", "netcdf4", "False, -1"), "{}", runtime.version());
        assert_eq!(found[1..], [forth.clone(), back.clone(), forth, back][..jobs.len() - 1], "{}", runtime.version());
    }
}
