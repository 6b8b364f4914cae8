//! C++ exceptions that are thrown where nobody can catch them.
//!
//! Emscripten compiles without landing pads unless it is told otherwise. What such code throws passes all its frames, the `catch` that
//! the source has included, and ends the runtime. One module alone tells little, for its callers may catch; so the modules of a group
//! are looked at together: those of a wheel or an archive, or the modules on the command line, and with them the groups whose libraries
//! they need. A group that throws and has no landing pad at all was compiled that way.
//!
//! **Relies on** LLVM: a landing pad, be it of a `catch` or of a destructor, is a handler natively, and calls
//! `__cxa_find_matching_catch_*` where exceptions are JavaScript's. Handlers in a module with `__c_longjmp` and without
//! `__cpp_exception` are those of `setjmp`.

use super::libraries::Linked;
use super::{Finding, Subject};
use crate::codes::exceptions::NEVER_CAUGHT;
use crate::loader::base_name;
use crate::plain::first_names;
use std::collections::{BTreeMap, HashMap};
use wasm_pyfix_passes::Result;
use wasm_pyfix_passes::exceptions::{self, THROWING};
use wasm_pyfix_passes::module::{Item, Module};

/// Checks all groups of modules; `linked` tells of each how it is linked. Each finding comes with the number of its input.
pub fn check(subjects: &[(usize, Subject<'_>)], linked: &[Linked]) -> Result<Vec<(usize, Finding)>> {
    let mut findings = Vec::new();
    for members in groups(linked).into_values() {
        let throwing: Vec<usize> = members.iter().copied().filter(|&member| throws(&subjects[member].1.module)).collect();
        if throwing.is_empty() || any_catches(&members, subjects)? {
            continue;
        }
        let names: Vec<String> = throwing.iter().map(|&member| format!("`{}`", linked[member].name)).collect();
        let what = if members.len() > 1 { "no module that goes with it has a landing pad" } else { "has no landing pad" };
        for member in throwing {
            let message = format!(
                "throws C++ exceptions, and {what}: {} must be compiled anew, with catching enabled",
                first_names(names.iter(), 5)
            );
            findings.push((subjects[member].0, Finding::new(&NEVER_CAUGHT, &linked[member].place, message)));
        }
    }
    Ok(findings)
}

/// The modules that go together, under the number of an input of theirs.
fn groups(linked: &[Linked]) -> BTreeMap<usize, Vec<usize>> {
    let mut inputs = Union::default();
    let mut alone = None;
    let mut providers: HashMap<&str, Vec<usize>> = HashMap::new();
    for module in linked {
        if module.installed.is_none() {
            inputs.join(module.input, *alone.get_or_insert(module.input));
        }
        providers.entry(&module.name).or_default().push(module.input);
    }
    for module in linked {
        for needed in &module.needed {
            let Some(providers) = providers.get_mut(base_name(needed)) else { continue };
            // Once they are joined, one stands for all.
            providers.iter().for_each(|provider| inputs.join(module.input, *provider));
            providers.truncate(1);
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (number, module) in linked.iter().enumerate() {
        groups.entry(inputs.root(module.input)).or_default().push(number);
    }
    groups
}

/// Sets of numbers that grow together.
#[derive(Default)]
struct Union {
    parents: HashMap<usize, usize>,
}

impl Union {
    fn root(&mut self, mut number: usize) -> usize {
        while let Some(&parent) = self.parents.get(&number) {
            if let Some(&grandparent) = self.parents.get(&parent) {
                self.parents.insert(number, grandparent);
            }
            number = parent;
        }
        number
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if a != b {
            self.parents.insert(a.max(b), a.min(b));
        }
    }
}

fn throws(module: &Module<'_>) -> bool {
    let imports = module.imports().iter().filter(|import| matches!(import.item, Item::Function(_)));
    imports.into_iter().any(|import| THROWING.contains(&&*import.field))
}

/// Whether one of the `members` has a landing pad.
fn any_catches(members: &[usize], subjects: &[(usize, Subject<'_>)]) -> Result<bool> {
    for &member in members {
        if catches(&subjects[member].1.module)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn catches(module: &Module<'_>) -> Result<bool> {
    let imports = |name: &str| module.imports().iter().any(|import| import.field == name);
    if module.imports().iter().any(|import| import.field.starts_with("__cxa_find_matching_catch_")) {
        return Ok(true);
    }
    if imports("__c_longjmp") && !imports("__cpp_exception") {
        return Ok(false);
    }
    let handlers = exceptions::handlers(module)?;
    Ok(handlers.legacy || handlers.new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Place;

    fn module(input: usize, name: &str, needed: &[&str], installed: bool) -> Linked {
        Linked {
            input,
            place: Place::default(),
            name: name.to_string(),
            installed: installed.then(|| format!("/lib/{name}")),
            libs: None,
            needed: needed.iter().map(|name| name.to_string()).collect(),
            runtime_path: Vec::new(),
        }
    }

    #[test]
    fn inputs_go_together_where_one_needs_the_other() {
        let linked = [
            module(0, "a.so", &["libx.so"], true),
            module(0, "b.so", &[], true),
            module(1, "libx.so", &[], true),
            module(2, "libx.so", &[], true),
            module(3, "c.so", &["dir/liby.so", "libnone.so"], true),
            module(4, "d.so", &[], false),
            module(5, "liby.so", &[], true),
            module(6, "e.so", &[], false),
            module(7, "b.so", &[], true),
        ];
        let groups: Vec<Vec<usize>> = groups(&linked).into_values().collect();
        assert_eq!(groups, [vec![0, 1, 2, 3], vec![4, 6], vec![5, 7], vec![8]]);
    }
}
