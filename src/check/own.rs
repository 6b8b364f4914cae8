//! Symbols that a module defines itself and that the loader resolves wrongly, and weak ones that nobody offers.
//!
//! **Relies on** `GOTHandler`, `updateGOT` and `reportUndefinedSymbols` of Emscripten's `libdylink.js`, versions 4.0.9 and 5.0.3, and on
//! Pyodide loading one library at a time (`DynlibLoader`).

use super::codes::{Code, Severity, Upgrade};
use super::libraries::Linked;
use super::symbols::{kind_of, runtime_says, type_text};
use super::{Context, Exports, Finding, Place, Subject};
use crate::plugins;
use crate::wheel::complete::{Needs, complete};
use std::collections::HashSet;
use wasm_pyfix_passes::module::{Item, Module};
use wasm_pyfix_passes::resolve;
use wasm_pyfix_passes::symbols::{Problem, Unbound};
use wasm_pyfix_passes::{Provider, Reference, ReferenceKind, own_references};

pub static SYMBOL_CLASH: Code = Code {
    name: "symbol-clash",
    severity: Severity::Error,
    summary: "the runtime has something else under a name of the module",
    explanation: "The module defines a symbol and refers to it through the loader, which takes the runtime's of that name: one of another \
                  kind or type. A function that is called by its address fails with `RuntimeError: null function or function signature \
                  mismatch` or `table index is out of bounds`, one that is called by its name keeps the module from being loaded \
                  (`LinkError`), and data are read from somewhere else, without a message.",
    remedy: "rename the symbol, or hide it (`-fvisibility=hidden`, `static`)",
    upgrade: Upgrade::Fixes,
};

pub static FORGOTTEN_WEAK_SYMBOL: Code = Code {
    name: "forgotten-weak-symbol",
    severity: Severity::Error,
    summary: "the loader takes a weak symbol that nobody offers for one that must be there",
    explanation: "The module takes the address of a weak symbol, which may be missing, and needs a library. Loaders of Emscripten before \
                  4.0.15 forget which symbols are weak when they load that library on the way, and then fail: `Error: bad export type \
                  for '…': undefined`. After that no other library loads any more. Thread-local variables of other libraries have such \
                  symbols, `_ZTH…`.",
    remedy: "load the needed library before, or link without the weak reference",
    upgrade: Upgrade::Fixes,
};

pub static LOAD_RACE: Code = Code {
    name: "load-race",
    severity: Severity::Warning,
    summary: "loading it beside another module fails",
    explanation: "The module takes the addresses of symbols that it defines itself from the global offset table, which is one for all \
                  modules. While it is being compiled, they are missing there; when another module gets ready at that time, the loader \
                  finds that and fails: `Error: bad export type for '…': undefined`. Pyodide loads one library after the other. Others \
                  may not, as with `Promise.all`.",
    remedy: "load it when no other load is under way, or use `wasm-pyfix upgrade --bsymbolic` if no other module defines these symbols",
    upgrade: Upgrade::Leaves,
};

pub static CODES: [&Code; 3] = [&SYMBOL_CLASH, &FORGOTTEN_WEAK_SYMBOL, &LOAD_RACE];

/// Finds the references of a module to what it defines itself that get something else, and takes these out of `unbound`.
pub fn clashes<'m>(
    module: &'m Module<'m>,
    context: &Context<'_>,
    unbound: &mut Vec<Unbound<'m, 'm>>,
    place: &Place,
    findings: &mut Vec<Finding>,
) {
    let clashes: Vec<Reference<'_>> = resolve::clashes(module, context.environment).collect();
    if clashes.is_empty() {
        return;
    }
    let items: HashSet<Item> = clashes.iter().map(|clash| clash.import.item).collect();
    unbound.retain(|unbound| !items.contains(&unbound.import.item));
    for clash in &clashes {
        let name = &*clash.import.field;
        let Some(offer) = context.environment.symbols.get(name) else { continue };
        let target = context.target.name;
        let (own, theirs) = match (clash.own, &offer.item) {
            (Item::Function(own), wasm_pyfix_passes::Item::Function(Some(ty))) => (type_text(module.signature(own)), type_text(ty)),
            (Item::Function(_), theirs) => ("a function".to_string(), kind_of(theirs).to_string()),
            (_, theirs) => ("data".to_string(), kind_of(theirs).to_string()),
        };
        let message = format!("defines `{name}` as {own} and gets {theirs} of {target} in its place");
        let mut finding = Finding::new(&SYMBOL_CLASH, place, message).about(name);
        let is_function = matches!(offer.item, wasm_pyfix_passes::Item::Function(_));
        finding.prevents = match clash.kind {
            ReferenceKind::Call if !is_function => Some(runtime_says(context.target, clash.import, Problem::Kind)),
            ReferenceKind::Call if offer.provider == Provider::MainModule => {
                Some(runtime_says(context.target, clash.import, Problem::Type))
            }
            ReferenceKind::FunctionAddress if is_function => {
                Some("RuntimeError: null function or function signature mismatch".to_string())
            }
            ReferenceKind::FunctionAddress => Some("RuntimeError: table index is out of bounds".to_string()),
            // JavaScript takes any type, and memory has no type.
            ReferenceKind::Call | ReferenceKind::DataAddress => None,
        };
        findings.push(finding);
    }
}

/// Finds the addresses of its own symbols that a module takes from the loader, where modules may be loaded side by side.
pub fn races(module: &Module<'_>, context: &Context<'_>, place: &Place, findings: &mut Vec<Finding>) {
    if !context.side_by_side || !context.complete {
        return;
    }
    let addresses = own_references(module).filter(|reference| reference.kind != ReferenceKind::Call);
    // What the runtime offers is there from the beginning.
    let missing = addresses.filter(|reference| context.environment.item(&reference.import.field).is_none());
    let fixed = plugins::is_grammar(module);
    findings.extend(missing.map(|reference| {
        let name = &*reference.import.field;
        let message = format!("takes the address of its own `{name}` from the loader");
        let mut finding = Finding::new(&LOAD_RACE, place, message).about(name);
        finding.prevents = Some(runtime_says(context.target, reference.import, Problem::Address));
        if fixed {
            finding.upgrade = Upgrade::Fixes;
        }
        finding
    }));
}

/// Finds weak addresses that nobody offers in modules that need libraries. The findings come with the number of the input.
pub fn weak(
    subjects: &[(usize, Subject<'_>)],
    linked: &[Linked],
    exports: &Exports<'_>,
    context: &Context<'_>,
) -> Vec<(usize, Finding)> {
    if !context.target.forgets_weak_imports() || !context.complete {
        return Vec::new();
    }
    let needs: Vec<Needs<'_>> = linked.iter().map(|module| Needs { path: &module.name, needed: module.needed.clone() }).collect();
    let complete = complete(&needs);
    let mut findings = Vec::new();
    for (number, (input, subject)) in subjects.iter().enumerate() {
        if !complete[number] || subject.module.dylink.needed.is_empty() {
            continue;
        }
        let siblings = exports.of_others(number);
        for import in resolve::weak_addresses(&subject.module) {
            let name = &*import.field;
            if context.environment.may_define(name) || siblings.exports.contains(name) {
                continue;
            }
            let message = format!("may do without `{name}`, and the loader asks for it");
            let finding = Finding::new(&FORGOTTEN_WEAK_SYMBOL, &subject.place, message).about(name);
            findings.push((*input, finding.preventing(runtime_says(context.target, import, Problem::Address))));
        }
    }
    findings
}
