//! What was done, as data and as JSON; [`text`] and [`summary`] say it to people.
//!
//! The JSON form is an interface: `docs/report.md` describes it, and [`SCHEMA_VERSION`] grows when a member changes its meaning or
//! goes away. New members may appear at any time.

pub mod summary;
pub mod text;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::Path;

use indexmap::IndexMap;
use serde::Serialize;
use wasm_pyfix_passes::{Error, Notice, Outcome};

use crate::codes::Severity;
use crate::counts;

use crate::codes::failure;
use crate::input::Kind;
use crate::pipeline::ModuleResult;
use crate::plain::first_names;
use crate::wheel;

/// So many names of what was changed are told in words.
const NAMED: usize = 10;

/// Version of the JSON form.
pub const SCHEMA_VERSION: u32 = 2;

/// The report on one run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    pub schema_version: u32,
    pub tool: Tool,
    /// Name of the target, the first of several.
    pub target: String,
    /// Names of all targets.
    pub targets: Vec<String>,
    pub dry_run: bool,
    pub exit_code: i32,
    pub inputs: Vec<InputReport>,
    /// All inputs together.
    pub totals: Totals,
    /// The copy of the lock file, when one was asked for and a wheel or archive is in it.
    pub lock: Option<String>,
    /// The packages of the lock file that do not fit the target.
    pub lock_unfit: Vec<String>,
    /// The packages that were left out of the copy, since their files do not fit the target.
    pub lock_dropped: Vec<String>,
    /// What the user should know about the run.
    pub notices: Vec<NoticeReport>,
    /// What failed after the inputs were done, such as writing the lock file.
    pub error: Option<Failure>,
}

/// All inputs together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// How many inputs there are, once for each target.
    pub inputs: usize,
    /// How many of them have this status.
    pub upgraded: usize,
    pub unchanged: usize,
    pub refused: usize,
    pub errors: usize,
    /// Side modules in those that are done.
    pub modules: usize,
    /// How many of them were changed.
    pub modules_changed: usize,
    /// Bytes read of those that are done.
    pub size_before: u64,
    /// Bytes of their results.
    pub size_after: u64,
}

impl Totals {
    /// Adds up `inputs`. The sizes are of those that have a result, so that they can be compared.
    pub fn new(inputs: &[InputReport]) -> Self {
        let count = |status: Status| inputs.iter().filter(|input| input.status == status).count();
        let done: Vec<&InputReport> = inputs.iter().filter(|input| input.error.is_none()).collect();
        let size = |size: fn(&InputReport) -> Option<u64>| done.iter().filter_map(|input| size(input)).sum();
        Totals {
            inputs: inputs.len(),
            upgraded: count(Status::Upgraded),
            unchanged: count(Status::Unchanged),
            refused: count(Status::Refused),
            errors: count(Status::Error),
            modules: done.iter().map(|input| input.modules.len()).sum(),
            modules_changed: done.iter().map(|input| input.modules_changed()).sum(),
            size_before: size(|input| input.size_before),
            size_after: size(|input| input.size_after),
        }
    }
}

/// Who made the report.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Tool {
    pub name: &'static str,
    pub version: &'static str,
}

/// This tool.
pub const TOOL: Tool = Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };

/// How it went with one input, or with one module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Something was changed.
    Upgraded,
    /// There was nothing to do.
    Unchanged,
    /// The input is in order, and upgrading it would not be sound or is not supported.
    Refused,
    /// The input could not be read, understood or written.
    Error,
}

/// The report on one input.
#[derive(Debug, Clone, Serialize)]
pub struct InputReport {
    /// As on the command line.
    pub input: String,
    /// Names of the targets that the result is for.
    pub targets: Vec<String>,
    /// `None` when it was not recognised.
    pub kind: Option<Kind>,
    pub status: Status,
    /// Where the result is, or would be but for `--dry-run`; `-` is standard output.
    pub output: Option<String>,
    /// What the result is called, unless `-o` names a file: for a wheel what its tags make of its name.
    pub file_name: Option<String>,
    /// Bytes read.
    pub size_before: Option<u64>,
    /// Bytes of the result.
    pub size_after: Option<u64>,
    /// SHA-256 of the result, in hexadecimal.
    pub sha256: Option<String>,
    /// Compressed copies beside the result.
    pub precompressed: Vec<Copy>,
    /// What the user should know about the result.
    pub notices: Vec<NoticeReport>,
    /// The side modules in it; for a module, itself.
    pub modules: Vec<ModuleReport>,
    pub error: Option<Failure>,
}

