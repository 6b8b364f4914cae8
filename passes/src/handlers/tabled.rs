//! From `try` to `try_table`.
//!
//! **Idea.** A `try_table` leads to labels, so a handler may stand behind any block that is around it. A handler behind which nothing goes
//! on (most end by throwing on) is put at the end of the function, or of the `try` body whose exceptions the handler's own would be; so
//! no branch has to lead around it, and equal handlers become one. A handler that goes on, or branches to a block on the way, stays where
//! it can reach that. A handler that only throws on at its end leaves the reference of the exception on the stack until then; others put
//! it in a local.
//!
//! `delegate` becomes a `try_table` with the labels of the handlers that it means, or with one where the exception is thrown on in their
//! reach.

use super::shape::{Kind, Sequence, Shape, WHOLE, effect, stops, targets};
use super::{Types, carried};
use crate::Result;
use crate::body::code::{Clause, Code, Instruction, Label, Op};
use crate::module::Module;
use std::collections::HashMap;
use wasmparser::{BlockType, ValType};

/// Handlers of more instructions are not compared with others.
const SHARED: usize = 64;
/// A `delegate` names so many handlers at most.
const NAMED: usize = 4;

/// A handler behind a block of its own.
#[derive(Debug, Clone)]
struct Placed {
    /// The label that leads to it.
    label: Label,
    /// What it gets.
    payload: Vec<ValType>,
    reference: bool,
    /// Its sequence; `None` for one that throws on and does nothing else.
    sequence: Option<usize>,
}

/// What a `try` becomes.
#[derive(Debug, Default)]
struct Table {
    clauses: Vec<Clause>,
    /// The handlers that stay behind it.
    behind: Vec<Placed>,
    /// Its own label is that of the block around these, and this is that of its body.
    body: Label,
}

struct Plan<'c, 'b, 'm> {
    module: &'m Module<'m>,
    code: &'c mut Code<'b>,
    ops: &'c [Op],
    shape: Shape,
    tables: HashMap<Label, Table>,
    /// The handlers at the end of a sequence, those first whose blocks are inside.
    hosted: HashMap<usize, Vec<Placed>>,
    /// The sequence at whose end the handler of a sequence is, and its place there.
    places: HashMap<usize, (usize, usize)>,
    /// What a hosted handler does, by the sequence at whose end it is.
    known: HashMap<(usize, Vec<u8>), usize>,
    /// How often the exception of a handler is thrown on.
    thrown: HashMap<usize, usize>,
    /// Locals for references, by how deep in handlers they are needed, and by the handler that puts its own there.
    locals: HashMap<usize, u32>,
    references: HashMap<usize, u32>,
    /// The blocks around what is in loops at whose end handlers are.
    exits: HashMap<usize, Label>,
    types: Types,
}

/// More handlers no `try_table` may have.
const MOST_CLAUSES: usize = 10_000;

/// Why a body stays as it is.
pub const TOO_MANY: &str = "a `try` has more handlers than `try_table` may have";

/// The list `ops`, read from `code`, with `try_table` for each `try`.
pub fn convert(
    module: &Module<'_>,
    code: &mut Code<'_>,
    ops: &[Op],
) -> Result<std::result::Result<(Vec<Instruction>, Types), &'static str>> {
    let shape = Shape::of(code, ops);
    if shape.blocks.iter().any(|block| block.handlers.len() > MOST_CLAUSES) {
        return Ok(Err(TOO_MANY));
    }
    let mut thrown: HashMap<usize, usize> = HashMap::new();
    shape.rethrows.values().for_each(|handler| *thrown.entry(*handler).or_default() += 1);
    let mut plan = Plan {
        module,
        code,
        ops,
        shape,
        tables: HashMap::new(),
        hosted: HashMap::new(),
        places: HashMap::new(),
        known: HashMap::new(),
        thrown,
        locals: HashMap::new(),
        references: HashMap::new(),
        exits: HashMap::new(),
        types: Types::default(),
    };
    plan.tries();
    plan.references()?;
    let list = Writer { plan: &mut plan, tasks: Vec::new(), out: Vec::with_capacity(ops.len()) }.write();
    Ok(Ok((list, plan.types)))
}

