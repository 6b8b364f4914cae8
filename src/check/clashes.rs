//! Names that several modules define, each for itself, and that somebody takes from the loader.
//!
//! The global offset table is one for the process, and keyed by name: the first module that defines a name fills its entry, and everybody
//! who takes the address of that name gets this one, modules with a definition of their own included (`updateGOT`). Calls are looked up in
//! the runtime and in libraries that were loaded for all, then in the libraries that the module needs, of which the last one
//! wins (`localScope`). Neither is what static linking would have given.
//!
//! **Not told**: functions that have no state of their own and do the same in all modules, as copies of one library ([`Doings`]), where what
//! they call is not of one library in one module and of another in the other. Names that the runtime offers, since they mean the runtime's
//! everywhere ([`super::own`]). Names that are to be shared by their language: all that Rust makes, C++ functions that are inline by their names, and all data with a C++ name, for inline variables and
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
use crate::codes::Severity;
use crate::codes::own::SYMBOL_CLASH;
use crate::loader::base_name;
use crate::name::normalized;
use crate::plain::first_names;
use crate::wheel::contents;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
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

/// So many times it is followed from a module who needs whom, beginning with what it needs itself.
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
        let own = subject.module.exports().iter().filter(|export| is_defined(&subject.module, export.item));
        let own: HashSet<&str> = own.map(|export| &*export.name).collect();
        for (name, used) in uses(&subject.module) {
            let Some(definers) = defined.get(name) else { continue };
            let reader = reader.get_or_insert_with(|| group.reader(number));
            let Some(message) = reader.clash(name, used, own.contains(name), definers) else { continue };
            let mut finding = Finding::new(&SYMBOL_CLASH, &subject.place, message).about(name);
            // Nobody knows here whether both are loaded, and whether it matters which of them is meant.
            finding.severity = Severity::Warning;
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
    let is_everybodys = |name: &str| is_of_all(name) || context.environment.offers_function(name) || mangling::is_vague(name);
    let offers = Offers::new(&definitions, group, &is_everybodys);
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
        if all_do_the_same(definers, subjects, &offers, &mut doings)? {
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
    offers: &Offers<'_>,
    doings: &mut HashMap<usize, Doings<'s>>,
) -> Result<bool> {
    let mut first = None;
    for (number, item) in definers.iter().take(COMPARED) {
        let Item::Function(id) = item else { return Ok(false) };
        let module = &subjects[*number].1.module;
        let doings = doings.entry(*number).or_insert_with(|| Doings::new(module, offers.of(*number, module)));
        let Some(does) = doings.of(*id)? else { return Ok(false) };
        if *first.get_or_insert(does) != does {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Who offers the functions that modules import.
struct Offers<'o> {
    group: &'o Group<'o>,
    /// The modules that define each name.
    definers: HashMap<&'o str, Vec<usize>>,
    /// Whether all modules get the same under a name: of the runtime, or as their language has it.
    is_everybodys: &'o dyn Fn(&str) -> bool,
}

/// Who offers a function.
#[derive(Hash)]
enum Offer<'o> {
    /// The runtime, or whoever does for all modules.
    Everybody,
    Module(usize),
    /// One of these libraries, which are not at hand.
    Others(&'o BTreeSet<&'o str>),
}

impl<'o> Offers<'o> {
    fn new(
        definitions: &HashMap<&'o str, Vec<(usize, Item)>>,
        group: &'o Group<'o>,
        is_everybodys: &'o dyn Fn(&str) -> bool,
    ) -> Self {
        let numbers = |definers: &Vec<(usize, Item)>| definers.iter().map(|(number, _)| *number).collect();
        Offers { group, definers: definitions.iter().map(|(name, definers)| (*name, numbers(definers))).collect(), is_everybodys }
    }

    /// A number for who offers each function that a module imports, if that is known.
    fn of(&self, number: usize, module: &Module<'_>) -> HashMap<FunctionId, u64> {
        let needs: HashSet<usize> = self.group.needs[number].iter().copied().collect();
        let offered = module.imports().iter().filter_map(|import| {
            let Item::Function(id) = import.item else { return None };
            let mut hasher = DefaultHasher::new();
            let of_runtime = import.module != "env" || (self.is_everybodys)(&import.field);
            let offer = if of_runtime { Offer::Everybody } else { self.offer(number, &needs, &import.field)? };
            offer.hash(&mut hasher);
            Some((id, hasher.finish()))
        });
        offered.collect()
    }

    /// Who offers a function to a module that needs these: the only one of them that defines it, or else one that is not at hand, or the only
    /// one that defines it at all.
    fn offer(&self, number: usize, needs: &HashSet<usize>, name: &str) -> Option<Offer<'_>> {
        let definers = self.definers.get(name).map(Vec::as_slice).unwrap_or_default();
        if definers.len() > COMPARED {
            return None;
        }
        let needed: Vec<usize> = definers.iter().copied().filter(|definer| needs.contains(definer)).collect();
        let lacks = &self.group.lacks[number];
        match (needed.as_slice(), definers) {
            ([only], _) => Some(Offer::Module(*only)),
            ([], [only]) if lacks.is_empty() => Some(Offer::Module(*only)),
            ([], []) => Some(Offer::Others(lacks)),
            ([], _) if !lacks.is_empty() => Some(Offer::Others(lacks)),
            _ => None,
        }
    }
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
    /// Numbers for the names of the modules.
    names: Vec<usize>,
    /// Numbers for where modules are installed, or else for their names: where that is the same, it is another copy of a file.
    files: Vec<usize>,
    /// Numbers for what cannot be there twice: the distribution of a module, or its file.
    kinds: Vec<usize>,
    /// For each module the libraries that it needs, as far as they are at hand.
    needs: Vec<Vec<usize>>,
    /// For each module the names of those that it needs and that are not.
    lacks: Vec<BTreeSet<&'g str>>,
    /// For each module those that it was linked with: that it needs, or refers to.
    links: Vec<Vec<usize>>,
    /// For each module those that were linked with it.
    users: Vec<Vec<usize>>,
}

impl<'g> Group<'g> {
    fn new(subjects: &[(usize, Subject<'_>)], linked: &'g [Linked], context: &Context<'_>) -> Self {
        let python = context.target.python_tag();
        let is_loaded = |module: &Linked| module.installed.as_deref().is_none_or(|path| contents::is_opened(path, &python));
        let file = |module: &'g Linked| module.installed.as_deref().unwrap_or(&module.name);
        let kind = |module: &'g Linked| module.libs.as_deref().map_or(Cow::Borrowed(file(module)), |libs| normalized(libs).into());
        // Of several with one name that of the own input is meant. Of others, nobody knows which.
        let mut own: HashMap<(usize, &str), usize> = HashMap::new();
        let mut named: HashMap<&str, usize> = HashMap::new();
        for (number, module) in linked.iter().enumerate() {
            own.entry((module.input, &module.name)).or_insert(number);
            named.entry(&module.name).or_insert(number);
        }
        let library = |module: &Linked, needed: &str| own.get(&(module.input, needed)).or_else(|| named.get(needed)).copied();
        let needed = |module: &Linked| module.needed.iter().filter_map(|needed| library(module, base_name(needed))).collect();
        let needs: Vec<Vec<usize>> = linked.iter().map(needed).collect();
        let lacked = |needed: &&str| !named.contains_key(needed);
        let lacks = linked.iter().map(|module| module.needed.iter().map(|needed| base_name(needed)).filter(lacked).collect());
        let mut links = needs.clone();
        add_referenced(subjects, linked, &mut links);
        let mut users = vec![Vec::new(); linked.len()];
        for (number, libraries) in links.iter().enumerate() {
            libraries.iter().for_each(|library| users[*library].push(number));
        }
        Group {
            linked,
            loaded: linked.iter().map(is_loaded).collect(),
            names: numbered(linked.iter().map(|module| module.name.as_str())),
            files: numbered(linked.iter().map(file)),
            kinds: numbered(linked.iter().map(kind)),
            lacks: lacks.collect(),
            needs,
            links,
            users,
        }
    }

    fn reader(&self, number: usize) -> Reader<'_> {
        let [needed, linked, users] = [&self.needs, &self.links, &self.users].map(|next| reached(number, next, &mut { FOLLOWED }));
        Reader { group: self, number, needed, linked: linked.union(&users).map(|module| self.files[*module]).collect() }
    }

    /// Whether two modules may be in one process.
    fn are_together(&self, a: usize, b: usize) -> bool {
        let is_loose = |module: usize| self.linked[module].installed.is_none();
        let same_file = || (is_loose(a) || is_loose(b)) && self.names[a] == self.names[b];
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
        let referenced: BTreeSet<usize> = others.filter_map(|(name, _)| offered.get(&(place(number), name)).copied()).collect();
        links[number].extend(referenced.into_iter().filter(|other| *other != number));
    }
}

/// The same number for the same keys.
fn numbered<K: Eq + Hash>(keys: impl Iterator<Item = K>) -> Vec<usize> {
    let mut known: HashMap<K, usize> = HashMap::new();
    let mut number = |key: K| {
        let next = known.len();
        *known.entry(key).or_insert(next)
    };
    keys.map(&mut number).collect()
}

/// What is reached from a node by as many edges as are `left`, those near to it first; not counting it unless it is reached again.
fn reached(from: usize, next: &[Vec<usize>], left: &mut usize) -> HashSet<usize> {
    let (mut found, mut queue) = (HashSet::new(), VecDeque::from([from]));
    while let Some(node) = queue.pop_front() {
        let (followed, _) = next[node].split_at(next[node].len().min(*left));
        *left -= followed.len();
        queue.extend(followed.iter().copied().filter(|other| found.insert(*other)));
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
    linked: HashSet<usize>,
}

impl Reader<'_> {
    /// What is wrong with the use of a name that several modules define, this one too if it `is_own`.
    fn clash(&self, name: &str, used: Use, is_own: bool, definers: &[usize]) -> Option<String> {
        let together: Vec<usize> = definers.iter().copied().filter(|other| self.group.are_together(self.number, *other)).collect();
        match used {
            Use::Call => self.call(name, &together),
            Use::Address if is_own => {
                let is_linked = |other: &usize| self.linked.contains(&self.group.files[*other]);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Modules that all need each other, and a chain: as many edges are followed as may be, and the next ones first.
    #[test]
    fn no_more_is_followed_than_may_be() {
        let count = 2 * FOLLOWED;
        let each: Vec<Vec<usize>> = vec![(0..count).collect(); count];
        let chain: Vec<Vec<usize>> = (0..count).map(|node| if node + 1 < count { vec![node + 1] } else { Vec::new() }).collect();
        for (next, start, expected) in [(&each, 7, 0..FOLLOWED), (&chain, 7, 8..8 + FOLLOWED)] {
            let mut left = FOLLOWED;
            assert_eq!((reached(start, next, &mut left), left), (expected.collect(), 0));
        }
        let mut left = FOLLOWED;
        assert_eq!((reached(count - 3, &chain, &mut left), left), ([count - 2, count - 1].into(), FOLLOWED - 2));
    }
}
