//! The main job on real input, from a bare checkout: `cargo run --release --example upgrade_pymupdf`.
//!
//! Fetches Pyodide runtimes and a PyMuPDF wheel that was built for Pyodide 0.27, shows what Pyodide 0.29.5 says about that wheel
//! and about two extension modules of its age, upgrades them with the command line of this crate, and runs the results on Pyodide
//! 0.29.5 and 314.0.7. Needs Rust, Node 20 or later and npm; the first run downloads from the npm registry. Ends with exit code 1
//! when anything is not as it should be.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use support::fixtures::{Group, expected_text, fixture_of};
use support::modules::modules_of_archive;
use support::{Job, Node, Runtime, npm, run_jobs};

/// Modules with C++ exceptions in a CPython extension, and with Rust panics. They are small, and in the repository.
const FIXTURES: [&str; 2] = ["e_ext.so", "r_rust.so"];
const FIXTURE_GROUP: &str = "emscripten-3.1.69/O2-sm2-js";

/// What the results are run on; `tests/npm/demo` has them.
const RUNTIMES: [Runtime; 2] = [Runtime::V0_29_5, Runtime::V314_0_7];

/// Something to upgrade and to run.
struct Subject {
    title: &'static str,
    input: PathBuf,
    expected: String,
}

fn main() -> ExitCode {
    match demonstrate() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn demonstrate() -> Result<bool> {
    npm::packages_of_the_demo()?;
    let subjects = subjects()?;

    heading("Before: what Pyodide 0.29.5 says about them");
    let jobs = subjects.iter().map(|subject| job(subject, &subject.input)).collect::<Result<Vec<_>>>()?;
    for (subject, answer) in subjects.iter().zip(run_jobs(Node::Installed, Runtime::V0_29_5, &jobs)?) {
        println!("{} ({})", subject.title, file_name(&subject.input));
        match answer.outcome {
            Err(error) => error.lines().for_each(|line| println!("    {line}")),
            Ok(value) => println!("    works as it is: {value}"),
        }
    }

    let directory = tempfile::tempdir()?;
    let mut results = Vec::new();
    for runtime in RUNTIMES {
        heading(&format!("Upgrade for {}, and run on Pyodide {}", runtime.platform(), runtime.version()));
        let outputs = upgrade(&subjects, runtime, &directory.path().join(runtime.platform()))?;
        let jobs = subjects.iter().zip(&outputs).map(|(subject, output)| job(subject, output)).collect::<Result<Vec<_>>>()?;
        let answers = run_jobs(Node::Installed, runtime, &jobs)?;
        println!();
        for (subject, answer) in subjects.iter().zip(&answers) {
            println!("{}: {}", subject.title, excerpt(answer.outcome.as_ref().unwrap_or_else(|error| error)));
        }
        results.push((outputs, answers));
    }

    heading("Result");
    println!("{:<28} {:>12} {:>12}  {:<12} {:<12}", "", "bytes before", "bytes after", "0.29.5", "314.0.7");
    let mut all_work = true;
    for (index, subject) in subjects.iter().enumerate() {
        let works: Vec<bool> =
            results.iter().map(|(_, answers)| answers[index].outcome.as_ref() == Ok(&subject.expected)).collect();
        let [(outputs, _), ..] = results.as_slice() else { continue };
        row(subject.title, size(&subject.input)?, size(&outputs[index])?, &works);
        if subject.input.extension().is_some_and(|extension| extension == "whl") {
            module_rows(&subject.input, &outputs[index])?;
        }
        all_work &= works.into_iter().all(|works| works);
    }
    println!("\n\"works\": the answer is the one that the original gives on Pyodide 0.27.7, to the letter.");
    Ok(all_work)
}

fn subjects() -> Result<Vec<Subject>> {
    let wheel = Subject {
        title: "PyMuPDF 1.26.0 wheel",
        input: npm::pymupdf_wheel()?,
        expected: include_str!("../tests/runtime/pymupdf.expected").trim_end().to_string(),
    };
    let fixture = |(title, file): (&'static str, &str)| -> Result<Subject> {
        let expected = expected_text(fixture_of(file)).with_context(|| format!("expected.json does not know {file}"))?;
        let input = support::repository().join("tests/fixtures/built").join(FIXTURE_GROUP).join(file);
        Ok(Subject { title, input, expected })
    };
    let titles = ["C++ exceptions (e_ext)", "Rust panics (r_rust)"];
    let fixtures = titles.into_iter().zip(FIXTURES).map(fixture);
    std::iter::once(Ok(wheel)).chain(fixtures).collect()
}

/// What runs `file`, which is the input of `subject` or made from it.
fn job(subject: &Subject, file: &Path) -> Result<Job> {
    if file.extension().is_some_and(|extension| extension == "whl") {
        let python = include_str!("../tests/runtime/pymupdf.py");
        return Ok(Job { installed: vec![file.to_path_buf()], ..Job::new(subject.title, python) });
    }
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let group = Group { name: FIXTURE_GROUP.to_string(), modules: vec![(file_name(file), bytes)] };
    group.job(&file_name(file)).with_context(|| format!("{} is not a fixture", file.display()))
}

/// Upgrades all subjects with one command line into `directory` and gives the paths of the results, in the same order.
fn upgrade(subjects: &[Subject], runtime: Runtime, directory: &Path) -> Result<Vec<PathBuf>> {
    std::fs::create_dir_all(directory)?;
    let inputs = subjects.iter().map(|subject| subject.input.display().to_string());
    // The slash says that it is a directory.
    let output = format!("{}/", directory.display());
    let options = ["-o", &output, "--target", runtime.platform()].map(str::to_string);
    let arguments: Vec<String> = std::iter::once("wasm-pyfix".to_string()).chain(inputs).chain(options).collect();
    println!(
        "$ wasm-pyfix {} -o DIR/ --target {}",
        subjects.iter().map(|subject| file_name(&subject.input)).collect::<Vec<_>>().join(" "),
        runtime.platform()
    );
    let code = wasm_pyfix::command::run(arguments);
    ensure!(code == 0, "wasm-pyfix ended with exit code {code}");
    subjects.iter().map(|subject| output_of(subject, directory)).collect()
}

/// The file in `directory` that was made from the subject: a wheel's name changes with its tags.
fn output_of(subject: &Subject, directory: &Path) -> Result<PathBuf> {
    let extension = subject.input.extension();
    let name = file_name(&subject.input);
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let is_wheel = extension.is_some_and(|extension| extension == "whl");
        if path.extension() == extension && (is_wheel || file_name(&path) == name) {
            return Ok(path);
        }
    }
    anyhow::bail!("nothing was written for {name}")
}

