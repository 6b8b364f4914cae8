//! What a function gives to those that call pointers, and what it does with tables, for the [solver](crate::body::solve::forward).

use super::addresses::{Addresses, Meaning};
use super::roots::Role;
use super::values::{Origin, Source, Spot, Value};
use crate::Result;
use crate::body::arity;
use crate::body::solve::forward::{self, Analysis, Budget, Place};
use crate::module::{Body, FunctionId, Item, Module};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use wasmparser::Operator;

/// Arguments of a function that are looked at: the number of each, and what it is.
pub type Asked = BTreeSet<(u32, Role)>;

/// What a function does with addresses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// It calls `callee`, and gives it `value` for the argument with this number.
    Given { callee: FunctionId, argument: u32, role: Role, value: Value, at: u32 },
    /// It calls the function at an address under the type with this id.
    Called { address: Meaning, ty: u32, at: u32 },
    /// It returns an address.
    Returned(Meaning),
    /// It does something where an address leads.
    Done(Spot, Deed),
    /// It calls what it reads so many bytes behind an address that is not known, under the type with this id.
    Behind { bytes: u32, ty: u32 },
    /// It gives an address to a function. `length` is the third argument, if that is known.
    Passed { callee: FunctionId, argument: u32, spot: Spot, length: Option<u32> },
}

/// What is done in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Deed {
    /// So many bytes are written.
    Write(u32),
    /// So many bytes are read for something else than a call.
    Read(u32),
    /// What is there is called under the type with this id.
    Call(u32),
}

/// What is looked for.
pub struct Search<'s> {
    pub addresses: &'s Addresses,
    /// By functions.
    pub asked: &'s HashMap<FunctionId, Asked>,
    /// Whether what is done in memory is of interest.
    pub deeds: bool,
}

/// What a function was found to do.
#[derive(Debug, Default)]
pub struct Walked {
    pub events: Vec<Event>,
    /// The parameters that it passes on, on each way through it.
    pub passed: Asked,
}

/// So many events of addresses that are either of several are told, at most; only hostile functions have more.
const MOST_MERGED: usize = 1 << 12;

/// What the function `id` with this `body` does; `None` when it is too large to be followed.
pub fn events(module: &Module<'_>, search: &Search<'_>, id: FunctionId, body: &Body<'_>) -> Result<Option<Walked>> {
    let table = if let Some(Item::Table(table)) = module.import("env", "__indirect_function_table") { Some(table.0) } else { None };
    let mut walk = Walk {
        module,
        search,
        bytes: &body.bytes,
        table,
        events: Vec::new(),
        reads: HashSet::new(),
        passed: None,
        merged: BTreeMap::new(),
        strange: false,
    };
    let solved = forward::solve(&mut walk, module, id, body)?;
    if !solved || walk.strange {
        return Ok(None);
    }
    let passed = walk.passed.take().unwrap_or_default();
    Ok(walk.told().map(|events| Walked { events, passed }))
}

struct Walk<'w, 'a> {
    module: &'w Module<'a>,
    search: &'w Search<'w>,
    bytes: &'w [u8],
    /// The function table.
    table: Option<u32>,
    /// Of the last round, in which all is known of loops.
    events: Vec<Event>,
    /// Where words were read for something else than a call. One may be told of at each place where ways meet.
    reads: HashSet<Spot>,
    /// What is passed on up to each place where the function returns.
    passed: Option<Asked>,
    /// Addresses may come from one or the other: for the greater one the lesser one, or one between them.
    merged: BTreeMap<Origin, Origin>,
    /// There is an instruction that is not known.
    strange: bool,
}

impl Analysis for Walk<'_, '_> {
    type Value = Value;
    type Operand = Value;
    /// The parameters that were passed on.
    type Rest = Asked;

    const HANDLERS: bool = true;
    const UNKNOWN: Value = Value::Unknown;

    fn value(operand: &Value) -> Value {
        *operand
    }

    fn begin(&mut self) -> Asked {
        self.events.clear();
        self.reads.clear();
        self.passed = None;
        Asked::new()
    }

    fn parameter(&self, number: u32) -> Value {
        Value::Parameter(number)
    }

