//! Carries out the command line of `check`: reads all inputs, checks each module against the runtime and the other modules, reports.

use super::gather::{self, Set};
use super::input::Input;
use super::libraries::{self, Linked};
use super::report::{AuditReport, InputReport, Report, Reports, SCHEMA_VERSION, Totals};
use super::{Context, Exports, Finding, Place, Siblings, Subject, abi3, ahead, clashes, own, python, thrown};
use super::{wheel, whole};
use crate::cli::CheckArgs;
use crate::codes;
use crate::exit::{EXIT_DONE, EXIT_ERROR};
use crate::input;
use crate::loader::base_name;
use crate::origin;
use crate::output;
use crate::plain::{Paper, plain};
use crate::report::text::write_failure;
use crate::target::{self, LibraryLookup, Target};
use crate::usage;
use crate::wheel::suffix;
use crate::wheel::{namesakes, runtime_path};
use anyhow::{Context as _, Result, bail, ensure};
use rayon::prelude::*;
use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;
use wasm_pyfix_passes::Environment;

/// Runs `args` and returns the exit code.
pub fn run(args: &CheckArgs) -> i32 {
    let begun = gather::gather(&args.inputs).and_then(|set| Ok((targets(args, &set)?, set)));
    let (targets, set) = match begun {
        Ok(begun) => begun,
        Err(error) => return usage::cannot_begin(&error, args.color, args.json.then_some(SCHEMA_VERSION)),
    };
    let reports = targets.iter().enumerate().map(|(index, target)| {
        let is_last = index + 1 == targets.len();
        report(args, &set, target, args.against_next && index > 0, args.against_next && is_last)
    });
    let reports: Vec<Report> = match reports.collect::<Result<_>>() {
        Ok(reports) => reports,
        Err(error) => {
            let failure = crate::report::Failure::from(&error);
            let mut stderr = anstream::AutoStream::new(std::io::stderr(), args.color.into());
            let _ = write_failure(&mut stderr, Paper::behind(&std::io::stderr()), &failure);
            return EXIT_ERROR;
        }
    };
    let exit_code = reports.iter().map(|report| report.exit_code).max().unwrap_or(EXIT_DONE);
    output::printed(print(reports, args, exit_code), exit_code)
}

/// Checks all inputs against one target: a `later` one than theirs, and with what comes after it, if `ahead`.
fn report(args: &CheckArgs, set: &Set, target: &'static Target, later: bool, ahead: bool) -> Result<Report> {
    let (environment, complete) = runtime(target, &args.main)?;
    let side_by_side = !args.main.is_empty();
    let context = Context { target, environment: &environment, source: None, sources: &[], complete, side_by_side, ahead };
    let mut report = Report::new(target, args.strict, set.whole);
    (report.inputs, report.totals) = check_files(set, &context, later)?;
    let failed = report.findings().any(|finding| finding.severity <= report.threshold());
    report.exit_code = if failed { EXIT_ERROR } else { EXIT_DONE };
    Ok(report)
}

/// What is checked against, each once.
///
/// # Errors
/// As [`own_target`]; when there is no target of a name that was given; when the files of one runtime are given for several.
fn targets(args: &CheckArgs, set: &Set) -> Result<Vec<&'static Target>> {
    let mut targets: Vec<&'static Target> = Vec::new();
    for name in &args.target {
        let target = if name == target::AUTO { own_target(set)? } else { Target::find(name)? };
        if targets.iter().all(|known| known.name != target.name) {
            targets.push(target);
        }
    }
    if targets.is_empty() {
        targets.push(own_target(set)?);
    }
    if args.against_next {
        ensure!(targets.len() == 1, "`--against-next` goes on from one target, and several are given: leave out one of them");
        targets = ahead::with_later(targets[0]);
    }
    if let [target] = targets[..] {
        // Files that cannot be used are an error before anything is read.
        runtime(target, &args.main)?;
    } else {
        ensure!(args.main.is_empty(), "`--main` is about one runtime, and there are several targets: run it once for each");
    }
    Ok(targets)
}

/// The target that a lock file among the inputs is for, or else the latest that the tags of a wheel name, or else the default.
///
/// # Errors
/// When no platform is that of all the wheels.
fn own_target(set: &Set) -> Result<&'static Target> {
    let default = Target::find(target::DEFAULT)?;
    if let Some(first) = set.platforms.first() {
        ensure!(
            set.platforms.iter().all(|other| other == first),
            "the lock files are for different platforms: check each by itself"
        );
        let target = Target::all().iter().find(|target| target.has_wheels() && target.version == first);
        return target
            .with_context(|| format!("the lock file is for the platform {first}, which is not known: name one with `--target`"));
    }
    let names = set.gathered.iter().filter_map(|of| of.wheel_name());
    let platforms: Vec<Vec<&Target>> = names.map(|name| name.sources().collect()).filter(|of: &Vec<_>| !of.is_empty()).collect();
    let Some(first) = platforms.first() else { return Ok(default) };
    let is_of_all = |target: &&&Target| platforms.iter().all(|of| of.iter().any(|own| own.name == target.name));
    match first.iter().filter(is_of_all).max_by_key(|target| target.version) {
        Some(target) => Ok(target),
        None => bail!(
            "the wheels are for different platforms: check those of each by themselves, or say with `--target` which is meant"
        ),
    }
}

