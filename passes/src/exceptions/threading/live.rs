//! Which locals some later instruction may read, before each instruction of a body.

use crate::body::code::{Code, Effect, Label, Op};
use std::collections::HashMap;

/// A set of locals, one bit each.
type Set = Vec<u64>;

/// Bounds for hostile functions: words of sets that are kept, and rounds over the body.
const MOST_KEPT: usize = 1 << 21;
const ROUNDS: usize = 16;

/// The answers about one body.
#[derive(Debug)]
pub struct Live {
    /// One set behind the other, by the number that the instruction had when the body was read.
    before: Vec<u64>,
    /// Words of each set.
    words: usize,
}

impl Live {
    /// Goes backwards over the code until nothing new is learned about its loops; `None` for bodies that are too large.
    pub fn analyse(code: &Code<'_>) -> Option<Self> {
        let words = code.locals as usize / 64 + 1;
        if words.saturating_mul(code.list.len()) > MOST_KEPT {
            return None;
        }
        let mut walk = Walk::new(code, words);
        for _ in 0..ROUNDS {
            if !walk.round() {
                return Some(Live { before: walk.before, words });
            }
        }
        None
    }

    /// Whether `local` may be read at or behind the instruction that had the number `id`, which may be the end of the function. Of new
    /// instructions nothing is known.
    pub fn reads(&self, local: u32, id: Option<u32>) -> bool {
        let Some(id) = id else { return true };
        let word = local as usize / 64;
        // Of locals that are new nothing is known, either.
        let known =
            |word: usize| self.before.get(id as usize * self.words + word).is_some_and(|set| set & (1 << (local % 64)) != 0);
        word >= self.words || known(word)
    }
}

struct Walk<'c, 'b> {
    code: &'c Code<'b>,
    words: usize,
    before: Vec<u64>,
    /// What is read behind the end of each block.
    behind: HashMap<Label, Set>,
    /// What is read from the beginning of each loop, as far as is known.
    loops: HashMap<Label, Set>,
    /// What is read from each `else` on, and by the handlers of each `try`.
    others: HashMap<Label, Set>,
    /// The `try` blocks in whose body, not in whose handlers, the instruction at hand is.
    guarded: Vec<Label>,
    /// Where the first handler of each `try` is.
    first_handler: HashMap<Label, usize>,
}

impl<'c, 'b> Walk<'c, 'b> {
    fn new(code: &'c Code<'b>, words: usize) -> Self {
        let mut first_handler = HashMap::new();
        for (at, instruction) in code.list.iter().enumerate() {
            if let Op::Catch(label, _) = instruction.op {
                first_handler.entry(label).or_insert(at);
            }
        }
        Walk {
            code,
            words,
            before: vec![0; code.list.len() * words],
            behind: HashMap::new(),
            loops: HashMap::new(),
            others: HashMap::new(),
            guarded: Vec::new(),
            first_handler,
        }
    }

    /// What a branch to `label` leads to.
    fn target(&self, label: Label) -> Set {
        self.loops.get(&label).or_else(|| self.behind.get(&label)).cloned().unwrap_or_else(|| vec![0; self.words])
    }

    /// One pass over the body; returns whether it learned something new.
    fn round(&mut self) -> bool {
        let mut changed = false;
        let mut now: Set = vec![0; self.words];
        self.others.clear();
        self.guarded.clear();
        let code = self.code;
        for (at, instruction) in (0..code.list.len()).rev().map(|at| (at, &code.list[at])) {
            match &instruction.op {
                Op::Get(local) => now[*local as usize / 64] |= 1 << (local % 64),
                Op::Set(local) | Op::Tee(local) => now[*local as usize / 64] &= !(1 << (local % 64)),
                Op::Site(site) => {
                    let Effect { reads, writes, .. } = &code.sites[*site as usize];
                    writes.iter().for_each(|local| now[*local as usize / 64] &= !(1 << (local % 64)));
                    reads.iter().for_each(|local| now[*local as usize / 64] |= 1 << (local % 64));
                }
                Op::End(label) => drop(self.behind.insert(*label, now.clone())),
                Op::Else(label) => {
                    let behind = self.behind.get(label).cloned().unwrap_or_else(|| vec![u64::MAX; self.words]);
                    self.others.insert(*label, std::mem::replace(&mut now, behind));
                }
                Op::If(label, _) => {
                    let other = self.others.get(label).or_else(|| self.behind.get(label));
                    if let Some(other) = other {
                        union(&mut now, other);
                    }
                }
                Op::Catch(label, _) => {
                    let handlers = self.others.entry(*label).or_insert_with(|| vec![0; now.len()]);
                    union(handlers, &now);
                    now = self.behind.get(label).cloned().unwrap_or_else(|| vec![u64::MAX; self.words]);
                    if self.first_handler.get(label) == Some(&at) {
                        self.guarded.push(*label);
                    }
                }
                Op::Try(label, _) => self.guarded.retain(|guarded| guarded != label),
                Op::Loop(label, _) => {
                    let known = self.loops.entry(*label).or_insert_with(|| vec![0; now.len()]);
                    changed |= union(known, &now);
                }
                Op::Br(label) => now = self.target(*label),
                Op::BrIf(label) => {
                    union(&mut now, &self.target(*label));
                }
                Op::BrTable(labels, default) => {
                    now = self.target(*default);
                    for label in labels {
                        union(&mut now, &self.target(*label));
                    }
                }
                Op::Stop(..) | Op::Rethrow(_) | Op::Throw(_) | Op::Unreachable => now = vec![0; self.words],
                _ => {}
            }
            for label in &self.guarded {
                if let Some(handlers) = self.others.get(label) {
                    union(&mut now, handlers);
                }
            }
            self.before[at * self.words..][..self.words].copy_from_slice(&now);
        }
        changed
    }
}

/// Adds `more` to `set`; returns whether it grew.
fn union(set: &mut Set, more: &Set) -> bool {
    let mut grew = false;
    for (word, more) in set.iter_mut().zip(more) {
        grew |= *more & !*word != 0;
        *word |= more;
    }
    grew
}