impl Plan<'_, '_, '_> {
    /// Decides for each `try`, from the first on, where its handlers are.
    fn tries(&mut self) {
        let mut at = 0;
        while let Some(op) = self.ops.get(at) {
            at += 1;
            match op {
                Op::Try(label, _) => {
                    let table = match self.shape.blocks[*label as usize].delegate {
                        Some(to) => self.delegated(*label, to),
                        None => self.handled(*label),
                    };
                    self.tables.insert(*label, table);
                }
                // A handler for which another stands is not written.
                Op::Catch(..) | Op::CatchAll(_) => {
                    let handler = self.handler_at(at);
                    if handler.is_some_and(|handler| self.is_dropped(handler)) {
                        at = handler.map_or(at, |handler| self.shape.sequences[handler].close);
                    }
                }
                _ => {}
            }
        }
    }

    /// The handler whose first instruction is at `begin`.
    fn handler_at(&self, begin: usize) -> Option<usize> {
        let (Op::Catch(label, _) | Op::CatchAll(label)) = self.ops[begin - 1] else { return None };
        let handlers = &self.shape.blocks[label as usize].handlers;
        let found = handlers.binary_search_by_key(&begin, |handler| self.shape.sequences[handler.sequence].begin).ok()?;
        Some(handlers[found].sequence)
    }

    fn is_dropped(&self, handler: usize) -> bool {
        self.places.get(&handler).is_some_and(|(host, place)| self.hosted[host][*place].sequence != Some(handler))
    }

    fn handled(&mut self, label: Label) -> Table {
        let mut table = Table { body: label, ..Table::default() };
        for handler in self.shape.blocks[label as usize].handlers.clone() {
            let sequence = handler.sequence;
            let reference = self.thrown.contains_key(&sequence);
            let payload = handler.tag.map_or(Vec::new(), |tag| carried(self.module, tag));
            let placed = Placed { label: 0, payload, reference, sequence: Some(sequence) };
            let to = match self.host(sequence) {
                Some(host) => {
                    let same = self.same(sequence, handler.tag);
                    let (to, place) = self.hold(host, label, placed, same);
                    self.places.insert(sequence, (host, place));
                    to
                }
                None => self.keep_behind(&mut table, placed),
            };
            table.clauses.push(Clause { tag: handler.tag, reference, to });
        }
        table
    }

    /// What a handler gets from the tag.
    fn gets(&self, handler: usize) -> Vec<ValType> {
        let Sequence { label, .. } = self.shape.sequences[handler];
        let found = self.shape.blocks[label as usize].handlers.iter().find(|known| known.sequence == handler);
        found.and_then(|handler| handler.tag).map_or(Vec::new(), |tag| carried(self.module, tag))
    }

    fn delegated(&mut self, label: Label, to: Option<Label>) -> Table {
        let mut table = Table { body: label, ..Table::default() };
        if self.shape.guard_of(label) == to {
            return table;
        }
        let named = to.and_then(|to| self.tables.get(&to)).map(|target| target.clauses.clone());
        if let Some(clauses) =
            named.filter(|clauses| clauses.len() <= NAMED && clauses.last().is_some_and(|last| last.tag.is_none()))
        {
            table.clauses = clauses;
            return table;
        }
        let placed = Placed { label: 0, payload: Vec::new(), reference: true, sequence: None };
        // What is thrown there goes to the handlers that are meant.
        let host = to.map_or(WHOLE, |to| self.shape.blocks[to as usize].first);
        let (to, _) = self.hold(host, label, placed, Some(Vec::new()));
        table.clauses.push(Clause { tag: None, reference: true, to });
        table
    }

    /// The outermost sequence at whose end the handler can be: what it throws goes the same way there. `None` if it stays where it is.
    fn host(&self, handler: usize) -> Option<usize> {
        let Shape { sequences, blocks, limits, is_deep, .. } = &self.shape;
        let Sequence { label, ends, .. } = sequences[handler];
        let root = sequences[blocks[label as usize].within].root;
        let host = limits.get(&handler).copied().filter(|limit| sequences[*limit].begin > sequences[root].begin).unwrap_or(root);
        (ends && !is_deep && sequences[host].label != label).then_some(host)
    }

    /// The type of a block that is not the function.
    fn type_of(&self, label: Label) -> BlockType {
        match self.ops[self.shape.blocks[label as usize].open] {
            Op::Block(_, ty) | Op::Loop(_, ty) | Op::If(_, ty) | Op::Try(_, ty) | Op::TryTable(_, ty, _) => ty,
            _ => BlockType::Empty,
        }
    }

    /// The types of the values that a block takes.
    fn takes(&self, label: Label) -> Vec<ValType> {
        match self.type_of(label) {
            BlockType::FuncType(ty) if label != 0 => self.module.types()[ty as usize].params().to_vec(),
            _ => Vec::new(),
        }
    }

    /// Puts a handler of the `try` of `label` at the end of `host`, or takes one there that does the same. Returns its label and place.
    fn hold(&mut self, host: usize, label: Label, placed: Placed, same: Option<Vec<u8>>) -> (Label, usize) {
        let behind = self.behind(host, label);
        let key = same.map(|same| (host, same));
        let known = key.as_ref().and_then(|key| self.known.get(key)).copied().filter(|known| *known >= behind);
        let place = known.unwrap_or_else(|| {
            let new = self.code.new_label((0, 0));
            let hosted = self.hosted.entry(host).or_default();
            hosted.push(Placed { label: new, ..placed });
            hosted.len() - 1
        });
        self.known.extend(key.map(|key| (key, place)));
        (self.hosted[&host][place].label, place)
    }

    /// The places at the end of `host` to which a `try` can lead that is itself in a handler there: those behind that one.
    fn behind(&self, host: usize, label: Label) -> usize {
        let Shape { sequences, blocks, is_deep, .. } = &self.shape;
        let mut handler = sequences[blocks[label as usize].within].handler.filter(|_| !is_deep);
        while let Some(sequence) = handler {
            match self.places.get(&sequence) {
                Some((at, place)) if *at == host => return place + 1,
                _ => handler = sequences[sequences[sequence].parent].handler,
            }
        }
        0
    }

    fn keep_behind(&mut self, table: &mut Table, placed: Placed) -> Label {
        if table.behind.is_empty() {
            table.body = self.code.new_label((0, 0));
        }
        let label = self.code.new_label((0, 0));
        table.behind.push(Placed { label, ..placed });
        label
    }

    /// Says what a short handler does: two that say the same are the same.
    fn same(&self, handler: usize, tag: Option<u32>) -> Option<Vec<u8>> {
        let Sequence { begin, close, depth, label, .. } = self.shape.sequences[handler];
        let ops = self.ops.get(begin..close).filter(|ops| ops.len() <= SHARED)?;
        let mut said = format!("{tag:?} {depth} ").into_bytes();
        // The labels of its own blocks, in their order.
        let mut own = vec![label];
        let name = |label: Label, own: &[Label]| match own.iter().position(|known| *known == label) {
            Some(known) => (true, known as u32),
            None => (false, label),
        };
        for op in ops {
            if let Op::Block(label, _) | Op::Loop(label, _) | Op::If(label, _) | Op::Try(label, _) | Op::TryTable(label, ..) = op {
                own.push(*label);
            }
            match op {
                Op::Push(span) | Op::Plain(span, ..) | Op::Stop(span, _) => {
                    // No text begins so.
                    said.push(u8::MAX);
                    said.extend((span.end - span.start).to_le_bytes());
                    said.extend_from_slice(self.code.bytes(span));
                }
                Op::Block(_, ty) => said.extend(format!("block {ty:?} ").bytes()),
                Op::Loop(_, ty) => said.extend(format!("loop {ty:?} ").bytes()),
                Op::If(_, ty) => said.extend(format!("if {ty:?} ").bytes()),
                Op::Try(_, ty) => said.extend(format!("try {ty:?} ").bytes()),
                Op::TryTable(_, ty, clauses) => {
                    let clauses: Vec<_> =
                        clauses.iter().map(|clause| (clause.tag, clause.reference, name(clause.to, &own))).collect();
                    said.extend(format!("try_table {ty:?} {clauses:?} ").bytes());
                }
                Op::Else(_) => said.extend(b"else "),
                Op::Catch(_, tag) => said.extend(format!("catch {tag} ").bytes()),
                Op::CatchAll(_) => said.extend(b"catch_all "),
                Op::End(_) => said.extend(b"end "),
                Op::Delegate(_, to) => said.extend(format!("delegate {:?} ", name(*to, &own)).bytes()),
                Op::Rethrow(label) => said.extend(format!("rethrow {:?} ", name(*label, &own)).bytes()),
                Op::Br(label) => said.extend(format!("br {:?} ", name(*label, &own)).bytes()),
                Op::BrIf(label) => said.extend(format!("br_if {:?} ", name(*label, &own)).bytes()),
                Op::BrTable(..) => {
                    let labels: Vec<_> = targets(op).into_iter().map(|label| name(label, &own)).collect();
                    said.extend(format!("br_table {labels:?} ").bytes());
                }
                op => said.extend(format!("{op:?} ").bytes()),
            }
            said.push(0);
        }
        Some(said)
    }

    /// Decides for each handler that throws on where the reference is until then.
    fn references(&mut self) -> Result<()> {
        let hosted = self.hosted.values().flatten();
        let placed = hosted.chain(self.tables.values().flat_map(|table| &table.behind));
        let mut handlers: Vec<(usize, bool)> = placed
            .filter(|placed| placed.reference)
            .filter_map(|placed| Some((placed.sequence?, placed.payload.is_empty())))
            .collect();
        // The numbers of the locals are the same in every run.
        handlers.sort_unstable();
        for (handler, alone) in handlers {
            let local = self.local(handler, alone)?;
            self.references.extend(local.map(|local| (handler, local)));
        }
        Ok(())
    }

    /// The local that a handler needs for the reference, which it gets `alone` or behind what the tag carries.
    fn local(&mut self, handler: usize, alone: bool) -> Result<Option<u32>> {
        if alone && !self.hosted.contains_key(&handler) && self.throws_on_at_its_end(handler) {
            return Ok(None);
        }
        let depth = self.shape.sequences[handler].depth;
        if let Some(local) = self.locals.get(&depth) {
            return Ok(Some(*local));
        }
        let local = self.code.new_local(ValType::EXNREF)?;
        self.locals.insert(depth, local);
        Ok(Some(local))
    }

    /// Whether the exception of the handler is thrown on once, by the instruction at which it stops, when nothing else is on the stack.
    fn throws_on_at_its_end(&self, handler: usize) -> bool {
        let Some(stop) = self.stop(handler, 0) else { return false };
        self.shape.rethrows.get(&stop) == Some(&handler) && self.thrown.get(&handler) == Some(&1)
    }

    /// Whether the handler, which gets so many values, does nothing at its end but branch to the end of the block of `label`, with an empty
    /// stack.
    fn falls_to(&self, handler: usize, label: Label, gets: usize) -> bool {
        let last = self.shape.sequences[handler].close - 1;
        self.ops[last] == Op::Br(label) && self.code.arity(label) == 0 && self.stop(handler, gets) == Some(last)
    }

    /// Where the handler, which gets so many values, stops with an empty stack: its first instruction behind which nothing goes on.
    fn stop(&self, handler: usize, gets: usize) -> Option<usize> {
        let Sequence { begin, close, .. } = self.shape.sequences[handler];
        let (mut at, mut height) = (begin, gets as i64);
        while at < close {
            let op = &self.ops[at];
            if stops(op) {
                return (height == 0).then_some(at);
            }
            let (takes, gives) = effect(self.module, self.code, op);
            height += i64::from(gives) - i64::from(takes);
            at = self.shape.behind(op, at);
        }
        None
    }
}

