//! Findings as JSON and as text. The JSON form is an interface, described in `docs/check.md`.

use super::Finding;
use crate::abi3::Audit;
use crate::codes::{Severity, Upgrade};
use crate::input::Kind;
use crate::plain::{Paper, first_names, plain, plural};
use crate::report::{TOOL, Tool};
use crate::target::{self, Target};
use anstyle::{AnsiColor, Style};
use indicatif::HumanBytes;
use serde::{Serialize, Serializer};
use std::io::{self, Write};

/// Version of the JSON form.
pub const SCHEMA_VERSION: u32 = 1;

/// How many findings of one code in one file the text shows.
const SHOWN: usize = 10;

/// The report on one run.
#[derive(Debug, Serialize)]
pub struct Report {
    pub schema_version: u32,
    pub tool: Tool,
    #[serde(serialize_with = "name_of")]
    pub target: &'static Target,
    /// Whether warnings count as errors.
    pub strict: bool,
    pub exit_code: i32,
    pub inputs: Vec<InputReport>,
    /// All inputs together.
    pub totals: Totals,
    /// Whether they are a whole distribution.
    #[serde(skip)]
    pub whole: bool,
}

/// All inputs together.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Totals {
    pub inputs: usize,
    /// Side modules that were read.
    pub modules: usize,
    /// Bytes of these.
    pub size: u64,
}

/// The reports on one run against several targets.
#[derive(Debug, Serialize)]
pub struct Reports {
    pub schema_version: u32,
    pub tool: Tool,
    /// The worst of all reports.
    pub exit_code: i32,
    pub reports: Vec<Report>,
}

impl Reports {
    /// The reports of a run that ends with `exit_code`.
    pub fn new(reports: Vec<Report>, exit_code: i32) -> Self {
        Reports { schema_version: SCHEMA_VERSION, tool: TOOL, exit_code, reports }
    }
}

/// The findings in one input.
#[derive(Debug, Serialize)]
pub struct InputReport {
    /// As on the command line.
    pub input: String,
    /// `None` when it was not recognised.
    pub kind: Option<Kind>,
    pub findings: Vec<FindingReport>,
    /// The audits of the modules of an `abi3` wheel that use Python.
    pub abi3: Vec<AuditReport>,
}

/// A finding, with what to do about it.
#[derive(Debug, Serialize)]
pub struct FindingReport {
    pub code: &'static str,
    pub severity: Severity,
    pub path: Option<String>,
    pub symbol: Option<String>,
    pub message: String,
    pub prevents: Option<String>,
    pub remedy: String,
    /// Whether `upgrade` makes it right.
    pub fixable: bool,
}

/// The audit of one module of an `abi3` wheel.
#[derive(Debug, Serialize)]
pub struct AuditReport {
    pub name: String,
    pub result: Audit,
}

impl InputReport {
    /// The report on `findings` in an input.
    pub fn new(input: String, kind: Option<Kind>, findings: Vec<Finding>, abi3: Vec<AuditReport>, target: &Target) -> Self {
        let upgradable = findings.iter().all(|finding| finding.upgrade != Upgrade::Refuses);
        let report = |finding: Finding| {
            let fixable = upgradable && finding.upgrade == Upgrade::Fixes;
            FindingReport {
                code: finding.code.name,
                severity: finding.severity,
                path: finding.path,
                symbol: finding.symbol,
                message: finding.message,
                prevents: finding.prevents,
                remedy: if fixable { format!("`{}` fixes this", command(&input, target)) } else { finding.code.remedy.to_string() },
                fixable,
            }
        };
        let findings = findings.into_iter().map(report).collect();
        InputReport { input, kind, findings, abi3 }
    }
}

/// The command line that upgrades an input.
fn command(input: &str, target: &Target) -> String {
    let asked = if target.name == target::DEFAULT { String::new() } else { format!(" --target {}", target.name) };
    format!("wasm-pyfix {input} -o OUT{asked}")
}

impl Report {
    /// A report without inputs.
    pub fn new(target: &'static Target, strict: bool, whole: bool) -> Self {
        let (inputs, totals) = (Vec::new(), Totals::default());
        Report { schema_version: SCHEMA_VERSION, tool: TOOL, target, strict, exit_code: 0, inputs, totals, whole }
    }

    /// The least severity that makes the run fail.
    pub fn threshold(&self) -> Severity {
        if self.strict { Severity::Warning } else { Severity::Error }
    }

    /// All findings.
    pub fn findings(&self) -> impl Iterator<Item = &FindingReport> {
        self.inputs.iter().flat_map(|input| &input.findings)
    }

