//! Pointers to functions that are called under another type than the functions have.
//!
//! C compilers take a cast of a function of two parameters to where one of three is called, and native code passes what nobody looks at. A
//! WebAssembly engine compares the types at every call through a pointer, and ends the program: `null function or function signature
//! mismatch`.
//!
//! **Idea.** What a linked module gives to the runtime is known: in its code are calls of [functions that call pointers](roots) or read
//! tables of them, with arguments that are constants behind `__memory_base` or `__table_base` ([`calls`]); its data and relocations hold the
//! tables ([`image`]), and what Python reads in them is laid down in its headers ([`layouts`]). So each pointer that is found on this way
//! ([`follow`]) comes with the type under which it is called, and the function that it points to has one of its own.
//!
//! A function of the module that passes a parameter of its own on is followed to its callers.
//!
//! **When it says nothing.** Where any of this is not a constant: a table that code fills, an address that comes from memory or from two
//! sides. These calls are counted. So are words of data that code writes to: what the data holds then is not what is called.
//!
//! **Relies on** the loader putting the module's own function into `GOT.func` entries of names that the runtime does not offer.

mod adapt;
mod addresses;
mod calls;
mod follow;
mod image;
mod layouts;
mod relocate;
mod roots;
mod stubs;

use crate::body::pushed::{self, Pushed};
use crate::linking::python::is_entry;
use crate::module::{FunctionId, Item, Module};
use crate::parallel::prelude::*;
use crate::{Environment, Provider, Result};
use addresses::{Addresses, Meaning};
use calls::{Asked, Event, Search, Value};
use follow::Follow;
use image::Image;
use roots::Role;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use wasmparser::{FuncType, Operator, ValType};

pub use adapt::{PASS, reasons, run};
pub use addresses::Pointee;
pub use follow::{Called, Owner, What};
pub use stubs::stubs_called;

/// What is known of the runtime.
#[derive(Debug, Clone, Copy, Default)]
pub struct Runtime<'r> {
    /// Minor version of its Python 3, if it has one of which the layouts are known.
    pub python: Option<u32>,
    /// What it offers.
    pub environment: Option<&'r Environment>,
}

/// Versions of Python 3 of which the layouts are known.
const KNOWN: std::ops::RangeInclusive<u32> = 12..=15;

impl<'r> Runtime<'r> {
    /// A runtime with the Python `version`, such as `3.13`.
    pub fn new(version: &str, environment: Option<&'r Environment>) -> Self {
        let minor = version.strip_prefix("3.").and_then(|minor| minor.parse().ok());
        Runtime { python: minor.filter(|minor| KNOWN.contains(minor)), environment }
    }
}

/// Where a pointer is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In data, so many bytes behind `__memory_base`.
    Data {
        /// The bytes.
        at: u32,
        /// The struct that it is in.
        table: &'static str,
        /// Its name there.
        field: &'static str,
        /// What the struct belongs to.
        owner: Owner,
    },
    /// An argument of a function of the runtime, or of one that passes it on.
    Argument {
        /// The function.
        callee: FunctionId,
        /// Which one.
        argument: u32,
        /// The function that calls it.
        caller: FunctionId,
        /// Where in its body.
        at: u32,
    },
    /// Code calls it.
    Call {
        /// The function that does.
        caller: FunctionId,
        /// Where in its body.
        at: u32,
    },
}

/// A pointer that is called under another type than its function has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Where it is.
    pub place: Place,
    /// What it points to.
    pub function: Pointee,
    /// The address.
    address: Meaning,
    /// The type under which it is called.
    pub expected: FuncType,
    /// The type that the function has.
    pub actual: FuncType,
    /// How it is called.
    pub called: Called,
    /// The module itself calls it under the type that the function has, too.
    pub rightly_called: bool,
}

