//! The walk over one body: what happens to values where ways meet and part, for the [solver](crate::body::solve::forward).

mod instructions;

use super::values::{Exact, Operand, State, Value};
use super::{Checks, Facts, Flow, Span};
use crate::Result;
use crate::body::solve::forward::{self, Analysis, Budget, Place};
use crate::exceptions::site_sets::{ANY, SiteSets, Sites};
use crate::module::{Body, FunctionId};
use std::collections::HashMap;
use wasmparser::Operator;

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
        gave_up: false,
        flow: Flow::default(),
        writes: Vec::new(),
        here: 0..0,
    };
    let solved = forward::solve(&mut walk, facts.module, function, body)?;
    Ok(solved.then(|| walk.finish()))
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
    gave_up: bool,
    flow: Flow,
    /// Positions at which locals are written, in the order of the code.
    writes: Vec<(usize, u32)>,
    /// The instruction at hand.
    here: Span,
}

impl Analysis for Walk<'_, '_> {
    type Value = Value;
    type Operand = Operand;
    type Rest = State;

    const HANDLERS: bool = false;
    const UNKNOWN: Value = Value::UNKNOWN;

    fn value(operand: &Operand) -> Value {
        operand.value
    }

    fn begin(&mut self) -> State {
        self.flow = Flow::default();
        self.flow.words.read_once = true;
        self.writes.clear();
        State::BEGIN
    }

    fn parameter(&self, _: u32) -> Value {
        Value::UNKNOWN
    }

    /// Optimisers make use of it that locals are zero in the beginning.
    fn zero(&self) -> Value {
        Value::exactly(Exact::Const(0))
    }

    fn either(&mut self, one: Value, other: Value, _: &mut Budget) -> Value {
        self.either_value(one, other)
    }

    fn either_rest(&mut self, one: &mut State, other: &State) {
        one.pending = self.sets.union(one.pending, other.pending);
        one.fresh &= other.fresh;
        one.passed &= other.passed;
        one.cleared |= other.cleared;
        one.reported |= other.reported;
        one.stored |= other.stored;
        one.zero &= other.zero;
        if one.stack_pointer != other.stack_pointer {
            one.stack_pointer = None;
        }
    }

    fn instruction(&mut self, place: &mut Place<Self>, operator: &Operator<'_>) {
        self.here = place.here.clone();
        self.apply(place, operator);
    }

    fn decides(&mut self, value: Value) {
        self.test(value);
    }

    fn chooses(&mut self, value: Value) {
        self.consume(value);
    }

    /// Addresses and what pushes them may go, but not from under a block or a branch that takes them.
    fn cross(&mut self, operands: &mut [Operand]) {
        for operand in operands {
            self.flow.words.addresses_stay |= operand.value.address;
            operand.pushed_by = None;
        }
    }

    fn leave(&mut self, state: &mut State, operands: &[Operand]) {
        self.call_or_return(state);
        for operand in operands {
            self.escape(operand.value);
            self.consume(operand.value);
        }
    }

    fn gave_up(&self) -> bool {
        self.gave_up
    }
}

impl Walk<'_, '_> {
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

    fn either_value(&mut self, a: Value, b: Value) -> Value {
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
    fn call_or_return(&mut self, state: &mut State) {
        self.flow.words.untidy |= state.reported;
        state.zero = false;
    }

    /// A value is compared with zero or decides a branch.
    fn test(&mut self, value: Value) {
        // Whether anything was thrown is asked by both kinds; it is the other questions that tell them apart.
        self.flow.words.addresses_stay |= value.address;
    }
}
