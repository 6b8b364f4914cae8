//! Where results go, and how they get there.
//!
//! A file is written whole under a temporary name in the directory of its target and then renamed, so that no reader and no crash
//! ever sees a part of it. Inputs are not overwritten unless that was asked for. Devices and pipes cannot be renamed over: they are
//! written directly.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;

use crate::exit::{EXIT_DONE, EXIT_ERROR};
use crate::input::Source;
use crate::place::{self, Place, Replaced, Staged};
use crate::wheel::metadata::sha256_hex;

/// Prints a report as JSON to standard output.
///
/// # Errors
/// When nobody reads it.
pub fn print_json(report: &impl Serialize) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut stdout, report)?;
    writeln!(stdout)?;
    Ok(stdout.flush()?)
}

/// The exit code of a command that printed to standard output and would end with `code`: an error, if not all of it was written. A reader
/// that went away knows; of everything else standard error tells.
pub fn printed(result: Result<()>, code: i32) -> i32 {
    let Err(error) = result else { return code };
    let kind = |cause: &(dyn std::error::Error + 'static)| {
        let io = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        io.or_else(|| cause.downcast_ref::<serde_json::Error>()?.io_error_kind())
    };
    if !error.chain().any(|cause| kind(cause) == Some(std::io::ErrorKind::BrokenPipe)) {
        let _ = writeln!(std::io::stderr(), "error[unwritable]: cannot write to standard output: {error:#}");
    }
    EXIT_ERROR
}

/// Prints text to standard output, and returns the exit code.
pub fn print_text(text: &str) -> i32 {
    printed(print_all(text), EXIT_DONE)
}

/// Prints `text` to standard output.
///
/// # Errors
/// When nobody reads it.
pub fn print_all(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    Ok(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())?)
}

/// Where the results of one run go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Nowhere: a dry run without `-o`.
    None,
    /// Standard output.
    Stdout,
    /// One file.
    File(PathBuf),
    /// A directory, where each result gets its own name.
    Directory(PathBuf),
    /// The directory of each input.
    InPlace,
}

impl Destination {
    /// What `-o output` and `--in-place` mean for these inputs, each of which has `results` results. Fails when several of them would go
    /// to one file, or when a result in a directory would have no name. `of_directory` tells that the inputs come from a directory.
    pub fn new(output: Option<&Path>, in_place: bool, inputs: &[Source], results: usize, of_directory: bool) -> Result<Self> {
        let output = match output {
            _ if in_place => return Ok(Destination::InPlace),
            None => return Ok(Destination::None),
            Some(output) if output.as_os_str() == "-" => return Ok(Destination::Stdout),
            Some(output) => output,
        };
        let named_wheel = output.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("whl"));
        let wants_directory = of_directory || inputs.len() * results > 1 || (inputs.iter().any(Source::is_wheel) && !named_wheel);
        if !(output.is_dir() || ends_with_separator(output) || wants_directory) {
            return Ok(Destination::File(output.to_path_buf()));
        }
        if output.exists() && !output.is_dir() {
            bail!("{} is a file: the results need a directory", output.display());
        }
        if !output.exists() && !ends_with_separator(output) && is_named_like_a_result(output) {
            bail!("{} is named like a file, and the results need a directory: for one of that name add `/`", output.display());
        }
        if inputs.contains(&Source::Stdin) {
            bail!("{} is a directory, and what comes from standard input has no name: give a file to `-o`", output.display());
        }
        Ok(Destination::Directory(output.to_path_buf()))
    }

    /// The file that the result of `source` goes to, when it is called `file_name`, in the directory `below` that of all results; `None` when
    /// it goes to no file.
    pub fn path(&self, source: &Source, below: &Path, file_name: &str) -> Option<PathBuf> {
        match (self, source) {
            (Destination::None | Destination::Stdout, _) | (Destination::InPlace, Source::Stdin) => None,
            (Destination::File(path), _) => Some(path.clone()),
            (Destination::Directory(directory), _) => Some(directory.join(below).join(file_name)),
            (Destination::InPlace, Source::File(path)) => Some(path.with_file_name(file_name)),
        }
    }
}

/// Whether `path` ends as modules, archives and wheels do.
fn is_named_like_a_result(path: &Path) -> bool {
    let suffixes = ["so", "wasm", "zip", "whl"];
    path.extension().is_some_and(|extension| suffixes.iter().any(|suffix| extension.eq_ignore_ascii_case(suffix)))
}

fn ends_with_separator(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().last().is_some_and(|byte| std::path::is_separator(char::from(*byte)))
}

