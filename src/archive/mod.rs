//! Zip archives: a wary reader, and a writer that copies what did not change.
//!
//! Reading trusts nothing: `Archive::open` checks every entry before any of them is decompressed, and each failure names the
//! entry. Refused are names that could leave the directory they are unpacked into, duplicates, links and devices, encryption,
//! compression other than stored and deflate, local headers that contradict the central directory (or overlap, as in
//! "non-recursive" bombs), and sizes beyond the limits below. While an entry is read, its declared size bounds the output and its
//! CRC is checked; both are work of the `zip` crate, which also hides duplicates, so those are looked for separately.
//!
//! Writing keeps order, timestamps, attributes and the archive comment. Unchanged entries are copied as compressed bytes, unless
//! it is asked for to compress them anew.
//! Entries may be stored or deflated (PEP 427 leaves it open; other methods are not installable everywhere: the Python package index and
//! Pythons before 3.14 take neither Zstandard nor LZMA).

pub mod compress;

use crate::codes::finding::Finding;
use crate::codes::noted::COMPRESSED_ANEW;
use crate::codes::reading;
use crate::plain::plural;
use anyhow::{Context, Result, bail, ensure};
use compress::Level;
use rayon::prelude::*;
use std::collections::HashSet;
use std::io::{Cursor, Read, Write};
use wasm_pyfix_passes::Notice;
use zip::write::{PreparedZipFile, SimpleFileOptions};
use zip::{CompressionMethod, DateTime, System, ZipArchive, ZipWriter};

/// Bytes that all entries of an archive may take together once decompressed: Pyodide unpacks archives into memory, and modules
/// are upgraded there.
pub const TOTAL_LIMIT: u64 = 2 << 30;
/// Entries above `RATIO_FREE` bytes may not be compressed better than this; deflate reaches 1032.
pub const RATIO_LIMIT: u64 = 500;
/// Bytes up to which no entry is suspicious, however well compressed.
pub const RATIO_FREE: u64 = 32 << 20;

/// Bytes of contents that may be held in memory at once, as a multiple of the size of the archive and what is added to it. No module of
/// Pyodide's distributions is larger than 8.2 times its compressed size, and the passes take up to 20 bytes of memory for one of a module.
const HELD_RATIO: u64 = 8;
const HELD_FREE: u64 = 4 << 20;
/// Bytes of old contents that are compressed anew at the same time.
const AT_ONCE: u64 = 16 << 20;

/// File type bits of a Unix mode, and the two types an archive may hold.
const S_IFMT: u32 = 0o170_000;
const S_IFREG: u32 = 0o100_000;
const S_IFDIR: u32 = 0o040_000;

/// What the central directory says about one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Name as stored, with `/` between components.
    pub name: String,
    /// Bytes once decompressed.
    pub size: u64,
    /// Whether it stands for a directory.
    pub directory: bool,
}

/// An archive that passed all checks which need no decompression.
#[derive(Clone)]
pub struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// Size of the archive in bytes.
    size: u64,
    /// The entries in their order.
    pub entries: Vec<Entry>,
}

impl<'a> Archive<'a> {
    /// Reads the directory of the zip archive in `bytes` and checks it. Errors name the entry, not the archive.
    pub fn open(bytes: &'a [u8]) -> Result<Self> {
        let mut zip = ZipArchive::new(Cursor::new(bytes)).context("not a readable zip archive (truncated or damaged?)")?;
        ensure!(zip.offset() == 0, "{} bytes precede the first zip entry; repack the archive", zip.offset());
        if zip.has_duplicate_names() {
            bail!("entry `{}` occurs twice; repack the archive", duplicate_name(bytes, zip.central_directory_start()));
        }
        let mut entries = Vec::with_capacity(zip.len());
        let mut total = 0u64;
        for index in 0..zip.len() {
            let entry = check_entry(&zip, index)?;
            total = total.saturating_add(entry.size);
            ensure!(
                total <= TOTAL_LIMIT,
                "entry `{}` takes the unpacked size beyond {TOTAL_LIMIT} bytes; this looks like a zip bomb",
                entry.name
            );
            entries.push(entry);
        }
        check_no_file_is_a_directory(&entries)?;
        zip.validate_header_consistency().context("local headers contradict the central directory; repack the archive")?;
        Ok(Archive { zip, size: bytes.len() as u64, entries })
    }

