//! The blocks of a body: its sequences of instructions, and what handles the exceptions of each.

use crate::body::arity::Arity;
use crate::body::code::{Code, Label, Op};
use crate::module::Module;
use std::collections::HashMap;

/// Instructions one behind the other: the body of a function, of a block, of one arm of an `if`, or of a `try`, or a handler.
#[derive(Debug)]
pub struct Sequence {
    pub kind: Kind,
    /// The block that it belongs to.
    pub label: Label,
    /// The instructions between the one that opens it and the one that closes it.
    pub begin: usize,
    pub close: usize,
    /// The sequence in which its block is.
    pub parent: usize,
    /// For validation, nothing goes on behind its last instruction.
    pub ends: bool,
    /// The `try` or `try_table` whose body it belongs to, the innermost: that is where its exceptions go first.
    pub guard: Option<Label>,
    /// The outermost sequence around it of which exceptions go to the same guard.
    pub root: usize,
    /// The innermost handler in which it is, or which it is, and in how many it is.
    pub handler: Option<usize>,
    pub depth: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Function,
    Block,
    Loop,
    /// Of an `if`.
    Arm,
    /// Of a `try` or a `try_table`, up to the first handler.
    Body,
    /// Behind `catch` or `catch_all`.
    Handler,
}

/// What is known of a block.
#[derive(Debug, Clone, Default)]
pub struct Block {
    /// The instruction that opens it, and the one that ends it.
    pub open: usize,
    pub end: usize,
    /// The sequence in which it is, its first own one, and the second arm of an `if`.
    pub within: usize,
    pub first: usize,
    pub other: usize,
    /// The handlers of a `try`.
    pub handlers: Vec<Handler>,
    /// For a `try` that hands its exceptions on: the one around it that gets them, if any does.
    pub delegate: Option<Option<Label>>,
}

#[derive(Debug, Clone, Copy)]
pub struct Handler {
    /// `None` for exceptions of any tag.
    pub tag: Option<u32>,
    pub sequence: usize,
}

#[derive(Debug)]
pub struct Shape {
    pub sequences: Vec<Sequence>,
    /// By label.
    pub blocks: Vec<Block>,
    /// The sequence that an instruction closes.
    pub closes: HashMap<usize, usize>,
    /// By handlers that branch to blocks around them: the sequence of the innermost of these blocks.
    pub limits: HashMap<usize, usize>,
    /// The handler that the exception of each `rethrow` is that of.
    pub rethrows: HashMap<usize, usize>,
    /// Handlers are in each other so deep that what is known of them is not complete.
    pub is_deep: bool,
}

/// So deep in each other handlers are looked at.
const DEPTH: usize = 64;

/// What is open while a list is read.
#[derive(Default)]
struct Open {
    sequences: Vec<usize>,
    /// The blocks whose bodies are guarded, from outside.
    guards: Vec<Label>,
    /// Sequences of handlers.
    handlers: Vec<usize>,
}

/// The sequence that is the whole function.
pub const WHOLE: usize = 0;

impl Shape {
    /// That of the list `ops`, which was read from `code`.
    pub fn of(code: &Code<'_>, ops: &[Op]) -> Self {
        let function = Sequence {
            kind: Kind::Function,
            label: 0,
            begin: 0,
            close: ops.len().saturating_sub(1),
            parent: WHOLE,
            ends: false,
            guard: None,
            root: WHOLE,
            handler: None,
            depth: 0,
        };
        let mut shape = Shape {
            sequences: vec![function],
            blocks: vec![Block::default(); code.blocks.len()],
            closes: HashMap::new(),
            limits: HashMap::new(),
            rethrows: HashMap::new(),
            is_deep: false,
        };
        let mut open = Open { sequences: vec![WHOLE], ..Open::default() };
        for (at, op) in ops.iter().enumerate() {
            shape.op(at, op, &mut open);
        }
        shape
    }

    fn op(&mut self, at: usize, op: &Op, open: &mut Open) {
        let Some(&now) = open.sequences.last() else { return };
        targets(op).into_iter().for_each(|label| self.branch(label, open));
        match op {
            Op::Block(label, _) => self.open(at, *label, Kind::Block, open),
            Op::Loop(label, _) => self.open(at, *label, Kind::Loop, open),
            Op::If(label, _) => self.open(at, *label, Kind::Arm, open),
            Op::Try(label, _) | Op::TryTable(label, ..) => self.open(at, *label, Kind::Body, open),
            Op::Else(label) => {
                self.close(at, open);
                self.blocks[*label as usize].other = self.sequences.len();
                self.begin(at, *label, Kind::Arm, open);
            }
            Op::Catch(label, _) | Op::CatchAll(label) => {
                self.close(at, open);
                let tag = if let Op::Catch(_, tag) = op { Some(*tag) } else { None };
                self.blocks[*label as usize].handlers.push(Handler { tag, sequence: self.sequences.len() });
                self.begin(at, *label, Kind::Handler, open);
            }
            Op::End(label) | Op::Delegate(label, _) => {
                self.close(at, open);
                let delegate = if let Op::Delegate(_, to) = op { Some(self.guard_at(*to, open)) } else { None };
                let block = &mut self.blocks[*label as usize];
                block.end = at;
                block.delegate = delegate;
            }
            Op::Rethrow(label) => {
                // It stands in the handler of that block which began last.
                let handler = self.blocks[*label as usize].handlers.last();
                self.rethrows.extend(handler.map(|handler| (at, handler.sequence)));
            }
            _ => {}
        }
        if stops(op) {
            self.sequences[now].ends = true;
        }
    }

