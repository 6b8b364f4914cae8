//! Which exception ABI a module is built for, and whether the target and its engines have it.

use super::codes::{Code, Severity, Upgrade};
use super::symbols::runtime_says;
use super::thrown::NEVER_CAUGHT;
use super::{Context, Finding, Place, Siblings};
use std::collections::BTreeSet;
use wasm_pyfix_passes::exceptions::personality::WHOLE;
use wasm_pyfix_passes::module::{Item, Module};
use wasm_pyfix_passes::symbols::{Problem, Unbound};
use wasm_pyfix_passes::{ExceptionAbi, Result, exceptions};

pub static JAVASCRIPT_EXCEPTIONS: Code = Code {
    name: "javascript-exceptions",
    severity: Severity::Error,
    summary: "exceptions are implemented in JavaScript, and the target's are native",
    explanation: "The module was compiled with `-fexceptions`, or with the `setjmp` of that time, or by Rust before 1.93: exceptions and \
                  `longjmp` go through functions of JavaScript such as `invoke_vi`. Platforms since 2025_0 do not have them. Where an \
                  address is taken the module does not load (`Error: bad export type for 'emscripten_longjmp': undefined`, on 2026_0 \
                  `Error: Dynamic linking error: undefined symbol 'emscripten_longjmp'`). Otherwise it loads, and the first call ends \
                  the whole runtime: `Error: Dynamic linking error: cannot resolve symbol invoke_vi`.",
    remedy: "compile all of it with `-fwasm-exceptions -sSUPPORT_LONGJMP=wasm`",
    upgrade: Upgrade::Fixes,
};

pub static NATIVE_EXCEPTIONS: Code = Code {
    name: "native-exceptions",
    severity: Severity::Error,
    summary: "exceptions are native, and the target implements them in JavaScript",
    explanation: "The module was compiled with `-fwasm-exceptions`, for 2025_0 or later. Runtimes of 2024_0, and those that \
                  `emscripten-legacy` stands for, have no tag for native exceptions: `LinkError: WebAssembly.Instance(): Import … \
                  \"__cpp_exception\": tag import requires a WebAssembly.Tag`.",
    remedy: "run it on Pyodide 0.28 or later, or compile it with `-fexceptions`",
    upgrade: Upgrade::Refuses,
};

pub static MIXED_EXCEPTIONS: Code = Code {
    name: "mixed-exceptions",
    severity: Severity::Error,
    summary: "the module mixes native exceptions and those of JavaScript",
    explanation: "Some of its objects were compiled with `-fexceptions` and others with `-fwasm-exceptions`; a Rust standard library \
                  older than 1.93 in a module that is otherwise native does that, too. One half of it fails on every platform, as \
                  [javascript-exceptions](#javascript-exceptions) and [native-exceptions](#native-exceptions) say.",
    remedy: "compile all objects with `-fwasm-exceptions`",
    upgrade: Upgrade::Fixes,
};

pub static NEW_EXCEPTIONS: Code = Code {
    name: "new-exceptions",
    severity: Severity::Warning,
    summary: "the module has the new exception instructions, which older engines do not know",
    explanation: "`try_table` and `throw_ref` replaced the legacy instructions in the standard. Pyodide runs on engines that know only \
                  the legacy ones, such as Node 20 and 22 without a switch, and these do not compile the module: `CompileError: \
                  WebAssembly.Module(): …`.",
    remedy: "compile it with `-sWASM_LEGACY_EXCEPTIONS`, the default of Emscripten",
    upgrade: Upgrade::Leaves,
};

pub static MIXED_HANDLERS: Code = Code {
    name: "mixed-handlers",
    severity: Severity::Warning,
    summary: "the module has legacy and new exception instructions",
    explanation: "Some of its objects have the legacy exception instructions (`try`) and others the new ones (`try_table`). Engines that \
                  know only the legacy ones do not compile it, as [new-exceptions](#new-exceptions) says; of those that know both, some \
                  refuse a module that mixes them.",
    remedy: "compile all objects with the same `-sWASM_LEGACY_EXCEPTIONS`",
    upgrade: Upgrade::Leaves,
};

pub static CODES: [&Code; 6] =
    [&JAVASCRIPT_EXCEPTIONS, &NATIVE_EXCEPTIONS, &MIXED_EXCEPTIONS, &NEW_EXCEPTIONS, &MIXED_HANDLERS, &NEVER_CAUGHT];

