//! The walk over one function: the operand stack and the locals, along every path until nothing changes.

use std::collections::{BTreeSet, HashMap};

use super::{Table, Taken};
use crate::Result;
use crate::exceptions::NoArity;
use crate::module::{Body, FunctionId, Module};
use crate::references::works_on_tables;
use wasmparser::{BinaryReader, BlockType, Catch, FunctionBody, Operator};

/// Finds the slots that the function `id` with this `body` names.
pub fn taken(module: &Module<'_>, table: &Table<'_>, id: FunctionId, body: &Body<'_>) -> Result<Taken> {
    let mut walk = Walk {
        module,
        table,
        taken: Taken::default(),
        loops: HashMap::new(),
        choices: Vec::new(),
        changed: true,
        code: Code::default(),
    };
    // What comes around a loop may be more than what came into it.
    while walk.changed && !walk.taken.unclear {
        walk.changed = false;
        walk.function(id, body)?;
    }
    Ok(walk.taken)
}

/// What a value may be, from less to more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Value {
    /// On all paths this constant.
    Constant(i32),
    /// On all paths what the function was given as this parameter.
    Parameter(u32),
    /// One of the terms with this place in [`Walk::choices`].
    OneOf(usize),
    /// Nothing that has to do with the table.
    #[default]
    Other,
    /// `__table_base + k`, which is not in use yet.
    Slot(u32),
    /// An address whose slot is noted.
    Noted,
}

/// What may be added to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Term {
    Constant(i32),
    Parameter(u32),
}

/// Of so many terms a value may be one. Compilers choose between two addresses with one `select`; counters are not followed.
const MOST_TERMS: usize = 8;

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
}

/// What is known at one place.
#[derive(Debug, Default)]
struct Code {
    /// `None` where no path leads.
    locals: Option<Locals>,
    stack: Vec<Value>,
    labels: Vec<Label>,
    /// Blocks that were opened where no path leads.
    skipped: usize,
}

struct Walk<'w, 'a> {
    module: &'w Module<'a>,
    table: &'w Table<'w>,
    taken: Taken,
    /// What is known where each loop begins.
    loops: HashMap<u64, Locals>,
    /// Lists of terms of which a value is one, in ascending order.
    choices: Vec<Vec<Term>>,
    /// The beginning of a loop has learned something.
    changed: bool,
    code: Code,
}

impl Walk<'_, '_> {
    fn function(&mut self, id: FunctionId, body: &Body<'_>) -> Result<()> {
        let results = self.module.signature(id).results().len();
        let body = FunctionBody::new(BinaryReader::new(&body.bytes, body.offset));
        let parameters = self.module.signature(id).params().len() as u32;
        let mut locals: Locals = (0..parameters).map(Value::Parameter).collect();
        for declaration in body.get_locals_reader()? {
            locals.resize(locals.len() + declaration?.0 as usize, Value::Constant(0));
        }
        self.code = Code { locals: Some(locals), ..Code::default() };
        self.open(0, results, None);
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() && !self.taken.unclear {
            let (operator, at) = operators.read_with_offset()?;
            match self.code.locals {
                Some(_) => self.reached(&operator, at),
                None => self.skip(&operator),
            }
        }
        self.code.stack.clone().into_iter().for_each(|value| self.note(value));
        Ok(())
    }

    /// Somebody may use `value` as an address.
    fn note(&mut self, value: Value) {
        if let Value::Slot(slot) = value {
            self.taken.slots.insert(slot);
        }
    }

    fn noted(&mut self, value: Value) -> Value {
        self.note(value);
        if matches!(value, Value::Slot(_)) { Value::Noted } else { value }
    }

    /// Either of two values.
    fn either(&mut self, one: Value, other: Value) -> Value {
        match (one, other) {
            _ if one == other => one,
            (Value::Slot(_), Value::Slot(_)) | (Value::Noted, _) | (_, Value::Noted) => {
                self.note(one);
                self.note(other);
                Value::Noted
            }
            (slot @ Value::Slot(_), _) | (_, slot @ Value::Slot(_)) => slot,
            _ => match (self.terms(one), self.terms(other)) {
                (Some(mut terms), Some(others)) => {
                    terms.extend(others);
                    terms.sort_unstable();
                    terms.dedup();
                    self.one_of(terms)
                }
                _ => Value::Other,
            },
        }
    }

