//! Wheels and Pyodide's `.zip` archives of shared libraries: every side module upgraded, everything around them kept consistent.
//!
//! An archive is one closed world. Its modules are found by name and contents (`contents`), what they need and nobody carries is
//! grafted (`graft`), each gets a RUNTIME_PATH by which it finds the others (`runtime_path`), and they are upgraded in parallel.
//! Then the platform tag, `WHEEL` and `RECORD` follow (`name`, `metadata`), and a new archive is written in which untouched
//! entries keep their compressed bytes (`archive`).
//!
//! Refused (`Error::Refused` of the engine): a wheel for another Python version than the target's, unless it is `abi3` or
//! `py3-none`; bytecode of another Python without its source; a platform that is not Emscripten. Errors: an archive that is not
//! safe to unpack, contents that contradict `RECORD`, shared libraries of other platforms.
//!
//! Without a side module there is nothing to do, and the input stands, as it does when every module, the tags and the bytecode
//! are right already. So a second run changes nothing.

pub mod audit;
pub(crate) mod bytecode;
pub(crate) mod contents;
mod dist_info;
mod graft;
pub mod isolate;
mod listed;
mod lock;
pub mod metadata;
mod modules;
pub mod namesakes;
pub mod naming;
pub(crate) mod rename;
pub mod runtime_path;
mod sbom;
mod stable_abi;
pub(crate) mod suffix;

pub use lock::{Listed, NewFile, abi_version, files, listed, retarget_lock, rewrite_lock, without};

use crate::archive::compress::Level;
use crate::archive::{Archive, Compression, Member, Names, Written};
use crate::codes::features::STRUCT_CHANGED;
use crate::codes::libraries;
use crate::codes::libraries::MISSING_LIBRARY;
use crate::codes::noted::NO_MODULES;
use crate::loader::{LIBRARY_DIRECTORY, base_name, directory};
use crate::name::{self, WheelName};
use crate::origin;
use crate::pipeline::ModuleOptions;
use crate::plain::first_names;
use crate::progress::{Phase, Progress};
use crate::shrink;
use crate::target::{LibraryLookup, Target, structs};
use anyhow::{Context, Result, bail};
use audit::Asked;
use dist_info::{inspect_metadata, open_wheel, retag};
use isolate::Isolate;
use listed::{digest_entry, drop_stale_bytecode, refuse_damaged, update_record, verify_record};
use modules::Module;
pub use modules::all_code;
use namesakes::Linked;
use rename::Renamed;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use wasm_pyfix_passes::linking::python::is_entry;
use wasm_pyfix_passes::{Notice, Outcome};

/// What is asked for one archive.
#[derive(Debug, Clone, Default)]
pub struct WheelOptions {
    /// Platform tags of the output, in the order in which the file name lists them. Empty: the present ones stay.
    pub platform_tags: Vec<String>,
    /// Leave the spellings of a wheel's tags as they are, where these name the target already, and add no tags of a kind from before PEP
    /// 783 to those of a wheel that has none.
    pub keep_spelling: bool,
    /// Python tag of the target: `cp313`.
    pub python_tag: String,
    /// Other targets that the output is for as well. That it is the same for them is for the caller to make sure of.
    pub also: Vec<AlsoFor>,
    /// Absolute directory into which the target installs wheels: `/lib/python3.13/site-packages`.
    pub site_packages: String,
    /// Upgrade wheels that the target's Python cannot use, and leave their Python tags as they are.
    pub allow_python_mismatch: bool,
    /// Directories with libraries to graft.
    pub libdirs: Vec<PathBuf>,
    /// Globs of library names that are neither grafted nor reported as missing.
    pub exclude: Vec<String>,
    /// Which libraries get names that nobody else has.
    pub isolate: Isolate,
    /// What is recorded in the wheel.
    pub asked: Asked,
    /// Time of changed and new entries, in seconds since 1970 (`SOURCE_DATE_EPOCH`).
    pub source_date_epoch: Option<u64>,
    /// What is asked for each module. The planned RUNTIME_PATH goes before its `runtime_path`; `sibling_exports` and
    /// `sibling_types` are filled here.
    pub module: ModuleOptions,
    /// How modules are made smaller, if at all.
    pub shrink: Option<shrink::Options>,
    /// How hard to compress, members that do not change included; without it, new members only, at the default level.
    pub compress: Option<Level>,
    /// Compress nothing.
    pub stored: bool,
    /// Who is told how far it is.
    pub progress: Progress,
}

