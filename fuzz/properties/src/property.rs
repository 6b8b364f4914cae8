//! What must hold. Each function takes whatever bytes there are; what is read, refused or called malformed in order is right.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{Cursor, Read};
use std::sync::{Arc, LazyLock};

use wasm_pyfix::codes::Severity;
use wasm_pyfix::report::{InputReport, Status};
use wasm_pyfix::run::InMemory;
use wasm_pyfix::target::Target;
use wasm_pyfix::{check, cli, show};
use wasm_pyfix_passes::module::{FEATURES, Module};
use wasm_pyfix_passes::{Environment, Error};
use zip::ZipArchive;

use crate::random::seed_of;
use crate::wheels;

/// What did not hold, in words.
#[derive(Debug, Clone)]
pub struct Broken(pub String);

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How far an input came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Came {
    /// It is not what it should be, and an error said so.
    Malformed,
    /// It is in order, and was refused.
    Refused,
    /// There was nothing to do.
    Unchanged,
    /// All the way.
    Through,
}

type Judged = Result<Came, Broken>;

/// Targets and passes that inputs are tried with. Most accept what a changed module may lack, so that the passes see it.
const WORDS: [&str; 14] = [
    "",
    "--allow-missing --no-check",
    "--allow-missing --no-check -O0",
    "--allow-missing --no-check --exnref",
    "--allow-missing --no-check --target pyemscripten_2026_0",
    "--allow-missing --no-check --exports pyinit",
    "--allow-missing --no-check --exports pyinit --dyncalls all",
    "--allow-missing --no-check --bsymbolic --exports pyinit",
    "--allow-missing --no-check --exports pyinit --strip all",
    "--allow-missing --no-check --strip debug --exnref --exports pyinit",
    "--allow-missing --no-check --exports pyinit --no-bind --no-merge",
    "--allow-missing --no-check --no-prune --no-relocations",
    "--target emscripten-legacy --no-check --allow-missing --allow-struct-change",
    "--allow-missing --no-check --allow-python-mismatch --allow-struct-change --exports pyinit",
];

/// The command line that an input is tried with.
pub fn words_of(bytes: &[u8]) -> &'static str {
    WORDS[number_of(bytes)]
}

fn number_of(bytes: &[u8]) -> usize {
    (seed_of(bytes) % WORDS.len() as u64) as usize
}

/// What `upgrade` makes of `bytes` with the command line of this number.
fn run(number: usize, file_name: &str, bytes: &[u8]) -> (InputReport, Option<Vec<u8>>) {
    static ARGUMENTS: LazyLock<Vec<cli::UpgradeArgs>> = LazyLock::new(|| {
        let parse = |words: &&str| {
            let words = ["wasm-pyfix", "upgrade", "--dry-run", "--quiet", "./input"].into_iter().chain(words.split_whitespace());
            cli::upgrade_args(words).unwrap_or_else(|error| panic!("{error}"))
        };
        WORDS.iter().map(parse).collect()
    });
    thread_local! {
        static PREPARED: RefCell<Vec<InMemory<'static>>> = RefCell::new(
            ARGUMENTS.iter().map(|args| InMemory::new(args).unwrap_or_else(|error| panic!("{error:#}"))).collect()
        );
    }
    PREPARED.with_borrow_mut(|prepared| prepared[number].upgrade(file_name, bytes))
}

/// Makes what all inputs need, so that the first one is not judged for it.
pub fn prepare() {
    run(0, "x.so", b"");
    let _ = environment();
}

fn other(message: impl Into<String>) -> Broken {
    Broken(message.into())
}

/// What is read is written, valid if it was; and from then on nothing changes.
pub fn read_write(bytes: &[u8]) -> Judged {
    let module = match Module::read(bytes) {
        Ok(module) => module,
        Err(Error::Internal(message)) => return Err(other(message)),
        Err(_) => return Ok(Came::Malformed),
    };
    let write = |module: &Module<'_>| module.write().map_err(|error| other(format!("what was read cannot be written: {error}")));
    let written = write(&module)?;
    valid(&written)?;
    let mut again = Module::read(&written).map_err(|error| other(format!("what was written cannot be read: {error}")))?;
    if write(&again)? != written {
        return Err(other("what was written is written differently"));
    }
    // Every index and LEB anew.
    again.encode_everything();
    let encoded = write(&again)?;
    valid(&encoded)?;
    let third = Module::read(&encoded).map_err(|error| other(format!("what was encoded cannot be read: {error}")))?;
    if write(&third)? != encoded {
        return Err(other("what was encoded is written differently"));
    }
    Ok(Came::Through)
}

