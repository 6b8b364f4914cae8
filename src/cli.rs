//! Command-line arguments: what can be asked for, and which combinations are usage errors.
//!
//! `upgrade` is the subcommand meant when none is named. A subcommand is recognised as the first argument only; everything else is
//! a file name. The names in [`SUBCOMMANDS`] are taken wherever they stand, so that a misplaced one is no file name: a file of such
//! a name is written `./check`, or comes after an explicit `upgrade`.

mod size;
mod targets;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use wasm_pyfix_passes::symbols::Alias;

use wasm_pyfix_passes::dyncall::Signatures;

use crate::plain::plain;
use crate::report::summary;
use crate::target::{self, TagStyle};
use crate::wheel::compress::Level;

pub use size::{SizeArgs, StripMode};
pub(crate) use targets::cannot_begin;
pub use targets::{TargetArgs as TargetFileArgs, TargetsArgs};

/// Names of subcommands.
const SUBCOMMANDS: [&str; 7] = ["upgrade", "check", "show", "explain", "target", "targets", "help"];

/// Exit code: everything done, or nothing to do.
pub const EXIT_DONE: i32 = 0;
/// Exit code: an input could not be read, understood or written.
pub const EXIT_ERROR: i32 = 1;
/// Exit code: the command line makes no sense.
pub const EXIT_USAGE: i32 = 2;
/// Exit code: an input is in order, and upgrading it would not be sound.
pub const EXIT_REFUSED: i32 = 3;

const EXIT_CODES: &str = "\
Exit codes:
  0  done, or nothing to do
  1  an input could not be read, understood or written
  2  wrong usage
  3  an input was refused: it is in order, and upgrading it would not be sound

With several inputs a failing one does not stop the others; when some failed and some
were refused, the exit code is 1.";

const CHECK_EXIT_CODES: &str = "\
Exit codes:
  0  no errors found (with --strict: no warnings either)
  1  errors found, or an input could not be read
  2  wrong usage";

const SHOW_EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  an input could not be read or understood
  2  wrong usage";

#[derive(Debug, Parser)]
#[command(
    name = "wasm-pyfix",
    version,
    about = "Upgrades the WebAssembly side modules of Pyodide wheels after linking",
    long_about = "Upgrades the WebAssembly side modules of Pyodide wheels after linking.\n\n\
        Reads side modules (.so), wheels (.whl) and Pyodide's archives of shared libraries (.zip) that were built for an older \
        Emscripten platform, and writes them so that the runtime named by --target loads and runs them. No source, compiler or \
        Emscripten is needed. What is already in order comes out byte for byte as it went in.",
    override_usage = "wasm-pyfix [upgrade] [OPTIONS] <IN>... -o <OUT>\n       wasm-pyfix [upgrade] [OPTIONS] <IN>... --in-place\n       wasm-pyfix check [OPTIONS] <FILE>...\n       wasm-pyfix show [OPTIONS] <FILE>...",
    after_long_help = EXIT_CODES,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    arg_required_else_help = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    upgrade: UpgradeArgs,
}

