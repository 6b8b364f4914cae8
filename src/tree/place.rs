//! Writes an upgraded tree: to a new directory, or in its own place.
//!
//! A new directory is filled under a temporary name and renamed when it is complete. Files that do not change keep their bytes, permissions
//! and times, by which Python tells whether its bytecode is up to date; links are made anew with the same target. In place, all new
//! contents are written to temporary files first and then renamed over the old ones: files that share their contents with a cache by
//! hard links are replaced, and the cache stays as it is. What fails on the way is undone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tempfile::{NamedTempFile, TempDir};

use super::{Changed, Changes, Entry, Kind, Tree, name};
use crate::place::{Place, TEMPORARY, may_make_files_in, remove_stale};

/// What is to be at one path of the result.
enum Planned<'p> {
    Directory,
    Link,
    /// As in the tree.
    Same,
    New(&'p Changed),
}

/// Writes `tree` with `changes` to the directory `out`, which must not be there yet, or be empty, or have these contents already. In a dry
/// run only makes sure that it could.
///
/// # Errors
/// When it cannot be written; nothing of it is left then.
pub fn write(tree: &Tree, changes: &Changes, out: &Path, dry_run: bool) -> Result<()> {
    let root = fs::canonicalize(&tree.root).with_context(|| format!("cannot read {}", tree.root.display()))?;
    if let Some(above) = out.ancestors().find_map(|above| fs::canonicalize(above).ok()) {
        ensure!(!above.starts_with(&root), "the output {} lies in the input: give another one to `-o`", out.display());
    }
    refuse_taken(tree, changes)?;
    let plan = plan(tree, changes);
    let Ok(present) = fs::symlink_metadata(out) else {
        let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        may_make_files_in(parent).with_context(|| format!("cannot write {}", out.display()))?;
        return if dry_run { Ok(()) } else { write_new(tree, &plan, parent, out) };
    };
    ensure!(present.is_dir() || out.is_dir(), "{} is a file: the result needs a directory", out.display());
    let there = Tree::read(out)?;
    if there.entries.is_empty() {
        may_make_files_in(out).with_context(|| format!("cannot write {}", out.display()))?;
        return if dry_run { Ok(()) } else { fill(tree, &plan, out) };
    }
    if is_there(tree, &plan, &there) {
        return Ok(());
    }
    bail!("{} is there already, and has other contents: give a new directory to `-o`, or remove it", out.display())
}

/// Fails where a new file would come into the place of something else, or behind a link, which may lead out of the tree.
fn refuse_taken(tree: &Tree, changes: &Changes) -> Result<()> {
    let others = tree.entries.iter().filter(|entry| entry.kind != Kind::Directory);
    let others: BTreeMap<&Path, Kind> = others.map(|entry| (entry.path.as_path(), entry.kind)).collect();
    let is_taken = |path: &Path| others.get(path).is_some_and(|_| !name(path).is_some_and(|name| changes.removed.contains(&name)));
    for (name, _) in changes.written.iter().filter(|(_, changed)| changed.before.is_none()) {
        if let Some(taken) = Path::new(name).ancestors().find(|path| is_taken(path)) {
            let what = if others.get(taken) == Some(&Kind::Link) { "a symbolic link" } else { "a file" };
            bail!("cannot write `{name}`: `{}` is {what}", taken.display());
        }
    }
    Ok(())
}

/// All paths of the result, a directory before what is in it.
fn plan<'p>(tree: &'p Tree, changes: &'p Changes) -> Vec<(PathBuf, Planned<'p>)> {
    let emptied = changes.emptied(tree);
    let planned = |entry: &Entry| {
        let own = name(&entry.path);
        let planned = match entry.kind {
            Kind::Directory if emptied.contains(&entry.path) => return None,
            Kind::Directory => Planned::Directory,
            Kind::Link => Planned::Link,
            Kind::File if own.as_ref().is_some_and(|name| changes.removed.contains(name)) => return None,
            Kind::File => match own.and_then(|name| changes.written.get(&name)) {
                Some(changed) => Planned::New(changed),
                None => Planned::Same,
            },
        };
        Some((entry.path.clone(), planned))
    };
    let mut plan: Vec<_> = tree.entries.iter().filter_map(planned).collect();
    let present: BTreeSet<&Path> = tree.entries.iter().map(|entry| entry.path.as_path()).collect();
    for (name, changed) in changes.written.iter().filter(|(name, _)| !present.contains(Path::new(name))) {
        plan.push((PathBuf::from(name), Planned::New(changed)));
    }
    plan
}

