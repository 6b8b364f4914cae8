//! Nanoseconds per call, in real runtimes.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use support::measure::{median, sorted};
use support::{Job, Node, Runtime, run_jobs};
use wasm_pyfix::pipeline::upgrade_module;

/// Samples that a process takes of one function.
const SAMPLES: usize = 12;

/// Where the modules are put in the runtime.
const DIRECTORY: &str = "/home/pyodide/bench";

/// Module, function, what a call of it is.
const CASES: [(&str, &str, &str); 15] = [
    ("cpp", "run_plain", "C++: a call without a try block"),
    ("cpp", "run_catch_all", "C++: `catch (...)`, nothing thrown"),
    ("cpp", "run_catch_class", "C++: `catch (const Class &)`, nothing thrown"),
    ("cpp", "run_indirect", "C++: a call through a pointer, `catch (...)`, nothing thrown"),
    ("cpp", "run_destructor", "C++: a destructor to run, nothing thrown"),
    ("cpp", "run_destructors", "C++: two calls, two destructors, nothing thrown"),
    ("cpp", "run_throw_int", "C++: an `int` thrown and caught"),
    ("cpp", "run_throw_class", "C++: a class thrown, its base caught"),
    ("cpp", "run_throw_cleanup", "C++: an `int` thrown through a destructor and caught"),
    ("c", "run_calls", "C: a call after `setjmp`, no jump"),
    ("c", "run_setjmp", "C: `setjmp` and a call, no jump"),
    ("c", "run_longjmp", "C: `longjmp`"),
    ("rust", "run_catch_unwind", "Rust: `catch_unwind`, no panic"),
    ("rust", "run_drop", "Rust: a value to drop, no panic"),
    ("rust", "run_unwind", "Rust: `resume_unwind` and `catch_unwind`"),
];

/// One way to run the functions.
struct Contender {
    name: &'static str,
    runtime: Runtime,
    files: Vec<(String, Vec<u8>)>,
}

/// What one process found for one function.
struct Measured {
    nanoseconds: f64,
    checksum: i64,
}

/// Runs `rounds` rounds and describes them in a Markdown table.
pub fn table(rounds: usize) -> Result<String> {
    let contenders = contenders()?;
    let mut results = Vec::new();
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        let round = contenders.iter().map(run).collect::<Result<Vec<_>>>()?;
        for (index, (module, function, _)) in CASES.iter().enumerate() {
            let expected = round[0][index].checksum;
            ensure!(round.iter().all(|measured| measured[index].checksum == expected), "{module}: {function} gives different sums");
        }
        results.push(round);
    }
    render(&results)
}

fn contenders() -> Result<[Contender; 3]> {
    let original = modules("js")?;
    let upgraded = original.iter().map(|(name, bytes)| {
        let result = upgrade_module(bytes, &crate::options()?).with_context(|| name.clone())?;
        Ok((name.clone(), result.bytes.with_context(|| format!("{name} needs an upgrade, and got none"))?))
    });
    let upgraded = upgraded.collect::<Result<_>>()?;
    Ok([
        Contender { name: "original", runtime: Runtime::V0_27_7, files: original },
        Contender { name: "upgraded", runtime: Runtime::V0_29_5, files: upgraded },
        Contender { name: "native", runtime: Runtime::V0_29_5, files: modules("wasm")? },
    ])
}

/// The built modules of one variant: path in the runtime, bytes.
fn modules(variant: &str) -> Result<Vec<(String, Vec<u8>)>> {
    let directory = here().join("built").join(variant);
    let mut names: Vec<&str> = CASES.iter().map(|(module, ..)| *module).collect();
    names.dedup();
    let read = |name: &str| {
        let path = directory.join(format!("{name}.so"));
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok((format!("{DIRECTORY}/{name}.so"), bytes))
    };
    names.into_iter().map(read).collect()
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/exceptions")
}

/// Runs all cases in a process of its own.
fn run(contender: &Contender) -> Result<Vec<Measured>> {
    let script = std::fs::read_to_string(here().join("calls.py")).context("cannot read calls.py")?;
    let cases: Vec<String> = CASES.iter().map(|(module, function, _)| format!("('{module}', '{function}')")).collect();
    let settings = format!("DIRECTORY = '{DIRECTORY}'\nCASES = [{}]\nSAMPLES = {SAMPLES}\n", cases.join(", "));
    let job = Job { files: contender.files.clone(), ..Job::new(contender.name, settings + &script) };
    let answers = run_jobs(Node::Installed, contender.runtime, &[job])?;
    let [answer] = answers.as_slice() else { bail!("one job gave {} answers", answers.len()) };
    let text = answer.outcome.as_ref().map_err(|error| anyhow::anyhow!("{}: {error}", contender.name))?;
    let measured = text.lines().map(parse).collect::<Result<Vec<_>>>()?;
    ensure!(measured.len() == CASES.len(), "{} measured {} functions", contender.name, measured.len());
    Ok(measured)
}

/// Reads a line `module function nanoseconds checksum`.
fn parse(line: &str) -> Result<Measured> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [_, _, nanoseconds, checksum] = fields.as_slice() else { bail!("calls.py printed {line:?}") };
    Ok(Measured { nanoseconds: nanoseconds.parse()?, checksum: checksum.parse()? })
}

/// The table of `results`: rounds, of contenders, of cases.
fn render(results: &[Vec<Vec<Measured>>]) -> Result<String> {
    let mut text = format!(
        "## Time per call\n\nMedian (fastest to slowest) of {} rounds, each the best of {SAMPLES} samples in ",
        results.len()
    );
    text.push_str("a process of its own: nanoseconds per call, and ratios within a round. The original runs on Pyodide ");
    writeln!(text, "{}, the others on {}.\n", Runtime::V0_27_7.version(), Runtime::V0_29_5.version())?;
    writeln!(
        text,
        "| | original, ns | upgraded, ns | native, ns | upgraded / native | original / upgraded |\n|---|---|---|---|---|---|"
    )?;
    for (case, (_, _, label)) in CASES.iter().enumerate() {
        let nanoseconds = |contender: usize| results.iter().map(move |round| round[contender][case].nanoseconds);
        let ratios = |over: usize, under: usize| nanoseconds(over).zip(nanoseconds(under)).map(|(over, under)| over / under);
        let times = (0..3).map(|contender| spread(nanoseconds(contender))).collect::<Vec<_>>().join(" | ");
        writeln!(text, "| {label} | {times} | {} | {} |", spread(ratios(1, 2)), spread(ratios(0, 1)))?;
    }
    text.push('\n');
    Ok(text)
}

/// Median, smallest and largest, with three significant digits.
fn spread(values: impl Iterator<Item = f64>) -> String {
    let values = sorted(values);
    let (Some(smallest), Some(largest)) = (values.first(), values.last()) else { return "none".to_string() };
    format!("{} ({} to {})", short(median(&values)), short(*smallest), short(*largest))
}

fn short(value: f64) -> String {
    let decimals = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.decimals$}")
}