/// What the name of a wheel says about one more target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlsoFor {
    /// Its platform tags.
    pub platform_tags: Vec<String>,
    /// Its Python tag.
    pub python_tag: String,
}

/// An upgraded archive.
#[derive(Debug, Clone)]
pub struct ArchiveResult {
    /// The new archive, or the input when nothing changed.
    pub bytes: Vec<u8>,
    /// Its file name: the old one with the platform tags replaced.
    pub file_name: String,
    /// SHA-256 of `bytes` in hexadecimal.
    pub sha256: String,
    /// The side modules in the order of the archive, grafted ones last.
    pub modules: Vec<ModuleReport>,
    /// What the user should know, a sentence each.
    pub notices: Vec<Notice>,
    /// Whether the archive or its file name differs from the input.
    pub changed: bool,
}

/// What became of one module of an archive.
#[derive(Debug, Clone)]
pub struct ModuleReport {
    /// Path within the archive.
    pub path: String,
    /// Its path in the new archive, if that is another one.
    pub renamed_to: Option<String>,
    /// The file it was grafted from.
    pub grafted_from: Option<PathBuf>,
    /// Bytes before.
    pub input_size: usize,
    /// Bytes after.
    pub output_size: usize,
    /// What each pass did.
    pub outcomes: Vec<Outcome>,
}

/// The function that upgrades one module: its path for messages, the module, what is asked. It tells what passes did.
pub type UpgradeModule<'a> =
    &'a (dyn Fn(&str, &mut wasm_pyfix_passes::module::Module<'_>, &ModuleOptions) -> Result<Vec<Outcome>> + Sync);

/// A wheel's parts that a `.zip` of libraries lacks.
struct Wheel {
    name: WheelName,
    dist_info: String,
    runs_on_target: bool,
}

/// What the new archive has in place of the old contents.
#[derive(Default)]
struct Edits {
    removed: BTreeSet<usize>,
    replaced: BTreeMap<usize, Vec<u8>>,
    renamed: Renamed,
    added: Vec<(String, Vec<u8>)>,
}

impl Edits {
    fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.replaced.is_empty() && self.renamed.is_empty() && self.added.is_empty()
    }
}

/// Upgrades the archive `bytes`, whose file name tells whether it is a wheel (`.whl`, in any case) or a plain zip.
///
/// Errors begin with the file name and name the entry. `wasm_pyfix_passes::Error::Refused` can be downcast to.
pub fn upgrade_archive(file_name: &str, bytes: &[u8], options: &WheelOptions, upgrade: UpgradeModule<'_>) -> Result<ArchiveResult> {
    upgrade_checked(file_name, bytes, options, upgrade).with_context(|| file_name.to_string())
}

