//! The engine of wasm-pyfix: a model of linked Emscripten side modules, and the passes over it.
//!
//! It knows WebAssembly, the dynamic-linking conventions and the two exception ABIs, and of Python the names that it looks up in a
//! module ([`python`]). It knows nothing of files, wheels or terminals; those live in the `wasm-pyfix` tool.
//!
//! With the feature `parallel`, which is on by default, functions and modules are worked on by all processors at once; the results are
//! the same without it.
//!
//! [`pipeline`] runs all passes in their order; [`module`] is what they work on. What a runtime offers and asks for, the caller says:
//!
//! ```
//! use wasm_pyfix_passes::pipeline::{Options, upgrade_module};
//!
//! // An empty side module: the preamble, and linking metadata of which the second subsection should come first.
//! let input = b"\0asm\x01\0\0\0\0\x12\x08dylink.0\x02\x01\0\x01\x04\0\0\0\0";
//! // Exceptions in JavaScript would become native ones.
//! let options = Options { personality: Some("_Unwind_CallPersonality"), ..Options::default() };
//! let upgraded = upgrade_module(input, &options)?;
//! for outcome in &upgraded.outcomes {
//!     println!("{}: {:?}", outcome.pass, outcome.changed);
//! }
//! let bytes = upgraded.bytes.expect("the metadata had to be put in order");
//! // A second run finds nothing to do.
//! assert!(upgrade_module(&bytes, &options)?.bytes.is_none());
//! # Ok::<(), wasm_pyfix_passes::Error>(())
//! ```

#![deny(missing_docs)]

pub mod bind;
mod body;
pub mod dylink;
pub mod dyncall;
pub mod encode;
mod error;
pub mod exceptions;
pub mod extended_const;
pub mod handlers;
pub mod isolate;
pub mod legalize;
pub mod linking;
pub mod merge;
pub mod module;
pub mod order;
mod outcome;
mod parallel;
pub mod pipeline;
pub mod pointers;
pub mod prune;
pub mod relocations;
pub mod resolve;
pub mod strip;
pub mod substitutes;
pub mod survey;
pub mod symbols;

pub use error::{Error, Result, code};
/// Whether a module has sections that point into its code by byte offset, such as debug information.
pub use linking::code_offsets::has_code_offsets;
pub use linking::environment::{CPP_EXCEPTION, Environment, ExceptionAbi, Item, Offer, Provider};
pub use linking::own::{Kind as ReferenceKind, Reference, references as own_references};
/// Checks that `bytes` are a valid module of the features that side modules may use.
pub use module::validate;
pub use outcome::{Kept, Left, Notice, Outcome};
/// The reader of WebAssembly whose types are in the interface of this crate.
pub use wasmparser;
