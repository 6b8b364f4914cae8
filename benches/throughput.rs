//! Time and memory for the largest module at hand, `libmupdf.so` of the PyMuPDF wheel: `cargo bench --bench throughput`.
//!
//! Every measured run is a process of its own that reads the file, does its work, and writes the result to another file; its peak
//! memory is that of a process that did nothing else. Beside the upgrade runs what a general-purpose library needs to read and
//! write the same module without changing it (walrus). The runs of both are interleaved, so that a disturbance of the machine
//! meets both; medians are printed, and ratios of medians. Then `wasm-pyfix check` runs over the whole wheel, with two threads.
//!
//! Nothing is written unless asked: `cargo bench --bench throughput -- --write benches/results/throughput.md`.
//! `-- --runs N` sets the number of runs (9). Peak memory is known on Linux only (`VmHWM` of `/proc/self/status`).

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use support::measure::{machine, median, sorted, write};
use support::modules::modules_of_archive;
use support::npm;
use wasm_pyfix::pipeline::{ModuleOptions, upgrade_module};

const COMMAND: &str = "cargo bench --bench throughput";
const MODULE: &str = "libmupdf.so";
const CONTENDERS: [&str; 2] = ["upgrade", "walrus"];

fn main() -> Result<()> {
    // The bench runs itself as a worker.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, contender, input, output] = arguments.as_slice()
        && flag == "--worker"
    {
        return work(contender, Path::new(input), Path::new(output));
    }
    let settings = Settings::parse(&arguments)?;
    let report = measure(settings.runs)? + &measure_check(settings.runs)?;
    print!("{report}");
    if let Some(path) = settings.write {
        write(&path, &report)?;
    }
    Ok(())
}

struct Settings {
    runs: usize,
    write: Option<PathBuf>,
}

impl Settings {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut settings = Settings { runs: 9, write: None };
        // Cargo adds `--bench`.
        let mut arguments = arguments.iter().filter(|argument| *argument != "--bench");
        while let Some(argument) = arguments.next() {
            let value = arguments.next().with_context(|| format!("{argument} needs a value"))?;
            match argument.as_str() {
                "--runs" => settings.runs = value.parse().with_context(|| format!("--runs takes a number, not {value}"))?,
                "--write" => settings.write = Some(PathBuf::from(value)),
                _ => bail!("unknown argument {argument}; known are --runs N and --write FILE"),
            }
        }
        ensure!(settings.runs > 0, "--runs must be at least 1");
        Ok(settings)
    }
}

/// One run of one contender.
#[derive(Clone, Copy)]
struct Run {
    wall: Duration,
    /// Peak resident memory in KiB; `None` where the system does not tell.
    memory: Option<u64>,
    /// Size of the result.
    bytes: u64,
}

fn measure(runs: usize) -> Result<String> {
    let directory = tempfile::tempdir()?;
    let input = directory.path().join(MODULE);
    let modules = modules_of_archive(&npm::pymupdf_wheel()?)?;
    let (_, bytes) = modules.iter().find(|(name, _)| name.ends_with(MODULE)).context("the wheel has the module")?;
    std::fs::write(&input, bytes)?;
    let mut results: [Vec<Run>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..runs {
        for (contender, results) in CONTENDERS.iter().zip(&mut results) {
            results.push(spawn(contender, &input, &directory.path().join("out.so"))?);
        }
    }
    report(bytes.len(), runs, &results)
}

/// Times `check` over the wheel, for the platform that it was built for: nothing is found, and everything looked at.
fn measure_check(runs: usize) -> Result<String> {
    const THREADS: &str = "2";
    let wheel = npm::pymupdf_wheel()?;
    let modules = modules_of_archive(&wheel)?;
    let mut times = Vec::new();
    for _ in 0..runs {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"));
        command.args(["check", "--quiet", "--target", "pyodide_2024_0"]).arg(&wheel).env("RAYON_NUM_THREADS", THREADS);
        let start = Instant::now();
        let output = command.output().context("cannot start wasm-pyfix")?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
        ensure!(output.status.success(), "check failed: {}", String::from_utf8_lossy(&output.stdout).trim());
    }
    let times = sorted(times.into_iter());
    let (Some(fastest), Some(slowest)) = (times.first(), times.last()) else { bail!("nothing was measured") };
    let bytes: usize = modules.iter().map(|(_, bytes)| bytes.len()).sum();
    let mut text = String::new();
    writeln!(text, "\n# check of the whole wheel, {} modules of {bytes} bytes\n", modules.len())?;
    writeln!(text, "`wasm-pyfix check --target pyodide_2024_0` with {THREADS} threads, {runs} runs:")?;
    writeln!(text, "{:.0} ms ({fastest:.0} to {slowest:.0}).", median(&times))?;
    Ok(text)
}

fn spawn(contender: &str, input: &Path, output: &Path) -> Result<Run> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--worker", contender]).arg(input).arg(output);
    let printed = command.output().context("cannot start a worker")?;
    ensure!(printed.status.success(), "{contender} failed: {}", String::from_utf8_lossy(&printed.stderr).trim());
    let line = String::from_utf8(printed.stdout)?;
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [nanoseconds, memory] = fields.as_slice() else { bail!("a worker printed {line:?}") };
    let bytes = std::fs::metadata(output)?.len();
    Ok(Run { wall: Duration::from_nanos(nanoseconds.parse()?), memory: memory.parse().ok(), bytes })
}