/// What was found in a module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// In the order of data, then of code.
    pub mismatches: Vec<Mismatch>,
    /// So many pointers were looked at.
    pub looked_at: usize,
    /// So many tables and arguments are made when the module runs, or not understood.
    pub left: usize,
}

/// Whether the trampoline, by which CPython calls methods on engines with garbage collection, knows functions of this type: the type of what
/// it calls tells it how many arguments to pass (`Python/emscripten_trampoline.c` of CPython 3.13, `emscripten_trampoline_inner.c` of 3.14).
pub fn is_passed_fewer(ty: &FuncType) -> bool {
    ty.params().len() <= 3 && ty.params().iter().all(|ty| *ty == ValType::I32) && *ty.results() == [ValType::I32]
}

/// So often a function is looked at for what it passes on, at most.
const MOST_WALKS: usize = 8;

/// Finds the pointers of `module` that `runtime`, or the module itself, calls under another type than their functions have.
///
/// # Errors
/// Malformed code, which [`Module::read`] would have found.
pub fn find(module: &Module<'_>, runtime: &Runtime<'_>) -> Result<Found> {
    let mut found = Found::default();
    if module.check_conventions().is_err() {
        return Ok(found);
    }
    let addresses = Addresses::of(module, runtime.environment)?;
    let Some(events) = Events::of(module, runtime, &addresses)? else { return Ok(found) };
    let mut candidates = Vec::new();
    tables(module, runtime, &addresses, &events, &mut found, &mut candidates);
    arguments(module, &addresses, &events, &mut found, &mut candidates);
    if candidates.iter().any(|candidate| matches!(candidate.place, Place::Data { .. })) {
        let used = used(module, &addresses)?;
        let before = candidates.len();
        candidates.retain_mut(|candidate| {
            let Place::Data { at, .. } = candidate.place else { return true };
            let types = used.called.get(&at).into_iter().flatten();
            candidate.rightly_called = types.into_iter().any(|ty| module.types()[*ty as usize] == candidate.actual);
            !used.written.contains(&at)
        });
        found.left += before - candidates.len();
    }
    candidates.sort_by(|one, other| one.place.cmp(&other.place));
    candidates.dedup();
    found.mismatches = candidates;
    Ok(found)
}

/// What the functions of a module do, by the function.
struct Events(BTreeMap<FunctionId, Vec<Event>>);

impl Events {
    /// `None` when the module gives nothing to anybody that calls pointers, and calls none by itself.
    fn of(module: &Module<'_>, runtime: &Runtime<'_>, addresses: &Addresses) -> Result<Option<Self>> {
        let mut asked = roots_of(module, runtime);
        let entries = entries(module);
        let facts = module.facts()?;
        let concerned = facts.par_iter().filter(|(id, facts)| {
            let reads = || facts.reads().any(|global| addresses.is_slot(global));
            entries.contains(id)
                || facts.calls().any(|callee| asked.contains_key(&module.resolved(FunctionId(callee))))
                || (facts.indirect_calls && reads() && calls_constant(module, *id, addresses))
        });
        let mut waiting: BTreeSet<FunctionId> = concerned.map(|(id, _)| *id).collect();
        if waiting.is_empty() {
            return Ok(None);
        }
        let mut events = BTreeMap::new();
        let mut walks: HashMap<FunctionId, usize> = HashMap::new();
        let mut callers: Option<HashMap<FunctionId, Vec<FunctionId>>> = None;
        while !waiting.is_empty() {
            let search = Search { addresses, asked: &asked };
            let walked: Vec<(FunctionId, Option<Vec<Event>>)> = (waiting.into_par_iter())
                .filter_map(|id| Some((id, module.function(id).origin.defined()?)))
                .map(|(id, body)| Ok((id, calls::events(module, &search, id, body)?)))
                .collect::<Result<_>>()?;
            let mut asking = BTreeSet::new();
            for (id, of) in walked {
                let of = of.unwrap_or_default();
                let passed = passed_on(&of);
                let known = asked.entry(id).or_default();
                if !passed.is_subset(known) {
                    known.extend(passed);
                    asking.insert(id);
                }
                events.insert(id, of);
            }
            asked.retain(|_, asked| !asked.is_empty());
            let callers =
                if asking.is_empty() { &HashMap::new() } else { callers.get_or_insert_with(|| callers_of(module, &facts)) };
            waiting = asking.iter().flat_map(|id| callers.get(id).into_iter().flatten().copied()).collect();
            waiting.retain(|id| {
                let walks = walks.entry(*id).or_default();
                *walks += 1;
                *walks <= MOST_WALKS
            });
        }
        Ok(Some(Events(events)))
    }

