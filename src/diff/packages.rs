//! Compares two inputs: files, directories or lock files.
//!
//! Packages of directories and lock files are paired by path and name, then by their paths, as an entry of a lock file may get another name, then
//! by what their names say: directory, name, version, Python and ABI, and less and less of that. Each pair is read, compared and forgotten.

use super::gather::{Input, Package, Several, What};
use super::pairs::{Paired, pairs};
use super::read::{self, Side};
use super::{Diff, Names, PackageDiff, Pair, Status, compare, counts};
use crate::input::Kind;
use crate::loader::directory;
use anyhow::Result;
use rayon::prelude::*;
use std::collections::BTreeSet;

/// What differs between two inputs. `compressed` says whether compressed sizes are asked for.
///
/// # Errors
/// When something cannot be read as what it is, or a compressor fails.
pub fn compare(old: Input, new: Input, compressed: bool) -> Result<Diff> {
    let inputs = Pair { old: old.name, new: new.name };
    let (old, new) = match (old.what, new.what) {
        (What::File(old), What::File(new)) => return files(inputs, read::read(&old)?, read::read(&new)?, compressed),
        (What::Several(old), What::Several(new)) => (old, new),
        (What::Several(old), What::File(new)) => (old, Several::of_file(&new)?),
        (What::File(old), What::Several(new)) => (Several::of_file(&old)?, new),
    };
    several(inputs, old, new, compressed)
}

fn files(inputs: Pair<String>, old: (Kind, Side), new: (Kind, Side), compressed: bool) -> Result<Diff> {
    let ((old_kind, old), (new_kind, new)) = (old, new);
    Ok(Diff {
        same: old.bytes == new.bytes,
        inputs,
        kinds: Pair { old: old_kind, new: new_kind },
        file_sizes: Pair { old: old.size, new: new.size },
        abi_version: Pair::default(),
        lock_changed: false,
        contents: compare::contents(Some(&old), Some(&new), compressed)?,
        package_counts: counts(std::iter::empty()),
        packages: Vec::new(),
    })
}

fn several(inputs: Pair<String>, old: Several, new: Several, compressed: bool) -> Result<Diff> {
    let compared =
        |(before, now): Paired| package(before.map(|before| &old.packages[before]), now.map(|now| &new.packages[now]), compressed);
    let paired = pairs(&old.packages, &new.packages, &KEYS);
    let (mut packages, mut tags): (Vec<PackageDiff>, Vec<Pair<Vec<String>>>) = Default::default();
    // As many at a time as are held: one that waits for its modules begins another one, and would do so without end.
    for some in paired.chunks(2 * rayon::current_num_threads()) {
        let found: Vec<(PackageDiff, Pair<Vec<String>>)> = some.par_iter().map(|pair| compared(*pair)).collect::<Result<_>>()?;
        let (more, of_more): (Vec<PackageDiff>, Vec<Pair<Vec<String>>>) = found.into_iter().unzip();
        packages.extend(more);
        tags.extend(of_more);
    }
    let side = |modules, files| Side { modules, files, ..Side::default() };
    let of_nobody = [side(old.modules, old.files), side(new.modules, new.files)];
    let mut contents = compare::contents(Some(&of_nobody[0]), Some(&of_nobody[1]), compressed)?;
    let same = contents.is_same() && old.lock == new.lock && packages.iter().all(|package| package.status == Status::Same);
    for package in &packages {
        contents.sizes.add(&package.contents.sizes);
        package.contents.counts.iter().for_each(|(status, count)| *contents.counts.entry(*status).or_default() += count);
    }
    contents.tags = compare::names(&all(tags.iter().map(|tags| &tags.old)), &all(tags.iter().map(|tags| &tags.new)));
    Ok(Diff {
        same,
        inputs,
        kinds: Pair { old: old.kind, new: new.kind },
        file_sizes: Pair { old: old.size, new: new.size },
        lock_changed: old.lock.zip(new.lock).is_some_and(|(old, new)| old != new),
        abi_version: Pair { old: old.abi_version, new: new.abi_version },
        contents,
        package_counts: counts(packages.iter().map(|package| package.status)),
        packages,
    })
}

/// All names of lists, each once.
fn all<'n>(lists: impl Iterator<Item = &'n Vec<String>>) -> Vec<String> {
    lists.flatten().collect::<BTreeSet<_>>().into_iter().cloned().collect()
}

/// By what packages are paired.
const KEYS: [fn(&Package) -> Option<String>; 8] = [
    |package| Some(format!("{}\n{}", package.path, package.key())),
    |package| Some(package.path.clone()),
    |package| Some(format!("{}\n{}\n{}", within(package), package.version.as_ref()?, package.interpreters.as_ref()?)),
    |package| Some(format!("{}\n{}", within(package), package.interpreters.as_ref()?)),
    |package| Some(within(package)),
    |package| Some(format!("{}\n{}\n{}", package.key(), package.version.as_ref()?, package.interpreters.as_ref()?)),
    |package| Some(format!("{}\n{}", package.key(), package.interpreters.as_ref()?)),
    |package| Some(package.key()),
];

/// Name and directory.
fn within(package: &Package) -> String {
    format!("{}\n{}", package.key(), directory(&package.path))
}

/// What differs between two packages, one of which may not be there, and the tags of both.
fn package(old: Option<&Package>, new: Option<&Package>, compressed: bool) -> Result<(PackageDiff, Pair<Vec<String>>)> {
    let (before, now) = (old.map(Package::read).transpose()?, new.map(Package::read).transpose()?);
    let kind = |read: &Option<(Kind, Side)>| read.as_ref().map(|(kind, _)| *kind);
    let kinds = Pair { old: kind(&before), new: kind(&now) };
    let (before, now) = (before.map(|(_, side)| side), now.map(|(_, side)| side));
    let contents = compare::contents(before.as_ref(), now.as_ref(), compressed)?;
    let path = Pair { old: old.map(|package| package.path.clone()), new: new.map(|package| package.path.clone()) };
    // Of what was unpacked there is no file.
    let is_unpacked = [old, new].into_iter().flatten().any(Package::is_unpacked);
    let depends = |package: Option<&Package>| package.map(|package| package.depends.clone()).unwrap_or_default();
    let depends = compare::names(&depends(old), &depends(new));
    let status = match (&before, &now) {
        (Some(before), Some(now)) => {
            let is_same = if is_unpacked { contents.is_same() } else { before.bytes == now.bytes };
            match is_same && depends == Names::default() {
                true if path.old == path.new && old.map(Package::key) == new.map(Package::key) => Status::Same,
                true => Status::Renamed,
                false => Status::Changed,
            }
        }
        (None, _) => Status::Came,
        (_, None) => Status::Went,
    };
    let tags = |side: Option<Side>| side.map(|side| side.tags).unwrap_or_default();
    let difference = PackageDiff {
        name: Pair { old: old.map(|package| package.name.clone()), new: new.map(|package| package.name.clone()) },
        version: Pair {
            old: old.and_then(|package| package.version.clone()),
            new: new.and_then(|package| package.version.clone()),
        },
        path,
        kinds,
        status,
        file_sizes: Pair { old: before.as_ref().map(|side| side.size), new: now.as_ref().map(|side| side.size) },
        depends,
        contents,
    };
    Ok((difference, Pair { old: tags(before), new: tags(now) }))
}