fn upgrade_checked(file_name: &str, bytes: &[u8], options: &WheelOptions, upgrade: UpgradeModule<'_>) -> Result<ArchiveResult> {
    let archive = Archive::open(bytes)?;
    let mut notices = Vec::new();
    if name::stem(file_name).is_none() {
        // Nothing but their checksums tells whether its members are whole, and members are copied as they are.
        refuse_damaged(&archive, &archive.all())?;
    }
    let mut modules = modules::find_modules(&archive, &mut notices)?;
    if modules.is_empty() {
        // Nobody compares the entries with RECORD then.
        refuse_damaged(&archive, &archive.all())?;
        notices.push(NO_MODULES.notes("no side module inside: nothing to do"));
        return Ok(unchanged(file_name, bytes, Vec::new(), notices));
    }
    let wheel = match name::stem(file_name) {
        Some(_) => Some(open_wheel(file_name, &archive, options, &mut notices)?),
        None => None,
    };
    let record = wheel.as_ref().map(|wheel| verify_record(&archive, wheel, &modules, &mut notices)).transpose()?;
    let mut edits = Edits::default();
    let mut reported = HashSet::new();
    if let Some(wheel) = &wheel {
        drop_stale_bytecode(&archive, wheel, options, &mut edits, &mut notices)?;
        inspect_metadata(&archive, wheel, options, &mut notices)?;
        reported = stable_abi::refuse_unportable(wheel, &modules, options, &mut notices)?;
    }
    isolate::recall(&mut modules, wheel.as_ref(), options);
    graft_libraries(&mut modules, wheel.as_ref(), options, &mut notices)?;
    isolate::rename(&mut modules, &archive, wheel.as_ref(), options, &mut edits, &mut notices)?;
    refuse_taken(&modules, &archive)?;
    if let Some(wheel) = &wheel {
        let names = archive.entries.iter().map(|entry| entry.name.as_str());
        let names = Names::new(names.chain(modules.iter().map(|module| module.path.as_str())));
        let taken = |name: &str| names.in_the_way(name).is_some();
        let renamed = rename::plan(wheel, &modules, taken, &reported, options, &mut notices)?;
        edits.renamed.extend(renamed);
    }
    compare_structs(&modules, wheel.as_ref(), options, &mut notices)?;
    let plan = plan_runtime_paths(&modules, wheel.as_ref(), options, &mut notices)?;
    let built_for = origin::of_file_name(file_name);
    let results = modules::upgrade_and_shrink(&archive, &modules, &plan, &built_for, &edits, options, upgrade)?;
    let originals = audit::originals(&archive, wheel.as_ref(), &options.asked, &modules);
    let reports = modules::note_results(&archive, modules, results, &mut edits);

    let mut new_name = file_name.to_string();
    if let Some(wheel) = &wheel {
        new_name = retag(&archive, wheel, options, &mut edits, &mut notices)?;
    }
    let repaired = record.as_ref().is_some_and(|record| !record.compiled.is_empty());
    let same = edits.is_empty() && new_name == file_name && !repaired;
    if same && options.compress.is_none() && !options.stored {
        return Ok(unchanged(file_name, bytes, reports, notices));
    }
    if let (Some(wheel), Some(record), false) = (&wheel, record, same) {
        if let Some(originals) = originals {
            audit::record(&archive, wheel, &options.asked, originals, &reports, &mut edits, &mut notices)?;
        }
        update_record(&archive, wheel, record, &mut edits, &mut notices)?;
    }
    options.progress.enter(Phase::Compressing, reports.len());
    let written = write_archive(&archive, wheel.as_ref(), edits, options)?;
    if same && written.recompressed + written.stored == 0 {
        return Ok(unchanged(file_name, bytes, reports, notices));
    }
    notices.extend(written.notice());
    let sha256 = metadata::sha256_hex(&written.bytes);
    Ok(ArchiveResult { bytes: written.bytes, file_name: new_name, sha256, modules: reports, notices, changed: true })
}

/// Names of the entries in which two archives differ, in quotes and at most a few; empty when they are no archives.
pub fn differing(a: &[u8], b: &[u8]) -> Vec<String> {
    const SHOWN: usize = 3;
    let (Ok(a), Ok(b)) = (Archive::open(a), Archive::open(b)) else { return Vec::new() };
    let same = |name: &str| {
        let other = digest_entry(&b, name).ok();
        other.is_some() && other == digest_entry(&a, name).ok()
    };
    let entries = a.entries.iter().filter(|entry| !entry.directory && !same(&entry.name));
    entries.map(|entry| format!("`{}`", entry.name)).take(SHOWN).collect()
}

fn unchanged(file_name: &str, bytes: &[u8], modules: Vec<ModuleReport>, notices: Vec<Notice>) -> ArchiveResult {
    let sha256 = metadata::sha256_hex(bytes);
    ArchiveResult { bytes: bytes.to_vec(), file_name: file_name.to_string(), sha256, modules, notices, changed: false }
}

