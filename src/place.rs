//! The place of one result: where it is written, whether it can be, and how.
//!
//! A dry run asks the same as a run that writes, so that it fails for what that would fail for: [`Place::resolve`] changes nothing.
//! Whether a file system has room is known only to those who write.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempPath;

/// Beginning and end of the names of temporary files.
pub const TEMPORARY: (&str, &str) = (".wasm-pyfix-", ".tmp");

/// After this time no run can be at work on a temporary file any more.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// Whether a file or directory called `name` is a temporary one, which a run is at work on or has left.
pub fn is_temporary(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with(TEMPORARY.0) && name.ends_with(TEMPORARY.1))
}

/// Removes the temporary files and directories that runs which were killed have left in `directory`. What cannot be removed stays.
pub fn remove_stale(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten().filter(|entry| is_temporary(&entry.file_name())) {
        let Ok(metadata) = entry.metadata() else { continue };
        let age = metadata.modified().ok().and_then(|time| time.elapsed().ok());
        if age.is_some_and(|age| age > STALE) {
            let _ = if metadata.is_dir() { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) };
        }
    }
}

/// Where a result is written.
pub enum Place {
    /// A device or a pipe, which cannot be renamed over.
    Direct(PathBuf),
    /// A file in a directory, both of which may be new.
    File {
        path: PathBuf,
        directory: PathBuf,
        /// Permissions of the file that is there.
        present: Option<fs::Permissions>,
    },
}

impl Place {
    /// Where a result for `path` is written.
    ///
    /// # Errors
    /// When nothing can be written there: it is a directory or a link to nothing, or no file can be made in its directory.
    pub fn resolve(path: &Path) -> Result<Self> {
        // A link stays a link: what it points to is replaced.
        let path = match fs::canonicalize(path) {
            Ok(target) => target,
            Err(_) if is_link(path) => {
                bail!("cannot write {}: it is a link to nothing; remove it, or make what it points to", path.display());
            }
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::PermissionDenied) => {
                return Err(error).with_context(|| format!("cannot write {}", path.display()));
            }
            Err(_) => path.to_path_buf(),
        };
        let present = fs::metadata(&path).ok();
        if present.as_ref().is_some_and(|metadata| metadata.is_dir()) {
            bail!("cannot write {}: it is a directory", path.display());
        }
        if present.as_ref().is_some_and(|metadata| !metadata.is_file()) {
            may_write(&path, false).with_context(|| format!("cannot write {}", path.display()))?;
            return Ok(Place::Direct(path));
        }
        let directory = directory_of(&path).to_path_buf();
        may_make_files_in(&directory).with_context(|| match directory.is_dir() {
            true => format!("cannot write {}", path.display()),
            false => format!("cannot create the directory {}", directory.display()),
        })?;
        Ok(Place::File { path, directory, present: present.map(|metadata| metadata.permissions()) })
    }

    /// Writes `bytes` there, whole or not at all. Missing directories are created. A new file gets the permissions of the file `like`.
    pub fn write(&self, bytes: &[u8], like: Option<&Path>) -> Result<()> {
        match self.stage(bytes, like)? {
            Some(staged) => staged.put(),
            None => Ok(()),
        }
    }

    /// Writes `bytes` beside the place, from where they come into it when that is asked for. To a device or a pipe they are written at once.
    pub fn stage(&self, bytes: &[u8], like: Option<&Path>) -> Result<Option<Staged>> {
        let (path, directory, present) = match self {
            Place::Direct(path) => {
                fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
                return Ok(None);
            }
            Place::File { path, directory, present } => (path, directory, present),
        };
        fs::create_dir_all(directory).with_context(|| format!("cannot create the directory {}", directory.display()))?;
        let kept = present.clone().map(kept_permissions);
        let copied = like.and_then(|like| fs::metadata(like).ok()).map(|metadata| writable(metadata.permissions()));
        let temporary = temporary(directory, bytes, kept, copied).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Some(Staged { temporary, path: path.clone(), is_new: present.is_none() }))
    }
}

/// A file that waits beside its place. It goes when nobody puts it there.
#[derive(Debug)]
pub struct Staged {
    temporary: TempPath,
    pub path: PathBuf,
    /// Whether there was no such file.
    pub is_new: bool,
}

