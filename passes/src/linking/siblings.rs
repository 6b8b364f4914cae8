//! What the other modules of a group export.
//!
//! A module of a thousand has next to all exports of the group for those of the others, and a copy of them for each module would take memory
//! in the square of the group. So one index tells who exports a name, and each module has a view of it that leaves its own exports out.

use std::collections::HashMap;
use std::sync::Arc;

/// Which modules of a group export a name.
#[derive(Debug, Default)]
pub struct Exporters {
    by_name: HashMap<String, Exporter>,
}

#[derive(Debug)]
struct Exporter {
    /// Number of the first module that exports it.
    first: usize,
    /// Whether another one exports it, too.
    several: bool,
}

impl Exporters {
    /// Takes the names of exports, each with the number of the module that exports it.
    pub fn new<'n>(exports: impl Iterator<Item = (usize, &'n str)>) -> Self {
        let mut by_name: HashMap<String, Exporter> = HashMap::new();
        for (module, name) in exports {
            match by_name.get_mut(name) {
                Some(exporter) => exporter.several |= exporter.first != module,
                None => drop(by_name.insert(name.to_string(), Exporter { first: module, several: false })),
            }
        }
        Exporters { by_name }
    }
}

/// What the modules of a group export, as one of them sees it: without what it alone exports. By default the group is empty.
#[derive(Debug, Clone, Default)]
pub struct SiblingExports {
    exporters: Arc<Exporters>,
    module: usize,
}

impl SiblingExports {
    /// What modules other than the one with the number `module` export.
    pub fn of_others(exporters: &Arc<Exporters>, module: usize) -> Self {
        SiblingExports { exporters: Arc::clone(exporters), module }
    }

    /// Whether another module of the group exports `name`.
    pub fn contains(&self, name: &str) -> bool {
        self.exporters.by_name.get(name).is_some_and(|exporter| exporter.several || exporter.first != self.module)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_sees_what_others_export() {
        let exports = [(0, "own"), (0, "own"), (0, "both"), (1, "both"), (1, "theirs"), (2, "other")];
        let exporters = Arc::new(Exporters::new(exports.into_iter()));
        let seen = |module: usize| {
            let siblings = SiblingExports::of_others(&exporters, module);
            ["own", "both", "theirs", "other", "nobodys"].into_iter().filter(|name| siblings.contains(name)).collect::<Vec<_>>()
        };
        assert_eq!(seen(0), ["both", "theirs", "other"]);
        assert_eq!(seen(1), ["own", "both", "other"]);
        assert_eq!(seen(2), ["own", "both", "theirs"]);
        assert!(!SiblingExports::default().contains("own"));
    }
}
