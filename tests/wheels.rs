//! Wheels and library archives from end to end, with a stand-in for the upgrade of modules.
//!
//! The archives are built in memory with Python-like metadata. The stand-in marks a module and writes the RUNTIME_PATH it is
//! given, as the real passes do, so a second run finds no work.

#[path = "wheels/support.rs"]
mod support;

#[path = "wheels/audits.rs"]
mod audits;

#[path = "wheels/hostile.rs"]
mod hostile;

#[path = "wheels/isolated.rs"]
mod isolated;

#[path = "wheels/namesakes.rs"]
mod namesakes;

#[path = "wheels/platforms.rs"]
mod platforms;

#[path = "wheels/sboms.rs"]
mod sboms;

use support::*;
use wasm_pyfix::archive::compress::Level;
use wasm_pyfix::wheel::WheelOptions;
use wasm_pyfix::wheel::isolate::{Isolate, hashed};

const NEW: &str = "demo-1.0-cp312-abi3-pyemscripten_2025_0_wasm32.pyodide_2025_0_wasm32.whl";
const OLD: &str = "demo-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl";

/// A package with an extension, a library in `demo.libs`, and files of other kinds.
fn demo() -> Wheel {
    Wheel::new(OLD)
        .file("demo/__init__.py", b"value = 1\n")
        .file("demo/_ext.abi3.so", &module(&["libx.so"], &["PyInit__ext"]))
        .file("demo.libs/libx.so", &module(&["liby.so"], &["x"]))
        .file("demo.libs/liby.so", &module(&[], &["y"]))
        .file("demo/data.bin", &[7; 4000])
}

#[test]
fn everything_around_the_modules_stays_consistent() {
    let input = demo().build();
    let result = run(OLD, &input, &options());
    assert!(result.changed);
    assert_eq!(result.file_name, NEW);
    assert_eq!(result.sha256, hex_sha256(&result.bytes));
    let (old, new) = (entries(&input), entries(&result.bytes));
    let names = |entries: &[Unpacked]| entries.iter().map(|entry| entry.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&old), names(&new));
    check_record(&new);
    for (old, new) in old.iter().zip(&new) {
        let changes = old.name.ends_with(".so") || old.name.ends_with("/WHEEL") || old.name.ends_with("/RECORD");
        assert_eq!(old.contents != new.contents, changes, "{}", old.name);
        assert_eq!((old.mode, &old.time, old.system), (new.mode, &new.time, new.system), "{}", old.name);
        if !changes {
            assert_eq!(old.compressed, new.compressed, "{}: not copied", old.name);
        }
    }
    let wheel = text(&new, "demo-1.0.dist-info/WHEEL");
    assert_eq!(
        wheel,
        "Wheel-Version: 1.0\nGenerator: test (1)\nRoot-Is-Purelib: false\nTag: cp312-abi3-pyemscripten_2025_0_wasm32\n\
         Tag: cp312-abi3-pyodide_2025_0_wasm32\nBuild: 3\n"
    );
    assert_eq!(
        result.modules.iter().map(|module| module.path.as_str()).collect::<Vec<_>>(),
        ["demo/_ext.abi3.so", "demo.libs/libx.so", "demo.libs/liby.so"]
    );
}

#[test]
fn a_second_run_changes_nothing_and_every_run_gives_the_same_bytes() {
    let input = demo().build();
    let first = run(OLD, &input, &options());
    let single = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(single.install(|| run(OLD, &input, &options())).bytes, first.bytes);
    let second = run(&first.file_name, &first.bytes, &options());
    assert!(!second.changed);
    assert_eq!((second.file_name.as_str(), &second.bytes), (NEW, &first.bytes));
    assert_eq!(second.sha256, first.sha256);
}

#[test]
fn runtime_paths_reach_the_modules() {
    let result = run(OLD, &demo().build(), &options());
    let new = entries(&result.bytes);
    let libs = ["/lib/python3.13/site-packages/demo.libs", "$ORIGIN/../demo.libs"];
    assert_eq!(runtime_path(&new, "demo/_ext.abi3.so"), libs);
    assert_eq!(runtime_path(&new, "demo.libs/libx.so"), ["$ORIGIN"]);
    assert_eq!(runtime_path(&new, "demo.libs/liby.so"), [""; 0]);
}

