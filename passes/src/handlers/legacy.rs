//! From `try_table` to `try`.
//!
//! **Idea.** What stands behind the block to which a `try_table` leads becomes a handler, as it is entered by exceptions alone: the block
//! neither comes to its end nor is branched to. It is written once for each `try_table` that leads there, and its own place goes. Where the
//! reference of the exception is thrown on, stands a `rethrow`. A `try_table` that only leads to where exceptions are thrown on, or to the
//! same handlers as one around it, becomes a `try` with `delegate`; so does a handler that would come to stand in the reach of others than
//! before.
//!
//! A block that is entered in other ways, too, stays, and the handler branches to it, with what the tag carries.
//!
//! **When it refuses.** When a reference is used in another way than to throw it on: it is stored, given to somebody, or thrown on where
//! it is not certain which exception it is of; when handlers use values that were on the stack before them, or would be written too often.

use super::references::{self, Value};
use super::shape::{Block, Kind, Sequence, Shape, effect, stops, targets};
use super::{Types, block_has_reference, carried};
use crate::Result;
use crate::body::code::{Clause, Code, Instruction, Label, Op};
use crate::module::{FunctionId, Module};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use wasmparser::BlockType;

/// So many times the instructions of a body may be looked at or written.
const BUDGET: usize = 16;
/// So far out a `try_table` with the same handlers is looked for.
const OUTWARD: usize = 64;

/// Why a body stays as it is.
type Refusal = &'static str;
type Checked<T> = std::result::Result<T, Refusal>;

pub const STORED: Refusal = "a reference of an exception is used in another way than to throw it on";
const AMBIGUOUS: Refusal = "it is not certain which exception is thrown on";
const ENTERED: Refusal = "what an exception leads to is entered in other ways, too, or uses other values";
const TOO_LARGE: Refusal = "its handlers would be written too often";

/// What stands behind the block to which exceptions lead.
#[derive(Debug, Clone)]
struct Behind {
    ranges: Vec<Range<usize>>,
    /// The way on where the last range ends.
    exit: Option<Op>,
    /// Where the reference on the stack is thrown on, dropped, or put into a local.
    thrown: Option<usize>,
    dropped: Option<usize>,
    put: Option<usize>,
}

/// What a `throw_ref` throws on.
enum Meant {
    /// What arrived behind the block of the label.
    Of(Label),
    Unclear,
}

/// What a `try_table` becomes.
enum Try {
    Delegate(Label),
    Handlers(Vec<Clause>),
}

struct Plan<'c, 'b, 'm> {
    module: &'m Module<'m>,
    code: &'c mut Code<'b>,
    ops: &'c [Op],
    shape: Shape,
    /// By label, `None` for those that stay.
    behind: HashMap<Label, Option<Behind>>,
    /// Locals that hold references, what is thrown on where it is reached, and what drops a reference.
    references: HashSet<u32>,
    meant: HashMap<usize, Meant>,
    taken: HashSet<usize>,
    types: Types,
    budget: usize,
}

/// The list `ops`, read from `code` of `function`, with `try` for each `try_table`. `positions` are those of the instructions in the body, and
/// `references` the locals that hold references of exceptions.
pub fn convert(
    module: &Module<'_>,
    function: FunctionId,
    code: &mut Code<'_>,
    ops: &[Op],
    positions: &[usize],
    references: HashSet<u32>,
) -> Result<Checked<(Vec<Instruction>, Types)>> {
    let shape = Shape::of(code, ops);
    let budget = BUDGET * ops.len() + 1000;
    let (meant, taken) = (HashMap::new(), HashSet::new());
    let mut plan =
        Plan { module, code, ops, shape, behind: HashMap::new(), references, meant, taken, types: Types::default(), budget };
    if let Err(why) = plan.look_behind() {
        return Ok(Err(why));
    }
    if let Err(why) = plan.follow(function, positions)? {
        return Ok(Err(why));
    }
    let out = Vec::with_capacity(ops.len());
    let list = Writer { plan: &mut plan, tasks: Vec::new(), active: HashMap::new(), out }.write();
    Ok(list.map(|list| (list, plan.types)))
}

