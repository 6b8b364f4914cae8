//! `diff`: what differs between two modules, wheels or archives, as a build before and after a change.
//!
//! Both are read whole (`read`), their modules are paired by their paths, or by what is left of these without suffixes of Python and hashes,
//! and compared (`compare`). The result is plain data, which is printed as text, as JSON or as Markdown. The JSON form is an interface:
//! `docs/diff.md` describes it, and [`SCHEMA_VERSION`] grows when a member changes its meaning or goes away.

mod compare;
mod markdown;
mod read;
pub mod run;
mod sizes;
mod text;

use crate::input::Kind;
use crate::report::{Failure, Tool};
use crate::wheel::audit::Audit;
use indexmap::IndexMap;
use serde::Serialize;
use std::collections::BTreeMap;

/// Version of the JSON form.
pub const SCHEMA_VERSION: u32 = 1;

/// The result of one run.
#[derive(Debug, Serialize)]
pub struct Report {
    pub schema_version: u32,
    pub tool: Tool,
    pub exit_code: i32,
    /// What differs; `None` when an input could not be read.
    pub diff: Option<Diff>,
    pub error: Option<Failure>,
}

/// What was before, and what is now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pair<T> {
    pub old: T,
    pub new: T,
}

/// What differs between two inputs.
#[derive(Debug, Serialize)]
pub struct Diff {
    /// Whether both have the same bytes.
    pub same: bool,
    /// As on the command line.
    pub inputs: Pair<String>,
    pub kinds: Pair<Kind>,
    /// Bytes of the files.
    pub file_sizes: Pair<u64>,
    /// Single tags of wheels.
    pub tags: Names,
    /// What was done to each of them, of wheels with a record of that.
    pub audits: Pair<Option<Audit>>,
    /// Whether the last run that the new one records began with the modules of the old one.
    pub made_from_old: bool,
    /// Files of archives that are no side modules.
    pub files: Files,
    /// How many modules there are of each status.
    pub counts: BTreeMap<Status, usize>,
    /// The sizes of all modules together.
    pub sizes: Sizes,
    /// The modules of both, those that came last.
    pub modules: Vec<ModuleDiff>,
}

/// Names that are on one side alone.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Names {
    pub came: Vec<String>,
    pub went: Vec<String>,
}

/// Files that are on one side alone, or have other contents.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Files {
    pub came: Vec<String>,
    pub went: Vec<String>,
    pub changed: Vec<String>,
}

/// What became of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Same,
    Changed,
    /// The same contents under another path.
    Renamed,
    Came,
    Went,
}

/// Sizes in bytes. Those of a side without a module are `None`, as are all compressed ones that nobody asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sizes {
    pub raw: Pair<Option<u64>>,
    /// As wheels have it.
    pub deflate: Pair<Option<u64>>,
    /// As servers compress it in passing.
    pub gzip: Pair<Option<u64>>,
    /// As servers keep it compressed.
    pub brotli: Pair<Option<u64>>,
}

/// What differs between two modules. A member about one that is not there is `None` or empty.
#[derive(Debug, Serialize)]
pub struct ModuleDiff {
    /// Names of the entries; `None` for modules that are the inputs, too.
    pub path: Pair<Option<String>>,
    pub status: Status,
    pub sizes: Sizes,
    /// How many functions they define.
    pub functions: Pair<Option<usize>>,
    /// Bytes of the code that relocates data and globals.
    pub relocations: Pair<Option<u64>>,
    pub needed: Names,
    pub runtime_path: Pair<Vec<String>>,
    pub imports: Symbols,
    pub exports: Symbols,
    /// Sections of another size, in the order of the files.
    pub sections: Vec<Section>,
    /// What passes did, as the record of the new wheel says, if it began with the old module.
    pub passes: IndexMap<String, IndexMap<String, usize>>,
}

/// Imports or exports, by their names with what they are.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Symbols {
    pub came: BTreeMap<String, String>,
    pub went: BTreeMap<String, String>,
    pub changed: BTreeMap<String, Pair<String>>,
}

/// A section that has another size, or is on one side alone.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    pub name: String,
    /// Bytes, of all sections of that name together.
    pub size: Pair<Option<u64>>,
}

impl Sizes {
    /// The four of them, with what they are called for people.
    fn rows(&self) -> [(&'static str, &Pair<Option<u64>>); 4] {
        [("raw", &self.raw), ("deflate", &self.deflate), ("gzip", &self.gzip), ("brotli", &self.brotli)]
    }
}

impl ModuleDiff {
    /// The name of the module for people, with its old one if that was another.
    fn title(&self) -> Option<String> {
        match (&self.path.old, &self.path.new) {
            (Some(old), Some(new)) if old != new => Some(format!("{old} -> {new}")),
            (old, new) => new.clone().or_else(|| old.clone()),
        }
    }

    /// How much larger it has become, or smaller.
    fn growth(&self) -> u64 {
        self.sizes.raw.old.unwrap_or(0).abs_diff(self.sizes.raw.new.unwrap_or(0))
    }
}
