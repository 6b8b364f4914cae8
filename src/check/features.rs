//! What a module is built for that the runtime is not: threads, 64-bit memory, asyncify, halves of 64-bit integers, other structs.

use super::codes::{Code, Severity, Upgrade};
use super::{Context, Finding, Place, Siblings};
use crate::counts::words;
use crate::target::structs;
use anyhow::Result;
use std::cell::LazyCell;
use wasm_pyfix_passes::module::{Module, Unsupported};
use wasm_pyfix_passes::{Error, ExceptionAbi, extended_const, legalize, time};

pub static SHARED_MEMORY: Code = Code {
    name: "shared-memory",
    severity: Severity::Error,
    summary: "the module is built for threads",
    explanation: "It was compiled with `-pthread` and wants a memory that threads share. No Pyodide runtime has one. Engines say \
                  `LinkError: WebAssembly.Instance(): … mismatch in shared state of memory, declared = 1, imported = 0`.",
    remedy: "build it without `-pthread`",
    upgrade: Upgrade::Refuses,
};

pub static MEMORY64: Code = Code {
    name: "memory64",
    severity: Severity::Error,
    summary: "the module is built for 64-bit memory",
    explanation: "It was compiled for wasm64. Pyodide runtimes have 32-bit memories: engines that know 64-bit ones refuse to link the two, \
                  others do not compile the module.",
    remedy: "build it for wasm32",
    upgrade: Upgrade::Refuses,
};

pub static ASYNCIFY: Code = Code {
    name: "asyncify",
    severity: Severity::Error,
    summary: "the module is instrumented by asyncify",
    explanation: "It was linked with `-sASYNCIFY`, and every call in it takes part in unwinding and rewinding that the main module must \
                  know. Pyodide's does not: it suspends by means of JavaScript Promise Integration, which needs no instrumentation.",
    remedy: "link it without `-sASYNCIFY`",
    upgrade: Upgrade::Refuses,
};

pub static LEGALIZED_I64: Code = Code {
    name: "legalized-i64",
    severity: Severity::Error,
    summary: "64-bit integers pass in halves",
    explanation: "The module was linked without `-sWASM_BIGINT`: what it exports and imports takes each 64-bit integer as two of 32 \
                  bits. The runtime passes them whole, so functions do not fit: `LinkError: … imported function does not match the \
                  expected type` for those of the main module, wrong values for those in JavaScript.",
    remedy: "link it with `-sWASM_BIGINT`, the default since Emscripten 4.0.0",
    upgrade: Upgrade::Fixes,
};

pub static TIME_32_BIT: Code = Code {
    name: "time-32-bit",
    severity: Severity::Error,
    summary: "`time_t` may have 32 bits",
    explanation: "Before Emscripten 3.1.16 `time_t` had 32 bits, since then it has 64. The module may be older, and imports functions \
                  that exchange such values. The runtime would write eight bytes where it has room for four; there is no message, only \
                  corrupted memory and wrong times.",
    remedy: "compile it with Emscripten 3.1.16 or later",
    upgrade: Upgrade::Refuses,
};

pub static STRUCT_CHANGED: Code = Code {
    name: "struct-changed",
    severity: Severity::Warning,
    summary: "a struct has another layout on the target",
    explanation: "The module imports a function that takes a struct, and the struct has another layout on the target than on the \
                  platform that the module was built for. If the module uses the struct, it reads and writes the wrong members. \
                  [targets.md](targets.md) lists the structs.",
    remedy: "compile it for the target",
    upgrade: Upgrade::Leaves,
};

pub static EXTENDED_CONST: Code = Code {
    name: "extended-const",
    severity: Severity::Warning,
    summary: "constant expressions compute, which older engines do not know",
    explanation: "The module was compiled with `-mextended-const`: where a value must be constant, such as the place of its data, it adds \
                  numbers. Pyodide runs on engines that do not know that, such as Node 20 and older, and these do not compile the \
                  module: `CompileError: WebAssembly.Module(): …`.",
    remedy: "`wasm-pyfix upgrade --no-extended-const` writes the computations out; or compile it with `-mno-extended-const`",
    upgrade: Upgrade::Leaves,
};

pub static CODES: [&Code; 7] =
    [&SHARED_MEMORY, &MEMORY64, &ASYNCIFY, &EXTENDED_CONST, &LEGALIZED_I64, &TIME_32_BIT, &STRUCT_CHANGED];

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
    match legalize::run(&mut module.clone(), &options) {
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
    match time::refuse_old(module, |id| joined.contains(&id)) {
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
