//! All passes over a group of modules that are linked to each other: a single module, or the modules of a wheel.
//!
//! **One way through.** Each module is read and validated once, goes through all passes as one [`Module`], and is written and validated once.
//!
//! **Order.** What a module needs to run on its target comes first ([`upgrade`]), what makes it smaller after it ([`run`]):
//!
//! 1. `dylink`: names of libraries decide nothing, but a repair of sizes makes room that later passes add to.
//! 2. `symbols`: aliases, before anybody asks whether the runtime offers a name.
//! 3. `extended-const`, then `legalize`: the types of functions are right before exceptions and wrappers are made of them.
//! 4. `resolve`: what nobody offers becomes null, before `exceptions` counts who may throw.
//! 5. `exceptions`, then `dyncalls`: for the signatures that were called through invokes in the input, of which none is left.
//! 6. `handlers`: behind `exceptions`, which writes legacy instructions.
//! 7. `substitutes`: for what is still missing when all other passes have asked for what they need.
//! 8. `pointers`: the functions and calls are there that it looks at, those that `exceptions` has made direct included.
//! 9. `strip`: passes leave modules alone whose debug information points into the code.
//! 10. `bind`, `isolate`, `prune`, `merge`: each may give the others work, so they run until none finds any more. What is bound needs no name,
//!     and the old names of what is isolated prune drops.
//! 11. `relocations`: behind the passes that look for addresses, since a table hides which ones are taken.
//! 12. `encode`: the code is as it will be.
//! 13. `slots`: when nothing is left to do, so that nothing gets a place that is not used; then all of it again.
//! 14. `order`: depends on nothing but the rest, and nothing depends on it, so it runs once, at the end.
//!
//! **A second run changes nothing.** What one pass takes away may be what kept another from its work (an import that broke the conventions of
//! linking, a function that two others differed in). So all passes but the last run again until none of them changes anything. Facts
//! about bodies that stayed as they were are still there then.
//!
//! **When it gives up.** Modules that change in each of [`MOST_ROUNDS`] rounds stay as their upgrade leaves them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use crate::parallel::prelude::*;
use wasmparser::FuncType;

use crate::bind;
use crate::dyncall::{self, Signatures};
use crate::isolate::{self, Standing, Subject};
use crate::linking::code_offsets::has_code_offsets;
use crate::linking::siblings::{Exporters, SiblingExports};
use crate::module::{Module, Written, validate};
use crate::prune::{self, Exports, Member};
use crate::strip::{self, Strip};
use crate::symbols::{self, Alias};
use crate::{
    Environment, Error, Kept, Notice, Outcome, Result, code, dylink, encode, exceptions, extended_const, handlers, legalize, merge,
    order, pointers, relocations, resolve, substitutes,
};

/// So many rounds over all passes at most, and so many over those that give each other work. Real modules need two or three.
const MOST_ROUNDS: usize = 8;

/// Why modules are not made smaller that change in every round.
const NEVER_AT_REST: &str = "it changes whenever it is made smaller";

