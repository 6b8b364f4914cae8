//! References of a module to what it defines itself become local, where no other definition can win.
//!
//! **Idea.** A shared library may be overridden: what it exports and uses, it imports as well. lld imports weak functions that it also
//! defines, and takes the addresses of exported functions and data from the GOT (`GOT.func.f`, `GOT.mem.d`). The loader resolves each of
//! these by name, and prune cannot drop an export that the module's own import needs.
//!
//! - **Calls** of `env.f`, and the addresses `GOT.func.f` and `GOT.mem.d` become local ([`own`](crate::linking::own)).
//! - **Internal GOT globals** with few uses become the addresses they hold, and an indirect call of a known function of the same type
//!   becomes a direct one.
//!
//! **When it refuses.** A name that the runtime or another module of the group defines: that definition may win. A name that other
//! modules, of which nothing is known, may define ([`Scope::closed`]): lld imports what is weak to be overridden as it imports inline
//! functions. Calls of what the name proves to be inline ([`mangling`]) are bound nevertheless, since all its definitions are equal, while
//! its address has to be the same in all modules. Data with a C++ name: the statics of inline functions, `typeinfo` and vtables have one
//! identity in the whole program, beyond what is known of it, and so has the number of setjmps that this tool adds. `--bsymbolic`
//! binds whatever else the module defines, as the linker's option does.
//!
//! **Relies on** `shouldImport` in lld's `wasm/Writer.cpp` and `requiresGOTAccess` in `wasm/Relocations.cpp` for what is imported, and
//! `resolveSymbol`, `updateGOT` and `addFunction` of Emscripten's `libdylink.js` and `libaddfunction.js` for what wins: the runtime, then
//! what was loaded before, then the module.

mod constants;

use crate::linking::SETJMP_COUNTER;
use crate::linking::environment::Environment;
use crate::linking::mangling::{self, is_mangled};
use crate::linking::own::{self, Kind, Reference};
use crate::linking::siblings::SiblingExports;
use crate::module::Module;
use crate::{Outcome, Result};
use std::collections::HashSet;

/// Name of the pass.
pub const PASS: &str = "bind";

/// What is known of other definitions.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'s> {
    /// What the runtime offers; `None` when nothing is known of it.
    pub environment: Option<&'s Environment>,
    /// Names that other modules of the group export.
    pub siblings: &'s SiblingExports,
    /// Names that known modules outside of the group export, too.
    pub elsewhere: &'s HashSet<String>,
    /// No module outside the group takes part: what the runtime and the siblings lack, nobody else defines.
    pub closed: bool,
    /// Bind everything that the module defines.
    pub symbolic: bool,
}

impl Scope<'_> {
    /// Whether somebody is known to define `name`, or could.
    fn defines(&self, name: &str) -> bool {
        self.siblings.contains(name)
            || self.elsewhere.contains(name)
            || self.environment.is_none_or(|environment| environment.may_define(name))
    }

    fn binds_call(&self, name: &str) -> bool {
        self.symbolic || (!self.defines(name) && (self.closed || mangling::is_vague(name)))
    }

    fn binds_function_address(&self, name: &str) -> bool {
        self.symbolic || (self.closed && !self.defines(name))
    }

    fn binds_data(&self, name: &str) -> bool {
        // All modules count together, or one would take the frame of another for its own.
        if name == SETJMP_COUNTER {
            return false;
        }
        self.symbolic || (self.closed && !self.defines(name) && (!is_mangled(name) || mangling::is_rust(name)))
    }
}

/// Binds the references of `module`.
///
/// # Errors
/// [`crate::Error::Refused`] when the function table leaves no place for a slot that an address needs.
pub fn run(module: &mut Module<'_>, scope: &Scope<'_>) -> Result<Outcome> {
    let mut outcome = Outcome::new(PASS);
    let binds = |reference: &Reference<'_>| match reference.kind {
        Kind::Call => scope.binds_call(&reference.import.field),
        Kind::FunctionAddress => scope.binds_function_address(&reference.import.field),
        Kind::DataAddress => scope.binds_data(&reference.import.field),
    };
    own::bind(module, binds, &mut outcome)?;
    constants::call_directly(module, &mut outcome)?;
    constants::inline(module, &mut outcome)?;
    Ok(outcome)
}
