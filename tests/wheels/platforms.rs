//! What the platform in a wheel's file name means for the result.

use super::support::*;
use wasm_pyfix::wheel::{AlsoFor, WheelOptions};

const TARGET: &str = "pyemscripten_2025_0_wasm32.pyodide_2025_0_wasm32";

fn single(name: &str, module: &[u8]) -> Vec<u8> {
    Wheel::new(name).file("demo.so", module).build()
}

#[test]
fn a_suffix_in_capitals_is_a_wheel_too() {
    let (old, new) = ("demo-1.0-cp312-abi3-pyodide_2024_0_wasm32", format!("demo-1.0-cp312-abi3-{TARGET}.whl"));
    let input = single(&format!("{old}.whl"), &module(&[], &[]));
    let result = run(&format!("{old}.WHL"), &input, &options());
    assert_eq!(result.file_name, new);
    check_record(&entries(&result.bytes));
    let name = "demo-1.0-cp312-cp312-pyodide_2024_0_wasm32.whl";
    let error = fail(&name.replace(".whl", ".WHL"), &single(name, &module(&[], &[])), &options());
    assert!(is_refused(&error), "{error:#}");
}

#[test]
fn wheels_for_later_platforms_are_refused() {
    for (platform, advice) in [
        ("pyemscripten_2026_0_wasm32", "use --target pyemscripten_2026_0"),
        ("pyodide_2026_0_wasm32", "use --target pyemscripten_2026_0"),
        ("pyemscripten_2025_1_wasm32", "knows no target"),
        ("pyemscripten_2031_0_wasm32", "knows no target"),
    ] {
        let name = format!("demo-1.0-cp312-abi3-{platform}.whl");
        let error = fail(&name, &single(&name, &module(&[], &[])), &options());
        assert!(is_refused(&error) && format!("{error:#}").contains(advice), "{error:#}");
    }
}

#[test]
fn a_wheel_for_any_platform_stays_one_unless_a_module_changes() {
    let name = "demo-1.0-py3-none-any.whl";
    let result = run(name, &single(name, &upgraded(&module(&[], &[]))), &options());
    assert_eq!((result.changed, result.file_name.as_str()), (false, name));
    let result = run(name, &single(name, &module(&[], &[])), &options());
    assert_eq!(result.file_name, "demo-1.0-py3-none-pyemscripten_2025_0_wasm32.whl");
}

/// A side module that imports functions.
fn importing(imports: &[&str]) -> Vec<u8> {
    let imports: String = imports.iter().map(|name| format!("(import \"env\" \"{name}\" (func))")).collect();
    wat::parse_str(format!("(module (@dylink.0 (mem-info (memory 0 0) (table 0 0))) {imports})")).unwrap()
}

/// The notices about structs for a module in an archive called `name`.
fn about_structs(name: &str, module: &[u8]) -> Vec<String> {
    let mut notices = run(name, &single(name, module), &options()).notices;
    notices.retain(|notice| notice.code == "struct-changed");
    notices.into_iter().map(|notice| notice.message).collect()
}

#[test]
fn structs_that_the_target_lays_out_differently_are_reported() {
    let keys = importing(&["emscripten_set_keydown_callback_on_thread", "emscripten_set_keyup_callback_on_thread", "f"]);
    let notices = about_structs("demo-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl", &keys);
    assert_eq!(notices.len(), 1, "{notices:?}");
    let parts =
        ["`demo.so` imports `emscripten_set_keydown_callback_on_thread`, `emscripten_set_keyup", "`EmscriptenKeyboardEvent`"];
    assert!(parts.iter().all(|part| notices[0].contains(part)), "{notices:?}");
    assert_eq!(about_structs(&format!("demo-1.0-cp312-abi3-{TARGET}.whl"), &keys), [""; 0]);
    assert_eq!(about_structs("demo-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl", &importing(&["f"])), [""; 0]);
}

