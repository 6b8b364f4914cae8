//! References of a module to what it defines itself become local, where no other definition can win.
//!
//! **Idea.** A shared library may be overridden: what it exports and uses, it imports as well. lld imports weak functions that it also
//! defines, and takes the addresses of exported functions and data from the GOT (`GOT.func.f`, `GOT.mem.d`). The loader resolves each of
//! these by name, and prune cannot drop an export that the module's own import needs.
//!
//! - **Calls** of `env.f` become calls of the module's own `f`.
//! - **`GOT.func.f`** becomes an internal GOT global, as lld itself makes for hidden functions: the start function sets it to the slot of
//!   `f` in the module's part of the table. Others that take the address of `f` get the same one, since the loader finds the slot of an
//!   exported function that is in the table (`addFunction`).
//! - **`GOT.mem.d`** becomes an internal GOT global in the same way.
//! - **Internal GOT globals** with few uses become the addresses they hold, and an indirect call of a known function of the same type
//!   becomes a direct one.
//!
//! **When it refuses.** A name that the runtime or another module of the group defines: that definition may win. A name that other
//! modules, of which nothing is known, may define ([`Scope::closed`]): lld imports what is weak to be overridden as it imports inline
//! functions. Calls of what the name proves to be inline ([`vague`]) are bound nevertheless, since all its definitions are equal, while
//! its address has to be the same in all modules. Data with a C++ name: the statics of inline functions, `typeinfo` and vtables have one
//! identity in the whole program, beyond what is known of it, and so has the number of setjmps that this tool adds. `--bsymbolic`
//! binds whatever else the module defines, as the linker's option does.
//!
//! **Relies on** `shouldImport` in lld's `wasm/Writer.cpp` and `requiresGOTAccess` in `wasm/Relocations.cpp` for what is imported, and
//! `resolveSymbol`, `updateGOT` and `addFunction` of Emscripten's `libdylink.js` and `libaddfunction.js` for what wins: the runtime, then
//! what was loaded before, then the module.

mod constants;
mod vague;

use crate::environment::Environment;
use crate::module::{Address, FunctionId, GlobalId, Item, Module};
use crate::prune::is_mangled;
use crate::siblings::SiblingExports;
use crate::{Outcome, Result};
use std::collections::HashMap;

/// Name of the pass.
pub const PASS: &str = "bind";

/// What is known of other definitions.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'s> {
    /// What the runtime offers; `None` when nothing is known of it.
    pub environment: Option<&'s Environment>,
    /// Names that other modules of the group export.
    pub siblings: &'s SiblingExports,
    /// No module outside the group takes part: what the runtime and the siblings lack, nobody else defines.
    pub closed: bool,
    /// Bind everything that the module defines.
    pub symbolic: bool,
}

impl Scope<'_> {
    /// Whether somebody is known to define `name`, or could.
    fn defines(&self, name: &str) -> bool {
        self.siblings.contains(name) || self.environment.is_none_or(|environment| environment.may_define(name))
    }

    fn binds_call(&self, name: &str) -> bool {
        self.symbolic || (!self.defines(name) && (self.closed || vague::is_vague(name)))
    }

    fn binds_function_address(&self, name: &str) -> bool {
        self.symbolic || (self.closed && !self.defines(name))
    }

    fn binds_data(&self, name: &str) -> bool {
        // All modules count together, or one would take the frame of another for its own.
        if name == crate::exceptions::SETJMP_COUNTER {
            return false;
        }
        self.symbolic || (self.closed && !self.defines(name) && (!is_mangled(name) || vague::is_rust(name)))
    }
}

/// Binds the references of `module`.
///
/// # Errors
/// [`crate::Error::Refused`] when the function table leaves no place for a slot that an address needs.
pub fn run(module: &mut Module<'_>, scope: &Scope<'_>) -> Result<Outcome> {
    let mut outcome = Outcome::new(PASS);
    let own: HashMap<String, Item> = module.exports().iter().map(|export| (export.name.to_string(), export.item)).collect();
    let imports: Vec<(String, String, Item)> = (module.imports().iter())
        .filter(|import| own.contains_key(&*import.field))
        .map(|import| (import.module.to_string(), import.field.to_string(), import.item))
        .collect();
    let mut addresses: Vec<(GlobalId, Address)> = Vec::new();
    for (from, name, item) in &imports {
        match (from.as_str(), *item, own[name]) {
            ("env", Item::Function(import), Item::Function(own)) if scope.binds_call(name) => {
                let bound = bind_call(module, import, own);
                outcome.count("functions called without the loader's help", usize::from(bound));
            }
            ("GOT.func", Item::Global(global), Item::Function(own)) if scope.binds_function_address(name) => {
                let full = module.own_slots().len() == module.dylink.table_size as usize;
                if module.function(own).origin.defined().is_none() || !module.fills_own_slots() || !full {
                    continue;
                }
                let address = match module.own_slots().iter().rposition(|function| *function == own) {
                    // The loader knows the last slot of a function that has several.
                    Some(slot) => Address::Table(slot as u32),
                    None => module.add_table_slot(own)?,
                };
                addresses.push((global, address));
            }
            ("GOT.mem", Item::Global(global), Item::Global(own)) if scope.binds_data(name) => {
                let offset = module.globals()[own.0 as usize].origin.defined().and_then(|init| init.as_i32());
                addresses.extend(offset.map(|offset| (global, Address::Memory(offset as u32))));
            }
            _ => {}
        }
    }
    for (global, address) in &addresses {
        module.define_global(*global);
        outcome.count("addresses of functions", usize::from(matches!(address, Address::Table(_))));
        outcome.count("addresses of data", usize::from(matches!(address, Address::Memory(_))));
    }
    module.initialize_globals(&addresses);
    constants::call_directly(module, &mut outcome)?;
    constants::inline(module, &mut outcome)?;
    Ok(outcome)
}

/// Has the imported function mean the module's own one. An element segment or an export of it stays as it is, since that is an address
/// or a name that others see.
fn bind_call(module: &mut Module<'_>, import: FunctionId, own: FunctionId) -> bool {
    let same = module.function(own).origin.defined().is_some() && module.signature(import) == module.signature(own);
    let seen = module.own_slots().contains(&import) || module.exports().iter().any(|export| export.item == Item::Function(import));
    if same && !seen {
        module.replace_function(import, own);
    }
    same && !seen
}
