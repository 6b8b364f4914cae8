//! Runs the command lines written in `tests/cli/*.wat` and compares what they print with the snapshots beside them.
//!
//! A file is WebAssembly text with directives in comments at the start of a line:
//!
//! ```text
//! ;; RUN: upgrade % -o - | print
//! ;; RUN[exnref]: upgrade % -o - --exnref | print
//! ;; RUN[file]: upgrade % -o out/ | print out/name.wasm
//! ;; FAIL[twice] 2: upgrade - - -o out < %
//! ```
//!
//! The text is assembled to `name.wasm` in an empty directory, where the directives of the file run one after the other; `%` stands
//! for `name.wasm`. `RUN` expects exit code 0, `FAIL` the given one; `< FILE` gives standard input. `| print` turns the module on
//! standard output, or the module FILE, back into text; the former also checks that a second run changes
//! nothing, and that no local has a name that does not exist. What a run prints
//! is in `name.wat.stdout` and `name.wat.stderr`, or in `name.wat.exnref.stdout` and so on for named ones; no file stands for no
//! output. With `BLESS=1` in the environment the snapshots are written instead of compared.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};

use anyhow::{Context, Result, bail, ensure};
use libtest_mimic::{Arguments, Failed, Trial};
use wasmparser::{KnownCustom, Name, Parser, Payload, TypeRef};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    let trials = match collect(&directory) {
        Ok(trials) => trials,
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::FAILURE;
        }
    };
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// One trial for each file of tests, and one that finds snapshots without a test.
fn collect(directory: &Path) -> Result<Vec<Trial>> {
    let mut trials = Vec::new();
    let mut snapshots = BTreeSet::new();
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "wat") {
            found.insert(path);
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let directives = parse(&text).with_context(|| path.display().to_string())?;
        snapshots
            .extend(directives.iter().flat_map(|directive| ["stdout", "stderr"].map(|stream| directive.snapshot(&path, stream))));
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        trials.push(Trial::test(name, move || {
            run_file(&path, &text, &directives).map_err(|error| Failed::from(format!("{error:#}")))
        }));
    }
    let stale: Vec<PathBuf> = found.difference(&snapshots).cloned().collect();
    trials.push(Trial::test("every snapshot has a test", move || {
        if stale.is_empty() { Ok(()) } else { Err(Failed::from(format!("no directive writes {stale:?}"))) }
    }));
    Ok(trials)
}

/// One command line to run.
#[derive(Debug, Default)]
struct Directive {
    /// Tells the snapshots of one file apart.
    name: Option<String>,
    exit_code: i32,
    arguments: Vec<String>,
    /// File for standard input.
    stdin: Option<String>,
    /// Whether to print a module, and the file it is in, if not standard output.
    print: Option<Option<String>>,
}

impl Directive {
    fn snapshot(&self, path: &Path, stream: &str) -> PathBuf {
        let name = self.name.as_ref().map(|name| format!(".{name}")).unwrap_or_default();
        PathBuf::from(format!("{}{name}.{stream}", path.display()))
    }
}

fn parse(text: &str) -> Result<Vec<Directive>> {
    let mut directives = Vec::new();
    for line in text.lines() {
        let Some(line) = line.strip_prefix(";; ").filter(|line| line.starts_with("RUN") || line.starts_with("FAIL")) else {
            continue;
        };
        directives.push(parse_directive(line).with_context(|| format!("`;; {line}`"))?);
    }
    ensure!(!directives.is_empty(), "there is no RUN or FAIL directive");
    Ok(directives)
}

fn parse_directive(line: &str) -> Result<Directive> {
    let (head, command) = line.split_once(": ").context("expected `: ` and a command line")?;
    let (head, exit_code) = match head.split_once(' ') {
        Some((head, code)) => (head, code.parse().context("expected an exit code")?),
        None => (head, 0),
    };
    ensure!(head.starts_with("FAIL") == (exit_code != 0), "FAIL takes an exit code, RUN does not");
    let name = head.split_once('[').and_then(|(_, name)| name.strip_suffix(']')).map(str::to_string);
    let (command, print) = match command.split_once(" | print") {
        Some((command, file)) => (command, Some(Some(file.trim().to_string()).filter(|file| !file.is_empty()))),
        None => (command, None),
    };
    let (command, stdin) = match command.split_once(" < ") {
        Some((command, file)) => (command, Some(file.trim().to_string())),
        None => (command, None),
    };
    let arguments = command.split_whitespace().map(str::to_string).collect();
    Ok(Directive { name, exit_code, arguments, stdin, print })
}