impl Plan<'_, '_, '_> {
    fn spend(&mut self, steps: usize) -> Checked<()> {
        self.budget = self.budget.checked_sub(steps).ok_or(TOO_LARGE)?;
        Ok(())
    }

    /// Finds what stands behind each block to which exceptions lead.
    fn look_behind(&mut self) -> Checked<()> {
        let mut branches: HashSet<Label> = HashSet::new();
        let mut arrivals: Vec<Clause> = Vec::new();
        for op in self.ops {
            match op {
                Op::TryTable(_, _, clauses) => arrivals.extend(clauses.iter()),
                op => branches.extend(targets(op)),
            }
        }
        for clause in arrivals {
            if self.behind.contains_key(&clause.to) {
                continue;
            }
            let behind = if branches.contains(&clause.to) { None } else { self.look(clause)? };
            if behind.is_none() && clause.reference {
                return Err(ENTERED);
            }
            if let Some(behind) = &behind {
                self.taken.extend(behind.dropped);
                self.meant.extend(behind.thrown.map(|at| (at, Meant::Of(clause.to))));
            }
            self.behind.insert(clause.to, behind);
        }
        Ok(())
    }

    /// What stands behind the block to which `clause` leads, if it can be a handler.
    fn look(&mut self, clause: Clause) -> Checked<Option<Behind>> {
        let Block { open, end, within, first, .. } = self.shape.blocks[clause.to as usize].clone();
        if clause.to == 0 || !matches!(self.ops[open], Op::Block(..)) || !self.shape.sequences[first].ends {
            return Ok(None);
        }
        let payload = clause.tag.map_or(0, |tag| carried(self.module, tag).len()) as i64;
        let mut behind = Behind { ranges: Vec::new(), exit: None, thrown: None, dropped: None, put: None };
        let mut height = payload + i64::from(clause.reference);
        // Where on the stack the reference is.
        let mut reference = clause.reference.then_some(payload);
        let (mut begin, mut at, mut sequence) = (end + 1, end + 1, within);
        loop {
            self.spend(1)?;
            let Sequence { kind, label, close, .. } = self.shape.sequences[sequence];
            if at == close {
                if begin < at {
                    behind.ranges.push(begin..at);
                }
                let gives = i64::from(self.code.blocks[label as usize].shape.1);
                if reference.is_some() || height != gives {
                    return Ok(None);
                }
                if kind != Kind::Loop {
                    behind.exit = Some(if kind == Kind::Function { Op::Return } else { Op::Br(label) });
                    return Ok(Some(behind));
                }
                // It goes on behind the loop.
                sequence = self.shape.blocks[label as usize].within;
                (begin, at) = (close + 1, close + 1);
                continue;
            }
            let op = &self.ops[at];
            let (takes, gives, passes) = self.takes(op);
            let below = height - takes - passes;
            if below < 0 {
                return Ok(None);
            }
            if reference.is_some_and(|reference| reference >= below) {
                match op {
                    Op::ThrowRef => behind.thrown = Some(at),
                    Op::Drop => behind.dropped = Some(at),
                    Op::Set(_) | Op::Tee(_) if behind.put.is_none() => behind.put = Some(at),
                    _ => return Ok(None),
                }
                reference = reference.filter(|_| matches!(op, Op::Tee(_)));
            }
            if stops(op) {
                behind.ranges.push(begin..at + 1);
                return Ok(Some(behind));
            }
            height += gives - takes;
            at = self.shape.behind(op, at);
        }
    }

    /// How many values an instruction takes and gives, and how many it only looks at.
    fn takes(&self, op: &Op) -> (i64, i64, i64) {
        let (takes, gives, passes) = match op {
            Op::Br(label) => (self.code.arity(*label), 0, 0),
            Op::BrIf(label) => (1, 0, self.code.arity(*label)),
            Op::BrTable(_, label) => (self.code.arity(*label) + 1, 0, 0),
            Op::Stop(_, takes) => (*takes, 0, 0),
            Op::ThrowRef => (1, 0, 0),
            op => {
                let (takes, gives) = effect(self.module, self.code, op);
                (takes, gives, 0)
            }
        };
        (i64::from(takes), i64::from(gives), i64::from(passes))
    }

    /// Finds out which exception is thrown on at each `throw_ref`, as far as its reference was in a local.
    fn follow(&mut self, function: FunctionId, positions: &[usize]) -> Result<Checked<()>> {
        let by_put = self.behind.iter().filter_map(|(label, behind)| Some((positions[behind.as_ref()?.put?], *label)));
        let by_put: HashMap<usize, Label> = by_put.collect();
        let puts: HashSet<usize> = by_put.keys().copied().collect();
        let Some(found) = references::find(self.module, function, &self.references, &puts)? else { return Ok(Err(TOO_LARGE)) };
        if found.stored {
            return Ok(Err(STORED));
        }
        for (at, position) in positions.iter().enumerate() {
            if !found.read.contains(position) && !puts.contains(position) && !self.is_harmless_unread(at) {
                return Ok(Err(STORED));
            }
            if found.dropped.contains(position) {
                self.taken.insert(at);
            }
            match found.thrown.get(position) {
                Some(Value::Put(put)) => drop(self.meant.insert(at, Meant::Of(by_put[put]))),
                Some(_) => drop(self.meant.entry(at).or_insert(Meant::Unclear)),
                None => {}
            }
        }
        Ok(Ok(()))
    }

    /// Whether the instruction at `at`, if nothing leads to it, takes no reference that another one uses in a way that cannot be told.
    fn is_harmless_unread(&self, at: usize) -> bool {
        let holds = |local: &u32| self.references.contains(local);
        match &self.ops[at] {
            Op::Get(local) | Op::Tee(local) if holds(local) => match &self.ops[at + 1] {
                Op::Set(local) => holds(local),
                next => *next == Op::ThrowRef,
            },
            _ => true,
        }
    }

    /// What the `try_table` of `label` becomes.
    fn decide(&mut self, label: Label, clauses: &[Clause]) -> Checked<Try> {
        if let [Clause { tag: None, reference: true, to }] = clauses
            && let Some(Some(behind)) = self.behind.get(to)
            && behind.ranges.first().is_some_and(|range| behind.thrown == Some(range.start))
        {
            let within = self.shape.blocks[*to as usize].within;
            return Ok(Try::Delegate(self.shape.sequences[within].guard.unwrap_or(0)));
        }
        let mut around = self.shape.guard_of(label);
        for _ in 0..OUTWARD {
            let Some(guard) = around else { break };
            self.spend(1)?;
            if let Op::TryTable(_, _, others) = &self.ops[self.shape.blocks[guard as usize].open]
                && ***others == *clauses
                && clauses.last().is_some_and(|last| last.tag.is_none())
            {
                return Ok(Try::Delegate(guard));
            }
            around = self.shape.guard_of(guard);
        }
        // What comes behind one for all exceptions is never reached.
        let all = clauses.iter().position(|clause| clause.tag.is_none()).map_or(clauses.len(), |all| all + 1);
        Ok(Try::Handlers(clauses[..all].to_vec()))
    }
}

