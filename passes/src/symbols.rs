//! Symbols that moved between versions of the runtime are imported under their new names, and symbols that nobody offers are found.
//!
//! **Renaming.** An import of an old name becomes one of the new name, in `env` and in the GOT, with its flags in IMPORT_INFO.
//! Aliases from a table apply only where that can only help: the runtime and the siblings lack the old name, and the runtime has
//! the new one with the same type. Aliases that the user asks for always apply.
//!
//! **What is missing.** A strong import that neither the runtime, nor a sibling, nor the module itself offers. How much it matters
//! depends on the kind: the loader gives a module a stub for a function that it does not know, which fails when it is called; an
//! address that it does not know, a tag or a function of another type keeps the module from being loaded at all. Weak imports (by
//! IMPORT_INFO, which loaders match by field name alone) may be missing. It changes nothing and never refuses: what is missing may be
//! in a library that is loaded earlier, so the caller decides ([`is_of_runtime`]).
//!
//! **Relies on** `resolveSymbol`, `reportUndefinedSymbols` and `getDylinkMetadata` of Emscripten 4.0.9's `libdylink.js`.

use crate::linking::python::is_extension;
use crate::linking::siblings::SiblingExports;
use crate::module::{Import, Item, Module};
use crate::{Environment, Offer, Outcome, Provider};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Name of the pass.
pub const PASS: &str = "symbols";

/// Another name for a symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// The name that modules have.
    pub old: String,
    /// The name that it gets.
    pub new: String,
    /// Rename whatever the environment offers: the user asked for it.
    pub always: bool,
}

/// Import modules in which a name means a symbol; loaders offer no others.
const ENV: [&str; 2] = ["env", "wasi_snapshot_preview1"];
const GOT: [&str; 2] = ["GOT.func", "GOT.mem"];

/// Renames imports of `module`.
pub fn rename(
    module: &mut Module<'_>,
    aliases: &[Alias],
    environment: Option<&Environment>,
    sibling_exports: &SiblingExports,
) -> Outcome {
    let mut outcome = Outcome::new(PASS);
    for alias in aliases {
        let defined = module.export(&alias.old).is_some();
        let known =
            |environment: &Environment| environment.item(&alias.old).is_some() || sibling_exports.contains(&alias.old) || defined;
        let unknown = environment.filter(|environment| !known(environment));
        let renamed: HashSet<Item> = (module.imports().iter())
            .filter(|import| import.field == alias.old && (ENV.contains(&&*import.module) || GOT.contains(&&*import.module)))
            .filter(|import| {
                alias.always || unknown.is_some_and(|environment| problem(module, import, &alias.new, environment).is_none())
            })
            .map(|import| import.item)
            .collect();
        if renamed.is_empty() {
            continue;
        }
        outcome.count_named("imports_renamed", format!("{}={}", alias.old, alias.new), renamed.len());
        module.rename_imports(&renamed, &alias.new);
        for info in module.dylink.import_info.iter_mut().filter(|info| info.field == alias.old) {
            info.field.clone_from(&alias.new);
        }
    }
    outcome
}

/// What keeps a symbol from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Problem {
    /// A function of which the loader makes a stub that fails.
    Function,
    /// An address that the loader asks for when it has loaded the module.
    Address,
    /// The address of a function in JavaScript whose signature the loader does not know, so that it cannot have a table slot.
    Unaddressable,
    /// A tag, without which there is no instance.
    Tag,
    /// A global, without which there is no instance.
    Global,
    /// It is there, and is something else.
    Kind,
    /// It is there, with another type.
    Type,
}

impl Problem {
    /// All problems, the least first.
    pub const ALL: [Problem; 7] =
        [Problem::Function, Problem::Address, Problem::Unaddressable, Problem::Tag, Problem::Global, Problem::Kind, Problem::Type];
}

/// An import that cannot be bound.
#[derive(Debug, Clone, Copy)]
pub struct Unbound<'m, 'a> {
    /// The import.
    pub import: &'m Import<'a>,
    /// What is wrong with it.
    pub problem: Problem,
}

/// The strong imports of `module` that nobody offers, by name, each with the worst that is wrong with it.
pub fn missing(module: &Module<'_>, environment: &Environment, sibling_exports: &SiblingExports) -> BTreeMap<String, Problem> {
    let mut missing = BTreeMap::new();
    for Unbound { import, problem } in unbound(module, environment, sibling_exports) {
        let worst = missing.entry(import.field.to_string()).or_insert(problem);
        *worst = problem.max(*worst);
    }
    missing
}

