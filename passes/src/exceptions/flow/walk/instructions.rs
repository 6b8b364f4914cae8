//! What instructions do to values: locals, globals, arithmetic, loads and stores, calls.

use super::super::values::{Exact, Operand, State, Value, may_be_word, word_itself};
use super::super::{Access, Ambiguous, Checks, Pointer, SiteFlow, Word};
use super::Walk;
use crate::body::arity::{self, Arity};
use crate::body::solve::forward::Place;
use crate::exceptions::abi::Role;
use crate::exceptions::site_sets::NONE;
use wasmparser::{MemArg, MemArgTarget, Operator};

impl Walk<'_, '_> {
    /// What `operator` does.
    pub(super) fn apply(&mut self, place: &mut Place<Self>, operator: &Operator<'_>) {
        match *operator {
            Operator::Return => {
                let (_, results) = arity::of_function(self.facts.module, self.function.0);
                self.call_or_return(&mut place.rest);
                self.pass_on(place, results as usize);
            }
            Operator::Unreachable => {}
            Operator::Call { function_index } => self.call(place, function_index),
            Operator::CallIndirect { type_index, .. } => {
                let pointer = place.pop_value();
                self.consume(pointer);
                self.other_call(place, arity::of_type_at(self.facts.module, type_index));
            }
            Operator::ReturnCall { function_index } => {
                let (parameters, _) = arity::of_function(self.facts.module, function_index);
                self.other_call(place, (parameters, 0));
            }
            Operator::ReturnCallIndirect { type_index, .. } => {
                let (parameters, _) = arity::of_type_at(self.facts.module, type_index);
                self.other_call(place, (parameters + 1, 0));
            }
            Operator::LocalGet { local_index } => self.push_plain(place, place.local(local_index), Some(local_index), None),
            Operator::LocalSet { local_index } => {
                let value = place.pop_value();
                self.note_address(value);
                self.set_local(place, local_index, value);
            }
            Operator::LocalTee { local_index } => {
                let value = place.pop_value();
                self.note_address(value);
                self.set_local(place, local_index, value);
                place.stack.push(Operand { local: Some(local_index), end: self.here.end, ..Operand::from(value) });
            }
            Operator::GlobalGet { global_index } => {
                let stable = self.facts.stable.contains(&global_index).then_some(global_index);
                self.push_plain(place, self.global(global_index), None, stable);
            }
            Operator::GlobalSet { global_index } => {
                let operand = place.pop();
                self.compute(operand.value);
                self.gave_up |= self.facts.threw.contains(&global_index) || self.facts.threw_value.contains(&global_index);
                if self.facts.stack_pointer == Some(global_index) {
                    self.flow.moves_stack_pointer = true;
                    // Only right behind the instruction that read or wrote the local does it surely hold the same.
                    place.rest.stack_pointer = operand.local.filter(|_| operand.end == self.here.start);
                }
            }
            Operator::I32Const { value } => self.push_plain(place, Value::exactly(Exact::Const(value)), None, None),
            Operator::I32Add => self.add(place),
            Operator::I32Sub => {
                let (b, a) = (place.pop_value(), place.pop_value());
                self.compute(a);
                self.compute(b);
                let below = a.exact == Exact::Stack && matches!(b.exact, Exact::Const(_));
                place.push(if below { Value::exactly(Exact::Stack) } else { Value::UNKNOWN });
            }
            Operator::I32Eqz => {
                let value = place.pop_value();
                self.test(value);
                place.push(Value::UNKNOWN);
            }
            Operator::I32Eq | Operator::I32Ne => self.compare(place),
            Operator::I32Load { memarg } => self.load(place, memarg),
            Operator::I32Store { memarg } => self.store(place, memarg),
            Operator::Drop => {
                let value = place.pop_value();
                self.note_address(value);
            }
            Operator::Select | Operator::TypedSelect { .. } => {
                let condition = place.pop_value();
                self.test(condition);
                let (a, b) = (place.pop_value(), place.pop_value());
                self.flow.words.addresses_stay |= a.address || b.address;
                let value = self.either_value(a, b);
                place.push(value);
            }
            _ => {
                let Some((takes, gives)) = arity::of_plain(operator) else {
                    self.gave_up = true;
                    return;
                };
                for operand in place.pop_all(takes as usize) {
                    self.compute(operand.value);
                }
                self.note_store(&mut place.rest);
                place.push_unknown(gives as usize);
            }
        }
    }

