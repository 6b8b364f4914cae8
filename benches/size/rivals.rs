//! What general-purpose tools make of the same modules. They know nothing of the GOT, of `dylink.0` and of who uses an export.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use support::modules::modules_of_archive;
use support::npm;

use crate::sizes::{self, Size};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rival {
    WasmOpt,
    WasmTools,
}

impl Rival {
    pub const ALL: [Rival; 2] = [Rival::WasmOpt, Rival::WasmTools];

    pub fn label(self) -> &'static str {
        match self {
            Rival::WasmOpt => "wasm-opt -Oz",
            Rival::WasmTools => "wasm-tools strip",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Rival::WasmOpt => "wasm-opt",
            Rival::WasmTools => "wasm-tools",
        }
    }

    /// The version, if the tool is in PATH.
    pub fn version(self) -> Option<String> {
        npm::version_of(self.program()).ok()
    }

    fn command(self, input: &Path, output: &Path) -> Command {
        let mut command = Command::new(self.program());
        match self {
            // What the modules of Pyodide use; tools that are told less refuse them.
            Rival::WasmOpt => command.arg("-Oz").args(
                ["exception-handling", "bulk-memory", "sign-ext", "mutable-globals", "nontrapping-float-to-int", "simd"]
                    .map(|feature| format!("--enable-{feature}")),
            ),
            Rival::WasmTools => command.arg("strip"),
        };
        command.arg(input).arg("-o").arg(output);
        command
    }
}

/// For each tool, the sizes of what it makes of the modules of `wheel`; `None` where it is not there or fails.
pub fn sizes(wheel: &Path, scratch: &Path) -> Result<Vec<(Rival, Option<Size>)>> {
    let modules = modules_of_archive(wheel)?;
    let mut results = Vec::new();
    for rival in Rival::ALL {
        let made = if rival.version().is_some() { run(rival, &modules, scratch)? } else { None };
        results.push((rival, made.map(|made| sizes::of_modules(&made)).transpose()?));
    }
    Ok(results)
}

fn run(rival: Rival, modules: &[(String, Vec<u8>)], scratch: &Path) -> Result<Option<Vec<Vec<u8>>>> {
    let (input, output) = (scratch.join("in.wasm"), scratch.join("out.wasm"));
    let mut made = Vec::new();
    for (name, bytes) in modules {
        std::fs::write(&input, bytes)?;
        let result = rival.command(&input, &output).output()?;
        if !result.status.success() {
            let printed = String::from_utf8_lossy(&result.stderr).into_owned();
            eprintln!("  {} fails on {name}: {}", rival.label(), printed.lines().next().unwrap_or_default());
            return Ok(None);
        }
        made.push(std::fs::read(&output)?);
    }
    Ok(Some(made))
}