/// What is still to be written, the last first.
enum Task {
    /// The instructions of this range.
    Range(usize, usize),
    Op(Op),
    /// What comes at the beginning and at the end of a sequence.
    Open(usize),
    Close(usize),
}

struct Writer<'p, 'c, 'b, 'm> {
    plan: &'p mut Plan<'c, 'b, 'm>,
    tasks: Vec<Task>,
    out: Vec<Instruction>,
}

impl Writer<'_, '_, '_, '_> {
    fn write(mut self) -> Vec<Instruction> {
        self.tasks.push(Task::Range(0, self.plan.ops.len()));
        self.open_hosted(WHOLE);
        while let Some(task) = self.tasks.pop() {
            match task {
                Task::Op(op) => self.out.push(op.into()),
                Task::Open(sequence) => self.open_hosted(sequence),
                Task::Close(sequence) => self.close_hosted(sequence),
                Task::Range(begin, end) if begin < end => self.range(begin, end),
                Task::Range(..) => {}
            }
        }
        self.out
    }

    /// Writes the instruction at `begin`, and has the rest up to `end` follow.
    fn range(&mut self, begin: usize, end: usize) {
        if let Some(&sequence) = self.plan.shape.closes.get(&begin)
            && self.plan.hosted.contains_key(&sequence)
        {
            self.tasks.push(Task::Range(begin, end));
            return self.close_hosted(sequence);
        }
        let op = &self.plan.ops[begin];
        let opened = match op {
            Op::Block(label, _) | Op::Loop(label, _) | Op::If(label, _) | Op::Try(label, _) | Op::TryTable(label, ..) => {
                Some(self.plan.shape.blocks[*label as usize].first)
            }
            Op::Else(label) => Some(self.plan.shape.blocks[*label as usize].other),
            _ => None,
        };
        match op {
            Op::Catch(label, _) | Op::CatchAll(label) | Op::Delegate(label, _) => {
                let behind = self.plan.shape.blocks[*label as usize].end + 1;
                self.tasks.push(Task::Range(behind, end));
                return self.end_of_body(*label);
            }
            // A `try` without handlers.
            Op::End(label) if self.plan.tables.contains_key(label) => {
                self.tasks.push(Task::Range(begin + 1, end));
                return self.end_of_body(*label);
            }
            _ => {}
        }
        self.tasks.push(Task::Range(begin + 1, end));
        match op {
            Op::Try(label, ty) => self.table(*label, *ty),
            Op::Rethrow(_) => self.throw_on(begin),
            op => self.out.push(op.clone().into()),
        }
        opened.into_iter().for_each(|sequence| self.open_hosted(sequence));
    }

