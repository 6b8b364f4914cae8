//! Reads relocation code: which word of memory, or which global, gets which address.
//!
//! **Idea.** The code is evaluated symbolically from its first instruction to its last. A value is a constant, or a constant behind
//! `__memory_base`, `__table_base` or the contents of another global. Locals hold values, operands may come in any order, and helper
//! functions are followed, so it does not matter what an optimiser made of lld's pattern: bases kept in locals, offsets moved into
//! stores, additions turned into subtractions, common subexpressions.
//!
//! The start function also clears memory that no data segment covers (`__wasm_init_memory`, lld's `Writer::createInitMemoryFunction`).
//!
//! **When it refuses.** At the first instruction whose effect is not one of these: branches, loads, stores of anything but a whole
//! word into the module's own data, writes to imported globals, calls of imports, stores to one place. Nothing is skipped: what was
//! read is all that the code does.
//!
//! **Relies on** the dynamic-linking conventions: the imports `env.__memory_base` and `env.__table_base` are where the loader put the
//! module's `memory_size` bytes and its table slots, and neither range wraps around the end of its space.

use crate::module::{Address, FunctionId, GlobalId, Item, Module};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use wasmparser::{BinaryReader, FuncType, FunctionBody, MemArg, MemArgTarget, Operator, OperatorsReader, ValType};

/// Name of the export by which the loader finds the function that relocates data.
pub const EXPORT: &str = "__wasm_apply_data_relocs";

/// One word of data that gets an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relocation {
    /// Where the word is, in bytes behind `__memory_base`. It lies within the module's memory; it need not be aligned.
    pub place: u32,
    /// What is stored there.
    pub value: Value,
}

/// One global that gets an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GlobalRelocation {
    /// The global.
    pub global: GlobalId,
    /// What it is set to.
    pub value: Value,
}

/// What is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// An address of this module.
    Base(Address),
    /// What `global` holds when the code runs, and `addend`; the sum wraps. `global` is an import of `GOT.mem` or `GOT.func`, or a
    /// global of this module that takes the place of one.
    Entry {
        /// The global.
        global: GlobalId,
        /// What is added to it.
        addend: i32,
    },
    /// A number: what an optimiser makes of the contents of an immutable global.
    Constant(i32),
}

impl Value {
    /// The global, if there is one, and the constant that the value is the sum of, by what holds the bases. A module without a table has no use for
    /// its base.
    pub fn sum(self, memory: GlobalId, table: Option<GlobalId>) -> (Option<GlobalId>, i32) {
        match self {
            Value::Base(Address::Memory(offset)) => (Some(memory), offset as i32),
            Value::Base(Address::Table(offset)) => (table, offset as i32),
            Value::Entry { global, addend } => (Some(global), addend),
            Value::Constant(constant) => (None, constant),
        }
    }
}

/// All that a function of relocation code does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Code {
    /// The words that it stores, in this order. No two overlap.
    pub data: Vec<Relocation>,
    /// The globals that it writes, in this order. When one is written twice, the last one counts.
    pub globals: Vec<GlobalRelocation>,
    /// The ranges that it clears, in bytes behind `__memory_base`. None overlaps a word that it stores.
    pub zeroed: Vec<Range<u32>>,
}

/// Why relocation code was not recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unrecognised {
    /// Byte offset in the input of what was not recognised, or of the function that holds it; 0 when that is not known.
    pub offset: u64,
    /// What it is, to follow "relocation code has …".
    pub what: String,
}

/// The function that relocates data, if this module has one.
pub fn data_function(module: &Module<'_>) -> Option<FunctionId> {
    match module.export(EXPORT)? {
        Item::Function(id) => Some(id),
        _ => None,
    }
}

/// Reads the function `function`: the one that relocates data, or the start function.
///
/// # Errors
/// [`Unrecognised`] when the function does anything else, or anything that this reader does not understand.
pub fn read(module: &Module<'_>, function: FunctionId) -> Result<Code, Unrecognised> {
    let mut reader = Reader::new(module);
    reader.function(function)?;
    reader.refuse_overlaps()?;
    Ok(reader.code)
}

/// Reads the function `function`, which must not take or return anything, from the instruction at `behind` in its body on.
///
/// # Errors
/// As [`read`].
pub fn read_behind(module: &Module<'_>, function: FunctionId, behind: usize) -> Result<Code, Unrecognised> {
    let mut reader = Reader::new(module);
    reader.function_behind(function, Some(behind))?;
    reader.refuse_overlaps()?;
    Ok(reader.code)
}

