//! The bytes of a [`Code`]: the only way out of the list, with `try` as the legacy instruction or as `try_table`.

use super::code::{Code, Label, Op};
use crate::module::Module;
use crate::{Error, Result};
use std::collections::HashMap;
use wasm_encoder::{Catch, Encode, InstructionSink};
use wasmparser::{BlockType, ValType};

impl Code<'_> {
    /// The declarations, those of locals that were added last.
    fn all_declarations(&self) -> Result<Vec<(u32, Vec<u8>)>> {
        let mut groups: Vec<_> = self.declarations.iter().map(|(count, ty)| (*count, ty.to_vec())).collect();
        for &(count, ty) in &self.added {
            let mut bytes = Vec::new();
            Module::encoded_type(ty)?.encode(&mut bytes);
            groups.push((count, bytes));
        }
        Ok(groups)
    }

    /// The declarations without the last locals that nobody uses, which are those that were added most of the time; groups of one type
    /// that follow each other become one.
    fn used_declarations(&self) -> Result<Vec<(u32, Vec<u8>)>> {
        let used = self.list.iter().filter_map(|instruction| match instruction.op {
            Op::Get(local) | Op::Set(local) | Op::Tee(local) => Some(local + 1),
            _ => None,
        });
        let all = self.all_declarations()?;
        let parameters = self.locals - all.iter().map(|(count, _)| count).sum::<u32>();
        let mut left = used.max().unwrap_or(0).saturating_sub(parameters);
        let mut groups: Vec<(u32, Vec<u8>)> = Vec::new();
        for (count, ty) in all {
            let count = left.min(count);
            left -= count;
            match groups.last_mut() {
                Some((before, same)) if *same == ty => *before += count,
                _ if count > 0 => groups.push((count, ty)),
                _ => {}
            }
        }
        Ok(groups)
    }

    /// The body in bytes. No sites may be left.
    pub fn encode(self, exnref: Option<&Exnref>) -> Result<Vec<u8>> {
        let handlers = exnref.map(|exnref| Handlers::find(&self, exnref));
        let mut out = Vec::with_capacity(self.length() + self.length() / 8);
        let references = handlers.as_ref().map_or(0, |handlers| handlers.references.len() as u32);
        // The locals for references come behind all others.
        let groups = if references > 0 { self.all_declarations()? } else { self.used_declarations()? };
        (groups.len() as u32 + u32::from(references > 0)).encode(&mut out);
        for (count, ty) in groups {
            count.encode(&mut out);
            out.extend_from_slice(&ty);
        }
        if references > 0 {
            references.encode(&mut out);
            Module::encoded_type(ValType::EXNREF)?.encode(&mut out);
        }
        let mut encoder = Encoder { code: &self, handlers, open: vec![Some(0)], places: HashMap::from([(0, 0)]), out };
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
    fn find(code: &Code<'_>, types: &'e Exnref) -> Self {
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
    code: &'c Code<'c>,
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
                self.out.extend_from_slice(self.code.bytes(span));
                return Ok(());
            }
            Op::Try(label, ty) if self.handlers.is_some() => return self.try_table(*label, *ty),
            Op::Catch(label, _) if self.handlers.is_some() => return self.handler(*label),
            Op::Rethrow(label) if self.handlers.is_some() => return self.throw_reference(*label),
            Op::Site(_) => return Err(Error::Internal("a site that nothing was written for".into())),
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
            Op::Push(_) | Op::Plain(..) | Op::Stop(..) | Op::BrTable(..) | Op::Site(_) => &mut sink,
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