/// The strong imports of `module` that nobody offers, and the imports of any kind that find something else than they expect.
///
/// What the runtime offers comes first, whoever else offers it. A function of another module, or of this one, is called through
/// JavaScript, which takes any type; and what one of them exports fills GOT entries. Tags and globals of others do not help: they are
/// taken when the module is instantiated, from the runtime alone.
pub fn unbound<'m, 'a>(
    module: &'m Module<'a>,
    environment: &Environment,
    sibling_exports: &SiblingExports,
) -> Vec<Unbound<'m, 'a>> {
    let weak = module.dylink.weak_imports();
    let exports: BTreeSet<&str> = module.exports().iter().map(|export| &*export.name).collect();
    let offered_elsewhere = |name: &str| {
        // A function of EM_JS is text in the data of the module that exports this.
        let script = format!("__em_js__{name}");
        [name, &script].iter().any(|name| exports.contains(name) || sibling_exports.contains(name))
    };
    let mut unbound = Vec::new();
    for import in module.imports() {
        let Some(problem) = problem(module, import, &import.field, environment) else { continue };
        let is_bound = match problem {
            Problem::Function | Problem::Address => weak.contains(&*import.field) || offered_elsewhere(&import.field),
            // The export replaces what the runtime offers.
            Problem::Unaddressable => offered_elsewhere(&import.field),
            Problem::Tag | Problem::Global => weak.contains(&*import.field),
            // Not even a weak import may have another type than what it finds.
            Problem::Kind | Problem::Type => false,
        };
        if !is_bound {
            unbound.push(Unbound { import, problem });
        }
    }
    unbound
}

/// What is wrong with `import`, were it called `name`.
fn problem(module: &Module<'_>, import: &Import<'_>, name: &str, environment: &Environment) -> Option<Problem> {
    let offer = environment.symbols.get(name);
    if GOT.contains(&&*import.module) {
        return match offer.map(|offer| (offer.provider, &offer.item)) {
            None => Some(Problem::Address),
            Some((Provider::JavaScript, crate::Item::Function(None))) => Some(Problem::Unaddressable),
            Some(_) => None,
        };
    }
    if !ENV.contains(&&*import.module) {
        return None;
    }
    match (import.item, offer) {
        (_, Some(Offer { item: crate::Item::Unknown, .. })) => None,
        (Item::Function(id), Some(Offer { provider: Provider::MainModule, item: crate::Item::Function(Some(ty)) })) => {
            (ty != module.signature(id)).then_some(Problem::Type)
        }
        // JavaScript takes any type.
        (Item::Function(_), Some(Offer { item: crate::Item::Function(_), .. })) => None,
        (Item::Function(_), Some(_)) => Some(Problem::Kind),
        (Item::Function(_), None) => (!environment.offers_function(name)).then_some(Problem::Function),
        (Item::Global(id), Some(offer)) => {
            let ty = module.globals()[id.0 as usize].ty;
            match offer.item {
                crate::Item::Global { value, mutable } => {
                    ((value, mutable) != (ty.content_type, ty.mutable)).then_some(Problem::Type)
                }
                // An address is a number, which an immutable global takes.
                crate::Item::Data => ty.mutable.then_some(Problem::Kind),
                _ => Some(Problem::Kind),
            }
        }
        (Item::Global(_), None) => Some(Problem::Global),
        (Item::Tag(id), Some(Offer { item: crate::Item::Tag(ty), .. })) => {
            (*ty != module.types()[module.tags()[id.0 as usize].ty.0 as usize]).then_some(Problem::Type)
        }
        (Item::Tag(_), Some(_)) => Some(Problem::Kind),
        (Item::Tag(_), None) => Some(Problem::Tag),
        // The loader has the one of each itself.
        (Item::Table(_) | Item::Memory(_), _) => None,
    }
}

/// Whether only a runtime can be meant to offer the symbol `name`, even where none does: the names that Emscripten and its C++ library
/// keep for themselves and, in an extension module of Python that needs no library, that Python does.
pub fn is_of_runtime(name: &str, module: &Module<'_>) -> bool {
    const RESERVED: [&str; 5] = ["__cxa_", "emscripten_", "_emscripten_", "__syscall_", "_Unwind_"];
    const PYTHON: [&str; 3] = ["Py", "_Py", "__Py"];
    RESERVED.iter().any(|prefix| name.starts_with(prefix))
        || is_of_standard_library(name)
        || (PYTHON.iter().any(|prefix| name.starts_with(prefix)) && is_lone_extension(module))
}

