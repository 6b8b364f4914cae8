//! The dynamic-linking metadata of a side module: the custom section `dylink.0`, or its predecessor `dylink`.
//!
//! Format: WebAssembly tool-conventions, `DynamicLinking.md`. `dylink.0` is a list of subsections, each a type byte, a payload
//! length and the payload; `dylink` (Emscripten before 2.0.30) has the fields of `MEM_INFO` and `NEEDED` without any framing.
//! Both must be the first section of the file. Loaders accept subsections in any order; Binaryen wants them ascending, so that is
//! how they are written.

use crate::{Error, Result};
use std::collections::HashSet;
use wasmparser::BinaryReader;

/// `WASM_DYLINK_MEM_INFO` to `WASM_DYLINK_RUNTIME_PATH`.
mod subsection {
    pub const MEM_INFO: u8 = 1;
    pub const NEEDED: u8 = 2;
    pub const EXPORT_INFO: u8 = 3;
    pub const IMPORT_INFO: u8 = 4;
    pub const RUNTIME_PATH: u8 = 5;
}

/// Name of today's section.
pub const SECTION: &str = "dylink.0";
/// Name of the section that Emscripten wrote before 2.0.30; loaders since 4.0.5 reject it.
pub const LEGACY_SECTION: &str = "dylink";

/// The linking metadata of one side module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dylink {
    /// Bytes of linear memory the loader reserves for data.
    pub memory_size: u32,
    /// Alignment of that memory, as a power of two.
    pub memory_alignment: u32,
    /// Slots of the indirect function table the loader reserves.
    pub table_size: u32,
    /// Alignment of those slots, as a power of two; linkers write 0.
    pub table_alignment: u32,
    /// Libraries to load first, in order.
    pub needed: Vec<String>,
    /// Flags of exported symbols.
    pub export_info: Vec<ExportInfo>,
    /// Flags of imported symbols.
    pub import_info: Vec<ImportInfo>,
    /// Where `needed` is looked for; a leading `$ORIGIN` is the directory of this module.
    pub runtime_path: Vec<String>,
    /// Subsections of other types: type byte and payload.
    pub unknown: Vec<(u8, Vec<u8>)>,
}

impl Dylink {
    /// The fields of the imports that may be missing; loaders look at the field alone.
    pub fn weak_imports(&self) -> HashSet<&str> {
        const WEAK: u32 = 1;
        const BINDING: u32 = 3;
        self.import_info.iter().filter(|info| info.flags & BINDING == WEAK).map(|info| info.field.as_str()).collect()
    }
}

/// Flags (tool-conventions, `Linking.md`) of one export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportInfo {
    /// Export name.
    pub name: String,
    /// Symbol flags, `WASM_SYM_*`.
    pub flags: u32,
}

/// Flags (tool-conventions, `Linking.md`) of one import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportInfo {
    /// Import module.
    pub module: String,
    /// Import field. Loaders match by this name alone.
    pub field: String,
    /// Symbol flags, `WASM_SYM_*`.
    pub flags: u32,
}

impl Dylink {
    /// Decodes the payload of `dylink.0`; `offset` is where it begins in the file, for errors.
    pub fn read(payload: &[u8], offset: u64) -> Result<Self> {
        let mut dylink = Dylink::default();
        let mut reader = BinaryReader::new(payload, offset);
        while !reader.eof() {
            let kind = reader.read_u8()?;
            let length = reader.read_var_u32()? as usize;
            let at = reader.original_position();
            let payload = reader.read_bytes(length)?;
            dylink.read_subsection(kind, payload, at)?;
        }
        Ok(dylink)
    }

    fn read_subsection(&mut self, kind: u8, payload: &[u8], offset: u64) -> Result<()> {
        let mut reader = BinaryReader::new(payload, offset);
        match kind {
            subsection::MEM_INFO => self.read_mem_info(&mut reader)?,
            subsection::NEEDED => read_strings(&mut reader, &mut self.needed)?,
            subsection::EXPORT_INFO => {
                for _ in 0..reader.read_var_u32()? {
                    let name = reader.read_string()?.to_string();
                    self.export_info.push(ExportInfo { name, flags: reader.read_var_u32()? });
                }
            }
            subsection::IMPORT_INFO => {
                for _ in 0..reader.read_var_u32()? {
                    let module = reader.read_string()?.to_string();
                    let field = reader.read_string()?.to_string();
                    self.import_info.push(ImportInfo { module, field, flags: reader.read_var_u32()? });
                }
            }
            subsection::RUNTIME_PATH => read_strings(&mut reader, &mut self.runtime_path)?,
            _ => {
                self.unknown.push((kind, payload.to_vec()));
                return Ok(());
            }
        }
        if !reader.eof() {
            return Err(Error::malformed(
                reader.original_position(),
                format!("subsection {kind} of `{SECTION}` is longer than its contents"),
            ));
        }
        Ok(())
    }

    fn read_mem_info(&mut self, reader: &mut BinaryReader<'_>) -> Result<()> {
        self.memory_size = reader.read_var_u32()?;
        self.memory_alignment = read_alignment(reader)?;
        self.table_size = reader.read_var_u32()?;
        self.table_alignment = read_alignment(reader)?;
        Ok(())
    }

