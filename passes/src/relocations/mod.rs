//! The code that relocates data becomes a loop over a table.
//!
//! **Idea.** Data holds addresses that are known only at load time. For each, lld writes a store into the function
//! `__wasm_apply_data_relocs` (`InputChunk::generateRelocationCode` in `lld/wasm/InputChunks.cpp`), 16 to 18 bytes of code that
//! run once; the data itself holds the address as if the module began at 0. So it is enough to tell where the words are and what is to be
//! added to them, in about a byte each: [`table`]. Where the data does not hold the addend, which is so for addresses from the global
//! offset table, it is written there. What an optimiser made of the stores does not matter: [`relocation_code`].
//!
//! **When it refuses.** It leaves the module alone and says why when the relocation code or the start function, which runs before it,
//! does anything that is not understood, or when it is not known where a data segment goes. Words that no segment initialises, or that
//! are not aligned, keep their stores. Where the table would not be smaller by [`MARGIN`], nothing happens.
//!
//! **Relies on** loaders that call the function once for each instance and before any other code of the module but its start function,
//! as those of Emscripten do (`postInstantiation` in `src/lib/libdylink.js`), and that zero the memory which they give to a module. A
//! second call leaves the words of the table alone. Stores would give words their first value again, and GOT entries the value that they
//! have by then, which those that stay do.
//!
//! The start function's relocations of globals stay: each global takes a `global.set` of its own, whatever the value comes from.

mod table;

use crate::linking::relocation_code::{self, Relocation, Unrecognised};
use crate::linking::segments::segments;
use crate::module::{Address, FunctionId, GlobalId, Module};
use crate::{Kept, Outcome, Result};

use std::collections::BTreeMap;
use std::ops::Range;
use table::{Group, Layout};
use wasm_encoder::InstructionSink;
use wasmparser::{FuncType, ValType};

/// How many bytes the table must save. The routine and what calls it compress worse than stores do, which are all alike.
pub const MARGIN: usize = 256;

/// What the table costs beside its own bytes and code: entries of sections, and one section that may be new.
const ENTRIES: usize = 20;

/// Moves the relocations of data into a table, where that is sound and pays.
///
/// # Errors
/// [`crate::Error::Internal`] only.
pub fn run(module: &mut Module<'_>) -> Result<Outcome> {
    let mut outcome = Outcome::new("relocations");
    let Some(function) = relocation_code::data_function(module) else { return Ok(outcome) };
    if relocation_code::is_done(module, function) {
        return Ok(outcome);
    }
    let plan = match Plan::make(module, function) {
        Ok(Some(plan)) => plan,
        Ok(None) => return Ok(outcome),
        Err(why) => {
            outcome.leave(Kept::RelocationCode, &why);
            return Ok(outcome);
        }
    };
    plan.carry_out(module, function, &mut outcome)?;
    Ok(outcome)
}

/// What is to be done to a module.
#[derive(Debug)]
struct Plan {
    memory_base: GlobalId,
    /// `None` when the module has no use for it.
    table_base: Option<GlobalId>,
    /// What the table holds, sorted by the first places.
    groups: Vec<Group>,
    /// Words of data segments that do not hold their addend yet: the segment, the position in it and the addend.
    addends: Vec<(usize, usize, i32)>,
    /// What stays as it is, with the reason.
    stores: Vec<(Relocation, &'static str)>,
}

impl Plan {
    /// `None` when there is nothing that pays; an error says why the module must be left alone.
    fn make(module: &Module<'_>, function: FunctionId) -> Result<Option<Plan>, String> {
        if module.function(function).origin.defined().is_some_and(|body| body.bytes.len() <= MARGIN) {
            return Ok(None);
        }
        let code = relocation_code::read(module, function).map_err(|why| describe("it", &why))?;
        if !code.globals.is_empty() || !code.zeroed.is_empty() {
            return Err("it does not only store addresses".to_string());
        }
        let (Some(memory_base), table_base) = (module.base("__memory_base"), module.base("__table_base")) else { return Ok(None) };
        let zeroed = zeroed_at_start(module)?;
        let segments = segments(module)?;
        let mut plan = Plan { memory_base, table_base, groups: Vec::new(), addends: Vec::new(), stores: Vec::new() };
        let mut groups: BTreeMap<GlobalId, Vec<u32>> = BTreeMap::new();
        for relocation in code.data {
            let word = relocation.place..relocation.place + 4;
            let (global, addend) = relocation.value.sum(memory_base, table_base);
            let segment = last_before(&segments, word.end).filter(|(range, _)| range.start <= word.start && word.end <= range.end);
            let cleared = last_before(&zeroed, word.end).is_some_and(|(range, ())| word.start < range.end);
            match (global, segment) {
                (None, _) => plan.stores.push((relocation, "it stores a constant")),
                (_, Some(_)) if word.start % 4 != 0 => plan.stores.push((relocation, "its word is not aligned")),
                (Some(global), Some((range, index))) if !cleared => {
                    let at = (word.start - range.start) as usize;
                    if module.data()[*index].bytes[at..at + 4] != addend.to_le_bytes() {
                        plan.addends.push((*index, at, addend));
                    }
                    groups.entry(global).or_default().push(relocation.place);
                }
                _ => plan.stores.push((relocation, "no data segment holds its word")),
            }
        }
        plan.groups = groups.into_iter().map(|(global, places)| Group { global, places }).collect();
        for group in &mut plan.groups {
            group.places.sort_unstable();
        }
        plan.groups.sort_by(|a, b| a.places.cmp(&b.places));
        Ok((!plan.groups.is_empty() && plan.pays(module, function)).then_some(plan))
    }

