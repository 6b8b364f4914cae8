//! Carries out the command line of `verify`.

use super::compare::{Compared, compare};
use super::runtime::Runtime;
use super::trial::{self, Means, Plan};
use super::{Input, Report, SCHEMA_VERSION, Trial, Verdict, contents, text};
use crate::cli::{UpgradeArgs, VerifyArgs};
use crate::codes::reading::UNREADABLE;
use crate::exit::{EXIT_DONE, EXIT_ERROR, EXIT_REFUSED};
use crate::input::{Kind, Source, recognise};
use crate::output;
use crate::plain::Paper;
use crate::report::{Failure, Status, TOOL};
use crate::run::InMemory;
use anyhow::{Context, Result, bail};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Runs `args` and returns the exit code.
pub fn run(args: &VerifyArgs) -> i32 {
    let (inputs, error) = match Trials::new(args).and_then(|trials| trials.all()) {
        Ok(inputs) => (inputs, None),
        Err(error) => (Vec::new(), Some(Failure::from(&error))),
    };
    let mut report = Report { schema_version: SCHEMA_VERSION, tool: TOOL, exit_code: EXIT_DONE, inputs, error };
    report.exit_code = exit_code(&report);
    output::printed(print(&report, args), report.exit_code)
}

fn exit_code(report: &Report) -> i32 {
    let any = |verdicts: &[Verdict]| report.inputs.iter().any(|input| verdicts.contains(&input.verdict));
    if report.error.is_some() || any(&[Verdict::Worse, Verdict::Error]) {
        EXIT_ERROR
    } else if any(&[Verdict::Refused]) {
        EXIT_REFUSED
    } else {
        EXIT_DONE
    }
}

fn print(report: &Report, args: &VerifyArgs) -> Result<()> {
    if args.json {
        return output::print_json(report);
    }
    let mut stdout = anstream::AutoStream::new(std::io::stdout(), args.color.into());
    text::write(&mut stdout, Paper::behind(&std::io::stdout()), report, args.verbose)?;
    Ok(stdout.flush()?)
}

/// What all inputs need.
struct Trials<'a> {
    args: &'a VerifyArgs,
    runtime: Runtime,
    /// Another one for the originals.
    original_runtime: Option<Runtime>,
    test: Option<String>,
}

/// A wheel in memory, by its name.
struct Wheel {
    name: String,
    bytes: Vec<u8>,
}

impl<'a> Trials<'a> {
    fn new(args: &'a VerifyArgs) -> Result<Self> {
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path).with_context(|| UNREADABLE.fails(format!("{}: cannot be read", path.display())))
        };
        Ok(Trials {
            args,
            test: args.test.as_ref().map(read).transpose()?,
            runtime: Runtime::find(&args.runtime)?,
            original_runtime: args.original_runtime.as_deref().map(Runtime::find).transpose()?,
        })
    }

    fn all(&self) -> Result<Vec<Input>> {
        let upgrade = UpgradeArgs::dry_run(self.runtime.target()?.name, &[]);
        let mut tool = InMemory::new(&upgrade)?;
        Ok(self.args.inputs.iter().map(|path| self.one(path, &mut tool)).collect())
    }

    fn one(&self, path: &Path, tool: &mut InMemory<'_>) -> Input {
        let mut input = Input {
            input: path.display().to_string(),
            upgraded_file: None,
            verdict: Verdict::Error,
            original: None,
            upgraded: None,
            differences: Vec::new(),
            gains: Vec::new(),
            neither: Vec::new(),
            error: None,
        };
        if let Err(error) = self.try_both(path, tool, &mut input) {
            input.error = Some(Failure::from(&error));
        }
        input
    }

    fn try_both(&self, path: &Path, tool: &mut InMemory<'_>, input: &mut Input) -> Result<()> {
        let original = wheel(path)?;
        let upgraded = match &self.args.upgraded {
            Some(path) => wheel(path)?,
            None => match upgraded(&original, tool, input) {
                Some(upgraded) => upgraded,
                None => return Ok(()),
            },
        };
        input.upgraded_file = Some(upgraded.name.clone());
        let modules: Vec<String> = contents::modules(&original.bytes)?.into_iter().collect();
        let before = self.tried(&original, self.original_runtime.as_ref().unwrap_or(&self.runtime), &modules)?;
        let now = self.tried(&upgraded, &self.runtime, &modules)?;
        let compared = compare(&before, &now);
        input.verdict = compared.verdict();
        let Compared { differences, gains, neither } = compared;
        (input.differences, input.gains, input.neither) = (differences, gains, neither);
        (input.original, input.upgraded) = (Some(before), Some(now));
        Ok(())
    }

    fn tried(&self, wheel: &Wheel, runtime: &Runtime, modules: &[String]) -> Result<Trial> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join(&wheel.name);
        std::fs::write(&path, &wheel.bytes)?;
        let plan = Plan {
            packages: self.args.package.clone(),
            files: self.args.with.iter().cloned().chain([path]).collect(),
            modules: modules.to_vec(),
            test: self.test.clone(),
        };
        let means = Means { node: &self.args.node, patience: Duration::from_secs(self.args.timeout) };
        trial::run(runtime, &plan, &means)
    }
}

/// Reads the wheel at `path`.
fn wheel(path: &Path) -> Result<Wheel> {
    let source = Source::File(path.to_path_buf());
    let bytes = source.read()?;
    let name = source.file_name().context("its name is not UTF-8")?;
    if recognise(&bytes, Some(&name))? != Kind::Wheel || !name.ends_with(".whl") {
        bail!(UNREADABLE.fails("no wheel: only wheels can be installed and tried"));
    }
    Ok(Wheel { name, bytes })
}

/// What `upgrade` makes of `original`; `None` if it makes nothing of it, which `input` tells then.
fn upgraded(original: &Wheel, tool: &mut InMemory<'_>, input: &mut Input) -> Option<Wheel> {
    let (report, bytes) = tool.upgrade(&original.name, &original.bytes);
    if let Some(failure) = report.error {
        input.verdict = if report.status == Status::Refused { Verdict::Refused } else { Verdict::Error };
        input.error = Some(failure);
        return None;
    }
    let name = report.file_name.unwrap_or_else(|| original.name.clone());
    Some(Wheel { name, bytes: bytes.unwrap_or_else(|| original.bytes.clone()) })
}
