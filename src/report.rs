//! What was done, as data, as JSON and as text.
//!
//! The JSON form is an interface: `docs/report.md` describes it, and [`SCHEMA_VERSION`] grows when a member changes its meaning or
//! goes away. New members may appear at any time.

use crate::plain::{plain, plural};
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::path::Path;

use anstyle::{AnsiColor, Style};
use indexmap::IndexMap;
use indicatif::HumanBytes;
use serde::Serialize;
use wasm_pyfix_passes::{Error, Outcome};

use crate::input::Kind;
use crate::pipeline::ModuleResult;
use crate::wheel;

/// Version of the JSON form.
pub const SCHEMA_VERSION: u32 = 1;

/// The report on one run.
#[derive(Debug, Clone, Serialize)]
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
    /// The copy of the lock file, when one was asked for and a wheel or archive is in it.
    pub lock: Option<String>,
    /// The packages of the lock file that do not fit the target.
    pub lock_unfit: Vec<String>,
    /// What the user should know about the run, a sentence each.
    pub notices: Vec<String>,
    /// What failed after the inputs were done, such as writing the lock file.
    pub error: Option<Failure>,
}

/// Who made the report.
#[derive(Debug, Clone, Serialize)]
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
    /// What the user should know about the result, a sentence each.
    pub notices: Vec<String>,
    /// The side modules in it; for a module, itself.
    pub modules: Vec<ModuleReport>,
    pub error: Option<Failure>,
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
    /// What was changed, and how many times.
    pub changed: IndexMap<String, usize>,
    pub left: Vec<LeftReport>,
    pub notices: Vec<String>,
}

/// Something that a pass left alone.
#[derive(Debug, Clone, Serialize)]
pub struct LeftReport {
    pub what: String,
    pub why: String,
    pub count: usize,
}

/// Why an input failed.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    pub message: String,
    /// Byte offset in the module, where the error has one.
    pub offset: Option<u64>,
}

impl From<&Outcome> for PassReport {
    fn from(outcome: &Outcome) -> Self {
        let left = outcome.left.iter().map(|left| LeftReport { what: left.what.clone(), why: left.why.clone(), count: left.count });
        PassReport {
            pass: outcome.pass.to_string(),
            changed: outcome.changed.clone(),
            left: left.collect(),
            notices: outcome.notices.clone(),
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
            notices: Vec::new(),
            modules: Vec::new(),
            error: None,
        }
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
    }
}

impl From<&anyhow::Error> for Failure {
    fn from(error: &anyhow::Error) -> Self {
        let offset = error.chain().find_map(|cause| match cause.downcast_ref() {
            Some(Error::Malformed { offset, .. }) => Some(*offset),
            _ => None,
        });
        Failure { message: format!("{error:#}"), offset }
    }
}

fn strip_name(message: &str, name: &str) -> Option<String> {
    message.strip_prefix(name)?.strip_prefix(": ").map(str::to_string)
}

fn is_refusal(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| matches!(cause.downcast_ref(), Some(Error::Refused(_))))
}

/// How much text is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// A few lines per input.
    Normal,
    /// Every module and every pass.
    Verbose,
}

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const SUCCESS: Style = AnsiColor::Green.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// Writes `style`d text; what `out` is decides whether the style shows.
fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

impl Report {
    /// Writes what there is to know about the run as a whole.
    pub fn write_notices(&self, out: &mut dyn Write, verbosity: Verbosity) -> io::Result<()> {
        let notices = self.notices.iter().filter(|_| verbosity != Verbosity::Quiet);
        notices.into_iter().try_for_each(|notice| writeln!(out, "{}: {}", styled(WARNING, "note"), plain(notice)))
    }
}

/// Writes an error that belongs to no input.
pub fn write_failure(out: &mut dyn Write, failure: &Failure) -> io::Result<()> {
    writeln!(out, "{}: {}", styled(ERROR, "error"), plain(&failure.message))
}

