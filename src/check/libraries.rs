//! Needed libraries: whether anything at hand provides them, whether the loader finds them, and whether it loads them once.
//!
//! The way of the loader is followed from every module that Python or `loadPackage` loads, which is by its absolute path.
//!
//! **Relies on** what [`crate::loader`] says of loaders.

use super::{Finding, Place};
use crate::codes::libraries::{LIBRARY_LOADED_TWICE, LIBRARY_NOT_FOUND, MISSING_LIBRARY, SHADOWED_LIBRARY};
use crate::loader::{Effort, Found, Installed, LIBRARY_DIRECTORY, LONGEST_PATH, Searched, base_name, directory};
use crate::target::{self, LibraryLookup, Target};
use std::collections::{BTreeSet, HashMap, HashSet};

/// A module, as far as its loading goes.
#[derive(Debug, Clone)]
pub struct Linked {
    /// Which input it is in.
    pub input: usize,
    pub place: Place,
    /// Its name without directory.
    pub name: String,
    /// Where it is installed, as an absolute path; `None` for a module that is an input by itself.
    pub installed: Option<String>,
    /// The directory of libraries that belongs to its wheel on 2024_0.
    pub libs: Option<String>,
    pub needed: Vec<String>,
    pub runtime_path: Vec<String>,
}

/// Checks how each module's needed libraries are found. The findings come with the number of the input.
pub fn check(modules: &[Linked], target: &Target) -> Vec<(usize, Finding)> {
    let loader = Loader::new(modules, target);
    let mut findings = Vec::new();
    for (index, module) in modules.iter().enumerate() {
        let searched = module.installed.as_deref().map(|path| loader.searched(module, path));
        for needed in &module.needed {
            findings.extend(loader.problem(index, needed, searched.as_ref()).map(|finding| (module.input, finding)));
        }
    }
    if let LibraryLookup::RuntimePath { .. } = target.library_lookup {
        findings.extend(shadowed(modules, target));
    }
    if let LibraryLookup::RuntimePath { normalised: false } = target.library_lookup {
        findings.extend(loader.loaded_twice());
    }
    findings
}

/// The libraries of wheels that are found elsewhere once a package of the distribution is there.
fn shadowed(modules: &[Linked], target: &Target) -> Vec<(usize, Finding)> {
    let needed: HashSet<(usize, &str)> =
        modules.iter().flat_map(|module| module.needed.iter().map(|name| (module.input, name.as_str()))).collect();
    let is_private = |module: &&Linked| {
        let elsewhere = module.installed.as_deref().is_some_and(|path| directory(path) != LIBRARY_DIRECTORY);
        elsewhere && needed.contains(&(module.input, module.name.as_str()))
    };
    let finding = |module: &Linked| {
        let package = target::libraries::package_of(target, &module.name)?;
        let message = format!("has the name of a library of `{package}` in the distribution of {}", target.name);
        Some((module.input, Finding::new(&SHADOWED_LIBRARY, &module.place, message).about(&module.name)))
    };
    modules.iter().filter(is_private).filter_map(finding).collect()
}

struct Loader<'l> {
    modules: &'l [Linked],
    target: &'l Target,
    installed: Installed<'l>,
    /// For each name without directory, the first module that has it.
    named: HashMap<&'l str, usize>,
    /// Names of modules that are inputs by themselves.
    loose: HashSet<&'l str>,
    effort: Effort,
}

impl<'l> Loader<'l> {
    fn new(modules: &'l [Linked], target: &'l Target) -> Self {
        let size = modules.iter().map(|module| 1 + module.needed.len() + module.runtime_path.len()).sum();
        // Each module is met once as it is, and at most twice on the way of the loader.
        let effort = Effort::new(size, 4);
        let (installed, named, loose) = (Installed::default(), HashMap::new(), HashSet::new());
        let mut loader = Loader { modules, target, installed, named, loose, effort };
        for (index, module) in modules.iter().enumerate() {
            loader.named.entry(&module.name).or_insert(index);
            match module.installed.as_deref() {
                Some(path) => loader.installed.add(path, index),
                None => drop(loader.loose.insert(&module.name)),
            }
        }
        loader
    }

