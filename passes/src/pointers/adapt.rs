//! Adapters for pointers that are called under another type, where nothing but the number of arguments or results is wrong.
//!
//! An adapter has the type under which the pointer is called and calls the function: it drops arguments for which the function has no
//! parameter, passes zeros for parameters that nobody gives, drops a result that nobody takes and makes up a zero for one that the function
//! does not give. On native platforms the first two work in the same way, but that what is missing is whatever a register holds.
//!
//! **Where it stands.** Nowhere but where the call would end the program:
//! - The slot of the function gets it, where nothing else can name the slot: no code does, the module does not export the function, and all
//!   words of data that do are called under this one type. Addresses that are equal stay equal.
//! - Otherwise the words get the address of a new slot, one for all that were equal and are called under the same type.
//! - A call of the runtime that is given the address goes to a function that gives it the new one.
//! - A call through a constant slot becomes a call of the adapter.
//!
//! **What stays.** Other types of numbers at one place, addresses that are called under several types at one place, and pointers in modules
//! whose slots or relocations are not as linkers write them.

use super::addresses::{Addresses, Meaning, Pointee};
use super::image::Image;
use super::relocate::Relocations;
use super::{Called, Keeps, Mismatch, Place, Runtime, find};
use crate::body::edit::Edits;
use crate::body::facts::behind_leb;
use crate::linking::code_offsets::drop_code_offsets;
use crate::linking::relocation_code;
use crate::linking::slots::Table;
use crate::module::{FunctionId, GlobalId, Item, Module, TableId};
use crate::{Error, Kept, Left, Outcome, Result};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use wasm_encoder::{Function, InstructionSink};
use wasmparser::{FuncType, ValType};

/// Name of the pass.
pub const PASS: &str = "pointers";

/// Why pointers stay.
const AT_RUN_TIME: &str = "it, or the table that it is in, is made when the module runs";
const FORGIVEN: &str = "Python makes up for it";
const NUMBERS: &str = "its parameters or its result are other kinds of numbers, too";
const RIGHTLY: &str = "it is called under the type that the function has, too";
const SEVERAL: &str = "it is called under several types";
const UNCLEAR: &str = "it is not known what else the module does with it";
const SLOTS: &str = "the module does not fill its table slots as linkers do";
const RELOCATIONS: &str = "what relocates the data of the module is not understood";
const PASSED_ON: &str = "another function of the module passes it on";

/// The name of functions that are added, where the module has names.
const NAME: &str = "__wasm_pyfix_adapter";

/// Puts adapters in front of functions of `module` whose pointers are called under another type.
///
/// # Errors
/// What reading its code returns.
pub fn run(module: &mut Module<'_>, runtime: &Runtime<'_>) -> Result<Outcome> {
    let mut outcome = Outcome::new(PASS);
    let found = find(module, runtime)?;
    if found.left > 0 {
        outcome.left.push(Left { what: Kept::Pointer, why: AT_RUN_TIME.to_string(), count: found.left });
    }
    let mismatches: Vec<Mismatch> =
        found.mismatches.into_iter().filter(|mismatch| mismatch.called != Called::ByTrampoline).collect();
    if mismatches.is_empty() {
        return Ok(outcome);
    }
    let addresses = Addresses::of(module, runtime.environment)?;
    let relocations = Relocations::of(module, &addresses);
    let adapters = sort(module, mismatches, relocations.as_ref(), &mut outcome);
    if adapters.is_empty() {
        return Ok(outcome);
    }
    let alone = alone(module, &addresses, &adapters)?;
    drop_code_offsets(module, &mut outcome);
    put_in(module, relocations, adapters, &alone, &mut outcome)?;
    Ok(outcome)
}