    /// Decodes the payload of the legacy section `dylink`.
    pub fn read_legacy(payload: &[u8], offset: u64) -> Result<Self> {
        let mut dylink = Dylink::default();
        let mut reader = BinaryReader::new(payload, offset);
        dylink.read_mem_info(&mut reader)?;
        read_strings(&mut reader, &mut dylink.needed)?;
        if !reader.eof() {
            let message = format!("`{LEGACY_SECTION}` is longer than its contents");
            return Err(Error::malformed(reader.original_position(), message));
        }
        Ok(dylink)
    }

    /// The payload of `dylink.0`: one subsection of each kind that has contents (`MEM_INFO` always), types ascending.
    pub fn write(&self) -> Vec<u8> {
        let mut subsections: Vec<(u8, Vec<u8>)> = vec![(subsection::MEM_INFO, self.mem_info())];
        if !self.needed.is_empty() {
            subsections.push((subsection::NEEDED, strings(&self.needed)));
        }
        if !self.export_info.is_empty() {
            let mut payload = count(self.export_info.len());
            for info in &self.export_info {
                string(&info.name, &mut payload);
                leb(info.flags, &mut payload);
            }
            subsections.push((subsection::EXPORT_INFO, payload));
        }
        if !self.import_info.is_empty() {
            let mut payload = count(self.import_info.len());
            for info in &self.import_info {
                string(&info.module, &mut payload);
                string(&info.field, &mut payload);
                leb(info.flags, &mut payload);
            }
            subsections.push((subsection::IMPORT_INFO, payload));
        }
        if !self.runtime_path.is_empty() {
            subsections.push((subsection::RUNTIME_PATH, strings(&self.runtime_path)));
        }
        subsections.extend(self.unknown.iter().cloned());
        subsections.sort_by_key(|(kind, _)| *kind);
        let mut out = Vec::new();
        for (kind, payload) in subsections {
            out.push(kind);
            leb(payload.len() as u32, &mut out);
            out.extend(payload);
        }
        out
    }

    fn mem_info(&self) -> Vec<u8> {
        let mut payload = Vec::new();
        for field in [self.memory_size, self.memory_alignment, self.table_size, self.table_alignment] {
            leb(field, &mut payload);
        }
        payload
    }
}

/// A power of two that a loader can shift by.
fn read_alignment(reader: &mut BinaryReader<'_>) -> Result<u32> {
    let offset = reader.original_position();
    let alignment = reader.read_var_u32()?;
    if alignment > 31 {
        return Err(Error::malformed(offset, format!("alignment 2^{alignment} does not fit 32-bit memory")));
    }
    Ok(alignment)
}

fn read_strings(reader: &mut BinaryReader<'_>, out: &mut Vec<String>) -> Result<()> {
    for _ in 0..reader.read_var_u32()? {
        out.push(reader.read_string()?.to_string());
    }
    Ok(())
}

fn strings(list: &[String]) -> Vec<u8> {
    let mut payload = count(list.len());
    for item in list {
        string(item, &mut payload);
    }
    payload
}

fn count(length: usize) -> Vec<u8> {
    let mut out = Vec::new();
    leb(length as u32, &mut out);
    out
}

fn string(value: &str, out: &mut Vec<u8>) {
    leb(value.len() as u32, out);
    out.extend_from_slice(value.as_bytes());
}

fn leb(value: u32, out: &mut Vec<u8>) {
    wasm_encoder::Encode::encode(&value, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legacy_fields_become_subsections() {
        let payload = [8, 2, 3, 0, 1, 4, b'l', b'.', b's', b'o'];
        let dylink = Dylink::read_legacy(&payload, 0).unwrap();
        assert_eq!((dylink.memory_size, dylink.memory_alignment, dylink.table_size), (8, 2, 3));
        assert_eq!(dylink.needed, ["l.so"]);
        assert_eq!(dylink.write(), [1, 4, 8, 2, 3, 0, 2, 6, 1, 4, b'l', b'.', b's', b'o']);
    }

    #[test]
    fn subsections_come_out_ascending_and_unknown_ones_survive() {
        let payload = [9, 1, 42, 5, 3, 1, 1, b'p', 2, 3, 1, 1, b'a', 1, 4, 0, 0, 0, 0];
        let dylink = Dylink::read(&payload, 0).unwrap();
        assert_eq!(dylink.unknown, [(9, vec![42])]);
        assert_eq!(dylink.write(), [1, 4, 0, 0, 0, 0, 2, 3, 1, 1, b'a', 5, 3, 1, 1, b'p', 9, 1, 42]);
    }

    #[test]
    fn repeated_subsections_merge() {
        let payload = [1, 4, 0, 0, 0, 0, 2, 3, 1, 1, b'a', 2, 3, 1, 1, b'b'];
        assert_eq!(Dylink::read(&payload, 0).unwrap().needed, ["a", "b"]);
    }

    #[test]
    fn errors_name_the_offset() {
        let Err(Error::Malformed { offset, .. }) = Dylink::read(&[1, 4, 0, 99, 0, 0], 100) else { panic!() };
        assert_eq!(offset, 103);
        assert!(Dylink::read(&[2, 2, 1, 9], 0).is_err());
        assert!(Dylink::read(&[1, 5, 0, 0, 0, 0, 0], 0).is_err());
    }
}