/// The target that `options` ask for; `None` where the tags stay.
fn target(options: &WheelOptions) -> Option<&'static Target> {
    options.platform_tags.iter().find_map(|tag| Target::of_platform_tag(tag))
}

/// The targets that the output is for.
fn targets(options: &WheelOptions) -> impl Iterator<Item = &'static Target> {
    let others = options.also.iter().flat_map(|also| &also.platform_tags);
    options.platform_tags.iter().chain(others).filter_map(|tag| Target::of_platform_tag(tag))
}

/// Notices about structs that the target lays out differently than the platform in the wheel's tags.
fn compare_structs(modules: &[Module], wheel: Option<&Wheel>, options: &WheelOptions, notices: &mut Vec<Notice>) -> Result<()> {
    let Some(target) = target(options) else { return Ok(()) };
    let source = wheel.and_then(|wheel| wheel.name.source());
    for module in modules {
        // A grafted library comes from somewhere else than the wheel.
        let source = source.filter(|_| module.entry.is_some());
        let found = structs::notices(&module.bytes, source, target).with_context(|| format!("entry `{}`", module.path))?;
        notices.extend(found.into_iter().map(|notice| STRUCT_CHANGED.warns(format!("`{}` {notice}", module.path))));
    }
    Ok(())
}

/// Adds the libraries that the modules need and the archive lacks, as far as `--libdir` has them.
fn graft_libraries(
    modules: &mut Vec<Module>,
    wheel: Option<&Wheel>,
    options: &WheelOptions,
    notices: &mut Vec<Notice>,
) -> Result<()> {
    if options.libdirs.is_empty() {
        return Ok(());
    }
    let carried: HashSet<String> = modules.iter().map(|module| base_name(&module.path).to_string()).collect();
    let wanted = modules.iter().flat_map(|module| modules::needed(module, &options.module)).collect();
    let target = wheel.map_or(String::new(), |wheel| libs_directory(modules, wheel));
    let exclude = graft::excluded(&options.exclude)?;
    let wanted = graft::Wanted { names: wanted, carried: &carried, isolate: options.isolate != Isolate::None };
    let collected = graft::collect(wanted, &options.libdirs, &exclude, &target, notices)?;
    for grafted in collected.grafted {
        let (dylink, exports) = contents::inspect(&grafted.bytes)?.unwrap_or_default();
        modules.push(Module {
            entry: None,
            path: grafted.path,
            plain_name: None,
            renamed_needed: BTreeMap::new(),
            grafted_from: Some(grafted.source),
            bytes: grafted.bytes,
            dylink,
            exports,
        });
    }
    for (old, new) in collected.present {
        for module in modules.iter_mut() {
            if base_name(&module.path) == new {
                module.plain_name = Some(old.clone());
            } else {
                module.call_needed(&old, &new);
            }
        }
    }
    Ok(())
}

/// Fails if there is no place for a library that is grafted.
fn refuse_taken(modules: &[Module], archive: &Archive<'_>) -> Result<()> {
    let names = archive.names();
    for grafted in modules.iter().filter(|module| module.entry.is_none()) {
        if let Some(taken) = names.in_the_way(&grafted.path) {
            bail!(
                "entry `{}` is no side module and in the place of the library `{}` to be grafted: rename the entry, or leave the library \
                 out (--exclude)",
                taken.trim_end_matches('/'),
                grafted.path
            );
        }
    }
    Ok(())
}

/// The `.libs` directory of the wheel: one it has already, under any spelling of the name, or the usual one.
fn libs_directory(modules: &[Module], wheel: &Wheel) -> String {
    let own = name::normalized(&wheel.name.distribution);
    let present = modules.iter().map(|module| directory(&module.path));
    let mut present = present.filter(|path| path.strip_suffix(".libs").is_some_and(|stem| name::normalized(stem) == own));
    present.next().map_or_else(|| format!("{}.libs", wheel.name.distribution), str::to_string)
}

