//! What happens to the values around the call sites of one function.
//!
//! An abstract interpretation over the structured code: it follows locals and the operand stack along every path until nothing
//! changes, so that its answers do not depend on the order an optimiser put instructions in. It answers
//! - what the code behind each call of an invoke asks about `__THREW__` and `__threwValue`;
//! - which table slot the function pointer of the call is, where that is the same on all paths;
//! - where the exception of a landing pad is passed.
//!
//! It gives up on a function (and then knows nothing about it) when the address of `__THREW__` is used for more than loads and
//! stores, or when the function has native exception handlers of its own.

use super::abi::Role;
use crate::Result;
use crate::module::{Body, FunctionId, Module};
use std::collections::{BTreeSet, HashMap, HashSet};
use wasmparser::{BinaryReader, BlockType, FunctionBody, MemArg, MemArgTarget, Operator};

/// What is the same for all functions of a module.
pub struct Facts<'m> {
    pub module: &'m Module<'m>,
    pub roles: HashMap<u32, Role>,
    /// `__wasm_setjmp_test` and its predecessor.
    pub setjmp_tests: HashSet<u32>,
    /// Imported functions that may be given the exception of a landing pad.
    pub takes_exception: HashSet<u32>,
    /// Imported functions by id, for reports.
    pub import_names: HashMap<u32, String>,
    pub threw: HashSet<u32>,
    pub threw_value: HashSet<u32>,
    pub table_base: Option<u32>,
    /// Globals that hold `__table_base + n` for good.
    pub slots: HashMap<u32, u32>,
}

/// What the code behind a call site asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checks {
    /// Whether `__THREW__` is 1: a C++ exception.
    pub cpp: bool,
    /// The value of a longjmp, or whether it is meant for this function.
    pub longjmp: bool,
    /// Something else, which may ask for either.
    pub other: bool,
}

/// The answers about one function.
#[derive(Debug, Default)]
pub struct Flow {
    /// By position of the call.
    pub checks: HashMap<usize, Checks>,
    /// The table slot that is called, by position of the call.
    pub slots: HashMap<usize, u32>,
    /// Imported functions that are given the exception of a landing pad and may take it for something else.
    pub strangers: BTreeSet<String>,
    /// Landing pads that call something before they ask for their exception.
    pub late: usize,
}

/// A set of call sites, by its number in [`SiteSets`].
type Sites = u32;

/// No call site at all.
const NONE: Sites = 0;
/// Any call site of the function.
const ANY: Sites = 1;
/// Sets larger than this become `ANY`. They come from locals that hold nothing of interest any more.
const LARGEST: usize = 32;

/// Sets of call sites, each stored once, so that equal sets have equal numbers.
#[derive(Debug)]
struct SiteSets {
    sets: Vec<Vec<u32>>,
    numbers: HashMap<Vec<u32>, Sites>,
    unions: HashMap<(Sites, Sites), Sites>,
}

impl SiteSets {
    fn new() -> Self {
        // The members of `NONE` and, never looked at, of `ANY`.
        SiteSets { sets: vec![Vec::new(), Vec::new()], numbers: HashMap::from([(Vec::new(), NONE)]), unions: HashMap::new() }
    }

    fn number(&mut self, set: Vec<u32>) -> Sites {
        if set.len() > LARGEST {
            return ANY;
        }
        let next = self.sets.len() as Sites;
        let number = *self.numbers.entry(set.clone()).or_insert(next);
        if number == next {
            self.sets.push(set);
        }
        number
    }

    fn union(&mut self, a: Sites, b: Sites) -> Sites {
        if a == b || b == NONE {
            return a;
        }
        if a == NONE || b == ANY {
            return b;
        }
        if a == ANY {
            return a;
        }
        if let Some(&known) = self.unions.get(&(a, b)) {
            return known;
        }
        let members: BTreeSet<u32> = self.sets[a as usize].iter().chain(&self.sets[b as usize]).copied().collect();
        let union = self.number(members.into_iter().collect());
        self.unions.insert((a, b), union);
        union
    }
}

/// What is known of a value on every path that leads to it, and what it may be on some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Value {
    exact: Exact,
    /// The call sites whose `__THREW__` it may be.
    threw: Sites,
    /// It may be the exception of a landing pad.
    exception: bool,
    /// It may be the address of `__THREW__` or `__threwValue`.
    address: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exact {
    Unknown,
    Const(i32),
    TableBase,
    Slot(u32),
    ThrewAddress,
    ThrewValueAddress,
}

