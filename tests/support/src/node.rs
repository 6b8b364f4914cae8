//! Python snippets run in Pyodide under Node, through `tests/runtime/run.mjs`.
//!
//! One Node process takes many jobs and gives each a fresh runtime, since a runtime that failed fatally cannot be used again. Processes are
//! kept for later jobs: the first runtime of a process takes twice as long to start as the others.

use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
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
    let scratch = tempfile::tempdir()?;
    let place = |index: usize| scratch.path().join(index.to_string());
    let requested: Vec<RequestedJob> =
        jobs.iter().enumerate().map(|(index, job)| RequestedJob::write(job, &place(index))).collect::<Result<_>>()?;
    let mut process = Process::take(node, runtime)?;
    process.ask(&requested)?;
    let mut answers = Vec::new();
    for index in 0..jobs.len() {
        match process.lines.recv_timeout(PATIENCE) {
            Ok(line) => answers.push(parse(&line)?),
            Err(cause) => {
                let why = process.end(cause);
                let failed = |job: &Job| Answer { name: job.name.clone(), outcome: Err(why.clone()), libraries: Vec::new() };
                answers.extend(jobs[index..].iter().map(failed));
                return Ok(answers);
            }
        }
    }
    process.keep(jobs.len());
    Ok(answers)
}

/// A Node process that waits for jobs. It ends when its standard input does, at the latest with the program that started it.
struct Process {
    node: Node,
    runtime: Runtime,
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
    /// Gives the end of what it printed on standard error.
    printed: JoinHandle<Vec<u8>>,
    /// How many jobs it had.
    jobs: usize,
}

/// The processes that wait for jobs, the one that has waited longest first.
static IDLE: Mutex<Vec<Process>> = Mutex::new(Vec::new());

impl Process {
    /// Each has the memory of some runtimes.
    const AT_MOST: usize = 4;

    /// What runtimes leave behind is not all collected.
    const JOBS: usize = 40;

    /// One that waits, or a new one.
    fn take(node: Node, runtime: Runtime) -> Result<Process> {
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = idle.iter().position(|process| (process.node, process.runtime) == (node, runtime)) {
            return Ok(idle.remove(index));
        }
        drop(idle);
        let mut child = node
            .command()?
            .arg(crate::repository().join("tests/runtime/run.mjs"))
            .arg(runtime.directory()?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start Node")?;
        let lines = answers_of(&mut child)?;
        let printed = tail_of(&mut child)?;
        let stdin = child.stdin.take().context("Node has a standard input")?;
        Ok(Process { node, runtime, child, stdin, lines, printed, jobs: 0 })
    }

    fn ask(&mut self, jobs: &[RequestedJob]) -> Result<()> {
        let mut line = serde_json::to_vec(jobs)?;
        line.push(b'\n');
        self.stdin.write_all(&line).context("Node does not read its jobs")
    }

    /// Lets it wait for the jobs of others, after `jobs` more.
    fn keep(mut self, jobs: usize) {
        self.jobs += jobs;
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        let leaving = if self.jobs >= Self::JOBS { Some(self) } else { push(&mut idle, self) };
        drop(idle);
        if let Some(Process { mut child, stdin, .. }) = leaving {
            drop(stdin);
            let _ = child.wait();
        }
    }

    /// Ends it, and says why there is no answer.
    fn end(mut self, cause: RecvTimeoutError) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let what = match cause {
            RecvTimeoutError::Timeout => "no answer within three minutes",
            RecvTimeoutError::Disconnected => "Node ended without an answer",
        };
        let printed = self.printed.join().unwrap_or_default();
        format!("{what}; it printed:\n{}", String::from_utf8_lossy(&printed))
    }
}

/// Adds `process` to `idle`, and gives back the one that is too many.
fn push(idle: &mut Vec<Process>, process: Process) -> Option<Process> {
    idle.push(process);
    (idle.len() > Process::AT_MOST).then(|| idle.remove(0))
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

/// The end of the child's standard error. Reading goes on all the time, or the child would block.
fn tail_of(child: &mut Child) -> Result<JoinHandle<Vec<u8>>> {
    const LENGTH: usize = 2000;
    let mut stderr = child.stderr.take().context("Node has a standard error")?;
    Ok(std::thread::spawn(move || {
        let mut tail = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = stderr.read(&mut piece) {
            tail.extend_from_slice(&piece[..length]);
            let excess = tail.len().saturating_sub(LENGTH);
            tail.drain(..excess);
        }
        tail
    }))
}
