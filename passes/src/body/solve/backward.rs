//! Backward over a list: which facts hold on some way from each instruction on.
//!
//! Facts are bits. What holds in front of an instruction is what holds behind it, changed by the instruction; branches bring what holds
//! at their targets, and in the body of a `try` holds, too, what its handlers bring, as every instruction may lead there. Rounds over the
//! list go on until nothing new is learned at the beginning of any loop.

use crate::body::code::{Code, Label, Op};

/// Bounds for hostile functions: words of sets that are kept, and rounds over the list.
const MOST_KEPT: usize = 1 << 21;
const ROUNDS: usize = 16;

/// What holds in front of each instruction.
#[derive(Debug)]
pub struct Sets {
    /// One set behind the other.
    before: Vec<u64>,
    /// Words of each set.
    words: usize,
}

impl Sets {
    /// Whether the fact holds in front of the instruction with this place in the list. Behind the end of the list none does.
    pub fn contains(&self, place: usize, fact: u32) -> bool {
        self.before.get(place * self.words + fact as usize / 64).is_some_and(|set| set & (1 << (fact % 64)) != 0)
    }
}

/// Adds a fact to a set.
pub fn insert(set: &mut [u64], fact: u32) {
    set[fact as usize / 64] |= 1 << (fact % 64);
}

/// Takes a fact from a set.
pub fn remove(set: &mut [u64], fact: u32) {
    set[fact as usize / 64] &= !(1 << (fact % 64));
}

/// Adds `more` to `set`; returns whether it grew.
fn union(set: &mut [u64], more: &[u64]) -> bool {
    let mut grew = false;
    for (word, more) in set.iter_mut().zip(more) {
        grew |= *more & !*word != 0;
        *word |= more;
    }
    grew
}

/// Finds which of so many `facts` hold in front of each instruction of `code`, where `transfer` makes of what holds behind an
/// instruction without control flow what holds in front of it. `None` for bodies that are too large, and for
/// those with exception handlers of other kinds than the passes write.
pub fn solve(code: &Code<'_>, facts: u32, transfer: impl Fn(&Op, &mut [u64])) -> Option<Sets> {
    let words = facts as usize / 64 + 1;
    let unknown = |op: &Op| matches!(op, Op::CatchAll(_) | Op::Delegate(..) | Op::TryTable(..));
    if code.list.iter().any(|instruction| unknown(&instruction.op)) {
        return None;
    }
    if words.saturating_mul(code.list.len()) > MOST_KEPT {
        return None;
    }
    let mut walk = Walk::new(code, words);
    for _ in 0..ROUNDS {
        if !walk.round(&transfer) {
            return Some(Sets { before: walk.before, words });
        }
    }
    None
}

/// Sets by label, one behind the other.
struct Labelled {
    sets: Vec<u64>,
    words: usize,
}

impl Labelled {
    fn get(&self, label: Label) -> &[u64] {
        &self.sets[label as usize * self.words..][..self.words]
    }

    fn get_mut(&mut self, label: Label) -> &mut [u64] {
        &mut self.sets[label as usize * self.words..][..self.words]
    }
}

struct Walk<'c, 'b> {
    code: &'c Code<'b>,
    words: usize,
    before: Vec<u64>,
    /// What holds behind the end of each block.
    behind: Labelled,
    /// What holds at the beginning of each loop, of each `else`, and of the handlers of each `try`, as far as is known.
    inside: Labelled,
    /// Which `if` has an `else`.
    has_else: Vec<bool>,
    /// The `try` blocks in whose body, not in whose handlers, the instruction at hand is.
    guarded: Vec<Label>,
    /// Where the first handler of each `try` is.
    first_handler: Vec<Option<usize>>,
}

impl<'c, 'b> Walk<'c, 'b> {
    fn new(code: &'c Code<'b>, words: usize) -> Self {
        let labels = code.blocks.len();
        let (mut has_else, mut first_handler) = (vec![false; labels], vec![None; labels]);
        for (at, instruction) in code.list.iter().enumerate() {
            match instruction.op {
                Op::Else(label) => has_else[label as usize] = true,
                Op::Catch(label, _) => drop(first_handler[label as usize].get_or_insert(at)),
                _ => {}
            }
        }
        Walk {
            code,
            words,
            before: vec![0; code.list.len() * words],
            behind: Labelled { sets: vec![0; labels * words], words },
            inside: Labelled { sets: vec![0; labels * words], words },
            has_else,
            guarded: Vec::new(),
            first_handler,
        }
    }

    /// What holds where a branch to `label` leads.
    fn target(&self, label: Label) -> &[u64] {
        if self.code.blocks[label as usize].is_loop { self.inside.get(label) } else { self.behind.get(label) }
    }

    /// One pass over the list; returns whether it learned something new about a loop.
    fn round(&mut self, transfer: &impl Fn(&Op, &mut [u64])) -> bool {
        let mut changed = false;
        let mut now = vec![0; self.words];
        self.guarded.clear();
        let code = self.code;
        for (at, instruction) in (0..code.list.len()).rev().zip(code.list.iter().rev()) {
            match &instruction.op {
                Op::End(label) => self.behind.get_mut(*label).copy_from_slice(&now),
                Op::Else(label) => {
                    self.inside.get_mut(*label).copy_from_slice(&now);
                    now.copy_from_slice(self.behind.get(*label));
                }
                Op::If(label, _) => {
                    let other = if self.has_else[*label as usize] { &self.inside } else { &self.behind };
                    union(&mut now, other.get(*label));
                }
                Op::Catch(label, _) => {
                    union(self.inside.get_mut(*label), &now);
                    now.copy_from_slice(self.behind.get(*label));
                    if self.first_handler[*label as usize] == Some(at) {
                        self.guarded.push(*label);
                    }
                }
                Op::Try(label, _) => self.guarded.retain(|guarded| guarded != label),
                Op::Loop(label, _) => changed |= union(self.inside.get_mut(*label), &now),
                Op::Br(label) => now.copy_from_slice(self.target(*label)),
                Op::BrIf(label) => {
                    union(&mut now, self.target(*label));
                }
                Op::BrTable(labels, default) => {
                    now.copy_from_slice(self.target(*default));
                    for label in labels {
                        union(&mut now, self.target(*label));
                    }
                }
                Op::Stop(..) | Op::Rethrow(_) | Op::Throw(_) | Op::ThrowRef | Op::Return | Op::Unreachable => now.fill(0),
                Op::Block(..) => {}
                op => transfer(op, &mut now),
            }
            for label in &self.guarded {
                union(&mut now, self.inside.get(*label));
            }
            self.before[at * self.words..][..self.words].copy_from_slice(&now);
        }
        changed
    }
}