impl Value {
    const UNKNOWN: Value = Value { exact: Exact::Unknown, threw: NONE, exception: false, address: false };

    fn exactly(exact: Exact) -> Self {
        let address = matches!(exact, Exact::ThrewAddress | Exact::ThrewValueAddress);
        Value { exact, address, ..Value::UNKNOWN }
    }
}

/// What holds at one point of the code.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    locals: Vec<Value>,
    /// The call sites one of which was passed last.
    pending: Sites,
    /// No call came since.
    fresh: bool,
}

/// What arrives at a label: the state and the values it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Arrival {
    state: State,
    values: Vec<Value>,
}

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
        flow: Flow::default(),
        stack: Vec::new(),
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
    flow: Flow,
    stack: Vec<Value>,
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
        self.changed = false;
        self.flow = Flow::default();
        self.stack.clear();
        self.frames.clear();
        self.state = Some(State { locals: vec![Value::UNKNOWN; count], pending: NONE, fresh: false });
        self.enter(Kind::Block, 0, 0, signature.results().len());
        let mut operators = code.get_operators_reader()?;
        while !operators.eof() && !self.gave_up {
            let at = (operators.original_position() - body.offset) as usize;
            let operator = operators.read()?;
            self.operator(&operator, at)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Flow {
        for (at, checks) in self.sites.iter().zip(&self.checks) {
            let any = self.checks_of_any;
            let checks =
                Checks { cpp: checks.cpp || any.cpp, longjmp: checks.longjmp || any.longjmp, other: checks.other || any.other };
            self.flow.checks.insert(*at, checks);
        }
        self.flow
    }

    /// Notes what is asked about the call sites `sites`.
    fn asks(&mut self, sites: Sites, note: impl Fn(&mut Checks)) {
        if sites == ANY {
            note(&mut self.checks_of_any);
        }
        for &site in &self.sets.sets[sites as usize] {
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
    }

    fn pop(&mut self) -> Value {
        // Unreachable code is not walked, so the stack holds what validation found there.
        self.stack.pop().unwrap_or(Value::UNKNOWN)
    }

    fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    fn pop_many(&mut self, count: usize) -> Vec<Value> {
        self.stack.split_off(self.stack.len().saturating_sub(count))
    }

    /// A value is used in a way that says nothing, or that hides what is asked.
    fn consume(&mut self, value: Value) {
        self.asks(value.threw, |checks| checks.other = true);
        self.gave_up |= value.address;
    }

    /// A value is compared with zero or decides a branch.
    fn test(&mut self, value: Value) {
        // Whether anything was thrown is asked by both kinds; it is the other questions that tell them apart.
        self.gave_up |= value.address;
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
                for value in self.pop_many(results) {
                    self.consume(value);
                }
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
            Operator::LocalGet { local_index } => {
                let value = self.local(local_index);
                self.push(value);
            }
            Operator::LocalSet { local_index } => {
                let value = self.pop();
                self.set_local(local_index, value);
            }
            Operator::LocalTee { local_index } => {
                let value = self.pop();
                self.set_local(local_index, value);
                self.push(value);
            }
            Operator::GlobalGet { global_index } => {
                let value = self.global(global_index);
                self.push(value);
            }
            Operator::I32Const { value } => self.push(Value::exactly(Exact::Const(value))),
            Operator::I32Add => self.add(),
            Operator::I32Eqz => {
                let value = self.pop();
                self.test(value);
                self.push(Value::UNKNOWN);
            }
            Operator::I32Eq | Operator::I32Ne => self.compare(),
            Operator::I32Load { memarg } => self.load(memarg),
            Operator::I32Store { memarg } => {
                let value = self.pop();
                self.consume(value);
                let address = self.pop();
                if !is_word_itself(address, memarg) {
                    self.consume(address);
                }
            }
            Operator::Drop => {
                self.pop();
            }
            Operator::Select | Operator::TypedSelect { .. } => {
                let condition = self.pop();
                self.test(condition);
                let (a, b) = (self.pop(), self.pop());
                let value = self.merge_value(a, b);
                self.push(value);
            }
            _ => {
                let arity = operator.operator_arity(&NoArity);
                let Some((takes, gives)) = arity else {
                    self.gave_up = true;
                    return Ok(());
                };
                for value in self.pop_many(takes as usize) {
                    self.consume(value);
                }
                self.stack.extend((0..gives).map(|_| Value::UNKNOWN));
            }
        }
        Ok(())
    }

    fn local(&self, index: u32) -> Value {
        self.state.as_ref().map_or(Value::UNKNOWN, |state| state.locals[index as usize])
    }

    fn set_local(&mut self, index: u32, value: Value) {
        if let Some(state) = &mut self.state {
            state.locals[index as usize] = value;
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
        let (b, a) = (self.pop(), self.pop());
        self.consume(a);
        self.consume(b);
        let sum = match (a.exact, b.exact) {
            (Exact::TableBase, Exact::Const(n)) | (Exact::Const(n), Exact::TableBase) => Exact::Slot(n as u32),
            _ => Exact::Unknown,
        };
        self.push(Value::exactly(sum));
    }

    fn compare(&mut self) {
        let (b, a) = (self.pop(), self.pop());
        for (value, other) in [(a, b), (b, a)] {
            match other.exact {
                Exact::Const(0) => self.test(value),
                Exact::Const(1) if value.threw != NONE => {
                    self.asks(value.threw, |checks| checks.cpp = true);
                    self.gave_up |= value.address;
                }
                _ => self.consume(value),
            }
        }
        self.push(Value::UNKNOWN);
    }

    fn load(&mut self, memarg: MemArg) {
        let address = self.pop();
        let pending = self.state.as_ref().map_or(NONE, |state| state.pending);
        match address.exact {
            Exact::ThrewAddress if is_word_itself(address, memarg) => self.push(Value { threw: pending, ..Value::UNKNOWN }),
            Exact::ThrewValueAddress if is_word_itself(address, memarg) => {
                self.asks(pending, |checks| checks.longjmp = true);
                self.push(Value::UNKNOWN);
            }
            // What was thrown is taken for a jump buffer: `testSetjmp` is given the id in it.
            _ if address.threw != NONE && !address.address => {
                self.asks(address.threw, |checks| checks.longjmp = true);
                self.push(Value::UNKNOWN);
            }
            _ => {
                self.consume(address);
                self.push(Value::UNKNOWN);
            }
        }
    }

    fn call(&mut self, function: u32, at: usize) {
        let ty = self.facts.module.signature(FunctionId(function));
        let (parameters, results) = (ty.params().len(), ty.results().len());
        match self.facts.roles.get(&function) {
            Some(Role::Invoke) => {
                let arguments = self.pop_many(parameters);
                for value in &arguments {
                    self.consume(*value);
                }
                match arguments.first().map(|pointer| pointer.exact) {
                    Some(Exact::Slot(slot)) => self.flow.slots.insert(at, slot),
                    Some(Exact::TableBase) => self.flow.slots.insert(at, 0),
                    _ => None,
                };
                let site = self.site(at);
                let site = self.sets.number(vec![site]);
                if let Some(state) = &mut self.state {
                    state.pending = site;
                    state.fresh = true;
                }
                self.stack.extend((0..results).map(|_| Value::UNKNOWN));
            }
            Some(Role::FindMatchingCatch { .. }) => {
                for value in self.pop_many(parameters) {
                    self.consume(value);
                }
                if self.state.as_ref().is_some_and(|state| !state.fresh) {
                    self.flow.late += 1;
                }
                self.push(Value { exception: true, ..Value::UNKNOWN });
            }
            Some(Role::Longjmp | Role::TestSetjmp) => self.longjmp_call(parameters, results),
            Some(_) => {
                for value in self.pop_many(parameters) {
                    self.consume(value);
                }
                self.stack.extend((0..results).map(|_| Value::UNKNOWN));
            }
            None if self.facts.setjmp_tests.contains(&function) => self.longjmp_call(parameters, results),
            None => {
                self.report_strangers(function, parameters);
                self.other_call(parameters, results);
            }
        }
    }

    /// A function that is given what was thrown, to see whether the longjmp is meant for this function or to pass it on.
    fn longjmp_call(&mut self, parameters: usize, results: usize) {
        for value in self.pop_many(parameters) {
            self.asks(value.threw, |checks| checks.longjmp = true);
            self.gave_up |= value.address;
        }
        self.stack.extend((0..results).map(|_| Value::UNKNOWN));
    }

    fn other_call(&mut self, parameters: usize, results: usize) {
        for value in self.pop_many(parameters) {
            self.consume(value);
        }
        if let Some(state) = &mut self.state {
            state.fresh = false;
        }
        self.stack.extend((0..results).map(|_| Value::UNKNOWN));
    }

    /// The exception of a landing pad is a token. Functions of this module only pass it on; of the imported ones few may have it.
    fn report_strangers(&mut self, function: u32, parameters: usize) {
        let arguments = &self.stack[self.stack.len().saturating_sub(parameters)..];
        if !arguments.iter().any(|value| value.exception) || self.facts.takes_exception.contains(&function) {
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
        let entry = (kind == Kind::If).then(|| self.arriving(parameters)).flatten();
        let reached = self.state.is_some();
        self.frames.push(Frame { kind, at, height, parameters, results, arrival: None, entry, reached });
    }

    fn open_loop(&mut self, at: usize, ty: BlockType) {
        let (parameters, results) = self.arity(ty);
        if let (Some(before), Some(mut here)) = (self.loops.get(&at).cloned(), self.arriving(parameters)) {
            self.merge(&mut here, &before);
            self.stack.truncate(self.stack.len().saturating_sub(parameters));
            self.stack.extend(here.values);
            self.state = Some(here.state);
        }
        self.enter(Kind::Loop, at, parameters, results);
    }

    /// The state with the topmost `count` values.
    fn arriving(&self, count: usize) -> Option<Arrival> {
        let state = self.state.clone()?;
        let values = self.stack[self.stack.len().saturating_sub(count)..].to_vec();
        Some(Arrival { state, values })
    }

    fn jump(&mut self, depth: u32) {
        let Some(index) = self.frames.len().checked_sub(depth as usize + 1) else { return };
        let frame = &self.frames[index];
        let (is_loop, at) = (frame.kind == Kind::Loop, frame.at);
        let Some(from) = self.arriving(if is_loop { frame.parameters } else { frame.results }) else { return };
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
            self.stack.extend(arrival.values);
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

/// Whether an access of `address` with `memarg` means the word at that very address.
fn is_word_itself(address: Value, memarg: MemArg) -> bool {
    matches!(address.exact, Exact::ThrewAddress | Exact::ThrewValueAddress)
        && memarg.offset == 0
        && memarg.target == MemArgTarget::Memory(0)
}

/// The operators left to it have the same arity in every module.
struct NoArity;

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

/// Globals that hold `__table_base + n`, set once, as lld's `__wasm_apply_global_relocs` does for addresses that the module takes of
/// its own functions. Before they are set they are null, which nobody calls.
pub fn table_slots(module: &Module<'_>, table_base: Option<u32>) -> Result<HashMap<u32, u32>> {
    let Some(table_base) = table_base else { return Ok(HashMap::new()) };
    let mut slots = HashMap::new();
    let mut writes: HashMap<u32, usize> = HashMap::new();
    for (_, body) in module.bodies() {
        let mut last = [None; 3];
        for operator in FunctionBody::new(BinaryReader::new(&body.bytes, body.offset)).get_operators_reader()? {
            let operator = operator?;
            if let Operator::GlobalSet { global_index } = operator {
                *writes.entry(global_index).or_default() += 1;
                if let [Some(Step::TableBase), Some(Step::Const(slot)), Some(Step::Add)] = last {
                    slots.insert(global_index, slot);
                }
            }
            let step = match operator {
                Operator::GlobalGet { global_index } if global_index == table_base => Some(Step::TableBase),
                Operator::I32Const { value } => u32::try_from(value).ok().map(Step::Const),
                Operator::I32Add => Some(Step::Add),
                _ => None,
            };
            last = [last[1], last[2], step];
        }
    }
    slots.retain(|global, _| {
        let defined = module.globals().get(*global as usize).is_some_and(|global| global.origin.defined().is_some());
        let exported =
            module.exports().iter().any(|export| export.item == crate::module::Item::Global(crate::module::GlobalId(*global)));
        defined && !exported && writes.get(global) == Some(&1)
    });
    Ok(slots)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    TableBase,
    Const(u32),
    Add,
}
