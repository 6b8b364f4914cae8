//! Forward over the operators of a body: what is known of the locals and of the operand stack, on every way that leads to a place.
//!
//! An [`Analysis`] says what is known of a value, what is known where ways meet, and what instructions without control flow do. Blocks,
//! branches, loops and exception handlers are followed here, in rounds over the body, until nothing new is learned at the beginning of any
//! loop. Code to which no way leads is passed over.
//!
//! Where exceptions arrive, each local may hold what it held when the `try` began or what was put into it since. What else is known
//! there ([`Analysis::Rest`]) is what was when the `try` began.

use crate::Result;
use crate::body::arity;
use crate::module::{Body, FunctionId, Module};
use std::collections::HashMap;
use std::ops::Range;
use wasmparser::{BinaryReader, BlockType, Catch, FunctionBody, Operator};

/// Bounds for hostile functions; one that needs more has no answer. Rounds over the body: what a loop learns in one may be news for another.
const ROUNDS: usize = 16;
/// Values that are copied or compared altogether, and bytes of values that are kept at a time. No function of libmupdf copies 2^22.
const MOST_COPIED: usize = 1 << 26;
const MOST_KEPT: usize = 1 << 26;
/// Engines allow 50 000 locals; what inlining adds must find room.
const MOST_LOCALS: usize = 40_000;

/// A domain of values, and what instructions do to them.
pub trait Analysis: Sized {
    /// What is known of a value in a local, or where ways meet.
    type Value: Copy + PartialEq;
    /// What is known of one on the operand stack, which may be more.
    type Operand: Clone + From<Self::Value>;
    /// What else is known at a place.
    type Rest: Clone + PartialEq;

    /// Whether it follows exception handlers. It gives up functions that have any otherwise.
    const HANDLERS: bool;
    /// What is known of any value.
    const UNKNOWN: Self::Value;

    fn value(operand: &Self::Operand) -> Self::Value;

    /// A round begins; what is known then of parameters, by number, and of the locals behind them, which are zero.
    fn begin(&mut self) -> Self::Rest;
    fn parameter(&self, number: u32) -> Self::Value;
    fn zero(&self) -> Self::Value;

    /// What is known of a value that is `one` or `other`.
    fn either(&mut self, one: Self::Value, other: Self::Value, budget: &mut Budget) -> Self::Value;
    fn either_rest(&mut self, one: &mut Self::Rest, other: &Self::Rest);

    /// An instruction without control flow, a call, or one behind which nothing is reached. It takes its operands from the stack and
    /// puts its results there.
    fn instruction(&mut self, place: &mut Place<Self>, operator: &Operator<'_>);

    /// The value decides whether a branch is taken, or chooses one.
    fn decides(&mut self, _value: Self::Value) {}
    fn chooses(&mut self, _value: Self::Value) {}
    /// A block or a branch takes the operands along.
    fn cross(&mut self, _operands: &mut [Self::Operand]) {}
    /// A loop takes so many values along.
    fn enter_loop(&mut self, _parameters: usize) {}
    /// They are results of the function.
    fn leave(&mut self, rest: &mut Self::Rest, operands: &[Self::Operand]);
    /// A way ends, and these operands stay behind, if nothing has taken them.
    fn end(&mut self, _left: &[Self::Operand]) {}

    /// The answer is not to be had.
    fn gave_up(&self) -> bool;
}

/// How much has been done.
#[derive(Debug, Default)]
pub struct Budget {
    copied: usize,
    /// Bytes of values.
    kept: usize,
    exceeded: bool,
}

impl Budget {
    /// Counts values that are copied or compared.
    pub fn copy(&mut self, values: usize) {
        self.copied = self.copied.saturating_add(values);
        self.exceeded |= self.copied > MOST_COPIED;
    }