    /// Position of the entry called `name`.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.zip.index_for_name(name)
    }

    /// The names of all entries, to be asked what is in the way of a new one.
    pub fn names(&self) -> Names<'_> {
        Names::new(self.entries.iter().map(|entry| entry.name.as_str()))
    }

    /// Bytes of contents that may be held in memory at once.
    fn held_limit(&self) -> u64 {
        self.size.saturating_mul(HELD_RATIO).saturating_add(HELD_FREE)
    }

    /// Whether entry `index` is small enough to be held in memory by itself.
    pub fn may_be_held(&self, index: usize) -> bool {
        self.entries[index].size <= self.held_limit()
    }

    /// Fails if `entries` take too much memory together for an archive of this size.
    pub fn check_held(&self, entries: impl IntoIterator<Item = usize>) -> Result<()> {
        let (limit, mut held) = (self.held_limit(), 0);
        for index in entries {
            let Entry { name, size, .. } = &self.entries[index];
            held += size;
            ensure!(
                held <= limit,
                "entry `{name}` takes what is held in memory to {held} bytes, which is more than {HELD_RATIO} times the size of the \
                 archive and {HELD_FREE} bytes: this looks like a zip bomb; if it is none, repack the archive and store that entry \
                 without compression"
            );
        }
        Ok(())
    }

    /// `entries` in groups of neighbours that take at most `limit` bytes together once decompressed; one that is larger stands alone.
    pub fn groups<'e>(&self, entries: &'e [usize], limit: u64) -> Vec<&'e [usize]> {
        let mut groups = Vec::new();
        let (mut first, mut total) = (0, 0);
        for (at, index) in entries.iter().enumerate() {
            let size = self.entries[*index].size;
            if at > first && total + size > limit {
                groups.push(&entries[first..at]);
                (first, total) = (at, 0);
            }
            total += size;
        }
        groups.push(&entries[first..]);
        groups
    }

    /// The contents of entry `index`. Fails for one that is too large to be held in memory for an archive of this size.
    pub fn read(&self, index: usize) -> Result<Vec<u8>> {
        self.check_held([index])?;
        let mut contents = Vec::new();
        self.stream(index, &mut contents)?;
        Ok(contents)
    }

    /// The first bytes of entry `index`, at most `length`. The rest is not read, so the CRC is not checked.
    pub fn head(&self, index: usize, length: u64) -> Result<Vec<u8>> {
        let context = || format!("entry `{}`", self.entries[index].name);
        let mut zip = self.zip.clone();
        let entry = zip.by_index(index).with_context(context)?;
        let mut head = Vec::new();
        entry.take(length).read_to_end(&mut head).with_context(context)?;
        Ok(head)
    }

    /// Decompresses entry `index` into `sink`; the CRC is checked at the end.
    pub fn stream(&self, index: usize, sink: &mut dyn Write) -> Result<()> {
        self.unpack(index, sink).with_context(|| format!("entry `{}`", self.entries[index].name))
    }

    fn unpack(&self, index: usize, sink: &mut dyn Write) -> Result<()> {
        let size = self.entries[index].size;
        let mut zip = self.zip.clone();
        let read = std::io::copy(&mut zip.by_index(index)?, sink)?;
        ensure!(read == size, "it has {read} bytes, its header says {size}");
        Ok(())
    }

    /// The positions of all entries.
    pub fn all(&self) -> Vec<usize> {
        (0..self.entries.len()).collect()
    }

    /// Checks size and CRC of `entries`; returns what there is to say of those that are damaged, in order.
    pub fn damaged(&self, entries: &[usize]) -> Vec<Finding> {
        let problem = |index: &usize| {
            let error = self.unpack(*index, &mut std::io::sink()).err()?;
            Some(reading::damaged(&self.entries[*index].name, &error))
        };
        entries.par_iter().filter_map(problem).collect()
    }

    /// Writes a new archive of `members`; `epoch` (seconds since 1970) is the time of everything that is not copied.
    pub fn write(&self, members: Vec<Member>, epoch: Option<u64>, compression: Compression) -> Result<Written> {
        let prepared = self.prepare_all(members, epoch, compression)?;
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let mut zip = self.zip.clone();
        let (mut recompressed, mut stored) = (0, 0);
        for member in prepared {
            match member {
                Prepared::Copied(index, name) => {
                    let entry = zip.by_index_raw(index)?;
                    match name {
                        None => writer.raw_copy_file(entry)?,
                        Some(name) => writer.raw_copy_file_rename(entry, name)?,
                    }
                }
                Prepared::Stored { file, new } => {
                    writer.add_prepared_file(file)?;
                    stored += usize::from(!new);
                }
                Prepared::Deflated { mut entry, new } => {
                    writer.raw_copy_file(entry.by_index_raw(0)?)?;
                    recompressed += usize::from(!new);
                }
            }
        }
        writer.set_raw_comment(self.zip.comment().into())?;
        Ok(Written { bytes: writer.finish()?.into_inner(), recompressed, stored })
    }

    /// Compresses what is not copied: new contents, which are held anyway, side by side, and old ones as far as memory goes.
    fn prepare_all(&self, members: Vec<Member>, epoch: Option<u64>, compression: Compression) -> Result<Vec<Prepared>> {
        let mut prepared = Vec::with_capacity(members.len());
        let mut rest = members;
        while !rest.is_empty() {
            let mut unpacked = 0;
            let fits = |member: &Member| {
                if let Member::Keep { index, contents: None, .. } = member
                    && (compression.everything || compression.stored)
                {
                    unpacked += self.entries[*index].size;
                }
                unpacked <= AT_ONCE
            };
            let count = rest.iter().map(fits).take_while(|fits| *fits).count().max(1);
            let later = rest.split_off(count);
            let group = std::mem::replace(&mut rest, later);
            let group = group.into_par_iter().map(|member| self.prepare(member, epoch, compression));
            prepared.extend(group.collect::<Result<Vec<_>>>()?);
        }
        Ok(prepared)
    }

    /// Compresses what is not copied.
    fn prepare(&self, member: Member, epoch: Option<u64>, compression: Compression) -> Result<Prepared> {
        let (name, header, contents) = match member {
            Member::Keep { index, name, contents: None } if compression.stored => return self.store(index, name),
            Member::Keep { index, name, contents: None } if compression.everything => {
                return self.recompress(index, name, compression.level);
            }
            Member::Keep { index, name, contents: None } => return Ok(Prepared::Copied(index, name)),
            Member::Keep { index, name, contents: Some(contents) } => {
                (name.unwrap_or_else(|| self.entries[index].name.clone()), self.header(index)?, contents)
            }
            Member::Add(name, contents) => {
                let options = SimpleFileOptions::default()
                    .compression_method(CompressionMethod::Deflated)
                    .last_modified_time(date_time(0))
                    .system(System::Unix)
                    .unix_permissions(0o644);
                (name, Header { options, method: CompressionMethod::Deflated, compressed: 0 }, contents)
            }
        };
        let options = match epoch {
            Some(epoch) => header.options.last_modified_time(date_time(epoch)),
            None => header.options,
        };
        let context = || format!("entry `{name}`");
        if header.method == CompressionMethod::Stored || compression.stored {
            let options = options.compression_method(CompressionMethod::Stored);
            let file = PreparedZipFile::from_data(&name, options, &contents).with_context(context)?;
            return Ok(Prepared::Stored { file, new: true });
        }
        let deflated = compress::deflate(&contents, compression.level).with_context(context)?;
        let entry = compress::entry(&name, options, &contents, &deflated).with_context(context)?;
        Ok(Prepared::Deflated { entry, new: true })
    }

    /// Entry `index`, under a new name if there is one, without compression. What is too large to be held stays compressed.
    fn store(&self, index: usize, name: Option<String>) -> Result<Prepared> {
        let entry = &self.entries[index];
        let header = self.header(index)?;
        if entry.directory || header.method == CompressionMethod::Stored || !self.may_be_held(index) {
            return Ok(Prepared::Copied(index, name));
        }
        let options = header.options.compression_method(CompressionMethod::Stored);
        let contents = self.read(index)?;
        let file = PreparedZipFile::from_data(name.as_ref().unwrap_or(&entry.name), options, &contents);
        Ok(Prepared::Stored { file: file.with_context(|| format!("entry `{}`", entry.name))?, new: false })
    }

    /// Entry `index`, under a new name if there is one, compressed anew if that makes it smaller.
    fn recompress(&self, index: usize, name: Option<String>, level: Level) -> Result<Prepared> {
        let entry = &self.entries[index];
        let header = self.header(index)?;
        // What is too large to be held is compressed well already.
        if entry.directory || header.method != CompressionMethod::Deflated || !self.may_be_held(index) {
            return Ok(Prepared::Copied(index, name));
        }
        let context = || format!("entry `{}`", entry.name);
        let contents = self.read(index)?;
        let deflated = compress::deflate(&contents, level).with_context(context)?;
        if deflated.len() as u64 >= header.compressed {
            return Ok(Prepared::Copied(index, name));
        }
        let name = name.as_ref().unwrap_or(&entry.name);
        let entry = compress::entry(name, header.options, &contents, &deflated).with_context(context)?;
        Ok(Prepared::Deflated { entry, new: false })
    }

    /// How entry `index` is written now.
    fn header(&self, index: usize) -> Result<Header> {
        let mut zip = self.zip.clone();
        let entry = zip.by_index_raw(index)?;
        Ok(Header { options: entry.options(), method: entry.compression(), compressed: entry.compressed_size() })
    }
}

