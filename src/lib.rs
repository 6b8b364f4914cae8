//! The tool around the engine: which passes run for which input and target, wheels, target manifests and reports.
//!
//! It contains no wasm opcode; those are the engine's, `wasm-pyfix-passes`.

pub mod abi3;
pub mod archive;
pub mod check;
pub mod cli;
pub mod closed;
pub mod code;
pub mod codes;
pub mod command;
mod counts;
pub mod diff;
mod distribution;
mod effects;
pub mod exit;
pub mod exports;
pub mod input;
mod inputs;
pub mod loader;
mod lockfile;
pub mod name;
mod one_wheel;
pub mod origin;
pub mod output;
pub mod pipeline;
mod place;
mod plain;
mod plugins;
pub mod precompress;
mod private;
pub mod progress;
pub mod report;
pub mod run;
mod sheet;
pub mod show;
pub mod shrink;
pub mod target;
pub mod topics;
mod tree;
mod usage;
pub mod verify;
pub mod wheel;