    /// The terms of which `value` is one, if they are known.
    fn terms(&self, value: Value) -> Option<Vec<Term>> {
        match value {
            Value::Constant(constant) => Some(vec![Term::Constant(constant)]),
            Value::Parameter(parameter) => Some(vec![Term::Parameter(parameter)]),
            Value::OneOf(place) => self.choices.get(place).cloned(),
            Value::Other | Value::Slot(_) | Value::Noted => None,
        }
    }

    fn one_of(&mut self, terms: Vec<Term>) -> Value {
        if terms.len() > MOST_TERMS {
            return Value::Other;
        }
        let place = self.choices.iter().position(|known| *known == terms).unwrap_or(self.choices.len());
        if place == self.choices.len() {
            self.choices.push(terms);
        }
        Value::OneOf(place)
    }

    /// `slot` and one of the terms that `value` may be.
    fn take_sum(&mut self, slot: u32, value: Value) {
        let Some(terms) = self.terms(value) else {
            self.taken.unclear = true;
            return;
        };
        for term in terms {
            match term {
                Term::Constant(constant) => self.taken.slots.insert(slot.wrapping_add(constant as u32)),
                Term::Parameter(parameter) => self.taken.parameters.insert((parameter, slot)),
            };
        }
    }

    /// Adds to what is known in `known` what is known in `locals`; tells whether that is more.
    fn join(&mut self, known: &mut Locals, locals: &Locals) -> bool {
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
        for index in 0..self.code.labels.len() {
            let Some(mut handler) = self.code.labels[index].handler.take() else { continue };
            handler[local as usize] = self.either(handler[local as usize], value);
            self.code.labels[index].handler = Some(handler);
        }
    }

    /// Opens a label whose `parameters` are on the stack.
    fn open(&mut self, parameters: usize, results: usize, loop_at: Option<u64>) {
        let mut parameters = self.pop_all(parameters);
        if loop_at.is_some() {
            // Branches may bring others.
            parameters = parameters.into_iter().map(|value| self.noted(value)).map(forget_constant).collect();
        }
        let height = self.code.stack.len();
        self.code.stack.extend(&parameters);
        let label = Label { loop_at, height, parameters, results, exit: None, other_arm: None, handler: None, targets: Vec::new() };
        self.code.labels.push(label);
    }

    fn open_block(&mut self, ty: BlockType, loop_at: Option<u64>) {
        let (parameters, results) = self.arity(ty);
        self.open(parameters, results, loop_at);
    }

    fn arity(&self, ty: BlockType) -> (usize, usize) {
        match ty {
            BlockType::Empty => (0, 0),
            BlockType::Type(_) => (0, 1),
            BlockType::FuncType(index) => {
                let ty = &self.module.types()[index as usize];
                (ty.params().len(), ty.results().len())
            }
        }
    }