    /// Opens the blocks of the handlers at the end of `sequence`.
    fn open_hosted(&mut self, sequence: usize) {
        let Some(hosted) = self.plan.hosted.get(&sequence) else { return };
        let Sequence { kind, label, .. } = self.plan.shape.sequences[sequence];
        let hosted = hosted.clone();
        if kind == Kind::Loop {
            // A branch to the loop leads to its beginning.
            let ty = self.plan.type_of(label);
            let around = self.plan.code.new_label((0, 0));
            self.plan.exits.insert(sequence, around);
            self.out.push(Op::Block(around, ty).into());
        }
        let takes = if kind == Kind::Handler { self.plan.gets(sequence) } else { self.plan.takes(label) };
        for placed in hosted.iter().rev() {
            let op = self.block(placed, &takes);
            self.out.push(op.into());
        }
    }

    /// The block behind which the handler is.
    fn block(&mut self, placed: &Placed, takes: &[ValType]) -> Op {
        let reference = placed.reference.then_some(ValType::EXNREF);
        let gives = placed.payload.iter().copied().chain(reference).collect();
        Op::Block(placed.label, self.plan.types.block(takes, gives))
    }

    /// Writes the handlers at the end of `sequence`, and the way around them.
    fn close_hosted(&mut self, sequence: usize) {
        let Some(hosted) = self.plan.hosted.remove(&sequence) else { return };
        let Sequence { kind, label, ends, .. } = self.plan.shape.sequences[sequence];
        let exit = self.plan.exits.remove(&sequence);
        self.tasks.extend(exit.map(|exit| Task::Op(Op::End(exit))));
        let last = hosted.len() - 1;
        for (place, placed) in hosted.iter().enumerate().rev() {
            let ends_block = place == last && matches!(kind, Kind::Block | Kind::Arm);
            self.handler(placed, ends_block.then_some(label));
        }
        if !ends {
            self.out.push(match (kind, exit) {
                (Kind::Function, _) => Op::Return.into(),
                (_, Some(exit)) => Op::Br(exit).into(),
                // The own label of a `try` may be that of a block around its handlers.
                (Kind::Body, None) => Op::Br(self.plan.tables.get(&label).map_or(label, |table| table.body)).into(),
                (_, None) => Op::Br(label).into(),
            });
        }
    }

