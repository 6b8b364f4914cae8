//! Turns code from id space into index space: every index immediate is replaced, every other byte is copied.
//!
//! Copying instead of decoding and encoding again keeps instructions exactly as they were, over-long LEBs included, and is several
//! times faster.

use super::index::{IndexMap, IndexMaps};
use crate::{Error, Result};
use wasmparser::{BinaryReader, BlockType, Catch, Operator, OperatorsReader};

/// Appends `code`, a list of operators up to the final `end`, to `out`. `offset` is where it began in the input, for errors.
pub fn remap_code(code: &[u8], offset: u64, maps: &IndexMaps, out: &mut Vec<u8>) -> Result<()> {
    let mut copy = Copy { code, done: 0, out };
    let mut operators = OperatorsReader::new(BinaryReader::new(code, offset));
    let mut at = 0;
    while !operators.eof() {
        let operator = operators.read()?;
        copy.operator(&operator, at, maps)?;
        at = (operators.original_position() - offset) as usize;
    }
    copy.finish();
    Ok(())
}

struct Copy<'a> {
    code: &'a [u8],
    /// Everything before this position is in `out`.
    done: usize,
    out: &'a mut Vec<u8>,
}

impl Copy<'_> {
    /// Replaces the index immediates of the operator at position `at`.
    fn operator(&mut self, operator: &Operator<'_>, at: usize, maps: &IndexMaps) -> Result<()> {
        let first = at + 1;
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
            _ => {}
        }
        Ok(())
    }

    fn block_type(&mut self, at: usize, ty: BlockType, maps: &IndexMaps) -> Result<usize> {
        let end = self.skip(at);
        if let BlockType::FuncType(id) = ty {
            let index = maps.types.get(id)?;
            if index != id {
                self.up_to(at);
                // A block type is a signed LEB; a type index in it is not negative.
                wasm_encoder::Encode::encode(&i64::from(index), self.out);
                self.done = end;
            }
        }
        Ok(end)
    }

    /// Replaces the index `id` at position `at`; returns the position behind it.
    fn index(&mut self, at: usize, id: u32, map: &IndexMap) -> Result<usize> {
        let end = self.skip(at);
        let index = map.get(id)?;
        if index != id {
            self.up_to(at);
            wasm_encoder::Encode::encode(&index, self.out);
            self.done = end;
        }
        Ok(end)
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
