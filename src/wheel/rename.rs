//! Extension modules of `abi3` wheels whose file names keep other versions of Python from importing them.
//!
//! Python looks for files with its own suffix (`.cpython-313-wasm32-emscripten.so`), `.abi3.so` and `.so` (`EXTENSION_SUFFIXES`), and
//! passes over all others without a word. A wheel tagged `abi3` promises that its modules run on every later Python; some build tools
//! (scikit-build-core with nanobind, for one) name the file for the Python that they ran under nevertheless. Such a file gets the suffix
//! `.abi3.so`, under which all of them find it.
//!
//! A file is right as it is if every Python that passes over it finds another file of the same module: then it is for one Python, and the
//! other for the rest.
//!
//! **Refused**: a module that uses what is not in the stable ABI ([`crate::abi3`]). Its file name is right then, and the wheel's
//! tag is wrong. **Left, with a notice**: a file of a wheel that is not tagged for the stable ABI alone, one that is another module than
//! its name says, one whose new name is taken, and one that another module needs by its name.

use super::modules::{self, Module};
use super::stable_abi::{self, ALLOW};
use super::suffix::{ForeignSuffix, foreign_suffix};
use super::{Wheel, WheelOptions, pythons};
use crate::codes::finding::Place;
use crate::codes::python::{IGNORED_SUFFIX, other_suffix};
use crate::loader::base_name;
use crate::name::dotted_python;
use anyhow::{Result, bail};
use std::collections::{BTreeMap, HashSet};
use wasm_pyfix_passes::Notice;
use wasm_pyfix_passes::linking::python::{INIT, is_entry, is_entry_of};

/// New names of entries, by the index of the entry.
pub type Renamed = BTreeMap<usize, String>;

/// A module that may get another name.
#[derive(Debug)]
pub struct Candidate<'a> {
    pub suffix: ForeignSuffix<'a>,
    /// Whether Python imports it under the name of its file.
    pub importable: bool,
    /// Whether it uses nothing of Python outside of the stable ABI.
    pub keeps_to_abi: bool,
}

/// What becomes of the name of a module with the suffix of another Python.
#[derive(Debug, PartialEq, Eq)]
pub enum Fate {
    /// It gets this one.
    Renamed(String),
    /// It stays: no tag promises that another Python may import the file.
    ForOnePython,
    /// It stays: no Python would import the file under that name, since it is another module.
    OtherModule,
    /// It stays, and no wheel is made of it: the file is for one Python, whatever the wheel's tag says.
    Refused,
    /// It stays, beside another file of the module that gets the name.
    Spare,
    /// It stays although `new` would be better.
    Kept { new: String, why: &'static str },
}

/// What becomes of the names of `candidates`, in their order. `stable_abi` tells whether the wheel is tagged for the stable ABI alone,
/// `needed` has the libraries that its modules need, without directories, and `taken` tells which names it has.
pub fn fates(candidates: &[Candidate<'_>], stable_abi: bool, needed: &HashSet<&str>, taken: impl Fn(&str) -> bool) -> Vec<Fate> {
    let mut given: HashSet<String> = HashSet::new();
    let mut fate = |candidate: &Candidate<'_>| {
        let suffix = &candidate.suffix;
        if !candidate.importable {
            return Fate::OtherModule;
        }
        if !stable_abi {
            return Fate::ForOnePython;
        }
        if !candidate.keeps_to_abi {
            return Fate::Refused;
        }
        let new = format!("{}{}.abi3.so", suffix.directory, suffix.stem);
        if needed.contains(base_name(suffix.path)) {
            return Fate::Kept { new, why: "another module needs it by its name" };
        }
        if taken(&new) {
            return Fate::Kept { new, why: "that name is taken" };
        }
        if !given.insert(new.clone()) {
            return Fate::Spare;
        }
        Fate::Renamed(new)
    };
    candidates.iter().map(&mut fate).collect()
}

/// The modules that get another name so that all Pythons of the targets import them. `taken` tells which names the archive has or will
/// have. What modules need is what they will need when they have been upgraded, so grafted libraries are to be among `modules`. Of those
/// that `reported` has, the notices tell already that they do not keep to the stable ABI.
pub(super) fn plan(
    wheel: &Wheel,
    modules: &[Module],
    taken: impl Fn(&str) -> bool,
    reported: &HashSet<String>,
    options: &WheelOptions,
    notices: &mut Vec<Notice>,
) -> Result<Renamed> {
    let mut renamed = Renamed::new();
    if !wheel.runs_on_target {
        return Ok(renamed);
    }
    let pythons: Vec<&str> = pythons(options).collect();
    let mut candidates = Vec::new();
    let mut entries = Vec::new();
    let paths: HashSet<&str> = modules.iter().map(|module| module.path.as_str()).collect();
    for module in modules {
        let is_there = |path: &str| paths.contains(path);
        let (Some(entry), Some(suffix)) = (module.entry, foreign_suffix(&module.path, &pythons, is_there)) else { continue };
        // A library is not imported.
        if !module.exports.iter().any(|name| is_entry(name)) {
            continue;
        }
        let outside = stable_abi::outside(module, &wheel.name)?;
        let importable = module.exports.iter().any(|name| is_entry_of(name, suffix.stem));
        candidates.push(Candidate { suffix, importable, keeps_to_abi: outside.is_none() });
        entries.push((entry, outside.unwrap_or_default()));
    }
    let needed: Vec<String> = modules.iter().flat_map(|module| modules::needed(module, &options.module)).collect();
    let needed = needed.iter().map(|name| base_name(name)).collect();
    let fates = fates(&candidates, wheel.name.is_abi3(), &needed, taken);
    for ((candidate, (entry, outside)), fate) in candidates.iter().zip(entries).zip(fates) {
        let ForeignSuffix { path, stem, ignored_by, .. } = candidate.suffix;
        let place = Place { path: Some(path.to_string()) };
        let ignored = other_suffix(&place, &candidate.suffix.python(), &dotted_python(ignored_by)).sentence(0);
        match fate {
            Fate::Renamed(new) => {
                let message = format!("`{path}` is called `{new}` now: `{ignored_by}` would silently ignore the old name");
                notices.push(IGNORED_SUFFIX.notes(message));
                renamed.insert(entry, new);
            }
            Fate::ForOnePython => notices.push(IGNORED_SUFFIX.warns(format!(
                "{ignored}; if the module has the stable ABI, rename it to end in `.abi3.so`, otherwise build it for the target's Python"
            ))),
            Fate::Spare => {}
            Fate::OtherModule => notices.push(IGNORED_SUFFIX.warns(format!("{ignored}; it was not renamed, since it exports no `{INIT}{stem}`"))),
            Fate::Refused if reported.contains(path) => {
                notices.push(IGNORED_SUFFIX.warns(format!("{ignored}; it was not renamed, since it does not keep to the stable ABI")));
            }
            Fate::Refused => {
                let problem = format!(
                    "{ignored}, and it {outside}: most likely it was compiled for one version of Python, whatever the wheel's tag says"
                );
                if !options.allow_python_mismatch {
                    bail!(IGNORED_SUFFIX.refuses(format!("{problem}; {ALLOW}")));
                }
                notices.push(IGNORED_SUFFIX.warns(problem));
            }
            Fate::Kept { new, why } => notices.push(IGNORED_SUFFIX.warns(format!("{ignored}; it was not renamed to `{new}`, since {why}"))),
        }
    }
    Ok(renamed)
}
