//! The bytes of a [`Code`]: the only way out of the list.

use super::code::{Clause, Code, Label, Op};
use crate::module::Module;
use crate::{Error, Result};
use std::collections::HashMap;
use wasm_encoder::{Catch, Encode, InstructionSink};
use wasmparser::BlockType;

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
    pub fn encode(self) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(self.length() + self.length() / 8);
        let groups = self.used_declarations()?;
        (groups.len() as u32).encode(&mut out);
        for (count, ty) in groups {
            count.encode(&mut out);
            out.extend_from_slice(&ty);
        }
        let mut encoder = Encoder { code: &self, open: vec![0], places: HashMap::from([(0, 0)]), out };
        for instruction in self.list.iter() {
            encoder.instruction(&instruction.op)?;
        }
        Ok(encoder.out)
    }
}

struct Encoder<'c> {
    code: &'c Code<'c>,
    /// The open blocks.
    open: Vec<Label>,
    /// Where in that list each label was last.
    places: HashMap<Label, usize>,
    out: Vec<u8>,
}

impl Encoder<'_> {
    fn depth(&self, label: Label) -> Result<u32> {
        let place = self.places.get(&label).filter(|place| self.open.get(**place) == Some(&label));
        place.map(|place| (self.open.len() - 1 - place) as u32).ok_or_else(|| Error::Internal(format!("label {label} is not open")))
    }

    /// Opens the block of `label`.
    fn enter(&mut self, label: Label) {
        self.places.insert(label, self.open.len());
        self.open.push(label);
    }

    fn instruction(&mut self, op: &Op) -> Result<()> {
        match op {
            Op::Push(span) | Op::Plain(span, ..) | Op::Stop(span, _) => {
                self.out.extend_from_slice(self.code.bytes(span));
                return Ok(());
            }
            Op::Site(_) => return Err(Error::Internal("a site that nothing was written for".into())),
            Op::BrTable(labels, default) => return self.br_table(labels, *default),
            Op::TryTable(label, ty, clauses) => return self.try_table(*label, *ty, clauses),
            Op::End(_) | Op::Delegate(..) => drop(self.open.pop()),
            _ => {}
        }
        let depth = match op {
            Op::Br(label) | Op::BrIf(label) | Op::Rethrow(label) | Op::Delegate(_, label) => self.depth(*label)?,
            _ => 0,
        };
        if let Op::Block(label, _) | Op::Loop(label, _) | Op::If(label, _) | Op::Try(label, _) = op {
            self.enter(*label);
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
            Op::CatchAll(_) => sink.catch_all(),
            Op::Delegate(..) => sink.delegate(depth),
            Op::End(_) => sink.end(),
            Op::Return => sink.return_(),
            Op::Unreachable => sink.unreachable(),
            Op::Br(_) => sink.br(depth),
            Op::BrIf(_) => sink.br_if(depth),
            Op::Rethrow(_) => sink.rethrow(depth),
            Op::Throw(tag) => sink.throw(tag),
            Op::ThrowRef => sink.throw_ref(),
            Op::Push(_) | Op::Plain(..) | Op::Stop(..) | Op::BrTable(..) | Op::TryTable(..) | Op::Site(_) => &mut sink,
        };
        Ok(())
    }

    fn br_table(&mut self, labels: &[Label], default: Label) -> Result<()> {
        let depths = labels.iter().map(|label| self.depth(*label)).collect::<Result<Vec<_>>>()?;
        let default = self.depth(default)?;
        InstructionSink::new(&mut self.out).br_table(depths, default);
        Ok(())
    }

    /// The labels of its clauses are counted from outside.
    fn try_table(&mut self, label: Label, ty: BlockType, clauses: &[Clause]) -> Result<()> {
        let catch = |clause: &Clause| {
            let label = self.depth(clause.to)?;
            Ok(match (clause.tag, clause.reference) {
                (Some(tag), false) => Catch::One { tag, label },
                (Some(tag), true) => Catch::OneRef { tag, label },
                (None, false) => Catch::All { label },
                (None, true) => Catch::AllRef { label },
            })
        };
        let catches = clauses.iter().map(catch).collect::<Result<Vec<_>>>()?;
        self.enter(label);
        InstructionSink::new(&mut self.out).try_table(encoded(ty)?, catches);
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
