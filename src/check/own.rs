//! Symbols that a module defines itself and that the loader resolves wrongly, and weak ones that nobody offers.
//!
//! **Relies on** `GOTHandler`, `updateGOT` and `reportUndefinedSymbols` of Emscripten's `libdylink.js`, versions 4.0.9 and 5.0.3, and on
//! Pyodide loading one library at a time (`DynlibLoader`).

use super::libraries::Linked;
use super::symbols::runtime_says;
use super::{Context, Exports, Finding, Place, Subject};
use crate::codes::Upgrade;
use crate::codes::own::{FORGOTTEN_WEAK_SYMBOL, LOAD_RACE, SYMBOL_CLASH};
use crate::codes::symbols::{kind_of, type_text};
use crate::loader::complete::{Needs, complete};
use crate::plugins;
use std::collections::HashSet;
use wasm_pyfix_passes::module::{Item, Module};
use wasm_pyfix_passes::resolve;
use wasm_pyfix_passes::symbols::{Problem, Unbound};
use wasm_pyfix_passes::{Provider, Reference, ReferenceKind, own_references};

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
        finding.upgrade = Upgrade::Fixes;
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
