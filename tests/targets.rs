//! Targets and their manifests: facts about the platforms, and that the checked-in manifests are what the runtimes offer.
//!
//! The npm packages `pyodide` are fetched once, into cargo's target directory; without node, npm or the registry the tests fail.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use wasm_pyfix::target::{DEFAULT, LibraryLookup, TagStyle, Target, file, instructions, javascript, listing, manifest};
use wasm_pyfix_passes::exceptions::personality;
use wasm_pyfix_passes::{Environment, ExceptionAbi, Item, Provider};
use wasmparser::{FuncType, ValType, ValType::I32};

fn environment(name: &str) -> Environment {
    Target::find(name).unwrap().manifest().unwrap()
}

/// The targets that have wheels, and a manifest.
fn platforms() -> impl Iterator<Item = &'static Target> {
    Target::all().iter().filter(|target| target.has_wheels())
}

fn ty(params: usize, results: usize) -> FuncType {
    FuncType::new(vec![I32; params], vec![I32; results])
}

/// Directory of the npm package `pyodide`, fetched if need be.
fn runtime(version: &str) -> PathBuf {
    static FETCH: Mutex<()> = Mutex::new(());
    let _one_at_a_time = FETCH.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("pyodide-{version}"));
    let package = place.join("node_modules/pyodide");
    if !package.join("complete").is_file() {
        std::fs::create_dir_all(&place).unwrap();
        let install = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"];
        let output =
            Command::new("npm").args(install).arg(&place).arg(format!("pyodide@{version}")).output().expect("npm is needed");
        assert!(output.status.success(), "npm could not fetch pyodide {version}: {}", String::from_utf8_lossy(&output.stderr));
        std::fs::write(package.join("complete"), "").unwrap();
    }
    package
}

#[test]
fn checked_in_manifests_are_reproduced() {
    for target in platforms() {
        let directories: Vec<_> = target.runtimes.iter().map(|version| runtime(version)).collect();
        let made =
            file::text(&file::environment(&directories).unwrap(), instructions::of_files(&directories).unwrap(), target).unwrap();
        let difference = made
            .lines()
            .zip(target.manifest_text().unwrap().lines())
            .find(|(made, kept)| made != kept)
            .map(|(made, kept)| format!("first difference: made {made:?}, checked in {kept:?}"));
        assert!(made == target.manifest_text().unwrap(), "{}: make it anew as docs/targets.md says; {difference:?}", target.name);
    }
}

/// The scan of files agrees with the import table of the running program, name by name and kind by kind.
#[test]
fn manifests_agree_with_running_programs() {
    let script = "const { loadPyodide } = await import(process.argv[1]);
        const table = (await loadPyodide())._module.LDSO.loadedLibsByName.__main__.exports;
        const immutable = (global) => { try { global.value = global.value; return false; } catch { return true; } };
        const kind = (value) => typeof value == 'function' ? 'func' : typeof value == 'number' ? 'data'
            : value instanceof WebAssembly.Tag ? 'tag' : value instanceof WebAssembly.Table ? 'table'
            : value instanceof WebAssembly.Memory ? 'memory' : immutable(value) ? 'data' : 'global';
        for (const [name, value] of Object.entries(table)) if (!value.stub) console.log(name, kind(value));";
    for version in ["0.27.7", "0.28.3", "0.29.5", "314.0.7", "315.0.0-alpha.2"] {
        let directory = runtime(version);
        let module = directory.join("pyodide.mjs");
        let output =
            Command::new("node").args(["--input-type=module", "-e", script]).arg(&module).output().expect("node is needed");
        assert!(output.status.success(), "{version}: {}", String::from_utf8_lossy(&output.stderr));
        // The values of the loader differ between side modules; the table has the main module's, or none.
        let loader = |line: &str| line.starts_with("__memory_base ") || line.starts_with("__table_base ");
        let stdout = String::from_utf8(output.stdout).unwrap();
        let live: BTreeSet<_> = stdout.lines().filter(|line| !loader(line)).map(str::to_string).collect();
        let scanned = manifest::from_pyodide(&directory).unwrap().symbols;
        let kinds = scanned.iter().filter(|(_, offer)| offer.provider != Provider::Loader).map(|(name, offer)| {
            let kind = match offer.item {
                Item::Function(_) => "func",
                Item::Data => "data",
                Item::Global { .. } => "global",
                Item::Tag(_) => "tag",
                Item::Table => "table",
                Item::Memory => "memory",
                Item::Unknown => "unknown",
            };
            format!("{name} {kind}")
        });
        let scanned: BTreeSet<_> = kinds.collect();
        let differences: Vec<_> = live.symmetric_difference(&scanned).take(10).collect();
        assert!(live.len() > 5000 && differences.is_empty(), "{version}: {} live, differences {differences:?}", live.len());
    }
}

