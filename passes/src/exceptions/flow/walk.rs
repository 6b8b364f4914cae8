//! The walk over one body, round after round, until nothing new is learned about its loops.

use super::values::{Arrival, Exact, Operand, State, Value, may_be_word, word_itself};
use super::{Access, Checks, Facts, Flow, Pointer, SiteFlow, Span, Word};
use crate::Result;
use crate::exceptions::abi::Role;
use crate::exceptions::site_sets::{ANY, NONE, SiteSets, Sites};
use crate::module::{Body, FunctionId};
use std::collections::HashMap;
use wasmparser::{BinaryReader, BlockType, FunctionBody, MemArg, Operator};

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
const MOST_COPIED: usize = 1 << 26;
const MOST_KEPT: usize = 1 << 23;
/// Engines allow 50 000 locals; what inlining adds must find room.
const MOST_LOCALS: usize = 40_000;

/// Follows the values of one function; `None` when it has to give up.
pub fn analyse(facts: &Facts<'_>, function: FunctionId, body: &Body<'_>) -> Result<Option<Flow>> {
    let mut walk = Walk {
        facts,
        function,
        sites: Vec::new(),
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
        self.state = Some(State {
            locals: vec![Value::UNKNOWN; count],
            pending: NONE,
            fresh: false,
            passed: false,
            cleared: false,
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
            exact: if a.exact == b.exact { a.exact } else { Exact::Unknown },
            threw: self.sets.union(a.threw, b.threw),
            exception: a.exception || b.exception,
            address: a.address || b.address,
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

    /// Pops values that are used in a way that says nothing.
    fn consume_many(&mut self, count: usize) {
        for operand in self.pop_operands(count) {
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

    /// A value is computed with, or something is loaded or stored through it. That cannot be meant for the address of one of the words,
    /// unless somebody looks at them in a way that is not known here.
    fn compute(&mut self, value: Value) {
        self.gave_up |= value.is_address();
        self.consume(value);
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
                self.consume_many(results);
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

    /// Instructions without control flow.
    fn plain(&mut self, operator: &Operator<'_>) -> Result<()> {
        match *operator {
            Operator::LocalGet { local_index } => self.push_plain(self.local(local_index), Some(local_index), None),
            Operator::LocalSet { local_index } => {
                let value = self.pop();
                self.note_address(value);
                self.set_local(local_index, value);
            }
            Operator::LocalTee { local_index } => {
                let value = self.pop();
                self.note_address(value);
                self.set_local(local_index, value);
                self.stack.push(Operand { local: Some(local_index), end: self.here.end, ..Operand::of(value) });
            }
            Operator::GlobalGet { global_index } => {
                let stable = self.facts.stable.contains(&global_index).then_some(global_index);
                self.push_plain(self.global(global_index), None, stable);
            }
            Operator::GlobalSet { global_index } => {
                let operand = self.pop_operand();
                self.compute(operand.value);
                if self.facts.stack_pointer == Some(global_index)
                    && let Some(state) = &mut self.state
                {
                    self.flow.moves_stack_pointer = true;
                    // Only right behind the instruction that read or wrote the local does it surely hold the same.
                    state.stack_pointer = operand.local.filter(|_| operand.end == self.here.start);
                }
            }
            Operator::I32Const { value } => self.push_plain(Value::exactly(Exact::Const(value)), None, None),
            Operator::I32Add => self.add(),
            Operator::I32Eqz => {
                let value = self.pop();
                self.test(value);
                self.push(Value::UNKNOWN);
            }
            Operator::I32Eq | Operator::I32Ne => self.compare(),
            Operator::I32Load { memarg } => self.load(memarg),
            Operator::I32Store { memarg } => self.store(memarg),
            Operator::Drop => {
                let value = self.pop();
                self.note_address(value);
            }
            Operator::Select | Operator::TypedSelect { .. } => {
                let condition = self.pop();
                self.test(condition);
                let (a, b) = (self.pop(), self.pop());
                self.flow.words.addresses_stay |= a.address || b.address;
                let value = self.merge_value(a, b);
                self.push(value);
            }
            _ => {
                let arity = operator.operator_arity(&NoArity);
                let Some((takes, gives)) = arity else {
                    self.gave_up = true;
                    return Ok(());
                };
                for operand in self.pop_operands(takes as usize) {
                    self.compute(operand.value);
                }
                self.push_unknown(gives as usize);
            }
        }
        Ok(())
    }

    fn local(&self, index: u32) -> Value {
        self.state.as_ref().map_or(Value::UNKNOWN, |state| state.locals[index as usize])
    }

    fn set_local(&mut self, index: u32, value: Value) {
        self.writes.push((self.here.start, index));
        if let Some(state) = &mut self.state {
            state.locals[index as usize] = value;
            if state.stack_pointer == Some(index) {
                state.stack_pointer = None;
            }
        }
    }

    fn global(&self, global: u32) -> Value {
        let facts = self.facts;
        Value::exactly(match facts.slots.get(&global) {
            _ if facts.threw.contains(&global) => Exact::ThrewAddress,
            _ if facts.threw_value.contains(&global) => Exact::ThrewValueAddress,
            _ if facts.table_base == Some(global) => Exact::TableBase,
            Some(&slot) => Exact::Slot(slot),
            None => Exact::Unknown,
        })
    }

    fn add(&mut self) {
        let (b, a) = (self.pop_operand(), self.pop_operand());
        self.compute(a.value);
        self.compute(b.value);
        let sum = match (a.value.exact, b.value.exact) {
            (Exact::TableBase, Exact::Const(n)) | (Exact::Const(n), Exact::TableBase) => Exact::Slot(n as u32),
            _ => Exact::Unknown,
        };
        let pushed_by = match (a.pushed_by, b.pushed_by) {
            (Some(a), Some(b)) if a.end == b.start && b.end == self.here.start => Some(a.start..self.here.end),
            _ => None,
        };
        self.stack.push(Operand { pushed_by, ..Operand::of(Value::exactly(sum)) });
    }

    fn compare(&mut self) {
        let (b, a) = (self.pop(), self.pop());
        for (value, other) in [(a, b), (b, a)] {
            match other.exact {
                Exact::Const(0) => self.test(value),
                Exact::Const(1) if value.threw != NONE => {
                    self.asks(value.threw, |checks| checks.cpp = true);
                    self.flow.words.addresses_stay |= value.address;
                }
                _ => self.consume(value),
            }
        }
        self.push(Value::UNKNOWN);
    }

    fn load(&mut self, memarg: MemArg) {
        let Operand { value: address, pushed_by, .. } = self.pop_operand();
        let Some(word) = word_itself(address, memarg) else {
            self.gave_up |= may_be_word(address, memarg);
            if address.threw != NONE && !address.address {
                // What was thrown is taken for a jump buffer: `testSetjmp` is given the id in it.
                self.asks(address.threw, |checks| checks.longjmp = true);
            } else {
                self.compute(address);
            }
            return self.push(Value::UNKNOWN);
        };
        self.flow.words.loads.push(Access { span: self.here.clone(), word, address: pushed_by });
        let Some(state) = &self.state else { return };
        let pending = state.pending;
        self.flow.words.foreign |= !state.passed;
        self.flow.words.read_once &= word != Word::Threw || !state.cleared;
        match word {
            Word::Threw => self.push(Value { threw: pending, ..Value::UNKNOWN }),
            Word::ThrewValue => {
                self.asks(pending, |checks| checks.longjmp = true);
                self.push(Value::UNKNOWN);
            }
        }
    }

    fn store(&mut self, memarg: MemArg) {
        let stored = self.pop_operand();
        self.compute(stored.value);
        let Operand { value: address, pushed_by, .. } = self.pop_operand();
        let Some(word) = word_itself(address, memarg) else {
            self.gave_up |= may_be_word(address, memarg);
            return self.compute(address);
        };
        let zero = stored.pushed_by.filter(|from| stored.value.exact == Exact::Const(0) && from.end == self.here.start);
        match zero {
            Some(from) if word == Word::Threw => {
                self.flow.words.clears.push(Access { span: from.start..self.here.end, word, address: pushed_by });
            }
            _ => {
                self.flow.words.stores.push(Access { span: self.here.clone(), word, address: pushed_by });
                self.flow.words.read_once = false;
            }
        }
        if let Some(state) = self.state.as_mut().filter(|_| word == Word::Threw) {
            state.cleared = true;
        }
    }

    fn call(&mut self, function: u32, at: usize) {
        let ty = self.facts.module.signature(FunctionId(function));
        let (parameters, results) = (ty.params().len(), ty.results().len());
        match self.facts.roles.get(&function) {
            Some(Role::Invoke | Role::LegalizedInvoke) => {
                self.site_call(at, parameters);
                self.push_unknown(results);
            }
            Some(Role::FindMatchingCatch { .. }) => {
                self.consume_many(parameters);
                if self.state.as_ref().is_some_and(|state| !state.fresh) {
                    self.flow.late += 1;
                }
                // However the way here was decided, it is what an exception at these sites must lead to.
                let pending = self.state.as_ref().map_or(NONE, |state| state.pending);
                self.asks(pending, |checks| checks.cpp = true);
                self.push(Value { exception: true, ..Value::UNKNOWN });
            }
            Some(Role::Longjmp | Role::TestSetjmp) => self.longjmp_call(parameters, results),
            Some(_) => {
                self.consume_many(parameters);
                self.push_unknown(results);
            }
            None if self.facts.setjmp_tests.contains(&function) => self.longjmp_call(parameters, results),
            None => {
                self.report_strangers(function, parameters);
                self.other_call(parameters, results);
            }
        }
    }

    /// A call of an invoke: from here on `__THREW__` tells about it.
    fn site_call(&mut self, at: usize, parameters: usize) {
        let arguments = self.pop_operands(parameters);
        for argument in &arguments {
            self.consume(argument.value);
        }
        let pointer = arguments.into_iter().next().unwrap_or(Operand::UNKNOWN);
        let slot = match pointer.value.exact {
            Exact::Slot(slot) => Some(slot),
            Exact::TableBase => Some(0),
            _ => None,
        };
        let pushed = pointer.pushed_by.as_ref().map_or(usize::MAX, |span| span.end);
        let since = self.writes.iter().rev().take_while(|(position, _)| *position >= pushed);
        let local = pointer.local.filter(|local| since.clone().all(|(_, written)| written != local));
        let number = self.site(at);
        let pending = self.sets.number(vec![number]);
        let Some(state) = &mut self.state else { return };
        state.pending = pending;
        state.fresh = true;
        state.passed = true;
        state.cleared = false;
        let pointer = Pointer { slot, global: pointer.global, local, pushed_by: pointer.pushed_by };
        let site = SiteFlow { checks: Checks::default(), pointer, stack_pointer: state.stack_pointer };
        self.flow.sites.insert(at, site);
    }

    /// A function that is given what was thrown, to see whether the longjmp is meant for this function or to pass it on.
    fn longjmp_call(&mut self, parameters: usize, results: usize) {
        for Operand { value, .. } in self.pop_operands(parameters) {
            self.asks(value.threw, |checks| checks.longjmp = true);
            self.flow.words.addresses_stay |= value.address;
        }
        self.push_unknown(results);
    }

    fn other_call(&mut self, parameters: usize, results: usize) {
        self.consume_many(parameters);
        if let Some(state) = &mut self.state {
            state.fresh = false;
        }
        self.push_unknown(results);
    }

    /// The exception of a landing pad is a token. Functions of this module only pass it on; of the imported ones few may have it.
    fn report_strangers(&mut self, function: u32, parameters: usize) {
        let arguments = &self.stack[self.stack.len().saturating_sub(parameters)..];
        if !arguments.iter().any(|argument| argument.value.exception) || self.facts.takes_exception.contains(&function) {
            return;
        }
        if let Some(name) = self.facts.import_names.get(&function) {
            self.flow.strangers.insert(name.clone());
        }
    }

    fn site(&mut self, at: usize) -> u32 {
        if let Some(site) = self.sites.iter().rposition(|known| *known == at) {
            return site as u32;
        }
        self.sites.push(at);
        self.checks.push(Checks::default());
        self.sites.len() as u32 - 1
    }

    fn arity(&self, ty: BlockType) -> (usize, usize) {
        match ty {
            BlockType::Empty => (0, 0),
            BlockType::Type(_) => (0, 1),
            BlockType::FuncType(index) => {
                let ty = &self.facts.module.types()[index as usize];
                (ty.params().len(), ty.results().len())
            }
        }
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
            for &value in &from.values {
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

/// The operators left to it have the same arity in every module.
pub struct NoArity;

impl wasmparser::ModuleArity for NoArity {
    fn sub_type_at(&self, _: u32) -> Option<&wasmparser::SubType> {
        None
    }
    fn tag_type_arity(&self, _: u32) -> Option<(u32, u32)> {
        None
    }
    fn type_index_of_function(&self, _: u32) -> Option<u32> {
        None
    }
    fn func_type_of_cont_type(&self, _: &wasmparser::ContType) -> Option<&wasmparser::FuncType> {
        None
    }
    fn sub_type_of_ref_type(&self, _: &wasmparser::RefType) -> Option<&wasmparser::SubType> {
        None
    }
    fn control_stack_height(&self) -> u32 {
        0
    }
    fn label_block(&self, _: u32) -> Option<(BlockType, wasmparser::FrameKind)> {
        None
    }
}