#[test]
fn without_a_tag_javascript_exceptions_tell_the_platform() {
    let name = "demo-1.0-py3-none-any.whl";
    assert_eq!(about_structs(name, &importing(&["emscripten_get_mouse_status"])), [""; 0]);
    let notices = about_structs(name, &importing(&["emscripten_get_mouse_status", "invoke_v"]));
    assert!(notices.len() == 1 && notices[0].contains("on pyodide_2025_0 than on pyodide_2024_0"), "{notices:?}");
}

/// Options for the targets 2026_0 and, with `also`, 2025_0 at the same time.
fn options_2026(also: bool) -> WheelOptions {
    let older = AlsoFor { platform_tags: options().platform_tags, python_tag: "cp313".to_string() };
    WheelOptions {
        platform_tags: vec!["pyemscripten_2026_0_wasm32".to_string()],
        python_tag: "cp314".to_string(),
        also: if also { vec![older] } else { Vec::new() },
        site_packages: "/lib/python3.14/site-packages".to_string(),
        ..WheelOptions::default()
    }
}

const NAME_2025: &str = "demo-1.0-cp312-abi3-pyemscripten_2025_0_wasm32.whl";
const NAME_2026: &str = "demo-1.0-cp312-abi3-pyemscripten_2026_0_wasm32.whl";
const NAMED_FOR_313: &str = "demo/ext.cpython-313-wasm32-emscripten.so";

#[test]
fn an_abi3_wheel_is_retagged_and_its_modules_stay() {
    let input = Wheel::new(NAME_2025)
        .file("demo/ext.abi3.so", &upgraded(&module(&[], &["PyInit_ext"])))
        .file("demo-1.0.dist-info/sboms/x.json", b"{}")
        .build();
    let result = run(NAME_2025, &input, &options_2026(false));
    assert_eq!(result.file_name, NAME_2026);
    assert_eq!(result.notices, [], "a bill of materials is out of date only when a module changes");
    let (before, after) = (entries(&input), entries(&result.bytes));
    assert!(text(&after, "demo-1.0.dist-info/WHEEL").contains("Tag: cp312-abi3-pyemscripten_2026_0_wasm32\n"));
    assert_eq!(contents(&after, "demo/ext.abi3.so"), contents(&before, "demo/ext.abi3.so"));
    check_record(&after);
}

#[test]
fn abi3_modules_named_for_another_python_are_renamed() {
    let extension = upgraded(&module(&[], &["PyInit_ext"]));
    let input = Wheel::new(NAME_2025).file(NAMED_FOR_313, &extension).file("demo/data", b"x").build();
    let result = run(NAME_2025, &input, &options_2026(false));
    let (before, after) = (entries(&input), entries(&result.bytes));
    let names: Vec<&str> = after.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names[..2], ["demo/ext.abi3.so", "demo/data"]);
    // What has no new contents keeps its compressed bytes, time and mode.
    assert_eq!((&after[0].compressed, &after[0].time, after[0].mode), (&before[0].compressed, &before[0].time, before[0].mode));
    check_record(&after);
    assert!(text(&after, "demo-1.0.dist-info/RECORD").starts_with("demo/ext.abi3.so,"), "the row has another place");
    assert_eq!(result.modules[0].renamed_to.as_deref(), Some("demo/ext.abi3.so"));
    assert!(result.notices[0].message.contains("`demo/ext.abi3.so` now"), "{:?}", result.notices);
    let again = run(&result.file_name, &result.bytes, &options_2026(false));
    assert!(!again.changed);
    // On the Python that the name is for, it is right.
    let same = run(NAME_2025, &input, &options());
    assert_eq!(entries(&same.bytes)[0].name, NAMED_FOR_313);
}

#[test]
fn a_renamed_module_may_change_too() {
    let input = Wheel::new(NAME_2025).file(NAMED_FOR_313, &module(&[], &["PyInit_ext"])).build();
    let result = run(NAME_2025, &input, &options_2026(false));
    let after = entries(&result.bytes);
    assert!(is_upgraded(&after, "demo/ext.abi3.so"));
    check_record(&after);
}

