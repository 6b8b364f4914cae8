//! Names that several modules define, each for itself, and that somebody takes from the loader.
//!
//! The global offset table is one for the process, and keyed by name: the first module that defines a name fills its entry, and everybody
//! who takes the address of that name gets this one, modules with a definition of their own included (`updateGOT`). Calls are looked up in
//! the runtime and in libraries that were loaded for all, then in the libraries that the module needs, of which the last one
//! wins (`localScope`). Neither is what static linking would have given.
//!
//! **Not told**: functions that have no state of their own and do the same in all modules, as copies of one library ([`Doings`]). Names
//! that the runtime offers, since they mean the runtime's everywhere ([`super::own`]). Names that are to be shared by
//! their language: all that Rust makes, C++ functions that are inline by their names, and all data with a C++ name, for inline variables and
//! typeinfo cannot be told from others. Other C++ functions may be inline as well, and weak functions are there to be overridden. Linkers
//! import a weak function that a module defines and calls, so those are left that some module imports beside defining it, and those with a
//! C++ name that not every module calls directly. Modules that cannot be in one process: a file given twice, versions of one wheel or of
//! one file, modules for another Python. A module and one that it needs, or refers to by other names: linkers have put these together, and
//! one of two definitions wins wherever there are shared libraries.
//!
//! **Relies on** `GOTHandler`, `updateGOT`, `resolveSymbol` and `loadDynamicLibrary` of Emscripten's `libdylink.js`, 3.1.58 to 5.0.3, and on
//! lld 13 to 21 calling strong functions of a module directly, unless it was told `-Bsymbolic`.

use super::libraries::Linked;
use super::{Context, Finding, Subject};
use crate::codes::own::SYMBOL_CLASH;
use crate::codes::{Severity, Upgrade};
use crate::loader::base_name;
use crate::name::normalized;
use crate::plain::first_names;
use crate::wheel::contents;
use std::collections::{BTreeMap, HashMap, HashSet};
use wasm_pyfix_passes::Result;
use wasm_pyfix_passes::linking::looked_up::is_looked_up;
use wasm_pyfix_passes::linking::mangling;
use wasm_pyfix_passes::linking::own::called;
use wasm_pyfix_passes::linking::sameness::Doings;
use wasm_pyfix_passes::module::{FunctionId, Item, Module};

/// What names begin with that compilers, the standard library of Rust and Cython give to parts of every module.
const OF_LANGUAGES: [&str; 8] =
    ["__pyx_CommonTypes", "__dso_handle", "__rust_", "__rdl_", "__rg_", "rust_eh_", "rust_begin_unwind", "rust_panic"];

/// Of so many modules that define a name those are looked for which may be loaded together.
const COMPARED: usize = 64;

/// So many modules are looked at for who needs whom.
const FOLLOWED: usize = 1000;

/// So many modules are named.
const NAMED: usize = 2;

/// What a module does with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Call,
    Address,
}

