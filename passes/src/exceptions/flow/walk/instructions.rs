//! What instructions without control flow do to values: locals, globals, arithmetic, loads and stores, calls.

use super::super::values::{Exact, Operand, Value, may_be_word, word_itself};
use super::super::{Access, Ambiguous, Checks, Pointer, SiteFlow, Word};
use super::Walk;
use crate::Result;
use crate::body::arity;
use crate::exceptions::abi::Role;
use crate::exceptions::site_sets::NONE;
use crate::module::FunctionId;
use wasmparser::{MemArg, MemArgTarget, Operator};

impl Walk<'_, '_> {
    /// Instructions without control flow.
    pub(super) fn plain(&mut self, operator: &Operator<'_>) -> Result<()> {
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
                self.gave_up |= self.facts.threw.contains(&global_index) || self.facts.threw_value.contains(&global_index);
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
            Operator::I32Sub => {
                let (b, a) = (self.pop(), self.pop());
                self.compute(a);
                self.compute(b);
                let below = a.exact == Exact::Stack && matches!(b.exact, Exact::Const(_));
                self.push(if below { Value::exactly(Exact::Stack) } else { Value::UNKNOWN });
            }
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
                let Some((takes, gives)) = arity::of_plain(operator) else {
                    self.gave_up = true;
                    return Ok(());
                };
                for operand in self.pop_operands(takes as usize) {
                    self.compute(operand.value);
                }
                self.note_store();
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
            _ if facts.stack_pointer == Some(global) => Exact::Stack,
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
            (Exact::Stack, Exact::Const(_)) | (Exact::Const(_), Exact::Stack) => Exact::Stack,
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
            if may_be_word(address, memarg) {
                return self.ambiguous_load(address, memarg);
            }
            if address.exact != Exact::Stack {
                self.note_load();
            }
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
        self.flow.words.late |= !state.fresh;
        self.flow.words.exposed |= word == Word::Threw && state.stored;
        self.flow.words.read_once &= word != Word::Threw || !state.cleared;
        match word {
            Word::Threw => self.push(Value { threw: pending, ..Value::UNKNOWN }),
            Word::ThrewValue => {
                self.asks(pending, |checks| checks.longjmp = true);
                self.push(Value::UNKNOWN);
            }
        }
    }

    /// A load of one of the words on some paths, and of something else on others.
    fn ambiguous_load(&mut self, address: Value, memarg: MemArg) {
        self.ambiguous(memarg, true);
        self.consume(address);
        let Some(state) = &self.state else { return };
        let pending = state.pending;
        // What comes without a call site before it might ask about another function's.
        self.flow.words.unclear |= !state.passed;
        self.flow.words.late |= !state.fresh;
        self.flow.words.exposed |= address.threw_address && state.stored;
        self.flow.words.read_once &= !address.threw_address || !state.cleared;
        self.asks(pending, |checks| checks.longjmp = true);
        self.push(Value { threw: if address.threw_address { pending } else { NONE }, ..Value::UNKNOWN });
    }

    fn ambiguous(&mut self, memarg: MemArg, loads: bool) {
        self.gave_up |= memarg.target != MemArgTarget::Memory(0);
        self.flow.words.ambiguous.push(Ambiguous { span: self.here.clone(), align: u32::from(memarg.align), loads });
    }

    fn store(&mut self, memarg: MemArg) {
        let stored = self.pop_operand();
        self.compute(stored.value);
        let is_zero = stored.value.exact == Exact::Const(0);
        let Operand { value: address, pushed_by, .. } = self.pop_operand();
        let Some(word) = word_itself(address, memarg) else {
            if may_be_word(address, memarg) {
                self.ambiguous(memarg, false);
                self.flow.words.read_once = false;
                // A zero leaves a zero.
                if let Some(state) = self.state.as_mut().filter(|_| !is_zero) {
                    state.reported = true;
                    state.zero = false;
                }
                return self.consume(address);
            }
            if address.exact != Exact::Stack {
                self.note_store();
            }
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
            state.reported = !is_zero;
            state.zero = is_zero;
            self.flow.words.kept |= !is_zero;
        }
    }

    /// Something may be read from memory that is none of the words, as far as this function can see.
    fn note_load(&mut self) {
        self.flow.words.exposed |= self.state.as_ref().is_some_and(|state| state.reported);
    }

    /// The same, of something that may also be written.
    fn note_store(&mut self) {
        self.note_load();
        if let Some(state) = &mut self.state {
            state.stored = true;
        }
    }

    pub(super) fn call(&mut self, function: u32, at: usize) {
        let ty = self.facts.module.signature(FunctionId(function));
        let (parameters, results) = (ty.params().len(), ty.results().len());
        match self.facts.roles.get(&function) {
            Some(Role::Invoke | Role::LegalizedInvoke) => {
                self.site_call(at, parameters);
                self.push_unknown(results);
            }
            Some(Role::FindMatchingCatch { .. }) => {
                self.pass_on(parameters);
                if self.state.as_ref().is_some_and(|state| !state.fresh) {
                    self.flow.late += 1;
                }
                // However the way here was decided, it is what an exception at these sites must lead to.
                let pending = self.state.as_ref().map_or(NONE, |state| state.pending);
                self.asks(pending, |checks| checks.cpp = true);
                self.push(Value { exception: true, ..Value::UNKNOWN });
            }
            Some(Role::Longjmp) => {
                self.leave();
                self.longjmp_call(parameters, results);
            }
            Some(Role::TestSetjmp) => self.longjmp_call(parameters, results),
            Some(role) => {
                if matches!(role, Role::ResumeException | Role::SetThrew | Role::Personality) {
                    self.leave();
                }
                self.pass_on(parameters);
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
            self.flow.words.escape |= argument.value.address;
            self.flow.words.given |= argument.value.address;
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
        self.flow.words.untidy |= !state.zero;
        state.reported = true;
        state.stored = false;
        state.zero = false;
        let pointer = Pointer { slot, global: pointer.global, local, pushed_by: pointer.pushed_by };
        let site = SiteFlow { checks: Checks::default(), pointer, stack_pointer: state.stack_pointer };
        self.flow.sites.insert(at, site);
    }

    /// A function that is given what was thrown, to see whether the longjmp is meant for this function or to pass it on.
    fn longjmp_call(&mut self, parameters: usize, results: usize) {
        for Operand { value, .. } in self.pop_operands(parameters) {
            self.asks(value.threw, |checks| checks.longjmp = true);
            self.escape(value);
            self.flow.words.addresses_stay |= value.address;
        }
        self.push_unknown(results);
    }

    pub(super) fn other_call(&mut self, parameters: usize, results: usize) {
        self.leave();
        self.pass_on(parameters);
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
        let next = self.sites.len() as u32;
        let site = *self.site_at.entry(at).or_insert(next);
        if site == next {
            self.sites.push(at);
            self.checks.push(Checks::default());
        }
        site
    }
}
