//! Time and memory of what users run, beside what other tools take for the same module: `cargo bench --bench throughput`.
//!
//! Every run is a process of its own. Those of one input are interleaved, so that a disturbance of the machine meets all; medians are
//! printed, and ratios to the first row. The inputs are the PyMuPDF 1.26.0 wheel, its two largest modules, and an archive of the small
//! modules of this repository's tests. walrus reads a module and writes it unchanged; `wasm-opt` is that of the npm package `binaryen`,
//! which is WebAssembly itself and runs on Node with one thread.
//!
//! Nothing is written unless asked: `cargo bench --bench throughput -- --write benches/results/throughput.md`. `-- --runs N` sets the
//! number of runs (5; `wasm-opt` runs once). Works on Linux, which tells processor time and peak memory in `/proc`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use support::measure::{TICKS, children_ticks, machine, median, sorted, write};
use support::modules::{files_below, modules_of_archive};
use support::npm;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const TOOL: &str = env!("CARGO_BIN_EXE_wasm-pyfix");
/// The modules of the tests that go into the archive of small ones.
const SMALL: &str = "tests/fixtures/built/emscripten-3.1.69/O2-sm1-js";

fn main() -> Result<()> {
    // The bench runs itself to have walrus in a process of its own.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, input, output] = arguments.as_slice()
        && flag == "--walrus"
    {
        return round_trip(Path::new(input), Path::new(output));
    }
    let settings = Settings::parse(&arguments)?;
    let directory = tempfile::tempdir()?;
    let mut report = format!(
        "# What users run\n\n`cargo bench --bench throughput`: medians of {} runs (`wasm-opt`: one), each in a process of its own, on {}.\n",
        settings.runs,
        machine()
    );
    for input in inputs(directory.path())? {
        measure(&input, settings.runs, directory.path(), &mut report)?;
    }
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
        let mut settings = Settings { runs: 5, write: None };
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

/// A file, and what runs over it.
struct Input {
    what: String,
    path: PathBuf,
    contenders: Vec<Contender>,
}

/// A command line; `IN` and `OUT` stand for the files.
struct Contender {
    label: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    /// Too slow to be run more than once.
    once: bool,
    /// Exits with 1 where it has errors to tell, which the modules of an archive that was never meant to be one may well have.
    tells: bool,
}

impl Contender {
    fn new(label: &'static str, program: impl Into<PathBuf>, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| argument.to_string()).collect();
        Contender { label, program: program.into(), arguments, once: false, tells: false }
    }
}

fn inputs(directory: &Path) -> Result<Vec<Input>> {
    let wheel = npm::pymupdf_wheel()?;
    let modules = modules_of_archive(&wheel)?;
    let module = |name: &str| -> Result<(String, PathBuf)> {
        let (_, bytes) =
            modules.iter().find(|(path, _)| path.ends_with(&format!("/{name}"))).context("the wheel has the module")?;
        let path = directory.join(name);
        std::fs::write(&path, bytes)?;
        Ok((format!("`{name}` of the wheel, {} bytes", bytes.len()), path))
    };
    let tool = || {
        [
            Contender::new("wasm-pyfix IN -o OUT", TOOL, &["IN", "-o", "OUT"]),
            Contender::new("-O0", TOOL, &["IN", "-o", "OUT", "-O0"]),
        ]
    };
    let mut inputs = Vec::new();
    let (what, path) = module("libmupdf.so")?;
    let optimise = npm::packages()?.join("binaryen/bin/wasm-opt");
    let optimise = |label, level| Contender {
        once: true,
        ..Contender::new(label, "node", &[&*optimise.to_string_lossy(), "-all", level, "IN", "-o", "OUT"])
    };
    let others = [
        Contender::new("walrus: read and write, unchanged", std::env::current_exe()?, &["--walrus", "IN", "OUT"]),
        optimise("wasm-opt -O1", "-O1"),
        optimise("wasm-opt -Oz", "-Oz"),
    ];
    inputs.push(Input { what, path, contenders: tool().into_iter().chain(others).collect() });
    let (what, path) = module("_mupdf.so")?;
    inputs.push(Input { what, path, contenders: tool().into() });
    let of_archive = |check: &[&str]| {
        vec![
            Contender::new("wasm-pyfix IN -o OUT/", TOOL, &["IN", "-o", "OUT/"]),
            Contender::new("-O0", TOOL, &["IN", "-o", "OUT/", "-O0"]),
            Contender { tells: true, ..Contender::new("check", TOOL, check) },
        ]
    };
    // For the platform that it was built for: nothing is found in the wheel, and everything looked at.
    let check = ["check", "--quiet", "--target", "pyodide_2024_0", "IN"];
    let size: usize = modules.iter().map(|(_, bytes)| bytes.len()).sum();
    let what = format!("The wheel, {} modules of {size} bytes", modules.len());
    inputs.push(Input { what, path: wheel, contenders: of_archive(&check) });
    let (what, path) = small_modules(directory)?;
    inputs.push(Input { what, path, contenders: of_archive(&check) });
    Ok(inputs)
}

/// An archive of small modules, each of them several times.
fn small_modules(directory: &Path) -> Result<(String, PathBuf)> {
    const TIMES: usize = 20;
    let path = directory.join("small.zip");
    let mut zip = ZipWriter::new(std::fs::File::create(&path)?);
    let (mut count, mut size) = (0, 0);
    for file in files_below(&support::repository().join(SMALL))? {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !name.ends_with(".so") {
            continue;
        }
        let bytes = std::fs::read(&file)?;
        for time in 0..TIMES {
            let number = count + time;
            zip.start_file(format!("{number}/{name}"), SimpleFileOptions::default())?;
            zip.write_all(&bytes)?;
            size += bytes.len();
        }
        count += TIMES;
    }
    zip.finish()?;
    Ok((format!("An archive of {count} small modules, {size} bytes"), path))
}

/// One run of one contender.
#[derive(Clone, Copy)]
struct Run {
    wall: Duration,
    /// Of all threads, in seconds.
    processor: f64,
    /// Peak resident memory in KiB.
    memory: u64,
}

fn measure(input: &Input, runs: usize, directory: &Path, report: &mut String) -> Result<()> {
    let mut results: Vec<Vec<Run>> = input.contenders.iter().map(|_| Vec::new()).collect();
    for round in 0..runs {
        for (contender, results) in input.contenders.iter().zip(&mut results) {
            if round == 0 || !contender.once {
                let output = tempfile::tempdir_in(directory)?;
                results.push(run(contender, &input.path, &output.path().join("out"))?);
            }
        }
    }
    writeln!(report, "\n## {}\n", input.what)?;
    writeln!(
        report,
        "| | processor time, s | to the first | wall time, s | fastest to slowest | peak memory, MB |\n|---|---|---|---|---|---|"
    )?;
    let middle = |runs: &[Run], of: fn(&Run) -> f64| median(&sorted(runs.iter().map(of)));
    let first = results.first().map_or(f64::NAN, |runs| middle(runs, |run| run.processor));
    for (contender, runs) in input.contenders.iter().zip(&results) {
        let walls = sorted(runs.iter().map(|run| run.wall.as_secs_f64()));
        let (Some(fastest), Some(slowest)) = (walls.first(), walls.last()) else { continue };
        let processor = middle(runs, |run| run.processor);
        let memory = middle(runs, |run| run.memory as f64 * 1024.0 / 1e6);
        writeln!(
            report,
            "| {} | {processor:.2} | {:.2} | {:.2} | {fastest:.2} to {slowest:.2} | {memory:.0} |",
            contender.label,
            processor / first,
            median(&walls)
        )?;
    }
    Ok(())
}

fn run(contender: &Contender, input: &Path, output: &Path) -> Result<Run> {
    let place = |argument: &String| argument.replace("OUT", &output.to_string_lossy()).replace("IN", &input.to_string_lossy());
    let mut command = Command::new(&contender.program);
    command.args(contender.arguments.iter().map(place)).stdout(Stdio::null()).stderr(Stdio::null());
    let before = processor_seconds()?;
    let start = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot start {}", contender.label))?;
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut memory = 0;
    // The highest value so far stands there while the process lives.
    let exit = loop {
        memory = memory.max(peak_memory(&status).unwrap_or_default());
        if let Some(exit) = child.try_wait()? {
            break exit;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    ensure!(exit.success() || (contender.tells && exit.code() == Some(1)), "{} failed with {exit}", contender.label);
    Ok(Run { wall: start.elapsed(), processor: processor_seconds()? - before, memory })
}

fn round_trip(input: &Path, output: &Path) -> Result<()> {
    let mut config = walrus::ModuleConfig::new();
    config.legacy_exceptions(true);
    std::fs::write(output, config.parse(&std::fs::read(input)?)?.emit_wasm())?;
    Ok(())
}

/// Peak resident memory of a process, in KiB.
fn peak_memory(status: &Path) -> Option<u64> {
    let status = std::fs::read_to_string(status).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().trim_end_matches("kB").trim().parse().ok()
}

/// Processor time of the processes that this one waited for, in seconds.
fn processor_seconds() -> Result<f64> {
    let (user, system) = children_ticks()?;
    Ok((user + system) as f64 / TICKS as f64)
}
