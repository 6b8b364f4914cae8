//! Drops exports that nobody needs, then every function, global, import, tag and type that only they kept.
//!
//! **Idea.** `-sSIDE_MODULE=1` exports every symbol that is not hidden. Each costs its name in the file, a GOT entry and a table slot
//! when the module is loaded, and keeps alive what it refers to. The modules of a [`Member`] list are linked to each other by name, so
//! they are looked at as one graph: from the exports that stay and the start functions, along calls, globals, imports and the addresses of
//! functions ([`reach`]). An import that is reached keeps the exports of its name, in the module itself and in all others. What is not
//! reached goes.
//!
//! **Which exports may go** the caller says ([`Exports`]); what the loader or Python looks up by name always stays ([`looked_up`](crate::linking::looked_up)).
//!
//! **Table slots** are reached by code, start function and relocations that name them ([`crate::linking::slots`]); if that cannot be told, all are. Those at
//! the end of the module's part of the table that nobody names go. The others keep their numbers, since renumbering would save a byte or
//! two for each, but not the functions that only they keep: a stub takes the place of these.
//!
//! **When it leaves things alone.** A module whose debug information points into the code stays whole. Memory and data stay as they are,
//! since nothing tells where one object ends and the next begins. An imported global that code writes stays, since others see that; a
//! global of the module that is only ever written goes, together with the code that computes what it is set to where that is an address,
//! and with a `drop` in place of the assignment otherwise.
//!
//! **Relies on** `resolveSymbol`, `updateGOT` and `postInstantiation` of Emscripten's `libdylink.js` (4.0.9): symbols are found by their
//! export name alone, whichever import module asks, and no other part of a module can be seen from outside. Nor does it remember slots:
//! `getFunctionAddress` finds the slot of an exported function by what is in the table, and `addFunction` makes one where there is none.

mod reach;
mod unread;

use crate::linking::code_offsets::CODE_OFFSETS;
use crate::linking::looked_up::is_looked_up;
use crate::linking::mangling::is_mangled;
use crate::module::{FunctionId, GlobalId, Item, Module, TagId, TypeId};
use crate::parallel::prelude::*;
use crate::{Kept, Outcome, Result};
use reach::Reached;
use std::collections::{HashMap, HashSet};

/// Name of the pass.
pub const PASS: &str = "prune";

/// Which exports of a module may go if no import of the group needs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exports {
    /// None: others may need them that nobody knows of.
    Keep,
    /// Those with mangled names, of C++ and Rust.
    PruneMangled,
    /// All that the loader and Python do not look up.
    Prune,
}

/// One module of a group, with what is known of its users.
#[derive(Debug)]
pub struct Member<'a> {
    /// The module.
    pub module: Module<'a>,
    /// Which exports may go.
    pub exports: Exports,
    /// Why no other exports may go, for the report.
    pub why: String,
    /// Names that stay whatever `exports` says, each with the reason.
    pub kept: HashMap<String, &'static str>,
    /// Nothing of its code may move, since debug information points into it.
    pub fixed: bool,
    /// The main module passes 64-bit integers whole and never calls `dynCall_*` and `orig$*`.
    pub bigint: bool,
}

impl Member<'_> {
    /// Why the export `name` stays though no import of the group may need it; `None` if it may go.
    fn stays(&self, name: &str, item: Item) -> Option<&str> {
        if is_looked_up(name, self.bigint) || !matches!(item, Item::Function(_) | Item::Global(_)) {
            return Some("the loader or Python looks for it");
        }
        let may_go = match self.exports {
            Exports::Keep => false,
            Exports::PruneMangled => is_mangled(name),
            Exports::Prune => true,
        };
        if may_go { self.kept.get(name).copied() } else { Some(&self.why) }
    }
}