/// What is asked for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Upgrade modules, wheels and archives; meant when no subcommand is named
    #[command(
        override_usage = "wasm-pyfix upgrade [OPTIONS] <IN>... -o <OUT>\n       wasm-pyfix upgrade [OPTIONS] <IN>... --in-place",
        after_long_help = EXIT_CODES
    )]
    Upgrade(Box<UpgradeArgs>),
    /// Tell what will not load or run, why, and what to do about it
    #[command(after_long_help = CHECK_EXIT_CODES)]
    Check(CheckArgs),
    /// Explain what a code in brackets means, of `check` and of `upgrade`
    Explain(ExplainArgs),
    /// Tell what is in modules, wheels and archives, and what `upgrade` would do with them
    #[command(after_long_help = SHOW_EXIT_CODES)]
    Show(ShowArgs),
    /// Write the manifest of a main module with its JavaScript, which `--target` then takes
    #[command(after_long_help = SHOW_EXIT_CODES)]
    Target(TargetFileArgs),
    /// List the platforms that `--target` knows, or compare two of them
    #[command(after_long_help = SHOW_EXIT_CODES)]
    Targets(TargetsArgs),
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Side modules (.so), wheels (.whl) or archives of shared libraries (.zip); `-` reads a module from standard input
    ///
    /// What one input needs, the others may offer: give a wheel together with the wheels and libraries that it needs.
    #[arg(value_name = "FILE", required = true)]
    pub inputs: Vec<PathBuf>,

    /// Platform to check against, or a release of Pyodide (0.29) [default: the one in the wheel's tags, else that of `upgrade`]
    ///
    /// `wasm-pyfix --list-targets` names them. Repeat it to check against several. Without it, wheels for different platforms are
    /// checked one platform at a time.
    #[arg(long, value_name = "NAME", help_heading = "Target")]
    pub target: Vec<String>,

    /// Check against all later platforms, too, whatever the tags say
    ///
    /// Tells what will break there, and what is known to go after the last one.
    #[arg(long, help_heading = "Target")]
    pub against_next: bool,

    /// File of the runtime that will load the inputs: its main module (.wasm) or its JavaScript (.js, .mjs)
    ///
    /// Repeat it for each file. Imports are checked against what it offers; --target still says which Python and which tags.
    #[arg(long, value_name = "FILE", help_heading = "Target")]
    pub main: Vec<PathBuf>,

    /// Exit with 1 for warnings, too
    #[arg(long, help_heading = "Report")]
    pub strict: bool,

    /// Print the findings as JSON
    #[arg(long, help_heading = "Report")]
    pub json: bool,

    /// Print every finding, where there are many of one kind
    #[arg(short, long, conflicts_with = "quiet", help_heading = "Report")]
    pub verbose: bool,

    /// Print only what makes it fail: errors, with --strict warnings too
    #[arg(short, long, help_heading = "Report")]
    pub quiet: bool,

    /// When to use colour; `auto` looks at the terminal and at NO_COLOR
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Report")]
    pub color: Color,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Codes, such as missing-function; all of them are listed when none is given
    #[arg(value_name = "CODE")]
    pub codes: Vec<String>,
}

/// Arguments of `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Side modules (.so), wheels (.whl) or archives of shared libraries (.zip); `-` reads a module from standard input
    #[arg(value_name = "FILE", required = true)]
    pub inputs: Vec<PathBuf>,

    /// Describe each module of a wheel or an archive, not only what they are together
    #[arg(long, help_heading = "What to show")]
    pub modules: bool,

    /// List all imports
    #[arg(long, help_heading = "What to show")]
    pub imports: bool,

    /// List all exports
    #[arg(long, help_heading = "What to show")]
    pub exports: bool,

    /// How many of the largest functions to list
    #[arg(long, value_name = "N", default_value_t = 5, help_heading = "What to show")]
    pub functions: usize,

    /// Do not tell what `upgrade` would do
    #[arg(long, conflicts_with_all = ["target", "main"], help_heading = "What to show")]
    pub no_upgrade: bool,

    /// Platform to tell the upgrade for [default: the one in the wheel's tags, else that of `upgrade`]
    #[arg(long, value_name = "NAME", help_heading = "Target")]
    pub target: Option<String>,

    /// File of the runtime that the upgrade is for: its main module (.wasm) or its JavaScript (.js, .mjs)
    ///
    /// Repeat it for each file.
    #[arg(long, value_name = "FILE", help_heading = "Target")]
    pub main: Vec<PathBuf>,

    /// Print it as JSON
    #[arg(long, help_heading = "Report")]
    pub json: bool,

    /// When to use colour; `auto` looks at the terminal and at NO_COLOR
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Report")]
    pub color: Color,
}

/// Arguments of `upgrade`.
#[derive(Debug, Args)]
pub struct UpgradeArgs {
    /// Side modules (.so), wheels (.whl) or archives of shared libraries (.zip); `-` reads a module from standard input
    ///
    /// What a file is, its content decides; an archive must also be named .whl or .zip. A file that is named like a subcommand is
    /// written ./check or ./show.
    #[arg(value_name = "IN", required_unless_present = "list_targets")]
    pub inputs: Vec<PathBuf>,

    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub target: TargetArgs,
    #[command(flatten)]
    pub module: ModuleArgs,
    #[command(flatten)]
    pub size: SizeArgs,
    #[command(flatten)]
    pub wheel: WheelArgs,
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Where results go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// File or directory to write to; `-` is standard output
    ///
    /// OUT is a directory when it is one already, when it ends with a slash, with several inputs, and for a wheel (whose name may
    /// change) unless OUT ends with .whl. Directories are created. Files are written under a temporary name and renamed when
    /// complete. OUT never is an input: see --in-place.
    #[arg(short, long = "output", value_name = "OUT", conflicts_with = "in_place")]
    pub output: Option<PathBuf>,