/// Whether `there` is the result already.
fn is_there(tree: &Tree, plan: &[(PathBuf, Planned<'_>)], there: &Tree) -> bool {
    let kinds: BTreeSet<&Path> = there.entries.iter().map(|entry| entry.path.as_path()).collect();
    let same = |(path, planned): &(PathBuf, Planned<'_>)| {
        let (old, new) = (tree.root.join(path), there.root.join(path));
        match planned {
            Planned::Directory => fs::symlink_metadata(&new).is_ok_and(|new| new.is_dir()),
            Planned::Link => fs::read_link(&new).is_ok_and(|new| fs::read_link(&old).is_ok_and(|old| old == new)),
            Planned::Same => fs::read(&new).is_ok_and(|new| fs::read(&old).is_ok_and(|old| old == new)),
            Planned::New(changed) => fs::read(&new).is_ok_and(|new| new == changed.bytes),
        }
    };
    let above = plan.iter().flat_map(|(path, _)| path.ancestors());
    let expected: BTreeSet<&Path> = above.filter(|path| !path.as_os_str().is_empty()).collect();
    kinds == expected && plan.iter().all(same)
}

/// A directory with a temporary name in `parent`.
fn temporary(parent: &Path) -> Result<TempDir> {
    remove_stale(parent);
    let mut builder = tempfile::Builder::new();
    let made = builder.prefix(TEMPORARY.0).suffix(TEMPORARY.1).tempdir_in(parent);
    made.with_context(|| format!("cannot make a directory in {}", parent.display()))
}

fn write_new(tree: &Tree, plan: &[(PathBuf, Planned<'_>)], parent: &Path, out: &Path) -> Result<()> {
    fs::create_dir_all(parent).with_context(|| format!("cannot create the directory {}", parent.display()))?;
    let directory = temporary(parent)?;
    put(tree, plan, directory.path())?;
    let permissions = fs::metadata(&tree.root)?.permissions();
    fs::set_permissions(directory.path(), permissions)?;
    fs::rename(directory.path(), out).with_context(|| format!("cannot write {}", out.display()))?;
    // It has another name now, and is not to be removed.
    let _ = directory.keep();
    Ok(())
}

/// Fills a directory that is empty, and stays what it is: it may be a mount point.
fn fill(tree: &Tree, plan: &[(PathBuf, Planned<'_>)], out: &Path) -> Result<()> {
    let directory = temporary(out)?;
    put(tree, plan, directory.path())?;
    let mut moved: Vec<PathBuf> = Vec::new();
    for (name, _) in crate::inputs::listed(directory.path())? {
        let target = out.join(&name);
        if let Err(error) = fs::rename(directory.path().join(&name), &target) {
            // Back to where they are removed.
            moved.iter().for_each(|path| drop(fs::rename(path, directory.path().join(path.file_name().unwrap_or_default()))));
            return Err(error).with_context(|| format!("cannot write {}", target.display()));
        }
        moved.push(target);
    }
    Ok(())
}

/// Writes the result below `root`.
fn put(tree: &Tree, plan: &[(PathBuf, Planned<'_>)], root: &Path) -> Result<()> {
    for (path, planned) in plan {
        let (old, new) = (tree.root.join(path), root.join(path));
        let done = match planned {
            Planned::Directory => fs::create_dir(&new),
            Planned::Link => copy_link(&old, &new),
            Planned::Same => copy(&old, &new),
            Planned::New(changed) => {
                let like = changed.like.as_ref().map_or(old, |like| tree.root.join(like));
                create(&new, &changed.bytes, &like)
            }
        };
        done.with_context(|| format!("cannot write {}", path.display()))?;
    }
    // Last, since nothing can be made in a directory that is not writable.
    for (path, _) in plan.iter().rev().filter(|(_, planned)| matches!(planned, Planned::Directory)) {
        let permissions = fs::metadata(tree.root.join(path))?.permissions();
        fs::set_permissions(root.join(path), permissions).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn copy(old: &Path, new: &Path) -> std::io::Result<()> {
    let mut source = File::open(old)?;
    let metadata = source.metadata()?;
    let mut file = File::create_new(new)?;
    std::io::copy(&mut source, &mut file)?;
    file.set_modified(metadata.modified()?)?;
    fs::set_permissions(new, crate::place::kept_permissions(metadata.permissions()))
}

/// Writes a file with the permissions of `like`, if that is there.
fn create(new: &Path, bytes: &[u8], like: &Path) -> std::io::Result<()> {
    if let Some(parent) = new.parent() {
        fs::create_dir_all(parent)?;
    }
    File::create_new(new)?.write_all(bytes)?;
    match fs::symlink_metadata(like) {
        Ok(metadata) if metadata.is_file() => fs::set_permissions(new, crate::place::kept_permissions(metadata.permissions())),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn copy_link(old: &Path, new: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(fs::read_link(old)?, new)
}

#[cfg(not(unix))]
fn copy_link(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(std::io::Error::other("symbolic links cannot be copied on this system"))
}

/// Makes `changes` where `tree` is. In a dry run only makes sure that it could.
///
/// # Errors
/// When a file has changed since it was read, or cannot be written; all files are as they were then.
pub fn replace(tree: &Tree, changes: &Changes, dry_run: bool) -> Result<()> {
    refuse_taken(tree, changes)?;
    for (name, changed) in &changes.written {
        let path = tree.root.join(name);
        match &changed.before {
            Some(before) => {
                let same = fs::read(&path).is_ok_and(|present| present == *before);
                ensure!(same, "`{name}` has changed since it was read: left as it is; run it again");
            }
            None => ensure!(fs::symlink_metadata(&path).is_err(), "cannot write `{name}`: there is such a file already"),
        }
        let parent = path.parent().unwrap_or(&tree.root);
        may_make_files_in(parent).with_context(|| format!("cannot write `{name}`"))?;
    }
    if dry_run {
        return Ok(());
    }
    let directories: BTreeSet<PathBuf> =
        changes.written.keys().filter_map(|name| Some(tree.root.join(name).parent()?.to_path_buf())).collect();
    directories.iter().for_each(|directory| remove_stale(directory));
    let mut staged = Vec::new();
    let mut made = Vec::new();
    for (name, changed) in &changes.written {
        let done = stage(tree, name, changed, &mut made).with_context(|| format!("cannot write `{name}`"));
        match done {
            Ok(file) => staged.push((name, changed, file)),
            Err(error) => {
                undo(tree, &[], &made);
                return Err(error);
            }
        }
    }
    let mut done = Vec::new();
    for (name, changed, file) in staged {
        if let Err(error) = file.persist(tree.root.join(name)) {
            undo(tree, &done, &made);
            return Err(error.error).with_context(|| format!("cannot write `{name}`"));
        }
        done.push((name, changed));
    }
    let left = changes.removed.iter().filter(|name| fs::remove_file(tree.root.join(name)).is_err());
    let left: Vec<&str> = left.map(String::as_str).collect();
    for directory in changes.emptied(tree).iter().rev() {
        // One that is not empty has got something meanwhile.
        let _ = fs::remove_dir(tree.root.join(directory));
    }
    ensure!(left.is_empty(), "cannot remove `{}`; all else is done", left.join("`, `"));
    Ok(())
}

/// Writes new contents to a temporary file beside the old ones. Directories that are new go into `made`.
fn stage(tree: &Tree, name: &str, changed: &Changed, made: &mut Vec<PathBuf>) -> Result<NamedTempFile> {
    let path = tree.root.join(name);
    let parent = path.parent().unwrap_or(&tree.root);
    let new = parent.ancestors().take_while(|above| !above.exists());
    made.extend(new.map(Path::to_path_buf));
    fs::create_dir_all(parent)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY.0).suffix(TEMPORARY.1);
    let like = changed.like.as_ref().map_or(path.clone(), |like| tree.root.join(like));
    let permissions = fs::symlink_metadata(&like).ok().map(|metadata| metadata.permissions());
    if let Some(permissions) = permissions.clone().or_else(crate::place::default_permissions) {
        builder.permissions(permissions);
    }
    let mut file = builder.tempfile_in(parent)?;
    file.write_all(&changed.bytes)?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(crate::place::kept_permissions(permissions))?;
    }
    Ok(file)
}

/// Puts old contents back, and removes what was `made`. What fails here cannot be helped.
fn undo(tree: &Tree, done: &[(&String, &Changed)], made: &[PathBuf]) {
    for (name, changed) in done {
        let path = tree.root.join(name);
        let _ = match &changed.before {
            // It may be read-only.
            Some(before) => Place::resolve(&path).and_then(|place| place.write(before, None)),
            None => fs::remove_file(&path).map_err(Into::into),
        };
    }
    made.iter().for_each(|directory| drop(fs::remove_dir(directory)));
}
