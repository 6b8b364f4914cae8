//! The `name` section with new indices: names of what is gone are left out, names of what was added come in.

use super::FunctionId;
use super::index::{IndexMap, IndexMaps};
use crate::Result;
use wasm_encoder::{IndirectNameMap, NameMap, NameSection};
use wasmparser::{BinaryReader, Name, NameSectionReader};

/// The payload of the section with the names of `payload`, which begins at `offset` in the input, and `added`.
pub fn rewrite(payload: &[u8], offset: u64, maps: &IndexMaps, added: &[(FunctionId, String)]) -> Result<Vec<u8>> {
    let mut names = NameSection::new();
    for subsection in NameSectionReader::new(BinaryReader::new(payload, offset)) {
        match subsection? {
            Name::Module { name, .. } => names.module(name),
            Name::Function(map) => {
                let mut list = mapped(map, &maps.functions)?;
                for (id, name) in added {
                    if let Some(index) = maps.functions.alive(id.0) {
                        list.push((index, name));
                    }
                }
                names.functions(&name_map(list));
            }
            Name::Local(map) => names.locals(&indirect(map, &maps.functions)?),
            Name::Label(map) => names.labels(&indirect(map, &maps.functions)?),
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

fn indirect(map: wasmparser::IndirectNameMap<'_>, to: &IndexMap) -> Result<IndirectNameMap> {
    let mut entries = Vec::new();
    for naming in map {
        let naming = naming?;
        if let Some(index) = to.alive(naming.index) {
            entries.push((index, name_map(plain(naming.names)?)));
        }
    }
    entries.sort_by_key(|(index, _)| *index);
    let mut map = IndirectNameMap::new();
    for (index, names) in entries {
        map.append(index, &names);
    }
    Ok(map)
}
