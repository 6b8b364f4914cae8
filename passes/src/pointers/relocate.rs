//! Has words of data point to other slots of the function table.
//!
//! Relocation code is written anew from what it does, in the way of lld (`InputChunk::generateRelocationCode`). Of a table of relocations
//! the words change to which it adds.

use super::addresses::{Addresses, Meaning};
use crate::linking::relocation_code::{self, Relocation, Value};
use crate::linking::relocation_table;
use crate::linking::segments::segments;
use crate::module::{Address, FunctionId, GlobalId, Module};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use wasm_encoder::{Function, InstructionSink, MemArg, MemArgTarget};

/// How they are relocated.
enum Way {
    /// The function, and all words that it stores.
    Code(FunctionId, Vec<Relocation>),
    /// A table, and the words that the function stores behind it, from so many bytes of its body on.
    Table(FunctionId, usize, Vec<Relocation>),
}

/// What relocates the data of a module.
pub struct Relocations {
    way: Way,
    /// The words that can be given the address of another slot.
    places: HashSet<u32>,
}

impl Relocations {
    /// `None` when it is not known all of what is done.
    pub fn of(module: &Module<'_>, addresses: &Addresses) -> Option<Self> {
        let function = relocation_code::data_function(module)?;
        if relocation_code::is_done(module, function) {
            let table = relocation_table::read(module, function)?;
            let slots = table.groups.into_iter().filter(|group| addresses.meaning(group.global.0) == Some(Meaning::Slot(0)));
            let segments = segments(module).ok()?;
            let places = slots.flat_map(|group| group.places).filter(|place| is_writable(&segments, *place));
            let places = places.chain(table.stores.iter().map(|word| word.place)).collect();
            return Some(Relocations { way: Way::Table(function, table.behind, table.stores), places });
        }
        let code = relocation_code::read(module, function).ok()?;
        let places = code.data.iter().map(|word| word.place).collect();
        (code.globals.is_empty() && code.zeroed.is_empty()).then_some(Relocations { way: Way::Code(function, code.data), places })
    }

    /// Whether the word at `place` can be given the address of another slot.
    pub fn has(&self, place: u32) -> bool {
        self.places.contains(&place)
    }

    /// Gives words, by their places, the addresses of `slots`.
    pub fn redirect(self, module: &mut Module<'_>, slots: &HashMap<u32, u32>) {
        let (Some(memory), table @ Some(_)) = (module.base("__memory_base"), module.base("__table_base")) else { return };
        let redirected = |words: Vec<Relocation>| {
            words.into_iter().map(|word| match slots.get(&word.place) {
                Some(slot) => Relocation { value: Value::Base(Address::Table(*slot)), ..word },
                None => word,
            })
        };
        match self.way {
            Way::Code(function, words) => {
                let mut body = Function::new([]).into_raw_body();
                store(memory, table, redirected(words), &mut body);
                module.define_function(function, body);
            }
            Way::Table(function, behind, words) => {
                let stored: HashSet<u32> = words.iter().map(|word| word.place).collect();
                if slots.keys().any(|place| stored.contains(place))
                    && let Some(before) = module.function(function).origin.defined()
                {
                    let mut body = before.bytes[..behind].to_vec();
                    store(memory, table, redirected(words), &mut body);
                    module.define_function(function, body);
                }
                rewrite(module, slots.iter().filter(|(place, _)| !stored.contains(place)));
            }
        }
    }
}

/// Appends code that stores `words`, and the end of a function.
fn store(memory: GlobalId, table: Option<GlobalId>, words: impl Iterator<Item = Relocation>, body: &mut Vec<u8>) {
    let mut code = InstructionSink::new(body);
    for Relocation { place, value } in words {
        code.global_get(memory.0).i32_const(place as i32).i32_add();
        match (value, value.sum(memory, table)) {
            (Value::Entry { global, addend: 0 }, _) => code.global_get(global.0),
            (_, (Some(global), addend)) => code.global_get(global.0).i32_const(addend).i32_add(),
            (_, (None, constant)) => code.i32_const(constant),
        };
        code.i32_store(MemArg { offset: 0, align: place.trailing_zeros().min(2), target: MemArgTarget::Memory(0), ordering: None });
    }
    code.end();
}

/// Whether the word at `place` is in a segment, or can be when the segment before it becomes longer. That is at most as long again, so that no
/// table asks for more memory than the module has data.
fn is_writable(segments: &[(Range<u32>, usize)], place: u32) -> bool {
    let behind = segments.partition_point(|(range, _)| range.start <= place);
    let Some((range, _)) = behind.checked_sub(1).map(|before| &segments[before]) else { return false };
    let Some(end) = place.checked_add(4) else { return false };
    let longest = u64::from(range.end) + u64::from(range.end - range.start) + 4;
    u64::from(end) <= longest && segments.get(behind).is_none_or(|(next, _)| end <= next.start)
}

/// Writes numbers into data.
fn rewrite<'s>(module: &mut Module<'_>, words: impl Iterator<Item = (&'s u32, &'s u32)>) {
    let Ok(segments) = segments(module) else { return };
    let mut written: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
    for (&place, slot) in words {
        // Zeros at the end of a segment may have been cut off, in the middle of a word, too.
        let Some((range, index)) = segments[..segments.partition_point(|(range, _)| range.start <= place)].last() else { continue };
        let bytes = written.entry(*index).or_insert_with(|| module.data()[*index].bytes.to_vec());
        let at = (place - range.start) as usize;
        bytes.resize(bytes.len().max(at + 4), 0);
        bytes[at..at + 4].copy_from_slice(&slot.to_le_bytes());
    }
    for (index, bytes) in written {
        module.set_data(index, bytes);
    }
}
