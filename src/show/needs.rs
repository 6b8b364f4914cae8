//! Which modules of an archive need which: NEEDED resolved as the loader does it.
//!
//! [`crate::loader`] tells how that is. What it does not find and the archive has nevertheless, only loaders up to Pyodide 0.27 find, which
//! search the archive's directories.

use super::{Found, Need};
use crate::loader::{self, Effort, LIBRARY_DIRECTORY, Located, along, base_name, directory, first_in, places};
use crate::target::Target;
use std::collections::HashMap;

/// What the module at `path` needs, and where it looks.
pub struct Needing<'m> {
    pub path: &'m str,
    pub needed: Vec<&'m str>,
    pub runtime_path: &'m [String],
}

/// Modules of one file name.
struct Named<'m> {
    /// The first of them.
    first: usize,
    by_directory: Located<'m>,
}

/// What each of `modules`, all of an archive, needs.
pub fn resolve(modules: &[Needing<'_>]) -> Vec<Vec<Need>> {
    let mut named: HashMap<&str, Named<'_>> = HashMap::new();
    for (index, module) in modules.iter().enumerate() {
        let entry = named.entry(base_name(module.path)).or_insert_with(|| Named { first: index, by_directory: Located::new() });
        entry.by_directory.entry(directory(module.path)).or_insert(index);
    }
    let size = modules.iter().map(|module| 1 + module.needed.len() + module.runtime_path.len()).sum();
    let effort = Effort::new(size, roots().count());
    let resolved = modules.iter().map(|module| {
        // The top comes first, as the loader's own path does.
        let along = along(module.runtime_path, directory(module.path), roots());
        let places = places(std::iter::once("").chain(along.iter().map(String::as_str)));
        let need = |name: &&str| {
            let (module, found) = match named.get(name) {
                None => (None, Found::Elsewhere),
                Some(named) => match first_in(&places, &named.by_directory, &effort) {
                    loader::Found::At((0, module)) => (Some(module), Found::Top),
                    loader::Found::At((_, module)) => (Some(module), Found::RuntimePath),
                    loader::Found::Nowhere | loader::Found::TooMuch => (Some(named.first), Found::Unreached),
                },
            };
            Need { name: name.to_string(), path: module.map(|module| modules[module].path.to_string()), found }
        };
        module.needed.iter().map(need).collect()
    });
    resolved.collect()
}

/// The directories into which the runtimes unpack: an absolute entry of RUNTIME_PATH begins with one of them.
fn roots() -> impl Iterator<Item = &'static str> + Clone {
    let targets = Target::all().iter().filter(|target| target.has_wheels());
    targets.map(|target| target.site_packages).chain([LIBRARY_DIRECTORY])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, needed: &str, runtime_path: &[&str], modules: &[&'static str]) -> (Option<String>, Found) {
        let runtime_path: Vec<String> = runtime_path.iter().map(ToString::to_string).collect();
        let needing = |module: &&'static str| {
            let is_own = *module == path;
            let (needed, runtime_path) = if is_own { (vec![needed], &runtime_path[..]) } else { (Vec::new(), &[][..]) };
            Needing { path: module, needed, runtime_path }
        };
        let modules: Vec<Needing<'_>> = modules.iter().map(needing).collect();
        let need = resolve(&modules).into_iter().flatten().next().unwrap();
        (need.path, need.found)
    }

    #[test]
    fn libraries_are_found_as_the_loader_finds_them() {
        let modules = ["p/m.so", "p.libs/a.so", "q/a.so"];
        let libs = Some("p.libs/a.so".to_string());
        assert_eq!(found("p/m.so", "a.so", &["$ORIGIN/../p.libs"], &modules), (libs.clone(), Found::RuntimePath));
        assert_eq!(
            found("p/m.so", "a.so", &["/lib/python3.14/site-packages/p.libs"], &modules),
            (libs.clone(), Found::RuntimePath)
        );
        assert_eq!(found("p/m.so", "a.so", &["$ORIGIN", "/elsewhere"], &modules), (libs, Found::Unreached));
        assert_eq!(found("p/m.so", "z.so", &["$ORIGIN"], &modules), (None, Found::Elsewhere));
        let top = ["p/m.so", "p/a.so", "a.so"];
        assert_eq!(found("p/m.so", "a.so", &["$ORIGIN"], &top), (Some("a.so".to_string()), Found::Top));
    }
}
