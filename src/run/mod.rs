//! Carries out a command line: every input is read, upgraded, written and reported, one after the other; small ones are upgraded ahead.
//!
//! An input that fails leaves no output behind and does not stop the others.

mod ahead;
mod closed;
mod map;
mod names;
mod own;
mod packages;
mod settings;
mod trees;
mod writing;

use crate::check::{self, output::Accepted};
use crate::cli::{ReportArgs, UpgradeArgs};
use crate::code::Code;
use crate::code::sources::Sources;
use crate::codes::features::STRUCT_CHANGED;
use crate::codes::noted::{NO_EFFECT, PRELIMINARY};
use crate::codes::upgrading::{MODULES_ONLY, TARGETS_DIFFER, UNWRITABLE};
use crate::distribution::Distribution;
use crate::effects::Seen;
use crate::exit::{EXIT_DONE, EXIT_ERROR, EXIT_REFUSED};
use crate::input::{self, Kind, Source};
use crate::inputs::{self, Item};
use crate::lockfile::Lock;
use crate::one_wheel;
use crate::origin;
use crate::output::{self, Destination, Writer};
use crate::pipeline::{self, ModuleOptions};
use crate::plain::Paper;
use crate::progress::{Phase, Progress};
use crate::report::summary::{self, Summary};
use crate::report::text::{Verbosity, write_failure};
use crate::report::{self, Failure, InputReport, ModuleReport, NoticeReport, Report, Status, Totals};
use crate::shrink;
use crate::target::{self, Target};
use crate::usage;
use crate::wheel::{self, naming};
use ahead::Ahead;
use anyhow::{Context, Result, bail};
use closed::Closed;
use packages::Misfits;
use settings::source_date_epoch;
use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use wasm_pyfix_passes::module::Module;
use wasm_pyfix_passes::{Environment, Notice};
use wasmparser::FuncType;

/// Runs `args` and returns the exit code.
pub fn run(args: &UpgradeArgs) -> i32 {
    let color = args.report.color.into();
    let mut stderr = anstream::AutoStream::new(std::io::stderr(), color);
    if args.target.list_targets {
        return output::print_text(&target::listing());
    }
    let mut run = match Run::new(args) {
        Ok(run) => run,
        Err(error) => return usage::cannot_begin(&error, args.report.color, args.report.json.then_some(report::SCHEMA_VERSION)),
    };
    let report = run.all(&mut stderr);
    output::printed(print(&report, &args.report), report.exit_code)
}

/// Prints what is asked for on standard output.
fn print(report: &Report, args: &ReportArgs) -> Result<()> {
    let summary = Summary::new(report);
    match args.summary {
        _ if args.json => output::print_json(report),
        Some(summary::Format::Text) => output::print_all(&summary.text(Paper::behind(&std::io::stdout()))),
        Some(summary::Format::Markdown) => output::print_all(&summary.markdown()),
        Some(summary::Format::Json) => output::print_json(&summary),
        None => Ok(()),
    }
}

/// What `upgrade` would do for `target` with the contents `input` of `source`. Main modules other than the target's come from the files
/// `main`.
///
/// # Errors
/// When the files of the main module cannot be used; what is wrong with the input is in the report.
pub fn dry_run(source: &Source, input: &[u8], target: &str, main: &[PathBuf]) -> Result<InputReport> {
    let args = UpgradeArgs::dry_run(target, main);
    let mut run = Run::new(&args)?;
    run.prepare()?;
    let mut report = InputReport::new(source.to_string());
    report.targets = names(&[run.target]);
    let item = Item { source: source.clone(), below: PathBuf::new(), tree: false, package: None };
    if let Err(error) = run.upgrade(&item, input, &mut report) {
        report.fail(&error);
    }
    Ok(report)
}

/// `upgrade` over contents in memory, for programs that try many inputs.
pub struct InMemory<'a>(Run<'a>);

