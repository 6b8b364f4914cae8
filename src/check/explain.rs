//! `explain`: prints what is to be known about codes of findings.

use super::codes::{self, CODES, Code};
use crate::cli::{self, EXIT_DONE, EXIT_ERROR, EXIT_USAGE, ExplainArgs};
use std::io::Write;

/// Runs `args` and returns the exit code.
pub fn run(args: &ExplainArgs) -> i32 {
    let mut text = String::new();
    if args.codes.is_empty() {
        text = listing();
    }
    for (index, name) in args.codes.iter().enumerate() {
        let Some(code) = codes::find(name) else {
            let _ = cli::usage(&format!("there is no code `{name}`; `wasm-pyfix explain` lists them all")).print();
            return EXIT_USAGE;
        };
        let separator = if index == 0 { "" } else { "\n" };
        text.push_str(separator);
        text.push_str(&explanation(code));
    }
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => EXIT_DONE,
        Err(_) => EXIT_ERROR,
    }
}

/// All codes with severity and summary, one line each.
fn listing() -> String {
    let width = CODES.iter().map(|code| code.name.len()).max().unwrap_or(0);
    let line = |code: &&Code| format!("{:<width$}  {:<7}  {}\n", code.name, code.severity.name(), code.summary);
    CODES.iter().map(line).collect()
}

/// The documentation of a code, in Markdown as in `docs/check.md`.
pub fn explanation(code: &Code) -> String {
    let Code { name, severity, summary, explanation, remedy } = code;
    format!("### {name}\n\n*{}: {summary}*\n\n{explanation}\n\n**What to do:** {remedy}\n", severity.name())
}