/// Bytes of a word.
const WORD: u32 = 4;

/// How deep helper functions may call each other. lld does not nest them at all; this keeps hostile input from filling the stack.
const MAX_DEPTH: usize = 8;

fn unrecognised(offset: u64, what: impl Into<String>) -> Unrecognised {
    Unrecognised { offset, what: what.into() }
}

/// What is known of an `i32` while the code is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Symbolic {
    base: Base,
    /// What comes on top; sums wrap.
    addend: i32,
}

/// What the loader adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    Zero,
    Memory,
    Table,
    Global(GlobalId),
}

impl Symbolic {
    fn constant(addend: i32) -> Self {
        Symbolic { base: Base::Zero, addend }
    }

    fn base(base: Base) -> Self {
        Symbolic { base, addend: 0 }
    }

    fn add(self, other: Self) -> Option<Self> {
        let addend = self.addend.wrapping_add(other.addend);
        match (self.base, other.base) {
            (base, Base::Zero) | (Base::Zero, base) => Some(Symbolic { base, addend }),
            _ => None,
        }
    }

    fn sub(self, other: Self) -> Option<Self> {
        let addend = self.addend.wrapping_sub(other.addend);
        match other.base {
            Base::Zero => Some(Symbolic { base: self.base, addend }),
            base if base == self.base => Some(Symbolic::constant(addend)),
            _ => None,
        }
    }

    fn value(self) -> Value {
        match self.base {
            Base::Zero => Value::Constant(self.addend),
            Base::Memory => Value::Base(Address::Memory(self.addend as u32)),
            Base::Table => Value::Base(Address::Table(self.addend as u32)),
            Base::Global(global) => Value::Entry { global, addend: self.addend },
        }
    }
}

/// Evaluates relocation code.
struct Reader<'m, 'a> {
    module: &'m Module<'a>,
    memory_base: Option<GlobalId>,
    table_base: Option<GlobalId>,
    /// What the code has written into globals so far.
    contents: HashMap<GlobalId, Symbolic>,
    /// What the code does, as far as it is read.
    code: Code,
    /// The offset of the instruction behind each of [`Code::data`].
    offsets: Vec<u64>,
    depth: usize,
    /// The functions evaluated so far. A second call of one could only repeat what it did, and repeated calls of functions that
    /// repeat calls would take forever.
    called: HashSet<FunctionId>,
}

/// One activation of a function.
struct Frame {
    locals: Vec<Symbolic>,
    stack: Vec<Symbolic>,
}

impl<'m, 'a> Reader<'m, 'a> {
    fn new(module: &'m Module<'a>) -> Self {
        Reader {
            module,
            memory_base: module.base("__memory_base"),
            table_base: module.base("__table_base"),
            contents: HashMap::new(),
            code: Code::default(),
            offsets: Vec::new(),
            depth: 0,
            called: HashSet::new(),
        }
    }

    fn function(&mut self, id: FunctionId) -> Result<(), Unrecognised> {
        self.function_behind(id, None)
    }

    /// Evaluates a function without parameters and results, from its first instruction or from the one at `behind` in its body on.
    fn function_behind(&mut self, id: FunctionId, behind: Option<usize>) -> Result<(), Unrecognised> {
        let function = self.module.function(id);
        let Some(body) = function.origin.defined() else {
            return Err(unrecognised(0, "a call of an imported function"));
        };
        if *self.module.signature(id) != FuncType::new([], []) {
            return Err(unrecognised(body.offset, "a function with parameters or results"));
        }
        if self.depth == MAX_DEPTH || !self.called.insert(id) {
            return Err(unrecognised(body.offset, "functions that call each other repeatedly or too deeply"));
        }
        self.depth += 1;
        let malformed = |error: wasmparser::BinaryReaderError| unrecognised(error.offset(), error.message());
        let reader = FunctionBody::new(BinaryReader::new(&body.bytes, body.offset));
        let mut locals = Vec::new();
        for declaration in reader.get_locals_reader().map_err(malformed)? {
            // Locals of other types are zero as well; whatever reads them is not recognised.
            let (count, _) = declaration.map_err(malformed)?;
            locals.resize(locals.len() + count as usize, Symbolic::constant(0));
        }
        let mut frame = Frame { locals, stack: Vec::new() };
        let mut operators = match behind {
            Some(at) => OperatorsReader::new(BinaryReader::new(&body.bytes[at..], body.offset + at as u64)),
            None => reader.get_operators_reader().map_err(malformed)?,
        };
        while !operators.eof() {
            let (operator, offset) = operators.read_with_offset().map_err(malformed)?;
            self.operator(&operator, offset, &mut frame)?;
        }
        self.depth -= 1;
        Ok(())
    }

