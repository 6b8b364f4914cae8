//! Functions that cannot throw.
//!
//! A function is harmless that throws nothing itself, calls nobody through a pointer, and calls only harmless functions. That which is
//! not harmless spreads from the throwing functions and the imports to their callers; each call is looked at once.

use super::scan::BodyFacts;
use crate::module::FunctionId;
use std::collections::{HashMap, HashSet};

/// The harmless functions of a module whose bodies are all in `scanned`.
pub fn find(scanned: &[(FunctionId, BodyFacts)]) -> HashSet<u32> {
    let mut search = Search::new(scanned);
    let throwing = scanned.iter().filter(|(_, body)| body.throws).map(|(id, _)| id.0);
    let imported = search.callers.keys().copied().filter(|callee| !search.harmless.contains(callee));
    let mut next: Vec<u32> = throwing.chain(imported).collect();
    while let Some(throws) = next.pop() {
        search.harmless.remove(&throws);
        // Each function gives its callers away once.
        next.extend(search.callers.remove(&throws).into_iter().flatten());
    }
    search.harmless
}

struct Search {
    /// What may be harmless as far as is known.
    harmless: HashSet<u32>,
    callers: HashMap<u32, Vec<u32>>,
}

impl Search {
    fn new(scanned: &[(FunctionId, BodyFacts)]) -> Self {
        let mut callers: HashMap<u32, Vec<u32>> = HashMap::new();
        for (id, body) in scanned {
            for &callee in &body.calls {
                callers.entry(callee).or_default().push(id.0);
            }
        }
        Search { harmless: scanned.iter().map(|(id, _)| id.0).collect(), callers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(id: u32, calls: &[u32], throws: bool) -> (FunctionId, BodyFacts) {
        (FunctionId(id), BodyFacts { calls: calls.to_vec(), throws, ..BodyFacts::default() })
    }

    #[test]
    fn what_throws_spreads_to_its_callers_alone() {
        // 0 is an import. 3 and 4 call each other, and 5 calls them; 6 calls itself.
        let functions = [
            function(1, &[0], false),
            function(2, &[], true),
            function(3, &[4], false),
            function(4, &[3, 2], false),
            function(5, &[3], false),
            function(6, &[6, 7], false),
            function(7, &[], false),
        ];
        assert_eq!(find(&functions), HashSet::from([6, 7]));
    }

    /// Looking at all functions for each that is found would take 10^10 steps, in either order.
    #[test]
    fn a_long_chain_takes_no_longer_than_its_length() {
        const LENGTH: u32 = 100_000;
        let up: Vec<_> = (1..LENGTH).map(|id| function(id, &[id - 1], false)).collect();
        let down: Vec<_> = (0..LENGTH).map(|id| function(id, &[id + 1], false)).collect();
        assert!(find(&up).is_empty());
        assert!(find(&down).is_empty());
    }
}