/// What the header of an entry says about it.
struct Header {
    /// Attributes and time.
    options: SimpleFileOptions,
    method: CompressionMethod,
    /// Bytes that the entry takes.
    compressed: u64,
}

/// How members are compressed.
#[derive(Debug, Clone, Copy)]
pub struct Compression {
    pub level: Level,
    /// Also compress members anew that are otherwise copied, where that makes them smaller.
    pub everything: bool,
    /// Compress nothing, and take the compression off what is copied.
    pub stored: bool,
}

impl From<Option<Level>> for Compression {
    /// What an explicit level means, or none.
    fn from(asked: Option<Level>) -> Self {
        Compression { level: asked.unwrap_or(Level::DEFAULT), everything: asked.is_some(), stored: false }
    }
}

/// A new archive.
#[derive(Debug)]
pub struct Written {
    pub bytes: Vec<u8>,
    /// How many entries with old contents were compressed anew.
    pub recompressed: usize,
    /// How many entries with old contents are no longer compressed.
    pub stored: usize,
}

impl Written {
    /// A sentence on what was compressed anew, if anything was.
    pub fn notice(&self) -> Option<Notice> {
        let count = self.recompressed;
        (count > 0).then(|| COMPRESSED_ANEW.notes(format!("{count} {} with old contents compressed anew", plural(count, "entry"))))
    }
}