    /// Replace each input by its result
    ///
    /// A wheel whose name changes gets its new name; the file of the old name is removed once the new one is complete.
    #[arg(long)]
    pub in_place: bool,

    /// Do everything but write, and report what would be written
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// Which runtime the result is for.
#[derive(Debug, Args)]
#[command(next_help_heading = "Target")]
pub struct TargetArgs {
    /// Platform to upgrade for, a release of Pyodide (0.29), or a file (./my.target); --list-targets names the platforms
    ///
    /// `wasm-pyfix target` writes such files. Repeat it for several platforms: each wheel is then written once for each of them.
    #[arg(long, value_name = "NAME", default_value = target::DEFAULT)]
    pub target: Vec<String>,

    /// With several targets: write one wheel with the tags of all, if the same wheel is right for all of them
    #[arg(long)]
    pub one_wheel: bool,

    /// List the platforms --target knows, and exit
    #[arg(long, exclusive = true)]
    pub list_targets: bool,

    /// File of the runtime that will load the result: its main module (.wasm) or its JavaScript (.js, .mjs)
    ///
    /// Repeat it for each file. Modules are checked against what it offers, and the types of imports that were linked without BIGINT are
    /// looked up in it; --target still says which Python and which tags.
    #[arg(long, value_name = "FILE")]
    pub main: Vec<PathBuf>,
}

/// What is done to each side module.
#[derive(Debug, Args)]
#[command(next_help_heading = "Modules")]
pub struct ModuleArgs {
    /// Write the new exception instructions (try_table) instead of the legacy ones
    ///
    /// The legacy instructions run on every engine that has WebAssembly exceptions; the new ones need, for instance, Node 24.
    #[arg(long)]
    pub exnref: bool,

    /// Write out constant expressions that compute, which older engines do not know
    ///
    /// Modules compiled with -mextended-const have them; Node 20, for instance, does not compile such a module.
    #[arg(long)]
    pub no_extended_const: bool,

    /// Pass 64-bit integers whole, as main modules with BIGINT do [default: as the target does]
    ///
    /// Undoes what linking without -sWASM_BIGINT did to exports and imports. The types of imports come from the module, from the
    /// target or from --main; where none of them tells, the module is refused.
    #[arg(long)]
    pub bigint: bool,

    /// Add missing dynCall_* exports: `i64`, `all`, or signatures such as `ji,vij`
    ///
    /// `i64` means those with 64-bit integers, of functions in the table and of invoke_* imports; `all` means all of these and of
    /// every indirect call. The default is `i64` for a target without BIGINT, none for others.
    #[arg(long, value_name = "SIGS")]
    pub dyncalls: Option<Signatures>,

    /// Accept modules that may be built for another layout of structs than the target's
    ///
    /// For instance for a time_t of 32 bits (Emscripten before 3.1.16). What such a module exchanges with the runtime is silently
    /// corrupted, so use it only for modules that are known to be younger than they look.
    #[arg(long)]
    pub allow_struct_change: bool,

    /// Look for needed libraries in PATH first; $ORIGIN is the directory of the module
    ///
    /// Repeat it for several paths: they come first in the module's runtime path, in the order given.
    #[arg(long, value_name = "PATH")]
    pub rpath: Vec<String>,

    /// Add a needed library
    #[arg(long, value_name = "LIB")]
    pub add_needed: Vec<String>,

    /// Remove a needed library
    #[arg(long, value_name = "LIB")]
    pub remove_needed: Vec<String>,

    /// Import the symbol NEW where a module imports OLD
    ///
    /// For symbols that the runtime no longer has under the old name. Names that are known to have changed need no such option.
    #[arg(long, value_name = "OLD=NEW", value_parser = alias)]
    pub alias: Vec<Alias>,

    /// Upgrade modules that import what the runtime lacks, with a notice, instead of refusing them
    #[arg(long)]
    pub allow_missing: bool,

    /// Write results that the target would not load, by what `check` finds, instead of refusing them
    #[arg(long)]
    pub no_check: bool,
}

/// Parses the value of `--alias`.
fn alias(text: &str) -> Result<Alias, String> {
    match text.split_once('=') {
        Some((old, new)) if !old.is_empty() && !new.is_empty() => {
            Ok(Alias { old: old.to_string(), new: new.to_string(), always: true })
        }
        _ => Err("expected the old name, `=` and the new name".to_string()),
    }
}

/// What is done to each wheel.
#[derive(Debug, Args)]
#[command(next_help_heading = "Wheels")]
pub struct WheelArgs {
    /// Spelling of the platform tag [default: the wheel's own if it names the target, else what the target's installers accept]
    ///
    /// Wheels without a tag from before PEP 783 get none.
    #[arg(long, value_name = "STYLE")]
    pub tag_style: Option<TagStyle>,

