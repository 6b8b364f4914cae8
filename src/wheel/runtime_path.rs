//! Where the modules of an archive find each other: a RUNTIME_PATH for each, so that every library is loaded exactly once.
//!
//! How loaders find a NEEDED library is told in [`crate::loader`].
//!
//! `loadPackage` and micropip load every module of a wheel by its absolute path under site-packages, so that spelling has to come
//! first: the absolute directory, then `$ORIGIN/../…` for wheels unpacked elsewhere. Within one directory, and downwards, `$ORIGIN`
//! gives the same string as the absolute path when the module itself was found by one.
//!
//! Where an archive has several libraries of the needed name, the module is meant to load the one that its RUNTIME_PATH leads to, or the
//! one beside it, or the one of its package or of the wheel's distribution (repair tools put libraries into `p.libs` or `p/.libs`, where `p` is
//! the one or the other). Where nothing tells, any of them will do if they are equal; if not, the archive is refused.
//!
//! Elsewhere than in site-packages only `$ORIGIN` helps. Two importers in different directories then spell a library in two ways, and
//! libraries that need each other from different directories are spelled in another way each time round: 0.28 and 0.29 never end to load
//! them. `plan` says so, since no RUNTIME_PATH avoids it.

use super::namesakes::{self, Linked, Namesakes, Undecided};
use crate::codes::libraries::{AMBIGUOUS_LIBRARY, LIBRARY_LOADED_TWICE};
use crate::loader::{Effort, Found, LONGEST_PATH, along, base_name, directory, places};
use crate::name::normalized;
use crate::plain::first_names;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use wasm_pyfix_passes::Notice;

/// How many directories above a module may be the package whose libraries it is meant to load.
const PACKAGES: usize = 32;

/// Which libraries of the archive its modules are meant to load.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decided {
    /// For each module the libraries that it needs.
    libraries: Vec<Vec<usize>>,
    /// NEEDED libraries that no module of the archive is: the library, and the modules that need it.
    pub missing: BTreeMap<String, Vec<String>>,
    /// Where nothing tells which of several libraries is meant.
    pub undecided: Vec<Undecided>,
    /// What was taken without being told.
    notices: Vec<Notice>,
}

impl Decided {
    /// For each module the libraries that it needs.
    pub fn libraries(&self) -> &[Vec<usize>] {
        &self.libraries
    }
}

/// What `plan` found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// For each module: the entries to put first in its RUNTIME_PATH.
    pub entries: Vec<Vec<String>>,
    /// What each module is meant to load.
    pub decided: Decided,
    /// What could not be arranged.
    pub notices: Vec<Notice>,
    /// What does not work elsewhere than in site-packages, on runtimes that do not normalise paths.
    pub unpacked: Vec<Notice>,
}

/// Plans the RUNTIME_PATH of `modules`, whose archive is unpacked into the directory `root` (absolute, no `/` at the end) and is a wheel of
/// `distribution`, if it is one.
pub fn plan(modules: &[Linked], root: &str, distribution: Option<&str>) -> Plan {
    let by_name = namesakes::by_base_name(modules);
    let effort = effort(modules);
    let mut decided = decide_among(modules, &by_name, root, distribution, &effort);
    let mut plan = Plan { notices: std::mem::take(&mut decided.notices), ..Plan::default() };
    for (module, libraries) in modules.iter().zip(&mut decided.libraries) {
        let searched = namesakes::search_order(libraries, &by_name, modules, &effort);
        let places = places(searched.iter().copied());
        for library in libraries.iter_mut() {
            let needed = base_name(&modules[*library].path);
            let found = match by_name[needed].first_in(&places, &effort) {
                Found::At(found) => found,
                Found::Nowhere => *library,
                Found::TooMuch => {
                    decided.undecided.extend(by_name[needed].undecided(&module.path, needed));
                    continue;
                }
            };
            if found != *library {
                plan.notices.push(AMBIGUOUS_LIBRARY.warns(format!(
                    "`{}` was to load `{}` and finds `{}` first: no RUNTIME_PATH tells all libraries that it needs from their \
                     namesakes",
                    module.path, modules[*library].path, modules[found].path
                )));
                *library = found;
            }
        }
        let own = directory(&module.path);
        plan.entries.push(searched.iter().flat_map(|searched| entries(own, searched, root)).collect());
    }
    let cyclic = cycles(modules, &decided.libraries);
    let endless = cyclic.iter().map(|cycle| LIBRARY_LOADED_TWICE.warns(endless(cycle, modules)));
    plan.unpacked = endless.collect();
    let twice = unpacked_twice(modules, &decided.libraries, &cyclic.into_iter().flatten().collect());
    plan.unpacked.extend(twice.into_iter().map(|message| LIBRARY_LOADED_TWICE.warns(message)));
    plan.decided = decided;
    plan
}

