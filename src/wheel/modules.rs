//! The side modules of an archive: finds them, has them upgraded and shrunk, and notes what became of them.

use super::archive::Archive;
use super::runtime_path::base_name;
use super::sources::Sources;
use super::{Edits, ModuleReport, UpgradeModule, WheelOptions, contents};
use crate::pipeline::{ModuleOptions, ModuleResult};
use crate::shrink::{self, Upgraded};
use anyhow::{Context, Result, ensure};
use rayon::prelude::*;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use wasm_pyfix_passes::legalize;
use wasm_pyfix_passes::module::dylink::Dylink;
use wasm_pyfix_passes::siblings::{Exporters, SiblingExports};
use wasmparser::FuncType;

/// A side module on its way through.
pub struct Module {
    /// Entry of the archive; `None` when grafted.
    pub entry: Option<usize>,
    pub path: String,
    pub grafted_from: Option<PathBuf>,
    pub bytes: Vec<u8>,
    pub dylink: Dylink,
    pub exports: Vec<String>,
}

/// Reads every side module. Binaries of other platforms are errors, other files under such names get a notice.
pub fn find_modules(archive: &Archive<'_>, notices: &mut Vec<String>) -> Result<Vec<Module>> {
    let named = contents::named_like_modules(archive)?;
    let found: Vec<Result<Found>> = named.par_iter().map(|(index, kind)| read_module(archive, *index, *kind)).collect();
    let mut modules = Vec::new();
    for ((index, _), found) in named.iter().zip(found) {
        match found? {
            Found::Module(module) => modules.push(*module),
            Found::Data => {}
            Found::Other => {
                let name = &archive.entries[*index].name;
                notices.push(format!("`{name}` is not a WebAssembly module and was left as it is"));
            }
        }
    }
    Ok(modules)
}

/// What an entry with the name of a module is.
enum Found {
    Module(Box<Module>),
    /// WebAssembly without linking metadata under a name that Pyodide does not load.
    Data,
    /// Not WebAssembly at all.
    Other,
}

fn read_module(archive: &Archive<'_>, index: usize, kind: contents::Kind) -> Result<Found> {
    let name = &archive.entries[index].name;
    let context = || format!("entry `{name}`");
    if !contents::check(kind).with_context(context)? {
        return Ok(Found::Other);
    }
    let bytes = archive.read(index)?;
    let Some((dylink, exports)) = contents::inspect(&bytes).with_context(context)? else {
        let problem = "it has no linking metadata (`dylink.0`): not a side module, or a tool has stripped it";
        ensure!(name.ends_with(".wasm"), "entry `{name}`: {problem}; link it with -sSIDE_MODULE");
        return Ok(Found::Data);
    };
    Ok(Found::Module(Box::new(Module { entry: Some(index), path: name.clone(), grafted_from: None, bytes, dylink, exports })))
}

/// The libraries to add to NEEDED of the module at `path`: no module needs itself.
fn added_needed(path: &str, options: &ModuleOptions) -> Vec<String> {
    options.add_needed.iter().filter(|name| *name != base_name(path)).cloned().collect()
}

/// NEEDED of a module as its upgrade will leave it.
pub fn needed(module: &Module, options: &ModuleOptions) -> Vec<String> {
    let mut needed: Vec<String> = Vec::new();
    let kept = module.dylink.needed.iter().filter(|name| !options.remove_needed.contains(name)).cloned();
    for name in kept.chain(added_needed(&module.path, options)) {
        if !needed.contains(&name) {
            needed.push(name);
        }
    }
    needed
}

/// Upgrades the modules in parallel.
pub fn upgrade_modules(
    modules: &[Module],
    plan: Vec<Vec<String>>,
    options: &WheelOptions,
    upgrade: UpgradeModule<'_>,
) -> Result<Vec<ModuleResult>> {
    let exports =
        modules.iter().enumerate().flat_map(|(number, module)| module.exports.iter().map(move |name| (number, name.as_str())));
    let exporters = Arc::new(Exporters::new(exports));
    let types = sibling_types(modules)?;
    let work: Vec<_> = modules.iter().zip(plan).enumerate().collect();
    let results: Vec<Result<ModuleResult>> = work
        .into_par_iter()
        .map(|(number, (module, mut entries))| {
            let asked = options.module.runtime_path.iter().filter(|entry| !entries.contains(entry)).cloned().collect::<Vec<_>>();
            entries.extend(asked);
            let options = ModuleOptions {
                runtime_path: entries,
                add_needed: added_needed(&module.path, &options.module),
                sibling_exports: SiblingExports::of_others(&exporters, number),
                sibling_types: Arc::clone(&types),
                ..options.module.clone()
            };
            upgrade(&module.path, &module.bytes, &options).with_context(|| format!("entry `{}`", module.path))
        })
        .collect();
    results.into_iter().collect()
}

/// Drops what the modules do not need of each other.
pub fn shrink_modules(
    archive: &Archive<'_>,
    modules: &[Module],
    results: Vec<ModuleResult>,
    edits: &Edits,
    options: &WheelOptions,
) -> Result<Vec<ModuleResult>> {
    let Some(shrink) = &options.shrink else { return Ok(results) };
    let sources = python_sources(archive, edits);
    let upgraded =
        modules.iter().zip(&results).map(|(module, result)| Upgraded { path: &module.path, input: &module.bytes, result });
    shrink::shrink(&upgraded.collect::<Vec<_>>(), &sources, shrink)
}

/// The Python code that stays in the archive, as source or bytecode.
fn python_sources<'a>(archive: &'a Archive<'a>, edits: &Edits) -> Sources<'a> {
    let code = |path: &str| [".py", ".pyc", ".pyw", ".pth"].iter().any(|end| path.ends_with(end));
    let stays = (0..archive.entries.len()).filter(|index| {
        code(&archive.entries[*index].name) && !archive.entries[*index].directory && !edits.removed.contains(index)
    });
    Sources::Entries(archive, stays.collect())
}

/// What became of each module; what changed or was grafted goes into `edits`.
pub fn note_results(modules: Vec<Module>, results: Vec<ModuleResult>, edits: &mut Edits) -> Vec<ModuleReport> {
    let mut reports = Vec::with_capacity(modules.len());
    for (module, result) in modules.into_iter().zip(results) {
        let input_size = module.bytes.len();
        let output_size = result.bytes.as_ref().map_or(input_size, Vec::len);
        match (module.entry, result.bytes) {
            (Some(entry), Some(bytes)) if bytes != module.bytes => drop(edits.replaced.insert(entry, bytes)),
            (Some(_), _) => {}
            (None, bytes) => edits.added.push((module.path.clone(), bytes.unwrap_or(module.bytes))),
        }
        let renamed_to = module.entry.and_then(|entry| edits.renamed.get(&entry).cloned());
        let Module { path, grafted_from, .. } = module;
        reports.push(ModuleReport { path, renamed_to, grafted_from, input_size, output_size, outcomes: result.outcomes });
    }
    reports
}

/// The types with 64-bit integers of all exported functions.
fn sibling_types(modules: &[Module]) -> Result<Arc<HashMap<String, FuncType>>> {
    let mut types = HashMap::new();
    for module in modules {
        types.extend(legalize::wide_exports(&module.bytes).with_context(|| format!("entry `{}`", module.path))?);
    }
    Ok(Arc::new(types))
}
