//! The names that symbols of private libraries got, for `--map`.

use super::Run;
use crate::codes::upgrading::UNWRITABLE;
use crate::report::InputReport;
use anyhow::Result;
use std::collections::BTreeSet;
use wasm_pyfix_passes::isolate::{PASS, SYMBOLS};

impl Run<'_> {
    /// Writes the map, if one is asked for.
    pub(super) fn write_map(&mut self, inputs: &[InputReport]) -> Result<()> {
        let Some(path) = &self.args.wheel.map else { return Ok(()) };
        self.writer.write(path, lines(inputs).as_bytes(), None).map_err(|error| UNWRITABLE.covers(error))
    }
}

/// A line for each symbol: its library, the old name and the new one. Several targets may tell the same ones.
fn lines(inputs: &[InputReport]) -> String {
    let mut known = BTreeSet::new();
    let mut text = String::new();
    for module in inputs.iter().flat_map(|input| &input.modules) {
        let passes = module.passes.iter().filter(|pass| pass.pass == PASS);
        for (old, new) in passes.flat_map(|pass| pass.names.get(SYMBOLS)).flatten().filter_map(|pair| pair.rsplit_once('=')) {
            let line = format!("{}\t{old}\t{new}\n", module.path.as_deref().unwrap_or_default());
            if known.insert(line.clone()) {
                text += &line;
            }
        }
    }
    text
}
