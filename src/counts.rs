//! The words for what passes count. Their keys are an interface, these are for people.

use std::borrow::Cow;

/// The key, and what it means for one and for several.
const WORDS: [(&str, &str, &str); 55] = [
    ("bytes_of_padding_removed", "byte of padding removed", "bytes of padding removed"),
    ("bytes_of_zeros_removed", "byte of zeros removed", "bytes of zeros removed"),
    ("call_sites", "call site", "call sites"),
    ("call_sites_direct", "call site with a direct call", "call sites with a direct call"),
    ("call_sites_inlined", "call site inlined", "call sites inlined"),
    ("call_sites_letting_pass", "call site that lets pass what it threw on", "call sites that let pass what they threw on"),
    ("call_sites_not_throwing", "call site that cannot throw", "call sites that cannot throw"),
    ("call_sites_without_test", "call site without a test", "call sites without a test"),
    ("calls_adapted", "call of a function of another type adapted", "calls of functions of another type adapted"),
    ("custom_sections_removed", "custom section removed", "custom sections removed"),
    ("data_addresses_bound", "address of data", "addresses of data"),
    ("data_segments_moved", "data segment moved to `__memory_base`", "data segments moved to `__memory_base`"),
    ("dyncall_exports_added", "dynCall export added", "dynCall exports added"),
    ("dyncall_exports_dropped", "dynCall export dropped", "dynCall exports dropped"),
    ("exports_removed", "export removed", "exports removed"),
    ("exports_restored", "export restored", "exports restored"),
    ("function_addresses", "address of such a function", "addresses of such functions"),
    ("function_addresses_bound", "address of a function", "addresses of functions"),
    ("functions_called_directly", "function called without the loader's help", "functions called without the loader's help"),
    ("functions_merged", "function merged", "functions merged"),
    ("functions_moved", "function moved", "functions moved"),
    (
        "functions_put_in",
        "function that the runtime lacks put into the module",
        "functions that the runtime lacks put into the module",
    ),
    ("functions_removed", "function removed", "functions removed"),
    ("functions_with_try", "function whose handlers became `try`", "functions whose handlers became `try`"),
    ("functions_with_try_table", "function whose handlers became `try_table`", "functions whose handlers became `try_table`"),
    ("globals_removed", "global removed", "globals removed"),
    ("globals_replaced", "address in place of a global", "addresses in place of globals"),
    ("globals_set_at_start", "global set by the start function", "globals set by the start function"),
    ("imports_removed", "import removed", "imports removed"),
    ("imports_renamed", "import renamed", "imports renamed"),
    ("imports_restored", "import restored", "imports restored"),
    ("indirect_calls_made_direct", "indirect call made direct", "indirect calls made direct"),
    ("invoke_wrappers", "invoke wrapper", "invoke wrappers"),
    ("javascript_abi_functions", "other function of the JavaScript ABI", "other functions of the JavaScript ABI"),
    ("landing_pad_routines", "landing pad routine", "landing pad routines"),
    ("legacy_sections_converted", "legacy section converted", "legacy sections converted"),
    ("legacy_setjmp_routines", "legacy setjmp routine", "legacy setjmp routines"),
    ("longjmp_imports_renamed", "longjmp import renamed", "longjmp imports renamed"),
    ("memory_sizes_corrected", "memory size corrected", "memory sizes corrected"),
    ("needed_lists_changed", "list of needed libraries changed", "lists of needed libraries changed"),
    ("pointers_adapted", "function pointer of another type adapted", "function pointers of other types adapted"),
    ("references_isolated", "reference by such a name", "references by such names"),
    ("references_through_tables", "reference through a table", "references through tables"),
    ("relocations_moved", "relocation moved into a table", "relocations moved into a table"),
    ("runtime_paths_set", "runtime path set", "runtime paths set"),
    ("sections_made_canonical", "section put into canonical form", "sections put into canonical form"),
    ("symbols_in_tables", "symbol in a table", "symbols in tables"),
    ("symbols_isolated", "symbol with a name of its own", "symbols with names of their own"),
    ("table_sizes_corrected", "table size corrected", "table sizes corrected"),
    ("table_slots_freed", "table slot freed", "table slots freed"),
    ("tags_removed", "tag removed", "tags removed"),
    ("temp_ret0_imports_made_private", "import of tempRet0 made private", "imports of tempRet0 made private"),
    ("types_removed", "type removed", "types removed"),
    ("uncalled_imports_removed", "import that nobody calls removed", "imports that nobody calls removed"),
    ("weak_addresses_cleared", "weak address that nobody offers set to 0", "weak addresses that nobody offers set to 0"),
];

/// What was counted under `key`, behind the number `count`.
pub fn words(key: &str, count: usize) -> Cow<'static, str> {
    let known = WORDS.iter().find(|(known, ..)| *known == key);
    debug_assert!(known.is_some(), "there are no words for `{key}`");
    match known {
        Some((_, one, several)) => Cow::Borrowed(if count == 1 { one } else { several }),
        None => Cow::Owned(key.replace('_', " ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_several() {
        assert_eq!([0, 1, 2].map(|count| words("call_sites", count)), ["call sites", "call site", "call sites"]);
    }

    #[test]
    fn keys_are_unique_and_plain() {
        for pair in WORDS.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{pair:?}");
        }
        for (key, one, several) in WORDS {
            assert!(key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'), "{key}");
            assert_ne!(one, several);
        }
    }
}
