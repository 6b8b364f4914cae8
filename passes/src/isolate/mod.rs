//! Symbols by which the modules of a group use its private libraries get names that no other module has.
//!
//! Loaders have one symbol table and one global offset table for a process, keyed by names. Two packages with a copy of one library each, or
//! with libraries that happen to have a name in common, get the addresses of whichever was loaded first, while their direct calls stay
//! in their own copy: with two states for one library, each works on the other's.
//!
//! **Idea.** To give a symbol another name in all modules that define or use it changes nothing but who else is meant. So a private library
//! exports what others of the group use under a new name, too ([`isolated`]), and all of the group import it by that. The old
//! name stays for those who look it up when the program runs; where nobody may, [`prune`](crate::prune) drops it.
//!
//! **Which library is private** the caller says, and what each module gets by NEEDED ([`Standing`]).
//!
//! **When a name stays.** What the runtime has: its definition wins, whoever else has one. Data with a C++ name: typeinfo, vtables and variables
//! of inline functions have one identity in the whole program, and a `catch` or a `dynamic_cast` in another package works with their
//! addresses. What the loader or JavaScript looks up. What a module that is neither a private library nor an extension module defines as well, for it may be
//! another package's. What a module imports that does not get the library by NEEDED, or may get other libraries as
//! well: nobody knows whose definition it would find. What is exported or imported in a way that linkers do not write, or by a module that
//! breaks the conventions of linking or has debug information.
//!
//! **Relies on** `resolveSymbol` and `updateGOT` of Emscripten's `libdylink.js` (3.1.58 to 6.0) to find symbols by the name of an export
//! alone, and to give one function one slot under all its names (`addFunction`); on nobody outside of the group overriding what a private
//! library defines; and on [`bind`](crate::bind) having been there before: where references of a library to itself stay under names that others
//! have, it shares one half of its state.

mod needs;
pub mod slots;

use crate::linking::environment::Environment;
use crate::linking::looked_up::is_looked_up;
use crate::linking::python::is_extension;
use crate::linking::{isolated, mangling};
use crate::module::{Item, Module};
use crate::{Kept, Outcome};
use indexmap::IndexMap;
use needs::Needs;
use std::collections::{HashMap, HashSet};

/// Name of the pass.
pub const PASS: &str = "isolate";

/// What outcomes count symbols with new names under, and name them by: `old=new`.
pub const SYMBOLS: &str = "symbols_isolated";

/// What is known of a module beyond what is in it.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// It is a library of the group alone: what names that are made for it begin with ([`isolated::prefix`]).
    pub private: Option<String>,
    /// The modules of the group that are in its NEEDED, by their places; `None` if it may get others, too.
    pub needed: Option<Vec<usize>>,
}

/// A module of a group.
#[derive(Debug)]
pub struct Subject<'s, 'a> {
    /// The module.
    pub module: &'s mut Module<'a>,
    /// What is known of it beyond that.
    pub standing: Standing,
    /// Nothing in it is to change.
    pub fixed: bool,
}

/// Who exports and imports a name.
#[derive(Debug, Default)]
struct Symbol {
    /// In order.
    definers: Vec<usize>,
    /// Somebody imports it.
    used: bool,
    /// Why nobody knows whose definition a user gets.
    unknown: Option<&'static str>,
    /// It is data.
    data: bool,
    /// Not all of them do it as linkers have it.
    unusual: bool,
}

/// Gives symbols of the private libraries among `subjects` new names, as far as `environment` does not have the old ones, and tells for each
/// module what was done.
pub fn run(subjects: &mut [Subject<'_, '_>], environment: &Environment) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = subjects.iter().map(|_| Outcome::new(PASS)).collect();
    let symbols = symbols(subjects);
    let mut numbers = Numbers::of(subjects);
    let scripts = scripts(subjects);
    let mut left: Vec<Vec<&'static str>> = vec![Vec::new(); subjects.len()];
    let mut names: HashMap<String, String> = HashMap::new();
    for (name, symbol) in &symbols {
        let library = symbol.definers.iter().find(|place| subjects[**place].standing.private.is_some());
        let Some((library, prefix)) = library.and_then(|place| Some((*place, subjects[*place].standing.private.as_ref()?))) else {
            continue;
        };
        let why = if scripts.contains(name) { Some(SCRIPT) } else { stays(name, symbol, subjects, environment) };
        match why {
            Some(why) => left[library].push(why),
            None => drop(names.insert(name.to_string(), numbers.next(prefix))),
        }
    }
    for (outcome, left) in outcomes.iter_mut().zip(left) {
        outcome.leave_each(Kept::Name, left.into_iter().map(str::to_string));
    }
    if !names.is_empty() {
        let names = names.iter().map(|(old, new)| (old.as_str(), new.clone())).collect();
        subjects.iter_mut().zip(&mut outcomes).for_each(|(subject, outcome)| rename(subject.module, &names, outcome));
    }
    outcomes
}

