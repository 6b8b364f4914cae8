//! What `show` and `diff` print for people: labels with text beside them, in the width of a terminal, or in 80 columns for files and pipes.

use crate::plain::{Paper, plain, wrapped};
use anstyle::Style;
use std::io::{self, Write};

/// Columns of what has no width.
const WIDTH: usize = 80;
/// Columns without which no text stands beside a label.
const NARROWEST: usize = 40;
/// Where the text behind a label begins.
pub const COLUMN: usize = 15;
const TITLE: Style = Style::new().bold();

/// What the text is written on.
pub struct Sheet<'o> {
    out: &'o mut dyn Write,
    pub width: usize,
}

impl<'o> Sheet<'o> {
    pub fn new(out: &'o mut dyn Write, paper: Paper) -> Self {
        Sheet { out, width: paper.width.unwrap_or(WIDTH).max(NARROWEST) }
    }

    /// A headline.
    pub fn title(&mut self, indent: &str, text: &str) -> io::Result<()> {
        writeln!(self.out, "{indent}{TITLE}{}{TITLE:#}", plain(text))
    }

    /// A label and what belongs to it, wrapped behind it.
    pub fn field(&mut self, label: &str, text: &str) -> io::Result<()> {
        let first = format!("  {label:<width$}", width = COLUMN - 2);
        self.wrapped(text, &first, &" ".repeat(COLUMN))
    }

    /// Text with `first` before the first line and `rest` before the others.
    pub fn wrapped(&mut self, text: &str, first: &str, rest: &str) -> io::Result<()> {
        wrapped(&plain(text), self.width, first, rest).iter().try_for_each(|line| writeln!(self.out, "{line}"))
    }
}

impl Write for Sheet<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
