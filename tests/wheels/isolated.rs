//! Libraries that get a hash into their names.

use super::support::*;
use wasm_pyfix::wheel::WheelOptions;
use wasm_pyfix::wheel::isolate::{Isolate, hashed};

const NAME: &str = "demo-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl";

/// An extension module that needs `libpng.so`.
fn user() -> Wheel {
    Wheel::new(NAME).file("demo/_ext.abi3.so", &module(&["libpng.so"], &["PyInit__ext"]))
}

fn library() -> Vec<u8> {
    module(&[], &["png_read"])
}

fn new_name() -> String {
    hashed("libpng.so", &library()).unwrap()
}

/// A directory with the library, and options to graft from there.
fn grafting(isolate: Isolate) -> (tempfile::TempDir, WheelOptions) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("libpng.so"), library()).unwrap();
    let options = WheelOptions { libdirs: vec![directory.path().to_path_buf()], isolate, ..options() };
    (directory, options)
}

/// What the extension module needs after an upgrade of `wheel`, and the sentences about names that stay.
fn upgraded_needs(wheel: Wheel, options: &WheelOptions) -> (Vec<String>, Vec<String>) {
    let result = run(NAME, &wheel.build(), options);
    let new = entries(&result.bytes);
    check_record(&new);
    let needed = needed(&new, "demo/_ext.abi3.so");
    assert!(new.iter().any(|entry| entry.name == format!("demo.libs/{}", needed[0])), "{needed:?} is not there");
    let again = run(&result.file_name, &result.bytes, options);
    assert!(!again.changed, "a second run changes something");
    let kept = result.notices.into_iter().filter(|notice| notice.code == "plain-name").map(|notice| notice.message);
    (needed, kept.collect())
}

#[test]
fn grafted_libraries_alone_get_a_hash_by_default() {
    let (_directory, default) = grafting(Isolate::default());
    assert_eq!(upgraded_needs(user(), &default).0, [new_name()]);
    assert_eq!(upgraded_needs(user(), &grafting(Isolate::None).1).0, ["libpng.so"]);
    let carried = || user().file("demo.libs/libpng.so", &library());
    assert_eq!(upgraded_needs(carried(), &default).0, ["libpng.so"]);
    assert_eq!(upgraded_needs(carried(), &WheelOptions { isolate: Isolate::Files, ..options() }).0, [new_name()]);
}

/// Nothing tells a second run by what name code opens a library, but code that names it.
#[test]
fn libraries_that_may_be_opened_by_their_names_keep_them() {
    let (_directory, options) = grafting(Isolate::default());
    let opened: [(&str, &[u8]); 16] = [
        ("demo/a.py", b"import ctypes\nlibrary = ctypes.CDLL('demo.libs/libpng.so')\n"),
        ("demo/a.py", b"NAME = 'libpng.so'\n"),
        ("demo/a.py", b"load = lambda kind: CDLL(f'lib{kind}.so')\nload('png')\n"),
        ("demo/a.js", b"pyodide._api.loadDynlib('libpng' + suffix)\n"),
        ("demo/b.so", &opener("libpng.so")),
        ("demo/b.so", &opener("lib%s.so\\00png")),
        // Names that are put together out of parts, that come from elsewhere, or that nobody sees.
        ("demo/a.py", b"CDLL('lib' + 'gnp'[::-1] + '.so')\n"),
        ("demo/a.py", b"CDLL(open('names.txt').read())\n"),
        ("demo/a.zip", b"PK\x03\x04 a.py"),
        ("demo/b.so", &opener("%s")),
        ("demo/b.so", &holding("from ctypes import CDLL")),
        ("demo/b.so", &holding("cython_runtime")),
        // In another case, and in a file that code may read.
        ("demo/a.py", b"NAME = 'LibPNG.SO'.lower()\n"),
        ("demo/b.so", &holding("LIBPNG.so")),
        ("demo/names.txt", b"z\nlibpng.so\n"),
        ("demo-1.0.dist-info/names.json", b"[\"libpng.so\"]"),
    ];
    for (path, contents) in opened {
        let (needed, kept) = upgraded_needs(user().file(path, contents), &options);
        assert_eq!((needed, kept.len()), (vec!["libpng.so".to_string()], 1), "{path}: {kept:?}");
    }
    let others: [(&str, &[u8]); 5] = [
        // Nothing calls it, and it goes with the first run.
        ("demo/b.so", &with_data(DLOPEN, "%s")),
        ("demo/a.py", b"import ctypes\nlibrary = ctypes.CDLL('libjpeg.so')\n"),
        ("demo/a.py", b"# reads png\n"),
        ("demo/b.so", &holding("libjpeg.so")),
        ("demo/names.txt", b"libjpeg.so"),
    ];
    for (path, contents) in others {
        assert_eq!(upgraded_needs(user().file(path, contents), &options), (vec![new_name()], Vec::new()), "{path}");
    }
}

