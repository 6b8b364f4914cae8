//! What it is worth to link private libraries by slot: `cargo bench --bench isolate`.
//!
//! Each wheel in three forms: as it is, upgraded with `--no-isolate`, so that its modules see each other by name, and by slot. For each form: bytes
//! of the wheel and of its modules, and names: what they export or take from the global offset table, which every later load walks over. For each runtime, in a Node process of its
//! each time: the import, with the installation; how long an empty side module takes to load before and after it; and a call of
//! the library by its user, in a loop. Medians of the processes. A form that a runtime does not take has no times.
//!
//! Nothing is written unless asked: `-- --write benches/results/isolate.md`. `-- --rounds N` sets the number of processes (5); with 0 only sizes
//! are compared.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use support::measure::{machine, median, sorted, write};
use support::modules::modules_of_archive;
use support::{Runtime, npm, pypi, upgrade_archive, wheel};
use wasm_pyfix_passes::module::{Item, Module};

const TOOL: &str = env!("CARGO_BIN_EXE_wasm-pyfix");

const RUNTIMES: [Runtime; 2] = [Runtime::V0_29_5, Runtime::V314_0_7];

/// Calls in one loop.
const CALLS: usize = 2_000_000;

struct Input {
    name: &'static str,
    wheel: PathBuf,
    /// Imports it; with `calls`, it leaves a function `run`.
    python: &'static str,
    calls: usize,
}

/// What a process found, in milliseconds, and nanoseconds for a call.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Times {
    import: f64,
    before: f64,
    after: f64,
    call: Option<f64>,
}

#[derive(Serialize)]
struct Request<'r> {
    runtime: PathBuf,
    wheel: &'r Path,
    python: &'r str,
    empty: &'r Path,
    calls: usize,
}

fn main() -> Result<()> {
    let (mut rounds, mut to): (usize, Option<PathBuf>) = (5, None);
    // Cargo adds `--bench`.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{argument} needs a value"))?;
        match argument.as_str() {
            "--rounds" => rounds = value.parse().context("--rounds takes a number")?,
            "--write" => to = Some(value.into()),
            _ => anyhow::bail!("unknown argument {argument}"),
        }
    }
    let directory = tempfile::tempdir()?;
    let empty = directory.path().join("empty.so");
    std::fs::write(&empty, wat::parse_str("(module (@dylink.0 (mem-info)))")?)?;
    let mut report = format!(
        "# Private libraries by slot\n\n`cargo bench --bench isolate` with Node {} on {}",
        npm::version_of("node")?,
        machine()
    );
    writeln!(report, ": medians of {rounds} processes.\n")?;
    writeln!(
        report,
        "| wheel | form | runtime | bytes | of modules | names | import, ms | empty module before, ms | after | after / before | ns a call |"
    )?;
    writeln!(report, "|---|---|---|---|---|---|---|---|---|---|---|")?;
    print!("{report}");
    for input in inputs(directory.path())? {
        for runtime in RUNTIMES {
            for (form, options) in [("as it is", None), ("by name", Some(&["--no-isolate"] as &[&str])), ("by slot", Some(&[]))] {
                let results = tempfile::tempdir()?;
                let wheel = match options {
                    None => input.wheel.clone(),
                    Some(options) => upgrade_archive(TOOL, &input.wheel, runtime, options, results.path()),
                };
                let row = row(&input, form, &wheel, runtime, &empty, rounds)?;
                print!("{row}");
                report += &row;
            }
        }
    }
    to.map_or(Ok(()), |path| write(&path, &report))
}

fn inputs(directory: &Path) -> Result<Vec<Input>> {
    let calls = "import ctypes, calls\nrun = ctypes.CDLL(calls.__path__[0] + '/m.abi3.so').run";
    let of = |name, wheel, python, calls| Input { name, wheel, python, calls };
    Ok(vec![
        of("calls", calls_wheel(directory)?, calls, CALLS),
        of("pymupdf 1.26.0", npm::pymupdf_wheel()?, "import pymupdf", 0),
        of("pymupdf 1.28.2", pypi::wheel("pymupdf")?, "import pymupdf", 0),
    ])
}

/// A wheel with a library of one function and its user, which calls that so many times.
fn calls_wheel(directory: &Path) -> Result<PathBuf> {
    let library = wat::parse_str(
        r#"(module (@dylink.0 (mem-info)) (import "env" "memory" (memory 0)) (func (export "f") (param i32) (result i32) local.get 0))"#,
    )?;
    let user = wat::parse_str(
        r#"(module (@dylink.0 (mem-info) (needed "libcalled.so")) (import "env" "memory" (memory 0))
        (import "env" "f" (func $f (param i32) (result i32)))
        (func (export "PyInit_m") (result i32) (i32.const 0))
        (func (export "run") (param $left i32) (result i32)
            (loop (br_if 0 (call $f (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))) (i32.const 0)))"#,
    )?;
    let files: [(&str, &[u8]); 3] = [("calls/__init__.py", b""), ("calls/m.abi3.so", &user), ("calls.libs/libcalled.so", &library)];
    Ok(wheel::write(directory, "calls", "pyodide_2025_0", &files))
}

fn row(input: &Input, form: &str, wheel: &Path, runtime: Runtime, empty: &Path, rounds: usize) -> Result<String> {
    let (mut modules, mut names) = (0, 0);
    for (_, bytes) in modules_of_archive(wheel)? {
        modules += bytes.len();
        names += names_of(&Module::read(&bytes)?);
    }
    let bytes = std::fs::metadata(wheel)?.len();
    let mut row = format!("| {} | {form} | {} | {bytes} | {modules} | {names} |", input.name, runtime.version());
    let request = Request { runtime: runtime.directory()?, wheel, python: input.python, empty, calls: input.calls };
    let times: Result<Vec<Times>> = (0..rounds).map(|_| measure(&request)).collect();
    match times {
        Ok(times) if rounds > 0 => {
            let of = |time: fn(&Times) -> f64| median(&sorted(times.iter().map(time)));
            let (import, before, after) = (of(|times| times.import), of(|times| times.before), of(|times| times.after));
            let ratio = of(|times| times.after / times.before);
            write!(row, " {import:.0} | {before:.2} | {after:.2} | {ratio:.2} |")?;
            let call = times.iter().filter_map(|times| times.call);
            if input.calls > 0 { writeln!(row, " {:.1} |", median(&sorted(call)))? } else { writeln!(row, " |")? }
        }
        Ok(_) => row += " | | | | |\n",
        Err(error) => {
            eprintln!("  {} {form} does not load on {}: {error:#}", input.name, runtime.version());
            row += " – | | | | |\n";
        }
    }
    Ok(row)
}

/// How many names a module has entries of the global offset table for: those of its exports, and those that it takes from there.
fn names_of(module: &Module<'_>) -> usize {
    let is_symbol = |item: Item| matches!(item, Item::Function(_) | Item::Global(_));
    let exports = module.exports().iter().filter(|export| is_symbol(export.item)).map(|export| &*export.name);
    let imports = module.imports().iter().filter(|import| import.module.starts_with("GOT.")).map(|import| &*import.field);
    exports.chain(imports).collect::<HashSet<_>>().len()
}

fn measure(request: &Request<'_>) -> Result<Times> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/isolate/measure.mjs");
    let mut command = Command::new("node");
    command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut node = command.spawn().context("cannot start Node")?;
    node.stdin.take().context("Node has a standard input")?.write_all(&serde_json::to_vec(request)?)?;
    let output = node.wait_with_output()?;
    serde_json::from_slice(&output.stdout).with_context(|| {
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        printed.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it printed nothing").to_string()
    })
}