    fn zero(&self) -> Value {
        Value::Number(0)
    }

    fn either(&mut self, one: Value, other: Value, _: &mut Budget) -> Value {
        if one == other {
            return one;
        }
        self.read(one);
        self.read(other);
        match (one.spot(), other.spot()) {
            (Some(one), Some(other)) => Value::Beyond(Spot::around(self.merge(one.origin, other.origin))),
            (Some(one), None) => Value::Beyond(Spot::around(self.least(one.origin))),
            (None, Some(other)) => Value::Beyond(Spot::around(self.least(other.origin))),
            (None, None) => Value::Unknown,
        }
    }

    fn either_rest(&mut self, one: &mut Asked, other: &Asked) {
        one.retain(|passed| other.contains(passed));
    }

    fn instruction(&mut self, place: &mut Place<Self>, operator: &Operator<'_>) {
        self.apply(place, operator);
    }

    fn leave(&mut self, passed: &mut Asked, operands: &[Value]) {
        self.returns(passed, operands);
    }

    fn gave_up(&self) -> bool {
        self.strange
    }
}

impl Walk<'_, '_> {
    /// All events. What is done around an address is done around those that it may come from instead.
    fn told(mut self) -> Option<Vec<Event>> {
        let origins: Vec<Origin> = self.merged.keys().copied().collect();
        let mut others: BTreeMap<Origin, Vec<Origin>> = BTreeMap::new();
        for origin in origins {
            others.entry(self.least(origin)).or_default().push(origin);
        }
        let mut events = std::mem::take(&mut self.events);
        if others.is_empty() {
            return Some(events);
        }
        let mut around: BTreeMap<Origin, HashSet<Event>> = BTreeMap::new();
        for event in &mut events {
            if let Event::Done(spot, _) | Event::Passed { spot, .. } = event
                && spot.more.is_none()
            {
                let least = self.least(spot.origin);
                spot.origin = least;
                around.entry(least).or_default().insert(event.clone());
            }
        }
        let merged = around.iter().map(|(least, events)| others.get(least).map_or(0, Vec::len).saturating_mul(events.len()));
        if merged.fold(0, usize::saturating_add) > MOST_MERGED {
            return None;
        }
        for (least, of) in around {
            for origin in others.get(&least).into_iter().flatten() {
                events.extend(of.iter().cloned().map(|mut event| {
                    if let Event::Done(spot, _) | Event::Passed { spot, .. } = &mut event {
                        spot.origin = *origin;
                    }
                    event
                }));
            }
        }
        Some(events)
    }

    /// The least of those that an address may come from which may come from `origin`.
    fn least(&mut self, origin: Origin) -> Origin {
        let mut least = origin;
        while let Some(lesser) = self.merged.get(&least) {
            least = *lesser;
        }
        let mut passed = origin;
        while passed != least {
            passed = self.merged.insert(passed, least).unwrap_or(least);
        }
        least
    }

    fn merge(&mut self, one: Origin, other: Origin) -> Origin {
        let (one, other) = (self.least(one), self.least(other));
        if one != other {
            self.merged.insert(one.max(other), one.min(other));
        }
        one.min(other)
    }

    fn returns(&mut self, passed: &Asked, operands: &[Value]) {
        if let [Value::Address(address)] = *operands {
            self.events.push(Event::Returned(address));
        }
        operands.iter().for_each(|operand| self.read(*operand));
        match &mut self.passed {
            Some(known) => known.retain(|at| passed.contains(at)),
            None => self.passed = Some(passed.clone()),
        }
    }

