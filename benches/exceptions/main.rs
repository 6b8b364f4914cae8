//! What a call costs where exceptions are handled, and how large the code is: `cargo bench --bench exceptions`.
//!
//! `built/` has the same sources compiled twice: with JavaScript exception handling and natively. The former run as they are on Pyodide
//! 0.27.7 and, upgraded, on 0.29.5; the latter run on 0.29.5. Every round starts a Node process for each of the three, one after the
//! other, so that a disturbance of the machine meets all of them; the time of a round is its best sample. Ratios are formed within a
//! round. The functions also return a checksum, which must be the same three times.
//!
//! The second table compares code sections: those of the PyMuPDF wheel's modules and, where `support::corpus` finds one, of the
//! corpus's, whose `wheels/2025` has native builds of some.
//!
//! Nothing is written unless asked: `cargo bench --bench exceptions -- --write benches/results/exceptions.md`.
//! `-- --rounds N` sets the number of rounds (7); with 0 only sizes are compared.

mod sizes;
mod timing;

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use support::measure::{machine, write};
use support::npm;
use wasm_pyfix::pipeline::ModuleOptions;
use wasm_pyfix::target::Target;

const COMMAND: &str = "cargo bench --bench exceptions";

fn main() -> Result<()> {
    let settings = Settings::parse(std::env::args().skip(1))?;
    let mut report = String::from("# Exceptions: time per call, size of code\n\n");
    let node = npm::version_of("node")?;
    writeln!(report, "`{COMMAND}` with Node {node} on {}.\n", machine())?;
    if settings.rounds > 0 {
        report.push_str(&timing::table(settings.rounds)?);
    }
    report.push_str(&sizes::table()?);
    print!("{report}");
    if let Some(path) = settings.write {
        write(&path, &report)?;
    }
    Ok(())
}

struct Settings {
    rounds: usize,
    write: Option<PathBuf>,
}

impl Settings {
    fn parse(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut settings = Settings { rounds: 7, write: None };
        // Cargo adds `--bench`.
        let mut arguments = arguments.filter(|argument| argument != "--bench");
        while let Some(argument) = arguments.next() {
            let value = arguments.next().with_context(|| format!("{argument} needs a value"))?;
            match argument.as_str() {
                "--rounds" => {
                    settings.rounds = value.parse().with_context(|| format!("--rounds takes a number, not {value}"))?;
                }
                "--write" => settings.write = Some(PathBuf::from(value)),
                _ => bail!("unknown argument {argument}; known are --rounds N and --write FILE"),
            }
        }
        Ok(settings)
    }
}

/// What the command line asks for with the target `pyodide_2025_0`.
fn options() -> Result<ModuleOptions> {
    let target = Target::find("pyodide_2025_0")?;
    Ok(ModuleOptions {
        personality: target.personality.context("the target has native exceptions")?.to_string(),
        environment: Some(Arc::new(target.manifest()?)),
        // Modules of archives whose dependencies are not there.
        allow_missing: true,
        ..ModuleOptions::default()
    })
}
