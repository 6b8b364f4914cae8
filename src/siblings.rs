//! What the other modules of a group export.
//!
//! A module of a thousand has next to all exports of the group for those of the others, and a copy of them for each module would take memory
//! in the square of the group. So one index tells who exports a name, and each module gets as much of it as it can ask for.

use std::collections::{HashMap, HashSet};

/// Which modules of a group export a name.
#[derive(Debug, Default)]
pub struct Exporters<'n> {
    by_name: HashMap<&'n str, Exporter>,
}

#[derive(Debug)]
struct Exporter {
    /// Number of the first module that exports it.
    first: usize,
    /// Whether another one exports it, too.
    several: bool,
}

impl<'n> Exporters<'n> {
    /// Takes the names of exports, each with the number of the module that exports it.
    pub fn new(exports: impl Iterator<Item = (usize, &'n str)>) -> Self {
        let mut by_name: HashMap<&'n str, Exporter> = HashMap::new();
        for (module, name) in exports {
            let exporter = by_name.entry(name).or_insert(Exporter { first: module, several: false });
            exporter.several |= exporter.first != module;
        }
        Exporters { by_name }
    }

    /// What modules other than the one with this number export of the names that it `asked` for, and of those by which they offer such a
    /// name as a function of `EM_JS`, whose text lies in their data.
    pub fn others<'a>(&self, module: usize, asked: impl Iterator<Item = &'a str>) -> HashSet<String> {
        let exported = |name: &str| self.by_name.get(name).is_some_and(|exporter| exporter.several || exporter.first != module);
        let mut others = HashSet::new();
        for name in asked {
            let script = format!("__em_js__{name}");
            others.extend([name, &script].into_iter().filter(|name| exported(name)).map(str::to_string));
        }
        others
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_gets_what_others_export_and_it_asks_for() {
        let exports = [(0, "own"), (0, "own"), (0, "both"), (1, "both"), (1, "theirs"), (1, "__em_js__script"), (2, "other")];
        let exporters = Exporters::new(exports.into_iter());
        let asked = ["own", "both", "theirs", "script", "nobodys"];
        let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<HashSet<_>>();
        assert_eq!(exporters.others(0, asked.into_iter()), names(&["both", "theirs", "__em_js__script"]));
        assert_eq!(exporters.others(1, asked.into_iter()), names(&["own", "both"]));
        assert_eq!(exporters.others(2, ["other"].into_iter()), names(&[]));
    }
}
