//! A body as a list of instructions whose branches name labels, so that code can move between blocks.
//!
//! Instructions that the list has no name for stay the bytes that they were: [`encode`](super::encode) copies them.

use super::arity::{self, Arity};
use super::list::List;
use crate::module::{Body, FunctionId, Module};
use crate::{Error, Result};
use std::ops::Range;
use wasmparser::{BinaryReader, BlockType, Catch, FunctionBody, Operator, ValType};

/// The type i32 in a declaration of locals.
const I32: u8 = 0x7f;

/// A block, loop, `if` or `try`, by the order in which they open; 0 is the function itself.
pub type Label = u32;

/// Positions in a body.
pub type Span = Range<u32>;

/// One instruction.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    Get(u32),
    Set(u32),
    Tee(u32),
    Const(i32),
    Eqz,
    Eq,
    Ne,
    And,
    Select,
    Drop,
    Call(u32),
    GlobalGet(u32),
    GlobalSet(u32),
    /// Pushes a value and does nothing else: the bytes of the instruction.
    Push(Span),
    /// Anything else without control flow: its bytes, how many values it takes and how many it gives.
    Plain(Span, u32, u32),
    /// Behind it nothing is reached: `unreachable`, `return`, `throw`, tail calls; its bytes and how many values it takes.
    Stop(Span, u32),
    Block(Label, BlockType),
    Loop(Label, BlockType),
    If(Label, BlockType),
    Else(Label),
    /// Tells validation that what stands before it does not end.
    Unreachable,
    /// A `try`; its handlers take what the tag carries.
    Try(Label, BlockType),
    Catch(Label, u32),
    CatchAll(Label),
    /// Ends a `try`, and hands exceptions to what is around the block of the second label.
    Delegate(Label, Label),
    TryTable(Label, BlockType, Box<Clauses>),
    End(Label),
    Br(Label),
    BrIf(Label),
    BrTable(Box<[Label]>, Label),
    /// Throws an exception of this tag, with the value on the stack.
    Throw(u32),
    /// Throws on what the `try` of this label has caught, from inside a handler of it.
    Rethrow(Label),
    /// Throws on the exception whose reference is on the stack.
    ThrowRef,
    /// Leaves the function.
    Return,
    /// Something of a pass's own, by its number in [`Code::sites`]: the pass writes instructions in its place before the way out.
    Site(u32),
}

/// What a `try_table` catches, and where that goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Clause {
    /// `None` for exceptions of any tag.
    pub tag: Option<u32>,
    /// The label gets a reference of the exception, behind what the tag carries.
    pub reference: bool,
    pub to: Label,
}

/// The clauses of a `try_table`. Lists are long, and few of their instructions have any: a box takes less room there than a slice.
#[derive(Debug, Clone, PartialEq)]
pub struct Clauses(Vec<Clause>);

impl From<Vec<Clause>> for Box<Clauses> {
    fn from(clauses: Vec<Clause>) -> Self {
        Box::new(Clauses(clauses))
    }
}

impl std::ops::Deref for Clauses {
    type Target = [Clause];

    fn deref(&self) -> &[Clause] {
        &self.0
    }
}

/// What an [`Op::Site`] does, as far as the code around it can see.
#[derive(Debug, Clone, Default)]
pub struct Effect {
    /// How many values it takes and gives.
    pub arity: Arity,
    /// The locals whose values it needs.
    pub reads: Vec<u32>,
    /// The locals that it writes in any case, before anything can leave it.
    pub writes: Vec<u32>,
}

/// An instruction with the number that it had when the body was read, for what is known about it since.
#[derive(Debug, Clone)]
pub struct Instruction {
    pub op: Op,
    pub id: Option<u32>,
}

impl From<Op> for Instruction {
    fn from(op: Op) -> Self {
        Instruction { op, id: None }
    }
}

