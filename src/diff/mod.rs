//! `diff`: what differs between two modules, wheels, archives, directories or lock files, as a build before and after a change.
//!
//! Of directories and lock files it is found out what they stand for (`gather`); their packages are paired by their names and compared one
//! by one (`packages`). Wheels, archives and modules are read whole (`read`), their modules are paired by their paths, or by what is left of these
//! without suffixes of Python and hashes, and compared (`compare`). The result is plain data, which is printed as text, as JSON or as
//! Markdown. The JSON form is an interface: `docs/diff.md` describes it, and [`SCHEMA_VERSION`] grows when a member changes its meaning or
//! goes away.

mod compare;
mod gather;
mod markdown;
mod packages;
mod pairs;
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
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
    /// The platforms that lock files are for, of those that say so.
    pub abi_version: Pair<Option<String>>,
    /// Whether both are lock files, with other contents.
    pub lock_changed: bool,
    /// Of directories and lock files the sums over all packages, and modules and files of no package.
    #[serde(flatten)]
    pub contents: Contents,
    /// How many packages there are of each status.
    pub package_counts: BTreeMap<Status, usize>,
    /// The packages in both directories or lock files, by name; those that came are last.
    pub packages: Vec<PackageDiff>,
}

/// What differs between two packages: wheels, archives, or distributions in a directory.
#[derive(Debug, Serialize)]
pub struct PackageDiff {
    /// Names, as lock files or files have them.
    pub name: Pair<Option<String>>,
    pub version: Pair<Option<String>>,
    /// Paths below the directories.
    pub path: Pair<Option<String>>,
    pub kinds: Pair<Option<Kind>>,
    pub status: Status,
    /// Bytes of the files.
    pub file_sizes: Pair<Option<u64>>,
    /// Packages that it depends on, of those in lock files.
    pub depends: Names,
    #[serde(flatten)]
    pub contents: Contents,
}

/// What differs in the contents of two wheels, archives or modules.
#[derive(Debug, Default, Serialize)]
pub struct Contents {
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

/// How many there are of each status.
fn counts(of: impl Iterator<Item = Status>) -> BTreeMap<Status, usize> {
    let all = [Status::Same, Status::Changed, Status::Renamed, Status::Came, Status::Went];
    let mut counts = BTreeMap::from(all.map(|status| (status, 0)));
    of.for_each(|status| *counts.entry(status).or_default() += 1);
    counts
}

impl Diff {
    /// What the files are called whose sizes are told.
    fn of_files(&self) -> &'static str {
        let is_file = |kind: Kind| !matches!(kind, Kind::Directory | Kind::Lock);
        if is_file(self.kinds.old) && is_file(self.kinds.new) { "file" } else { "files" }
    }
}

impl Contents {
    /// Whether nothing differs in files and modules.
    fn is_same(&self) -> bool {
        let Files { came, went, changed } = &self.files;
        let files = [came, went, changed].into_iter().all(Vec::is_empty);
        files && self.modules.iter().all(|module| module.status == Status::Same)
    }
}

impl Sizes {
    /// Adds others to them.
    fn add(&mut self, others: &Sizes) {
        let both = [
            (&mut self.raw, &others.raw),
            (&mut self.deflate, &others.deflate),
            (&mut self.gzip, &others.gzip),
            (&mut self.brotli, &others.brotli),
        ];
        for (sum, size) in both {
            for (sum, size) in [(&mut sum.old, size.old), (&mut sum.new, size.new)] {
                *sum = sum.zip(size).map(|(sum, size)| sum + size).or(*sum).or(size);
            }
        }
    }

    /// The four of them, with what they are called for people.
    fn rows(&self) -> [(&'static str, &Pair<Option<u64>>); 4] {
        [("raw", &self.raw), ("deflate", &self.deflate), ("gzip", &self.gzip), ("brotli", &self.brotli)]
    }
}

/// Old and new name for people, if there are any.
fn both_names(Pair { old, new }: &Pair<Option<String>>) -> Option<String> {
    match (old, new) {
        (Some(old), Some(new)) if old != new => Some(format!("{old} -> {new}")),
        (old, new) => new.clone().or_else(|| old.clone()),
    }
}

/// How much larger something has become, or smaller.
fn growth(Pair { old, new }: &Pair<Option<u64>>) -> u64 {
    old.unwrap_or(0).abs_diff(new.unwrap_or(0))
}

impl ModuleDiff {
    /// The name of the module for people, with its old one if that was another.
    fn title(&self) -> Option<String> {
        both_names(&self.path)
    }
}

impl PackageDiff {
    /// Name and versions for people.
    fn title(&self) -> String {
        let name = both_names(&self.name).unwrap_or_default();
        both_names(&self.version).map_or(name.clone(), |version| format!("{name} {version}"))
    }
}

/// The `shown` ones that changed most, and how many there are besides.
fn most<T>(mut of: Vec<T>, growth: impl Fn(&T) -> u64, shown: usize) -> (Vec<T>, usize) {
    let more = of.len().saturating_sub(shown);
    of.sort_by_key(|one| std::cmp::Reverse(growth(one)));
    of.truncate(shown);
    (of, more)
}