impl<'a> InMemory<'a> {
    /// Prepares what all inputs need. Where `args` say that inputs and outputs are does not matter.
    ///
    /// # Errors
    /// When the arguments make no sense together, or a file that they name cannot be read.
    pub fn new(args: &'a UpgradeArgs) -> Result<Self> {
        let mut run = Run::new(args)?;
        run.prepare()?;
        Ok(InMemory(run))
    }

    /// What becomes of the contents `input` of a file called `file_name`: the report and the bytes, if they are new ones.
    pub fn upgrade(&mut self, file_name: &str, input: &[u8]) -> (InputReport, Option<Vec<u8>>) {
        let mut report = InputReport::new(file_name.to_string());
        report.targets = names(&[self.0.target]);
        match self.0.transform(Some(file_name.to_string()), input, &mut report) {
            Ok((_, upgraded)) => (report, upgraded.bytes),
            Err(error) => {
                report.fail(&error);
                (report, None)
            }
        }
    }
}

/// Everything that holds for all inputs.
struct Run<'a> {
    args: &'a UpgradeArgs,
    /// The targets asked for, each once; with `--target auto` those of the present input.
    targets: Vec<&'static Target>,
    /// Whether each input is for its own.
    auto: bool,
    /// Whether results are for all of `targets` at once.
    one_wheel: bool,
    /// All targets that there were, each once.
    used: Vec<&'static Target>,
    /// The one that `options` and `shrink` are for.
    target: &'static Target,
    verbosity: Verbosity,
    /// What is behind standard error.
    paper: Paper,
    /// How far the present input is.
    progress: Progress,
    options: ModuleOptions,
    /// What all targets offer alike, for a wheel that is for all of them.
    common: Option<Arc<Environment>>,
    shrink: Option<shrink::Options>,
    items: Vec<Item>,
    /// The lock file that is an input.
    distribution: Option<Distribution>,
    /// What became of its packages that do not fit.
    misfits: Misfits,
    /// What the inputs say of each other, if nobody else links to them.
    closed: Option<Closed>,
    /// What the modules among the inputs tell each other, once it was looked up.
    types: OnceLock<Arc<HashMap<String, FuncType>>>,
    /// What was done with the present input before its turn.
    ahead: Option<Ahead>,
    destination: Destination,
    writer: Writer,
    lock: Option<Lock>,
    /// What the user should know about the run as a whole.
    notices: Vec<Notice>,
    source_date_epoch: Option<u64>,
    /// What was in the inputs.
    seen: Seen,
    /// Whether it was told which installers take which name of a wheel.
    told_names: bool,
}

/// A result that is ready to be written.
struct Upgraded {
    /// `None` when the input stands.
    bytes: Option<Vec<u8>>,
    /// What the result is called.
    file_name: Option<String>,
}

impl<'a> Run<'a> {
    /// Fails when the arguments make no sense together.
    fn new(args: &'a UpgradeArgs) -> Result<Self> {
        let auto = args.target.is_auto();
        let mut targets: Vec<&'static Target> = Vec::new();
        for name in args.target.names() {
            // What an input is for is known when it has been read.
            let target = Target::find(if auto { target::DEFAULT } else { name })?;
            if targets.iter().all(|known| known.name != target.name) {
                targets.push(target);
            }
        }
        let target = *targets.first().context("no target")?;
        let (distribution, paths) = packages::of_lock(args, target)?;
        let mut items = inputs::expand(&paths, args.output.output.as_deref())?;
        items.extend(distribution.iter().flat_map(packages::items));
        let sources: Vec<Source> = items.iter().map(|item| item.source.clone()).collect();
        let results = if args.target.one_wheel { 1 } else { targets.len() };
        let of_directory = distribution.is_some() || args.inputs.iter().any(|input| input.is_dir());
        let destination = Destination::new(args.output.output.as_deref(), args.output.in_place, &sources, results, of_directory)?;
        if destination == Destination::Stdout && of_directory {
            bail!("a directory or a distribution cannot go to standard output: give another one to `-o`");
        }
        if destination == Destination::Stdout && !args.output.dry_run && std::io::stdout().is_terminal() {
            bail!("will not write binary data to a terminal: redirect standard output, or give a file to `-o`");
        }
        let lock = args.wheel.lock.iter().chain(distribution.iter().map(|distribution| &distribution.path));
        let given = lock.chain(&args.target.main).map(PathBuf::as_path);
        let protected = items.iter().filter_map(Item::path).chain(given);
        let verbosity = match (args.report.quiet, args.report.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        };
        Ok(Run {
            args,
            used: if auto { Vec::new() } else { targets.clone() },
            targets,
            auto,
            one_wheel: args.target.one_wheel,
            target,
            verbosity,
            paper: Paper::behind(&std::io::stderr()),
            progress: Progress::default(),
            options: ModuleOptions::default(),
            common: None,
            shrink: None,
            closed: None,
            types: OnceLock::new(),
            ahead: None,
            destination,
            writer: Writer::protecting(protected, args.output.dry_run),
            items,
            lock: None,
            distribution,
            misfits: Misfits::default(),
            notices: Vec::new(),
            source_date_epoch: source_date_epoch()?,
            seen: Seen::default(),
            told_names: false,
        })
    }

