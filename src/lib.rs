//! The tool around the engine: which passes run for which input and target, wheels, target manifests and reports.
//!
//! It contains no wasm opcode; those are the engine's, `wasm-pyfix-passes`.

pub mod check;
pub mod cli;
mod counts;
mod effects;
pub mod exports;
mod failure;
pub mod input;
mod lockfile;
mod one_wheel;
pub mod openers;
pub mod output;
pub mod pipeline;
mod place;
mod plain;
mod plugins;
pub mod progress;
pub mod report;
pub mod run;
pub mod show;
pub mod shrink;
pub mod target;
pub mod wheel;
