//! The lock file of a run (`--lock`): its text changes with every wheel and archive that is done, and in the end it becomes one for the
//! target and is written.

use crate::codes::noted::NOT_IN_LOCK;
use crate::codes::upgrading::LOCK_FILE;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::output::Writer;
use crate::plain::{first_names, plural};
use crate::report::NoticeReport;
use crate::target::Target;
use crate::wheel;

/// The lock file, with what became of it so far.
pub struct Lock {
    path: PathBuf,
    /// What was read.
    input: String,
    text: String,
    /// The files in it that are for the target, by their names.
    done: HashSet<String>,
    /// Where the copy goes; `None` in a dry run without `-o`.
    output: Option<PathBuf>,
}

/// The lock file with one more file done.
pub struct Entry {
    text: String,
    file_name: String,
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
    /// Reads the lock file at `path`, the copy of which goes to `output`.
    pub fn read(path: &Path, output: Option<PathBuf>) -> Result<Self> {
        let input =
            std::fs::read_to_string(path).with_context(|| LOCK_FILE.fails(format!("{}: cannot read it", path.display())))?;
        Ok(Lock { path: path.to_path_buf(), text: input.clone(), input, done: HashSet::new(), output })
    }

    /// The lock file in which the file `old_name` is `new_name` with this hash. One that is not `changed` need not be listed, and gets a
    /// notice then.
    pub fn entry(
        &self,
        old_name: &str,
        new_name: &str,
        sha256: &str,
        changed: bool,
        notices: &mut Vec<NoticeReport>,
    ) -> Result<Option<Entry>> {
        let context = || LOCK_FILE.fails(self.path.display().to_string());
        if !changed && !wheel::lists(&self.text, old_name).with_context(context)? {
            let notice = NOT_IN_LOCK.warns(format!("{} lists no package with this file", self.path.display()));
            notices.push(NoticeReport::from(notice));
            return Ok(None);
        }
        let text = wheel::rewrite_lock(&self.text, old_name, new_name, sha256).with_context(context)?;
        Ok(Some(Entry { text, file_name: new_name.to_string() }))
    }

    /// Leaves out the packages called `names`.
    pub fn leave_out(&mut self, names: &HashSet<String>) -> Result<()> {
        self.text = wheel::without(&self.text, names).with_context(|| LOCK_FILE.fails(self.path.display().to_string()))?;
        Ok(())
    }

    /// Takes over an entry whose file has been written.
    pub fn take(&mut self, entry: Entry) {
        self.text = entry.text;
        self.done.insert(entry.file_name);
    }

    /// Writes the copy for `target`, if a wheel or archive is in it.
    pub fn write(self, target: &Target, in_place: bool, writer: &mut Writer) -> Result<Copy> {
        if self.done.is_empty() {
            return Ok(Copy::default());
        }
        let (text, unfit) = wheel::retarget_lock(&self.text, target, &self.done)
            .with_context(|| LOCK_FILE.fails(self.path.display().to_string()))?;
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
