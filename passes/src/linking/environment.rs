//! What a runtime offers to the side modules that are loaded into it: names with kinds and wasm types.
//!
//! The engine reads this model, and the tool around it fills it from a manifest or a main module. It describes lookups as
//! Emscripten's dynamic loader does them (`libdylink.js` of Emscripten 5, `library_dylink.js` before): a name has one meaning for
//! all import modules (`env`, `wasi_snapshot_preview1`, `GOT.func`, `GOT.mem`), import modules only say how it is passed. The two
//! GOT modules offer every name as a mutable i32 global; what fills it is a function or a data symbol of this environment.

use std::collections::{BTreeMap, BTreeSet};
use wasmparser::{FuncType, ValType};

/// Tag of C++ exceptions, in the native exception ABI; its parameter is the address of the unwind header.
pub const CPP_EXCEPTION: &str = "__cpp_exception";

/// The exception ABI of code that Emscripten and Rust compile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExceptionAbi {
    /// `-fexceptions`: landing pads live in JavaScript, calls go through `invoke_*`.
    JavaScript,
    /// `-fwasm-exceptions`: exception instructions and the tag [`CPP_EXCEPTION`].
    Native,
}

/// Who provides a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// A WebAssembly export of the main module. Function types are checked when an import is bound to it.
    MainModule,
    /// The JavaScript library. Its functions take any import type; a wrong one shows only in what the function gets to see.
    JavaScript,
    /// The dynamic loader, with a value of its own for each side module.
    Loader,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A function, with its type where that is known.
    Function(Option<FuncType>),
    /// A data symbol. Its address is not recorded, for it differs between builds of one platform.
    Data,
    /// A WebAssembly global that is no address of data.
    Global {
        /// Type of its value.
        value: ValType,
        /// Whether it can be assigned.
        mutable: bool,
    },
    /// An exception tag with its type.
    Tag(FuncType),
    /// A table of functions.
    Table,
    /// A linear memory.
    Memory,
    /// Something of which nobody knows what it is.
    Unknown,
}

/// One symbol of an environment, without its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Who provides it.
    pub provider: Provider,
    /// What it is.
    pub item: Item,
}

/// The symbols that a runtime offers to side modules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// The symbols by name.
    pub symbols: BTreeMap<String, Offer>,
    /// Beginnings of function names that the loader makes on demand, with the type that the import has: `invoke_` and
    /// `__cxa_find_matching_catch_`. GOT entries are not promised any of them.
    pub families: BTreeSet<String>,
    /// Names that only some of several runtimes offer, or that they offer in different ways. Nobody can rely on them, nor on their absence.
    pub sometimes: BTreeSet<String>,
}

impl Environment {
    /// Adds a symbol, in place of one of the same name.
    pub fn add(&mut self, name: impl Into<String>, provider: Provider, item: Item) {
        self.symbols.insert(name.into(), Offer { provider, item });
    }

    /// What stands under `name`, if anything does.
    pub fn item(&self, name: &str) -> Option<&Item> {
        self.symbols.get(name).map(|offer| &offer.item)
    }

    /// Whether something may stand under `name`, in one of the runtimes at least.
    pub fn may_define(&self, name: &str) -> bool {
        self.symbols.contains_key(name) || self.sometimes.contains(name)
    }

    /// Whether an import of a function `name` can be bound.
    pub fn offers_function(&self, name: &str) -> bool {
        matches!(self.item(name), Some(Item::Function(_))) || self.families.iter().any(|family| name.starts_with(family))
    }

    /// Type of the function `name`, where it exists and its type is known.
    pub fn function(&self, name: &str) -> Option<&FuncType> {
        match self.item(name) {
            Some(Item::Function(ty)) => ty.as_ref(),
            _ => None,
        }
    }

    /// Type of the function that the main module exports as `name`, where there is one and its type is known.
    pub fn main_function(&self, name: &str) -> Option<&FuncType> {
        match self.symbols.get(name) {
            Some(Offer { provider: Provider::MainModule, item: Item::Function(ty) }) => ty.as_ref(),
            _ => None,
        }
    }

    /// Whether `name` is a data symbol: what a `GOT.mem` entry needs.
    pub fn offers_data(&self, name: &str) -> bool {
        matches!(self.item(name), Some(Item::Data))
    }

    /// Whether the loader can put `name` into the function table: what a `GOT.func` entry needs.
    ///
    /// A function written in JavaScript must be wrapped for that, which takes its signature (`addFunction`), so one of unknown
    /// type does not do: `addFunction` fails, and with it the loading of the module.
    pub fn offers_table_slot(&self, name: &str) -> bool {
        match self.symbols.get(name) {
            Some(Offer { provider: Provider::MainModule, item: Item::Function(_) }) => true,
            Some(Offer { item: Item::Function(ty), .. }) => ty.is_some(),
            _ => false,
        }
    }

