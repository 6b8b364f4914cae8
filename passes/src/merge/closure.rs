//! Which functions are equal, where calls of equal functions are equal: congruence closure.
//!
//! **Idea.** Functions that are known to be equal are a class with a label. A function looks like its shape, which is all but its callees, and
//! the labels of these, in a sum with a term for each call. Those that look the same become one class. Then the calls of one of both get the
//! label of the other, the one with fewer calls, which changes the sums of their callers by a term for each call: the callers are looked
//! at again, and nobody else. A call gets a new label at most log n times, since there are twice as many with this label afterwards.
//!
//! That sums are equal does not prove that functions are, so they are compared before they become a class.

use crate::module::FunctionId;
use std::collections::{HashMap, VecDeque};

/// A function that may be equal to another one.
#[derive(Debug, Clone)]
pub struct Function {
    pub id: FunctionId,
    /// The same for functions that are equal but for their callees.
    pub shape: usize,
    /// The callee of each call.
    pub callees: Vec<FunctionId>,
    /// Its identity can be observed, so it stays, and is equal to no other such function.
    pub observed: bool,
}

/// Which functions to replace by which, in ascending order.
pub fn replacements(functions: Vec<Function>) -> Vec<(FunctionId, FunctionId)> {
    let mut closure = Closure::new(functions);
    closure.run();
    closure.replacements()
}

#[derive(Debug)]
struct Closure {
    functions: Vec<Function>,
    /// The label of each function that has not been replaced.
    labels: HashMap<FunctionId, usize>,
    /// For each label, the calls of functions that have it: the caller's place in `functions`, and which of its calls.
    calls: Vec<Vec<(usize, usize)>>,
    /// For each function, the labels of its callees.
    called: Vec<Vec<usize>>,
    /// What each function looks like.
    looks: Vec<u64>,
    /// The function that stands for all that look like it.
    standing: HashMap<u64, usize>,
    /// For each function, the one that replaces it.
    replaced: Vec<Option<usize>>,
    waiting: VecDeque<usize>,
    is_waiting: Vec<bool>,
}

impl Closure {
    fn new(functions: Vec<Function>) -> Self {
        let mut closure = Closure {
            labels: HashMap::new(),
            calls: Vec::new(),
            called: Vec::with_capacity(functions.len()),
            looks: Vec::with_capacity(functions.len()),
            standing: HashMap::new(),
            replaced: vec![None; functions.len()],
            waiting: VecDeque::new(),
            is_waiting: vec![false; functions.len()],
            functions: Vec::new(),
        };
        for (place, function) in functions.iter().enumerate() {
            closure.label(function.id);
            let called: Vec<usize> = function.callees.iter().map(|callee| closure.label(*callee)).collect();
            let terms = called.iter().enumerate().map(|(call, label)| term(call, *label));
            closure.looks.push(terms.fold(scrambled(function.shape as u64), u64::wrapping_add));
            called.iter().enumerate().for_each(|(call, label)| closure.calls[*label].push((place, call)));
            closure.called.push(called);
        }
        // Others are to be replaced by those that stay.
        let (stay, go): (Vec<usize>, Vec<usize>) = (0..functions.len()).partition(|place| functions[*place].observed);
        closure.functions = functions;
        stay.into_iter().chain(go).for_each(|place| closure.wait(place));
        closure
    }

    fn label(&mut self, id: FunctionId) -> usize {
        let next = self.calls.len();
        let label = *self.labels.entry(id).or_insert(next);
        if label == next {
            self.calls.push(Vec::new());
        }
        label
    }

    fn wait(&mut self, place: usize) {
        if !std::mem::replace(&mut self.is_waiting[place], true) {
            self.waiting.push_back(place);
        }
    }

    /// Returns how many calls got another label.
    fn run(&mut self) -> usize {
        let mut relabelled = 0;
        while let Some(place) = self.waiting.pop_front() {
            self.is_waiting[place] = false;
            if self.replaced[place].is_some() {
                continue;
            }
            match self.standing.get(&self.looks[place]).copied() {
                None => drop(self.standing.insert(self.looks[place], place)),
                Some(other) if other != place => relabelled += self.meet(place, other),
                Some(_) => {}
            }
        }
        relabelled
    }

    /// The functions at `place` and `other` look the same. Returns how many calls get another label.
    fn meet(&mut self, place: usize, other: usize) -> usize {
        let (one, two) = (&self.functions[place], &self.functions[other]);
        let both_stay = one.observed && two.observed;
        if both_stay || one.shape != two.shape || self.called[place] != self.called[other] {
            return 0;
        }
        let other_goes = one.observed || (!two.observed && one.id < two.id);
        let (gone, by) = if other_goes { (other, place) } else { (place, other) };
        self.replaced[gone] = Some(by);
        self.standing.insert(self.looks[by], by);
        self.merge_labels(self.functions[gone].id, self.functions[by].id)
    }

