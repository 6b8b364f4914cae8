//! How wrong usage is told: in the words of the parser of arguments, with a code as all errors have, and as JSON, too, where that was asked for.

use crate::cli::{self, Color};
use crate::codes::failure::Coded;
use crate::codes::usage::USAGE;
use crate::exit::{EXIT_ERROR, EXIT_REFUSED, EXIT_USAGE};
use crate::output;
use crate::plain::Paper;
use crate::report::text::write_failure;
use crate::report::{Failure, TOOL, Tool, is_refusal};
use serde::Serialize;
use std::io::Write;

/// What the parser of arguments begins its errors with.
const LABEL: &str = "error:";

/// What a command prints on standard output instead of its report.
#[derive(Debug, Serialize)]
struct Report {
    schema_version: u32,
    tool: Tool,
    exit_code: i32,
    error: Failure,
}

/// Prints `error` on standard error, and where JSON was asked for a document on standard output, of the version of the command's reports.
/// Returns the exit code.
pub fn tell(error: &clap::Error, json: Option<u32>) -> i32 {
    let styled = error.render().ansi().to_string();
    let text = if error.to_string().starts_with(LABEL) {
        styled.replacen(LABEL, &format!("error[{}]:", USAGE.name), 1)
    } else {
        // The whole help, where nothing was asked for.
        styled
    };
    let _ = anstream::AutoStream::auto(std::io::stderr()).write_all(text.as_bytes());
    let failure = Failure { code: USAGE.name, message: message(&error.to_string()), offset: None };
    report(failure, EXIT_USAGE, json)
}

/// Tells why a command does not begin, as [`tell`] does: files that it cannot use are an error, or refused, all else is wrong usage. Returns the exit
/// code.
pub fn cannot_begin(error: &anyhow::Error, color: Color, json: Option<u32>) -> i32 {
    let refused = is_refusal(error);
    if !error.is::<Coded>() && !refused {
        return tell(&cli::usage(&format!("{error:#}")), json);
    }
    let failure = Failure::from(error);
    let mut stderr = anstream::AutoStream::new(std::io::stderr(), color.into());
    let _ = write_failure(&mut stderr, Paper::behind(&std::io::stderr()), &failure);
    report(failure, if refused { EXIT_REFUSED } else { EXIT_ERROR }, json)
}

/// Prints `error` as JSON, of the version `json`, if it was asked for. Returns the exit code.
fn report(error: Failure, exit_code: i32, json: Option<u32>) -> i32 {
    let printed =
        json.map_or(Ok(()), |schema_version| output::print_json(&Report { schema_version, tool: TOOL, exit_code, error }));
    output::printed(printed, exit_code)
}

/// The sentence in what the parser prints, which goes on with advice and the usage.
fn message(text: &str) -> String {
    let text = text.strip_prefix(LABEL).unwrap_or(text);
    let first = text.trim_start().split("\n\n").next().unwrap_or_default();
    first.split_whitespace().collect::<Vec<_>>().join(" ")
}
