//! The report as text: one line for each input and what the reader may have to act on, in between nothing. With `-v` each module, what each
//! pass did and left, and the notes, too.
//!
//! Lines are as long as they come, but on a terminal, whose width they keep to.

use super::{Failure, InputReport, ModuleReport, NoticeReport, PassReport, Report, Status, Totals, sum_up};
use crate::codes::Severity;
use crate::input::Kind;
use crate::plain::{Paper, plural};
use anstyle::{AnsiColor, Style};
use indicatif::HumanBytes;
use std::io::{self, Write};

/// How much text is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// A line for each input, and warnings.
    Normal,
    /// Every module and every pass.
    Verbose,
}

pub const ERROR: Style = AnsiColor::Red.on_default().bold();
pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();
pub const SUCCESS: Style = AnsiColor::Green.on_default().bold();
const NOTE: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Writes an error that belongs to no input.
pub fn write_failure(out: &mut dyn Write, paper: Paper, failure: &Failure) -> io::Result<()> {
    let label = format!("error[{}]", failure.code);
    paper.write(out, "", ERROR, &label, &format!(": {}", failure.message))
}

impl InputReport {
    /// Writes the report on an input.
    pub fn write_text(&self, out: &mut dyn Write, paper: Paper, verbosity: Verbosity, dry_run: bool) -> io::Result<()> {
        if let Some(failure) = &self.error {
            let label = if self.status == Status::Refused { "refused" } else { "error" };
            let label = format!("{label}[{}]", failure.code);
            return paper.write(out, "", ERROR, &label, &format!(": {}: {}", self.input, failure.message));
        }
        if verbosity == Verbosity::Quiet {
            return Ok(());
        }
        self.write_headline(out, paper, dry_run)?;
        let verbose = verbosity == Verbosity::Verbose;
        if verbose {
            self.modules.iter().try_for_each(|module| write_module(out, paper, module))?;
        } else {
            let passes = sum_up(&self.modules);
            passes.iter().try_for_each(|pass| write_notices(out, paper, "  ", &pass.notices, verbose))?;
        }
        write_notices(out, paper, "  ", &self.notices, verbose)?;
        match (&self.sha256, self.kind) {
            (Some(hash), Some(Kind::Wheel | Kind::Archive)) if verbose => {
                paper.write(out, "  ", DIM, &format!("sha256 {hash}"), "")
            }
            _ => Ok(()),
        }
    }

    fn write_headline(&self, out: &mut dyn Write, paper: Paper, dry_run: bool) -> io::Result<()> {
        let label = match (self.status, dry_run) {
            (Status::Upgraded, false) => "upgraded",
            (Status::Upgraded, true) => "would upgrade",
            _ => "unchanged",
        };
        let mut line = format!(" {}", if self.input == "-" { "standard input" } else { &self.input });
        if let Some(output) = self.output.as_ref().filter(|output| **output != self.input || *output == "-") {
            line += &format!(" -> {}", if output == "-" { "standard output" } else { output });
        }
        let mut facts = Vec::new();
        if matches!(self.kind, Some(Kind::Wheel | Kind::Archive | Kind::Directory)) {
            let count = self.modules.len();
            facts.push(format!("{} of {count} {} changed", self.modules_changed(), plural(count, "module")));
        }
        if let (Some(before), Some(after)) = (self.size_before, self.size_after) {
            facts.push(sizes(before, after));
        }
        paper.write(out, "", SUCCESS, label, &format!("{line} ({})", facts.join(", ")))
    }
}

impl Report {
    /// Writes what there is to know about the run as a whole.
    pub fn write_run_notices(&self, out: &mut dyn Write, paper: Paper, verbosity: Verbosity) -> io::Result<()> {
        if verbosity == Verbosity::Quiet {
            return Ok(());
        }
        write_notices(out, paper, "", &self.notices, true)
    }