/// The annotations in the JavaScript and the types of the main module's imports say the same where both exist.
#[test]
fn annotations_agree_with_import_types() {
    for (version, name) in [
        ("0.27.7", "pyodide.asm.js"),
        ("0.29.5", "pyodide.asm.js"),
        ("314.0.7", "pyodide.asm.mjs"),
        ("315.0.0-alpha.2", "pyodide.asm.mjs"),
    ] {
        let directory = runtime(version);
        let imports = manifest::from_main(&std::fs::read(directory.join("pyodide.asm.wasm")).unwrap(), None).unwrap();
        let libraries = javascript::scan(&std::fs::read_to_string(directory.join(name)).unwrap()).unwrap();
        let [library] = &libraries[..] else { panic!("{version}: {} libraries", libraries.len()) };
        let mut compared = 0;
        for (name, value) in &library.values {
            if let (javascript::Value::Function(Some(annotated)), Some(imported)) = (value, imports.function(name)) {
                assert_eq!(annotated, imported, "{version}: `{name}`");
                compared += 1;
            }
        }
        assert!(compared > 200, "{version}: only {compared} functions compared");
    }
}

#[test]
fn an_environment_comes_from_given_files() {
    let (old, new) = (runtime("0.27.7"), runtime("0.29.5"));
    let wasm = new.join("pyodide.asm.wasm");
    let with_javascript = manifest::from_files(&[new.join("pyodide.asm.js"), wasm.clone()]).unwrap();
    assert_eq!(with_javascript, manifest::from_pyodide(&new).unwrap());
    let alone = manifest::from_files(std::slice::from_ref(&wasm)).unwrap();
    assert_eq!(alone.function("malloc"), Some(&ty(1, 1)));
    assert!(alone.offers_function("fd_write") && !alone.offers_function("glBeginQueryEXT"));
    assert!(alone.symbols.len() < with_javascript.symbols.len());

    let error = |files: &[PathBuf]| format!("{:#}", manifest::from_files(files).unwrap_err());
    assert!(error(&[old.join("pyodide.asm.js"), wasm.clone()]).contains("do the two files belong together?"));
    assert!(error(&[wasm.clone(), wasm.clone()]).contains("one main module and at most one file of JavaScript"));
    assert!(error(&[new.join("pyodide.asm.js")]).contains("none of the files is a WebAssembly module"));
    assert!(error(&[wasm, new.join("package.json")]).contains("package.json: it is no JavaScript that can be parsed"));
    assert!(error(&[new.join("missing.wasm")]).contains("missing.wasm"));
}

#[test]
fn exception_symbols_changed_between_2024_and_2025() {
    let [old, new, newest] = ["pyodide_2024_0", "pyodide_2025_0", "pyemscripten_2026_0"].map(environment);
    assert_eq!(old.function("emscripten_longjmp"), Some(&ty(2, 0)));
    for gone in ["__cxa_can_catch", "__cxa_find_matching_catch_7", "__resumeException", "llvm_eh_typeid_for", "invoke_viji"] {
        assert!(old.offers_function(gone), "{gone}");
    }
    assert!(!old.offers_function("__wasm_longjmp"));
    assert!(old.tag("__cpp_exception").is_none());
    for (env, provider) in [(&new, Provider::JavaScript), (&newest, Provider::MainModule)] {
        assert_eq!(env.function("__wasm_longjmp"), Some(&ty(2, 0)));
        assert_eq!(env.function("_Unwind_CallPersonality"), Some(&ty(1, 1)));
        for tag in ["__cpp_exception", "__c_longjmp"] {
            assert_eq!(env.tag(tag), Some(&ty(1, 0)));
            assert_eq!(env.symbols[tag].provider, provider);
        }
        for gone in ["emscripten_longjmp", "__cxa_can_catch", "__cxa_find_matching_catch_7", "__resumeException", "invoke_viji"] {
            assert!(!env.offers_function(gone), "{gone}");
        }
        assert!(env.families.is_empty());
    }
    for env in [&old, &new, &newest] {
        assert_eq!(env.function("__wasm_setjmp"), Some(&ty(3, 0)));
        assert_eq!(env.function("__wasm_setjmp_test"), Some(&ty(2, 1)));
        for state in ["__THREW__", "__threwValue", "_ZTISt9exception", "PyExc_ValueError", "__heap_base"] {
            assert!(env.offers_data(state), "{state}");
        }
    }
}

