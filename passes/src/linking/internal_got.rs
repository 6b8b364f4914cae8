//! Globals that hold an address of the module for good.
//!
//! For addresses that the module takes of its own functions and data, lld makes internal GOT globals, which `__wasm_apply_global_relocs`
//! sets to `__table_base + n` or `__memory_base + n` once (lld/wasm/SyntheticSections.cpp, `GlobalSection::generateRelocationCode`). That
//! function is the start function or called by it, so that it comes before any other code.

use crate::Result;
use crate::body::pushed::{self, Pushed};
use crate::module::{Address, Body, FunctionId, GlobalId, Item, Module};
use crate::parallel::prelude::*;
use std::collections::{HashMap, HashSet};
use wasmparser::{BinaryReader, FunctionBody, Operator};

/// One such global.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub address: Address,
    /// It is set before any other code runs. Otherwise it is null until an unknown time.
    pub first: bool,
}

/// The address that each such global holds, by its number. A global that is not set first must be null before, so that nobody can use
/// it as an address.
pub fn find(module: &Module<'_>) -> Result<HashMap<u32, Entry>> {
    let bases = Bases::of(module);
    let first = first_functions(module)?;
    let own = |global: u32| module.globals().get(global as usize).is_some_and(|global| global.origin.defined().is_some());
    let writers = module.bodies_that(|facts| facts.writes().any(own))?;
    let written: Vec<Vec<Write>> =
        (writers.into_par_iter()).map(|(function, body)| writes(body, &bases, first.contains(&function))).collect::<Result<_>>()?;
    let exported: HashSet<GlobalId> =
        module.exports().iter().filter_map(|export| if let Item::Global(id) = export.item { Some(id) } else { None }).collect();
    let mut once: HashMap<u32, Option<Write>> = HashMap::new();
    for write in written.into_iter().flatten() {
        // Whoever is written twice is not for good.
        once.entry(write.global).and_modify(|known| *known = None).or_insert(Some(write));
    }
    let null = |global: u32| {
        let init = module.globals().get(global as usize).and_then(|global| global.origin.defined());
        init.is_some_and(|init| init.as_i32() == Some(0))
    };
    let good = once.into_values().flatten().filter(|write| write.first || null(write.global));
    let good = good.filter(|write| !exported.contains(&GlobalId(write.global)));
    let good = good.filter(|write| own(write.global));
    Ok(good.filter_map(|write| Some((write.global, Entry { address: write.address?, first: write.first }))).collect())
}

/// The globals that addresses count from.
#[derive(Debug, Clone, Copy)]
pub struct Bases {
    memory: Option<u32>,
    table: Option<u32>,
}

impl Bases {
    /// Those that `module` imports.
    pub fn of(module: &Module<'_>) -> Self {
        let global = |name| module.base(name).map(|id| id.0);
        Bases { memory: global("__memory_base"), table: global("__table_base") }
    }

    /// The global that `address` counts from.
    pub fn global(self, address: Address) -> Option<u32> {
        match address {
            Address::Memory(_) => self.memory,
            Address::Table(_) => self.table,
        }
    }

    /// The address that `value` is, if it is one.
    pub fn address_of(self, value: Pushed) -> Option<Address> {
        match value {
            Pushed::Global(global) => self.address(global, 0),
            Pushed::Sum { global, constant } => self.address(global, u32::try_from(constant).ok()?),
            Pushed::Constant(_) => None,
        }
    }

    /// The address `offset` behind the base that is in `global`.
    fn address(self, global: u32, offset: u32) -> Option<Address> {
        match Some(global) {
            base if base == self.memory => Some(Address::Memory(offset)),
            base if base == self.table => Some(Address::Table(offset)),
            _ => None,
        }
    }
}

/// One `global.set`.
struct Write {
    global: u32,
    /// The value, where it is an address of the module.
    address: Option<Address>,
    /// Whether it happens before any other code runs.
    first: bool,
}

/// The functions that run before any other: the start function and those it calls, as long as all of them do nothing but set globals and
/// fill memory, as those that lld writes. Otherwise none is known.
fn first_functions(module: &Module<'_>) -> Result<HashSet<FunctionId>> {
    let mut first = HashSet::new();
    let mut waiting: Vec<FunctionId> = module.start().into_iter().collect();
    while let Some(id) = waiting.pop() {
        let Some(body) = module.function(id).origin.defined() else { return Ok(HashSet::new()) };
        if !first.insert(id) {
            continue;
        }
        for operator in FunctionBody::new(BinaryReader::new(&body.bytes, body.offset)).get_operators_reader()? {
            match operator? {
                Operator::Call { function_index } => waiting.push(module.resolved(FunctionId(function_index))),
                Operator::GlobalGet { .. } | Operator::GlobalSet { .. } | Operator::I32Const { .. } | Operator::I64Const { .. } => {
                }
                Operator::LocalGet { .. } | Operator::LocalSet { .. } | Operator::LocalTee { .. } => {}
                Operator::I32Store { .. } | Operator::I64Store { .. } | Operator::I32Load { .. } | Operator::I64Load { .. } => {}
                Operator::MemoryFill { .. } | Operator::MemoryInit { .. } | Operator::DataDrop { .. } => {}
                Operator::I32Add | Operator::I32Sub | Operator::Drop | Operator::Nop | Operator::End => {}
                _ => return Ok(HashSet::new()),
            }
        }
    }
    Ok(first)
}

/// The globals that `body` writes.
fn writes(body: &Body<'_>, bases: &Bases, first: bool) -> Result<Vec<Write>> {
    let mut writes = Vec::new();
    pushed::each(body, |operator, _, recent| {
        if let Operator::GlobalSet { global_index } = *operator {
            let address = recent.pushed().and_then(|(_, value)| bases.address_of(value));
            writes.push(Write { global: global_index, address, first });
        }
    })?;
    Ok(writes)
}