/// Prunes all `members` and tells for each what went.
///
/// # Errors
/// Malformed code, which [`Module::read`] would have found.
pub fn run(members: &mut [Member<'_>]) -> Result<Vec<Outcome>> {
    let reached = reach::reach(members)?;
    let sweep = |(member, reached): (&mut Member<'_>, Reached)| {
        if member.fixed {
            let mut outcome = Outcome::new(PASS);
            outcome.leave(Kept::Module, CODE_OFFSETS);
            return Ok(outcome);
        }
        let mut outcome = sweep(&mut member.module, &reached)?;
        for export in member.module.exports() {
            outcome.leave(Kept::Export, member.stays(&export.name, export.item).unwrap_or("a module of the group imports it"));
        }
        Ok(outcome)
    };
    members.par_iter_mut().zip(reached).map(sweep).collect()
}

/// Removes what was not reached.
fn sweep(module: &mut Module<'_>, reached: &Reached) -> Result<Outcome> {
    let mut outcome = Outcome::new(PASS);
    let doomed: HashSet<String> =
        module.exports().iter().filter(|export| !reached.exports.contains(&*export.name)).map(|e| e.name.to_string()).collect();
    if !doomed.is_empty() {
        module.remove_exports(|export| doomed.contains(&*export.name));
    }
    outcome.count("exports_removed", doomed.len());
    let stub = free_slots(module, reached, &mut outcome);
    if let Some(why) = reached.slots_unknown {
        outcome.leave(Kept::FunctionTable, why);
    }
    let imports_before = module.imports().len();
    let alive = module.functions().iter().enumerate().filter(|(_, function)| !function.origin.is_dead());
    let unreached = alive.filter(|(id, _)| !reached.functions.contains(&(*id as u32)) && stub != Some(FunctionId(*id as u32)));
    let (functions, defined) =
        removable(unreached.map(|(id, function)| (FunctionId(id as u32), function.origin.defined().is_some())));
    module.remove_functions(&functions);
    outcome.count("functions_removed", defined);
    unread::forget_writes(module, reached)?;
    let alive = module.globals().iter().enumerate().filter(|(_, global)| !global.origin.is_dead());
    let unreached = alive.filter(|(id, _)| !reached.globals.contains(&(*id as u32)));
    let (globals, defined) = removable(unreached.map(|(id, global)| (GlobalId(id as u32), global.origin.defined().is_some())));
    module.remove_globals(&globals);
    outcome.count("globals_removed", defined);
    let alive = module.tags().iter().enumerate().filter(|(_, tag)| !tag.origin.is_dead());
    let unreached = alive.filter(|(id, _)| !reached.tags.contains(&(*id as u32)));
    let (tags, defined) = removable(unreached.map(|(id, tag)| (TagId(id as u32), tag.origin.defined().is_some())));
    module.remove_tags(&tags);
    outcome.count("tags_removed", defined);
    outcome.count("imports_removed", imports_before - module.imports().len());
    for id in (0..module.types().len() as u32).map(TypeId) {
        let of_stub = stub.is_some_and(|stub| module.function(stub).ty == id);
        if !reached.types.contains(&id.0) && !of_stub && module.has_type(id) {
            module.remove_type(id);
            outcome.count("types_removed", 1);
        }
    }
    if !outcome.is_unchanged() {
        forget_infos(module);
    }
    Ok(outcome)
}

/// The items to remove, and how many of them the module defines itself.
fn removable<Id>(items: impl Iterator<Item = (Id, bool)>) -> (Vec<Id>, usize) {
    let (ids, defined): (Vec<Id>, Vec<bool>) = items.unzip();
    (ids, defined.into_iter().filter(|defined| *defined).count())
}

/// Frees the slots of the function table that nobody names: those at the end go, and the others lose functions that only they keep.
/// One of these functions becomes a stub for all, which is returned.
fn free_slots(module: &mut Module<'_>, reached: &Reached, outcome: &mut Outcome) -> Option<FunctionId> {
    let slots = reached.slots.as_ref()?;
    let before = module.own_slots();
    let used = before.len() - (0..before.len()).rev().take_while(|slot| !slots.contains(&(*slot as u32))).count();
    let dead = |id: &FunctionId| !reached.functions.contains(&module.resolved(*id).0);
    let is_stub = |id: &FunctionId| module.function(*id).origin.defined().is_some_and(|body| *body.bytes == *STUB);
    let candidates: Vec<FunctionId> = before[..used].iter().filter(|id| dead(id)).map(|id| module.resolved(*id)).collect();
    let stub = candidates.iter().find(|id| is_stub(id)).or(candidates.first()).copied();
    let written = stub.is_some_and(|stub| !is_stub(&stub));
    let functions = before[..used].iter().map(|id| stub.filter(|_| dead(id)).unwrap_or(*id)).collect();
    let replaced = candidates.iter().filter(|id| written || stub != Some(**id)).count();
    let freed = before.len() - used + replaced;
    if freed > 0 {
        module.set_own_slots(functions);
    }
    if let Some(stub) = stub.filter(|_| written) {
        module.define_function(stub, STUB.to_vec());
    }
    outcome.count("table_slots_freed", freed);
    stub
}

/// The body of a function that nobody calls: no locals, `unreachable`.
const STUB: &[u8] = &[0, 0, 0x0b];

/// Drops flags of symbols that are gone.
fn forget_infos(module: &mut Module<'_>) {
    module.forget_import_infos();
    let exports: HashSet<String> = module.exports().iter().map(|export| export.name.to_string()).collect();
    if module.dylink.export_info.iter().any(|info| !exports.contains(&info.name)) {
        module.dylink.export_info.retain(|info| exports.contains(&info.name));
    }
}