/// What is known of the block of a label.
#[derive(Debug, Clone, Default)]
pub struct Block {
    /// How many values it takes and gives.
    pub shape: Arity,
    /// A branch leads to its beginning.
    pub is_loop: bool,
    /// The number that the instruction had to which a branch leads.
    pub target: Option<u32>,
}

/// A body in this form.
#[derive(Debug)]
pub struct Code<'b> {
    body: &'b Body<'b>,
    /// Local declarations: how many locals, and the bytes of their type.
    pub(super) declarations: Vec<(u32, &'b [u8])>,
    /// Locals that were added.
    pub(super) added: Vec<(u32, ValType)>,
    /// Instructions that were written as bytes. Their spans begin where the body ends.
    written: Vec<u8>,
    /// Number of parameters and locals.
    pub locals: u32,
    pub list: List,
    /// What each [`Op::Site`] does.
    pub sites: Vec<Effect>,
    /// The block of each label.
    pub blocks: Vec<Block>,
}

/// What is to stand in the place of spans of a body.
#[derive(Debug, Default)]
pub struct Changes {
    replacements: Vec<(Span, Vec<Op>)>,
    /// In front of the first instruction.
    pub prologue: Vec<Op>,
}

impl Changes {
    /// Puts `with` in the place of the instructions of `span`, which may not overlap that of another change.
    pub fn replace(&mut self, span: &Range<usize>, with: Vec<Op>) {
        self.replacements.push((span.start as u32..span.end as u32, with));
    }

    /// Puts `with` in the place of the instruction at `at`.
    pub fn replace_at(&mut self, at: usize, with: Vec<Op>) {
        self.replace(&(at..at + 1), with);
    }
}

impl<'b> Code<'b> {
    /// What `body` declares; its instructions are still to be read.
    pub fn new(module: &Module<'_>, function: FunctionId, body: &'b Body<'b>) -> Result<Self> {
        let reader = FunctionBody::new(BinaryReader::new(&body.bytes, body.offset));
        let signature = module.signature(function);
        let mut declarations = reader.get_locals_reader()?;
        let mut locals = signature.params().len() as u32;
        let mut groups = Vec::new();
        for _ in 0..declarations.get_count() {
            let begin = (declarations.original_position() - body.offset) as usize;
            let (count, _) = declarations.read()?;
            let end = (declarations.original_position() - body.offset) as usize;
            let count_length = body.bytes[begin..end].iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
            groups.push((count, &body.bytes[begin + count_length..end]));
            locals += count;
        }
        let results = signature.results().len() as u32;
        Ok(Code {
            body,
            declarations: groups,
            added: Vec::new(),
            written: Vec::new(),
            locals,
            list: List::default(),
            sites: Vec::new(),
            blocks: vec![Block { shape: (0, results), ..Block::default() }],
        })
    }

    /// Reads the instructions with `changes`.
    pub fn read(&mut self, module: &Module<'_>, changes: Changes) -> Result<()> {
        self.read_all(module, changes, false)
    }

    /// Reads the instructions so that those that have nothing to do with blocks are written as they are, to the byte, but for the locals
    /// that they name.
    pub fn read_exactly(&mut self, module: &Module<'_>) -> Result<()> {
        self.read_all(module, Changes::default(), true)
    }

    fn read_all(&mut self, module: &Module<'_>, changes: Changes, exactly: bool) -> Result<()> {
        let body = self.body;
        let mut operators = FunctionBody::new(BinaryReader::new(&body.bytes, body.offset)).get_operators_reader()?;
        let Changes { mut replacements, prologue } = changes;
        replacements.sort_by_key(|(span, _)| (span.start, span.end));
        let mut replacements = replacements.into_iter().peekable();
        let mut open: Vec<Label> = vec![0];
        let mut list: Vec<Instruction> = Vec::with_capacity(body.bytes.len() / 2);
        prologue.into_iter().for_each(|op| self.note(op, &mut list));
        // Where the last change ends.
        let mut changed = 0;
        while !operators.eof() {
            let at = (operators.original_position() - body.offset) as u32;
            let operator = operators.read()?;
            if let Some((span, with)) = replacements.next_if(|(span, _)| span.start <= at) {
                if span.start != at || at < changed {
                    return Err(Error::Internal("changes of a body overlap".into()));
                }
                changed = span.end;
                with.into_iter().for_each(|op| self.note(op, &mut list));
            }
            if at >= changed {
                let span = at..(operators.original_position() - body.offset) as u32;
                let op = self.op(module, &operator, span.clone(), &mut open)?;
                self.note(if exactly { self.as_bytes(module, op, span) } else { op }, &mut list);
            }
        }
        if replacements.next().is_some() {
            return Err(Error::Internal("a change of a body behind its end".into()));
        }
        self.list = List::from(list);
        Ok(())
    }

