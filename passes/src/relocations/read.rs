//! Reads relocation code: which word of memory, or which global, gets which address.
//!
//! **Idea.** The code is evaluated symbolically from its first instruction to its last. A value is a constant, or a constant behind
//! `__memory_base`, `__table_base` or the contents of another global. Locals hold values, operands may come in any order, and helper
//! functions are followed, so it does not matter what an optimiser made of lld's pattern: bases kept in locals, offsets moved into
//! stores, additions turned into subtractions, common subexpressions.
//!
//! **When it refuses.** At the first instruction whose effect is not one of these: branches, loads, stores of anything but a whole
//! word into the module's own data, writes to globals among stores (and stores among writes to globals), calls of imports. Nothing
//! is skipped: what was read is all that the code does.
//!
//! **Relies on** the dynamic-linking conventions: the imports `env.__memory_base` and `env.__table_base` are where the loader put the
//! module's `memory_size` bytes and its table slots, and neither range wraps around the end of its space.

use crate::module::{Address, FunctionId, GlobalId, Item, Module};
use std::collections::{HashMap, HashSet};
use wasmparser::{BinaryReader, FuncType, FunctionBody, MemArg, MemArgTarget, Operator, ValType};

/// Name of the export by which the loader finds the function that relocates data.
pub const EXPORT: &str = "__wasm_apply_data_relocs";

/// One word of data that gets an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relocation {
    /// Where the word is, in bytes behind `__memory_base`. It lies within the module's memory; it need not be aligned.
    pub place: u32,
    pub value: Value,
}

/// One global that gets an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GlobalRelocation {
    pub global: GlobalId,
    pub value: Value,
}

/// What is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// An address of this module.
    Base(Address),
    /// What `global` holds when the code runs, and `addend`; the sum wraps. `global` is an import of `GOT.mem` or `GOT.func`, or a
    /// global of this module that takes the place of one.
    Entry { global: GlobalId, addend: i32 },
    /// A number: what an optimiser makes of the contents of an immutable global.
    Constant(i32),
}

/// Why relocation code was not recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unrecognised {
    /// Byte offset in the input of what was not recognised, or of the function that holds it.
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

/// The words that the function `function` relocates, in the order in which it does. No two overlap.
///
/// # Errors
/// [`Unrecognised`] when the function does anything else, or anything that this reader does not understand.
pub fn data(module: &Module<'_>, function: FunctionId) -> Result<Vec<Relocation>, Unrecognised> {
    let mut reader = Reader::new(module);
    reader.function(function)?;
    if let Some((_, offset)) = reader.globals.first() {
        return Err(unrecognised(*offset, "a write to a global among stores"));
    }
    let mut places: Vec<(u32, u64)> = reader.stores.iter().map(|(store, offset)| (store.place, *offset)).collect();
    places.sort_unstable();
    if let Some(pair) = places.windows(2).find(|pair| pair[1].0 - pair[0].0 < WORD) {
        return Err(unrecognised(pair[1].1, "two stores to one place"));
    }
    Ok(reader.stores.into_iter().map(|(store, _)| store).collect())
}

/// The globals that the function `function`, usually the start function, relocates, in the order in which it does. When one global is
/// written twice, the last one counts.
///
/// # Errors
/// [`Unrecognised`] when the function does anything else, or anything that this reader does not understand.
pub fn globals(module: &Module<'_>, function: FunctionId) -> Result<Vec<GlobalRelocation>, Unrecognised> {
    let mut reader = Reader::new(module);
    reader.function(function)?;
    match reader.stores.first() {
        Some((_, offset)) => Err(unrecognised(*offset, "a store among writes to globals")),
        None => Ok(reader.globals.into_iter().map(|(write, _)| write).collect()),
    }
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
    /// Effects, with the offset of their instruction.
    stores: Vec<(Relocation, u64)>,
    globals: Vec<(GlobalRelocation, u64)>,
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
        let base = |name| match module.import("env", name) {
            Some(Item::Global(id)) => Some(id),
            _ => None,
        };
        Reader {
            module,
            memory_base: base("__memory_base"),
            table_base: base("__table_base"),
            contents: HashMap::new(),
            stores: Vec::new(),
            globals: Vec::new(),
            depth: 0,
            called: HashSet::new(),
        }
    }

    /// Evaluates a function without parameters and results.
    fn function(&mut self, id: FunctionId) -> Result<(), Unrecognised> {
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
        let mut operators = reader.get_operators_reader().map_err(malformed)?;
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
                let place = self.place(address, memarg, offset)?;
                self.stores.push((Relocation { place, value: value.value() }, offset));
            }
            Operator::GlobalSet { global_index } => {
                let (global, value) = (GlobalId(global_index), frame.pop(offset)?);
                // Two imports may be the same global, so that a write to one would change what the other holds.
                if self.module.globals()[global_index as usize].origin.defined().is_none() {
                    return Err(unrecognised(offset, "a write to an imported global"));
                }
                self.contents.insert(global, value);
                self.globals.push((GlobalRelocation { global, value: value.value() }, offset));
            }
            Operator::Call { function_index } => self.function(FunctionId(function_index)).map_err(|mut why| {
                why.offset = if why.offset == 0 { offset } else { why.offset };
                why
            })?,
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

    /// The place that a store to `address` writes, which must be a word within the module's memory.
    fn place(&self, address: Symbolic, memarg: MemArg, offset: u64) -> Result<u32, Unrecognised> {
        let size = u64::from(self.module.dylink.memory_size);
        let begin = u64::from(address.addend as u32);
        // The offset of a store does not wrap, so the sum on the stack must be within the memory already.
        match begin.checked_add(memarg.offset).filter(|place| place + u64::from(WORD) <= size) {
            Some(place) if address.base == Base::Memory && memarg.target == MemArgTarget::Memory(0) => Ok(place as u32),
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