/// One entry of the archive to write.
#[derive(Debug)]
pub enum Member {
    /// Entry of the old archive, by its position. What has no new contents is copied compressed as it is; with new contents its attributes,
    /// method and, without an epoch, time stay.
    Keep { index: usize, name: Option<String>, contents: Option<Vec<u8>> },
    /// A new regular file.
    Add(String, Vec<u8>),
}

enum Prepared {
    /// Position in the old archive, and the new name if it gets one.
    Copied(usize, Option<String>),
    Stored {
        file: PreparedZipFile,
        /// Whether the contents are new.
        new: bool,
    },
    Deflated {
        entry: ZipArchive<Cursor<Vec<u8>>>,
        /// Whether the contents are new, too.
        new: bool,
    },
}

/// Checks one entry of the central directory.
fn check_entry(zip: &ZipArchive<Cursor<&[u8]>>, index: usize) -> Result<Entry> {
    let data = zip.by_index_data(index)?;
    let Ok(name) = std::str::from_utf8(data.name_raw()) else {
        bail!("entry `{}` has a name that is not UTF-8; repack the archive", data.name_raw().escape_ascii());
    };
    if let Some(problem) = name_problem(name) {
        bail!("entry `{}` {problem}; repack the archive", name.escape_debug());
    }
    ensure!(!data.encrypted(), "entry `{name}` is encrypted; decrypt the archive first");
    let mode = data.unix_mode().unwrap_or(0) & S_IFMT;
    ensure!(!data.is_symlink(), "entry `{name}` is a symbolic link, which wheels do not have; repack the archive with a copy");
    ensure!(matches!(mode, 0 | S_IFREG | S_IFDIR), "entry `{name}` is neither a file nor a directory");
    let method = data.compression();
    ensure!(
        matches!(method, CompressionMethod::Stored | CompressionMethod::Deflated),
        "entry `{name}` is compressed with {method}; repack the archive with deflate"
    );
    let (size, compressed) = (data.size(), data.compressed_size());
    ensure!(
        size <= RATIO_FREE || size / RATIO_LIMIT <= compressed,
        "entry `{name}` unpacks {compressed} bytes to {size}; this looks like a zip bomb"
    );
    Ok(Entry { name: name.to_string(), size, directory: data.is_dir() })
}