    /// Writes a line on all inputs together, if there are several.
    pub fn write_closing(&self, out: &mut dyn Write, paper: Paper) -> io::Result<()> {
        let Totals { inputs, upgraded, unchanged, refused, errors, size_before, size_after, .. } = self.totals;
        if inputs < 2 {
            return Ok(());
        }
        let outcomes = [(upgraded, "upgraded"), (unchanged, "unchanged"), (refused, "refused"), (errors, "failed")];
        let outcomes = outcomes.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
        let mut line = format!(": {}", outcomes.collect::<Vec<_>>().join(", "));
        if upgraded + unchanged > 0 {
            line += &format!("; {}", sizes(size_before, size_after));
            line += &change(size_before, size_after).map_or(String::new(), |change| format!(", {change}"));
        }
        let dry = if self.dry_run { " (dry run)" } else { "" };
        paper.write(out, "", NOTE, &format!("{inputs} inputs"), &format!("{line}{dry}"))
    }
}

/// `1.20 KiB -> 1.10 KiB`, or one size if it stays.
pub fn sizes(before: u64, after: u64) -> String {
    if before == after { HumanBytes(after).to_string() } else { format!("{} -> {}", HumanBytes(before), HumanBytes(after)) }
}

/// By how much a size has changed; `None` if there is nothing to compare with, or no change.
pub(super) fn change(before: u64, after: u64) -> Option<String> {
    growth(before, after).map(|growth| format!("{growth} %"))
}

/// The same without the sign for per cent: `+1.5`.
pub fn growth(before: u64, after: u64) -> Option<String> {
    (before > 0 && before != after).then(|| format!("{:+.1}", percent(before, after)))
}

pub fn percent(before: u64, after: u64) -> f64 {
    if before == 0 { 0.0 } else { (after as f64 - before as f64) * 100.0 / before as f64 }
}

fn write_module(out: &mut dyn Write, paper: Paper, module: &ModuleReport) -> io::Result<()> {
    let Some(path) = &module.path else {
        return write_passes(out, paper, "  ", &module.passes);
    };
    let label = match (module.status, &module.grafted_from) {
        (_, Some(_)) => "added",
        (Status::Upgraded, None) => "upgraded",
        _ => "unchanged",
    };
    let line = format!("{label} {path} ({})", sizes(module.size_before, module.size_after));
    paper.write(out, "  ", Style::new(), "", &line)?;
    write_passes(out, paper, "    ", &module.passes)
}

fn write_passes(out: &mut dyn Write, paper: Paper, indent: &str, passes: &[PassReport]) -> io::Result<()> {
    for pass in passes {
        if !pass.changed.is_empty() {
            let changed = pass.changed.iter().map(|(key, count)| format!("{count} {}", pass.words(key, *count)));
            let line = format!("{}: {}", pass.pass, changed.collect::<Vec<_>>().join(", "));
            paper.write(out, indent, Style::new(), "", &line)?;
        }
        for left in &pass.left {
            let line = format!("{}: left {} {}: {}", pass.pass, left.count, plural(left.count, left.what), left.why);
            paper.write(out, indent, Style::new(), "", &line)?;
        }
        write_notices(out, paper, indent, &pass.notices, true)?;
    }
    Ok(())
}

