//! Which passes run over one module, in which order.

use wasm_pyfix_passes::module::Module;
use wasm_pyfix_passes::{Error, Outcome, Result, dylink, exceptions, validate};

/// What is asked for one module.
#[derive(Debug, Clone, Default)]
pub struct ModuleOptions {
    /// Name of the runtime's entry point to exception matching, from the target.
    pub personality: String,
    /// Write `try_table` instead of the legacy `try`.
    pub exnref: bool,
    /// Entries to put first in RUNTIME_PATH, in this order; those already there are moved.
    pub runtime_path: Vec<String>,
    /// Libraries to add to NEEDED.
    pub add_needed: Vec<String>,
    /// Libraries to take out of NEEDED.
    pub remove_needed: Vec<String>,
    /// Libraries to rename in NEEDED: old and new name.
    pub rename_needed: Vec<(String, String)>,
    /// Function names that sibling modules export: imports of these names are user functions, whatever they look like.
    pub sibling_exports: std::sync::Arc<std::collections::HashSet<String>>,
}

/// What became of one module.
#[derive(Debug, Clone)]
pub struct ModuleResult {
    /// The new bytes, or `None` when no pass found work: the input stands.
    pub bytes: Option<Vec<u8>>,
    /// What each pass did, in the order they ran.
    pub outcomes: Vec<Outcome>,
}

/// Runs every pass that `options` ask for over the side module `input` and validates the result.
///
/// # Errors
/// What [`wasm_pyfix_passes::module::Module::read`] and the passes return; `Internal` if the result does not validate.
pub fn upgrade_module(input: &[u8], options: &ModuleOptions) -> Result<ModuleResult> {
    let mut module = Module::read(input)?;
    let exceptions = exceptions::Options {
        personality: &options.personality,
        exnref: options.exnref,
        sibling_exports: &options.sibling_exports,
    };
    let linking = dylink::Options {
        runtime_path: &options.runtime_path,
        add_needed: &options.add_needed,
        remove_needed: &options.remove_needed,
        rename_needed: &options.rename_needed,
    };
    let outcomes = vec![dylink::run(&mut module, &linking), exceptions::run(&mut module, &exceptions)?];
    if outcomes.iter().all(Outcome::is_unchanged) {
        return Ok(ModuleResult { bytes: None, outcomes });
    }
    let bytes = module.write()?;
    validate(&bytes).map_err(|error| Error::Internal(format!("the result is not valid: {error}")))?;
    Ok(ModuleResult { bytes: Some(bytes), outcomes })
}