    fn keep(&mut self, bytes: usize) {
        self.kept = self.kept.saturating_add(bytes);
        self.exceeded |= self.kept > MOST_KEPT;
    }
}

/// What is known at the place at hand.
pub struct Place<A: Analysis> {
    pub locals: Vec<A::Value>,
    pub stack: Vec<A::Operand>,
    pub rest: A::Rest,
    /// The bytes of the instruction that is looked at.
    pub here: Range<usize>,
    pub budget: Budget,
    /// What each open `try`, the innermost last, knows of the locals where its exceptions arrive.
    handlers: Vec<(Vec<A::Value>, A::Rest)>,
}

impl<A: Analysis> Place<A> {
    /// Code that no way leads to is not looked at, so that the stack holds what validation found there.
    pub fn pop(&mut self) -> A::Operand {
        self.stack.pop().unwrap_or_else(|| A::UNKNOWN.into())
    }

    pub fn pop_value(&mut self) -> A::Value {
        A::value(&self.pop())
    }

    /// Takes `count` operands, the first pushed first.
    pub fn pop_all(&mut self, count: usize) -> Vec<A::Operand> {
        self.stack.split_off(self.stack.len().saturating_sub(count))
    }

    pub fn push(&mut self, value: A::Value) {
        self.stack.push(value.into());
    }

    pub fn push_unknown(&mut self, count: usize) {
        self.stack.extend(std::iter::repeat_n(A::UNKNOWN, count).map(A::Operand::from));
    }

    pub fn local(&self, local: u32) -> A::Value {
        self.locals.get(local as usize).copied().unwrap_or(A::UNKNOWN)
    }

    pub fn set_local(&mut self, analysis: &mut A, local: u32, value: A::Value) {
        self.locals[local as usize] = value;
        self.budget.copy(self.handlers.len());
        for (locals, _) in &mut self.handlers {
            let known = &mut locals[local as usize];
            *known = analysis.either(*known, value, &mut self.budget);
        }
    }

    /// The topmost `count` operands.
    pub fn top(&mut self, count: usize) -> &mut [A::Operand] {
        let first = self.stack.len().saturating_sub(count);
        &mut self.stack[first..]
    }
}

/// Goes over `body`, that of `function`; returns whether `analysis` has its answer.
pub fn solve<A: Analysis>(analysis: &mut A, module: &Module<'_>, function: FunctionId, body: &Body<'_>) -> Result<bool> {
    let code = FunctionBody::new(BinaryReader::new(&body.bytes, body.offset));
    let parameters = module.signature(function).params().len() as u32;
    let mut count = parameters as usize;
    for locals in code.get_locals_reader()? {
        count = count.saturating_add(locals?.0 as usize);
    }
    if count > MOST_LOCALS {
        return Ok(false);
    }
    let mut locals: Vec<A::Value> = (0..parameters).map(|number| analysis.parameter(number)).collect();
    locals.resize(count, analysis.zero());
    let mut loops = HashMap::new();
    let mut copied = 0;
    for _ in 0..ROUNDS {
        let rest = analysis.begin();
        let budget = Budget { copied, kept: loops.len() * count * size_of::<A::Value>(), exceeded: false };
        let place = Place { locals: locals.clone(), stack: Vec::new(), rest, here: 0..0, budget, handlers: Vec::new() };
        let mut walk =
            Walk { analysis, module, place, reached: true, skipped: 0, frames: Vec::new(), loops, changed: false, refused: false };
        let function = arity::of_function(module, function.0);
        walk.open(Kind::Block, 0, (0, function.1));
        let mut operators = code.get_operators_reader()?;
        while !operators.eof() && !walk.gave_up() {
            let at = (operators.original_position() - body.offset) as usize;
            let operator = operators.read()?;
            walk.place.here = at..(operators.original_position() - body.offset) as usize;
            if walk.reached { walk.operator(&operator)? } else { walk.skip(&operator) }
        }
        if walk.gave_up() {
            return Ok(false);
        }
        if !walk.changed {
            return Ok(true);
        }
        copied = walk.place.budget.copied;
        loops = walk.loops;
    }
    Ok(false)
}

/// What arrives at a label: what is known, and the values it takes.
struct Arrival<A: Analysis> {
    locals: Vec<A::Value>,
    values: Vec<A::Value>,
    rest: A::Rest,
}

impl<A: Analysis> Clone for Arrival<A> {
    fn clone(&self) -> Self {
        Arrival { locals: self.locals.clone(), values: self.values.clone(), rest: self.rest.clone() }
    }
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Kind {
    Block,
    /// The position of its instruction is the name of what arrives at its beginning.
    Loop(usize),
    /// Without an `else`, as far as is known.
    If,
    /// With handlers of its own, or with labels that take its exceptions.
    Try,
}

/// A block that is open.
struct Frame<A: Analysis> {
    kind: Kind,
    /// Height of the operand stack below its parameters.
    height: usize,
    parameters: usize,
    results: usize,
    /// What is known behind it, as far as a way leads there.
    exit: Option<Arrival<A>>,
    /// What is known where the other arm of an `if` begins.
    other_arm: Option<Arrival<A>>,
    /// Labels that take its exceptions, counted from the outermost.
    targets: Vec<usize>,
    /// So many bytes it may keep.
    kept: usize,
}

struct Walk<'w, 'm, A: Analysis> {
    analysis: &'w mut A,
    module: &'w Module<'m>,
    place: Place<A>,
    /// Whether a way leads to the place at hand.
    reached: bool,
    /// Blocks that were opened where none does.
    skipped: usize,
    frames: Vec<Frame<A>>,
    /// What is known where each loop begins, by its position.
    loops: HashMap<usize, Arrival<A>>,
    /// The beginning of a loop has learned something.
    changed: bool,
    /// There are handlers that the analysis does not follow.
    refused: bool,
}

impl<A: Analysis> Walk<'_, '_, A> {
    fn gave_up(&self) -> bool {
        self.refused || self.place.budget.exceeded || self.analysis.gave_up()
    }

