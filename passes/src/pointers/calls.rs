//! What a function gives to those that call pointers, and what it does with tables, for the [solver](crate::body::solve::forward).

use super::addresses::{Addresses, Meaning};
use super::roots::Role;
use super::uses::is_in_front;
use super::values::{Origin, Source, Spot, Value};
use crate::Result;
use crate::body::arity;
use crate::body::solve::forward::{self, Analysis, Budget, Place};
use crate::module::{Body, FunctionId, Item, Module};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
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
    /// Where tables are, if it is of interest what is done with them.
    pub tables: Option<&'s [Range<u32>]>,
}

/// What a function was found to do.
#[derive(Debug, Default)]
pub struct Walked {
    pub events: Vec<Event>,
    /// The parameters that it passes on, on each way through it, and descriptions on any.
    pub passed: Asked,
}

/// So many events of addresses that are either of several, or come from memory, are told, at most; only hostile functions have more.
const MOST_MERGED: usize = 1 << 14;

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
        kept: BTreeSet::new(),
        taken: BTreeSet::new(),
        passed: None,
        merged: BTreeMap::new(),
        strange: false,
    };
    let solved = forward::solve(&mut walk, module, id, body)?;
    if !solved || walk.strange {
        return Ok(None);
    }
    let mut passed = walk.passed.take().unwrap_or_default();
    passed.extend(described(&walk.events));
    Ok(walk.told().map(|events| Walked { events, passed }))
}

/// What is done with an address that was taken from memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Taken {
    /// So many bytes behind it, or somewhere around.
    Done(Option<i64>, Deed),
    /// It, or what is made from it, is given to a function.
    Passed { callee: FunctionId, argument: u32, length: Option<u32>, made: bool },
}

