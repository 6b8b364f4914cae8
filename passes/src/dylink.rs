//! The linking metadata is brought into the form that today's loaders and tools want, and changed as asked.
//!
//! - The legacy section `dylink` becomes `dylink.0`: loaders since Emscripten 4.0.5 reject the old one.
//! - `dylink.0` stands first, with one subsection of each kind in ascending order: loaders look at the first section only, and
//!   Binaryen does not read past a subsection out of order.
//! - Memory and table sizes cover the segments: the loader reserves what `MEM_INFO` says, and a segment beyond it writes into what
//!   belongs to others.
//! - RUNTIME_PATH and NEEDED as asked.
//!
//! It never refuses. Relies on `getDylinkMetadata` and `loadDynamicLibrary` of Emscripten 4.0.9's `libdylink.js`.

use crate::Outcome;
use crate::module::{ConstExpr, ElementItems, Item, Module, Repair, SegmentKind};
use std::collections::{BTreeMap, HashSet};

/// What is asked for beyond repairs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'o> {
    /// Entries that come first in RUNTIME_PATH, in this order.
    pub runtime_path: &'o [String],
    /// Libraries to add to NEEDED, if they are not there.
    pub add_needed: &'o [String],
    /// Libraries to take out of NEEDED.
    pub remove_needed: &'o [String],
    /// New names for libraries in NEEDED, those that were added included, by their old ones.
    pub rename_needed: Option<&'o BTreeMap<String, String>>,
}

/// Repairs and changes the metadata of `module`.
pub fn run(module: &mut Module<'_>, options: &Options<'_>) -> Outcome {
    let mut outcome = Outcome::new("dylink");
    match module.take_dylink_repair() {
        Some(Repair::Legacy) => outcome.count("legacy_sections_converted", 1),
        Some(Repair::Canonical) => outcome.count("sections_made_canonical", 1),
        None => {}
    }
    let (memory, table) = needed_sizes(module);
    let dylink = &mut module.dylink;
    for (size, needed, what) in
        [(&mut dylink.memory_size, memory, "memory_sizes_corrected"), (&mut dylink.table_size, table, "table_sizes_corrected")]
    {
        if *size < needed {
            *size = needed;
            outcome.count(what, 1);
        }
    }
    change_needed(&mut dylink.needed, options, &mut outcome);
    if !options.runtime_path.is_empty() {
        let mut path = options.runtime_path.to_vec();
        path.extend(dylink.runtime_path.iter().filter(|entry| !options.runtime_path.contains(entry)).cloned());
        if path != dylink.runtime_path {
            dylink.runtime_path = path;
            outcome.count("runtime_paths_set", 1);
        }
    }
    outcome
}

fn change_needed(needed: &mut Vec<String>, options: &Options<'_>, outcome: &mut Outcome) {
    let before = needed.clone();
    needed.retain(|name| !options.remove_needed.contains(name));
    for name in options.add_needed {
        if !needed.contains(name) {
            needed.push(name.clone());
        }
    }
    if let Some(names) = options.rename_needed.filter(|names| !names.is_empty()) {
        rename(needed, names);
    }
    if *needed != before {
        outcome.count("needed_lists_changed", 1);
    }
}

/// Gives libraries their new names, each once. A library that is there under its new name already, and is added under the old one by every
/// run, is one library.
fn rename(needed: &mut Vec<String>, names: &BTreeMap<String, String>) {
    for name in needed.iter_mut() {
        if let Some(new) = names.get(name) {
            name.clone_from(new);
        }
    }
    let mut seen = HashSet::new();
    needed.retain(|name| seen.insert(name.clone()));
}

/// The bytes of memory and the slots of the table that the segments of `module` fill: MEM_INFO must say as much, or more.
pub fn needed_sizes(module: &Module<'_>) -> (u32, u32) {
    (segments_end(module, "__memory_base"), segments_end(module, "__table_base"))
}

/// Where the active segments relative to `base` end: bytes for `__memory_base`, slots for `__table_base`. Segments whose offset is
/// not of that form do not count.
fn segments_end(module: &Module<'_>, base: &str) -> u32 {
    let Some(Item::Global(base_global)) = module.import("env", base) else { return 0 };
    let mut end = 0u32;
    let mut cover = |offset: &ConstExpr<'_>, length: usize| {
        if let Some(offset) = offset.offset_from(base_global) {
            end = end.max(offset.saturating_add(u32::try_from(length).unwrap_or(u32::MAX)));
        }
    };
    if base == "__memory_base" {
        for segment in module.data() {
            if let SegmentKind::Active { offset, .. } = &segment.kind {
                cover(offset, segment.bytes.len());
            }
        }
    } else {
        for segment in module.elements() {
            let length = match &segment.items {
                ElementItems::Functions(functions) => functions.len(),
                ElementItems::Expressions(_, expressions) => expressions.len(),
            };
            if let SegmentKind::Active { offset, .. } = &segment.kind {
                cover(offset, length);
            }
        }
    }
    end
}
