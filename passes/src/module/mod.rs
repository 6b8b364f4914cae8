//! The model of a linked side module.
pub mod dylink;
