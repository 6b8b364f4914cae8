//! Compares two wheels, archives or modules.

use super::pairs::{Paired, pairs};
use super::read::{Piece, Side};
use super::sizes::{self, Measured};
use super::{Contents, Files, ModuleDiff, Names, Pair, Section, Status, Symbols, counts};
use crate::loader::{base_name, directory};
use crate::show;
use crate::wheel::audit::Audit;
use crate::wheel::isolate;
use crate::wheel::metadata::sha256_hex;
use anyhow::Result;
use indexmap::IndexMap;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What differs in the contents of two sides, one of which may not be there. `compressed` says whether compressed sizes are asked for.
///
/// # Errors
/// When a compressor fails.
pub fn contents(old: Option<&Side>, new: Option<&Side>, compressed: bool) -> Result<Contents> {
    let measured = measure(old, new, compressed)?;
    let total = sizes::pair(old.map(|_| sizes::total(&measured.old)), new.map(|_| sizes::total(&measured.new)));
    let made_from_old = old.zip(new).is_some_and(|(old, new)| is_made_from(old, new));
    let nothing = Side::default();
    let (old, new) = (old.unwrap_or(&nothing), new.unwrap_or(&nothing));
    let module = |(before, now): Paired| {
        let sizes = sizes::pair(before.map(|before| measured.old[before]), now.map(|now| measured.new[now]));
        let (before, now) = (before.map(|before| &old.modules[before]), now.map(|now| &new.modules[now]));
        let passes = before.zip(now).and_then(|(before, now)| passes(new.audit.as_ref()?, before, now)).unwrap_or_default();
        ModuleDiff { sizes, passes, ..module(before, now) }
    };
    let keys: [fn(&Piece) -> Option<String>; 2] =
        [|piece| Some(piece.path.clone().unwrap_or_default()), |piece| Some(plain_path(piece.path.as_deref().unwrap_or_default()))];
    let modules: Vec<ModuleDiff> = pairs(&old.modules, &new.modules, &keys).into_iter().map(module).collect();
    Ok(Contents {
        tags: names(&old.tags, &new.tags),
        audits: Pair { old: old.audit.clone(), new: new.audit.clone() },
        made_from_old,
        files: files(&old.files, &new.files),
        counts: counts(modules.iter().map(|module| module.status)),
        sizes: total,
        modules,
    })
}

/// Whether the last run that `new` records began with the modules of `old`.
fn is_made_from(old: &Side, new: &Side) -> bool {
    let Some(run) = new.audit.as_ref().and_then(|audit| audit.runs.last()) else { return false };
    let modules: HashSet<String> = old.modules.iter().map(|piece| sha256_hex(&piece.bytes)).collect();
    let originals: HashSet<&String> =
        run.modules.iter().filter(|module| !module.original.grafted).map(|module| &module.original.sha256).collect();
    modules.len() == originals.len() && originals.into_iter().all(|original| modules.contains(original))
}

fn pieces(side: Option<&Side>) -> &[Piece] {
    side.map(|side| side.modules.as_slice()).unwrap_or_default()
}

/// The sizes of all modules, each contents measured once.
fn measure(old: Option<&Side>, new: Option<&Side>, compressed: bool) -> Result<Pair<Vec<Measured>>> {
    let contents: BTreeSet<&[u8]> = pieces(old).iter().chain(pieces(new)).map(|piece| piece.bytes.as_slice()).collect();
    let contents: Vec<&[u8]> = contents.into_iter().collect();
    let measured = sizes::measure(&contents, compressed)?;
    let known: HashMap<&[u8], Measured> = contents.into_iter().zip(measured).collect();
    let of = |side: Option<&Side>| pieces(side).iter().map(|piece| known[piece.bytes.as_slice()]).collect();
    Ok(Pair { old: of(old), new: of(new) })
}

/// A path without the suffix of one Python and without a hash: `p/x.cpython-312-wasm32-emscripten.so` and `p/x.abi3.so` are `p/x`, as far as
/// nothing else is called so.
fn plain_path(path: &str) -> String {
    let name = isolate::without_hash(base_name(path)).unwrap_or_else(|| base_name(path).to_string());
    let stem = name.split_once('.').map_or(name.as_str(), |(stem, _)| stem);
    format!("{}/{stem}", directory(path))
}

