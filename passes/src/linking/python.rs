//! What Python looks for in an extension module.

use crate::module::Module;

/// What the name of the function begins with by which Python initializes an extension module; the module's name follows.
pub const INIT: &str = "PyInit_";

/// What the name of the function begins with that gives it the slots of an extension module (CPython 3.15); the module's name follows.
pub const SLOTS: &str = "PyModExport_";

/// Whether an export called `name` makes a module one that Python imports: the function that initializes it, under a name that is no ASCII,
/// too, or the one that describes it (CPython 3.15).
pub fn is_entry(name: &str) -> bool {
    [INIT, "PyInitU_", SLOTS].iter().any(|prefix| name.starts_with(prefix))
}

/// Whether an export called `name` is the entry of the module that Python imports from a file called `stem`. Names that are no ASCII
/// stand there in Punycode, which is not decoded: any is taken for the right one.
pub fn is_entry_of(name: &str, stem: &str) -> bool {
    [INIT, SLOTS].iter().any(|prefix| name.strip_prefix(prefix) == Some(stem)) || (!stem.is_ascii() && is_entry(name))
}

/// Whether `module` is an extension module.
pub fn is_extension(module: &Module<'_>) -> bool {
    module.exports().iter().any(|export| is_entry(&export.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_those_of_their_file() {
        for (name, stem, expected) in [
            ("PyInit_x", "x", true),
            ("PyModExport_x", "x", true),
            ("PyInit_x", "y", false),
            ("PyInitU_dmo_bma", "d\u{e9}mo", true),
            ("PyInitU_dmo_bma", "demo", false),
            ("f", "d\u{e9}mo", false),
        ] {
            assert_eq!(is_entry_of(name, stem), expected, "{name} in {stem}");
        }
    }

    #[test]
    fn extension_modules_have_an_entry_of_any_kind() {
        for (name, expected) in [("PyInit_x", true), ("PyInitU_x", true), ("PyModExport_x", true), ("PyInit", false), ("f", false)]
        {
            let bytes =
                wat::parse_str(format!("(module (@dylink.0 (mem-info (memory 0 0) (table 0 0))) (func (export \"{name}\")))"));
            assert_eq!(is_extension(&Module::read(&bytes.unwrap()).unwrap()), expected, "{name}");
        }
    }
}
