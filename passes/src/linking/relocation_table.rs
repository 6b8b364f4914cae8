//! Reads the table into which the pass [`crate::relocations`] moves relocations; there is the format.

use crate::module::{FunctionId, GlobalId, Module};
use wasmparser::{BinaryReader, FunctionBody, Operator};

/// Words to which one value is added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What is added: `__memory_base`, `__table_base` or a GOT entry.
    pub global: GlobalId,
    /// Where they are, in bytes behind `__memory_base`. The data there holds what it is added to.
    pub places: Vec<u32>,
}

/// The groups of the table that `function` applies, the module's function that relocates data; `None` when it does not look like that.
pub fn read(module: &Module<'_>, function: FunctionId) -> Option<Vec<Group>> {
    let body = module.function(function).origin.defined()?;
    let operators = FunctionBody::new(BinaryReader::new(&body.bytes, body.offset)).get_operators_reader().ok()?;
    let operators: Vec<Operator<'_>> = operators.into_iter().collect::<Result<_, _>>().ok()?;
    let copy = operators.iter().position(|operator| matches!(operator, Operator::MemoryInit { .. }))?;
    let Operator::MemoryInit { data_index, .. } = operators[copy] else { return None };
    let table = &*module.data().get(data_index as usize)?.bytes;
    let end = copy + operators[copy..].iter().position(|operator| matches!(operator, Operator::Drop))?;
    let called = operators[copy..end].windows(2).filter_map(|pair| match pair {
        [Operator::GlobalGet { global_index }, Operator::Call { .. }] => Some(GlobalId(*global_index)),
        _ => None,
    });
    let mut bytes = table.iter();
    let mut first = 0;
    let mut groups = Vec::new();
    for global in called {
        let places = group(&mut bytes, first)?;
        first = *places.first()?;
        groups.push(Group { global, places });
    }
    bytes.next().is_none().then_some(groups)
}

/// The places of one group, counted from `place`.
fn group<'b>(bytes: &mut impl Iterator<Item = &'b u8>, mut place: u32) -> Option<Vec<u32>> {
    let mut places = Vec::new();
    loop {
        let number = number(bytes)?;
        place = place.checked_add((number & !1).checked_mul(2)?)?;
        places.push(place);
        if number & 1 == 1 {
            return Some(places);
        }
    }
}

/// The next number in base 128.
fn number<'b>(bytes: &mut impl Iterator<Item = &'b u8>) -> Option<u32> {
    let mut number: u32 = 0;
    loop {
        let byte = bytes.next()?;
        number = number.checked_mul(128)? | u32::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
}
