//! A list of instructions that is changed from its end to its beginning.

use super::code::Instruction;
use std::ops::{Index, Range};

/// What stands behind the last change is kept the other way round, so that a change costs no more than what it changes.
#[derive(Debug, Default)]
pub struct List {
    front: Vec<Instruction>,
    /// The last instruction first.
    back: Vec<Instruction>,
}

impl List {
    /// All instructions.
    pub fn into_vec(mut self) -> Vec<Instruction> {
        self.gather(usize::MAX);
        self.front
    }

    pub fn len(&self) -> usize {
        self.front.len() + self.back.len()
    }

    pub fn get(&self, index: usize) -> Option<&Instruction> {
        match index.checked_sub(self.front.len()) {
            None => self.front.get(index),
            Some(behind) => self.back.len().checked_sub(behind + 1).map(|index| &self.back[index]),
        }
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Instruction> {
        self.front.iter().chain(self.back.iter().rev())
    }

    /// The instructions of `range`, as far as there are any.
    pub fn range(&self, range: Range<usize>) -> impl Iterator<Item = &Instruction> {
        range.map_while(|index| self.get(index))
    }

    /// Puts `new` in the place of `range`.
    pub fn replace(&mut self, range: Range<usize>, new: Vec<Instruction>) {
        self.gather(range.start);
        let kept = self.back.len().saturating_sub(range.len());
        self.back.truncate(kept);
        self.back.extend(new.into_iter().rev());
    }

    /// Has the other part begin at `index`, or end the list.
    fn gather(&mut self, index: usize) {
        while self.front.len() > index {
            self.back.extend(self.front.pop());
        }
        while self.front.len() < index && !self.back.is_empty() {
            self.front.extend(self.back.pop());
        }
    }
}

impl From<Vec<Instruction>> for List {
    fn from(front: Vec<Instruction>) -> Self {
        List { front, back: Vec::new() }
    }
}

impl Index<usize> for List {
    type Output = Instruction;

    fn index(&self, index: usize) -> &Instruction {
        match index.checked_sub(self.front.len()) {
            None => &self.front[index],
            Some(behind) => &self.back[self.back.len() - 1 - behind],
        }
    }
}