#[test]
fn the_entry_point_to_exception_matching_is_the_one_that_is_offered() {
    for target in platforms() {
        let mut env = target.manifest().unwrap();
        assert_eq!(personality::offered(&env), target.personality);
        if target.exception_abi == ExceptionAbi::Native {
            env.symbols.remove("_Unwind_CallPersonality");
            assert_eq!(personality::offered(&env), Some("__gxx_personality_wasm0"));
            env.add("__gxx_wasm_personality_v0", Provider::MainModule, Item::Function(Some(ty(5, 1))));
            assert_eq!(personality::offered(&env), Some("__gxx_personality_wasm0"), "of another type");
            env.add("__gxx_wasm_personality_v0", Provider::MainModule, Item::Function(Some(ty(1, 1))));
            assert_eq!(personality::offered(&env), Some("__gxx_wasm_personality_v0"));
        }
    }
}

#[test]
fn functions_changed_their_types() {
    let [old, new, newest] = ["pyodide_2024_0", "pyodide_2025_0", "pyemscripten_2026_0"].map(environment);
    assert_eq!(old.function("_PyLong_AsByteArray"), Some(&ty(5, 1)));
    assert_eq!(new.function("_PyLong_AsByteArray"), Some(&ty(6, 1)));
    assert_eq!(new.function("_PyLong_NumBits"), Some(&FuncType::new([I32], [I32])));
    assert_eq!(newest.function("_PyLong_NumBits"), Some(&FuncType::new([I32], [ValType::I64])));
    let changed = |old: &Environment, new: &Environment| {
        let names = old.symbols.keys().filter(|name| old.function(name).is_some() && new.function(name).is_some());
        names.filter(|name| old.function(name) != new.function(name) && name.starts_with("_Py")).cloned().collect::<Vec<_>>()
    };
    let expected = ["_PyDict_DelItemIf", "_PyErr_SetFromPyStatus", "_PyLong_AsByteArray", "_PyThreadState_New"];
    assert_eq!(changed(&old, &new), expected);
    assert_eq!(changed(&new, &newest).len(), 9);
}

#[test]
fn every_target_offers_what_a_side_module_cannot_do_without() {
    for target in platforms() {
        let env = target.manifest().unwrap();
        assert_eq!(env.item("memory"), Some(&Item::Memory));
        assert_eq!(env.item("__indirect_function_table"), Some(&Item::Table));
        assert_eq!(env.item("__stack_pointer"), Some(&Item::Global { value: I32, mutable: true }));
        for base in ["__memory_base", "__table_base"] {
            assert_eq!(env.item(base), Some(&Item::Global { value: I32, mutable: false }));
            assert_eq!(env.symbols[base].provider, Provider::Loader);
        }
        assert_eq!(env.exception_abi(), Some(target.exception_abi));
        assert!(target.personality.is_none_or(|name| env.function(name) == Some(&ty(1, 1))));
        assert_eq!(env.function("open64"), env.function("open"));
        assert!(env.offers_table_slot("malloc") && env.offers_table_slot("emscripten_glViewport"));
        assert!(env.offers_function("stackSave") && !env.offers_table_slot("stackSave"));
        assert_eq!(manifest::from_text(&manifest::to_text(&env).unwrap()).unwrap(), env);
    }
}

