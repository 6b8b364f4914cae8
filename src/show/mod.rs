//! `show`: what is in a module, a wheel or an archive, and what `upgrade` would do with it.
//!
//! The files beside this one gather plain data, which is printed as text ([`text`]) or as JSON. The JSON form is an interface:
//! `docs/show.md` describes it, and [`SCHEMA_VERSION`] grows when a member changes its meaning or goes away. Nothing is judged here:
//! that is what `check` does.

mod abi;
mod archive;
mod families;
pub mod module;
mod needs;
pub mod run;
mod text;

use crate::input::Kind;
use crate::report::{self, Failure, Tool};
use crate::wheel::audit::Audit;
use indexmap::IndexMap;
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
}

/// What is in one input.
#[derive(Debug, Serialize)]
pub struct Input {
    /// As on the command line.
    pub input: String,
    /// `None` when it was not recognised.
    pub kind: Option<Kind>,
    /// Bytes.
    pub size: Option<u64>,
    /// What the file is around its modules; for wheels and archives.
    pub archive: Option<Archive>,
    /// The side modules in it; for a module, itself.
    pub modules: Vec<Module>,
    /// What `upgrade` would do, unless that was not asked for.
    pub upgrade: Option<Upgrade>,
    pub error: Option<Failure>,
}

/// A wheel or an archive, but for its modules.
#[derive(Debug, Serialize)]
pub struct Archive {
    /// How many files it has.
    pub files: usize,
    /// Bytes of all files together.
    pub unpacked_size: u64,
    /// Every single tag that the file name stands for.
    pub tags: Vec<String>,
    /// Names of the built-in targets that the tags name.
    pub platforms: Vec<&'static str>,
    /// `Requires-Python` of `METADATA`.
    pub requires_python: Option<String>,
    /// What was done to the wheel, if it has a record of that.
    pub audit: Option<Audit>,
    /// What the user should know about the contents, a sentence each.
    pub notices: Vec<String>,
}

/// One side module.
#[derive(Debug, Serialize)]
pub struct Module {
    /// Name of its entry in the archive; `None` when the module is the input.
    pub path: Option<String>,
    /// Bytes.
    pub size: u64,
    pub linking: Option<Linking>,
    pub abi: Abi,
    pub imports: Symbols,
    pub exports: Symbols,
    pub sections: Vec<Section>,
    pub functions: Functions,
    pub relocations: Relocations,
    /// The section `producers`: who made it, with versions.
    pub producers: Vec<Producer>,
    /// The section `target_features`: what the code uses.
    pub target_features: Vec<String>,
}

/// Linking metadata.
#[derive(Debug, Serialize)]
pub struct Linking {
    /// `dylink.0`, or `dylink` of old.
    pub section: &'static str,
    /// Whether it is the first section, where loaders look for it.
    pub first: bool,
    /// Bytes that the loader reserves in memory.
    pub memory_size: u32,
    /// Their alignment in bytes.
    pub memory_alignment: u32,
    /// Slots that the loader reserves in the table.
    pub table_size: u32,
    /// The libraries to load first.
    pub needed: Vec<Need>,
    pub runtime_path: Vec<String>,
    /// How many imports are weak.
    pub weak_imports: usize,
}

/// A library that a module needs, and which one that is.
#[derive(Debug, Serialize)]
pub struct Need {
    pub name: String,
    /// The entry of the archive that has this name; `None` when there is none.
    pub path: Option<String>,
    pub found: Found,
}

/// How a loader gets at a needed library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// At the top of the archive, which is in the loader's own path once installed.
    Top,
    /// Along RUNTIME_PATH.
    RuntimePath,
    /// It is in the archive, and RUNTIME_PATH does not lead there.
    Unreached,
    /// Not in the archive.
    Elsewhere,
}

/// What the module was built with, as far as it shows.
#[derive(Debug, Serialize)]
pub struct Abi {
    pub exceptions: Handling,
    /// The instructions of its native handlers.
    pub instructions: Option<Instructions>,
    pub longjmp: Handling,
    pub integers: Integers,
    /// The oldest Emscripten that can have made it.
    pub emscripten_since: Option<&'static str>,
    /// The oldest Emscripten that can no longer have made it.
    pub emscripten_before: Option<&'static str>,
    /// Version of libc++ in its mangled names.
    pub libcxx: Option<String>,
    /// Memory shared between threads.
    pub threads: bool,
    /// 64-bit memory.
    pub memory64: bool,
    /// Instrumented by asyncify.
    pub asyncify: bool,
    /// Names of the built-in targets whose conventions these are.
    pub platforms: Vec<&'static str>,
    /// What tells all that.
    pub evidence: Vec<String>,
}

/// How exceptions or `longjmp` work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Handling {
    None,
    /// It throws and catches nothing, which is the same in both ways.
    Throws,
    JavaScript,
    Native,
    /// Both ways in one module.
    Mixed,
}

/// Which instructions native handlers consist of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Instructions {
    /// `try` and `catch`.
    Legacy,
    /// `try_table`.
    New,
    Both,
}

/// How 64-bit integers cross the border of the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Integers {
    /// Whole, as with BIGINT.
    Whole,
    /// In halves, as without.
    Split,
    /// None cross it, as far as can be told.
    None,
}

/// Imports or exports.
#[derive(Debug, Serialize)]
pub struct Symbols {
    pub count: usize,
    /// How many there are of each kind; the two GOTs are kinds of imports.
    pub kinds: IndexMap<&'static str, usize>,
    /// How many belong to whom.
    pub families: IndexMap<&'static str, usize>,
    /// How many of them the module exports and imports under the same name.
    pub both_ways: usize,
    /// All of them, when asked for.
    pub list: Option<Vec<Symbol>>,
}

/// One import or export.
#[derive(Debug, Serialize)]
pub struct Symbol {
    /// Import module; `None` for exports.
    pub module: Option<String>,
    pub name: String,
    pub kind: &'static str,
    /// Its type in words, such as `(i32) -> i64`.
    #[serde(rename = "type")]
    pub ty: Option<String>,
    pub family: &'static str,
    /// Whether it may be missing.
    pub weak: bool,
}

/// One section.
#[derive(Debug, Serialize)]
pub struct Section {
    pub name: String,
    pub custom: bool,
    /// Bytes, with the header of the section.
    pub size: u64,
    /// How many things it lists, where it is a list.
    pub count: Option<u32>,
}

/// The functions that the module defines.
#[derive(Debug, Serialize)]
pub struct Functions {
    pub count: usize,
    /// Bytes of all bodies.
    pub size: u64,
    /// The largest ones.
    pub largest: Vec<Function>,
}

/// One function.
#[derive(Debug, Serialize)]
pub struct Function {
    pub index: u32,
    /// From the section `name`, or what it is exported as.
    pub name: Option<String>,
    /// Bytes of the body.
    pub size: u64,
}

/// Code that relocates data when the module is loaded.
#[derive(Debug, Default, Serialize)]
pub struct Relocations {
    /// Bytes of `__wasm_apply_data_relocs`.
    pub data_code_size: u64,
    /// Bytes of the function that runs at instantiation, which relocates globals.
    pub start_code_size: u64,
}

/// Who made the module.
#[derive(Debug, Serialize)]
pub struct Producer {
    pub field: String,
    pub name: String,
    pub version: String,
}

/// What `upgrade` would do.
#[derive(Debug, Serialize)]
pub struct Upgrade {
    /// Name of the target.
    pub target: String,
    /// The report of a dry run.
    pub report: report::InputReport,
}