    fn operator(&mut self, operator: &Operator<'_>) -> Result<()> {
        match *operator {
            Operator::Block { blockty } => self.open(Kind::Block, self.height(blockty), self.arity(blockty)),
            Operator::Loop { blockty } => self.open_loop(blockty),
            Operator::If { blockty } => {
                let condition = self.place.pop_value();
                self.analysis.decides(condition);
                let (parameters, _) = self.arity(blockty);
                self.open(Kind::If, self.height(blockty), self.arity(blockty));
                let arrival = self.arrival(parameters as usize);
                if let Some(frame) = self.frames.last_mut() {
                    frame.other_arm = Some(arrival);
                }
            }
            Operator::Try { .. } | Operator::TryTable { .. } if !A::HANDLERS => self.refused = true,
            Operator::Try { blockty } => self.open_try(blockty, Vec::new()),
            Operator::TryTable { ref try_table } => {
                let depths = try_table.catches.iter().map(|catch| match *catch {
                    Catch::One { label, .. } | Catch::OneRef { label, .. } | Catch::All { label } | Catch::AllRef { label } => {
                        label
                    }
                });
                self.open_try(try_table.ty, self.indices(depths));
            }
            Operator::Else => self.other_arm(),
            Operator::Catch { tag_index } => self.catch(arity::of_tag(self.module, tag_index).unwrap_or_default()),
            Operator::CatchAll => self.catch(0),
            Operator::End | Operator::Delegate { .. } => self.close(),
            Operator::Br { relative_depth } => {
                self.branch(relative_depth);
                self.end();
            }
            Operator::BrIf { relative_depth } => {
                let condition = self.place.pop_value();
                self.analysis.decides(condition);
                self.branch(relative_depth);
            }
            Operator::BrTable { ref targets } => {
                let index = self.place.pop_value();
                self.analysis.chooses(index);
                let depths = targets.targets().collect::<std::result::Result<Vec<_>, _>>()?;
                for index in self.indices(depths.into_iter().chain([targets.default()])) {
                    self.arrive(index);
                }
                self.end();
            }
            _ => {
                self.analysis.instruction(&mut self.place, operator);
                if ends(operator) {
                    self.end();
                }
            }
        }
        Ok(())
    }

    /// An operator to which no way leads.
    fn skip(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::Try { .. } | Operator::TryTable { .. } if !A::HANDLERS => self.refused = true,
            Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Try { .. }
            | Operator::TryTable { .. } => self.skipped += 1,
            Operator::End | Operator::Delegate { .. } if self.skipped > 0 => self.skipped -= 1,
            Operator::End | Operator::Delegate { .. } => self.close(),
            Operator::Else if self.skipped == 0 => self.other_arm(),
            Operator::Catch { tag_index } if self.skipped == 0 => {
                self.catch(arity::of_tag(self.module, *tag_index).unwrap_or_default());
            }
            Operator::CatchAll if self.skipped == 0 => self.catch(0),
            _ => {}
        }
    }

