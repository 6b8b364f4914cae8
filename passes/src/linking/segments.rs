//! Where the data of a module goes.

use crate::module::{MemoryId, Module, SegmentKind};
use std::ops::Range;

/// Where the active data segments go, in bytes behind `__memory_base`, sorted and disjoint, with their indices.
///
/// # Errors
/// Why that is not known.
pub fn segments(module: &Module<'_>) -> Result<Vec<(Range<u32>, usize)>, &'static str> {
    const UNKNOWN: &str = "where a data segment goes is not known";
    let memory_base = module.base("__memory_base");
    let mut segments = Vec::new();
    for (index, segment) in module.data().iter().enumerate() {
        let SegmentKind::Active { offset, target, .. } = &segment.kind else { continue };
        let begin = offset.offset_from(memory_base.ok_or(UNKNOWN)?);
        let range = begin.and_then(|begin| Some(begin..begin.checked_add(u32::try_from(segment.bytes.len()).ok()?)?));
        let range = range.filter(|_| *target == MemoryId(0)).ok_or(UNKNOWN)?;
        if range.end > module.dylink.memory_size {
            return Err("a data segment is longer than the memory that it asks for");
        }
        segments.push((range, index));
    }
    segments.sort_by_key(|(range, _)| range.start);
    match segments.windows(2).all(|pair| pair[0].0.end <= pair[1].0.start) {
        true => Ok(segments),
        false => Err("data segments overlap"),
    }
}
