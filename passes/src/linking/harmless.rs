//! Functions that cannot throw.
//!
//! A function is harmless that throws nothing itself, calls nobody through a pointer, and calls only harmless functions. That which is
//! not harmless spreads from the throwing functions and the imports to their callers; each call is looked at once.

use std::collections::{HashMap, HashSet};

/// What is known of a function with a body.
pub struct Function<'f> {
    pub id: u32,
    /// It throws itself, or calls through a pointer.
    pub throws: bool,
    /// The functions that it calls.
    pub calls: &'f [u32],
}

/// The harmless ones of `functions`, which are all that have bodies. Functions without are harmless if they are `known` to be.
pub fn find<'f>(functions: impl Iterator<Item = Function<'f>>, known: &HashSet<u32>) -> HashSet<u32> {
    let mut harmless = HashSet::new();
    let mut callers: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut next: Vec<u32> = Vec::new();
    for Function { id, throws, calls } in functions {
        harmless.insert(id);
        calls.iter().for_each(|callee| callers.entry(*callee).or_default().push(id));
        next.extend(throws.then_some(id));
    }
    next.extend(callers.keys().copied().filter(|callee| !harmless.contains(callee) && !known.contains(callee)));
    while let Some(throws) = next.pop() {
        harmless.remove(&throws);
        // Each function gives its callers away once.
        next.extend(callers.remove(&throws).into_iter().flatten());
    }
    harmless
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(id: u32, calls: &[u32], throws: bool) -> (u32, Vec<u32>, bool) {
        (id, calls.to_vec(), throws)
    }

    fn find(functions: &[(u32, Vec<u32>, bool)], known: &HashSet<u32>) -> HashSet<u32> {
        super::find(functions.iter().map(|(id, calls, throws)| Function { id: *id, throws: *throws, calls }), known)
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
        assert_eq!(find(&functions, &HashSet::new()), HashSet::from([6, 7]));
        assert_eq!(find(&functions, &HashSet::from([0])), HashSet::from([1, 6, 7]));
    }

    /// Looking at all functions for each that is found would take 10^10 steps, in either order.
    #[test]
    fn a_long_chain_takes_no_longer_than_its_length() {
        const LENGTH: u32 = 100_000;
        let up: Vec<_> = (1..LENGTH).map(|id| function(id, &[id - 1], false)).collect();
        let down: Vec<_> = (0..LENGTH).map(|id| function(id, &[id + 1], false)).collect();
        assert!(find(&up, &HashSet::new()).is_empty());
        assert!(find(&down, &HashSet::new()).is_empty());
    }
}