/// A compressed copy of a result.
#[derive(Debug, Clone, Serialize)]
pub struct Copy {
    /// Where it is, or would be but for `--dry-run`.
    pub path: String,
    /// Bytes of it.
    pub size: u64,
}

/// The report on one side module.
#[derive(Debug, Clone, Serialize)]
pub struct ModuleReport {
    /// Name of its entry in the archive; `None` when the module is the input.
    pub path: Option<String>,
    /// What its entry is called in the result, if that is another name.
    pub renamed_to: Option<String>,
    /// The file that it was copied from, for a library that the archive lacked.
    pub grafted_from: Option<String>,
    pub status: Status,
    /// Bytes before.
    pub size_before: u64,
    /// Bytes after.
    pub size_after: u64,
    /// The passes, in the order they ran.
    pub passes: Vec<PassReport>,
}

/// What one pass did to one module.
#[derive(Debug, Clone, Serialize)]
pub struct PassReport {
    pub pass: String,
    /// What was changed, by stable keys, and how many times.
    pub changed: IndexMap<&'static str, usize>,
    /// Which ones, for some of the keys.
    pub names: IndexMap<&'static str, Vec<String>>,
    pub left: Vec<LeftReport>,
    pub notices: Vec<NoticeReport>,
}

impl PassReport {
    /// The words for `count` things of `changed`.
    pub fn words(&self, key: &str, count: usize) -> Cow<'static, str> {
        let words = counts::words(key, count);
        match self.names.get(key) {
            Some(names) => Cow::Owned(format!("{words} ({})", first_names(names.iter(), NAMED))),
            None => words,
        }
    }
}

/// What the user should know.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct NoticeReport {
    /// What it is about, as `explain` knows it.
    pub code: &'static str,
    /// A warning is something that the user may have to do something about.
    pub severity: Severity,
    /// A sentence.
    pub message: String,
}

impl From<Notice> for NoticeReport {
    fn from(notice: Notice) -> Self {
        let severity = if notice.warns { Severity::Warning } else { Severity::Note };
        NoticeReport { code: notice.code, severity, message: notice.message }
    }
}

impl NoticeReport {
    /// What stands before the message.
    pub fn label(&self) -> String {
        format!("{}[{}]", self.severity.name(), self.code)
    }
}

/// Something that a pass left alone.
#[derive(Debug, Clone, Serialize)]
pub struct LeftReport {
    /// As `explain` knows it.
    pub code: &'static str,
    /// What kind of thing.
    pub what: &'static str,
    pub why: String,
    pub count: usize,
}

/// Why an input failed.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    /// Which problem it is, as `explain` knows it.
    pub code: &'static str,
    pub message: String,
    /// Byte offset in the module, where the error has one.
    pub offset: Option<u64>,
}

impl From<&Outcome> for PassReport {
    fn from(outcome: &Outcome) -> Self {
        let left = outcome.left.iter().map(|left| LeftReport {
            code: left.what.code(),
            what: left.what.name(),
            why: left.why.clone(),
            count: left.count,
        });
        PassReport {
            pass: outcome.pass.to_string(),
            changed: outcome.changed.clone(),
            names: outcome.names.clone(),
            left: left.collect(),
            notices: outcome.notices.iter().cloned().map(NoticeReport::from).collect(),
        }
    }
}

impl ModuleReport {
    /// The report on a module that is an input by itself, of `size_before` bytes.
    pub fn new(size_before: usize, result: &ModuleResult) -> Self {
        ModuleReport {
            path: None,
            renamed_to: None,
            grafted_from: None,
            status: if result.bytes.is_some() { Status::Upgraded } else { Status::Unchanged },
            size_before: size_before as u64,
            size_after: result.bytes.as_ref().map_or(size_before, Vec::len) as u64,
            passes: result.outcomes.iter().map(PassReport::from).collect(),
        }
    }
}

