//! What upgraded modules do not need goes: the passes that make files smaller, over a single module or all modules of a wheel.

use anyhow::Result;
use wasm_pyfix_passes::module::Module;

use crate::exports::{self, Located};
use crate::pipeline::{ModuleResult, ShrinkOptions, shrink_modules};
use crate::wheel::sources::Sources;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Which passes run.
    pub passes: ShrinkOptions,
    /// Which exports may go.
    pub exports: exports::Options,
}

/// A module after its upgrade.
#[derive(Debug, Clone, Copy)]
pub struct Upgraded<'a> {
    /// Path in the wheel, or the name of the file.
    pub path: &'a str,
    /// The bytes before the upgrade.
    pub input: &'a [u8],
    /// What the upgrade made of them.
    pub result: &'a ModuleResult,
}

/// Shrinks modules that are linked to each other; the results tell of the upgrade, too.
///
/// # Errors
/// What reading the modules and the passes return.
pub fn shrink(modules: &[Upgraded<'_>], sources: &Sources<'_>, options: &Options) -> Result<Vec<ModuleResult>> {
    let bytes: Vec<&[u8]> = modules.iter().map(|module| module.result.bytes.as_deref().unwrap_or(module.input)).collect();
    let plan = |read: &[Module<'_>]| {
        let located = modules.iter().zip(read).map(|(upgraded, module)| Located { path: upgraded.path, module });
        exports::plan(&located.collect::<Vec<_>>(), sources, &options.exports)
    };
    let shrunk = shrink_modules(&bytes, &options.passes, plan)?;
    Ok(modules.iter().zip(shrunk).map(|(module, shrunk)| merged(module.result, shrunk)).collect())
}

/// Both results in one.
fn merged(upgraded: &ModuleResult, shrunk: ModuleResult) -> ModuleResult {
    let bytes = shrunk.bytes.or_else(|| upgraded.bytes.clone());
    ModuleResult { bytes, outcomes: upgraded.outcomes.iter().cloned().chain(shrunk.outcomes).collect() }
}