#[test]
fn asked_runtime_paths_come_after_the_planned_ones() {
    let mut options = options();
    options.module.runtime_path = vec!["$ORIGIN/../demo.libs".to_string(), "/extra".to_string()];
    let new = entries(&run(OLD, &demo().build(), &options).bytes);
    let expected = ["/lib/python3.13/site-packages/demo.libs", "$ORIGIN/../demo.libs", "/extra"];
    assert_eq!(runtime_path(&new, "demo/_ext.abi3.so"), expected);
}

#[test]
fn siblings_know_what_the_others_export() {
    let seen = std::sync::Mutex::new(Vec::new());
    let watch = |path: &str, module: &mut Module<'_>, options: &ModuleOptions| {
        let mut names = vec!["shared", "only_a", "only_b", "nobodys"];
        names.retain(|name| options.sibling_exports.contains(name));
        seen.lock().unwrap().push((path.to_string(), names.join(" ")));
        upgrade(path, module, options)
    };
    let input = Wheel::new(OLD)
        .file("a.so", &module(&[], &["shared", "only_a"]))
        .file("b.so", &module(&[], &["shared", "only_b"]))
        .file("c.so", &module(&[], &[]))
        .build();
    upgrade_archive(OLD, &input, &options(), &watch).unwrap();
    let mut seen = seen.into_inner().unwrap();
    seen.sort();
    // The second round makes sure that nothing is left to do.
    seen.dedup();
    let expected = [("a.so", "shared only_b"), ("b.so", "shared only_a"), ("c.so", "shared only_a only_b")];
    assert_eq!(seen, expected.map(|(path, names)| (path.to_string(), names.to_string())));
}

/// The passes import what a module did not before. A sibling may offer that, too.
#[test]
fn siblings_offer_what_an_upgrade_asks_for() {
    const ADDED: &str = "__wasm_lpad_context";
    let target = wasm_pyfix::target::Target::find("pyodide_2025_0").unwrap();
    let manifest = target.manifest_text().unwrap();
    let without: Vec<&str> = manifest.lines().filter(|line| !line.starts_with(ADDED)).collect();
    let environment = wasm_pyfix::target::manifest::from_text(&without.join("\n")).unwrap();
    let mut options = options();
    options.module.personality = target.personality.unwrap().to_string();
    options.module.environment = Some(std::sync::Arc::new(environment));
    let passes = |_: &str, module: &mut Module<'_>, options: &ModuleOptions| Ok(wasm_pyfix::pipeline::upgrade(module, options)?);
    let catching = wat::parse_file("tests/cli/eh-catch.wat").unwrap();
    let library =
        r#"(module (@dylink.0 (mem-info (memory 16 2) (table 0 0))) (global (export "__wasm_lpad_context") i32 (i32.const 0)))"#;
    let alone = Wheel::new(OLD).file("catching.so", &catching).build();
    let error = upgrade_archive(OLD, &alone, &options, &passes).unwrap_err();
    assert!(is_refused(&error) && format!("{error:#}").contains(ADDED), "{error:#}");
    let both = Wheel::new(OLD).file("catching.so", &catching).file("libcontext.so", &wat::parse_str(library).unwrap()).build();
    let result = upgrade_archive(OLD, &both, &options, &passes).unwrap_or_else(|error| panic!("{error:#}"));
    assert_ne!(result.modules[0].input_size, result.modules[0].output_size);
}

#[test]
fn a_wheel_without_modules_is_left_alone() {
    for name in ["demo-1.0-py3-none-any.whl", "demo-1.0-cp312-cp312-pyodide_2024_0_wasm32.whl"] {
        let input = Wheel::new(name).file("demo/__init__.py", b"").file("demo/app.wasm", b"\0asm\x01\0\0\0").build();
        let result = run(name, &input, &options());
        assert_eq!((result.changed, result.file_name.as_str(), &result.bytes), (false, name, &input));
        assert!(result.notices.iter().any(|notice| notice.message.contains("nothing to do")), "{:?}", result.notices);
    }
}

