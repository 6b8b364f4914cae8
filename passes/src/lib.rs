//! The engine of wasm-pyfix: a model of linked Emscripten side modules, and the passes over it.
//!
//! It knows WebAssembly, the dynamic-linking conventions and the two exception ABIs. It knows nothing of files, wheels, terminals
//! or Python; those live in the `wasm-pyfix` tool.

mod body;
pub mod dylink;
mod error;
pub mod exceptions;
pub mod module;
mod outcome;

pub use error::{Error, Result};
pub use outcome::{Left, Outcome};

/// Checks that `bytes` are a valid module of the features that side modules may use.
pub use module::validate;
