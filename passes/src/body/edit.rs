//! Changes to one body that leave every other instruction as it is.

use crate::module::{Body, FunctionId, Module};
use crate::{Error, Result};
use std::ops::Range;
use wasm_encoder::Encode;
use wasmparser::{BinaryReader, FunctionBody, ValType};

/// A list of replacements for spans of a body, and locals to add to it. Positions are those of the original body.
#[derive(Debug)]
pub struct Edits<'b> {
    body: &'b Body<'b>,
    replacements: Vec<(Range<usize>, Vec<u8>)>,
    /// How many groups of locals the body declares, and where their bytes are.
    groups: u32,
    declarations: Range<usize>,
    /// Number of the next local.
    next_local: u32,
    added: Vec<ValType>,
    /// Code in front of the first instruction.
    prologue: Vec<u8>,
}

impl<'b> Edits<'b> {
    /// No change yet to `body`, the body of a function with so many `parameters`.
    pub fn new(body: &'b Body<'b>, parameters: u32) -> Result<Self> {
        let mut reader = FunctionBody::new(BinaryReader::new(&body.bytes, body.offset)).get_locals_reader()?;
        let groups = reader.get_count();
        let begin = (reader.original_position() - body.offset) as usize;
        let mut next_local = parameters;
        for _ in 0..groups {
            next_local += reader.read()?.0;
        }
        let end = (reader.original_position() - body.offset) as usize;
        Ok(Edits {
            body,
            replacements: Vec::new(),
            groups,
            declarations: begin..end,
            next_local,
            added: Vec::new(),
            prologue: Vec::new(),
        })
    }

    /// Puts `code` in front of the first instruction.
    pub fn begin_with(&mut self, code: Vec<u8>) {
        self.prologue.extend(code);
    }

    /// Puts `with` in the place of the bytes of `span`. Spans may not overlap.
    pub fn replace(&mut self, span: Range<usize>, with: Vec<u8>) {
        self.replacements.push((span, with));
    }

    /// The bytes of `span` as they are in the original.
    pub fn original(&self, span: &Range<usize>) -> &[u8] {
        &self.body.bytes[span.clone()]
    }

    /// The length in bytes of the `call` at `at`.
    pub fn call_length(&self, at: usize) -> usize {
        let immediate = self.body.bytes[at + 1..].iter().take_while(|byte| **byte & 0x80 != 0).count();
        immediate + 2
    }

    /// Directs the `call` at `at` to another function of the same type.
    pub fn redirect_call(&mut self, at: usize, callee: FunctionId) {
        let mut immediate = Vec::new();
        callee.0.encode(&mut immediate);
        self.replace(at + 1..at + self.call_length(at), immediate);
    }

    /// Adds a local of type `ty` and returns its number.
    pub fn new_local(&mut self, ty: ValType) -> Result<u32> {
        let local = self.next_local;
        self.next_local = local.checked_add(1).ok_or_else(|| Error::Internal("too many locals".into()))?;
        self.added.push(ty);
        Ok(local)
    }

    /// The body with all changes.
    pub fn apply(mut self) -> Result<Vec<u8>> {
        self.replacements.sort_by_key(|(span, _)| (span.start, span.end));
        let bytes = &self.body.bytes;
        let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 8);
        let mut runs: Vec<(u32, ValType)> = Vec::new();
        for &ty in &self.added {
            match runs.last_mut().filter(|(_, last)| *last == ty) {
                Some((count, _)) => *count += 1,
                None => runs.push((1, ty)),
            }
        }
        (self.groups + runs.len() as u32).encode(&mut out);
        out.extend_from_slice(&bytes[self.declarations.clone()]);
        for (count, ty) in runs {
            count.encode(&mut out);
            Module::encoded_type(ty)?.encode(&mut out);
        }
        out.extend_from_slice(&self.prologue);
        let mut done = self.declarations.end;
        for (span, with) in &self.replacements {
            let between = bytes.get(done..span.start).ok_or_else(|| Error::Internal("changes of a body overlap".into()))?;
            out.extend_from_slice(between);
            out.extend_from_slice(with);
            done = span.end;
        }
        out.extend_from_slice(&bytes[done..]);
        Ok(out)
    }
}
