//! What it costs to give native modules the other exception instructions: `cargo bench --bench handlers`.
//!
//! The inputs are the modules of the pinned wheels from the Python package index that have native handlers, and those of Pyodide 0.28 where
//! `../shared/corpus` is there. Each becomes `try_table` and `try` again, by a process of its own each; beside it, Binaryen's
//! `wasm-opt -all --translate-to-exnref` of the npm package, which is WebAssembly itself and runs on Node, makes the former of the
//! original. Sizes are those of the code section.
//!
//! Nothing is written unless asked: `cargo bench --bench handlers -- --write benches/results/handlers.md`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use support::measure::{machine, write};
use support::modules::{files_below, modules_of_archive};
use support::{npm, pypi};
use wasm_pyfix_passes::exceptions;
use wasm_pyfix_passes::module::Module;
use wasmparser::{Parser, Payload};

const TOOL: &str = env!("CARGO_BIN_EXE_wasm-pyfix");
const ARGUMENTS: &str = "-q -O0 --no-check --allow-missing";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let written = match arguments.as_slice() {
        [] => None,
        [flag, path] if flag == "--write" => Some(PathBuf::from(path)),
        _ => bail!("`--write FILE` is all that can be asked for"),
    };
    let mut report = format!(
        "# Exception instructions of native modules\n\n`cargo bench --bench handlers`, one run, on {}: bytes of the code section, and seconds of a \
         process. `wasm-pyfix IN -o OUT {ARGUMENTS} --exceptions exnref`, from that again with `--exceptions legacy`, and Binaryen 132's \
         `wasm-opt -all --translate-to-exnref` on Node.\n\n\
         | module | code | exnref | | legacy again | | Binaryen | | exnref, s | legacy again, s | Binaryen, s |\n\
         |---|---|---|---|---|---|---|---|---|---|---|\n",
        machine()
    );
    let directory = tempfile::tempdir()?;
    let mut sum = Row::default();
    for (name, bytes) in inputs()? {
        let row = measure(&name, &bytes, directory.path())?;
        row.write(&name, &mut report)?;
        sum.add(&row);
    }
    sum.write("all", &mut report)?;
    print!("{report}");
    if let Some(path) = written {
        write(&path, &report)?;
    }
    Ok(())
}

/// The modules with native handlers, by their names.
fn inputs() -> Result<Vec<(String, Vec<u8>)>> {
    let mut wheels: Vec<PathBuf> = pypi::names()?.iter().map(|name| pypi::wheel(name)).collect::<Result<_>>()?;
    let corpus = support::repository().join("../shared/corpus/wheels/2025");
    if corpus.is_dir() {
        wheels.extend(files_below(&corpus)?);
    } else {
        println!("without ../shared/corpus");
    }
    let mut inputs = Vec::new();
    for wheel in wheels.iter().filter(|wheel| wheel.extension().is_some_and(|extension| extension == "whl")) {
        let wheel_name = wheel.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let distribution = wheel_name.split('-').take(2).collect::<Vec<_>>().join(" ");
        for (path, bytes) in modules_of_archive(wheel)? {
            if exceptions::handlers(&Module::read(&bytes)?)?.legacy {
                let file = path.rsplit('/').next().unwrap_or_default();
                inputs.push((format!("{distribution}: `{}`", file.split('.').next().unwrap_or_default()), bytes));
            }
        }
    }
    Ok(inputs)
}

/// What came of one module: bytes of code, and seconds.
#[derive(Default)]
struct Row {
    before: u64,
    bytes: [u64; 3],
    seconds: [f64; 3],
}

impl Row {
    fn add(&mut self, other: &Row) {
        self.before += other.before;
        for place in 0..3 {
            self.bytes[place] += other.bytes[place];
            self.seconds[place] += other.seconds[place];
        }
    }

    fn write(&self, name: &str, report: &mut String) -> Result<()> {
        write!(report, "| {name} | {} |", self.before)?;
        for bytes in self.bytes {
            write!(report, " {bytes} | {:+.2} % |", 100.0 * (bytes as f64 / self.before as f64 - 1.0))?;
        }
        for seconds in self.seconds {
            write!(report, " {seconds:.2} |")?;
        }
        writeln!(report)?;
        Ok(())
    }
}

fn measure(name: &str, bytes: &[u8], directory: &Path) -> Result<Row> {
    let [input, new, back, translated] = ["in.so", "new.so", "back.so", "translated.so"].map(|file| directory.join(file));
    std::fs::write(&input, bytes)?;
    let own = |from: &Path, to: &Path, kind: &str| {
        let mut command = Command::new(TOOL);
        command.arg(from).arg("-o").arg(to).args(ARGUMENTS.split(' ')).args(["--exceptions", kind]);
        command
    };
    let mut binaryen = Command::new("node");
    binaryen.arg(npm::packages()?.join("binaryen/bin/wasm-opt")).args(["-all", "--translate-to-exnref"]).arg(&input);
    binaryen.arg("-o").arg(&translated);
    let mut row = Row { before: code_size(&input)?, ..Row::default() };
    let runs = [(own(&input, &new, "exnref"), &new), (own(&new, &back, "legacy"), &back), (binaryen, &translated)];
    for (place, (mut command, output)) in runs.into_iter().enumerate() {
        let start = Instant::now();
        let done = command.output().with_context(|| format!("{name}: cannot start"))?;
        row.seconds[place] = start.elapsed().as_secs_f64();
        ensure!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
        row.bytes[place] = code_size(output)?;
    }
    Ok(row)
}

fn code_size(path: &Path) -> Result<u64> {
    let bytes = std::fs::read(path)?;
    for payload in Parser::new(0).parse_all(&bytes) {
        if let Payload::CodeSectionStart { size, .. } = payload? {
            return Ok(size.into());
        }
    }
    bail!("{} has no code", path.display())
}
