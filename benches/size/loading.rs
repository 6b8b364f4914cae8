//! How long a wheel takes to load: each time in a Node process of its own, with a fresh Pyodide.
//!
//! `load.mjs` installs the wheel with `pyodide.loadPackage` and then imports it, or loads each of its modules by ctypes where importing
//! takes what is not there (numpy) or another Python. It measures the time in all of `WebAssembly.Module` and `WebAssembly.Instance`
//! beside the total.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::forms::Wheel;

/// Wheels that are imported, and what of them.
const IMPORTS: [(&str, &str); 8] = [
    ("cramjam-", "import cramjam"),
    ("css_inline-", "import css_inline"),
    ("generated-", "import generated.extension"),
    ("nh3-", "import nh3"),
    ("pycryptodome-", "from Crypto.Cipher import AES"),
    ("PyMuPDF-", "import pymupdf"),
    ("pymupdf-", "import pymupdf"),
    ("uharfbuzz-", "import uharfbuzz"),
];

/// Times of one process, in milliseconds.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Load {
    pub compile: f64,
    pub instantiate: f64,
    /// From the installation of the wheel to the end of the import.
    pub total: f64,
}

#[derive(Serialize)]
struct Request {
    runtime: PathBuf,
    wheel: PathBuf,
    python: Option<&'static str>,
}

/// Loads all `wheels` in turns, `rounds` times. A wheel that fails once is not tried again and has no times.
pub fn rounds(wheels: &[Wheel], rounds: usize) -> Result<Vec<Vec<Load>>> {
    let mut loads: Vec<Result<Vec<Load>>> = wheels.iter().map(|_| Ok(Vec::new())).collect();
    for _ in 0..rounds {
        for (wheel, loads) in wheels.iter().zip(&mut loads) {
            let Ok(done) = loads else { continue };
            match load(wheel) {
                Ok(load) => done.push(load),
                Err(error) => *loads = Err(error),
            }
        }
    }
    let noted = |(wheel, loads): (&Wheel, Result<Vec<Load>>)| {
        loads.unwrap_or_else(|error| {
            eprintln!("  {} does not load: {error:#}", wheel.form.label());
            Vec::new()
        })
    };
    Ok(wheels.iter().zip(loads).map(noted).collect())
}

fn load(wheel: &Wheel) -> Result<Load> {
    let name = wheel.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let python = IMPORTS.iter().find(|(prefix, _)| name.starts_with(prefix)).map(|(_, python)| *python);
    let request = Request { runtime: wheel.runtime.directory()?, wheel: wheel.path.clone(), python };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/size/load.mjs");
    let mut command = Command::new("node");
    command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut node = command.spawn().context("cannot start Node")?;
    node.stdin.take().context("Node has a standard input")?.write_all(&serde_json::to_vec(&request)?)?;
    let output = node.wait_with_output()?;
    serde_json::from_slice(&output.stdout).with_context(|| {
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        printed.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it printed nothing").to_string()
    })
}