    /// Upgrades all inputs and reports each to `stderr` when it is done.
    fn all(&mut self, stderr: &mut dyn Write) -> Report {
        let mut report = Report {
            schema_version: report::SCHEMA_VERSION,
            tool: report::TOOL,
            target: if self.auto { target::AUTO.to_string() } else { self.target.name.to_string() },
            targets: Vec::new(),
            dry_run: self.args.output.dry_run,
            exit_code: EXIT_DONE,
            inputs: Vec::new(),
            totals: Totals::default(),
            lock: None,
            lock_unfit: Vec::new(),
            lock_dropped: Vec::new(),
            notices: Vec::new(),
            error: None,
        };
        let done = self.prepare().and_then(|()| self.all_inputs(&mut report.inputs, stderr));
        let done = done.and_then(|()| self.write_map(&report.inputs));
        if let Err(error) = done.and_then(|()| self.finish_lock(&mut report)) {
            report.error = Some(Failure::from(&error));
            if self.replaces_distribution() {
                report.inputs.iter_mut().for_each(InputReport::not_written);
            }
        }
        report.totals = Totals::new(&report.inputs);
        report.targets = names(&self.used);
        let preliminary = self.used.iter().filter_map(|target| target.preliminary_notice());
        self.notices.extend(preliminary.map(|message| PRELIMINARY.notes(message)));
        let without_effect = self.seen.without_effect(self.args).into_iter().map(|message| NO_EFFECT.warns(message));
        self.notices.extend(without_effect);
        report.notices.extend(std::mem::take(&mut self.notices).into_iter().map(NoticeReport::from));
        let _ = report.write_run_notices(stderr, self.paper, self.verbosity);
        if let Some(failure) = &report.error {
            let _ = write_failure(stderr, self.paper, failure);
        }
        if self.verbosity != Verbosity::Quiet {
            let _ = report.write_closing(stderr, self.paper);
        }
        report.exit_code = exit_code(&report);
        report
    }

    /// Upgrades all inputs for all targets. What fails with one input is in its report.
    fn all_inputs(&mut self, reports: &mut Vec<InputReport>, stderr: &mut dyn Write) -> Result<()> {
        let targets = if self.one_wheel || self.auto { vec![self.target] } else { self.targets.clone() };
        for target in targets {
            self.aim_at(target)?;
            if self.args.size.closed {
                self.close()?;
            }
            let items = self.items.clone();
            let mut done = Vec::new().into_iter();
            for (index, item) in items.iter().enumerate() {
                if done.len() == 0 {
                    let count = self.at_once(&items[index..]);
                    done = if count > 1 { self.do_ahead(&items[index..index + count]) } else { vec![None] }.into_iter();
                }
                self.ahead = done.next().flatten();
                let input = self.one(item);
                self.ahead = None;
                let _ = input.write_text(stderr, self.paper, self.verbosity, self.args.output.dry_run);
                reports.push(input);
            }
        }
        Ok(())
    }

