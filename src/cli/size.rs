//! Options that make modules smaller.

use crate::exports;
use crate::precompress;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use wasm_pyfix_passes::order;
use wasm_pyfix_passes::strip::Strip;

/// What is done to make the results smaller.
#[derive(Debug, Args)]
#[command(next_help_heading = "Size")]
pub struct SizeArgs {
    /// How much is done beyond the upgrade: 0 nothing, 1 all that is safe
    #[arg(short = 'O', long = "optimize", value_name = "LEVEL", default_value_t = 1, value_parser = level)]
    pub optimize: u8,

    /// Which exports of extension modules go, unless something is seen that needs them [default: auto]
    ///
    /// Libraries keep their exports, save those in a `*.libs` directory of a wheel: these keep what the wheel's other modules import.
    #[arg(long, value_name = "WHICH")]
    pub exports: Option<exports::Mode>,

    /// Keep exports whose name matches GLOB
    #[arg(long, value_name = "GLOB")]
    pub keep_export: Vec<String>,

    /// Keep exports that FILE names: a list with a name or pattern in each line, or a side module, wheel, archive or directory that imports them
    #[arg(long, value_name = "FILE")]
    pub keep_exports_from: Option<PathBuf>,

    /// Nobody but the inputs links to their modules: exports that none of them needs go, of libraries that several packages share, too
    ///
    /// Names that occur in code or in data of any input stay. No other code may open these libraries or look up symbols in them.
    #[arg(long)]
    pub closed: bool,

    /// Bind references to all that a module defines itself, even if others define it, too
    ///
    /// As the linker's option of this name does. Functions and data may then have two addresses in one program.
    #[arg(long)]
    pub bsymbolic: bool,

    /// Leave references of a module to itself to the loader, and symbols of private libraries under their names
    #[arg(long)]
    pub no_bind: bool,

    /// Leave the symbols of a wheel's private libraries under names that other packages may use, too
    #[arg(long)]
    pub no_isolate: bool,

    /// Keep all exports and all code
    #[arg(long)]
    pub no_prune: bool,

    /// Keep the code that relocates data
    #[arg(long)]
    pub no_relocations: bool,

    /// Keep functions that are the same apart
    #[arg(long)]
    pub no_merge: bool,

    /// Keep the order of functions, padded numbers and zeros at the end of the data
    #[arg(long)]
    pub no_encode: bool,

    /// What functions are ordered for [default: deflate]
    ///
    /// Similar functions come together where that makes the module smaller in this form; otherwise the order stays.
    #[arg(long, value_name = "FORM")]
    pub order_for: Option<OrderFor>,

    /// Drop custom sections; the linking metadata and `target_features` always stay
    ///
    /// Also with -O0. Modules with debug information are optimised less, since most passes would make it wrong.
    #[arg(long, value_name = "WHAT")]
    pub strip: Option<StripMode>,
}

impl Default for SizeArgs {
    fn default() -> Self {
        SizeArgs {
            optimize: 1,
            exports: None,
            keep_export: Vec::new(),
            keep_exports_from: None,
            closed: false,
            bsymbolic: false,
            no_bind: false,
            no_isolate: false,
            no_prune: false,
            no_relocations: false,
            no_merge: false,
            no_encode: false,
            order_for: None,
            strip: None,
        }
    }
}

/// What functions are ordered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OrderFor {
    /// Archives, which deflate each file
    Deflate,
    /// Servers that compress what they send
    Brotli,
    /// Nothing: the order stays
    #[value(name = "none")]
    Nothing,
}

impl From<OrderFor> for order::For {
    fn from(form: OrderFor) -> Self {
        match form {
            OrderFor::Deflate => order::For::Deflate,
            OrderFor::Brotli => order::For::Other(precompress::brotli_size),
            OrderFor::Nothing => order::For::Nothing,
        }
    }
}

/// Parses the value of `-O`.
fn level(text: &str) -> Result<u8, String> {
    match text {
        "0" => Ok(0),
        "1" => Ok(1),
        _ => Err("expected 0, for the upgrade and nothing else, or 1, for all that makes files smaller and is safe, the default"
            .to_string()),
    }
}

/// What `--strip` drops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StripMode {
    /// DWARF, source maps and where to find them
    Debug,
    /// Also the names of functions, locals and globals
    Names,
    /// Every custom section
    All,
}

impl From<StripMode> for Strip {
    fn from(mode: StripMode) -> Self {
        match mode {
            StripMode::Debug => Strip::Debug,
            StripMode::Names => Strip::Names,
            StripMode::All => Strip::All,
        }
    }
}