    fn each(&self) -> impl Iterator<Item = (FunctionId, &Event)> {
        self.0.iter().flat_map(|(id, events)| events.iter().map(move |event| (*id, event)))
    }
}

/// Whether the function `id` pushes the address of a slot right before it calls through the table. Compilers call directly what is known to them,
/// so that such calls are few, and it would take long to follow all functions that read addresses for some reason.
fn calls_constant(module: &Module<'_>, id: FunctionId, addresses: &Addresses) -> bool {
    let Some(body) = module.function(id).origin.defined() else { return false };
    let mut found = false;
    let seen = pushed::each(body, |operator, _, recent| {
        if let Operator::CallIndirect { .. } | Operator::ReturnCallIndirect { .. } = operator
            && let Some((_, Pushed::Global(global) | Pushed::Sum { global, .. })) = recent.pushed()
        {
            found |= addresses.is_slot(global);
        }
    });
    seen.is_ok() && found
}

/// The imports that call pointers or read tables of them, with what their arguments are.
fn roots_of(module: &Module<'_>, runtime: &Runtime<'_>) -> HashMap<FunctionId, Asked> {
    let mut asked = HashMap::<FunctionId, Asked>::new();
    let roots: HashMap<&str, Vec<(u32, Role)>> = roots::ROOTS.iter().fold(HashMap::new(), |mut roots, (name, argument, role)| {
        roots.entry(*name).or_insert_with(Vec::new).push((*argument, *role));
        roots
    });
    for import in module.imports().iter().filter(|import| import.module == "env") {
        let (Item::Function(id), Some(arguments)) = (import.item, roots.get(&*import.field)) else { continue };
        let offer = runtime.environment.and_then(|environment| environment.symbols.get(&*import.field));
        if offer.is_none_or(|offer| offer.provider != Provider::MainModule) {
            continue;
        }
        let known = arguments.iter().filter(|(_, role)| matches!(role, Role::Function(_)) || runtime.python.is_some());
        asked.entry(id).or_default().extend(known.copied());
    }
    asked.retain(|_, asked| !asked.is_empty());
    asked
}

/// The functions by which Python begins to use the module, which may return the description of it.
fn entries(module: &Module<'_>) -> HashSet<FunctionId> {
    let exports = module.exports().iter().filter(|export| is_entry(&export.name) && !export.name.starts_with("PyModExport_"));
    exports.filter_map(|export| if let Item::Function(id) = export.item { Some(module.resolved(id)) } else { None }).collect()
}

/// The parameters that a function passes on.
fn passed_on(events: &[Event]) -> Asked {
    let passed = events.iter().filter_map(|event| match event {
        Event::Given { role, value: Value::Parameter(parameter), .. } => Some((*parameter, *role)),
        _ => None,
    });
    passed.collect()
}

fn callers_of(module: &Module<'_>, facts: &[(FunctionId, &crate::body::facts::Facts)]) -> HashMap<FunctionId, Vec<FunctionId>> {
    let mut callers: HashMap<FunctionId, Vec<FunctionId>> = HashMap::new();
    for (caller, of) in facts {
        for callee in of.calls() {
            callers.entry(module.resolved(FunctionId(callee))).or_default().push(*caller);
        }
    }
    callers
}