#[test]
fn modules_are_renamed_only_where_that_helps() {
    let extension = module(&[], &["PyInit_ext"]);
    let kept = |name: &str, wheel: Wheel| {
        let result = run(name, &wheel.build(), &options_2026(false));
        assert!(result.modules.iter().all(|module| module.renamed_to.is_none()), "{:?}", result.modules);
        result.notices.iter().map(|notice| format!("{}\n", notice.message)).collect::<String>()
    };
    let none = "demo-1.0-py3-none-pyemscripten_2025_0_wasm32.whl";
    let notices = kept(none, Wheel::new(none).file(NAMED_FOR_313, &extension));
    assert!(notices.contains("ignores; if the module has the stable ABI, rename it to end in `.abi3.so`"), "{notices}");
    let other = module(&[], &["PyInit_other"]);
    let notices = kept(NAME_2025, Wheel::new(NAME_2025).file(NAMED_FOR_313, &other));
    assert!(notices.contains("since it exports no `PyInit_ext`"), "{notices}");
    let library = module(&[], &["f"]);
    assert_eq!(kept(NAME_2025, Wheel::new(NAME_2025).file(NAMED_FOR_313, &library)), "");
    // A directory takes a name as a file does.
    for path in ["demo/ext.abi3.so", "demo/ext.abi3.so/readme"] {
        let notices = kept(NAME_2025, Wheel::new(NAME_2025).file(NAMED_FOR_313, &extension).file(path, b"no module"));
        assert!(notices.contains("since that name is taken"), "{path}: {notices}");
    }
    let needed = module(&["ext.cpython-313-wasm32-emscripten.so"], &[]);
    let notices = kept(NAME_2025, Wheel::new(NAME_2025).file(NAMED_FOR_313, &extension).file("demo/x.so", &needed));
    assert!(notices.contains("since another module needs it by its name"), "{notices}");
}

#[test]
fn a_module_that_leaves_the_stable_abi_is_not_called_abi3() {
    // Nothing but the name of the file tells which Python it was built for.
    let name = "demo-1.0-cp312-abi3-any.whl";
    let input = Wheel::new(name).file(NAMED_FOR_313, &private_extension()).build();
    let error = fail(name, &input, &options_2026(false));
    assert!(is_refused(&error), "{error:#}");
    assert!(format!("{error:#}").contains("uses `_PyLong_AsByteArray`, which the stable ABI does not have"), "{error:#}");
    assert!(format!("{error:#}").contains("`--allow-python-mismatch`"), "{error:#}");
    let allowed = WheelOptions { allow_python_mismatch: true, ..options_2026(false) };
    let result = run(name, &input, &allowed);
    assert!(
        result.modules[0].renamed_to.is_none() && result.notices[0].message.contains("compiled for one version"),
        "{:?}",
        result.notices
    );
    // Where the platform tells that as well, one of the notices does.
    let result = run(NAME_2025, &Wheel::new(NAME_2025).file(NAMED_FOR_313, &private_extension()).build(), &allowed);
    let about = |text: &str| result.notices.iter().filter(|notice| notice.message.contains(text)).count();
    assert_eq!((about("_PyLong_AsByteArray"), about("was not renamed")), (1, 1), "{:?}", result.notices);
}

/// Python has the right file of a module, so what it passes over matters to nobody.
#[test]
fn a_file_for_another_python_may_stand_beside_the_right_one() {
    const NAMED_FOR_314: &str = "demo/ext.cpython-314-wasm32-emscripten.so";
    let both = |right: &str| {
        let right = (right, upgraded(&module(&[], &["PyInit_ext"])));
        Wheel::new(NAME_2025).file(NAMED_FOR_313, &upgraded(&private_extension())).file(right.0, &right.1).build()
    };
    for right in [NAMED_FOR_314, "demo/ext.abi3.so", "demo/ext.so"] {
        let result = run(NAME_2025, &both(right), &options_2026(false));
        assert_eq!((entries(&result.bytes)[0].name.as_str(), result.notices), (NAMED_FOR_313, Vec::new()), "{right}");
    }
    assert!(is_refused(&fail(NAME_2025, &both("demo/other.so"), &options_2026(false))));
}