fn valid(bytes: &[u8]) -> Result<(), Broken> {
    let result = wasmparser::Validator::new_with_features(FEATURES).validate_all(bytes);
    result.map(drop).map_err(|error| other(format!("the result is not valid: {error}")))
}

/// Every pass over a module: the result is valid and final.
pub fn module(bytes: &[u8]) -> Judged {
    let number = number_of(bytes);
    let (report, result) = run(number, "x.so", bytes);
    let Some(result) = result else { return came(&report) };
    valid(&result)?;
    second_run(number, "x.so", &result)?;
    Ok(Came::Through)
}

/// How far an input without a result came.
fn came(report: &InputReport) -> Judged {
    let message = report.error.as_ref().map(|error| error.message.as_str()).unwrap_or_default();
    match report.status {
        _ if message.contains("defect in wasm-pyfix") => Err(other(message)),
        Status::Error => Ok(Came::Malformed),
        Status::Refused => Ok(Came::Refused),
        Status::Upgraded | Status::Unchanged => Ok(Came::Unchanged),
    }
}

fn second_run(number: usize, file_name: &str, result: &[u8]) -> Result<(), Broken> {
    let (report, again) = run(number, file_name, result);
    if let Some(error) = report.error {
        return Err(other(format!("the result itself fails: {}", error.message)));
    }
    if again.is_none() {
        return Ok(());
    }
    let passes = report.modules.iter().flat_map(|module| &module.passes).filter(|pass| !pass.changed.is_empty());
    let passes: BTreeSet<&str> = passes.map(|pass| pass.pass.as_str()).collect();
    Err(other(format!("a second run changes something: {passes:?}")))
}

/// A wheel or an archive: the result can be read by another reader, and is final.
pub fn wheel(bytes: &[u8]) -> Judged {
    let number = number_of(bytes);
    let (report, result) = run(number, wheels::file_name(seed_of(bytes)), bytes);
    let Some(result) = result else { return came(&report) };
    readable(&result).map_err(|error| other(format!("the result: {error}")))?;
    let file_name = report.file_name.ok_or_else(|| other("the result has no name"))?;
    second_run(number, &file_name, &result)?;
    Ok(Came::Through)
}

/// Whether another reader can read every entry.
fn readable(bytes: &[u8]) -> std::io::Result<()> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))?;
    for index in 0..archive.len() {
        archive.by_index(index)?.read_to_end(&mut Vec::new())?;
    }
    Ok(())
}

fn environment() -> &'static (&'static Target, Arc<Environment>) {
    static ENVIRONMENT: LazyLock<(&Target, Arc<Environment>)> = LazyLock::new(|| {
        let target = Target::find("pyodide_2025_0").expect("a target of that name");
        (target, Arc::new(target.manifest().expect("its manifest is built in")))
    });
    &ENVIRONMENT
}

/// `check` and `show` answer.
pub fn look(bytes: &[u8]) -> Judged {
    let file_name = if bytes.starts_with(b"PK") { wheels::file_name(seed_of(bytes)) } else { "x.so" };
    let (target, environment) = environment();
    let findings = check::run::in_memory(file_name, bytes.to_vec(), target, environment);
    let shown = show::run::in_memory(file_name, bytes);
    for error in [findings.as_ref().err(), shown.as_ref().err()].into_iter().flatten() {
        if format!("{error:#}").contains("defect in wasm-pyfix") {
            return Err(other(format!("{error:#}")));
        }
    }
    // What `check` has no error for, `show` must be able to tell of.
    let in_order = findings.is_ok_and(|findings| findings.iter().all(|finding| finding.severity != Severity::Error));
    match (in_order, shown) {
        (true, Err(error)) => Err(other(format!("`check` finds no error, and `show` cannot read it: {error:#}"))),
        (_, shown) => Ok(if shown.is_ok() { Came::Through } else { Came::Malformed }),
    }
}
