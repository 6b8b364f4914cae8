//! The stable ABI: whether the modules of an `abi3` wheel keep to it, and to the version in the wheel's tag.
//!
//! The result has the members of abi3audit's JSON, which reads only the file formats of other platforms. A module that passes may still
//! have the structs of one Python compiled in: nothing in it shows whether it was compiled with `Py_LIMITED_API`.

use crate::name::{WheelName, is_of_emscripten, python_version};
use crate::plain::first_names;
use crate::target;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::OnceLock;

/// The audit of one module, with the names of abi3audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// Whether it uses nothing outside of the stable ABI.
    pub is_abi3: bool,
    /// Whether it uses nothing younger than the tag.
    pub is_abi3_baseline_compatible: bool,
    /// Version of the tag.
    pub baseline: String,
    /// The oldest version that has all it uses, but no older than the tag.
    pub computed: String,
    pub non_abi3_symbols: BTreeSet<String>,
    /// Symbols younger than the tag, with their versions.
    pub future_abi3_objects: BTreeMap<String, String>,
}

/// The version of Python that an `abi3` wheel is tagged for, the oldest of several; `None` for other wheels.
pub fn baseline(name: &WheelName) -> Option<(u32, u32)> {
    if !name.abi.iter().any(|abi| abi == "abi3") {
        return None;
    }
    name.python.iter().filter(|tag| tag.starts_with("cp")).filter_map(|tag| python_version(tag)).min()
}

/// What a wheel was built for, when it is not the Python at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MovedFrom {
    /// The version of Python; `None` if its platform is not one of those that are known here.
    python: Option<&'static str>,
}

impl fmt::Display for MovedFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.python {
            Some(python) => write!(f, "Python {python}"),
            None => write!(f, "another Python"),
        }
    }
}

/// What a wheel was built for, if none of its platforms has the minor version of Python in `python`, a tag such as `cp313`. A platform of
/// Emscripten that is not known here has another one: all that have this one are known. Without a platform (`any`) there is no telling.
pub fn moved_from(name: &WheelName, python: &str) -> Option<MovedFrom> {
    let stays = name.sources().any(|source| source.python_tag() == python);
    let moved = !stays && name.platform.iter().any(|tag| is_of_emscripten(tag));
    moved.then(|| MovedFrom { python: name.source().map(|source| source.python) })
}

/// Audits a module of a wheel whose tag names the version `baseline`, by the names that it imports; `None` for one that uses nothing of
/// Python.
pub fn audit<'n>(imports: impl Iterator<Item = &'n str>, baseline: (u32, u32)) -> Option<Audit> {
    let used: BTreeSet<&str> = imports.filter(|name| is_of_python(name)).collect();
    if used.is_empty() {
        return None;
    }
    let mut audit = Audit {
        is_abi3: true,
        is_abi3_baseline_compatible: true,
        baseline: dotted(baseline),
        computed: String::new(),
        non_abi3_symbols: BTreeSet::new(),
        future_abi3_objects: BTreeMap::new(),
    };
    let mut computed = baseline;
    for name in used {
        match since(name) {
            None => drop(audit.non_abi3_symbols.insert(name.to_string())),
            Some(version) => {
                computed = computed.max(version);
                if version > baseline {
                    audit.future_abi3_objects.insert(name.to_string(), dotted(version));
                }
            }
        }
    }
    audit.computed = dotted(computed);
    audit.is_abi3 = audit.non_abi3_symbols.is_empty();
    audit.is_abi3_baseline_compatible = audit.future_abi3_objects.is_empty();
    Some(audit)
}

impl Audit {
    /// What the module uses that no stable ABI has, in words and at most a few names; `None` if it keeps to it.
    pub fn outside(&self) -> Option<String> {
        let names = first_names(self.non_abi3_symbols.iter().map(|name| format!("`{name}`")), 3);
        (!names.is_empty()).then(|| format!("uses {names}, which the stable ABI does not have"))
    }
}

/// Whether `name` is a symbol of Python: one that begins as Python's do and that it has, or that some runtime's Python has.
fn is_of_python(name: &str) -> bool {
    (name.starts_with("Py") || name.starts_with("_Py")) && (since(name).is_some() || target::is_known(name))
}

/// The version since which a symbol is in the stable ABI.
fn since(name: &str) -> Option<(u32, u32)> {
    static TABLE: OnceLock<BTreeMap<&str, (u32, u32)>> = OnceLock::new();
    let table = TABLE.get_or_init(|| include_str!("stable_abi.txt").lines().filter_map(parse_line).collect());
    table.get(name).copied()
}

fn parse_line(line: &str) -> Option<(&str, (u32, u32))> {
    let (name, version) = line.split_once(' ').filter(|_| !line.starts_with('#'))?;
    let (major, minor) = version.split_once('.')?;
    Some((name, (major.parse().ok()?, minor.parse().ok()?)))
}

fn dotted((major, minor): (u32, u32)) -> String {
    format!("{major}.{minor}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_whole() {
        let lines = include_str!("stable_abi.txt").lines().filter(|line| !line.starts_with('#'));
        assert!(lines.clone().count() > 900);
        lines.for_each(|line| assert!(parse_line(line).is_some(), "{line}"));
        assert_eq!(since("PyList_New"), Some((3, 2)));
        assert_eq!(since("PyLong_AsInt"), Some((3, 13)));
        assert_eq!(since("_PyLong_AsInt"), None);
    }
}
