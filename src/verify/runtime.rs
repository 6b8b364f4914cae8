//! The runtimes that wheels are tried in: npm packages `pyodide`.

use crate::codes::upgrading::RUNTIME_FILES;
use crate::target::Target;
use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A runtime, and the directory that goes with it if it was fetched.
pub struct Runtime {
    /// As on the command line.
    pub name: String,
    pub directory: PathBuf,
    _fetched: Option<TempDir>,
}

impl Runtime {
    /// The runtime in the directory `name`, or of the version `name`, which npm fetches.
    ///
    /// # Errors
    /// When there is none there, or npm cannot be had or does not find it.
    pub fn find(name: &str) -> Result<Self> {
        let found = if Path::new(name).is_dir() {
            Ok((PathBuf::from(name), None))
        } else if is_version(name) {
            fetched(name).map(|(directory, temporary)| (directory, Some(temporary)))
        } else {
            Err(anyhow!("neither a directory nor a version of the npm package `pyodide`"))
        };
        let (directory, fetched) = found.with_context(|| RUNTIME_FILES.fails(format!("the runtime `{name}`")))?;
        for file in ["pyodide.mjs", "pyodide.asm.wasm", "pyodide-lock.json"] {
            let message =
                || RUNTIME_FILES.fails(format!("the runtime `{name}` has no {file}: unpack the npm package `pyodide` there"));
            ensure!(directory.join(file).is_file(), message());
        }
        Ok(Runtime { name: name.to_string(), directory, _fetched: fetched })
    }

    /// The platform of the wheels that it takes.
    ///
    /// # Errors
    /// When its lock file cannot be read, or tells none that is known.
    pub fn target(&self) -> Result<&'static Target> {
        let read = || {
            let text = std::fs::read_to_string(self.directory.join("pyodide-lock.json"))?;
            let lock: Value = serde_json::from_str(&text)?;
            let version = lock["info"]["abi_version"].as_str().context("`info` has no `abi_version`")?;
            Target::find(version)
        };
        read().with_context(|| RUNTIME_FILES.fails(format!("the lock file of the runtime `{}`", self.name)))
    }
}

fn is_version(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_digit()) && !name.contains(['/', '\\'])
}

/// The npm package of this version, in a temporary directory.
fn fetched(version: &str) -> Result<(PathBuf, TempDir)> {
    let temporary = tempfile::tempdir()?;
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let mut command = Command::new(npm);
    command.args(["install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", "--prefix"]);
    command.arg(temporary.path()).arg(format!("pyodide@{version}"));
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {npm}: is it installed?"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "npm cannot fetch it: {}", said.trim());
    Ok((temporary.path().join("node_modules/pyodide"), temporary))
}
