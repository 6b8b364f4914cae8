//! What `check` looks at: files as they are named, those in directories, the distributions in a tree, and the packages of a lock file.

use super::input::Input;
use super::{Finding, Place, wheel};
use crate::codes::libraries::UNKNOWN_PACKAGE;
use crate::codes::upgrading::LOCK_FILE;
use crate::distribution;
use crate::input::{Kind, Source};
use crate::inputs;
use crate::name::{WheelName, normalized, stem};
use crate::target::Target;
use crate::tree::distribution::distributions;
use crate::tree::{Tree, modules};
use crate::wheel::naming;
use anyhow::{Context, Result};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// One thing to look at.
pub struct Gathered {
    /// What it is called in the report.
    pub label: String,
    /// Its file name, which for a wheel has the tags.
    pub file_name: String,
    what: What,
    /// The entry of the lock file that it is of.
    pub package: Option<String>,
}

enum What {
    File(Source),
    /// A part of a directory.
    Bytes(Kind, Vec<u8>),
    /// No file: what is wrong with a lock file or a directory.
    Findings(Vec<Finding>),
}

/// All that is looked at.
#[derive(Default)]
pub struct Set {
    pub gathered: Vec<Gathered>,
    /// Whether it is a whole: from a directory or a lock file.
    pub whole: bool,
    /// Platforms that lock files are for.
    pub platforms: Vec<String>,
    /// For packages of lock files those that they depend on, by normalized names.
    pub depends: HashMap<String, Vec<String>>,
}

impl Gathered {
    /// Opens it, and checks all but its modules.
    pub fn open(&self, target: &Target) -> Input<'static> {
        match &self.what {
            What::File(source) => wheel::open(source, target),
            What::Bytes(kind, bytes) => wheel::open_bytes(*kind, &self.file_name, bytes.clone().into(), target),
            What::Findings(findings) => Input { findings: findings.clone(), ..Input::default() },
        }
    }

    /// The name of a wheel.
    pub fn wheel_name(&self) -> Option<WheelName> {
        let name = match &self.what {
            What::File(Source::File(path)) if stem(&self.file_name).is_none() => {
                let is_wheel = Source::File(path.clone()).is_wheel();
                naming::of_wheel(&self.file_name, &std::fs::read(path).ok().filter(|_| is_wheel)?).ok()?
            }
            _ => self.file_name.clone(),
        };
        WheelName::parse(&name).ok()
    }
}

/// Finds out what `paths` stand for. What cannot be read is told where it is.
///
/// # Errors
/// When a directory cannot be listed.
pub fn gather(paths: &[PathBuf]) -> Result<Set> {
    let mut set = Set::default();
    for path in paths {
        if distribution::is_lock(path) {
            set.lock(path)?;
            continue;
        }
        set.whole |= path.is_dir();
        for item in inputs::expand(std::slice::from_ref(path), None)? {
            match &item.source {
                Source::File(root) if item.tree => {
                    if let Err(error) = set.tree(root) {
                        set.failed(root, wheel::unreadable(&error));
                    }
                }
                _ => set.file(item.source, None),
            }
        }
    }
    Ok(set)
}

impl Set {
    fn file(&mut self, source: Source, package: Option<String>) {
        let (label, file_name) = (source.to_string(), source.file_name().unwrap_or_default());
        self.gathered.push(Gathered { label, file_name, what: What::File(source), package });
    }

    fn failed(&mut self, path: &Path, finding: Finding) {
        let what = What::Findings(vec![finding]);
        self.gathered.push(Gathered { label: path.display().to_string(), file_name: String::new(), what, package: None });
    }

    /// Each distribution in a tree, and the modules of nobody.
    fn tree(&mut self, root: &Path) -> Result<()> {
        let tree = Tree::read(root)?;
        let (found, loose) = distributions(&tree)?;
        let loose = modules(&tree, &loose)?;
        if found.is_empty() && loose.is_empty() {
            anyhow::bail!("there is no wheel, archive, side module or `.dist-info` directory in it");
        }
        let mut add = |name: &str, file_name: String, kind: Kind, bytes: Vec<u8>| {
            let label = root.join(name).display().to_string();
            self.gathered.push(Gathered { label, file_name, what: What::Bytes(kind, bytes), package: None });
        };
        for distribution in found {
            let (file_name, bytes) = distribution.pack(&tree).with_context(|| distribution.dist_info.clone())?;
            add(&distribution.dist_info, file_name, Kind::Wheel, bytes);
        }
        for name in &loose {
            let file_name = name.rsplit('/').next().unwrap_or(name).to_string();
            add(name, file_name, Kind::Module, tree.contents(name)?);
        }
        Ok(())
    }

    /// The packages of a lock file, and what is wrong with it.
    fn lock(&mut self, path: &Path) -> Result<()> {
        self.whole = true;
        let survey = distribution::survey(path)?;
        self.platforms.extend(survey.abi_version);
        let mut findings: Vec<Finding> = Vec::new();
        let place = Place::default();
        let broken =
            survey.broken.iter().map(|message| Finding::new(&LOCK_FILE, &place, format!("does not fit its files: {message}")));
        findings.extend(broken);
        for (name, missing) in &survey.unknown {
            let message = format!("has the package `{name}`, which depends on `{missing}`, and does not list that");
            let says = format!("Error: No known package with name '{missing}'");
            findings.push(Finding::new(&UNKNOWN_PACKAGE, &place, message).about(missing).preventing(says));
        }
        if !findings.is_empty() {
            let what = What::Findings(findings);
            self.gathered.push(Gathered { label: path.display().to_string(), file_name: String::new(), what, package: None });
        }
        for package in survey.packages {
            self.depends.insert(normalized(&package.name), package.depends.iter().map(|name| normalized(name)).collect());
            if distribution::is_upgraded(&package.file) {
                self.file(Source::File(package.file), Some(normalized(&package.name)));
            }
        }
        Ok(())
    }
}
