//! `explain`: prints what is to be known about codes of findings.

use super::codes::{self, Code, FAMILIES, Upgrade};
use crate::cli::{self, EXIT_USAGE, ExplainArgs};
use crate::output;

/// Runs `args` and returns the exit code.
pub fn run(args: &ExplainArgs) -> i32 {
    let mut text = if args.codes.is_empty() { listing() } else { String::new() };
    for (index, name) in args.codes.iter().enumerate() {
        let Some(code) = codes::find(name) else {
            let _ = cli::usage(&format!("there is no code `{name}`; `wasm-pyfix explain` lists them all")).print();
            return EXIT_USAGE;
        };
        let separator = if index == 0 { "" } else { "\n" };
        text.push_str(separator);
        text.push_str(&explanation(code));
    }
    output::print_text(&text)
}

/// All codes with severity and summary, one line each.
fn listing() -> String {
    let width = codes::all().map(|code| code.name.len()).max().unwrap_or(0);
    let line = |code: &Code| format!("{:<width$}  {:<7}  {}\n", code.name, code.severity.name(), code.summary);
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
    let Code { name, severity, summary, explanation, remedy, upgrade } = code;
    let fixed = match upgrade {
        Upgrade::Fixes => "`wasm-pyfix upgrade` fixes it. Otherwise: ",
        Upgrade::Leaves | Upgrade::Refuses => "",
    };
    let paragraphs =
        [format!("*{}: {summary}*", severity.name()), explanation.to_string(), format!("What to do: {fixed}{remedy}.")];
    let paragraphs = paragraphs.map(|paragraph| wrapped(&paragraph));
    format!("#### {name}\n\n{}\n", paragraphs.join("\n\n"))
}

/// A paragraph in lines of at most 100 characters.
fn wrapped(paragraph: &str) -> String {
    const WIDTH: usize = 100;
    let mut lines: Vec<String> = vec![String::new()];
    for word in paragraph.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines.join("\n")
}