fn heading(text: &str) {
    println!("\n{text}\n{}", "-".repeat(text.len()));
}

fn row(title: &str, before: u64, after: u64, works: &[bool]) {
    let verdicts: Vec<&str> = works.iter().map(|works| if *works { "works" } else { "FAILS" }).collect();
    let columns = verdicts.iter().map(|verdict| format!("{verdict:<12}")).collect::<Vec<_>>().join(" ");
    println!("{}", format!("{title:<28} {before:>12} {after:>12}  {columns}").trim_end());
}

/// A row for every module in the wheel.
fn module_rows(before: &Path, after: &Path) -> Result<()> {
    let upgraded = modules_of_archive(after)?;
    for (name, bytes) in modules_of_archive(before)? {
        let (_, new) = upgraded.iter().find(|(candidate, _)| *candidate == name).with_context(|| format!("{name} is gone"))?;
        row(&format!("  {}", file_name(Path::new(&name))), bytes.len() as u64, new.len() as u64, &[]);
    }
    Ok(())
}

/// The first line of a text, and not too much of it.
fn excerpt(text: &str) -> String {
    let line = text.lines().find(|line| !line.is_empty()).unwrap_or_default();
    let short: String = line.chars().take(100).collect();
    if short.len() < text.trim_end().len() { short + " ..." } else { short }
}

fn size(path: &Path) -> Result<u64> {
    Ok(std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len())
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
