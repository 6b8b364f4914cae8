//! Needed libraries: whether anything at hand provides them, whether the loader finds them, and whether it loads them once.
//!
//! The way of the loader is followed from every module that Python or `loadPackage` loads, which is by its absolute path.
//!
//! **Relies on** `findLibraryFS` and `loadDynamicLibrary` in the `pyodide.asm` script of Pyodide 0.28.3, 0.29.5 and 314.0.7 (the rules
//! are in [`crate::wheel::runtime_path`]), and on `src/js/dynload.ts` of Pyodide 0.27.7, which knows directories of its own and no
//! RUNTIME_PATH.

use super::codes::{Code, Severity, Upgrade};
use super::{Finding, Place};
use crate::target::{LibraryLookup, Target};
use crate::wheel::runtime_path::{LONGEST_PATH, Undecided, base_name, directory};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

pub static MISSING_LIBRARY: Code = Code {
    name: "missing-library",
    severity: Severity::Warning,
    summary: "nothing at hand provides a needed library",
    explanation: "The module names a library to load first, which is neither in the same wheel nor among the inputs. Unless another \
                  package installs it where the loader looks, the module does not load: `Error: Failed to find dynamic library \"…\"`, \
                  on 2024_0 `Error: Didn't expect to load any more file_packager files!`.",
    remedy: "give the library to `check`, too; `wasm-pyfix upgrade --libdir DIR` puts it into the wheel",
    upgrade: Upgrade::Leaves,
};

pub static LIBRARY_NOT_FOUND: Code = Code {
    name: "library-not-found",
    severity: Severity::Error,
    summary: "a needed library is there, and the loader does not look where it is",
    explanation: "The library is in the wheel, and neither in `/usr/lib` nor in site-packages itself nor in a directory of the \
                  RUNTIME_PATH of the module that needs it: `Error: Failed to find dynamic library \"…\"`. Pyodide 0.27 looked in \
                  `<distribution>.libs` by itself; later ones do not.",
    remedy: "link it with `-Wl,-rpath,$ORIGIN/…`",
    upgrade: Upgrade::Fixes,
};

pub static LIBRARY_LOADED_TWICE: Code = Code {
    name: "library-loaded-twice",
    severity: Severity::Warning,
    summary: "a library is found under two spellings of its path, and loaded twice",
    explanation: "The loader of 2025_0 knows a library by the path that it found it under, and does not resolve `..`: what it reaches \
                  as `pkg/../pkg.libs/libx.so` and as `pkg.libs/libx.so` has two states, which takes memory and time, and goes wrong \
                  where both are used. Later loaders resolve `..`.",
    remedy: "have the RUNTIME_PATH begin with the absolute directory of the library in site-packages",
    upgrade: Upgrade::Fixes,
};

pub static AMBIGUOUS_LIBRARY: Code = Code {
    name: "ambiguous-library",
    severity: Severity::Error,
    summary: "the archive has several libraries of a needed name, and nothing tells which is meant",
    explanation: "The libraries differ, and none of them lies where the RUNTIME_PATH of the module leads to, beside the module, or in the \
                  `.libs` directory of its package or of the distribution. On 2024_0 the first one that was loaded was taken.",
    remedy: "leave the others out of the archive, or name the directory of the right one with `wasm-pyfix upgrade --rpath`",
    upgrade: Upgrade::Refuses,
};

pub static CODES: [&Code; 4] = [&MISSING_LIBRARY, &AMBIGUOUS_LIBRARY, &LIBRARY_NOT_FOUND, &LIBRARY_LOADED_TWICE];

/// The finding about a library of which nobody can decide which one is meant.
pub fn ambiguous(undecided: &Undecided) -> Finding {
    let Undecided { path, needed, count } = undecided;
    let message = format!("needs `{needed}`, which the archive has {count} times with different contents");
    Finding::new(&AMBIGUOUS_LIBRARY, &Place { path: Some(path.clone()) }, message).about(needed)
}

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

/// Where archives of shared libraries are unpacked.
pub const LIBRARY_DIRECTORY: &str = "/usr/lib";

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
    if let LibraryLookup::RuntimePath { normalised: false } = target.library_lookup {
        findings.extend(loader.loaded_twice());
    }
    findings
}

