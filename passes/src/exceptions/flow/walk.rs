//! The walk over one body, round after round, until nothing new is learned about its loops.

mod instructions;

use super::values::{Arrival, Exact, Operand, State, Value};
use super::{Checks, Facts, Flow, Span};
use crate::Result;
use crate::body::arity;
use crate::exceptions::site_sets::{ANY, NONE, SiteSets, Sites};
use crate::module::{Body, FunctionId};
use std::collections::HashMap;
use wasmparser::{BinaryReader, BlockType, FunctionBody, Operator};

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Kind {
    Block,
    Loop,
    If,
    Else,
}

#[derive(Debug)]
struct Frame {
    kind: Kind,
    /// Position of its instruction, the name of a loop's arrival.
    at: usize,
    /// Height of the operand stack below its parameters.
    height: usize,
    parameters: usize,
    results: usize,
    /// What jumps to its end, and for a loop to its beginning.
    arrival: Option<Arrival>,
    /// What held when an `if` began, for its other arm; `None` when it was not reached.
    entry: Option<Arrival>,
    /// Whether it was reached.
    reached: bool,
}

/// More rounds than nested loops can need; a function that needs more is given up.
const ROUNDS: usize = 16;

/// Bounds for hostile functions, in values of locals: how many are copied altogether, and how many are kept at a time. No function of
/// libmupdf copies 2^22.
const MOST_COPIED: usize = 1 << 24;
const MOST_KEPT: usize = 1 << 21;
/// Engines allow 50 000 locals; what inlining adds must find room.
const MOST_LOCALS: usize = 40_000;

/// Follows the values of one function; `None` when it has to give up.
pub fn analyse(facts: &Facts<'_>, function: FunctionId, body: &Body<'_>) -> Result<Option<Flow>> {
    let mut walk = Walk {
        facts,
        function,
        sites: Vec::new(),
        site_at: HashMap::new(),
        checks: Vec::new(),
        checks_of_any: Checks::default(),
        sets: SiteSets::new(),
        loops: HashMap::new(),
        changed: false,
        gave_up: false,
        copied: 0,
        flow: Flow::default(),
        stack: Vec::new(),
        writes: Vec::new(),
        here: 0..0,
        frames: Vec::new(),
        state: None,
    };
    for _ in 0..ROUNDS {
        walk.round(body)?;
        if walk.gave_up {
            return Ok(None);
        }
        if !walk.changed {
            return Ok(Some(walk.finish()));
        }
    }
    Ok(None)
}

struct Walk<'f, 'm> {
    facts: &'f Facts<'m>,
    function: FunctionId,
    /// Positions of the call sites, numbered as they are met.
    sites: Vec<usize>,
    /// Their numbers.
    site_at: HashMap<usize, u32>,
    checks: Vec<Checks>,
    /// What is asked of a value that may come from any site.
    checks_of_any: Checks,
    sets: SiteSets,
    /// What came back to the beginning of each loop, by position.
    loops: HashMap<usize, Arrival>,
    /// Whether this round learned something new about a loop.
    changed: bool,
    gave_up: bool,
    /// How many values of locals were copied.
    copied: usize,
    flow: Flow,
    stack: Vec<Operand>,
    /// Positions at which locals are written, in the order of the code.
    writes: Vec<(usize, u32)>,
    /// The instruction at hand.
    here: Span,
    frames: Vec<Frame>,
    /// `None` where no path leads.
    state: Option<State>,
}

