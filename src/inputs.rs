//! The inputs of a command line, one by one: files as they are named, and what is in directories.
//!
//! A directory with a `.dist-info` directory in it is one input, a [tree](crate::tree): a wheel that was unpacked, or distributions that
//! were installed. Any other directory stands for the wheels, archives, side modules and trees in it and below. Of files called `.wasm`
//! those count that have linking metadata, of files called `.so` all but what is no binary at all: the others are data, as in a wheel.
//!
//! Names that begin with a dot are passed over, and symbolic links are not followed: what they lead to is met under its own name, or is
//! somebody else's.

use std::ffi::OsString;
use std::fs::{self, File, FileType};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::codes::reading::UNREADABLE;
use crate::input::Source;
use crate::wheel::contents::{self, Kind};

/// One input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub source: Source,
    /// Where its result goes below the directory of results: a tree itself, anything else the directory that it is in.
    pub below: PathBuf,
    /// Whether it is a directory that is upgraded as a whole.
    pub tree: bool,
    /// Which package of the lock file it is, if that is the input.
    pub package: Option<usize>,
}

impl Item {
    fn file(path: &Path, below: &Path) -> Self {
        Item { source: Source::new(path), below: below.to_path_buf(), tree: false, package: None }
    }

    fn tree(path: &Path, below: &Path) -> Self {
        Item { source: Source::File(path.to_path_buf()), below: below.to_path_buf(), tree: true, package: None }
    }

    /// The path that it was read from, unless that is standard input.
    pub fn path(&self) -> Option<&Path> {
        match &self.source {
            Source::Stdin => None,
            Source::File(path) => Some(path),
        }
    }
}

/// The inputs that `paths` name, in their order and those of a directory by name. The directory `results` is none of them.
///
/// # Errors
/// When a directory cannot be read.
pub fn expand(paths: &[PathBuf], results: Option<&Path>) -> Result<Vec<Item>> {
    let results = results.and_then(|path| fs::canonicalize(path).ok());
    let mut items = Vec::new();
    for path in paths {
        if !path.is_dir() {
            items.push(Item::file(path, Path::new("")));
            continue;
        }
        // Of several trees each gets a directory of its own.
        let own = path.canonicalize().ok().and_then(|path| path.file_name().map(PathBuf::from)).unwrap_or_default();
        let before = items.len();
        if is_tree(path)? {
            items.push(Item::tree(path, if paths.len() > 1 { &own } else { Path::new("") }));
        } else {
            items.extend(within(path, results.as_deref())?.items);
        }
        // That there is nothing in it is told by those who read it.
        if items.len() == before {
            items.push(Item::tree(path, &own));
        }
    }
    Ok(items)
}

/// Whether distributions were unpacked or installed into `directory`.
///
/// # Errors
/// When it cannot be read.
pub fn is_tree(directory: &Path) -> Result<bool> {
    let is_dist_info =
        |(name, kind): &(OsString, FileType)| kind.is_dir() && name.to_str().is_some_and(|name| name.ends_with(".dist-info"));
    Ok(listed(directory)?.iter().any(is_dist_info))
}

/// What is in `directory`, by name.
///
/// # Errors
/// When it cannot be read.
pub fn listed(directory: &Path) -> Result<Vec<(OsString, FileType)>> {
    let read = || -> std::io::Result<Vec<(OsString, FileType)>> {
        fs::read_dir(directory)?.map(|entry| entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?)))).collect()
    };
    let mut entries = read().with_context(|| UNREADABLE.fails(format!("{}: cannot read the directory", directory.display())))?;
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(entries)
}

/// What is in a directory that is no tree.
#[derive(Debug, Default)]
pub struct Within {
    pub items: Vec<Item>,
    /// The other files, by their paths below the directory.
    pub others: Vec<PathBuf>,
}

/// The inputs in `directory` and below, and the other files. The directory `results`, which is canonical, is passed over.
///
/// # Errors
/// When a directory cannot be read.
pub fn within(directory: &Path, results: Option<&Path>) -> Result<Within> {
    let mut found = Within::default();
    walk(directory, Path::new(""), results, &mut found)?;
    Ok(found)
}

fn walk(directory: &Path, below: &Path, results: Option<&Path>, found: &mut Within) -> Result<()> {
    for (name, kind) in listed(directory)? {
        let path = directory.join(&name);
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if kind.is_file() {
            match is_input(&path) {
                true => found.items.push(Item::file(&path, below)),
                false => found.others.push(below.join(&name)),
            }
        }
        if !kind.is_dir() || results.is_some_and(|results| fs::canonicalize(&path).is_ok_and(|path| path == results)) {
            continue;
        }
        let own = below.join(&name);
        if is_tree(&path)? {
            found.items.push(Item::tree(&path, &own));
        } else {
            walk(&path, &own, results, found)?;
        }
    }
    Ok(())
}

/// Whether a file in a directory is something to upgrade. One that cannot be read is: reading it tells why.
fn is_input(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_archive = path.extension().is_some_and(|suffix| ["whl", "zip"].iter().any(|of| suffix.eq_ignore_ascii_case(of)));
    if is_archive || !contents::is_module_name(&name) {
        return is_archive;
    }
    let mut head = Vec::new();
    let Ok(_) = File::open(path).and_then(|file| file.take(contents::HEAD).read_to_end(&mut head)) else { return true };
    is_module(&name, &head, || Source::File(path.to_path_buf()).read())
}

/// Whether a file called `name`, which is called like a module, is one that counts, by its first bytes and, where these do not tell, all.
pub fn is_module(name: &str, head: &[u8], bytes: impl Fn() -> Result<Vec<u8>>) -> bool {
    match contents::kind(head) {
        Kind::Other => false,
        Kind::Module if name.ends_with(".wasm") => bytes().map_or(true, |bytes| !matches!(contents::inspect(&bytes), Ok(None))),
        Kind::Foreign(_) if name.ends_with(".wasm") => false,
        Kind::Module | Kind::Foreign(_) => true,
    }
}