/// The parameters that a function passes on as descriptions of something, on some way through it, and as nothing else.
fn described(events: &[Event]) -> Vec<(u32, Role)> {
    let mut roles: BTreeMap<u32, BTreeSet<Role>> = BTreeMap::new();
    for event in events {
        if let Event::Given { role, value: Value::Parameter(parameter), .. } = *event {
            roles.entry(parameter).or_default().insert(role);
        }
    }
    let alone = roles.into_iter().filter_map(|(parameter, roles)| Some((parameter, roles.first().copied()?, roles.len() == 1)));
    alone.filter(|(_, role, alone)| *alone && role.is_description()).map(|(parameter, role, _)| (parameter, role)).collect()
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
    /// Addresses that the function puts into memory, and where: it may take them from there.
    kept: BTreeSet<(Source, Spot)>,
    /// What it does so many bytes behind addresses that it takes from memory, and to which functions it gives them.
    taken: BTreeSet<(Source, Taken)>,
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
        self.kept.clear();
        self.taken.clear();
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
        events.extend(self.taken_from_memory()?);
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

    /// What is done with addresses between putting them into memory and taking them from there; `None` where it is too much.
    fn taken_from_memory(&self) -> Option<Vec<Event>> {
        let mut events = Vec::new();
        for (source, spot) in &self.kept {
            let first = (*source, Taken::Done(None, Deed::Write(0)));
            for (_, taken) in self.taken.range(first..).take_while(|(from, _)| from == source) {
                events.push(match *taken {
                    Taken::Done(bytes, deed) => {
                        Event::Done(bytes.map_or(Spot::around(spot.origin), |bytes| spot.plus(bytes)), deed)
                    }
                    Taken::Passed { callee, argument, length, made } => {
                        let spot = if made { Spot::around(spot.origin) } else { *spot };
                        Event::Passed { callee, argument, spot, length }
                    }
                });
                if events.len() > MOST_MERGED {
                    return None;
                }
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
                let subtract = matches!(operator, Operator::I32Sub);
                place.push(match (left.spot(), right.spot()) {
                    // One of them is an index.
                    (Some(left), Some(right)) if !subtract => Value::Beyond(Spot::around(self.merge(left.origin, right.origin))),
                    _ => left.combined(right, subtract),
                });
            }
            Operator::I32Or | Operator::I32And | Operator::I32Xor => {
                let (right, left) = (place.pop(), place.pop());
                self.read(right);
                self.read(left);
                place.push(left.around_either(right));
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
                let address = place.pop();
                place.push(source(address, memarg.offset).map_or(Value::Unknown, Value::Loaded));
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
        let address = place.pop();
        self.done(address, offset, Deed::Read(bytes));
        place.push_unknown(1);
    }

    fn store(&mut self, place: &mut Place<Self>, offset: u64, bytes: u32) {
        let (value, address) = (place.pop(), place.pop());
        self.read(value);
        self.done(address, offset, Deed::Write(bytes));
        let concerns = |tables: &[Range<u32>], spot: Spot| match spot.origin {
            Origin::Data(at) => is_in_front(tables, at),
            Origin::Parameter(_) => true,
        };
        if let (Some(tables), Some(kept), Some(source)) = (self.search.tables, value.spot(), source(address, offset))
            && concerns(tables, kept)
        {
            self.kept.insert((source, kept));
        }
    }

    /// Something is done with an address that was read from memory.
    fn take(&mut self, source: Source, taken: Taken) {
        if self.search.tables.is_some() {
            self.taken.insert((source, taken));
        }
    }

    /// Something is done so many bytes behind an address.
    fn done(&mut self, address: Value, offset: u64, deed: Deed) {
        match address {
            Value::Loaded(source) => self.take(source, Taken::Done(Some(offset as i64), deed)),
            Value::Past(source) => self.take(source, Taken::Done(None, deed)),
            _ => {
                if let Some(spot) = address.spot() {
                    self.deed(spot.plus(offset as i64), deed);
                }
            }
        }
    }

    /// Something is done to so many bytes.
    fn range(&mut self, address: Value, length: Value, deed: impl Fn(u32) -> Deed) {
        match (address.spot(), length) {
            (_, Value::Number(length)) => self.done(address, 0, deed(length as u32)),
            (Some(spot), _) => self.deed(Spot::around(spot.origin), deed(0)),
            (None, _) => {
                if let Value::Loaded(source) | Value::Past(source) = address {
                    self.take(source, Taken::Done(None, deed(0)));
                }
            }
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
            && self.search.tables.is_some()
            && self.reads.insert(spot)
        {
            self.deed(spot, Deed::Read(4));
        }
    }

    fn deed(&mut self, spot: Spot, deed: Deed) {
        if self.search.tables.is_some() {
            self.events.push(Event::Done(spot, deed));
        }
    }

    fn call(&mut self, place: &mut Place<Self>, callee: FunctionId, arguments: &[Value]) {
        let callee = self.module.resolved(callee);
        arguments.iter().for_each(|argument| self.read(*argument));
        if self.search.tables.is_some() {
            let length = if let Some(Value::Number(length)) = arguments.get(2) { Some(*length as u32) } else { None };
            let passed = (0..).zip(arguments).filter_map(|(argument, value)| Some((argument, value.spot()?)));
            self.events.extend(passed.map(|(argument, spot)| Event::Passed { callee, argument, spot, length }));
            for (argument, value) in (0..).zip(arguments) {
                match *value {
                    Value::Loaded(source) => self.take(source, Taken::Passed { callee, argument, length, made: false }),
                    Value::Past(source) => self.take(source, Taken::Passed { callee, argument, length, made: true }),
                    _ => {}
                }
            }
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
            Value::Loaded(Source::Behind(bytes)) if self.search.tables.is_some() => self.events.push(Event::Behind { bytes, ty }),
            _ => {}
        }
    }
}

/// What is read so many bytes behind `address`.
fn source(address: Value, offset: u64) -> Option<Source> {
    match address.spot() {
        Some(spot) => Some(Source::Spot(spot.plus(offset as i64))),
        None => u32::try_from(offset).ok().map(Source::Behind),
    }
}