fn is_lone_extension(module: &Module<'_>) -> bool {
    module.dylink.needed.is_empty() && is_extension(module)
}

/// Whether `name` is mangled by the Itanium C++ ABI, stands for something in `std`, and mentions nothing outside of it. (A template of
/// the library with a class of a user among its arguments is in whichever library uses it.)
fn is_of_standard_library(name: &str) -> bool {
    let Some(mut rest) = name.strip_prefix("_Z") else { return false };
    // Vtables, typeinfo, their names, guards.
    for prefix in ["TV", "TI", "TS", "TT", "GV"] {
        rest = rest.strip_prefix(prefix).unwrap_or(rest);
    }
    let nested = rest.strip_prefix('N').unwrap_or(rest).trim_start_matches(['V', 'K', 'R', 'O']);
    if !nested.starts_with("St") {
        return false;
    }
    let mut bytes = rest.as_bytes();
    // Whether an identifier that comes now belongs to a scope that was named before it.
    let mut scoped = false;
    while let Some((&first, behind)) = bytes.split_first() {
        bytes = behind;
        scoped = match first {
            b'0'..=b'9' => {
                let Some((length, behind)) = number(first, behind) else { return false };
                let Some(behind) = behind.get(length..) else { return false };
                if !scoped {
                    return false;
                }
                bytes = behind;
                true
            }
            // `St` is std; `S_` and `S0_` repeat something, all of which was checked.
            b'S' => {
                let length = behind.iter().position(|byte| !byte.is_ascii_digit() && !byte.is_ascii_uppercase());
                bytes = length.and_then(|length| behind.get(length + 1..)).unwrap_or_default();
                true
            }
            // `T_` and `T0_` are parameters of the template.
            b'T' => {
                let length = behind.iter().position(|byte| *byte == b'_');
                bytes = length.and_then(|length| behind.get(length + 1..)).unwrap_or_default();
                false
            }
            // A literal argument, `Lb1E`.
            b'L' => {
                let length = behind.iter().position(|byte| *byte == b'E');
                bytes = length.and_then(|length| behind.get(length + 1..)).unwrap_or_default();
                false
            }
            // The end of arguments or of a name, behind which a member may come; an ABI tag.
            b'E' | b'B' => true,
            // Constructors and destructors.
            b'C' | b'D' if behind.first().is_some_and(u8::is_ascii_digit) => {
                bytes = &behind[1..];
                scoped
            }
            _ => false,
        };
    }
    true
}

/// The decimal number that begins with `first`, and what comes behind it.
fn number(first: u8, mut behind: &[u8]) -> Option<(usize, &[u8])> {
    let mut number = usize::from(first - b'0');
    while let Some((digit @ b'0'..=b'9', rest)) = behind.split_first() {
        number = number.checked_mul(10)?.checked_add(usize::from(digit - b'0'))?;
        behind = rest;
    }
    Some((number, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_standard_library_are_told_from_templates_of_users() {
        for name in [
            "_ZNKSt3__220__vector_base_commonILb1EE20__throw_out_of_rangeEv",
            "_ZNKSt3__221__basic_string_commonILb1EE20__throw_length_errorEv",
            "_ZNSt3__212basic_stringIcNS_11char_traitsIcEENS_9allocatorIcEEE6appendEPKcm",
            "_ZNSt9exceptionD2Ev",
            "_ZTVNSt3__220__time_get_c_storageIcEE",
            "_ZSt9terminatev",
            "_ZNSt3__26vectorIiNS_9allocatorIiEEE9push_backB8ne180100EOi",
        ] {
            assert!(is_of_standard_library(name), "{name}");
        }
        for name in [
            "_ZNSt3__26vectorI3FooNS_9allocatorIS1_EEE9push_backERKS1_",
            "_ZNSt3__24listIN5mupdf8FzPointsENS_9allocatorIS2_EEE5clearEv",
            "_ZN5mupdf7FzStextC1Ev",
            "_Z3foov",
            "_Znwm",
            "memcpy",
            "_ZNSt3__299999999999999999999x",
        ] {
            assert!(!is_of_standard_library(name), "{name}");
        }
    }
}
