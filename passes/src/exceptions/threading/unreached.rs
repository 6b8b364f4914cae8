//! Code that nothing leads to, and blocks that nothing branches to.
//!
//! Validation takes the end of a block for reached in any case. Where that is not so and code behind it goes, an `unreachable` says so in
//! its place.

use crate::body::code::{Code, Instruction, Label, Op};
use crate::body::list::List;

/// A block that is open.
struct Open {
    label: Label,
    /// Where its instruction is in what is kept.
    at: usize,
    kind: Kind,
    /// Its end is reached from what came so far, other than by falling out of it.
    leads_out: bool,
}

#[derive(PartialEq, Clone, Copy)]
enum Kind {
    Block,
    Loop,
    /// Without an `else`, as far as is known.
    If,
    Other,
}

/// Whether the place at hand is reached.
#[derive(PartialEq, Clone, Copy)]
enum Reached {
    Yes,
    /// No, behind an instruction that does not go on.
    Stopped,
    /// No, behind the end of a block, which validation takes for reached.
    Ended,
}

/// Removes both from `code`.
pub fn remove(code: &mut Code<'_>) {
    let mut walk = Walk { kept: Vec::with_capacity(code.list.len()), open: Vec::new(), reached: Reached::Yes, skipped: 0 };
    walk.enter(0, Kind::Other);
    for instruction in code.list.iter() {
        walk.instruction(instruction);
    }
    code.list = List::from(walk.kept.into_iter().flatten().collect::<Vec<_>>());
}

struct Walk {
    /// `None` for the ends of blocks that are gone.
    kept: Vec<Option<Instruction>>,
    open: Vec<Open>,
    reached: Reached,
    /// How many blocks are open that are not reached at all.
    skipped: usize,
}

impl Walk {
    fn enter(&mut self, label: Label, kind: Kind) {
        let at = self.kept.len().saturating_sub(1);
        self.open.push(Open { label, at, kind, leads_out: false });
    }

    fn instruction(&mut self, instruction: &Instruction) {
        if self.reached != Reached::Yes && !self.ends_unreached(&instruction.op) {
            return;
        }
        match &instruction.op {
            Op::Else(_) | Op::Catch(..) => self.other(instruction),
            Op::End(_) => return self.end(instruction),
            _ => self.kept.push(Some(instruction.clone())),
        }
        match &instruction.op {
            Op::Block(label, _) => self.enter(*label, Kind::Block),
            Op::Loop(label, _) => self.enter(*label, Kind::Loop),
            Op::If(label, _) => self.enter(*label, Kind::If),
            Op::Try(label, _) => self.enter(*label, Kind::Other),
            Op::Br(label) => {
                self.branch(*label);
                self.reached = Reached::Stopped;
            }
            Op::BrIf(label) => self.branch(*label),
            Op::BrTable(labels, default) => {
                labels.iter().chain([default]).for_each(|label| self.branch(*label));
                self.reached = Reached::Stopped;
            }
            Op::Stop(..) | Op::Unreachable | Op::Rethrow(_) | Op::Throw(_) => self.reached = Reached::Stopped,
            _ => {}
        }
    }

    /// Whether what is not reached ends at `op`, one that belongs to a block that is.
    fn ends_unreached(&mut self, op: &Op) -> bool {
        match op {
            Op::Block(..) | Op::Loop(..) | Op::If(..) | Op::Try(..) => self.skipped += 1,
            Op::Else(_) | Op::Catch(..) | Op::End(_) if self.skipped == 0 => return true,
            Op::End(_) => self.skipped -= 1,
            _ => {}
        }
        if self.reached == Reached::Ended {
            self.kept.push(Some(Op::Unreachable.into()));
            self.reached = Reached::Stopped;
        }
        false
    }

    fn branch(&mut self, label: Label) {
        // Branches to a loop lead to its beginning.
        if let Some(open) = self.open.iter_mut().rev().find(|open| open.label == label).filter(|open| open.kind != Kind::Loop) {
            open.leads_out = true;
        }
    }

    /// Another arm or a handler, which is reached since its block is.
    fn other(&mut self, instruction: &Instruction) {
        if let Some(open) = self.open.last_mut() {
            open.leads_out |= self.reached == Reached::Yes;
            open.kind = Kind::Other;
        }
        self.reached = Reached::Yes;
        self.kept.push(Some(instruction.clone()));
    }

    fn end(&mut self, instruction: &Instruction) {
        let Some(open) = self.open.pop() else { return };
        if open.kind == Kind::Block && !open.leads_out {
            self.kept[open.at] = None;
            return;
        }
        if open.leads_out || open.kind == Kind::If {
            self.reached = Reached::Yes;
        } else if self.reached != Reached::Yes {
            self.reached = Reached::Ended;
        }
        self.kept.push(Some(instruction.clone()));
    }
}
