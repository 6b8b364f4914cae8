//! Turns code from id space into index space: every index immediate is replaced, every other byte is copied.
//!
//! Copying instead of decoding and encoding again keeps instructions exactly as they were, over-long LEBs included, and is several
//! times faster. On request, the LEBs that linkers pad (indices, constants and offsets of loads and stores: whatever had a relocation)
//! are made as short as they can be; the instructions remain what they are.

use super::index::{IndexMap, IndexMaps};
use crate::{Error, Result};
use std::ops::Range;
use wasm_encoder::Encode;
use wasmparser::{BinaryReader, BlockType, Catch, Operator, OperatorsReader};

/// Appends `code`, a list of operators up to the final `end`, to `out`. `offset` is where it began in the input, for errors;
/// `shorten` asks for the shortest LEBs.
pub fn remap_code(code: &[u8], offset: u64, maps: &IndexMaps, shorten: bool, out: &mut Vec<u8>) -> Result<()> {
    let mut copy = Copy { code, done: 0, shorten, out };
    let mut operators = OperatorsReader::new(BinaryReader::new(code, offset));
    let mut at = 0;
    while !operators.eof() {
        let operator = operators.read()?;
        let end = (operators.original_position() - offset) as usize;
        copy.operator(&operator, at..end, maps)?;
        at = end;
    }
    copy.finish();
    Ok(())
}

/// Opcodes of the plain loads and stores.
const LOADS_AND_STORES: std::ops::RangeInclusive<u8> = 0x28..=0x3e;

struct Copy<'a> {
    code: &'a [u8],
    /// Everything before this position is in `out`.
    done: usize,
    shorten: bool,
    out: &'a mut Vec<u8>,
}

impl Copy<'_> {
    /// Replaces the index immediates of the operator whose bytes are at `span`.
    fn operator(&mut self, operator: &Operator<'_>, span: Range<usize>, maps: &IndexMaps) -> Result<()> {
        let first = span.start + 1;
        match *operator {
            Operator::Block { blockty } | Operator::Loop { blockty } | Operator::If { blockty } | Operator::Try { blockty } => {
                self.block_type(first, blockty, maps)?;
            }
            Operator::Call { function_index } | Operator::ReturnCall { function_index } | Operator::RefFunc { function_index } => {
                self.index(first, function_index, &maps.functions)?;
            }
            Operator::CallIndirect { type_index, table_index } | Operator::ReturnCallIndirect { type_index, table_index } => {
                let table = self.index(first, type_index, &maps.types)?;
                self.index(table, table_index, &maps.tables)?;
            }
            Operator::GlobalGet { global_index } | Operator::GlobalSet { global_index } => {
                self.index(first, global_index, &maps.globals)?;
            }
            Operator::Throw { tag_index } | Operator::Catch { tag_index } => {
                self.index(first, tag_index, &maps.tags)?;
            }
            Operator::TryTable { ref try_table } => {
                let mut next = self.block_type(first, try_table.ty, maps)?;
                next = self.skip(next);
                for catch in &try_table.catches {
                    next += 1;
                    next = match *catch {
                        Catch::One { tag, .. } | Catch::OneRef { tag, .. } => self.index(next, tag, &maps.tags)?,
                        Catch::All { .. } | Catch::AllRef { .. } => next,
                    };
                    next = self.skip(next);
                }
            }
            Operator::TableGet { table } | Operator::TableSet { table } => {
                self.index(first, table, &maps.tables)?;
            }
            Operator::TableGrow { table } | Operator::TableSize { table } | Operator::TableFill { table } => {
                let next = self.skip(first);
                self.index(next, table, &maps.tables)?;
            }
            Operator::TableCopy { dst_table, src_table } => {
                let next = self.skip(first);
                let next = self.index(next, dst_table, &maps.tables)?;
                self.index(next, src_table, &maps.tables)?;
            }
            Operator::TableInit { table, .. } => {
                let segment = self.skip(first);
                let next = self.skip(segment);
                self.index(next, table, &maps.tables)?;
            }
            Operator::I32Const { value } if self.shorten => {
                self.shortened(first, |out| value.encode(out));
            }
            Operator::I64Const { value } if self.shorten => {
                self.shortened(first, |out| value.encode(out));
            }
            _ if self.shorten && LOADS_AND_STORES.contains(&self.code[span.start]) => {
                let mut next = first;
                while next < span.end {
                    next = self.shortened_unsigned(next);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn block_type(&mut self, at: usize, ty: BlockType, maps: &IndexMaps) -> Result<usize> {
        let end = self.skip(at);
        if let BlockType::FuncType(id) = ty {
            let index = maps.types.get(id)?;
            if index != id || self.shorten {
                // A block type is a signed LEB; a type index in it is not negative.
                self.put(at..end, |out| i64::from(index).encode(out));
            }
        }
        Ok(end)
    }

    /// Replaces the index `id` at position `at`; returns the position behind it.
    fn index(&mut self, at: usize, id: u32, map: &IndexMap) -> Result<usize> {
        let end = self.skip(at);
        let index = map.get(id)?;
        if index != id || self.shorten {
            self.put(at..end, |out| index.encode(out));
        }
        Ok(end)
    }

    /// Has `encode` write the immediate at `at` anew.
    fn shortened(&mut self, at: usize, encode: impl FnOnce(&mut Vec<u8>)) {
        let end = self.skip(at);
        self.put(at..end, encode);
    }

    /// Writes the unsigned LEB at `at` anew; returns the position behind it.
    fn shortened_unsigned(&mut self, at: usize) -> usize {
        let end = self.skip(at);
        let groups = self.code[at..end].iter().enumerate();
        // The code was validated, so the value fits into 64 bits.
        let value = groups.fold(0, |value, (group, byte)| value | (u64::from(byte & 0x7f) << (7 * group)));
        self.put(at..end, |out| value.encode(out));
        end
    }

    /// Puts what `encode` writes in the place of the bytes of `span`.
    fn put(&mut self, span: Range<usize>, encode: impl FnOnce(&mut Vec<u8>)) {
        self.up_to(span.start);
        encode(self.out);
        self.done = span.end;
    }

    /// The position behind the LEB at `at`. The code was validated, so the LEB ends within it.
    fn skip(&self, at: usize) -> usize {
        let length = self.code[at..].iter().take_while(|byte| **byte & 0x80 != 0).count();
        at + length + 1
    }

    fn up_to(&mut self, at: usize) {
        self.out.extend_from_slice(&self.code[self.done..at]);
        self.done = at;
    }

    fn finish(mut self) {
        self.up_to(self.code.len());
    }
}

/// The length of the local declarations at the start of a function body.
pub fn locals_length(body: &[u8], offset: u64) -> Result<usize> {
    let reader = wasmparser::FunctionBody::new(BinaryReader::new(body, offset));
    let operators = reader.get_binary_reader_for_operators()?;
    let start = usize::try_from(operators.original_position() - offset);
    start.map_err(|_| Error::malformed(offset, "function body too large"))
}