/// What is asked for the upgrade of one module. By default, nothing but repairs of its linking metadata: nothing is known of the runtime.
#[derive(Debug, Clone, Copy)]
pub struct Options<'o> {
    /// What is asked for its linking metadata.
    pub linking: dylink::Options<'o>,
    /// Other names for symbols, the user's first.
    pub aliases: &'o [Alias],
    /// What the runtime offers; `None` when nothing is known of it.
    pub environment: Option<&'o Environment>,
    /// Names that sibling modules export: imports of these names are user symbols, whatever they look like.
    pub sibling_exports: &'o SiblingExports,
    /// The types with 64-bit integers of functions that sibling modules export, as [`legalize::wide_exports`] tells them.
    pub sibling_types: &'o HashMap<String, FuncType>,
    /// The loader may ask for weak symbols that nobody offers, and all libraries that the module may get are siblings.
    pub null_weak: bool,
    /// Name of the runtime's entry point to exception matching; `None` leaves exceptions as they are: the runtime implements them in
    /// JavaScript.
    pub personality: Option<&'o str>,
    /// The instructions that handle exceptions; `None` for those that the module has.
    pub handlers: Option<handlers::Kind>,
    /// Write out constant expressions that compute, for engines that do not know them.
    pub no_extended_const: bool,
    /// The runtime's main module has BIGINT: 64-bit integers are to cross the border of the module whole.
    pub bigint: bool,
    /// Add missing `dynCall_*` exports for these signatures.
    pub dyncalls: Option<&'o Signatures>,
    /// Accept modules that may be built for other layouts of structs than the runtime's.
    pub allow_struct_change: bool,
    /// Put adapters in front of functions whose pointers are called under another type, by this version of Python (`3.13`) among others.
    pub adapters: Option<&'o str>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        static NO_SIBLINGS: LazyLock<(SiblingExports, HashMap<String, FuncType>)> = LazyLock::new(Default::default);
        Options {
            linking: dylink::Options::default(),
            aliases: &[],
            environment: None,
            sibling_exports: &NO_SIBLINGS.0,
            sibling_types: &NO_SIBLINGS.1,
            null_weak: false,
            personality: None,
            handlers: None,
            no_extended_const: false,
            bigint: false,
            dyncalls: None,
            allow_struct_change: false,
            adapters: None,
        }
    }
}

/// Runs every pass that `options` ask for over `module`, so that it runs on its target. Returns what each did, in the order they ran.
///
/// # Errors
/// What the passes return.
pub fn upgrade(module: &mut Module<'_>, options: &Options<'_>) -> Result<Vec<Outcome>> {
    let Options { environment, sibling_exports, .. } = *options;
    let invoked = dyncall::invoked(module);
    let kind = options.handlers.map_or_else(|| handlers::Kind::of(module), Ok)?;
    let mut outcomes =
        vec![dylink::run(module, &options.linking), symbols::rename(module, options.aliases, environment, sibling_exports)];
    if options.no_extended_const {
        outcomes.push(extended_const::run(module)?);
    }
    if options.bigint {
        outcomes.push(legalized(module, options)?);
    }
    if let Some(environment) = environment {
        let resolve = resolve::Options { environment, sibling_exports, null_weak: options.null_weak };
        outcomes.push(resolve::run(module, &resolve)?);
    }
    if let Some(personality) = options.personality {
        let exceptions = exceptions::Options { personality, sibling_exports, environment };
        outcomes.push(exceptions::run(module, &exceptions)?);
    }
    outcomes.push(handlers::run(module, kind)?);
    if let Some(signatures) = options.dyncalls {
        let dyncalls = dyncall::Options { signatures, bigint: options.bigint };
        outcomes.push(dyncall::run(module, invoked, &dyncalls)?);
    }
    if let Some(environment) = environment {
        outcomes.push(substitutes::run(module, environment, sibling_exports));
    }
    if let Some(python) = options.adapters {
        outcomes.push(pointers::run(module, &pointers::Runtime::new(python, environment))?);
    }
    Ok(outcomes)
}

/// Undoes legalization as `options` have it.
fn legalized(module: &mut Module<'_>, options: &Options<'_>) -> Result<Outcome> {
    let nothing = Environment::default();
    let options = legalize::Options {
        environment: options.environment.unwrap_or(&nothing),
        sibling_exports: options.sibling_exports,
        sibling_types: options.sibling_types,
        invokes: options.personality.is_none(),
        keep_dyncalls: options.dyncalls.is_some(),
        allow_struct_change: options.allow_struct_change,
    };
    undo_legalization(module, &options)
}

/// Undoes the legalization of `module`, and moves `tempRet0` into it if that has no other use then.
///
/// # Errors
/// What [`legalize::run`] returns.
pub fn undo_legalization(module: &mut Module<'_>, options: &legalize::Options<'_>) -> Result<Outcome> {
    let mut outcome = legalize::run(module, options)?;
    if !outcome.is_unchanged() {
        // Halves of integers may have been all that went through it.
        exceptions::make_temp_ret_private(module, options.sibling_exports, &mut outcome)?;
    }
    Ok(outcome)
}

