//! Function pointers that are called under another type than their functions have.

use super::{Context, Finding, Place};
use crate::codes::Upgrade;
use crate::codes::pointers::{POINTER_TYPE_FORGIVEN, POINTER_TYPE_MISMATCH, POINTER_TYPE_REFUSED, STUB_CALLED};
use crate::codes::symbols::type_text;
use std::collections::HashMap;
use wasm_pyfix_passes::Result;
use wasm_pyfix_passes::module::{FunctionId, Item, Module};
use wasm_pyfix_passes::pointers::{self, Called, Mismatch, Owner, Pointee, Runtime, What};

/// What an engine says where it finds another type behind a pointer.
const TRAP: &str = "RuntimeError: null function or function signature mismatch";

/// Checks the pointers of `module`, and its calls of stubs.
pub fn check(module: &Module<'_>, context: &Context<'_>, place: &Place, findings: &mut Vec<Finding>) -> Result<()> {
    let runtime = Runtime::new(context.target.python, Some(context.environment));
    let found = pointers::find(module, &runtime)?;
    let stubs = pointers::stubs_called(module)?;
    if found.mismatches.is_empty() && stubs.is_empty() {
        return Ok(());
    }
    let names = names(module);
    let reasons = pointers::reasons(module, &runtime, &found.mismatches)?;
    for (mismatch, left) in found.mismatches.iter().zip(reasons) {
        let mut finding = finding(mismatch, &names, place);
        finding.upgrade = if left.is_some() { Upgrade::Leaves } else { Upgrade::Fixes };
        findings.push(finding);
    }
    for (stub, callers) in stubs {
        let callers: Vec<String> = callers.iter().map(|caller| function(*caller, &names)).collect();
        let message = format!("calls `{stub}` under another type than it is defined with, in {}", callers.join(", "));
        findings.push(Finding::new(&STUB_CALLED, place, message).about(&stub).preventing("RuntimeError: unreachable"));
    }
    Ok(())
}

/// What functions are called, as far as their names are known.
fn names(module: &Module<'_>) -> HashMap<FunctionId, String> {
    let mut names = HashMap::new();
    for import in module.imports() {
        if let Item::Function(id) = import.item {
            names.insert(id, import.field.to_string());
        }
    }
    for export in module.exports() {
        if let Item::Function(id) = export.item {
            names.entry(id).or_insert_with(|| export.name.to_string());
        }
    }
    names.extend(module.function_names());
    names
}

fn function(id: FunctionId, names: &HashMap<FunctionId, String>) -> String {
    match names.get(&id) {
        Some(name) => format!("function {} `{name}`", id.0),
        None => format!("function {}", id.0),
    }
}

fn finding(mismatch: &Mismatch, names: &HashMap<FunctionId, String>, place: &Place) -> Finding {
    let own = match &mismatch.function {
        Pointee::Function(id) => function(*id, names),
        Pointee::Runtime(name) => format!("`{name}` of the runtime"),
    };
    let (actual, expected) = (type_text(&mismatch.actual), type_text(&mismatch.expected));
    let (message, symbol) = match &mismatch.place {
        pointers::Place::Data { table, field, owner, .. } => {
            let message =
                format!("has {own}, {actual}, as `{field}` of {} (`{table}`), which is called as {expected}", owned_by(owner));
            (message, Some(owner.name.clone()))
        }
        pointers::Place::Argument { callee, argument, .. } => {
            let message = format!(
                "gives {own}, {actual}, to {} as argument {}, which is called as {expected}",
                function(*callee, names),
                argument + 1
            );
            (message, names.get(callee).cloned())
        }
        pointers::Place::Call { caller, .. } => {
            (format!("calls {own}, {actual}, through a pointer as {expected}, in {}", function(*caller, names)), None)
        }
    };
    let too_many = !pointers::is_passed_fewer(&mismatch.actual);
    let code = match mismatch.called {
        Called::Directly => &POINTER_TYPE_MISMATCH,
        Called::ByTrampoline if too_many => &POINTER_TYPE_REFUSED,
        Called::ByTrampoline | Called::Either => &POINTER_TYPE_FORGIVEN,
    };
    let mut finding = Finding::new(code, place, message);
    finding.symbol = symbol;
    finding.prevents = match mismatch.called {
        Called::Directly => Some(TRAP.to_string()),
        Called::ByTrampoline | Called::Either => too_many.then(|| "SystemError: Handler takes too many arguments".to_string()),
    };
    finding
}

fn owned_by(owner: &Owner) -> String {
    let what = match owner.what {
        What::Module => "the module",
        What::Type => "the type",
        What::Method => "the method",
        What::Attribute => "the attribute",
    };
    format!("{what} `{}`", owner.name)
}
