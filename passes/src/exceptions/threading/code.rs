//! A body as a list of instructions whose branches name labels, so that code can move between blocks; and its encoding.

use super::list::List;
use crate::module::{Body, FunctionId, Module};
use crate::{Error, Result};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use wasm_encoder::{Catch, Encode, InstructionSink};
use wasmparser::{BinaryReader, BlockType, FunctionBody, Operator, ValType};

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
    /// A call site's `try`; its handlers take the i32 that the tag carries.
    Try(Label, BlockType),
    Catch(Label, u32),
    End(Label),
    Br(Label),
    BrIf(Label),
    BrTable(Box<[Label]>, Label),
    /// Throws an exception of this tag, with the value on the stack.
    Throw(u32),
    /// Throws on what the `try` of this label has caught, from inside a handler of it.
    Rethrow(Label),
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

/// A body in this form.
#[derive(Debug)]
pub struct Code<'b> {
    bytes: &'b [u8],
    /// Local declarations: how many locals, and the bytes of their type.
    declarations: Vec<(u32, Range<usize>)>,
    /// Number of parameters and declared locals.
    pub locals: u32,
    pub list: List,
    /// The number of the first instruction that a branch to each label leads to.
    pub targets: HashMap<Label, u32>,
    pub loops: HashSet<Label>,
    /// How many values a branch to each label takes.
    pub arity: Vec<u32>,
    /// How many values each label's block takes and gives.
    pub shape: Vec<(u32, u32)>,
}

