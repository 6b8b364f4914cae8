//! The report as text.

use super::{Input, Report, Trial, Verdict};
use crate::plain::{Paper, first_names, plural};
use crate::report::text::{ERROR, SUCCESS, WARNING, write_failure};
use anstyle::Style;
use std::io::{self, Write};

/// So many differences are told of one wheel, unless all are asked for.
const SHOWN: usize = 10;

/// Writes `report`.
///
/// # Errors
/// What `out` returns.
pub fn write(out: &mut dyn Write, paper: Paper, report: &Report, verbose: bool) -> io::Result<()> {
    report.inputs.iter().try_for_each(|input| write_input(out, paper, input, verbose))?;
    if let Some(failure) = &report.error {
        write_failure(out, paper, failure)?;
    }
    Ok(())
}

fn write_input(out: &mut dyn Write, paper: Paper, input: &Input, verbose: bool) -> io::Result<()> {
    let (style, label) = match input.verdict {
        Verdict::Same => (SUCCESS, "same"),
        Verdict::Better => (SUCCESS, "better"),
        Verdict::Worse => (ERROR, "worse"),
        Verdict::Refused => (ERROR, "refused"),
        Verdict::Error => (ERROR, "error"),
    };
    if let Some(failure) = &input.error {
        let label = format!("{label}[{}]", failure.code);
        return paper.write(out, "", style, &label, &format!(": {}: {}", input.input, failure.message));
    }
    paper.write(out, "", style, label, &format!(": {}", input.input))?;
    let name = input.upgraded_file.as_deref().unwrap_or_default();
    for (what, trial) in [("as it is".to_string(), &input.original), (format!("as {name}"), &input.upgraded)] {
        if let Some(trial) = trial {
            paper.write(out, "  ", Style::new(), &what, &format!(", in {}: {}", trial.runtime, summary(trial)))?;
        }
    }
    for (style, label, all) in
        [(ERROR, "differs", &input.differences), (SUCCESS, "gained", &input.gains), (WARNING, "not shown", &input.neither)]
    {
        let shown = if verbose { all.len() } else { SHOWN };
        for text in all.iter().take(shown) {
            paper.write(out, "  ", style, label, &format!(": {text}"))?;
        }
        if all.len() > shown {
            paper.write(out, "  ", style, label, &format!(": {} more, which `-v` tells", all.len() - shown))?;
        }
    }
    Ok(())
}

/// What came of a trial, in one line.
fn summary(trial: &Trial) -> String {
    let imported: Vec<&str> =
        trial.modules.iter().filter(|module| module.error.is_none()).map(|module| module.name.as_str()).collect();
    let mut parts = Vec::new();
    if trial.loaded {
        parts.push(format!("imported {} {}", imported.len(), plural(imported.len(), "module")));
        if !imported.is_empty() {
            parts.push(format!("({})", first_names(imported.iter(), 3)));
        }
    } else {
        parts.push("did not load".to_string());
    }
    if let Some(test) = &trial.test {
        let lines = test.printed.lines().count();
        parts.push(match &test.error {
            None => format!("and ran the test, which printed {lines} {}", plural(lines, "line")),
            Some(error) => format!("and failed the test: {error}"),
        });
    }
    if let Some(fatal) = &trial.fatal {
        parts.push(format!("and ended: {fatal}"));
    }
    parts.join(" ")
}