#[test]
fn targets_are_found_in_both_spellings() {
    assert_eq!(Target::find(DEFAULT).unwrap().name, "pyodide_2025_0");
    assert_eq!(Target::find("pyemscripten_2025_0").unwrap().name, "pyodide_2025_0");
    assert_eq!(Target::find("pyodide_2026_0").unwrap().name, "pyemscripten_2026_0");
    assert_eq!(Target::of_platform_tag("pyodide_2024_0_wasm32").unwrap().name, "pyodide_2024_0");
    assert_eq!(Target::of_platform_tag("pyemscripten_2026_0_wasm32").unwrap().version, "2026_0");
    assert!(Target::of_platform_tag("pyodide_2025_0").is_none());
    assert!(Target::of_platform_tag("2025_0_wasm32").is_none());
    for (name, target) in [
        ("2025_0", "pyodide_2025_0"),
        ("0.28", "pyodide_2025_0"),
        ("0.29", "pyodide_2025_0"),
        ("0.29.5", "pyodide_2025_0"),
        ("pyodide_2025_0_wasm32", "pyodide_2025_0"),
        ("pyemscripten_2025_0_wasm32", "pyodide_2025_0"),
        ("0.26.4", "pyodide_2024_0"),
        ("0.27.7", "pyodide_2024_0"),
        ("2026_0", "pyemscripten_2026_0"),
        ("314", "pyemscripten_2026_0"),
        ("314.0.7", "pyemscripten_2026_0"),
        ("315", "pyemscripten_2026_5"),
        ("2026_5", "pyemscripten_2026_5"),
        ("pyemscripten_2026_5_wasm32", "pyemscripten_2026_5"),
        ("315.0.0-alpha.2", "pyemscripten_2026_5"),
        ("315.0.0a2", "pyemscripten_2026_5"),
    ] {
        assert_eq!(Target::find(name).map(|target| target.name).ok(), Some(target), "{name}");
    }
    for nobody in [
        "0",
        "0.",
        ".29",
        "0.2",
        "0.299",
        "31",
        "3140",
        "-",
        "",
        "_wasm32",
        "0.29_wasm32",
        "999999999999999999999.1",
        "315a",
        "a2",
        "315-alpha",
    ] {
        assert!(Target::find(nobody).is_err(), "{nobody}");
    }
    assert!(Target::of_platform_tag("manylinux_2_28_x86_64").is_none());
    assert_eq!(
        Target::find("pyodide_2027_0").unwrap_err().to_string(),
        "there is no target `pyodide_2027_0`; targets are emscripten-legacy, pyodide_2024_0, pyodide_2025_0, pyemscripten_2025_0, \
         pyemscripten_2026_0, pyodide_2026_0, pyemscripten_2026_5, pyodide_2026_5"
    );
}

#[test]
fn targets_know_their_tags_and_places() {
    let target = Target::find("pyodide_2025_0").unwrap();
    assert_eq!(target.platform_tag(TagStyle::Legacy), "pyodide_2025_0_wasm32");
    assert_eq!(target.platform_tag(target.default_tag_style), "pyemscripten_2025_0_wasm32.pyodide_2025_0_wasm32");
    assert_eq!((target.python_tag(), target.site_packages), ("cp313".to_string(), "/lib/python3.13/site-packages"));
    assert_eq!(target.library_lookup, LibraryLookup::RuntimePath { normalised: false });
    let target = Target::find("pyemscripten_2026_0").unwrap();
    assert_eq!(target.platform_tag(target.default_tag_style), "pyemscripten_2026_0_wasm32");
    assert_eq!(target.exception_abi, ExceptionAbi::Native);
}

#[test]
fn struct_changes_add_up_over_platforms() {
    let [old, new, newest] = ["pyodide_2024_0", "pyodide_2025_0", "pyemscripten_2026_0"].map(|name| Target::find(name).unwrap());
    let concerned = |from: &Target, to: &Target, import: &str| -> Vec<&str> {
        let changes = to.struct_changes_since(from).filter(|change| change.concerns(import));
        changes.map(|change| change.structure).collect()
    };
    assert_eq!(concerned(old, new, "emscripten_set_mousedown_callback_on_thread"), ["EmscriptenMouseEvent"]);
    assert_eq!(concerned(old, newest, "emscripten_get_mouse_status"), ["EmscriptenMouseEvent"]);
    assert_eq!(concerned(new, newest, "emscripten_get_mouse_status"), [""; 0]);
    assert_eq!(concerned(new, newest, "statfs"), ["statfs"]);
    assert_eq!(concerned(old, new, "statfs"), [""; 0]);
    assert_eq!(concerned(old, newest, "statvfs"), [""; 0]);
    assert_eq!(concerned(newest, old, "statfs"), [""; 0]);
    // A pattern that names nothing is a mistake; `emscripten_fetch` is linked into side modules, not offered.
    let symbols = [environment(old.name), environment(new.name), environment(newest.name)];
    for change in newest.struct_changes_since(old).filter(|change| change.structure != "emscripten_fetch_t") {
        for pattern in change.imports.iter().filter(|pattern| !pattern.ends_with("fs64")) {
            let exact = wasm_pyfix::target::StructChange { structure: "", imports: std::slice::from_ref(pattern) };
            assert!(symbols.iter().any(|env| env.symbols.keys().any(|name| exact.concerns(name))), "{pattern}");
        }
    }
}