    /// Directory with libraries to graft: those that a module needs and the wheel lacks
    ///
    /// They are copied into the wheel, to <name>.libs. Repeat it for several directories; the first that has a library wins.
    #[arg(long, value_name = "DIR")]
    pub libdir: Vec<PathBuf>,

    /// Do not graft needed libraries whose name matches GLOB, nor report them as missing
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,

    /// Compress at LEVEL, 0 to 12 or `max`, also the files that do not change where that makes them smaller
    ///
    /// Without it, new contents are compressed at level 10, and other files are copied as they are. `max` is 12.
    #[arg(long, value_name = "LEVEL", value_parser = Level::parse)]
    pub compress: Option<Level>,

    /// Write a wheel for another Python version than the target's, its Python tags unchanged, instead of refusing it
    #[arg(long)]
    pub allow_python_mismatch: bool,

    /// Write a copy of a pyodide-lock.json for the target, with the new file name and hash of each wheel
    ///
    /// Packages in it that do not fit the target yet are listed. The copy has the same name and is written beside the wheels; with --in-place, FILE itself is replaced.
    #[arg(long, value_name = "FILE")]
    pub lock: Option<PathBuf>,

    /// Where to write the copy made by --lock
    #[arg(long, value_name = "FILE", requires = "lock")]
    pub lock_output: Option<PathBuf>,
}

/// How it is told what was done.
#[derive(Debug, Args)]
#[command(next_help_heading = "Report")]
pub struct ReportArgs {
    /// Print a report in JSON to standard output
    #[arg(long)]
    pub json: bool,

    /// Print a table of sizes to standard output: a row for each input, and one for all
    #[arg(long, value_name = "FORMAT", num_args = 0..=1, require_equals = true, default_missing_value = "text", conflicts_with = "json")]
    pub summary: Option<summary::Format>,

    /// Report every module, what each pass did and left, and notes
    #[arg(short, long, conflicts_with = "quiet")]
    pub verbose: bool,

    /// Print errors only
    #[arg(short, long)]
    pub quiet: bool,

    /// When to use colour; `auto` looks at the terminal and at NO_COLOR
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

impl From<Color> for anstream::ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        }
    }
}

/// Runs the command line `args`, the first of which is the program's name, and returns the exit code.
pub fn run<I, T>(args: I) -> i32
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    match parse(args) {
        Ok(Command::Upgrade(args)) => crate::run::run(&args),
        Ok(Command::Check(args)) => crate::check::run::run(&args),
        Ok(Command::Explain(args)) => crate::check::explain::run(&args),
        Ok(Command::Show(args)) => crate::show::run::run(&args),
        Ok(Command::Target(args)) => target::commands::write(&args),
        Ok(Command::Targets(args)) => target::commands::targets(&args),
        Err(error) => {
            // Help and version go to standard output and are no failure.
            let printed = error.print().and_then(|()| std::io::Write::flush(&mut std::io::stdout()));
            if error.use_stderr() { EXIT_USAGE } else { crate::output::printed(printed.map_err(Into::into), EXIT_DONE) }
        }
    }
}

fn parse<I, T>(args: I) -> Result<Command, clap::Error>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    if let Some(name) = args.get(1) {
        reject_misspelt_subcommand(name)?;
    }
    let cli = Cli::try_parse_from(args)?;
    let command = match cli.command {
        Some(command) => command,
        None => {
            reject_subcommand_names(&cli.upgrade.inputs)?;
            Command::Upgrade(Box::new(cli.upgrade))
        }
    };
    match &command {
        Command::Upgrade(args) => reject_contradictions(args)?,
        Command::Check(args) => reject_second_stdin(&args.inputs)?,
        Command::Explain(_) | Command::Target(_) | Command::Targets(_) => {}
        Command::Show(args) => reject_second_stdin(&args.inputs)?,
    }
    Ok(command)
}

/// The arguments of a dry run of `upgrade` over one input for `target`, the main module of which is in the files `main`.
pub(crate) fn dry_run_args(target: &str, main: &[PathBuf]) -> Result<UpgradeArgs, clap::Error> {
    let mut words: Vec<OsString> = ["wasm-pyfix", "upgrade", "--dry-run", "--quiet", "--target", target].map(OsString::from).into();
    words.extend(main.iter().flat_map(|file| [OsString::from("--main"), file.clone().into_os_string()]));
    // The name does not matter: the bytes are at hand.
    words.push(OsString::from("./input"));
    upgrade_args(words)
}