impl InputReport {
    /// Writes the report as text.
    pub fn write_text(&self, out: &mut dyn Write, verbosity: Verbosity, dry_run: bool) -> io::Result<()> {
        if let Some(failure) = &self.error {
            let label = if self.status == Status::Refused { "refused" } else { "error" };
            return writeln!(out, "{}: {}: {}", styled(ERROR, label), plain(&self.input), plain(&failure.message));
        }
        if verbosity == Verbosity::Quiet {
            return Ok(());
        }
        self.write_headline(out, dry_run)?;
        match verbosity {
            Verbosity::Verbose => self.modules.iter().try_for_each(|module| write_module(out, module))?,
            _ => write_passes(out, &sum_up(&self.modules), "  ")?,
        }
        for notice in &self.notices {
            writeln!(out, "  {}: {}", styled(WARNING, "note"), plain(notice))?;
        }
        match (&self.sha256, self.kind) {
            (Some(hash), Some(Kind::Wheel | Kind::Archive)) => writeln!(out, "  {}", styled(DIM, &format!("sha256 {hash}"))),
            _ => Ok(()),
        }
    }

    fn write_headline(&self, out: &mut dyn Write, dry_run: bool) -> io::Result<()> {
        let label = match (self.status, dry_run) {
            (Status::Upgraded, false) => "upgraded",
            (Status::Upgraded, true) => "would upgrade",
            _ => "unchanged",
        };
        let input = if self.input == "-" { "standard input" } else { &plain(&self.input) };
        write!(out, "{} {input}", styled(SUCCESS, label))?;
        if let Some(output) = self.output.as_ref().filter(|output| **output != self.input || *output == "-") {
            let output = if output == "-" { "standard output" } else { &plain(output) };
            write!(out, " -> {output}")?;
        }
        let mut facts = Vec::new();
        if matches!(self.kind, Some(Kind::Wheel | Kind::Archive)) {
            let upgraded = self.modules.iter().filter(|module| module.status == Status::Upgraded).count();
            facts.push(format!("{upgraded} of {} {} changed", self.modules.len(), plural(self.modules.len(), "module")));
        }
        if let (Some(before), Some(after)) = (self.size_before, self.size_after) {
            facts.push(sizes(before, after));
        }
        writeln!(out, " ({})", facts.join(", "))
    }
}

fn sizes(before: u64, after: u64) -> String {
    if before == after { HumanBytes(after).to_string() } else { format!("{} -> {}", HumanBytes(before), HumanBytes(after)) }
}

fn write_module(out: &mut dyn Write, module: &ModuleReport) -> io::Result<()> {
    let Some(path) = &module.path else {
        return write_passes(out, &module.passes, "  ");
    };
    let label = match (module.status, &module.grafted_from) {
        (_, Some(_)) => "added",
        (Status::Upgraded, None) => "upgraded",
        _ => "unchanged",
    };
    writeln!(out, "  {label} {} ({})", plain(path), sizes(module.size_before, module.size_after))?;
    write_passes(out, &module.passes, "    ")
}

fn write_passes(out: &mut dyn Write, passes: &[PassReport], indent: &str) -> io::Result<()> {
    for pass in passes {
        if !pass.changed.is_empty() {
            let changed: Vec<String> = pass.changed.iter().map(|(what, count)| format!("{count} {what}")).collect();
            writeln!(out, "{indent}{}: {}", pass.pass, plain(&changed.join(", ")))?;
        }
        for left in &pass.left {
            writeln!(out, "{indent}{}: left {} {}: {}", pass.pass, left.count, plain(&left.what), plain(&left.why))?;
        }
        for notice in &pass.notices {
            writeln!(out, "{indent}{}: {}", styled(WARNING, "note"), plain(notice))?;
        }
    }
    Ok(())
}