/// What a worker process does; prints nanoseconds and KiB.
fn work(contender: &str, input: &Path, output: &Path) -> Result<()> {
    let start = Instant::now();
    let bytes = std::fs::read(input)?;
    let result = match contender {
        "upgrade" => upgrade(&bytes)?,
        "walrus" => round_trip(&bytes)?,
        _ => bail!("no contender {contender}"),
    };
    std::fs::write(output, result)?;
    let wall = start.elapsed();
    let memory = peak_memory().map_or_else(|| "unknown".to_string(), |memory| memory.to_string());
    println!("{} {memory}", wall.as_nanos());
    Ok(())
}

fn upgrade(bytes: &[u8]) -> Result<Vec<u8>> {
    let options = ModuleOptions { personality: "_Unwind_CallPersonality".to_string(), ..ModuleOptions::default() };
    upgrade_module(bytes, &options)?.bytes.context("the module needs an upgrade, and got none")
}

fn round_trip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut config = walrus::ModuleConfig::new();
    config.legacy_exceptions(true);
    Ok(config.parse(bytes)?.emit_wasm())
}

/// Peak resident memory of this process, in KiB.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().trim_end_matches("kB").trim().parse().ok()
}

fn report(input: usize, runs: usize, results: &[Vec<Run>; 2]) -> Result<String> {
    let mut text = String::new();
    writeln!(text, "# {MODULE} of the PyMuPDF 1.26.0 wheel, {input} bytes\n")?;
    writeln!(text, "`{COMMAND}`: medians of {runs} runs, each in a process of its own, on {}.\n", machine())?;
    writeln!(text, "| what | time, ms | fastest to slowest | peak memory, MB | bytes written |\n|---|---|---|---|---|")?;
    let labels = ["upgrade", "walrus: read and write, unchanged"];
    for (label, runs) in labels.iter().zip(results) {
        let times = sorted(runs.iter().map(|run| run.wall.as_secs_f64() * 1000.0));
        let (Some(fastest), Some(slowest), Some(run)) = (times.first(), times.last(), runs.first()) else { continue };
        let memory = memory(runs).map_or_else(|| "unknown".to_string(), |memory| format!("{memory:.0}"));
        writeln!(text, "| {label} | {:.0} | {fastest:.0} to {slowest:.0} | {memory} | {} |", median(&times), run.bytes)?;
    }
    let [time_ratio, memory_ratio] = ratios(results);
    write!(text, "\nwalrus takes {time_ratio:.1} times as long")?;
    if memory_ratio.is_finite() {
        write!(text, " and {memory_ratio:.1} times the memory")?;
    }
    writeln!(text, ".")?;
    Ok(text)
}

/// Ratios of medians, second contender to first: time, memory (not a number where that is unknown).
fn ratios(results: &[Vec<Run>; 2]) -> [f64; 2] {
    let [first, second] = results;
    let time = |runs: &[Run]| median(&sorted(runs.iter().map(|run| run.wall.as_secs_f64())));
    let memory = |runs: &[Run]| memory(runs).unwrap_or(f64::NAN);
    [time(second) / time(first), memory(second) / memory(first)]
}

/// Median peak memory in MB (10^6 bytes).
fn memory(runs: &[Run]) -> Option<f64> {
    let known: Option<Vec<u64>> = runs.iter().map(|run| run.memory).collect();
    Some(median(&sorted(known?.into_iter().map(|kib| kib as f64 * 1024.0 / 1e6))))
}
