//! The files of code in an archive, which are unpacked to be looked at and not kept.
//!
//! Files are looked at side by side, as many at a time as take `AT_ONCE` bytes together, and one that is larger by itself. One that is too
//! large to be held for an archive of this size is never there as a whole: it is looked at in pieces that overlap, so that what is not longer
//! than the overlap is seen whole in one of them.

use crate::archive::Archive;
use anyhow::Result;
use rayon::prelude::*;
use std::io::Write;

/// A file of code in Python, as source or bytecode, or in JavaScript.
#[derive(Debug, Clone)]
pub struct Source {
    pub path: String,
    pub text: Vec<u8>,
}

/// Bytes of files that are unpacked at the same time.
const AT_ONCE: u64 = 8 << 20;
/// Bytes of a piece, unless the overlap asks for more.
const PIECE: usize = 1 << 20;

/// Files of code beside modules.
pub enum Sources<'a> {
    /// At hand.
    Files(&'a [Source]),
    /// Entries of an archive, by their positions.
    Entries(&'a Archive<'a>, Vec<usize>),
}

/// A file of code, or a part of it.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'p> {
    pub path: &'p str,
    pub text: &'p [u8],
    /// Whether the file begins with it.
    pub first: bool,
    /// Whether the file ends with it.
    pub last: bool,
}

impl<'p> Piece<'p> {
    /// All of a file.
    pub fn whole(path: &'p str, text: &'p [u8]) -> Self {
        Piece { path, text, first: true, last: true }
    }

    /// Whether it is the whole file.
    pub fn is_whole(&self) -> bool {
        self.first && self.last
    }
}

impl Sources<'_> {
    /// What `look` makes of each file, in their order: it is given one piece after the other, which share `overlap` bytes.
    ///
    /// # Errors
    /// For a file that cannot be unpacked.
    pub fn map<T: Default + Send>(&self, overlap: usize, look: impl Fn(&Piece<'_>, &mut T) + Sync) -> Result<Vec<T>> {
        let look_at = |path: &str, text: &[u8]| {
            let mut found = T::default();
            look(&Piece::whole(path, text), &mut found);
            found
        };
        let (archive, entries) = match self {
            Sources::Files(files) => return Ok(files.par_iter().map(|file| look_at(&file.path, &file.text)).collect()),
            Sources::Entries(archive, entries) => (archive, entries),
        };
        let read = |&index: &usize| {
            let path = &archive.entries[index].name;
            if archive.may_be_held(index) {
                return Ok(look_at(path, &archive.read(index)?));
            }
            let mut found = T::default();
            let mut pieces = Pieces::new(overlap, |text, first, last| look(&Piece { path, text, first, last }, &mut found));
            archive.stream(index, &mut pieces)?;
            pieces.finish();
            Ok(found)
        };
        let mut made = Vec::with_capacity(entries.len());
        for group in archive.groups(entries, AT_ONCE) {
            made.extend(group.par_iter().map(read).collect::<Result<Vec<T>>>()?);
        }
        Ok(made)
    }
}

/// Cuts what is written to it into pieces, and shows each, with whether it is the first or the last one.
struct Pieces<F> {
    show: F,
    overlap: usize,
    /// Bytes of a piece.
    length: usize,
    held: Vec<u8>,
    first: bool,
}

impl<F: FnMut(&[u8], bool, bool)> Pieces<F> {
    fn new(overlap: usize, show: F) -> Self {
        // Twice the overlap, so that no byte is shown more than twice.
        Pieces { show, overlap, length: PIECE.max(2 * overlap), held: Vec::new(), first: true }
    }

    fn show(&mut self, last: bool) {
        (self.show)(&self.held, self.first, last);
        self.first = false;
    }

    fn finish(mut self) {
        self.show(true);
    }
}

impl<F: FnMut(&[u8], bool, bool)> Write for Pieces<F> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // There is more, so the piece that is full is not the last one.
        if self.held.len() == self.length && !bytes.is_empty() {
            self.show(false);
            self.held.drain(..self.length - self.overlap);
        }
        let taken = bytes.len().min(self.length - self.held.len());
        self.held.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces of a file that is written in parts of `step` bytes.
    fn cut(file: &[u8], overlap: usize, step: usize) -> Vec<(Vec<u8>, bool, bool)> {
        let mut shown = Vec::new();
        let mut pieces = Pieces::new(overlap, |text: &[u8], first, last| shown.push((text.to_vec(), first, last)));
        file.chunks(step).for_each(|part| pieces.write_all(part).unwrap());
        pieces.finish();
        shown
    }

    #[test]
    fn pieces_overlap_and_make_up_the_file() {
        let file: Vec<u8> = (0..3 * PIECE + 5).map(|at| (at % 251) as u8).collect();
        for (overlap, step) in [(0, PIECE), (7, 1000), (PIECE, 1 << 16)] {
            let pieces = cut(&file, overlap, step);
            let (mut made, mut ends) = (Vec::new(), Vec::new());
            for (text, first, last) in &pieces {
                let fresh = if *first { text } else { &text[overlap..] };
                assert!(*first || made.ends_with(&text[..overlap]));
                assert!(!fresh.is_empty() && text.len() <= PIECE.max(2 * overlap));
                made.extend_from_slice(fresh);
                ends.push((*first, *last));
            }
            assert_eq!(made, file);
            assert_eq!(ends.iter().filter(|(first, _)| *first).count(), 1);
            assert_eq!(ends.iter().position(|(_, last)| *last), Some(ends.len() - 1));
        }
        assert_eq!(cut(b"", 7, 1), [(Vec::new(), true, true)]);
        assert_eq!(cut(&file[..PIECE], 7, PIECE).len(), 1);
    }
}
