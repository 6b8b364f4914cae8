//! Text that others wrote, made safe to print.
//!
//! Names of symbols, versions of compilers, metadata of wheels and messages that quote them come from the inputs. Printed as they are, control
//! characters among them could clear a terminal, invent lines of a report or hide some, and marks of writing direction show one thing
//! for another. The JSON forms have the names as they are: JSON escapes what it must.

use anstyle::Style;
use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

/// `text` with a backslash and a number or letter, as in Rust, in the place of every character that shows nothing of itself.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => plain.extend(character.escape_default()),
            _ if is_hidden(character) => plain.extend(character.escape_unicode()),
            _ => plain.push(character),
        }
    }
    Cow::Owned(plain)
}

/// What lines are written on: a terminal, whose width they keep to, or what is as wide as they are long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paper {
    pub width: Option<usize>,
}

impl Paper {
    /// Has no width: files and pipes.
    pub const ENDLESS: Paper = Paper { width: None };

    /// What is behind `stream`, if that is a terminal of which the width is known.
    pub fn behind(stream: &impl IsTerminal) -> Self {
        let size = if stream.is_terminal() { terminal_size::terminal_size() } else { None };
        Paper { width: size.map(|(width, _)| usize::from(width.0)) }
    }

    /// Writes `label` in a style and then `text`, from `indent` on; lines after the first begin further in.
    pub fn write(self, out: &mut dyn Write, indent: &str, style: Style, label: &str, text: &str) -> io::Result<()> {
        let text = plain(text);
        let Some(width) = self.width else { return writeln!(out, "{indent}{style}{label}{style:#}{text}") };
        let rest = format!("{indent}  ");
        // Escapes for the style would count as width.
        let lines = wrapped(&format!("{label}{text}"), width, indent, &rest);
        for (number, line) in lines.iter().enumerate() {
            match line.strip_prefix(indent).and_then(|line| line.strip_prefix(label)).filter(|_| number == 0) {
                Some(first) => writeln!(out, "{indent}{style}{label}{style:#}{first}")?,
                None => writeln!(out, "{line}")?,
            }
        }
        Ok(())
    }
}

/// `text` in lines of `width` characters, as far as there are spaces, the first of which begins with `first` and the others with `rest`.
pub fn wrapped(text: &str, width: usize, first: &str, rest: &str) -> Vec<String> {
    let options = Options::new(width).initial_indent(first).subsequent_indent(rest);
    let options = options.break_words(false).word_splitter(WordSplitter::NoHyphenation);
    // The defaults depend on which features other crates ask for.
    let options = options.word_separator(WordSeparator::AsciiSpace).wrap_algorithm(WrapAlgorithm::FirstFit);
    textwrap::wrap(text, options).iter().map(|line| line.trim_end().to_string()).collect()
}

/// The first `shown` of `names`, and how many more there are.
pub fn first_names<N: Display>(names: impl ExactSizeIterator<Item = N>, shown: usize) -> String {
    let more = names.len().saturating_sub(shown);
    let mut text = names.take(shown).map(|name| name.to_string()).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text += &format!(" and {more} more");
    }
    text
}

/// The noun as it stands behind `count`: `file` or `files`, `entry` or `entries`.
pub fn plural(count: usize, noun: &str) -> String {
    match noun.strip_suffix('y') {
        _ if count == 1 => noun.to_string(),
        Some(stem) => format!("{stem}ies"),
        None => format!("{noun}s"),
    }
}

/// Control characters, ends of lines, and what is invisible or changes the direction of other text: the characters that the Unicode
/// character database calls `Default_Ignorable_Code_Point` or `Bidi_Control`, and the annotations.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_few_names_and_a_count() {
        let listed = |count: usize| first_names(["`a`", "`b`", "`c`"][..count].iter(), 2);
        assert_eq!([0, 1, 2, 3].map(listed), ["", "`a`", "`a`, `b`", "`a`, `b` and 1 more"]);
        assert_eq!(
            [(1, "entry"), (2, "entry"), (0, "file")].map(|(count, noun)| plural(count, noun)),
            ["entry", "entries", "files"]
        );
    }

    #[test]
    fn what_shows_stays_and_what_hides_is_told() {
        for shown in ["_ZN3fooE", "naïve 日本 🎉", "a\\nb", "`x` -> y"] {
            assert!(matches!(plain(shown), Cow::Borrowed(same) if same == shown), "{shown}");
        }
        assert_eq!(plain("a\u{1b}[31mb\n\tc\u{7f}\u{9b}"), "a\\u{1b}[31mb\\n\\tc\\u{7f}\\u{9b}");
        assert_eq!(plain("\u{1bc9f}\u{1bca0}\u{1bca3}\u{1bca4}"), "\u{1bc9f}\\u{1bca0}\\u{1bca3}\u{1bca4}");
        assert_eq!(plain("\u{202e}evil\u{200b}\u{2066}\u{feff}\u{e0041}"), "\\u{202e}evil\\u{200b}\\u{2066}\\u{feff}\\u{e0041}");
    }
}
