//! The encoding of the model's parts, each in index space.

use super::index::IndexMaps;
use super::remap::remap;
use super::{ConstExpr, DataSegment, ElementItems, ElementSegment, SegmentKind};
use crate::{Error, Result};
use wasm_encoder::Encode;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasmparser::{FuncType, GlobalType, ValType};

/// The type of most globals that the dynamic-linking conventions know: addresses and the stack pointer.
pub const MUTABLE_I32: GlobalType = GlobalType { content_type: ValType::I32, mutable: true, shared: false };

pub fn leb(value: u32, out: &mut Vec<u8>) {
    value.encode(out);
}

pub fn name(value: &str, out: &mut Vec<u8>) {
    value.encode(out);
}

fn unsupported(error: wasm_encoder::reencode::Error) -> Error {
    Error::Internal(format!("a type that cannot be encoded: {error}"))
}

pub fn value_type(ty: ValType) -> Result<wasm_encoder::ValType> {
    RoundtripReencoder.val_type(ty).map_err(unsupported)
}

pub fn function_type(ty: &FuncType, out: &mut Vec<u8>) -> Result<()> {
    out.push(0x60);
    for types in [ty.params(), ty.results()] {
        leb(types.len() as u32, out);
        for &ty in types {
            value_type(ty)?.encode(out);
        }
    }
    Ok(())
}

pub fn global_type(ty: GlobalType, out: &mut Vec<u8>) -> Result<()> {
    RoundtripReencoder.global_type(ty).map_err(unsupported)?.encode(out);
    Ok(())
}

pub fn table_type(ty: wasmparser::TableType, out: &mut Vec<u8>) -> Result<()> {
    RoundtripReencoder.table_type(ty).map_err(unsupported)?.encode(out);
    Ok(())
}

pub fn memory_type(ty: wasmparser::MemoryType, out: &mut Vec<u8>) -> Result<()> {
    RoundtripReencoder.memory_type(ty).map_err(unsupported)?.encode(out);
    Ok(())
}

pub fn const_expr(expr: &ConstExpr<'_>, maps: &IndexMaps, out: &mut Vec<u8>) -> Result<()> {
    remap(&expr.bytes, &expr.facts()?.immediates, maps, out)
}

/// One element segment, in the shortest form that says the same with the same explicitness.
pub fn element_segment(segment: &ElementSegment<'_>, maps: &IndexMaps, out: &mut Vec<u8>) -> Result<()> {
    let expressions = if matches!(segment.items, ElementItems::Expressions(..)) { 4 } else { 0 };
    let mut explicit_type = true;
    match &segment.kind {
        SegmentKind::Passive => leb(1 | expressions, out),
        SegmentKind::Declared => leb(3 | expressions, out),
        SegmentKind::Active { target, explicit, offset } => {
            let table = maps.table(*target)?;
            explicit_type = *explicit || table != 0;
            if explicit_type {
                leb(2 | expressions, out);
                leb(table, out);
            } else {
                leb(expressions, out);
            }
            const_expr(offset, maps, out)?;
        }
    }
    match &segment.items {
        ElementItems::Functions(functions) => {
            if explicit_type {
                out.push(0); // the element kind "function"
            }
            leb(functions.len() as u32, out);
            for &function in functions {
                leb(maps.function(function)?, out);
            }
        }
        ElementItems::Expressions(ty, expressions) => {
            if explicit_type {
                RoundtripReencoder.ref_type(*ty).map_err(unsupported)?.encode(out);
            }
            leb(expressions.len() as u32, out);
            for expr in expressions {
                const_expr(expr, maps, out)?;
            }
        }
    }
    Ok(())
}

pub fn data_segment(segment: &DataSegment<'_>, maps: &IndexMaps, out: &mut Vec<u8>) -> Result<()> {
    match &segment.kind {
        SegmentKind::Active { target, explicit, offset } => {
            let memory = maps.memories.get(target.0)?;
            if *explicit || memory != 0 {
                leb(2, out);
                leb(memory, out);
            } else {
                leb(0, out);
            }
            const_expr(offset, maps, out)?;
        }
        SegmentKind::Passive | SegmentKind::Declared => leb(1, out),
    }
    leb(segment.bytes.len() as u32, out);
    out.extend_from_slice(&segment.bytes);
    Ok(())
}
