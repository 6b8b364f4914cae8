//! The walk over one function: the operand stack and the locals, along every path until nothing changes.

mod values;

use std::collections::{BTreeSet, HashMap};

use super::{Table, Taken};
use crate::Result;
use crate::body::arity;
use crate::module::{Body, FunctionId, Module};
use crate::references::works_on_tables;
use values::{Choices, MOST_TERMS, Term, Value};
use wasm_encoder::Encode;
use wasmparser::{BinaryReader, BlockType, Catch, FunctionBody, Operator};

/// Bounds for hostile functions; one that needs more is given up. Rounds over the body: what a loop learns in one may be news for another.
const ROUNDS: usize = 16;
/// Values of locals and operands that are copied or compared altogether, and that may be kept at a time.
const MOST_COPIED: usize = 1 << 26;
const MOST_KEPT: usize = 1 << 23;
/// To list what either of two values may be takes as long as to copy about so many.
const COST_OF_CHOICE: usize = 32;
/// Engines allow 50 000 locals.
const MOST_LOCALS: usize = 40_000;
/// Pairs of a parameter and a slot for which a function asks its callers. Functions that optimisers merged ask for few.
const MOST_ASKED: usize = 16;

/// Finds the slots that the function `id` with this `body` names.
pub fn taken(module: &Module<'_>, table: &Table<'_>, id: FunctionId, body: &Body<'_>) -> Result<Taken> {
    let mut walk = Walk {
        module,
        table,
        taken: Taken::default(),
        loops: HashMap::new(),
        choices: Choices::default(),
        changed: false,
        relocated: false,
        copied: 0,
        kept: 0,
        code: Code::default(),
    };
    // What comes around a loop may be more than what came into it.
    for _ in 0..ROUNDS {
        walk.changed = false;
        walk.function(id, body)?;
        if !walk.changed || walk.taken.unclear {
            return Ok(walk.taken);
        }
    }
    walk.taken.unclear = true;
    Ok(walk.taken)
}

/// What the locals may hold.
type Locals = Vec<Value>;

/// A block, loop, condition or handler that is open.
#[derive(Debug)]
struct Label {
    /// Where it begins, if branches go there.
    loop_at: Option<u64>,
    /// Operands below it.
    height: usize,
    parameters: Vec<Value>,
    results: usize,
    /// What is known behind it, as far as a path leads there.
    exit: Option<(Locals, Vec<Value>)>,
    /// What is known where its `else` begins.
    other_arm: Option<Locals>,
    /// What is known where exceptions of its body arrive.
    handler: Option<Locals>,
    /// Labels that take these exceptions, counted from the outermost.
    targets: Vec<usize>,
    /// So many values it may keep.
    kept: usize,
}

/// What is known at one place.
#[derive(Debug, Default)]
struct Code {
    /// `None` where no path leads.
    locals: Option<Locals>,
    stack: Vec<Value>,
    labels: Vec<Label>,
    /// Those among them that have a handler.
    handlers: Vec<usize>,
    /// Blocks that were opened where no path leads.
    skipped: usize,
}

struct Walk<'w, 'a> {
    module: &'w Module<'a>,
    table: &'w Table<'w>,
    taken: Taken,
    /// What is known where each loop begins.
    loops: HashMap<u64, Locals>,
    choices: Choices,
    /// The beginning of a loop has learned something.
    changed: bool,
    /// The operator that is looked at is a constant as linkers write a relocation.
    relocated: bool,
    /// How many values were copied or compared.
    copied: usize,
    /// How many the open labels and the loops may keep.
    kept: usize,
    code: Code,
}