    /// Type of the tag `name`.
    pub fn tag(&self, name: &str) -> Option<&FuncType> {
        match self.item(name) {
            Some(Item::Tag(ty)) => Some(ty),
            _ => None,
        }
    }

    /// The exception ABI that modules for this environment must use, or `None` if neither works in it.
    pub fn exception_abi(&self) -> Option<ExceptionAbi> {
        if self.tag(CPP_EXCEPTION).is_some() {
            Some(ExceptionAbi::Native)
        } else if self.offers_function("invoke_v") {
            Some(ExceptionAbi::JavaScript)
        } else {
            None
        }
    }

    /// Keeps what `other` offers as well.
    ///
    /// Symbols of different kinds or types go, like those that only one of the two has; their names stay. A function whose type only one of the two knows stays, with its type unknown, and
    /// so does one that changed between the main module and JavaScript, as a function of JavaScript: less can be relied on.
    pub fn keep_common(&mut self, other: &Environment) {
        let names: Vec<String> = self.symbols.keys().chain(other.symbols.keys()).cloned().collect();
        self.sometimes.extend(other.sometimes.iter().cloned());
        self.symbols.retain(|name, offer| match other.symbols.get(name) {
            Some(theirs) => keep_common_offer(offer, theirs),
            None => false,
        });
        self.families.retain(|family| other.families.contains(family));
        self.sometimes.extend(names.into_iter().filter(|name| !self.symbols.contains_key(name)));
    }
}

/// Reduces `ours` to what both promise, or says that there is no such thing.
fn keep_common_offer(ours: &mut Offer, theirs: &Offer) -> bool {
    if theirs.provider == Provider::JavaScript {
        ours.provider = Provider::JavaScript;
    }
    match (&mut ours.item, &theirs.item) {
        (Item::Function(ours), Item::Function(theirs)) => match (&ours, theirs) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => {
                *ours = None;
                true
            }
        },
        (ours, theirs) if *ours == Item::Unknown || *theirs == Item::Unknown => {
            *ours = Item::Unknown;
            true
        }
        (ours, theirs) => ours == theirs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(params: &[ValType]) -> Item {
        Item::Function(Some(FuncType::new(params.iter().copied(), [])))
    }

    #[test]
    fn families_bind_imports_but_fill_no_got_entry() {
        let mut environment = Environment::default();
        environment.families.insert("invoke_".to_string());
        assert!(environment.offers_function("invoke_vij"));
        assert!(!environment.offers_table_slot("invoke_vij"));
        assert!(!environment.offers_function("Invoke_v"));
        assert_eq!(environment.exception_abi(), Some(ExceptionAbi::JavaScript));
        environment.add(CPP_EXCEPTION, Provider::JavaScript, Item::Tag(FuncType::new([ValType::I32], [])));
        assert_eq!(environment.exception_abi(), Some(ExceptionAbi::Native));
    }

    #[test]
    fn a_table_slot_needs_the_signature_of_a_javascript_function() {
        let mut environment = Environment::default();
        environment.add("js", Provider::JavaScript, Item::Function(None));
        environment.add("typed", Provider::JavaScript, function(&[]));
        environment.add("wasm", Provider::MainModule, Item::Function(None));
        environment.add("data", Provider::MainModule, Item::Data);
        let slots: Vec<_> = environment.symbols.keys().filter(|name| environment.offers_table_slot(name)).collect();
        assert_eq!(slots, ["typed", "wasm"]);
        assert!(environment.offers_data("data") && !environment.offers_data("js"));
    }

    #[test]
    fn common_symbols_have_common_types() {
        let mut ours = Environment::default();
        let mut theirs = Environment::default();
        for (name, our, their) in [
            ("same", function(&[ValType::I32]), function(&[ValType::I32])),
            ("changed", function(&[ValType::I32]), function(&[ValType::I64])),
            ("half", function(&[ValType::I32]), Item::Function(None)),
            ("kind", Item::Data, Item::Function(None)),
        ] {
            ours.add(name, Provider::MainModule, our);
            theirs.add(name, Provider::MainModule, their);
        }
        ours.add("gone", Provider::MainModule, Item::Data);
        theirs.add("new", Provider::MainModule, Item::Data);
        theirs.sometimes.insert("of another one".to_string());
        ours.keep_common(&theirs);
        assert_eq!(ours.symbols.keys().collect::<Vec<_>>(), ["half", "same"]);
        assert_eq!(ours.item("half"), Some(&Item::Function(None)));
        assert_eq!(ours.function("same"), Some(&FuncType::new([ValType::I32], [])));
        // What one of them defines wins over a module's own definition there.
        assert_eq!(ours.sometimes.iter().collect::<Vec<_>>(), ["changed", "gone", "kind", "new", "of another one"]);
        assert!(ours.may_define("new") && ours.may_define("same") && !ours.may_define("nobody's"));
    }
}
