//! Turns code from id space into index space: every index immediate is replaced, every other byte is copied.
//!
//! Copying instead of decoding and encoding again keeps instructions exactly as they were, over-long LEBs included.

use super::index::IndexMaps;
use crate::Result;
use crate::body::facts::{Immediate, Kind, behind_leb};
use wasm_encoder::Encode;

/// Appends `code`, whose indices are `immediates`, to `out`.
pub fn remap(code: &[u8], immediates: &[Immediate], maps: &IndexMaps, out: &mut Vec<u8>) -> Result<()> {
    let mut done = 0;
    for &Immediate { at, id, kind } in immediates {
        let index = index(kind, id, maps)?;
        if index == id {
            continue;
        }
        let at = at as usize;
        out.extend_from_slice(&code[done..at]);
        match kind {
            // A block type is a signed LEB; a type index in it is not negative.
            Kind::BlockType => i64::from(index).encode(out),
            _ => index.encode(out),
        }
        done = behind_leb(code, at);
    }
    out.extend_from_slice(&code[done..]);
    Ok(())
}

/// The index of the id `id`.
fn index(kind: Kind, id: u32, maps: &IndexMaps) -> Result<u32> {
    let map = match kind {
        Kind::Call | Kind::TailCall | Kind::Reference => &maps.functions,
        Kind::Read | Kind::Write => &maps.globals,
        Kind::BlockType | Kind::Type => &maps.types,
        Kind::Tag => &maps.tags,
        Kind::Table => &maps.tables,
    };
    map.get(id)
}
