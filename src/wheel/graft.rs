//! Libraries that an archive needs and lacks, taken from directories of the build (`--libdir`).
//!
//! As auditwheel does: each goes into `<distribution>.libs/`, and what it needs in turn is looked for as well. Its name gets a hash
//! later ([`super::isolate`]); one that an earlier run grafted is known by that. When two directories offer different files of one name,
//! the first one wins, as with a linker's search path, and a notice says so.

use super::{contents, isolate};
use crate::codes::linking::NO_DYLINK;
use crate::codes::noted::GRAFTED_FIRST;
use anyhow::{Context, Result, ensure};
use globset::{Glob, GlobSet, GlobSetBuilder};
use std::collections::{BTreeSet, HashSet, VecDeque};
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
    for libdir in libdirs {
        ensure!(libdir.is_dir(), "--libdir {}: there is no such directory", libdir.display());
    }
    let mut seen: HashSet<String> = wanted.carried.clone();
    let mut queue = VecDeque::from_iter(wanted.names);
    let mut collected = Collected::default();
    while let Some(name) = queue.pop_front() {
        let is_file_name = !name.contains(['/', '\\']) && !matches!(name.as_str(), "" | "." | "..");
        if !is_file_name || exclude.is_match(&name) || !seen.insert(name.clone()) {
            continue;
        }
        let Some((source, bytes)) = find(&name, libdirs, notices)? else { continue };
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

/// The first file called `name` in `libdirs`.
fn find(name: &str, libdirs: &[PathBuf], notices: &mut Vec<Notice>) -> Result<Option<(PathBuf, Vec<u8>)>> {
    let files: Vec<PathBuf> = libdirs.iter().map(|dir| dir.join(name)).filter(|path| path.is_file()).collect();
    let Some((first, others)) = files.split_first() else { return Ok(None) };
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("library `{}`", path.display()));
    let bytes = read(first)?;
    for other in others {
        if read(other)? != bytes {
            let message = format!("`{}` was grafted; `{}` differs from it and was not", first.display(), other.display());
            notices.push(GRAFTED_FIRST.warns(message));
        }
    }
    Ok(Some((first.clone(), bytes)))
}
