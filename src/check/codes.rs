//! The codes of findings, and what is to be known about each.
//!
//! Codes are an interface: scripts and `explain` name them. A code is never given another meaning; one that no check reports any more
//! goes away. The texts are Markdown; `docs/check.md` has them all, and a test compares.

use serde::Serialize;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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

/// A kind of finding.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    pub name: &'static str,
    pub severity: Severity,
    /// What is wrong, in a few words.
    pub summary: &'static str,
    /// What it means and what comes of it, in Markdown.
    pub explanation: &'static str,
    /// What to do about it, in Markdown.
    pub remedy: &'static str,
}

/// Input that cannot be read or understood.
pub static UNREADABLE: Code = Code {
    name: "unreadable",
    severity: Severity::Error,
    summary: "the file cannot be read or understood",
    explanation: "The file is not there, is cut off or damaged, or is no side module, wheel or archive of shared libraries. What it is \
                  instead is told where that can be recognised.",
    remedy: "Fetch or build the file again.",
};

/// All codes, in the order of the documentation.
pub static CODES: [&Code; 1] = [&UNREADABLE];

/// The code called `name`.
pub fn find(name: &str) -> Option<&'static Code> {
    CODES.iter().find(|code| code.name == name).copied()
}
