//! The side modules of an archive: finds them, has them upgraded and shrunk, and notes what became of them.

use super::{Edits, ModuleReport, UpgradeModule, WheelOptions, contents};
use crate::archive::Archive;
use crate::code::Code;
use crate::code::openers;
use crate::code::sources::Sources;
use crate::codes::linking::NO_DYLINK;
use crate::codes::reading::NOT_A_MODULE;
use crate::loader::base_name;
use crate::loader::complete::{Needs, complete};
use crate::origin;
use crate::pipeline::{ModuleOptions, ModuleResult};
use crate::shrink::{self, Input};
use crate::target::Target;
use anyhow::{Context, Result, ensure};
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use wasm_pyfix_passes::legalize;
use wasm_pyfix_passes::linking::siblings::{Exporters, SiblingExports};
use wasm_pyfix_passes::module::dylink::Dylink;
use wasm_pyfix_passes::module::{Item, Module as Linked};
use wasm_pyfix_passes::{Notice, Outcome};

/// A side module on its way through.
pub struct Module {
    /// Entry of the archive; `None` when grafted.
    pub entry: Option<usize>,
    /// Its path in the new archive, unless it is an extension module that gets another suffix.
    pub path: String,
    /// What options may call it, too: its name without the hash that it got in this run, or in an earlier one.
    pub plain_name: Option<String>,
    /// Libraries that it needs and that have another name in the new archive: these, by the old ones.
    pub renamed_needed: BTreeMap<String, String>,
    pub grafted_from: Option<PathBuf>,
    pub bytes: Vec<u8>,
    pub dylink: Dylink,
    pub exports: Vec<String>,
}

impl Module {
    /// Has the module need the library `old` under the name `new`.
    pub fn call_needed(&mut self, old: &str, new: &str) {
        self.renamed_needed.insert(old.to_string(), new.to_string());
    }

    /// What it will call the library that it needs as `name`.
    fn needed_as(&self, name: String) -> String {
        self.renamed_needed.get(&name).cloned().unwrap_or(name)
    }

    /// The libraries to add to its NEEDED: no module needs itself, under none of its names.
    fn added_needed(&self, options: &ModuleOptions) -> Vec<String> {
        let is_own = |name: &str| name == base_name(&self.path) || self.plain_name.as_deref() == Some(name);
        options.add_needed.iter().filter(|name| !is_own(name)).cloned().collect()
    }

    /// The libraries to take out of its NEEDED: those that are asked for, and itself under the name that it has lost, unless that means another.
    fn removed_needed(&self, options: &ModuleOptions) -> Vec<String> {
        let own = self.plain_name.iter().filter(|name| !self.renamed_needed.contains_key(*name));
        options.remove_needed.iter().chain(own).cloned().collect()
    }
}