    /// Writes the report as text; with `quiet` only what makes the run fail, with `verbose` every symbol.
    pub fn write_text(&self, out: &mut dyn Write, paper: Paper, quiet: bool, verbose: bool) -> io::Result<()> {
        for input in &self.inputs {
            let shown = input.findings.iter().filter(|finding| !quiet || finding.severity <= self.threshold());
            let mut shown: Vec<&FindingReport> = shown.collect();
            shown.sort_by_key(|finding| finding.severity);
            if !shown.is_empty() {
                writeln!(out, "{}", plain(&input.input))?;
            }
            for group in shown.chunk_by(|a, b| (a.code, a.severity, &a.path) == (b.code, b.severity, &b.path)) {
                write_group(out, paper, group, if verbose { usize::MAX } else { SHOWN })?;
            }
            let fixable = shown.iter().filter(|finding| finding.fixable).count();
            if fixable > 0 {
                let count =
                    if fixable == shown.len() { "it".to_string() } else { format!("{fixable} of these {} findings", shown.len()) };
                let line = format!("`{}` fixes {count}", command(&input.input, self.target));
                paper.write(out, "  ", Style::new(), "", &line)?;
            }
        }
        if quiet { Ok(()) } else { self.write_summary(out, paper) }
    }

    fn write_summary(&self, out: &mut dyn Write, paper: Paper) -> io::Result<()> {
        let count = |severity: Severity| self.findings().filter(|finding| finding.severity == severity).count();
        let counts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
            .into_iter()
            .map(|severity| (count(severity), severity.name()))
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| format!("{count} {}", plural(count, name)))
            .collect();
        let inputs = self.inputs.len();
        let found = if counts.is_empty() { "nothing found".to_string() } else { counts.join(", ") };
        let preliminary = if self.target.preliminary { " (preliminary)" } else { "" };
        let Totals { modules, size, .. } = self.totals;
        let contents = match self.whole {
            true => format!(" ({modules} {}, {})", plural(modules, "module"), HumanBytes(size)),
            false => String::new(),
        };
        let files = plural(inputs, "file");
        let line = format!("{inputs} {files}{contents} checked against {}{preliminary}: {found}", self.target.name);
        paper.write(out, "", Style::new(), "", &line)
    }
}

/// Writes findings of one code in one file, with `limit` symbols at most.
fn write_group(out: &mut dyn Write, paper: Paper, group: &[&FindingReport], limit: usize) -> io::Result<()> {
    let Some(first) = group.first() else { return Ok(()) };
    let style = match first.severity {
        Severity::Error => AnsiColor::Red.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default().bold(),
        Severity::Note => Style::new().bold(),
    };
    let place = first.path.as_ref().map_or(String::new(), |path| format!(" {path}"));
    let label = format!("{}[{}]", first.severity.name(), first.code);
    let mut write = |message: &str| paper.write(out, "  ", style, &label, &format!(":{place} {message}"));
    match in_one_sentence(group, limit) {
        Some(message) => write(&message)?,
        None => {
            let alike: Vec<&[&FindingReport]> = group.chunk_by(|a, b| are_alike(a, b)).collect();
            let mut sentences =
                alike.iter().take(limit).map(|alike| in_one_sentence(alike, limit).unwrap_or_else(|| alike[0].message.clone()));
            sentences.try_for_each(|sentence| write(&sentence))?;
            let more: usize = alike.iter().skip(limit).map(|alike| alike.len()).sum();
            if more > 0 {
                writeln!(out, "    and {more} more of them")?;
            }
        }
    }
    if let Some(prevents) = &first.prevents {
        paper.write(out, "    ", Style::new(), "", &format!("the runtime says: {prevents}"))?;
    }
    if first.fixable { Ok(()) } else { paper.write(out, "    ", Style::new(), "", &format!("what to do: {}", first.remedy)) }
}

/// Whether two findings differ in the symbol and in nothing else.
fn are_alike(a: &FindingReport, b: &FindingReport) -> bool {
    let (Some((before, symbol, after)), Some((other_before, other, other_after))) = (parts(a), parts(b)) else { return false };
    (before, after) == (other_before, other_after) && symbol != other
}

/// The message of a finding before its symbol, the symbol, and what follows.
fn parts(finding: &FindingReport) -> Option<(String, String, String)> {
    let symbol = format!("`{}`", finding.symbol.as_ref()?);
    let (before, after) = finding.message.split_once(&symbol)?;
    Some((before.to_string(), symbol.clone(), after.to_string()))
}

/// The message of findings that differ in nothing but the symbol, with all symbols in the place of the one.
fn in_one_sentence(group: &[&FindingReport], limit: usize) -> Option<String> {
    let parts: Vec<_> = group.iter().map(|finding| parts(finding)).collect::<Option<_>>()?;
    let (before, _, after) = parts.first()?;
    if parts.iter().any(|(b, _, a)| (b, a) != (before, after)) {
        return None;
    }
    let symbols = first_names(parts.iter().map(|(_, symbol, _)| symbol), limit);
    Some(format!("{before}{symbols}{after}"))
}

fn name_of<S: Serializer>(target: &&'static Target, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(target.name)
}
