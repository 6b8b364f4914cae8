//! Tries one wheel in one runtime, in a process of Node that may die or hang.

use super::runtime::Runtime;
use super::{Module, Test, Trial};
use crate::codes::upgrading::RUNTIME_FILES;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// The script that Node runs.
const SCRIPT: &str = include_str!("verify.mjs");

/// So much of what the process said on standard error is told, in bytes.
const SAID: usize = 1000;

/// What is tried.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// Packages of the runtime's lock file.
    pub packages: Vec<String>,
    /// Wheels, the one that is tried last.
    pub files: Vec<PathBuf>,
    /// What is imported.
    pub modules: Vec<String>,
    /// Python that runs at last.
    pub test: Option<String>,
}

/// How it is tried.
pub struct Means<'a> {
    /// The program.
    pub node: &'a Path,
    /// How long it may take.
    pub patience: Duration,
}

#[derive(Serialize)]
struct Request<'a> {
    runtime: &'a Path,
    #[serde(flatten)]
    plan: &'a Plan,
}

/// A line of the script.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Fatal {
        fatal: String,
    },
    Module {
        module: String,
        #[serde(default)]
        members: Vec<String>,
        error: Option<String>,
    },
    Test {
        printed: String,
        error: Option<String>,
    },
    Loaded {
        loaded: bool,
    },
    Done {
        #[serde(rename = "done")]
        _done: bool,
    },
}

/// Tries what `plan` says in `runtime`. What goes wrong there is in the result.
///
/// # Errors
/// When Node cannot be started.
pub fn run(runtime: &Runtime, plan: &Plan, means: &Means<'_>) -> Result<Trial> {
    let script = tempfile::Builder::new().suffix(".mjs").tempfile()?;
    std::fs::write(script.path(), SCRIPT)?;
    let mut command = Command::new(means.node);
    command.arg(script.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let start = || RUNTIME_FILES.fails(format!("cannot start {}: `--node` says which Node.js to use", means.node.display()));
    let mut child = command.spawn().with_context(start)?;
    let lines = lines_of(&mut child)?;
    let said = end_of(&mut child)?;
    let request = serde_json::to_vec(&Request { runtime: &runtime.directory, plan })?;
    // A process that died does not read, and its silence is told below.
    let _ = child.stdin.take().context("Node has a standard input")?.write_all(&request);
    let mut trial = Trial { runtime: runtime.name.clone(), ..Trial::default() };
    let ended = follow(&lines, means.patience, &mut trial)?;
    child.kill()?;
    child.wait()?;
    if !ended && trial.fatal.is_none() {
        trial.fatal = Some(format!("Node.js ended: {}", said.recv().unwrap_or_default()));
    }
    Ok(trial)
}

/// Notes what the script says until it is done; tells whether it was.
fn follow(lines: &Receiver<String>, patience: Duration, trial: &mut Trial) -> Result<bool> {
    let end = Instant::now() + patience;
    loop {
        let line = match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => return Ok(false),
            Err(RecvTimeoutError::Timeout) => {
                trial.fatal = Some(format!("it was not done after {} seconds", patience.as_secs()));
                return Ok(false);
            }
        };
        match serde_json::from_str(&line).with_context(|| format!("the script printed {line:?}"))? {
            Line::Loaded { loaded } => trial.loaded = loaded,
            Line::Module { module, members, error } => trial.modules.push(Module { name: module, members, error }),
            Line::Test { printed, error } => trial.test = Some(Test { printed, error }),
            Line::Fatal { fatal } => {
                trial.fatal = Some(fatal);
                return Ok(true);
            }
            Line::Done { .. } => return Ok(true),
        }
    }
}

fn lines_of(child: &mut Child) -> Result<Receiver<String>> {
    let stdout = BufReader::new(child.stdout.take().context("Node has a standard output")?);
    let (sender, receiver) = channel();
    std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    Ok(receiver)
}

/// The end of what `child` says on standard error. It is read all the time, or the process would wait for that.
fn end_of(child: &mut Child) -> Result<Receiver<String>> {
    let mut stderr = child.stderr.take().context("Node has a standard error")?;
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut said = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(read @ 1..) = stderr.read(&mut piece) {
            said.extend(&piece[..read]);
            said.drain(..said.len().saturating_sub(SAID));
        }
        sender.send(String::from_utf8_lossy(&said).trim().to_string())
    });
    Ok(receiver)
}
