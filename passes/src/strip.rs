//! Drops custom sections that nothing needs at run time.
//!
//! **Idea.** What a custom section holds is for tools: names and debug information for debuggers, the names of the compilers. Only on
//! request, since who debugs wants them.
//!
//! **Never dropped:** `dylink.0`, without which no loader takes the module, and `target_features`, by which tools that read the result
//! know which instructions to accept.

use crate::Outcome;
use crate::module::{Module, dylink};

/// Name of the pass.
pub const PASS: &str = "strip";

/// What goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strip {
    /// Debug information: DWARF, source maps, and where to find either.
    Debug,
    /// Debug information and the names of functions, locals and so on.
    Names,
    /// Every custom section that can go.
    All,
}

impl Strip {
    /// Whether the custom section `name` goes.
    fn drops(self, name: &str) -> bool {
        let debug = crate::linking::code_offsets::points_into_code(name);
        match self {
            _ if matches!(name, dylink::SECTION | dylink::LEGACY_SECTION | "target_features") => false,
            Strip::Debug => debug,
            Strip::Names => debug || name == "name",
            Strip::All => true,
        }
    }
}

/// Drops what `strip` says from `module`.
pub fn run(module: &mut Module<'_>, strip: Strip) -> Outcome {
    let mut outcome = Outcome::new(PASS);
    let dropped = module.drop_custom_sections(|name| strip.drops(name));
    outcome.count("custom_sections_removed", dropped.len());
    outcome
}