    /// What is wrong with a library that a module needs.
    fn problem(&self, index: usize, needed: &str, searched: Option<&Searched>) -> Option<Finding> {
        let module = &self.modules[index];
        let says = match self.target.library_lookup {
            LibraryLookup::LibsDirectory => "Error: Didn't expect to load any more file_packager files!".to_string(),
            LibraryLookup::RuntimePath { .. } => format!("Error: Failed to find dynamic library \"{needed}\""),
        };
        let finding = |code, message| Finding::new(code, &module.place, message).about(needed).preventing(says);
        if !self.named.contains_key(base_name(needed)) {
            return Some(finding(&MISSING_LIBRARY, format!("needs `{needed}`, which nothing at hand provides")));
        }
        let searched = searched?;
        // A library that is an input by itself may be put anywhere.
        let loose = self.loose.contains(base_name(needed));
        if loose || self.is_loaded_before(index, needed) || self.finds(searched, needed) {
            return None;
        }
        let path = if module.runtime_path.is_empty() {
            "it has no RUNTIME_PATH".to_string()
        } else {
            format!("its RUNTIME_PATH is {}", module.runtime_path.join(":"))
        };
        let message = match self.target.library_lookup {
            LibraryLookup::LibsDirectory => format!("needs `{needed}`, which lies where the loader does not look"),
            LibraryLookup::RuntimePath { .. } => format!("needs `{needed}`, which lies elsewhere than the loader looks: {path}"),
        };
        Some(finding(&LIBRARY_NOT_FOUND, message))
    }

    /// Whether the loader of 2024_0 has a library of that name already: it loads the modules of a wheel in their order, and knows each
    /// by its name alone, too.
    fn is_loaded_before(&self, module: usize, needed: &str) -> bool {
        self.target.library_lookup == LibraryLookup::LibsDirectory && self.named.get(needed).is_some_and(|first| *first < module)
    }

    /// Where the loader looks for the libraries of `module`, itself found as `spelled`.
    fn searched(&self, module: &Linked, spelled: &str) -> Searched {
        let site_packages = self.target.site_packages.trim_end_matches('/');
        Searched::new(self.target, site_packages, spelled, &module.runtime_path, module.libs.as_deref())
    }

    /// Whether a library is found. Where that would take too much to tell, it is ambiguous, which is told elsewhere.
    fn finds(&self, searched: &Searched, needed: &str) -> bool {
        self.installed.find(searched, needed, &self.effort) != Found::Nowhere
    }

    /// The libraries that get loaded under two spellings of their path.
    fn loaded_twice(&self) -> Vec<(usize, Finding)> {
        let mut spellings: Vec<BTreeSet<String>> = vec![BTreeSet::new(); self.modules.len()];
        let mut queue: Vec<(usize, String)> =
            self.modules.iter().enumerate().filter_map(|(index, module)| Some((index, module.installed.clone()?))).collect();
        while let Some((index, spelled)) = queue.pop() {
            // Two are enough to tell, and modules that need each other never end.
            if spellings[index].len() == 2 || !spellings[index].insert(spelled.clone()) {
                continue;
            }
            let module = &self.modules[index];
            let searched = self.searched(module, &spelled);
            let found = module.needed.iter().filter_map(|needed| self.installed.find(&searched, needed, &self.effort).known());
            // What no runtime can open any more is not followed, for spellings get longer with every step.
            let found = found.filter(|(path, library)| path.len() < LONGEST_PATH && spellings[*library].len() < 2);
            queue.extend(found.map(|(path, library)| (library, path)));
        }
        let twice = self.modules.iter().zip(spellings).filter(|(_, spellings)| spellings.len() > 1);
        let finding = |(module, spellings): (&Linked, BTreeSet<String>)| {
            let spellings: Vec<String> = spellings.iter().map(|path| format!("`{path}`")).collect();
            let message = format!("is loaded twice: as {}", spellings.join(" and as "));
            (module.input, Finding::new(&LIBRARY_LOADED_TWICE, &module.place, message).about(&module.name))
        };
        twice.map(finding).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A library in a directory below each module, where the loader of 2024_0 looks.
    #[test]
    fn many_directories_take_no_time() {
        const COUNT: usize = 10_000;
        let module = |path: String, needed: &[&str]| Linked {
            input: 0,
            place: Place::default(),
            name: base_name(&path).to_string(),
            installed: Some(path),
            libs: None,
            needed: needed.iter().map(|name| name.to_string()).collect(),
            runtime_path: Vec::new(),
        };
        let needing = (0..COUNT).map(|number| module(format!("/p/d{number}/m{number}.so"), &["x.so", "../x.so"]));
        let libraries = (0..COUNT).map(|number| module(format!("/p/d{number}/sub/x.so"), &[]));
        let modules: Vec<Linked> = needing.chain(libraries).collect();
        let started = std::time::Instant::now();
        let found = check(&modules, Target::find("pyodide_2024_0").unwrap());
        assert!(started.elapsed().as_secs() < 10);
        assert_eq!(found.len(), COUNT);
        assert!(found.iter().all(|(_, finding)| finding.symbol.as_deref() == Some("../x.so")));
    }
}