    fn arity(&self, ty: BlockType) -> arity::Arity {
        arity::of_block(self.module, ty)
    }

    /// That of the stack below the parameters of a block that opens here.
    fn height(&self, ty: BlockType) -> usize {
        self.place.stack.len().saturating_sub(self.arity(ty).0 as usize)
    }

    fn open(&mut self, kind: Kind, height: usize, (parameters, results): arity::Arity) {
        let (parameters, results) = (parameters as usize, results as usize);
        self.analysis.cross(self.place.top(parameters));
        // What is known behind it, and at its `else` or handler.
        let kept = (2 * self.place.locals.len() + parameters + results) * size_of::<A::Value>();
        self.place.budget.copy(parameters);
        self.place.budget.keep(kept);
        let frame = Frame { kind, height, parameters, results, exit: None, other_arm: None, targets: Vec::new(), kept };
        self.frames.push(frame);
    }

    fn open_loop(&mut self, ty: BlockType) {
        let (at, height, parameters) = (self.place.here.start, self.height(ty), self.arity(ty).0 as usize);
        self.analysis.enter_loop(parameters);
        let mut here = self.arrival(parameters);
        match self.loops.remove(&at) {
            Some(known) => {
                self.join(&mut here, &known);
            }
            None => self.place.budget.keep(here.locals.len() * size_of::<A::Value>()),
        }
        self.place.budget.copy(here.locals.len());
        self.loops.insert(at, here.clone());
        self.place.stack.truncate(height);
        self.go_on(Some(here));
        self.open(Kind::Loop(at), height, self.arity(ty));
    }

    /// Has exceptions arrive at `targets`, or at handlers of its own.
    fn open_try(&mut self, ty: BlockType, targets: Vec<usize>) {
        self.open(Kind::Try, self.height(ty), self.arity(ty));
        self.place.budget.copy(self.place.locals.len());
        self.place.handlers.push((self.place.locals.clone(), self.place.rest.clone()));
        if let Some(frame) = self.frames.last_mut() {
            frame.targets = targets;
        }
    }

    /// The frames that these labels name, each once.
    fn indices(&self, depths: impl Iterator<Item = u32>) -> Vec<usize> {
        let outermost = self.frames.len() - 1;
        let mut indices: Vec<usize> = depths.filter_map(|depth| outermost.checked_sub(depth as usize)).collect();
        indices.sort_unstable();
        indices.dedup();
        indices
    }

    /// What is known here, with the topmost `count` values.
    fn arrival(&mut self, count: usize) -> Arrival<A> {
        let values: Vec<A::Value> = self.place.top(count).iter().map(A::value).collect();
        self.place.budget.copy(self.place.locals.len() + count);
        Arrival { locals: self.place.locals.clone(), values, rest: self.place.rest.clone() }
    }

    /// Adds to what is known in `known` what is known in `from`; tells whether that is more.
    fn join(&mut self, known: &mut Arrival<A>, from: &Arrival<A>) -> bool {
        let budget = &mut self.place.budget;
        budget.copy(from.locals.len() + from.values.len());
        let mut more = false;
        let known_values = known.locals.iter_mut().chain(&mut known.values);
        for (known, &value) in known_values.zip(from.locals.iter().chain(&from.values)) {
            let joined = if *known == value { value } else { self.analysis.either(*known, value, budget) };
            more |= joined != *known;
            *known = joined;
        }
        let before = known.rest.clone();
        self.analysis.either_rest(&mut known.rest, &from.rest);
        more || before != known.rest
    }

    /// A branch to the label `depth`, counted from the innermost.
    fn branch(&mut self, depth: u32) {
        if let Some(index) = (self.frames.len() - 1).checked_sub(depth as usize) {
            self.arrive(index);
        }
    }