impl Staged {
    /// Puts the file into its place.
    pub fn put(self) -> Result<()> {
        self.temporary
            .persist(&self.path)
            .map_err(|error| error.error)
            .with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Puts the file into its place, and keeps the one that is there now.
    pub fn replace(self) -> Result<Replaced> {
        let path = self.path.clone();
        // Not every file system has links, and systems may refuse one to a file of others.
        let keep = |at: &Path| fs::hard_link(&path, at).or_else(|_| fs::copy(&path, at).map(drop));
        let mut builder = tempfile::Builder::new();
        let kept = builder.prefix(TEMPORARY.0).suffix(TEMPORARY.1).make_in(directory_of(&path), keep);
        let temporary = kept.with_context(|| format!("cannot write {}", path.display()))?.into_temp_path();
        self.put()?;
        Ok(Replaced { temporary, path })
    }
}

/// What was in a place before a staged file was put there. It goes when nobody puts it back.
#[derive(Debug)]
pub struct Replaced {
    temporary: TempPath,
    path: PathBuf,
}

impl Replaced {
    /// Puts it back. What fails here cannot be helped.
    pub fn put_back(self) {
        let _ = self.temporary.persist(&self.path);
    }
}

/// The file that a result at `path` goes to, behind links: those of its directories, too, where there is no such file yet. So two results
/// for one file are known, whether or not it has been written.
pub fn key(path: &Path) -> PathBuf {
    let present = path.ancestors().find_map(|above| {
        let above_or_here = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        Some(fs::canonicalize(above_or_here).ok()?.join(path.strip_prefix(above).ok()?))
    });
    // What is not there yet will be plain directories, so that `..` behind them leads back.
    let mut key = PathBuf::new();
    for component in present.unwrap_or_else(|| path.to_path_buf()).components() {
        match component {
            Component::ParentDir if key.file_name().is_some() => drop(key.pop()),
            component => key.push(component),
        }
    }
    key
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink())
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether files can be made in `directory`, or in one that is made there: the nearest directory above that exists tells.
///
/// # Errors
/// When they cannot.
pub fn may_make_files_in(directory: &Path) -> Result<()> {
    let here = [Path::new(".")];
    let above = directory.ancestors().filter(|above| !above.as_os_str().is_empty()).chain(here);
    for above in above {
        match fs::metadata(above) {
            Ok(metadata) if metadata.is_dir() => {
                return may_write(above, true).with_context(|| format!("no file can be made in {}", above.display()));
            }
            Ok(_) => bail!("{} is no directory", above.display()),
            Err(_) if is_link(above) => bail!("{} is a link to nothing", above.display()),
            // Below what is no directory there is nothing either, and what is above tells.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(error) => return Err(error).with_context(|| above.display().to_string()),
        }
    }
    Ok(())
}

/// Whether the user may write to a file, or make files in a directory.
#[cfg(unix)]
fn may_write(path: &Path, is_directory: bool) -> io::Result<()> {
    use rustix::fs::Access;
    let search = if is_directory { Access::EXEC_OK } else { Access::empty() };
    Ok(rustix::fs::access(path, Access::WRITE_OK | search)?)
}

/// Other systems tell when a file is made.
#[cfg(not(unix))]
fn may_write(_: &Path, _: bool) -> io::Result<()> {
    Ok(())
}

/// A temporary file in `directory`. Permissions of the replaced file are kept, those copied from another file pass through the umask.
fn temporary(directory: &Path, bytes: &[u8], kept: Option<fs::Permissions>, copied: Option<fs::Permissions>) -> Result<TempPath> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY.0).suffix(TEMPORARY.1);
    if let Some(permissions) = copied.or_else(default_permissions) {
        builder.permissions(permissions);
    }
    let mut temporary = builder.tempfile_in(directory)?;
    if let Some(permissions) = kept {
        temporary.as_file().set_permissions(permissions)?;
    }
    temporary.write_all(bytes)?;
    // Very many may wait at once.
    Ok(temporary.into_temp_path())
}

/// What a new file gets, before the umask: temporary files would otherwise be private to their owner.
#[cfg(unix)]
pub fn default_permissions() -> Option<fs::Permissions> {
    Some(std::os::unix::fs::PermissionsExt::from_mode(0o666))
}

/// Permissions of a file that takes the place of one with `permissions`. It belongs to whoever runs this, with whose rights nobody else is
/// to run it: bits that lend the owner's or group's rights are dropped, as they are when a file is written.
#[cfg(unix)]
pub fn kept_permissions(permissions: fs::Permissions) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::Permissions::from_mode(permissions.mode() & 0o1777)
}

#[cfg(not(unix))]
pub fn kept_permissions(permissions: fs::Permissions) -> fs::Permissions {
    permissions
}

/// `permissions` for a file that is new, and so not yet protected from its owner.
#[cfg(unix)]
fn writable(permissions: fs::Permissions) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::Permissions::from_mode((permissions.mode() & 0o1777) | 0o200)
}

/// Other systems derive them from the directory.
#[cfg(not(unix))]
pub fn default_permissions() -> Option<fs::Permissions> {
    None
}

#[cfg(not(unix))]
fn writable(mut permissions: fs::Permissions) -> fs::Permissions {
    permissions.set_readonly(false);
    permissions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_killed_runs_left_goes() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let old = std::time::SystemTime::now() - 2 * STALE;
        for (name, time) in [(".wasm-pyfix-a1.tmp", old), (".wasm-pyfix-b2.tmp", std::time::SystemTime::now()), ("c.tmp", old)] {
            fs::File::create(path(name)).unwrap().set_modified(time).unwrap();
        }
        for name in [".wasm-pyfix-d.tmp", ".wasm-pyfix-e.tmp"] {
            fs::create_dir(path(name)).unwrap();
            fs::write(path(name).join("file"), "").unwrap();
        }
        // Windows opens no directories as files.
        #[cfg(unix)]
        fs::File::open(path(".wasm-pyfix-e.tmp")).unwrap().set_modified(old).unwrap();
        remove_stale(directory.path());
        let left = [".wasm-pyfix-a1.tmp", ".wasm-pyfix-b2.tmp", "c.tmp", ".wasm-pyfix-d.tmp"].map(|name| path(name).exists());
        assert_eq!(left, [false, true, true, true]);
        assert_eq!(path(".wasm-pyfix-e.tmp").exists(), cfg!(not(unix)));
    }

    #[test]
    fn a_file_has_one_key_before_and_after_it_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &str| directory.path().join(path);
        let keys = || {
            ["new/a.so", "./new/a.so", "new/./a.so", "new//a.so", "new/../new/a.so", "new/b/../../new/a.so"]
                .map(|path| key(&at(path)))
        };
        let before = keys();
        assert!(before.iter().all(|key| *key == before[0]));
        fs::create_dir_all(at("new/b")).unwrap();
        assert_eq!(keys(), before);
        fs::write(at("new/a.so"), "").unwrap();
        assert_eq!(keys(), before);
        assert_eq!(key(Path::new("nowhere.so")), fs::canonicalize(".").unwrap().join("nowhere.so"));
    }
}