fn run_file(path: &Path, text: &str, directives: &[Directive]) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let input = path.with_extension("wasm").file_name().context("a file name")?.to_string_lossy().into_owned();
    fs::write(directory.path().join(&input), wat::parse_str(text)?)?;
    for directive in directives {
        run_directive(path, directive, directory.path(), &input).with_context(|| format!("`{}`", directive.arguments.join(" ")))?;
    }
    Ok(())
}

fn run_directive(path: &Path, directive: &Directive, directory: &Path, input: &str) -> Result<()> {
    let mut output = run(directive, directory, input)?;
    let code = output.status.code();
    ensure!(
        code == Some(directive.exit_code),
        "exit code {code:?} instead of {}, standard error:\n{}",
        directive.exit_code,
        String::from_utf8_lossy(&output.stderr)
    );
    if let Some(file) = &directive.print {
        let module = match file {
            Some(file) => fs::read(directory.join(file)).with_context(|| file.clone())?,
            None => output.stdout,
        };
        check_local_names(&module)?;
        output.stdout = wasmprinter::print_bytes(&module).context("cannot print the result")?.into_bytes();
        if file.is_none() {
            check_second_run(directive, directory, &module)?;
        }
    }
    compare(&directive.snapshot(path, "stdout"), &output.stdout)?;
    compare(&directive.snapshot(path, "stderr"), &output.stderr)
}

fn run(directive: &Directive, directory: &Path, input: &str) -> Result<Output> {
    let name = |word: &String| if word == "%" { input.to_string() } else { word.clone() };
    let stdin = match &directive.stdin {
        Some(file) => Stdio::from(fs::File::open(directory.join(name(file)))?),
        None => Stdio::null(),
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"));
    command.args(directive.arguments.iter().map(name)).current_dir(directory).stdin(stdin);
    command.output().context("cannot run wasm-pyfix")
}

/// Names of locals that do not exist are no use, and wabt refuses them.
fn check_local_names(module: &[u8]) -> Result<()> {
    let mut locals: Vec<u32> = Vec::new();
    let mut imported = 0;
    let (mut types, mut functions) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::TypeSection(section) => types = section.into_iter_err_on_gc_types().collect::<Result<Vec<_>, _>>()?,
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::FunctionSection(section) => functions = section.into_iter().collect::<Result<Vec<_>, _>>()?,
            Payload::CodeSectionEntry(body) => {
                let parameters = types[functions[locals.len()] as usize].params().len() as u32;
                let declared = body.get_locals_reader()?.into_iter().map(|group| Ok(group?.0)).sum::<Result<u32>>()?;
                locals.push(parameters + declared);
            }
            Payload::CustomSection(section) => {
                let KnownCustom::Name(names) = section.as_known() else { continue };
                for name in names {
                    let Name::Local(map) = name? else { continue };
                    for function in map {
                        let function = function?;
                        for local in function.names {
                            let local = local?;
                            let exists = function.index.checked_sub(imported).is_none_or(|own| local.index < locals[own as usize]);
                            ensure!(exists, "function {} has no local {}, called `{}`", function.index, local.index, local.name);
                        }
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Runs the directive once more, over its result.
fn check_second_run(directive: &Directive, directory: &Path, result: &[u8]) -> Result<()> {
    let again = "again.wasm";
    fs::write(directory.join(again), result)?;
    let second = run(directive, directory, again)?.stdout;
    if second != result {
        bail!("a second run over the result changes it to:\n{}", wasmprinter::print_bytes(&second)?);
    }
    Ok(())
}

fn compare(snapshot: &Path, actual: &[u8]) -> Result<()> {
    let actual = String::from_utf8_lossy(actual);
    if std::env::var_os("BLESS").is_some() {
        return match actual.is_empty() {
            true if snapshot.exists() => fs::remove_file(snapshot).context("cannot remove a snapshot"),
            true => Ok(()),
            false => fs::write(snapshot, actual.as_bytes()).context("cannot write a snapshot"),
        };
    }
    let expected = if snapshot.exists() { fs::read_to_string(snapshot)? } else { String::new() };
    let name = snapshot.file_name().unwrap_or_default().to_string_lossy();
    ensure!(expected == actual, "{name} differs (BLESS=1 writes it)\n--- expected\n{expected}\n--- actual\n{actual}");
    Ok(())
}