/// What the runtime offers, and whether that is all of it.
fn runtime(target: &Target, main: &[PathBuf]) -> Result<(Environment, bool)> {
    let environment = match main {
        [] if target.has_manifest() => target.manifest()?,
        [] => Environment::default(),
        main => target::manifest::of_main(main, target)?,
    };
    Ok((environment, target.is_known_whole(main)))
}

/// Checks all inputs together; against a `later` platform than theirs their tags do not matter.
fn check_files(set: &Set, context: &Context<'_>, later: bool) -> Result<(Vec<InputReport>, Totals)> {
    let mut inputs: Vec<Input<'static>> = set.gathered.par_iter().map(|of| of.open(context.target)).collect();
    let names: Vec<String> = set.gathered.iter().map(|of| of.file_name.clone()).collect();
    let (found, totals) = check_set(&names, &mut inputs, context, set.whole.then_some(set))?;
    let reports = set.gathered.iter().zip(&inputs).zip(found).map(|((of, input), (mut findings, audits))| {
        if later {
            ahead::forget_tags(&mut findings);
        }
        InputReport::new(of.label.clone(), input.kind, findings, audits, context.target)
    });
    Ok((reports.collect(), totals))
}

/// Checks the contents `bytes` of a file called `file_name`, alone, against `target`.
///
/// # Errors
/// For what is neither a module nor an archive, and for code that cannot be decoded although it has been validated.
pub fn in_memory(file_name: &str, bytes: Vec<u8>, target: &'static Target, environment: &Environment) -> Result<Vec<Finding>> {
    let complete = target.has_manifest();
    let context = Context { target, environment, source: None, sources: &[], complete, side_by_side: false, ahead: false };
    let kind = input::recognise(&bytes, Some(file_name))?;
    let mut inputs = [wheel::open_bytes(kind, file_name, bytes.into(), target)];
    let found = check_inputs(&[file_name.to_string()], &mut inputs, &context)?;
    Ok(found.into_iter().flat_map(|(findings, _)| findings).collect())
}

