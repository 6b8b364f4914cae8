//! Codes of findings, and of what `upgrade` refuses, fails at, tells and leaves: what they are, and the list of them all.
//!
//! Each file beside this one has a family. What finds the problems is in `check`; in [`upgrading`] and [`noted`] is what only `upgrade` says.
//!
//! Codes are an interface: scripts and `explain` name them. A code is never given another meaning; one that no check reports any more
//! goes away. The texts are Markdown; `docs/check.md` has them all, and a test compares.

pub mod abi3;
pub mod ahead;
pub mod exceptions;
pub mod failure;
pub mod features;
pub mod finding;
pub mod libraries;
pub mod linking;
pub mod noted;
pub mod own;
pub mod pointers;
pub mod python;
pub mod reading;
pub mod record;
pub mod symbols;
pub mod upgrading;
pub mod usage;

use serde::Serialize;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It will not load, or it will fail or corrupt memory when it runs.
    Error,
    /// It may fail, depending on what is not known here.
    Warning,
    /// Worth knowing; nothing fails.
    Note,
}

impl Severity {
    /// As in reports.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// What `upgrade` does about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upgrade {
    /// It makes it right, if nothing else keeps it from upgrading the input.
    Fixes,
    /// It leaves it as it is.
    Leaves,
    /// It does not upgrade such an input.
    Refuses,
}

/// A kind of finding.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    pub name: &'static str,
    pub severity: Severity,
    /// What is wrong, in a few words.
    pub summary: &'static str,
    /// What it means and what comes of it, in Markdown.
    pub explanation: &'static str,
    /// What to do about it where `upgrade` does not do it, in Markdown.
    pub remedy: &'static str,
    pub upgrade: Upgrade,
}

/// Codes of one kind, under a heading of the documentation.
pub struct Family {
    pub heading: &'static str,
    pub codes: &'static [&'static Code],
}

/// All families, in the order of the documentation.
pub static FAMILIES: [Family; 15] = [
    Family { heading: "Files", codes: &reading::CODES },
    Family { heading: "Linking metadata", codes: &linking::CODES },
    Family { heading: "Features and structs", codes: &features::CODES },
    Family { heading: "Exceptions", codes: &exceptions::CODES },
    Family { heading: "Symbols", codes: &symbols::CODES },
    Family { heading: "Own and weak symbols", codes: &own::CODES },
    Family { heading: "Function pointers", codes: &pointers::CODES },
    Family { heading: "Needed libraries", codes: &libraries::CODES },
    Family { heading: "Wheels", codes: &WHEELS },
    Family { heading: "The stable ABI", codes: &abi3::CODES },
    Family { heading: "What lies ahead", codes: &ahead::CODES },
    Family { heading: "Said by `upgrade` only", codes: &upgrading::CODES },
    Family { heading: "Notices of `upgrade`", codes: &noted::NOTICES },
    Family { heading: "What passes leave", codes: &noted::KEPT },
    Family { heading: "The command line", codes: &usage::CODES },
];

static WHEELS: [&Code; 12] = {
    let [platform, python, requires, format, tags, suffix, stale, sourceless] = python::CODES;
    let [mismatch, missing, unlisted, compiled] = record::CODES;
    [platform, python, requires, format, tags, suffix, stale, sourceless, mismatch, missing, unlisted, compiled]
};

/// All codes, in the order of the documentation.
pub fn all() -> impl Iterator<Item = &'static Code> {
    FAMILIES.iter().flat_map(|family| family.codes.iter().copied())
}

/// The code called `name`.
pub fn find(name: &str) -> Option<&'static Code> {
    all().find(|code| code.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_plain() {
        let names: Vec<&str> = all().map(|code| code.name).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
        for name in names {
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'), "{name}");
        }
    }
}
