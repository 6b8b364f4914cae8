//! Symbols of private libraries that have names of their own are linked by their place in a table instead.
//!
//! A name costs a look-up, an entry of the global offset table that every later load walks over, and for each function a closure in JavaScript,
//! through which all calls go. So a library exports the address of one table in its data, and the start function fills it: addresses
//! of data, and of functions their slots. A module that uses it takes that one address from the loader, and its own start function puts
//! what stands in the table into internal GOT globals. Calls go through these.
//!
//! **When it leaves a name.** Where it is not certain that the library is ready when its user begins: it is not among what the user gets by
//! NEEDED, or only through libraries that need the user in turn, or the two need each other. Where several modules define the name, or
//! one imports it weakly, with another type, in a segment of the table, as a reference or for a tail call. Where a module has no memory,
//! or the library fills its table slots in another way than linkers do.
//!
//! **Relies on** `loadWebAssemblyModule` of `libdylink.js` to load what is needed, to relocate its exports and to run its relocations before it
//! makes an instance of the module that needs it, one library after the other, and to go on without those that are being loaded (what a
//! user outside of such a circle gets is complete, then); and on segments being written before the start function runs, as the core
//! specification has it.

use super::needs::{Gets, Needs};
use super::{Numbers, Subject, is_definition};
use crate::body::code;
use crate::body::edit::Edits;
use crate::body::facts::{Kind, behind_leb};
use crate::linking::isolated;
use crate::module::{Address, FunctionId, GlobalId, Import, Item, MemoryId, Module};
use crate::parallel::prelude::*;
use crate::{Kept, Outcome, Result};
use indexmap::IndexMap;
use std::collections::{HashMap, HashSet};

/// Name of the pass.
pub const PASS: &str = "slots";

/// What outcomes count symbols in tables under, and name them by: `name=table[number]`.
pub const TABLED: &str = "symbols_in_tables";

/// A symbol that a library defines.
#[derive(Debug)]
struct Symbol {
    library: usize,
    item: Item,
    used: bool,
    /// Why somebody cannot do without the name.
    why: Option<&'static str>,
}

/// Why names stay.
const FULL: &str = "the library has no memory, or fills its table slots in its own way";
const ITSELF: &str = "the library itself asks the loader for it";
const SEVERAL: &str = "several modules define it";
const EARLY: &str = "it is not certain that the library is loaded before a module that uses it";
const WEAK: &str = "a module can do without it";
const TYPE: &str = "a module imports it with another type than it has";
const SEEN: &str = "a module passes it on, or calls it in place of a function of its own";
const MEMORY: &str = "a module that uses it has no memory, or must not change";

/// Bytes of an address.
const WORD: u32 = 4;

/// Links by slot what can be among `subjects`, and tells for each module what was done.
///
/// # Errors
/// [`crate::Error::Refused`] for a module without room for more data or slots.
pub fn run(subjects: &mut [Subject<'_, '_>]) -> Result<Vec<Outcome>> {
    let mut outcomes: Vec<Outcome> = subjects.iter().map(|_| Outcome::new(PASS)).collect();
    let mut tables: IndexMap<usize, IndexMap<String, Item>> = IndexMap::new();
    for (name, symbol) in linked(subjects)? {
        match symbol.why {
            Some(why) => outcomes[symbol.library].leave(Kept::Name, why),
            None => drop(tables.entry(symbol.library).or_default().insert(name, symbol.item)),
        }
    }
    let mut numbers = Numbers::of(subjects);
    let mut places: HashMap<String, Place> = HashMap::new();
    let mut names = Vec::new();
    for (library, symbols) in tables {
        let Some(prefix) = subjects[library].standing.private.clone() else { continue };
        let table = numbers.next(&isolated::of_tables(&prefix));
        export_table(subjects[library].module, &table, &symbols)?;
        let placed = symbols.keys().enumerate().map(|(index, name)| format!("{name}={table}[{index}]"));
        outcomes[library].count_each_named(TABLED, placed);
        places.extend(symbols.into_keys().zip(0..).map(|(name, index)| (name, Place { table: names.len(), index })));
        names.push(table);
    }
    for (subject, outcome) in subjects.iter_mut().zip(&mut outcomes) {
        let count = use_tables(subject.module, &names, &places)?;
        outcome.count("references_through_tables", count);
    }
    Ok(outcomes)
}

/// Where a symbol is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Place {
    table: usize,
    index: u32,
}

