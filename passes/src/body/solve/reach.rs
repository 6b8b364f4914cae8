//! Forward over a list: what is reached.

use crate::body::code::{Label, Op};

/// A block that is open.
#[derive(Debug)]
pub struct Frame {
    pub label: Label,
    pub kind: Kind,
    /// Whether it is reached.
    pub entered: bool,
    /// Whether a way leads behind its end, as far as is known.
    pub leads_out: bool,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Kind {
    Block,
    Loop,
    /// Without an `else`, as far as is known.
    If,
    /// Behind an `else` or `catch`, or before a `catch`.
    Other,
}

/// The open blocks, and whether the place at hand is reached.
#[derive(Debug)]
pub struct Reach {
    pub frames: Vec<Frame>,
    pub reached: bool,
}

impl Reach {
    /// At a place that is reached. Labels that are not open there lead elsewhere.
    pub fn new() -> Self {
        Reach { frames: Vec::new(), reached: true }
    }

    /// Opens a block.
    pub fn enter(&mut self, label: Label, kind: Kind) {
        self.frames.push(Frame { label, kind, entered: self.reached, leads_out: false });
    }

    /// Goes past `op`; returns the block that it ends, or `None` when it ends none.
    pub fn step(&mut self, op: &Op) -> Option<Frame> {
        match op {
            Op::Block(label, _) => self.enter(*label, Kind::Block),
            Op::Loop(label, _) => self.enter(*label, Kind::Loop),
            Op::If(label, _) => self.enter(*label, Kind::If),
            Op::Try(label, _) => self.enter(*label, Kind::Other),
            Op::TryTable(label, _, clauses) => {
                if self.reached {
                    clauses.iter().for_each(|clause| self.branch(clause.to));
                }
                self.enter(*label, Kind::Block);
            }
            Op::Else(_) | Op::Catch(..) | Op::CatchAll(_) => {
                let frame = self.frames.last_mut()?;
                frame.leads_out |= self.reached;
                frame.kind = Kind::Other;
                self.reached = frame.entered;
            }
            Op::End(_) | Op::Delegate(..) => {
                let mut frame = self.frames.pop()?;
                frame.leads_out |= frame.kind == Kind::If && frame.entered;
                self.reached |= frame.leads_out;
                return Some(frame);
            }
            _ if !self.reached => {}
            Op::Br(label) => {
                self.branch(*label);
                self.reached = false;
            }
            Op::BrIf(label) => self.branch(*label),
            Op::BrTable(labels, default) => {
                labels.iter().chain([default]).for_each(|label| self.branch(*label));
                self.reached = false;
            }
            Op::Stop(..) | Op::Unreachable | Op::Rethrow(_) | Op::Throw(_) | Op::ThrowRef | Op::Return => self.reached = false,
            _ => {}
        }
        None
    }

    /// A branch to a loop leads to its beginning.
    fn branch(&mut self, label: Label) {
        let open = self.frames.iter_mut().rev().find(|open| open.label == label);
        if let Some(open) = open.filter(|open| open.kind != Kind::Loop) {
            open.leads_out = true;
        }
    }
}