    /// A branch to the label `index`, counted from the outermost.
    fn arrive(&mut self, index: usize) {
        let frame = &self.frames[index];
        let count = if matches!(frame.kind, Kind::Loop(_)) { frame.parameters } else { frame.results };
        let from = self.crossing(index, count);
        self.arrive_with(index, from);
    }

    /// What is known where the topmost `count` values go to the label `index`.
    fn crossing(&mut self, index: usize, count: usize) -> Arrival<A> {
        self.analysis.cross(self.place.top(count));
        if index == 0 {
            let first = self.place.stack.len().saturating_sub(count);
            self.analysis.leave(&mut self.place.rest, &self.place.stack[first..]);
        }
        self.arrival(count)
    }

    fn arrive_with(&mut self, index: usize, from: Arrival<A>) {
        let Kind::Loop(at) = self.frames[index].kind else { return self.leave(index, from) };
        if let Some(mut known) = self.loops.remove(&at) {
            self.changed |= self.join(&mut known, &from);
            self.loops.insert(at, known);
        }
    }

    /// A way leads behind the label `index`.
    fn leave(&mut self, index: usize, from: Arrival<A>) {
        self.frames[index].exit = Some(match self.frames[index].exit.take() {
            None => from,
            Some(mut known) => {
                self.join(&mut known, &from);
                known
            }
        });
    }

    /// The way ends at the innermost label's `else`, `catch` or `end`.
    fn fall_through(&mut self) {
        let Some(index) = self.frames.len().checked_sub(1) else { return };
        if self.reached {
            let from = self.crossing(index, self.frames[index].results);
            self.leave(index, from);
        }
        self.place.stack.truncate(self.frames[index].height);
    }

    fn go_on(&mut self, arrival: Option<Arrival<A>>) {
        self.reached = arrival.is_some();
        if let Some(Arrival { locals, values, rest }) = arrival {
            self.place.locals = locals;
            self.place.rest = rest;
            self.place.stack.extend(values.into_iter().map(A::Operand::from));
        }
    }

    fn other_arm(&mut self) {
        self.fall_through();
        if let Some(frame) = self.frames.last_mut() {
            let arrival = frame.other_arm.take();
            self.go_on(arrival);
        }
    }

    /// The beginning of a handler that is given so many values.
    fn catch(&mut self, values: u32) {
        self.fall_through();
        if let Some((locals, rest)) = self.place.handlers.last() {
            self.place.budget.copy(locals.len());
            let arrival = Arrival { locals: locals.clone(), values: vec![A::UNKNOWN; values as usize], rest: rest.clone() };
            self.go_on(Some(arrival));
        }
    }

    fn close(&mut self) {
        self.fall_through();
        let Some(mut frame) = self.frames.pop() else { return };
        self.place.budget.kept = self.place.budget.kept.saturating_sub(frame.kept);
        // The values pass through a condition without `else`.
        match (&mut frame.exit, frame.other_arm.take()) {
            (Some(exit), Some(other_arm)) => {
                self.join(exit, &other_arm);
            }
            (exit @ None, other_arm) => *exit = other_arm,
            _ => {}
        }
        if frame.kind == Kind::Try
            && let Some((locals, rest)) = self.place.handlers.pop()
        {
            for index in frame.targets {
                let target = &self.frames[index];
                let count = if matches!(target.kind, Kind::Loop(_)) { target.parameters } else { target.results };
                self.place.budget.copy(locals.len() + count);
                if !self.gave_up() {
                    let values = vec![A::UNKNOWN; count];
                    self.arrive_with(index, Arrival { locals: locals.clone(), values, rest: rest.clone() });
                }
            }
        }
        self.go_on(frame.exit);
    }

    /// Nothing leads further.
    fn end(&mut self) {
        let height = self.frames.last().map_or(0, |frame| frame.height).min(self.place.stack.len());
        self.analysis.end(&self.place.stack[height..]);
        self.reached = false;
    }
}

/// Whether nothing is reached behind the operator, one without labels.
fn ends(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Return
            | Operator::Unreachable
            | Operator::Throw { .. }
            | Operator::ThrowRef
            | Operator::Rethrow { .. }
            | Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. }
            | Operator::ReturnCallRef { .. }
    )
}
