//! One look over a body: what it refers to, and where.
//!
//! **Idea.** Nearly every pass asks the same of every body: which functions it calls, which globals it reads, whether it throws. So a body
//! is decoded once, when the first of them asks ([`Body::facts`](crate::module::Body::facts)), several bodies at a time, and the answers
//! stay until a pass puts another body in its place. Writing a module, where every index changes and nothing else, needs no decoding
//! either: the facts tell where the indices are.
//!
//! **Relies on** the body being valid, as [`crate::module::Module::read`] makes sure, and on all ids being in id space.

use crate::Result;
use wasm_encoder::Encode;
use wasmparser::{BinaryReader, BlockType, Catch, FunctionBody, Operator, OperatorsReader};

/// What an index immediate names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The function of a `call`.
    Call,
    /// The function of a `return_call`.
    TailCall,
    /// The function of a `ref.func`.
    Reference,
    /// The global of a `global.get`.
    Read,
    /// The global of a `global.set`.
    Write,
    /// The type of a block: a signed number.
    BlockType,
    /// The type of an indirect call.
    Type,
    Tag,
    Table,
}

/// An index in code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Immediate {
    /// Where it begins, counted from the beginning of the body, or of the expression.
    pub at: u32,
    /// What it names, an id.
    pub id: u32,
    pub kind: Kind,
}

/// What is known of one body, or of a constant expression.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// All indices, in the order of the code.
    pub immediates: Box<[Immediate]>,
    /// Some number takes more room than it needs: an index, a constant, or the offset of a load or store.
    pub padded: bool,
    /// A table is read, written or measured, other than by calls.
    pub tables: bool,
    /// It calls through a table.
    pub indirect_calls: bool,
    /// It throws by an instruction of its own.
    pub throws: bool,
    /// It has exception handlers of the legacy instructions.
    pub legacy_try: bool,
    /// It has exception handlers of the new instructions.
    pub try_table: bool,
    /// It throws the reference of an exception on.
    pub throw_ref: bool,
}

impl Facts {
    /// The facts about the function body that `bytes` are; `offset` is where it began in the input, for errors.
    pub fn of_body(bytes: &[u8], offset: u64) -> Result<Self> {
        Self::of_operators(FunctionBody::new(BinaryReader::new(bytes, offset)).get_operators_reader()?, bytes, offset)
    }

    /// The facts about the constant expression that `bytes` are.
    pub fn of_expression(bytes: &[u8], offset: u64) -> Result<Self> {
        Self::of_operators(OperatorsReader::new(BinaryReader::new(bytes, offset)), bytes, offset)
    }

    fn of_operators(operators: OperatorsReader<'_>, bytes: &[u8], offset: u64) -> Result<Self> {
        let look = Look::over(operators, bytes, offset)?;
        Ok(Facts { immediates: look.immediates.into(), padded: !look.padded.is_empty(), ..look.facts })
    }

    /// The functions that it calls or whose reference it takes, one for each such instruction and in their order.
    pub fn functions(&self) -> impl Iterator<Item = u32> {
        self.ids(|kind| matches!(kind, Kind::Call | Kind::TailCall | Kind::Reference))
    }

    /// The functions that it calls, one for each such instruction and in their order.
    pub fn calls(&self) -> impl Iterator<Item = u32> {
        self.ids(|kind| matches!(kind, Kind::Call | Kind::TailCall))
    }

    /// The functions whose reference it takes.
    pub fn taken(&self) -> impl Iterator<Item = u32> {
        self.ids(|kind| kind == Kind::Reference)
    }

    /// The globals that it reads, one for each such instruction and in their order.
    pub fn reads(&self) -> impl Iterator<Item = u32> {
        self.ids(|kind| kind == Kind::Read)
    }

    /// The globals that it writes, one for each such instruction and in their order.
    pub fn writes(&self) -> impl Iterator<Item = u32> {
        self.ids(|kind| kind == Kind::Write)
    }

    /// The types of its indirect calls, one for each such instruction and in their order.
    pub fn types_called(&self) -> impl Iterator<Item = u32> {
        self.ids(|kind| kind == Kind::Type)
    }

    fn ids(&self, wanted: impl Fn(Kind) -> bool) -> impl Iterator<Item = u32> {
        self.immediates.iter().filter(move |immediate| wanted(immediate.kind)).map(|immediate| immediate.id)
    }
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

/// Opcodes of the plain loads and stores.
const LOADS_AND_STORES: std::ops::RangeInclusive<u8> = 0x28..=0x3e;

/// The position behind the LEB at `at`. The code was validated, so the LEB ends within it.
pub fn behind_leb(bytes: &[u8], at: usize) -> usize {
    let length = bytes[at..].iter().take_while(|byte| **byte & 0x80 != 0).count();
    at + length + 1
}

/// The function body that `bytes` are, with every index, constant and offset as short as it can be.
pub fn shortened(bytes: &[u8], offset: u64) -> Result<Vec<u8>> {
    let operators = FunctionBody::new(BinaryReader::new(bytes, offset)).get_operators_reader()?;
    let mut out = Vec::with_capacity(bytes.len());
    let mut done = 0;
    for Padded { at, end, signed } in Look::over(operators, bytes, offset)?.padded {
        out.extend_from_slice(&bytes[done..at]);
        let mut number = BinaryReader::new(&bytes[at..end], 0);
        match signed {
            true => number.read_var_i64()?.encode(&mut out),
            false => number.read_var_u64()?.encode(&mut out),
        }
        done = end;
    }
    out.extend_from_slice(&bytes[done..]);
    Ok(out)
}

/// A number that takes more room than it needs.
struct Padded {
    at: usize,
    end: usize,
    signed: bool,
}

/// A walk over code.
struct Look<'b> {
    bytes: &'b [u8],
    immediates: Vec<Immediate>,
    padded: Vec<Padded>,
    facts: Facts,
}

