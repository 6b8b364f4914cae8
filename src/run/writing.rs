//! Where results go, and the copy of the lock file.

use super::{Run, Upgraded};
use crate::codes::noted::{LOCK_DROPPED, LOCK_UNFIT};
use crate::codes::upgrading::UNWRITABLE;
use crate::input::Source;
use crate::inputs::Item;
use crate::lockfile::{self, Entry};
use crate::output::{self, Destination};
use crate::report::text::Verbosity;
use crate::report::{Copy, Failure, InputReport, Report};
use anyhow::{Result, anyhow, bail};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

impl Run<'_> {
    /// Where the copy of the lock file `lock` goes.
    pub(super) fn lock_output(&self, lock: &Path) -> Result<Option<PathBuf>> {
        if let Some(output) = &self.args.wheel.lock_output {
            return Ok(Some(output.clone()));
        }
        let Some(name) = lock.file_name() else { bail!("{}: is not a file", lock.display()) };
        Ok(match &self.destination {
            Destination::InPlace => Some(lock.to_path_buf()),
            Destination::Directory(directory) => Some(directory.join(name)),
            Destination::File(path) => Some(path.with_file_name(name)),
            Destination::Stdout | Destination::None => None,
        })
    }

    /// The lock file, if there is one, with the new name and hash of an archive.
    pub(super) fn lock_entry(&self, item: &Item, new_name: &str, changed: bool, report: &mut InputReport) -> Result<Option<Entry>> {
        let Some(lock) = &self.lock else { return Ok(None) };
        let old = match (&self.distribution, item.path()) {
            (Some(distribution), Some(path)) if item.package.is_some() => {
                distribution.packages_in(path).map(|package| package.file_name.clone()).collect()
            }
            _ => vec![item.source.file_name().unwrap_or_default()],
        };
        let sha256 = report.sha256.clone().unwrap_or_default();
        lock.entry(old, new_name, &sha256, changed, &mut report.notices)
    }

    /// Writes a result to `path`, to standard output or nowhere; in a dry run only checks that it has a place.
    pub(super) fn write(
        &mut self,
        source: &Source,
        path: Option<PathBuf>,
        input: &[u8],
        upgraded: &Upgraded,
        report: &mut InputReport,
    ) -> Result<()> {
        let bytes = upgraded.bytes.as_deref().unwrap_or(input);
        if self.destination == Destination::Stdout {
            report.output = Some("-".to_string());
            return if self.args.output.dry_run { Ok(()) } else { output::write_stdout(bytes) };
        }
        let Some(path) = path else { return Ok(()) };
        let like = match source {
            Source::File(old) => Some(old.as_path()),
            Source::Stdin => None,
        };
        match like {
            Some(old) if self.destination == Destination::InPlace => {
                if upgraded.bytes.is_some() {
                    self.writer.replace(old, &path, input, bytes)?;
                }
            }
            like => self.writer.write(&path, bytes, like)?,
        }
        report.output = Some(path.display().to_string());
        // The input is gone where the result has another name, but for results that wait.
        let is_replaced = self.destination == Destination::InPlace && !self.writer.waits();
        let like = if is_replaced { Some(path.as_path()) } else { like };
        self.precompress(&path, bytes, like, report)
    }

    /// Writes the compressed copies of a result that are asked for.
    fn precompress(&mut self, path: &Path, bytes: &[u8], like: Option<&Path>, report: &mut InputReport) -> Result<()> {
        let forms = &self.args.output.precompress;
        let compressed: Vec<Result<Vec<u8>>> = forms.par_iter().map(|form| form.compress(bytes)).collect();
        for (form, compressed) in forms.iter().zip(compressed) {
            let mut name = path.as_os_str().to_owned();
            name.push(form.suffix());
            let (copy, compressed) = (PathBuf::from(name), compressed?);
            self.writer.write(&copy, &compressed, like)?;
            report.precompressed.push(Copy { path: copy.display().to_string(), size: compressed.len() as u64 });
        }
        Ok(())
    }

    /// Writes the copy of the lock file, if there is one, and reports its name and what does not fit in it.
    pub(super) fn finish_lock(&mut self, report: &mut Report) -> Result<()> {
        let Some(mut lock) = self.lock.take() else { return Ok(()) };
        let (dropped, kept) = self.leave_out(&mut lock, report)?;
        let copy =
            lock.write(self.target, self.args.output.in_place, &mut self.writer).map_err(|error| UNWRITABLE.covers(error))?;
        let left = self.writer.put_all().map_err(|error| UNWRITABLE.covers(error))?;
        if !left.is_empty() {
            let names: Vec<String> = left.iter().map(|path| path.display().to_string()).collect();
            let message = anyhow!("cannot remove {}; all else is done", names.join(", "));
            report.error = Some(Failure::from(&UNWRITABLE.covers(message)));
        }
        report.lock = copy.path.map(|path| path.display().to_string());
        let mut unfit = copy.unfit;
        unfit.extend(kept.into_iter().filter(|name| !unfit.contains(name)).collect::<Vec<_>>());
        let all = self.verbosity == Verbosity::Verbose;
        self.notices.extend(lockfile::dropped_notice(&dropped, self.target, all).map(|message| LOCK_DROPPED.warns(message)));
        report.lock_dropped = dropped;
        let message = lockfile::unfit_notice(&unfit, self.target, all);
        self.notices.extend(message.map(|message| LOCK_UNFIT.warns(message)));
        report.lock_unfit = unfit;
        Ok(())
    }
}