/// What is grafted, `--add-needed` and `--remove-needed` decide who needs a file by its name.
#[test]
fn what_modules_will_need_keeps_a_name() {
    const BASE: &str = "ext.cpython-313-wasm32-emscripten.so";
    let extension = module(&[], &["PyInit_ext"]);
    let renamed = |wheel: Wheel, change: &dyn Fn(&mut WheelOptions)| {
        let mut options = options_2026(false);
        change(&mut options);
        let result = run(NAME_2025, &wheel.build(), &options);
        result.modules.iter().any(|module| module.renamed_to.is_some())
    };
    let alone = || Wheel::new(NAME_2025).file(NAMED_FOR_313, &extension);
    let with_user = || alone().file("demo/x.so", &module(&[BASE], &[]));
    assert!(renamed(alone(), &|_| ()));
    assert!(!renamed(with_user(), &|_| ()));
    assert!(renamed(with_user(), &|options| options.module.remove_needed = vec![BASE.to_string()]));
    let other = || alone().file("demo/x.so", &module(&[], &["f"]));
    assert!(!renamed(other(), &|options| options.module.add_needed = vec![BASE.to_string()]));
    // A library that is grafted needs it.
    let libraries = tempfile::tempdir().unwrap();
    std::fs::write(libraries.path().join("libx.so"), module(&[BASE], &["x"])).unwrap();
    let needs_library = || alone().file("demo/x.so", &module(&["libx.so"], &["f"]));
    assert!(renamed(needs_library(), &|_| ()));
    assert!(!renamed(needs_library(), &|options| options.libdirs = vec![libraries.path().to_path_buf()]));
}

/// An extension module that uses a symbol of Python outside of the stable ABI.
fn private_extension() -> Vec<u8> {
    let text = r#"(module (@dylink.0 (mem-info (memory 0 0) (table 0 0))) (import "env" "_PyLong_AsByteArray" (func))
        (func (export "PyInit_ext") (result i32) i32.const 0))"#;
    wat::parse_str(text).unwrap()
}

#[test]
fn a_wheel_outside_of_the_stable_abi_stays_with_its_python() {
    let wheel = |name: &str| Wheel::new(name).file("demo/ext.abi3.so", &private_extension()).build();
    let error = fail(NAME_2025, &wheel(NAME_2025), &options_2026(false));
    let message = format!("{error:#}");
    assert!(is_refused(&error) && message.contains("`demo/ext.abi3.so` uses `_PyLong_AsByteArray`, which"), "{message}");
    assert!(message.contains("and was built for Python 3.13, not for Python 3.14: "), "{message}");
    assert!(message.contains("`--allow-python-mismatch`"), "{message}");
    // One wheel for both is no better, wherever the user begins.
    assert!(is_refused(&fail(NAME_2025, &wheel(NAME_2025), &options_2026(true))));
    let allowed = run(NAME_2025, &wheel(NAME_2025), &WheelOptions { allow_python_mismatch: true, ..options_2026(false) });
    assert!(allowed.notices[0].message.contains("most likely it was compiled for one version"), "{:?}", allowed.notices);
    // It is built for this Python, and says so of that one.
    assert_eq!(run(NAME_2025, &wheel(NAME_2025), &options()).notices, []);
    let both = "demo-1.0-cp312-abi3-pyemscripten_2025_0_wasm32.pyemscripten_2026_0_wasm32.whl";
    run(both, &wheel(both), &options_2026(false));
}