    fn open(&mut self, at: usize, label: Label, kind: Kind, open: &mut Open) {
        let within = open.sequences.last().copied().unwrap_or(WHOLE);
        self.blocks[label as usize] = Block { open: at, within, first: self.sequences.len(), ..Block::default() };
        self.begin(at, label, kind, open);
    }

    fn begin(&mut self, at: usize, label: Label, kind: Kind, open: &mut Open) {
        let parent = self.blocks[label as usize].within;
        let sequence = self.sequences.len();
        let outside = &self.sequences[parent];
        let (guard, root) = if kind == Kind::Body { (Some(label), sequence) } else { (outside.guard, outside.root) };
        let (handler, depth) =
            if kind == Kind::Handler { (Some(sequence), outside.depth + 1) } else { (outside.handler, outside.depth) };
        self.sequences.push(Sequence { kind, label, begin: at + 1, close: at, parent, ends: false, guard, root, handler, depth });
        open.sequences.push(sequence);
        match kind {
            Kind::Body => open.guards.push(label),
            Kind::Handler => {
                open.handlers.push(sequence);
                self.is_deep |= depth > DEPTH;
            }
            _ => {}
        }
    }

    fn close(&mut self, at: usize, open: &mut Open) {
        let Some(sequence) = open.sequences.pop() else { return };
        self.sequences[sequence].close = at;
        self.closes.insert(at, sequence);
        match self.sequences[sequence].kind {
            Kind::Body => drop(open.guards.pop()),
            Kind::Handler => drop(open.handlers.pop()),
            _ => {}
        }
    }

    /// A branch to `label` bounds where the handlers can be in which it is.
    fn branch(&mut self, label: Label, open: &Open) {
        let target = self.blocks[label as usize].open;
        // The first sequence that begins behind the instruction that opens the block.
        let own = open.sequences.partition_point(|sequence| label != 0 && self.sequences[*sequence].begin <= target);
        let Some(&own) = open.sequences.get(own) else { return };
        let begin = self.sequences[own].begin;
        for handler in open.handlers.iter().rev().take(DEPTH) {
            if self.sequences[*handler].begin < begin {
                return;
            }
            let limit = self.limits.entry(*handler).or_insert(own);
            if self.sequences[*limit].begin < begin {
                *limit = own;
            }
        }
    }

    /// The guard that gets an exception where the block of `label` is: the block itself, if it guards, or one around it.
    fn guard_at(&self, label: Label, open: &Open) -> Option<Label> {
        debug_assert!(label == 0 || self.blocks[label as usize].first != WHOLE, "the block of {label} is not open");
        let target = self.blocks[label as usize].open;
        let around = open.guards.partition_point(|guard| label != 0 && self.blocks[*guard as usize].open <= target);
        around.checked_sub(1).map(|last| open.guards[last])
    }

    /// The `try` or `try_table` around the one of `label` that gets what it does not catch.
    pub fn guard_of(&self, label: Label) -> Option<Label> {
        self.sequences[self.blocks[label as usize].within].guard
    }

    /// Where the instruction `op` at `at` and what is in its block are over.
    pub fn behind(&self, op: &Op, at: usize) -> usize {
        match op {
            Op::Block(label, _) | Op::Loop(label, _) | Op::If(label, _) | Op::Try(label, _) | Op::TryTable(label, ..) => {
                self.blocks[*label as usize].end + 1
            }
            _ => at + 1,
        }
    }
}

/// Whether nothing goes on behind the instruction.
pub fn stops(op: &Op) -> bool {
    matches!(
        op,
        Op::Br(_) | Op::BrTable(..) | Op::Stop(..) | Op::Unreachable | Op::Return | Op::Throw(_) | Op::Rethrow(_) | Op::ThrowRef
    )
}

/// The labels to which an instruction may branch.
pub fn targets(op: &Op) -> Vec<Label> {
    match op {
        Op::Br(label) | Op::BrIf(label) => vec![*label],
        Op::BrTable(labels, default) => labels.iter().copied().chain([*default]).collect(),
        Op::TryTable(_, _, clauses) => clauses.iter().map(|clause| clause.to).collect(),
        _ => Vec::new(),
    }
}

/// How many values an instruction, with all that is in its block, takes from the stack and puts there.
pub fn effect(module: &Module<'_>, code: &Code<'_>, op: &Op) -> Arity {
    match op {
        Op::Block(label, _) | Op::Loop(label, _) | Op::Try(label, _) | Op::TryTable(label, ..) => {
            code.blocks[*label as usize].shape
        }
        Op::If(label, _) => {
            let (takes, gives) = code.blocks[*label as usize].shape;
            (takes + 1, gives)
        }
        Op::BrIf(_) => (1, 0),
        op => code.effect(module, op),
    }
}
