//! The tool around the engine: which passes run for which input and target, wheels, target manifests and reports.
//!
//! It contains no wasm opcode; those are the engine's, `wasm-pyfix-passes`.

pub mod check;
pub mod cli;
mod effects;
pub mod exports;
pub mod input;
mod lockfile;
pub mod openers;
pub mod output;
pub mod pipeline;
mod place;
mod plain;
mod plugins;
mod progress;
pub mod report;
pub mod run;
pub mod show;
pub mod shrink;
pub mod target;
pub mod wheel;
