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

pub mod archive;
pub(crate) mod bytecode;
pub mod code;
pub mod complete;
pub mod compress;
pub(crate) mod contents;
mod graft;
mod lock;
pub mod metadata;
mod modules;
pub mod name;
mod namesakes;
pub mod naming;
pub(crate) mod rename;
pub mod runtime_path;
pub mod sources;
mod stable_abi;

pub use lock::{lists, retarget_lock, rewrite_lock};

use crate::check::features::STRUCT_CHANGED;
use crate::check::noted::{NO_MODULES, OLD_SBOM, SIGNATURE_DROPPED};
use crate::check::record::{RECORD_COMPILED, RECORD_MISMATCH, RECORD_MISSING_FILE, RECORD_UNLISTED};
use crate::check::{Place, libraries, python, reading};
use crate::pipeline::{ModuleOptions, ModuleResult};
use crate::plain::{first_names, plural};
use crate::progress::{Phase, Progress};
use crate::shrink;
use crate::target::{LibraryLookup, Target, origin, structs};
use anyhow::{Context, Result, anyhow, bail};
use archive::{Archive, Member, Names, Written};
use compress::Level;
use metadata::{Digested, Digester, Format, Record};
use modules::Module;
use name::WheelName;
use rayon::prelude::*;
use rename::Renamed;
use runtime_path::{Linked, base_name, directory};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use wasm_pyfix_passes::python::is_entry;
use wasm_pyfix_passes::{Notice, Outcome};

/// Where Pyodide unpacks `.zip` archives of shared libraries (`DSO_DIR` in its `_package_loader.py`).
const LIBRARY_DIRECTORY: &str = "/usr/lib";

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
    /// Time of changed and new entries, in seconds since 1970 (`SOURCE_DATE_EPOCH`).
    pub source_date_epoch: Option<u64>,
    /// What is asked for each module. The planned RUNTIME_PATH goes before its `runtime_path`; `sibling_exports` and
    /// `sibling_types` are filled here.
    pub module: ModuleOptions,
    /// How modules are made smaller, if at all.
    pub shrink: Option<shrink::Options>,
    /// How hard to compress, members that do not change included; without it, new members only, at the default level.
    pub compress: Option<Level>,
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

