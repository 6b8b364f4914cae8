//! The linking metadata: where it stands, and whether it reserves enough.
//!
//! **Relies on** `getDylinkMetadata` of Emscripten's `libdylink.js`: 3.1.58 still reads the legacy section, 4.0.5 and later do not; both
//! look at the first section only when they are given bytes, as Pyodide does.

use super::{Finding, Place};
use crate::codes::linking::{DYLINK_NOT_FIRST, DYLINK_TOO_SMALL, LEGACY_DYLINK, NO_DYLINK};
use crate::plain::plural;
use crate::target::Target;
use wasm_pyfix_passes::dylink;
use wasm_pyfix_passes::module::Module;
use wasm_pyfix_passes::module::dylink::{LEGACY_SECTION, SECTION};
use wasmparser::{Parser, Payload};

/// Checks where the metadata stand. `false` when there are none.
pub fn position(bytes: &[u8], target: &Target, place: &Place, findings: &mut Vec<Finding>) -> bool {
    const NOT_FIRST: &str = "Error: need the dylink section to be first";
    let sections = Parser::new(0).parse_all(bytes).map_while(Result::ok).skip(1);
    let mut first_is_custom = false;
    for (position, payload) in sections.filter(|payload| payload.as_section().is_some()).enumerate() {
        let Payload::CustomSection(section) = payload else { continue };
        first_is_custom |= position == 0;
        if section.name() == LEGACY_SECTION && !target.reads_legacy_dylink() {
            let message = "has its linking metadata in the legacy section `dylink`, which the loader does not read";
            findings.push(Finding::new(&LEGACY_DYLINK, place, message).preventing("Error"));
            return true;
        }
        if section.name() == SECTION || section.name() == LEGACY_SECTION {
            if position > 0 {
                let says = if first_is_custom { "Error" } else { NOT_FIRST };
                let message = format!("has its linking metadata behind {position} other {}", plural(position, "section"));
                findings.push(Finding::new(&DYLINK_NOT_FIRST, place, message).preventing(says));
            }
            return true;
        }
    }
    let says = if first_is_custom { "Error" } else { NOT_FIRST };
    findings.push(Finding::new(&NO_DYLINK, place, "has no linking metadata (`dylink.0`)").preventing(says));
    false
}

/// Checks the sizes.
pub fn sizes(module: &Module<'_>, place: &Place, findings: &mut Vec<Finding>) {
    let (memory, table) = dylink::needed_sizes(module);
    let (has_memory, has_table) = (module.dylink.memory_size, module.dylink.table_size);
    if has_memory < memory {
        let message = format!("reserves {has_memory} bytes of memory, and its data fill {memory}");
        findings.push(Finding::new(&DYLINK_TOO_SMALL, place, message));
    }
    if has_table < table {
        let message = format!("reserves {has_table} slots of the table, and its functions fill {table}");
        let says = "RuntimeError: WebAssembly.Instance(): … out of bounds";
        findings.push(Finding::new(&DYLINK_TOO_SMALL, place, message).preventing(says));
    }
}
