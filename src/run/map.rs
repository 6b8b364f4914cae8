//! The names that symbols of private libraries got, for `--map`.

use super::Run;
use crate::codes::upgrading::UNWRITABLE;
use crate::report::InputReport;
use crate::report::ModuleReport;
use anyhow::Result;
use std::collections::{HashMap, HashSet};
use wasm_pyfix_passes::isolate::{self, slots};

impl Run<'_> {
    /// Writes the map, if one is asked for.
    pub(super) fn write_map(&mut self, inputs: &[InputReport]) -> Result<()> {
        let Some(path) = &self.args.wheel.map else { return Ok(()) };
        self.writer.write(path, lines(inputs).as_bytes(), None).map_err(|error| UNWRITABLE.covers(error))
    }
}

/// A line for each symbol: its library, the old name, and the new one or the place in a table. Several targets may tell the same ones.
fn lines(inputs: &[InputReport]) -> String {
    let mut known = HashSet::new();
    let mut text = String::new();
    for module in inputs.iter().flat_map(|input| &input.modules) {
        let tabled: HashMap<&str, &str> = pairs(module, slots::PASS, slots::TABLED).collect();
        for (old, new) in pairs(module, isolate::PASS, isolate::SYMBOLS) {
            let new = tabled.get(new).unwrap_or(&new);
            let line = format!("{}\t{old}\t{new}\n", module.path.as_deref().unwrap_or_default());
            if known.insert(line.clone()) {
                text += &line;
            }
        }
    }
    text
}

/// What a pass names under `key`: what was, and what it became.
fn pairs<'m>(module: &'m ModuleReport, pass: &'static str, key: &'static str) -> impl Iterator<Item = (&'m str, &'m str)> {
    let passes = module.passes.iter().filter(move |known| known.pass == pass);
    passes.flat_map(move |pass| pass.names.get(key)).flatten().filter_map(|pair| pair.rsplit_once('='))
}