    /// The bytes of an instruction that was read, if it has nothing to do with blocks and locals.
    fn as_bytes(&self, module: &Module<'_>, op: Op, span: Span) -> Op {
        match op {
            Op::Const(_) | Op::GlobalGet(_) => Op::Push(span),
            Op::Eqz | Op::Eq | Op::Ne | Op::And | Op::Select | Op::Call(_) | Op::GlobalSet(_) => {
                let (takes, gives) = self.effect(module, &op);
                Op::Plain(span, takes, gives)
            }
            op => op,
        }
    }

    /// Adds `op` to `list`, with its number.
    fn note(&mut self, op: Op, list: &mut Vec<Instruction>) {
        let id = list.len() as u32;
        match op {
            Op::Loop(label, _) => {
                let block = &mut self.blocks[label as usize];
                block.is_loop = true;
                block.target = Some(id + 1);
            }
            Op::End(label) | Op::Delegate(label, _) => drop(self.blocks[label as usize].target.get_or_insert(id + 1)),
            _ => {}
        }
        list.push(Instruction { op, id: Some(id) });
    }

    /// Where each instruction of the body begins.
    pub fn positions(&self) -> Result<Vec<usize>> {
        let mut operators = FunctionBody::new(BinaryReader::new(&self.body.bytes, self.body.offset)).get_operators_reader()?;
        let mut positions = Vec::new();
        while !operators.eof() {
            positions.push((operators.original_position() - self.body.offset) as usize);
            operators.read()?;
        }
        Ok(positions)
    }

    /// The declared locals of the types that are `wanted`.
    pub fn locals_of(&self, wanted: impl Fn(&ValType) -> bool) -> Result<Vec<u32>> {
        let declared: u32 = self.declarations.iter().map(|(count, _)| count).sum();
        let mut next = self.locals - declared - self.added.iter().map(|(count, _)| count).sum::<u32>();
        let mut found = Vec::new();
        for (count, bytes) in &self.declarations {
            if wanted(&BinaryReader::new(bytes, 0).read::<ValType>()?) {
                found.extend(next..next + count);
            }
            next += count;
        }
        Ok(found)
    }

    /// Declares the locals of the types that are `wanted` as i32: nothing uses them any more.
    pub fn retire_locals_of(&mut self, wanted: impl Fn(&ValType) -> bool) -> Result<()> {
        for (_, bytes) in &mut self.declarations {
            if wanted(&BinaryReader::new(bytes, 0).read::<ValType>()?) {
                *bytes = &[I32];
            }
        }
        Ok(())
    }

    /// Adds a local of type `ty` and returns its number.
    pub fn new_local(&mut self, ty: ValType) -> Result<u32> {
        let local = self.locals;
        self.locals = local.checked_add(1).ok_or_else(|| Error::Internal("too many locals".into()))?;
        match self.added.last_mut().filter(|(_, last)| *last == ty) {
            Some((count, _)) => *count += 1,
            None => self.added.push((1, ty)),
        }
        Ok(local)
    }

    /// An instruction without control flow that has no name in the list.
    pub fn plain(&mut self, (takes, gives): Arity, bytes: &[u8]) -> Op {
        let begin = self.length() + self.written.len();
        self.written.extend_from_slice(bytes);
        Op::Plain(begin as u32..(begin + bytes.len()) as u32, takes, gives)
    }

