//! What the globals of a module mean that hold addresses.

use crate::linking::internal_got;
use crate::linking::own::{self, Kind};
use crate::module::{Address, FunctionId, Item, Module};
use crate::{Environment, Provider, Result};
use std::collections::HashMap;
use wasmparser::FuncType;

/// An address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Meaning {
    /// Bytes behind `__memory_base`.
    Data(u32),
    /// Slots behind `__table_base`.
    Slot(u32),
    /// The function that the loader puts into this import of `GOT.func`.
    Entry(u32),
}

impl Meaning {
    /// The address so much further on.
    pub fn plus(self, addend: i32) -> Option<Self> {
        match self {
            Meaning::Data(at) => at.checked_add_signed(addend).map(Meaning::Data),
            Meaning::Slot(slot) => slot.checked_add_signed(addend).map(Meaning::Slot),
            Meaning::Entry(_) => (addend == 0).then_some(self),
        }
    }
}

/// A function that a pointer points to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Pointee {
    /// One of the module, or one that it imports.
    Function(FunctionId),
    /// One of the runtime.
    Runtime(String),
}

/// The globals that hold addresses.
pub struct Addresses {
    /// What is in the module's own slots. To find them takes a look at all imports.
    slots: Vec<FunctionId>,
    globals: HashMap<u32, Meaning>,
    /// What the loader puts into imports of `GOT.func`.
    entries: HashMap<u32, (Pointee, FuncType)>,
}

impl Addresses {
    pub fn of(module: &Module<'_>, environment: Option<&Environment>) -> Result<Self> {
        let offered = |name: &str| environment.is_some_and(|environment| environment.may_define(name));
        let base = |name| module.base(name).map(|id| id.0);
        let mut globals = HashMap::new();
        globals.extend(base("__memory_base").map(|global| (global, Meaning::Data(0))));
        globals.extend(base("__table_base").map(|global| (global, Meaning::Slot(0))));
        for (global, entry) in internal_got::find(module)? {
            let meaning = match entry.address {
                Address::Memory(at) => Meaning::Data(at),
                Address::Table(slot) => Meaning::Slot(slot),
            };
            globals.insert(global, meaning);
        }
        let mut entries = HashMap::new();
        // What the runtime offers comes first.
        for reference in own::references(module).filter(|reference| !offered(&reference.import.field)) {
            match (reference.kind, reference.import.item, reference.own) {
                (Kind::FunctionAddress, Item::Global(global), Item::Function(own)) => {
                    let own = module.resolved(own);
                    entries.insert(global.0, (Pointee::Function(own), module.signature(own).clone()));
                }
                (Kind::DataAddress, Item::Global(global), Item::Global(own)) => {
                    let at = module.globals()[own.0 as usize].origin.defined().and_then(|init| init.as_i32());
                    globals.extend(at.map(|at| (global.0, Meaning::Data(at as u32))));
                }
                _ => {}
            }
        }
        for import in module.imports().iter().filter(|import| import.module == "GOT.func") {
            let Item::Global(global) = import.item else { continue };
            let offer = environment.and_then(|environment| environment.symbols.get(&*import.field));
            // The loader wraps what is in JavaScript; such a function has the type that its author gave it.
            let Some(offer) = offer.filter(|offer| offer.provider == Provider::MainModule) else { continue };
            if let crate::Item::Function(Some(ty)) = &offer.item {
                entries.insert(global.0, (Pointee::Runtime(import.field.to_string()), ty.clone()));
            }
        }
        globals.extend(entries.keys().map(|global| (*global, Meaning::Entry(*global))));
        let slots = module.own_slots().iter().map(|id| module.resolved(*id)).collect();
        Ok(Addresses { slots, globals, entries })
    }

    /// The address that `global` holds.
    pub fn meaning(&self, global: u32) -> Option<Meaning> {
        self.globals.get(&global).copied()
    }

    /// Whether `global` holds the address of a function, or that of the table.
    pub fn is_slot(&self, global: u32) -> bool {
        matches!(self.meaning(global), Some(Meaning::Slot(_) | Meaning::Entry(_)))
    }

    /// Whether `global` holds the address of data.
    pub fn is_data(&self, global: u32) -> bool {
        matches!(self.meaning(global), Some(Meaning::Data(_)))
    }

    /// The function at an address, and its type.
    pub fn function(&self, module: &Module<'_>, address: Meaning) -> Option<(Pointee, FuncType)> {
        match address {
            Meaning::Slot(slot) => {
                let id = *self.slots.get(slot as usize)?;
                Some((Pointee::Function(id), module.signature(id).clone()))
            }
            Meaning::Entry(global) => self.entries.get(&global).cloned(),
            Meaning::Data(_) => None,
        }
    }
}
