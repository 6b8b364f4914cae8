//! Extension modules of `abi3` wheels whose file names keep other versions of Python from importing them.
//!
//! Python looks for files with its own suffix (`.cpython-313-wasm32-emscripten.so`), `.abi3.so` and `.so` (`EXTENSION_SUFFIXES`), and
//! passes over all others without a word. A wheel tagged `abi3` promises that its modules run on every later Python; some build tools
//! (scikit-build-core with nanobind, for one) name the file for the Python that they ran under nevertheless. Such a file gets the suffix
//! `.abi3.so`, under which all of them find it.
//!
//! **Refused**: a module that uses what is not in the stable ABI ([`crate::check::abi3`]). Its file name is right then, and the wheel's
//! tag is wrong. **Left, with a notice**: a file whose new name is taken, and one that another module needs by its name.

use super::modules::{self, Module};
use super::runtime_path::base_name;
use super::stable_abi;
use super::{Wheel, WheelOptions, pythons};
use anyhow::{Result, bail};
use std::collections::{BTreeMap, HashSet};
use wasm_pyfix_passes::Error;

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
    pub version: &'a str,
    /// One of the Pythons that do not import it.
    ignored_by: &'a str,
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
    /// It stays: nothing promises that another Python may import the file, or none would.
    NoExtension,
    /// It stays, and no wheel is made of it: the file is for one Python, whatever the wheel's tag says.
    Refused,
    /// It stays although `new` would be better.
    Kept { new: String, why: &'static str },
}

/// What becomes of the names of `candidates`, in their order. `stable_abi` tells whether the wheel is tagged for the stable ABI alone,
/// `needed` has the libraries that its modules need, without directories, and `taken` tells which names it has.
pub fn fates(candidates: &[Candidate<'_>], stable_abi: bool, needed: &HashSet<&str>, taken: impl Fn(&str) -> bool) -> Vec<Fate> {
    let mut given: HashSet<String> = HashSet::new();
    let mut fate = |candidate: &Candidate<'_>| {
        let suffix = &candidate.suffix;
        if !stable_abi || !candidate.importable {
            return Fate::NoExtension;
        }
        if !candidate.keeps_to_abi {
            return Fate::Refused;
        }
        let new = format!("{}{}.abi3.so", suffix.directory, suffix.stem);
        if needed.contains(base_name(suffix.path)) {
            return Fate::Kept { new, why: "another module needs it by its name" };
        }
        if taken(&new) || !given.insert(new.clone()) {
            return Fate::Kept { new, why: "that name is taken" };
        }
        Fate::Renamed(new)
    };
    candidates.iter().map(&mut fate).collect()
}

/// The modules that get another name so that all Pythons of the targets import them. `taken` tells which names the archive has or will
/// have. What modules need is what they will need when they have been upgraded, so grafted libraries are to be among `modules`.
pub(super) fn plan(
    wheel: &Wheel,
    modules: &[Module],
    taken: impl Fn(&str) -> bool,
    options: &WheelOptions,
    notices: &mut Vec<String>,
) -> Result<Renamed> {
    let mut renamed = Renamed::new();
    if !wheel.runs_on_target {
        return Ok(renamed);
    }
    let pythons: Vec<&str> = pythons(options).collect();
    let mut candidates = Vec::new();
    let mut entries = Vec::new();
    for module in modules {
        let (Some(entry), Some(suffix)) = (module.entry, foreign_suffix(&module.path, &pythons)) else { continue };
        let outside = stable_abi::outside(module, &wheel.name)?;
        let importable = module.exports.contains(&format!("PyInit_{}", suffix.stem));
        candidates.push(Candidate { suffix, importable, keeps_to_abi: outside.is_none() });
        entries.push((entry, outside.unwrap_or_default()));
    }
    let needed: Vec<String> = modules.iter().flat_map(|module| modules::needed(module, &options.module)).collect();
    let needed = needed.iter().map(|name| base_name(name)).collect();
    let fates = fates(&candidates, wheel.name.is_abi3(), &needed, taken);
    for ((candidate, (entry, outside)), fate) in candidates.iter().zip(entries).zip(fates) {
        let ForeignSuffix { path, ignored_by, .. } = candidate.suffix;
        let ignored = format!("`{path}` has the suffix of another Python, which `{ignored_by}` silently ignores");
        match fate {
            Fate::Renamed(new) => {
                notices.push(format!("`{path}` is called `{new}` now: `{ignored_by}` would silently ignore the old name"));
                renamed.insert(entry, new);
            }
            Fate::NoExtension => notices.push(format!("{ignored}; rename it to end in `.abi3.so`")),
            Fate::Refused => {
                let problem = format!("{ignored}, and it {outside}: it is no abi3 module, whatever the wheel's tag says");
                if !options.allow_python_mismatch {
                    bail!(Error::Refused(problem));
                }
                notices.push(problem);
            }
            Fate::Kept { new, why } => notices.push(format!("{ignored}; it was not renamed to `{new}`, since {why}")),
        }
    }
    Ok(renamed)
}

/// Takes the path of a module apart whose suffix is that of another Python than one of `pythons`, tags such as `cp313`.
pub fn foreign_suffix<'a>(path: &'a str, pythons: &[&'a str]) -> Option<ForeignSuffix<'a>> {
    let (directory, name) = path.split_at(path.len() - base_name(path).len());
    let (stem, rest) = name.split_once(".cpython-")?;
    let version = rest.strip_suffix("-wasm32-emscripten.so")?;
    let ignored_by = pythons.iter().find(|python| python.trim_start_matches("cp") != version)?;
    Some(ForeignSuffix { path, directory, stem, version, ignored_by })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_of_other_pythons_are_told() {
        let foreign = |path: &'static str, pythons: &[&'static str]| foreign_suffix(path, pythons).map(|named| named.stem);
        let path = "p/m.cpython-313-wasm32-emscripten.so";
        assert_eq!(foreign(path, &["cp314"]), Some("m"));
        assert_eq!(foreign(path, &["cp313", "cp314"]), Some("m"));
        assert_eq!(foreign(path, &["cp313"]), None);
        for other in ["p/m.abi3.so", "p/m.so", "p.cpython-312-x/m.so", "m.cpython-312-x86_64-linux-gnu.so"] {
            assert_eq!(foreign(other, &["cp314"]), None, "{other}");
        }
    }
}