/// Reads every side module. Binaries of other platforms are errors, other files under such names get a notice.
pub fn find_modules(archive: &Archive<'_>, notices: &mut Vec<Notice>) -> Result<Vec<Module>> {
    let named = contents::named_like_modules(archive)?;
    let found: Vec<Result<Found>> = named.par_iter().map(|(index, kind)| read_module(archive, *index, *kind)).collect();
    let mut modules = Vec::new();
    for ((index, _), found) in named.iter().zip(found) {
        match found? {
            Found::Module(module) => modules.push(*module),
            Found::Data => {}
            Found::Other => {
                let name = &archive.entries[*index].name;
                notices.push(NOT_A_MODULE.warns(format!("`{name}` is not a WebAssembly module and was left as it is")));
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
        ensure!(name.ends_with(".wasm"), NO_DYLINK.fails(format!("entry `{name}`: {problem}; link it with -sSIDE_MODULE")));
        return Ok(Found::Data);
    };
    Ok(Found::Module(Box::new(Module {
        entry: Some(index),
        path: name.clone(),
        plain_name: None,
        grafted_from: None,
        renamed_needed: BTreeMap::new(),
        bytes,
        dylink,
        exports,
    })))
}

/// NEEDED of a module as its upgrade will leave it.
pub fn needed(module: &Module, options: &ModuleOptions) -> Vec<String> {
    let removed = module.removed_needed(options);
    let kept = module.dylink.needed.iter().filter(|name| !removed.contains(name)).cloned();
    let mut seen = HashSet::new();
    let needed = kept.chain(module.added_needed(options)).map(|name| module.needed_as(name));
    needed.filter(|name| seen.insert(name.clone())).collect()
}

/// The platforms that names say a module was built for: those of the archive, or else its own. What was grafted comes from elsewhere.
fn named_sources(module: &Module, of_archive: &[&'static Target]) -> Vec<&'static Target> {
    if module.entry.is_some() && !of_archive.is_empty() {
        return of_archive.to_vec();
    }
    origin::of_module_name(&module.path).into_iter().collect()
}

/// Upgrades the modules, and drops what they do not need of each other. `plan` is the RUNTIME_PATH of each, `built_for` are the platforms
/// that the tags of the archive name.
pub fn upgrade_and_shrink(
    archive: &Archive<'_>,
    modules: &[Module],
    plan: &[Vec<String>],
    built_for: &[&'static Target],
    edits: &Edits,
    options: &WheelOptions,
    upgrade: UpgradeModule<'_>,
) -> Result<Vec<ModuleResult>> {
    let plans = options.shrink.as_ref().is_some_and(|shrink| shrink.passes.plans());
    let mut code = Code::new(if plans { sources(archive, edits)? } else { Sources::Files(&[]) });
    let inputs: Vec<Input<'_>> =
        modules.iter().map(|module| Input { path: &module.path, entry: true, bytes: &module.bytes }).collect();
    shrink::upgrade_and_shrink(&inputs, &mut code, options.shrink.as_ref(), &options.progress, |read| {
        upgrade_modules(modules, read, plan, built_for, options, upgrade)
    })
}

/// Upgrades in parallel what has become of the `modules` so far: `read`.
fn upgrade_modules(
    modules: &[Module],
    read: &mut [Linked<'_>],
    plan: &[Vec<String>],
    built_for: &[&'static Target],
    options: &WheelOptions,
    upgrade: UpgradeModule<'_>,
) -> Result<Vec<Vec<Outcome>>> {
    let symbols = |module: &'_ Linked<'_>| -> Vec<String> {
        let symbols = module.exports().iter().filter(|export| !matches!(export.item, Item::Table(_) | Item::Memory(_)));
        symbols.map(|export| export.name.to_string()).collect()
    };
    let exports: Vec<Vec<String>> = read.iter().map(symbols).collect();
    let exports = exports.iter().enumerate().flat_map(|(number, names)| names.iter().map(move |name| (number, name.as_str())));
    let exporters = Arc::new(Exporters::new(exports));
    let types = Arc::new(read.iter().flat_map(legalize::wide_exports_of).collect::<HashMap<_, _>>());
    let needs = modules.iter().map(|module| Needs { path: &module.path, needed: needed(module, &options.module) });
    let complete = complete(&needs.collect::<Vec<_>>());
    let progress = &options.progress;
    let results = read.par_iter_mut().enumerate().map(|(number, linked)| {
        let module = &modules[number];
        let mut entries = plan[number].clone();
        entries.extend(options.module.runtime_path.iter().filter(|entry| !plan[number].contains(entry)).cloned());
        let options = ModuleOptions {
            runtime_path: entries,
            sources: named_sources(module, built_for),
            add_needed: module.added_needed(&options.module),
            remove_needed: module.removed_needed(&options.module),
            rename_needed: module.renamed_needed.clone(),
            sibling_exports: SiblingExports::of_others(&exporters, number),
            sibling_types: Arc::clone(&types),
            null_weak: options.module.null_weak && complete[number],
            ..options.module.clone()
        };
        let result = upgrade(&module.path, linked, &options).with_context(|| format!("entry `{}`", module.path));
        progress.module_done(&module.path);
        result
    });
    // All run, so that of several errors the first one is told.
    results.collect::<Vec<_>>().into_iter().collect()
}

/// All code in an archive.
///
/// # Errors
/// For an entry that cannot be unpacked.
pub fn all_code<'a>(archive: &'a Archive<'a>) -> Result<Sources<'a>> {
    sources(archive, &Edits::default())
}

/// The code that stays in the archive.
pub(super) fn sources<'a>(archive: &'a Archive<'a>, edits: &Edits) -> Result<Sources<'a>> {
    let is_code = |index: usize| -> Result<Option<usize>> {
        let entry = &archive.entries[index];
        let stays = !entry.directory && !edits.removed.contains(&index);
        Ok((stays && openers::is_code(&entry.name, &archive.head(index, openers::HEAD)?)).then_some(index))
    };
    let found: Vec<Result<Option<usize>>> = (0..archive.entries.len()).into_par_iter().map(is_code).collect();
    Ok(Sources::Entries(archive, found.into_iter().filter_map(Result::transpose).collect::<Result<_>>()?))
}

/// What became of each module; what changed or was grafted goes into `edits`.
pub fn note_results(
    archive: &Archive<'_>,
    modules: Vec<Module>,
    results: Vec<ModuleResult>,
    edits: &mut Edits,
) -> Vec<ModuleReport> {
    let mut reports = Vec::with_capacity(modules.len());
    for (mut module, result) in modules.into_iter().zip(results) {
        let input_size = module.bytes.len();
        let output_size = result.bytes.as_ref().map_or(input_size, Vec::len);
        match (module.entry, result.bytes) {
            (Some(entry), Some(bytes)) if bytes != module.bytes => drop(edits.replaced.insert(entry, bytes)),
            (Some(_), _) => {}
            (None, bytes) => edits.added.push((module.path.clone(), bytes.unwrap_or(module.bytes))),
        }
        let renamed_to = module.entry.and_then(|entry| edits.renamed.get(&entry).cloned());
        if let Some(entry) = module.entry {
            module.path.clone_from(&archive.entries[entry].name);
        }
        let Module { path, grafted_from, .. } = module;
        reports.push(ModuleReport { path, renamed_to, grafted_from, input_size, output_size, outcomes: result.outcomes });
    }
    reports
}