/// Writes the warnings, and with `notes` the notes, too.
fn write_notices(out: &mut dyn Write, paper: Paper, indent: &str, notices: &[NoticeReport], notes: bool) -> io::Result<()> {
    for notice in notices.iter().filter(|notice| notes || notice.severity != Severity::Note) {
        let style = if notice.severity == Severity::Note { NOTE } else { WARNING };
        paper.write(out, indent, style, &notice.label(), &format!(": {}", notice.message))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wheel;
    use wasm_pyfix_passes::{Error, Kept, Notice, Outcome};

    fn outcome(pass: &'static str, calls: usize) -> Outcome {
        let mut outcome = Outcome::new(pass);
        outcome.count("call_sites", calls);
        outcome.leave(Kept::Import, "its type is unknown");
        outcome.notices.push(Notice::note("dropped-sections", "sections with code offsets were dropped"));
        outcome.notices.push(Notice::warning("unknown-symbol", "another library must offer `f`"));
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

    fn text(report: &InputReport, paper: Paper, verbosity: Verbosity) -> String {
        let mut out = anstream::StripStream::new(Vec::new());
        report.write_text(&mut out, paper, verbosity, false).unwrap();
        String::from_utf8(out.into_inner()).unwrap()
    }

    #[test]
    fn one_line_and_what_to_act_on() {
        let modules = vec![module("a.so", vec![outcome("exceptions", 2)]), module("b.so", vec![outcome("exceptions", 3)])];
        let expected = "\
upgraded in.whl -> out.whl (2 of 2 modules changed, 2.00 KiB -> 1.00 KiB)
  warning[unknown-symbol]: another library must offer `f`
";
        assert_eq!(text(&input(modules), Paper::ENDLESS, Verbosity::Normal), expected);
    }

    #[test]
    fn passes_add_up_over_modules() {
        let sum = sum_up(&[module("a.so", vec![outcome("exceptions", 2)]), module("b.so", vec![outcome("exceptions", 3)])]);
        let left: Vec<_> = sum[0].left.iter().map(|left| (left.code, left.count)).collect();
        assert_eq!((sum.len(), sum[0].changed["call_sites"], sum[0].notices.len(), left), (1, 5, 2, vec![("kept-import", 2)]));
    }

    #[test]
    fn verbose_text_tells_modules_apart() {
        let modules = vec![module("a.so", vec![outcome("exceptions", 1)]), module("b.so", vec![Outcome::new("dylink")])];
        let expected = "\
upgraded in.whl -> out.whl (1 of 2 modules changed, 2.00 KiB -> 1.00 KiB)
  upgraded a.so (10 B -> 20 B)
    exceptions: 1 call site
    exceptions: left 1 import: its type is unknown
    note[dropped-sections]: sections with code offsets were dropped
    warning[unknown-symbol]: another library must offer `f`
  unchanged b.so (10 B -> 20 B)
  sha256 abcd
";
        assert_eq!(text(&input(modules), Paper::ENDLESS, Verbosity::Verbose), expected);
        assert_eq!(text(&input(Vec::new()), Paper::ENDLESS, Verbosity::Quiet), "");
    }

    #[test]
    fn lines_keep_to_the_width_of_a_terminal() {
        let modules = vec![module("a.so", vec![outcome("exceptions", 2)])];
        let expected = "\
upgraded in.whl -> out.whl (1 of 1 module
  changed, 2.00 KiB -> 1.00 KiB)
  warning[unknown-symbol]: another library
    must offer `f`
";
        assert_eq!(text(&input(modules), Paper { width: Some(42) }, Verbosity::Normal), expected);
    }

    #[test]
    fn failures_tell_refusals_from_errors_and_keep_the_offset() {
        let mut report = input(Vec::new());
        let refused = anyhow::Error::from(Error::refused("asyncify", "made by asyncify")).context("entry `a.so`").context("in.whl");
        report.fail(&refused);
        assert_eq!((report.status, report.output.as_ref()), (Status::Refused, None));
        let shown = |report: &InputReport| text(report, Paper::ENDLESS, Verbosity::Quiet);
        assert_eq!(shown(&report), "refused[asyncify]: in.whl: entry `a.so`: made by asyncify\n");
        report.fail(&anyhow::Error::from(Error::malformed(16, "cut off")).context("entry `a.so`"));
        assert_eq!(shown(&report), "error[invalid-module]: in.whl: entry `a.so`: cut off (at offset 0x10)\n");
        assert_eq!((report.status, report.error.and_then(|failure| failure.offset)), (Status::Error, Some(16)));
    }

    #[test]
    fn several_inputs_get_a_closing_line() {
        let mut failed = input(Vec::new());
        failed.fail(&anyhow::anyhow!("gone"));
        let closing = |inputs: Vec<InputReport>| {
            let report = Report { totals: Totals::new(&inputs), inputs, ..Report::default() };
            let mut out = anstream::StripStream::new(Vec::new());
            report.write_closing(&mut out, Paper::ENDLESS).unwrap();
            String::from_utf8(out.into_inner()).unwrap()
        };
        assert_eq!(closing(vec![input(Vec::new())]), "");
        let expected = "3 inputs: 2 upgraded, 1 failed; 4.00 KiB -> 2.00 KiB, -50.0 %\n";
        assert_eq!(closing(vec![input(Vec::new()), failed.clone(), input(Vec::new())]), expected);
        assert_eq!(closing(vec![failed.clone(), failed]), "2 inputs: 2 failed\n");
    }
}
