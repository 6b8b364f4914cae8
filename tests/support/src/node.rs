//! Python snippets run in Pyodide under Node, through `tests/runtime/run.mjs`.
//!
//! One Node process takes many jobs and gives each a fresh runtime, since a runtime that failed fatally cannot be used again.

use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::npm::{self, Runtime};

/// How long one job may take before its process is ended. Jobs take about a second; a wrongly rewritten loop takes forever.
const PATIENCE: Duration = Duration::from_secs(180);

/// Which Node runs the jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Node {
    /// The one in PATH.
    Installed,
    /// Node 24 from npm, with `try_table` switched on.
    V24Exnref,
}

impl Node {
    fn command(self) -> Result<Command> {
        Ok(match self {
            Node::Installed => Command::new("node"),
            Node::V24Exnref => {
                let mut command = Command::new(npm::node_24()?);
                command.arg("--experimental-wasm-exnref");
                command
            }
        })
    }
}

impl Node {
    /// What a script prints that is given `input`. `arguments` begin with its path.
    ///
    /// # Errors
    /// When Node cannot be had, or fails.
    pub fn run(self, arguments: &[String], input: &[u8]) -> Result<Vec<u8>> {
        let mut file = tempfile::tempfile()?;
        file.write_all(input)?;
        file.rewind()?;
        let mut command = self.command()?;
        let output = command.args(arguments).stdin(file).stderr(Stdio::inherit()).output().context("cannot start Node")?;
        ensure!(output.status.success(), "{command:?} failed");
        Ok(output.stdout)
    }
}

/// What is run in one fresh runtime.
#[derive(Debug, Clone, Default)]
pub struct Job {
    /// Names the answer.
    pub name: String,
    /// Files to write first: absolute path in the runtime, contents.
    pub files: Vec<(String, Vec<u8>)>,
    /// Wheels to unpack into the home directory, which is the current directory and importable. No tag is looked at.
    pub unpacked: Vec<PathBuf>,
    /// Wheels to install with `pyodide.loadPackage`: into `site-packages`, their libraries preloaded.
    pub installed: Vec<PathBuf>,
    /// A lock file beside its wheels, in place of that of the runtime.
    pub lock: Option<PathBuf>,
    /// Packages of the lock file to load with `pyodide.loadPackage`.
    pub packages: Vec<String>,
    /// Environment variables of the runtime.
    pub environment: Vec<(String, String)>,
    /// The snippet; its last expression, as a string, is the answer.
    pub python: String,
}

impl Job {
    /// A job without any file.
    pub fn new(name: impl Into<String>, python: impl Into<String>) -> Self {
        Job { name: name.into(), python: python.into(), ..Job::default() }
    }
}

/// What came of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Name of the job.
    pub name: String,
    /// Value of the snippet's last expression, or the message of the error with what the runtime printed last.
    pub outcome: Result<String, String>,
    /// Path of every library instance that was loaded; a library that was loaded twice is there twice. Empty after an error.
    pub libraries: Vec<String>,
}

/// Runs `python` in `runtime` beside `files` (absolute path in the runtime, contents) and gives the value of its last expression,
/// or the error message.
///
/// # Panics
/// When Node or the runtime cannot be had.
pub fn run_python(runtime: Runtime, files: &[(&str, &[u8])], python: &str) -> Result<String, String> {
    let files = files.iter().map(|(path, bytes)| (path.to_string(), bytes.to_vec())).collect();
    let job = Job { files, ..Job::new("python", python) };
    let answers = run_jobs(Node::Installed, runtime, &[job]).unwrap_or_else(|error| panic!("{error:#}"));
    answers.into_iter().next().expect("one answer for one job").outcome
}

