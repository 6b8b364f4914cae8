//! Writes the manual pages of the program into a directory, one for each subcommand, and one for each topic of `help`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap_mangen::roff::{Roff, roman};
use wasm_pyfix::topics::{Block, TOPICS, Topic};

fn main() -> ExitCode {
    let Some(directory) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: man_pages DIRECTORY");
        return ExitCode::from(2);
    };
    match write(&directory) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}: {error}", directory.display());
            ExitCode::FAILURE
        }
    }
}

/// Writes the pages.
pub fn write(directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    clap_mangen::generate_to(wasm_pyfix::cli::command(), directory)?;
    for topic in &TOPICS {
        std::fs::write(directory.join(format!("wasm-pyfix-{}.7", topic.name)), page(topic).to_roff())?;
    }
    Ok(())
}

/// The page on a topic, in the section of manuals for what is no command.
fn page(topic: &Topic) -> Roff {
    let name = format!("wasm-pyfix-{}", topic.name);
    let mut roff = Roff::new();
    roff.control("TH", [&*name, "7"]);
    roff.control("SH", ["NAME"]).text([roman(format!("{name} - {}", topic.summary()))]);
    roff.control("SH", ["DESCRIPTION"]);
    for block in topic.blocks() {
        match block {
            Block::Heading(_) => {}
            Block::Paragraph(text) => {
                roff.control("PP", []).text([roman(text)]);
            }
            Block::Item(text) => {
                roff.control("IP", ["-", "2"]).text([roman(text)]);
            }
            Block::Example(lines) => {
                roff.control("PP", []).control("nf", []);
                for line in lines.lines() {
                    roff.text([roman(line)]);
                }
                roff.control("fi", []);
            }
        }
    }
    roff
}
