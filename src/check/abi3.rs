//! The stable ABI: whether the modules of an `abi3` wheel keep to it, and to the version in the wheel's tag.
//!
//! The result has the members of abi3audit's JSON, which reads only the file formats of other platforms. A module that passes may still
//! have the structs of one Python compiled in: nothing in it shows whether it was compiled with `Py_LIMITED_API`.

use super::codes::{Code, Severity, Upgrade};
use super::{Finding, Place};
use crate::plain::first_names;
use crate::target::{self, Target};
use crate::wheel::name::{WheelName, is_of_emscripten, python_version};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::OnceLock;

pub static NON_ABI3_SYMBOL: Code = Code {
    name: "non-abi3-symbol",
    severity: Severity::Warning,
    summary: "an abi3 wheel uses what is not in the stable ABI",
    explanation: "The wheel's tag promises that it runs on every later Python 3, and a module uses a symbol of Python that is not in the \
                  stable ABI. Another Python may lack it, or mean something else by it. Where the target lacks it, there is an error \
                  besides.",
    remedy: "compile the project with `Py_LIMITED_API`, and mend what then does not compile",
    upgrade: Upgrade::Leaves,
};

pub static NEWER_ABI3_SYMBOL: Code = Code {
    name: "newer-abi3-symbol",
    severity: Severity::Warning,
    summary: "an abi3 wheel uses what is younger than its tag",
    explanation: "The symbol is in the stable ABI, since a later version of Python than the wheel's Python tag names. On the versions \
                  between, the module fails.",
    remedy: "tag the wheel with the version that it needs, or compile with the `Py_LIMITED_API` of the tag",
    upgrade: Upgrade::Leaves,
};

pub static UNPORTABLE_ABI3: Code = Code {
    name: "unportable-abi3",
    severity: Severity::Error,
    summary: "an abi3 wheel that is not of the stable ABI, on another Python than it was built for",
    explanation: "The wheel's tag promises that it runs on every later Python 3. A module of it uses symbols of Python that are not in the \
                  stable ABI, so most likely it was compiled with the structs of one version; and the platform tag tells that \
                  this was not the target's. Under the target's Python it may fail, corrupt memory or take the runtime down with \
                  `Aborted()` when it is imported, as onnx 1.22.0 does.",
    remedy: "compile the project with `Py_LIMITED_API`, or for the target's Python; `wasm-pyfix upgrade --allow-python-mismatch` upgrades \
             it nevertheless",
    upgrade: Upgrade::Refuses,
};

pub static CODES: [&Code; 3] = [&NON_ABI3_SYMBOL, &NEWER_ABI3_SYMBOL, &UNPORTABLE_ABI3];

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

/// What is wrong by the audit of a module, which was built for another Python if `moved_from` is given.
pub fn findings(audit: &Audit, moved_from: Option<MovedFrom>, target: &Target, place: &Place) -> Vec<Finding> {
    let unportable = moved_from.zip(audit.outside()).map(|(source, outside)| {
        let message = format!("{outside}, and was built for {source}, not for Python {}", target.python);
        Finding::new(&UNPORTABLE_ABI3, place, message)
    });
    let outside = audit.non_abi3_symbols.iter().map(|name| {
        Finding::new(&NON_ABI3_SYMBOL, place, format!("uses `{name}`, which the stable ABI does not have")).about(name)
    });
    let younger = audit.future_abi3_objects.iter().map(|(name, version)| {
        let message =
            format!("uses `{name}`, which the stable ABI has since {version}; the wheel is tagged for {}", audit.baseline);
        Finding::new(&NEWER_ABI3_SYMBOL, place, message).about(name)
    });
    unportable.into_iter().chain(outside).chain(younger).collect()
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