/// Writes results, and keeps watch over what must not be overwritten.
#[derive(Debug, Default)]
pub struct Writer {
    /// Files that were read, in canonical form.
    protected: HashSet<PathBuf>,
    /// Files that were written in this run: the input that each is the result of, and the digest of its contents.
    written: HashMap<PathBuf, (Option<PathBuf>, String)>,
    /// Directories that were looked through for temporary files of earlier runs.
    swept: HashSet<PathBuf>,
    /// Whether to check everything and write nothing.
    dry_run: bool,
    /// What waits until all of it can be put into place, if it is to.
    waiting: Option<Waiting>,
}

/// Results that replace files of one whole, so that all of them do or none.
#[derive(Debug, Default)]
struct Waiting {
    staged: Vec<Staged>,
    /// Files that go, or whose place is taken, with the digests of what was read from them.
    old: Vec<(PathBuf, String)>,
    removed: Vec<PathBuf>,
}

impl Writer {
    /// A writer that overwrites none of the files `inputs`, and in a dry run writes nothing at all.
    pub fn protecting<'a>(inputs: impl IntoIterator<Item = &'a Path>, dry_run: bool) -> Self {
        // What cannot be found cannot be overwritten; reading it reports the error.
        let protected = inputs.into_iter().filter_map(|path| fs::canonicalize(path).ok()).collect();
        Writer { protected, dry_run, ..Writer::default() }
    }

    /// Whether an input is at `path` that has these contents already, as the result of an earlier run has that went into the same directory:
    /// then there is nothing to write.
    fn is_there(&self, path: &Path, bytes: &[u8]) -> bool {
        let is_input = fs::canonicalize(path).is_ok_and(|path| self.protected.contains(&path));
        is_input && fs::read(path).is_ok_and(|present| present == bytes)
    }

    /// Fails when `path` must not be written: it is an input of this run, or the result of another one.
    pub fn check(&self, path: &Path) -> Result<()> {
        if fs::canonicalize(path).is_ok_and(|path| self.protected.contains(&path)) {
            bail!("the output {} is an input: give another one to `-o`, or use `--in-place`", path.display());
        }
        if self.written.contains_key(&place::key(path)) {
            bail!("the output {} was written for another input already: give the inputs different names", path.display());
        }
        Ok(())
    }

    /// Writes `bytes` to the file `path`, whole or not at all, after [`Self::check`]. Missing directories are created. A new file
    /// gets the permissions of the file `like`, as far as the umask lets it.
    ///
    /// One input may have the same result for several targets, which is written once; different results need different files.
    pub fn write(&mut self, path: &Path, bytes: &[u8], like: Option<&Path>) -> Result<()> {
        let result = (like.map(Path::to_path_buf), sha256_hex(bytes));
        if let Some(written) = self.written.get(&place::key(path)).filter(|written| like.is_some() && written.0 == result.0) {
            if *written == result {
                return Ok(());
            }
            bail!(
                "the output {} was written for another target already, with other contents: run it once for each target, with \
                 directories of their own",
                path.display()
            );
        }
        if self.is_there(path, bytes) {
            return Ok(());
        }
        self.check(path)?;
        self.put(path, bytes, like)?;
        self.written.insert(place::key(path), result);
        Ok(())
    }

    /// Writes `bytes` to the file `path`; in a dry run only makes sure that it could.
    fn put(&mut self, path: &Path, bytes: &[u8], like: Option<&Path>) -> Result<()> {
        let place = Place::resolve(path)?;
        if self.dry_run {
            return Ok(());
        }
        self.sweep(path);
        match &mut self.waiting {
            Some(waiting) => waiting.staged.extend(place.stage(bytes, like)?),
            None => place.write(bytes, like)?,
        }
        Ok(())
    }

    /// Has all that follows wait for [`Self::put_all`]; without that nothing of it is there in the end.
    pub fn wait(&mut self) {
        self.waiting.get_or_insert_default();
    }

    /// Puts everything that waits into its place: new files first, then those that replace others, in their order. Old ones go last: whoever is
    /// stopped before the first one is replaced has what he had, and some new files. Returns old ones that cannot be removed.
    ///
    /// # Errors
    /// When an old file has changed meanwhile, or a new one cannot be put there; all files are as they were then.
    pub fn put_all(&mut self) -> Result<Vec<PathBuf>> {
        let Some(Waiting { staged, old, removed }) = self.waiting.take() else { return Ok(Vec::new()) };
        for (path, digest) in &old {
            let same = fs::read(path).is_ok_and(|present| sha256_hex(&present) == *digest);
            ensure!(same, "{} has changed since it was read: all files are left as they are; run it again", path.display());
        }
        let (new, replacing): (Vec<Staged>, Vec<Staged>) = staged.into_iter().partition(|staged| staged.is_new);
        let mut added: Vec<PathBuf> = Vec::new();
        let mut replaced: Vec<Replaced> = Vec::new();
        let mut add = |staged: Staged| {
            let path = staged.path.clone();
            staged.put().map(|()| added.push(path))
        };
        let mut replace = |staged: Staged| staged.replace().map(|old| replaced.push(old));
        let done = new.into_iter().try_for_each(&mut add).and_then(|()| replacing.into_iter().try_for_each(&mut replace));
        if let Err(error) = done {
            replaced.into_iter().for_each(Replaced::put_back);
            added.iter().for_each(|path| drop(fs::remove_file(path)));
            return Err(error.context("all files are left as they are"));
        }
        Ok(removed.into_iter().filter(|path| fs::remove_file(path).is_err()).collect())
    }

    /// Whether what is written waits for [`Self::put_all`].
    pub fn waits(&self) -> bool {
        self.waiting.is_some()
    }

    /// Removes what earlier runs may have left beside `path`, once for each directory.
    fn sweep(&mut self, path: &Path) {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if self.swept.insert(directory.to_path_buf()) {
            place::remove_stale(directory);
        }
    }

    /// Replaces the input `old`, from which `input` was read, by `bytes` in the file `path`, which may be `old` or a new file beside it.
    pub fn replace(&mut self, old: &Path, path: &Path, input: &[u8], bytes: &[u8]) -> Result<()> {
        if !fs::read(old).is_ok_and(|present| present == input) {
            bail!("{} has changed since it was read: left as it is; run it again", old.display());
        }
        if let Some(waiting) = self.waiting.as_mut().filter(|_| !self.dry_run) {
            waiting.old.push((old.to_path_buf(), sha256_hex(input)));
        }
        if old == path {
            return self.put(path, bytes, None);
        }
        if fs::symlink_metadata(path).is_ok() && !fs::read(path).is_ok_and(|present| present == bytes) {
            bail!("cannot rename it to {}: there is such a file already", path.display());
        }
        if fs::symlink_metadata(path).is_err() {
            self.write(path, bytes, Some(old))?;
        }
        if self.dry_run {
            return Ok(());
        }
        if let Some(waiting) = &mut self.waiting {
            waiting.removed.push(old.to_path_buf());
            return Ok(());
        }
        fs::remove_file(old).with_context(|| format!("wrote {}, and cannot remove the old file", path.display()))
    }
}

