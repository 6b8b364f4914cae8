//! Upgrades whatever lies in directories, and tells what came of it: `cargo run --release --example sweep -- DIR...`.
//!
//! Every side module, wheel and archive under the directories is upgraded in memory with default options (`--target NAME` takes another
//! target, and options that begin with `--allow-` are the tool's). What was refused is told by the codes of `check`. Of every result is
//! asked: that a second run changes nothing, that `check` finds no error in it that the original lacked, and that walrus, which shares no
//! code with this tool but the parser, reads its modules. Anything else is a failure, and the exit code is 1 then. `--json` prints all of
//! it for machines, `--list` a line for each input that was not upgraded. Directories named `.git` and links are left out, and so are
//! files with contents seen before.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use properties::random::seed_of;
use support::measure::machine;
use wasm_pyfix::check::Finding;
use wasm_pyfix::codes::Severity;
use wasm_pyfix::report::Status;
use wasm_pyfix::run::InMemory;
use wasm_pyfix::target::Target;
use wasm_pyfix::{check, cli};
use wasm_pyfix_passes::Environment;

/// What came of one input.
struct Row {
    /// The directory asked for that it lies in.
    directory: usize,
    path: PathBuf,
    status: Status,
    before: u64,
    after: u64,
    /// Codes of `check`, for what was refused or is an error.
    codes: BTreeSet<&'static str>,
    /// Why it was refused, or is an error.
    message: Option<String>,
    /// What is wrong with the result.
    failures: Vec<String>,
}

struct Settings {
    directories: Vec<PathBuf>,
    target: String,
    json: bool,
    list: bool,
    /// Options for the tool.
    allowed: Vec<String>,
}

impl Settings {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let target = wasm_pyfix::target::DEFAULT.to_string();
        let mut settings = Settings { directories: Vec::new(), target, json: false, list: false, allowed: Vec::new() };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--json" => settings.json = true,
                "--list" => settings.list = true,
                "--target" => settings.target = words.next().context("--target wants a name")?,
                _ if word.starts_with("--allow-") => settings.allowed.push(word),
                _ if word.starts_with("--") => bail!("unknown option {word}"),
                _ => settings.directories.push(PathBuf::from(word)),
            }
        }
        if settings.directories.is_empty() {
            bail!("name the directories to sweep");
        }
        Ok(settings)
    }
}

fn main() -> Result<ExitCode> {
    let settings = Settings::parse(std::env::args().skip(1))?;
    let words = ["wasm-pyfix", "upgrade", "--dry-run", "--quiet", "--target", &settings.target, "./input"];
    let args = cli::upgrade_args(words.into_iter().chain(settings.allowed.iter().map(String::as_str)))?;
    let mut sweep = Sweep::new(&settings.target, InMemory::new(&args)?)?;
    let start = Instant::now();
    for (number, directory) in settings.directories.iter().enumerate() {
        let mut files = Vec::new();
        collect(directory, &mut files).with_context(|| format!("cannot read {}", directory.display()))?;
        files.sort();
        for path in files {
            sweep.file(number, &path).with_context(|| path.display().to_string())?;
        }
    }
    let rows = sweep.rows;
    if settings.json {
        println!("{}", serde_json::to_string_pretty(&json(&rows, &settings))?);
    } else {
        print(&rows, &settings, start.elapsed().as_secs());
    }
    Ok(if rows.iter().all(|row| row.failures.is_empty()) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && entry.file_name() != ".git" {
            collect(&entry.path(), files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

struct Sweep<'a> {
    target: &'static Target,
    environment: Environment,
    tool: InMemory<'a>,
    seen: HashSet<u64>,
    rows: Vec<Row>,
}

impl<'a> Sweep<'a> {
    fn new(target: &str, tool: InMemory<'a>) -> Result<Self> {
        let target = Target::find(target)?;
        let environment = if target.has_wheels() { target.manifest()? } else { Environment::default() };
        Ok(Sweep { target, environment, tool, seen: HashSet::new(), rows: Vec::new() })
    }

    /// Tries a file, if it is of a kind that is upgraded.
    fn file(&mut self, directory: usize, path: &Path) -> Result<()> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let archive = name.ends_with(".whl") || name.ends_with(".zip");
        if !archive && !name.ends_with(".so") && !name.ends_with(".wasm") {
            return Ok(());
        }
        let bytes = std::fs::read(path)?;
        let side_module = bytes.starts_with(b"\0asm") && bytes.iter().take(40).collect::<Vec<_>>().windows(6).any(is_dylink);
        if !(side_module || archive && bytes.starts_with(b"PK")) || !self.seen.insert(seed_of(&bytes)) {
            return Ok(());
        }
        eprintln!("{}", path.display());
        let tried = catch_unwind(AssertUnwindSafe(|| self.input(directory, path, name, &bytes)));
        let row = tried.unwrap_or_else(|_| Row {
            directory,
            path: path.to_path_buf(),
            status: Status::Error,
            before: bytes.len() as u64,
            after: 0,
            codes: BTreeSet::new(),
            message: None,
            failures: vec!["it panics".to_string()],
        });
        self.rows.push(row);
        Ok(())
    }

    fn input(&mut self, directory: usize, path: &Path, name: &str, bytes: &[u8]) -> Row {
        let (report, result) = self.tool.upgrade(name, bytes);
        let before = self.errors(name, bytes);
        let mut failures = Vec::new();
        if let Some(result) = &result {
            let new_name = report.file_name.clone().unwrap_or_default();
            let after = self.errors(&new_name, result);
            let new: Vec<&str> = after.difference(&before).copied().collect();
            if !new.is_empty() {
                failures.push(format!("`check` finds in the result {}", new.join(", ")));
            }
            let (again, changed) = self.tool.upgrade(&new_name, result);
            if let Some(error) = again.error {
                failures.push(format!("a second run fails: {}", error.message));
            } else if changed.is_some() {
                failures.push("a second run changes something".to_string());
            }
            failures.extend(second_reader(result).err());
        }
        let message = report.error.map(|error| error.message);
        if message.as_ref().is_some_and(|message| message.contains("defect in wasm-pyfix")) {
            failures.extend(message.clone());
        }
        let left_alone = matches!(report.status, Status::Refused | Status::Error);
        Row {
            directory,
            path: path.to_path_buf(),
            status: report.status,
            before: bytes.len() as u64,
            after: report.size_after.unwrap_or(bytes.len() as u64),
            codes: if left_alone { before } else { BTreeSet::new() },
            message,
            failures,
        }
    }

    /// Codes of the errors that `check` finds.
    fn errors(&self, name: &str, bytes: &[u8]) -> BTreeSet<&'static str> {
        let findings = check::run::in_memory(name, bytes.to_vec(), self.target, &self.environment).unwrap_or_default();
        let errors = findings.iter().filter(|finding: &&Finding| finding.severity == Severity::Error);
        errors.map(|finding| finding.code.name).collect()
    }
}

fn is_dylink(bytes: &[&u8]) -> bool {
    bytes.iter().copied().eq(b"dylink")
}

/// Has walrus read every module of a result.
fn second_reader(bytes: &[u8]) -> Result<(), String> {
    if !bytes.starts_with(b"PK") {
        return read_with_walrus("it", bytes);
    }
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|error| error.to_string())?;
        let mut contents = Vec::new();
        entry.read_to_end(&mut contents).map_err(|error| error.to_string())?;
        if contents.starts_with(b"\0asm") {
            let name = entry.name().map(|name| name.into_owned()).unwrap_or_default();
            read_with_walrus(&name, &contents)?;
        }
    }
    Ok(())
}