/// What makes `name` unfit for an archive that is unpacked into a directory; `None` if nothing does.
fn name_problem(name: &str) -> Option<&'static str> {
    let path = name.strip_suffix('/').unwrap_or(name);
    if name.contains('\\') {
        return Some("has a backslash in its name");
    }
    if name.contains('\0') {
        return Some("has a NUL byte in its name");
    }
    if name.chars().any(char::is_control) {
        return Some("has a control character in its name");
    }
    if name.starts_with('/') || name.as_bytes().get(1) == Some(&b':') {
        return Some("has an absolute name");
    }
    if path.split('/').any(|component| component == "..") {
        return Some("has `..` in its name");
    }
    if path.split('/').any(|component| component.is_empty() || component == ".") {
        return Some("has an empty component in its name");
    }
    None
}

/// Unpacking `a` and `a/b` fails or depends on the order.
fn check_no_file_is_a_directory(entries: &[Entry]) -> Result<()> {
    let names = Names::new(entries.iter().map(|entry| entry.name.as_str()));
    for Entry { name: file, .. } in entries.iter().filter(|entry| !entry.directory) {
        match names.below(file) {
            Some(name) if name.strip_suffix('/') == Some(file) => {
                bail!("entry `{file}` is both a file and a directory; repack the archive");
            }
            Some(name) => bail!("entry `{name}` lies below `{file}`, which is a file; repack the archive"),
            None => {}
        }
    }
    Ok(())
}

/// Names of entries in order, in which those below a directory are neighbours. (To look at all directories above each name would take
/// time in the square of its length.)
pub struct Names<'a> {
    sorted: Vec<&'a str>,
}

impl<'a> Names<'a> {
    pub fn new(names: impl Iterator<Item = &'a str>) -> Self {
        let mut sorted: Vec<&str> = names.collect();
        sorted.sort_unstable();
        Names { sorted }
    }

