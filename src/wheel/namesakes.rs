//! Modules of one file name, and the order in which directories are searched so that each library is found before its namesakes.

use crate::loader::{Effort, Found, Located, base_name, directory, first_in, in_both, places};
use crate::name::normalized;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

/// What planning needs to know of one module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Linked {
    /// Path within the archive.
    pub path: String,
    /// NEEDED, as it will be.
    pub needed: Vec<String>,
    /// RUNTIME_PATH as found.
    pub runtime_path: Vec<String>,
    /// Whether Python imports it, by the path where it lies: it exports `PyInit_…`, `PyInitU_…` or `PyModExport_…`.
    pub importable: bool,
    /// The same number as other modules of equal contents have.
    pub contents: usize,
}

/// A module that needs a library of which the archive has several that differ, none of them told from the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecided {
    /// Path of the module.
    pub path: String,
    /// The name of the library.
    pub needed: String,
    /// How many there are.
    pub count: usize,
}

/// All modules of one file name.
pub struct Namesakes<'m> {
    pub first: usize,
    pub count: usize,
    by_directory: Located<'m>,
    /// Those in directories of libraries that belong to a package, `p.libs` and `p/.libs`, by the normalised path of the package; `None`
    /// where two directories of one package have different ones.
    by_package: HashMap<String, Option<usize>>,
    /// The first one in such a directory.
    vendored: Option<usize>,
    /// Whether they differ from each other.
    pub differ: bool,
}

impl<'m> Namesakes<'m> {
    fn new(first: usize) -> Self {
        let (by_directory, by_package) = (Located::new(), HashMap::new());
        Namesakes { first, count: 0, by_directory, by_package, vendored: None, differ: false }
    }

    fn add(&mut self, index: usize, modules: &'m [Linked]) {
        let directory = directory(&modules[index].path);
        self.count += 1;
        self.by_directory.entry(directory).or_insert(index);
        if let Some(package) = directory.strip_suffix(".libs") {
            let package = normalized(package.strip_suffix('/').unwrap_or(package));
            let equals = |known: usize| modules[known].contents == modules[index].contents;
            let known = self.by_package.entry(package).or_insert(Some(index));
            *known = known.filter(|known| equals(*known));
            self.vendored.get_or_insert(index);
        }
        self.differ |= modules[index].contents != modules[self.first].contents;
    }

    /// That nothing tells the module at `path` which of them it needs, if they differ.
    pub fn undecided(&self, path: &str, needed: &str) -> Option<Undecided> {
        self.differ.then(|| Undecided { path: path.to_string(), needed: needed.to_string(), count: self.count })
    }

    pub fn in_directory(&self, directory: &str) -> Option<usize> {
        self.by_directory.get(directory).copied()
    }

    /// The one that belongs to a package, or to the distribution of that name.
    pub fn of_package(&self, normalized: &str) -> Option<usize> {
        self.by_package.get(normalized).copied().flatten()
    }

    /// Whether all that belong to packages are of one, and the same.
    pub fn is_of_one_package(&self) -> bool {
        self.by_package.len() == 1 && self.by_package.values().all(Option::is_some)
    }

    /// The first one that belongs to a package.
    pub fn vendored(&self) -> Option<usize> {
        self.vendored
    }

    /// The one in the first of the directories that has one.
    pub fn first_in(&self, places: &HashMap<&str, usize>, effort: &Effort) -> Found<usize> {
        match first_in(places, &self.by_directory, effort) {
            Found::At((_, module)) => Found::At(module),
            Found::Nowhere => Found::Nowhere,
            Found::TooMuch => Found::TooMuch,
        }
    }
}

/// The modules by their file names.
pub fn by_base_name(modules: &[Linked]) -> HashMap<&str, Namesakes<'_>> {
    let mut map = HashMap::new();
    for (index, module) in modules.iter().enumerate() {
        map.entry(base_name(&module.path)).or_insert_with(|| Namesakes::new(index)).add(index, modules);
    }
    map
}

/// The directories of `libraries`, in an order in which each library is found before its namesakes, as far as there is one.
///
/// A directory with a namesake of a library waits for that library's own directory. Of those that wait for nothing the first one is next;
/// when all wait for each other, or it would take too much to tell, they come as they are.
pub fn search_order<'m>(
    libraries: &[usize],
    by_name: &HashMap<&str, Namesakes<'_>>,
    modules: &'m [Linked],
    effort: &Effort,
) -> Vec<&'m str> {
    let mut directories: Vec<&str> = Vec::new();
    let mut seen = HashSet::new();
    let own = libraries.iter().map(|library| directory(&modules[*library].path));
    directories.extend(own.filter(|directory| seen.insert(*directory)));
    let places = places(directories.iter().copied());
    let mut waits_for: Vec<usize> = vec![0; directories.len()];
    let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); directories.len()];
    for library in libraries {
        let path = &modules[*library].path;
        let own = places[directory(path)];
        let Some(namesakes) = by_name.get(base_name(path)).filter(|namesakes| namesakes.count > 1) else { continue };
        let Some(others) = in_both(&places, &namesakes.by_directory, effort) else { return directories };
        for (other, _) in others.into_iter().filter(|(other, _)| *other != own) {
            waits_for[other] += 1;
            waiting[own].push(other);
        }
    }
    let mut ready: BinaryHeap<Reverse<usize>> =
        (0..directories.len()).filter(|place| waits_for[*place] == 0).map(Reverse).collect();
    let mut order: Vec<&str> = Vec::with_capacity(directories.len());
    while let Some(Reverse(next)) = ready.pop() {
        order.push(directories[next]);
        for other in &waiting[next] {
            waits_for[*other] -= 1;
            if waits_for[*other] == 0 {
                ready.push(Reverse(*other));
            }
        }
    }
    order.extend((0..directories.len()).filter(|place| waits_for[*place] > 0).map(|place| directories[place]));
    order
}
