//! The `name` section with new indices: names of what is gone are left out, names of what was added come in.
//!
//! Bodies that were rewritten may have fewer locals than before, and other labels: readers such as wabt refuse names of locals that do
//! not exist.

use super::index::{IndexMap, IndexMaps};
use super::{Body, FunctionId, Module, Origin};
use crate::Result;
use std::collections::HashMap;
use wasm_encoder::{IndirectNameMap, NameMap, NameSection};
use wasmparser::{BinaryReader, FunctionBody, Name, NameSectionReader};

impl Module<'_> {
    pub(super) fn has_rewritten_bodies(&self) -> bool {
        self.rewritten_bodies().next().is_some()
    }

    fn rewritten_bodies(&self) -> impl Iterator<Item = (FunctionId, &[u8])> {
        (0..).map(FunctionId).zip(&self.functions).filter_map(|(id, function)| match &function.origin {
            Origin::Defined(Body { bytes, rewritten: true, .. }) => Some((id, &**bytes)),
            _ => None,
        })
    }

    /// The names of functions in the section for them, by the ids that they had in the input. None when it cannot be read.
    pub fn function_names(&self) -> HashMap<FunctionId, String> {
        let mut names = HashMap::new();
        let Some(payload) = self.custom_section("name") else { return names };
        for subsection in NameSectionReader::new(BinaryReader::new(payload, 0)) {
            let Ok(Name::Function(map)) = subsection else { continue };
            names.extend(
                map.into_iter().filter_map(|naming| naming.ok()).map(|naming| (FunctionId(naming.index), naming.name.to_string())),
            );
        }
        names
    }

    /// The number of locals, parameters among them, of every function whose body was rewritten.
    fn rewritten_locals(&self) -> Result<HashMap<u32, u32>> {
        let count = |(id, body)| {
            let mut count = self.signature(id).params().len() as u32;
            for declaration in FunctionBody::new(BinaryReader::new(body, 0)).get_locals_reader()? {
                count = count.saturating_add(declaration?.0);
            }
            Ok((id.0, count))
        };
        self.rewritten_bodies().map(count).collect()
    }
}

/// The payload of the section with the names of `payload`, which begins at `offset` in the input, and those that were added.
pub fn rewrite(module: &Module<'_>, payload: &[u8], offset: u64, maps: &IndexMaps) -> Result<Vec<u8>> {
    let rewritten = module.rewritten_locals()?;
    let exists = |function: u32, local: u32| rewritten.get(&function).is_none_or(|locals| local < *locals);
    let is_original = |function: u32, _| !rewritten.contains_key(&function);
    let mut names = NameSection::new();
    for subsection in NameSectionReader::new(BinaryReader::new(payload, offset)) {
        match subsection? {
            Name::Module { name, .. } => names.module(name),
            Name::Function(map) => {
                let mut list = mapped(map, &maps.functions)?;
                for (id, name) in &module.new_names {
                    if let Some(index) = maps.functions.alive(id.0) {
                        list.push((index, name));
                    }
                }
                names.functions(&name_map(list));
            }
            Name::Local(map) => names.locals(&indirect(map, &maps.functions, exists)?),
            Name::Label(map) => names.labels(&indirect(map, &maps.functions, is_original)?),
            Name::Type(map) => names.types(&name_map(mapped(map, &maps.types)?)),
            Name::Table(map) => names.tables(&name_map(mapped(map, &maps.tables)?)),
            Name::Memory(map) => names.memories(&name_map(mapped(map, &maps.memories)?)),
            Name::Global(map) => names.globals(&name_map(mapped(map, &maps.globals)?)),
            Name::Tag(map) => names.tags(&name_map(mapped(map, &maps.tags)?)),
            Name::Element(map) => names.elements(&name_map(plain(map)?)),
            Name::Data(map) => names.data(&name_map(plain(map)?)),
            Name::Unknown { ty, data, .. } => names.raw(ty, data),
            // Fields belong to struct types, which side modules do not have.
            _ => {}
        }
    }
    let mut section = Vec::new();
    wasm_encoder::Encode::encode(&names, &mut section);
    Ok(contents(&section).to_vec())
}

/// What follows the size and the name in an encoded custom section.
fn contents(section: &[u8]) -> &[u8] {
    let size = section.iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
    &section[size + "name".len() + 1..]
}

type Entries<'a> = Vec<(u32, &'a str)>;

fn plain(map: wasmparser::NameMap<'_>) -> Result<Entries<'_>> {
    map.into_iter().map(|naming| Ok(naming.map(|naming| (naming.index, naming.name))?)).collect()
}

fn mapped<'a>(map: wasmparser::NameMap<'a>, to: &IndexMap) -> Result<Entries<'a>> {
    let entries = plain(map)?;
    Ok(entries.into_iter().filter_map(|(id, name)| Some((to.alive(id)?, name))).collect())
}

/// Indices in a name map ascend.
fn name_map(mut entries: Entries<'_>) -> NameMap {
    entries.sort_by_key(|(index, _)| *index);
    let mut map = NameMap::new();
    for (index, name) in entries {
        map.append(index, name);
    }
    map
}

/// The names within functions that `stays` lets stay, by the function's id and the index of what is named.
fn indirect(map: wasmparser::IndirectNameMap<'_>, to: &IndexMap, stays: impl Fn(u32, u32) -> bool) -> Result<IndirectNameMap> {
    let mut entries = Vec::new();
    for naming in map {
        let naming = naming?;
        if let Some(index) = to.alive(naming.index) {
            let mut names = plain(naming.names)?;
            names.retain(|(named, _)| stays(naming.index, *named));
            entries.push((index, name_map(names)));
        }
    }
    entries.sort_by_key(|(index, _)| *index);
    let mut map = IndirectNameMap::new();
    for (index, names) in entries {
        map.append(index, &names);
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::GlobalId;

    /// Nothing is numbered anew when the last function goes, and its name goes nevertheless.
    #[test]
    fn names_of_the_last_ones_go_with_them() {
        let text = r#"(module (@dylink.0 (mem-info (memory 0 0)))
            (func $first (export "f")) (func $last) (global $gone i32 (i32.const 0)))"#;
        let bytes = wat::parse_str(text).unwrap();
        let mut module = Module::read(&bytes).unwrap();
        let names =
            |bytes: &[u8]| ["first", "last", "gone"].map(|name| bytes.windows(name.len()).any(|found| found == name.as_bytes()));
        assert_eq!(names(&module.write().unwrap()), [true, true, true]);
        module.remove_function(FunctionId(1));
        module.remove_globals(&[GlobalId(0)]);
        assert_eq!(names(&module.write().unwrap()), [true, false, false]);
    }
}
