//! What there is to compare: a file, or what a directory or a lock file stands for, which is packages, and modules and files of none.
//!
//! A package is a wheel or an archive; a distribution that was unpacked or installed into a directory is one, too. Its contents are read when it
//! is compared, so that no more than a few of them are held at once; those of modules of nobody are read here.

use super::read::{self, Piece, Side};
use crate::archive::Archive;
use crate::distribution;
use crate::input::{Kind, Source};
use crate::inputs;
use crate::name::{WheelName, normalized};
use crate::tree::distribution::{Distribution, distributions};
use crate::tree::{Tree, modules};
use crate::wheel::metadata::{Digester, digest, wheel_tags};
use crate::wheel::{contents, naming};
use anyhow::{Context, Result};
use rayon::prelude::*;
use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One of the two inputs.
pub struct Input {
    /// As on the command line.
    pub name: String,
    pub what: What,
}

pub enum What {
    File(Source),
    Several(Several),
}

/// What a directory or a lock file stands for.
pub struct Several {
    pub kind: Kind,
    /// Bytes of all files, the lock file included.
    pub size: u64,
    /// The text of the lock file, and the platform that it names.
    pub lock: Option<String>,
    pub abi_version: Option<String>,
    /// By name, and those of one name by path.
    pub packages: Vec<Package>,
    /// Modules of no package.
    pub modules: Vec<Piece>,
    /// Hashes of the other files of no package, by their paths.
    pub files: BTreeMap<String, String>,
}

pub struct Package {
    /// Path below the directory, or of the `.dist-info` directory.
    pub path: String,
    /// Name of the entry in the lock file, or as the file says.
    pub name: String,
    pub version: Option<String>,
    /// Python and ABI tags of a wheel.
    pub interpreters: Option<String>,
    /// Names of the packages that the lock file has it depend on.
    pub depends: Vec<String>,
    from: From,
}

enum From {
    File(Source),
    Tree(Arc<Tree>, Distribution),
}

impl Input {
    /// Finds out what `path` stands for.
    ///
    /// # Errors
    /// When it is a directory or a lock file and cannot be read, or a file of a lock file is not there or another one.
    pub fn gather(path: &Path) -> Result<Self> {
        let what = if path.is_dir() {
            What::Several(of_directory(path).with_context(|| path.display().to_string())?)
        } else if distribution::is_lock(path) {
            What::Several(of_lock(path)?)
        } else {
            What::File(Source::new(path))
        };
        Ok(Input { name: path.display().to_string(), what })
    }
}

impl Several {
    fn new(kind: Kind) -> Self {
        Several { kind, size: 0, lock: None, abi_version: None, packages: Vec::new(), modules: Vec::new(), files: BTreeMap::new() }
    }

    /// A file beside a directory or a lock file, as the only thing in a directory.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_file(source: &Source) -> Result<Self> {
        let (kind, side) = read::read(source)?;
        let mut several = Several::new(kind);
        several.size = side.size;
        let path = match source {
            Source::Stdin => "-".to_string(),
            Source::File(path) => path.file_name().map(escaped).unwrap_or_default(),
        };
        match kind {
            Kind::Module => {
                several.modules = side.modules;
                several.modules.iter_mut().for_each(|module| module.path = Some(path.clone()));
            }
            _ => several.packages.push(Package::of_file(path, source.clone())),
        }
        Ok(several)
    }

    fn sort(&mut self) {
        self.packages.sort_by_cached_key(|package| (package.key(), package.path.clone()));
        self.modules.sort_by(|one, other| one.path.cmp(&other.path));
    }

    /// What distributions were unpacked or installed into, `below` the directory that is looked at.
    fn add_tree(&mut self, root: &Path, below: &Path) -> Result<()> {
        let tree = Arc::new(Tree::read(root)?);
        self.size += tree.size()?;
        let (found, loose) = distributions(&tree)?;
        let at = |name: &str| slashed(&below.join(name));
        for distribution in found {
            self.packages.push(Package::of_distribution(at(&distribution.dist_info), &tree, distribution));
        }
        let modules = modules(&tree, &loose)?;
        self.add_modules(modules.iter().map(|name| (at(name), Source::new(&root.join(name)))).collect())?;
        let modules: HashSet<&String> = modules.iter().collect();
        let others = loose.iter().filter(|name| !modules.contains(name)).map(Path::new);
        let others: Vec<&Path> = others.chain(tree.nameless()).collect();
        let hash = |path: &&Path| Ok((slashed(&below.join(path)), hash(&root.join(path))?));
        self.files.extend(others.par_iter().map(hash).collect::<Result<Vec<_>>>()?);
        Ok(())
    }

    /// Modules of nobody; those of other systems are files, as in archives.
    fn add_modules(&mut self, sources: Vec<(String, Source)>) -> Result<()> {
        let read = |(path, source): (String, Source)| {
            let bytes = source.read().with_context(|| path.clone())?;
            let is_other = contents::kind(&bytes) != contents::Kind::Module;
            if is_other { Ok((path, Err(digest(&bytes).hash))) } else { Ok((path.clone(), Ok(read::piece(Some(path), bytes)?))) }
        };
        for (path, found) in sources.into_par_iter().map(read).collect::<Result<Vec<_>>>()? {
            match found {
                Ok(piece) => self.modules.push(piece),
                Err(hash) => drop(self.files.insert(path, hash)),
            }
        }
        Ok(())
    }

    fn add_file(&mut self, path: &Path, below: String) -> Result<()> {
        self.size += size(path)?;
        let hash = hash(path)?;
        self.files.insert(below, hash);
        Ok(())
    }
}