#[test]
fn lock_files_are_as_the_runtimes_have_them() {
    for target in platforms() {
        for version in target.runtimes {
            let text = std::fs::read_to_string(runtime(version).join("pyodide-lock.json")).unwrap();
            let lock: serde_json::Value = serde_json::from_str(&text).unwrap();
            for (key, value) in target.lock_info() {
                assert_eq!(lock["info"][key], value, "{version}: {key}");
            }
        }
    }
}

#[test]
fn listing_shows_every_target() {
    let text = listing();
    assert_eq!(text.lines().count(), 1 + Target::all().len());
    assert!(
        text.contains("pyodide_2025_0       pyemscripten_2025_0  0.28, 0.29  3.13    4.0.9         native      default\n"),
        "{text}"
    );
    assert!(text.contains("pyodide_2024_0       -                    0.26, 0.27  3.12    3.1.58        JavaScript  -\n"), "{text}");
}

#[test]
fn broken_manifests_name_the_line() {
    let error = |lines: &str| format!("{:#}", manifest::from_text(&format!("# wasm-pyfix manifest 1\n{lines}")).unwrap_err());
    assert!(format!("{:#}", manifest::from_text("# other").unwrap_err()).contains("begins with \"# other\""));
    assert!(error("a wasm data\nb wasm func i:q").contains("line 3 of a manifest: \"b wasm func i:q\": unknown type letter `q`"));
    assert!(error("a").contains("expected `name provider kind [type]`"));
    assert!(error("a wasm").contains("unknown kind of symbol"));
    assert!(error("a zig data").contains("unknown provider `zig`"));
    assert!(error("a wasm global ij").contains("expected one type letter"));
    assert!(error("a wasm tag i").contains("has a colon"));
}

#[test]
fn other_modules_are_refused() {
    let error = |wasm: &[u8]| format!("{:#}", manifest::from_main(wasm, None).unwrap_err());
    assert!(error(b"\0asm\x01\0\0\0").contains("exports nothing"));
    assert!(error(b"\0asm\x0d\0\x01\0").contains("component"));
    assert!(error(b"\0asm\x01\0\0\0\x07\x05\x01\x01a\x00\x09").contains("export `a`: there is no function 9"));
    assert!(error(b"\0asm\x01\0\0\0\x07\x05\x01\x01a").contains("unexpected end"));
}

/// A name in the table of renamed symbols is gone, and the new one has the type that the old one had.
#[test]
fn renamed_symbols_are_the_same_under_another_name() {
    let mut before: Option<Environment> = None;
    for target in Target::all().iter().filter(|target| target.has_wheels()) {
        let environment = target.manifest().unwrap();
        for renamed in target.renamed.iter().copied().flatten() {
            assert_eq!(environment.item(renamed.old), None, "{}", renamed.old);
            let new = environment.function(renamed.new);
            assert!(new.is_some(), "{}", renamed.new);
            if let Some(before) = &before {
                assert_eq!(before.function(renamed.old), new, "{}", renamed.old);
            }
            assert!(!renamed.reason.is_empty());
        }
        before = Some(environment);
    }
    let aliases = Target::find("pyodide_2025_0").unwrap().aliases();
    assert!(aliases.iter().any(|alias| alias.old == "_emscripten_get_now"), "those of older targets apply too");
    assert!(aliases.iter().all(|alias| alias.old != "__time"), "those of newer targets do not");
}
