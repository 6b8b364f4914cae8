//! References that a loader would resolve wrongly, or not at all, are resolved here.
//!
//! **Names that the runtime has as something else.** Loaders have one symbol table and one global offset table for a process, and the
//! runtime comes first. So a module that defines data `glob` reads a function of the runtime in its place where there is one of that name,
//! and calls a function of another type by the address of its own `index`. What has another kind or type than the module's own definition
//! cannot be meant, so references to such names become local. Of a function whose type is not known, nothing can be told.
//!
//! Those that cannot become local are reported.
//!
//! **Weak undefined addresses** (`if (&f) f()`, and `_ZTH…` of thread-local variables) that nobody offers are null. Loaders before
//! Emscripten 4.0.15 forget which imports of a module are weak when they load a library that it needs (`currentModuleWeakSymbols` of
//! `libdylink.js` is then that library's; emscripten-core/emscripten#25214), and fail to load the module. So in a module that needs
//! libraries these become constants, where all libraries that it may get are at hand and neither they nor the runtime offer the name.
//!
//! **Relies on** `resolveGlobalSymbol`, `GOTHandler`, `updateGOT` and `reportUndefinedSymbols` of `libdylink.js`; and on nobody outside of
//! the group offering a weak symbol to a module that was linked against the libraries it needs.

use crate::linking::code_offsets::drop_code_offsets;
use crate::linking::own::{self, Kind, Reference};
use crate::linking::siblings::SiblingExports;
use crate::module::{Import, Item, Module};
use crate::{Environment, Kept, Outcome, Result};
use std::collections::HashSet;

/// Name of the pass.
pub const PASS: &str = "resolve";

/// What is known of those who offer symbols.
#[derive(Debug, Clone, Copy)]
pub struct Options<'o> {
    /// What the runtime offers.
    pub environment: &'o Environment,
    /// Names that sibling modules export.
    pub sibling_exports: &'o SiblingExports,
    /// The loader may ask for weak symbols that nobody offers, and all libraries that the module may get are siblings.
    pub null_weak: bool,
}

/// Resolves what `options` let it.
///
/// # Errors
/// [`crate::Error::Refused`] when the function table leaves no place for a slot that an address needs.
pub fn run(module: &mut Module<'_>, options: &Options<'_>) -> Result<Outcome> {
    let mut outcome = Outcome::new(PASS);
    if module.check_conventions().is_err() {
        return Ok(outcome);
    }
    let clashes = clashes(module, options.environment);
    let names: HashSet<String> = clashes.map(|reference| reference.import.field.to_string()).collect();
    if !names.is_empty() {
        for why in own::bind(module, |reference| names.contains(&*reference.import.field), &mut outcome)? {
            outcome.leave(Kept::Reference, &format!("the runtime has something else under its name, but {why}"));
        }
    }
    if options.null_weak && !module.dylink.needed.is_empty() {
        let unoffered = |name: &str| !options.environment.may_define(name) && !options.sibling_exports.contains(name);
        let globals = weak_addresses(module).filter(|import| unoffered(&import.field)).filter_map(|import| match import.item {
            Item::Global(id) => Some(id),
            _ => None,
        });
        let globals: Vec<_> = globals.collect();
        module.define_globals(&globals);
        outcome.count("weak_addresses_cleared", globals.len());
    }
    if !outcome.is_unchanged() {
        module.forget_import_infos();
        drop_code_offsets(module, &mut outcome);
    }
    Ok(outcome)
}

/// The references of `module` to what it defines itself that find something else in the runtime.
pub fn clashes<'m>(module: &'m Module<'_>, environment: &'m Environment) -> impl Iterator<Item = Reference<'m>> {
    own::references(module).filter(|reference| {
        let offered = environment.item(&reference.import.field);
        offered.is_some_and(|offered| differs(module, reference, offered))
    })
}

/// Whether what the runtime offers has another kind or type than the module's own definition.
fn differs(module: &Module<'_>, reference: &Reference<'_>, offered: &crate::Item) -> bool {
    match (reference.own, offered) {
        // It may be the very same.
        (_, crate::Item::Unknown) => false,
        (Item::Function(own), crate::Item::Function(Some(ty))) => ty != module.signature(own),
        (Item::Function(_), crate::Item::Function(None)) => false,
        (Item::Function(_), _) => true,
        // A mutable global is no data, so there is no address to be had.
        (Item::Global(own), offered) if reference.kind == Kind::DataAddress => {
            !module.globals()[own.0 as usize].ty.mutable && *offered != crate::Item::Data
        }
        _ => false,
    }
}

/// The addresses that `module` imports as weak symbols and does not define itself.
pub fn weak_addresses<'m>(module: &'m Module<'_>) -> impl Iterator<Item = &'m Import<'m>> {
    let weak = module.dylink.weak_imports();
    let own: HashSet<&str> = module.exports().iter().map(|export| &*export.name).collect();
    let is_address = |import: &Import<'_>| matches!(&*import.module, "GOT.func" | "GOT.mem");
    module
        .imports()
        .iter()
        .filter(move |import| is_address(import) && weak.contains(&*import.field) && !own.contains(&*import.field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linking::environment::{Item as Offered, Provider};

    /// A module that reads the address of its own `own`, which it imports with `kind`.
    fn names(kind: &str, offered: Offered) -> Vec<String> {
        let text = format!(
            r#"(module (@dylink.0 (mem-info (memory 4 2) (table 0 0)))
            (import "env" "memory" (memory 0))
            (import "env" "__memory_base" (global $memory_base i32))
            (import "{kind}" "own" (global $address (mut i32)))
            (func $f (param i32)) (global $datum i32 (i32.const 0))
            (export "own" ({})))"#,
            if kind == "GOT.mem" { "global $datum" } else { "func $f" }
        );
        let bytes = wat::parse_str(text).unwrap();
        let module = Module::read(&bytes).unwrap();
        let mut environment = Environment::default();
        environment.add("own", Provider::MainModule, offered);
        clashes(&module, &environment).map(|reference| reference.import.field.to_string()).collect()
    }

    #[test]
    fn what_the_runtime_offers_clashes_by_kind_and_type() {
        let function = |params: &[wasmparser::ValType]| Offered::Function(Some(wasmparser::FuncType::new(params.to_vec(), [])));
        for (kind, offered, clashes) in [
            ("GOT.mem", Offered::Data, false),
            ("GOT.mem", function(&[]), true),
            ("GOT.mem", Offered::Unknown, false),
            ("GOT.func", function(&[wasmparser::ValType::I32]), false),
            ("GOT.func", function(&[]), true),
            ("GOT.func", Offered::Data, true),
            ("GOT.func", Offered::Function(None), false),
            ("GOT.func", Offered::Unknown, false),
        ] {
            let found = names(kind, offered.clone());
            assert_eq!(!found.is_empty(), clashes, "{kind}, offered {offered:?}");
        }
    }
}