/// Checks inputs that have been opened, together; `names` are their file names.
pub fn check_inputs(names: &[String], inputs: &mut [Input<'_>], context: &Context<'_>) -> Result<Vec<Found>> {
    Ok(check_set(names, inputs, context, None)?.0)
}

/// The same, for inputs that are a `whole` distribution, perhaps.
fn check_set(
    names: &[String],
    inputs: &mut [Input<'_>],
    context: &Context<'_>,
    whole: Option<&Set>,
) -> Result<(Vec<Found>, Totals)> {
    let mut found: Vec<Found> = inputs.iter_mut().map(|input| (std::mem::take(&mut input.findings), Vec::new())).collect();
    let subjects = read_modules(inputs, context, &mut found);
    let exports = Exports::new(&subjects)?;
    let checked: Vec<Result<(Vec<Finding>, Option<AuditReport>)>> = (subjects.par_iter().enumerate())
        .map(|(number, (index, subject))| check_module(subject, &inputs[*index], context, &exports.of_others(number)))
        .collect();
    for ((index, _), checked) in subjects.iter().zip(checked) {
        let (findings, audit) = checked?;
        found[*index].0.extend(findings);
        found[*index].1.extend(audit);
    }
    // The modules come in the order of the inputs.
    let mut rest = subjects.as_slice();
    for (index, (input, (findings, audits))) in inputs.iter().zip(&mut found).enumerate() {
        let (own, others) = rest.split_at(rest.partition_point(|(of, _)| *of == index));
        rest = others;
        let own: Vec<&Subject<'_>> = own.iter().map(|(_, subject)| subject).collect();
        findings.extend(python::suffixes(input, &names[index], &own, audits, context.target));
        if let LibraryLookup::RuntimePath { .. } = context.target.library_lookup {
            findings.extend(ambiguous(input, &own));
        }
    }
    let linked: Vec<Linked> =
        subjects.iter().map(|(index, subject)| linked(*index, subject, &inputs[*index], &names[*index])).collect();
    let weak = own::weak(&subjects, &linked, &exports, context);
    let thrown = thrown::check(&subjects, &linked)?;
    let clashes = clashes::check(&subjects, &linked, context)?;
    for (index, finding) in libraries::check(&linked, context.target).into_iter().chain(weak).chain(thrown).chain(clashes) {
        found[index].0.push(finding);
    }
    let of_whole = whole.map(|set| whole::check(&subjects, &linked, set)).unwrap_or_default();
    of_whole.into_iter().for_each(|(index, finding)| found[index].0.push(finding));
    let bytes = subjects.iter().map(|(_, subject)| subject.bytes.len() as u64).sum();
    let totals = Totals { inputs: names.len(), modules: subjects.len(), size: bytes };
    Ok((found, totals))
}

/// What was found in one input.
pub type Found = (Vec<Finding>, Vec<AuditReport>);

/// Decodes all modules, each with the number of its input.
fn read_modules<'i>(inputs: &'i [Input<'_>], context: &Context<'_>, found: &mut [Found]) -> Vec<(usize, Subject<'i>)> {
    let files: Vec<_> =
        inputs.iter().enumerate().flat_map(|(index, input)| input.files.iter().map(move |file| (index, file))).collect();
    let read: Vec<_> = (files.into_par_iter())
        .map(|(index, file)| {
            let mut findings = Vec::new();
            let place = Place { path: file.path.clone() };
            (index, super::read(place, file, context.target, &mut findings), findings)
        })
        .collect();
    let mut subjects = Vec::new();
    for (index, subject, findings) in read {
        found[index].0.extend(findings);
        subjects.extend(subject.map(|subject| (index, subject)));
    }
    subjects
}

fn check_module(
    subject: &Subject<'_>,
    input: &Input<'_>,
    context: &Context<'_>,
    siblings: &Siblings<'_>,
) -> Result<(Vec<Finding>, Option<AuditReport>)> {
    let mut findings = Vec::new();
    let mut sources = input.sources.clone();
    if sources.is_empty() {
        sources.extend(subject.place.path.as_deref().and_then(origin::of_module_name));
    }
    super::module(subject, &Context { source: input.source, sources: &sources, ..*context }, siblings, &mut findings)?;
    let audit = input
        .baseline
        .and_then(|baseline| crate::abi3::audit(subject.module.imports().iter().map(|import| &*import.field), baseline));
    if let Some(audit) = &audit {
        let is_spare = |path: &String| suffix::is_spare(path, &context.target.python_tag(), |path| input.has_module(path));
        let moved_from = input.moved_from.filter(|_| !subject.place.path.as_ref().is_some_and(is_spare));
        findings.extend(abi3::findings(audit, moved_from, context.target, &subject.place));
    }
    let name = subject.place.path.clone().unwrap_or_default();
    Ok((findings, audit.map(|result| AuditReport { name, result })))
}

/// The libraries of an archive of which nobody can decide which one is meant.
fn ambiguous(input: &Input<'_>, modules: &[&Subject<'_>]) -> Vec<Finding> {
    let Some(root) = &input.root else { return Vec::new() };
    let mut contents: HashMap<&[u8], usize> = HashMap::new();
    let linked = modules.iter().enumerate().map(|(index, subject)| namesakes::Linked {
        path: subject.place.path.clone().unwrap_or_default(),
        needed: subject.module.dylink.needed.clone(),
        runtime_path: subject.module.dylink.runtime_path.clone(),
        importable: false,
        contents: *contents.entry(subject.bytes).or_insert(index),
    });
    let decided = runtime_path::decide(&linked.collect::<Vec<_>>(), root, input.distribution.as_deref());
    decided.undecided.iter().map(|left| codes::libraries::ambiguous(&left.path, &left.needed, left.count)).collect()
}

/// A module, as far as its loading goes.
fn linked(index: usize, subject: &Subject<'_>, input: &Input<'_>, file_name: &str) -> Linked {
    let path = subject.place.path.clone().unwrap_or_else(|| file_name.to_string());
    Linked {
        input: index,
        place: subject.place.clone(),
        name: base_name(&path).to_string(),
        installed: input.root.as_ref().map(|root| format!("{root}/{path}")),
        libs: input.distribution.as_ref().map(|distribution| format!("{distribution}.libs")),
        needed: subject.module.dylink.needed.clone(),
        runtime_path: subject.module.dylink.runtime_path.clone(),
    }
}

/// Prints the report to standard output.
fn print(mut reports: Vec<Report>, args: &CheckArgs, exit_code: i32) -> Result<()> {
    if args.json {
        return match reports.pop() {
            Some(report) if reports.is_empty() => output::print_json(&report),
            last => output::print_json(&Reports::new(reports.into_iter().chain(last).collect(), exit_code)),
        };
    }
    let mut stdout = anstream::AutoStream::new(std::io::stdout(), args.color.into());
    let several = reports.len() > 1;
    for report in &reports {
        if several && (!args.quiet || report.exit_code != EXIT_DONE) {
            writeln!(stdout, "{}:", plain(report.target.name))?;
        }
        report.write_text(&mut stdout, Paper::behind(&std::io::stdout()), args.quiet, args.verbose)?;
    }
    Ok(stdout.flush()?)
}