    /// Has a handler follow, behind the end of its block. The end of the block of `around` comes right behind it.
    fn handler(&mut self, placed: &Placed, around: Option<Label>) {
        match placed.sequence {
            Some(sequence) => {
                let Sequence { begin, mut close, .. } = self.plan.shape.sequences[sequence];
                let local = self.plan.references.contains_key(&sequence);
                let gets = placed.payload.len() + usize::from(placed.reference && !local);
                if around.is_some_and(|around| self.plan.falls_to(sequence, around, gets)) {
                    close -= 1;
                }
                self.tasks.push(Task::Close(sequence));
                self.tasks.push(Task::Range(begin, close));
                self.tasks.push(Task::Open(sequence));
            }
            None => self.tasks.push(Task::Op(Op::ThrowRef)),
        }
        let local = placed.sequence.and_then(|sequence| self.plan.references.get(&sequence).copied());
        self.tasks.extend(local.map(|local| Task::Op(Op::Set(local))));
        self.tasks.push(Task::Op(Op::End(placed.label)));
    }

    /// Writes the beginning of a `try_table` and of what is around it.
    fn table(&mut self, label: Label, ty: BlockType) {
        let Some(table) = self.plan.tables.get(&label) else { return };
        let (body, clauses, behind) = (table.body, table.clauses.clone(), table.behind.clone());
        if !behind.is_empty() {
            self.out.push(Op::Block(label, ty).into());
        }
        let takes = self.plan.takes(label);
        for placed in behind.iter().rev() {
            let op = self.block(placed, &takes);
            self.out.push(op.into());
        }
        self.out.push(match clauses.is_empty() {
            true => Op::Block(body, ty).into(),
            false => Op::TryTable(body, ty, clauses.into()).into(),
        });
    }