/// The arguments of `upgrade` that the command line `words` gives; the first word is the program's name.
///
/// # Errors
/// When they are no command line of `upgrade`, or contradict each other.
pub fn upgrade_args<I, T>(words: I) -> Result<UpgradeArgs, clap::Error>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    match parse(words)? {
        Command::Upgrade(args) => Ok(*args),
        _ => Err(usage("`upgrade` is missing")),
    }
}

/// Fails when the first argument, `name`, is no file and almost a subcommand.
fn reject_misspelt_subcommand(name: &OsStr) -> Result<(), clap::Error> {
    const MOST_EDITS: usize = 2;
    let is_word = |text: &&str| text.len() > MOST_EDITS && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let Some(text) = name.to_str().filter(is_word).filter(|text| !SUBCOMMANDS.contains(text) && !Path::new(text).exists()) else {
        return Ok(());
    };
    let edits = |subcommand: &&str| strsim::osa_distance(text, subcommand);
    match SUBCOMMANDS.into_iter().min_by_key(edits).filter(|nearest| edits(nearest) <= MOST_EDITS) {
        Some(nearest) => Err(usage(&format!("there is neither a subcommand nor a file `{text}`; did you mean `{nearest}`?"))),
        None => Ok(()),
    }
}

fn reject_subcommand_names(inputs: &[PathBuf]) -> Result<(), clap::Error> {
    match inputs.iter().find_map(|input| SUBCOMMANDS.iter().find(|name| input.as_os_str() == **name)) {
        None => Ok(()),
        Some(name) => Err(usage(&format!(
            "`{name}` is the name of a subcommand, of this release or a later one; for a file of that name write `./{name}` or \
             `wasm-pyfix upgrade {name}`"
        ))),
    }
}

fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn reject_second_stdin(inputs: &[PathBuf]) -> Result<(), clap::Error> {
    match inputs.iter().filter(|input| is_dash(input)).count() {
        0 | 1 => Ok(()),
        _ => Err(usage("standard input can be read once: `-` is given twice")),
    }
}

fn reject_contradictions(args: &UpgradeArgs) -> Result<(), clap::Error> {
    reject_second_stdin(&args.inputs)?;
    reject_idle_options(args)?;
    if args.target.target.len() > 1 {
        reject_several_targets(args)?;
    }
    let OutputArgs { output, in_place, dry_run } = &args.output;
    if output.is_none() && !in_place && !dry_run && !args.target.list_targets {
        return Err(usage(
            "where is the result to go? Give a file or a directory to `-o`, or add `--in-place`; with `--dry-run` nothing is written",
        ));
    }
    let to_stdout = output.as_ref().is_some_and(|path| is_dash(path));
    if args.inputs.iter().any(|input| is_dash(input)) && args.output.in_place {
        return Err(usage("standard input cannot be replaced: use `-o` instead of `--in-place`"));
    }
    if to_stdout && args.inputs.len() > 1 {
        return Err(usage("several inputs cannot go to standard output: give a directory to `-o`"));
    }
    if to_stdout && args.report.json {
        return Err(usage("`--json` and `-o -` both want standard output: give a file to `-o`"));
    }
    if to_stdout && args.report.summary.is_some() {
        return Err(usage("`--summary` and `-o -` both want standard output: give a file to `-o`"));
    }
    if to_stdout && args.wheel.lock.is_some() && args.wheel.lock_output.is_none() {
        return Err(usage("`--lock` writes its copy beside the wheel, which goes to standard output: add `--lock-output`"));
    }
    Ok(())
}

/// What does nothing beside other options.
fn reject_idle_options(args: &UpgradeArgs) -> Result<(), clap::Error> {
    let size = &args.size;
    let no_bind = if size.no_bind { "--no-bind" } else { "-O0" };
    if size.bsymbolic && (size.no_bind || size.optimize == 0) {
        return Err(usage(&format!("`--bsymbolic` binds more, and `{no_bind}` binds nothing: leave out one of them")));
    }
    let no_prune = if size.no_prune { "--no-prune" } else { "-O0" };
    if !size.keep_export.is_empty() && (size.no_prune || size.optimize == 0) {
        return Err(usage(&format!("`--keep-export` keeps some exports, and `{no_prune}` keeps all: leave out one of them")));
    }
    if args.target.one_wheel && args.target.target.len() < 2 {
        return Err(usage("`--one-wheel` is about several targets: give `--target` for each of them"));
    }
    Ok(())
}

