//! Which passes run over one module, in which order.

use crate::target;
use std::sync::Arc;
use wasm_pyfix_passes::module::Module;
use wasm_pyfix_passes::symbols::{self, Alias, Problem};
use wasm_pyfix_passes::{Environment, Error, Outcome, Result, dylink, exceptions, validate};

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
    /// What the runtime offers. Without it, nobody looks for symbols that are missing.
    pub environment: Option<Arc<Environment>>,
    /// Other names for symbols, the user's first.
    pub aliases: Arc<Vec<Alias>>,
    /// Upgrade modules that lack symbols of the runtime, with a notice, instead of refusing them.
    pub allow_missing: bool,
    /// Names that sibling modules export: imports of these names are user symbols, whatever they look like.
    pub sibling_exports: Arc<std::collections::HashSet<String>>,
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
    let environment = options.environment.as_deref();
    let mut outcomes = vec![
        dylink::run(&mut module, &linking),
        symbols::rename(&mut module, &options.aliases, environment, &options.sibling_exports),
        exceptions::run(&mut module, &exceptions)?,
    ];
    if let (Some(environment), Some(renamed)) = (environment, outcomes.iter_mut().find(|outcome| outcome.pass == symbols::PASS)) {
        report_missing(&module, environment, options, renamed)?;
    }
    if outcomes.iter().all(Outcome::is_unchanged) {
        return Ok(ModuleResult { bytes: None, outcomes });
    }
    let bytes = module.write()?;
    validate(&bytes).map_err(|error| Error::Internal(format!("the result is not valid: {error}")))?;
    Ok(ModuleResult { bytes: Some(bytes), outcomes })
}

/// Notes the symbols that nobody is known to offer, and refuses the module for those that only the runtime could.
fn report_missing(module: &Module<'_>, environment: &Environment, options: &ModuleOptions, outcome: &mut Outcome) -> Result<()> {
    let missing = symbols::missing(module, environment, &options.sibling_exports);
    let (gone, elsewhere): (Vec<_>, Vec<_>) = (missing.into_iter())
        .partition(|(name, problem)| *problem == Problem::Type || symbols::is_of_runtime(name, module) || target::is_known(name));
    if !elsewhere.is_empty() {
        const SHOWN: usize = 10;
        let names: Vec<String> = elsewhere.iter().take(SHOWN).map(|(name, _)| format!("`{name}`")).collect();
        let more = elsewhere.len() - names.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        outcome.notices.push(format!("another library must offer {}{more}", names.join(", ")));
    }
    if gone.is_empty() {
        return Ok(());
    }
    let problem = format!("the runtime lacks {}", listing(&gone));
    if !options.allow_missing {
        return Err(Error::Refused(format!(
            "{problem}; name substitutes with `--alias OLD=NEW`, or upgrade it nevertheless with `--allow-missing`"
        )));
    }
    outcome.notices.push(problem);
    Ok(())
}

/// The names by what is wrong with them.
fn listing(missing: &[(String, Problem)]) -> String {
    let kinds = [Problem::Function, Problem::Address, Problem::Value, Problem::Type].into_iter().filter_map(|kind| {
        let names: Vec<String> =
            missing.iter().filter(|(_, problem)| *problem == kind).map(|(name, _)| format!("`{name}`")).collect();
        (!names.is_empty()).then(|| format!("{} {}", kind.describe(names.len()), names.join(", ")))
    });
    kinds.collect::<Vec<_>>().join("; ")
}