    /// The number of a new site that does this.
    pub fn new_site(&mut self, effect: Effect) -> u32 {
        self.sites.push(effect);
        self.sites.len() as u32 - 1
    }

    /// So many bytes the body had.
    pub(super) fn length(&self) -> usize {
        self.body.bytes.len()
    }

    /// The bytes of an instruction.
    pub fn bytes(&self, span: &Span) -> &[u8] {
        let (begin, end) = (span.start as usize, span.end as usize);
        match begin.checked_sub(self.length()) {
            None => &self.body.bytes[begin..end],
            Some(begin) => &self.written[begin..end - self.length()],
        }
    }

    /// How many values an instruction without control flow takes and gives.
    pub fn effect(&self, module: &Module<'_>, op: &Op) -> Arity {
        match op {
            Op::Get(_) | Op::Const(_) | Op::Push(_) | Op::GlobalGet(_) => (0, 1),
            Op::Set(_) | Op::Drop | Op::GlobalSet(_) => (1, 0),
            Op::Tee(_) | Op::Eqz => (1, 1),
            Op::Eq | Op::Ne | Op::And => (2, 1),
            Op::Select => (3, 1),
            Op::Call(function) => arity::of_function(module, *function),
            Op::Plain(_, takes, gives) => (*takes, *gives),
            Op::Site(site) => self.sites[*site as usize].arity,
            _ => (0, 0),
        }
    }

    fn op(&mut self, module: &Module<'_>, operator: &Operator<'_>, span: Span, open: &mut Vec<Label>) -> Result<Op> {
        let strange = || Error::Internal("an instruction that a list of them has no place for".into());
        let target = |depth: u32| open.len().checked_sub(depth as usize + 1).map(|index| open[index]).ok_or_else(strange);
        Ok(match *operator {
            Operator::LocalGet { local_index } => Op::Get(local_index),
            Operator::LocalSet { local_index } => Op::Set(local_index),
            Operator::LocalTee { local_index } => Op::Tee(local_index),
            Operator::I32Const { value } => Op::Const(value),
            Operator::I32Eqz => Op::Eqz,
            Operator::I32Eq => Op::Eq,
            Operator::I32Ne => Op::Ne,
            Operator::I32And => Op::And,
            Operator::Select => Op::Select,
            Operator::Drop => Op::Drop,
            Operator::Call { function_index } => Op::Call(function_index),
            Operator::GlobalGet { .. } => Op::Push(span),
            Operator::GlobalSet { global_index } => Op::GlobalSet(global_index),
            Operator::Block { blockty } => {
                let (label, ty) = self.open(module, blockty, open);
                Op::Block(label, ty)
            }
            Operator::Loop { blockty } => {
                let (label, ty) = self.open(module, blockty, open);
                Op::Loop(label, ty)
            }
            Operator::If { blockty } => {
                let (label, ty) = self.open(module, blockty, open);
                Op::If(label, ty)
            }
            Operator::Try { blockty } => {
                let (label, ty) = self.open(module, blockty, open);
                Op::Try(label, ty)
            }
            Operator::TryTable { ref try_table } => {
                // Its labels are counted from outside.
                let clauses: Vec<_> = try_table.catches.iter().map(|catch| clause(catch, target)).collect::<Result<_>>()?;
                let (label, ty) = self.open(module, try_table.ty, open);
                Op::TryTable(label, ty, clauses.into())
            }
            Operator::Else => Op::Else(target(0)?),
            Operator::Catch { tag_index } => Op::Catch(target(0)?, tag_index),
            Operator::CatchAll => Op::CatchAll(target(0)?),
            Operator::End => Op::End(open.pop().ok_or_else(strange)?),
            Operator::Delegate { relative_depth } => {
                let label = open.pop().ok_or_else(strange)?;
                // As for `try_table`.
                let to = open.len().checked_sub(relative_depth as usize + 1).map(|index| open[index]).ok_or_else(strange)?;
                Op::Delegate(label, to)
            }
            Operator::Br { relative_depth } => Op::Br(target(relative_depth)?),
            Operator::BrIf { relative_depth } => Op::BrIf(target(relative_depth)?),
            Operator::BrTable { ref targets } => {
                let labels = targets.targets().map(|depth| target(depth?)).collect::<Result<_>>()?;
                Op::BrTable(labels, target(targets.default())?)
            }
            Operator::Rethrow { relative_depth } => Op::Rethrow(target(relative_depth)?),
            Operator::ThrowRef => Op::ThrowRef,
            Operator::Unreachable => Op::Stop(span, 0),
            Operator::Return => Op::Stop(span, self.arity(0)),
            Operator::Throw { tag_index } => Op::Stop(span, arity::of_tag(module, tag_index).ok_or_else(strange)?),
            Operator::ReturnCall { function_index } => Op::Stop(span, arity::of_function(module, function_index).0),
            Operator::ReturnCallIndirect { type_index, .. } => Op::Stop(span, arity::of_type_at(module, type_index).0 + 1),
            Operator::CallIndirect { type_index, .. } => {
                let (takes, gives) = arity::of_type_at(module, type_index);
                Op::Plain(span, takes + 1, gives)
            }
            _ => {
                let (takes, gives) = arity::of_plain(operator).ok_or_else(strange)?;
                Op::Plain(span, takes, gives)
            }
        })
    }