impl<'b> Code<'b> {
    /// Reads `body`, one that has no exception handlers but those of call sites.
    pub fn read(module: &Module<'_>, function: FunctionId, body: &'b Body<'b>) -> Result<Self> {
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
            groups.push((count, begin + count_length..end));
            locals += count;
        }
        let results = signature.results().len() as u32;
        let mut code = Code {
            bytes: &body.bytes,
            declarations: groups,
            locals,
            list: List::default(),
            targets: HashMap::new(),
            loops: HashSet::new(),
            arity: vec![results],
            shape: vec![(0, results)],
        };
        let mut open: Vec<Label> = vec![0];
        let mut operators = reader.get_operators_reader()?;
        while !operators.eof() {
            let at = (operators.original_position() - body.offset) as u32;
            let operator = operators.read()?;
            let span = at..(operators.original_position() - body.offset) as u32;
            let op = code.op(module, &operator, span, &mut open)?;
            let id = code.list.len() as u32;
            match op {
                Op::Loop(label, _) => {
                    code.loops.insert(label);
                    code.targets.insert(label, id + 1);
                }
                Op::End(label) => drop(code.targets.entry(label).or_insert(id + 1)),
                _ => {}
            }
            code.list.push(Instruction { op, id: Some(id) });
        }
        Ok(code)
    }

    fn op(&mut self, module: &Module<'_>, operator: &Operator<'_>, span: Span, open: &mut Vec<Label>) -> Result<Op> {
        let strange = || Error::Internal("a call site among native exception handlers".into());
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
                let (label, ty) = self.open(module, blockty, false, open)?;
                Op::Block(label, ty)
            }
            Operator::Loop { blockty } => {
                let (label, ty) = self.open(module, blockty, true, open)?;
                Op::Loop(label, ty)
            }
            Operator::If { blockty } => {
                let (label, ty) = self.open(module, blockty, false, open)?;
                Op::If(label, ty)
            }
            Operator::Try { blockty } => {
                let (label, ty) = self.open(module, blockty, false, open)?;
                Op::Try(label, ty)
            }
            Operator::Else => Op::Else(target(0)?),
            Operator::Catch { tag_index } => Op::Catch(target(0)?, tag_index),
            Operator::End => Op::End(open.pop().ok_or_else(strange)?),
            Operator::Br { relative_depth } => Op::Br(target(relative_depth)?),
            Operator::BrIf { relative_depth } => Op::BrIf(target(relative_depth)?),
            Operator::BrTable { ref targets } => {
                let labels = targets.targets().map(|depth| target(depth?)).collect::<Result<_>>()?;
                Op::BrTable(labels, target(targets.default())?)
            }
            Operator::Unreachable => Op::Stop(span, 0),
            Operator::Return => Op::Stop(span, self.arity[0]),
            Operator::Throw { tag_index } => {
                let tag = module.tags().get(tag_index as usize).ok_or_else(strange)?;
                Op::Stop(span, module.types()[tag.ty.0 as usize].params().len() as u32)
            }
            Operator::ReturnCall { function_index } => {
                Op::Stop(span, module.signature(FunctionId(function_index)).params().len() as u32)
            }
            Operator::ReturnCallIndirect { type_index, .. } => {
                Op::Stop(span, module.types()[type_index as usize].params().len() as u32 + 1)
            }
            Operator::CallIndirect { type_index, .. } => {
                let ty = &module.types()[type_index as usize];
                Op::Plain(span, ty.params().len() as u32 + 1, ty.results().len() as u32)
            }
            _ => {
                let (takes, gives) = operator.operator_arity(&crate::exceptions::flow::NoArity).ok_or_else(strange)?;
                Op::Plain(span, takes, gives)
            }
        })
    }

    fn open(&mut self, module: &Module<'_>, ty: BlockType, is_loop: bool, open: &mut Vec<Label>) -> Result<(Label, BlockType)> {
        let (takes, gives) = match ty {
            BlockType::Empty => (0, 0),
            BlockType::Type(_) => (0, 1),
            BlockType::FuncType(index) => {
                let ty = &module.types()[index as usize];
                (ty.params().len() as u32, ty.results().len() as u32)
            }
        };
        let label = self.new_label(if is_loop { takes } else { gives }, (takes, gives));
        open.push(label);
        Ok((label, ty))
    }

    /// A label whose branches take `arity` values, of a block that takes and gives as many as `shape` says.
    pub fn new_label(&mut self, arity: u32, shape: (u32, u32)) -> Label {
        self.arity.push(arity);
        self.shape.push(shape);
        self.arity.len() as Label - 1
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
        matches!(self.bytes.get(span.start as usize), Some(&CALL_INDIRECT | &CALL_REF))
    }

    /// Where the `end` of `label` is, at or behind `from`.
    pub fn end_of(&self, label: Label, from: usize) -> Option<usize> {
        (from..self.list.len()).find(|index| self.list[*index].op == Op::End(label))
    }

    /// The declarations without the last locals that nobody uses, which are those of inlining most of the time; groups of one type that
    /// follow each other become one.
    fn used_declarations(&self) -> Vec<(u32, Range<usize>)> {
        let used = self.list.iter().filter_map(|instruction| match instruction.op {
            Op::Get(local) | Op::Set(local) | Op::Tee(local) => Some(local + 1),
            _ => None,
        });
        let declared: u32 = self.declarations.iter().map(|(count, _)| count).sum();
        let parameters = self.locals - declared;
        let mut left = used.max().unwrap_or(0).saturating_sub(parameters);
        let mut groups: Vec<(u32, Range<usize>)> = Vec::new();
        for (count, ty) in &self.declarations {
            let count = left.min(*count);
            left -= count;
            match groups.last_mut() {
                Some((before, same)) if self.bytes[same.clone()] == self.bytes[ty.clone()] => *before += count,
                _ if count > 0 => groups.push((count, ty.clone())),
                _ => {}
            }
        }
        groups
    }

    /// The body in bytes.
    pub fn encode(mut self, exnref: Option<&Exnref>) -> Result<Vec<u8>> {
        let handlers = exnref.map(|exnref| Handlers::find(&mut self, exnref));
        let mut out = Vec::with_capacity(self.bytes.len() + self.bytes.len() / 8);
        let references = handlers.as_ref().map_or(0, |handlers| handlers.references.len() as u32);
        // The locals for references come behind all others.
        let groups = if references > 0 { self.declarations.clone() } else { self.used_declarations() };
        (groups.len() as u32 + u32::from(references > 0)).encode(&mut out);
        for (count, ty) in groups {
            count.encode(&mut out);
            out.extend_from_slice(&self.bytes[ty]);
        }
        if references > 0 {
            references.encode(&mut out);
            Module::encoded_type(ValType::EXNREF)?.encode(&mut out);
        }
        let mut encoder = Encoder { bytes: self.bytes, handlers, open: vec![Some(0)], places: HashMap::from([(0, 0)]), out };
        for instruction in self.list.iter() {
            encoder.instruction(&instruction.op)?;
        }
        Ok(encoder.out)
    }
}