/// The function that upgrades one module: its path for messages, its bytes, what is asked.
pub type UpgradeModule<'a> = &'a (dyn Fn(&str, &[u8], &ModuleOptions) -> Result<ModuleResult> + Sync);

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
    graft_libraries(&mut modules, &archive, wheel.as_ref(), options, &mut notices)?;
    if let Some(wheel) = &wheel {
        let names = archive.entries.iter().map(|entry| entry.name.as_str());
        let names = Names::new(names.chain(modules.iter().map(|module| module.path.as_str())));
        let taken = |name: &str| names.in_the_way(name).is_some();
        edits.renamed = rename::plan(wheel, &modules, taken, &reported, options, &mut notices)?;
    }
    compare_structs(&modules, wheel.as_ref(), options, &mut notices)?;
    let plan = plan_runtime_paths(&modules, wheel.as_ref(), options, &mut notices)?;
    let built_for = origin::of_file_name(file_name);
    let results = modules::upgrade_and_shrink(&archive, &modules, &plan, &built_for, &edits, options, upgrade)?;
    let reports = modules::note_results(modules, results, &mut edits);

    let mut new_name = file_name.to_string();
    if let Some(wheel) = &wheel {
        new_name = retag(&archive, wheel, options, &mut edits, &mut notices)?;
    }
    let repaired = record.as_ref().is_some_and(|record| !record.compiled.is_empty());
    let same = edits.is_empty() && new_name == file_name && !repaired;
    if same && options.compress.is_none() {
        return Ok(unchanged(file_name, bytes, reports, notices));
    }
    if let (Some(wheel), Some(record), false) = (&wheel, record, same) {
        update_record(&archive, wheel, record, &mut edits, &mut notices)?;
    }
    options.progress.enter(Phase::Compressing, reports.len());
    let written = write_archive(&archive, wheel.as_ref(), edits, options)?;
    if same && written.recompressed == 0 {
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

/// Checks the wheel's name, its `.dist-info` directory, its platform and its Python.
fn open_wheel(file_name: &str, archive: &Archive<'_>, options: &WheelOptions, notices: &mut Vec<Notice>) -> Result<Wheel> {
    let name = WheelName::parse(file_name)?;
    let names = archive.entries.iter().map(|entry| entry.name.as_str());
    let dist_info = metadata::dist_info(names)?.context("no `.dist-info` directory inside: not a wheel")?;
    name.check_platform(target(options))?;
    let runs_on_target = name.runs_on(&options.python_tag)?;
    if !runs_on_target {
        if !options.allow_python_mismatch {
            bail!(python::PYTHON_TAG.refuses(name.mismatch(&options.python_tag)));
        }
        notices.push(python::PYTHON_TAG.warns(format!(
            "for Python `{}` with ABI `{}`, which the target (`{}`) does not run; upgraded at your own risk, Python tags unchanged",
            name.python.join("."),
            name.abi.join("."),
            options.python_tag
        )));
    }
    let wheel = Wheel { name, dist_info, runs_on_target };
    for file in metadata::FILES {
        let path = format!("{}/{file}", wheel.dist_info);
        archive.position(&path).with_context(|| metadata::lacks(&path))?;
    }
    let (index, text) = read_dist_info(archive, &wheel, "WHEEL")?;
    match metadata::format(&String::from_utf8_lossy(&text)) {
        Format::Known => {}
        Format::Newer(version) => {
            let message =
                format!("WHEEL has `Wheel-Version: {version}`, of which 1.0 is known: what is new in it was not looked at");
            notices.push(python::WHEEL_VERSION.warns(message));
        }
        Format::Other(version) => {
            let place = Place { path: Some(archive.entries[index].name.clone()) };
            let finding = python::other_format(&place, &version);
            bail!(finding.code.fails(format!("entry {}", finding.sentence(0))));
        }
    }
    Ok(wheel)
}

fn read_dist_info(archive: &Archive<'_>, wheel: &Wheel, file: &str) -> Result<(usize, Vec<u8>)> {
    let path = format!("{}/{file}", wheel.dist_info);
    let index = archive.position(&path).with_context(|| metadata::lacks(&path))?;
    Ok((index, archive.read(index)?))
}

/// `RECORD` as it was found.
struct Verified {
    record: Record,
    /// Bytecode in place of the sources that it listed: these rows have no hash yet.
    compiled: Vec<String>,
}

/// Fails if one of `entries` is damaged.
fn refuse_damaged(archive: &Archive<'_>, entries: &[usize]) -> Result<()> {
    let damaged = reading::damaged(archive, entries);
    damaged.first().map_or(Ok(()), |first| bail!(first.code.fails(format!("entry {}", first.sentence(damaged.len() - 1)))))
}

/// Parses `RECORD` and compares every entry with its row. Of those that it does not list only the checksum tells.
fn verify_record(archive: &Archive<'_>, wheel: &Wheel, modules: &[Module], notices: &mut Vec<Notice>) -> Result<Verified> {
    let (_, text) = read_dist_info(archive, wheel, "RECORD")?;
    let mut record = Record::parse(&text).with_context(|| RECORD_MISMATCH.fails(format!("entry `{}/RECORD`", wheel.dist_info)))?;
    let compiled = record.follow_compiled(|path| archive.position(path).is_some());
    if let Some(first) = compiled.first() {
        let count = compiled.len();
        notices.push(RECORD_COMPILED.notes(format!(
            "RECORD listed {count} {} compiled in place, the first `{first}`: now the bytecode",
            plural(count, "source")
        )));
    }
    let at_hand: HashMap<&str, &[u8]> = modules.iter().map(|module| (module.path.as_str(), module.bytes.as_slice())).collect();
    let verify = |row: &metadata::Row| {
        if metadata::is_record(&row.path, &wheel.dist_info) {
            return Ok(());
        }
        let index = archive
            .position(&row.path)
            .with_context(|| RECORD_MISSING_FILE.fails(format!("entry `{}` is in RECORD and not in the archive", row.path)))?;
        let mut digester = Digester::for_hash(&row.hash).with_context(|| format!("entry `{}`", row.path))?;
        match at_hand.get(row.path.as_str()) {
            Some(bytes) => std::io::Write::write_all(&mut digester, bytes)?,
            None => archive.stream(index, &mut digester)?,
        }
        Record::verify(row, &digester.finish()).map_err(|error| RECORD_MISMATCH.covers(error))
    };
    let results: Vec<Result<()>> = record.rows().par_iter().map(verify).collect();
    results.into_iter().collect::<Result<()>>()?;
    refuse_damaged(archive, &record.unproven(&archive.entries, &wheel.dist_info))?;
    Ok(Verified { record, compiled })
}

/// Drops bytecode that the target's Python cannot read; refuses it when it stands in place of its source.
fn drop_stale_bytecode(
    archive: &Archive<'_>,
    wheel: &Wheel,
    options: &WheelOptions,
    edits: &mut Edits,
    notices: &mut Vec<Notice>,
) -> Result<()> {
    if !wheel.runs_on_target {
        return Ok(());
    }
    let stale = bytecode::stale(archive, &options.python_tag)?;
    if let Some(first) = stale.sourceless.first() {
        let (count, first) = (stale.sourceless.len(), &archive.entries[*first].name);
        let problem = format!("{count} .pyc without source for another Python than `{}`, the first `{first}`", options.python_tag);
        if !options.allow_python_mismatch {
            bail!(
                python::SOURCELESS_BYTECODE.refuses(format!("{problem}: it cannot be imported; take a wheel that has its sources"))
            );
        }
        notices.push(python::SOURCELESS_BYTECODE.warns(format!("{problem}: kept, at your own risk")));
    }
    if !stale.droppable.is_empty() {
        let message = format!("{} .pyc of another Python than `{}` dropped", stale.droppable.len(), options.python_tag);
        notices.push(python::STALE_BYTECODE.notes(message));
        edits.removed.extend(stale.droppable);
    }
    Ok(())
}

/// Notices about things that stay as they are.
fn inspect_metadata(archive: &Archive<'_>, wheel: &Wheel, options: &WheelOptions, notices: &mut Vec<Notice>) -> Result<()> {
    if !wheel.runs_on_target {
        return Ok(());
    }
    if let Some(version) = name::python_version(&options.python_tag) {
        let (_, text) = read_dist_info(archive, wheel, "METADATA")?;
        if let Some(requires) = metadata::excluded_python(&text, version) {
            notices.push(python::REQUIRES_PYTHON.warns(format!(
                "METADATA has `Requires-Python: {requires}`, so installers refuse this wheel on Python {}.{}",
                version.0, version.1
            )));
        }
    }
    Ok(())
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
    archive: &Archive<'_>,
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
    let names = archive.names();
    for grafted in graft::collect(wanted, &carried, &options.libdirs, &exclude, &target, notices)? {
        if let Some(taken) = names.in_the_way(&grafted.path) {
            bail!(
                "entry `{}` is no side module and in the place of the library `{}` to be grafted: rename the entry, or leave the library \
                 out (--exclude)",
                taken.trim_end_matches('/'),
                grafted.path
            );
        }
        let (dylink, exports) = contents::inspect(&grafted.bytes)?.unwrap_or_default();
        modules.push(Module {
            entry: None,
            path: grafted.path,
            grafted_from: Some(grafted.source),
            bytes: grafted.bytes,
            dylink,
            exports,
        });
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

/// The RUNTIME_PATH entries of each module; notices for libraries that nobody carries.
fn plan_runtime_paths(
    modules: &[Module],
    wheel: Option<&Wheel>,
    options: &WheelOptions,
    notices: &mut Vec<Notice>,
) -> Result<Vec<Vec<String>>> {
    let mut contents: HashMap<&[u8], usize> = HashMap::new();
    let linked: Vec<Linked> = modules
        .iter()
        .enumerate()
        .map(|(index, module)| Linked {
            path: module.path.clone(),
            needed: modules::needed(module, &options.module),
            // What was asked for decides between namesakes, too, and before what was there.
            runtime_path: options.module.runtime_path.iter().chain(&module.dylink.runtime_path).cloned().collect(),
            importable: module.exports.iter().any(|name| is_entry(name)),
            contents: *contents.entry(&module.bytes).or_insert(index),
        })
        .collect();
    let root = if wheel.is_some() { options.site_packages.trim_end_matches('/') } else { LIBRARY_DIRECTORY };
    let mut plan = runtime_path::plan(&linked, root, wheel.map(|wheel| wheel.name.distribution.as_str()));
    if target(options).is_some_and(|target| target.library_lookup == LibraryLookup::LibsDirectory) {
        // Its loader goes by names and by the order of the archive, which stay.
        plan = runtime_path::Plan { missing: plan.missing, entries: vec![Vec::new(); modules.len()], ..Default::default() };
    }
    let exclude = graft::excluded(&options.exclude)?;
    for (library, importers) in &plan.missing {
        if !exclude.is_match(library) {
            notices.push(libraries::MISSING_LIBRARY.warns(format!(
                "{} needs `{library}`, which the archive does not carry: it has to be in /usr/lib or site-packages when the \
                 module is loaded, or be grafted with --libdir",
                first_names(importers.iter().map(|path| format!("`{path}`")), 1)
            )));
        }
    }
    if let Some(first) = plan.undecided.first() {
        let finding = libraries::ambiguous(first);
        bail!(finding.code.refuses(format!("{}: {}", finding.sentence(plan.undecided.len() - 1), finding.code.remedy)));
    }
    notices.extend(plan.notices);
    if targets(options).any(|target| target.library_lookup != (LibraryLookup::RuntimePath { normalised: true })) {
        notices.extend(plan.unpacked);
    }
    Ok(plan.entries)
}

/// Replaces the platform tags in `WHEEL`; returns the new file name. As long as no module has changed, the tag `any` stays, and so do
/// tags of platforms besides the target: then the wheel is for as many platforms as it was.
fn retag(
    archive: &Archive<'_>,
    wheel: &Wheel,
    options: &WheelOptions,
    edits: &mut Edits,
    notices: &mut Vec<Notice>,
) -> Result<String> {
    let mut name = wheel.name.clone();
    let (index, text) = read_dist_info(archive, wheel, "WHEEL")?;
    let listed: HashSet<String> = metadata::wheel_tags(&String::from_utf8_lossy(&text)).into_iter().collect();
    if listed != name.tags().into_iter().collect() {
        notices.push(python::TAGS_DIFFER.notes("the tags in WHEEL are not those of the file name, which were taken"));
    }
    let wanted = wanted_tags(options, &name.platform);
    let unchanged = edits.replaced.is_empty() && edits.added.is_empty();
    let stays = wanted.is_empty() || (unchanged && is_for_more(&name.platform, &wanted));
    if !stays {
        name.platform = wanted;
    }
    let new = metadata::retag_wheel(&text, &name.tags()).with_context(|| format!("entry `{}/WHEEL`", wheel.dist_info))?;
    if let Some(new) = new {
        edits.replaced.insert(index, new);
    }
    Ok(name.file_name())
}

/// The platform tags of all targets that the output is for, each once and, of several, sorted. A target that the tags `present` name
/// already keeps its spellings, and a wheel without legacy tags gets none, unless others were asked for.
fn wanted_tags(options: &WheelOptions, present: &[String]) -> Vec<String> {
    let spelled = |tags: &[String]| -> Vec<String> {
        let target = |tag: &String| name::platform_of_tag(tag).map(|target| target.name);
        let wanted = tags.iter().find_map(target);
        let own: Vec<String> = present.iter().filter(|tag| wanted.is_some() && target(tag) == wanted).cloned().collect();
        if !options.keep_spelling {
            return tags.to_vec();
        }
        let had_legacy = present.iter().any(|tag| name::is_legacy(tag));
        let fitting = tags.iter().filter(|tag| had_legacy || !name::is_legacy(tag)).cloned();
        if own.is_empty() { fitting.collect() } else { own }
    };
    let mut tags = spelled(&options.platform_tags);
    if !options.also.is_empty() {
        tags.extend(options.also.iter().flat_map(|also| spelled(&also.platform_tags)));
        tags.sort();
        tags.dedup();
    }
    tags
}

/// Whether a wheel with the platform tags `present` is for any platform, or for the `wanted` ones in this spelling and for others.
fn is_for_more(present: &[String], wanted: &[String]) -> bool {
    let names = |tag: &String| Target::of_platform_tag(tag).map_or(tag.clone(), |target| target.name.to_string());
    let targets: Vec<String> = wanted.iter().map(names).collect();
    let listed = wanted.iter().all(|tag| present.contains(tag));
    let mut others = present.iter().filter(|tag| !wanted.contains(tag));
    present.iter().any(|tag| tag == "any") || (listed && others.all(|tag| !targets.contains(&names(tag))))
}

/// The Python tags of all targets that the output is for.
fn pythons(options: &WheelOptions) -> impl Iterator<Item = &str> {
    [options.python_tag.as_str()].into_iter().chain(options.also.iter().map(|also| also.python_tag.as_str()))
}

/// Makes `RECORD` true again, and drops its signatures.
fn update_record(
    archive: &Archive<'_>,
    wheel: &Wheel,
    verified: Verified,
    edits: &mut Edits,
    notices: &mut Vec<Notice>,
) -> Result<()> {
    let Verified { mut record, compiled } = verified;
    for signature in ["RECORD.jws", "RECORD.p7s"] {
        if let Some(index) = archive.position(&format!("{}/{signature}", wheel.dist_info)) {
            edits.removed.insert(index);
            notices.push(SIGNATURE_DROPPED.warns(format!("{signature} dropped: the signature was for the old contents")));
        }
    }
    let boms = format!("{}/sboms/", wheel.dist_info);
    let touches_module = |index: &usize| contents::is_module_name(&archive.entries[*index].name);
    let touched = !edits.added.is_empty() || edits.replaced.keys().any(touches_module);
    if touched && archive.entries.iter().any(|entry| !entry.directory && entry.name.starts_with(&boms)) {
        let message = format!("the hashes of modules in `{boms}` may be out of date: bills of materials are kept as they are");
        notices.push(OLD_SBOM.warns(message));
    }
    let removed: HashSet<String> = edits.removed.iter().map(|index| archive.entries[*index].name.clone()).collect();
    let digests = |index: &usize, bytes: &Vec<u8>| (archive.entries[*index].name.clone(), metadata::digest(bytes));
    let mut changed: HashMap<String, Digested> = edits.replaced.iter().map(|(index, bytes)| digests(index, bytes)).collect();
    for path in compiled {
        let digested = digest_entry(archive, &path)?;
        changed.insert(path, digested);
    }
    let mut added: Vec<(String, Digested)> = Vec::new();
    for path in unlisted(archive, wheel, &record, edits) {
        notices.push(RECORD_UNLISTED.notes(format!("`{path}` was not in RECORD and has been added to it")));
        let digested = match changed.get(&path) {
            Some(digested) => digested.clone(),
            None => digest_entry(archive, &path)?,
        };
        added.push((path, digested));
    }
    added.extend(edits.added.iter().map(|(path, bytes)| (path.clone(), metadata::digest(bytes))));
    record.update(&removed, &changed, &added, &wheel.dist_info);
    record.rename(&edits.renamed.iter().map(|(index, new)| (archive.entries[*index].name.clone(), new.clone())).collect());
    let (index, _) = read_dist_info(archive, wheel, "RECORD")?;
    edits.replaced.insert(index, record.write()?);
    Ok(())
}

/// Files of the archive that `RECORD` does not list and that stay.
fn unlisted(archive: &Archive<'_>, wheel: &Wheel, record: &Record, edits: &Edits) -> Vec<String> {
    let unlisted = record.unlisted(&archive.entries, &wheel.dist_info);
    unlisted.into_iter().filter(|index| !edits.removed.contains(index)).map(|index| archive.entries[index].name.clone()).collect()
}

fn digest_entry(archive: &Archive<'_>, path: &str) -> Result<Digested> {
    let index = archive.position(path).ok_or_else(|| anyhow!("entry `{path}` has vanished"))?;
    let mut digester = Digester::for_hash("sha256")?;
    archive.stream(index, &mut digester)?;
    Ok(digester.finish())
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
    archive.write(members, options.source_date_epoch, options.compress.into())
}