/// What differs between two modules, but for their sizes.
fn module(old: Option<&Piece>, new: Option<&Piece>) -> ModuleDiff {
    let both = |of: fn(&Piece) -> u64| Pair { old: old.map(of), new: new.map(of) };
    let status = match (old, new) {
        (Some(old), Some(new)) if old.bytes != new.bytes => Status::Changed,
        (Some(old), Some(new)) if old.path != new.path => Status::Renamed,
        (Some(_), Some(_)) => Status::Same,
        (None, _) => Status::Came,
        (_, None) => Status::Went,
    };
    let needed = |piece: Option<&Piece>| -> Vec<String> {
        let linking = piece.and_then(|piece| piece.about.linking.as_ref());
        linking.map(|linking| linking.needed.iter().map(|need| need.name.clone()).collect()).unwrap_or_default()
    };
    let runtime_path = |piece: Option<&Piece>| {
        piece.and_then(|piece| piece.about.linking.as_ref()).map(|linking| linking.runtime_path.clone()).unwrap_or_default()
    };
    let functions = |piece: Option<&Piece>| piece.map(|piece| piece.about.functions.count);
    ModuleDiff {
        path: Pair { old: old.and_then(|piece| piece.path.clone()), new: new.and_then(|piece| piece.path.clone()) },
        status,
        sizes: super::Sizes::default(),
        functions: Pair { old: functions(old), new: functions(new) },
        relocations: both(|piece| piece.about.relocations.data_code_size + piece.about.relocations.start_code_size),
        needed: names(&needed(old), &needed(new)),
        runtime_path: Pair { old: runtime_path(old), new: runtime_path(new) },
        imports: symbols(old.map(|piece| &piece.about.imports), new.map(|piece| &piece.about.imports)),
        exports: symbols(old.map(|piece| &piece.about.exports), new.map(|piece| &piece.about.exports)),
        sections: sections(old, new),
        passes: IndexMap::new(),
    }
}

/// What passes did to `old`, by the last run that is recorded in the wheel of `new`.
fn passes(audit: &Audit, old: &Piece, new: &Piece) -> Option<IndexMap<String, IndexMap<String, usize>>> {
    let module = audit.runs.last()?.modules.iter().find(|module| Some(&module.path) == new.path.as_ref())?;
    (module.original.sha256 == sha256_hex(&old.bytes)).then(|| module.passes.clone())
}

/// The names that are on one side alone.
pub fn names(old: &[String], new: &[String]) -> Names {
    let lacking = |some: &[String], others: &[String]| {
        let others: HashSet<&String> = others.iter().collect();
        some.iter().filter(|name| !others.contains(name)).cloned().collect()
    };
    Names { came: lacking(new, old), went: lacking(old, new) }
}

/// The files that differ, of which the hashes are given.
pub fn files(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Files {
    let lacking = |some: &BTreeMap<String, String>, others: &BTreeMap<String, String>| {
        some.keys().filter(|name| !others.contains_key(*name)).cloned().collect()
    };
    let changed = old.iter().filter(|(name, hash)| new.get(*name).is_some_and(|new| new != *hash));
    Files { came: lacking(new, old), went: lacking(old, new), changed: changed.map(|(name, _)| name.clone()).collect() }
}

fn symbols(old: Option<&show::Symbols>, new: Option<&show::Symbols>) -> Symbols {
    let (old, mut new) = (described(old), described(new));
    let mut symbols = Symbols::default();
    for (name, was) in old {
        match new.remove(&name) {
            None => drop(symbols.went.insert(name, was)),
            Some(is) if is == was => {}
            Some(is) => drop(symbols.changed.insert(name, Pair { old: was, new: is })),
        }
    }
    symbols.came = new;
    symbols
}

/// What symbols are, by their names: those of imports with their modules. What is imported twice is both.
fn described(symbols: Option<&show::Symbols>) -> BTreeMap<String, String> {
    let mut described: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for symbol in symbols.and_then(|symbols| symbols.list.as_ref()).into_iter().flatten() {
        let name = match &symbol.module {
            Some(module) => format!("{module}.{}", symbol.name),
            None => symbol.name.clone(),
        };
        let ty = symbol.ty.as_ref().map(|ty| format!(" {ty}")).unwrap_or_default();
        let weak = if symbol.weak { ", weak" } else { "" };
        described.entry(name).or_default().insert(format!("{}{ty}{weak}", symbol.kind));
    }
    described.into_iter().map(|(name, of)| (name, of.into_iter().collect::<Vec<_>>().join("; "))).collect()
}

/// The sections that have another size.
fn sections(old: Option<&Piece>, new: Option<&Piece>) -> Vec<Section> {
    let mut sections: IndexMap<&str, Pair<Option<u64>>> = IndexMap::new();
    for (piece, is_new) in [(old, false), (new, true)] {
        for section in piece.iter().flat_map(|piece| &piece.about.sections) {
            let size = sections.entry(&section.name).or_default();
            *(if is_new { &mut size.new } else { &mut size.old }).get_or_insert(0) += section.size;
        }
    }
    let changed = sections.into_iter().filter(|(_, size)| size.old != size.new);
    changed.map(|(name, size)| Section { name: name.to_string(), size }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_and_hashes_do_not_tell_modules_apart() {
        for path in ["p/x.so", "p/x.abi3.so", "p/x.cpython-312-wasm32-emscripten.so", "p/x-0123abcd.so.1"] {
            assert_eq!(plain_path(path), "p/x");
        }
        assert_eq!((plain_path("x-y.so"), plain_path("q/x.so")), ("/x-y".to_string(), "q/x".to_string()));
    }

    #[test]
    fn names_that_stay_are_not_told() {
        let list = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        let found = names(&list(&["a", "b"]), &list(&["c", "b"]));
        assert_eq!(found, Names { came: list(&["c"]), went: list(&["a"]) });
    }
}
