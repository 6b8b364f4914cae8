//! What the memory of a module holds when its data has been relocated and no code has run.

use super::addresses::{Addresses, Meaning};
use super::uses::overlaps;
use crate::linking::relocation_code::{self, Value};
use crate::linking::relocation_table;
use crate::linking::segments::segments;
use crate::module::{Address, GlobalId, Module};
use std::collections::HashMap;
use std::ops::Range;

/// A word of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    Number(i32),
    Address(Meaning),
    /// Not known, or no word.
    Unknown,
}

/// The data of a module, by bytes behind `__memory_base`.
pub struct Image<'m> {
    /// Sorted and disjoint.
    segments: Vec<(Range<u32>, &'m [u8])>,
    relocated: HashMap<u32, Word>,
    size: u32,
    /// What code may write, sorted and disjoint.
    written: Vec<Range<u32>>,
}

impl<'m> Image<'m> {
    /// `None` when it is not known where data goes, or what relocates it.
    pub fn new(module: &'m Module<'_>, addresses: &Addresses) -> Option<Self> {
        let segments = segments(module).ok()?.into_iter();
        let segments = segments.map(|(range, index)| (range, &*module.data()[index].bytes)).collect();
        let size = module.dylink.memory_size;
        let mut image = Image { segments, relocated: HashMap::new(), size, written: Vec::new() };
        image.relocate(module, addresses)?;
        Some(image)
    }

    /// Forgets what code may write.
    pub fn forget(&mut self, written: Vec<Range<u32>>) {
        self.written = written;
    }

    fn relocate(&mut self, module: &Module<'_>, addresses: &Addresses) -> Option<()> {
        let Some(function) = relocation_code::data_function(module) else { return Some(()) };
        let stores = if relocation_code::is_done(module, function) {
            let table = relocation_table::read(module, function)?;
            for group in table.groups {
                for place in group.places {
                    let Word::Number(addend) = self.word(place) else { continue };
                    self.relocated.insert(place, behind(addresses, group.global, addend));
                }
            }
            table.stores
        } else {
            relocation_code::read(module, function).ok()?.data
        };
        for relocation in stores {
            let word = match relocation.value {
                Value::Base(Address::Memory(at)) => Word::Address(Meaning::Data(at)),
                Value::Base(Address::Table(slot)) => Word::Address(Meaning::Slot(slot)),
                Value::Entry { global, addend } => behind(addresses, global, addend),
                Value::Constant(value) => Word::Number(value),
            };
            self.relocated.insert(relocation.place, word);
        }
        Some(())
    }

    /// Where the words are that hold each address.
    pub fn holding(&self) -> HashMap<Meaning, Vec<u32>> {
        let mut holding: HashMap<Meaning, Vec<u32>> = HashMap::new();
        for (at, word) in &self.relocated {
            if let Word::Address(address) = word {
                holding.entry(*address).or_default().push(*at);
            }
        }
        holding
    }

    /// The word at `at`; that which code writes is not known.
    pub fn word(&self, at: u32) -> Word {
        if overlaps(&self.written, at, at.saturating_add(4)) {
            return Word::Unknown;
        }
        if let Some(word) = self.relocated.get(&at) {
            return *word;
        }
        let Some(end) = at.checked_add(4).filter(|end| *end <= self.size) else { return Word::Unknown };
        // Words overlap only where nobody aligns them.
        if (1..4).any(|distance| self.relocated.contains_key(&(at + distance)) || self.is_relocated_before(at, distance)) {
            return Word::Unknown;
        }
        let mut bytes = [0; 4];
        for (byte, at) in bytes.iter_mut().zip(at..end) {
            *byte = self.byte(at);
        }
        Word::Number(i32::from_le_bytes(bytes))
    }

    fn is_relocated_before(&self, at: u32, distance: u32) -> bool {
        at.checked_sub(distance).is_some_and(|before| self.relocated.contains_key(&before))
    }

    /// What no segment fills is zero.
    fn byte(&self, at: u32) -> u8 {
        let behind = self.segments.partition_point(|(range, _)| range.start <= at);
        let segment = behind.checked_sub(1).map(|index| &self.segments[index]);
        segment.and_then(|(range, bytes)| bytes.get((at - range.start) as usize)).copied().unwrap_or(0)
    }

    /// The name at `at`: one that is printed as it is, up to its zero.
    pub fn name(&self, at: u32) -> Option<String> {
        /// No name is longer, but what is no name may be.
        const LONGEST: u32 = 256;
        let behind = self.segments.partition_point(|(range, _)| range.start <= at);
        let (range, bytes) = &self.segments[behind.checked_sub(1)?];
        let bytes = bytes.get((at - range.start) as usize..)?;
        let length = bytes.iter().take(LONGEST as usize).position(|byte| *byte == 0)?;
        let name = std::str::from_utf8(&bytes[..length]).ok()?;
        name.chars().all(|character| !character.is_control()).then(|| name.to_string())
    }
}

/// What `global` holds, and `addend`.
fn behind(addresses: &Addresses, global: GlobalId, addend: i32) -> Word {
    match addresses.meaning(global.0) {
        Some(meaning) => meaning.plus(addend).map_or(Word::Unknown, Word::Address),
        None => Word::Unknown,
    }
}
