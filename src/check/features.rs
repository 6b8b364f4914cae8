//! What a module is built for that the runtime is not: threads, 64-bit memory, asyncify, halves of 64-bit integers, other structs.

use super::{Context, Finding, Place, Siblings};
use crate::codes::features::{ASYNCIFY, EXTENDED_CONST, LEGALIZED_I64, MEMORY64, SHARED_MEMORY, STRUCT_CHANGED, TIME_32_BIT};
use crate::counts::words;
use crate::target::structs;
use anyhow::Result;
use std::cell::LazyCell;
use wasm_pyfix_passes::linking::time_t;
use wasm_pyfix_passes::module::{Module, Unsupported};
use wasm_pyfix_passes::{Error, ExceptionAbi, extended_const, legalize, pipeline};

/// Checks what no pass touches. `true` when nothing of it is there.
pub fn supported(module: &Module<'_>, place: &Place, findings: &mut Vec<Finding>) -> bool {
    let finding = match module.unsupported() {
        None => return true,
        Some(Unsupported::SharedMemory) => Finding::new(&SHARED_MEMORY, place, "wants a memory that threads share")
            .preventing("LinkError: WebAssembly.Instance(): … memory …"),
        Some(Unsupported::Memory64) => Finding::new(&MEMORY64, place, "is a 64-bit module"),
        Some(Unsupported::Asyncify) => Finding::new(&ASYNCIFY, place, "is instrumented by asyncify"),
    };
    findings.push(finding);
    false
}

/// Checks for constant expressions that compute.
pub fn computed_constants(module: &Module<'_>, place: &Place) -> Option<Finding> {
    let message = "has constant expressions that compute, which engines such as Node 20 do not know";
    let found = || Finding::new(&EXTENDED_CONST, place, message).preventing("CompileError: WebAssembly.Module(): …");
    extended_const::is_used(module).then(found)
}

/// Checks for halves of 64-bit integers, by asking the pass that would join them.
pub fn legalized(module: &Module<'_>, context: &Context<'_>, siblings: &Siblings<'_>, place: &Place) -> Option<Finding> {
    if !context.target.bigint {
        return None;
    }
    let options = legalize::Options {
        environment: context.environment,
        sibling_exports: &siblings.exports,
        sibling_types: siblings.wide,
        invokes: context.target.exception_abi == ExceptionAbi::JavaScript,
        keep_dyncalls: true,
        allow_struct_change: true,
    };
    match pipeline::undo_legalization(&mut module.clone(), &options) {
        Ok(outcome) if outcome.is_unchanged() => None,
        Ok(outcome) => {
            let what: Vec<String> = outcome.changed.iter().map(|(key, count)| format!("{count} {}", words(key, *count))).collect();
            let message = format!("passes 64-bit integers in halves (an upgrade reports: {})", what.join(", "));
            Some(Finding::new(&LEGALIZED_I64, place, message))
        }
        Err(error) => Some(Finding::new(&LEGALIZED_I64, place, format!("passes 64-bit integers in halves: {error}"))),
    }
}

/// Checks for a `time_t` of 32 bits.
pub fn time_of_32_bits(module: &Module<'_>, context: &Context<'_>, place: &Place) -> Option<Finding> {
    if !context.target.has_wheels() {
        return None;
    }
    // Most modules import no such function, and then no body is looked at.
    let joined = LazyCell::new(|| legalize::joined_imports(module).unwrap_or_default());
    match time_t::refuse_old(module, |id| joined.contains(&id)) {
        Err(Error::Refused { message, .. }) => Some(Finding::new(&TIME_32_BIT, place, message)),
        _ => None,
    }
}

/// Checks for structs that the target lays out differently.
pub fn structs(bytes: &[u8], context: &Context<'_>, place: &Place, findings: &mut Vec<Finding>) -> Result<()> {
    for message in structs::notices(bytes, context.source, context.target)? {
        findings.push(Finding::new(&STRUCT_CHANGED, place, message));
    }
    Ok(())
}
