//! The engine of wasm-pyfix: a model of linked Emscripten side modules, and the passes over it.
//!
//! It knows WebAssembly, the dynamic-linking conventions and the two exception ABIs, and of Python the names that it looks up in a
//! module ([`python`]). It knows nothing of files, wheels or terminals; those live in the `wasm-pyfix` tool.

#![deny(missing_docs)]

pub mod bind;
mod body;
mod code_offsets;
pub mod dylink;
pub mod dyncall;
pub mod encode;
mod environment;
mod error;
pub mod exceptions;
pub mod extended_const;
mod internal_got;
pub mod legalize;
pub mod merge;
pub mod module;
pub mod order;
mod outcome;
mod own;
pub mod pipeline;
pub mod prune;
pub mod python;
pub mod relocations;
pub mod resolve;
pub mod siblings;
mod signature;
pub mod strip;
pub mod substitutes;
pub mod survey;
pub mod symbols;
pub mod time;

/// Whether a module has sections that point into its code by byte offset, such as debug information.
pub use code_offsets::has_code_offsets;
pub use environment::{CPP_EXCEPTION, Environment, ExceptionAbi, Item, Offer, Provider};
pub use error::{Error, Result, code};
/// Checks that `bytes` are a valid module of the features that side modules may use.
pub use module::validate;
pub use outcome::{Kept, Left, Notice, Outcome};
pub use own::{Kind as ReferenceKind, Reference, references as own_references};