/// Decides which libraries `modules` are meant to load, with the same arguments as [`plan`].
pub fn decide(modules: &[Linked], root: &str, distribution: Option<&str>) -> Decided {
    decide_among(modules, &namesakes::by_base_name(modules), root, distribution, &effort(modules))
}

/// How much may be looked through for these modules.
fn effort(modules: &[Linked]) -> Effort {
    let size = modules.iter().map(|module| 1 + module.needed.len() + module.runtime_path.len()).sum();
    Effort::new(size, 2)
}

fn decide_among(
    modules: &[Linked],
    by_name: &HashMap<&str, Namesakes<'_>>,
    root: &str,
    distribution: Option<&str>,
    effort: &Effort,
) -> Decided {
    let distribution = distribution.map(normalized);
    let mut decided = Decided::default();
    for module in modules {
        let own = directory(&module.path);
        let looked: Vec<String> =
            along(&module.runtime_path, own, std::iter::once(root)).into_iter().chain([own.to_string()]).collect();
        let told = Told::new(module, &looked, distribution.as_deref(), effort);
        let mut libraries = Vec::new();
        for needed in &module.needed {
            match by_name.get(needed.as_str()) {
                Some(candidates) => {
                    let library = choose(module, needed, candidates, modules, &told, &mut decided);
                    if modules[library].path != module.path {
                        libraries.push(library);
                    }
                }
                None => decided.missing.entry(needed.clone()).or_default().push(module.path.clone()),
            }
        }
        decided.libraries.push(libraries);
    }
    decided
}

/// What tells which of several libraries of one name a module is meant to load.
struct Told<'t> {
    /// Directories where it looks: those of its RUNTIME_PATH, then its own.
    looked: HashMap<&'t str, usize>,
    /// Where it lies, by the normalised name.
    package: String,
    /// The normalised name of the distribution.
    distribution: Option<&'t str>,
    effort: &'t Effort,
}

impl<'t> Told<'t> {
    fn new(module: &Linked, looked: &'t [String], distribution: Option<&'t str>, effort: &'t Effort) -> Self {
        let own = directory(&module.path);
        let top = module.path.split_once('.').map_or(module.path.as_str(), |(stem, _)| stem);
        let package = normalized(if own.is_empty() { top } else { own });
        Told { looked: places(looked.iter().map(String::as_str)), package, distribution, effort }
    }

    /// The packages that the module is in, from the innermost one outwards, and last what the wheel is called, whose libraries are
    /// for all packages in it.
    fn packages(&self) -> impl Iterator<Item = &str> {
        let above = self.package.rmatch_indices('/').map(|(end, _)| &self.package[..end]);
        [self.package.as_str()].into_iter().chain(above).take(PACKAGES).chain(self.distribution)
    }
}