    fn apply(&mut self, place: &mut Place<Self>, operator: &Operator<'_>) {
        match *operator {
            Operator::Return => {
                let results = place.stack.last().copied();
                self.returns(&place.rest, results.as_slice());
            }
            Operator::Unreachable | Operator::Throw { .. } | Operator::ThrowRef | Operator::Rethrow { .. } => {}
            Operator::Call { function_index } => {
                let (takes, gives) = arity::of_function(self.module, function_index);
                let arguments = place.pop_all(takes as usize);
                self.call(place, FunctionId(function_index), &arguments);
                place.push_unknown(gives as usize);
            }
            Operator::ReturnCall { function_index } => {
                let (takes, _) = arity::of_function(self.module, function_index);
                let arguments = place.pop_all(takes as usize);
                self.call(place, FunctionId(function_index), &arguments);
                self.returns(&place.rest, &[]);
            }
            Operator::CallIndirect { type_index, table_index } => {
                self.indirect(place, type_index, table_index);
                let (_, gives) = arity::of_type_at(self.module, type_index);
                place.push_unknown(gives as usize);
            }
            Operator::ReturnCallIndirect { type_index, table_index } => {
                self.indirect(place, type_index, table_index);
                self.returns(&place.rest, &[]);
            }
            Operator::LocalGet { local_index } => place.push(place.local(local_index)),
            Operator::LocalSet { local_index } => {
                let value = place.pop();
                place.set_local(self, local_index, value);
            }
            Operator::LocalTee { local_index } => {
                let value = place.pop();
                place.set_local(self, local_index, value);
                place.push(value);
            }
            Operator::GlobalGet { global_index } => {
                place.push(self.search.addresses.meaning(global_index).map_or(Value::Unknown, Value::Address));
            }
            Operator::I32Const { value } => place.push(Value::Number(value)),
            Operator::I32Add | Operator::I32Sub => {
                let (right, left) = (place.pop(), place.pop());
                self.read(right);
                self.read(left);
                place.push(left.combined(right, matches!(operator, Operator::I32Sub)));
            }
            Operator::I32Or | Operator::I32And | Operator::I32Xor => {
                let (right, left) = (place.pop(), place.pop());
                self.read(right);
                self.read(left);
                place.push(if left.spot().is_some() { left.around() } else { right.around() });
            }
            Operator::Select | Operator::TypedSelect { .. } => {
                place.pop();
                let (other, one) = (place.pop(), place.pop());
                let value = self.either(one, other, &mut place.budget);
                place.push(value);
            }
            Operator::I32Eq | Operator::I32Ne => {
                place.pop_all(2);
                place.push_unknown(1);
            }
            Operator::I32Eqz => {
                place.pop();
                place.push_unknown(1);
            }
            Operator::Drop => drop(place.pop()),
            _ if self.memory(place, operator) => {}
            _ => match arity::of_plain(operator) {
                Some((takes, gives)) => {
                    let operands = place.pop_all(takes as usize);
                    operands.iter().for_each(|operand| self.read(*operand));
                    if self.may_write(place) {
                        operands.iter().for_each(|operand| self.around(*operand));
                    }
                    place.push_unknown(gives as usize);
                }
                None => self.strange = true,
            },
        }
    }

