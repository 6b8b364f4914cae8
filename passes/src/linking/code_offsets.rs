//! Custom sections that point into code by byte offset, such as debug information: what passes do about them that move code.
//!
//! Passes that a module needs drop these sections, and say so; those that only make it smaller leave such a module alone.

use crate::module::Module;
use crate::{Notice, Outcome, code};

/// Why a module keeps all its code where it is.
pub const CODE_OFFSETS: &str = "its debug information points into the code";

/// Sections that point into code by byte offset are wrong once code moves.
pub(crate) fn drop_code_offsets(module: &mut Module<'_>, outcome: &mut Outcome) {
    let dropped = module.drop_custom_sections(points_into_code);
    if !dropped.is_empty() {
        let message = format!("dropped sections that point into the old code: {}", dropped.join(", "));
        outcome.notices.push(Notice::note(code::DROPPED_SECTIONS, message));
    }
}

/// Whether custom sections of `module` point into its code.
pub fn has_code_offsets(module: &Module<'_>) -> bool {
    module.custom_sections().any(points_into_code)
}

/// Whether the custom section `name` holds offsets of code.
pub(crate) fn points_into_code(name: &str) -> bool {
    name.starts_with(".debug_")
        || name.starts_with("reloc.")
        || name.starts_with("metadata.code.")
        || matches!(name, "sourceMappingURL" | "external_debug_info" | "linking")
}
