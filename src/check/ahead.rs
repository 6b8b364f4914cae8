//! What lies ahead: the platforms after the one that an input is for, and what is known of those that come after the last one.
//!
//! The tags of a wheel do not matter there: they change with the platform, and `upgrade` changes them. Of what comes after the last platform
//! nothing fails yet, so it is noted and no more.

use super::codes::{Code, Severity, Upgrade};
use super::python::PLATFORM_TAG;
use super::{Context, Finding, Place};
use crate::target::Target;
use anyhow::Result;
use wasm_pyfix_passes::exceptions;
use wasm_pyfix_passes::exceptions::personality::WHOLE;
use wasm_pyfix_passes::module::Module;

pub static LEGACY_EXCEPTIONS: Code = Code {
    name: "legacy-exceptions",
    severity: Severity::Note,
    summary: "the module has the legacy exception instructions",
    explanation: "The standard replaced `try`, `catch` and `rethrow` by `try_table` and `throw_ref`. All engines have the legacy ones so far. \
                  Firefox warns of them, Emscripten is about to make the new ones its default (emscripten-core/emscripten#27575), and \
                  Pyodide plans them for its next platform (pyodide/pyodide#6235). Only `check --against-next` tells this.",
    remedy: "nothing yet; compile with `-sWASM_LEGACY_EXCEPTIONS=0` once all engines that matter have the new instructions",
    upgrade: Upgrade::Leaves,
};

pub static RETIRED_SYMBOL: Code = Code {
    name: "retired-symbol",
    severity: Severity::Note,
    summary: "the module imports what goes in Emscripten 6.0.6",
    explanation: "Emscripten 6.0.6 has `__gxx_wasm_personality_v0` in the place of `_Unwind_CallPersonality` \
                  (emscripten-core/emscripten#27445). A module that imports the old name will then fail at the first exception that it \
                  catches by its type. Only `check --against-next` tells this.",
    remedy: "nothing yet; `upgrade` gives the import the name that its target has",
    upgrade: Upgrade::Leaves,
};

pub static CODES: [&Code; 2] = [&LEGACY_EXCEPTIONS, &RETIRED_SYMBOL];

/// What platforms are checked against: `first`, and all later ones of Pyodide.
pub fn with_later(first: &'static Target) -> Vec<&'static Target> {
    let later = Target::all().iter().filter(|target| target.is_later_than(first));
    std::iter::once(first).chain(later).collect()
}

/// Notes what comes after the last platform, if `context` is about that.
pub fn check(module: &Module<'_>, context: &Context<'_>, place: &Place, findings: &mut Vec<Finding>) -> Result<()> {
    if !context.ahead {
        return Ok(());
    }
    let [retired, follower] = WHOLE;
    if module.imports().iter().any(|import| import.field == retired) && context.environment.item(retired).is_some() {
        let message = format!("imports `{retired}`, which goes in Emscripten 6.0.6 for `{follower}`");
        findings.push(Finding::new(&RETIRED_SYMBOL, place, message).about(retired));
    }
    if exceptions::handlers(module)?.legacy {
        findings.push(Finding::new(&LEGACY_EXCEPTIONS, place, "has the legacy exception instructions, which engines are to drop"));
    }
    Ok(())
}

/// Takes out what only tells that an input is for an earlier platform.
pub fn forget_tags(findings: &mut Vec<Finding>) {
    findings.retain(|finding| *finding.code != PLATFORM_TAG);
}