#[test]
fn a_retag_alone_copies_the_modules() {
    let name = "demo-1.0-cp312-abi3-pyodide_2025_0_wasm32.whl";
    let input = Wheel::new(name).file("demo.so", &upgraded(&module(&[], &[]))).build();
    let result = run(name, &input, &WheelOptions { keep_spelling: false, ..options() });
    assert!(result.changed);
    let (old, new) = (entries(&input), entries(&result.bytes));
    assert_eq!(old[0].compressed, new[0].compressed);
    check_record(&new);
}

#[test]
fn a_zip_of_libraries_keeps_its_name() {
    let input = Wheel::bare().file("one.so", &module(&["two.so"], &[])).file("two.so", &module(&[], &[])).build();
    let result = run("libs-1.0.zip", &input, &options());
    assert!(result.changed);
    assert_eq!(result.file_name, "libs-1.0.zip");
    assert_eq!(runtime_path(&entries(&result.bytes), "one.so"), ["$ORIGIN"]);
    assert!(!run("libs-1.0.zip", &result.bytes, &options()).changed);
}

#[test]
fn python_versions_are_refused_or_kept_as_they_are() {
    let name = "demo-1.0-cp312-cp312-pyodide_2024_0_wasm32.whl";
    let input = Wheel::new(name).file("demo.cpython-312-wasm32-emscripten.so", &module(&[], &[])).build();
    let error = fail(name, &input, &options());
    assert!(is_refused(&error), "{error:#}");
    let message = format!("{error:#}");
    assert!(message.starts_with(name) && message.contains("cp313") && message.contains("abi3"), "{message}");
    let allowed = WheelOptions { allow_python_mismatch: true, ..options() };
    let result = run(name, &input, &allowed);
    assert_eq!(result.file_name, "demo-1.0-cp312-cp312-pyemscripten_2025_0_wasm32.pyodide_2025_0_wasm32.whl");
    assert!(result.notices.iter().any(|notice| notice.message.contains("own risk")), "{:?}", result.notices);
    assert!(text(&entries(&result.bytes), "demo-1.0.dist-info/WHEEL").contains("Tag: cp312-cp312-pyemscripten_2025_0_wasm32\n"));
}

#[test]
fn foreign_platforms_are_refused() {
    for platform in ["manylinux_2_17_x86_64", "wasi_0_2_wasm32"] {
        let name = format!("demo-1.0-cp312-abi3-{platform}.whl");
        let input = Wheel::new(&name).file("demo.so", &module(&[], &[])).build();
        assert!(is_refused(&fail(&name, &input, &options())), "{platform}");
    }
}

#[test]
fn an_extension_that_python_would_ignore_is_reported() {
    let input = Wheel::new(OLD).file("demo/_x.cpython-312-wasm32-emscripten.so", &module(&[], &["PyInit_x"])).build();
    let notices = run(OLD, &input, &options()).notices;
    assert!(notices.iter().any(|notice| notice.message.contains("which Python 3.13 ignores")), "{notices:?}");
    let input = Wheel::new(OLD).file("demo/_x.cpython-313-wasm32-emscripten.so", &module(&[], &["PyInit_x"])).build();
    assert_eq!(run(OLD, &input, &options()).notices, []);
}

#[test]
fn stale_bytecode_is_dropped_if_its_source_is_there() {
    let stale = [&3531u16.to_le_bytes()[..], b"\r\nrest"].concat();
    let fresh = [&3571u16.to_le_bytes()[..], b"\r\nrest"].concat();
    let wheel = demo()
        .file("demo/a.py", b"")
        .file("demo/__pycache__/a.cpython-312.pyc", &stale)
        .file("demo/__pycache__/a.cpython-313.pyc", &fresh)
        .file("demo/a.pyc", &stale);
    let result = run(OLD, &wheel.build(), &options());
    let new = entries(&result.bytes);
    let left: Vec<&str> = new.iter().map(|entry| entry.name.as_str()).filter(|name| name.ends_with(".pyc")).collect();
    assert_eq!(left, ["demo/__pycache__/a.cpython-313.pyc"]);
    check_record(&new);
    assert!(result.notices.iter().any(|notice| notice.message.starts_with("2 .pyc")), "{:?}", result.notices);

    let sourceless = demo().file("demo/b.pyc", &stale).build();
    let error = fail(OLD, &sourceless, &options());
    assert!(is_refused(&error) && format!("{error:#}").contains("demo/b.pyc"), "{error:#}");
    let allowed = WheelOptions { allow_python_mismatch: true, ..options() };
    assert!(entries(&run(OLD, &sourceless, &allowed).bytes).iter().any(|entry| entry.name == "demo/b.pyc"));
}

