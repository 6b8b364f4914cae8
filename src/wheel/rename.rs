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
//! **Refused**: a module that uses what is not in the stable ABI ([`crate::check::abi3`]). Its file name is right then, and the wheel's
//! tag is wrong. **Left, with a notice**: a file of a wheel that is not tagged for the stable ABI alone, one that is another module than
//! its name says, one whose new name is taken, and one that another module needs by its name.

use super::modules::{self, Module};
use super::name::{python_suffix, python_version};
use super::runtime_path::base_name;
use super::stable_abi::{self, ALLOW};
use super::{Wheel, WheelOptions, pythons};
use crate::check::python::IGNORED_SUFFIX;
use anyhow::{Result, bail};
use std::collections::{BTreeMap, HashSet};
use wasm_pyfix_passes::Notice;
use wasm_pyfix_passes::python::{INIT, is_entry, is_entry_of};

/// New names of entries, by the index of the entry.
pub type Renamed = BTreeMap<usize, String>;

/// A file name with the suffix of one Python.
#[derive(Debug, Clone, Copy)]
pub struct ForeignSuffix<'a> {
    pub path: &'a str,
    /// What stands before the last component, with the slash.
    directory: &'a str,
    /// Name of the module.
    pub stem: &'a str,
    /// The version of Python in it, without the point.
    version: &'a str,
    /// One of the Pythons that import neither it nor another file of the module.
    ignored_by: &'a str,
}

impl ForeignSuffix<'_> {
    /// The version of Python in it, such as `3.13`.
    pub fn python(&self) -> String {
        python_version(&format!("cp{}", self.version)).map_or(self.version.to_string(), |(major, minor)| format!("{major}.{minor}"))
    }
}

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
        let ignored = format!("`{path}` has the suffix of another Python, which `{ignored_by}` silently ignores");
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

/// Takes the path of a module apart whose suffix is that of another Python than one of `pythons`, tags such as `cp313`, unless that finds
/// another file of the module. `is_there` tells which modules there are.
pub fn foreign_suffix<'a>(path: &'a str, pythons: &[&'a str], is_there: impl Fn(&str) -> bool) -> Option<ForeignSuffix<'a>> {
    let (directory, stem, version) = take_apart(path)?;
    let ignores = |python: &&&str| *number(python) != *version && !finds(python, directory, stem, &is_there);
    let ignored_by = pythons.iter().find(ignores)?;
    Some(ForeignSuffix { path, directory, stem, version, ignored_by })
}

/// Whether `python` passes over the module at `path` for another file of the same module.
pub fn is_spare(path: &str, python: &str, is_there: impl Fn(&str) -> bool) -> bool {
    let Some((directory, stem, version)) = take_apart(path) else { return false };
    number(python) != version && finds(python, directory, stem, is_there)
}

/// Directory, name of the module and version of Python in the path of a file with the suffix of one.
fn take_apart(path: &str) -> Option<(&str, &str, &str)> {
    let (directory, name) = path.split_at(path.len() - base_name(path).len());
    let suffix = python_suffix(name)?;
    (suffix.rest == "-wasm32-emscripten.so").then_some((directory, suffix.stem, suffix.version))
}

/// Whether `python` finds an extension module of this name.
fn finds(python: &str, directory: &str, stem: &str, is_there: impl Fn(&str) -> bool) -> bool {
    let own = format!(".cpython-{}-wasm32-emscripten.so", number(python));
    [&own, ".abi3.so", ".so"].iter().any(|suffix| is_there(&format!("{directory}{stem}{suffix}")))
}

/// The version in a tag such as `cp313`, as suffixes have it.
fn number(python: &str) -> &str {
    python.trim_start_matches("cp")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_of_other_pythons_are_told() {
        let foreign =
            |path: &'static str, pythons: &[&'static str]| foreign_suffix(path, pythons, |_| false).map(|named| named.stem);
        let path = "p/m.cpython-313-wasm32-emscripten.so";
        assert_eq!(foreign(path, &["cp314"]), Some("m"));
        assert_eq!(foreign(path, &["cp313", "cp314"]), Some("m"));
        assert_eq!(foreign(path, &["cp313"]), None);
        for other in ["p/m.abi3.so", "p/m.so", "p.cpython-312-x/m.so", "m.cpython-312-x86_64-linux-gnu.so"] {
            assert_eq!(foreign(other, &["cp314"]), None, "{other}");
        }
    }

    #[test]
    fn a_file_beside_the_right_one_is_spare() {
        let path = "p/m.cpython-312-wasm32-emscripten.so";
        let ignored_by = |pythons: &[&'static str], there: &str| {
            let found = foreign_suffix(path, pythons, |path| path == there);
            found.map(|suffix| suffix.ignored_by)
        };
        for right in ["p/m.cpython-313-wasm32-emscripten.so", "p/m.abi3.so", "p/m.so"] {
            assert_eq!(ignored_by(&["cp312", "cp313"], right), None, "{right}");
            assert!(is_spare(path, "cp313", |path| path == right) && !is_spare(path, "cp312", |path| path == right));
        }
        for wrong in ["p/m.cpython-311-wasm32-emscripten.so", "m.so", "p/n.so", path] {
            assert_eq!(ignored_by(&["cp312", "cp313"], wrong), Some("cp313"), "{wrong}");
            assert!(!is_spare(path, "cp313", |path| path == wrong), "{wrong}");
        }
        assert_eq!(ignored_by(&["cp313", "cp314"], "p/m.cpython-313-wasm32-emscripten.so"), Some("cp314"));
    }
}
