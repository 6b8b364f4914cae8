//! Symbols that nobody offers, or that are something else than the module expects.
//!
//! **Relies on** `loadWebAssemblyModule`, `resolveSymbol` and `reportUndefinedSymbols` of Emscripten's `libdylink.js`, versions 3.1.58,
//! 4.0.9 and 5.0.3, as Pyodide has them.

use super::codes::{Code, Severity, Upgrade};
use super::{Context, Finding, Place, Siblings};
use crate::target::origin::Origin;
use crate::target::{self, Target};
use std::cell::LazyCell;
use std::collections::HashSet;
use wasm_pyfix_passes::module::{Import, Item, Module};
use wasm_pyfix_passes::substitutes::Substitutable;
use wasm_pyfix_passes::symbols::{Problem, Unbound};
use wasmparser::{FuncType, ValType};

pub static MISSING_FUNCTION: Code = Code {
    name: "missing-function",
    severity: Severity::Error,
    summary: "the runtime lacks a function",
    explanation: "The module imports a function that only the runtime can be meant to offer, and it does not. The module loads: the \
                  loader makes a stub. The first call of it ends the whole runtime: `Error: Dynamic linking error: cannot resolve \
                  symbol …`. Functions whose import is weak may be missing.",
    remedy: "compile it for the target, or name a substitute with `wasm-pyfix upgrade --alias OLD=NEW`",
    upgrade: Upgrade::Refuses,
};

pub static NEVER_OFFERED: Code = Code {
    name: "never-offered",
    severity: Severity::Warning,
    summary: "the runtime lacks a function, and so does the one that the module was built for",
    explanation: "As with [missing-function](#missing-function), the first call ends the whole runtime. But the platform that the module \
                  was built for does not have the function either, so whoever uses the module does without it: it is called where \
                  nobody gets to, or not at all. The platform is told by the tags of a wheel, by the Python in the name of a module, \
                  or by native exceptions. Modules for an application that has its own main module (`emscripten-legacy`) are taken to \
                  come from it.",
    remedy: "compile it without what calls the function, or name a substitute with `wasm-pyfix upgrade --alias OLD=NEW`",
    upgrade: Upgrade::Leaves,
};

pub static SUBSTITUTED_FUNCTION: Code = Code {
    name: "substituted-function",
    severity: Severity::Error,
    summary: "the runtime lacks a small function that `upgrade` can put into the module",
    explanation: "The module imports a function that neither the runtime nor the libraries at hand offer, such as `_emscripten_memcpy_js` or \
                  `isalpha`. The module loads: the loader makes a stub. The first call of it ends the whole runtime: `Error: Dynamic \
                  linking error: cannot resolve symbol …`. The function needs nothing but its arguments and the memory, so the module can \
                  have one of its own.",
    remedy: "compile it for the target",
    upgrade: Upgrade::Fixes,
};

pub static MISSING_ADDRESS: Code = Code {
    name: "missing-address",
    severity: Severity::Error,
    summary: "the runtime lacks a function or data whose address is taken",
    explanation: "An entry of the global offset table has no symbol to point to. The loader finds that when the module is loaded: \
                  `Error: bad export type for '…': undefined`, on 2026_0 `Error: Dynamic linking error: undefined symbol '…'`.",
    remedy: "compile it for the target, or name a substitute with `wasm-pyfix upgrade --alias OLD=NEW`",
    upgrade: Upgrade::Refuses,
};

pub static MISSING_GLOBAL: Code = Code {
    name: "missing-global",
    severity: Severity::Error,
    summary: "the runtime lacks a global",
    explanation: "The module imports a WebAssembly global that the runtime does not have. It does not load: `LinkError: … global import \
                  must be a number, valid Wasm reference, or WebAssembly.Global object`. Globals of other libraries do not help, for \
                  they are not looked at when a module is instantiated.",
    remedy: "compile it for the target",
    upgrade: Upgrade::Refuses,
};

pub static MISSING_TAG: Code = Code {
    name: "missing-tag",
    severity: Severity::Error,
    summary: "the runtime lacks an exception tag",
    explanation: "The module imports an exception tag that the runtime does not have. It does not load: `LinkError: … tag import \
                  requires a WebAssembly.Tag`. Tags of other libraries do not help, for they are not looked at when a module is \
                  instantiated.",
    remedy: "compile it for the target",
    upgrade: Upgrade::Refuses,
};

pub static UNADDRESSABLE_FUNCTION: Code = Code {
    name: "unaddressable-function",
    severity: Severity::Error,
    summary: "the address of a function in JavaScript is taken, and its signature is not known",
    explanation: "The loader puts a function into the table when its address is taken. For one that is written in JavaScript it must \
                  know the signature, and this one has none. The module does not load.",
    remedy: "have the module call the function in a function of its own, and take the address of that",
    upgrade: Upgrade::Refuses,
};

pub static SYMBOL_TYPE_MISMATCH: Code = Code {
    name: "symbol-type-mismatch",
    severity: Severity::Error,
    summary: "a function, tag or global of the runtime has another type",
    explanation: "The runtime has the symbol, with another type than the module imports: its signature changed, as private functions \
                  of Python do, or the module defines something else under that name. It does not load: `LinkError: … imported \
                  function does not match the expected type`.",
    remedy: "compile it for the target",
    upgrade: Upgrade::Refuses,
};

