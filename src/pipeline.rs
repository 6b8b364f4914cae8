//! Which passes run over one module, in which order.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use wasm_pyfix_passes::dyncall::{self, Signatures};
use wasm_pyfix_passes::module::Module;
use wasm_pyfix_passes::{Environment, Error, Outcome, Result, dylink, exceptions, legalize, validate};
use wasmparser::FuncType;

/// What is asked for one module.
#[derive(Debug, Clone, Default)]
pub struct ModuleOptions {
    /// Leave exceptions as they are: the runtime implements them in JavaScript.
    pub keep_exceptions: bool,
    /// Name of the runtime's entry point to exception matching, from the target.
    pub personality: String,
    /// Write `try_table` instead of the legacy `try`.
    pub exnref: bool,
    /// The runtime's main module has BIGINT: 64-bit integers are to cross the border of the module whole.
    pub bigint: bool,
    /// Add missing `dynCall_*` exports for these signatures.
    pub dyncalls: Option<Signatures>,
    /// Accept modules that may be built for other layouts of structs than the runtime's.
    pub allow_struct_change: bool,
    /// What the runtime offers; `None` when nothing is known of it.
    pub environment: Option<Arc<Environment>>,
    /// Entries to put first in RUNTIME_PATH, in this order; those already there are moved.
    pub runtime_path: Vec<String>,
    /// Libraries to add to NEEDED.
    pub add_needed: Vec<String>,
    /// Libraries to take out of NEEDED.
    pub remove_needed: Vec<String>,
    /// Function names that sibling modules export: imports of these names are user functions, whatever they look like.
    pub sibling_exports: Arc<HashSet<String>>,
    /// The types with 64-bit integers of functions that sibling modules export, as [`legalize::wide_exports`] tells them.
    pub sibling_types: Arc<HashMap<String, FuncType>>,
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
    let linking = dylink::Options {
        runtime_path: &options.runtime_path,
        add_needed: &options.add_needed,
        remove_needed: &options.remove_needed,
    };
    let invoked = dyncall::invoked(&module);
    let mut outcomes = vec![dylink::run(&mut module, &linking)];
    if options.bigint {
        outcomes.push(legalized(&mut module, options)?);
    }
    if !options.keep_exceptions {
        let exceptions = exceptions::Options {
            personality: &options.personality,
            exnref: options.exnref,
            sibling_exports: &options.sibling_exports,
        };
        outcomes.push(exceptions::run(&mut module, &exceptions)?);
    }
    if let Some(signatures) = &options.dyncalls {
        let dyncalls = dyncall::Options { signatures, bigint: options.bigint };
        outcomes.push(dyncall::run(&mut module, invoked, &dyncalls)?);
    }
    if outcomes.iter().all(Outcome::is_unchanged) {
        return Ok(ModuleResult { bytes: None, outcomes });
    }
    let bytes = module.write()?;
    validate(&bytes).map_err(|error| Error::Internal(format!("the result is not valid: {error}")))?;
    Ok(ModuleResult { bytes: Some(bytes), outcomes })
}

/// Undoes legalization.
fn legalized(module: &mut Module<'_>, options: &ModuleOptions) -> Result<Outcome> {
    let nothing = Environment::default();
    let options = legalize::Options {
        environment: options.environment.as_deref().unwrap_or(&nothing),
        sibling_exports: &options.sibling_exports,
        sibling_types: &options.sibling_types,
        keep_dyncalls: options.dyncalls.is_some(),
        allow_struct_change: options.allow_struct_change,
    };
    legalize::run(module, &options)
}
