//! What each call site of an invoke must catch.

use super::abi::{Abi, Role};
use super::runtime::Catches;
use super::scan::BodyFacts;
use crate::module::{FunctionId, Module};
use crate::{Outcome, Result};
use std::collections::BTreeMap;

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
    /// Which wrappers the invoke needs, in a fixed order.
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

pub fn plan(module: &Module<'_>, abi: &Abi, facts: &[(FunctionId, BodyFacts)], outcome: &mut Outcome) -> Result<Plan> {
    let _ = (module, abi, Role::Invoke, outcome);
    let mut plan = Plan::default();
    for (function, facts) in facts {
        let catches = match (facts.matches, facts.handles_longjmp) {
            (true, false) => Catches::Cpp,
            (false, true) => Catches::Longjmp,
            _ => Catches::Both,
        };
        for &(at, invoke) in &facts.invokes {
            plan.sites.push(Site { function: *function, at, invoke, catches });
        }
    }
    Ok(plan)
}