/// Follows the tables that the runtime is given.
fn tables(
    module: &Module<'_>,
    runtime: &Runtime<'_>,
    addresses: &Addresses,
    events: &Events,
    found: &mut Found,
    candidates: &mut Vec<Mismatch>,
) {
    let Some(python) = runtime.python else { return };
    let entries = entries(module);
    let given = events.each().filter_map(|(id, event)| match *event {
        Event::Given { role, value, .. } if !matches!(role, Role::Function(_)) => Some((role, value)),
        Event::Returned(address) if entries.contains(&id) => Some((Role::ModuleDef, Value::Address(address))),
        _ => None,
    });
    let given: Vec<(Role, Value)> = given.collect();
    if given.is_empty() {
        return;
    }
    let Some(image) = Image::new(module, addresses) else {
        found.left += given.len();
        return;
    };
    let mut follow = Follow::new(&image, python);
    for (role, value) in given {
        match value {
            Value::Address(Meaning::Data(at)) => follow.table(role, at),
            _ => found.left += usize::from(value.is_made_at_run_time()),
        }
    }
    found.left += follow.left;
    found.looked_at += follow.found.len();
    for pointer in follow.found {
        let Some((function, actual)) = addresses.function(module, pointer.address) else { continue };
        if actual != pointer.expected {
            let follow::Pointer { at, table, field, owner, expected, called, address } = pointer;
            let place = Place::Data { at, table, field, owner };
            candidates.push(Mismatch { place, function, address, expected, actual, called, rightly_called: false });
        }
    }
}

/// Looks at the pointers that code gives to the runtime, or calls.
fn arguments(module: &Module<'_>, addresses: &Addresses, events: &Events, found: &mut Found, candidates: &mut Vec<Mismatch>) {
    for (caller, event) in events.each() {
        let (address, expected, place) = match *event {
            Event::Given { callee, argument, role: Role::Function(letters), value, at } => {
                let (Value::Address(address), Some(expected)) = (value, crate::linking::signature::spelled(letters)) else {
                    found.left += usize::from(value.is_made_at_run_time());
                    continue;
                };
                (address, expected, Place::Argument { callee, argument, caller, at })
            }
            Event::Called { address, ty, at } => (address, module.types()[ty as usize].clone(), Place::Call { caller, at }),
            _ => continue,
        };
        let Some((function, actual)) = addresses.function(module, address) else { continue };
        found.looked_at += 1;
        if actual != expected {
            candidates.push(Mismatch {
                place,
                function,
                address,
                expected,
                actual,
                called: Called::Directly,
                rightly_called: false,
            });
        }
    }
}

/// What the code of a module does with words of data.
#[derive(Default)]
struct Used {
    written: HashSet<u32>,
    /// Those that it calls, with the ids of the types.
    called: HashMap<u32, BTreeSet<u32>>,
}

fn used(module: &Module<'_>, addresses: &Addresses) -> Result<Used> {
    let relocations = crate::linking::relocation_code::data_function(module);
    let users = module.bodies_that(|facts| facts.reads().any(|global| addresses.is_data(global)))?;
    let search = Search { addresses, asked: &HashMap::new() };
    let events: Vec<Vec<Event>> = (users.into_par_iter())
        .filter(|(id, _)| Some(*id) != relocations)
        .map(|(id, body)| {
            let mut events = calls::events(module, &search, id, body)?.unwrap_or_default();
            events.retain(|event| matches!(event, Event::Written(_) | Event::Through { .. }));
            Ok(events)
        })
        .collect::<Result<_>>()?;
    let mut used = Used::default();
    for event in events.into_iter().flatten() {
        match event {
            Event::Written(at) => drop(used.written.insert(at)),
            Event::Through { from, ty } => drop(used.called.entry(from).or_default().insert(ty)),
            _ => {}
        }
    }
    Ok(used)
}