/// The names that private libraries export and somebody imports, in the order of the exports.
fn symbols(subjects: &[Subject<'_, '_>]) -> IndexMap<String, Symbol> {
    let mut symbols: IndexMap<String, Symbol> = IndexMap::new();
    for subject in subjects.iter().filter(|subject| subject.standing.private.is_some()) {
        let exports = subject.module.exports().iter().filter(|export| isolated::parts(&export.name).is_none());
        symbols.extend(exports.map(|export| (export.name.to_string(), Symbol::default())));
    }
    for (place, subject) in subjects.iter().enumerate() {
        let module = &*subject.module;
        for export in module.exports() {
            let Some(symbol) = symbols.get_mut(&*export.name) else { continue };
            symbol.definers.push(place);
            symbol.data |= matches!(export.item, Item::Global(_));
            symbol.unusual |= subject.fixed || !is_definition(module, export.item);
        }
        for import in module.imports() {
            let Some(symbol) = symbols.get_mut(&*import.field) else { continue };
            let is_usual =
                matches!((&*import.module, import.item), ("env", Item::Function(_)) | ("GOT.func" | "GOT.mem", Item::Global(_)));
            symbol.unusual |= subject.fixed || !is_usual;
            symbol.used = true;
        }
        for info in &module.dylink.export_info {
            if let Some(symbol) = symbols.get_mut(&*info.name) {
                symbol.unusual = true;
            }
        }
    }
    symbols.retain(|_, symbol| symbol.used);
    find_unknown(&mut symbols, subjects);
    symbols
}

/// Notes for each of `symbols` whether it is not known whose definition a user gets.
fn find_unknown(symbols: &mut IndexMap<String, Symbol>, subjects: &[Subject<'_, '_>]) {
    let needs = Needs::of(subjects);
    for (place, subject) in subjects.iter().enumerate() {
        let gets = needs.gets(place);
        for import in subject.module.imports() {
            let Some(symbol) = symbols.get_mut(&*import.field).filter(|symbol| symbol.unknown.is_none()) else { continue };
            symbol.unknown = match () {
                () if needs.is_open(place) => Some(ELSEWHERE),
                () if symbol.definers.binary_search(&place).is_ok() || gets.any(&symbol.definers) => None,
                () => Some(UNNEEDED),
            };
        }
    }
}

/// Whether what is exported is a function or the address of data that the module defines.
fn is_definition(module: &Module<'_>, item: Item) -> bool {
    match item {
        Item::Function(id) => module.function(id).origin.defined().is_some(),
        Item::Global(id) => {
            let global = &module.globals()[id.0 as usize];
            !global.ty.mutable && global.origin.defined().is_some_and(|init| init.as_i32().is_some())
        }
        _ => false,
    }
}

/// The functions that are text of JavaScript in the data of a module.
fn scripts(subjects: &[Subject<'_, '_>]) -> HashSet<String> {
    let exports = subjects.iter().flat_map(|subject| subject.module.exports());
    exports.filter_map(|export| export.name.strip_prefix("__em_js__")).map(str::to_string).collect()
}

/// Why names stay.
const LOOKED_UP: &str = "the loader or JavaScript looks for it";
const SCRIPT: &str = "it is a function of JavaScript";
const OF_RUNTIME: &str = "the runtime has it, and comes first";
const IDENTITY: &str = "data with a C++ name is the same in the whole program";
const UNUSUAL: &str = "a module exports or imports it in its own way";
const OF_OTHERS: &str = "a module that other packages may need defines it, too";
const ELSEWHERE: &str = "a module that may get libraries of others imports it";
const UNNEEDED: &str = "a module that does not need the library imports it";

/// What names begin with that only the runtime and tools define.
const RESERVED: [&str; 5] = ["__cxa_", "_Unwind_", "emscripten_", "__syscall_", "__dso_handle"];

/// Why `name` stays, if it does.
fn stays(name: &str, symbol: &Symbol, subjects: &[Subject<'_, '_>], environment: &Environment) -> Option<&'static str> {
    if is_looked_up(name, false) || RESERVED.iter().any(|prefix| name.starts_with(prefix)) {
        return Some(LOOKED_UP);
    }
    if environment.may_define(name) || environment.offers_function(name) {
        return Some(OF_RUNTIME);
    }
    if symbol.data && mangling::is_mangled(name) && !mangling::is_rust(name) {
        return Some(IDENTITY);
    }
    if symbol.unusual {
        return Some(UNUSUAL);
    }
    let is_of_group = |place: &usize| subjects[*place].standing.private.is_some() || is_extension(subjects[*place].module);
    if !symbol.definers.iter().all(is_of_group) {
        return Some(OF_OTHERS);
    }
    symbol.unknown
}

/// The numbers of names to come.
struct Numbers(HashMap<String, u32>);

impl Numbers {
    /// Behind those that modules have already.
    fn of(subjects: &[Subject<'_, '_>]) -> Self {
        let mut next: HashMap<String, u32> = HashMap::new();
        for subject in subjects {
            let exports = subject.module.exports().iter().map(|export| &*export.name);
            let imports = subject.module.imports().iter().map(|import| &*import.field);
            for (prefix, number) in exports.chain(imports).filter_map(isolated::parts) {
                let next = next.entry(prefix.to_string()).or_default();
                *next = number.saturating_add(1).max(*next);
            }
        }
        Numbers(next)
    }

    fn next(&mut self, prefix: &str) -> String {
        let next = self.0.entry(prefix.to_string()).or_default();
        let name = isolated::name(prefix, *next);
        *next += 1;
        name
    }
}

/// Has `module` export and import under new names what `names` has by the old ones.
fn rename(module: &mut Module<'_>, names: &HashMap<&str, String>, outcome: &mut Outcome) {
    let exports = module.exports().iter().filter_map(|export| Some((names.get(&*export.name)?, &*export.name, export.item)));
    let exports: Vec<(String, String, Item)> =
        exports.map(|(new, old, item)| (new.clone(), format!("{old}={new}"), item)).collect();
    outcome.count_each_named(SYMBOLS, exports.iter().map(|(_, pair, _)| pair.clone()));
    for (new, _, item) in exports {
        module.add_export(&new, item);
    }
    let imports = module.imports().iter().filter(|import| names.contains_key(&*import.field)).count();
    if imports > 0 {
        module.rename_fields(names);
        outcome.count("references_isolated", imports);
    }
}
