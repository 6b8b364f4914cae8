//! Arguments of the subcommands that change nothing.

use super::Color;
use clap::Args;
use std::path::PathBuf;

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Side modules (.so), wheels (.whl), archives of shared libraries (.zip), directories, or a pyodide-lock.json; `-` reads a module from
    /// standard input
    ///
    /// A directory stands for those in it and below, or the distributions that were unpacked or installed there; a lock file for its packages,
    /// checked against its platform. What one input needs, the others may offer: give a wheel together with the wheels and libraries that it needs.
    #[arg(value_name = "FILE", required = true)]
    pub inputs: Vec<PathBuf>,

    /// Platform to check against, or a release of Pyodide (0.29) [default: the one in the wheel's tags, else that of `upgrade`]
    ///
    /// `wasm-pyfix --list-targets` names them. Repeat it to check against several. Without it, and with `auto`, wheels for different platforms are
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

    /// Platform to tell the upgrade for, or `auto` for the input's own [default: the one in the wheel's tags, else that of `upgrade`]
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

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// What was before: a side module (.so), a wheel (.whl), an archive of shared libraries (.zip), a directory of these, or a
    /// pyodide-lock.json; `-` reads a module from standard input
    pub old: PathBuf,

    /// What is now
    pub new: PathBuf,

    /// Leave out compressed sizes, which take most of the time
    #[arg(long, help_heading = "What to show")]
    pub no_compressed: bool,

    /// Print it as JSON
    #[arg(long, conflicts_with_all = ["markdown", "verbose"], help_heading = "Report")]
    pub json: bool,

    /// Print it as Markdown, for a pull request
    #[arg(long, help_heading = "Report")]
    pub markdown: bool,

    /// Describe every package and module that changed, and print every name
    #[arg(short, long, help_heading = "Report")]
    pub verbose: bool,

    /// When to use colour; `auto` looks at the terminal and at NO_COLOR
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Report")]
    pub color: Color,
}
