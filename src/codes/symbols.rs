//! Symbols.

use super::{Code, Severity, Upgrade};
use wasm_pyfix_passes::Item as Offered;
use wasm_pyfix_passes::module::{Import, Item, Module};
use wasm_pyfix_passes::symbols::Problem;
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

/// What a module does with symbols, `names`, that `target` does not have as it must.
pub fn listed(problem: Problem, names: &str, target: &str) -> String {
    match problem {
        Problem::Function => format!("calls {names}, which {target} does not have"),
        Problem::Address => format!("takes the address of {names}, which {target} does not have"),
        Problem::Unaddressable => format!("takes the address of {names}, which {target} has in JavaScript, without a signature"),
        Problem::Global => format!("imports the global {names}, which {target} does not have"),
        Problem::Tag => format!("imports the tag {names}, which {target} does not have"),
        Problem::Kind => format!("imports {names} as something else than {target} has"),
        Problem::Type => format!("imports {names} with another type than it has on {target}"),
    }
}

/// The same of one import of `module`, which `target` has as `offered`.
pub fn sentence(import: &Import<'_>, problem: Problem, offered: Option<&Offered>, module: &Module<'_>, target: &str) -> String {
    let name = &import.field;
    match (problem, import.item, offered) {
        (Problem::Kind, _, Some(offered)) => {
            format!("imports `{name}` as {}, which is {} on {target}", kind(import), kind_of(offered))
        }
        (Problem::Type, Item::Function(id), Some(Offered::Function(Some(ty)))) => {
            format!("imports `{name}` as {}, which is {} on {target}", type_text(module.signature(id)), type_text(ty))
        }
        _ => listed(problem, &format!("`{name}`"), target),
    }
}

/// What an import is.
fn kind(import: &Import<'_>) -> &'static str {
    match import.item {
        Item::Function(_) => "a function",
        Item::Global(_) => "a global",
        Item::Tag(_) => "a tag",
        Item::Table(_) => "a table",
        Item::Memory(_) => "a memory",
    }
}

/// What the runtime has under a name.
pub fn kind_of(offered: &Offered) -> &'static str {
    match offered {
        Offered::Function(_) => "a function",
        Offered::Data => "data",
        Offered::Global { .. } => "a global",
        Offered::Tag(_) => "a tag",
        Offered::Table => "a table",
        Offered::Memory => "a memory",
        Offered::Unknown => "something unknown",
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