impl Walk<'_, '_> {
    fn round(&mut self, body: &Body<'_>) -> Result<()> {
        let code = FunctionBody::new(BinaryReader::new(&body.bytes, body.offset));
        let signature = self.facts.module.signature(self.function);
        let mut count = signature.params().len();
        for locals in code.get_locals_reader()? {
            count += locals?.0 as usize;
        }
        self.gave_up |= count > MOST_LOCALS;
        self.changed = false;
        self.flow = Flow::default();
        self.flow.words.read_once = true;
        self.stack.clear();
        self.writes.clear();
        self.frames.clear();
        // Locals are zero in the beginning, which optimisers make use of.
        let mut values = vec![Value::UNKNOWN; signature.params().len()];
        values.resize(count, Value::exactly(Exact::Const(0)));
        self.state = Some(State {
            locals: values,
            pending: NONE,
            fresh: false,
            passed: false,
            cleared: false,
            reported: false,
            stored: false,
            zero: false,
            stack_pointer: None,
        });
        self.enter(Kind::Block, 0, 0, signature.results().len());
        let mut operators = code.get_operators_reader()?;
        while !operators.eof() && !self.gave_up {
            let at = (operators.original_position() - body.offset) as usize;
            let operator = operators.read()?;
            self.here = at..(operators.original_position() - body.offset) as usize;
            self.operator(&operator, at)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Flow {
        for (at, checks) in self.sites.iter().zip(&self.checks) {
            let any = self.checks_of_any;
            let checks =
                Checks { cpp: checks.cpp || any.cpp, longjmp: checks.longjmp || any.longjmp, other: checks.other || any.other };
            self.flow.sites.entry(*at).or_default().checks = checks;
        }
        self.flow
    }

    /// Notes what is asked about the call sites `sites`.
    fn asks(&mut self, sites: Sites, note: impl Fn(&mut Checks)) {
        if sites == ANY {
            note(&mut self.checks_of_any);
        }
        for &site in self.sets.members(sites) {
            note(&mut self.checks[site as usize]);
        }
    }

    fn merge_value(&mut self, a: Value, b: Value) -> Value {
        if a == b {
            return a;
        }
        Value {
            exact: match (a.exact, b.exact) {
                (one, other) if one == other => one,
                _ if a.is_address() && b.is_address() => Exact::SomeWordAddress,
                _ => Exact::Unknown,
            },
            threw: self.sets.union(a.threw, b.threw),
            exception: a.exception || b.exception,
            address: a.address || b.address,
            threw_address: a.threw_address || b.threw_address,
        }
    }

    fn merge(&mut self, into: &mut Arrival, from: &Arrival) {
        for (into, from) in into.state.locals.iter_mut().zip(&from.state.locals) {
            *into = self.merge_value(*into, *from);
        }
        for (into, from) in into.values.iter_mut().zip(&from.values) {
            *into = self.merge_value(*into, *from);
        }
        into.state.pending = self.sets.union(into.state.pending, from.state.pending);
        into.state.fresh &= from.state.fresh;
        into.state.passed &= from.state.passed;
        into.state.cleared |= from.state.cleared;
        into.state.reported |= from.state.reported;
        into.state.stored |= from.state.stored;
        into.state.zero &= from.state.zero;
        if into.state.stack_pointer != from.state.stack_pointer {
            into.state.stack_pointer = None;
        }
    }

    fn pop_operand(&mut self) -> Operand {
        // Unreachable code is not walked, so the stack holds what validation found there.
        self.stack.pop().unwrap_or(Operand::UNKNOWN)
    }

    fn pop(&mut self) -> Value {
        self.pop_operand().value
    }

    fn push(&mut self, value: Value) {
        self.stack.push(Operand::of(value));
    }

    /// Pushes what the instruction at hand pushes and does nothing else.
    fn push_plain(&mut self, value: Value, local: Option<u32>, global: Option<u32>) {
        self.stack.push(Operand { value, pushed_by: Some(self.here.clone()), local, global, end: self.here.end });
        self.note_address(value);
    }

    fn push_unknown(&mut self, count: usize) {
        self.stack.extend((0..count).map(|_| Operand::UNKNOWN));
    }

    fn pop_operands(&mut self, count: usize) -> Vec<Operand> {
        self.stack.split_off(self.stack.len().saturating_sub(count))
    }

    /// Pops values that go where they are not followed.
    fn pass_on(&mut self, count: usize) {
        for operand in self.pop_operands(count) {
            self.escape(operand.value);
            self.consume(operand.value);
        }
    }

    /// The instruction at hand pushes or moves `value`.
    fn note_address(&mut self, value: Value) {
        if value.is_address() {
            self.flow.words.addresses.push(self.here.clone());
        }
    }

    /// A value is passed on, in a way that says nothing or that hides what is asked.
    fn consume(&mut self, value: Value) {
        self.asks(value.threw, |checks| checks.other = true);
        self.flow.words.addresses_stay |= value.address;
    }

    /// A value is computed with or stored, or something is loaded or stored through it. That cannot be meant for the address of one of
    /// the words, unless somebody looks at them in a way that is not known here.
    fn compute(&mut self, value: Value) {
        self.gave_up |= value.is_address();
        self.escape(value);
        self.consume(value);
    }

    /// A value goes where it is not followed.
    fn escape(&mut self, value: Value) {
        self.flow.words.escape |= value.address;
        self.flow.words.kept |= value.is_address();
    }

    /// The function is left, or calls another that may look at the words.
    fn leave(&mut self) {
        if let Some(state) = &mut self.state {
            self.flow.words.untidy |= state.reported;
            state.zero = false;
        }
    }

    /// A value is compared with zero or decides a branch.
    fn test(&mut self, value: Value) {
        // Whether anything was thrown is asked by both kinds; it is the other questions that tell them apart.
        self.flow.words.addresses_stay |= value.address;
    }

    fn operator(&mut self, operator: &Operator<'_>, at: usize) -> Result<()> {
        if self.state.is_none() {
            return self.unreached(operator);
        }
        match *operator {
            Operator::Block { blockty } => self.open(Kind::Block, at, blockty),
            Operator::Loop { blockty } => self.open_loop(at, blockty),
            Operator::If { blockty } => {
                let condition = self.pop();
                self.test(condition);
                self.open(Kind::If, at, blockty);
            }
            Operator::Else => self.other_arm(),
            Operator::End => self.close(),
            Operator::Br { relative_depth } => {
                self.jump(relative_depth);
                self.state = None;
            }
            Operator::BrIf { relative_depth } => {
                let condition = self.pop();
                self.test(condition);
                self.jump(relative_depth);
            }
            Operator::BrTable { ref targets } => {
                let index = self.pop();
                self.consume(index);
                self.jump(targets.default());
                for target in targets.targets() {
                    self.jump(target?);
                }
                self.state = None;
            }
            Operator::Return => {
                let results = self.facts.module.signature(self.function).results().len();
                self.leave();
                self.pass_on(results);
                self.state = None;
            }
            Operator::Unreachable => self.state = None,
            Operator::Try { .. } | Operator::TryTable { .. } => self.gave_up = true,
            Operator::Call { function_index } => self.call(function_index, at),
            Operator::CallIndirect { type_index, .. } => {
                let pointer = self.pop();
                self.consume(pointer);
                let ty = &self.facts.module.types()[type_index as usize];
                self.other_call(ty.params().len(), ty.results().len());
            }
            Operator::ReturnCall { function_index } => {
                let parameters = self.facts.module.signature(FunctionId(function_index)).params().len();
                self.other_call(parameters, 0);
                self.state = None;
            }
            Operator::ReturnCallIndirect { type_index, .. } => {
                let parameters = self.facts.module.types()[type_index as usize].params().len();
                self.other_call(parameters + 1, 0);
                self.state = None;
            }
            _ => self.plain(operator)?,
        }
        Ok(())
    }

    fn arity(&self, ty: BlockType) -> (usize, usize) {
        let (takes, gives) = arity::of_block(self.facts.module, ty);
        (takes as usize, gives as usize)
    }

    fn open(&mut self, kind: Kind, at: usize, ty: BlockType) {
        let (parameters, results) = self.arity(ty);
        self.enter(kind, at, parameters, results);
    }

    fn enter(&mut self, kind: Kind, at: usize, parameters: usize, results: usize) {
        let height = self.stack.len().saturating_sub(parameters);
        // Addresses and what pushes them may go, but not from under a block that takes them.
        for operand in &mut self.stack[height..] {
            self.flow.words.addresses_stay |= operand.value.address;
            operand.pushed_by = None;
        }
        let entry = (kind == Kind::If).then(|| self.arriving(parameters)).flatten();
        let reached = self.state.is_some();
        let locals = self.state.as_ref().map_or(0, |state| state.locals.len());
        self.gave_up |= (self.frames.len() + self.loops.len()).saturating_mul(locals) > MOST_KEPT;
        self.frames.push(Frame { kind, at, height, parameters, results, arrival: None, entry, reached });
    }

    fn open_loop(&mut self, at: usize, ty: BlockType) {
        let (parameters, results) = self.arity(ty);
        if let (Some(before), Some(mut here)) = (self.loops.get(&at).cloned(), self.arriving(parameters)) {
            self.merge(&mut here, &before);
            self.stack.truncate(self.stack.len().saturating_sub(parameters));
            self.stack.extend(here.values.into_iter().map(Operand::of));
            self.state = Some(here.state);
        }
        self.enter(Kind::Loop, at, parameters, results);
    }

    /// The state with the topmost `count` values.
    fn arriving(&mut self, count: usize) -> Option<Arrival> {
        let state = self.state.clone()?;
        self.copied = self.copied.saturating_add(state.locals.len());
        self.gave_up |= self.copied > MOST_COPIED;
        let operands = &self.stack[self.stack.len().saturating_sub(count)..];
        Some(Arrival { state, values: operands.iter().map(|operand| operand.value).collect() })
    }

    fn jump(&mut self, depth: u32) {
        let Some(index) = self.frames.len().checked_sub(depth as usize + 1) else { return };
        let frame = &self.frames[index];
        let (is_loop, at) = (frame.kind == Kind::Loop, frame.at);
        let count = if is_loop { frame.parameters } else { frame.results };
        let Some(from) = self.arriving(count) else { return };
        self.flow.words.addresses_stay |= from.values.iter().any(|value| value.address);
        let top = self.stack.len().saturating_sub(from.values.len());
        for operand in &mut self.stack[top..] {
            operand.pushed_by = None;
        }
        if index == 0 {
            // The results of the function.
            self.leave();
            for &value in &from.values {
                self.escape(value);
                self.consume(value);
            }
        }
        if is_loop {
            let before = self.loops.remove(&at);
            let mut known = before.clone().unwrap_or_else(|| from.clone());
            self.merge(&mut known, &from);
            self.changed |= before.is_none_or(|before| before != known);
            self.loops.insert(at, known);
        } else {
            match self.frames[index].arrival.take() {
                Some(mut known) => {
                    self.merge(&mut known, &from);
                    self.frames[index].arrival = Some(known);
                }
                None => self.frames[index].arrival = Some(from),
            }
        }
    }

    fn other_arm(&mut self) {
        self.jump(0);
        let Some(frame) = self.frames.last_mut() else { return };
        frame.kind = Kind::Else;
        let entry = frame.entry.take();
        self.stack.truncate(frame.height);
        self.continue_with(entry);
    }

    fn close(&mut self) {
        // Falling out of the end is a jump to it, for a loop too.
        if let Some(frame) = self.frames.last_mut().filter(|frame| frame.kind == Kind::Loop) {
            frame.kind = Kind::Block;
        }
        self.jump(0);
        let Some(mut frame) = self.frames.pop() else { return };
        if frame.kind == Kind::If
            && let Some(entry) = frame.entry.take()
        {
            // Without an `else`, the values pass through.
            match &mut frame.arrival {
                Some(arrival) => self.merge(arrival, &entry),
                None => frame.arrival = Some(entry),
            }
        }
        self.stack.truncate(frame.height);
        self.continue_with(frame.arrival);
    }

    fn continue_with(&mut self, arrival: Option<Arrival>) {
        self.state = arrival.map(|arrival| {
            self.stack.extend(arrival.values.into_iter().map(Operand::of));
            arrival.state
        });
    }

    /// Where no path leads, only the nesting matters.
    fn unreached(&mut self, operator: &Operator<'_>) -> Result<()> {
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                let height = self.stack.len();
                self.frames.push(Frame {
                    kind: Kind::Block,
                    at: 0,
                    height,
                    parameters: 0,
                    results: 0,
                    arrival: None,
                    entry: None,
                    reached: false,
                });
            }
            Operator::Else if self.frames.last().is_some_and(|frame| frame.reached) => self.other_arm(),
            Operator::End => self.close(),
            Operator::Try { .. } | Operator::TryTable { .. } => self.gave_up = true,
            _ => {}
        }
        Ok(())
    }
}
