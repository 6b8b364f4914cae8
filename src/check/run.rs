//! Carries out the command line of `check`.

use super::Finding;
use super::codes::UNREADABLE;
use super::report::{InputReport, Report};
use crate::cli::{self, CheckArgs, EXIT_DONE, EXIT_ERROR, EXIT_USAGE};
use crate::input::{self, Kind, Source};
use crate::target::Target;
use anyhow::Result;
use std::io::Write;

/// Runs `args` and returns the exit code.
pub fn run(args: &CheckArgs) -> i32 {
    let target = match Target::find(&args.target) {
        Ok(target) => target,
        Err(error) => {
            let _ = cli::usage(&format!("{error:#}")).print();
            return EXIT_USAGE;
        }
    };
    let mut report = Report::new(target.name, args.strict);
    report.inputs = args.inputs.iter().map(|path| check_input(&Source::new(path))).collect();
    let failed = report.inputs.iter().flat_map(|input| &input.findings).any(|finding| finding.severity() <= report.threshold());
    report.exit_code = if failed { EXIT_ERROR } else { EXIT_DONE };
    match print(&report, args) {
        Ok(()) => report.exit_code,
        Err(_) => EXIT_ERROR,
    }
}

fn check_input(source: &Source) -> InputReport {
    let mut report = InputReport { input: source.to_string(), kind: None, findings: Vec::new() };
    match read(source) {
        Ok((_, kind)) => report.kind = Some(kind),
        Err(error) => report.findings.push(Finding::new(&UNREADABLE, format!("{error:#}"))),
    }
    report
}

fn read(source: &Source) -> Result<(Vec<u8>, Kind)> {
    let bytes = source.read()?;
    let kind = input::recognise(&bytes, source.file_name().as_deref())?;
    Ok((bytes, kind))
}

/// Prints the report to standard output.
fn print(report: &Report, args: &CheckArgs) -> Result<()> {
    if args.json {
        let mut stdout = std::io::stdout().lock();
        serde_json::to_writer_pretty(&mut stdout, report)?;
        writeln!(stdout)?;
        stdout.flush()?;
    } else {
        let mut stdout = anstream::AutoStream::new(std::io::stdout(), args.color.into());
        report.write_text(&mut stdout, args.quiet)?;
        stdout.flush()?;
    }
    Ok(())
}
