//! How the time grows with the input: `cargo bench --bench growth`.
//!
//! Each row is a kind of input of which there may be more or less, made in three sizes: n, 2n and 4n. Each is upgraded or checked by the command
//! in a process of its own, with one thread; printed are the user seconds of that process. What doubles from column to column is linear; what
//! grows fourfold is quadratic, and a fault. Times are those of `/proc/self/stat` (Linux), in steps of a hundredth of a second.
//!
//! `-- NAME…` measures the rows whose names contain one of these; `-- --write FILE` writes the table, too. A new kind of input is one
//! function in a module of its own here, and one line in [`GENERATORS`].

mod archives;
mod bind;
mod exceptions;
mod imports;
mod javascript;
mod merge;
mod pointers;
mod private;

use std::fmt::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use support::measure::{TICKS, children_ticks, machine, write};

/// A kind of input.
struct Generator {
    name: &'static str,
    /// The smallest size that is measured.
    n: usize,
    /// Makes an input of some size.
    make: fn(usize) -> Result<Input>,
}

/// What the command is given.
struct Input {
    /// Name of the file, whose ending says what it is.
    file: &'static str,
    bytes: Vec<u8>,
    /// Whether it is checked and not upgraded.
    checked: bool,
    /// Files in the directory where the command runs.
    beside: Vec<(&'static str, Vec<u8>)>,
    /// Options beside the input and the output.
    options: &'static [&'static str],
}

impl Input {
    /// A side module, in the text format.
    fn module(text: &str) -> Result<Self> {
        Ok(Input { file: "module.so", bytes: wat::parse_str(text)?, checked: false, beside: Vec::new(), options: &[] })
    }
}

const GENERATORS: &[Generator] = &[
    Generator { name: "functions that call each other in a chain", n: 5_000, make: exceptions::chain },
    Generator { name: "imports of invokes, one call of each", n: 1_000, make: exceptions::invokes },
    Generator { name: "call sites in one function", n: 2_000, make: exceptions::sites },
    Generator { name: "calls that cannot throw in one function", n: 2_000, make: exceptions::harmless_sites },
    Generator { name: "references of a module to itself", n: 5_000, make: bind::own_references },
    Generator { name: "two equal chains of functions", n: 5_000, make: merge::chains },
    Generator { name: "libraries of one archive that share names", n: 200, make: archives::shared_names },
    Generator { name: "libraries with namesakes in directories of each other", n: 500, make: archives::crossed },
    Generator { name: "modules that need many libraries with many namesakes", n: 2_500, make: archives::shared_namesakes },
    Generator { name: "packages with libraries of one name", n: 500, make: archives::of_packages },
    Generator { name: "packages with libraries of one name, checked", n: 500, make: archives::of_packages_checked },
    Generator { name: "packages with libraries below, checked for 2024_0", n: 500, make: archives::below },
    Generator { name: "libraries in a chain, each in a directory of its own", n: 500, make: archives::chain },
    Generator { name: "modules named for another Python, checked", n: 1_000, make: archives::other_python },
    Generator { name: "libraries that define one name and need all before them, checked", n: 20_000, make: archives::clashing },
    Generator { name: "directories around a library", n: 5_000, make: archives::deep_path },
    Generator { name: "imported functions", n: 50_000, make: imports::functions },
    Generator { name: "imports that nobody uses", n: 20_000, make: imports::unused },
    Generator { name: "functions that the runtime lacks", n: 20_000, make: imports::substitutes },
    Generator { name: "addresses of functions for exceptions", n: 5_000, make: imports::addresses },
    Generator { name: "imports and exports with 64-bit integers in halves", n: 2_000, make: imports::legalized },
    Generator { name: "weak functions and addresses", n: 10_000, make: imports::weak },
    Generator { name: "imports that may take halves", n: 5_000, make: imports::suspects },
    Generator { name: "types with a wrong slot", n: 2_000, make: pointers::types },
    Generator { name: "types with a wrong slot, checked", n: 5_000, make: pointers::types_checked },
    Generator { name: "calls of `qsort` with wrong functions", n: 2_000, make: pointers::arguments },
    Generator { name: "private libraries with a user each", n: 100, make: private::with_a_user_each },
    Generator { name: "private libraries with one user", n: 200, make: private::with_one_user },
    Generator { name: "private libraries in a chain", n: 200, make: private::chain },
    Generator { name: "private libraries that share names", n: 100, make: private::with_shared_names },
    Generator { name: "symbols of a private library", n: 2_000, make: private::of_many_symbols },
    Generator { name: "values of JavaScript with many names", n: 10_000, make: javascript::shared_values },
];

fn main() -> Result<()> {
    let mut wanted = Vec::new();
    let mut to: Option<PathBuf> = None;
    // Cargo adds `--bench`.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--write" => to = Some(arguments.next().context("--write needs a file")?.into()),
            _ => wanted.push(argument),
        }
    }
    let is_wanted = |generator: &&Generator| wanted.is_empty() || wanted.iter().any(|part| generator.name.contains(part.as_str()));
    let mut report = format!(
        "# Growth of time with the input\n\n`cargo bench --bench growth` on {}: user seconds.\n\n\
         | what | n | n | 2n | 4n |\n|---|---|---|---|---|\n",
        machine()
    );
    print!("{report}");
    for generator in GENERATORS.iter().filter(is_wanted) {
        let row = row(generator).with_context(|| generator.name)?;
        print!("{row}");
        report += &row;
    }
    to.map_or(Ok(()), |path| write(&path, &report))
}

fn row(generator: &Generator) -> Result<String> {
    let mut row = format!("| {} | {}", generator.name, generator.n);
    for size in [generator.n, 2 * generator.n, 4 * generator.n] {
        write!(row, " | {:.2}", seconds(&(generator.make)(size)?)?)?;
    }
    Ok(row + " |\n")
}

/// User seconds of the command.
fn seconds(input: &Input) -> Result<f64> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join(input.file);
    std::fs::write(&path, &input.bytes)?;
    for (name, bytes) in &input.beside {
        std::fs::write(directory.path().join(name), bytes)?;
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"));
    if input.checked {
        command.arg("check").arg(&path);
    } else {
        command.arg(&path).arg("-o").arg(directory.path().join("out/"));
    }
    command.args(input.options).current_dir(&directory);
    command.env("RAYON_NUM_THREADS", "1").stdout(Stdio::null()).stderr(Stdio::piped());
    let before = children_ticks()?.0;
    let output = command.output().context("cannot start wasm-pyfix")?;
    // What is checked may be wrong.
    let done = output.status.success() || (input.checked && output.status.code() == Some(1));
    ensure!(done, "the command failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok((children_ticks()?.0 - before) as f64 / TICKS as f64)
}