    /// Gives calls of `one` and of `two` the same label; returns how many get another one.
    fn merge_labels(&mut self, one: FunctionId, two: FunctionId) -> usize {
        let (one_label, two_label) = (self.label(one), self.label(two));
        let (old, new) =
            if self.calls[one_label].len() < self.calls[two_label].len() { (one_label, two_label) } else { (two_label, one_label) };
        self.labels.insert(one, new);
        self.labels.insert(two, new);
        let calls = std::mem::take(&mut self.calls[old]);
        let count = calls.len();
        for (caller, call) in calls {
            // Whoever looks like it now does not stand for it any more; others that look like both are looked at again as well.
            if self.standing.get(&self.looks[caller]) == Some(&caller) {
                self.standing.remove(&self.looks[caller]);
            }
            let change = term(call, new).wrapping_sub(term(call, old));
            self.looks[caller] = self.looks[caller].wrapping_add(change);
            self.called[caller][call] = new;
            self.calls[new].push((caller, call));
            self.wait(caller);
        }
        count
    }

    fn replacements(&self) -> Vec<(FunctionId, FunctionId)> {
        let mut replacements: Vec<(FunctionId, FunctionId)> = Vec::new();
        let mut last: Vec<Option<usize>> = vec![None; self.functions.len()];
        for place in 0..self.functions.len() {
            // Those on the way have the same end.
            let mut way = Vec::new();
            let mut at = place;
            while let Some(by) = self.replaced[at].filter(|_| last[at].is_none()) {
                way.push(at);
                at = by;
            }
            let end = last[at].unwrap_or(at);
            way.into_iter().for_each(|gone| last[gone] = Some(end));
            if let Some(end) = last[place] {
                replacements.push((self.functions[place].id, self.functions[end].id));
            }
        }
        replacements.sort_unstable();
        replacements
    }
}

/// What a call of a function with this label adds to the looks of its caller.
fn term(call: usize, label: usize) -> u64 {
    (scrambled(call as u64) | 1).wrapping_mul(scrambled(label as u64 ^ 0x5bd1_e995_0000_0000))
}

/// The output function of SplitMix64.
fn scrambled(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn function(id: u32, shape: usize, callees: &[u32]) -> Function {
        Function { id: FunctionId(id), shape, callees: callees.iter().copied().map(FunctionId).collect(), observed: false }
    }

    /// What one round after the other finds, each over all functions.
    fn by_rounds(functions: &[Function]) -> BTreeSet<(u32, u32)> {
        let mut by: HashMap<FunctionId, FunctionId> = HashMap::new();
        loop {
            let meant = |id: FunctionId| by.get(&id).copied().unwrap_or(id);
            let mut first: HashMap<(usize, Vec<FunctionId>), FunctionId> = HashMap::new();
            let mut next: HashMap<FunctionId, FunctionId> = HashMap::new();
            for function in functions {
                let callees = function.callees.iter().map(|callee| meant(*callee)).collect();
                let found = *first.entry((function.shape, callees)).or_insert(function.id);
                if found != function.id {
                    next.insert(function.id, found);
                }
            }
            if next == by {
                return by.into_iter().map(|(id, by)| (id.0, by.0)).collect();
            }
            by = next;
        }
    }

    #[test]
    fn the_closure_is_what_rounds_find() {
        let mut state = 1_u64;
        let mut random = |below: u64| {
            state = scrambled(state);
            state % below
        };
        let mut merged = 0;
        for _ in 0..500 {
            let count = 2 + random(30) as u32;
            let functions: Vec<Function> = (0..count)
                .map(|id| {
                    let shape = random(2) as usize;
                    let callees: Vec<u32> = (0..shape + 1).map(|_| random(u64::from(count)) as u32).collect();
                    // Not all callees may be merged.
                    function(id, shape, &if random(3) == 0 { vec![1000; shape + 1] } else { callees })
                })
                .collect();
            let found: BTreeSet<(u32, u32)> = replacements(functions.clone()).into_iter().map(|(id, by)| (id.0, by.0)).collect();
            merged += found.len();
            assert_eq!(found, by_rounds(&functions), "{functions:?}");
        }
        assert!(merged > 1000, "{merged}");
    }

    #[test]
    fn what_is_observed_stays() {
        let observed = |id| Function { observed: true, ..function(id, 0, &[]) };
        let functions =
            vec![function(0, 0, &[]), observed(1), observed(2), function(3, 0, &[]), function(4, 1, &[0]), function(5, 1, &[1])];
        let ids = [(0, 1), (3, 1), (5, 4)].map(|(id, by)| (FunctionId(id), FunctionId(by)));
        assert_eq!(replacements(functions), ids);
    }

    /// Chains of functions that call the next one, one function that calls all pairs, and many that call the same.
    #[test]
    fn each_call_gets_few_labels() {
        let n = 20_000_u32;
        let chain = (0..n).map(|id| function(id, usize::from(id >= n - 2), &[id + 2].map(|callee| callee.min(n))));
        let calls_all =
            (0..n).map(|id| function(id, (id / 2) as usize, &[])).chain([function(n, n as usize, &(0..n).collect::<Vec<_>>())]);
        let same = (0..n).map(|id| function(id, 0, &[])).chain((n..2 * n).map(|id| function(id, 1, &[id - n])));
        for (functions, merged) in [(chain.collect::<Vec<_>>(), n / 2), (calls_all.collect(), n / 2), (same.collect(), 2 * n - 2)] {
            let calls: usize = functions.iter().map(|function| function.callees.len()).sum();
            let mut closure = Closure::new(functions);
            let relabelled = closure.run();
            assert!(relabelled <= calls * calls.ilog2() as usize, "{relabelled} labels for {calls} calls");
            assert_eq!(closure.replacements().len(), merged as usize);
        }
    }
}