/// The symbols with names of their own that somebody uses, in the order of the exports.
fn linked(subjects: &[Subject<'_, '_>]) -> Result<IndexMap<String, Symbol>> {
    let mut symbols: IndexMap<String, Symbol> = IndexMap::new();
    for (place, subject) in subjects.iter().enumerate().filter(|(_, subject)| subject.standing.private.is_some()) {
        let has_room = has_room(subject);
        for export in subject.module.exports().iter().filter(|export| isolated::is_symbol(&export.name)) {
            let why = (!has_room || !is_definition(subject.module, export.item)).then_some(FULL);
            let symbol = Symbol { library: place, item: export.item, used: false, why };
            symbols.entry(export.name.to_string()).or_insert(symbol);
        }
    }
    let needs = Needs::of(subjects);
    for (place, subject) in subjects.iter().enumerate() {
        for export in subject.module.exports() {
            if let Some(symbol) = symbols.get_mut(&*export.name).filter(|symbol| symbol.library != place) {
                symbol.why = symbol.why.or(Some(SEVERAL));
            }
        }
        if !subject.module.imports().iter().any(|import| symbols.contains_key(&*import.field)) {
            continue;
        }
        let user = User::new(place, subject, &needs)?;
        for import in subject.module.imports() {
            if let Some(symbol) = symbols.get_mut(&*import.field) {
                symbol.used = true;
                symbol.why = symbol.why.or_else(|| user.needs_name(import, symbol, subjects[symbol.library].module));
            }
        }
    }
    symbols.retain(|_, symbol| symbol.used);
    Ok(symbols)
}

/// Whether a module has a memory in which its code may work.
fn has_memory(subject: &Subject<'_, '_>) -> bool {
    !subject.fixed && subject.module.import("env", "memory") == Some(Item::Memory(MemoryId(0)))
}

/// Whether a module has a memory, and table slots to which more can be appended.
fn has_room(subject: &Subject<'_, '_>) -> bool {
    let module = &*subject.module;
    has_memory(subject) && module.fills_own_slots() && module.own_slots().len() == module.dylink.table_size as usize
}

/// A module that uses symbols of others.
struct User<'u> {
    place: usize,
    module: &'u Module<'u>,
    has_memory: bool,
    /// It may get libraries of which nothing is known.
    is_open: bool,
    /// What is loaded before it.
    before: Gets<'u>,
    weak: HashSet<&'u str>,
    /// What is more than called or read: exported, in a segment, referred to, called in place of the caller.
    seen: HashSet<Item>,
}

impl<'u> User<'u> {
    fn new(place: usize, subject: &'u Subject<'_, '_>, needs: &'u Needs<'u>) -> Result<Self> {
        let module = &*subject.module;
        let mut seen: HashSet<Item> = module.exports().iter().map(|export| export.item).collect();
        let function = |id: FunctionId| Item::Function(module.resolved(id));
        seen.extend(module.start().map(function));
        seen.extend(module.listed_functions().map(Item::Function));
        for (_, facts) in module.facts()? {
            let others = facts.immediates.iter().filter(|at| matches!(at.kind, Kind::TailCall | Kind::Reference));
            seen.extend(others.map(|at| function(FunctionId(at.id))));
        }
        Ok(User {
            place,
            module,
            has_memory: has_memory(subject),
            is_open: needs.is_open(place),
            before: needs.before(place),
            weak: module.dylink.weak_imports(),
            seen,
        })
    }

    /// Why the module cannot do without the name of `symbol`, which it imports as `import`.
    fn needs_name(&self, import: &Import<'_>, symbol: &Symbol, library: &Module<'_>) -> Option<&'static str> {
        let is_first = !self.is_open && self.before.any(&[symbol.library]);
        let same = match (&*import.module, import.item, symbol.item) {
            ("env", Item::Function(id), Item::Function(own)) => self.module.signature(id) == library.signature(own),
            ("GOT.func", Item::Global(_), Item::Function(_)) | ("GOT.mem", Item::Global(_), Item::Global(_)) => true,
            _ => false,
        };
        match () {
            () if self.place == symbol.library => Some(ITSELF),
            () if !is_first => Some(EARLY),
            () if self.weak.contains(&*import.field) => Some(WEAK),
            () if !same => Some(TYPE),
            () if self.seen.contains(&import.item) => Some(SEEN),
            () if !self.has_memory => Some(MEMORY),
            () => None,
        }
    }
}

