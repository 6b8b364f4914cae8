//! Which exception a reference on the stack or in a local is of.
//!
//! A reference comes into being where a handler gets it and puts it into a local; from there it may be copied. Of each instruction that
//! throws one on the [solver](crate::body::solve::forward) tells whether it is certain which handler's it is, whatever way led there. When
//! a handler is entered anew, copies of what it got before are of another exception.

use super::has_reference;
use crate::Result;
use crate::body::arity;
use crate::body::solve::forward::{self, Analysis, Budget, Place};
use crate::module::{FunctionId, Module};
use std::collections::{HashMap, HashSet};
use wasmparser::Operator;

/// What is known of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// It is no reference of an exception, or none that came from a handler.
    Other,
    /// What the instruction at this position put into a local, as it ran last.
    Put(usize),
    /// A reference, and it is not certain of which exception.
    Some,
}

/// What is known of references in a body, by the positions of instructions.
#[derive(Debug, Default)]
pub struct References {
    /// What each `throw_ref` that is reached throws on.
    pub thrown: HashMap<usize, Value>,
    /// Each `drop` of a reference.
    pub dropped: HashSet<usize>,
    /// Each instruction that is reached and takes a reference out of a local, or leaves one on the stack that it puts there.
    pub read: HashSet<usize>,
    /// One goes elsewhere.
    pub stored: bool,
}

struct Walk<'w, 'm> {
    module: &'w Module<'m>,
    /// Locals that hold references, and the instructions that put there what a handler got.
    locals: &'w HashSet<u32>,
    puts: &'w HashSet<usize>,
    found: References,
}

/// Follows the references in the body of `function` that are put into `locals` by the instructions at `puts`. `None` for bodies that are
/// too large.
pub fn find(module: &Module<'_>, function: FunctionId, locals: &HashSet<u32>, puts: &HashSet<usize>) -> Result<Option<References>> {
    let Some(body) = module.function(function).origin.defined() else { return Ok(None) };
    let mut walk = Walk { module, locals, puts, found: References::default() };
    let solved = forward::solve(&mut walk, module, function, body)?;
    Ok(solved.then_some(walk.found))
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

    fn begin(&mut self) {
        self.found = References::default();
    }

    fn parameter(&self, _: u32) -> Value {
        Value::Other
    }

    fn zero(&self) -> Value {
        Value::Other
    }

    fn either(&mut self, one: Value, other: Value, _: &mut Budget) -> Value {
        if one == other { one } else { Value::Some }
    }

    fn either_rest(&mut self, (): &mut (), (): &()) {}

    fn instruction(&mut self, place: &mut Place<Self>, operator: &Operator<'_>) {
        let at = place.here.start;
        match *operator {
            Operator::LocalGet { local_index } => {
                self.found.read.insert(at);
                let value = place.local(local_index);
                place.push(self.kept(local_index, value));
            }
            Operator::LocalSet { local_index } | Operator::LocalTee { local_index } => {
                let value = place.pop();
                let value = if self.puts.contains(&at) { self.put(place, at) } else { value };
                if let Operator::LocalTee { .. } = operator {
                    self.found.read.insert(at);
                    place.push(value);
                }
                place.set_local(self, local_index, self.kept(local_index, value));
            }
            Operator::Drop => {
                if place.pop() != Value::Other {
                    self.found.dropped.insert(at);
                }
            }
            Operator::ThrowRef => {
                let value = place.pop();
                self.found.thrown.insert(at, value);
            }
            _ => self.other(place, operator),
        }
    }

    fn leave(&mut self, (): &mut (), operands: &[Value]) {
        self.found.stored |= operands.iter().any(|value| *value != Value::Other);
    }

    fn gave_up(&self) -> bool {
        false
    }
}

impl Walk<'_, '_> {
    /// What a local holds.
    fn kept(&self, local: u32, value: Value) -> Value {
        if value == Value::Other && self.locals.contains(&local) { Value::Some } else { value }
    }

    /// A handler puts what it got into a local: what it got before is of another exception.
    fn put(&mut self, place: &mut Place<Self>, at: usize) -> Value {
        let before = Value::Put(at);
        place.budget.copy(place.stack.len() + self.locals.len());
        for local in self.locals {
            if place.local(*local) == before {
                place.set_local(self, *local, Value::Some);
            }
        }
        place.stack.iter_mut().filter(|value| **value == before).for_each(|value| *value = Value::Some);
        before
    }

    fn other(&mut self, place: &mut Place<Self>, operator: &Operator<'_>) {
        let arity = match *operator {
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                Some(arity::of_function(self.module, function_index))
            }
            Operator::CallIndirect { type_index, .. } | Operator::ReturnCallIndirect { type_index, .. } => {
                self.found.stored |= has_reference(&self.module.types()[type_index as usize]);
                let (takes, gives) = arity::of_type_at(self.module, type_index);
                Some((takes + 1, gives))
            }
            Operator::Throw { tag_index } => arity::of_tag(self.module, tag_index).map(|takes| (takes, 0)),
            Operator::Return | Operator::Unreachable | Operator::Rethrow { .. } => Some((0, 0)),
            _ => arity::of_plain(operator),
        };
        let Some((takes, gives)) = arity else {
            self.found.stored = true;
            return;
        };
        let taken = place.pop_all(takes as usize);
        self.found.stored |= taken.iter().any(|value| *value != Value::Other);
        place.push_unknown(gives as usize);
    }
}