impl From<&wheel::ModuleReport> for ModuleReport {
    fn from(module: &wheel::ModuleReport) -> Self {
        let unchanged =
            module.grafted_from.is_none() && module.renamed_to.is_none() && module.outcomes.iter().all(Outcome::is_unchanged);
        ModuleReport {
            path: Some(module.path.clone()),
            renamed_to: module.renamed_to.clone(),
            grafted_from: module.grafted_from.as_ref().map(|path| path.display().to_string()),
            status: if unchanged { Status::Unchanged } else { Status::Upgraded },
            size_before: module.input_size as u64,
            size_after: module.output_size as u64,
            passes: module.outcomes.iter().map(PassReport::from).collect(),
        }
    }
}

impl InputReport {
    /// The report on an input of which nothing is known yet.
    pub fn new(input: String) -> Self {
        InputReport {
            input,
            targets: Vec::new(),
            kind: None,
            status: Status::Unchanged,
            output: None,
            file_name: None,
            size_before: None,
            size_after: None,
            sha256: None,
            precompressed: Vec::new(),
            notices: Vec::new(),
            modules: Vec::new(),
            error: None,
        }
    }

    /// Adds what a part of it is for.
    pub fn add_targets(&mut self, targets: Vec<String>) {
        let new: Vec<String> = targets.into_iter().filter(|name| !self.targets.contains(name)).collect();
        self.targets.extend(new);
    }

    /// How many of its modules were changed.
    pub fn modules_changed(&self) -> usize {
        self.modules.iter().filter(|module| module.status == Status::Upgraded).count()
    }

    /// Says that nothing of it was written after all.
    pub fn not_written(&mut self) {
        self.output = None;
        self.precompressed.clear();
    }

    /// Records that the input failed. What is known of it so far stays, but for the result that it did not get.
    pub fn fail(&mut self, error: &anyhow::Error) {
        self.status = if is_refusal(error) { Status::Refused } else { Status::Error };
        let mut failure = Failure::from(error);
        // Errors in archives begin with the file name, and it is told anyway which input failed.
        if let Some(message) =
            Path::new(&self.input).file_name().and_then(|name| strip_name(&failure.message, &name.to_string_lossy()))
        {
            failure.message = message;
        }
        self.error = Some(failure);
        self.output = None;
        self.file_name = None;
        self.size_after = None;
        self.sha256 = None;
        self.precompressed.clear();
    }
}

impl From<&anyhow::Error> for Failure {
    fn from(error: &anyhow::Error) -> Self {
        let offset = error.chain().find_map(|cause| match cause.downcast_ref() {
            Some(Error::Malformed { offset, .. }) => Some(*offset),
            _ => None,
        });
        Failure { code: failure::code(error).name, message: format!("{error:#}"), offset }
    }
}

fn strip_name(message: &str, name: &str) -> Option<String> {
    message.strip_prefix(name)?.strip_prefix(": ").map(str::to_string)
}

pub(crate) fn is_refusal(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| matches!(cause.downcast_ref(), Some(Error::Refused { .. })))
}

/// The passes over several modules, added up by name: counts add, equal reasons add, equal notices appear once.
pub(crate) fn sum_up(modules: &[ModuleReport]) -> Vec<PassReport> {
    let mut sums: IndexMap<&str, PassReport> = IndexMap::new();
    // Where each reason stands, and which notices and names there are.
    let mut left_at: HashMap<(&str, &str, &str), usize> = HashMap::new();
    let mut noticed: HashSet<(&str, &NoticeReport)> = HashSet::new();
    let mut named: HashSet<(&str, &str, &str)> = HashSet::new();
    for pass in modules.iter().flat_map(|module| &module.passes) {
        let sum = sums.entry(&pass.pass).or_insert_with(|| PassReport {
            pass: pass.pass.clone(),
            changed: IndexMap::new(),
            names: IndexMap::new(),
            left: Vec::new(),
            notices: Vec::new(),
        });
        for (what, count) in &pass.changed {
            *sum.changed.entry(what).or_default() += count;
        }
        for (what, names) in &pass.names {
            let new = names.iter().filter(|name| named.insert((&pass.pass, what, name)));
            sum.names.entry(what).or_default().extend(new.cloned());
        }
        for left in &pass.left {
            let at = *left_at.entry((&pass.pass, left.what, &left.why)).or_insert_with(|| {
                sum.left.push(LeftReport { count: 0, ..left.clone() });
                sum.left.len() - 1
            });
            sum.left[at].count += left.count;
        }
        sum.notices.extend(pass.notices.iter().filter(|notice| noticed.insert((&pass.pass, *notice))).cloned());
    }
    sums.into_values().collect()
}