struct Loader<'l> {
    modules: &'l [Linked],
    target: &'l Target,
    /// The installed modules by their paths without `..`.
    installed: HashMap<&'l str, usize>,
    /// The installed modules by their names without directory and then by their directories.
    located: HashMap<&'l str, BTreeMap<&'l str, usize>>,
    /// For each name without directory, the first module that has it.
    named: HashMap<&'l str, usize>,
    /// Names of modules that are inputs by themselves.
    loose: HashSet<&'l str>,
}

impl<'l> Loader<'l> {
    fn new(modules: &'l [Linked], target: &'l Target) -> Self {
        let (installed, located) = (HashMap::new(), HashMap::new());
        let mut loader = Loader { modules, target, installed, located, named: HashMap::new(), loose: HashSet::new() };
        for (index, module) in modules.iter().enumerate() {
            loader.named.entry(&module.name).or_insert(index);
            match module.installed.as_deref() {
                Some(path) => {
                    loader.installed.insert(path, index);
                    loader.located.entry(&module.name).or_default().insert(directory(path), index);
                }
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
        if loose || self.is_loaded_before(index, needed) || self.find(searched, needed).is_some() {
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
        let own = directory(spelled);
        let fixed = [LIBRARY_DIRECTORY, site_packages].map(str::to_string).into_iter();
        match self.target.library_lookup {
            LibraryLookup::LibsDirectory => {
                let libs = module.libs.iter().map(|libs| format!("{site_packages}/{libs}"));
                Searched::new(libs.chain(fixed).chain([own.to_string()]), Some(format!("{own}/")))
            }
            LibraryLookup::RuntimePath { .. } => {
                let listed = module.runtime_path.iter().map(|entry| match entry.strip_prefix("$ORIGIN") {
                    Some(rest) => format!("{own}{rest}"),
                    None => entry.clone(),
                });
                Searched::new(fixed.chain(listed), None)
            }
        }
    }

    /// The path under which a module that looks there finds a library, and which module that is.
    fn find(&self, searched: &Searched, needed: &str) -> Option<(String, usize)> {
        // It is taken as it is, and no package knows the current directory.
        if needed.contains('/') {
            return self.installed.get(needed).map(|index| (needed.to_string(), *index));
        }
        let located = self.located.get(needed)?;
        let found = |(place, index): (usize, usize)| (format!("{}/{needed}", searched.directories[place]), index);
        let below = || {
            let below = searched.below.as_deref()?;
            let (directory, index) = located.range(below..).next().filter(|(directory, _)| directory.starts_with(below))?;
            Some((format!("{directory}/{needed}"), *index))
        };
        searched.first(located).map(found).or_else(below)
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
            let found = module.needed.iter().filter_map(|needed| self.find(&searched, needed));
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

/// Directories where libraries are looked for.
struct Searched {
    /// As they are spelled.
    directories: Vec<String>,
    /// The first place of each, by its path without `..`.
    places: HashMap<String, usize>,
    /// What the paths of all other directories begin with that are searched last.
    below: Option<String>,
}

impl Searched {
    fn new(directories: impl Iterator<Item = String>, below: Option<String>) -> Self {
        let directories: Vec<String> = directories.collect();
        let mut places = HashMap::new();
        for (place, directory) in directories.iter().enumerate() {
            places.entry(normalised(directory)).or_insert(place);
        }
        Searched { directories, places, below }
    }

    /// The first place that has one of the modules, which come by their directories, and that module. Of the two lists the shorter one
    /// is gone through.
    fn first(&self, located: &BTreeMap<&str, usize>) -> Option<(usize, usize)> {
        if self.places.len() < located.len() {
            self.places.iter().filter_map(|(directory, place)| Some((*place, *located.get(directory.as_str())?))).min()
        } else {
            located.iter().filter_map(|(directory, index)| Some((*self.places.get(*directory)?, *index))).min()
        }
    }
}

/// An absolute path with `.` and `..` resolved.
fn normalised(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
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