    fn operator(&mut self, operator: &Operator<'_>, offset: u64, frame: &mut Frame) -> Result<(), Unrecognised> {
        match *operator {
            // Without branches, control passes through blocks and loops once.
            Operator::Nop | Operator::Block { .. } | Operator::Loop { .. } | Operator::End => {}
            Operator::Drop => {
                frame.pop(offset)?;
            }
            Operator::I32Const { value } => frame.stack.push(Symbolic::constant(value)),
            Operator::GlobalGet { global_index } => frame.stack.push(self.contents_of(GlobalId(global_index), offset)?),
            Operator::LocalGet { local_index } => {
                let value = *frame.local(local_index, offset)?;
                frame.stack.push(value);
            }
            Operator::LocalSet { local_index } => *frame.local(local_index, offset)? = frame.pop(offset)?,
            Operator::LocalTee { local_index } => {
                let value = frame.pop(offset)?;
                *frame.local(local_index, offset)? = value;
                frame.stack.push(value);
            }
            Operator::I32Add => frame.combine(Symbolic::add, "a sum of two addresses", offset)?,
            Operator::I32Sub => frame.combine(Symbolic::sub, "a difference that is no address", offset)?,
            Operator::I32Store { memarg } => {
                let (value, address) = (frame.pop(offset)?, frame.pop(offset)?);
                let place = self.range(address, memarg, WORD, offset)?.start;
                self.code.data.push(Relocation { place, value: value.value() });
                self.offsets.push(offset);
            }
            // Only a zero may be of another type than `i32`, and only to be stored.
            Operator::I64Const { value: 0 } => frame.stack.push(Symbolic::constant(0)),
            Operator::V128Const { value } if value.i128() == 0 => frame.stack.push(Symbolic::constant(0)),
            Operator::I32Store8 { memarg } => self.zero(memarg, 1, operator, offset, frame)?,
            Operator::I32Store16 { memarg } => self.zero(memarg, 2, operator, offset, frame)?,
            Operator::I64Store { memarg } => self.zero(memarg, 8, operator, offset, frame)?,
            Operator::V128Store { memarg } => self.zero(memarg, 16, operator, offset, frame)?,
            Operator::MemoryFill { mem } => {
                let (length, value, address) = (frame.pop(offset)?, frame.pop(offset)?, frame.pop(offset)?);
                if length.base != Base::Zero || value != Symbolic::constant(0) {
                    return Err(unrecognised(offset, format!("the instruction `{}`", name(operator))));
                }
                let memory = MemArg { offset: 0, align: 0, max_align: 0, target: MemArgTarget::Memory(mem), ordering: None };
                let range = self.range(address, memory, length.addend as u32, offset)?;
                self.code.zeroed.push(range);
            }
            Operator::GlobalSet { global_index } => {
                let (global, value) = (GlobalId(global_index), frame.pop(offset)?);
                // Two imports may be the same global, so that a write to one would change what the other holds.
                if self.module.globals()[global_index as usize].origin.defined().is_none() {
                    return Err(unrecognised(offset, "a write to an imported global"));
                }
                self.contents.insert(global, value);
                self.code.globals.push(GlobalRelocation { global, value: value.value() });
            }
            Operator::Call { function_index } => {
                self.function(self.module.resolved(FunctionId(function_index))).map_err(|mut why| {
                    why.offset = if why.offset == 0 { offset } else { why.offset };
                    why
                })?
            }
            ref other => return Err(unrecognised(offset, format!("the instruction `{}`", name(other)))),
        }
        Ok(())
    }

    /// What a global holds now.
    fn contents_of(&self, id: GlobalId, offset: u64) -> Result<Symbolic, Unrecognised> {
        if Some(id) == self.memory_base {
            return Ok(Symbolic::base(Base::Memory));
        }
        if Some(id) == self.table_base {
            return Ok(Symbolic::base(Base::Table));
        }
        if self.module.globals()[id.0 as usize].ty.content_type != ValType::I32 {
            return Err(unrecognised(offset, "a global that holds no address"));
        }
        Ok(self.contents.get(&id).copied().unwrap_or(Symbolic::base(Base::Global(id))))
    }

