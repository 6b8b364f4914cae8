//! The lock file of a run: it is told of every wheel and archive that is done, and in the end it becomes one for the target and is written.

use crate::codes::noted::NOT_IN_LOCK;
use crate::codes::upgrading::LOCK_FILE;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::output::Writer;
use crate::plain::{first_names, plural};
use crate::report::NoticeReport;
use crate::target::Target;
use crate::wheel::{self, NewFile};

/// The lock file, with what became of it so far.
pub struct Lock {
    path: PathBuf,
    /// What was read.
    input: String,
    /// Whether files are told apart by their paths, as those of a lock file that is an input, and not by their names alone.
    by_path: bool,
    /// The files that it lists.
    listed: HashSet<String>,
    /// What comes in the place of these, where they are done.
    done: HashMap<String, NewFile>,
    /// Names of packages that are left out.
    left_out: HashSet<String>,
    /// Where the copy goes; `None` in a dry run without `-o`.
    output: Option<PathBuf>,
}

/// The lock file with one more file done.
pub struct Entry {
    /// The file, as each of its packages spells it.
    old: Vec<String>,
    new: NewFile,
}

/// So many packages are named.
const SHOWN: usize = 10;

/// What came of the lock file.
#[derive(Default)]
pub struct Copy {
    /// Where it was written, if anywhere.
    pub path: Option<PathBuf>,
    /// Names of the packages that do not fit the target.
    pub unfit: Vec<String>,
}

impl Lock {
    /// Reads the lock file at `path`, the copy of which goes to `output`. With `by_path` files are told apart by all that it says of them.
    pub fn read(path: &Path, output: Option<PathBuf>, by_path: bool) -> Result<Self> {
        let input =
            std::fs::read_to_string(path).with_context(|| LOCK_FILE.fails(format!("{}: cannot read it", path.display())))?;
        let listed = wheel::files(&input, by_path).with_context(|| LOCK_FILE.fails(path.display().to_string()))?;
        Ok(Lock { path: path.to_path_buf(), input, by_path, listed, done: HashMap::new(), left_out: HashSet::new(), output })
    }

    /// The lock file in which the file that is called `old` is `new_name` with this hash. One that is not `changed` need not be listed, and
    /// gets a notice then.
    pub fn entry(
        &self,
        old: Vec<String>,
        new_name: &str,
        sha256: &str,
        changed: bool,
        notices: &mut Vec<NoticeReport>,
    ) -> Result<Option<Entry>> {
        let path = self.path.display();
        if old.iter().any(|old| self.listed.contains(old)) {
            let new = NewFile { name: new_name.to_string(), sha256: sha256.to_string() };
            return Ok(Some(Entry { old, new }));
        }
        if changed {
            let old = old.join("`, `");
            bail!(LOCK_FILE.fails(format!("{path}: no package of the lock file has the file `{old}`")));
        }
        notices.push(NoticeReport::from(NOT_IN_LOCK.warns(format!("{path} lists no package with this file"))));
        Ok(None)
    }

    /// Leaves out the packages called `names`.
    pub fn leave_out(&mut self, names: HashSet<String>) {
        self.left_out = names;
    }

    /// Takes over an entry whose file has been written.
    pub fn take(&mut self, Entry { old, new }: Entry) {
        self.done.extend(old.into_iter().map(|old| (old, new.clone())));
    }

    /// Writes the copy for `target`, if a wheel or archive is in it.
    pub fn write(self, target: &Target, in_place: bool, writer: &mut Writer) -> Result<Copy> {
        if self.done.is_empty() {
            return Ok(Copy::default());
        }
        let made = || {
            let text = wheel::without(&wheel::rewrite_lock(&self.input, &self.done, self.by_path)?, &self.left_out)?;
            wheel::retarget_lock(&text, target, &self.done.values().map(|new| new.name.clone()).collect())
        };
        let (text, unfit) = made().with_context(|| LOCK_FILE.fails(self.path.display().to_string()))?;
        if let Some(output) = &self.output {
            if self.path != *output || !in_place {
                writer.write(output, text.as_bytes(), Some(&self.path))?;
            } else if text != self.input {
                writer.replace(&self.path, output, self.input.as_bytes(), text.as_bytes())?;
            }
        }
        Ok(Copy { path: self.output, unfit })
    }
}

/// The packages that were left out of a lock file: the first of them, or all.
pub fn dropped_notice(dropped: &[String], target: &Target, all: bool) -> Option<String> {
    let names = first_names(dropped.iter(), if all { dropped.len() } else { SHOWN });
    let count = dropped.len();
    let what = plural(count, "package");
    (count > 0).then(|| format!("{count} {what} left out of the lock file, for want of a file that fits {}: {names}", target.name))
}

/// The packages of a lock file that are for something else than `target`: the first of them, or all.
pub fn unfit_notice(unfit: &[String], target: &Target, all: bool) -> Option<String> {
    let names = first_names(unfit.iter(), if all { unfit.len() } else { SHOWN });
    let count = unfit.len();
    let packages = if count == 1 { "package of the lock file does" } else { "packages of the lock file do" };
    (count > 0).then(|| format!("{count} {packages} not fit {} yet: {names}", target.name))
}
