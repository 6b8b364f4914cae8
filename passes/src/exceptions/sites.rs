//! What each call site of an invoke catches, and whom it calls where that matters.
//!
//! A function that never looks at `__threwValue` can do nothing for a longjmp but mistake it for a normal return, and one without a
//! landing pad can do nothing for an exception: such functions catch the one kind they know. Where a function has both (compiled as
//! C++ around `setjmp`, or put together by an inliner from two translation units), [`flow`](super::flow) tells for each site.
//!
//! One exception: in a module without any landing pad, frames of `setjmp` catch C++ exceptions too, as they did in JavaScript. It was
//! compiled with exception catching disabled, its own `catch` clauses dropped, so that an exception that passed would find nobody and
//! end the runtime. PyMuPDF 1.26.0 relies on it: every error it expects is thrown in such a frame, stopped there, and turned into a
//! return value.

use super::abi::{Abi, Role};
use super::flow::{self, Checks, Facts, Flow};
use super::runtime::{self, Catches};
use super::scan::BodyFacts;
use crate::module::{FunctionId, GlobalId, Item, Module};
use crate::{Outcome, Result};
use rayon::prelude::*;
use std::collections::{BTreeMap, HashSet};
use wasmparser::FuncType;

/// One call of an invoke.
#[derive(Debug, Clone, Copy)]
pub struct Site {
    /// The function that calls.
    pub function: FunctionId,
    /// Position of the `call` in its body.
    pub at: usize,
    pub invoke: FunctionId,
    pub catches: Catches,
}

/// The call sites of a module.
#[derive(Debug, Default)]
pub struct Plan {
    pub sites: Vec<Site>,
    /// Sites (by their place in `sites`) whose callee is known and has another type than the invoke says.
    pub adapted: BTreeMap<usize, FunctionId>,
}

impl Plan {
    /// Which wrappers the invoke needs, the one that catches most first.
    pub fn wanted(&self, invoke: FunctionId) -> Vec<Catches> {
        let mut wanted: Vec<Catches> = (self.sites.iter().enumerate())
            .filter(|(index, site)| site.invoke == invoke && !self.adapted.contains_key(index))
            .map(|(_, site)| site.catches)
            .collect();
        wanted.sort_by_key(|catches| std::cmp::Reverse(*catches));
        wanted.dedup();
        wanted
    }
}

/// Decides about every call site; `scanned` are all functions of the module.
pub fn plan(module: &Module<'_>, abi: &Abi, scanned: &[(FunctionId, BodyFacts)], outcome: &mut Outcome) -> Result<Plan> {
    let facts = facts(module, abi)?;
    let relevant: Vec<_> = scanned.iter().filter(|(_, body)| !body.invokes.is_empty() || body.matches).collect();
    let flows: Vec<Option<Flow>> = (relevant.par_iter())
        .map(|(function, _)| match module.function(*function).origin.defined() {
            Some(body) => flow::analyse(&facts, *function, body),
            None => Ok(None),
        })
        .collect::<Result<_>>()?;
    let slots = module.own_slots();
    let stops_exceptions = !scanned.iter().any(|(_, body)| body.matches || body.legacy_try || body.try_table);
    let mut stopped = false;
    let mut plan = Plan::default();
    for ((function, body), flow) in relevant.into_iter().zip(&flows) {
        report(flow.as_ref(), outcome);
        for &(at, invoke) in &body.invokes {
            let checks = flow.as_ref().and_then(|flow| flow.checks.get(&at)).copied();
            let mut catches = catches(body, checks, outcome);
            if stops_exceptions && catches == Catches::Longjmp {
                catches = Catches::Both;
                stopped = true;
            }
            plan.sites.push(Site { function: *function, at, invoke, catches });
            let slot = flow.as_ref().and_then(|flow| flow.slots.get(&at));
            let callee = slot.and_then(|slot| slots.get(*slot as usize)).copied();
            if let Some(callee) = callee.filter(|callee| differs(module, invoke, *callee)) {
                if runtime::adaptable(module.signature(invoke), module.signature(callee)) {
                    plan.adapted.insert(plan.sites.len() - 1, callee);
                } else {
                    outcome.leave("call site", "its callee has a type that JavaScript could not have called either");
                }
            }
        }
    }
    if stopped {
        outcome.notices.push(
            "it has no landing pad (exception catching was disabled when it was compiled): C++ exceptions end at its setjmp frames, \
             as they did before"
                .to_string(),
        );
    }
    Ok(plan)
}

/// Which tags a site catches. What is uncertain catches both, as JavaScript did.
fn catches(body: &BodyFacts, checks: Option<Checks>, outcome: &mut Outcome) -> Catches {
    match (body.matches, body.handles_longjmp) {
        (true, false) => return Catches::Cpp,
        (false, true) => return Catches::Longjmp,
        (false, false) => {
            outcome.leave("call site", "its function has neither landing pad nor setjmp: catches exceptions and longjmp");
            return Catches::Both;
        }
        (true, true) => {}
    }
    match checks {
        Some(Checks { cpp: true, longjmp: false, other: false }) => Catches::Cpp,
        Some(Checks { cpp: false, longjmp: true, other: false }) => Catches::Longjmp,
        Some(Checks { cpp: true, longjmp: true, .. }) => Catches::Both,
        _ => {
            outcome.leave("call site", "what the code behind it checks is not recognised: catches exceptions and longjmp");
            Catches::Both
        }
    }
}

fn report(flow: Option<&Flow>, outcome: &mut Outcome) {
    let Some(flow) = flow else { return };
    for name in &flow.strangers {
        outcome.leave("landing pad", &format!("its exception is passed to `{name}`, which may take it for the thrown object"));
    }
    for _ in 0..flow.late {
        outcome.leave("landing pad", "it calls another function before it asks for its exception");
    }
}

/// Whether the type that the invoke expects is not that of the callee.
fn differs(module: &Module<'_>, invoke: FunctionId, callee: FunctionId) -> bool {
    let invoke = module.signature(invoke);
    *module.signature(callee) != FuncType::new(invoke.params()[1..].to_vec(), invoke.results().to_vec())
}

fn facts<'m>(module: &'m Module<'m>, abi: &Abi) -> Result<Facts<'m>> {
    let functions = || {
        module.imports().iter().filter_map(|import| match import.item {
            Item::Function(id) => Some((id.0, import.field.as_ref())),
            _ => None,
        })
    };
    let named = |names: &[&str]| functions().filter(|(_, field)| names.contains(field)).map(|(id, _)| id).collect::<HashSet<_>>();
    let globals = |ids: &[GlobalId]| ids.iter().map(|id| id.0).collect::<HashSet<_>>();
    let table_base = match module.import("env", "__table_base") {
        Some(Item::Global(id)) => Some(id.0),
        _ => None,
    };
    Ok(Facts {
        module,
        roles: abi.by_function(),
        setjmp_tests: named(&["__wasm_setjmp_test", "testSetjmp"]),
        takes_exception: named(&[
            "__cxa_begin_catch",
            "__cxa_get_exception_ptr",
            "__cxa_call_unexpected",
            "__clang_call_terminate",
        ]),
        import_names: functions()
            .filter(|(id, _)| abi.role(FunctionId(*id)) != Some(Role::ResumeException))
            .map(|(id, field)| (id, field.to_string()))
            .collect(),
        threw: globals(&abi.threw),
        threw_value: globals(&abi.threw_value),
        table_base,
        slots: flow::table_slots(module, table_base)?,
    })
}
