//! What a function does with addresses of slots, for the [solver](crate::body::solve::forward).

mod values;

use super::{Table, Taken};
use crate::Result;
use crate::body::arity;
use crate::body::facts::works_on_tables;
use crate::body::solve::forward::{self, Analysis, Budget, Place};
use crate::module::{Body, FunctionId, Module};
use values::{Choices, MOST_TERMS, Term, Value};
use wasmparser::Operator;

/// To list what either of two values may be takes as long as to copy about so many.
const COST_OF_CHOICE: usize = 32;
/// Pairs of a parameter and a slot for which a function asks its callers. Functions that optimisers merged ask for few.
const MOST_ASKED: usize = 16;

/// Finds the slots that the function `id` with this `body` names.
pub fn taken(module: &Module<'_>, table: &Table<'_>, id: FunctionId, body: &Body<'_>) -> Result<Taken> {
    let mut walk = Walk { module, table, taken: Taken::default(), choices: Choices::default() };
    let solved = forward::solve(&mut walk, module, id, body)?;
    walk.taken.unclear |= !solved;
    Ok(walk.taken)
}

struct Walk<'w, 'a> {
    module: &'w Module<'a>,
    table: &'w Table<'w>,
    taken: Taken,
    choices: Choices,
}

impl Analysis for Walk<'_, '_> {
    type Value = Value;
    type Operand = Value;
    type Rest = ();

    const HANDLERS: bool = true;
    const UNKNOWN: Value = Value::Other;

    fn value(operand: &Value) -> Value {
        *operand
    }

    fn begin(&mut self) {}

    fn parameter(&self, number: u32) -> Value {
        Value::Parameter(number)
    }

    fn zero(&self) -> Value {
        Value::Constant(0)
    }

    fn either(&mut self, one: Value, other: Value, budget: &mut Budget) -> Value {
        match (one, other) {
            _ if one == other => one,
            _ if one.is_address() && other.is_address() => {
                self.note(one);
                self.note(other);
                Value::Noted
            }
            (Value::Noted, _) | (_, Value::Noted) => Value::Noted,
            _ if one.is_address() => one,
            _ if other.is_address() => other,
            (Value::Other, _) | (_, Value::Other) => Value::Other,
            _ => self.either_of_terms(one, other, budget),
        }
    }

    fn either_rest(&mut self, (): &mut (), (): &()) {}

    fn instruction(&mut self, place: &mut Place<Self>, operator: &Operator<'_>) {
        self.apply(place, operator);
    }

    fn decides(&mut self, value: Value) {
        self.note(value);
    }

    fn chooses(&mut self, value: Value) {
        self.note(value);
    }

    /// No linker or optimiser gives a loop parameters, so what branches bring it is not followed.
    fn enter_loop(&mut self, parameters: usize) {
        self.taken.unclear |= parameters > 0;
    }

    fn leave(&mut self, (): &mut (), operands: &[Value]) {
        operands.iter().for_each(|value| self.note(*value));
    }

    /// What is left on the stack may be what goes somewhere.
    fn end(&mut self, left: &[Value]) {
        left.iter().for_each(|value| self.note(*value));
    }

    fn gave_up(&self) -> bool {
        self.taken.unclear
    }
}

impl Walk<'_, '_> {
    /// Somebody may use `value` as an address.
    fn note(&mut self, value: Value) {
        match value {
            Value::Slot(slot) => drop(self.taken.slots.insert(slot)),
            Value::Base => self.taken.reach_up_to(0),
            Value::Sum(slot) => self.taken.reach_up_to(slot),
            _ => {}
        }
    }

    /// Somebody calls the function at the address `value`.
    fn call(&mut self, value: Value) {
        self.taken.slots.extend(value.slot());
    }

    fn either_of_terms(&mut self, one: Value, other: Value, budget: &mut Budget) -> Value {
        budget.copy(COST_OF_CHOICE);
        let (Some(mut terms), Some(others)) = (self.terms(one), self.terms(other)) else { return Value::Other };
        terms.extend(others);
        terms.sort_unstable();
        terms.dedup();
        self.one_of(terms)
    }