/// Whether nothing but the number of arguments or results keeps a function of the type `actual` from being called as `expected`.
fn is_adaptable(expected: &FuncType, actual: &FuncType) -> bool {
    let number = |ty: &ValType| matches!(ty, ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64);
    let same = expected.params().iter().zip(actual.params()).all(|(expected, actual)| expected == actual);
    let result = match (expected.results(), actual.results()) {
        ([], [] | [_]) | ([_], []) => true,
        ([expected], [actual]) => expected == actual,
        _ => false,
    };
    same && result && [expected, actual].iter().all(|ty| ty.params().iter().chain(ty.results()).all(number))
}

/// An adapter, and all pointers for which it is.
struct Adapter {
    address: Meaning,
    function: Pointee,
    expected: FuncType,
    actual: FuncType,
    places: Vec<Place>,
}

/// Why pointers get no adapter, for each of `mismatches`; `None` for those that get one.
///
/// # Errors
/// What reading the code of `module` returns.
pub fn reasons(module: &Module<'_>, runtime: &Runtime<'_>, mismatches: &[Mismatch]) -> Result<Vec<Option<&'static str>>> {
    let addresses = Addresses::of(module, runtime.environment)?;
    Ok(reasons_for(module, mismatches, Relocations::of(module, &addresses).as_ref()))
}