/// As `pyodide py-compile` leaves wheels; the rows of both files keep their places.
#[test]
fn sources_that_were_compiled_in_their_place_become_bytecode_in_record() {
    let fresh = [&3571u16.to_le_bytes()[..], b"\r\nrest"].concat();
    let compiled = |wheel: Wheel| {
        let wheel = wheel.unlisted("demo/a.pyc", &fresh).unlisted("demo/b.pyc", &fresh);
        wheel.gone("demo/a.py").gone("demo/b.py").build()
    };
    let result = run(OLD, &compiled(demo()), &options());
    check_record(&entries(&result.bytes));
    let notices: Vec<&str> =
        result.notices.iter().map(|notice| &*notice.message).filter(|notice| notice.contains("RECORD")).collect();
    let expected = "RECORD listed 2 sources compiled in place, the first `demo/a.pyc`: now the bytecode";
    assert_eq!(notices, [expected]);
    assert!(!run(NEW, &result.bytes, &options()).changed);

    // It is put right where nothing else is to be done, too.
    let module = upgraded(&module(&[], &["PyInit_x"]));
    let result = run(NEW, &compiled(Wheel::new(NEW).file("demo/x.abi3.so", &module)), &options());
    assert!(result.changed);
    check_record(&entries(&result.bytes));

    let gone = fail(OLD, &demo().gone("demo/c.py").build(), &options());
    assert!(format!("{gone:#}").contains("`demo/c.py` is in RECORD and not in the archive"), "{gone:#}");
}

#[test]
fn signatures_go_and_bills_of_materials_stay() {
    let bom = b"{\"hashes\": []}";
    let input =
        demo().file("demo-1.0.dist-info/sboms/demo.cyclonedx.json", bom).unlisted("demo-1.0.dist-info/RECORD.jws", b"{}").build();
    let result = run(OLD, &input, &options());
    let new = entries(&result.bytes);
    assert!(new.iter().all(|entry| !entry.name.ends_with(".jws")));
    assert_eq!(text(&new, "demo-1.0.dist-info/sboms/demo.cyclonedx.json").as_bytes(), bom);
    for expected in ["RECORD.jws dropped", "sboms/"] {
        assert!(result.notices.iter().any(|notice| notice.message.contains(expected)), "{expected}: {:?}", result.notices);
    }
    check_record(&new);
}

#[test]
fn what_record_did_not_list_is_added_to_it() {
    let input = demo().unlisted("demo/extra.txt", b"extra").unlisted("demo/_b.so", &module(&[], &[])).build();
    let result = run(OLD, &input, &options());
    check_record(&entries(&result.bytes));
    assert_eq!(result.notices.iter().filter(|notice| notice.message.contains("was not in RECORD")).count(), 2);
    assert!(!run(NEW, &result.bytes, &options()).changed);
}

#[test]
fn requires_python_that_excludes_the_target_is_reported() {
    let metadata = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Python: >=3.8,<3.13\n";
    let input = demo().metadata(metadata).build();
    let result = run(OLD, &input, &options());
    assert!(result.notices.iter().any(|notice| notice.message.contains(">=3.8,<3.13")), "{:?}", result.notices);
    assert_eq!(text(&entries(&result.bytes), "demo-1.0.dist-info/METADATA"), metadata);
}

#[test]
fn source_date_epoch_is_the_time_of_what_changed() {
    let with_epoch = WheelOptions { source_date_epoch: Some(1_709_210_096), ..options() };
    let input = demo().build();
    let result = run(OLD, &input, &with_epoch);
    for (old, new) in entries(&input).iter().zip(&entries(&result.bytes)) {
        let expected = if old.contents == new.contents { old.time.as_str() } else { "2024-02-29 12:34:56" };
        assert_eq!(new.time, expected, "{}", new.name);
    }
    assert!(!run(NEW, &result.bytes, &with_epoch).changed);
}

