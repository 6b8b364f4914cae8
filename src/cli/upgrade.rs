//! Arguments of `upgrade`.

use super::Color;
use super::size::SizeArgs;
use crate::archive::compress::Level;
use crate::precompress::Form;
use crate::progress::Telling;
use crate::report::summary;
use crate::target::{self, TagStyle};
use crate::wheel::isolate::Isolate;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use wasm_pyfix_passes::dyncall::Signatures;
use wasm_pyfix_passes::handlers;
use wasm_pyfix_passes::symbols::Alias;

/// Arguments of `upgrade`.
#[derive(Debug, Default, Args)]
pub struct UpgradeArgs {
    /// Side modules (.so), wheels (.whl), archives of shared libraries (.zip), directories, or a pyodide-lock.json; `-` reads a module from
    /// standard input
    ///
    /// What a file is, its content decides; an archive must also be named .whl or .zip. A directory stands for those in it and below; one
    /// with a .dist-info directory, an unpacked wheel or site-packages, is copied as a whole. A lock file stands for the packages in it, the files of which lie beside it. A file that is named like a subcommand is
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
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// File or directory to write to; `-` is standard output
    ///
    /// OUT is a directory when it is one already, when it ends with a slash, with several inputs, for a directory, and for a wheel (whose
    /// name may change) unless OUT ends with .whl. Directories are created. Files are written under a temporary name and renamed when
    /// complete. OUT never is an input: see --in-place.
    #[arg(short, long = "output", value_name = "OUT", conflicts_with = "in_place")]
    pub output: Option<PathBuf>,

    /// Replace each input by its result
    ///
    /// A wheel whose name changes gets its new name; the file of the old name is removed once the new one is complete.
    #[arg(long)]
    pub in_place: bool,

    /// Write compressed copies beside each result, as static file servers send them: x.whl.br, x.whl.gz, x.whl.zst
    ///
    /// Separated by commas. Not for directories that are upgraded as a whole.
    #[arg(long, value_enum, value_name = "FORMATS", value_delimiter = ',')]
    pub precompress: Vec<Form>,

    /// Do everything but write, and report what would be written
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// Which runtime the result is for.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Target")]
pub struct TargetArgs {
    /// Platform to upgrade for, a release of Pyodide (0.29), or a file (./my.target); --list-targets names the platforms
    ///
    /// `wasm-pyfix target` writes such files. Repeat it for several platforms: each wheel is then written once for each of them. With
    /// `auto` each wheel keeps the platforms in its tags, and what says nothing of its platform is for the default one.
    /// [default: pyodide_2025_0]
    #[arg(long, value_name = "NAME")]
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

impl TargetArgs {
    /// The targets that are asked for, or the one that is meant where none is.
    pub fn names(&self) -> Vec<&str> {
        let asked: Vec<&str> = self.target.iter().map(String::as_str).collect();
        if asked.is_empty() { vec![target::DEFAULT] } else { asked }
    }

    /// Whether each input is to be upgraded for what it is for already.
    pub fn is_auto(&self) -> bool {
        self.target.iter().any(|name| name == target::AUTO)
    }
}

/// Which instructions handle exceptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Instructions {
    /// `try`, `catch`, `catch_all`, `delegate`, `rethrow`
    Legacy,
    /// `try_table`, `throw_ref`
    Exnref,
}

impl ModuleArgs {
    /// The exception instructions that are asked for.
    pub fn instructions(&self) -> Option<handlers::Kind> {
        match self.exceptions {
            Some(Instructions::Legacy) => Some(handlers::Kind::Legacy),
            Some(Instructions::Exnref) => Some(handlers::Kind::Exnref),
            None => self.exnref.then_some(handlers::Kind::Exnref),
        }
    }
}

/// What is done to each side module.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Modules")]
pub struct ModuleArgs {
    /// Which instructions are to handle exceptions [default: those of the target, which for Pyodide's platforms are the legacy ones]
    ///
    /// All handlers of a module get them, whatever it had before. The legacy ones run in all browsers and in every Node that has
    /// WebAssembly exceptions; the new ones need, for instance, Node 24.
    #[arg(long, value_enum, value_name = "KIND")]
    pub exceptions: Option<Instructions>,

    /// The same as `--exceptions exnref`
    #[arg(long, conflicts_with = "exceptions")]
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

