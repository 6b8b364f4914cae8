//! What code refers to: the edges that reachability follows.

use crate::Result;
use crate::module::{Body, ConstExpr};
use wasmparser::{BinaryReader, BlockType, Catch, FunctionBody, Operator, OperatorsReader};

/// The ids that a function body or a constant expression mentions, each once and in ascending order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// Functions that are called or whose reference is taken.
    pub functions: Vec<u32>,
    /// Globals that are read.
    pub reads: Vec<u32>,
    /// Globals that are written.
    pub writes: Vec<u32>,
    /// Types of blocks and of indirect calls.
    pub types: Vec<u32>,
    /// Tags that are thrown or caught.
    pub tags: Vec<u32>,
    /// Whether a table is read, written or measured, other than by calls.
    pub tables: bool,
}

/// Whether the operator reads, writes or measures a table itself.
pub fn works_on_tables(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::TableGet { .. }
            | Operator::TableSet { .. }
            | Operator::TableGrow { .. }
            | Operator::TableSize { .. }
            | Operator::TableFill { .. }
            | Operator::TableCopy { .. }
            | Operator::TableInit { .. }
    )
}

impl References {
    /// The references of `body`.
    pub fn of_body(body: &Body<'_>) -> Result<Self> {
        Self::of_operators(FunctionBody::new(BinaryReader::new(&body.bytes, body.offset)).get_operators_reader()?)
    }

    /// The references of `expression`.
    pub fn of_expression(expression: &ConstExpr<'_>) -> Result<Self> {
        Self::of_operators(OperatorsReader::new(BinaryReader::new(&expression.bytes, expression.offset)))
    }

    /// The functions whose reference `body` takes, which calling them does not do.
    pub fn addresses_in_body(body: &Body<'_>) -> Result<Vec<u32>> {
        let mut taken = Vec::new();
        for operator in FunctionBody::new(BinaryReader::new(&body.bytes, body.offset)).get_operators_reader()? {
            if let Operator::RefFunc { function_index } = operator? {
                taken.push(function_index);
            }
        }
        Ok(taken)
    }

    /// The functions that `body` calls or whose reference it takes, one for each such instruction and in their order.
    pub fn functions_in_order(body: &Body<'_>) -> Result<Vec<u32>> {
        let mut functions = Vec::new();
        for operator in FunctionBody::new(BinaryReader::new(&body.bytes, body.offset)).get_operators_reader()? {
            if let Operator::Call { function_index }
            | Operator::ReturnCall { function_index }
            | Operator::RefFunc { function_index } = operator?
            {
                functions.push(function_index);
            }
        }
        Ok(functions)
    }

    fn of_operators(operators: OperatorsReader<'_>) -> Result<Self> {
        let mut references = References::default();
        for operator in operators {
            references.add(&operator?);
        }
        let lists = [&mut references.functions, &mut references.reads, &mut references.writes];
        for list in lists.into_iter().chain([&mut references.types, &mut references.tags]) {
            list.sort_unstable();
            list.dedup();
        }
        Ok(references)
    }

    fn add(&mut self, operator: &Operator<'_>) {
        match *operator {
            Operator::Block { blockty } | Operator::Loop { blockty } | Operator::If { blockty } | Operator::Try { blockty } => {
                self.add_block(blockty);
            }
            Operator::Call { function_index } | Operator::ReturnCall { function_index } | Operator::RefFunc { function_index } => {
                self.functions.push(function_index);
            }
            Operator::CallIndirect { type_index, .. } | Operator::ReturnCallIndirect { type_index, .. } => {
                self.types.push(type_index)
            }
            Operator::GlobalGet { global_index } => self.reads.push(global_index),
            Operator::GlobalSet { global_index } => self.writes.push(global_index),
            Operator::Throw { tag_index } | Operator::Catch { tag_index } => self.tags.push(tag_index),
            Operator::TryTable { ref try_table } => {
                self.add_block(try_table.ty);
                for catch in &try_table.catches {
                    if let Catch::One { tag, .. } | Catch::OneRef { tag, .. } = *catch {
                        self.tags.push(tag);
                    }
                }
            }
            ref other => self.tables |= works_on_tables(other),
        }
    }

    fn add_block(&mut self, ty: BlockType) {
        if let BlockType::FuncType(ty) = ty {
            self.types.push(ty);
        }
    }
}
