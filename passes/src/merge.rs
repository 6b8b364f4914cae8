//! Merges functions that are the same: every call of one of them becomes a call of another.
//!
//! **Idea.** Templates, generics and inlined helpers leave many copies of one body. Two functions are equal when they have the same type,
//! the same locals and the same code, where calls of equal functions count as the same call: merging two may make their callers equal. Which
//! ones are is found as congruence closure is ([`closure`]), in time that grows like n log n with the number of calls.
//!
//! **When it leaves things alone.** A function whose identity can be observed is not replaced: one that an element segment or a
//! `ref.func` mentions has an address, which C and C++ promise to be its own, and an exported one has a name under which the loader gives
//! it a table slot. Such a function may stand for others, whose identity nobody sees. Functions that call themselves are equal to none,
//! since each calls another one. A module whose debug information points into the code is not touched, since that would have to go.
//!
//! **Measured** over the 169 modules of the corpus and of PyPI wheels, after pruning: 0.15 % of their bytes, since wasm-opt merges, too;
//! most of it in modules that did not meet it.
//!
//! **Relies on** `relocateExports`, `updateGOT` and `addFunction` of Emscripten's `libdylink.js` and `libaddfunction.js` (4.0.9): a
//! function that is neither exported nor in the table cannot be reached from outside of its module. The table slot of an exported
//! function is looked up by the function object, of which two exports of one function have the same.

mod closure;

use crate::linking::code_offsets::{CODE_OFFSETS, has_code_offsets};
use crate::module::{FunctionId, Item, Module};
use crate::{Kept, Outcome, Result};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use wasmparser::FuncType;

/// Name of the pass.
pub const PASS: &str = "merge";

/// Merges the equal functions of `module`.
///
/// # Errors
/// Malformed code, which [`Module::read`] would have found.
pub fn run(module: &mut Module<'_>) -> Result<Outcome> {
    let mut outcome = Outcome::new(PASS);
    if has_code_offsets(module) {
        outcome.leave(Kept::Module, CODE_OFFSETS);
        return Ok(outcome);
    }
    let replacements = replacements(module, &observed(module)?)?;
    outcome.count("functions_merged", replacements.len());
    for (id, by) in replacements {
        module.replace_function(id, by);
    }
    Ok(outcome)
}

/// The functions whose identity can be observed: those that are exported, whose reference is taken, or that run at the start.
fn observed(module: &Module<'_>) -> Result<HashSet<FunctionId>> {
    let exported = module.exports().iter().filter_map(|export| match export.item {
        Item::Function(id) => Some(id),
        _ => None,
    });
    let mut observed: HashSet<FunctionId> = exported.chain(module.start()).chain(module.listed_functions()).collect();
    for (_, facts) in module.facts()? {
        observed.extend(facts.taken().map(FunctionId));
    }
    // What was replaced is what it was replaced by.
    Ok(observed.into_iter().map(|id| module.resolved(id)).collect())
}

/// Which functions to replace by which.
fn replacements(module: &Module<'_>, observed: &HashSet<FunctionId>) -> Result<Vec<(FunctionId, FunctionId)>> {
    let hash = |id: FunctionId, body: &[u8]| {
        let mut hasher = DefaultHasher::new();
        (module.signature(id), body).hash(&mut hasher);
        (id, hasher.finish())
    };
    let all: Vec<FunctionId> = module.bodies().map(|(id, _)| id).collect();
    let hashes = module.visit_bodies_without_callees(&all, hash)?;
    let mut alike: HashMap<u64, usize> = HashMap::new();
    hashes.iter().for_each(|(_, hash)| *alike.entry(*hash).or_default() += 1);
    let suspects = hashes.iter().filter(|(_, hash)| alike[hash] > 1).map(|(id, _)| *id).collect::<Vec<_>>();
    let bodies = module.visit_bodies_without_callees(&suspects, |id, body| (id, body.to_vec()))?;
    let mut shapes: HashMap<(&FuncType, Vec<u8>), usize> = HashMap::new();
    let mut functions = Vec::with_capacity(bodies.len());
    for (id, body) in bodies {
        let next = shapes.len();
        let shape = *shapes.entry((module.signature(id), body)).or_insert(next);
        functions.push(closure::Function { id, shape, callees: callees(module, id)?, observed: observed.contains(&id) });
    }
    Ok(closure::replacements(functions))
}

/// The functions that `id` calls, call by call.
fn callees(module: &Module<'_>, id: FunctionId) -> Result<Vec<FunctionId>> {
    let Some(body) = module.function(id).origin.defined() else { return Ok(Vec::new()) };
    Ok(body.facts()?.functions().map(|callee| module.resolved(FunctionId(callee))).collect())
}