/// The types of blocks around `try_table` that give what a handler takes, by the type of the `try`: its parameters are passed on.
#[derive(Debug, Default)]
pub struct Exnref {
    /// The payload alone, for types with parameters.
    pub payload: HashMap<u32, u32>,
    /// The payload and a reference to the exception.
    pub with_reference: HashMap<u32, u32>,
    /// The same for a `try` without parameters.
    pub reference_alone: u32,
}

impl Exnref {
    fn payload(&self, ty: BlockType) -> BlockType {
        let known = if let BlockType::FuncType(ty) = ty { self.payload.get(&ty) } else { None };
        known.map_or(BlockType::Type(ValType::I32), |ty| BlockType::FuncType(*ty))
    }

    fn with_reference(&self, ty: BlockType) -> BlockType {
        let known = if let BlockType::FuncType(ty) = ty { self.with_reference.get(&ty) } else { None };
        BlockType::FuncType(known.copied().unwrap_or(self.reference_alone))
    }
}

/// What `try_table` needs to know before its handlers come.
struct Handlers<'e> {
    types: &'e Exnref,
    /// The tags that each `try` catches.
    tags: HashMap<Label, Vec<u32>>,
    /// Which handlers have come already.
    done: HashMap<Label, usize>,
    /// Locals for references to exceptions that are thrown on.
    references: HashMap<Label, u32>,
}

impl<'e> Handlers<'e> {
    fn find(code: &mut Code<'_>, types: &'e Exnref) -> Self {
        let mut handlers = Handlers { types, tags: HashMap::new(), done: HashMap::new(), references: HashMap::new() };
        for instruction in code.list.iter() {
            match instruction.op {
                Op::Catch(label, tag) => handlers.tags.entry(label).or_default().push(tag),
                Op::Rethrow(label) => {
                    let next = code.locals + handlers.references.len() as u32;
                    handlers.references.entry(label).or_insert(next);
                }
                _ => {}
            }
        }
        handlers
    }
}

struct Encoder<'c, 'e> {
    bytes: &'c [u8],
    /// There for `try_table`.
    handlers: Option<Handlers<'e>>,
    /// The open blocks; `None` for one to which no label belongs.
    open: Vec<Option<Label>>,
    /// Where in that list each label was last.
    places: HashMap<Label, usize>,
    out: Vec<u8>,
}

impl Encoder<'_, '_> {
    fn depth(&self, label: Label) -> Result<u32> {
        let place = self.places.get(&label).filter(|place| self.open.get(**place) == Some(&Some(label)));
        place.map(|place| (self.open.len() - 1 - place) as u32).ok_or_else(|| Error::Internal(format!("label {label} is not open")))
    }

    /// Opens the block of `label`.
    fn enter(&mut self, label: Label) {
        self.places.insert(label, self.open.len());
        self.open.push(Some(label));
    }