    /// Whether the table is worth it.
    fn pays(&self, module: &Module<'_>, function: FunctionId) -> bool {
        let table = table::encode(&self.groups);
        let layout = Layout {
            memory_base: self.memory_base,
            state: module.dylink.memory_size,
            segment: module.data().len() as u32,
            size: table.len() as u32,
        };
        let routine = FunctionId(module.functions().len() as u32);
        let code = table::apply(&self.groups, &layout, routine, |code| self.keep_stores(code));
        let after = code.len() + table::routine(&layout).len() + table.len() + ENTRIES;
        let before = module.function(function).origin.defined().map_or(0, |body| body.bytes.len());
        after + MARGIN <= before
    }

    /// The stores that stay. They may run any number of times.
    fn keep_stores(&self, code: &mut InstructionSink<'_>) {
        for (Relocation { place, value }, _) in &self.stores {
            code.global_get(self.memory_base.0);
            match value.sum(self.memory_base, self.table_base) {
                (None, constant) => code.i32_const(constant),
                (Some(global), 0) => code.global_get(global.0),
                (Some(global), addend) => code.global_get(global.0).i32_const(addend).i32_add(),
            };
            code.i32_store(wasm_encoder::MemArg { align: place.trailing_zeros().min(2), ..table::memory(*place) });
        }
    }

    fn carry_out(self, module: &mut Module<'_>, function: FunctionId, outcome: &mut Outcome) -> Result<()> {
        let table = table::encode(&self.groups);
        let size = table.len() as u32;
        let state = match module.reserve_memory(table::STATE_SIZE + size, 2) {
            Ok(Address::Memory(state)) => state,
            _ => {
                outcome.leave(Kept::RelocationCode, "there is no memory left for a table");
                return Ok(());
            }
        };
        let mut rewritten: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
        for &(segment, at, addend) in &self.addends {
            let bytes = rewritten.entry(segment).or_insert_with(|| module.data()[segment].bytes.to_vec());
            bytes[at..at + 4].copy_from_slice(&addend.to_le_bytes());
        }
        for (segment, bytes) in rewritten {
            module.set_data(segment, bytes);
        }
        let layout = Layout { memory_base: self.memory_base, state, segment: module.add_passive_data(table), size };
        let ty = FuncType::new([ValType::I32; 2], [ValType::I32]);
        let routine = module.add_function(&ty, table::routine(&layout), "__wasm_pyfix_relocate");
        let body = table::apply(&self.groups, &layout, routine, |code| self.keep_stores(code));
        module.define_function(function, body);
        module.add_target_features(&["bulk-memory"]);
        outcome.count("relocations_moved", self.groups.iter().map(|group| group.places.len()).sum());
        for (_, why) in &self.stores {
            outcome.leave(Kept::Relocation, why);
        }
        Ok(())
    }
}

/// The last of the ranges, which are sorted and disjoint, that begins before `end`.
fn last_before<T>(ranges: &[(Range<u32>, T)], end: u32) -> Option<&(Range<u32>, T)> {
    ranges[..ranges.partition_point(|(range, _)| range.start < end)].last()
}

/// What the start function clears, sorted and disjoint. It runs behind the data segments and before the relocations.
fn zeroed_at_start(module: &Module<'_>) -> Result<Vec<(Range<u32>, ())>, String> {
    let Some(start) = module.start() else { return Ok(Vec::new()) };
    let mut code = relocation_code::read(module, start).map_err(|why| describe("the start function", &why))?;
    if !code.data.is_empty() {
        return Err("the start function stores addresses, too".to_string());
    }
    code.zeroed.sort_by_key(|range| range.start);
    let mut zeroed: Vec<(Range<u32>, ())> = Vec::new();
    for range in code.zeroed {
        match zeroed.last_mut() {
            Some((last, ())) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => zeroed.push((range, ())),
        }
    }
    Ok(zeroed)
}

fn describe(subject: &str, why: &Unrecognised) -> String {
    format!("{subject} has {} (at offset {:#x})", why.what, why.offset)
}
