//! What the platform in a wheel's file name means for the result.

use super::support::*;

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
    assert_eq!(result.file_name, format!("demo-1.0-py3-none-{TARGET}.whl"));
}

/// A side module that imports functions.
fn importing(imports: &[&str]) -> Vec<u8> {
    let imports: String = imports.iter().map(|name| format!("(import \"env\" \"{name}\" (func))")).collect();
    wat::parse_str(format!("(module (@dylink.0 (mem-info (memory 0 0) (table 0 0))) {imports})")).unwrap()
}

/// The notices about structs for a module in an archive called `name`.
fn about_structs(name: &str, module: &[u8]) -> Vec<String> {
    let mut notices = run(name, &single(name, module), &options()).notices;
    notices.retain(|notice| notice.contains("struct"));
    notices
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