impl Walk<'_, '_> {
    fn function(&mut self, id: FunctionId, body: &Body<'_>) -> Result<()> {
        let results = self.module.signature(id).results().len();
        let body = FunctionBody::new(BinaryReader::new(&body.bytes, body.offset));
        let parameters = self.module.signature(id).params().len() as u32;
        let mut locals: Locals = (0..parameters).map(Value::Parameter).collect();
        for declaration in body.get_locals_reader()? {
            let count = locals.len() + declaration?.0 as usize;
            if count > MOST_LOCALS {
                self.taken.unclear = true;
                return Ok(());
            }
            locals.resize(count, Value::Constant(0));
        }
        self.kept = self.loops.len() * locals.len();
        self.code = Code { locals: Some(locals), ..Code::default() };
        self.open(0, results);
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() && !self.taken.unclear {
            let (operator, at) = operators.read_with_offset()?;
            self.relocated = is_relocated(&operator, operators.original_position() - at);
            match self.code.locals {
                Some(_) => self.reached(&operator, at),
                None => self.skip(&operator),
            }
        }
        self.code.stack.clone().into_iter().for_each(|value| self.note(value));
        Ok(())
    }

    /// Counts values that are copied or compared.
    fn copy(&mut self, values: usize) {
        self.copied = self.copied.saturating_add(values);
        self.taken.unclear |= self.copied > MOST_COPIED;
    }

    /// Counts values that a label or a loop keeps.
    fn keep(&mut self, values: usize) {
        self.kept = self.kept.saturating_add(values);
        self.taken.unclear |= self.kept > MOST_KEPT;
    }

    fn copy_of_locals(&mut self) -> Option<Locals> {
        self.copy(self.code.locals.as_ref().map_or(0, Vec::len));
        self.code.locals.clone()
    }

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