    fn set_local(&mut self, place: &mut Place<Self>, index: u32, value: Value) {
        self.writes.push((self.here.start, index));
        place.set_local(self, index, value);
        if place.rest.stack_pointer == Some(index) {
            place.rest.stack_pointer = None;
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

    fn add(&mut self, place: &mut Place<Self>) {
        let (b, a) = (place.pop(), place.pop());
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
        place.stack.push(Operand { pushed_by, ..Operand::from(Value::exactly(sum)) });
    }

    fn compare(&mut self, place: &mut Place<Self>) {
        let (b, a) = (place.pop_value(), place.pop_value());
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
        place.push(Value::UNKNOWN);
    }

    fn load(&mut self, place: &mut Place<Self>, memarg: MemArg) {
        let Operand { value: address, pushed_by, .. } = place.pop();
        let Some(word) = word_itself(address, memarg) else {
            if may_be_word(address, memarg) {
                return self.ambiguous_load(place, address, memarg);
            }
            if address.exact != Exact::Stack {
                self.note_load(&place.rest);
            }
            if address.threw != NONE && !address.address {
                // What was thrown is taken for a jump buffer: `testSetjmp` is given the id in it.
                self.asks(address.threw, |checks| checks.longjmp = true);
            } else {
                self.compute(address);
            }
            return place.push(Value::UNKNOWN);
        };
        self.flow.words.loads.push(Access { span: self.here.clone(), word, address: pushed_by });
        let state = &place.rest;
        let pending = state.pending;
        self.flow.words.foreign |= !state.passed;
        self.flow.words.late |= !state.fresh;
        self.flow.words.exposed |= word == Word::Threw && state.stored;
        self.flow.words.read_once &= word != Word::Threw || !state.cleared;
        match word {
            Word::Threw => place.push(Value { threw: pending, ..Value::UNKNOWN }),
            Word::ThrewValue => {
                self.asks(pending, |checks| checks.longjmp = true);
                place.push(Value::UNKNOWN);
            }
        }
    }

    /// A load of one of the words on some paths, and of something else on others.
    fn ambiguous_load(&mut self, place: &mut Place<Self>, address: Value, memarg: MemArg) {
        self.ambiguous(memarg, true);
        self.consume(address);
        let state = &place.rest;
        let pending = state.pending;
        // What comes without a call site before it might ask about another function's.
        self.flow.words.unclear |= !state.passed;
        self.flow.words.late |= !state.fresh;
        self.flow.words.exposed |= address.threw_address && state.stored;
        self.flow.words.read_once &= !address.threw_address || !state.cleared;
        self.asks(pending, |checks| checks.longjmp = true);
        place.push(Value { threw: if address.threw_address { pending } else { NONE }, ..Value::UNKNOWN });
    }

    fn ambiguous(&mut self, memarg: MemArg, loads: bool) {
        self.gave_up |= memarg.target != MemArgTarget::Memory(0);
        self.flow.words.ambiguous.push(Ambiguous { span: self.here.clone(), align: u32::from(memarg.align), loads });
    }

    fn store(&mut self, place: &mut Place<Self>, memarg: MemArg) {
        let stored = place.pop();
        self.compute(stored.value);
        let is_zero = stored.value.exact == Exact::Const(0);
        let Operand { value: address, pushed_by, .. } = place.pop();
        let Some(word) = word_itself(address, memarg) else {
            if may_be_word(address, memarg) {
                self.ambiguous(memarg, false);
                self.flow.words.read_once = false;
                // A zero leaves a zero.
                if !is_zero {
                    place.rest.reported = true;
                    place.rest.zero = false;
                }
                return self.consume(address);
            }
            if address.exact != Exact::Stack {
                self.note_store(&mut place.rest);
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
        if word == Word::Threw {
            place.rest.cleared = true;
            place.rest.reported = !is_zero;
            place.rest.zero = is_zero;
            self.flow.words.kept |= !is_zero;
        }
    }

    /// Something may be read from memory that is none of the words, as far as this function can see.
    fn note_load(&mut self, state: &State) {
        self.flow.words.exposed |= state.reported;
    }

    /// The same, of something that may also be written.
    fn note_store(&mut self, state: &mut State) {
        self.note_load(state);
        state.stored = true;
    }

    fn call(&mut self, place: &mut Place<Self>, function: u32) {
        let arity = arity::of_function(self.facts.module, function);
        let (parameters, results) = (arity.0 as usize, arity.1 as usize);
        match self.facts.roles.get(&function) {
            Some(Role::Invoke | Role::LegalizedInvoke) => {
                self.site_call(place, parameters);
                place.push_unknown(results);
            }
            Some(Role::FindMatchingCatch { .. }) => {
                self.pass_on(place, parameters);
                self.flow.late += usize::from(!place.rest.fresh);
                // However the way here was decided, it is what an exception at these sites must lead to.
                self.asks(place.rest.pending, |checks| checks.cpp = true);
                place.push(Value { exception: true, ..Value::UNKNOWN });
            }
            Some(Role::Longjmp) => {
                self.call_or_return(&mut place.rest);
                self.longjmp_call(place, parameters, results);
            }
            Some(Role::TestSetjmp) => self.longjmp_call(place, parameters, results),
            Some(role) => {
                if matches!(role, Role::ResumeException | Role::SetThrew | Role::Personality) {
                    self.call_or_return(&mut place.rest);
                }
                self.pass_on(place, parameters);
                place.push_unknown(results);
            }
            None if self.facts.setjmp_tests.contains(&function) => self.longjmp_call(place, parameters, results),
            None => {
                self.report_strangers(function, place.top(parameters));
                self.other_call(place, arity);
            }
        }
    }

    /// A call of an invoke: from here on `__THREW__` tells about it.
    fn site_call(&mut self, place: &mut Place<Self>, parameters: usize) {
        let at = self.here.start;
        let arguments = place.pop_all(parameters);
        for argument in &arguments {
            self.flow.words.escape |= argument.value.address;
            self.flow.words.given |= argument.value.address;
            self.consume(argument.value);
        }
        let pointer = arguments.into_iter().next().unwrap_or(Operand::from(Value::UNKNOWN));
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
        let state = &mut place.rest;
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
    fn longjmp_call(&mut self, place: &mut Place<Self>, parameters: usize, results: usize) {
        for Operand { value, .. } in place.pop_all(parameters) {
            self.asks(value.threw, |checks| checks.longjmp = true);
            self.escape(value);
            self.flow.words.addresses_stay |= value.address;
        }
        place.push_unknown(results);
    }

    fn other_call(&mut self, place: &mut Place<Self>, (parameters, results): Arity) {
        self.call_or_return(&mut place.rest);
        self.pass_on(place, parameters as usize);
        place.rest.fresh = false;
        place.push_unknown(results as usize);
    }

    /// Pops values that go where they are not followed.
    fn pass_on(&mut self, place: &mut Place<Self>, count: usize) {
        for operand in place.pop_all(count) {
            self.escape(operand.value);
            self.consume(operand.value);
        }
    }

    /// Pushes what the instruction at hand pushes and does nothing else.
    fn push_plain(&mut self, place: &mut Place<Self>, value: Value, local: Option<u32>, global: Option<u32>) {
        place.stack.push(Operand { value, pushed_by: Some(self.here.clone()), local, global, end: self.here.end });
        self.note_address(value);
    }

    /// The exception of a landing pad is a token. Functions of this module only pass it on; of the imported ones few may have it.
    fn report_strangers(&mut self, function: u32, arguments: &[Operand]) {
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
