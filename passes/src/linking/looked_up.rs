//! Exports that are found by name from outside of all modules.

/// Whether the loader, the JavaScript library or Python looks for an export called `name`. `bigint` says that the main module passes
/// 64-bit integers whole, and so calls neither `dynCall_*` nor `orig$*`.
///
/// Sources: `libdylink.js`, `libpthread.js`, `libembind.js` and `preamble.js` of Emscripten 4.0.9, `Python/dynload_shlib.c` and
/// `importdl.c` of CPython 3.12 to 3.15.
pub fn is_looked_up(name: &str, bigint: bool) -> bool {
    const NAMES: [&str; 11] = [
        "main",
        "__main_argc_argv",
        "_start",
        "_initialize",
        "__wasm_call_ctors",
        "__wasm_start",
        "__set_stack_limits",
        "stackSave",
        "stackRestore",
        "stackAlloc",
        crate::linking::SETJMP_COUNTER,
    ];
    const PREFIXES: [&str; 9] = [
        "__wasm_apply_",
        "__wasm_init_",
        "__tls_",
        "_emscripten_",
        "emscripten_stack_",
        "__stack_",
        "__em_js__",
        "__start_em_",
        "__stop_em_",
    ];
    const WITHOUT_BIGINT: [&str; 2] = ["dynCall_", "orig$"];
    NAMES.contains(&name)
        || crate::linking::python::is_entry(name)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || (!bigint && WITHOUT_BIGINT.iter().any(|prefix| name.starts_with(prefix)))
}

#[cfg(test)]
mod tests {
    use super::is_looked_up;

    #[test]
    fn legalized_entries_matter_only_without_bigint() {
        assert!(is_looked_up("dynCall_ji", false) && !is_looked_up("dynCall_ji", true));
        assert!(is_looked_up("orig$f", false) && !is_looked_up("orig$f", true));
        assert!(is_looked_up("PyInit_x", true) && is_looked_up("__start_em_asm", true) && !is_looked_up("f", true));
    }
}