    /// The first name below `path`, or that of the directory itself.
    fn below(&self, path: &str) -> Option<&'a str> {
        let directory = |name: &str| name.bytes().cmp(path.bytes().chain([b'/'])).is_lt();
        let first = *self.sorted.get(self.sorted.partition_point(|name| directory(name)))?;
        first.strip_prefix(path)?.starts_with('/').then_some(first)
    }

    /// The name that keeps a file from being called `path`: the same, one below it, or a file above it.
    pub fn in_the_way(&self, path: &str) -> Option<&'a str> {
        let listed = |path: &str| Some(self.sorted[self.sorted.binary_search(&path).ok()?]);
        let parents = path.match_indices('/').map(|(end, _)| &path[..end]);
        listed(path).or_else(|| self.below(path)).or_else(|| parents.into_iter().find_map(listed))
    }
}

/// The first name that the central directory at `start` lists twice, for the message.
///
/// `ZipArchive` keeps the last of several entries with one name, so the directory is walked here (APPNOTE 4.3.12).
fn duplicate_name(bytes: &[u8], start: u64) -> String {
    const FIXED: usize = 46;
    let mut rest = usize::try_from(start).ok().and_then(|start| bytes.get(start..)).unwrap_or_default();
    let mut seen = HashSet::new();
    while rest.starts_with(b"PK\x01\x02") && rest.len() >= FIXED {
        let length = |at: usize| usize::from(u16::from_le_bytes([rest[at], rest[at + 1]]));
        let end = FIXED + length(28);
        let Some(name) = rest.get(FIXED..end) else { break };
        if !seen.insert(name) {
            return name.escape_ascii().to_string();
        }
        rest = rest.get(end + length(30) + length(32)..).unwrap_or_default();
    }
    "?".to_string()
}

/// Seconds since 1970 as the local time that zip stores, taken as UTC and moved into the years 1980 to 2107.
fn date_time(epoch: u64) -> DateTime {
    const FIRST: u64 = 315_532_800;
    const LAST: u64 = 4_354_819_198;
    let epoch = epoch.clamp(FIRST, LAST);
    let (mut day, second) = (epoch / 86_400, epoch % 86_400);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while day >= lengths[month] {
        day -= lengths[month];
        month += 1;
    }
    DateTime::from_date_and_time(
        year as u16,
        month as u8 + 1,
        day as u8 + 1,
        (second / 3600) as u8,
        (second / 60 % 60) as u8,
        (second % 60) as u8,
    )
    .unwrap_or_else(|_| DateTime::default_for_write())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_become_dates_within_the_range_of_zip() {
        let parts = |epoch| {
            let date = date_time(epoch);
            (date.year(), date.month(), date.day(), date.hour(), date.minute(), date.second())
        };
        assert_eq!(parts(0), (1980, 1, 1, 0, 0, 0));
        assert_eq!(parts(1_709_210_096), (2024, 2, 29, 12, 34, 56));
        assert_eq!(parts(1_735_689_598), (2024, 12, 31, 23, 59, 58));
        assert_eq!(parts(u64::MAX), (2107, 12, 31, 23, 59, 58));
    }

    #[test]
    fn what_is_in_the_way_of_a_name() {
        let names = Names::new(["a-", "a/b", "a/b-", "c/", "d"].into_iter());
        for (path, expected) in [("a", "a/b"), ("a/b", "a/b"), ("a/b/c", "a/b"), ("c", "c/"), ("d/x/y", "d")] {
            assert_eq!(names.in_the_way(path), Some(expected), "{path}");
        }
        for free in ["a/c", "c/x", "b", "a/b-c", "e"] {
            assert_eq!(names.in_the_way(free), None, "{free}");
        }
    }

    #[test]
    fn names_that_leave_the_directory_are_found() {
        for bad in ["/etc/x", "../x", "a/../x", "a\\b", "C:/x", "a//b", "./a", "", "a\0b", "a/.."] {
            assert!(name_problem(bad).is_some(), "{bad}");
        }
        for good in ["a", "a/b.so", "a/", "a/..b", "ä/b:c"] {
            assert_eq!(name_problem(good), None, "{good}");
        }
    }
}