    /// The terms of which `value` is one, if they are known.
    fn terms(&self, value: Value) -> Option<Vec<Term>> {
        match value {
            Value::Relocated(constant) | Value::Constant(constant) => Some(vec![Term::Constant(constant)]),
            Value::Parameter(parameter) => Some(vec![Term::Parameter(parameter)]),
            Value::OneOf(place) => self.choices.terms.get(place as usize).cloned(),
            Value::Other | Value::Slot(_) | Value::Sum(_) | Value::Base | Value::Noted => None,
        }
    }

    fn one_of(&mut self, terms: Vec<Term>) -> Value {
        if let [Term::Constant(constant)] = terms[..] {
            return Value::Constant(constant);
        }
        if terms.len() > MOST_TERMS {
            return Value::Other;
        }
        Value::OneOf(self.choices.place(terms))
    }

    /// `slot` and one of the terms that `value` may be.
    fn take_sum(&mut self, slot: u32, value: Value) {
        let Some(terms) = self.terms(value) else {
            self.taken.unclear = true;
            return;
        };
        for term in terms {
            match term {
                Term::Constant(constant) => self.taken.reach_up_to(slot.wrapping_add(constant as u32)),
                Term::Parameter(parameter) => drop(self.taken.parameters.insert((parameter, slot))),
            }
        }
        self.taken.unclear |= self.taken.parameters.len() > MOST_ASKED;
    }

    /// A call of `callee`, whose arguments are on the stack, names the slots that it asks for.
    fn pass_parameters(&mut self, place: &mut Place<Self>, callee: FunctionId) {
        let Some(asked) = self.table.taken.get(&self.module.resolved(callee).0) else { return };
        let first = place.stack.len().saturating_sub(self.module.signature(callee).params().len());
        place.budget.copy(asked.parameters.len());
        for &(parameter, slot) in &asked.parameters {
            let value = place.stack.get(first + parameter as usize).copied().unwrap_or_default();
            self.take_sum(slot, value);
        }
    }

    /// Takes `count` operands that go where nothing is known of them any more.
    fn use_up(&mut self, place: &mut Place<Self>, count: u32) {
        place.pop_all(count as usize).into_iter().for_each(|value| self.note(value));
    }

