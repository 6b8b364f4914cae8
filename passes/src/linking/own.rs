//! Makes references of a module to what it defines itself local: which ones, passes decide.
//!
//! - A **call** of `env.f` becomes a call of the module's own `f`. An element segment or an export of the import stays with the loader,
//!   since that is an address or a name that others see.
//! - **`GOT.func.f`** becomes an internal GOT global, as lld itself makes for hidden functions: the start function sets it to the slot of
//!   `f` in the module's part of the table. Others that take the address of `f` get the same one, since the loader finds the slot of an
//!   exported function that is in the table (`addFunction`); of several slots, it knows the last.
//! - **`GOT.mem.d`** becomes an internal GOT global in the same way.
//!
//! **When it refuses.** Addresses of functions of a module that does not fill its table slots as linkers do, and calls of these functions,
//! so that both mean the same one.

use crate::body::facts;
use crate::module::{Address, FunctionId, GlobalId, Import, Item, Module};
use crate::{Outcome, Result};
use std::collections::{HashMap, HashSet};

/// Why references stay.
const SLOTS: &str = "the module does not fill its table slots as linkers do";
const ELSEWHERE: &str = "what it exports under that name is an import";
const TYPE: &str = "it is imported with another type than it is defined with";
const SEEN: &str = "the import is in the table or exported, where others see it";
const ADDRESS: &str = "the address of the definition is no constant";

/// A reference to what a module defines itself.
#[derive(Debug, Clone, Copy)]
pub struct Reference<'r> {
    /// The import through which the module refers to it.
    pub import: &'r Import<'r>,
    /// What the module exports under the name of the import.
    pub own: Item,
    /// What is done with it.
    pub kind: Kind,
}

/// What is done with what a reference means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It is called.
    Call,
    /// The address of a function is taken.
    FunctionAddress,
    /// The address of data is taken.
    DataAddress,
}

/// The references of `module` to what it defines itself, through the loader.
pub fn references<'m>(module: &'m Module<'_>) -> impl Iterator<Item = Reference<'m>> {
    let mut own: HashMap<&str, Item> = HashMap::new();
    for export in module.exports() {
        own.insert(&export.name, export.item);
    }
    module.imports().iter().filter_map(move |import| {
        let own = *own.get(&*import.field)?;
        let kind = match (&*import.module, import.item, own) {
            ("env", Item::Function(_), Item::Function(_)) => Kind::Call,
            ("GOT.func", Item::Global(_), Item::Function(_)) => Kind::FunctionAddress,
            ("GOT.mem", Item::Global(_), Item::Global(_)) => Kind::DataAddress,
            _ => return None,
        };
        Some(Reference { import, own, kind })
    })
}

/// The functions that the code of `module` calls directly.
///
/// # Errors
/// Malformed code, which [`Module::read`] would have found.
pub fn called(module: &Module<'_>) -> Result<HashSet<FunctionId>> {
    let facts = module.facts()?;
    let immediates = facts.iter().flat_map(|(_, facts)| &facts.immediates);
    let calls = immediates.filter(|at| matches!(at.kind, facts::Kind::Call | facts::Kind::TailCall));
    Ok(calls.map(|at| FunctionId(at.id)).collect())
}

/// Makes those references local for which `binds` holds and which can be, and counts them in `outcome`. Returns why the others cannot, one
/// reason for each.
///
/// # Errors
/// [`crate::Error::Refused`] when the function table leaves no place for a slot that an address needs.
pub fn bind(module: &mut Module<'_>, binds: impl Fn(&Reference<'_>) -> bool, outcome: &mut Outcome) -> Result<Vec<&'static str>> {
    let shared = &*module;
    let slots = Slots::of(shared);
    let mut calls: Vec<(FunctionId, FunctionId)> = Vec::new();
    let mut functions: Vec<(GlobalId, FunctionId)> = Vec::new();
    let mut addresses: Vec<(GlobalId, Address)> = Vec::new();
    let wanted: Vec<Reference<'_>> = references(shared).filter(|reference| binds(reference)).collect();
    let keeps_address = |reference: &&Reference<'_>| match (reference.kind, reference.own) {
        (Kind::FunctionAddress, Item::Function(own)) => !slots.known || !is_defined(shared, own),
        _ => false,
    };
    // A call means what the address means.
    let addresses_left: HashSet<&str> = wanted.iter().filter(keeps_address).map(|reference| &*reference.import.field).collect();
    let mut left = Vec::new();
    for reference in &wanted {
        if addresses_left.contains(&*reference.import.field) {
            left.push(if slots.known { ELSEWHERE } else { SLOTS });
            continue;
        }
        match (reference.kind, reference.import.item, reference.own) {
            (Kind::Call, Item::Function(import), Item::Function(own)) => {
                if !is_defined(shared, own) {
                    left.push(ELSEWHERE);
                } else if shared.signature(import) != shared.signature(own) {
                    left.push(TYPE);
                } else if slots.seen.contains(&import) {
                    left.push(SEEN);
                } else {
                    calls.push((import, own));
                }
            }
            (Kind::FunctionAddress, Item::Global(global), Item::Function(own)) => functions.push((global, own)),
            (Kind::DataAddress, Item::Global(global), Item::Global(own)) => {
                let offset = shared.globals()[own.0 as usize].origin.defined().and_then(|init| init.as_i32());
                match offset {
                    Some(offset) => addresses.push((global, Address::Memory(offset as u32))),
                    None => left.push(ADDRESS),
                }
            }
            _ => {}
        }
    }
    outcome.count("functions_called_directly", calls.len());
    outcome.count("function_addresses_bound", functions.len());
    outcome.count("data_addresses_bound", addresses.len());
    let slots = slots.with(module, functions.iter().map(|(_, own)| *own))?;
    addresses.extend(functions.iter().filter_map(|(global, own)| Some((*global, Address::Table(*slots.get(own)?)))));
    // In the order of the imports, whatever they are the addresses of.
    addresses.sort_unstable_by_key(|(global, _)| *global);
    module.replace_functions(&calls);
    module.define_globals(&addresses.iter().map(|(global, _)| *global).collect::<Vec<_>>());
    module.initialize_globals(&addresses);
    Ok(left)
}

fn is_defined(module: &Module<'_>, id: FunctionId) -> bool {
    module.function(id).origin.defined().is_some()
}

/// What is known of the slots of a module.
struct Slots {
    /// All of them are known, and more can be appended.
    known: bool,
    /// The last slot of each function.
    last: HashMap<FunctionId, u32>,
    /// Functions that are in a slot or exported.
    seen: HashSet<FunctionId>,
}

impl Slots {
    fn of(module: &Module<'_>) -> Self {
        let slots = module.own_slots();
        let exported = module.exports().iter().filter_map(|export| match export.item {
            Item::Function(id) => Some(id),
            _ => None,
        });
        Slots {
            known: module.fills_own_slots() && slots.len() == module.dylink.table_size as usize,
            last: slots.iter().enumerate().map(|(slot, id)| (*id, slot as u32)).collect(),
            seen: slots.iter().copied().chain(exported).collect(),
        }
    }

    /// The slots of `functions`, to which those get one that have none.
    fn with(self, module: &mut Module<'_>, functions: impl Iterator<Item = FunctionId>) -> Result<HashMap<FunctionId, u32>> {
        let mut last = self.last;
        let mut new = Vec::new();
        let mut next = module.own_slots().len() as u32;
        for function in functions {
            last.entry(function).or_insert_with(|| {
                new.push(function);
                next += 1;
                next - 1
            });
        }
        module.add_table_slots(&new)?;
        Ok(last)
    }
}
