//! Modules that a program loads for one function, and that serve nobody else.
//!
//! An extension module of Python is one: its `PyInit_` function, or one like it, is looked up, and nothing else. A grammar of tree-sitter
//! is another: web-tree-sitter loads it with names of its own, looks for the one function `tree_sitter_LANGUAGE` and reaches all else from
//! what that returns (`Language.load`). Nobody else defines what such a module defines for itself.

use wasm_pyfix_passes::linking::python::is_extension;
use wasm_pyfix_passes::module::{Item, Module};
use wasmparser::ValType;

/// Whether `module` is a grammar of tree-sitter by its exports: one function of a language, which takes nothing and returns an address, and
/// no library is needed.
pub fn is_grammar(module: &Module<'_>) -> bool {
    let languages = module.exports().iter().filter(|export| {
        let language = export.name.strip_prefix("tree_sitter_");
        language.is_some_and(|language| !language.contains("external_scanner_"))
    });
    let mut languages = languages.map(|export| match export.item {
        Item::Function(id) => module.signature(id).params().is_empty() && *module.signature(id).results() == [ValType::I32],
        _ => false,
    });
    languages.next() == Some(true) && languages.next().is_none() && module.dylink.needed.is_empty() && !is_extension(module)
}