/// The directory into which the archive is unpacked, without `/` at the end.
fn root<'o>(wheel: Option<&Wheel>, options: &'o WheelOptions) -> &'o str {
    if wheel.is_some() { options.site_packages.trim_end_matches('/') } else { LIBRARY_DIRECTORY }
}

/// The modules as planning sees them.
fn linked_modules(modules: &[Module], options: &WheelOptions) -> Vec<Linked> {
    let mut contents: HashMap<&[u8], usize> = HashMap::new();
    let linked = modules.iter().enumerate().map(|(index, module)| Linked {
        path: module.path.clone(),
        needed: modules::needed(module, &options.module),
        // What was asked for decides between namesakes, too, and before what was there.
        runtime_path: options.module.runtime_path.iter().chain(&module.dylink.runtime_path).cloned().collect(),
        importable: module.exports.iter().any(|name| is_entry(name)),
        contents: *contents.entry(&module.bytes).or_insert(index),
    });
    linked.collect()
}

/// The RUNTIME_PATH entries of each module; notices for libraries that nobody carries.
fn plan_runtime_paths(
    modules: &[Module],
    wheel: Option<&Wheel>,
    options: &WheelOptions,
    notices: &mut Vec<Notice>,
) -> Result<Vec<Vec<String>>> {
    let linked = linked_modules(modules, options);
    let mut plan = runtime_path::plan(&linked, root(wheel, options), wheel.map(|wheel| wheel.name.distribution.as_str()));
    if target(options).is_some_and(|target| target.library_lookup == LibraryLookup::LibsDirectory) {
        // Its loader goes by names and by the order of the archive, which stay.
        plan = runtime_path::Plan { decided: plan.decided, entries: vec![Vec::new(); modules.len()], ..Default::default() };
        plan.decided.undecided.clear();
    }
    let exclude = graft::excluded(&options.exclude)?;
    for (library, importers) in &plan.decided.missing {
        if !exclude.is_match(library) {
            notices.push(MISSING_LIBRARY.warns(format!(
                "{} needs `{library}`, which the archive does not carry: it has to be in /usr/lib or site-packages when the \
                 module is loaded, or be grafted with --libdir",
                first_names(importers.iter().map(|path| format!("`{path}`")), 1)
            )));
        }
    }
    if let Some(first) = plan.decided.undecided.first() {
        let finding = libraries::ambiguous(&first.path, &first.needed, first.count);
        bail!(finding.code.refuses(format!("{}: {}", finding.sentence(plan.decided.undecided.len() - 1), finding.code.remedy)));
    }
    notices.extend(plan.notices);
    if targets(options).any(|target| target.library_lookup != (LibraryLookup::RuntimePath { normalised: true })) {
        notices.extend(plan.unpacked);
    }
    Ok(plan.entries)
}

/// The Python tags of all targets that the output is for.
fn pythons(options: &WheelOptions) -> impl Iterator<Item = &str> {
    [options.python_tag.as_str()].into_iter().chain(options.also.iter().map(|also| also.python_tag.as_str()))
}

/// Writes the archive in the old order; new files come before the first entry of `.dist-info`, which is to be last.
fn write_archive(archive: &Archive<'_>, wheel: Option<&Wheel>, mut edits: Edits, options: &WheelOptions) -> Result<Written> {
    let prefix = wheel.map(|wheel| format!("{}/", wheel.dist_info));
    let mut members = Vec::with_capacity(archive.entries.len() + edits.added.len());
    let mut added: Vec<Member> = edits.added.into_iter().map(|(path, bytes)| Member::Add(path, bytes)).collect();
    for (index, entry) in archive.entries.iter().enumerate() {
        if prefix.as_ref().is_some_and(|prefix| entry.name.starts_with(prefix)) {
            members.append(&mut added);
        }
        if edits.removed.contains(&index) {
            continue;
        }
        members.push(Member::Keep { index, name: edits.renamed.remove(&index), contents: edits.replaced.remove(&index) });
    }
    members.append(&mut added);
    let compression = Compression { stored: options.stored, ..options.compress.into() };
    archive.write(members, options.source_date_epoch, compression)
}