#[test]
fn older_platform_tags_tell_of_another_python_too() {
    let refused = |platform: &str, options: &WheelOptions| {
        let name = format!("demo-1.0-cp312-abi3-{platform}.whl");
        let input = Wheel::new(&name).file("demo/ext.abi3.so", &private_extension()).build();
        let result = upgrade_archive(&name, &input, options, &upgrade);
        result.err().map(|error| format!("{error:#}"))
    };
    let built_for = |platform: &str, options: &WheelOptions, python: &str| {
        let message = refused(platform, options).unwrap_or_default();
        assert!(message.contains(&format!("was built for {python}, not for Python 3.1")), "{platform}: {message}");
    };
    built_for("emscripten_3_1_58_wasm32", &options(), "Python 3.12");
    built_for("emscripten_4_0_9_wasm32", &options_2026(false), "Python 3.13");
    for unknown in ["pyodide_2023_0_wasm32", "emscripten_9_9_9_wasm32", "emscripten_3_1_46_wasm32.any"] {
        built_for(unknown, &options(), "another Python");
    }
    built_for("pyodide_2023_0_wasm32.pyodide_2024_0_wasm32", &options(), "Python 3.12");
    for right in ["emscripten_4_0_9_wasm32", "pyodide_2023_0_wasm32.pyodide_2025_0_wasm32", "any"] {
        assert_eq!(refused(right, &options()), None, "{right}");
    }
}

#[test]
fn one_wheel_may_be_for_several_targets() {
    let extension = upgraded(&module(&[], &["PyInit_ext"]));
    let input = Wheel::new(NAME_2025).file(NAMED_FOR_313, &extension).build();
    let result = run(NAME_2025, &input, &options_2026(true));
    let platforms = "pyemscripten_2025_0_wasm32.pyemscripten_2026_0_wasm32.pyodide_2025_0_wasm32";
    assert_eq!(result.file_name, format!("demo-1.0-cp312-abi3-{platforms}.whl"));
    let after = entries(&result.bytes);
    assert_eq!(text(&after, "demo-1.0.dist-info/WHEEL").matches("Tag: ").count(), 3);
    assert_eq!(after[0].name, "demo/ext.abi3.so", "one of the Pythons would not import it");
    // It is for each of them, so nothing is to be done for one of them, and nothing is made older.
    for options in [options(), options_2026(false), options_2026(true)] {
        let again = run(&result.file_name, &result.bytes, &options);
        assert!(!again.changed, "{:?}: {}", options.platform_tags, again.file_name);
    }
}

#[test]
fn a_wheel_for_several_platforms_is_for_the_target_alone_once_a_module_changes() {
    let name = "demo-1.0-cp312-abi3-pyemscripten_2025_0_wasm32.pyemscripten_2026_0_wasm32.pyodide_2025_0_wasm32.whl";
    let result = run(name, &single(name, &module(&[], &[])), &options_2026(false));
    assert_eq!(result.file_name, NAME_2026);
    // Another spelling of the target is no other platform.
    let both = "demo-1.0-cp312-abi3-pyemscripten_2025_0_wasm32.pyodide_2025_0_wasm32.whl";
    let legacy = WheelOptions { platform_tags: vec!["pyodide_2025_0_wasm32".to_string()], keep_spelling: false, ..options() };
    let result = run(both, &single(both, &upgraded(&module(&[], &[]))), &legacy);
    assert_eq!(result.file_name, "demo-1.0-cp312-abi3-pyodide_2025_0_wasm32.whl");
}

#[test]
fn a_wheel_for_the_target_keeps_the_spelling_of_its_tags() {
    let [done, left] = [upgraded(&module(&[], &[])), module(&[], &[])];
    for platforms in ["pyodide_2025_0_wasm32", "pyemscripten_2025_0_wasm32", "emscripten_4_0_9_wasm32"] {
        let name = format!("demo-1.0-cp312-abi3-{platforms}.whl");
        let result = run(&name, &single(&name, &done), &options());
        assert_eq!((result.changed, &result.file_name), (false, &name));
        let result = run(&name, &single(&name, &left), &options());
        assert_eq!((result.changed, &result.file_name), (true, &name));
        let asked = run(&name, &single(&name, &done), &WheelOptions { keep_spelling: false, ..options() });
        assert_eq!(asked.file_name, "demo-1.0-cp312-abi3-pyemscripten_2025_0_wasm32.pyodide_2025_0_wasm32.whl");
    }
}
