//! An input of `check`, with what other checks need to know of it.

use super::Finding;
use crate::abi3::MovedFrom;
use crate::input::Kind;
use crate::target::Target;
use std::borrow::Cow;
use std::collections::HashSet;

/// An input that has been read.
#[derive(Debug, Default)]
pub struct Input<'b> {
    /// `None` when it was not recognised.
    pub kind: Option<Kind>,
    pub files: Vec<File<'b>>,
    /// What is wrong apart from its modules.
    pub findings: Vec<Finding>,
    /// The platform that it was built for, by its tags.
    pub source: Option<&'static Target>,
    /// All platforms that its name says it was built for.
    pub sources: Vec<&'static Target>,
    /// The version of Python in the tag of an `abi3` wheel.
    pub baseline: Option<(u32, u32)>,
    /// Whether its tags name the stable ABI alone.
    pub stable_abi: bool,
    /// What Python a wheel was built for, if that is another one than the target's.
    pub moved_from: Option<MovedFrom>,
    /// Paths of the files of an archive.
    pub modules: HashSet<String>,
    /// Names of all entries of an archive.
    pub names: HashSet<String>,
    /// Where its modules are installed; `None` for a module.
    pub root: Option<String>,
    /// What a wheel is called.
    pub distribution: Option<String>,
}

impl Input<'_> {
    /// Whether it is an archive with a module at `path`.
    pub fn has_module(&self, path: &str) -> bool {
        self.modules.contains(path)
    }
}

/// A file that is to be a side module.
#[derive(Debug)]
pub struct File<'b> {
    /// `None` when it is the input.
    pub path: Option<String>,
    pub bytes: Cow<'b, [u8]>,
    /// Whether it is known to be a valid module: the engine has just written it.
    pub valid: bool,
}
