//! Carries out the command line of `diff`.

use super::gather::Input;
use super::{Diff, Report, SCHEMA_VERSION, markdown, packages, text};
use crate::cli::DiffArgs;
use crate::exit::{EXIT_DONE, EXIT_ERROR};
use crate::output;
use crate::plain::Paper;
use crate::report::text::write_failure;
use crate::report::{Failure, TOOL};
use anyhow::Result;
use std::io::Write;

/// Runs `args` and returns the exit code.
pub fn run(args: &DiffArgs) -> i32 {
    let (diff, error) = match differences(args) {
        Ok(diff) => (Some(diff), None),
        Err(error) => (None, Some(Failure::from(&error))),
    };
    let exit_code = if error.is_some() { EXIT_ERROR } else { EXIT_DONE };
    let report = Report { schema_version: SCHEMA_VERSION, tool: TOOL, exit_code, diff, error };
    output::printed(print(&report, args), exit_code)
}

fn differences(args: &DiffArgs) -> Result<Diff> {
    packages::compare(Input::gather(&args.old)?, Input::gather(&args.new)?, !args.no_compressed)
}

/// Prints the report to standard output, and in text an error to standard error.
fn print(report: &Report, args: &DiffArgs) -> Result<()> {
    if let Some(failure) = &report.error {
        let mut stderr = anstream::AutoStream::new(std::io::stderr(), args.color.into());
        write_failure(&mut stderr, Paper::behind(&std::io::stderr()), failure)?;
    }
    if args.json {
        return output::print_json(report);
    }
    let Some(diff) = &report.diff else { return Ok(()) };
    if args.markdown {
        return output::print_all(&markdown::markdown(diff, args.verbose));
    }
    let mut stdout = anstream::AutoStream::new(std::io::stdout(), args.color.into());
    text::write(&mut stdout, Paper::behind(&std::io::stdout()), diff, args.verbose)?;
    Ok(stdout.flush()?)
}
