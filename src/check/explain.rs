//! `explain`: prints what is to be known about codes of findings, refusals and notices.
//!
//! A terminal gets it with bold headings and in its width; whatever else reads it gets Markdown, as in `docs/check.md`.

use crate::cli::{self, ExplainArgs};
use crate::codes::{self, Code, FAMILIES, Severity, Upgrade};
use crate::exit::EXIT_DONE;
use crate::output;
use crate::plain::{Paper, wrapped};
use crate::topics::{WIDEST, without_links};
use crate::usage;
use anstyle::{AnsiColor, Style};
use std::io::Write;

/// Runs `args` and returns the exit code.
pub fn run(args: &ExplainArgs) -> i32 {
    let mut found: Vec<&Code> = Vec::new();
    for name in &args.codes {
        let Some(code) = codes::find(name) else {
            let error = cli::usage(&format!("there is no code `{name}`; `wasm-pyfix explain` lists them all"));
            return usage::tell(&error, None);
        };
        found.push(code);
    }
    let paper = Paper::behind(&std::io::stdout());
    let text = match paper.width {
        _ if found.is_empty() => listing(paper),
        Some(width) => found.into_iter().map(|code| rendered(code, width.min(WIDEST))).collect::<Vec<_>>().join("\n"),
        None => found.into_iter().map(explanation).collect::<Vec<_>>().join("\n"),
    };
    let mut stdout = anstream::AutoStream::auto(std::io::stdout());
    output::printed(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Into::into), EXIT_DONE)
}

/// All codes with severity and summary, one after the other.
fn listing(paper: Paper) -> String {
    let longest = codes::all().map(|code| code.name.len()).max().unwrap_or(0);
    let line = |code: &Code| {
        let first = format!("{:<longest$}  {:<7}  ", code.name, code.severity.name());
        let rest = " ".repeat(first.len());
        wrapped(code.summary, paper.width.unwrap_or(usize::MAX), &first, &rest).join("\n") + "\n"
    };
    codes::all().map(line).collect()
}

/// The documentation of all codes, in Markdown: what `docs/check.md` ends with.
pub fn reference() -> String {
    let mut text = String::new();
    for family in &FAMILIES {
        text.push_str(&format!("\n### {}\n", family.heading));
        for code in family.codes {
            text.push('\n');
            text.push_str(&explanation(code));
        }
    }
    text
}

/// The documentation of a code, in Markdown.
fn explanation(code: &Code) -> String {
    let heading = format!("*{}: {}*", code.severity.name(), code.summary);
    let paragraphs = [heading, code.explanation.to_string(), format!("What to do: {}", advice(code))];
    let paragraphs = paragraphs.map(|paragraph| wrapped(&paragraph, WIDEST, "", "").join("\n"));
    format!("#### {}\n\n{}\n", code.name, paragraphs.join("\n\n"))
}

/// What to do about a code.
fn advice(code: &Code) -> String {
    let fixed = match code.upgrade {
        Upgrade::Fixes => "`wasm-pyfix upgrade` fixes it. Otherwise: ",
        Upgrade::Leaves | Upgrade::Refuses => "",
    };
    format!("{fixed}{}.", code.remedy)
}

/// The documentation of a code for a terminal of `width` characters.
fn rendered(code: &Code, width: usize) -> String {
    let bold = Style::new().bold();
    let severity = match code.severity {
        Severity::Error => AnsiColor::Red.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default().bold(),
        Severity::Note => bold,
    };
    let summary = wrapped(code.summary, width, &format!("{}: ", code.severity.name()), "  ").join("\n");
    let summary = summary.replacen(code.severity.name(), &format!("{severity}{}{severity:#}", code.severity.name()), 1);
    let paragraph = |text: &str| wrapped(&without_links(text), width, "  ", "  ").join("\n");
    format!(
        "{bold}{}{bold:#}\n{summary}\n\n{}\n\n{bold}What to do{bold:#}\n{}\n",
        code.name,
        paragraph(code.explanation),
        paragraph(&advice(code)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of codes that findings of several kinds have, only what holds for all of them.
    #[test]
    fn nothing_is_said_to_be_fixed_that_is_not() {
        let whole = advice(codes::find("symbol-clash").unwrap());
        assert!(whole.starts_with("where the runtime has the name, `wasm-pyfix upgrade` fixes it; between modules, "), "{whole}");
        assert!(advice(codes::find("forgotten-weak-symbol").unwrap()).starts_with("`wasm-pyfix upgrade` fixes it. "));
    }

    #[test]
    fn a_terminal_gets_its_width_and_no_markdown() {
        for code in codes::all() {
            let text = anstream::adapter::strip_str(&rendered(code, 60)).to_string();
            for line in text.lines() {
                assert!(line.chars().count() <= 60 || !line.trim().contains(' '), "{line}");
                assert!(!line.contains("](") && !line.starts_with('#') && !line.starts_with('*'), "{line}");
            }
        }
    }
}
