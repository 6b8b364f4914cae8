//! What is asked of the engine for one module, and what it means that a module lacks symbols.

use crate::codes::symbols::{NEVER_OFFERED, UNKNOWN_SYMBOL};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use wasm_pyfix_passes::dyncall::Signatures;
use wasm_pyfix_passes::linking::siblings::SiblingExports;
use wasm_pyfix_passes::module::Module;
use wasm_pyfix_passes::pipeline::{self, World};
use wasm_pyfix_passes::symbols::{self, Alias, Problem, Unbound};
use wasm_pyfix_passes::{Environment, Error, Outcome, Result, dylink, handlers};
use wasmparser::FuncType;

use crate::codes::symbols::{code_of, listed, sentence};
use crate::origin::Origin;
use crate::plain::first_names;
use crate::target::{self, Target};

pub use wasm_pyfix_passes::pipeline::{Plan, Shrink as ShrinkOptions, Upgraded as ModuleResult};

/// What is asked for one module.
#[derive(Debug, Clone, Default)]
pub struct ModuleOptions {
    /// Leave exceptions as they are: the runtime implements them in JavaScript.
    pub keep_exceptions: bool,
    /// Name of the runtime's entry point to exception matching, from the target.
    pub personality: String,
    /// The instructions that handle exceptions; `None` for those that the module has.
    pub handlers: Option<handlers::Kind>,
    /// Write out constant expressions that compute, for engines that do not know them.
    pub no_extended_const: bool,
    /// The runtime's main module has BIGINT: 64-bit integers are to cross the border of the module whole.
    pub bigint: bool,
    /// Add missing `dynCall_*` exports for these signatures.
    pub dyncalls: Option<Signatures>,
    /// Accept modules that may be built for other layouts of structs than the runtime's.
    pub allow_struct_change: bool,
    /// Put adapters in front of functions whose pointers are called under another type.
    pub adapters: bool,
    /// Version of the runtime's Python.
    pub python: &'static str,
    /// What the runtime offers; `None` when nothing is known of it.
    pub environment: Option<Arc<Environment>>,
    /// Entries to put first in RUNTIME_PATH, in this order; those already there are moved.
    pub runtime_path: Vec<String>,
    /// Libraries to add to NEEDED.
    pub add_needed: Vec<String>,
    /// Libraries to take out of NEEDED.
    pub remove_needed: Vec<String>,
    /// New names for libraries in NEEDED, by their old ones.
    pub rename_needed: BTreeMap<String, String>,
    /// Other names for symbols, the user's first.
    pub aliases: Arc<Vec<Alias>>,
    /// The loader may ask for weak symbols that nobody offers, and all libraries that the module may get are siblings.
    pub null_weak: bool,
    /// What the runtime is called.
    pub runtime: Option<&'static str>,
    /// Upgrade modules that lack symbols of the runtime, with a notice, instead of refusing them.
    pub allow_missing: bool,
    /// The platforms that names say the module was built for; see [`Origin`].
    pub sources: Vec<&'static Target>,
    /// The module is for an application with a main module that no manifest knows.
    pub application: bool,
    /// Names that sibling modules export: imports of these names are user symbols, whatever they look like.
    pub sibling_exports: SiblingExports,
    /// The types with 64-bit integers of functions that sibling modules export, as [`legalize::wide_exports`] tells them.
    pub sibling_types: Arc<HashMap<String, FuncType>>,
}

impl ModuleOptions {
    /// What the engine is asked for.
    fn passes(&self) -> pipeline::Options<'_> {
        pipeline::Options {
            linking: dylink::Options {
                runtime_path: &self.runtime_path,
                add_needed: &self.add_needed,
                remove_needed: &self.remove_needed,
                rename_needed: Some(&self.rename_needed),
            },
            aliases: &self.aliases,
            environment: self.environment.as_deref(),
            sibling_exports: &self.sibling_exports,
            sibling_types: &self.sibling_types,
            null_weak: self.null_weak,
            personality: (!self.keep_exceptions).then_some(&*self.personality),
            handlers: self.handlers,
            no_extended_const: self.no_extended_const,
            bigint: self.bigint,
            dyncalls: self.dyncalls.as_ref(),
            allow_struct_change: self.allow_struct_change,
            adapters: self.adapters.then_some(self.python),
        }
    }
}

/// Runs every pass that `options` ask for over `module`, and notes what it lacks. Returns what each pass did, in the order they ran.
///
/// # Errors
/// What the passes return; a refusal for symbols that the runtime lacks.
pub fn upgrade(module: &mut Module<'_>, options: &ModuleOptions) -> Result<Vec<Outcome>> {
    let origin = Origin::new(module, &options.sources, options.application);
    let mut outcomes = pipeline::upgrade(module, &options.passes())?;
    if let (Some(environment), Some(renamed)) =
        (&options.environment, outcomes.iter_mut().find(|outcome| outcome.pass == symbols::PASS))
    {
        report_missing(module, environment, &origin, options, renamed)?;
    }
    Ok(outcomes)
}

/// Upgrades the side module `input` as [`upgrade`] does, until another run would change nothing, and writes it.
///
/// # Errors
/// What reading the module, [`upgrade`] and the check of the result return.
pub fn upgrade_module(input: &[u8], options: &ModuleOptions) -> Result<ModuleResult> {
    pipeline::run_alone(input, |module| upgrade(module, options))
}

