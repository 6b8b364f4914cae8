//! What only a whole distribution shows: libraries that are there twice, that nobody needs, or that a package needs and does not depend on,
//! and modules that not every browser compiles when they are imported.
//!
//! A library is a module that Python does not import: of an archive of libraries, or in a `*.libs` directory of a wheel. What is anywhere
//! else in a wheel may be opened by its path.

use super::gather::Set;
use super::libraries::Linked;
use super::{Finding, Subject};
use crate::codes::Severity;
use crate::codes::libraries::{DUPLICATE_LIBRARY, TOO_LARGE_TO_PRELOAD, UNDECLARED_DEPENDENCY, UNNEEDED_LIBRARY};
use crate::exports::is_private;
use crate::loader::{LIBRARY_DIRECTORY, base_name, directory};
use std::collections::{HashMap, HashSet};
use wasm_pyfix_passes::linking::python::is_entry;

/// Bytes of the largest module that Chrome compiles on the main thread while JavaScript waits.
const LARGEST: usize = 8 << 20;

/// Checks the modules `subjects` of a whole distribution, each of which is linked as `linked` says. Each finding comes with the number of its
/// input.
pub fn check(subjects: &[(usize, Subject<'_>)], linked: &[Linked], set: &Set) -> Vec<(usize, Finding)> {
    let mut findings = Vec::new();
    for ((_, subject), module) in subjects.iter().zip(linked).filter(|((_, subject), _)| subject.bytes.len() > LARGEST) {
        let message =
            format!("has {} bytes, more than the {LARGEST} that Chrome compiles at once on the main thread", subject.bytes.len());
        findings.push((module.input, Finding::new(&TOO_LARGE_TO_PRELOAD, &subject.place, message)));
    }
    let is_library = |number: &usize| {
        let module = &linked[*number];
        let place = module.installed.as_deref().is_some_and(|path| directory(path) == LIBRARY_DIRECTORY || is_private(path));
        place && !subjects[*number].1.module.exports().iter().any(|export| is_entry(&export.name))
    };
    let libraries: Vec<usize> = (0..linked.len()).filter(is_library).collect();
    findings.extend(duplicates(&libraries, subjects, linked, set));
    let needed: HashSet<&str> = linked.iter().flat_map(|module| &module.needed).map(|name| base_name(name)).collect();
    for module in libraries.iter().map(|number| &linked[*number]).filter(|module| !needed.contains(module.name.as_str())) {
        let finding = Finding::new(&UNNEEDED_LIBRARY, &module.place, "is a library that no module at hand needs");
        findings.push((module.input, finding.about(&module.name)));
    }
    findings.extend(undeclared(&libraries, linked, set));
    findings
}

/// Libraries that another input has, too, under the same name or with the same contents.
fn duplicates(libraries: &[usize], subjects: &[(usize, Subject<'_>)], linked: &[Linked], set: &Set) -> Vec<(usize, Finding)> {
    let (mut named, mut same): (HashMap<&str, usize>, HashMap<&[u8], usize>) = Default::default();
    let mut findings = Vec::new();
    for &number in libraries {
        let (module, bytes) = (&linked[number], subjects[number].1.bytes);
        let first = *named.entry(&module.name).or_insert(number);
        let alike = *same.entry(bytes).or_insert(number);
        let is_other = |other: usize| linked[other].input != module.input;
        let place = |other: usize| {
            let path = linked[other].place.path.as_deref().unwrap_or_default();
            format!("`{path}` of `{}`", set.gathered[linked[other].input].file_name)
        };
        let (message, severity) = if is_other(alike) {
            (format!("is {} once more", place(alike)), Severity::Note)
        } else if is_other(first) {
            (format!("has the name of {}, and other contents", place(first)), Severity::Warning)
        } else {
            continue;
        };
        let mut finding = Finding::new(&DUPLICATE_LIBRARY, &module.place, message).about(&module.name);
        finding.severity = severity;
        findings.push((module.input, finding));
    }
    findings
}

/// Libraries of other packages that a package needs, and does not depend on.
fn undeclared(libraries: &[usize], linked: &[Linked], set: &Set) -> Vec<(usize, Finding)> {
    let package = |input: usize| set.gathered[input].package.as_deref();
    let mut providers: HashMap<&str, Vec<&str>> = HashMap::new();
    for module in libraries.iter().map(|number| &linked[*number]) {
        let offered = module.installed.as_deref().is_some_and(|path| directory(path) == LIBRARY_DIRECTORY);
        if let Some(package) = package(module.input).filter(|_| offered) {
            providers.entry(&module.name).or_default().push(package);
        }
    }
    let own: HashSet<(usize, &str)> = linked.iter().map(|module| (module.input, module.name.as_str())).collect();
    let mut findings = Vec::new();
    let mut reached: HashMap<&str, HashSet<&str>> = HashMap::new();
    for module in linked {
        let Some(name) = package(module.input) else { continue };
        for needed in &module.needed {
            let Some(of) = providers.get(base_name(needed)).filter(|_| !own.contains(&(module.input, base_name(needed)))) else {
                continue;
            };
            let depends = reached.entry(name).or_insert_with(|| all_dependencies(name, set));
            if !of.iter().any(|package| depends.contains(package)) {
                let message = format!("needs `{needed}` of the package `{}`, on which `{name}` does not depend", of[0]);
                let says = format!("Error: Failed to find dynamic library \"{needed}\"");
                let finding = Finding::new(&UNDECLARED_DEPENDENCY, &module.place, message).about(needed).preventing(says);
                findings.push((module.input, finding));
            }
        }
    }
    findings
}

/// The packages that are loaded with the one called `name`.
fn all_dependencies<'s>(name: &str, set: &'s Set) -> HashSet<&'s str> {
    let mut found = HashSet::new();
    let mut queue: Vec<&str> = set.depends.get(name).into_iter().flatten().map(String::as_str).collect();
    while let Some(next) = queue.pop() {
        if found.insert(next) {
            queue.extend(set.depends.get(next).into_iter().flatten().map(String::as_str));
        }
    }
    found
}