    fn open(&mut self, module: &Module<'_>, ty: BlockType, open: &mut Vec<Label>) -> (Label, BlockType) {
        let label = self.new_label(arity::of_block(module, ty));
        open.push(label);
        (label, ty)
    }

    /// The label of a new block that takes and gives as many values as `shape` says.
    pub fn new_label(&mut self, shape: Arity) -> Label {
        self.blocks.push(Block { shape, ..Block::default() });
        self.blocks.len() as Label - 1
    }

    /// How many values a branch to `label` takes.
    pub fn arity(&self, label: Label) -> u32 {
        let block = &self.blocks[label as usize];
        if block.is_loop { block.shape.0 } else { block.shape.1 }
    }

    /// Numbers the instructions anew.
    pub fn number(&mut self) {
        let numbered =
            self.list.iter().enumerate().map(|(at, instruction)| Instruction { id: Some(at as u32), ..instruction.clone() });
        self.list = List::from(numbered.collect::<Vec<_>>());
    }

    /// Whether the instruction in `span` is a call through a pointer.
    pub fn calls_pointer(&self, span: &Span) -> bool {
        const CALL_INDIRECT: u8 = 0x11;
        const CALL_REF: u8 = 0x14;
        matches!(self.bytes(span).first(), Some(&CALL_INDIRECT | &CALL_REF))
    }

    /// The function that the instruction in `span` calls, if it is a `call`.
    pub fn callee(&self, span: &Span) -> Option<u32> {
        const CALL: u8 = 0x10;
        let (opcode, index) = self.bytes(span).split_first()?;
        if *opcode == CALL { BinaryReader::new(index, 0).read_var_u32().ok() } else { None }
    }

    /// Where the `end` of `label` is, at or behind `from`.
    pub fn end_of(&self, label: Label, from: usize) -> Option<usize> {
        (from..self.list.len()).find(|index| self.list[*index].op == Op::End(label))
    }
}

fn clause(catch: &Catch, target: impl Fn(u32) -> Result<Label>) -> Result<Clause> {
    let (tag, reference, to) = match *catch {
        Catch::One { tag, label } => (Some(tag), false, label),
        Catch::OneRef { tag, label } => (Some(tag), true, label),
        Catch::All { label } => (None, false, label),
        Catch::AllRef { label } => (None, true, label),
    };
    Ok(Clause { tag, reference, to: target(to)? })
}