/// Drops what the modules of a group, which are linked to each other, do not need. `plan` tells of each which exports may go. The results
/// come in the order of `group`.
///
/// # Errors
/// What reading the modules, `plan` and the passes return.
pub fn shrink_modules(
    group: &[&[u8]],
    options: &ShrinkOptions,
    plan: impl FnMut(&[Module<'_>]) -> anyhow::Result<Vec<Plan>>,
) -> anyhow::Result<Vec<ModuleResult>> {
    struct Shrunk<P>(P);
    impl<P: FnMut(&[Module<'_>]) -> anyhow::Result<Vec<Plan>>> World for Shrunk<P> {
        type Error = anyhow::Error;
        fn failed(&self, _: usize, error: Error) -> anyhow::Error {
            error.into()
        }
        fn upgrade(&mut self, modules: &mut [Module<'_>]) -> anyhow::Result<Vec<Vec<Outcome>>> {
            Ok(modules.iter().map(|_| Vec::new()).collect())
        }
        fn plan(&mut self, modules: &[Module<'_>]) -> anyhow::Result<Vec<Plan>> {
            (self.0)(modules)
        }
    }
    pipeline::run(group, Some(options), &mut Shrunk(plan))
}

/// Notes the symbols that nobody is known to offer, and refuses the module for those that only the runtime could, but for functions that
/// the module did without before.
fn report_missing(
    module: &Module<'_>,
    environment: &Environment,
    origin: &Origin,
    options: &ModuleOptions,
    outcome: &mut Outcome,
) -> Result<()> {
    let target = options.runtime.unwrap_or("the runtime");
    let unbound = symbols::unbound(module, environment, &options.sibling_exports);
    let missing = symbols::missing(module, environment, &options.sibling_exports);
    let (gone, elsewhere): (Vec<_>, Vec<_>) =
        (missing.into_iter()).partition(|(name, problem)| *problem >= Problem::Kind || target::is_of_runtime(name, module));
    if !elsewhere.is_empty() {
        let names = first_names(elsewhere.iter().map(|(name, _)| format!("`{name}`")), 10);
        outcome.notices.push(UNKNOWN_SYMBOL.warns(format!("another library must offer {names}")));
    }
    let (before, gone): (Vec<_>, Vec<_>) =
        (gone.into_iter()).partition(|(name, problem)| *problem == Problem::Function && origin.lacked(name));
    if !before.is_empty() {
        let names = before.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let message = format!("it {}, {}", listed(Problem::Function, &names, target), origin.describe(target));
        outcome.notices.push(NEVER_OFFERED.notes(message));
    }
    if gone.is_empty() {
        return Ok(());
    }
    let problem = format!("it {}", listing(&gone, &unbound, module, environment, target));
    if !options.allow_missing {
        return Err(
            code_of(gone[0].1).refuses(format!("{problem}; {}, or upgrade it nevertheless with `--allow-missing`", advice(&gone)))
        );
    }
    outcome.notices.push(code_of(gone[0].1).warns(problem));
    Ok(())
}

/// What to do about names that the runtime lacks. Another name helps for functions and addresses: of a symbol that is there with another
/// type the name is right, and globals and tags are not renamed.
fn advice(missing: &[(String, Problem)]) -> &'static str {
    let helps = |problem: &Problem| matches!(problem, Problem::Function | Problem::Address);
    match missing.iter().filter(|(_, problem)| helps(problem)).count() {
        0 => "compile it for the target",
        count if count == missing.len() => "name substitutes with `--alias OLD=NEW`",
        _ => "compile it for the target (`--alias OLD=NEW` names substitutes for functions and addresses alone)",
    }
}

/// What the module does with the symbols that are missing: those of one problem together, but where each is wrong in its own way.
fn listing(
    missing: &[(String, Problem)],
    unbound: &[Unbound<'_, '_>],
    module: &Module<'_>,
    environment: &Environment,
    target: &str,
) -> String {
    let mut sentences = Vec::new();
    for kind in Problem::ALL {
        let names: Vec<&str> = missing.iter().filter(|(_, problem)| *problem == kind).map(|(name, _)| name.as_str()).collect();
        if let Problem::Kind | Problem::Type = kind {
            let names: HashSet<&str> = names.into_iter().collect();
            let found = unbound.iter().filter(|unbound| unbound.problem == kind && names.contains(&*unbound.import.field));
            sentences
                .extend(found.map(|Unbound { import, problem }| {
                    sentence(import, *problem, environment.item(&import.field), module, target)
                }));
        } else if !names.is_empty() {
            let names = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            sentences.push(listed(kind, &names, target));
        }
    }
    sentences.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// To plan is to look through all code of an archive.
    #[test]
    fn nobody_plans_what_no_pass_asks_for() {
        let module = wat::parse_str("(module (@dylink.0 (mem-info (memory 0 0))) (func (export \"f\")))").unwrap();
        let asked = |bind, prune| {
            let mut asked = false;
            let options = ShrinkOptions { bind, prune, merge: true, encode: true, ..ShrinkOptions::default() };
            let plan = |modules: &[Module<'_>]| {
                asked = true;
                Ok(modules.iter().map(|_| Plan::keep(String::new())).collect())
            };
            shrink_modules(&[&module], &options, plan).unwrap();
            asked
        };
        assert_eq!([(false, false), (true, false), (false, true)].map(|(bind, prune)| asked(bind, prune)), [false, true, true]);
    }
}
