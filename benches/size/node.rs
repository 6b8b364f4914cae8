//! Loads one wheel in a Node process of its own, with a fresh Pyodide (`load.mjs`), and tells how long it took.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use support::Runtime;

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

#[derive(Serialize)]
struct Request<'w> {
    runtime: PathBuf,
    wheel: &'w Path,
    python: Option<&'static str>,
}

/// Loads `wheel` in `runtime`, and gives the times, which are in milliseconds.
pub fn load<Times: DeserializeOwned>(wheel: &Path, runtime: Runtime) -> Result<Times> {
    let name = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let python = IMPORTS.iter().find(|(prefix, _)| name.starts_with(prefix)).map(|(_, python)| *python);
    let request = Request { runtime: runtime.directory()?, wheel, python };
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