/// Checks all modules; `linked` tells of each how it is linked. Each finding comes with the number of its input.
///
/// # Errors
/// For code that cannot be decoded although it has been validated.
pub fn check(subjects: &[(usize, Subject<'_>)], linked: &[Linked], context: &Context<'_>) -> Result<Vec<(usize, Finding)>> {
    if subjects.len() < 2 {
        return Ok(Vec::new());
    }
    let group = Group::new(subjects, linked, context);
    let defined = defined(subjects, &group, context)?;
    let mut findings = Vec::new();
    for (number, (input, subject)) in subjects.iter().enumerate().filter(|(number, _)| group.loaded[*number]) {
        let mut reader = None;
        for (name, used) in uses(&subject.module) {
            let Some(definers) = defined.get(name) else { continue };
            let reader = reader.get_or_insert_with(|| group.reader(number));
            let Some(message) = reader.clash(name, used, definers) else { continue };
            let mut finding = Finding::new(&SYMBOL_CLASH, &subject.place, message).about(name);
            // Nobody knows here whether both are loaded, and whether it matters which of them is meant.
            (finding.severity, finding.upgrade) = (Severity::Warning, Upgrade::Leaves);
            findings.push((*input, finding));
        }
    }
    // What differs in the symbol alone is told in one sentence, if it comes together.
    findings.sort_by_cached_key(|(input, finding)| {
        let symbol = format!("`{}`", finding.symbol.as_deref().unwrap_or_default());
        (*input, finding.path.clone(), finding.message.replace(&symbol, ""))
    });
    Ok(findings)
}

/// What a module takes from the loader by name.
fn uses<'m>(module: &'m Module<'_>) -> impl Iterator<Item = (&'m str, Use)> {
    module.imports().iter().filter_map(|import| {
        let used = match (&*import.module, import.item) {
            ("env", Item::Function(_)) => Use::Call,
            ("GOT.func" | "GOT.mem", Item::Global(_)) => Use::Address,
            _ => return None,
        };
        Some((&*import.field, used))
    })
}

/// The first modules that define a name for themselves, of those names which several do and somebody uses.
fn defined<'s>(
    subjects: &'s [(usize, Subject<'_>)],
    group: &Group<'_>,
    context: &Context<'_>,
) -> Result<HashMap<&'s str, Vec<usize>>> {
    let modules =
        || subjects.iter().enumerate().filter(|(number, _)| group.loaded[*number]).map(|(number, (_, of))| (number, &of.module));
    let used: HashSet<&str> = modules().flat_map(|(_, module)| uses(module)).map(|(name, _)| name).collect();
    let is_of_all = |name: &str| {
        is_looked_up(name, true) || OF_LANGUAGES.iter().any(|of| name.starts_with(of)) || context.environment.may_define(name)
    };
    let mut definitions: HashMap<&str, Vec<(usize, Item)>> = HashMap::new();
    for (number, module) in modules() {
        let named = module.exports().iter().filter(|export| used.contains(&*export.name) && !is_of_all(&export.name));
        for export in named.filter(|export| is_defined(module, export.item)) {
            definitions.entry(&export.name).or_default().push((number, export.item));
        }
    }
    definitions.retain(|_, definers| definers.len() > 1);
    // Of each name that some module does not define for itself.
    let mut shared: HashSet<&str> = HashSet::new();
    let mut mangled: BTreeMap<usize, Vec<(&str, FunctionId)>> = BTreeMap::new();
    for (name, definers) in &definitions {
        let is_mangled = mangling::is_mangled(name);
        for (number, item) in definers.iter().take(COMPARED) {
            match item {
                Item::Function(id) if is_mangled && !mangling::is_vague(name) => {
                    mangled.entry(*number).or_default().push((name, *id))
                }
                Item::Function(_) | Item::Global(_) if !is_mangled => {}
                _ => drop(shared.insert(name)),
            }
        }
    }
    for (number, module) in modules() {
        let called_by_name = uses(module).filter(|(_, used)| *used == Use::Call).map(|(name, _)| name);
        let own: HashSet<&str> = module.exports().iter().map(|export| &*export.name).collect();
        shared.extend(called_by_name.filter(|name| own.contains(name)));
        if let Some(functions) = mangled.get(&number) {
            let called = called(module)?;
            shared.extend(functions.iter().filter(|(_, id)| !called.contains(id)).map(|(name, _)| *name));
        }
    }
    definitions.retain(|name, _| !shared.contains(name));
    let mut doings: HashMap<usize, Doings<'_>> = HashMap::new();
    let mut same: HashSet<&str> = HashSet::new();
    for (name, definers) in &definitions {
        if all_do_the_same(definers, subjects, &mut doings)? {
            same.insert(name);
        }
    }
    definitions.retain(|name, _| !same.contains(name));
    let numbers = |definers: Vec<(usize, Item)>| definers.into_iter().take(COMPARED).map(|(number, _)| number).collect();
    Ok(definitions.into_iter().map(|(name, definers)| (name, numbers(definers))).collect())
}

