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
use crate::wheel::runtime_path::{base_name, directory};
use std::collections::{BTreeMap, BTreeSet, HashMap};

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

pub static CODES: [&Code; 3] = [&MISSING_LIBRARY, &LIBRARY_NOT_FOUND, &LIBRARY_LOADED_TWICE];

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
        for needed in &module.needed {
            findings.extend(loader.problem(index, needed).map(|finding| (module.input, finding)));
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
    installed: BTreeMap<&'l str, usize>,
    /// All modules, in their order, by their names without directory.
    named: HashMap<&'l str, Vec<usize>>,
}

impl<'l> Loader<'l> {
    fn new(modules: &'l [Linked], target: &'l Target) -> Self {
        let installed = modules.iter().enumerate().filter_map(|(index, module)| Some((module.installed.as_deref()?, index)));
        let mut named: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, module) in modules.iter().enumerate() {
            named.entry(&module.name).or_default().push(index);
        }
        Loader { modules, target, installed: installed.collect(), named }
    }

    /// The modules that are called so.
    fn named(&self, name: &str) -> &[usize] {
        self.named.get(name).map_or(&[], Vec::as_slice)
    }

    /// What is wrong with a library that a module needs.
    fn problem(&self, index: usize, needed: &str) -> Option<Finding> {
        let module = &self.modules[index];
        let providers = self.named(base_name(needed));
        let says = match self.target.library_lookup {
            LibraryLookup::LibsDirectory => "Error: Didn't expect to load any more file_packager files!".to_string(),
            LibraryLookup::RuntimePath { .. } => format!("Error: Failed to find dynamic library \"{needed}\""),
        };
        let finding = |code, message| Finding::new(code, &module.place, message).about(needed).preventing(says);
        if providers.is_empty() {
            return Some(finding(&MISSING_LIBRARY, format!("needs `{needed}`, which nothing at hand provides")));
        }
        let installed = module.installed.as_deref()?;
        // A library that is an input by itself may be put anywhere.
        let loose = providers.iter().any(|provider| self.modules[*provider].installed.is_none());
        if loose || self.is_loaded_before(index, needed) || self.find(module, installed, needed).is_some() {
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
        self.target.library_lookup == LibraryLookup::LibsDirectory
            && self.named(needed).first().is_some_and(|first| *first < module)
    }

    /// The path under which `module`, itself found as `spelled`, finds a library, and which module that is.
    fn find(&self, module: &Linked, spelled: &str, needed: &str) -> Option<(String, usize)> {
        let site_packages = self.target.site_packages.trim_end_matches('/');
        let own = directory(spelled);
        let looked: Vec<String> = match self.target.library_lookup {
            // It is taken as it is, and no package knows the current directory.
            _ if needed.contains('/') => return self.installed.get(needed).map(|index| (needed.to_string(), *index)),
            LibraryLookup::LibsDirectory => {
                let libs = module.libs.iter().map(|libs| format!("{site_packages}/{libs}"));
                let below = self.installed.keys().map(|path| directory(path)).filter(|path| path.starts_with(&format!("{own}/")));
                let fixed = [LIBRARY_DIRECTORY, site_packages, own].into_iter().chain(below).map(str::to_string);
                libs.chain(fixed).collect()
            }
            LibraryLookup::RuntimePath { .. } => {
                let listed = module.runtime_path.iter().map(|entry| match entry.strip_prefix("$ORIGIN") {
                    Some(rest) => format!("{own}{rest}"),
                    None => entry.clone(),
                });
                [LIBRARY_DIRECTORY, site_packages].map(str::to_string).into_iter().chain(listed).collect()
            }
        };
        looked.into_iter().find_map(|directory| {
            let path = format!("{directory}/{needed}");
            let index = self.installed.get(normalised(&path).as_str())?;
            Some((path, *index))
        })
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
            let found = module.needed.iter().filter_map(|needed| self.find(module, &spelled, needed));
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
