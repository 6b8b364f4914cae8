//! What it costs and saves to leave the members of a wheel uncompressed: `cargo bench --bench stored`.
//!
//! Each pinned wheel from the Python package index, and each of `../shared/corpus` for 2025 where that is there, is upgraded twice, once with
//! `--stored`. Both are weighed, as they are and as a server keeps them by brotli, and loaded in turns, each in a Node process of its own
//! with a fresh Pyodide 0.29.5: how long it takes to unpack the archive, and from its installation to the end of the import, with and without
//! the time in `WebAssembly.Module` and `WebAssembly.Instance`.
//!
//! `--rounds N` has each loaded so many times, `--only WORD` takes the wheels with that in their names. Nothing is written unless asked:
//! `cargo bench --bench stored -- --write benches/results/stored.md`.

#[path = "size/node.rs"]
mod node;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use support::measure::{machine, median, sorted, write};
use support::{Runtime, pypi};

const TOOL: &str = env!("CARGO_BIN_EXE_wasm-pyfix");
const ARGUMENTS: [&str; 4] = ["-q", "--allow-python-mismatch", "--allow-missing", "--precompress=br"];

/// Times of one process, in milliseconds.
#[derive(Deserialize)]
struct Load {
    /// To unpack the archive, and nothing else.
    unpack: f64,
    /// From the installation of the wheel to the end of the import, and in that for WebAssembly.
    total: f64,
    compile: f64,
    instantiate: f64,
}

struct Settings {
    rounds: usize,
    only: String,
    write: Option<PathBuf>,
}

fn main() -> Result<()> {
    let settings = settings()?;
    let mut report = format!(
        "# Wheels with members stored\n\n`cargo bench --bench stored` on {}: bytes of wheels as they are and by brotli, and milliseconds to unpack \
         them and to load them (from the installation to the end of the import, first without the time that WebAssembly takes), in Node with \
         Pyodide 0.29.5: medians of {} rounds. The first of two columns is for compressed members, the other one for stored ones.\n\n\
         | wheel | bytes | | by brotli | | unpack | | load, but for WebAssembly | | load | |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
        machine(),
        settings.rounds
    );
    let directory = tempfile::tempdir()?;
    for (index, input) in inputs()?.iter().enumerate() {
        let name = input.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.contains(&settings.only) {
            let own = directory.path().join(index.to_string());
            row(&name, input, &own, settings.rounds, &mut report).with_context(|| name.clone())?;
        }
    }
    print!("{report}");
    settings.write.map_or(Ok(()), |path| write(&path, &report))
}

fn settings() -> Result<Settings> {
    let mut settings = Settings { rounds: 5, only: String::new(), write: None };
    // Cargo adds `--bench`.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{argument} needs a value"))?;
        match argument.as_str() {
            "--rounds" => settings.rounds = value.parse().with_context(|| format!("--rounds takes a number, not {value}"))?,
            "--only" => settings.only = value,
            "--write" => settings.write = Some(PathBuf::from(value)),
            _ => bail!("unknown argument {argument}; known are --rounds N, --only WORD and --write FILE"),
        }
    }
    ensure!(settings.rounds > 0, "--rounds takes a number from 1 on");
    Ok(settings)
}

fn inputs() -> Result<Vec<PathBuf>> {
    let mut wheels: Vec<PathBuf> = pypi::names()?.iter().map(|name| pypi::wheel(name)).collect::<Result<_>>()?;
    if let Some(corpus) = support::corpus() {
        for entry in std::fs::read_dir(corpus.join("wheels/2025"))? {
            wheels.push(entry?.path());
        }
    }
    wheels.retain(|path| path.extension().is_some_and(|suffix| suffix == "whl"));
    wheels.sort();
    Ok(wheels)
}

/// Measures a wheel; one that does not load has no times.
fn row(name: &str, input: &Path, directory: &Path, rounds: usize, report: &mut String) -> Result<()> {
    let forms = [upgrade(input, &directory.join("compressed"), &[])?, upgrade(input, &directory.join("stored"), &["--stored"])?];
    let mut loads: [Vec<Load>; 2] = Default::default();
    'all: for _ in 0..rounds {
        for (form, loads) in forms.iter().zip(&mut loads) {
            match node::load(form, Runtime::V0_29_5) {
                Ok(load) => loads.push(load),
                Err(error) => {
                    eprintln!("  {name} does not load: {error:#}");
                    break 'all;
                }
            }
        }
    }
    let by_brotli = |path: &PathBuf| PathBuf::from(format!("{}.br", path.display()));
    let size = |path: &Path| -> Result<String> { Ok(std::fs::metadata(path)?.len().to_string()) };
    let complete = loads.iter().all(|loads| loads.len() == rounds);
    let time = |of: fn(&Load) -> f64| {
        [0, 1].map(|form| if complete { format!("{:.1}", median(&sorted(loads[form].iter().map(of)))) } else { "-".to_string() })
    };
    let sizes = [size(&forms[0])?, size(&forms[1])?, size(&by_brotli(&forms[0]))?, size(&by_brotli(&forms[1]))?];
    let times =
        [time(|load| load.unpack), time(|load| load.total - load.compile - load.instantiate), time(|load| load.total)].concat();
    writeln!(report, "| {name} | {} | {} |", sizes.join(" | "), times.join(" | "))?;
    Ok(())
}

/// The upgraded wheel, beside which is what brotli makes of it.
fn upgrade(input: &Path, directory: &Path, more: &[&str]) -> Result<PathBuf> {
    std::fs::create_dir_all(directory)?;
    let mut command = Command::new(TOOL);
    let output = command.arg(input).arg("-o").arg(directory.join("")).args(ARGUMENTS).args(more).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|suffix| suffix == "whl") {
            return Ok(path);
        }
    }
    bail!("no wheel came of it")
}