/// What is still to be written, the last first.
enum Task {
    /// The instructions of this range.
    Range(usize, usize),
    Op(Op),
    /// What stands behind the block of the first label is the handler of the second from here on, and up to here.
    Enter(Label, Label),
    Leave(Label),
}

struct Writer<'p, 'c, 'b, 'm> {
    plan: &'p mut Plan<'c, 'b, 'm>,
    tasks: Vec<Task>,
    /// The `try` blocks of which the handler is being written that stands behind a block, by that block's label; the last counts.
    active: HashMap<Label, Vec<Label>>,
    out: Vec<Instruction>,
}

impl Writer<'_, '_, '_, '_> {
    fn write(mut self) -> Checked<Vec<Instruction>> {
        self.tasks.push(Task::Range(0, self.plan.ops.len()));
        while let Some(task) = self.tasks.pop() {
            match task {
                Task::Op(op) => self.out.push(op.into()),
                Task::Range(begin, end) if begin < end => self.range(begin, end)?,
                Task::Range(..) => {}
                Task::Enter(from, to) => self.active.entry(from).or_default().push(to),
                Task::Leave(from) => drop(self.active.get_mut(&from).and_then(Vec::pop)),
            }
        }
        Ok(self.out)
    }

    fn behind(&self, label: Label) -> Option<&Behind> {
        self.plan.behind.get(&label)?.as_ref()
    }

