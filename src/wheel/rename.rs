//! Extension modules of `abi3` wheels whose file names keep other versions of Python from importing them.
//!
//! Python looks for files with its own suffix (`.cpython-313-wasm32-emscripten.so`), `.abi3.so` and `.so` (`EXTENSION_SUFFIXES`), and
//! passes over all others without a word. A wheel tagged `abi3` promises that its modules run on every later Python; some build tools
//! (scikit-build-core with nanobind, for one) name the file for the Python that they ran under nevertheless. Such a file gets the suffix
//! `.abi3.so`, under which all of them find it.
//!
//! **Refused**: a module that uses what is not in the stable ABI ([`crate::check::abi3`]). Its file name is right then, and the wheel's
//! tag is wrong. **Left, with a notice**: a file whose new name is taken, and one that another module needs by its name.

use super::name::WheelName;
use super::runtime_path::base_name;
use super::{Module, Wheel};
use crate::check::abi3;
use anyhow::{Result, bail};
use std::collections::BTreeMap;
use wasm_pyfix_passes::Error;

/// New names of entries, by the index of the entry.
pub type Renamed = BTreeMap<usize, String>;

/// The modules that get another name so that all `pythons` (tags such as `cp313`) import them. `taken` tells which names the archive
/// has.
pub fn plan(
    wheel: &Wheel,
    modules: &[Module],
    pythons: &[&str],
    taken: impl Fn(&str) -> bool,
    allow_mismatch: bool,
    notices: &mut Vec<String>,
) -> Result<Renamed> {
    let mut renamed = Renamed::new();
    if !wheel.runs_on_target {
        return Ok(renamed);
    }
    for module in modules {
        let Some(named) = foreign_suffix(&module.path, pythons) else { continue };
        let path = &module.path;
        let ignored = format!("`{path}` has the suffix of another Python, which `{}` silently ignores", named.ignored_by);
        let (Some(entry), true) = (module.entry, is_abi3(&wheel.name) && imports_as(module, named.stem)) else {
            notices.push(format!("{ignored}; rename it to end in `.abi3.so`"));
            continue;
        };
        if let Some(problem) = outside_of_stable_abi(module, &wheel.name)? {
            let problem = format!("{ignored}, and it {problem}: it is no abi3 module, whatever the wheel's tag says");
            if !allow_mismatch {
                bail!(Error::Refused(problem));
            }
            notices.push(problem);
            continue;
        }
        let new = format!("{}{}.abi3.so", named.directory, named.stem);
        let needed = modules.iter().any(|other| other.dylink.needed.iter().any(|name| name == base_name(path)));
        if needed || taken(&new) || renamed.values().any(|name| *name == new) {
            let why = if needed { "another module needs it by its name" } else { "that name is taken" };
            notices.push(format!("{ignored}; it was not renamed to `{new}`, since {why}"));
            continue;
        }
        notices.push(format!("`{path}` is called `{new}` now: `{}` would silently ignore the old name", named.ignored_by));
        renamed.insert(entry, new);
    }
    Ok(renamed)
}

/// A file name with the suffix of one Python.
struct Named<'a> {
    /// What stands before the last component, with the slash.
    directory: &'a str,
    /// Name of the module.
    stem: &'a str,
    /// One of the Pythons that do not import it.
    ignored_by: &'a str,
}

/// Takes the path of a module apart whose suffix is that of another Python than one of `pythons`.
fn foreign_suffix<'a>(path: &'a str, pythons: &[&'a str]) -> Option<Named<'a>> {
    let (directory, name) = path.split_at(path.len() - base_name(path).len());
    let (stem, rest) = name.split_once(".cpython-")?;
    let version = rest.strip_suffix("-wasm32-emscripten.so")?;
    let ignored_by = pythons.iter().find(|python| python.trim_start_matches("cp") != version)?;
    Some(Named { directory, stem, ignored_by })
}

fn is_abi3(name: &WheelName) -> bool {
    name.abi.iter().all(|abi| abi == "abi3")
}

/// Whether Python imports the module as `name`.
fn imports_as(module: &Module, name: &str) -> bool {
    let init = format!("PyInit_{name}");
    module.exports.contains(&init)
}

/// What the module uses that no stable ABI has, in words.
fn outside_of_stable_abi(module: &Module, wheel: &WheelName) -> Result<Option<String>> {
    let Some(baseline) = abi3::baseline(wheel) else { return Ok(None) };
    let read = wasm_pyfix_passes::module::Module::read(&module.bytes)?;
    let audit = abi3::audit(&read, baseline).filter(|audit| !audit.is_abi3);
    Ok(audit.map(|audit| {
        let names: Vec<String> = audit.non_abi3_symbols.iter().map(|name| format!("`{name}`")).collect();
        format!("uses {}, which the stable ABI does not have", names.join(", "))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_of_other_pythons_are_told() {
        let foreign = |path: &'static str, pythons: &[&'static str]| foreign_suffix(path, pythons).map(|named| named.stem);
        let path = "p/m.cpython-313-wasm32-emscripten.so";
        assert_eq!(foreign(path, &["cp314"]), Some("m"));
        assert_eq!(foreign(path, &["cp313", "cp314"]), Some("m"));
        assert_eq!(foreign(path, &["cp313"]), None);
        for other in ["p/m.abi3.so", "p/m.so", "p.cpython-312-x/m.so", "m.cpython-312-x86_64-linux-gnu.so"] {
            assert_eq!(foreign(other, &["cp314"]), None, "{other}");
        }
    }
}
