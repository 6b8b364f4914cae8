//! Internal GOT globals as constants, and indirect calls of known functions as direct ones.

use crate::body::edit::Edits;
use crate::body::pushed::{self, Pushed};
use crate::body::{code, relocated};
use crate::linking::internal_got::{self, Bases, Entry};
use crate::module::{Address, Body, FunctionId, Item, Module};
use crate::parallel::prelude::*;
use crate::{Outcome, Result};
use std::collections::HashMap;
use wasmparser::{FuncType, Operator};

/// So many uses of a global take less room as `base + offset` than the global, its assignment and its reads: a use takes about 3 bytes
/// more, and the global 14.
const MOST_READS: usize = 3;

/// Replaces reads of internal GOT globals that have few of them by the addresses they hold. The globals are left to prune. Relocation code
/// does not count, since an address is shorter there once it is a table.
pub fn inline(module: &mut Module<'_>, outcome: &mut Outcome) -> Result<()> {
    let mut known = set_first(module)?;
    let relocations = module.export("__wasm_apply_data_relocs");
    let reads = reads(module, &known)?;
    let mut counts: HashMap<u32, usize> = HashMap::new();
    for (_, globals) in reads.iter().filter(|(function, _)| Some(Item::Function(*function)) != relocations) {
        globals.iter().for_each(|global| *counts.entry(*global).or_default() += 1);
    }
    known.retain(|global, _| counts.get(global).is_none_or(|count| *count <= MOST_READS));
    let readers = reads.into_iter().filter(|(_, globals)| globals.iter().any(|global| known.contains_key(global)));
    let readers: Vec<FunctionId> = readers.map(|(function, _)| function).collect();
    let bases = Bases::of(module);
    let shared = &*module;
    let rewritten: Vec<(FunctionId, usize, Vec<u8>)> = (readers.into_par_iter())
        .filter_map(|id| Some((id, shared.function(id).origin.defined()?)))
        .map(|(id, body)| {
            let mut edits = Edits::new(body);
            let mut count = 0;
            pushed::each(body, |operator, span, _| {
                let Operator::GlobalGet { global_index } = operator else { return };
                let Some(entry) = known.get(global_index) else { return };
                let Some(base) = bases.global(entry.address) else { return };
                let address = match entry.address {
                    Address::Memory(0) => code(|code| code.global_get(base)),
                    Address::Memory(offset) => code(|code| code.global_get(base).i32_const(offset as i32).i32_add()),
                    Address::Table(slot) => relocated(base, slot),
                };
                edits.replace(span, address);
                count += 1;
            })?;
            Ok((id, count, edits.apply()?))
        })
        .collect::<Result<_>>()?;
    for (id, count, body) in rewritten {
        module.define_function(id, body);
        outcome.count("globals_replaced", count);
    }
    Ok(())
}

/// The internal GOT globals that nobody can read before they are set.
fn set_first(module: &Module<'_>) -> Result<HashMap<u32, Entry>> {
    let mut known = internal_got::find(module)?;
    known.retain(|_, entry| entry.first);
    Ok(known)
}

/// For each function that reads such globals, the number of each read.
fn reads(module: &Module<'_>, known: &HashMap<u32, Entry>) -> Result<Vec<(FunctionId, Vec<u32>)>> {
    let facts = module.facts()?.into_iter();
    let reads = facts.map(|(id, facts)| (id, facts.reads().filter(|global| known.contains_key(global)).collect::<Vec<_>>()));
    Ok(reads.filter(|(_, globals)| !globals.is_empty()).collect())
}

/// Has indirect calls whose function is known call it directly. Nobody but the module fills its own slots.
pub fn call_directly(module: &mut Module<'_>, outcome: &mut Outcome) -> Result<()> {
    let Some(Item::Table(table)) = module.import("env", "__indirect_function_table") else { return Ok(()) };
    let bases = Bases::of(module);
    let known = set_first(module)?;
    let shared = &*module;
    let slots = shared.own_slots();
    let holds_slot = |global: u32| known.contains_key(&global) || bases.global(Address::Table(0)) == Some(global);
    let callers = shared.bodies_that(|facts| facts.indirect_calls && facts.reads().any(holds_slot))?;
    let rewritten: Vec<(FunctionId, usize, Vec<u8>)> = (callers.into_par_iter())
        .map(|(id, body)| {
            let calls = direct_calls(body, table.0, |value, ty| {
                let known = if let Pushed::Global(global) = value { known.get(&global) } else { None };
                let slot = known.map(|entry| entry.address).or_else(|| bases.address_of(value))?;
                let Address::Table(slot) = slot else { return None };
                let callee = shared.resolved(*slots.get(slot as usize)?);
                let same: &FuncType = shared.types().get(ty as usize)?;
                (shared.signature(callee) == same).then_some(callee)
            })?;
            if calls.is_empty() {
                return Ok(None);
            }
            let mut edits = Edits::new(body);
            let count = calls.len();
            for (span, callee) in calls {
                edits.replace(span, code(|code| code.call(callee.0)));
            }
            Ok(Some((id, count, edits.apply()?)))
        })
        .filter_map(Result::transpose)
        .collect::<Result<_>>()?;
    for (id, count, body) in rewritten {
        module.define_function(id, body);
        outcome.count("indirect_calls_made_direct", count);
    }
    Ok(())
}

/// The indirect calls through `table` for which `callee` knows the function, from the address on.
fn direct_calls(
    body: &Body<'_>,
    table: u32,
    callee: impl Fn(Pushed, u32) -> Option<FunctionId>,
) -> Result<Vec<(std::ops::Range<usize>, FunctionId)>> {
    let mut calls = Vec::new();
    pushed::each(body, |operator, span, recent| {
        if let Operator::CallIndirect { type_index, table_index } = *operator
            && table_index == table
            && let Some((begin, value)) = recent.pushed()
            && let Some(callee) = callee(value, type_index)
        {
            calls.push((begin..span.end, callee));
        }
    })?;
    Ok(calls)
}