    /// Reads what all inputs need: the files of the runtime and the lock file.
    fn prepare(&mut self) -> Result<()> {
        if self.one_wheel {
            self.common = one_wheel::common(&self.targets)?.map(Arc::new);
        }
        self.aim_at(self.target)?;
        if let Some(path) = &self.args.wheel.map {
            self.writer.check(path).map_err(|error| UNWRITABLE.covers(error))?;
        }
        let lock = self.args.wheel.lock.clone().or(self.distribution.as_ref().map(|distribution| distribution.path.clone()));
        if let Some(path) = &lock {
            let output = self.lock_output(path)?;
            if let Some(output) = output.as_ref().filter(|_| !self.args.output.in_place) {
                self.writer.check(output).map_err(|error| UNWRITABLE.covers(error))?;
            }
            if self.replaces_distribution() {
                // A lock file and its files belong together.
                self.writer.wait();
            }
            self.lock = Some(Lock::read(path, output, self.distribution.is_some())?);
        }
        Ok(())
    }

    /// Whether a lock file is upgraded where it is, with its files: all of them or none.
    fn replaces_distribution(&self) -> bool {
        self.distribution.is_some() && self.destination == Destination::InPlace
    }

    fn one(&mut self, item: &Item) -> InputReport {
        let source = &item.source;
        let mut report = InputReport::new(source.to_string());
        report.targets = self.result_targets();
        self.enter_party(source.to_string(), "");
        let upgraded = match source {
            Source::File(root) if item.tree => self.tree(item, root, &mut report),
            _ if item.package.is_some() => self.package(item, &mut report),
            _ => source.read().and_then(|input| self.upgrade(item, &input, &mut report)),
        };
        // The line goes before the report comes.
        self.progress = Progress::default();
        if let Err(error) = upgraded {
            report.fail(&error);
            self.seen.failed = true;
        }
        report
    }

    fn upgrade(&mut self, item: &Item, input: &[u8], report: &mut InputReport) -> Result<()> {
        let source = &item.source;
        let (kind, upgraded) = self.transform(source.file_name(), input, report)?;
        let bytes = upgraded.bytes.as_deref().unwrap_or(input);
        if kind == Kind::Module && self.args.report.json {
            report.sha256 = Some(wheel::metadata::sha256_hex(bytes));
        }
        let path = self.destination.path(source, &item.below, upgraded.file_name.as_deref().unwrap_or_default());
        let result_name = path.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        report.notices.extend(self.name_notice(kind, &upgraded, result_name.as_ref()).map(NoticeReport::from));
        // A dry run without `-o` has no path, and the result a name all the same.
        let listed_name = result_name.or(upgraded.file_name.clone()).filter(|_| kind != Kind::Module);
        let entry = match &listed_name {
            Some(name) => self.lock_entry(item, name, upgraded.bytes.is_some(), report)?,
            None => None,
        };
        self.write(source, path, input, &upgraded, report).map_err(|error| UNWRITABLE.covers(error))?;
        if let (Some(lock), Some(entry)) = (&mut self.lock, entry) {
            lock.take(entry);
        }
        Ok(())
    }

