//! Where a module comes from, and what was missing there.
//!
//! A function that is imported and that nobody offers fails when it is called, never before: the loader makes a stub of it. So a module
//! that was built for a platform without the function works there as far as it works at all, and works on the next one alike.
//!
//! The platform is told by what names it, the tags of a wheel or the Python in the name of a module (`x.cpython-312-….so`); where nothing
//! does, by the exception ABI of the module if that is native, since all platforms of Pyodide that have it are known here. JavaScript
//! exceptions say less: platforms had them that are not known here. A module for an application with a main module of its own comes
//! from that application, which is all that is known of it. Otherwise nothing is known, and nothing is taken to have been missing.

use crate::loader::base_name;
use crate::name::{WheelName, python_suffix};
use crate::target::{Target, known};
use std::collections::{BTreeSet, HashSet};
use wasm_pyfix_passes::ExceptionAbi;
use wasm_pyfix_passes::module::{Item, Module};
use wasmparser::{FuncType, ValType};

/// Tags that only modules with native exceptions import, each with one i32.
const NATIVE_TAGS: [&str; 2] = ["__cpp_exception", "__c_longjmp"];

/// Where a module comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The platforms that it may be built for; none where that is not known.
    platforms: Vec<&'static Target>,
    /// Whether it is for an application that no manifest knows.
    application: bool,
    /// The functions that it imports.
    functions: HashSet<String>,
}

impl Origin {
    /// The origin of `module` as it came: built for one of the platforms `named`, if there are any, and to be run on `target`.
    pub fn new(module: &Module<'_>, named: &[&'static Target], application: bool) -> Self {
        let functions = module.imports().iter().filter(|import| matches!(import.item, Item::Function(_)));
        let functions = functions.map(|import| import.field.to_string()).collect();
        let platforms = match named {
            [] if application => Vec::new(),
            [] if has_native_tag(module) => {
                Target::all().iter().filter(|target| target.has_wheels() && target.exception_abi == ExceptionAbi::Native).collect()
            }
            named => named.to_vec(),
        };
        Origin { platforms, application, functions }
    }

    /// Whether the module imported the function `name` where it comes from, too, and nobody offered it there.
    pub fn lacked(&self, name: &str) -> bool {
        if !self.functions.contains(name) {
            return false;
        }
        if self.platforms.is_empty() {
            return self.application;
        }
        let lacks = |platform: &&Target| {
            let environment = known().iter().find(|(target, _)| target.name == platform.name).map(|(_, environment)| environment);
            environment.is_some_and(|environment| !environment.offers_function(name) && !environment.may_define(name))
        };
        self.platforms.iter().all(lacks)
    }

    /// Behind "which … does not have": why it was missing before.
    pub fn describe(&self, target: &str) -> String {
        let names: BTreeSet<&str> = self.platforms.iter().map(|platform| platform.name).filter(|name| *name != target).collect();
        if self.application {
            "and no other version of the application is known".to_string()
        } else if names.is_empty() {
            "for which it was built".to_string()
        } else {
            format!("and neither has {}, for which it was built", names.into_iter().collect::<Vec<_>>().join(" or "))
        }
    }
}

/// The platforms that the name of an input names: the tags of a wheel, the Python of a module.
pub fn of_file_name(name: &str) -> Vec<&'static Target> {
    match WheelName::parse(name) {
        Ok(name) => name.sources().collect(),
        Err(_) => of_module_name(name).into_iter().collect(),
    }
}

/// The platform whose Python stands in the name of the module at `path`.
pub fn of_module_name(path: &str) -> Option<&'static Target> {
    let version = python_suffix(base_name(path))?.version;
    Target::all().iter().find(|target| target.has_wheels() && target.python.replace('.', "") == version)
}

fn has_native_tag(module: &Module<'_>) -> bool {
    let one_i32 = FuncType::new([ValType::I32], []);
    let is_tag = |item: Item| match item {
        Item::Tag(id) => module.types()[module.tags()[id.0 as usize].ty.0 as usize] == one_i32,
        _ => false,
    };
    module.imports().iter().any(|import| is_tag(import.item) && NATIVE_TAGS.contains(&&*import.field))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str, named: &[&str], application: bool) -> Origin {
        let text = format!("(module (@dylink.0 (mem-info (memory 0 0) (table 0 0))) {text})");
        let bytes = wat::parse_str(text).unwrap();
        let named: Vec<_> = named.iter().map(|name| Target::find(name).unwrap()).collect();
        Origin::new(&Module::read(&bytes).unwrap(), &named, application)
    }

    #[test]
    fn a_function_was_missing_where_every_platform_lacks_it() {
        let imports =
            ["emscripten_sleep", "invoke_ii", "__time", "memcpy"].map(|name| format!("(import \"env\" \"{name}\" (func))"));
        let imports = imports.concat();
        for (named, lacked) in [
            (&["pyodide_2024_0"][..], &["emscripten_sleep"][..]),
            (&["pyodide_2025_0"], &["emscripten_sleep", "invoke_ii"]),
            (&["pyemscripten_2026_0"], &["emscripten_sleep", "invoke_ii", "__time"]),
            (&["pyodide_2024_0", "pyemscripten_2026_0"], &["emscripten_sleep"]),
            (&[], &[]),
        ] {
            let origin = origin(&imports, named, false);
            let names = ["emscripten_sleep", "invoke_ii", "__time", "memcpy", "emscripten_not_imported"];
            assert_eq!(names.into_iter().filter(|name| origin.lacked(name)).collect::<Vec<_>>(), lacked, "{named:?}");
        }
    }

    #[test]
    fn native_exceptions_tell_the_platforms() {
        let imports = "(import \"env\" \"emscripten_sleep\" (func)) (import \"env\" \"__time\" (func))";
        let native = format!("{imports} (import \"env\" \"__cpp_exception\" (tag (param i32)))");
        let origin_of = |text: &str, named: &[&str]| {
            let origin = origin(text, named, false);
            (origin.lacked("emscripten_sleep"), origin.lacked("__time"))
        };
        assert_eq!(origin_of(imports, &[]), (false, false));
        // One of the two has `__time`.
        assert_eq!(origin_of(&native, &[]), (true, false));
        assert_eq!(origin_of(&native, &["pyemscripten_2026_0"]), (true, true));
    }

    #[test]
    fn an_application_is_all_that_is_known_of_its_modules() {
        let origin = origin("(import \"env\" \"memcpy\" (func))", &[], true);
        assert!(origin.lacked("memcpy") && !origin.lacked("strlen"));
    }

    #[test]
    fn names_of_modules_tell_the_platform() {
        let name = |path: &str| of_module_name(path).map(|target| target.name);
        assert_eq!(name("a/x.cpython-312-wasm32-emscripten.so"), Some("pyodide_2024_0"));
        assert_eq!(name("x.cpython-314-wasm32-emscripten.so"), Some("pyemscripten_2026_0"));
        let input = |name: &str| of_file_name(name).iter().map(|target| target.name).collect::<Vec<_>>();
        let both = ["pyodide_2025_0", "pyemscripten_2026_0"];
        assert_eq!(input("x-1.0-py3-none-pyodide_2025_0_wasm32.pyodide_2026_0_wasm32.whl"), both);
        assert_eq!(input("x.cpython-313-wasm32-emscripten.so"), ["pyodide_2025_0"]);
        assert_eq!(input("x.zip"), [] as [&str; 0]);
        for other in ["x.abi3.so", "x.cpython-39-wasm32-emscripten.so", "x.cpython-312/libx.so", ""] {
            assert_eq!(name(other), None, "{other}");
        }
    }
}
