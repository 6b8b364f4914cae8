//! Which modules of an archive need which: NEEDED resolved as the loader does it.
//!
//! A name is looked up in the loader's own path, which the top of an installed wheel is part of, then along RUNTIME_PATH
//! ([`crate::wheel::runtime_path`] tells the details). What that does not find and the archive has nevertheless, only loaders up to
//! Pyodide 0.27 find, which search the archive's directories.

use super::{Found, Need};
use crate::target::Target;
use crate::wheel::runtime_path::{base_name, directory, inside};
use std::collections::HashMap;

/// Where Pyodide unpacks archives of shared libraries.
const LIBRARY_DIRECTORY: &str = "/usr/lib";

/// Paths within one archive by their names without directory, in their order.
pub type ByName<'a> = HashMap<&'a str, Vec<&'a str>>;

/// The paths `modules` by their names.
pub fn by_name<'a>(modules: &[&'a str]) -> ByName<'a> {
    let mut named = ByName::new();
    for module in modules {
        named.entry(base_name(module)).or_default().push(module);
    }
    named
}

/// What the module at `path` needs among `modules`.
pub fn resolve(path: &str, needed: &[String], runtime_path: &[String], modules: &ByName<'_>) -> Vec<Need> {
    needed.iter().map(|name| resolve_one(path, name, runtime_path, modules)).collect()
}

fn resolve_one(path: &str, name: &str, runtime_path: &[String], modules: &ByName<'_>) -> Need {
    let named = modules.get(name).map_or(&[][..], Vec::as_slice);
    let in_directory = |wanted: &str| named.iter().find(|module| directory(module) == wanted).map(ToString::to_string);
    let need = |path: Option<String>, found| Need { name: name.to_string(), path, found };
    if let Some(top) = in_directory("") {
        return need(Some(top), Found::Top);
    }
    let own = directory(path);
    let searched = runtime_path.iter().flat_map(|entry| roots().filter_map(move |root| inside(entry, own, root)));
    if let Some(found) = searched.into_iter().find_map(|wanted| in_directory(&wanted)) {
        return need(Some(found), Found::RuntimePath);
    }
    match named.first() {
        Some(module) => need(Some(module.to_string()), Found::Unreached),
        None => need(None, Found::Elsewhere),
    }
}

/// The directories into which the runtimes unpack: an absolute entry of RUNTIME_PATH begins with one of them.
fn roots() -> impl Iterator<Item = &'static str> {
    let targets = Target::all().iter().filter(|target| target.has_wheels());
    targets.map(|target| target.site_packages).chain([LIBRARY_DIRECTORY])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, needed: &str, runtime_path: &[&str], modules: &[&str]) -> (Option<String>, Found) {
        let runtime_path: Vec<String> = runtime_path.iter().map(ToString::to_string).collect();
        let need = resolve(path, &[needed.to_string()], &runtime_path, &by_name(modules)).remove(0);
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