pub static SYMBOL_KIND_MISMATCH: Code = Code {
    name: "symbol-kind-mismatch",
    severity: Severity::Error,
    summary: "a symbol of the runtime is of another kind",
    explanation: "The module imports a function where the runtime has data, or the like. It does not load: `LinkError: … function \
                  import requires a callable`.",
    remedy: "compile it for the target",
    upgrade: Upgrade::Refuses,
};

pub static LIBRARY_TYPE_MISMATCH: Code = Code {
    name: "library-type-mismatch",
    severity: Severity::Warning,
    summary: "a function of another library has another type",
    explanation: "The function comes from another library of the wheel, or from another input, and has another type there. Calls between \
                  libraries pass through JavaScript, which drops surplus arguments, fills in 0, and cannot turn a number into a 64-bit \
                  integer (`TypeError: Cannot convert … to a BigInt`).",
    remedy: "compile both from the same sources",
    upgrade: Upgrade::Leaves,
};

pub static UNKNOWN_SYMBOL: Code = Code {
    name: "unknown-symbol",
    severity: Severity::Warning,
    summary: "nobody at hand offers a symbol",
    explanation: "Neither the runtime nor the libraries at hand offer it, and no runtime ever did. If it is in a library that is loaded \
                  earlier, all is well. Otherwise a function ends the whole runtime when it is called (`Error: Dynamic linking error: \
                  cannot resolve symbol …`), and a missing address keeps the module from being loaded.",
    remedy: "give the library to `check`, too; if it belongs to the module, link it in or add it to the needed libraries",
    upgrade: Upgrade::Leaves,
};

pub static CODES: [&Code; 11] = [
    &MISSING_FUNCTION,
    &NEVER_OFFERED,
    &SUBSTITUTED_FUNCTION,
    &MISSING_ADDRESS,
    &MISSING_GLOBAL,
    &MISSING_TAG,
    &UNADDRESSABLE_FUNCTION,
    &SYMBOL_TYPE_MISMATCH,
    &SYMBOL_KIND_MISMATCH,
    &LIBRARY_TYPE_MISMATCH,
    &UNKNOWN_SYMBOL,
];

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
            Problem::Function => (code_of(*problem), format!("calls `{name}`, which {target} does not have")),
            Problem::Address => (code_of(*problem), format!("takes the address of `{name}`, which {target} does not have")),
            Problem::Global => (code_of(*problem), format!("imports the global `{name}`, which {target} does not have")),
            Problem::Tag => (code_of(*problem), format!("imports the tag `{name}`, which {target} does not have")),
            Problem::Unaddressable => {
                (code_of(*problem), format!("takes the address of `{name}`, which {target} has in JavaScript, without a signature"))
            }
            Problem::Kind => {
                let offered = offered.map_or("something else", kind_of);
                (code_of(*problem), format!("imports `{name}` as {}, which is {offered} on {target}", kind(import)))
            }
            Problem::Type => {
                let types = match (import.item, offered) {
                    (Item::Function(id), Some(wasm_pyfix_passes::Item::Function(Some(ty)))) => {
                        format!(" as {}, which is {} on {target}", type_text(module.signature(id)), type_text(ty))
                    }
                    _ => format!(" with another type than it has on {target}"),
                };
                (code_of(*problem), format!("imports `{name}`{types}"))
            }
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

/// The code for what is wrong with an import that only the runtime could offer.
pub fn code_of(problem: Problem) -> &'static Code {
    match problem {
        Problem::Function => &MISSING_FUNCTION,
        Problem::Address => &MISSING_ADDRESS,
        Problem::Global => &MISSING_GLOBAL,
        Problem::Tag => &MISSING_TAG,
        Problem::Unaddressable => &UNADDRESSABLE_FUNCTION,
        Problem::Kind => &SYMBOL_KIND_MISMATCH,
        Problem::Type => &SYMBOL_TYPE_MISMATCH,
    }
}

fn kind(import: &Import<'_>) -> &'static str {
    match import.item {
        Item::Function(_) => "a function",
        Item::Global(_) => "a global",
        Item::Tag(_) => "a tag",
        Item::Table(_) => "a table",
        Item::Memory(_) => "a memory",
    }
}

pub fn kind_of(item: &wasm_pyfix_passes::Item) -> &'static str {
    use wasm_pyfix_passes::Item;
    match item {
        Item::Function(_) => "a function",
        Item::Data => "data",
        Item::Global { .. } => "a global",
        Item::Tag(_) => "a tag",
        Item::Table => "a table",
        Item::Memory => "a memory",
        Item::Unknown => "something unknown",
    }
}

/// `(i32, i64) -> f64`
pub fn type_text(ty: &FuncType) -> String {
    let list = |types: &[ValType]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match ty.results() {
        [] => format!("({})", list(ty.params())),
        [result] => format!("({}) -> {result}", list(ty.params())),
        results => format!("({}) -> ({})", list(ty.params()), list(results)),
    }
}
