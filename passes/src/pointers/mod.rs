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
//! A function of the module that passes a parameter of its own on, on each way through it, is followed to its callers. Descriptions of types and
//! modules need only be passed on as nothing else: what looks like one is one.
//!
//! **When it says nothing.** Where any of this is not a constant: a table that code fills, an address that comes from memory or from two
//! sides. These calls are counted. So are words of data that code may write ([`uses`]): what the data holds then is not what is called.
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
mod tables;
mod uses;
mod values;

use crate::body::pushed::{self, Pushed};
use crate::linking::python::{SLOTS, is_entry};
use crate::module::{FunctionId, Item, Module};
use crate::parallel::prelude::*;
use crate::{Environment, Provider, Result};
use addresses::{Addresses, Meaning};
use calls::{Asked, Event, Search, Walked};
use roots::Role;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use values::Value;
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

/// The minor version of Python 3 that begins to look for functions that export slots.
const EXPORTS: u32 = 15;

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
    /// What keeps it from being replaced, if anything does.
    pub keeps: Option<Keeps>,
}

/// What keeps a pointer in a table from being replaced by one to another function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// It is called under the type that the function has, too.
    Rightly,
    /// It is called under several types.
    Several,
    /// It is not known what the module does with it.
    Unclear,
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
    if module.check_conventions().is_err() || fills_table(module)? {
        return Ok(found);
    }
    let addresses = Addresses::of(module, runtime.environment)?;
    let Some(events) = Events::of(module, runtime, &addresses)? else { return Ok(found) };
    let mut candidates = Vec::new();
    if let Some(python) = runtime.python {
        tables::look(module, python, &addresses, &events.tables(module, runtime), &mut found, &mut candidates)?;
    }
    arguments(module, &addresses, &events, &mut found, &mut candidates);
    candidates.sort_by(|one, other| one.place.cmp(&other.place));
    candidates.dedup();
    found.mismatches = candidates;
    Ok(found)
}

/// Whether code puts functions into a table, so that nobody knows what a slot holds.
fn fills_table(module: &Module<'_>) -> Result<bool> {
    for (_, body) in module.bodies_that(|facts| facts.tables)? {
        let mut fills = false;
        pushed::each(body, |operator, _, _| {
            fills |= matches!(
                operator,
                Operator::TableSet { .. } | Operator::TableFill { .. } | Operator::TableCopy { .. } | Operator::TableInit { .. }
            );
        })?;
        if fills {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What the functions of a module do, by the function.
struct Events(BTreeMap<FunctionId, Vec<Event>>);

impl Events {
    /// `None` when the module gives nothing to anybody that calls pointers, and calls none by itself.
    fn of(module: &Module<'_>, runtime: &Runtime<'_>, addresses: &Addresses) -> Result<Option<Self>> {
        let mut asked = roots_of(module, runtime);
        let entries = entries(module, runtime);
        let facts = module.facts()?;
        let concerned = facts.par_iter().filter(|(id, facts)| {
            let reads = || facts.reads().any(|global| addresses.is_slot(global));
            entries.contains_key(id)
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
            let search = Search { addresses, asked: &asked, tables: None };
            let walked: Vec<(FunctionId, Option<Walked>)> = (waiting.into_par_iter())
                .filter_map(|id| Some((id, module.function(id).origin.defined()?)))
                .map(|(id, body)| Ok((id, calls::events(module, &search, id, body)?)))
                .collect::<Result<_>>()?;
            let mut asking = BTreeSet::new();
            for (id, of) in walked {
                let Walked { events: of, passed } = of.unwrap_or_default();
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

    /// What is given to the runtime as tables, and as which ones.
    fn tables(&self, module: &Module<'_>, runtime: &Runtime<'_>) -> Vec<(Role, Value)> {
        let entries = entries(module, runtime);
        let given = self.each().filter_map(|(id, event)| match *event {
            Event::Given { role, value, .. } if !matches!(role, Role::Function(_)) => Some((role, value)),
            Event::Returned(address) => entries.get(&id).map(|role| (*role, Value::Address(address))),
            _ => None,
        });
        given.collect()
    }
}

/// Whether the function `id` calls through the table what it has made the address of a slot right before, or put into a local. Compilers call
/// directly what is known to them, so that such calls are few, and it would take long to follow all functions that read addresses for some reason.
fn calls_constant(module: &Module<'_>, id: FunctionId, addresses: &Addresses) -> bool {
    let Some(body) = module.function(id).origin.defined() else { return false };
    let mut found = false;
    let mut held: HashSet<u32> = HashSet::new();
    let mut before = None;
    let seen = pushed::each(body, |operator, _, recent| {
        let pushes = || match recent.pushed() {
            Some((_, Pushed::Global(global) | Pushed::Sum { global, .. })) => addresses.is_slot(global),
            _ => false,
        };
        let local = match *operator {
            Operator::LocalSet { local_index } | Operator::LocalTee { local_index } if pushes() => {
                held.insert(local_index);
                Some(local_index)
            }
            Operator::LocalGet { local_index } => Some(local_index),
            Operator::CallIndirect { .. } | Operator::ReturnCallIndirect { .. } => {
                found |= pushes() || before.is_some_and(|local| held.contains(&local));
                None
            }
            _ => None,
        };
        before = local;
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

/// The functions by which Python begins to use the module, with what they may return: the description of it.
fn entries(module: &Module<'_>, runtime: &Runtime<'_>) -> HashMap<FunctionId, Role> {
    let exports = module.exports().iter().filter(|export| is_entry(&export.name));
    let described = exports.filter_map(|export| {
        let Item::Function(id) = export.item else { return None };
        let role = match export.name.starts_with(SLOTS) {
            true if runtime.python < Some(EXPORTS) => return None,
            true => Role::ExportedSlots,
            false => Role::ModuleDef,
        };
        Some((module.resolved(id), role))
    });
    described.collect()
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
            candidates.push(Mismatch { place, function, address, expected, actual, called: Called::Directly, keeps: None });
        }
    }
}