    /// A path leads to the label `index`, counted from the outermost, with `values` on top.
    fn arrive(&mut self, index: usize, locals: Locals, values: Vec<Value>) {
        if let Some(at) = self.code.labels[index].loop_at {
            values.into_iter().for_each(|value| self.note(value));
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
                self.join(&mut known, &locals);
                (known, before.into_iter().zip(values).map(|(one, other)| self.either(one, other)).collect())
            }
        });
    }

    /// A branch to the label `depth`, counted from the innermost.
    fn branch(&mut self, depth: u32) {
        let Some(index) = (self.code.labels.len() - 1).checked_sub(depth as usize) else { return };
        let label = &self.code.labels[index];
        let count = if label.loop_at.is_some() { label.parameters.len() } else { label.results };
        let first = self.code.stack.len().saturating_sub(count);
        let values = self.code.stack[first..].to_vec();
        if let Some(locals) = self.code.locals.clone() {
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
        for target in label.targets {
            let results = self.code.labels[target].results;
            if let Some(handler) = label.handler.clone() {
                self.arrive(target, handler, vec![Value::Other; results]);
            }
        }
        if let Some((locals, values)) = label.exit {
            self.code.locals = Some(locals);
            self.code.stack.extend(values);
        }
    }

    /// Has exceptions of the label that is opened next arrive at `targets`, or at its own handlers.
    fn handle(&mut self, targets: Vec<usize>) {
        let handler = self.code.locals.clone();
        if let Some(label) = self.code.labels.last_mut() {
            label.handler = handler;
            label.targets = targets;
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
        self.module.types()[self.module.tags()[tag as usize].ty.0 as usize].params().len()
    }

    fn reached(&mut self, operator: &Operator<'_>, at: u64) {
        match *operator {
            Operator::Block { blockty } => self.open_block(blockty, None),
            Operator::Loop { blockty } => {
                self.open_block(blockty, Some(at));
                if let Some(mut locals) = self.code.locals.take() {
                    if let Some(known) = self.loops.remove(&at) {
                        self.join(&mut locals, &known);
                    }
                    self.loops.insert(at, locals.clone());
                    self.code.locals = Some(locals);
                }
            }
            Operator::If { blockty } => {
                self.use_up(1);
                self.open_block(blockty, None);
                let locals = self.code.locals.clone();
                if let Some(label) = self.code.labels.last_mut() {
                    label.other_arm = locals;
                }
            }
            Operator::Try { blockty } => {
                self.open_block(blockty, None);
                self.handle(Vec::new());
            }
            Operator::TryTable { ref try_table } => {
                let outermost = self.code.labels.len() - 1;
                let depths = try_table.catches.iter().map(|catch| match *catch {
                    Catch::One { label, .. } | Catch::OneRef { label, .. } | Catch::All { label } | Catch::AllRef { label } => {
                        label
                    }
                });
                let targets = depths.filter_map(|depth| outermost.checked_sub(depth as usize)).collect();
                self.open_block(try_table.ty, None);
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
                let (takes, gives) = (ty.params().len() + 1, ty.results().len());
                self.use_up(takes);
                self.push_others(gives);
            }
            Operator::ReturnCall { function_index } => {
                self.pass_parameters(FunctionId(function_index));
                self.stop();
            }
            Operator::ReturnCallIndirect { .. } => self.stop(),
            _ => self.plain(operator),
        }
    }

    /// A call of `callee`, whose arguments are on the stack, names the slots that it asks for.
    fn pass_parameters(&mut self, callee: FunctionId) {
        let Some(asked) = self.table.taken.get(&self.module.resolved(callee).0) else { return };
        let first = self.code.stack.len().saturating_sub(self.module.signature(callee).params().len());
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
                let slot = if global_index == self.table.globals.base {
                    Some(0)
                } else {
                    self.table.globals.slots.get(&global_index).copied()
                };
                self.code.stack.push(slot.map_or(Value::Other, Value::Slot));
            }
            Operator::GlobalSet { global_index } => {
                let value = self.pop();
                // Whoever reads the global takes the address.
                if self.table.globals.slots.get(&global_index).is_none_or(|slot| value != Value::Slot(*slot)) {
                    self.note(value);
                }
            }
            Operator::I32Const { value } => self.code.stack.push(Value::Constant(value)),
            Operator::I32Add => self.sum(u32::wrapping_add, i32::wrapping_add, true),
            Operator::I32Sub => self.sum(u32::wrapping_sub, i32::wrapping_sub, false),
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

    /// A sum or difference.
    fn sum(&mut self, addresses: fn(u32, u32) -> u32, constants: fn(i32, i32) -> i32, commutes: bool) {
        let (right, left) = (self.pop(), self.pop());
        let value = match (left, right) {
            (Value::Slot(slot), Value::Constant(constant)) => Value::Slot(addresses(slot, constant as u32)),
            (Value::Constant(constant), Value::Slot(slot)) if commutes => Value::Slot(addresses(slot, constant as u32)),
            (Value::Slot(slot), term) | (term, Value::Slot(slot)) if commutes => {
                self.take_sum(slot, term);
                Value::Noted
            }
            (Value::Constant(left), Value::Constant(right)) => Value::Constant(constants(left, right)),
            (Value::Slot(_) | Value::Noted, _) | (_, Value::Slot(_) | Value::Noted) => {
                self.taken.unclear = true;
                Value::Other
            }
            _ => Value::Other,
        };
        self.code.stack.push(value);
    }

    /// Operators that neither move values nor add them.
    fn other(&mut self, operator: &Operator<'_>) {
        let arity = if works_on_tables(operator) { None } else { operator.operator_arity(&NoArity) };
        let Some((takes, gives)) = arity else {
            self.taken.unclear = true;
            return;
        };
        let operands = self.pop_all(takes as usize);
        let addresses = operands.iter().any(|value| matches!(value, Value::Slot(_) | Value::Noted));
        self.taken.unclear |= addresses && makes_other_numbers(operator);
        operands.into_iter().for_each(|value| self.note(value));
        self.push_others(gives as usize);
    }
}

/// What is not the same on all paths.
fn forget_constant(value: Value) -> Value {
    if matches!(value, Value::Slot(_) | Value::Noted) { value } else { Value::Other }
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
