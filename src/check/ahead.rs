//! What lies ahead: the platforms after the one that an input is for, and what is known of those that come after the last one.
//!
//! The tags of a wheel do not matter there: they change with the platform, and `upgrade` changes them. Of what comes after the last platform
//! nothing fails yet, so it is noted and no more.

use super::{Context, Finding, Place};
use crate::codes::ahead::{LEGACY_EXCEPTIONS, RETIRED_SYMBOL};
use crate::codes::python::PLATFORM_TAG;
use crate::target::Target;
use anyhow::Result;
use wasm_pyfix_passes::exceptions;
use wasm_pyfix_passes::exceptions::personality::WHOLE;
use wasm_pyfix_passes::module::Module;

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