    /// Where writes overlap, their order matters, which [`Code`] does not tell.
    fn refuse_overlaps(&self) -> Result<(), Unrecognised> {
        let words = self.code.data.iter().zip(&self.offsets).map(|(word, offset)| (word.place..word.place + WORD, Some(*offset)));
        let zeroed = self.code.zeroed.iter().map(|range| (range.clone(), None));
        let mut ranges: Vec<_> = words.chain(zeroed).collect();
        ranges.sort_unstable_by_key(|(range, _)| range.start);
        let (mut words_end, mut zeroed_end) = (0, 0);
        for (range, offset) in ranges {
            let is_word = offset.is_some();
            // Ranges of zeros may overlap each other.
            if range.start < words_end || (is_word && range.start < zeroed_end) {
                return Err(unrecognised(offset.unwrap_or_default(), "two stores to one place"));
            }
            let end = if is_word { &mut words_end } else { &mut zeroed_end };
            *end = range.end.max(*end);
        }
        Ok(())
    }

    /// A store of `size` bytes that may only be zeros.
    fn zero(
        &mut self,
        memarg: MemArg,
        size: u32,
        operator: &Operator<'_>,
        offset: u64,
        frame: &mut Frame,
    ) -> Result<(), Unrecognised> {
        let (value, address) = (frame.pop(offset)?, frame.pop(offset)?);
        if value != Symbolic::constant(0) {
            return Err(unrecognised(offset, format!("the instruction `{}`", name(operator))));
        }
        let range = self.range(address, memarg, size, offset)?;
        self.code.zeroed.push(range);
        Ok(())
    }

    /// Where `size` bytes are that are written to `address`, which must be within the module's memory.
    fn range(&self, address: Symbolic, memarg: MemArg, size: u32, offset: u64) -> Result<Range<u32>, Unrecognised> {
        let begin = u64::from(address.addend as u32);
        // The offset of a store does not wrap, so the sum on the stack must be within the memory already.
        let begin = begin.checked_add(memarg.offset).and_then(|begin| u32::try_from(begin).ok());
        let range = begin.and_then(|begin| Some(begin..begin.checked_add(size)?));
        match range.filter(|range| range.end <= self.module.dylink.memory_size) {
            Some(range) if address.base == Base::Memory && memarg.target == MemArgTarget::Memory(0) => Ok(range),
            _ => Err(unrecognised(offset, "a store outside of the module's data")),
        }
    }
}

impl Frame {
    /// Validated code never takes more than there is; bodies that a pass wrote are not validated yet.
    fn pop(&mut self, offset: u64) -> Result<Symbolic, Unrecognised> {
        self.stack.pop().ok_or_else(|| unrecognised(offset, "an instruction without its operands"))
    }

    fn local(&mut self, index: u32, offset: u64) -> Result<&mut Symbolic, Unrecognised> {
        self.locals.get_mut(index as usize).ok_or_else(|| unrecognised(offset, "a local that is not declared"))
    }

    fn combine(
        &mut self,
        operation: fn(Symbolic, Symbolic) -> Option<Symbolic>,
        what: &str,
        offset: u64,
    ) -> Result<(), Unrecognised> {
        let (right, left) = (self.pop(offset)?, self.pop(offset)?);
        let result = operation(left, right).ok_or_else(|| unrecognised(offset, what))?;
        self.stack.push(result);
        Ok(())
    }
}

/// The name of an instruction, without its immediates.
fn name(operator: &Operator<'_>) -> String {
    let text = format!("{operator:?}");
    text.split([' ', '{', '(']).next().unwrap_or_default().to_string()
}
/// Whether the function `id` begins as the pass [`crate::relocations`] has it: its stores are in a table.
pub fn is_done(module: &Module<'_>, id: FunctionId) -> bool {
    let Some(body) = module.function(id).origin.defined() else { return false };
    let Ok(operators) = FunctionBody::new(BinaryReader::new(&body.bytes, body.offset)).get_operators_reader() else { return false };
    let first: Vec<Operator<'_>> = operators.into_iter().take(10).map_while(std::result::Result::ok).collect();
    matches!(
        first[..],
        [
            Operator::GlobalGet { .. },
            Operator::I32Load { .. },
            Operator::I32Eqz,
            Operator::If { .. },
            ..,
            Operator::MemoryInit { .. }
        ]
    )
}
