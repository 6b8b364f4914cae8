//! Modules of one file name, and the order in which directories are searched so that each library is found before its namesakes.
//!
//! Of two lists of directories, where modules of one name are and where one looks, the shorter one is gone through, so that many modules of
//! one name, or many directories, cost no more than their number.

use super::name::normalized;
use super::runtime_path::{Linked, base_name, directory};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// Directories, each with its place in a list.
pub type Places<'p> = HashMap<&'p str, usize>;

/// The first place of each directory.
pub fn places<'p>(directories: impl Iterator<Item = &'p str>) -> Places<'p> {
    let mut places = Places::new();
    for (place, directory) in directories.enumerate() {
        places.entry(directory).or_insert(place);
    }
    places
}

/// All modules of one file name.
pub struct Namesakes<'m> {
    pub first: usize,
    pub count: usize,
    by_directory: HashMap<&'m str, usize>,
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
        let (by_directory, by_package) = (HashMap::new(), HashMap::new());
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
    pub fn first_in(&self, places: &Places<'_>) -> Option<usize> {
        self.in_places(places).into_iter().min().map(|(_, module)| module)
    }

    /// Those in these directories, in no order, each with the place of its directory.
    fn in_places(&self, places: &Places<'_>) -> Vec<(usize, usize)> {
        if places.len() < self.by_directory.len() {
            let module = |(directory, place): (&&str, &usize)| Some((*place, self.in_directory(directory)?));
            places.iter().filter_map(module).collect()
        } else {
            let place = |(directory, module): (&&str, &usize)| Some((*places.get(directory)?, *module));
            self.by_directory.iter().filter_map(place).collect()
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
/// when all wait for each other, they come as they are.
pub fn search_order<'m>(libraries: &[usize], by_name: &HashMap<&str, Namesakes<'_>>, modules: &'m [Linked]) -> Vec<&'m str> {
    let mut directories: Vec<&str> = Vec::new();
    let mut places = Places::new();
    for library in libraries {
        let directory = directory(&modules[*library].path);
        places.entry(directory).or_insert_with(|| {
            directories.push(directory);
            directories.len() - 1
        });
    }
    let mut waits_for: Vec<usize> = vec![0; directories.len()];
    let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); directories.len()];
    for library in libraries {
        let path = &modules[*library].path;
        let own = places[directory(path)];
        let namesakes = by_name.get(base_name(path)).filter(|namesakes| namesakes.count > 1);
        for (other, _) in namesakes.into_iter().flat_map(|namesakes| namesakes.in_places(&places)) {
            if other != own {
                waits_for[other] += 1;
                waiting[own].push(other);
            }
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