    /// Upgrades the contents `input` of a file called `file_name`, and checks the result.
    fn transform(&mut self, file_name: Option<String>, input: &[u8], report: &mut InputReport) -> Result<(Kind, Upgraded)> {
        report.size_before = Some(input.len() as u64);
        let kind = input::recognise(input, file_name.as_deref())?;
        report.kind = Some(kind);
        self.progress = Progress::new(
            file_name.as_deref().unwrap_or("standard input"),
            self.args.report.progress,
            self.verbosity != Verbosity::Quiet,
        );
        let own = own_name(kind, file_name.as_deref(), input)?;
        if self.auto {
            self.aim_at_own(kind, own.as_deref())?;
            report.targets = self.result_targets();
        }
        let (mut upgraded, checked) = self.take_ahead(kind, file_name.as_deref(), own.clone(), input, report)?;
        // A wheel by another name is another wheel to installers.
        if own != file_name && upgraded.bytes.is_none() {
            upgraded.bytes = Some(input.to_vec());
        }
        if kind == Kind::Wheel {
            let notice = self.installers_notice(own.as_deref(), upgraded.file_name.as_deref());
            self.notices.extend(notice);
        }
        let file_name = own;
        if self.one_wheel {
            self.compare_targets(kind, input, file_name.as_ref(), &upgraded, report)?;
            let accepts_missing = self.options.allow_missing;
            let proven = one_wheel::proven(self.args, &self.targets, kind, upgraded.file_name.as_deref(), accepts_missing);
            report.notices.push(proven.into());
        }
        let bytes = upgraded.bytes.as_deref().unwrap_or(input);
        self.progress.enter(Phase::Checking, report.modules.len());
        checked.unwrap_or_else(|| self.check_upgraded(kind, &upgraded, input))?;
        self.compare_imports(kind, bytes)?;
        self.seen.look(self.args, kind, &[input, bytes]);
        self.seen.grafted.extend(report.modules.iter().filter_map(|module| module.grafted_from.as_ref()).map(PathBuf::from));
        report.status = if upgraded.bytes.is_some() { Status::Upgraded } else { Status::Unchanged };
        report.size_after = Some(bytes.len() as u64);
        report.file_name.clone_from(&upgraded.file_name);
        Ok((kind, upgraded))
    }

    fn upgraded(&self, kind: Kind, input: &[u8], file_name: Option<String>, report: &mut InputReport) -> Result<Upgraded> {
        match kind {
            Kind::Module => self.upgrade_module(input, file_name, report),
            Kind::Wheel | Kind::Archive | Kind::Directory | Kind::Lock => {
                self.upgrade_archive(input, file_name.unwrap_or_default(), report)
            }
        }
    }

    /// Makes sure that the result for every other target is `upgraded`, too, and takes over what there is to say about it.
    ///
    /// # Errors
    /// What the upgrade for another target returns; a refusal if its result is another one.
    fn compare_targets(
        &mut self,
        kind: Kind,
        input: &[u8],
        file_name: Option<&String>,
        upgraded: &Upgraded,
        report: &mut InputReport,
    ) -> Result<()> {
        let first = self.target;
        let others: Vec<_> = self.targets.iter().copied().filter(|target| target.name != first.name).collect();
        let compared = others.into_iter().try_for_each(|other| {
            self.aim_at(other)?;
            let mut trial = InputReport::new(report.input.clone());
            let result =
                self.upgraded(kind, input, file_name.cloned(), &mut trial).with_context(|| format!("for {}", other.name))?;
            if (&result.bytes, &result.file_name) != (&upgraded.bytes, &upgraded.file_name) {
                let differing =
                    wheel::differing(upgraded.bytes.as_deref().unwrap_or(input), result.bytes.as_deref().unwrap_or(input));
                let places = if differing.is_empty() { String::new() } else { format!(" in {}", differing.join(", ")) };
                let advice = if self.auto { "name one of them with `--target`" } else { "leave out --one-wheel" };
                bail!(TARGETS_DIFFER.refuses(format!(
                    "the results for {} and {} differ{places}, so none is for both: {advice}",
                    first.name, other.name
                )));
            }
            let name = result.file_name.as_deref().unwrap_or_default();
            self.check(kind, name, result.bytes.as_deref().unwrap_or(input)).with_context(|| format!("for {}", other.name))?;
            let new: Vec<NoticeReport> = trial.notices.into_iter().filter(|notice| !report.notices.contains(notice)).collect();
            report.notices.extend(new);
            Ok(())
        });
        // The next input begins with this target again, whatever came of this one.
        self.aim_at(first)?;
        compared
    }

    fn check_upgraded(&self, kind: Kind, upgraded: &Upgraded, input: &[u8]) -> Result<()> {
        self.check(kind, upgraded.file_name.as_deref().unwrap_or_default(), upgraded.bytes.as_deref().unwrap_or(input))
    }