impl<'b> Look<'b> {
    fn over(mut operators: OperatorsReader<'_>, bytes: &'b [u8], offset: u64) -> Result<Self> {
        let mut look = Look { bytes, immediates: Vec::new(), padded: Vec::new(), facts: Facts::default() };
        let mut at = (operators.original_position() - offset) as usize;
        while !operators.eof() {
            let operator = operators.read()?;
            let end = (operators.original_position() - offset) as usize;
            look.operator(&operator, at, end);
            at = end;
        }
        Ok(look)
    }

    /// The operator at `at`, which ends at `end`.
    fn operator(&mut self, operator: &Operator<'_>, at: usize, end: usize) {
        let first = at + 1;
        match *operator {
            Operator::Block { blockty } | Operator::Loop { blockty } | Operator::If { blockty } => {
                self.block_type(first, blockty);
            }
            Operator::Try { blockty } => {
                self.facts.legacy_try = true;
                self.block_type(first, blockty);
            }
            Operator::TryTable { ref try_table } => {
                self.facts.try_table = true;
                let mut next = behind_leb(self.bytes, self.block_type(first, try_table.ty));
                for catch in &try_table.catches {
                    next += 1;
                    if let Catch::One { tag, .. } | Catch::OneRef { tag, .. } = *catch {
                        next = self.index(next, tag, Kind::Tag);
                    }
                    next = behind_leb(self.bytes, next);
                }
            }
            Operator::Call { function_index } => self.only_index(first, function_index, Kind::Call),
            Operator::ReturnCall { function_index } => self.only_index(first, function_index, Kind::TailCall),
            Operator::RefFunc { function_index } => self.only_index(first, function_index, Kind::Reference),
            Operator::CallIndirect { type_index, table_index } | Operator::ReturnCallIndirect { type_index, table_index } => {
                self.facts.indirect_calls = true;
                let table = self.index(first, type_index, Kind::Type);
                self.only_index(table, table_index, Kind::Table);
            }
            Operator::GlobalGet { global_index } => self.only_index(first, global_index, Kind::Read),
            Operator::GlobalSet { global_index } => self.only_index(first, global_index, Kind::Write),
            Operator::Throw { tag_index } => {
                self.facts.throws = true;
                self.only_index(first, tag_index, Kind::Tag);
            }
            Operator::Catch { tag_index } => self.only_index(first, tag_index, Kind::Tag),
            Operator::Rethrow { .. } => self.facts.throws = true,
            Operator::ThrowRef => {
                self.facts.throws = true;
                self.facts.throw_ref = true;
            }
            Operator::I32Const { .. } | Operator::I64Const { .. } => self.number(first, end, true),
            _ if LOADS_AND_STORES.contains(&self.bytes[at]) => {
                let mut next = first;
                while next < end {
                    let behind = behind_leb(self.bytes, next);
                    self.number(next, behind, false);
                    next = behind;
                }
            }
            _ if works_on_tables(operator) => {
                self.facts.tables = true;
                self.table_operator(operator, first);
            }
            _ => {}
        }
    }

    /// An operator that works on a table itself.
    fn table_operator(&mut self, operator: &Operator<'_>, first: usize) {
        match *operator {
            Operator::TableGet { table } | Operator::TableSet { table } => self.only_index(first, table, Kind::Table),
            Operator::TableGrow { table } | Operator::TableSize { table } | Operator::TableFill { table } => {
                self.only_index(behind_leb(self.bytes, first), table, Kind::Table);
            }
            Operator::TableCopy { dst_table, src_table } => {
                let next = self.index(behind_leb(self.bytes, first), dst_table, Kind::Table);
                self.only_index(next, src_table, Kind::Table);
            }
            Operator::TableInit { table, .. } => {
                let segment = behind_leb(self.bytes, first);
                self.only_index(behind_leb(self.bytes, segment), table, Kind::Table);
            }
            _ => {}
        }
    }

    /// Returns the position behind the block type at `at`.
    fn block_type(&mut self, at: usize, ty: BlockType) -> usize {
        let end = behind_leb(self.bytes, at);
        if let BlockType::FuncType(id) = ty {
            self.immediates.push(Immediate { at: at as u32, id, kind: Kind::BlockType });
            self.number(at, end, true);
        }
        end
    }

    /// Notes the index `id` at `at`; returns the position behind it.
    fn index(&mut self, at: usize, id: u32, kind: Kind) -> usize {
        self.immediates.push(Immediate { at: at as u32, id, kind });
        let end = behind_leb(self.bytes, at);
        self.number(at, end, false);
        end
    }

    /// Notes the last index of an operator.
    fn only_index(&mut self, at: usize, id: u32, kind: Kind) {
        self.index(at, id, kind);
    }

    /// Notes the number from `at` to `end` if it takes more room than it needs.
    fn number(&mut self, at: usize, end: usize, signed: bool) {
        // The last byte says nothing: the one before has all of the value, and the sign.
        let padded = match (&self.bytes[at..end], signed) {
            ([_, .., 0], false) => true,
            ([.., before, 0], true) => before & 0x40 == 0,
            ([.., before, 0x7f], true) => before & 0x40 != 0,
            _ => false,
        };
        if padded {
            self.padded.push(Padded { at, end, signed });
        }
    }
}