/// The library among `candidates`, all of the name `needed`, that `module` is meant to load.
fn choose(
    module: &Linked,
    needed: &str,
    candidates: &Namesakes<'_>,
    modules: &[Linked],
    told: &Told<'_>,
    decided: &mut Decided,
) -> usize {
    if candidates.count == 1 {
        return candidates.first;
    }
    // LD_LIBRARY_PATH comes first: nothing in a RUNTIME_PATH wins over the top of site-packages.
    if let Some(library) = candidates.in_directory("") {
        return library;
    }
    let library = match candidates.first_in(&told.looked, told.effort) {
        Found::At(library) => Some(library),
        Found::Nowhere => told.packages().find_map(|package| candidates.of_package(package)),
        Found::TooMuch => {
            decided.undecided.extend(candidates.undecided(&module.path, needed));
            return candidates.first;
        }
    };
    if let Some(library) = library {
        return library;
    }
    let library = candidates.vendored().unwrap_or(candidates.first);
    if !candidates.differ {
        return library;
    }
    if candidates.is_of_one_package() {
        let (path, count, taken) = (&module.path, candidates.count, &modules[library].path);
        let message = format!("`{path}` needs `{needed}`, which the archive has {count} times; `{taken}` was taken");
        decided.notices.push(AMBIGUOUS_LIBRARY.warns(message));
    } else {
        decided.undecided.extend(candidates.undecided(&module.path, needed));
    }
    library
}

/// The entries by which a module in `from` finds a library in `to`: an absolute one, if it is not below, and one relative to the
/// module.
fn entries(from: &str, to: &str, root: &str) -> Vec<String> {
    let step = relative_path(from, to);
    let relative = join("$ORIGIN", &step);
    if step == ".." || step.starts_with("../") { vec![join(root, to), relative] } else { vec![relative] }
}

/// Groups of modules in several directories that all need each other, by way of others.
fn cycles(modules: &[Linked], resolved: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, group) in components(resolved).into_iter().enumerate() {
        groups.entry(group).or_default().push(index);
    }
    let own = |index: usize| directory(&modules[index].path);
    groups.into_values().filter(|group| group.iter().any(|index| own(*index) != own(group[0]))).collect()
}

/// For each node the smallest one of its strongly connected component, `next` being the edges (Kosaraju's algorithm).
fn components(next: &[Vec<usize>]) -> Vec<usize> {
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); next.len()];
    for (from, targets) in next.iter().enumerate() {
        targets.iter().for_each(|to| before[*to].push(from));
    }
    let mut seen = vec![false; next.len()];
    let mut finished = Vec::with_capacity(next.len());
    (0..next.len()).for_each(|start| visit(start, next, &mut seen, &mut finished));
    let mut component = vec![0; next.len()];
    let mut seen = vec![false; next.len()];
    for start in finished.into_iter().rev() {
        let mut members = Vec::new();
        visit(start, &before, &mut seen, &mut members);
        let smallest = members.iter().copied().min().unwrap_or(start);
        members.into_iter().for_each(|member| component[member] = smallest);
    }
    component
}

/// Appends the nodes that are reached from `start` and were not `seen` to `finished`, each behind all that is reached through it first.
fn visit(start: usize, next: &[Vec<usize>], seen: &mut [bool], finished: &mut Vec<usize>) {
    // A node, and how many of its edges were followed: chains of libraries are longer than a stack is deep.
    let mut stack: Vec<(usize, usize)> = Vec::new();
    if !std::mem::replace(&mut seen[start], true) {
        stack.push((start, 0));
    }
    while let Some((node, followed)) = stack.last_mut() {
        match next[*node].get(*followed) {
            Some(to) => {
                *followed += 1;
                if !std::mem::replace(&mut seen[*to], true) {
                    stack.push((*to, 0));
                }
            }
            None => {
                finished.push(*node);
                stack.pop();
            }
        }
    }
}

/// What there is to say of a cycle.
fn endless(cycle: &[usize], modules: &[Linked]) -> String {
    format!(
        "{} need each other from several directories: Pyodide 0.28 and 0.29 do not load them unless the wheel is installed into \
         site-packages",
        first_names(cycle.iter().map(|index| format!("`{}`", modules[*index].path)), 5)
    )
}