/// What is asked for the modules of a group beyond their upgrade.
#[derive(Debug, Clone, Default)]
pub struct Shrink {
    /// Let references to what a module defines itself become local.
    pub bind: bool,
    /// Bind everything that a module defines, whoever else defines it.
    pub symbolic: bool,
    /// Give symbols of private libraries names that no other module has.
    pub isolate: bool,
    /// Drop exports, and what only they keep.
    pub prune: bool,
    /// Which custom sections go.
    pub strip: Option<Strip>,
    /// Let equal functions be one.
    pub merge: bool,
    /// Shorten numbers and data, and order functions for compression.
    pub encode: bool,
    /// For which form functions are ordered.
    pub order: order::For,
    /// Move relocations of data into a table.
    pub relocations: bool,
    /// Nobody calls `dynCall_*` and `orig$*`: the runtime's main module has BIGINT, and no such exports were asked for.
    pub bigint: bool,
    /// What the runtime offers; `None` when nothing is known of it.
    pub environment: Option<Arc<Environment>>,
}

impl Shrink {
    /// Whether it is asked which exports may go, and who belongs to the group alone: no other pass wants to know.
    pub fn plans(&self) -> bool {
        self.bind || self.isolate || self.prune
    }
}

/// Which exports of a module may go, told from what is around it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Which ones go that no module of the group needs.
    pub exports: Exports,
    /// Why no others go.
    pub why: String,
    /// Names that stay, each with the reason.
    pub kept: HashMap<String, &'static str>,
    /// No module outside the group takes part in linking it, though its exports stay.
    pub closed: bool,
    /// Names of its exports that modules outside of the group are known to export, too.
    pub elsewhere: HashSet<String>,
    /// Whom it belongs to, and which libraries it gets; asked for to isolate alone.
    pub standing: Standing,
}

impl Plan {
    /// All exports stay, and others may define what the module defines.
    pub fn keep(why: String) -> Self {
        Plan {
            exports: Exports::Keep,
            why,
            kept: HashMap::new(),
            closed: false,
            elsewhere: HashSet::new(),
            standing: Standing::default(),
        }
    }
}

/// What became of one module.
#[derive(Debug, Clone, Default)]
pub struct Upgraded {
    /// The new bytes, or `None` when no pass found work: the input stands.
    pub bytes: Option<Vec<u8>>,
    /// What each pass did, in the order they ran.
    pub outcomes: Vec<Outcome>,
}

/// Who knows what the passes ask for.
pub trait World {
    /// What goes wrong there, or in the passes.
    type Error;

    /// What went wrong with the module at `place` in the group.
    fn failed(&self, place: usize, error: Error) -> Self::Error;

