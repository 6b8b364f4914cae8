//! What a function gives to those that call pointers, for the [solver](crate::body::solve::forward).

use super::addresses::{Addresses, Meaning};
use super::roots::Role;
use crate::Result;
use crate::body::arity;
use crate::body::solve::forward::{self, Analysis, Budget, Place};
use crate::module::{Body, FunctionId, Module};
use std::collections::{BTreeSet, HashMap};
use wasmparser::Operator;

/// What is known of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Value {
    #[default]
    Unknown,
    Number(i32),
    Address(Meaning),
    Parameter(u32),
    /// What is read from data.
    Loaded(u32),
}

impl Value {
    /// Whether it is not known although no caller could tell it.
    pub fn is_made_at_run_time(self) -> bool {
        matches!(self, Value::Unknown | Value::Loaded(_))
    }
}

/// Arguments of a function that are looked at: the number of each, and what it is.
pub type Asked = BTreeSet<(u32, Role)>;

/// What a function does with addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It calls `callee`, and gives it `value` for the argument with this number.
    Given { callee: FunctionId, argument: u32, role: Role, value: Value, at: u32 },
    /// It calls the function at an address under the type with this id.
    Called { address: Meaning, ty: u32, at: u32 },
    /// It calls what the data hold at `from` under the type with this id.
    Through { from: u32, ty: u32 },
    /// It returns an address.
    Returned(Meaning),
    /// It writes into data.
    Written(u32),
}

/// What is looked for.
pub struct Search<'s> {
    pub addresses: &'s Addresses,
    /// By functions.
    pub asked: &'s HashMap<FunctionId, Asked>,
}

/// What the function `id` with this `body` does; `None` when it is too large to be followed.
pub fn events(module: &Module<'_>, search: &Search<'_>, id: FunctionId, body: &Body<'_>) -> Result<Option<Vec<Event>>> {
    let mut walk = Walk { module, search, events: Vec::new(), strange: false };
    let solved = forward::solve(&mut walk, module, id, body)?;
    Ok((solved && !walk.strange).then_some(walk.events))
}

struct Walk<'w, 'a> {
    module: &'w Module<'a>,
    search: &'w Search<'w>,
    /// Of the last round, in which all is known of loops.
    events: Vec<Event>,
    /// There is an instruction that is not known.
    strange: bool,
}

impl Analysis for Walk<'_, '_> {
    type Value = Value;
    type Operand = Value;
    type Rest = ();

    const HANDLERS: bool = true;
    const UNKNOWN: Value = Value::Unknown;

    fn value(operand: &Value) -> Value {
        *operand
    }

    fn begin(&mut self) {
        self.events.clear();
    }

    fn parameter(&self, number: u32) -> Value {
        Value::Parameter(number)
    }

    fn zero(&self) -> Value {
        Value::Number(0)
    }

    fn either(&mut self, one: Value, other: Value, _: &mut Budget) -> Value {
        if one == other { one } else { Value::Unknown }
    }

    fn either_rest(&mut self, (): &mut (), (): &()) {}

    fn instruction(&mut self, place: &mut Place<Self>, operator: &Operator<'_>) {
        self.apply(place, operator);
    }

    fn leave(&mut self, (): &mut (), operands: &[Value]) {
        if let [Value::Address(address)] = *operands {
            self.events.push(Event::Returned(address));
        }
    }

    fn gave_up(&self) -> bool {
        self.strange
    }
}

impl Walk<'_, '_> {
    fn apply(&mut self, place: &mut Place<Self>, operator: &Operator<'_>) {
        match *operator {
            Operator::Return | Operator::Unreachable | Operator::Throw { .. } | Operator::ThrowRef | Operator::Rethrow { .. } => {
                if matches!(operator, Operator::Return)
                    && let Some(Value::Address(address)) = place.stack.last()
                {
                    self.events.push(Event::Returned(*address));
                }
            }
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
            }
            Operator::CallIndirect { type_index, table_index: 0 } => {
                self.indirect(place, type_index);
                let (takes, gives) = arity::of_type_at(self.module, type_index);
                place.pop_all(takes as usize);
                place.push_unknown(gives as usize);
            }
            Operator::ReturnCallIndirect { type_index, table_index: 0 } => self.indirect(place, type_index),
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
                place.push(combined(left, right, matches!(operator, Operator::I32Sub)));
            }
            Operator::Select | Operator::TypedSelect { .. } => {
                place.pop();
                let (one, other) = (place.pop(), place.pop());
                place.push(if one == other { one } else { Value::Unknown });
            }
            Operator::I32Load { memarg } => {
                let loaded = match (place.pop(), u32::try_from(memarg.offset)) {
                    (Value::Address(Meaning::Data(at)), Ok(offset)) => at.checked_add(offset).map(Value::Loaded),
                    _ => None,
                };
                place.push(loaded.unwrap_or_default());
            }
            Operator::I32Store { memarg } => self.store(place, memarg.offset, 1),
            Operator::I64Store { memarg } => self.store(place, memarg.offset, 2),
            Operator::V128Store { memarg } => self.store(place, memarg.offset, 4),
            _ => match arity::of_plain(operator) {
                Some((takes, gives)) => {
                    place.pop_all(takes as usize);
                    place.push_unknown(gives as usize);
                }
                None => self.strange = true,
            },
        }
    }

    /// A store of so many words.
    fn store(&mut self, place: &mut Place<Self>, offset: u64, words: u32) {
        let (_, address) = (place.pop(), place.pop());
        if let (Value::Address(Meaning::Data(at)), Ok(offset)) = (address, u32::try_from(offset)) {
            let first = at.checked_add(offset);
            self.events.extend((0..words).filter_map(|word| Some(Event::Written(first?.checked_add(4 * word)?))));
        }
    }

    fn call(&mut self, place: &Place<Self>, callee: FunctionId, arguments: &[Value]) {
        let callee = self.module.resolved(callee);
        let Some(asked) = self.search.asked.get(&callee) else { return };
        for &(argument, role) in asked {
            let value = arguments.get(argument as usize).copied().unwrap_or_default();
            self.events.push(Event::Given { callee, argument, role, value, at: place.here.start as u32 });
        }
    }

    fn indirect(&mut self, place: &mut Place<Self>, ty: u32) {
        match place.pop() {
            Value::Address(address @ (Meaning::Slot(_) | Meaning::Entry(_))) => {
                self.events.push(Event::Called { address, ty, at: place.here.start as u32 });
            }
            Value::Loaded(from) => self.events.push(Event::Through { from, ty }),
            _ => {}
        }
    }
}

fn combined(left: Value, right: Value, subtract: bool) -> Value {
    let sum = match (left, right) {
        (Value::Number(left), Value::Number(right)) if subtract => Some(Value::Number(left.wrapping_sub(right))),
        (Value::Number(left), Value::Number(right)) => Some(Value::Number(left.wrapping_add(right))),
        (Value::Address(address), Value::Number(number)) => {
            let number = if subtract { number.wrapping_neg() } else { number };
            address.plus(number).map(Value::Address)
        }
        (Value::Number(number), Value::Address(address)) if !subtract => address.plus(number).map(Value::Address),
        _ => None,
    };
    sum.unwrap_or_default()
}
