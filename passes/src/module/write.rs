//! Bytes out: assigns indices and writes the module.
//!
//! A section that no pass changed and that refers to no shifted index is copied as it is, and so a module that was only read comes
//! out byte for byte.

use super::index::{IndexMap, IndexMaps};
use super::remap::remap;
use super::{FunctionId, Item, Module, Origin, TypeId, dylink, encode, names, section};
use crate::parallel::prelude::*;
use crate::{Error, Result};

/// A module that was written.
pub(crate) struct Written {
    /// It in the binary format.
    pub bytes: Vec<u8>,
    /// Why the section with the names is not in it: it had to be written anew and cannot be read.
    pub names_lost: Option<Error>,
}

impl Module<'_> {
    /// The module in the binary format.
    ///
    /// # Errors
    /// [`Error::Internal`] when a pass left a reference to something it removed.
    pub fn write(&self) -> Result<Vec<u8>> {
        Ok(self.written()?.bytes)
    }

    /// The module in the binary format, and what was lost on the way.
    ///
    /// # Errors
    /// As [`Module::write`].
    pub(crate) fn written(&self) -> Result<Written> {
        let maps = IndexMaps::new(self);
        let mut names_lost = None;
        let mut out = Vec::with_capacity(self.input.len() + self.input.len() / 16);
        out.extend_from_slice(&self.input[..8]);
        // New sections go in front of the first section that must come after them.
        let mut pending: Vec<u8> = section::ORDER.into_iter().filter(|&id| self.is_new(id)).collect();
        for old in &self.sections {
            if let Some(rank) = section::ORDER.iter().position(|&id| id == old.id) {
                while let Some(&new) = pending.first().filter(|&new| section::ORDER[..rank].contains(new)) {
                    pending.remove(0);
                    self.write_known(new, &maps, &mut out)?;
                }
            }
            if old.id == section::CUSTOM {
                if let Err(error) = self.write_custom(old, &maps, &mut out) {
                    names_lost = Some(error);
                }
            } else if self.must_encode(old.id, &maps) {
                self.write_known(old.id, &maps, &mut out)?;
            } else {
                self.copy_known(old, &maps, &mut out)?;
            }
        }
        for new in pending {
            self.write_known(new, &maps, &mut out)?;
        }
        Ok(Written { bytes: out, names_lost })
    }

    /// The index that each type will have, by its id; that of a type which is gone means nothing.
    pub fn type_indices(&self) -> Vec<u32> {
        let types = IndexMaps::new(self).types;
        (0..self.types.len() as u32).map(|id| types.alive(id).unwrap_or_default()).collect()
    }

    /// Whether some LEB may be longer than it need be. Where it is not sure it says so.
    ///
    /// # Errors
    /// As [`Module::write`].
    pub fn may_be_padded(&self) -> Result<bool> {
        let maps = IndexMaps::new(self);
        // What is around the code is made short when it is written, once that was asked for.
        for old in self.sections.iter().filter(|_| !self.shortest_lebs) {
            let mut encoded = Vec::new();
            if old.id == section::CUSTOM {
                write_custom_section(&old.name, &self.input[old.payload..old.range.end], &mut encoded);
            } else if !self.must_encode(old.id, &maps) {
                self.write_known(old.id, &maps, &mut encoded)?;
            } else {
                continue;
            }
            if encoded.len() < old.range.len() {
                return Ok(true);
            }
        }
        Ok(self.facts()?.iter().any(|(_, facts)| facts.padded))
    }

    /// What `visit` makes of each of `functions`, which this module defines, several at a time. It sees the body in a form that is the same for
    /// functions that do the same: as short as can be, with ids in the place of indices, and without the functions that it calls.
    ///
    /// # Errors
    /// Malformed code, which [`Module::read`] would have found.
    pub fn visit_bodies_without_callees<T: Send>(
        &self,
        functions: &[FunctionId],
        visit: impl Fn(FunctionId, &[u8]) -> T + Sync,
    ) -> Result<Vec<T>> {
        let mut maps = IndexMaps::of_ids(self);
        maps.functions.number(vec![0; self.functions.len()]);
        self.visit_bodies(functions, &maps, visit)
    }

    /// What `visit` makes of each of `functions`, which this module defines, several at a time. It sees the body as it will be written, but
    /// with `numbers` of the functions, by their ids, in the place of their indices.
    ///
    /// # Errors
    /// Malformed code, which [`Module::read`] would have found.
    pub fn visit_numbered_bodies<T: Send>(
        &self,
        functions: &[FunctionId],
        numbers: Vec<u32>,
        visit: impl Fn(FunctionId, &[u8]) -> T + Sync,
    ) -> Result<Vec<T>> {
        let mut maps = IndexMaps::new(self);
        maps.functions.number(numbers);
        self.visit_bodies(functions, &maps, visit)
    }

    fn visit_bodies<T: Send>(
        &self,
        functions: &[FunctionId],
        maps: &IndexMaps,
        visit: impl Fn(FunctionId, &[u8]) -> T + Sync,
    ) -> Result<Vec<T>> {
        let defined: Vec<_> = functions.iter().filter_map(|id| Some((*id, self.function(*id).origin.defined()?))).collect();
        let visited = defined.into_par_iter().map_init(Vec::new, |scratch, (id, body)| {
            scratch.clear();
            if body.facts()?.padded {
                let short = body.shortened()?;
                remap(&short.bytes, &short.facts()?.immediates, maps, scratch)?;
            } else {
                remap(&body.bytes, &body.facts()?.immediates, maps, scratch)?;
            }
            Ok(visit(id, scratch))
        });
        visited.collect()
    }

    /// Whether the known section `id` is not in the input but has contents now.
    fn is_new(&self, id: u8) -> bool {
        self.touched.contains(id) && !self.sections.iter().any(|section| section.id == id)
    }

    /// Whether the known section `id` differs from the input.
    fn must_encode(&self, id: u8, maps: &IndexMaps) -> bool {
        let shifted = |maps: &[&IndexMap]| maps.iter().any(|map| !map.is_identity());
        self.touched.contains(id)
            || match id {
                section::IMPORT | section::FUNCTION | section::TAG => shifted(&[&maps.types]),
                section::GLOBAL | section::TABLE => shifted(&[&maps.globals, &maps.functions]),
                section::EXPORT => shifted(&[&maps.functions, &maps.tables, &maps.memories, &maps.globals, &maps.tags]),
                section::START => shifted(&[&maps.functions]),
                section::ELEMENT => shifted(&[&maps.functions, &maps.tables, &maps.globals]),
                section::DATA => shifted(&[&maps.memories, &maps.globals]),
                section::CODE => !maps.are_identity(),
                _ => false,
            }
    }

    /// Writes the known section `old`, which no pass changed.
    fn copy_known(&self, old: &super::Section, maps: &IndexMaps, out: &mut Vec<u8>) -> Result<()> {
        let copy = &self.input[old.range.clone()];
        if self.shortest_lebs {
            let mut encoded = Vec::new();
            self.write_known(old.id, maps, &mut encoded)?;
            if encoded.len() < copy.len() {
                out.append(&mut encoded);
                return Ok(());
            }
        }
        out.extend_from_slice(copy);
        Ok(())
    }

    /// Fails, and writes nothing, when names cannot be read that would have to be written anew: as they are they would be wrong.
    fn write_custom(&self, old: &super::Section, maps: &IndexMaps, out: &mut Vec<u8>) -> Result<()> {
        let is_dylink = old.name == dylink::SECTION || old.name == dylink::LEGACY_SECTION;
        if is_dylink && (self.dylink_changes() || self.has_legacy_dylink()) {
            write_custom_section(dylink::SECTION, &self.dylink.write(), out);
        } else if old.dropped {
        } else if let Some(payload) = &old.replacement {
            write_custom_section(&old.name, payload, out);
        } else if old.name == "name" && (!maps.keep_names() || !self.new_names.is_empty() || self.has_rewritten_bodies()) {
            let payload = names::rewrite(self, &self.input[old.payload..old.range.end], old.payload as u64, maps)?;
            write_custom_section(&old.name, &payload, out);
        } else if self.shortest_lebs {
            // Its size and the length of its name may be longer than they need be.
            write_custom_section(&old.name, &self.input[old.payload..old.range.end], out);
        } else {
            out.extend_from_slice(&self.input[old.range.clone()]);
        }
        Ok(())
    }

    fn write_known(&self, id: u8, maps: &IndexMaps, out: &mut Vec<u8>) -> Result<()> {
        let mut payload = Vec::new();
        let count = match id {
            section::TYPE => self.write_types(&mut payload)?,
            section::IMPORT => self.write_imports(maps, &mut payload)?,
            section::FUNCTION => self.write_functions(maps, &mut payload)?,
            section::TABLE => self.write_tables(maps, &mut payload)?,
            section::MEMORY => self.write_memories(&mut payload)?,
            section::TAG => self.write_tags(maps, &mut payload)?,
            section::GLOBAL => self.write_globals(maps, &mut payload)?,
            section::EXPORT => self.write_exports(maps, &mut payload)?,
            section::ELEMENT => self.write_elements(maps, &mut payload)?,
            section::DATA => write_list(&self.data, &mut payload, |segment, out| encode::data_segment(segment, maps, out))?,
            section::CODE => self.write_code(&self.defined_functions(), maps, &mut payload)?,
            section::START => match self.start {
                Some(start) => maps.function(start)? as usize,
                None => return Ok(()),
            },
            section::DATA_COUNT => self.data.len(),
            _ => return Err(Error::Internal(format!("section {id} cannot be encoded"))),
        };
        if count == 0 && payload.is_empty() && !matches!(id, section::START | section::DATA_COUNT) {
            return Ok(());
        }
        let mut head = Vec::new();
        encode::leb(count as u32, &mut head);
        out.push(id);
        encode::leb((head.len() + payload.len()) as u32, out);
        out.extend_from_slice(&head);
        out.extend_from_slice(&payload);
        Ok(())
    }

    fn write_types(&self, out: &mut Vec<u8>) -> Result<usize> {
        let alive: Vec<_> = self.types.iter().enumerate().filter(|(id, _)| self.has_type(TypeId(*id as u32))).collect();
        write_list(&alive, out, |(_, ty), out| encode::function_type(ty, out))
    }

    fn write_imports(&self, maps: &IndexMaps, out: &mut Vec<u8>) -> Result<usize> {
        write_list(&self.imports, out, |import, out| {
            encode::name(&import.module, out);
            encode::name(&import.field, out);
            match import.item {
                Item::Function(id) => {
                    out.push(0);
                    encode::leb(maps.ty(self.function(id).ty)?, out);
                }
                Item::Table(id) => {
                    out.push(1);
                    encode::table_type(self.tables[id.0 as usize].ty, out)?;
                }
                Item::Memory(id) => {
                    out.push(2);
                    encode::memory_type(self.memories[id.0 as usize].ty, out)?;
                }
                Item::Global(id) => {
                    out.push(3);
                    encode::global_type(self.globals[id.0 as usize].ty, out)?;
                }
                Item::Tag(id) => {
                    out.extend([4, 0]);
                    encode::leb(maps.ty(self.tags[id.0 as usize].ty)?, out);
                }
            }
            Ok(())
        })
    }

    fn write_functions(&self, maps: &IndexMaps, out: &mut Vec<u8>) -> Result<usize> {
        write_list(&self.defined_functions(), out, |id, out| {
            encode::leb(maps.ty(self.function(*id).ty)?, out);
            Ok(())
        })
    }

    fn write_tables(&self, maps: &IndexMaps, out: &mut Vec<u8>) -> Result<usize> {
        let defined: Vec<_> = self.tables.iter().filter_map(|table| Some((table.ty, table.origin.defined()?))).collect();
        write_list(&defined, out, |(ty, init), out| match init {
            Some(init) => {
                out.extend([0x40, 0]);
                encode::table_type(*ty, out)?;
                encode::const_expr(init, maps, out)
            }
            None => encode::table_type(*ty, out),
        })
    }

    fn write_memories(&self, out: &mut Vec<u8>) -> Result<usize> {
        let defined: Vec<_> = self.memories.iter().filter(|memory| matches!(memory.origin, Origin::Defined(()))).collect();
        write_list(&defined, out, |memory, out| encode::memory_type(memory.ty, out))
    }

    fn write_tags(&self, maps: &IndexMaps, out: &mut Vec<u8>) -> Result<usize> {
        let defined: Vec<_> = self.tags.iter().filter(|tag| matches!(tag.origin, Origin::Defined(()))).collect();
        write_list(&defined, out, |tag, out| {
            out.push(0);
            encode::leb(maps.ty(tag.ty)?, out);
            Ok(())
        })
    }

    fn write_globals(&self, maps: &IndexMaps, out: &mut Vec<u8>) -> Result<usize> {
        let defined: Vec<_> = self.globals.iter().filter_map(|global| Some((global.ty, global.origin.defined()?))).collect();
        write_list(&defined, out, |(ty, init), out| {
            encode::global_type(*ty, out)?;
            encode::const_expr(init, maps, out)
        })
    }

    fn write_exports(&self, maps: &IndexMaps, out: &mut Vec<u8>) -> Result<usize> {
        write_list(&self.exports, out, |export, out| {
            encode::name(&export.name, out);
            out.push(match export.item {
                Item::Function(_) => 0,
                Item::Table(_) => 1,
                Item::Memory(_) => 2,
                Item::Global(_) => 3,
                Item::Tag(_) => 4,
            });
            encode::leb(maps.item(export.item)?, out);
            Ok(())
        })
    }

    /// The payloads of the sections in which functions go by their indices: what changes with the order of functions, which is that of
    /// `functions` here.
    ///
    /// # Errors
    /// As [`Module::write`].
    pub fn indexing_sections(&self, functions: &[FunctionId]) -> Result<Vec<u8>> {
        let maps = IndexMaps::in_order(self, functions);
        let mut payloads = Vec::new();
        self.write_exports(&maps, &mut payloads)?;
        self.write_elements(&maps, &mut payloads)?;
        self.write_code(functions, &maps, &mut payloads)?;
        Ok(payloads)
    }

    fn write_elements(&self, maps: &IndexMaps, out: &mut Vec<u8>) -> Result<usize> {
        write_list(&self.elements, out, |segment, out| encode::element_segment(segment, maps, out))
    }

    fn write_code(&self, functions: &[FunctionId], maps: &IndexMaps, out: &mut Vec<u8>) -> Result<usize> {
        /// Enough functions to make up for handing them to another thread.
        const CHUNK: usize = 256;
        let bodies: Vec<_> = functions.iter().filter_map(|id| self.function(*id).origin.defined()).collect();
        let as_they_are = maps.are_identity();
        let chunks: Vec<Vec<u8>> = bodies
            .par_chunks(CHUNK)
            .map(|bodies| {
                let mut chunk = Vec::with_capacity(bodies.iter().map(|body| body.bytes.len() + 5).sum());
                let mut scratch = Vec::new();
                for body in bodies {
                    let code = if as_they_are {
                        &body.bytes
                    } else {
                        scratch.clear();
                        remap(&body.bytes, &body.facts()?.immediates, maps, &mut scratch)?;
                        &scratch[..]
                    };
                    encode::leb(code.len() as u32, &mut chunk);
                    chunk.extend_from_slice(code);
                }
                Ok(chunk)
            })
            .collect::<Result<_>>()?;
        out.reserve_exact(chunks.iter().map(Vec::len).sum());
        for chunk in chunks {
            out.extend_from_slice(&chunk);
        }
        Ok(bodies.len())
    }
}

fn write_list<T>(list: &[T], out: &mut Vec<u8>, mut write: impl FnMut(&T, &mut Vec<u8>) -> Result<()>) -> Result<usize> {
    for item in list {
        write(item, out)?;
    }
    Ok(list.len())
}

fn write_custom_section(name: &str, payload: &[u8], out: &mut Vec<u8>) {
    let mut head = Vec::new();
    encode::name(name, &mut head);
    out.push(section::CUSTOM);
    encode::leb((head.len() + payload.len()) as u32, out);
    out.extend_from_slice(&head);
    out.extend_from_slice(payload);
}