    /// What `operator` does.
    fn apply(&mut self, place: &mut Place<Self>, operator: &Operator<'_>) {
        match *operator {
            // Nothing goes on, and all that is left is noted.
            Operator::Return | Operator::Unreachable | Operator::Throw { .. } | Operator::ThrowRef | Operator::Rethrow { .. } => {}
            Operator::Call { function_index } => {
                self.pass_parameters(place, FunctionId(function_index));
                self.call_of(place, arity::of_function(self.module, function_index));
            }
            Operator::CallIndirect { type_index, .. } => {
                self.call(place.pop());
                self.call_of(place, arity::of_type_at(self.module, type_index));
            }
            Operator::ReturnCall { function_index } => self.pass_parameters(place, FunctionId(function_index)),
            Operator::ReturnCallIndirect { .. } => self.call(place.pop()),
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
                let globals = &self.table.globals;
                let slot = globals.slots.get(&global_index).map_or(Value::Other, |slot| Value::Slot(*slot));
                place.push(if global_index == globals.base { Value::Base } else { slot });
            }
            Operator::GlobalSet { global_index } => {
                let value = place.pop();
                // Who reads a global that holds an address for good takes it. Nothing is known of what is read from others.
                let for_good = self.table.globals.slots.get(&global_index).is_some_and(|slot| value.slot() == Some(*slot));
                self.taken.unclear |= value.is_address() && !for_good;
            }
            Operator::I32Const { value } if is_relocated(value, place.here.len()) => place.push(Value::Relocated(value)),
            Operator::I32Const { value } => place.push(Value::Constant(value)),
            Operator::I32Add => self.sum(place),
            Operator::I32Sub => self.difference(place),
            Operator::Select | Operator::TypedSelect { .. } => {
                self.use_up(place, 1);
                let (one, other) = (place.pop(), place.pop());
                let value = self.either(one, other, &mut place.budget);
                place.push(value);
            }
            Operator::Drop => {
                place.pop();
            }
            _ => self.other(place, operator),
        }
    }

    /// What else a call does.
    fn call_of(&mut self, place: &mut Place<Self>, (takes, gives): arity::Arity) {
        self.use_up(place, takes);
        place.push_unknown(gives as usize);
    }

    fn sum(&mut self, place: &mut Place<Self>) {
        let (right, left) = (place.pop(), place.pop());
        let value = match (left, right) {
            (Value::Base, Value::Relocated(slot)) | (Value::Relocated(slot), Value::Base) => Value::Slot(slot as u32),
            (address, term) if address.is_address() => self.address_and(address, term),
            (term, address) if address.is_address() => self.address_and(address, term),
            _ => match (left.constant(), right.constant()) {
                (Some(left), Some(right)) => Value::Constant(left.wrapping_add(right)),
                _ => Value::Other,
            },
        };
        place.push(value);
    }

    fn difference(&mut self, place: &mut Place<Self>) {
        let (right, left) = (place.pop(), place.pop());
        let value = match (left, right.constant()) {
            (address, Some(constant)) if address.is_address() => {
                self.address_and(address, Value::Constant(constant.wrapping_neg()))
            }
            _ if left.is_address() || right.is_address() => {
                self.taken.unclear = true;
                Value::Other
            }
            (Value::Relocated(left) | Value::Constant(left), Some(right)) => Value::Constant(left.wrapping_sub(right)),
            _ => Value::Other,
        };
        place.push(value);
    }

    /// The sum of `address` and something that is not known to be the number of a slot.
    fn address_and(&mut self, address: Value, term: Value) -> Value {
        // What is more than the base may be the address of a function with a mark on it, which whoever reads it takes off.
        if address != Value::Base {
            self.note(address);
        }
        let Some(slot) = address.slot() else {
            self.taken.unclear = true;
            return Value::Other;
        };
        let Some(constant) = term.constant() else {
            self.take_sum(slot, term);
            return Value::Noted;
        };
        let slot = slot.wrapping_add(constant as u32);
        if matches!(address, Value::Slot(_)) { Value::Slot(slot) } else { Value::Sum(slot) }
    }

    /// Operators that neither move values nor add them.
    fn other(&mut self, place: &mut Place<Self>, operator: &Operator<'_>) {
        let arity = if works_on_tables(operator) { None } else { arity::of_plain(operator) };
        let Some((takes, gives)) = arity else {
            self.taken.unclear = true;
            return;
        };
        let operands = place.pop_all(takes as usize);
        let addresses = operands.iter().any(|value| value.is_address());
        self.taken.unclear |= addresses && makes_other_numbers(operator);
        // The base itself is made to add to, and who adds in other registers is not followed.
        self.taken.unclear |= operands.contains(&Value::Base) && widens(operator);
        operands.into_iter().for_each(|value| self.note(value));
        place.push_unknown(gives as usize);
    }
}

/// Whether an address that goes in may come out as another one. Comparisons, masks and halves of pairs are what compilers make of
/// addresses of functions; they do not lead from one to another.
fn makes_other_numbers(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::I32Mul
            | Operator::I32DivS
            | Operator::I32DivU
            | Operator::I32RemS
            | Operator::I32RemU
            | Operator::I32Shl
            | Operator::I32ShrS
            | Operator::I32ShrU
            | Operator::I32Rotl
            | Operator::I32Rotr
    )
}

/// Whether a number goes into a wider register, in which others may be added to it.
fn widens(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::I64ExtendI32U
            | Operator::I64ExtendI32S
            | Operator::I32x4Splat
            | Operator::I32x4ReplaceLane { .. }
            | Operator::I64x2Splat
            | Operator::I64x2ReplaceLane { .. }
    )
}

/// Whether a constant that takes so many bytes is one that a linker filled in: it leaves room for any.
fn is_relocated(value: i32, bytes: usize) -> bool {
    let with_sign = 33 - (value ^ (value >> 31)).leading_zeros();
    bytes > 1 + with_sign.div_ceil(7) as usize
}