    /// Leave function pointers that are called under another type than their functions have
    ///
    /// Such a call ends the whole runtime. Where only the number of arguments is wrong, or a result, an adapter is put in front of the function.
    #[arg(long)]
    pub no_adapters: bool,

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
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Wheels")]
pub struct WheelArgs {
    /// Spelling of the platform tag [default: the wheel's own if it names the target, else what the target's installers accept]
    ///
    /// Wheels without a tag from before PEP 783 get none.
    #[arg(long, value_name = "STYLE")]
    pub tag_style: Option<TagStyle>,

    /// Directory, wheel or archive with libraries to graft: those that a module needs and the wheel lacks
    ///
    /// They are copied into the wheel, to <name>.libs. Repeat it for several of them; the first that has a library wins.
    #[arg(long, value_name = "DIR")]
    pub libdir: Vec<PathBuf>,

    /// Do not graft needed libraries whose name matches GLOB, nor report them as missing
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,

    /// Private libraries that get a hash into their file names, so that no other of that name is loaded in their place
    ///
    /// Loaders look into /usr/lib and site-packages first. A library that code may open by its name keeps it.
    #[arg(long, value_name = "WHICH")]
    pub isolate: Option<Isolate>,

    /// Write the names that symbols of private libraries got to FILE: the library, the old name and the new one in each line
    ///
    /// They stand between tabs. Of what is linked by slot, the place in a table is told. Where several runs gave names, each tells its own.
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,

    /// Compress at LEVEL, 0 to 12 or `max`, also the files that do not change where that makes them smaller
    ///
    /// Without it, new contents are compressed at level 10, and other files are copied as they are. `max` is 12.
    #[arg(long, value_name = "LEVEL", value_parser = Level::parse)]
    pub compress: Option<Level>,

    /// Write the files of wheels and archives without compression, for servers that compress what they send
    ///
    /// Every runtime and installer reads such archives, and brotli makes less of the whole than deflate of each file.
    #[arg(long, conflicts_with = "compress")]
    pub stored: bool,

    /// Put a record of what was done into each wheel that changes: a small JSON file in its .dist-info
    ///
    /// It names the tool, the options, the hash of each original, and what passes did. `show` and `diff` read it. A wheel that has one
    /// gets each later change recorded, too.
    #[arg(long)]
    pub audit: bool,

    /// Write a wheel for another Python version than the target's, its Python tags unchanged, instead of refusing it
    #[arg(long)]
    pub allow_python_mismatch: bool,

    /// Write a copy of a pyodide-lock.json for the target, with the new file name and hash of each wheel
    ///
    /// Packages in it that do not fit the target yet are listed. The copy has the same name and is written beside the wheels; with --in-place, FILE itself is replaced.
    #[arg(long, value_name = "FILE")]
    pub lock: Option<PathBuf>,

    /// Of a lock file that is an input: upgrade the package NAME, with what it depends on
    ///
    /// Repeat it for several packages. The new lock file has these alone, except with --in-place.
    #[arg(long, value_name = "NAME")]
    pub package: Vec<String>,

    /// Of a lock file that is an input: keep packages that cannot be upgraded, as they are
    ///
    /// Without it they are left out of the new lock file, with those that depend on them. Both are listed.
    #[arg(long)]
    pub keep_unfit: bool,

    /// Where to write the copy made by --lock
    #[arg(long, value_name = "FILE", requires = "lock")]
    pub lock_output: Option<PathBuf>,
}

/// How it is told what was done.
#[derive(Debug, Default, Args)]
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

    /// How to tell how far an input is: `auto` is a line on the terminal where an archive takes long, `json` lines for programs
    #[arg(long, value_name = "HOW", default_value = "auto", hide_possible_values = true)]
    pub progress: Telling,

    /// When to use colour; `auto` looks at the terminal and at NO_COLOR
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
}

impl UpgradeArgs {
    /// A dry run for `target`, the main module of which is in the files `main`, over contents that are at hand.
    pub fn dry_run(target: &str, main: &[PathBuf]) -> Self {
        UpgradeArgs {
            inputs: vec![PathBuf::from("input")],
            output: OutputArgs { dry_run: true, ..OutputArgs::default() },
            target: TargetArgs { target: vec![target.to_string()], main: main.to_vec(), ..TargetArgs::default() },
            report: ReportArgs { quiet: true, ..ReportArgs::default() },
            ..UpgradeArgs::default()
        }
    }
}
