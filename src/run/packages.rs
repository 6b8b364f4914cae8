//! A lock file as an input: its packages are upgraded like other files, and those that do not fit the target are left out of the new one, or
//! kept as they are.

use super::{Run, Upgraded};
use crate::cli::UpgradeArgs;
use crate::codes::noted::LOCK_KEPT;
use crate::codes::upgrading::{LOCK_FILE, LOCK_TARGET, UNFIT_DEPENDENCY, UNWRITABLE};
use crate::distribution::{self, Distribution};
use crate::input::Source;
use crate::inputs::Item;
use crate::lockfile::Lock;
use crate::name::normalized;
use crate::output::Destination;
use crate::plain::plural;
use crate::report::{InputReport, NoticeReport, Report, Status, is_refusal};
use crate::target::Target;
use crate::wheel::metadata::sha256_hex;
use anyhow::{Result, bail};
use std::collections::HashSet;
use std::path::PathBuf;

/// Packages that do not fit the target.
#[derive(Debug, Default)]
pub(super) struct Misfits {
    /// Those that are left out, by their normalized names.
    dropped: HashSet<String>,
    /// Names of those that are kept.
    kept: Vec<String>,
}

/// The lock file among the inputs, if there is one, and the other inputs.
///
/// # Errors
/// When there are several, or options make no sense with them; when the lock file is for another platform than the `target` that nobody
/// asked for, or a file of it is not as it says.
pub(super) fn of_lock(args: &UpgradeArgs, target: &Target) -> Result<(Option<Distribution>, Vec<PathBuf>)> {
    let (locks, others): (Vec<PathBuf>, Vec<PathBuf>) = args.inputs.iter().cloned().partition(|path| distribution::is_lock(path));
    let Some(path) = locks.first() else {
        if !args.wheel.package.is_empty() || args.wheel.keep_unfit {
            bail!("`--package` and `--keep-unfit` are about the packages of a lock file, and no input is one");
        }
        return Ok((None, others));
    };
    if locks.len() > 1 || args.wheel.lock.is_some() {
        bail!("one run makes one lock file, and several are given: run it once for each");
    }
    if args.target.is_auto() {
        bail!("the packages of a lock file are for one platform, and `--target auto` keeps that of each file: name a platform");
    }
    let distribution = distribution::read(path, &args.wheel.package)?;
    if let Some(version) = distribution.abi_version.as_deref().filter(|version| *version != target.version)
        && args.target.target.is_empty()
    {
        let message = format!(
            "{}: is for the platform {version}, and the target is {}: name with `--target` which is meant",
            path.display(),
            target.name
        );
        bail!(LOCK_TARGET.refuses(message));
    }
    Ok((Some(distribution), others))
}

/// The files of a distribution as inputs, each once: several packages may be in one.
pub(super) fn items(distribution: &Distribution) -> Vec<Item> {
    let mut met = HashSet::new();
    let packages = distribution.packages.iter().enumerate().filter(|(_, package)| met.insert(&package.file));
    let item = |(index, package): (usize, &distribution::Package)| {
        let source = Source::File(package.file.clone());
        Item { source, below: package.below.clone(), tree: false, package: Some(index) }
    };
    packages.map(item).collect()
}

impl Run<'_> {
    /// Upgrades the file of a package, or of several.
    pub(super) fn package(&mut self, item: &Item, report: &mut InputReport) -> Result<()> {
        let (Some(distribution), Some(path)) = (&self.distribution, item.path()) else { bail!("a package without a file") };
        let names: Vec<String> = distribution.packages_in(path).map(|package| package.name.clone()).collect();
        let lacking =
            distribution.packages_in(path).map(|package| Distribution::dropped_dependency(package, &self.misfits.dropped));
        // A package in the same file that lacks nothing wants it all the same.
        let lacking = lacking.collect::<Option<Vec<&String>>>().and_then(|names| names.first().map(|name| name.to_string()));
        let input = item.source.read()?;
        let done = match lacking {
            Some(name) => Err(UNFIT_DEPENDENCY.refuses(format!("depends on `{name}`, which is left out of the lock file")).into()),
            None if distribution::is_upgraded(path) => self.upgrade(item, &input, report),
            None => self.put_copy(item, &input, report),
        };
        let Err(error) = done else { return Ok(()) };
        if !is_refusal(&error) {
            return Err(error);
        }
        if !self.args.wheel.keep_unfit {
            self.misfits.dropped.extend(names.iter().map(|name| normalized(name)));
            return Err(error);
        }
        self.misfits.kept.extend(names);
        *report = InputReport { targets: report.targets.clone(), ..InputReport::new(report.input.clone()) };
        report.notices.push(NoticeReport::from(LOCK_KEPT.warns(format!("stays as it is: {error:#}"))));
        self.put_copy(item, &input, report)
    }

    /// Writes a file as it is: what does not fit and is kept, and what is neither a wheel nor an archive of libraries, as the tests of a
    /// package.
    fn put_copy(&mut self, item: &Item, input: &[u8], report: &mut InputReport) -> Result<()> {
        report.sha256 = Some(sha256_hex(input));
        let name = item.source.file_name().unwrap_or_default();
        let path = self.destination.path(&item.source, &item.below, &name);
        let same = Upgraded { bytes: None, file_name: Some(name.clone()) };
        self.write(&item.source, path, input, &same, report).map_err(|error| UNWRITABLE.covers(error))?;
        let size = input.len() as u64;
        (report.status, report.size_before, report.size_after) = (Status::Unchanged, Some(size), Some(size));
        report.file_name = same.file_name;
        let entry = self.lock_entry(item, &name, false, report)?;
        if let (Some(lock), Some(entry)) = (&mut self.lock, entry) {
            lock.take(entry);
        }
        Ok(())
    }

    /// Leaves out of `lock` what does not fit, and of a new one what nobody asked for. Returns the names of what does not fit: of those that
    /// are left out, and of those that stay.
    ///
    /// # Errors
    /// When a package failed: nobody knows whether it is to be left out.
    pub(super) fn leave_out(&mut self, lock: &mut Lock, report: &Report) -> Result<(Vec<String>, Vec<String>)> {
        let Some(distribution) = &self.distribution else { return Ok(Default::default()) };
        let failed = report.inputs.iter().filter(|input| input.status == Status::Error).count();
        if failed > 0 {
            let path = distribution.path.display();
            let left = if self.destination == Destination::InPlace { ", and all files are left as they are" } else { "" };
            let inputs = plural(failed, "input");
            bail!(LOCK_FILE.fails(format!("{path}: {failed} {inputs} failed, so that there is no new lock file{left}")));
        }
        let mut dropped = std::mem::take(&mut self.misfits.dropped);
        let is_dropped = |package: &distribution::Package, dropped: &HashSet<String>| {
            dropped.contains(&normalized(&package.name)) || Distribution::dropped_dependency(package, dropped).is_some()
        };
        // Packages that depend on each other were done before it was known.
        loop {
            let before = dropped.len();
            let more = distribution.packages.iter().filter(|package| is_dropped(package, &dropped));
            let more: Vec<String> = more.map(|package| normalized(&package.name)).collect();
            dropped.extend(more);
            if dropped.len() == before {
                break;
            }
        }
        let names = distribution.packages.iter().map(|package| &package.name);
        let mut names: Vec<String> = names.filter(|name| dropped.contains(&normalized(name))).cloned().collect();
        names.sort();
        let others = distribution.others.iter().filter(|_| self.destination != Destination::InPlace);
        lock.leave_out(names.iter().chain(others).cloned().collect());
        Ok((names, std::mem::take(&mut self.misfits.kept)))
    }
}