    /// Writes the end of a `try_table`, and the handlers that stay behind it.
    fn end_of_body(&mut self, label: Label) {
        let Some(table) = self.plan.tables.get(&label) else { return };
        let (body, behind) = (table.body, table.behind.clone());
        self.out.push(Op::End(body).into());
        let Some(last) = behind.len().checked_sub(1) else { return };
        let first = &self.plan.shape.sequences[self.plan.shape.blocks[label as usize].first];
        self.out.push(if first.ends { Op::Unreachable } else { Op::Br(label) }.into());
        self.tasks.push(Task::Op(Op::End(label)));
        for (place, placed) in behind.iter().enumerate().rev() {
            let ends = placed.sequence.is_none_or(|sequence| self.plan.shape.sequences[sequence].ends);
            if place < last && !ends {
                self.tasks.push(Task::Op(Op::Br(label)));
            }
            self.handler(placed, None);
        }
    }

    /// Throws on the exception that the `rethrow` at `at` means.
    fn throw_on(&mut self, at: usize) {
        let local = self.plan.shape.rethrows.get(&at).and_then(|handler| self.plan.references.get(handler).copied());
        self.out.extend(local.map(|local| Instruction::from(Op::Get(local))));
        self.out.push(Op::ThrowRef.into());
    }
}