/// Libraries that importers of a wheel unpacked elsewhere than in site-packages would load under two spellings. `endless` modules do not
/// load at all.
fn unpacked_twice(modules: &[Linked], resolved: &[Vec<usize>], endless: &BTreeSet<usize>) -> Vec<String> {
    let imported: BTreeSet<usize> = resolved.iter().flatten().copied().collect();
    let mut spellings: Vec<BTreeSet<String>> = vec![BTreeSet::new(); modules.len()];
    let mut queue: Vec<(usize, String)> = Vec::new();
    for (index, module) in modules.iter().enumerate() {
        if module.importable || !imported.contains(&index) {
            queue.push((index, directory(&module.path).to_string()));
        }
    }
    for (index, spelled) in &queue {
        spellings[*index].insert(spelled.clone());
    }
    while let Some((index, spelled)) = queue.pop() {
        if endless.contains(&index) {
            continue;
        }
        for library in &resolved[index] {
            let step = relative_path(directory(&modules[index].path), directory(&modules[*library].path));
            let spelled = join(&spelled, &step);
            // Two spellings are enough to report; more would only repeat it.
            if spelled.len() < LONGEST_PATH && spellings[*library].len() < 2 && spellings[*library].insert(spelled.clone()) {
                queue.push((*library, spelled));
            }
        }
    }
    let twice = (0..modules.len()).filter(|index| spellings[*index].len() > 1 && !endless.contains(index));
    let notice = |index: usize| {
        let module = &modules[index];
        format!(
            "`{}` is reached from several directories: Pyodide 0.28 and 0.29 load it more than once unless the wheel is installed into \
             site-packages",
            module.path
        )
    };
    twice.map(notice).collect()
}

/// The way from directory `from` to directory `to`, both within the archive.
fn relative_path(from: &str, to: &str) -> String {
    let split = |path: &'_ str| path.split('/').filter(|part| !part.is_empty()).map(str::to_string).collect::<Vec<_>>();
    let (from, to) = (split(from), split(to));
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let mut parts = vec!["..".to_string(); from.len() - common];
    parts.extend(to[common..].iter().cloned());
    parts.join("/")
}

