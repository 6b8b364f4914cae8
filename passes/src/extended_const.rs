//! Constant expressions that compute are written out, for engines that know only those which name a value (Node 20 and older).
//!
//! **Idea.** With `-mextended-const` linkers say `__memory_base + n` where a value must be constant. Without it lld writes one data
//! segment at `__memory_base`, and its start function computes what globals hold; this pass makes the one out of the other. The active
//! data segments become a single one at `__memory_base`, with zeros between them, which is what memory holds there anyway. A global gets 0
//! at first, and the start function its value, before anything else runs; one that could not change before can then.
//!
//! **When it refuses.** A global that is exported and could not change, since loaders take such an export for an address and the other
//! kind for a variable; data segments at other addresses than behind `__memory_base`, beyond the size that `dylink.0` tells, or with more
//! zeros between them than data; element segments whose place is computed. No linker writes any of these.
//!
//! **Relies on** lld (`Writer::combineOutputSegments` and `generateRelocationCode` in lld/wasm), and on a loader that gives a module zeroed
//! memory, as [`crate::encode`] does. Constants are made of imported globals alone, as validation has it without the proposal for garbage
//! collection, so no other constant reads what the start function sets. Code cannot tell an active segment from an empty one: both count
//! as dropped once they were written.

use crate::module::{ConstExpr, GlobalId, Item, Module, SegmentKind};
use crate::{Error, Outcome, Result, code};

/// Name of the pass.
pub const PASS: &str = "extended-const";
/// What linkers call it, and `target_features`.
const FEATURE: &str = "extended-const";

/// Zeros that may stand between segments, however little data there is.
const FEW: usize = 1 << 16;

/// Whether a constant expression of `module` computes.
pub fn is_used(module: &Module<'_>) -> bool {
    let globals = module.globals().iter().filter_map(|global| global.origin.defined());
    let mut places = places(module);
    globals.into_iter().any(ConstExpr::computes) || places.any(ConstExpr::computes)
}

/// Where active segments go.
fn places<'m>(module: &'m Module<'_>) -> impl Iterator<Item = &'m ConstExpr<'m>> {
    let elements = module.elements().iter().filter_map(|segment| place(&segment.kind));
    elements.chain(module.data().iter().filter_map(|segment| place(&segment.kind)))
}

fn place<'m, Target>(kind: &'m SegmentKind<'_, Target>) -> Option<&'m ConstExpr<'m>> {
    match kind {
        SegmentKind::Active { offset, .. } => Some(offset),
        _ => None,
    }
}

/// Writes out what computes in `module`.
///
/// # Errors
/// [`Error::Refused`] for what no linker writes; see above.
pub fn run(module: &mut Module<'_>) -> Result<Outcome> {
    let mut outcome = Outcome::new(PASS);
    if !is_used(module) {
        return Ok(outcome);
    }
    if module.elements().iter().filter_map(|segment| place(&segment.kind)).any(ConstExpr::computes) {
        return Err(refused("the place of an element segment is computed, which no linker writes"));
    }
    let computed = module.data().iter().filter(|segment| place(&segment.kind).is_some_and(ConstExpr::computes)).count();
    if computed > 0 {
        let merged = merged(module)?;
        module.merge_active_data(merged);
    }
    outcome.count("data_segments_moved", computed);
    let globals = computed_globals(module)?;
    outcome.count("globals_set_at_start", globals.len());
    module.compute_at_start(&globals);
    module.remove_target_feature(FEATURE);
    Ok(outcome)
}

fn refused(problem: &str) -> Error {
    Error::refused(code::EXTENDED_CONST, format!("{problem}; so constant expressions cannot be written out"))
}

/// The contents of all active data segments, from `__memory_base` on.
fn merged(module: &Module<'_>) -> Result<Vec<u8>> {
    let Some(Item::Global(base)) = module.import("env", "__memory_base") else {
        return Err(refused("it has no `__memory_base` to which its data belong"));
    };
    let mut segments = Vec::new();
    for segment in module.data() {
        let SegmentKind::Active { target, offset, .. } = &segment.kind else { continue };
        let begin = offset.offset_from(base).filter(|_| target.0 == 0);
        let Some(begin) = begin else { return Err(refused("a data segment is not at `__memory_base` plus a number")) };
        segments.push((begin as usize, segment.bytes.as_ref()));
    }
    let end = segments.iter().map(|(begin, bytes)| begin + bytes.len()).max().unwrap_or(0);
    let data: usize = segments.iter().map(|(_, bytes)| bytes.len()).sum();
    if end > module.dylink.memory_size as usize {
        return Err(refused("its data are larger than its linking metadata say"));
    }
    if end > 2 * data + FEW {
        return Err(refused(&format!("its data, {data} B, are spread over {end} B")));
    }
    let mut merged = vec![0; end];
    for (begin, bytes) in segments {
        merged[begin..begin + bytes.len()].copy_from_slice(bytes);
    }
    Ok(merged)
}

/// The globals whose initial values are computed.
fn computed_globals(module: &Module<'_>) -> Result<Vec<GlobalId>> {
    let mut computed = Vec::new();
    for (index, global) in module.globals().iter().enumerate() {
        let id = GlobalId(index as u32);
        let Some(init) = global.origin.defined() else { continue };
        if !init.computes() {
            continue;
        }
        let export = module.exports().iter().find(|export| export.item == Item::Global(id));
        if let (Some(export), false) = (export, global.ty.mutable) {
            return Err(refused(&format!("the value of the global that it exports as `{}` is computed", export.name)));
        }
        computed.push(id);
    }
    Ok(computed)
}
