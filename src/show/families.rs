//! To whom a symbol belongs, told by its name alone: a help for readers, on which nothing is built.

use wasm_pyfix_passes::linking::python::is_entry;

/// A family: its name in the JSON form, its name in text, and which symbols belong to it.
pub struct Family {
    pub name: &'static str,
    pub title: &'static str,
    belongs: fn(&str) -> bool,
}

/// The first family that a symbol belongs to is its family; the last one takes all.
pub static FAMILIES: [Family; 13] = [
    Family { name: "linking", title: "linking and loading", belongs: is_linking },
    Family { name: "init", title: "PyInit_*", belongs: is_entry },
    Family { name: "python", title: "Python", belongs: |name| ["Py", "_Py", "__Py"].iter().any(|prefix| name.starts_with(prefix)) },
    Family { name: "invoke", title: "invoke_*", belongs: |name| name.starts_with("invoke_") },
    Family { name: "dyncall", title: "dynCall_*", belongs: |name| name.starts_with("dynCall_") },
    Family { name: "original", title: "orig$*", belongs: |name| name.starts_with("orig$") },
    Family { name: "longjmp", title: "setjmp and longjmp", belongs: is_longjmp },
    Family { name: "exceptions", title: "exceptions", belongs: is_exceptions },
    Family { name: "cxx_std", title: "C++ standard library", belongs: is_standard },
    Family { name: "rust", title: "Rust", belongs: is_rust },
    Family { name: "cxx", title: "C++", belongs: |name| name.starts_with("_Z") },
    Family { name: "emscripten", title: "Emscripten", belongs: is_emscripten },
    Family { name: "other", title: "others", belongs: |_| true },
];

/// The family of the symbol `name`.
pub fn family(name: &str) -> &'static Family {
    let found = FAMILIES.iter().find(|family| (family.belongs)(name));
    found.unwrap_or(&FAMILIES[FAMILIES.len() - 1])
}

/// What the conventions of dynamic linking and of Emscripten's loader prescribe.
fn is_linking(name: &str) -> bool {
    const NAMES: [&str; 12] = [
        "memory",
        "__indirect_function_table",
        "__memory_base",
        "__table_base",
        "__stack_pointer",
        "__wasm_call_ctors",
        "__wasm_apply_data_relocs",
        "__wasm_apply_tls_relocs",
        "__wasm_apply_global_relocs",
        "__dso_handle",
        "__start_em_asm",
        "__stop_em_asm",
    ];
    NAMES.contains(&name) || name.starts_with("__em_js__")
}

fn is_longjmp(name: &str) -> bool {
    const NAMES: [&str; 8] = [
        "emscripten_longjmp",
        "saveSetjmp",
        "testSetjmp",
        "__wasm_setjmp",
        "__wasm_setjmp_test",
        "__wasm_longjmp",
        "__c_longjmp",
        "longjmp",
    ];
    NAMES.contains(&name)
}

fn is_exceptions(name: &str) -> bool {
    const NAMES: [&str; 11] = [
        "__cpp_exception",
        "__resumeException",
        "llvm_eh_typeid_for",
        "__THREW__",
        "__threwValue",
        "setThrew",
        "getTempRet0",
        "setTempRet0",
        "__wasm_lpad_context",
        "__gxx_personality_v0",
        "__gxx_personality_wasm0",
    ];
    NAMES.contains(&name) || ["__cxa_", "_Unwind_"].iter().any(|prefix| name.starts_with(prefix))
}

/// Mangled by the Itanium C++ ABI, and the outermost scope is `std`, or it is one of its operators.
fn is_standard(name: &str) -> bool {
    const OPERATORS: [&str; 4] = ["_Znw", "_Zna", "_Zdl", "_Zda"];
    let Some(mut rest) = name.strip_prefix("_Z") else { return false };
    for prefix in ["TV", "TI", "TS", "TT", "GV"] {
        rest = rest.strip_prefix(prefix).unwrap_or(rest);
    }
    let rest = rest.strip_prefix('N').unwrap_or(rest).trim_start_matches(['V', 'K', 'R', 'O']);
    rest.starts_with("St") || OPERATORS.iter().any(|operator| name.starts_with(operator))
}

/// Rust's mangling: `_R…`, or the older one, which is C++'s with a hash of 16 digits at the end.
fn is_rust(name: &str) -> bool {
    let hash = |rest: &str| rest.len() == 17 && rest.ends_with('E') && rest[..16].bytes().all(|byte| byte.is_ascii_hexdigit());
    name.starts_with("_R") || (name.starts_with("_ZN") && name.rsplit_once("17h").is_some_and(|(_, rest)| hash(rest)))
}

fn is_emscripten(name: &str) -> bool {
    ["emscripten_", "_emscripten_", "__syscall_", "fd_", "environ_", "proc_"].iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_have_families() {
        for (symbol, expected) in [
            ("PyInit_x", "init"),
            ("PyLong_FromLong", "python"),
            ("_PyObject_New", "python"),
            ("invoke_vii", "invoke"),
            ("emscripten_longjmp", "longjmp"),
            ("emscripten_get_now", "emscripten"),
            ("__cxa_throw", "exceptions"),
            ("_ZNSt3__26vectorIiNS_9allocatorIiEEE9push_backEOi", "cxx_std"),
            ("_ZTVN10__cxxabiv117__class_type_infoE", "cxx"),
            ("_ZdlPvm", "cxx_std"),
            ("_ZN5mupdf7FzStextC1Ev", "cxx"),
            ("_ZN4core3fmt5write17h0123456789abcdefE", "rust"),
            ("_RNvC3foo3bar", "rust"),
            ("__memory_base", "linking"),
            ("memcpy", "other"),
        ] {
            assert_eq!(family(symbol).name, expected, "{symbol}");
        }
    }
}