fn join(left: &str, right: &str) -> String {
    if right.is_empty() { left.to_string() } else { format!("{left}/{right}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linked(path: &str, needed: &[&str]) -> Linked {
        let needed = needed.iter().map(|name| name.to_string()).collect();
        let contents = path.bytes().map(usize::from).sum();
        Linked { path: path.to_string(), needed, contents, ..Linked::default() }
    }

    const ROOT: &str = "/lib/python3.13/site-packages";

    #[test]
    fn a_libs_directory_beside_the_package() {
        let modules = [
            linked("PyMuPDF.libs/libmupdf.so", &[]),
            linked("PyMuPDF.libs/libmupdfcpp.so", &["libmupdf.so"]),
            linked("pymupdf/_extra.so", &["libmupdf.so", "libmupdfcpp.so"]),
        ];
        let plan = plan(&modules, ROOT, None);
        assert_eq!(plan.entries[0], [""; 0]);
        assert_eq!(plan.entries[1], ["$ORIGIN"]);
        assert_eq!(plan.entries[2], ["/lib/python3.13/site-packages/PyMuPDF.libs", "$ORIGIN/../PyMuPDF.libs"]);
        assert!(plan.decided.missing.is_empty() && plan.notices.is_empty() && plan.unpacked.is_empty());
    }

    #[test]
    fn libraries_below_and_at_the_top() {
        let modules = [linked("p/m.so", &["a.so", "b.so"]), linked("p/lib/a.so", &[]), linked("b.so", &[])];
        assert_eq!(plan(&modules, ROOT, None).entries[0], ["$ORIGIN/lib", ROOT, "$ORIGIN/.."]);
    }

    #[test]
    fn no_namesake_is_found_before_the_planned_library() {
        let modules =
            [linked("p/m.abi3.so", &["b.so", "a.so"]), linked("p/a.so", &[]), linked("q/a.so", &[]), linked("q/b.so", &[])];
        let plan = plan(&modules, ROOT, None);
        assert_eq!(plan.entries[0], ["$ORIGIN", &format!("{ROOT}/q"), "$ORIGIN/../q"]);
        assert_eq!(plan.notices, []);
    }

    #[test]
    fn a_namesake_that_cannot_be_avoided_is_reported() {
        let modules = [
            linked("m.so", &["a.so", "b.so"]),
            linked("x/a.so", &[]),
            linked("y/b.so", &[]),
            linked("y/a.so", &[]),
            linked("x/b.so", &[]),
        ];
        let plan = plan(&modules, ROOT, None);
        assert_eq!(plan.entries[0], ["$ORIGIN/x", "$ORIGIN/y"]);
        let expected = "`m.so` was to load `y/b.so` and finds `x/b.so` first";
        assert!(plan.notices.iter().any(|notice| notice.message.starts_with(expected)), "{:?}", plan.notices);
    }

    #[test]
    fn a_library_that_is_imported_too_is_reported() {
        let mut modules = [linked("p/_core.abi3.so", &[]), linked("p/sub/_x.abi3.so", &["_core.abi3.so"])];
        assert_eq!(plan(&modules, ROOT, None).unpacked, []);
        modules[0].importable = true;
        let notices = plan(&modules, ROOT, None).unpacked;
        assert!(notices.len() == 1 && notices[0].message.contains("`p/_core.abi3.so`"), "{notices:?}");
    }

    #[test]
    fn importers_in_two_directories_are_reported() {
        let modules = [linked("p/m.so", &["a.so"]), linked("p/sub/n.so", &["a.so"]), linked("p.libs/a.so", &[])];
        let notices = plan(&modules, ROOT, None).unpacked;
        assert_eq!(notices.len(), 1);
        assert!(notices[0].message.contains("`p.libs/a.so`"), "{notices:?}");
    }

    #[test]
    fn a_chain_within_libs_has_one_spelling() {
        let modules = [linked("p/m.so", &["a.so", "b.so"]), linked("p.libs/a.so", &["b.so"]), linked("p.libs/b.so", &[])];
        assert!(plan(&modules, ROOT, None).unpacked.is_empty());
    }

    #[test]
    fn modules_in_two_directories_that_need_each_other_do_not_load_unpacked() {
        let modules = [linked("m.so", &["a.so"]), linked("a/a.so", &["b.so"]), linked("b/b.so", &["a.so"])];
        let unpacked = plan(&modules, ROOT, None).unpacked;
        assert_eq!(unpacked.len(), 1, "{unpacked:?}");
        assert!(unpacked[0].message.starts_with("`a/a.so`, `b/b.so` need each other from several directories"), "{unpacked:?}");
        // In one directory a module has one spelling, and so has one that needs itself.
        let modules = [linked("m.so", &["a.so"]), linked("a/a.so", &["b.so", "a.so"]), linked("a/b.so", &["a.so"])];
        assert_eq!(plan(&modules, ROOT, None).unpacked, []);
    }

    #[test]
    fn what_leads_to_a_cycle_is_none() {
        let edges = [vec![1], vec![2], vec![1, 3], vec![4], vec![3, 5], vec![]];
        assert_eq!(components(&edges), [0, 1, 1, 3, 3, 5]);
        const LENGTH: usize = 200_000;
        let chain: Vec<Vec<usize>> = (0..LENGTH).map(|node| vec![(node + 1) % LENGTH]).collect();
        assert_eq!(components(&chain), vec![0; LENGTH]);
    }

    /// Spellings get longer with every step of a chain. What no runtime can open any more is not followed, for it would take memory in the
    /// square of its length.
    #[test]
    fn spellings_end_with_the_longest_path() {
        const COUNT: usize = 5_000;
        let name = |number: usize| format!("{number}.so");
        let mut modules: Vec<Linked> =
            (0..COUNT).map(|number| linked(&format!("d{number}/{}", name(number)), &[&name(number + 1)])).collect();
        modules[0].importable = true;
        modules.push(linked("m.so", &[&name(0)]));
        let notices = plan(&modules, ROOT, None).unpacked.len();
        assert!((LONGEST_PATH / 10..LONGEST_PATH / 5).contains(&notices), "{notices}");
    }

    #[test]
    fn the_present_runtime_path_decides_between_namesakes() {
        let mut modules = [linked("p/m.so", &["a.so"]), linked("x/a.so", &[]), linked("y/a.so", &[])];
        modules[0].runtime_path = vec!["$ORIGIN/../y".to_string()];
        assert_eq!(plan(&modules, ROOT, None).entries[0], [format!("{ROOT}/y"), "$ORIGIN/../y".to_string()]);
        modules[0].runtime_path = plan(&modules, ROOT, None).entries[0].clone();
        assert_eq!(plan(&modules, ROOT, None).entries[0], modules[0].runtime_path);
        modules[0].runtime_path.clear();
        assert_eq!(plan(&modules, ROOT, None).decided.undecided.len(), 1);
    }

    /// Each package gets the library that was made for it, whatever the order.
    #[test]
    fn a_package_has_its_own_libraries() {
        let needing = ["b/m.so", "a/sub/m.so", "c/m.so", "D_d/m.so", "d.abi3.so"];
        let libraries = ["a.libs/x.so", "b.libs/x.so", "c/.libs/x.so", "d-D.libs/x.so", "d.libs/x.so"];
        let modules: Vec<Linked> =
            needing.map(|path| linked(path, &["x.so"])).into_iter().chain(libraries.map(|path| linked(path, &[]))).collect();
        let plan = plan(&modules, ROOT, None);
        let expected = ["$ORIGIN/../b.libs", "$ORIGIN/../../a.libs", "$ORIGIN/.libs", "$ORIGIN/../d-D.libs", "$ORIGIN/d.libs"];
        for (index, expected) in expected.into_iter().enumerate() {
            assert_eq!(plan.entries[index].last().map(String::as_str), Some(expected), "{}", needing[index]);
        }
        assert!(plan.notices.is_empty() && plan.decided.undecided.is_empty(), "{plan:?}");
    }

    /// The libraries of a distribution are for all of its packages, but for those that have their own.
    #[test]
    fn the_libraries_of_the_distribution_are_preferred() {
        let modules = [
            linked("PIL/m.so", &["x.so"]),
            linked("other/m.so", &["x.so"]),
            linked("other.libs/x.so", &[]),
            linked("Pil_low.libs/x.so", &[]),
        ];
        let last = |plan: &Plan, module: usize| plan.entries[module].last().cloned().unwrap();
        let found = plan(&modules, ROOT, Some("pil.LOW"));
        assert_eq!([last(&found, 0), last(&found, 1)], ["$ORIGIN/../Pil_low.libs", "$ORIGIN/../other.libs"]);
        assert!(found.decided.undecided.is_empty() && found.notices.is_empty(), "{found:?}");
        assert_eq!(plan(&modules, ROOT, Some("elsewhere")).decided.undecided.len(), 1);
    }

    /// As many libraries in directories of their own, each of which has a namesake of the next library.
    #[test]
    fn many_namesakes_take_no_time() {
        const COUNT: usize = 2_000;
        let name = |number: usize| format!("lib{number}.so");
        let names: Vec<String> = (0..COUNT).rev().map(name).collect();
        let mut modules = vec![linked("m.so", &names.iter().map(String::as_str).collect::<Vec<_>>())];
        modules[0].runtime_path = (0..COUNT).map(|number| format!("$ORIGIN/d{number}")).collect();
        for number in 0..COUNT {
            modules.push(linked(&format!("d{number}/{}", name(number)), &[]));
            modules.push(linked(&format!("d{}/{}", number + 1, name(number)), &[]));
        }
        let started = std::time::Instant::now();
        let found = plan(&modules, ROOT, None);
        assert!(started.elapsed().as_secs() < 10);
        let expected: Vec<String> = (0..COUNT).map(|number| format!("$ORIGIN/d{number}")).collect();
        assert_eq!(found.entries[0], expected);
        assert!(found.notices.is_empty() && found.decided.undecided.is_empty());
    }

    /// Many modules that need many libraries, of which all directories have namesakes: whoever looks all of them up takes the square of the
    /// number for each. What is too much to tell is undecided where it matters.
    #[test]
    fn many_importers_of_many_namesakes_take_no_time() {
        const SIDE: usize = 200;
        let names: Vec<String> = (0..SIDE).map(|number| format!("lib{number}.so")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut modules: Vec<Linked> = (0..SIDE).map(|number| linked(&format!("d{number}/{}", names[number]), &[])).collect();
        modules.extend((0..SIDE * SIDE).map(|pair| linked(&format!("d{}/{}", pair / SIDE, names[pair % SIDE]), &[])));
        modules.iter_mut().for_each(|module| module.contents = 0);
        modules.extend((0..SIDE).map(|number| linked(&format!("p/m{number}.so"), &names)));
        let started = std::time::Instant::now();
        let found = plan(&modules, ROOT, None);
        assert!(started.elapsed().as_secs() < 20);
        assert!(found.decided.undecided.is_empty());
        modules[SIDE].contents = 1;
        assert!(!plan(&modules, ROOT, None).decided.undecided.is_empty());
        let looked = super::effort(&modules);
        assert!(looked.spend(SIDE * SIDE) && !looked.spend(SIDE * SIDE * SIDE));
    }

    #[test]
    fn namesakes_that_differ_are_undecided_where_nothing_tells_which_is_meant() {
        let mut modules = [linked("c/m.so", &["x.so"]), linked("a.libs/x.so", &[]), linked("b.libs/x.so", &[])];
        let found = plan(&modules, ROOT, None);
        assert_eq!(found.decided.undecided, [Undecided { path: "c/m.so".to_string(), needed: "x.so".to_string(), count: 2 }]);
        modules[2].contents = modules[1].contents;
        let found = plan(&modules, ROOT, None);
        assert!(found.decided.undecided.is_empty() && found.notices.is_empty(), "{found:?}");
        assert_eq!(found.entries[0], [format!("{ROOT}/a.libs"), "$ORIGIN/../a.libs".to_string()]);
    }

    #[test]
    fn the_only_directory_of_libraries_is_taken_with_a_notice() {
        let modules = [linked("c/m.so", &["x.so"]), linked("a/x.so", &[]), linked("demo.libs/x.so", &[])];
        let plan = plan(&modules, ROOT, None);
        assert_eq!(
            plan.notices.iter().map(|notice| &*notice.message).collect::<Vec<_>>(),
            ["`c/m.so` needs `x.so`, which the archive has 2 times; `demo.libs/x.so` was taken"]
        );
        assert!(plan.decided.undecided.is_empty());
    }

    #[test]
    fn a_namesake_at_the_top_wins_as_it_does_in_the_loader() {
        let modules = [linked("p/m.so", &["a.so"]), linked("p/a.so", &[]), linked("a.so", &[])];
        assert_eq!(plan(&modules, ROOT, None).entries[0], [ROOT, "$ORIGIN/.."]);
    }

    #[test]
    fn missing_libraries_are_listed_with_their_importers() {
        let plan = plan(&[linked("p/m.so", &["libz.so"]), linked("p/n.so", &["libz.so"])], ROOT, None);
        assert_eq!(plan.decided.missing["libz.so"], ["p/m.so", "p/n.so"]);
    }
}
