//! `verify`: whether an upgraded wheel does in a real Pyodide what it did before.
//!
//! A wheel, and what `upgrade` makes of it, are each loaded into a fresh runtime under Node, their modules imported, and a test run
//! (`trial`). What came of both is compared (`compare`). A wheel is upgraded because something does not work, so the original may do less:
//! what it cannot, the upgraded one must do without an error. The JSON form is an interface: `docs/verify.md` describes it, and
//! [`SCHEMA_VERSION`] grows when a member changes its meaning or goes away.

mod compare;
mod contents;
pub mod run;
mod runtime;
mod text;
mod trial;

use crate::report::{Failure, Tool};
use serde::Serialize;

/// Version of the JSON form.
pub const SCHEMA_VERSION: u32 = 1;

/// The result of one run.
#[derive(Debug, Serialize)]
pub struct Report {
    pub schema_version: u32,
    pub tool: Tool,
    pub exit_code: i32,
    pub inputs: Vec<Input>,
    /// Why nothing was tried.
    pub error: Option<Failure>,
}

/// One wheel.
#[derive(Debug, Serialize)]
pub struct Input {
    /// As on the command line.
    pub input: String,
    /// What the upgraded wheel is called.
    pub upgraded_file: Option<String>,
    pub verdict: Verdict,
    /// What came of the wheel as it is.
    pub original: Option<Trial>,
    /// What came of the upgraded one.
    pub upgraded: Option<Trial>,
    /// What the upgraded one does not do, or does differently.
    pub differences: Vec<String>,
    /// What only the upgraded one does.
    pub gains: Vec<String>,
    /// What neither does, with the same error.
    pub neither: Vec<String>,
    /// Why it was not tried.
    pub error: Option<Failure>,
}

/// What the trials have shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Both do the same.
    Same,
    /// The upgraded one does all that the original does, and more.
    Better,
    /// The upgraded one does something not, or differently.
    Worse,
    /// The wheel is in order, and upgrading it would not be sound.
    Refused,
    /// It could not be tried.
    Error,
}

/// What came of one wheel in one runtime.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Trial {
    /// As on the command line.
    pub runtime: String,
    /// Whether the runtime took the wheel.
    pub loaded: bool,
    /// What ended the runtime before all was tried.
    pub fatal: Option<String>,
    pub modules: Vec<Module>,
    /// `None` when there is no test, or the runtime had ended before.
    pub test: Option<Test>,
}

/// A module that was imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Module {
    /// As in `import`.
    pub name: String,
    /// What `dir()` says, each with its type: `loads: builtin_function_or_method`.
    pub members: Vec<String>,
    /// The exception, if it could not be imported.
    pub error: Option<String>,
}

/// What the test did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Test {
    pub printed: String,
    /// The exception that ended it.
    pub error: Option<String>,
}