    /// Checks that the target loads the modules of a result.
    fn check(&self, kind: Kind, file_name: &str, bytes: &[u8]) -> Result<()> {
        if self.args.module.no_check {
            return Ok(());
        }
        let nothing = Environment::default();
        let context = check::Context {
            target: self.target,
            environment: self.options.environment.as_deref().unwrap_or(&nothing),
            source: None,
            sources: &[],
            complete: self.target.is_known_whole(&self.args.target.main),
            side_by_side: !self.args.target.main.is_empty(),
            ahead: false,
        };
        let accepted = Accepted { missing: self.options.allow_missing, structs: self.options.allow_struct_change };
        check::output::check(kind, file_name, bytes, &context, accepted)
    }

    fn upgrade_module(&self, input: &[u8], file_name: Option<String>, report: &mut InputReport) -> Result<Upgraded> {
        let sources = file_name.as_deref().map(origin::of_file_name).unwrap_or_default();
        let options = ModuleOptions { sources, ..self.options.clone() };
        let upgrade = |modules: &mut [Module<'_>]| {
            Ok(modules.iter_mut().map(|module| pipeline::upgrade(module, &options)).collect::<Result<_, _>>()?)
        };
        let inputs = [shrink::Input { path: file_name.as_deref().unwrap_or_default(), entry: false, bytes: input }];
        let results = shrink::upgrade_and_shrink(
            &inputs,
            &mut Code::new(Sources::Files(&[])),
            self.shrink_present().as_ref(),
            &self.progress,
            upgrade,
        )?;
        let result = results.into_iter().next().context("a result for the module")?;
        report.modules.push(ModuleReport::new(input.len(), &result));
        let structs = target::structs::notices(input, None, self.target)?;
        report.notices.extend(structs.into_iter().map(|notice| STRUCT_CHANGED.warns(format!("the module {notice}")).into()));
        Ok(Upgraded { bytes: result.bytes, file_name })
    }

    fn upgrade_archive(&self, input: &[u8], file_name: String, report: &mut InputReport) -> Result<Upgraded> {
        if !self.target.has_wheels() {
            let name = self.target.name;
            bail!(MODULES_ONLY.fails(format!("{name} is no platform for wheels and archives: give it the modules themselves")));
        }
        let upgrade = |_: &str, module: &mut Module<'_>, options: &ModuleOptions| Ok(pipeline::upgrade(module, options)?);
        let result = wheel::upgrade_archive(&file_name, input, &self.wheel_options(), &upgrade)?;
        report.modules = result.modules.iter().map(ModuleReport::from).collect();
        report.notices.extend(result.notices.into_iter().map(NoticeReport::from));
        report.sha256 = Some(result.sha256);
        if !result.changed {
            return Ok(Upgraded { bytes: None, file_name: Some(file_name) });
        }
        Ok(Upgraded { bytes: Some(result.bytes), file_name: Some(result.file_name) })
    }

    /// Names of the targets that the present result is for.
    fn result_targets(&self) -> Vec<String> {
        if self.one_wheel { names(&self.targets) } else { names(&[self.target]) }
    }
}

/// What an input called `file_name` should be called.
fn own_name(kind: Kind, file_name: Option<&str>, input: &[u8]) -> Result<Option<String>> {
    match (kind, file_name) {
        (Kind::Wheel, Some(name)) => Ok(Some(naming::of_wheel(name, input)?)),
        (_, name) => Ok(name.map(str::to_string)),
    }
}

fn names(targets: &[&Target]) -> Vec<String> {
    targets.iter().map(|target| target.name.to_string()).collect()
}

/// The worst of what happened: an error comes before a refusal.
fn exit_code(report: &Report) -> i32 {
    let any = |status| report.inputs.iter().any(|input| input.status == status);
    if report.error.is_some() || any(Status::Error) {
        EXIT_ERROR
    } else if any(Status::Refused) {
        EXIT_REFUSED
    } else {
        EXIT_DONE
    }
}
