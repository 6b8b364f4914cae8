//! The exception-handling suite of `tests/fixtures`: its built modules, how to run them and what they print.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result};

use crate::node::{Answer, Job, Node, run_jobs};
use crate::npm::Runtime;

/// Where the modules of a group are put in the runtime.
const DIRECTORY: &str = "/t";

/// Built modules that belong together: some need others.
#[derive(Debug, Clone)]
pub struct Group {
    /// Directory below `tests/fixtures/built`.
    pub name: String,
    /// File name and contents of every module, by name.
    pub modules: Vec<(String, Vec<u8>)>,
}

impl Group {
    /// Reads the modules of the directory `name` below `tests/fixtures/built`.
    pub fn read(name: &str) -> Result<Group> {
        let directory = crate::repository().join("tests/fixtures/built").join(name);
        let mut modules = Vec::new();
        for entry in std::fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "so") {
                let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                modules.push((file, std::fs::read(&path)?));
            }
        }
        modules.sort();
        Ok(Group { name: name.to_string(), modules })
    }

    /// The same group without the modules that `keep` rejects by file name.
    pub fn only(mut self, keep: impl Fn(&str) -> bool) -> Group {
        self.modules.retain(|(file, _)| keep(file));
        self
    }

    /// The same group with every module replaced by what `change` makes of it, given its file name and bytes.
    pub fn map(self, mut change: impl FnMut(&str, Vec<u8>) -> Vec<u8>) -> Group {
        let modules = self.modules.into_iter().map(|(file, bytes)| {
            let changed = change(&file, bytes);
            (file, changed)
        });
        Group { name: self.name, modules: modules.collect() }
    }

    /// Runs every module that has something to print, each in a fresh `runtime`.
    pub fn run(&self, node: Node, runtime: Runtime) -> Result<Vec<Answer>> {
        let jobs: Vec<Job> = self.modules.iter().filter_map(|(file, _)| self.job(file)).collect();
        run_jobs(node, runtime, &jobs)
    }

    /// Runs every module that has something to print, one after the other in one `runtime`, as the modules of a program do.
    pub fn run_together(&self, node: Node, runtime: Runtime) -> Result<Vec<Answer>> {
        run_in_turn(node, runtime, self.modules.iter().filter_map(|(file, _)| self.job(file)).collect())
    }

    /// What runs the module `file`, or `None` when it is there only for others.
    pub fn job(&self, file: &str) -> Option<Job> {
        let fixture = fixture_of(file);
        expected_text(fixture)?;
        let script = |name: &str, globals: String| {
            let path = crate::repository().join("tests/runtime").join(name);
            let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
            globals + &text
        };
        let library = format!("LIBRARY = '{DIRECTORY}/{file}'\n");
        let python = match fixture {
            "e_ext" => script("extension.py", String::new()),
            "mixed" => script("mixed.py", library),
            _ => script("library.py", format!("{library}ENTRY = '{}'\nPRELOAD = {:?}\n", entry_of(fixture), needs_of(fixture))),
        };
        Some(Job {
            files: self.modules.iter().map(|(name, bytes)| (format!("{DIRECTORY}/{name}"), bytes.clone())).collect(),
            environment: vec![("LD_LIBRARY_PATH".to_string(), DIRECTORY.to_string())],
            ..Job::new(file, python)
        })
    }
}

/// Runs the snippets of `jobs` one after the other in one `runtime`, with the files and the environment of the first: starting a runtime
/// takes longer than most modules do. What ends the runtime is the outcome of all.
pub fn run_in_turn(node: Node, runtime: Runtime, jobs: Vec<Job>) -> Result<Vec<Answer>> {
    const EACH: &str = "
import json
from pyodide.code import eval_code
def outcome(script):
    try:
        return {'Ok': eval_code(script, {})}
    except Exception as error:
        return {'Err': f'{type(error).__name__}: {error}'}
json.dumps([outcome(script) for script in SCRIPTS])";
    let Some(first) = jobs.first() else { return Ok(Vec::new()) };
    let scripts: Vec<&str> = jobs.iter().map(|job| job.python.as_str()).collect();
    let python = format!("SCRIPTS = {}{EACH}", serde_json::to_string(&scripts)?);
    let all = run_jobs(node, runtime, &[Job { python, ..first.clone() }])?.into_iter().next().context("one answer for one job")?;
    let outcomes: Vec<Result<String, String>> = match all.outcome {
        Ok(outcomes) => serde_json::from_str(&outcomes)?,
        Err(error) => vec![Err(error); jobs.len()],
    };
    let answers = jobs.into_iter().zip(outcomes);
    Ok(answers.map(|(job, outcome)| Answer { name: job.name, outcome, libraries: Vec::new() }).collect())
}

/// Whether a module's 64-bit integers were legalized, that is, split into two 32-bit ones for a main module without BIGINT.
pub fn is_legalized(file: &str) -> bool {
    file.contains("-bi0")
}

/// The fixture that a module was built from: its file name without the variant.
pub fn fixture_of(file: &str) -> &str {
    file.trim_end_matches(".so").trim_end_matches("-nodyn").trim_end_matches("-bi0").trim_end_matches("-bi1")
}

/// What the sources of `fixture` print when they are compiled natively; `None` when they print nothing.
pub fn expected_text(fixture: &str) -> Option<String> {
    let text = include_str!("../../fixtures/expected.json");
    let expected: HashMap<String, String> = serde_json::from_str(text).expect("tests/fixtures/expected.json is JSON");
    expected.get(fixture).cloned()
}

/// A line for every answer that is not what the natively compiled sources print, with the first difference.
pub fn differences(answers: &[Answer]) -> Vec<String> {
    answers.iter().filter_map(difference).collect()
}

fn difference(answer: &Answer) -> Option<String> {
    let fixture = fixture_of(&answer.name);
    let want = expected_text(fixture)?;
    match &answer.outcome {
        Err(error) => Some(format!("{}: {error}", answer.name)),
        Ok(got) => {
            let got = normalise(fixture, got);
            let (got, want) = first_difference(&got, &want)?;
            Some(format!("{}:\n  got  {got}\n  want {want}", answer.name))
        }
    }
}

/// A weak symbol has two definitions, and the one in `libd_dep.so`, which is loaded first, may win.
fn normalise(fixture: &str, text: &str) -> String {
    if fixture == "d_lib" { text.replace("weak 0 0 2 30", "weak 0 0 2 -3") } else { text.to_string() }
}

fn first_difference<'a>(got: &'a str, want: &'a str) -> Option<(&'a str, &'a str)> {
    if got == want {
        return None;
    }
    let lines = got.lines().zip(want.lines()).find(|(got, want)| got != want);
    Some(lines.unwrap_or((got, want)))
}

fn entry_of(fixture: &str) -> &'static str {
    if fixture == "d_user" { "user_run" } else { "run_all" }
}

/// Libraries to load first: Pyodide 0.27 finds a needed library only among those already loaded under that very name.
fn needs_of(fixture: &str) -> &'static [&'static str] {
    match fixture {
        "d_lib" | "d_vt" => &["libd_dep.so"],
        "d_user" => &["a_eh.so"],
        _ => &[],
    }
}

/// Whether `path` is a WebAssembly module, by its first bytes.
pub(crate) fn is_module(path: &Path, bytes: &[u8]) -> bool {
    path.extension().is_some_and(|extension| extension == "so") && bytes.starts_with(b"\0asm\x01\0\0\0")
}