/// The passes over several modules, added up by name: counts add, equal reasons add, equal notices appear once.
pub(crate) fn sum_up(modules: &[ModuleReport]) -> Vec<PassReport> {
    let mut sums: IndexMap<&str, PassReport> = IndexMap::new();
    // Where each reason stands, and which notices there are.
    let mut left_at: HashMap<(&str, &str, &str), usize> = HashMap::new();
    let mut noticed: HashSet<(&str, &str)> = HashSet::new();
    for pass in modules.iter().flat_map(|module| &module.passes) {
        let sum = sums.entry(&pass.pass).or_insert_with(|| PassReport {
            pass: pass.pass.clone(),
            changed: IndexMap::new(),
            left: Vec::new(),
            notices: Vec::new(),
        });
        for (what, count) in &pass.changed {
            *sum.changed.entry(what.clone()).or_default() += count;
        }
        for left in &pass.left {
            let at = *left_at.entry((&pass.pass, &left.what, &left.why)).or_insert_with(|| {
                sum.left.push(LeftReport { count: 0, ..left.clone() });
                sum.left.len() - 1
            });
            sum.left[at].count += left.count;
        }
        sum.notices.extend(pass.notices.iter().filter(|notice| noticed.insert((&pass.pass, notice))).cloned());
    }
    sums.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_pyfix_passes::Left;

    fn outcome(pass: &'static str, calls: usize) -> Outcome {
        let mut outcome = Outcome::new(pass);
        outcome.count("invoke calls", calls);
        outcome.leave("import", "its type is unknown");
        outcome.notices.push("sections with code offsets were dropped".to_string());
        outcome
    }

    fn input(modules: Vec<ModuleReport>) -> InputReport {
        let mut report = InputReport::new("in.whl".to_string());
        report.kind = Some(Kind::Wheel);
        report.status = Status::Upgraded;
        report.output = Some("out.whl".to_string());
        (report.size_before, report.size_after) = (Some(2048), Some(1024));
        report.sha256 = Some("abcd".to_string());
        report.modules = modules;
        report
    }

    fn module(path: &str, outcomes: Vec<Outcome>) -> ModuleReport {
        ModuleReport::from(&wheel::ModuleReport {
            path: path.to_string(),
            renamed_to: None,
            grafted_from: None,
            input_size: 10,
            output_size: 20,
            outcomes,
        })
    }

    fn text(report: &InputReport, verbosity: Verbosity) -> String {
        let mut out = anstream::StripStream::new(Vec::new());
        report.write_text(&mut out, verbosity, false).unwrap();
        String::from_utf8(out.into_inner()).unwrap()
    }

    #[test]
    fn passes_add_up_over_modules() {
        let modules = vec![module("a.so", vec![outcome("exceptions", 2)]), module("b.so", vec![outcome("exceptions", 3)])];
        let expected = "\
upgraded in.whl -> out.whl (2 of 2 modules changed, 2.00 KiB -> 1.00 KiB)
  exceptions: 5 invoke calls
  exceptions: left 2 import: its type is unknown
  note: sections with code offsets were dropped
  sha256 abcd
";
        assert_eq!(text(&input(modules), Verbosity::Normal), expected);
    }

    #[test]
    fn verbose_text_tells_modules_apart() {
        let modules = vec![module("a.so", vec![outcome("exceptions", 2)]), module("b.so", vec![Outcome::new("dylink")])];
        let expected = "\
upgraded in.whl -> out.whl (1 of 2 modules changed, 2.00 KiB -> 1.00 KiB)
  upgraded a.so (10 B -> 20 B)
    exceptions: 2 invoke calls
    exceptions: left 1 import: its type is unknown
    note: sections with code offsets were dropped
  unchanged b.so (10 B -> 20 B)
  sha256 abcd
";
        assert_eq!(text(&input(modules), Verbosity::Verbose), expected);
        assert_eq!(text(&input(Vec::new()), Verbosity::Quiet), "");
    }

    #[test]
    fn failures_tell_refusals_from_errors_and_keep_the_offset() {
        let mut report = input(Vec::new());
        let refused = anyhow::Error::from(Error::Refused("asyncify".to_string())).context("entry `a.so`").context("in.whl");
        report.fail(&refused);
        assert_eq!((report.status, report.output.as_ref()), (Status::Refused, None));
        assert_eq!(text(&report, Verbosity::Quiet), "refused: in.whl: entry `a.so`: asyncify\n");
        report.fail(&anyhow::Error::from(Error::malformed(16, "cut off")).context("entry `a.so`"));
        assert_eq!(text(&report, Verbosity::Quiet), "error: in.whl: entry `a.so`: cut off (at offset 0x10)\n");
        assert_eq!((report.status, report.error.and_then(|failure| failure.offset)), (Status::Error, Some(16)));
    }

    /// The integration test of the documentation sees no pass that left something.
    #[test]
    fn members_of_passes_are_documented() {
        let left = Left { what: "import".to_string(), why: "no type".to_string(), count: 1 };
        let outcome = Outcome { left: vec![left], ..Outcome::new("exceptions") };
        let value = serde_json::to_value(PassReport::from(&outcome)).unwrap();
        let documentation = include_str!("../docs/report.md");
        let members = value.as_object().unwrap().keys().chain(value["left"][0].as_object().unwrap().keys());
        for member in members {
            assert!(documentation.contains(&format!("| `{member}` |")), "`{member}` is not in docs/report.md");
        }
    }
}
