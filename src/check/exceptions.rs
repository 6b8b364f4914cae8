//! Which exception ABI a module is built for, and whether the target and its engines have it.

use super::symbols::runtime_says;
use super::{Context, Finding, Place, Siblings};
use crate::codes::Upgrade;
use crate::codes::exceptions::{JAVASCRIPT_EXCEPTIONS, MIXED_EXCEPTIONS, MIXED_HANDLERS, NATIVE_EXCEPTIONS, NEW_EXCEPTIONS};
use std::collections::BTreeSet;
use wasm_pyfix_passes::exceptions::personality::WHOLE;
use wasm_pyfix_passes::handlers::{self, Kind};
use wasm_pyfix_passes::module::{Item, Module};
use wasm_pyfix_passes::symbols::{Problem, Unbound};
use wasm_pyfix_passes::{ExceptionAbi, Result, exceptions};

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
        findings.extend(new_handlers(module, handlers.legacy, context, place)?);
    }
    Ok(())
}

/// The finding for a module with the new exception instructions, and with `legacy` ones if it has those, too. Engines of a runtime that has
/// the new ones itself know these.
fn new_handlers(module: &Module<'_>, legacy: bool, context: &Context<'_>, place: &Place) -> Result<Option<Finding>> {
    let wanted = context.target.handlers;
    let (code, message) = match (legacy, wanted) {
        (false, Some(Kind::Exnref)) => return Ok(None),
        (false, _) => (&NEW_EXCEPTIONS, "has `try_table` or `throw_ref`, which engines such as Node 20 do not know"),
        (true, Some(Kind::Exnref)) => (&MIXED_HANDLERS, "has both `try` and `try_table`, of which engines take one kind"),
        (true, _) => (&MIXED_HANDLERS, "has both `try` and `try_table`, and engines such as Node 20 do not know the latter"),
    };
    let mut finding = Finding::new(code, place, message).preventing("CompileError: WebAssembly.Module(): …");
    let stays = match wanted {
        None => true,
        Some(kind) => handlers::obstacle(module, kind)?.is_some(),
    };
    if stays {
        finding.upgrade = Upgrade::Leaves;
    }
    Ok(Some(finding))
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
