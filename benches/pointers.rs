//! Time of the look at function pointers, and what it finds: `cargo bench --bench pointers`.
//!
//! Each module of the wheels at hand is read and looked at for its platform: those pinned from PyPI, the PyMuPDF wheel from npm, and the
//! corpus beside the repository, where it is there. "Look" is the whole of it on a module of which nothing is known yet, which includes the
//! decoding of all bodies that other passes then need not do; "again" is the same when that has been done. Medians of 5 runs in this
//! process. `-- --write FILE` writes the table, too.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use support::measure::{machine, median, sorted, write};
use support::modules::{files_below, label, modules_of_archive};
use support::{corpus, npm, pypi};
use wasm_pyfix::target::Target;
use wasm_pyfix_passes::module::Module;
use wasm_pyfix_passes::pointers::{Runtime, find};

const RUNS: usize = 5;

/// What was measured and found in one wheel.
#[derive(Default)]
struct Row {
    bytes: usize,
    reading: f64,
    look: f64,
    again: f64,
    looked_at: usize,
    wrong: usize,
    left: usize,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let mut wheels: Vec<PathBuf> = pypi::names()?.iter().map(|name| pypi::wheel(name)).collect::<Result<_>>()?;
    wheels.push(npm::pymupdf_wheel()?);
    if let Some(corpus) = corpus() {
        wheels.extend(files_below(&corpus.join("wheels"))?);
    }
    let mut report = format!(
        "# The look at function pointers\n\n`cargo bench --bench pointers`: medians of {RUNS} runs, milliseconds for all modules of a wheel, on {}{}.\n\n\
         | wheel | bytes | reading | look | again | pointers | wrong | left |\n|---|---|---|---|---|---|---|---|\n",
        machine(),
        if cfg!(debug_assertions) { ", not optimised: only the ratios tell something" } else { "" }
    );
    for wheel in wheels {
        let Ok(modules) = modules_of_archive(&wheel) else { continue };
        let mut row = Row::default();
        for (_, bytes) in &modules {
            measure(&label(&wheel), bytes, &mut row)?;
        }
        let Row { bytes, reading, look, again, looked_at, wrong, left } = row;
        if bytes > 0 {
            writeln!(
                report,
                "| {} | {bytes} | {reading:.1} | {look:.1} | {again:.1} | {looked_at} | {wrong} | {left} |",
                label(&wheel)
            )?;
        }
    }
    print!("{report}");
    if let Some(place) = arguments.iter().position(|argument| argument == "--write") {
        write(arguments.get(place + 1).context("`--write` needs a file")?.as_ref(), &report)?;
    }
    Ok(())
}

/// Measures the module that `bytes` are, of a wheel with a name, if it is one.
fn measure(wheel: &str, bytes: &[u8], row: &mut Row) -> Result<()> {
    let name = if wheel.contains("2024_0") { "pyodide_2024_0" } else { "pyodide_2025_0" };
    let target = Target::find(name)?;
    let environment = target.manifest()?;
    let runtime = Runtime::new(target.python, Some(&environment));
    let mut times: [Vec<f64>; 3] = Default::default();
    let mut found = None;
    for _ in 0..RUNS {
        let begin = Instant::now();
        let Ok(module) = Module::read(bytes) else { return Ok(()) };
        times[0].push(begin.elapsed().as_secs_f64());
        for time in &mut times[1..] {
            let begin = Instant::now();
            found = Some(find(&module, &runtime)?);
            time.push(begin.elapsed().as_secs_f64());
        }
    }
    let [reading, look, again] = times.map(|times| 1000.0 * median(&sorted(times.into_iter())));
    let found = found.context("it was looked at")?;
    row.bytes += bytes.len();
    row.reading += reading;
    row.look += look;
    row.again += again;
    row.looked_at += found.looked_at;
    row.wrong += found.mismatches.len();
    row.left += found.left;
    Ok(())
}
