//! Arguments of `verify`.

use super::Color;
use clap::Args;
use std::path::PathBuf;

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Wheels (.whl)
    #[arg(value_name = "WHEEL", required = true)]
    pub inputs: Vec<PathBuf>,

    /// Pyodide to try the upgraded wheel in: the directory of an unpacked npm package `pyodide`, or its version (0.29.5), which npm fetches
    #[arg(long, value_name = "RUNTIME", help_heading = "Runtimes")]
    pub runtime: String,

    /// Pyodide to try the wheel in as it is [default: that of --runtime]
    #[arg(long, value_name = "RUNTIME", help_heading = "Runtimes")]
    pub original_runtime: Option<String>,

    /// Node.js
    #[arg(long, value_name = "FILE", default_value = "node", help_heading = "Runtimes")]
    pub node: PathBuf,

    /// How many seconds a trial may take
    #[arg(long, value_name = "SECONDS", default_value_t = 300, help_heading = "Runtimes")]
    pub timeout: u64,

    /// The upgraded wheel [default: what `upgrade` makes of WHEEL for the runtime's platform]
    #[arg(long, value_name = "FILE", help_heading = "What to try")]
    pub upgraded: Option<PathBuf>,

    /// Python to run when the modules are imported; what it prints, and the exception that ends it, are compared
    #[arg(long, value_name = "FILE", help_heading = "What to try")]
    pub test: Option<PathBuf>,

    /// Wheel that these need, installed before them; repeat it for each
    #[arg(long, value_name = "WHEEL", help_heading = "What to try")]
    pub with: Vec<PathBuf>,

    /// Package that these need, from the runtime's own distribution; repeat it for each
    #[arg(long, value_name = "NAME", help_heading = "What to try")]
    pub package: Vec<String>,

    /// Print the report as JSON
    #[arg(long, help_heading = "Report")]
    pub json: bool,

    /// Print every difference, where there are many
    #[arg(short, long, help_heading = "Report")]
    pub verbose: bool,

    /// When to use colour; `auto` looks at the terminal and at NO_COLOR
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Report")]
    pub color: Color,
}