/// Runs `jobs` one after the other in one Node process, each in a fresh `runtime`. The answers come in the same order; a job that
/// ends the process, or is still running after three minutes, fails together with those behind it.
///
/// # Errors
/// When Node or the runtime cannot be had; never because of what a job does.
pub fn run_jobs(node: Node, runtime: Runtime, jobs: &[Job]) -> Result<Vec<Answer>> {
    let directory = runtime.directory()?;
    let scratch = tempfile::tempdir()?;
    let request = Request {
        runtime: directory.to_string_lossy().into_owned(),
        jobs: jobs
            .iter()
            .enumerate()
            .map(|(index, job)| RequestedJob::write(job, &scratch.path().join(index.to_string())))
            .collect::<Result<_>>()?,
    };
    let mut child = node
        .command()?
        .arg(crate::repository().join("tests/runtime/run.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start Node")?;
    let lines = answers_of(&mut child)?;
    let stderr = tail_of(&mut child)?;
    let mut stdin = child.stdin.take().context("Node has a standard input")?;
    stdin.write_all(&serde_json::to_vec(&request)?).context("Node does not read its jobs")?;
    drop(stdin);

    let mut answers = Vec::new();
    let mut failure = None;
    for job in jobs {
        let received = if failure.is_none() { lines.recv_timeout(PATIENCE) } else { Err(RecvTimeoutError::Disconnected) };
        match received {
            Ok(line) => answers.push(parse(&line)?),
            Err(cause) => {
                let why = failure.get_or_insert_with(|| {
                    let _ = child.kill();
                    let what = match cause {
                        RecvTimeoutError::Timeout => "no answer within three minutes",
                        RecvTimeoutError::Disconnected => "Node ended without an answer",
                    };
                    format!("{what}; it printed:\n{}", stderr.recv().unwrap_or_default())
                });
                answers.push(Answer { name: job.name.clone(), outcome: Err(why.clone()), libraries: Vec::new() });
            }
        }
    }
    child.wait().context("cannot wait for Node")?;
    Ok(answers)
}

#[derive(Serialize)]
struct Request {
    runtime: String,
    jobs: Vec<RequestedJob>,
}

#[derive(Serialize)]
struct RequestedJob {
    name: String,
    files: Vec<(String, PathBuf)>,
    archives: Vec<(PathBuf, &'static str, Option<String>)>,
    installs: Vec<PathBuf>,
    lock: Option<PathBuf>,
    packages: Vec<String>,
    env: serde_json::Map<String, serde_json::Value>,
    python: String,
}

impl RequestedJob {
    /// Writes the files of `job` into `directory`, where Node finds them.
    fn write(job: &Job, directory: &std::path::Path) -> Result<Self> {
        std::fs::create_dir_all(directory)?;
        let mut files = Vec::new();
        for (index, (target, bytes)) in job.files.iter().enumerate() {
            let source = directory.join(index.to_string());
            std::fs::write(&source, bytes)?;
            files.push((target.clone(), source));
        }
        Ok(RequestedJob {
            name: job.name.clone(),
            files,
            archives: job.unpacked.iter().map(|wheel| (wheel.clone(), "wheel", None)).collect(),
            installs: job.installed.clone(),
            lock: job.lock.clone(),
            packages: job.packages.clone(),
            env: job.environment.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect(),
            python: job.python.clone(),
        })
    }
}

#[derive(Deserialize)]
struct Line {
    name: String,
    ok: bool,
    #[serde(default)]
    value: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    libraries: Vec<String>,
}

fn parse(line: &str) -> Result<Answer> {
    let line: Line =
        serde_json::from_str(line).with_context(|| format!("run.mjs printed something else than an answer: {line}"))?;
    let outcome = if line.ok { Ok(line.value) } else { Err(line.error) };
    let libraries = line.libraries.into_iter().filter(|name| name.ends_with(".so")).collect();
    Ok(Answer { name: line.name, outcome, libraries })
}

/// The lines of the child's standard output, as they come.
fn answers_of(child: &mut Child) -> Result<Receiver<String>> {
    let stdout = BufReader::new(child.stdout.take().context("Node has a standard output")?);
    let (sender, receiver) = channel();
    std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    Ok(receiver)
}

/// The end of the child's standard error, once it is complete. Reading goes on all the time, or the child would block.
fn tail_of(child: &mut Child) -> Result<Receiver<String>> {
    let mut stderr = child.stderr.take().context("Node has a standard error")?;
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut printed = Vec::new();
        let _ = stderr.read_to_end(&mut printed);
        let start = printed.len().saturating_sub(2000);
        let _ = sender.send(String::from_utf8_lossy(&printed[start..]).into_owned());
    });
    Ok(receiver)
}
