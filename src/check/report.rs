//! Findings as JSON and as text. The JSON form is an interface, described in `docs/check.md`.

use super::Finding;
use super::codes::Severity;
use crate::input::Kind;
use crate::report::{TOOL, Tool};
use anstyle::{AnsiColor, Style};
use serde::{Serialize, Serializer};
use std::io::{self, Write};

/// Version of the JSON form.
pub const SCHEMA_VERSION: u32 = 1;

/// The report on one run.
#[derive(Debug, Serialize)]
pub struct Report {
    pub schema_version: u32,
    pub tool: Tool,
    /// Name of the target.
    pub target: String,
    /// Whether warnings count as errors.
    pub strict: bool,
    pub exit_code: i32,
    pub inputs: Vec<InputReport>,
}

/// The findings in one input.
#[derive(Debug, Serialize)]
pub struct InputReport {
    /// As on the command line.
    pub input: String,
    /// `None` when it was not recognised.
    pub kind: Option<Kind>,
    pub findings: Vec<Finding>,
}

impl Report {
    /// A report without inputs.
    pub fn new(target: &str, strict: bool) -> Self {
        Report { schema_version: SCHEMA_VERSION, tool: TOOL, target: target.to_string(), strict, exit_code: 0, inputs: Vec::new() }
    }

    /// How many findings have this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.inputs.iter().flat_map(|input| &input.findings).filter(|finding| finding.severity() == severity).count()
    }

    /// The least severity that makes the run fail.
    pub fn threshold(&self) -> Severity {
        if self.strict { Severity::Warning } else { Severity::Error }
    }

    /// Writes the report as text; with `quiet` only what makes the run fail.
    pub fn write_text(&self, out: &mut dyn Write, quiet: bool) -> io::Result<()> {
        for input in &self.inputs {
            let shown = input.findings.iter().filter(|finding| !quiet || finding.severity() <= self.threshold());
            for finding in shown {
                write_finding(out, &input.input, finding)?;
            }
        }
        if quiet { Ok(()) } else { self.write_summary(out) }
    }

    fn write_summary(&self, out: &mut dyn Write) -> io::Result<()> {
        let counts = [Severity::Error, Severity::Warning, Severity::Note].map(|severity| (severity, self.count(severity)));
        let counts: Vec<String> = (counts.into_iter())
            .filter(|(_, count)| *count > 0)
            .map(|(severity, count)| format!("{count} {}{}", severity.name(), if count == 1 { "" } else { "s" }))
            .collect();
        match counts.is_empty() {
            true => writeln!(out, "nothing found that would keep it from running on {}", self.target),
            false => writeln!(out, "{} (target {})", counts.join(", "), self.target),
        }
    }
}

fn write_finding(out: &mut dyn Write, input: &str, finding: &Finding) -> io::Result<()> {
    let style = match finding.severity() {
        Severity::Error => AnsiColor::Red.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default().bold(),
        Severity::Note => Style::new().bold(),
    };
    let place = finding.path.as_ref().map_or(input.to_string(), |path| format!("{input}: {path}"));
    writeln!(out, "{style}{}[{}]{style:#}: {place}: {}", finding.severity().name(), finding.code.name, finding.message)?;
    if let Some(prevents) = &finding.prevents {
        writeln!(out, "  the runtime says: {prevents}")?;
    }
    if let Some(remedy) = &finding.remedy {
        writeln!(out, "  what to do: {remedy}")?;
    }
    Ok(())
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut out = serializer.serialize_struct("Finding", 7)?;
        out.serialize_field("code", self.code.name)?;
        out.serialize_field("severity", &self.severity())?;
        out.serialize_field("path", &self.path)?;
        out.serialize_field("symbol", &self.symbol)?;
        out.serialize_field("message", &self.message)?;
        out.serialize_field("prevents", &self.prevents)?;
        out.serialize_field("remedy", &self.remedy)?;
        out.end()
    }
}