/// Has a library export the address of a table of `symbols` in place of these.
fn export_table(module: &mut Module<'_>, table: &str, symbols: &IndexMap<String, Item>) -> Result<()> {
    let mut slots: HashMap<FunctionId, u32> =
        module.own_slots().iter().enumerate().map(|(slot, id)| (module.resolved(*id), slot as u32)).collect();
    let mut new = Vec::new();
    let mut addresses = Vec::new();
    for item in symbols.values() {
        match item {
            Item::Function(id) => {
                let next = (module.own_slots().len() + new.len()) as u32;
                let id = module.resolved(*id);
                let slot = *slots.entry(id).or_insert_with(|| {
                    new.push(id);
                    next
                });
                addresses.push(Address::Table(slot));
            }
            Item::Global(id) => {
                let offset = module.globals()[id.0 as usize].origin.defined().and_then(|init| init.as_i32());
                addresses.push(Address::Memory(offset.unwrap_or_default() as u32));
            }
            _ => {}
        }
    }
    module.add_table_slots(&new)?;
    let Address::Memory(begin) = module.reserve_memory(WORD * addresses.len() as u32, 2)? else { return Ok(()) };
    module.write_addresses(begin, &addresses);
    module.remove_exports(|export| symbols.contains_key(&*export.name));
    module.export_data(table, begin);
    Ok(())
}

/// Has a module use the tables with these `names` in place of the symbols in `places`; returns how many imports went.
fn use_tables(module: &mut Module<'_>, names: &[String], places: &HashMap<String, Place>) -> Result<usize> {
    let mut called: Vec<(FunctionId, Place)> = Vec::new();
    let mut addresses: Vec<(GlobalId, Place)> = Vec::new();
    for import in module.imports() {
        let Some(place) = places.get(&*import.field) else { continue };
        match import.item {
            Item::Function(id) => called.push((id, *place)),
            Item::Global(id) => addresses.push((id, *place)),
            _ => {}
        }
    }
    if called.is_empty() && addresses.is_empty() {
        return Ok(0);
    }
    let count = called.len() + addresses.len();
    module.define_globals(&addresses.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    called.sort_unstable();
    let mut held: HashMap<Place, GlobalId> = addresses.iter().map(|(id, place)| (*place, *id)).collect();
    let mut pointers: HashMap<FunctionId, GlobalId> = HashMap::new();
    for (id, place) in called {
        let global = *held.entry(place).or_insert_with(|| {
            let global = module.add_global(0);
            addresses.push((global, place));
            global
        });
        pointers.insert(id, global);
    }
    call_through(module, &pointers)?;
    module.remove_functions(&pointers.keys().copied().collect::<Vec<_>>());
    let mut bases: HashMap<usize, GlobalId> = HashMap::new();
    let words = addresses.into_iter().map(|(global, Place { table, index })| {
        let base = *bases.entry(table).or_insert_with(|| module.data_address(&names[table]));
        (global, base, WORD * index)
    });
    let words: Vec<(GlobalId, GlobalId, u32)> = words.collect();
    module.read_addresses(&words);
    module.forget_import_infos();
    Ok(count)
}

/// Has calls of the functions in `pointers` go through these globals.
fn call_through(module: &mut Module<'_>, pointers: &HashMap<FunctionId, GlobalId>) -> Result<()> {
    if pointers.is_empty() {
        return Ok(());
    }
    let table = module.function_table();
    let shared = &*module;
    let callee = |id: u32| shared.resolved(FunctionId(id));
    let callers = shared.bodies_that(|facts| facts.calls().any(|id| pointers.contains_key(&callee(id))))?;
    let bodies = callers.into_par_iter().map(|(id, body)| {
        let mut edits = Edits::new(body);
        for at in body.facts()?.immediates.iter().filter(|at| at.kind == Kind::Call) {
            let callee = callee(at.id);
            let Some(pointer) = pointers.get(&callee) else { continue };
            let begin = at.at as usize;
            let ty = shared.function(callee).ty.0;
            let call = code(|code| code.global_get(pointer.0).call_indirect(table.0, ty));
            edits.replace(begin - 1..behind_leb(&body.bytes, begin), call);
        }
        Ok((id, edits.apply()?))
    });
    let bodies: Vec<(FunctionId, Vec<u8>)> = bodies.collect::<Result<_>>()?;
    module.define_functions(bodies);
    Ok(())
}
