//! Globals that hold the address of a function of the module for good.
//!
//! For addresses that the module takes of its own functions, lld makes internal GOT globals, which `__wasm_apply_global_relocs` sets to
//! `__table_base + n` once (lld/wasm/SyntheticSections.cpp, `GlobalSection::generateRelocationCode`). That function is the start function
//! or called by it, so that it comes before any other code; a global that another function sets must be null before, which nobody calls.

use crate::Result;
use crate::module::{Body, FunctionId, GlobalId, Item, Module};
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};
use wasmparser::{BinaryReader, FunctionBody, Operator};

/// The slot, counted from `__table_base`, that each such global holds.
pub fn find(module: &Module<'_>, table_base: Option<u32>) -> Result<HashMap<u32, u32>> {
    let Some(table_base) = table_base else { return Ok(HashMap::new()) };
    let first = first_functions(module)?;
    let bodies: Vec<_> = module.bodies().collect();
    let written: Vec<Vec<Write>> = (bodies.into_par_iter())
        .map(|(function, body)| writes(body, table_base, first.contains(&function)))
        .collect::<Result<_>>()?;
    let exported: HashSet<GlobalId> =
        module.exports().iter().filter_map(|export| if let Item::Global(id) = export.item { Some(id) } else { None }).collect();
    let mut once: HashMap<u32, Option<Write>> = HashMap::new();
    for write in written.into_iter().flatten() {
        // Whoever is written twice is not for good.
        once.entry(write.global).and_modify(|known| *known = None).or_insert(Some(write));
    }
    let null = |global: u32| {
        let init = module.globals().get(global as usize).and_then(|global| global.origin.defined());
        init.is_some_and(|init| *init.bytes == NULL)
    };
    let good = once.into_values().flatten().filter(|write| write.first || null(write.global));
    let good = good.filter(|write| !exported.contains(&GlobalId(write.global)));
    Ok(good.filter_map(|write| Some((write.global, write.slot?))).collect())
}

/// One `global.set`.
struct Write {
    global: u32,
    /// The slot, where the value is `__table_base + n`.
    slot: Option<u32>,
    /// Whether it happens before any other code runs.
    first: bool,
}

/// The start function and those it calls directly.
fn first_functions(module: &Module<'_>) -> Result<HashSet<FunctionId>> {
    let Some(start) = module.start() else { return Ok(HashSet::new()) };
    let mut first = HashSet::from([start]);
    if let Some(body) = module.function(start).origin.defined() {
        for operator in FunctionBody::new(BinaryReader::new(&body.bytes, body.offset)).get_operators_reader()? {
            if let Operator::Call { function_index } = operator? {
                first.insert(FunctionId(function_index));
            }
        }
    }
    Ok(first)
}

/// `i32.const 0; end`
const NULL: [u8; 3] = [0x41, 0x00, 0x0b];

/// The globals that `body` writes.
fn writes(body: &Body<'_>, table_base: u32, first: bool) -> Result<Vec<Write>> {
    let mut writes = Vec::new();
    let mut last = [Step::Other; 3];
    for operator in FunctionBody::new(BinaryReader::new(&body.bytes, body.offset)).get_operators_reader()? {
        let step = match operator? {
            Operator::GlobalSet { global_index } => {
                let slot = match last {
                    [Step::TableBase, Step::Const(slot), Step::Add] => Some(slot),
                    [_, _, Step::TableBase] => Some(0),
                    _ => None,
                };
                writes.push(Write { global: global_index, slot, first });
                Step::Other
            }
            Operator::GlobalGet { global_index } if global_index == table_base => Step::TableBase,
            Operator::I32Const { value } => u32::try_from(value).map_or(Step::Other, Step::Const),
            Operator::I32Add => Step::Add,
            _ => Step::Other,
        };
        last = [last[1], last[2], step];
    }
    Ok(writes)
}

/// One instruction of the pattern.
#[derive(Debug, Clone, Copy)]
enum Step {
    TableBase,
    Const(u32),
    Add,
    Other,
}
