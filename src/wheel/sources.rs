//! The files of code in an archive, which are unpacked to be looked at and not kept.
//!
//! Files are looked at side by side, as many at a time as take `AT_ONCE` bytes together, and one that is larger by itself.

use super::archive::Archive;
use crate::exports::Source;
use anyhow::Result;
use rayon::prelude::*;

/// Bytes of files that are unpacked at the same time.
const AT_ONCE: u64 = 8 << 20;

/// Files of code beside modules.
pub enum Sources<'a> {
    /// At hand.
    Files(&'a [Source]),
    /// Entries of an archive, by their positions.
    Entries(&'a Archive<'a>, Vec<usize>),
}

impl Sources<'_> {
    /// What `look` makes of each file, in their order.
    ///
    /// # Errors
    /// For a file that cannot be unpacked, or is too large for its archive.
    pub fn map<T: Send>(&self, look: impl Fn(&Source) -> T + Send + Sync) -> Result<Vec<T>> {
        let (archive, entries) = match self {
            Sources::Files(files) => return Ok(files.par_iter().map(look).collect()),
            Sources::Entries(archive, entries) => (archive, entries),
        };
        let read = |&index: &usize| {
            let source = Source { path: archive.entries[index].name.clone(), text: archive.read(index)? };
            Ok(look(&source))
        };
        let mut made = Vec::with_capacity(entries.len());
        for group in archive.groups(entries, AT_ONCE) {
            made.extend(group.par_iter().map(read).collect::<Result<Vec<T>>>()?);
        }
        Ok(made)
    }
}
