//! File names of extension modules with the suffix of one version of Python, which others pass over.

use crate::loader::base_name;
use crate::name::{dotted_python, python_suffix};

/// A file name with the suffix of one Python.
#[derive(Debug, Clone, Copy)]
pub struct ForeignSuffix<'a> {
    pub path: &'a str,
    /// What stands before the last component, with the slash.
    pub directory: &'a str,
    /// Name of the module.
    pub stem: &'a str,
    /// The version of Python in it, without the point.
    version: &'a str,
    /// One of the Pythons that import neither it nor another file of the module.
    pub ignored_by: &'a str,
}

impl ForeignSuffix<'_> {
    /// The version of Python in it, such as `3.13`.
    pub fn python(&self) -> String {
        dotted_python(&format!("cp{}", self.version))
    }
}

/// Takes the path of a module apart whose suffix is that of another Python than one of `pythons`, tags such as `cp313`, unless that finds
/// another file of the module. `is_there` tells which modules there are.
pub fn foreign_suffix<'a>(path: &'a str, pythons: &[&'a str], is_there: impl Fn(&str) -> bool) -> Option<ForeignSuffix<'a>> {
    let (directory, stem, version) = take_apart(path)?;
    let ignores = |python: &&&str| *number(python) != *version && !finds(python, directory, stem, &is_there);
    let ignored_by = pythons.iter().find(ignores)?;
    Some(ForeignSuffix { path, directory, stem, version, ignored_by })
}

/// Whether `python` passes over the module at `path` for another file of the same module.
pub fn is_spare(path: &str, python: &str, is_there: impl Fn(&str) -> bool) -> bool {
    let Some((directory, stem, version)) = take_apart(path) else { return false };
    number(python) != version && finds(python, directory, stem, is_there)
}

/// Directory, name of the module and version of Python in the path of a file with the suffix of one.
fn take_apart(path: &str) -> Option<(&str, &str, &str)> {
    let (directory, name) = path.split_at(path.len() - base_name(path).len());
    let suffix = python_suffix(name)?;
    (suffix.rest == "-wasm32-emscripten.so").then_some((directory, suffix.stem, suffix.version))
}

/// Whether `python` finds an extension module of this name.
fn finds(python: &str, directory: &str, stem: &str, is_there: impl Fn(&str) -> bool) -> bool {
    let own = format!(".cpython-{}-wasm32-emscripten.so", number(python));
    [&own, ".abi3.so", ".so"].iter().any(|suffix| is_there(&format!("{directory}{stem}{suffix}")))
}

/// The version in a tag such as `cp313`, as suffixes have it.
fn number(python: &str) -> &str {
    python.trim_start_matches("cp")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_of_other_pythons_are_told() {
        let foreign =
            |path: &'static str, pythons: &[&'static str]| foreign_suffix(path, pythons, |_| false).map(|named| named.stem);
        let path = "p/m.cpython-313-wasm32-emscripten.so";
        assert_eq!(foreign(path, &["cp314"]), Some("m"));
        assert_eq!(foreign(path, &["cp313", "cp314"]), Some("m"));
        assert_eq!(foreign(path, &["cp313"]), None);
        for other in ["p/m.abi3.so", "p/m.so", "p.cpython-312-x/m.so", "m.cpython-312-x86_64-linux-gnu.so"] {
            assert_eq!(foreign(other, &["cp314"]), None, "{other}");
        }
    }

    #[test]
    fn a_file_beside_the_right_one_is_spare() {
        let path = "p/m.cpython-312-wasm32-emscripten.so";
        let ignored_by = |pythons: &[&'static str], there: &str| {
            let found = foreign_suffix(path, pythons, |path| path == there);
            found.map(|suffix| suffix.ignored_by)
        };
        for right in ["p/m.cpython-313-wasm32-emscripten.so", "p/m.abi3.so", "p/m.so"] {
            assert_eq!(ignored_by(&["cp312", "cp313"], right), None, "{right}");
            assert!(is_spare(path, "cp313", |path| path == right) && !is_spare(path, "cp312", |path| path == right));
        }
        for wrong in ["p/m.cpython-311-wasm32-emscripten.so", "m.so", "p/n.so", path] {
            assert_eq!(ignored_by(&["cp312", "cp313"], wrong), Some("cp313"), "{wrong}");
            assert!(!is_spare(path, "cp313", |path| path == wrong), "{wrong}");
        }
        assert_eq!(ignored_by(&["cp313", "cp314"], "p/m.cpython-313-wasm32-emscripten.so"), Some("cp314"));
    }
}