/// Tags and functions that only runtimes with native exceptions have.
const NATIVE: [&str; 6] = {
    let [first, second] = WHOLE;
    ["__cpp_exception", "__c_longjmp", "__wasm_longjmp", "__wasm_lpad_context", first, second]
};

/// Checks a module, of whose imports `unbound` cannot be bound; those that belong to exceptions are taken out of them.
pub fn check<'m>(
    module: &Module<'m>,
    context: &Context<'_>,
    siblings: &Siblings<'_>,
    unbound: &mut Vec<Unbound<'_, 'm>>,
    place: &Place,
    findings: &mut Vec<Finding>,
) -> Result<()> {
    let javascript = exceptions::javascript_imports(module, &siblings.exports);
    let native = native_imports(module);
    let handlers = exceptions::handlers(module)?;
    let native_target = exception_abi(context) == ExceptionAbi::Native;
    let foreign = if native_target { &javascript } else { &native };
    let mixed = !javascript.is_empty() && (!native.is_empty() || handlers.legacy || handlers.new);
    let code = match (mixed, native_target) {
        (true, _) => &MIXED_EXCEPTIONS,
        (false, true) => &JAVASCRIPT_EXCEPTIONS,
        (false, false) => &NATIVE_EXCEPTIONS,
    };
    // An import may stand there twice: to be called, and for its address. What keeps the module from loading counts.
    let mut problems: Vec<Unbound<'_, 'm>> = unbound.extract_if(.., |unbound| foreign.contains(&*unbound.import.field)).collect();
    problems.sort_by(|a, b| (&a.import.field, b.problem).cmp(&(&b.import.field, a.problem)));
    problems.dedup_by(|a, b| a.import.field == b.import.field);
    problems.sort_by_key(|unbound| std::cmp::Reverse(unbound.problem));
    for Unbound { import, problem } in problems {
        let kind = if native_target { "exceptions in JavaScript" } else { "native exceptions" };
        let name = &import.field;
        let message = format!("imports `{name}` for {kind}, which {} does not have", context.target.name);
        let mut finding = Finding::new(code, place, message).about(name);
        if !native_target {
            finding.upgrade = Upgrade::Refuses;
        }
        findings.push(finding.preventing(runtime_says(context.target, import, problem)));
    }
    if handlers.new {
        let (code, message) = match handlers.legacy {
            true => (&MIXED_HANDLERS, "has both `try` and `try_table`, and engines such as Node 20 do not know the latter"),
            false => (&NEW_EXCEPTIONS, "has `try_table` or `throw_ref`, which engines such as Node 20 do not know"),
        };
        findings.push(Finding::new(code, place, message).preventing("CompileError: WebAssembly.Module(): …"));
    }
    Ok(())
}

/// The exception ABI of the runtime: as it shows, or else as that of the target.
fn exception_abi(context: &Context<'_>) -> ExceptionAbi {
    context.environment.exception_abi().unwrap_or(context.target.exception_abi)
}

/// The imports for native exceptions that a runtime with those of JavaScript lacks, where nobody knows all that it offers.
pub fn unbound_native<'m, 'a>(module: &'m Module<'a>, context: &Context<'_>) -> Vec<Unbound<'m, 'a>> {
    if exception_abi(context) == ExceptionAbi::Native {
        return Vec::new();
    }
    let native = native_imports(module);
    let lacking = module.imports().iter().filter(|import| native.contains(&*import.field));
    let lacking = lacking.filter(|import| !context.environment.may_define(&import.field));
    let problem = |item: Item| match item {
        Item::Tag(_) => Problem::Tag,
        Item::Function(_) => Problem::Function,
        _ => Problem::Address,
    };
    lacking.map(|import| Unbound { import, problem: problem(import.item) }).collect()
}

/// Names of the imports that only runtimes with native exceptions have.
fn native_imports(module: &Module<'_>) -> BTreeSet<String> {
    let native = module
        .imports()
        .iter()
        .filter(|import| NATIVE.contains(&&*import.field) && !matches!(import.item, Item::Table(_) | Item::Memory(_)));
    native.map(|import| import.field.to_string()).collect()
}