fn reasons_for(module: &Module<'_>, mismatches: &[Mismatch], relocations: Option<&Relocations>) -> Vec<Option<&'static str>> {
    let usual = module.fills_own_slots() && module.own_slots().len() == module.dylink.table_size as usize;
    let usual = usual && module.base("__table_base").is_some();
    let reason = |mismatch: &Mismatch| match &mismatch.place {
        _ if mismatch.called == Called::ByTrampoline => Some(FORGIVEN),
        _ if !is_adaptable(&mismatch.expected, &mismatch.actual) => Some(NUMBERS),
        _ if let Some(keeps) = mismatch.keeps => Some(match keeps {
            Keeps::Rightly => RIGHTLY,
            Keeps::Several => SEVERAL,
            Keeps::Unclear => UNCLEAR,
        }),
        Place::Data { .. } | Place::Argument { .. } if !usual => Some(SLOTS),
        Place::Data { at, .. } if relocations.is_none_or(|relocations| !relocations.has(*at)) => Some(RELOCATIONS),
        Place::Argument { callee, .. } if !module.function(*callee).origin.is_import() => Some(PASSED_ON),
        _ => None,
    };
    mismatches.iter().map(reason).collect()
}

/// Sorts pointers by the adapter that they need; leaves those that get none.
fn sort(module: &Module<'_>, mismatches: Vec<Mismatch>, relocations: Option<&Relocations>, outcome: &mut Outcome) -> Vec<Adapter> {
    let reasons = reasons_for(module, &mismatches, relocations);
    let mut adapters: Vec<Adapter> = Vec::new();
    let mut known: HashMap<(Meaning, FuncType), usize> = HashMap::new();
    for (mismatch, reason) in mismatches.into_iter().zip(reasons) {
        if let Some(why) = reason {
            outcome.leave(Kept::Pointer, why);
            continue;
        }
        let Mismatch { place, function, address, expected, actual, .. } = mismatch;
        let index = *known.entry((address, expected.clone())).or_insert_with(|| {
            adapters.push(Adapter { address, function, expected, actual, places: Vec::new() });
            adapters.len() - 1
        });
        adapters[index].places.push(place);
    }
    adapters
}

/// The slots that nothing but the pointers of one adapter names: neither code, nor other words of data, nor an export.
fn alone(module: &Module<'_>, addresses: &Addresses, adapters: &[Adapter]) -> Result<BTreeSet<u32>> {
    let mut alone = BTreeSet::new();
    let (Some(image), Some(table)) = (Image::new(module, addresses), Table::new(module)?) else { return Ok(alone) };
    let relocations = relocation_code::data_function(module);
    let others = table.taken.iter().filter(|(id, _)| relocations.is_none_or(|relocations| relocations.0 != **id));
    let (mut lowest, mut named) = (0, BTreeSet::new());
    for (_, taken) in others {
        if taken.unclear {
            return Ok(alone);
        }
        lowest = lowest.max(taken.lowest);
        named.extend(taken.slots.iter().copied());
    }
    let exported = module.exports().iter().filter_map(|export| if let Item::Function(id) = export.item { Some(id) } else { None });
    let exported: HashSet<FunctionId> = exported.map(|id| module.resolved(id)).collect();
    let holding = image.holding();
    for adapter in adapters {
        let Meaning::Slot(slot) = adapter.address else { continue };
        // Whoever asks the loader for the address of the function is given that of the slot.
        if matches!(adapter.function, Pointee::Function(id) if exported.contains(&id)) {
            continue;
        }
        let places: Option<BTreeSet<u32>> =
            adapter.places.iter().map(|place| if let Place::Data { at, .. } = place { Some(*at) } else { None }).collect();
        let Some(places) = places else { continue };
        let held = holding.get(&adapter.address).into_iter().flatten();
        if slot >= lowest && !named.contains(&slot) && held.into_iter().all(|at| places.contains(at)) {
            alone.insert(slot);
        }
    }
    Ok(alone)
}

/// What all adapters of a module need to know.
struct Shared {
    table: TableId,
    /// `__table_base`
    base: GlobalId,
    /// The names of what is imported.
    imports: HashMap<Item, String>,
}

/// What is done to the code of one function.
#[derive(Default)]
struct Changes {
    /// Calls that go to another function, by where they are.
    redirected: BTreeMap<u32, FunctionId>,
    /// Calls through the table that become calls of a function.
    direct: BTreeMap<u32, FunctionId>,
}

fn put_in(
    module: &mut Module<'_>,
    relocations: Option<Relocations>,
    adapters: Vec<Adapter>,
    alone: &BTreeSet<u32>,
    outcome: &mut Outcome,
) -> Result<()> {
    let mut slots = module.own_slots().to_vec();
    let before = slots.clone();
    let mut new: Vec<FunctionId> = Vec::new();
    let mut words: HashMap<u32, u32> = HashMap::new();
    let mut changes: BTreeMap<FunctionId, Changes> = BTreeMap::new();
    let shared = Shared {
        table: module.function_table(),
        base: module.base("__table_base").unwrap_or(GlobalId(0)),
        imports: module.imports().iter().map(|import| (import.item, import.field.to_string())).collect(),
    };
    let mut adapted = Vec::new();
    for adapter in adapters {
        let id = add(module, &adapter, shared.table)?;
        let slot = match adapter.address {
            Meaning::Slot(slot) if alone.contains(&slot) => {
                slots[slot as usize] = id;
                None
            }
            _ => {
                let only_called = adapter.places.iter().all(|place| matches!(place, Place::Call { .. }));
                (!only_called).then(|| {
                    new.push(id);
                    (before.len() + new.len() - 1) as u32
                })
            }
        };
        for place in &adapter.places {
            adapted.push(describe(&shared, place, &adapter));
            match (place, slot) {
                (Place::Data { at, .. }, Some(slot)) => drop(words.insert(*at, slot)),
                (Place::Argument { callee, argument, caller, at }, Some(slot)) => {
                    // Another argument of the same call may be wrong, too.
                    let callee = changes.get(caller).and_then(|changes| changes.redirected.get(at)).copied().unwrap_or(*callee);
                    let giving = giving(module, callee, *argument, (shared.base, slot));
                    changes.entry(*caller).or_default().redirected.insert(*at, giving);
                }
                (Place::Call { caller, at }, _) => drop(changes.entry(*caller).or_default().direct.insert(*at, id)),
                _ => {}
            }
        }
    }
    outcome.count_each_named("pointers_adapted", adapted);
    if slots != before {
        module.set_own_slots(slots);
    }
    module.add_table_slots(&new)?;
    if let Some(relocations) = relocations.filter(|_| !words.is_empty()) {
        relocations.redirect(module, &words);
    }
    for (caller, changes) in changes {
        change(module, caller, &changes)?;
    }
    Ok(())
}

/// Adds an adapter to the module. What the loader puts into the global offset table, an adapter takes from there.
fn add(module: &mut Module<'_>, adapter: &Adapter, table: TableId) -> Result<FunctionId> {
    let (expected, actual) = (&adapter.expected, &adapter.actual);
    let mut function = Function::new([]);
    let mut code = function.instructions();
    for (number, ty) in actual.params().iter().enumerate() {
        match number < expected.params().len() {
            true => drop(code.local_get(number as u32)),
            false => zero(*ty, &mut code),
        }
    }
    match (adapter.address, &adapter.function) {
        (Meaning::Entry(global), _) => {
            let ty = module.type_id(actual);
            code.global_get(global).call_indirect(table.0, ty.0);
        }
        (_, Pointee::Function(id)) => drop(code.call(id.0)),
        (_, Pointee::Runtime(_)) => return Err(Error::Internal("a slot of the module holds no function of it".to_string())),
    }
    match (expected.results(), actual.results()) {
        ([], [_]) => drop(code.drop()),
        ([ty], []) => zero(*ty, &mut code),
        _ => {}
    }
    code.end();
    Ok(module.add_function(expected, function.into_raw_body(), NAME))
}

fn zero(ty: ValType, code: &mut InstructionSink<'_>) {
    match ty {
        ValType::I64 => code.i64_const(0),
        ValType::F32 => code.f32_const(0.0.into()),
        ValType::F64 => code.f64_const(0.0.into()),
        _ => code.i32_const(0),
    };
}

/// Adds a function that calls `callee` with the address of `slot` in the place of an argument.
fn giving(module: &mut Module<'_>, callee: FunctionId, argument: u32, (base, slot): (GlobalId, u32)) -> FunctionId {
    let ty = module.signature(callee).clone();
    let mut function = Function::new([]);
    let mut code = function.instructions();
    for number in 0..ty.params().len() as u32 {
        match number == argument {
            true => code.global_get(base.0).i32_const(slot as i32).i32_add(),
            false => code.local_get(number),
        };
    }
    code.call(callee.0).end();
    module.add_function(&ty, function.into_raw_body(), NAME)
}

/// Changes calls of the function `caller`.
fn change(module: &mut Module<'_>, caller: FunctionId, changes: &Changes) -> Result<()> {
    const TAIL_CALL_INDIRECT: u8 = 0x13;
    let Some(body) = module.function(caller).origin.defined() else { return Ok(()) };
    let mut edits = Edits::new(body);
    for (at, callee) in &changes.redirected {
        edits.redirect_call(*at as usize, *callee);
    }
    for (at, callee) in &changes.direct {
        let at = *at as usize;
        let end = behind_leb(&body.bytes, behind_leb(&body.bytes, at + 1));
        let mut with = Vec::new();
        let mut code = InstructionSink::new(&mut with);
        match body.bytes[at] {
            TAIL_CALL_INDIRECT => code.drop().return_call(callee.0),
            _ => code.drop().call(callee.0),
        };
        edits.replace(at..end, with);
    }
    let bytes = edits.apply()?;
    module.define_function(caller, bytes);
    Ok(())
}

/// What is adapted, for reports.
fn describe(shared: &Shared, place: &Place, adapter: &Adapter) -> String {
    let what = match place {
        Place::Data { field, owner, .. } => format!("{field} of {}", owner.name),
        Place::Argument { callee, argument, .. } => {
            let callee = shared.imports.get(&Item::Function(*callee)).map_or("a function", String::as_str);
            format!("argument {} of {callee}", argument + 1)
        }
        Place::Call { caller, .. } => format!("a call in function {}", caller.0),
    };
    let function = match &adapter.function {
        Pointee::Function(id) => format!("function {}", id.0),
        Pointee::Runtime(name) => name.clone(),
    };
    format!("{what}: {function}")
}