#[test]
fn stored_entries_stay_stored() {
    let input = demo().stored().build();
    let new = entries(&run(OLD, &input, &options()).bytes);
    assert!(new.iter().all(|entry| entry.compressed == entry.contents));
}

#[test]
fn missing_libraries_are_reported_unless_excluded() {
    let input = Wheel::new(OLD).file("demo.so", &module(&["libgone.so"], &[])).build();
    let notices = run(OLD, &input, &options()).notices;
    assert!(
        notices.len() == 1 && notices[0].message.contains("`libgone.so`") && notices[0].message.contains("`demo.so`"),
        "{notices:?}"
    );
    assert!(notices[0].message.contains("which the archive does not carry: it has to be in /usr/lib"), "{notices:?}");
    let excluded = WheelOptions { exclude: vec!["libgo*".to_string()], ..options() };
    assert_eq!(run(OLD, &input, &excluded).notices, []);
}

#[test]
fn libraries_are_grafted_with_what_they_need() {
    let directory = tempfile::tempdir().unwrap();
    let library = |name: &str, needed: &[&str]| std::fs::write(directory.path().join(name), module(needed, &[])).unwrap();
    library("liba.so", &["libb.so", "libleft.so"]);
    library("libb.so", &["liba.so"]);
    library("libleft.so", &[]);
    library("libunused.so", &[]);
    let input = Wheel::new(OLD).file("demo/_ext.so", &module(&["liba.so"], &[])).build();
    let options =
        WheelOptions { libdirs: vec![directory.path().to_path_buf()], exclude: vec!["libleft.so".to_string()], ..options() };
    let result = run(OLD, &input, &options);
    let new = entries(&result.bytes);
    let names: Vec<&str> = new.iter().map(|entry| entry.name.as_str()).collect();
    let name = |name: &str| hashed(name, &std::fs::read(directory.path().join(name)).unwrap()).unwrap();
    let (a, b) = (name("liba.so"), name("libb.so"));
    let [in_a, in_b] = [&a, &b].map(|name| format!("demo.libs/{name}"));
    assert_eq!(names[..4], ["demo/_ext.so", &in_a, &in_b, "demo-1.0.dist-info/METADATA"]);
    assert_eq!(needed(&new, "demo/_ext.so"), [a.as_str()]);
    assert_eq!((needed(&new, &in_a), needed(&new, &in_b)), (vec![b, "libleft.so".to_string()], vec![a]));
    assert_eq!(runtime_path(&new, "demo/_ext.so"), ["/lib/python3.13/site-packages/demo.libs", "$ORIGIN/../demo.libs"]);
    assert_eq!(runtime_path(&new, &in_a), ["$ORIGIN"]);
    assert!(is_upgraded(&new, &in_a) && is_upgraded(&new, &in_b));
    assert_eq!(result.modules[1].grafted_from, Some(directory.path().join("liba.so")));
    check_record(&new);
    assert!(!run(NEW, &result.bytes, &options).changed);
}