/// Whether it does not matter which of these functions is taken.
fn all_do_the_same<'s>(
    definers: &[(usize, Item)],
    subjects: &'s [(usize, Subject<'_>)],
    doings: &mut HashMap<usize, Doings<'s>>,
) -> Result<bool> {
    let mut first = None;
    for (number, item) in definers.iter().take(COMPARED) {
        let Item::Function(id) = item else { return Ok(false) };
        let doings = doings.entry(*number).or_insert_with(|| Doings::new(&subjects[*number].1.module));
        let Some(does) = doings.of(*id)? else { return Ok(false) };
        if *first.get_or_insert(does) != does {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a module defines what it exports.
fn is_defined(module: &Module<'_>, item: Item) -> bool {
    match item {
        Item::Function(id) => module.function(id).origin.defined().is_some(),
        Item::Global(id) => module.globals()[id.0 as usize].origin.defined().is_some(),
        _ => false,
    }
}

/// Which modules may be in one process, and who needs whom.
struct Group<'g> {
    linked: &'g [Linked],
    /// Whether a module is loaded at all.
    loaded: Vec<bool>,
    /// What cannot be there twice: the distribution of a module, or its file.
    kinds: Vec<String>,
    /// For each module the libraries that it needs, as far as they are at hand.
    needs: Vec<Vec<usize>>,
    /// For each module those that it was linked with: that it needs, or refers to.
    links: Vec<Vec<usize>>,
    /// For each module those that were linked with it.
    users: Vec<Vec<usize>>,
}

impl<'g> Group<'g> {
    fn new(subjects: &[(usize, Subject<'_>)], linked: &'g [Linked], context: &Context<'_>) -> Self {
        let python = context.target.python_tag();
        let is_loaded = |module: &Linked| module.installed.as_deref().is_none_or(|path| contents::is_opened(path, &python));
        let kind = |module: &Linked| match &module.libs {
            Some(libs) => normalized(libs),
            None => module.installed.clone().unwrap_or_else(|| module.name.clone()),
        };
        let mut named: HashMap<&str, Vec<usize>> = HashMap::new();
        for (number, module) in linked.iter().enumerate() {
            named.entry(&module.name).or_default().push(number);
        }
        let mut needs = vec![Vec::new(); linked.len()];
        for (number, module) in linked.iter().enumerate() {
            for needed in &module.needed {
                let Some(named) = named.get(base_name(needed)) else { continue };
                // Of several with one name that of the own input is meant. Of others, nobody knows which.
                let own = named.iter().find(|other| linked[**other].input == module.input);
                let Some(&library) = own.or_else(|| named.first()) else { continue };
                needs[number].push(library);
            }
        }
        let mut links = needs.clone();
        add_referenced(subjects, linked, &mut links);
        let mut users = vec![Vec::new(); linked.len()];
        for (number, libraries) in links.iter().enumerate() {
            libraries.iter().for_each(|library| users[*library].push(number));
        }
        let (loaded, kinds) = (linked.iter().map(is_loaded).collect(), linked.iter().map(kind).collect());
        Group { linked, loaded, kinds, needs, links, users }
    }

    fn reader(&self, number: usize) -> Reader<'_> {
        let [needed, linked, users] = [&self.needs, &self.links, &self.users].map(|next| reached(number, next));
        Reader { group: self, number, needed, linked: linked.union(&users).map(|module| self.file(*module)).collect() }
    }

    /// Where a module is installed, or else its name: where that is the same, it is another copy of a file.
    fn file(&self, number: usize) -> &str {
        let module = &self.linked[number];
        module.installed.as_ref().unwrap_or(&module.name)
    }

    /// Whether two modules may be in one process.
    fn are_together(&self, a: usize, b: usize) -> bool {
        let is_loose = |module: usize| self.linked[module].installed.is_none();
        let same_file = || (is_loose(a) || is_loose(b)) && self.linked[a].name == self.linked[b].name;
        a != b && (self.linked[a].input == self.linked[b].input || (self.kinds[a] != self.kinds[b] && !same_file()))
    }

    /// The modules that define a name, if two of them may be in one process.
    fn several(&self, modules: &[usize]) -> Option<String> {
        let first = *modules.first()?;
        let others = modules.iter().filter(|other| self.are_together(first, **other));
        let together: Vec<usize> = [first].into_iter().chain(others.copied()).collect();
        (together.len() > 1).then(|| self.list(&together))
    }

    fn list(&self, modules: &[usize]) -> String {
        let called = |module: &Linked| format!("`{}`", module.place.path.as_deref().unwrap_or(&module.name));
        first_names(modules.iter().map(|number| called(&self.linked[*number])), NAMED)
    }
}

/// Adds the modules that define what modules refer to, and do not define, to those that they are linked with: of the same input, or of other
/// modules that are inputs by themselves.
fn add_referenced(subjects: &[(usize, Subject<'_>)], linked: &[Linked], links: &mut [Vec<usize>]) {
    let place = |number: usize| linked[number].installed.as_ref().map(|_| linked[number].input);
    let mut offered: HashMap<(Option<usize>, &str), usize> = HashMap::new();
    for (number, (_, subject)) in subjects.iter().enumerate() {
        for export in subject.module.exports() {
            offered.entry((place(number), &export.name)).or_insert(number);
        }
    }
    for (number, (_, subject)) in subjects.iter().enumerate() {
        let own: HashSet<&str> = subject.module.exports().iter().map(|export| &*export.name).collect();
        let others = uses(&subject.module).filter(|(name, _)| !own.contains(name));
        let referenced: HashSet<usize> = others.filter_map(|(name, _)| offered.get(&(place(number), name)).copied()).collect();
        links[number].extend(referenced.into_iter().filter(|other| *other != number));
    }
}

/// What is reached from a node, not counting it unless it is reached again.
fn reached(from: usize, next: &[Vec<usize>]) -> HashSet<usize> {
    let (mut found, mut queue) = (HashSet::new(), vec![from]);
    while let Some(node) = queue.pop() {
        queue.extend(next[node].iter().copied().filter(|other| found.len() < FOLLOWED && found.insert(*other)));
    }
    found
}

/// A module that takes names from the loader.
struct Reader<'g> {
    group: &'g Group<'g>,
    number: usize,
    /// The modules that it needs, those included that these need in turn.
    needed: HashSet<usize>,
    /// The files of those that it was linked with, and that were linked with it.
    linked: HashSet<&'g str>,
}

impl Reader<'_> {
    /// What is wrong with the use of a name that several modules define.
    fn clash(&self, name: &str, used: Use, definers: &[usize]) -> Option<String> {
        let together: Vec<usize> = definers.iter().copied().filter(|other| self.group.are_together(self.number, *other)).collect();
        match used {
            Use::Call => self.call(name, &together),
            Use::Address if definers.contains(&self.number) => {
                let is_linked = |other: &usize| self.linked.contains(self.group.file(*other));
                let others: Vec<usize> = together.into_iter().filter(|other| !is_linked(other)).collect();
                let first = if others.len() > 1 { "one of these is loaded before" } else { "that is loaded before" };
                let others = (!others.is_empty()).then(|| self.group.list(&others))?;
                Some(format!("takes the address of its own `{name}` from the loader: of that in {others}, if {first}"))
            }
            Use::Address => {
                let others = self.group.several(&together)?;
                Some(format!("takes the address of `{name}` from the loader: of that in whichever of {others} is loaded first"))
            }
        }
    }

    /// What is wrong with a call of a name that it does not define.
    fn call(&self, name: &str, together: &[usize]) -> Option<String> {
        let (needed, others): (Vec<usize>, Vec<usize>) = together.iter().partition(|other| self.needed.contains(other));
        if needed.is_empty() {
            let others = self.group.several(&others)?;
            return Some(format!("calls `{name}` of whichever of {others} is loaded first for all modules"));
        }
        let needed = self.group.several(&needed)?;
        Some(format!("calls `{name}` of whichever of {needed} comes last in what it needs"))
    }
}