    /// Upgrades the modules of the group, and tells of each what the passes did.
    ///
    /// # Errors
    /// What makes the upgrade impossible.
    fn upgrade(&mut self, modules: &mut [Module<'_>]) -> std::result::Result<Vec<Vec<Outcome>>, Self::Error>;

    /// Tells for each of the modules which exports may go.
    ///
    /// # Errors
    /// When that cannot be found out.
    fn plan(&mut self, modules: &[Module<'_>]) -> std::result::Result<Vec<Plan>, Self::Error>;
}

/// Upgrades the modules `inputs` as `world` does, and makes them smaller if there are options for that in `shrink`, until another run would
/// change nothing. The results come in the order of `inputs`.
///
/// # Errors
/// What reading the modules, `world` and the passes return; [`Error::Internal`] if a result does not validate.
pub fn run<W: World>(inputs: &[&[u8]], shrink: Option<&Shrink>, world: &mut W) -> std::result::Result<Vec<Upgraded>, W::Error> {
    let mut group = Group::read(inputs, world)?;
    for _ in 0..MOST_ROUNDS {
        if !group.round(shrink, world)? && !group.link(shrink, world)? {
            group.order(shrink, world)?;
            return group.finish(world);
        }
    }
    // Two groups would take twice the memory.
    drop(group);
    let mut group = Group::read(inputs, world)?;
    group.round(None, world)?;
    for outcomes in &mut group.outcomes {
        let mut outcome = Outcome::new(prune::PASS);
        outcome.leave(Kept::Module, NEVER_AT_REST);
        outcomes.push(outcome);
    }
    group.finish(world)
}

/// Upgrades a module that is linked to no other as `upgrade` does, until another run would change nothing, and writes it.
///
/// # Errors
/// What reading the module and `upgrade` return; [`Error::Internal`] if the result does not validate.
pub fn run_alone(input: &[u8], upgrade: impl FnMut(&mut Module<'_>) -> Result<Vec<Outcome>>) -> Result<Upgraded> {
    struct Alone<U>(U);
    impl<U: FnMut(&mut Module<'_>) -> Result<Vec<Outcome>>> World for Alone<U> {
        type Error = Error;
        fn failed(&self, _: usize, error: Error) -> Error {
            error
        }
        fn upgrade(&mut self, modules: &mut [Module<'_>]) -> Result<Vec<Vec<Outcome>>> {
            modules.iter_mut().map(&mut self.0).collect()
        }
        fn plan(&mut self, modules: &[Module<'_>]) -> Result<Vec<Plan>> {
            Ok(modules.iter().map(|_| Plan::keep(String::new())).collect())
        }
    }
    let results = run(&[input], None, &mut Alone(upgrade))?;
    results.into_iter().next().ok_or_else(|| Error::Internal("no result for the module".into()))
}

/// Runs every pass that `options` ask for over the side module `input` and writes it.
///
/// # Errors
/// As [`run_alone`].
pub fn upgrade_module(input: &[u8], options: &Options<'_>) -> Result<Upgraded> {
    run_alone(input, |module| upgrade(module, options))
}

/// The results, or the first error, as `world` tells it.
fn all<T, W: World>(results: Vec<Result<T>>, world: &W) -> std::result::Result<Vec<T>, W::Error> {
    results.into_iter().enumerate().map(|(place, result)| result.map_err(|error| world.failed(place, error))).collect()
}

/// The modules of a group on their way, and what was done to each so far.
struct Group<'a> {
    modules: Vec<Module<'a>>,
    outcomes: Vec<Vec<Outcome>>,
}

impl<'a> Group<'a> {
    fn read<W: World>(inputs: &[&'a [u8]], world: &W) -> std::result::Result<Self, W::Error> {
        let modules = all(inputs.par_iter().map(|bytes| Module::read(bytes)).collect(), world)?;
        Ok(Group { outcomes: vec![Vec::new(); modules.len()], modules })
    }

    /// Notes what passes did; tells whether they changed anything.
    fn note(&mut self, done: Vec<Vec<Outcome>>) -> bool {
        let changed = done.iter().flatten().any(|outcome| !outcome.is_unchanged());
        for (outcomes, later) in self.outcomes.iter_mut().zip(done) {
            follow(outcomes, later);
        }
        changed
    }

    /// Runs all passes but the last once; tells whether they changed anything.
    fn round<W: World>(&mut self, shrink: Option<&Shrink>, world: &mut W) -> std::result::Result<bool, W::Error> {
        let upgraded = world.upgrade(&mut self.modules)?;
        let mut changed = self.note(upgraded);
        let Some(options) = shrink else { return Ok(changed) };
        if let Some(strip) = options.strip {
            let stripped = self.modules.iter_mut().map(|module| vec![strip::run(module, strip)]).collect();
            changed |= self.note(stripped);
        }
        changed |= self.take_away(options, world)?;
        let compacted = all(self.modules.par_iter_mut().map(|module| compact(module, options)).collect(), world)?;
        Ok(changed | self.note(compacted))
    }

    /// Links by slot what has a name of its own, once nothing else is left to do: what is not used any more needs no place in a table. Tells
    /// whether there was anything.
    fn link<W: World>(&mut self, shrink: Option<&Shrink>, world: &mut W) -> std::result::Result<bool, W::Error> {
        if !shrink.is_some_and(|options| options.isolate) {
            return Ok(false);
        }
        let plans = world.plan(&self.modules)?;
        if plans.iter().all(|plan| plan.standing.private.is_none()) {
            return Ok(false);
        }
        let subjects = self.modules.iter_mut().zip(plans).map(|(module, plan)| {
            let fixed = has_code_offsets(module) || module.check_conventions().is_err();
            Subject { module, standing: plan.standing, fixed }
        });
        let linked = isolate::slots::run(&mut subjects.collect::<Vec<_>>()).map_err(|error| world.failed(0, error))?;
        Ok(self.note(linked.into_iter().map(|outcome| vec![outcome]).collect()))
    }

    /// Runs the passes that give each other work until none finds any; tells whether one did.
    fn take_away<W: World>(&mut self, options: &Shrink, world: &mut W) -> std::result::Result<bool, W::Error> {
        let mut done: Option<Vec<Vec<Outcome>>> = None;
        for _ in 0..MOST_ROUNDS {
            let plans = if options.plans() {
                world.plan(&self.modules)?
            } else {
                self.modules.iter().map(|_| Plan::keep(String::new())).collect()
            };
            let round = self.take_away_once(options, plans, world)?;
            let unchanged = round.iter().flatten().all(Outcome::is_unchanged);
            match &mut done {
                None => done = Some(round),
                Some(done) => done.iter_mut().zip(round).for_each(|(outcomes, later)| follow(outcomes, later)),
            }
            if unchanged {
                break;
            }
        }
        Ok(self.note(done.unwrap_or_default()))
    }

    /// Runs each pass that looks for what goes once; returns what it did to each module.
    fn take_away_once<W: World>(
        &mut self,
        options: &Shrink,
        mut plans: Vec<Plan>,
        world: &W,
    ) -> std::result::Result<Vec<Vec<Outcome>>, W::Error> {
        let standings: Vec<Standing> = plans.iter_mut().map(|plan| std::mem::take(&mut plan.standing)).collect();
        let is_closed =
            |(plan, standing): (&Plan, &Standing)| plan.closed || plan.exports != Exports::Keep || standing.private.is_some();
        let closed: Vec<bool> = plans.iter().zip(&standings).map(is_closed).collect();
        let elsewhere: Vec<HashSet<String>> = plans.iter_mut().map(|plan| std::mem::take(&mut plan.elsewhere)).collect();
        let modules = std::mem::take(&mut self.modules).into_iter();
        let mut members: Vec<Member<'a>> = modules.zip(plans).map(|(module, plan)| member(module, plan, options)).collect();
        let mut outcomes: Vec<Vec<Outcome>> = vec![Vec::new(); members.len()];
        let mut note = |round: Vec<Outcome>| outcomes.iter_mut().zip(round).for_each(|(outcomes, outcome)| outcomes.push(outcome));
        if options.bind {
            note(all(bind_members(&mut members, &closed, &elsewhere, options), world)?);
        }
        let libraries = options.isolate && standings.iter().any(|standing| standing.private.is_some());
        if let (true, Some(environment)) = (libraries, options.environment.as_deref()) {
            note(isolate_members(&mut members, standings, environment));
        }
        if options.prune {
            // What is wrong with one of them prune does not tell.
            note(prune::run(&mut members).map_err(|error| world.failed(0, error))?);
        }
        self.modules = members.into_iter().map(|member| member.module).collect();
        if options.merge {
            note(all(self.modules.par_iter_mut().map(merge::run).collect(), world)?);
        }
        Ok(outcomes)
    }

    /// Orders the functions of all modules, if that is asked for.
    fn order<W: World>(&mut self, shrink: Option<&Shrink>, world: &W) -> std::result::Result<(), W::Error> {
        if let Some(options) = shrink.filter(|options| options.encode) {
            let ordered = self.modules.par_iter_mut().map(|module| Ok(vec![order::run(module, options.order)?])).collect();
            let ordered = all(ordered, world)?;
            self.note(ordered);
        }
        Ok(())
    }

    fn finish<W: World>(self, world: &W) -> std::result::Result<Vec<Upgraded>, W::Error> {
        let pairs = self.modules.into_par_iter().zip(self.outcomes);
        all(pairs.map(|(module, outcomes)| finish(&module, outcomes)).collect(), world)
    }
}

/// Adds to `outcomes` what later runs of the passes did. Of those that ran before and found no more work, what they said then stands.
fn follow(outcomes: &mut Vec<Outcome>, later: Vec<Outcome>) {
    for outcome in later {
        match outcomes.iter_mut().find(|known| known.pass == outcome.pass) {
            Some(known) if !outcome.is_unchanged() => known.follow(outcome),
            Some(_) => {}
            None => outcomes.push(outcome),
        }
    }
}

fn member<'a>(module: Module<'a>, plan: Plan, options: &Shrink) -> Member<'a> {
    // Whatever breaks the conventions of linking may also look for symbols in its own way.
    let usual = module.check_conventions().is_ok();
    let (exports, why) = if usual { (plan.exports, plan.why) } else { (Exports::Keep, "unusual imports".to_string()) };
    let fixed = has_code_offsets(&module);
    Member { module, exports, why, kept: plan.kept, fixed, bigint: options.bigint }
}

fn bind_members(
    members: &mut [Member<'_>],
    closed: &[bool],
    elsewhere: &[HashSet<String>],
    options: &Shrink,
) -> Vec<Result<Outcome>> {
    let siblings = exports_of_others(members);
    let bind = |(((member, siblings), closed), elsewhere): (((&mut Member<'_>, SiblingExports), &bool), &HashSet<String>)| {
        if member.fixed || member.module.check_conventions().is_err() {
            return Ok(Outcome::new(bind::PASS));
        }
        let scope = bind::Scope {
            environment: options.environment.as_deref(),
            siblings: &siblings,
            elsewhere,
            closed: *closed,
            symbolic: options.symbolic,
        };
        bind::run(&mut member.module, &scope)
    };
    members.par_iter_mut().zip(siblings).zip(closed).zip(elsewhere).map(bind).collect()
}

fn isolate_members(members: &mut [Member<'_>], standings: Vec<Standing>, environment: &Environment) -> Vec<Outcome> {
    let subjects = members.iter_mut().zip(standings).map(|(member, standing)| {
        let fixed = member.fixed || member.module.check_conventions().is_err();
        Subject { module: &mut member.module, standing, fixed }
    });
    isolate::run(&mut subjects.collect::<Vec<_>>(), environment)
}

/// For each module, what the others export.
fn exports_of_others(members: &[Member<'_>]) -> Vec<SiblingExports> {
    let exports = |member: usize| members[member].module.exports().iter().map(|export| &*export.name);
    let exporters = Exporters::new((0..members.len()).flat_map(|member| exports(member).map(move |name| (member, name))));
    let exporters = Arc::new(exporters);
    (0..members.len()).map(|member| SiblingExports::of_others(&exporters, member)).collect()
}

/// Runs the passes that say the same in fewer bytes.
fn compact(module: &mut Module<'_>, options: &Shrink) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    if options.relocations && !has_code_offsets(module) {
        outcomes.push(relocations::run(module)?);
    }
    if options.encode {
        outcomes.push(encode::run(module)?);
    }
    Ok(outcomes)
}

/// Writes and validates `module`, if a pass changed it.
fn finish(module: &Module<'_>, mut outcomes: Vec<Outcome>) -> Result<Upgraded> {
    if outcomes.iter().all(Outcome::is_unchanged) {
        return Ok(Upgraded { bytes: None, outcomes });
    }
    let Written { bytes, names_lost } = module.written()?;
    if let (Some(error), Some(last)) = (names_lost, outcomes.iter_mut().rfind(|outcome| !outcome.is_unchanged())) {
        let message = format!("dropped the section `name`, which cannot be read: {error}");
        last.notices.push(Notice::note(code::DROPPED_SECTIONS, message));
    }
    validate(&bytes).map_err(|error| Error::Internal(format!("the result is not valid: {error}")))?;
    Ok(Upgraded { bytes: Some(bytes), outcomes })
}
