//! Pages on topics that are no subcommand's, which `help TOPIC` prints: those of `docs/topics`, which the site and the manual pages have, too.
//!
//! A terminal gets a page with a bold heading and in its width; whatever else reads it gets Markdown.

use crate::plain::{Paper, wrapped};
use anstyle::Style;

/// Lines of running text are no longer than that: wider ones are hard to read.
pub const WIDEST: usize = 100;

/// A topic of `help`.
#[derive(Debug)]
pub struct Topic {
    pub name: &'static str,
    /// The page, in Markdown: a heading `Name: summary`, paragraphs, lists, and examples that are indented.
    pub page: &'static str,
}

/// All topics, in the order of the site.
pub static TOPICS: [Topic; 5] = [
    Topic { name: "targets", page: include_str!("../docs/topics/targets.md") },
    Topic { name: "wheels", page: include_str!("../docs/topics/wheels.md") },
    Topic { name: "exceptions", page: include_str!("../docs/topics/exceptions.md") },
    Topic { name: "exit-codes", page: include_str!("../docs/topics/exit-codes.md") },
    Topic { name: "environment", page: include_str!("../docs/topics/environment.md") },
];

/// What pages consist of.
#[derive(Debug, PartialEq, Eq)]
pub enum Block {
    Heading(String),
    Paragraph(String),
    /// One item of a list.
    Item(String),
    /// Lines that stay as they are.
    Example(String),
}

impl Topic {
    /// What it is about, in a few words: what stands behind its name in the heading.
    pub fn summary(&self) -> &'static str {
        let heading = self.page.lines().next().unwrap_or_default();
        heading.split_once(": ").map_or(heading, |(_, summary)| summary)
    }

    /// The page in blocks, without Markdown's links.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        for part in self.page.trim_end().split("\n\n") {
            match part.strip_prefix("# ") {
                Some(heading) => blocks.push(Block::Heading(heading.to_string())),
                None if part.starts_with("    ") => blocks.push(Block::Example(part.to_string())),
                None => {
                    let text = without_links(&part.replace("\n  ", " "));
                    match text.strip_prefix("- ") {
                        Some(items) => blocks.extend(items.split("\n- ").map(|item| Block::Item(item.to_string()))),
                        None => blocks.push(Block::Paragraph(text.replace('\n', " "))),
                    }
                }
            }
        }
        blocks
    }

    /// The page as it is printed on `paper`.
    pub fn text(&self, paper: Paper) -> String {
        let Some(width) = paper.width else { return self.page.to_string() };
        let width = width.min(WIDEST);
        let bold = Style::new().bold();
        let mut text = String::new();
        let mut in_list = false;
        for block in self.blocks() {
            let was_in_list = std::mem::replace(&mut in_list, matches!(block, Block::Item(_)));
            let goes_on = was_in_list && in_list;
            if !text.is_empty() && !goes_on {
                text.push('\n');
            }
            match block {
                Block::Heading(heading) => text += &format!("{bold}{}{bold:#}", wrapped(&heading, width, "", "").join("\n")),
                Block::Paragraph(paragraph) => text += &wrapped(&paragraph, width, "", "").join("\n"),
                Block::Item(item) => text += &wrapped(&item, width, "- ", "  ").join("\n"),
                Block::Example(lines) => text += &lines,
            }
            text.push('\n');
        }
        text
    }
}

/// The topic called `name`.
pub fn find(name: &str) -> Option<&'static Topic> {
    TOPICS.iter().find(|topic| topic.name == name)
}

/// `text` with the words of Markdown's links, and without where they lead to.
pub fn without_links(text: &str) -> String {
    let Some((before, rest)) = text.split_once("](") else { return text.to_string() };
    let Some((start, (_, after))) = before.rfind('[').zip(rest.split_once(')')) else { return text.to_string() };
    format!("{}{}{}", &before[..start], &before[start + 1..], without_links(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_words() {
        assert_eq!(without_links("see [a](#a), `x[0]` and [b.md](b.md)."), "see a, `x[0]` and b.md.");
        assert_eq!(without_links("`refused[python-tag]: (…)`"), "`refused[python-tag]: (…)`");
        assert_eq!(without_links("](x"), "](x");
    }

    #[test]
    fn pages_have_the_form_that_is_read() {
        for topic in &TOPICS {
            let title = topic.name.replace('-', " ");
            let blocks = topic.blocks();
            assert!(
                matches!(&blocks[0], Block::Heading(heading) if heading.to_lowercase().starts_with(&format!("{title}: "))),
                "{}: {:?}",
                topic.name,
                blocks[0]
            );
            assert!(blocks[1..].iter().all(|block| !matches!(block, Block::Heading(_))), "{}", topic.name);
            for block in &blocks {
                let (Block::Heading(text) | Block::Paragraph(text) | Block::Item(text)) = block else { continue };
                assert!(!text.contains('\n') && !text.contains("](") && !text.starts_with(['#', '|', '-', ' ']), "{text}");
            }
        }
    }

    #[test]
    fn a_terminal_gets_its_width() {
        for topic in &TOPICS {
            assert_eq!(topic.text(Paper::ENDLESS), topic.page);
            let text = anstream::adapter::strip_str(&topic.text(Paper { width: Some(60) })).to_string();
            let examples: Vec<&str> = topic.page.lines().filter(|line| line.starts_with("    ")).collect();
            for line in text.lines().filter(|line| !examples.contains(line)) {
                assert!(line.chars().count() <= 60 || !line.trim().contains(' '), "{line}");
            }
            assert!(examples.iter().all(|line| text.lines().any(|printed| printed == *line)), "{}", topic.name);
        }
    }
}