/// The directory of the build may be packed: as an archive, or as the wheel that has the library already.
#[test]
fn libraries_are_grafted_from_archives_and_wheels() {
    let directory = tempfile::tempdir().unwrap();
    let (a, b) = (module(&["libb.so"], &["a"]), module(&[], &["b"]));
    let [archive, wheel] = ["libs.zip", NEW].map(|name| directory.path().join(name));
    std::fs::write(&archive, Wheel::bare().file("lib/liba.so", &a).file("libother.so", &module(&[], &[])).build()).unwrap();
    let others = Wheel::new(NEW).file("x.libs/libb.so", &b).file("x.libs/liba.so", &module(&[], &["other"]));
    std::fs::write(&wheel, others.build()).unwrap();
    let input = Wheel::new(OLD).file("demo/_ext.so", &module(&["liba.so"], &[])).build();
    let options = WheelOptions { libdirs: vec![archive.clone(), wheel.clone()], isolate: Isolate::None, ..options() };
    let result = run(OLD, &input, &options);
    let new = entries(&result.bytes);
    assert_eq!(
        (needed(&new, "demo.libs/liba.so"), contents(&new, "demo.libs/libb.so")),
        (vec!["libb.so".to_string()], &*upgraded(&b))
    );
    let sources: Vec<_> = result.modules[1..].iter().map(|module| module.grafted_from.clone().unwrap()).collect();
    assert_eq!(sources, [archive.join("lib/liba.so"), wheel.join("x.libs/libb.so")]);
    let first = result.notices.iter().find(|notice| notice.code == "grafted-first").unwrap();
    assert!(first.message.contains("x.libs/liba.so` differs from it and was not"), "{}", first.message);
    check_record(&new);
    // What is no archive is no place for libraries.
    let options = WheelOptions { libdirs: vec![directory.path().join("x.zip")], ..options };
    std::fs::write(directory.path().join("x.zip"), "text").unwrap();
    let message = format!("{:#}", fail(OLD, &input, &options));
    assert!(message.contains("x.zip: not a readable zip archive"), "{message}");
}

#[test]
fn libraries_of_another_platform_are_not_grafted() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("liba.so"), b"\x7fELF\x02\x01\x01\0").unwrap();
    let input = Wheel::new(OLD).file("demo.so", &module(&["liba.so"], &[])).build();
    let options = WheelOptions { libdirs: vec![directory.path().to_path_buf()], ..options() };
    let message = format!("{:#}", fail(OLD, &input, &options));
    assert!(message.contains("liba.so") && message.contains("ELF"), "{message}");
}

#[test]
fn a_grafted_library_replaces_no_entry() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("libz.so"), module(&[], &[])).unwrap();
    let options = WheelOptions { libdirs: vec![directory.path().to_path_buf()], isolate: Isolate::None, ..options() };
    let extension = module(&["libz.so"], &[]);
    for taken in ["demo.libs/libz.so", "demo.libs"] {
        let input = Wheel::new(OLD).file("demo/_ext.so", &extension).file(taken, b"INPUT(-lz)\n").build();
        let message = format!("{:#}", fail(OLD, &input, &options));
        assert!(message.contains(&format!("entry `{taken}` is no side module")) && message.contains("--exclude"), "{message}");
    }
}

#[test]
fn a_libdir_that_is_not_there_is_an_error() {
    let options = WheelOptions { libdirs: vec!["no/such/directory".into()], ..options() };
    let message = format!("{:#}", fail(OLD, &demo().build(), &options));
    assert!(message.contains("--libdir no/such/directory"), "{message}");
}

#[test]
fn no_module_gets_itself_as_a_needed_library() {
    let added = std::sync::Mutex::new(Vec::new());
    let watch = |path: &str, module: &mut Module<'_>, options: &ModuleOptions| {
        added.lock().unwrap().push((path.to_string(), options.add_needed.clone()));
        upgrade(path, module, options)
    };
    let mut options = options();
    options.module.add_needed = vec!["libx.so".to_string()];
    let input = Wheel::new(OLD).file("_ext.so", &module(&[], &[])).file("demo.libs/libx.so", &module(&[], &[])).build();
    upgrade_archive(OLD, &input, &options, &watch).unwrap();
    let mut added = added.into_inner().unwrap();
    added.sort();
    added.dedup();
    assert_eq!(added, [("_ext.so".to_string(), vec!["libx.so".to_string()]), ("demo.libs/libx.so".to_string(), Vec::new())]);
}

#[test]
fn linking_metadata_may_stand_behind_other_sections() {
    let bytes = module(&["libx.so"], &["PyInit__ext"]);
    let moved = [&bytes[..8], b"\0\x05\x04note", &bytes[8..]].concat();
    let input = Wheel::new(OLD).file("demo/_ext.abi3.so", &moved).file("demo.libs/libx.so", &module(&[], &[])).build();
    let planned = std::sync::Mutex::new(Vec::new());
    let watch = |path: &str, _: &mut Module<'_>, options: &ModuleOptions| {
        planned.lock().unwrap().push((path.to_string(), options.runtime_path.len()));
        Ok(Vec::new())
    };
    upgrade_archive(OLD, &input, &options(), &watch).unwrap();
    assert!(planned.into_inner().unwrap().contains(&("demo/_ext.abi3.so".to_string(), 2)));
}

