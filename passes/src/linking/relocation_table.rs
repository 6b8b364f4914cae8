//! Reads the table into which the pass [`crate::relocations`] moves relocations; there is the format.

use super::relocation_code::{self, Relocation};
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

/// All that relocates the data of a module whose relocations are in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relocated {
    pub groups: Vec<Group>,
    /// The words that are stored behind the table, those that it cannot hold.
    pub stores: Vec<Relocation>,
    /// Where in the body of the function the code begins that stores them.
    pub behind: usize,
}

/// What `function` does, the module's function that relocates data; `None` when it does not look like that.
pub fn read(module: &Module<'_>, function: FunctionId) -> Option<Relocated> {
    let body = module.function(function).origin.defined()?;
    let operators = FunctionBody::new(BinaryReader::new(&body.bytes, body.offset)).get_operators_reader().ok()?;
    let (operators, offsets): (Vec<Operator<'_>>, Vec<u64>) =
        operators.into_iter_with_offsets().collect::<Result<Vec<_>, _>>().ok()?.into_iter().unzip();
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
    let [Operator::End, _, ..] = operators[end + 1..] else { return None };
    let behind = (offsets[end + 2] - body.offset) as usize;
    let code = relocation_code::read_behind(module, function, behind).ok()?;
    let whole = bytes.next().is_none() && code.globals.is_empty() && code.zeroed.is_empty();
    whole.then_some(Relocated { groups, stores: code.data, behind })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linking::relocation_code::Value;
    use crate::module::{Address, Item};
    use std::fmt::Write;

    /// What the pass writes is read as what it was before.
    #[test]
    fn tables_say_what_the_code_did() {
        let mut stores = String::new();
        for word in 0..60 {
            let (base, number) = if word % 3 == 0 { ("$tb", word / 3) } else { ("$mb", 4 * word) };
            let place = 4 * (word * word % 97);
            write!(
                stores,
                "(i32.store (i32.add (global.get $mb) (i32.const {place})) (i32.add (global.get {base}) (i32.const {number})))"
            )
            .unwrap();
        }
        // No two squares modulo 97 of numbers up to 48 are the same.
        let stores: String = stores.split_inclusive(")))").take(48).collect();
        let text = format!(
            r#"(module
                (@custom "dylink.0" (before first) "\01\06\80\08\02\80\08\00")
                (import "env" "memory" (memory 1))
                (import "env" "__memory_base" (global $mb i32))
                (import "env" "__table_base" (global $tb i32))
                (func (export "__wasm_apply_data_relocs") {stores})
                (data (global.get $mb) "{}"))"#,
            "\\00".repeat(512)
        );
        let bytes = wat::parse_str(&text).unwrap();
        let mut module = Module::read(&bytes).unwrap();
        let function = relocation_code::data_function(&module).unwrap();
        let mut expected: Vec<(u32, bool, u32)> = (relocation_code::read(&module, function).unwrap().data.into_iter())
            .map(|word| match word.value {
                Value::Base(Address::Memory(at)) => (word.place, true, at),
                Value::Base(Address::Table(slot)) => (word.place, false, slot),
                other => panic!("{other:?}"),
            })
            .collect();
        expected.sort_unstable();
        assert!(!crate::relocations::run(&mut module).unwrap().is_unchanged());
        assert!(relocation_code::is_done(&module, function));
        let data = module.data()[0].bytes.to_vec();
        let memory = module.import("env", "__memory_base");
        let mut found: Vec<(u32, bool, u32)> = Vec::new();
        for group in read(&module, function).unwrap().groups {
            for place in group.places {
                let word: [u8; 4] = data[place as usize..][..4].try_into().unwrap();
                found.push((place, Some(Item::Global(group.global)) == memory, u32::from_le_bytes(word)));
            }
        }
        found.sort_unstable();
        assert_eq!(found, expected);
    }
}