/// `RECORD` and the record of an earlier run name every file, and nobody opens it for that.
#[test]
fn lists_of_all_files_are_no_reason_to_keep_a_name() {
    let carried = user().file("demo.libs/libpng.so", &library()).file("demo-1.0.dist-info/wasm-pyfix.json", b"[\"libpng.so\"]");
    let options = WheelOptions { isolate: Isolate::Files, ..options() };
    assert_eq!(upgraded_needs(carried, &options), (vec![new_name()], Vec::new()));
}

const DLOPEN: &str = r#"(import "env" "dlopen" (func $dlopen (param i32 i32) (result i32)))"#;

/// A module that opens a library from C.
fn opener(name: &str) -> Vec<u8> {
    let open = r#"(func (export "open") (result i32) i32.const 0 i32.const 0 call $dlopen)"#;
    with_data(&format!("{DLOPEN}{open}"), name)
}

/// A module with `text` in its data.
fn holding(text: &str) -> Vec<u8> {
    with_data("", text)
}

fn with_data(imports: &str, text: &str) -> Vec<u8> {
    let text = format!(
        r#"(module (@dylink.0 (mem-info (memory 64 0))) (import "env" "memory" (memory 0)) (import "env" "__memory_base" (global $base i32))
        {imports} (data (global.get $base) "{text}\\00"))"#
    );
    wat::parse_str(text).unwrap()
}

/// Options that name a library by its plain name do the same in every run.
#[test]
fn a_library_that_is_added_under_its_plain_name_is_grafted_once() {
    let (_directory, mut options) = grafting(Isolate::default());
    options.module.add_needed = vec!["libpng.so".to_string()];
    let input = Wheel::new(NAME).file("demo/_ext.abi3.so", &module(&[], &["PyInit__ext"])).build();
    let first = run(NAME, &input, &options);
    let second = run(&first.file_name, &first.bytes, &options);
    let libraries = |bytes: &[u8]| entries(bytes).into_iter().filter(|entry| entry.name.starts_with("demo.libs/")).count();
    assert_eq!((libraries(&first.bytes), libraries(&second.bytes), second.changed), (1, 1, false));
}

/// A library that gets another name is not added to itself, and does not go on to need itself.
#[test]
fn no_renamed_library_needs_what_it_was_called() {
    let (directory, mut options) = grafting(Isolate::default());
    let itself = module(&["libpng.so"], &["png_read"]);
    let png = vec!["libpng.so".to_string()];
    for (library, added) in [(&library(), &png), (&itself, &png), (&itself, &Vec::new())] {
        std::fs::write(directory.path().join("libpng.so"), library).unwrap();
        options.module.add_needed = added.clone();
        let result = run(NAME, &user().build(), &options);
        let new = entries(&result.bytes);
        let path = format!("demo.libs/{}", hashed("libpng.so", library).unwrap());
        assert_eq!(needed(&new, &path), [""; 0], "{added:?}");
        assert_eq!(result.notices, []);
        assert!(!run(&result.file_name, &result.bytes, &options).changed, "{added:?}");
    }
}

/// Nothing but its looks tells a second run which library it is, of those that were there before.
#[test]
fn a_library_that_is_added_under_its_plain_name_is_found_by_its_looks() {
    let (first, second) = (module(&[], &["which"]), module(&[], &["which", "more"]));
    let caller = module(&[], &["PyInit_m"]);
    let files: [(&str, &[u8]); 4] =
        [("a/m.abi3.so", &caller), ("b/m.abi3.so", &caller), ("a.libs/x.so", &first), ("b.libs/x.so", &second)];
    let mut options = WheelOptions { isolate: Isolate::Files, ..options() };
    options.module.add_needed = vec!["x.so".to_string()];
    for count in [3, 4] {
        // With one library, of the first package, and with one for each.
        let input = files[..count].iter().fold(Wheel::new(NAME), |wheel, (name, contents)| wheel.file(name, contents)).build();
        let result = run(NAME, &input, &options);
        let new = entries(&result.bytes);
        let names = [("a", &first), ("b", if count == 4 { &second } else { &first })];
        let names = names.map(|(package, library)| (package, hashed("x.so", library).unwrap()));
        for (package, name) in &names {
            assert_eq!(needed(&new, &format!("{package}/m.abi3.so")), [name.as_str()]);
        }
        for (package, name) in &names[..count - 2] {
            assert_eq!(needed(&new, &format!("{package}.libs/{name}")), [""; 0]);
        }
        assert!(!run(&result.file_name, &result.bytes, &options).changed, "{count}");
    }
}

