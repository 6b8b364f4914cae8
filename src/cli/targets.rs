//! Arguments of the commands about targets.

use clap::Args;
use std::path::PathBuf;

/// Arguments of `target`.
#[derive(Debug, Args)]
pub struct TargetArgs {
    /// Files of the runtime: its main module (.wasm) and its JavaScript (.js, .mjs); or unpacked npm packages `pyodide`
    ///
    /// Of several packages the manifest has what all offer alike. Of a main module alone it has what this exports and imports.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// Platform whose Python, tags and loader the runtime has [default: the one with the most symbols in common]
    #[arg(long, value_name = "NAME")]
    pub like: Option<String>,

    /// File to write to [default: standard output]
    ///
    /// `--target` takes it by its path, if that has a `/` in it or ends in `.target`. One that ends in `.gz` is compressed.
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,
}

/// Arguments of `targets`.
#[derive(Debug, Args)]
pub struct TargetsArgs {
    /// Tell which symbols came, went or changed their type between two targets
    ///
    /// A and B are names of platforms, releases of Pyodide, or files that `wasm-pyfix target` wrote.
    #[arg(long, value_names = ["A", "B"], num_args = 2)]
    pub diff: Option<Vec<String>>,

    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}