    /// Either of two values.
    fn either(&mut self, one: Value, other: Value) -> Value {
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
            _ => self.either_of_terms(one, other),
        }
    }

    fn either_of_terms(&mut self, one: Value, other: Value) -> Value {
        self.copy(COST_OF_CHOICE);
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

    /// Adds to what is known in `known` what is known in `locals`; tells whether that is more.
    fn join(&mut self, known: &mut Locals, locals: &Locals) -> bool {
        self.copy(locals.len());
        let mut more = false;
        for (known, &value) in known.iter_mut().zip(locals) {
            let joined = self.either(*known, value);
            more |= joined != *known;
            *known = joined;
        }
        more
    }

    fn pop(&mut self) -> Value {
        self.code.stack.pop().unwrap_or_default()
    }

    /// Takes `count` operands; what they are, first pushed first.
    fn pop_all(&mut self, count: usize) -> Vec<Value> {
        let first = self.code.stack.len().saturating_sub(count);
        self.code.stack.split_off(first)
    }

    /// Takes `count` operands that go where nothing is known of them any more.
    fn use_up(&mut self, count: usize) {
        self.pop_all(count).into_iter().for_each(|value| self.note(value));
    }

    fn push_others(&mut self, count: usize) {
        self.code.stack.extend(std::iter::repeat_n(Value::Other, count));
    }

    fn set_local(&mut self, local: u32, value: Value) {
        if let Some(locals) = &mut self.code.locals {
            locals[local as usize] = value;
        }
        self.copy(self.code.handlers.len());
        for at in 0..self.code.handlers.len() {
            let index = self.code.handlers[at];
            let Some(mut handler) = self.code.labels[index].handler.take() else { continue };
            handler[local as usize] = self.either(handler[local as usize], value);
            self.code.labels[index].handler = Some(handler);
        }
    }

    /// Opens a label whose `parameters` are on the stack.
    fn open(&mut self, parameters: usize, results: usize) {
        let first = self.code.stack.len().saturating_sub(parameters);
        let parameters = self.code.stack[first..].to_vec();
        // What is known behind it, and at its `else` or handler.
        let kept = 2 * self.code.locals.as_ref().map_or(0, Vec::len) + parameters.len() + results;
        self.copy(parameters.len());
        self.keep(kept);
        self.code.labels.push(Label {
            loop_at: None,
            height: first,
            parameters,
            results,
            exit: None,
            other_arm: None,
            handler: None,
            targets: Vec::new(),
            kept,
        });
    }

    fn open_block(&mut self, ty: BlockType) {
        let (parameters, results) = self.arity(ty);
        self.open(parameters, results);
    }

    /// Opens a loop. No linker or optimiser gives one parameters, so what branches bring it is not followed.
    fn open_loop(&mut self, ty: BlockType, at: u64) {
        self.taken.unclear |= self.arity(ty).0 > 0;
        self.open_block(ty);
        if let Some(label) = self.code.labels.last_mut() {
            label.loop_at = Some(at);
        }
        let Some(mut locals) = self.code.locals.take() else { return };
        match self.loops.remove(&at) {
            Some(known) => {
                self.join(&mut locals, &known);
            }
            None => self.keep(locals.len()),
        }
        self.copy(locals.len());
        self.loops.insert(at, locals.clone());
        self.code.locals = Some(locals);
    }

    fn arity(&self, ty: BlockType) -> (usize, usize) {
        let (takes, gives) = arity::of_block(self.module, ty);
        (takes as usize, gives as usize)
    }

    /// A path leads to the label `index`, counted from the outermost, with `values` on top.
    fn arrive(&mut self, index: usize, locals: Locals, values: Vec<Value>) {
        if self.taken.unclear {
            return;
        }
        if let Some(at) = self.code.labels[index].loop_at {
            if let Some(mut known) = self.loops.remove(&at) {
                self.changed |= self.join(&mut known, &locals);
                self.loops.insert(at, known);
            }
            return;
        }
        self.leave(index, locals, values);
    }

    /// A path leads behind the label `index`.
    fn leave(&mut self, index: usize, locals: Locals, values: Vec<Value>) {
        self.code.labels[index].exit = Some(match self.code.labels[index].exit.take() {
            None => (locals, values),
            Some((mut known, before)) => {
                self.copy(values.len());
                self.join(&mut known, &locals);
                (known, before.into_iter().zip(values).map(|(one, other)| self.either(one, other)).collect())
            }
        });
    }

    /// A branch to the label `depth`, counted from the innermost.
    fn branch(&mut self, depth: u32) {
        let Some(index) = (self.code.labels.len() - 1).checked_sub(depth as usize) else { return };
        let label = &self.code.labels[index];
        let count = if label.loop_at.is_some() { 0 } else { label.results };
        let first = self.code.stack.len().saturating_sub(count);
        let values = self.code.stack[first..].to_vec();
        self.copy(count);
        if let Some(locals) = self.copy_of_locals() {
            self.arrive(index, locals, values);
        }
    }

    /// The path ends at the innermost label's `else`, `catch` or `end`.
    fn fall_through(&mut self) {
        let Some(index) = self.code.labels.len().checked_sub(1) else { return };
        if let Some(locals) = self.code.locals.take() {
            let values = self.pop_all(self.code.labels[index].results);
            self.leave(index, locals, values);
        }
        self.code.stack.truncate(self.code.labels[index].height);
    }

    fn other_arm(&mut self) {
        self.fall_through();
        if let Some(label) = self.code.labels.last_mut() {
            self.code.locals = label.other_arm.take();
            self.code.stack.extend(&label.parameters);
        }
    }

    /// The beginning of a handler that is given `values`.
    fn catch(&mut self, values: usize) {
        self.fall_through();
        if let Some(label) = self.code.labels.last() {
            self.code.locals = label.handler.clone();
            self.copy(self.code.locals.as_ref().map_or(0, Vec::len));
            self.push_others(values);
        }
    }

    fn close(&mut self) {
        self.fall_through();
        // A condition without `else`.
        if self.code.labels.last().is_some_and(|label| label.other_arm.is_some()) {
            self.other_arm();
            self.fall_through();
        }
        let Some(label) = self.code.labels.pop() else { return };
        self.kept = self.kept.saturating_sub(label.kept);
        self.code.handlers.pop_if(|handler| *handler == self.code.labels.len());
        for target in label.targets {
            let results = self.code.labels[target].results;
            if !self.taken.unclear
                && let Some(handler) = label.handler.clone()
            {
                self.copy(handler.len() + results);
                self.arrive(target, handler, vec![Value::Other; results]);
            }
        }
        if let Some((locals, values)) = label.exit {
            self.code.locals = Some(locals);
            self.code.stack.extend(values);
        }
    }

    /// Has exceptions of the innermost label arrive at `targets`, or at its own handlers.
    fn handle(&mut self, targets: BTreeSet<usize>) {
        let handler = self.copy_of_locals();
        self.code.handlers.push(self.code.labels.len() - 1);
        if let Some(label) = self.code.labels.last_mut() {
            label.handler = handler;
            label.targets = targets.into_iter().collect();
        }
    }

    /// An operator to which no path leads.
    fn skip(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Try { .. }
            | Operator::TryTable { .. } => self.code.skipped += 1,
            Operator::End | Operator::Delegate { .. } if self.code.skipped > 0 => self.code.skipped -= 1,
            Operator::End | Operator::Delegate { .. } => self.close(),
            Operator::Else if self.code.skipped == 0 => self.other_arm(),
            Operator::Catch { tag_index } if self.code.skipped == 0 => self.catch(self.tag_values(*tag_index)),
            Operator::CatchAll if self.code.skipped == 0 => self.catch(0),
            _ => {}
        }
    }

    fn tag_values(&self, tag: u32) -> usize {
        arity::of_tag(self.module, tag).unwrap_or_default() as usize
    }

    fn reached(&mut self, operator: &Operator<'_>, at: u64) {
        match *operator {
            Operator::Block { blockty } => self.open_block(blockty),
            Operator::Loop { blockty } => self.open_loop(blockty, at),
            Operator::If { blockty } => {
                self.use_up(1);
                self.open_block(blockty);
                let locals = self.copy_of_locals();
                if let Some(label) = self.code.labels.last_mut() {
                    label.other_arm = locals;
                }
            }
            Operator::Try { blockty } => {
                self.open_block(blockty);
                self.handle(BTreeSet::new());
            }
            Operator::TryTable { ref try_table } => {
                let outermost = self.code.labels.len() - 1;
                let depths = try_table.catches.iter().map(|catch| match *catch {
                    Catch::One { label, .. } | Catch::OneRef { label, .. } | Catch::All { label } | Catch::AllRef { label } => {
                        label
                    }
                });
                let targets = depths.filter_map(|depth| outermost.checked_sub(depth as usize)).collect();
                self.open_block(try_table.ty);
                self.handle(targets);
            }
            Operator::Else => self.other_arm(),
            Operator::Catch { tag_index } => self.catch(self.tag_values(tag_index)),
            Operator::CatchAll => self.catch(0),
            Operator::End | Operator::Delegate { .. } => self.close(),
            Operator::Br { relative_depth } => {
                self.branch(relative_depth);
                self.stop();
            }
            Operator::BrIf { relative_depth } => {
                self.use_up(1);
                self.branch(relative_depth);
            }
            Operator::BrTable { ref targets } => {
                self.use_up(1);
                let depths: BTreeSet<u32> =
                    targets.targets().map_while(std::result::Result::ok).chain([targets.default()]).collect();
                depths.into_iter().for_each(|depth| self.branch(depth));
                self.stop();
            }
            Operator::Return | Operator::Unreachable | Operator::Throw { .. } | Operator::ThrowRef | Operator::Rethrow { .. } => {
                self.stop();
            }
            Operator::Call { function_index } => {
                self.pass_parameters(FunctionId(function_index));
                let ty = self.module.signature(FunctionId(function_index));
                let (takes, gives) = (ty.params().len(), ty.results().len());
                self.use_up(takes);
                self.push_others(gives);
            }
            Operator::CallIndirect { type_index, .. } => {
                let ty = &self.module.types()[type_index as usize];
                let (takes, gives) = (ty.params().len(), ty.results().len());
                let callee = self.pop();
                self.call(callee);
                self.use_up(takes);
                self.push_others(gives);
            }
            Operator::ReturnCall { function_index } => {
                self.pass_parameters(FunctionId(function_index));
                self.stop();
            }
            Operator::ReturnCallIndirect { .. } => {
                let callee = self.pop();
                self.call(callee);
                self.stop();
            }
            _ => self.plain(operator),
        }
    }

    /// A call of `callee`, whose arguments are on the stack, names the slots that it asks for.
    fn pass_parameters(&mut self, callee: FunctionId) {
        let Some(asked) = self.table.taken.get(&self.module.resolved(callee).0) else { return };
        let first = self.code.stack.len().saturating_sub(self.module.signature(callee).params().len());
        self.copy(asked.parameters.len());
        for &(parameter, slot) in &asked.parameters {
            let value = self.code.stack.get(first + parameter as usize).copied().unwrap_or_default();
            self.take_sum(slot, value);
        }
    }

    /// Nothing leads further; what the innermost label has on the stack may be what goes somewhere.
    fn stop(&mut self) {
        let height = self.code.labels.last().map_or(0, |label| label.height);
        self.use_up(self.code.stack.len().saturating_sub(height));
        self.code.locals = None;
    }

    /// Operators without control flow.
    fn plain(&mut self, operator: &Operator<'_>) {
        match *operator {
            Operator::LocalGet { local_index } => {
                let known = self.code.locals.as_ref().and_then(|locals| locals.get(local_index as usize));
                let value = known.copied().unwrap_or_default();
                self.code.stack.push(value);
            }
            Operator::LocalSet { local_index } => {
                let value = self.pop();
                self.set_local(local_index, value);
            }
            Operator::LocalTee { local_index } => {
                let value = self.pop();
                self.set_local(local_index, value);
                self.code.stack.push(value);
            }
            Operator::GlobalGet { global_index } => {
                let globals = &self.table.globals;
                let slot = globals.slots.get(&global_index).map_or(Value::Other, |slot| Value::Slot(*slot));
                self.code.stack.push(if global_index == globals.base { Value::Base } else { slot });
            }
            Operator::GlobalSet { global_index } => {
                let value = self.pop();
                // Who reads a global that holds an address for good takes it. Nothing is known of what is read from others.
                let for_good = self.table.globals.slots.get(&global_index).is_some_and(|slot| value.slot() == Some(*slot));
                self.taken.unclear |= value.is_address() && !for_good;
            }
            Operator::I32Const { value } if self.relocated => self.code.stack.push(Value::Relocated(value)),
            Operator::I32Const { value } => self.code.stack.push(Value::Constant(value)),
            Operator::I32Add => self.sum(),
            Operator::I32Sub => self.difference(),
            Operator::Select | Operator::TypedSelect { .. } => {
                self.use_up(1);
                let (one, other) = (self.pop(), self.pop());
                let value = self.either(one, other);
                self.code.stack.push(value);
            }
            Operator::Drop => {
                self.pop();
            }
            _ => self.other(operator),
        }
    }

    fn sum(&mut self) {
        let (right, left) = (self.pop(), self.pop());
        let value = match (left, right) {
            (Value::Base, Value::Relocated(slot)) | (Value::Relocated(slot), Value::Base) => Value::Slot(slot as u32),
            (address, term) if address.is_address() => self.address_and(address, term),
            (term, address) if address.is_address() => self.address_and(address, term),
            _ => match (left.constant(), right.constant()) {
                (Some(left), Some(right)) => Value::Constant(left.wrapping_add(right)),
                _ => Value::Other,
            },
        };
        self.code.stack.push(value);
    }

    fn difference(&mut self) {
        let (right, left) = (self.pop(), self.pop());
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
        self.code.stack.push(value);
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
    fn other(&mut self, operator: &Operator<'_>) {
        let arity = if works_on_tables(operator) { None } else { arity::of_plain(operator) };
        let Some((takes, gives)) = arity else {
            self.taken.unclear = true;
            return;
        };
        let operands = self.pop_all(takes as usize);
        let addresses = operands.iter().any(|value| value.is_address());
        self.taken.unclear |= addresses && makes_other_numbers(operator);
        // The base itself is made to add to, and who adds in other registers is not followed.
        self.taken.unclear |= operands.contains(&Value::Base) && widens(operator);
        operands.into_iter().for_each(|value| self.note(value));
        self.push_others(gives as usize);
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

/// Whether `operator`, which takes so many bytes, is a constant that a linker filled in: it leaves room for any.
fn is_relocated(operator: &Operator<'_>, bytes: u64) -> bool {
    let Operator::I32Const { value } = *operator else { return false };
    let mut shortest = vec![0x41];
    value.encode(&mut shortest);
    bytes > shortest.len() as u64
}
