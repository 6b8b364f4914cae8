//! Code that nothing leads to, and blocks that nothing branches to.
//!
//! Validation takes the end of a block for reached in any case. Where that is not so and code behind it goes, an `unreachable` says so in
//! its place.

use crate::body::code::{Code, Instruction, Op};
use crate::body::list::List;
use crate::body::solve::reach::{Kind, Reach};

/// Removes both from `code`.
pub fn remove(code: &mut Code<'_>) {
    let mut walk =
        Walk { kept: Vec::with_capacity(code.list.len()), reach: Reach::new(), opened: vec![0], skipped: 0, behind_end: false };
    walk.reach.enter(0, Kind::Other);
    for instruction in code.list.iter() {
        walk.instruction(instruction);
    }
    code.list = List::from(walk.kept.into_iter().flatten().collect::<Vec<_>>());
}

struct Walk {
    /// `None` for the ends of blocks that are gone.
    kept: Vec<Option<Instruction>>,
    reach: Reach,
    /// Where each open block begins in what is kept.
    opened: Vec<usize>,
    /// How many blocks are open that are not reached at all.
    skipped: usize,
    /// The place at hand is not reached, and behind the end of a block, which validation takes for reached.
    behind_end: bool,
}

impl Walk {
    fn instruction(&mut self, instruction: &Instruction) {
        if !self.reach.reached && !self.ends_unreached(&instruction.op) {
            return;
        }
        let falls_out = self.reach.reached;
        let ended = self.reach.step(&instruction.op);
        match &instruction.op {
            Op::Block(..) | Op::Loop(..) | Op::If(..) | Op::Try(..) => self.opened.push(self.kept.len()),
            Op::Else(_) | Op::Catch(..) => self.behind_end = false,
            _ => {}
        }
        if let Some(frame) = ended {
            let opened = self.opened.pop().unwrap_or_default();
            if frame.kind == Kind::Block && !frame.leads_out {
                self.kept[opened] = None;
                return;
            }
            self.behind_end = !frame.leads_out && !falls_out;
        }
        self.kept.push(Some(instruction.clone()));
    }

    /// Whether what is not reached ends at `op`, one that belongs to a block that is.
    fn ends_unreached(&mut self, op: &Op) -> bool {
        match op {
            Op::Block(..) | Op::Loop(..) | Op::If(..) | Op::Try(..) => self.skipped += 1,
            Op::Else(_) | Op::Catch(..) | Op::End(_) if self.skipped == 0 => return true,
            Op::End(_) => self.skipped -= 1,
            _ => {}
        }
        if self.behind_end {
            self.kept.push(Some(Op::Unreachable.into()));
            self.behind_end = false;
        }
        false
    }
}
