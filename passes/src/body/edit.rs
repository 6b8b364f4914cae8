//! Changes to one body that leave every other instruction as it is.

use crate::module::{Body, FunctionId};
use crate::{Error, Result};
use std::ops::Range;
use wasm_encoder::Encode;

/// A list of replacements for spans of a body. Positions are those of the original body.
#[derive(Debug)]
pub struct Edits<'b> {
    body: &'b Body<'b>,
    replacements: Vec<(Range<usize>, Vec<u8>)>,
}

impl<'b> Edits<'b> {
    /// No change yet to `body`.
    pub fn new(body: &'b Body<'b>) -> Self {
        Edits { body, replacements: Vec::new() }
    }

    /// Puts `with` in the place of the bytes of `span`. Spans may not overlap.
    pub fn replace(&mut self, span: Range<usize>, with: Vec<u8>) {
        self.replacements.push((span, with));
    }

    /// Directs the `call` at `at` to another function of the same type.
    pub fn redirect_call(&mut self, at: usize, callee: FunctionId) {
        let immediate = at + 1;
        let continued = self.body.bytes[immediate..].iter().take_while(|byte| **byte & 0x80 != 0).count();
        let mut with = Vec::new();
        callee.0.encode(&mut with);
        self.replace(immediate..immediate + continued + 1, with);
    }

    /// The body with all changes.
    pub fn apply(mut self) -> Result<Vec<u8>> {
        self.replacements.sort_by_key(|(span, _)| (span.start, span.end));
        let bytes = &self.body.bytes;
        let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 8);
        let mut done = 0;
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
