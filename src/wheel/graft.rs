//! Libraries that an archive needs and lacks, taken from directories of the build, or from wheels and archives that have them (`--libdir`).
//!
//! As auditwheel does: each goes into `<distribution>.libs/`, and what it needs in turn is looked for as well. Its name gets a hash
//! later ([`super::isolate`]); one that an earlier run grafted is known by that. When two directories offer different files of one name,
//! the first one wins, as with a linker's search path, and a notice says so.

use super::{contents, isolate};
use crate::archive::Archive;
use crate::codes::linking::NO_DYLINK;
use crate::codes::noted::GRAFTED_FIRST;
use crate::loader::base_name;
use anyhow::{Context, Result, ensure};
use globset::{Glob, GlobSet, GlobSetBuilder};
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use wasm_pyfix_passes::Notice;

/// A library to add.
#[derive(Debug, Clone)]
pub struct Grafted {
    /// Its path within the archive.
    pub path: String,
    /// The file it comes from.
    pub source: PathBuf,
    /// Its contents.
    pub bytes: Vec<u8>,
}

/// Compiles the globs of `--exclude`, which match names of libraries.
pub fn excluded(globs: &[String]) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        set.add(Glob::new(glob).with_context(|| format!("--exclude {glob}"))?);
    }
    Ok(set.build()?)
}

/// What is looked for.
pub struct Wanted<'w> {
    /// Names of libraries.
    pub names: BTreeSet<String>,
    /// Names of those that the archive has.
    pub carried: &'w HashSet<String>,
    /// Whether libraries get names with a hash.
    pub isolate: bool,
}

/// What was found of it.
#[derive(Default)]
pub struct Collected {
    pub grafted: Vec<Grafted>,
    /// Libraries that the archive has under a name with their hash: the name that is wanted, and that one.
    pub present: Vec<(String, String)>,
}

/// Looks for `wanted` libraries, and for what they need that the archive does not have, in `libdirs`; they go into `directory`.
///
/// A library found nowhere is left out of the result: the plan of the RUNTIME_PATH reports it. A directory that is not there is an
/// error.
pub fn collect(
    wanted: Wanted<'_>,
    libdirs: &[PathBuf],
    exclude: &GlobSet,
    directory: &str,
    notices: &mut Vec<Notice>,
) -> Result<Collected> {
    let places = libdirs.iter().map(|path| Place::open(path)).collect::<Result<Vec<_>>>()?;
    let mut seen: HashSet<String> = wanted.carried.clone();
    let mut queue = VecDeque::from_iter(wanted.names);
    let mut collected = Collected::default();
    while let Some(name) = queue.pop_front() {
        let is_file_name = !name.contains(['/', '\\']) && !matches!(name.as_str(), "" | "." | "..");
        if !is_file_name || exclude.is_match(&name) || !seen.insert(name.clone()) {
            continue;
        }
        let Some((source, bytes)) = find(&name, &places, notices)? else { continue };
        if let Some(hashed) = isolate::hashed(&name, &bytes).filter(|hashed| wanted.isolate && wanted.carried.contains(hashed)) {
            collected.present.push((name, hashed));
            continue;
        }
        let context = || format!("library `{}`", source.display());
        ensure!(
            contents::check(contents::kind(&bytes)).with_context(context)?,
            "library `{}` is not a WebAssembly module",
            source.display()
        );
        let Some((dylink, _)) = contents::inspect(&bytes).with_context(context)? else {
            let message =
                format!("library `{}` has no linking metadata (`dylink.0`); link it with -sSIDE_MODULE", source.display());
            anyhow::bail!(NO_DYLINK.fails(message));
        };
        queue.extend(dylink.needed);
        let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
        collected.grafted.push(Grafted { path, source, bytes });
    }
    collected.grafted.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(collected)
}

/// Where libraries are.
enum Place {
    Directory(PathBuf),
    /// A wheel or an archive.
    Archive {
        path: PathBuf,
        bytes: Vec<u8>,
        /// Paths of the modules by their names, in their order.
        modules: HashMap<String, Vec<String>>,
    },
}

impl Place {
    fn open(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return Ok(Place::Directory(path.to_path_buf()));
        }
        let context = || format!("--libdir {}", path.display());
        ensure!(path.is_file(), "--libdir {}: there is no such directory, wheel or archive", path.display());
        let bytes = std::fs::read(path).with_context(context)?;
        let mut modules: HashMap<String, Vec<String>> = HashMap::new();
        for entry in Archive::open(&bytes).with_context(context)?.entries {
            if !entry.directory && contents::is_module_name(&entry.name) {
                modules.entry(base_name(&entry.name).to_string()).or_default().push(entry.name);
            }
        }
        Ok(Place::Archive { path: path.to_path_buf(), bytes, modules })
    }

    /// The files called `name`.
    fn find(&self, name: &str) -> Result<Vec<(PathBuf, Vec<u8>)>> {
        match self {
            Place::Directory(directory) => {
                let path = directory.join(name);
                if !path.is_file() {
                    return Ok(Vec::new());
                }
                let bytes = std::fs::read(&path).with_context(|| format!("library `{}`", path.display()))?;
                Ok(vec![(path, bytes)])
            }
            Place::Archive { path, bytes, modules } => {
                let Some(paths) = modules.get(name) else { return Ok(Vec::new()) };
                let context = || format!("--libdir {}", path.display());
                let archive = Archive::open(bytes).with_context(context)?;
                let read = |entry: &String| {
                    let index = archive.position(entry).context("an entry that was listed")?;
                    Ok((path.join(entry), archive.read(index).with_context(context)?))
                };
                paths.iter().map(read).collect()
            }
        }
    }
}

/// The first file called `name` in `places`.
fn find(name: &str, places: &[Place], notices: &mut Vec<Notice>) -> Result<Option<(PathBuf, Vec<u8>)>> {
    let mut first: Option<(PathBuf, Vec<u8>)> = None;
    for place in places {
        for (path, bytes) in place.find(name)? {
            match &first {
                None => first = Some((path, bytes)),
                Some((source, taken)) if *taken != bytes => {
                    let message = format!("`{}` was grafted; `{}` differs from it and was not", source.display(), path.display());
                    notices.push(GRAFTED_FIRST.warns(message));
                }
                Some(_) => {}
            }
        }
    }
    Ok(first)
}