#[test]
fn broken_data_modules_are_left_alone() {
    let input = demo().file("demo/tests/cut.wasm", b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x7f").build();
    assert_eq!(run(OLD, &input, &options()).modules.len(), 3);
}

#[test]
fn an_error_of_the_upgrade_names_file_and_entry() {
    let input = demo().build();
    let error = upgrade_archive(OLD, &input, &options(), &|path, _, _| {
        if path.ends_with("libx.so") {
            Err(wasm_pyfix_passes::Error::refused("shared-memory", "threads").into())
        } else {
            Ok(Vec::new())
        }
    })
    .unwrap_err();
    assert_eq!(format!("{error:#}"), format!("{OLD}: entry `demo.libs/libx.so`: threads"));
    assert!(is_refused(&error));
}

#[test]
fn equal_bytes_are_no_change() {
    let name = NEW;
    let input = Wheel::new(name).file("demo.so", &module(&[], &[])).build();
    let first = run(name, &input, &options());
    let echo = |_: &str, _: &mut Module<'_>, _: &ModuleOptions| {
        let mut outcome = Outcome::new("echo");
        outcome.count("changes", 1);
        Ok(vec![outcome])
    };
    assert!(!upgrade_archive(name, &first.bytes, &options(), &echo).unwrap().changed);
}

#[test]
fn compression_is_asked_for_or_happens_to_new_contents_only() {
    let input = demo().file("demo/prose.txt", &b"over and over again, ".repeat(300)).build();
    let level = |text: &str| Level::parse(text).ok();
    // Compressed, and not.
    let sizes = |compress: Option<Level>| -> Vec<(usize, usize)> {
        let result = run(OLD, &input, &WheelOptions { compress, ..options() });
        let new = entries(&result.bytes);
        check_record(&new);
        new.iter().map(|entry| (entry.compressed.len(), entry.contents.len())).collect()
    };
    let (plain, none, best) = (sizes(None), sizes(level("0")), sizes(level("max")));
    let old = entries(&input);
    for (index, entry) in old.iter().enumerate() {
        let changes = entry.name.ends_with(".so") || entry.name.ends_with("/WHEEL") || entry.name.ends_with("/RECORD");
        let ((plain, length), (none, _), (best, _)) = (plain[index], none[index], best[index]);
        if changes {
            assert!(none > length && best <= none, "{}: {none} {best}", entry.name);
        } else {
            assert!(none == entry.compressed.len() && plain == none && best <= plain, "{}: not copied", entry.name);
        }
    }
    assert!(Level::parse("13").is_err() && Level::parse("-1").is_err() && Level::parse("").is_err());
}

#[test]
fn compressing_a_wheel_that_needs_nothing_else_keeps_all_but_the_sizes() {
    let base = run(OLD, &demo().build(), &WheelOptions { compress: Level::parse("1").ok(), ..options() });
    assert!(!run(NEW, &base.bytes, &options()).changed);
    let asked = WheelOptions { compress: Level::parse("max").ok(), source_date_epoch: Some(1_709_210_096), ..options() };
    let result = run(NEW, &base.bytes, &asked);
    assert!(result.changed && result.file_name == NEW && result.bytes.len() < base.bytes.len());
    assert!(result.notices.iter().any(|notice| notice.message.contains("compressed anew")), "{:?}", result.notices);
    for (old, new) in entries(&base.bytes).iter().zip(&entries(&result.bytes)) {
        assert_eq!(
            (&old.name, &old.contents, old.mode, &old.time, old.system),
            (&new.name, &new.contents, new.mode, &new.time, new.system)
        );
        assert!(new.compressed.len() <= old.compressed.len(), "{}", new.name);
    }
    let again = run(NEW, &result.bytes, &asked);
    assert!(!again.changed && again.bytes == result.bytes);
    let single = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(single.install(|| run(NEW, &base.bytes, &asked)).bytes, result.bytes);
}
