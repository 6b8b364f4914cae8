//! Which passes run over one module, in which order.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;
use wasm_pyfix_passes::dyncall::{self, Signatures};
use wasm_pyfix_passes::module::Module;
use wasm_pyfix_passes::prune::{self, Exports, Member};
use wasm_pyfix_passes::siblings::{Exporters, SiblingExports};
use wasm_pyfix_passes::strip::{self, Strip};
use wasm_pyfix_passes::symbols::{self, Alias, Problem};
use wasm_pyfix_passes::{
    Environment, Error, Outcome, Result, bind, dylink, encode, exceptions, extended_const, has_code_offsets, legalize, merge,
    order, relocations, resolve, substitutes, validate,
};
use wasmparser::FuncType;

use crate::check::symbols::{NEVER_OFFERED, UNKNOWN_SYMBOL, code_of};
use crate::exports::Plan;
use crate::plain::first_names;
use crate::plugins;
use crate::target::origin::Origin;
use crate::target::{self, Target};

/// What is asked for one module.
#[derive(Debug, Clone, Default)]
pub struct ModuleOptions {
    /// Leave exceptions as they are: the runtime implements them in JavaScript.
    pub keep_exceptions: bool,
    /// Name of the runtime's entry point to exception matching, from the target.
    pub personality: String,
    /// Write `try_table` instead of the legacy `try`.
    pub exnref: bool,
    /// Write out constant expressions that compute, for engines that do not know them.
    pub no_extended_const: bool,
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
    /// Other names for symbols, the user's first.
    pub aliases: Arc<Vec<Alias>>,
    /// The loader may ask for weak symbols that nobody offers, and all libraries that the module may get are siblings.
    pub null_weak: bool,
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

/// What became of one module.
#[derive(Debug, Clone, Default)]
pub struct ModuleResult {
    /// The new bytes, or `None` when no pass found work: the input stands.
    pub bytes: Option<Vec<u8>>,
    /// What each pass did, in the order they ran.
    pub outcomes: Vec<Outcome>,
}

impl ModuleResult {
    /// Adds what passes made of this result. Of those that ran before and found no more work, what they said then stands.
    pub fn follow(&mut self, later: ModuleResult) {
        for outcome in later.outcomes {
            match self.outcomes.iter_mut().find(|known| known.pass == outcome.pass) {
                Some(known) if !outcome.is_unchanged() => known.follow(outcome),
                Some(_) => {}
                None => self.outcomes.push(outcome),
            }
        }
        self.bytes = later.bytes.or(self.bytes.take());
    }
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
    let origin = Origin::new(&module, &options.sources, options.application);
    let environment = options.environment.as_deref();
    let mut outcomes = vec![
        dylink::run(&mut module, &linking),
        symbols::rename(&mut module, &options.aliases, environment, &options.sibling_exports),
    ];
    if options.no_extended_const {
        outcomes.push(extended_const::run(&mut module)?);
    }
    if options.bigint {
        outcomes.push(legalized(&mut module, options)?);
    }
    if let Some(environment) = environment {
        let resolve = resolve::Options { environment, sibling_exports: &options.sibling_exports, null_weak: options.null_weak };
        outcomes.push(resolve::run(&mut module, &resolve)?);
    }
    if !options.keep_exceptions {
        let exceptions = exceptions::Options {
            personality: &options.personality,
            exnref: options.exnref,
            sibling_exports: &options.sibling_exports,
            environment,
        };
        outcomes.push(exceptions::run(&mut module, &exceptions)?);
    }
    if let Some(signatures) = &options.dyncalls {
        let dyncalls = dyncall::Options { signatures, bigint: options.bigint };
        outcomes.push(dyncall::run(&mut module, invoked, &dyncalls)?);
    }
    if let Some(environment) = environment {
        outcomes.push(substitutes::run(&mut module, environment, &options.sibling_exports));
    }
    if let (Some(environment), Some(renamed)) = (environment, outcomes.iter_mut().find(|outcome| outcome.pass == symbols::PASS)) {
        report_missing(&module, environment, &origin, options, renamed)?;
    }
    finish(&module, outcomes)
}

/// What is asked for the modules of a group beyond their upgrade.
#[derive(Debug, Clone, Default)]
pub struct ShrinkOptions {
    /// Let references to what a module defines itself become local.
    pub bind: bool,
    /// Bind everything that a module defines, whoever else defines it.
    pub symbolic: bool,
    /// Drop exports, and what only they keep.
    pub prune: bool,
    /// Which custom sections go.
    pub strip: Option<Strip>,
    /// Let equal functions be one.
    pub merge: bool,
    /// Shorten numbers and data, and order functions for compression.
    pub encode: bool,
    /// Move relocations of data into a table.
    pub relocations: bool,
    /// Nobody calls `dynCall_*` and `orig$*`: the runtime's main module has BIGINT, and no such exports were asked for.
    pub bigint: bool,
    /// What the runtime offers; `None` when nothing is known of it.
    pub environment: Option<Arc<Environment>>,
}

impl ShrinkOptions {
    /// Whether it is asked which exports may go: no other pass wants to know.
    pub fn plans(&self) -> bool {
        self.bind || self.prune
    }
}

/// So often the passes that give each other work run over a group, which real modules need two or three times.
const MOST_ROUNDS: usize = 8;

/// Drops what the modules of a group, which are linked to each other, do not need. `plan` tells of each which exports may go. The results
/// come in the order of `group`.
///
/// # Errors
/// What [`Module::read`], `plan` and the passes return.
pub fn shrink_modules(
    group: &[&[u8]],
    options: &ShrinkOptions,
    mut plan: impl FnMut(&[Module<'_>]) -> anyhow::Result<Vec<Plan>>,
) -> anyhow::Result<Vec<ModuleResult>> {
    let mut modules = group.par_iter().map(|bytes| Module::read(bytes)).collect::<Result<Vec<_>>>()?;
    // First, since other passes leave modules alone whose debug information points into the code.
    let stripped: Vec<Option<Outcome>> =
        modules.iter_mut().map(|module| options.strip.map(|strip| strip::run(module, strip))).collect();
    // What goes may have been what kept something else as it was, so the passes run until nothing changes any more.
    let (mut outcomes, mut after) = shrink_once(modules, options, &mut plan)?;
    for _ in 1..MOST_ROUNDS {
        let (round, smaller) = shrink_once(after, options, &mut plan)?;
        after = smaller;
        if round.iter().flatten().all(Outcome::is_unchanged) {
            break;
        }
        let pairs = outcomes.iter_mut().flatten().zip(round.into_iter().flatten());
        pairs.for_each(|(outcome, later)| outcome.follow(later));
    }
    outcomes.iter_mut().zip(stripped).for_each(|(outcomes, stripped)| outcomes.splice(0..0, stripped).for_each(drop));
    let results = after.into_par_iter().zip(outcomes).map(|(module, outcomes)| compact(module, outcomes, options));
    Ok(results.collect::<Result<_>>()?)
}

/// Runs each pass that looks for what goes once; what it did comes in the order of `modules`, and so does what is left of them.
fn shrink_once<'a>(
    modules: Vec<Module<'a>>,
    options: &ShrinkOptions,
    plan: &mut impl FnMut(&[Module<'_>]) -> anyhow::Result<Vec<Plan>>,
) -> anyhow::Result<(Vec<Vec<Outcome>>, Vec<Module<'a>>)> {
    let plans = if options.plans() { plan(&modules)? } else { modules.iter().map(|_| Plan::keep(String::new())).collect() };
    let mut members: Vec<Member<'a>> = (modules.into_iter().zip(plans))
        .map(|(module, plan)| {
            // Whatever breaks the conventions of linking may also look for symbols in its own way.
            let usual = module.check_conventions().is_ok();
            let (exports, why) = if usual { (plan.exports, plan.why) } else { (Exports::Keep, "unusual imports".to_string()) };
            let fixed = has_code_offsets(&module);
            Member { module, exports, why, kept: plan.kept, fixed, bigint: options.bigint }
        })
        .collect();
    let mut outcomes: Vec<Vec<Outcome>> = vec![Vec::new(); members.len()];
    let mut note = |round: Vec<Outcome>| outcomes.iter_mut().zip(round).for_each(|(outcomes, outcome)| outcomes.push(outcome));
    if options.bind {
        note(bind_members(&mut members, options)?);
    }
    if options.prune {
        note(prune::run(&mut members)?);
    }
    let mut modules: Vec<Module<'a>> = members.into_iter().map(|member| member.module).collect();
    if options.merge {
        note(modules.par_iter_mut().map(merge::run).collect::<Result<_>>()?);
    }
    Ok((outcomes, modules))
}

/// Runs the passes that say the same in fewer bytes, and writes the module.
fn compact(mut module: Module<'_>, mut outcomes: Vec<Outcome>, options: &ShrinkOptions) -> Result<ModuleResult> {
    // Behind the passes that look for addresses, since a table hides which ones are taken.
    if options.relocations && !has_code_offsets(&module) {
        outcomes.push(relocations::run(&mut module)?);
    }
    if options.encode {
        outcomes.push(encode::run(&mut module)?);
        outcomes.push(order::run(&mut module)?);
    }
    finish(&module, outcomes)
}

fn bind_members(members: &mut [Member<'_>], options: &ShrinkOptions) -> Result<Vec<Outcome>> {
    let siblings = exports_of_others(members);
    let bind = |(member, siblings): (&mut Member<'_>, SiblingExports)| {
        if member.fixed || member.module.check_conventions().is_err() {
            return Ok(Outcome::new(bind::PASS));
        }
        let scope = bind::Scope {
            environment: options.environment.as_deref(),
            siblings: &siblings,
            closed: member.exports != Exports::Keep || plugins::is_grammar(&member.module),
            symbolic: options.symbolic,
        };
        bind::run(&mut member.module, &scope)
    };
    members.par_iter_mut().zip(siblings).map(bind).collect()
}

/// For each module, what the others export.
fn exports_of_others(members: &[Member<'_>]) -> Vec<SiblingExports> {
    let exports = |member: usize| members[member].module.exports().iter().map(|export| &*export.name);
    let exporters = Exporters::new((0..members.len()).flat_map(|member| exports(member).map(move |name| (member, name))));
    let exporters = Arc::new(exporters);
    (0..members.len()).map(|member| SiblingExports::of_others(&exporters, member)).collect()
}

/// Writes and validates `module`, if a pass changed it.
fn finish(module: &Module<'_>, outcomes: Vec<Outcome>) -> Result<ModuleResult> {
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
        invokes: options.keep_exceptions,
        keep_dyncalls: options.dyncalls.is_some(),
        allow_struct_change: options.allow_struct_change,
    };
    legalize::run(module, &options)
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
        let message = format!("the runtime lacks {}; it lacked the same where the module comes from", listing(&before));
        outcome.notices.push(NEVER_OFFERED.notes(message));
    }
    if gone.is_empty() {
        return Ok(());
    }
    let problem = format!("the runtime lacks {}", listing(&gone));
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

/// The names by what is wrong with them.
fn listing(missing: &[(String, Problem)]) -> String {
    let kinds = Problem::ALL.into_iter().filter_map(|kind| {
        let names: Vec<String> =
            missing.iter().filter(|(_, problem)| *problem == kind).map(|(name, _)| format!("`{name}`")).collect();
        (!names.is_empty()).then(|| format!("{} {}", kind.describe(names.len()), names.join(", ")))
    });
    kinds.collect::<Vec<_>>().join("; ")
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
