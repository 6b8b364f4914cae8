//! How loaders find the libraries that a module needs: the one model of it, for what wheels get, what `check` finds and what `show` tells.
//!
//! Pyodide 0.28, 0.29 and 314 (`loadWebAssemblyModule` and `findLibraryFS` in their `pyodide.asm` script, `_emscripten_find_dylib` of
//! Emscripten's libc; confirmed by loading wheels on 0.28.3, 0.29.5 and 314.0.7):
//! - a name with `/` is not searched for; others are looked up in `LD_LIBRARY_PATH` (`/usr/lib`, then site-packages), then in the
//!   RUNTIME_PATH of the module that needs them. `$ORIGIN` counts at the beginning of an entry only, and stands for the directory
//!   of that module as its own path was spelled;
//! - what is loaded already is known by the path string. 0.28 and 0.29 do not normalise it, so `pkg/../pkg.libs/x.so` and
//!   `pkg.libs/x.so` are two libraries with two states; 314 normalises.
//!
//! Pyodide 0.27 (`src/js/dynload.ts`, of 0.27.7) knows directories of its own and no RUNTIME_PATH: that of the distribution's libraries, the two
//! of `LD_LIBRARY_PATH`, that of the module, and all below it.
//!
//! Of two lists of directories, where modules of one name are and where one looks, the shorter one is gone through, so that many modules of
//! one name, or many directories, cost little. Whether lists have a member in common cannot be told in time that is linear in all of
//! them for every pair of them, so there is a bound ([`Effort`]) that only archives reach which are made for it.

pub mod complete;

use crate::target::{LibraryLookup, Target};
use std::borrow::Borrow;
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// Where Pyodide unpacks `.zip` archives of shared libraries (`DSO_DIR` in its `_package_loader.py`).
pub const LIBRARY_DIRECTORY: &str = "/usr/lib";

/// Bytes of a path that no runtime opens any more (`PATH_MAX` in `limits.h` of Emscripten's libc).
pub const LONGEST_PATH: usize = 4096;

/// Directories that are compared for each module, NEEDED entry or directory that there is.
const COMPARED: usize = 16;

/// How much may be looked through for one archive.
pub struct Effort {
    left: Cell<usize>,
}

impl Effort {
    /// For so many modules, needed names and directories of RUNTIME_PATH together, each of them gone through a few `times`.
    pub fn new(size: usize, times: usize) -> Self {
        Effort { left: Cell::new(size.saturating_mul(COMPARED).saturating_mul(times)) }
    }

    /// Takes so much away, or says that there is no more, and never will be.
    pub fn spend(&self, amount: usize) -> bool {
        let left = self.left.get().checked_sub(amount);
        self.left.set(left.unwrap_or(0));
        left.is_some()
    }
}

/// The modules of one file name by their directories.
pub type Located<'m> = BTreeMap<&'m str, usize>;

/// What a search led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<T> {
    /// Something is there.
    At(T),
    Nowhere,
    /// It would take too much to tell.
    TooMuch,
}

impl<T> Found<T> {
    /// What is there, if that is known.
    pub fn known(self) -> Option<T> {
        match self {
            Found::At(found) => Some(found),
            Found::Nowhere | Found::TooMuch => None,
        }
    }
}

/// The first of the places, which are those of directories in a list, that has one of the modules, and that module.
pub fn first_in<K: Borrow<str> + Eq + Hash>(
    places: &HashMap<K, usize>,
    located: &Located<'_>,
    effort: &Effort,
) -> Found<(usize, usize)> {
    let Some(both) = in_both(places, located, effort) else { return Found::TooMuch };
    both.into_iter().min().map_or(Found::Nowhere, Found::At)
}

/// All places that have one of the modules, in no order, each with that module; `None` if it would take too much to tell.
pub fn in_both<K: Borrow<str> + Eq + Hash>(
    places: &HashMap<K, usize>,
    located: &Located<'_>,
    effort: &Effort,
) -> Option<Vec<(usize, usize)>> {
    if !effort.spend(1 + places.len().min(located.len())) {
        return None;
    }
    Some(if places.len() < located.len() {
        let module = |(directory, place): (&K, &usize)| Some((*place, *located.get(directory.borrow())?));
        places.iter().filter_map(module).collect()
    } else {
        let place = |(directory, module): (&&str, &usize)| Some((*places.get(*directory)?, *module));
        located.iter().filter_map(place).collect()
    })
}

