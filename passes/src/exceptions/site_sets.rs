//! Sets of call sites, as [`flow`](super::flow) keeps them for every value.

use std::collections::{BTreeSet, HashMap};

/// A set of call sites, by its number in [`SiteSets`].
pub type Sites = u32;

/// No call site at all.
pub const NONE: Sites = 0;
/// Any call site of the function.
pub const ANY: Sites = 1;
/// Sets larger than this become `ANY`. They come from locals that hold nothing of interest any more.
const LARGEST: usize = 32;

/// Sets of call sites, each stored once, so that equal sets have equal numbers.
#[derive(Debug)]
pub struct SiteSets {
    sets: Vec<Vec<u32>>,
    numbers: HashMap<Vec<u32>, Sites>,
    unions: HashMap<(Sites, Sites), Sites>,
}

impl SiteSets {
    pub fn new() -> Self {
        // The members of `NONE` and, never looked at, of `ANY`.
        SiteSets { sets: vec![Vec::new(), Vec::new()], numbers: HashMap::from([(Vec::new(), NONE)]), unions: HashMap::new() }
    }

    pub fn number(&mut self, set: Vec<u32>) -> Sites {
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

    pub fn union(&mut self, a: Sites, b: Sites) -> Sites {
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

    /// The call sites of a set; none for `ANY`.
    pub fn members(&self, sites: Sites) -> &[u32] {
        &self.sets[sites as usize]
    }
}