/// walrus takes either kind of native handlers, not both.
fn read_with_walrus(name: &str, bytes: &[u8]) -> Result<(), String> {
    let read = |legacy| {
        let mut config = walrus::ModuleConfig::new();
        config.legacy_exceptions(legacy);
        config.parse(bytes).map(drop)
    };
    read(true).or_else(|_| read(false)).map_err(|error| format!("walrus cannot read {name}: {error:#}"))
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Upgraded => "upgraded",
        Status::Unchanged => "unchanged",
        Status::Refused => "refused",
        Status::Error => "error",
    }
}

fn json(rows: &[Row], settings: &Settings) -> serde_json::Value {
    let row = |row: &Row| {
        serde_json::json!({
            "path": row.path, "status": word(row.status), "size_before": row.before, "size_after": row.after,
            "codes": row.codes, "message": row.message, "failures": row.failures,
        })
    };
    serde_json::json!({ "target": settings.target, "inputs": rows.iter().map(row).collect::<Vec<_>>() })
}

fn print(rows: &[Row], settings: &Settings, seconds: u64) {
    println!("For {}, on {}, in {seconds} s:\n", settings.target, machine());
    println!("| directory | inputs | upgraded | unchanged | refused | errors | failed | bytes before | after |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for (number, directory) in settings.directories.iter().enumerate() {
        let own: Vec<&Row> = rows.iter().filter(|row| row.directory == number).collect();
        println!("| {} | {} |", directory.display(), cells(&own));
    }
    println!("| all | {} |", cells(&rows.iter().collect::<Vec<_>>()));
    let mut codes = BTreeMap::<(&str, String), usize>::new();
    for row in rows.iter().filter(|row| !matches!(row.status, Status::Upgraded | Status::Unchanged)) {
        let listed = if row.codes.is_empty() { "none".to_string() } else { Vec::from_iter(row.codes.iter().copied()).join(", ") };
        *codes.entry((word(row.status), listed)).or_default() += 1;
    }
    if !codes.is_empty() {
        println!("\n| refused, or an error | errors that `check` finds | inputs |\n|---|---|---|");
    }
    for ((status, codes), count) in codes {
        println!("| {status} | {codes} | {count} |");
    }
    for row in rows.iter().filter(|row| settings.list || !row.failures.is_empty()) {
        let message = row.message.as_deref().unwrap_or_default();
        if row.status != Status::Upgraded || !row.failures.is_empty() {
            println!("\n{} {}: {message}", word(row.status), row.path.display());
        }
        row.failures.iter().for_each(|failure| println!("    FAILED: {failure}"));
    }
}

fn cells(rows: &[&Row]) -> String {
    let count = |status| rows.iter().filter(|row| row.status == status).count().to_string();
    let failed = rows.iter().filter(|row| !row.failures.is_empty()).count();
    let done: Vec<&&Row> = rows.iter().filter(|row| matches!(row.status, Status::Upgraded | Status::Unchanged)).collect();
    let sum = |size: fn(&Row) -> u64| done.iter().map(|row| size(row)).sum::<u64>();
    let counts = [Status::Upgraded, Status::Unchanged, Status::Refused, Status::Error].map(count).join(" | ");
    format!("{} | {counts} | {failed} | {} | {}", rows.len(), sum(|row| row.before), sum(|row| row.after))
}