/// Writes `bytes` to standard output.
pub fn write_stdout(bytes: &[u8]) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).context("cannot write to standard output")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(names: &[&str]) -> Vec<Source> {
        names.iter().map(|name| Source::new(Path::new(name))).collect()
    }

    fn destination(output: &str, inputs: &[&str]) -> Destination {
        Destination::new(Some(Path::new(output)), false, &sources(inputs), 1, false).unwrap()
    }

    #[test]
    fn a_directory_is_told_from_a_file() {
        let existing = tempfile::tempdir().unwrap();
        let existing = existing.path().to_str().unwrap();
        assert_eq!(destination("out", &["a.so"]), Destination::File("out".into()));
        assert_eq!(destination("out.whl", &["a.whl"]), Destination::File("out.whl".into()));
        assert_eq!(destination("out.zip", &["a.zip"]), Destination::File("out.zip".into()));
        assert_eq!(destination("-", &["a.whl"]), Destination::Stdout);
        assert_eq!(destination("out", &["a.whl"]), Destination::Directory("out".into()));
        assert_eq!(destination("out/", &["a.so"]), Destination::Directory("out/".into()));
        assert_eq!(destination("out", &["a.so", "b.so"]), Destination::Directory("out".into()));
        assert_eq!(destination(existing, &["a.so"]), Destination::Directory(existing.into()));
        let for_two_targets = Destination::new(Some(Path::new("out")), false, &sources(&["a.so"]), 2, false).unwrap();
        assert_eq!(for_two_targets, Destination::Directory("out".into()));
    }

    #[test]
    fn what_has_no_place_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let message = |output: &Path, inputs: &[&str]| {
            Destination::new(Some(output), false, &sources(inputs), 1, false).unwrap_err().to_string()
        };
        assert!(message(file.path(), &["a.so", "b.so"]).contains("is a file"));
        assert!(message(file.path(), &["a.whl"]).contains("is a file"));
        assert!(message(Path::new("out/"), &["-"]).contains("has no name"));
    }

    #[test]
    fn files_that_wait_replace_others_together_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let paths = ["new", "first", "second"].map(|name| directory.path().join(name));
        let [new, first, second] = &paths;
        [first, second].iter().for_each(|path| fs::write(path, "old").unwrap());
        let waiting = || {
            let mut writer = Writer::default();
            writer.wait();
            paths.iter().for_each(|path| writer.put(path, b"new", None).unwrap());
            writer
        };
        // Nothing can be put into the place of a directory.
        let mut writer = waiting();
        fs::remove_file(second).unwrap();
        fs::create_dir(second).unwrap();
        let said = format!("{:#}", writer.put_all().unwrap_err());
        assert!(said.contains("all files are left as they are") && said.contains("second"), "{said}");
        assert_eq!((fs::read(first).unwrap().as_slice(), new.exists()), (&b"old"[..], false));
        fs::remove_dir(second).unwrap();
        fs::write(second, "old").unwrap();
        assert!(waiting().put_all().unwrap().is_empty());
        assert!(paths.iter().all(|path| fs::read(path).unwrap() == b"new"));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), paths.len());
    }

    #[test]
    fn files_appear_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let [input, output, below] = ["in.so", "out.so", "new/dir/out.so"].map(|name| directory.path().join(name));
        fs::write(&input, "input").unwrap();
        let mut writer = Writer::protecting([input.as_path()], false);
        writer.write(&output, b"output", Some(&input)).unwrap();
        writer.write(&below, b"output", None).unwrap();
        assert_eq!(fs::read(&output).unwrap(), b"output");
        assert!(writer.write(&output, b"again", None).unwrap_err().to_string().contains("for another input already"));
        writer.write(&output, b"output", Some(&input)).unwrap();
        assert!(writer.write(&output, b"again", Some(&input)).unwrap_err().to_string().contains("for another target already"));
        assert!(writer.write(&input, b"output", None).unwrap_err().to_string().contains("is an input"));
        assert!(writer.write(directory.path(), b"output", None).unwrap_err().to_string().contains("is a directory"));
        assert_eq!(fs::read(&input).unwrap(), b"input");
        assert_eq!(fs::read(&output).unwrap(), b"output");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3, "a temporary file was left behind");
    }

    #[test]
    fn an_input_is_replaced_only_by_a_new_name() {
        let directory = tempfile::tempdir().unwrap();
        let [old, taken, free] = ["old.whl", "taken.whl", "free.whl"].map(|name| directory.path().join(name));
        fs::write(&old, "old").unwrap();
        fs::write(&taken, "taken").unwrap();
        let mut writer = Writer::default();
        writer.replace(&old, &old, b"old", b"changed").unwrap();
        assert_eq!(fs::read(&old).unwrap(), b"changed");
        assert!(writer.replace(&old, &taken, b"changed", b"new").unwrap_err().to_string().contains("there is such a file already"));
        assert_eq!(fs::read(&taken).unwrap(), b"taken");
        writer.replace(&old, &free, b"changed", b"new").unwrap();
        assert_eq!(fs::read(&free).unwrap(), b"new");
        assert!(!old.exists());
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_links_are_kept() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let directory = tempfile::tempdir().unwrap();
        let [input, link, output] = ["in.so", "link.so", "out.so"].map(|name| directory.path().join(name));
        fs::write(&input, "input").unwrap();
        fs::set_permissions(&input, fs::Permissions::from_mode(0o500)).unwrap();
        symlink(&input, &link).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        Writer::default().write(&output, b"output", Some(&input)).unwrap();
        assert_eq!(mode(&output), 0o700);
        assert!(Writer::protecting([input.as_path()], false).check(&link).is_err());
        Writer::default().replace(&link, &link, b"input", b"changed").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!((fs::read(&input).unwrap(), mode(&input)), (b"changed".to_vec(), 0o500));
    }

    #[test]
    fn a_file_that_changed_since_it_was_read_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let [old, new] = ["old.whl", "new.whl"].map(|name| directory.path().join(name));
        fs::write(&old, "built anew").unwrap();
        for path in [&old, &new] {
            let error = Writer::default().replace(&old, path, b"old", b"changed").unwrap_err();
            assert!(error.to_string().contains("has changed since it was read"), "{error}");
        }
        assert_eq!(fs::read(&old).unwrap(), b"built anew");
        assert!(!new.exists());
    }

    #[cfg(unix)]
    #[test]
    fn rights_of_the_old_owner_are_not_lent() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let [input, output] = ["in.so", "out.so"].map(|name| directory.path().join(name));
        fs::write(&input, "input").unwrap();
        let lends = || fs::set_permissions(&input, fs::Permissions::from_mode(0o6755)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        lends();
        Writer::default().write(&output, b"output", Some(&input)).unwrap();
        assert_eq!(mode(&output) & 0o7000, 0);
        lends();
        Writer::default().replace(&input, &input, b"input", b"changed").unwrap();
        assert_eq!(mode(&input), 0o755);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_nothing_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("out.so");
        std::os::unix::fs::symlink("nothing.so", &link).unwrap();
        let error = Writer::default().write(&link, b"output", None).unwrap_err();
        assert!(error.to_string().contains("is a link to nothing"), "{error}");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink() && !directory.path().join("nothing.so").exists());
    }
}
