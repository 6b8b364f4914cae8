//! Who offers, needs and finds what: the conventions by which linkers, loaders and modules understand each other.
//!
//! Passes build on these; none of these changes a module but [`own`] and [`code_offsets`], which several passes share.

pub(crate) mod code_offsets;
pub(crate) mod environment;
pub mod exception_abi;
pub(crate) mod harmless;
pub(crate) mod internal_got;
pub mod isolated;
pub mod looked_up;
pub mod mangling;
pub mod own;
pub mod python;
pub mod relocation_code;
pub(crate) mod relocation_table;
pub mod sameness;
pub(crate) mod segments;
pub mod siblings;
pub(crate) mod signature;
pub(crate) mod slots;
pub mod time_t;

/// Export by which modules that were converted from legacy setjmp agree on the numbers of their `setjmp` calls.
pub(crate) const SETJMP_COUNTER: &str = "__wasm_pyfix_setjmp_ids";

/// What the names of exports begin with by which main modules without BIGINT call through the function table.
pub(crate) const DYNCALL: &str = "dynCall_";