/// What is grafted later needs the library under the name that it has in the wheel.
#[test]
fn a_library_that_is_there_is_found_by_its_hash() {
    let (directory, options) = grafting(Isolate::default());
    std::fs::write(directory.path().join("libz.so"), module(&["libpng.so"], &["inflate"])).unwrap();
    let input = Wheel::new(NAME)
        .file("demo/_ext.abi3.so", &module(&["libz.so"], &["PyInit__ext"]))
        .file(&format!("demo.libs/{}", new_name()), &library())
        .build();
    let new = entries(&run(NAME, &input, &options).bytes);
    let libz = needed(&new, "demo/_ext.abi3.so").remove(0);
    assert_eq!(needed(&new, &format!("demo.libs/{libz}")), [new_name()]);
    assert_eq!(new.iter().filter(|entry| entry.name.starts_with("demo.libs/")).count(), 2);
}

/// Of several libraries of one name each user gets its own, under a name of its own.
#[test]
fn namesakes_get_names_of_their_own() {
    let (first, second) = (module(&[], &["which"]), module(&[], &["which", "more"]));
    let caller = module(&["x.so"], &["PyInit_m"]);
    let files: [(&str, &[u8]); 5] = [
        ("a/m.abi3.so", &caller),
        ("b/m.abi3.so", &caller),
        ("a.libs/x.so", &first),
        ("b.libs/x.so", &second),
        // Nobody needs it by NEEDED, or it may be another package's.
        ("a.libs/spare.so", &first),
    ];
    let input = files.into_iter().fold(Wheel::new(NAME), |wheel, (name, contents)| wheel.file(name, contents)).build();
    let options = WheelOptions { isolate: Isolate::Files, ..options() };
    let result = run(NAME, &input, &options);
    let new = entries(&result.bytes);
    check_record(&new);
    for (package, library) in [("a", &first), ("b", &second)] {
        let name = hashed("x.so", library).unwrap();
        assert_eq!(needed(&new, &format!("{package}/m.abi3.so")), [name.as_str()]);
        assert!(new.iter().any(|entry| entry.name == format!("{package}.libs/{name}")));
    }
    let renamed: Vec<(&str, bool)> =
        result.modules.iter().map(|module| (module.path.as_str(), module.renamed_to.is_some())).collect();
    assert_eq!(renamed[2..], [("a.libs/x.so", true), ("b.libs/x.so", true), ("a.libs/spare.so", false)]);
    assert!(!run(&result.file_name, &result.bytes, &options).changed);
}

/// Directories may have a library under both names.
#[test]
fn no_two_grafted_libraries_get_one_name() {
    let (directory, options) = grafting(Isolate::default());
    std::fs::write(directory.path().join(new_name()), library()).unwrap();
    let input = Wheel::new(NAME).file("demo/_ext.abi3.so", &module(&["libpng.so", &new_name()], &["PyInit__ext"]));
    let (needed, kept) = upgraded_needs(input, &options);
    assert_eq!(needed, ["libpng.so", &new_name()]);
    assert_eq!(kept, [format!("`demo.libs/libpng.so` keeps its name: `demo.libs/{}` is taken", new_name())]);
}

/// A name with a hash is known by its looks: it is a library that another tool or an earlier run has taken care of.
#[test]
fn a_name_that_has_a_hash_stays() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("libpng-0123abcd.so.16"), library()).unwrap();
    let options = WheelOptions { libdirs: vec![directory.path().to_path_buf()], ..options() };
    let input = Wheel::new(NAME).file("demo/_ext.abi3.so", &module(&["libpng-0123abcd.so.16"], &["PyInit__ext"]));
    assert_eq!(upgraded_needs(input, &options), (vec!["libpng-0123abcd.so.16".to_string()], Vec::new()));
}