    /// Writes the instruction at `begin`, and has the rest up to `end` follow.
    fn range(&mut self, begin: usize, end: usize) -> Checked<()> {
        self.plan.spend(1)?;
        let ops = self.plan.ops;
        let op = &ops[begin];
        let mut next = begin + 1;
        match op {
            Op::Block(label, _) if self.behind(*label).is_some() => {}
            // Behind it stands the handler, which is written elsewhere, and what nothing leads to.
            Op::End(label) if self.behind(*label).is_some() => {
                let within = self.plan.shape.blocks[*label as usize].within;
                next = self.plan.shape.sequences[within].close.min(end);
            }
            Op::TryTable(label, ty, _) => {
                self.refuse_reference(*ty)?;
                self.out.push(Op::Try(*label, *ty).into());
            }
            Op::End(label) if matches!(ops[self.plan.shape.blocks[*label as usize].open], Op::TryTable(..)) && *label != 0 => {
                self.tasks.push(Task::Range(next, end));
                return self.end_of_body(*label);
            }
            Op::Delegate(label, _) => {
                let to = self.plan.shape.blocks[*label as usize].delegate.flatten();
                self.out.push(Op::Delegate(*label, to.unwrap_or(0)).into());
            }
            Op::ThrowRef => self.out.push(self.throw_on(begin)?.into()),
            // A reference is nowhere any more.
            Op::Get(local) | Op::Set(local) | Op::Tee(local) if self.plan.references.contains(local) => {}
            Op::Drop if self.plan.taken.contains(&begin) => {}
            Op::Plain(span, ..) if NULLS.contains(&self.plan.code.bytes(span)) => return Err(STORED),
            op => {
                if let Op::Block(_, ty) | Op::Loop(_, ty) | Op::If(_, ty) | Op::Try(_, ty) = op {
                    self.refuse_reference(*ty)?;
                }
                self.out.push(op.clone().into());
            }
        }
        self.tasks.push(Task::Range(next, end));
        Ok(())
    }

    /// What stands in the place of the `throw_ref` at `at`.
    fn throw_on(&self, at: usize) -> Checked<Op> {
        match self.plan.meant.get(&at) {
            Some(Meant::Of(label)) => {
                let to = self.active.get(label).and_then(|active| active.last()).ok_or(AMBIGUOUS)?;
                Ok(Op::Rethrow(*to))
            }
            Some(Meant::Unclear) => Err(AMBIGUOUS),
            // Nothing leads there.
            None => Ok(Op::Unreachable),
        }
    }

    fn refuse_reference(&self, ty: BlockType) -> Checked<()> {
        if block_has_reference(self.plan.module, ty) { Err(STORED) } else { Ok(()) }
    }

    /// Writes the end of the `try` of `label`.
    fn end_of_body(&mut self, label: Label) -> Checked<()> {
        let Op::TryTable(_, _, clauses) = &self.plan.ops[self.plan.shape.blocks[label as usize].open] else { return Ok(()) };
        let clauses = match self.plan.decide(label, clauses)? {
            Try::Delegate(to) => {
                self.out.push(Op::Delegate(label, to).into());
                return Ok(());
            }
            Try::Handlers(clauses) => clauses,
        };
        self.tasks.push(Task::Op(Op::End(label)));
        for clause in clauses.iter().rev() {
            self.handler(label, *clause)?;
        }
        Ok(())
    }

    /// Has the handler for `clause` of the `try` of `label` follow.
    fn handler(&mut self, label: Label, clause: Clause) -> Checked<()> {
        let catch = clause.tag.map_or(Op::CatchAll(label), |tag| Op::Catch(label, tag));
        let Some(behind) = self.behind(clause.to).cloned() else {
            self.tasks.push(Task::Op(Op::Br(clause.to)));
            self.tasks.push(Task::Op(catch));
            return Ok(());
        };
        self.plan.spend(1 + behind.ranges.len())?;
        self.tasks.push(Task::Leave(clause.to));
        let within = self.plan.shape.blocks[clause.to as usize].within;
        let guard = self.plan.shape.sequences[within].guard;
        // In the reach of others, exceptions go where they went before.
        let apart = (self.plan.shape.guard_of(label) != guard).then(|| self.plan.code.new_label((0, 0)));
        if let Some(apart) = apart {
            let gives = self.plan.code.blocks[label as usize].shape.1;
            self.tasks.extend((gives > 0).then_some(Task::Op(Op::Unreachable)));
            self.tasks.push(Task::Op(Op::Delegate(apart, guard.unwrap_or(0))));
        }
        self.tasks.extend(behind.exit.map(Task::Op));
        self.tasks.extend(behind.ranges.iter().rev().map(|range| Task::Range(range.start, range.end)));
        if let Some(apart) = apart {
            let takes = clause.tag.map_or(Vec::new(), |tag| carried(self.plan.module, tag));
            self.tasks.push(Task::Op(Op::Try(apart, self.plan.types.block(&takes, Vec::new()))));
        }
        self.tasks.push(Task::Enter(clause.to, label));
        self.tasks.push(Task::Op(catch));
        Ok(())
    }
}

/// `ref.null exn` and `ref.null noexn`.
const NULLS: [&[u8]; 2] = [&[0xd0, 0x69], &[0xd0, 0x74]];