impl Package {
    fn of_file(path: String, source: Source) -> Self {
        let file_name = path.rsplit('/').next().unwrap_or(&path);
        let stem = file_name.rsplit_once('.').map_or(file_name, |(stem, _)| stem);
        let wheel = WheelName::parse(&format!("{stem}.whl")).ok();
        // Archives of libraries are called `libx-1.0.zip`.
        let digit = |version: &str| version.starts_with(|first: char| first.is_ascii_digit());
        let (name, version) = match (&wheel, stem.rsplit_once('-').filter(|(_, version)| digit(version))) {
            (Some(wheel), _) => (wheel.distribution.clone(), Some(wheel.version.clone())),
            (None, Some((name, version))) => (name.to_string(), Some(version.to_string())),
            (None, None) => (stem.to_string(), None),
        };
        let interpreters = wheel.as_ref().map(interpreters);
        Package { path, name, version, interpreters, depends: Vec::new(), from: From::File(source) }
    }

    fn of_distribution(path: String, tree: &Arc<Tree>, distribution: Distribution) -> Self {
        let own = &distribution.dist_info;
        let stem = own.trim_end_matches(".dist-info");
        let (name, version) = stem.split_once('-').map_or((stem, None), |(name, version)| (name, Some(version.to_string())));
        let wheel = distribution.wheel(tree).and_then(|wheel| naming::told(own, &wheel)).ok();
        let (name, interpreters) = (name.to_string(), wheel.as_ref().map(interpreters));
        Package { path, name, version, interpreters, depends: Vec::new(), from: From::Tree(Arc::clone(tree), distribution) }
    }

    /// Its name, for comparisons.
    pub fn key(&self) -> String {
        normalized(&self.name)
    }

    /// Whether it is no file.
    pub fn is_unpacked(&self) -> bool {
        matches!(self.from, From::Tree(..))
    }

    /// Reads its contents.
    ///
    /// # Errors
    /// When they cannot be read as what they are.
    pub fn read(&self) -> Result<(Kind, Side)> {
        match &self.from {
            From::File(source) => read::read(source),
            From::Tree(tree, distribution) => {
                let bytes = distribution.archive(tree)?;
                let tags = distribution.wheel(tree).map(|wheel| wheel_tags(&wheel)).unwrap_or_default();
                let mut side = Side { tags, ..Side::default() };
                let archive = Archive::open(&bytes)?;
                read::read_archive(&archive, &mut side).with_context(|| self.path.clone())?;
                // In the archive RECORD has no rows about what is elsewhere or gone.
                let record = format!("{}/RECORD", distribution.dist_info);
                let others = archive.entries.iter().filter(|entry| entry.name != record);
                let own = digest(&tree.contents(&record)?);
                side.size = others.map(|entry| entry.size).sum::<u64>() + own.size;
                side.files.insert(record, own.hash);
                Ok((Kind::Directory, side))
            }
        }
    }
}

fn interpreters(wheel: &WheelName) -> String {
    format!("{}-{}", wheel.python.join("."), wheel.abi.join("."))
}

fn of_directory(root: &Path) -> Result<Several> {
    let mut several = Several::new(Kind::Directory);
    if inputs::is_tree(root)? {
        several.add_tree(root, Path::new(""))?;
        several.sort();
        return Ok(several);
    }
    let within = inputs::within(root, None)?;
    let mut modules: Vec<(String, Source)> = Vec::new();
    for item in within.items {
        let Some(path) = item.path() else { continue };
        if item.tree {
            several.add_tree(path, &item.below)?;
            continue;
        }
        several.size += size(path)?;
        let below = slashed(&item.below.join(path.file_name().unwrap_or_default()));
        if distribution::is_upgraded(path) {
            several.packages.push(Package::of_file(below, item.source));
        } else {
            modules.push((below, item.source));
        }
    }
    several.add_modules(modules)?;
    for other in within.others {
        several.add_file(&root.join(&other), slashed(&other))?;
    }
    several.sort();
    Ok(several)
}

fn of_lock(path: &Path) -> Result<Several> {
    let read = distribution::read(path, &[])?;
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut several = Several::new(Kind::Lock);
    several.size = text.len() as u64;
    (several.lock, several.abi_version) = (Some(text), read.abi_version);
    // Several packages may be in one file.
    let mut met: HashSet<PathBuf> = HashSet::new();
    for package in read.packages {
        let below = slashed(&package.below.join(package.file.file_name().unwrap_or_default()));
        if !distribution::is_upgraded(&package.file) {
            if met.insert(package.file.clone()) {
                several.add_file(&package.file, below)?;
            }
            continue;
        }
        if met.insert(package.file.clone()) {
            several.size += size(&package.file)?;
        }
        let of_file = Package::of_file(below, Source::File(package.file));
        several.packages.push(Package { name: package.name, depends: package.depends, ..of_file });
    }
    several.files.extend(read.behind_urls.into_iter().map(|package| (package.file_name, package.sha256.unwrap_or_default())));
    several.sort();
    Ok(several)
}

/// A path with `/` between its components, which tells it from every other one: bytes that are not UTF-8 are `\xfe`, a backslash is `\\`.
fn slashed(path: &Path) -> String {
    path.iter().map(escaped).collect::<Vec<_>>().join("/")
}

fn escaped(name: &OsStr) -> String {
    let mut escaped = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        escaped += &chunk.valid().replace('\\', r"\\");
        escaped.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    escaped
}

fn size(path: &Path) -> Result<u64> {
    Ok(fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len())
}

/// The hash of a file, which is not held.
fn hash(path: &Path) -> Result<String> {
    let mut digester = Digester::for_hash("sha256")?;
    let read = |digester: &mut Digester| std::io::copy(&mut File::open(path)?, digester);
    read(&mut digester).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(digester.finish().hash)
}
