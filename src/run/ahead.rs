//! Small inputs side by side.
//!
//! The modules of a wheel are upgraded in parallel, and so are the functions of a module. Small inputs have too little for that, so that several
//! of them are upgraded at once, before their turns come. In its turn each is written and reported as if it had been upgraded then: what was
//! done ahead counts where the bytes are the same. Large inputs keep all threads busy by themselves, and memory to that of one.

use super::{Run, Upgraded};
use crate::input::{self, Kind, Source};
use crate::inputs::Item;
use crate::progress::Telling;
use crate::report::InputReport;
use anyhow::Result;
use rayon::prelude::*;
use std::fs;

/// Inputs above this size are large, in bytes.
const LARGE: u64 = 256 << 10;

/// So many inputs for each thread are held at once.
const FOR_EACH_THREAD: usize = 4;

/// What was done with an input before its turn.
pub(super) struct Ahead {
    /// Name and contents that it was done with.
    name: Option<String>,
    input: Vec<u8>,
    upgraded: Result<Upgraded>,
    /// What there is to say of it.
    report: InputReport,
    /// Whether the target loads it.
    checked: Result<()>,
}

impl Run<'_> {
    /// How many of the next `items` are done at once.
    pub(super) fn at_once(&self, items: &[Item]) -> usize {
        let threads = rayon::current_num_threads();
        // In a closed world, what is kept of an input depends on which one it is; and programs are told of one after the other.
        let is_told = self.args.report.progress == Telling::Json;
        if self.auto || self.args.size.closed || is_told || threads == 1 {
            return 1;
        }
        let is_small = |item: &&Item| {
            let size = item.path().and_then(|path| fs::metadata(path).ok()).map(|metadata| metadata.len());
            !item.tree && size.is_some_and(|size| size <= LARGE)
        };
        items.iter().take(FOR_EACH_THREAD * threads).take_while(is_small).count().max(1)
    }

    /// Upgrades `items` at once. What cannot be read is left to its turn.
    pub(super) fn do_ahead(&self, items: &[Item]) -> Vec<Option<Ahead>> {
        items.par_iter().map(|item| self.ahead(&item.source)).collect()
    }

    fn ahead(&self, source: &Source) -> Option<Ahead> {
        let (input, name) = (source.read().ok()?, source.file_name());
        let kind = input::recognise(&input, name.as_deref()).ok()?;
        let own = super::own_name(kind, name.as_deref(), &input).ok()?;
        let mut report = InputReport::new(source.to_string());
        let upgraded = self.upgraded(kind, &input, own, &mut report);
        let checked = upgraded.as_ref().map_or(Ok(()), |upgraded| self.check_upgraded(kind, upgraded, &input));
        Some(Ahead { name, input, upgraded, report, checked })
    }

    /// What becomes of an input, and whether the target loads it, if that is known already.
    pub(super) fn take_ahead(
        &mut self,
        kind: Kind,
        name: Option<&str>,
        own: Option<String>,
        input: &[u8],
        report: &mut InputReport,
    ) -> Result<(Upgraded, Option<Result<()>>)> {
        let same = |ahead: &Ahead| ahead.name.as_deref() == name && ahead.input == input;
        let Some(ahead) = self.ahead.take().filter(same) else { return Ok((self.upgraded(kind, input, own, report)?, None)) };
        report.modules = ahead.report.modules;
        report.notices.extend(ahead.report.notices);
        report.sha256 = ahead.report.sha256;
        Ok((ahead.upgraded?, Some(ahead.checked)))
    }
}
