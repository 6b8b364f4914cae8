//! Directories that are upgraded as a whole: a wheel that was unpacked, and distributions that were installed into one directory.
//!
//! A distribution in it is presented to the code for wheels as an archive in memory ([`distribution`]), so that there is one way for both,
//! and what that changes is what changes here: an unpacked wheel comes out as the upgraded wheel does when it is unpacked. Everything else
//! is copied ([`place`]). The tree is written when all of it is known, or not at all.
//!
//! Temporary files of runs that were killed are no part of it. Symbolic links are neither followed nor changed; of one that is named like
//! a module the report tells. What is neither a file nor a directory nor a link is an error.

pub mod distribution;
pub mod place;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::archive::Archive;
use crate::inputs::{is_module, listed};
use crate::place::is_temporary;
use crate::wheel::contents;

/// What is below a directory.
#[derive(Debug)]
pub struct Tree {
    pub root: PathBuf,
    /// All of it, a directory before what is in it.
    pub entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path below the root.
    pub path: PathBuf,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    File,
    Directory,
    Link,
}

impl Tree {
    /// Lists what is below `root`, but for temporary files.
    ///
    /// # Errors
    /// When a directory cannot be read, and for sockets, pipes and devices.
    pub fn read(root: &Path) -> Result<Self> {
        let mut tree = Tree { root: root.to_path_buf(), entries: Vec::new() };
        tree.read_below(Path::new(""))?;
        Ok(tree)
    }

    fn read_below(&mut self, directory: &Path) -> Result<()> {
        for (name, kind) in listed(&self.root.join(directory))? {
            if is_temporary(&name) {
                continue;
            }
            let path = directory.join(name);
            let kind = match kind {
                _ if kind.is_symlink() => Kind::Link,
                _ if kind.is_dir() => Kind::Directory,
                _ if kind.is_file() => Kind::File,
                _ => bail!("`{}` is neither a file nor a directory", path.display()),
            };
            self.entries.push(Entry { path: path.clone(), kind });
            if kind == Kind::Directory {
                self.read_below(&path)?;
            }
        }
        Ok(())
    }

    /// Names of the entries of a kind, with `/` between components, as far as they are UTF-8.
    pub fn names(&self, kind: Kind) -> impl Iterator<Item = String> {
        self.entries.iter().filter(move |entry| entry.kind == kind).filter_map(|entry| name(&entry.path))
    }

    /// The files whose paths are not UTF-8, which have no name.
    pub fn nameless(&self) -> impl Iterator<Item = &Path> {
        let files = self.entries.iter().filter(|entry| entry.kind == Kind::File && name(&entry.path).is_none());
        files.map(|entry| entry.path.as_path())
    }

    /// The contents of the file `name`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn contents(&self, name: &str) -> Result<Vec<u8>> {
        fs::read(self.root.join(name)).with_context(|| format!("cannot read `{name}`"))
    }

    /// Bytes of all files.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn size(&self) -> Result<u64> {
        let files = self.entries.iter().filter(|entry| entry.kind == Kind::File);
        let size = |entry: &Entry| -> Result<u64> {
            let metadata = fs::symlink_metadata(self.root.join(&entry.path));
            Ok(metadata.with_context(|| format!("cannot read `{}`", entry.path.display()))?.len())
        };
        files.map(size).sum()
    }
}

/// A path with `/` between its components.
fn name(path: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = path.iter().map(|part| part.to_str()).collect();
    Some(parts?.join("/"))
}

/// What the result has in place of old files.
#[derive(Debug, Default)]
pub struct Changes {
    /// Names of the files that go.
    pub removed: BTreeSet<String>,
    /// Files that are new or have new contents, by their names.
    pub written: BTreeMap<String, Changed>,
}

/// A file that is new or has new contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub bytes: Vec<u8>,
    /// What was there; `None` if nothing was.
    pub before: Option<Vec<u8>>,
    /// The file that it has its permissions from, if not the one in whose place it comes.
    pub like: Option<String>,
}

impl Changes {
    /// Directories of `tree` in which nothing is left.
    pub fn emptied(&self, tree: &Tree) -> BTreeSet<PathBuf> {
        let above = |path: &Path| path.ancestors().skip(1).map(Path::to_path_buf).collect::<Vec<_>>();
        let mut emptied: BTreeSet<PathBuf> = self.removed.iter().flat_map(|name| above(Path::new(name))).collect();
        let is_left =
            |entry: &&Entry| entry.kind != Kind::Directory && !name(&entry.path).is_some_and(|name| self.removed.contains(&name));
        let left = tree.entries.iter().filter(is_left).map(|entry| entry.path.as_path());
        for path in left.chain(self.written.keys().map(Path::new)) {
            for directory in above(path) {
                emptied.remove(&directory);
            }
        }
        emptied
    }

    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.written.is_empty()
    }

    /// How many bytes more the result has, and how many less.
    pub fn grown(&self, tree: &Tree) -> Result<(u64, u64)> {
        let more = self.written.values().map(|changed| changed.bytes.len() as u64).sum();
        let before = |changed: &Changed| changed.before.as_ref().map_or(0, |bytes| bytes.len() as u64);
        let less: u64 = self.written.values().map(before).sum();
        let removed = self.removed.iter().map(|name| Ok(tree.contents(name)?.len() as u64)).sum::<Result<u64>>()?;
        Ok((more, less + removed))
    }

    /// Adds that the archive `old` became `new`; `renamed` has new names by old ones.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn add(&mut self, old: &[u8], new: &[u8], renamed: &HashMap<String, String>) -> Result<()> {
        let (old, new) = (Archive::open(old)?, Archive::open(new)?);
        let like: HashMap<&str, &str> = renamed.iter().map(|(old, new)| (new.as_str(), old.as_str())).collect();
        for (index, entry) in new.entries.iter().enumerate().filter(|(_, entry)| !entry.directory) {
            let before = old.position(&entry.name).map(|index| old.read(index)).transpose()?;
            let bytes = new.read(index)?;
            if before.as_ref() != Some(&bytes) {
                let like = like.get(entry.name.as_str()).map(|name| name.to_string());
                self.written.insert(entry.name.clone(), Changed { bytes, before, like });
            }
        }
        let gone = old.entries.iter().filter(|entry| !entry.directory && new.position(&entry.name).is_none());
        self.removed.extend(gone.map(|entry| entry.name.clone()));
        Ok(())
    }
}

/// Which of these files of a tree are side modules, or are to be.
///
/// # Errors
/// When one cannot be read.
pub fn modules(tree: &Tree, files: &[String]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for name in files.iter().filter(|name| contents::is_module_name(name)) {
        let bytes = tree.contents(name)?;
        let head = &bytes[..bytes.len().min(contents::HEAD as usize)];
        if is_module(name, head, || Ok(bytes.clone())) {
            found.push(name.clone());
        }
    }
    Ok(found)
}
