//! What wheels weigh and how long they take to load, before and after: `cargo bench --bench size`.
//!
//! Inputs are all wheels at hand (`inputs`). Each is measured as it is, upgraded only (`-O0`), as the tool leaves it by default, and,
//! where there is one, in a native build of the same version (`forms`). What counts is in `sizes`; loading is timed in Node by `loading`,
//! in processes of their own that take turns. The modules of each wheel also go through two other tools (`rivals`), those of them that
//! are in PATH: `wasm-opt -Oz` and `wasm-tools strip`.
//!
//! Nothing is written unless asked: `cargo bench --bench size -- --write benches/results/size.md`, which writes a picture to `size.svg`
//! beside it. `-- --rounds N` sets the number of rounds (5), 0 measures sizes alone; `-- --only WORD` takes the wheels whose name
//! contains WORD.

mod forms;
mod generated;
mod inputs;
mod loading;
mod node;
mod picture;
mod rivals;
mod sizes;
mod tables;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use support::measure::{machine, write};
use support::npm;

use forms::FormName;
use inputs::{Input, Origin};
use loading::Load;
use rivals::Rival;
use sizes::Size;

const COMMAND: &str = "cargo bench --bench size";

fn main() -> Result<()> {
    let settings = Settings::parse(std::env::args().skip(1))?;
    let scratch = tempfile::tempdir()?;
    let inputs = inputs::inputs(settings.only.as_deref(), scratch.path())?;
    ensure!(!inputs.is_empty(), "no wheel has such a name");
    let mut rows = Vec::new();
    for (index, input) in inputs.iter().enumerate() {
        eprintln!("{} ({} of {})", input.name, index + 1, inputs.len());
        rows.push(measure(input, &settings, &scratch.path().join(index.to_string()))?);
    }
    let report = report(&rows, &settings)?;
    print!("{report}");
    if let Some(path) = &settings.write {
        write(path, &report)?;
        write(&path.with_extension("svg"), &picture::picture(&rows)?)?;
    }
    Ok(())
}

/// All that was measured of one input.
struct Row {
    name: String,
    origin: Origin,
    forms: Vec<Measured>,
    rivals: Vec<(Rival, Option<Size>)>,
}

/// What was measured of one form.
struct Measured {
    form: FormName,
    size: Size,
    /// One for each round; empty when it does not load.
    loads: Vec<Load>,
}

impl Row {
    fn form(&self, form: FormName) -> Option<&Measured> {
        self.forms.iter().find(|measured| measured.form == form)
    }

    fn before(&self) -> Option<&Measured> {
        self.form(FormName::Original)
    }

    fn after(&self) -> Option<&Measured> {
        self.form(FormName::Optimised)
    }
}

fn measure(input: &Input, settings: &Settings, scratch: &Path) -> Result<Row> {
    std::fs::create_dir_all(scratch)?;
    let wheels = forms::forms(input, scratch)?;
    let mut forms = Vec::new();
    for wheel in &wheels {
        forms.push(Measured { form: wheel.form, size: sizes::of_wheel(&wheel.path)?, loads: Vec::new() });
    }
    let loads = loading::rounds(&wheels, settings.rounds)?;
    forms.iter_mut().zip(loads).for_each(|(measured, loads)| measured.loads = loads);
    Ok(Row { name: input.name.clone(), origin: input.origin, forms, rivals: rivals::sizes(&input.path, scratch)? })
}

fn report(rows: &[Row], settings: &Settings) -> Result<String> {
    let mut text = String::from("# Size of wheels, time to load them\n\n");
    let node = npm::version_of("node")?;
    writeln!(text, "`{COMMAND}` with Node {node} on {}.\n", machine())?;
    text.push_str(&tables::sizes(rows)?);
    text.push_str(&tables::contents(rows)?);
    if settings.rounds > 0 {
        text.push_str(&tables::loading(rows, settings.rounds)?);
    }
    text.push_str(&tables::rivals(rows)?);
    Ok(text)
}

struct Settings {
    rounds: usize,
    only: Option<String>,
    write: Option<PathBuf>,
}

impl Settings {
    fn parse(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut settings = Settings { rounds: 5, only: None, write: None };
        // Cargo adds `--bench`.
        let mut arguments = arguments.filter(|argument| argument != "--bench");
        while let Some(argument) = arguments.next() {
            let value = arguments.next().with_context(|| format!("{argument} needs a value"))?;
            match argument.as_str() {
                "--rounds" => {
                    settings.rounds = value.parse().with_context(|| format!("--rounds takes a number, not {value}"))?;
                }
                "--only" => settings.only = Some(value),
                "--write" => settings.write = Some(PathBuf::from(value)),
                _ => bail!("unknown argument {argument}; known are --rounds N, --only WORD and --write FILE"),
            }
        }
        Ok(settings)
    }
}