/// Directories where libraries are looked for.
pub struct Searched {
    /// As they are spelled, those of `LD_LIBRARY_PATH` first.
    directories: Vec<String>,
    /// The first place of each, by its path without `..`.
    places: HashMap<String, usize>,
    /// What the paths of all other directories begin with that are searched last.
    below: Option<String>,
}

impl Searched {
    /// Where the runtimes of `target` look for what a module needs that was itself found as `spelled`, an absolute path. On 2024_0 `libs` is the
    /// directory of libraries of its distribution.
    pub fn new(target: &Target, site_packages: &str, spelled: &str, runtime_path: &[String], libs: Option<&str>) -> Self {
        let own = directory(spelled);
        let fixed = [LIBRARY_DIRECTORY, site_packages].map(str::to_string).into_iter();
        match target.library_lookup {
            LibraryLookup::LibsDirectory => {
                let libs = libs.iter().map(|libs| format!("{site_packages}/{libs}"));
                Self::of(libs.chain(fixed).chain([own.to_string()]), Some(format!("{own}/")))
            }
            LibraryLookup::RuntimePath { .. } => {
                Self::of(fixed.chain(runtime_path.iter().map(|entry| of_origin(entry, own))), None)
            }
        }
    }

    fn of(directories: impl Iterator<Item = String>, below: Option<String>) -> Self {
        let directories: Vec<String> = directories.collect();
        let mut places = HashMap::new();
        for (place, directory) in directories.iter().enumerate() {
            places.entry(normalised(directory)).or_insert(place);
        }
        Searched { directories, places, below }
    }
}

/// The modules that are installed somewhere.
#[derive(Default)]
pub struct Installed<'m> {
    /// By their paths without `..`.
    by_path: HashMap<&'m str, usize>,
    by_name: HashMap<&'m str, Located<'m>>,
}

impl<'m> Installed<'m> {
    /// Adds the module that is installed at `path`.
    pub fn add(&mut self, path: &'m str, module: usize) {
        self.by_path.insert(path, module);
        self.by_name.entry(base_name(path)).or_default().insert(directory(path), module);
    }

    /// The path under which a module that looks there finds a library, and which module that is.
    pub fn find(&self, searched: &Searched, needed: &str, effort: &Effort) -> Found<(String, usize)> {
        // It is taken as it is, and no package knows the current directory.
        if needed.contains('/') {
            let module = self.by_path.get(needed);
            return module.map_or(Found::Nowhere, |module| Found::At((needed.to_string(), *module)));
        }
        let Some(located) = self.by_name.get(needed) else { return Found::Nowhere };
        let below = || {
            let below = searched.below.as_deref()?;
            let (directory, module) = located.range(below..).next().filter(|(directory, _)| directory.starts_with(below))?;
            Some((format!("{directory}/{needed}"), *module))
        };
        match first_in(&searched.places, located, effort) {
            Found::At((place, module)) => Found::At((format!("{}/{needed}", searched.directories[place]), module)),
            Found::Nowhere => below().map_or(Found::Nowhere, Found::At),
            Found::TooMuch => Found::TooMuch,
        }
    }
}

/// The directory that a RUNTIME_PATH entry of a module in `own` means, as loaders spell it.
fn of_origin(entry: &str, own: &str) -> String {
    match entry.strip_prefix("$ORIGIN") {
        Some(rest) => format!("{own}{rest}"),
        None => entry.to_string(),
    }
}

/// The directory within an archive that a RUNTIME_PATH entry of a module in `own` means, the archive being unpacked into `root`; `None` if it
/// leads elsewhere.
fn inside(entry: &str, own: &str, root: &str) -> Option<String> {
    let path = match entry.strip_prefix("$ORIGIN") {
        Some(rest) => format!("{own}/{rest}"),
        None => entry.strip_prefix(root).filter(|rest| rest.is_empty() || rest.starts_with('/'))?.to_string(),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The directories within an archive in which a module in `own` looks along its RUNTIME_PATH, if the archive is unpacked into one of `roots`.
pub fn along<'r>(runtime_path: &[String], own: &str, roots: impl Iterator<Item = &'r str> + Clone) -> Vec<String> {
    runtime_path.iter().flat_map(|entry| roots.clone().filter_map(move |root| inside(entry, own, root))).collect()
}

/// The first place of each directory in a list.
pub fn places<'p>(directories: impl Iterator<Item = &'p str>) -> HashMap<&'p str, usize> {
    let mut places = HashMap::new();
    for (place, directory) in directories.enumerate() {
        places.entry(directory).or_insert(place);
    }
    places
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

/// The directory part of a path; empty at the top of an archive.
pub fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// The last component of a path.
pub fn base_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}
