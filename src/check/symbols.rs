//! Symbols that nobody offers, or that are something else than the module expects.
//!
//! **Relies on** `loadWebAssemblyModule`, `resolveSymbol` and `reportUndefinedSymbols` of Emscripten's `libdylink.js`, versions 3.1.58,
//! 4.0.9 and 5.0.3, as Pyodide has them.

use super::{Context, Finding, Place, Siblings};
use crate::codes::symbols::{
    LIBRARY_TYPE_MISMATCH, NEVER_OFFERED, SUBSTITUTED_FUNCTION, UNKNOWN_SYMBOL, code_of, sentence, type_text,
};
use crate::origin::Origin;
use crate::target::{self, Target};
use std::cell::LazyCell;
use std::collections::HashSet;
use wasm_pyfix_passes::module::{Import, Item, Module};
use wasm_pyfix_passes::substitutes::Substitutable;
use wasm_pyfix_passes::symbols::{Problem, Unbound};

/// Turns `unbound` imports into findings.
pub fn check<'m>(
    module: &Module<'m>,
    context: &Context<'_>,
    unbound: &[Unbound<'_, 'm>],
    place: &Place,
    findings: &mut Vec<Finding>,
) {
    let origin = LazyCell::new(|| Origin::new(module, context.sources, !context.target.has_wheels()));
    let substitutable = Substitutable::of(module);
    for Unbound { import, problem } in unbound {
        let name = &*import.field;
        let offered = context.environment.symbols.get(name).map(|offer| &offer.item);
        let target = context.target.name;
        let of_runtime = || target::is_of_runtime(name, module);
        let (code, message) = match problem {
            Problem::Function if substitutable.has(import) => {
                (&SUBSTITUTED_FUNCTION, format!("calls `{name}`, which {target} does not have"))
            }
            Problem::Function | Problem::Address if !of_runtime() => {
                let what = if *problem == Problem::Function { "calls" } else { "takes the address of" };
                (&UNKNOWN_SYMBOL, format!("{what} `{name}`, which nobody at hand offers"))
            }
            Problem::Function if origin.lacked(name) => {
                (&NEVER_OFFERED, format!("calls `{name}`, which {target} does not have, {}", origin.describe(target)))
            }
            problem => (code_of(*problem), sentence(import, *problem, offered, module, target)),
        };
        findings.push(Finding::new(code, place, message).about(name).preventing(runtime_says(context.target, import, *problem)));
    }
}

/// Checks the functions that only other libraries offer against their types.
pub fn check_libraries(
    module: &Module<'_>,
    context: &Context<'_>,
    siblings: &Siblings<'_>,
    place: &Place,
    findings: &mut Vec<Finding>,
) {
    let own: HashSet<&str> = module.exports().iter().map(|export| &*export.name).collect();
    for import in module.imports().iter().filter(|import| import.module == "env") {
        let Item::Function(id) = import.item else { continue };
        let name = &*import.field;
        if context.environment.offers_function(name) || own.contains(name) {
            continue;
        }
        let Some(theirs) = siblings.functions.get(name) else { continue };
        if theirs.all.contains(module.signature(id)) {
            continue;
        }
        let message = format!(
            "imports `{name}` as {}, which is {} in the library that offers it",
            type_text(module.signature(id)),
            type_text(&theirs.first)
        );
        findings.push(Finding::new(&LIBRARY_TYPE_MISMATCH, place, message).about(name));
    }
}

/// What the runtimes of `target` say about an import that has this problem.
pub fn runtime_says(target: &Target, import: &Import<'_>, problem: Problem) -> String {
    let name = &import.field;
    match problem {
        Problem::Function => format!("Error: Dynamic linking error: cannot resolve symbol {name}"),
        Problem::Address if target.names_undefined_symbols() => format!("Error: Dynamic linking error: undefined symbol '{name}'"),
        Problem::Address => format!("Error: bad export type for '{name}': undefined"),
        Problem::Unaddressable => "TypeError: Cannot read properties of undefined".to_string(),
        Problem::Global => link_error(import, "global import must be a number, valid Wasm reference, or WebAssembly.Global object"),
        Problem::Tag => link_error(import, "tag import requires a WebAssembly.Tag"),
        Problem::Kind => link_error(
            import,
            match import.item {
                Item::Function(_) => "function import requires a callable",
                Item::Tag(_) => "tag import requires a WebAssembly.Tag",
                _ => "global import must be a number, valid Wasm reference, or WebAssembly.Global object",
            },
        ),
        Problem::Type => link_error(
            import,
            match import.item {
                Item::Tag(_) => "imported tag does not match the expected type",
                Item::Global(_) => "imported global does not match the expected …",
                _ => "imported function does not match the expected type",
            },
        ),
    }
}

/// As V8 words it; which of its words stand around the name depends on its version.
fn link_error(import: &Import<'_>, problem: &str) -> String {
    format!("LinkError: WebAssembly.Instance(): Import …\"{}\"…: {problem}", import.field)
}