    /// Loads, stores, and what works on ranges of memory; whether it is one of these.
    fn memory(&mut self, place: &mut Place<Self>, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::I32Load { memarg } => {
                let loaded = match (place.pop().spot(), u32::try_from(memarg.offset)) {
                    (Some(spot), _) => Some(Source::Spot(spot.plus(memarg.offset as i64))),
                    (None, Ok(bytes)) => Some(Source::Behind(bytes)),
                    _ => None,
                };
                place.push(loaded.map_or(Value::Unknown, Value::Loaded));
            }
            Operator::I64Load { memarg } | Operator::F64Load { memarg } => self.load(place, memarg.offset, 8),
            Operator::F32Load { memarg } => self.load(place, memarg.offset, 4),
            Operator::V128Load { memarg } => self.load(place, memarg.offset, 16),
            Operator::I32Store8 { memarg } | Operator::I64Store8 { memarg } => self.store(place, memarg.offset, 1),
            Operator::I32Store16 { memarg } | Operator::I64Store16 { memarg } => self.store(place, memarg.offset, 2),
            Operator::I32Store { memarg } | Operator::F32Store { memarg } | Operator::I64Store32 { memarg } => {
                self.store(place, memarg.offset, 4);
            }
            Operator::I64Store { memarg } | Operator::F64Store { memarg } => self.store(place, memarg.offset, 8),
            Operator::V128Store { memarg } => self.store(place, memarg.offset, 16),
            Operator::MemoryCopy { .. } => {
                let (length, from, to) = (place.pop(), place.pop(), place.pop());
                self.range(from, length, Deed::Read);
                self.range(to, length, Deed::Write);
            }
            Operator::MemoryFill { .. } | Operator::MemoryInit { .. } => {
                let (length, _, to) = (place.pop(), place.pop(), place.pop());
                self.range(to, length, Deed::Write);
            }
            _ => return false,
        }
        true
    }

    /// Whether the instruction at hand may write into memory, one that is not among the plain ones: an atomic one, or one on vectors.
    fn may_write(&self, place: &Place<Self>) -> bool {
        const VECTORS: u8 = 0xfd;
        const ATOMICS: u8 = 0xfe;
        matches!(self.bytes.get(place.here.start), Some(&VECTORS | &ATOMICS))
    }

    fn load(&mut self, place: &mut Place<Self>, offset: u64, bytes: u32) {
        if let Some(spot) = place.pop().spot() {
            self.deed(spot.plus(offset as i64), Deed::Read(bytes));
        }
        place.push_unknown(1);
    }

    fn store(&mut self, place: &mut Place<Self>, offset: u64, bytes: u32) {
        let (value, address) = (place.pop(), place.pop());
        self.read(value);
        if let Some(spot) = address.spot() {
            self.deed(spot.plus(offset as i64), Deed::Write(bytes));
        }
    }

    /// Something is done to so many bytes.
    fn range(&mut self, address: Value, length: Value, deed: impl Fn(u32) -> Deed) {
        match (address.spot(), length) {
            (Some(spot), Value::Number(length)) => self.deed(spot, deed(length as u32)),
            (Some(spot), _) => self.deed(Spot::around(spot.origin), deed(0)),
            (None, _) => {}
        }
    }

    /// Anything may be done around an address.
    fn around(&mut self, address: Value) {
        if let Some(spot) = address.spot() {
            self.deed(Spot::around(spot.origin), Deed::Write(0));
            self.deed(Spot::around(spot.origin), Deed::Read(0));
        }
    }

    /// A pointer that was read from memory becomes something that is not followed.
    fn read(&mut self, value: Value) {
        if let Value::Loaded(Source::Spot(spot)) = value
            && self.search.deeds
            && self.reads.insert(spot)
        {
            self.deed(spot, Deed::Read(4));
        }
    }

    fn deed(&mut self, spot: Spot, deed: Deed) {
        if self.search.deeds {
            self.events.push(Event::Done(spot, deed));
        }
    }

    fn call(&mut self, place: &mut Place<Self>, callee: FunctionId, arguments: &[Value]) {
        let callee = self.module.resolved(callee);
        arguments.iter().for_each(|argument| self.read(*argument));
        if self.search.deeds {
            let length = if let Some(Value::Number(length)) = arguments.get(2) { Some(*length as u32) } else { None };
            let passed = (0..).zip(arguments).filter_map(|(argument, value)| Some((argument, value.spot()?)));
            self.events.extend(passed.map(|(argument, spot)| Event::Passed { callee, argument, spot, length }));
        }
        let Some(asked) = self.search.asked.get(&callee) else { return };
        for &(argument, role) in asked {
            let value = arguments.get(argument as usize).copied().unwrap_or_default();
            if let Value::Parameter(parameter) = value {
                place.rest.insert((parameter, role));
            }
            self.events.push(Event::Given { callee, argument, role, value, at: place.here.start as u32 });
        }
    }

    fn indirect(&mut self, place: &mut Place<Self>, ty: u32, table: u32) {
        let pointer = place.pop();
        let (takes, _) = arity::of_type_at(self.module, ty);
        let arguments = place.pop_all(takes as usize);
        arguments.iter().for_each(|argument| self.read(*argument));
        match pointer {
            _ if Some(table) != self.table => self.read(pointer),
            Value::Address(address @ (Meaning::Slot(_) | Meaning::Entry(_))) => {
                self.events.push(Event::Called { address, ty, at: place.here.start as u32 });
            }
            Value::Loaded(Source::Spot(spot)) => self.deed(spot, Deed::Call(ty)),
            Value::Loaded(Source::Behind(bytes)) if self.search.deeds => self.events.push(Event::Behind { bytes, ty }),
            _ => {}
        }
    }
}