    fn instruction(&mut self, op: &Op) -> Result<()> {
        match op {
            Op::Push(span) | Op::Plain(span, ..) | Op::Stop(span, _) => {
                self.out.extend_from_slice(&self.bytes[span.start as usize..span.end as usize]);
                return Ok(());
            }
            Op::Try(label, ty) if self.handlers.is_some() => return self.try_table(*label, *ty),
            Op::Catch(label, _) if self.handlers.is_some() => return self.handler(*label),
            Op::Rethrow(label) if self.handlers.is_some() => return self.throw_reference(*label),
            _ => {}
        }
        let depth = match op {
            Op::Br(label) | Op::BrIf(label) | Op::Rethrow(label) => self.depth(*label)?,
            _ => 0,
        };
        if let Op::BrTable(labels, default) = op {
            let depths = labels.iter().map(|label| self.depth(*label)).collect::<Result<Vec<_>>>()?;
            let default = self.depth(*default)?;
            InstructionSink::new(&mut self.out).br_table(depths, default);
            return Ok(());
        }
        match op {
            Op::Block(label, _) | Op::Loop(label, _) | Op::If(label, _) | Op::Try(label, _) => self.enter(*label),
            Op::End(_) => drop(self.open.pop()),
            _ => {}
        }
        let mut sink = InstructionSink::new(&mut self.out);
        match *op {
            Op::Get(local) => sink.local_get(local),
            Op::Set(local) => sink.local_set(local),
            Op::Tee(local) => sink.local_tee(local),
            Op::Const(value) => sink.i32_const(value),
            Op::Eqz => sink.i32_eqz(),
            Op::Eq => sink.i32_eq(),
            Op::Ne => sink.i32_ne(),
            Op::And => sink.i32_and(),
            Op::Select => sink.select(),
            Op::Drop => sink.drop(),
            Op::Call(function) => sink.call(function),
            Op::GlobalGet(global) => sink.global_get(global),
            Op::GlobalSet(global) => sink.global_set(global),
            Op::Block(_, ty) => sink.block(encoded(ty)?),
            Op::Loop(_, ty) => sink.loop_(encoded(ty)?),
            Op::If(_, ty) => sink.if_(encoded(ty)?),
            Op::Else(_) => sink.else_(),
            Op::Try(_, ty) => sink.try_(encoded(ty)?),
            Op::Catch(_, tag) => sink.catch(tag),
            Op::End(_) => sink.end(),
            Op::Unreachable => sink.unreachable(),
            Op::Br(_) => sink.br(depth),
            Op::BrIf(_) => sink.br_if(depth),
            Op::Rethrow(_) => sink.rethrow(depth),
            Op::Throw(tag) => sink.throw(tag),
            Op::Push(_) | Op::Plain(..) | Op::Stop(..) | Op::BrTable(..) => &mut sink,
        };
        Ok(())
    }

    /// Blocks around a `try_table`, one for each handler and one to leave them all. The innermost is that of the first handler.
    fn try_table(&mut self, label: Label, ty: BlockType) -> Result<()> {
        let Some(handlers) = &mut self.handlers else { return Ok(()) };
        let tags = handlers.tags.get(&label).cloned().unwrap_or_default();
        let refers = handlers.references.contains_key(&label);
        let payload = if refers { handlers.types.with_reference(ty) } else { handlers.types.payload(ty) };
        self.enter(label);
        let mut sink = InstructionSink::new(&mut self.out);
        sink.block(encoded(ty)?);
        for _ in &tags {
            self.open.push(None);
            sink.block(encoded(payload)?);
        }
        let catch = |(label, &tag): (usize, &u32)| match refers {
            true => Catch::OneRef { tag, label: label as u32 },
            false => Catch::One { tag, label: label as u32 },
        };
        sink.try_table(encoded(ty)?, tags.iter().enumerate().map(catch).collect::<Vec<_>>());
        self.open.push(None);
        Ok(())
    }

    /// Out of what comes before a handler, which begins where its block ends.
    fn handler(&mut self, label: Label) -> Result<()> {
        let Some(handlers) = &mut self.handlers else { return Ok(()) };
        let done = handlers.done.entry(label).or_default();
        let first = *done == 0;
        *done += 1;
        let reference = handlers.references.get(&label).copied();
        if first {
            self.open.pop();
            InstructionSink::new(&mut self.out).end();
        }
        let out = self.depth(label)?;
        self.open.pop();
        let mut sink = InstructionSink::new(&mut self.out);
        sink.br(out).end();
        if let Some(reference) = reference {
            sink.local_set(reference);
        }
        Ok(())
    }

    fn throw_reference(&mut self, label: Label) -> Result<()> {
        let reference = self.handlers.as_ref().and_then(|handlers| handlers.references.get(&label));
        let reference = *reference.ok_or_else(|| Error::Internal("nothing to throw on".into()))?;
        InstructionSink::new(&mut self.out).local_get(reference).throw_ref();
        Ok(())
    }
}

fn encoded(ty: BlockType) -> Result<wasm_encoder::BlockType> {
    Ok(match ty {
        BlockType::Empty => wasm_encoder::BlockType::Empty,
        BlockType::Type(ty) => wasm_encoder::BlockType::Result(Module::encoded_type(ty)?),
        BlockType::FuncType(index) => wasm_encoder::BlockType::FunctionType(index),
    })
}
