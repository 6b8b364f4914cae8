//! Carries out the command line of `show`.

use super::module::{self, Wanted};
use super::{Input, Report, SCHEMA_VERSION, Upgrade, archive, text};
use crate::cli::ShowArgs;
use crate::exit::{EXIT_DONE, EXIT_ERROR};
use crate::input::{self, Kind, Source};
use crate::output;
use crate::plain::Paper;
use crate::report::{Failure, TOOL};
use crate::sheet::Sheet;
use crate::target::{self, Target};
use crate::usage;
use crate::wheel::naming;
use anyhow::Result;
use std::io::Write;

/// Runs `args` and returns the exit code.
pub fn run(args: &ShowArgs) -> i32 {
    if let Some(Err(error)) = args.target.as_ref().filter(|name| *name != target::AUTO).map(|name| Target::find(name)) {
        return usage::cannot_begin(&error, args.color, args.json.then_some(SCHEMA_VERSION));
    }
    let inputs: Vec<Input> = args.inputs.iter().map(|path| show(&Source::new(path), args)).collect();
    let failed = inputs.iter().any(|input| input.error.is_some());
    let exit_code = if failed { EXIT_ERROR } else { EXIT_DONE };
    let report = Report { schema_version: SCHEMA_VERSION, tool: TOOL, exit_code, inputs };
    output::printed(print(&report, args), exit_code)
}

/// Reads one input and gathers what is to be told of it.
fn show(source: &Source, args: &ShowArgs) -> Input {
    let mut shown = empty(source.to_string());
    if let Err(error) = gather(source, args, &mut shown) {
        shown.error = Some(Failure::from(&error));
    }
    shown
}

fn gather(source: &Source, args: &ShowArgs, shown: &mut Input) -> Result<()> {
    let bytes = source.read()?;
    let wanted = Wanted { imports: args.imports, exports: args.exports, functions: args.functions };
    describe(source.file_name().as_deref(), &bytes, wanted, shown)?;
    if !args.no_upgrade {
        shown.upgrade = Some(upgrade(source, &bytes, args, shown)?);
    }
    Ok(())
}

/// Gathers what is in the contents `bytes` of a file called `file_name`.
fn describe(file_name: Option<&str>, bytes: &[u8], wanted: Wanted, shown: &mut Input) -> Result<()> {
    shown.size = Some(bytes.len() as u64);
    let kind = input::recognise(bytes, file_name)?;
    shown.kind = Some(kind);
    match kind {
        Kind::Module => shown.modules = vec![module::describe(bytes, wanted)?],
        Kind::Wheel | Kind::Archive | Kind::Directory | Kind::Lock => {
            let own = if kind == Kind::Wheel { Some(naming::of_wheel(file_name.unwrap_or_default(), bytes)?) } else { None };
            let (archive, modules) = archive::describe(own.as_deref().or(file_name).unwrap_or_default(), bytes, wanted)?;
            (shown.archive, shown.modules) = (Some(archive), modules);
        }
    }
    Ok(())
}

/// All there is to tell of the contents `bytes` of a file called `file_name`, as text; what `upgrade` would do is left out.
///
/// # Errors
/// When they cannot be read as what they are.
pub fn in_memory(file_name: &str, bytes: &[u8]) -> Result<String> {
    let mut shown = empty(file_name.to_string());
    describe(Some(file_name), bytes, Wanted { imports: true, exports: true, functions: usize::MAX }, &mut shown)?;
    let mut out = Vec::new();
    text::write(&mut Sheet::new(&mut out, Paper::ENDLESS), &shown, true)?;
    Ok(String::from_utf8(out)?)
}

fn empty(input: String) -> Input {
    Input { input, kind: None, size: None, archive: None, modules: Vec::new(), upgrade: None, error: None }
}

/// What `upgrade` would do with the input, for the target asked for or the one that suits it.
fn upgrade(source: &Source, bytes: &[u8], args: &ShowArgs, shown: &Input) -> Result<Upgrade> {
    let target = match &args.target {
        Some(name) if name == target::AUTO => target::AUTO,
        Some(name) => Target::find(name)?.name,
        None => own_target(shown),
    };
    let report = crate::run::dry_run(source, bytes, target, &args.main)?;
    Ok(Upgrade { target: report.targets.join(" and "), report })
}

/// The latest platform in the tags of a wheel, for nothing is made older, unless the default is later.
fn own_target(shown: &Input) -> &'static str {
    let platforms = shown.archive.iter().flat_map(|archive| &archive.platforms);
    let later = Target::all().iter().skip_while(|target| target.name != target::DEFAULT);
    let latest = later.filter(|target| platforms.clone().any(|name| *name == target.name)).last();
    latest.map_or(target::DEFAULT, |target| target.name)
}

/// Prints the report to standard output.
fn print(report: &Report, args: &ShowArgs) -> Result<()> {
    if args.json {
        output::print_json(report)?;
    } else {
        let mut stdout = anstream::AutoStream::new(std::io::stdout(), args.color.into());
        let paper = Paper::behind(&std::io::stdout());
        let whole = args.modules || args.imports || args.exports;
        for (index, input) in report.inputs.iter().enumerate() {
            if index > 0 {
                writeln!(stdout)?;
            }
            text::write(&mut Sheet::new(&mut stdout, paper), input, whole)?;
        }
        stdout.flush()?;
    }
    Ok(())
}