/// What makes no sense for several targets.
fn reject_several_targets(args: &UpgradeArgs) -> Result<(), clap::Error> {
    let to_stdout = args.output.output.as_deref().is_some_and(is_dash);
    let several_results = !args.target.one_wheel;
    if !args.target.main.is_empty() {
        return Err(usage("`--main` is about one runtime, and there are several targets: run it once for each"));
    }
    if several_results && args.output.in_place {
        return Err(usage(
            "the results for several targets cannot replace one input: give a directory to `-o`, or add `--one-wheel`",
        ));
    }
    if several_results && to_stdout {
        return Err(usage(
            "the results for several targets cannot go to standard output: give a directory to `-o`, or add `--one-wheel`",
        ));
    }
    if several_results && args.wheel.lock.is_some() {
        return Err(usage("a lock file is for one runtime, and there are several targets: run it once for each"));
    }
    Ok(())
}

/// A usage error in the form of clap's own, so that all of them look alike. What it quotes of the arguments is made safe to print.
pub(crate) fn usage(message: &str) -> clap::Error {
    use clap::CommandFactory;
    Cli::command().error(clap::error::ErrorKind::ArgumentConflict, plain(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(words: &str) -> Result<UpgradeArgs, String> {
        match parse(std::iter::once("wasm-pyfix").chain(words.split(' '))) {
            Ok(Command::Upgrade(args)) => Ok(*args),
            Ok(other) => Err(format!("{other:?}")),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn arguments_are_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn upgrade_is_meant_when_no_subcommand_is_named() {
        let named = parse_words("upgrade --exnref a.so b.so -o out").unwrap();
        let meant = parse_words("--exnref a.so b.so -o out").unwrap();
        assert_eq!(format!("{named:?}"), format!("{meant:?}"));
        assert!(meant.module.exnref);
        assert_eq!(meant.inputs, ["a.so", "b.so"].map(PathBuf::from));
    }

    #[test]
    fn subcommand_names_are_taken_wherever_they_stand() {
        for words in ["-v check -o out", "-v show -o out", "a.so explain -o out", "-v upgrade a.so -o out"] {
            let error = parse_words(words).unwrap_err();
            assert!(error.contains("is the name of a subcommand"), "{words}: {error}");
        }
        assert_eq!(parse_words("./check -o out").unwrap().inputs, [PathBuf::from("./check")]);
        assert_eq!(parse_words("upgrade check -o out").unwrap().inputs, [PathBuf::from("check")]);
        assert_eq!(parse_words("upgrade upgrade -o out").unwrap().inputs, [PathBuf::from("upgrade")]);
    }

    #[test]
    fn misspelt_subcommands_are_recognised() {
        for (words, meant) in
            [("chek a.so", "check"), ("shwo --json a.so", "show"), ("upgrad a.whl -o d", "upgrade"), ("explian", "explain")]
        {
            let error = parse_words(words).unwrap_err();
            assert!(error.contains(&format!("did you mean `{meant}`?")), "{words}: {error}");
        }
        for file in ["cheque", "./chek", "shown.so", "a", "-v"] {
            let error = parse_words(file).unwrap_err();
            assert!(!error.contains("did you mean"), "{file}: {error}");
        }
    }

    #[test]
    fn levels_and_places_are_asked_for_in_words() {
        assert!(parse_words("a.so -o b.so -Oz").unwrap_err().contains("expected 0, for the upgrade and nothing else, or 1"));
        assert!(parse_words("a.so").unwrap_err().contains("where is the result to go? Give a file or a directory to `-o`"));
        assert_eq!(parse_words("a.so --in-place -O0").unwrap().size.optimize, 0);
    }

    #[test]
    fn help_is_a_subcommand() {
        for words in ["help", "help check", "help upgrade"] {
            assert!(parse_words(words).unwrap_err().contains("Usage: wasm-pyfix"), "{words}");
        }
    }

    #[test]
    fn runtime_paths_keep_their_order() {
        let args = parse_words("a.so -o b.so --rpath $ORIGIN/z --rpath $ORIGIN/a").unwrap();
        assert_eq!(args.module.rpath, ["$ORIGIN/z", "$ORIGIN/a"]);
    }
}
