//! File names of private libraries that no other library has: `libx-1a2b3c4d.so` instead of `libx.so`.
//!
//! Loaders look for a needed library in `/usr/lib` and site-packages before they look along RUNTIME_PATH ([`crate::loader`]). A library of
//! that name which another package put there wins over the one in the wheel, whatever it is. So a library gets a part of the hash of its
//! contents into its name, before the first dot, as auditwheel has it, and NEEDED of its users names it so.
//!
//! The hash is that of the library as it was found, so that options do not change names. A second run knows such a name by its looks: `-`
//! and eight hexadecimal digits before the first dot, unless they make a date: versions are called so, and no hash is. It does not compute it again, for the contents are others by then. Options may go on
//! to call such a library by its plain name.
//!
//! A library keeps its name where something may open it by that. What opens libraries is the same as for exports that may go
//! ([`crate::code::openers`]), but for imports that nothing uses: where code or a module may open any, all keep their names. Where all that is opened is named, those keep
//! them whose name occurs, in whatever case, in a file of the archive or in the data of a module: code may read it from there. `RECORD` and
//! the record of earlier runs name every file and do not count.
//!
//! **Left**: libraries that were in the wheel before, unless they are asked for; then, those outside of `*.libs`, which other packages may
//! need, and those whose new name is taken. **Relies on** every user being in the archive, and on names of libraries being spelled out.

use super::metadata::sha256_hex;
use super::modules::{self, Module};
use super::{Edits, Wheel, WheelOptions, audit, linked_modules, root};
use crate::archive::{Archive, Names};
use crate::code::openers::Opens;
use crate::code::sources::Sources;
use crate::code::{Code, occur_in_any_case};
use crate::codes::noted::PLAIN_NAME;
use crate::exports::{file_names, is_private, lasting_opener};
use crate::loader::{base_name, directory};
use crate::wheel::runtime_path;
use anyhow::{Context, Result};
use clap::ValueEnum;
use rayon::prelude::*;
use std::collections::{BTreeMap, HashSet};
use std::ops::{Range, RangeInclusive};
use wasm_pyfix_passes::Notice;
use wasm_pyfix_passes::linking::python::is_entry;
use wasm_pyfix_passes::module::Module as Linked;

/// Which libraries get names that nobody else has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Isolate {
    /// Those that are grafted
    #[default]
    Grafted,
    /// All that are in a directory `*.libs` and that another module of the wheel needs
    Files,
    /// None
    None,
}

/// Hexadecimal digits of the hash that a name gets, as with auditwheel.
const DIGITS: usize = 8;

/// The name of a library with a part of the hash of its contents; `None` if it has one.
pub fn hashed(name: &str, bytes: &[u8]) -> Option<String> {
    let hash = sha256_hex(bytes);
    let (part, (base, rest)) = (part(&hash), split(name));
    (!has_hash(name)).then(|| format!("{base}-{part}{rest}"))
}

/// The first digits of a hash that nobody takes for a date.
fn part(hash: &str) -> &str {
    let mut parts = (0..=hash.len() - DIGITS).map(|at| &hash[at..at + DIGITS]);
    parts.find(|part| !is_date(part)).unwrap_or(&hash[..DIGITS])
}

/// Whether eight digits may be a date of this century or the last one, `20240131`.
fn is_date(digits: &str) -> bool {
    let number =
        |range: Range<usize>| digits.get(range).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok();
    let within = |range: Range<usize>, values: RangeInclusive<u32>| number(range).is_some_and(|number| values.contains(&number));
    within(0..4, 1900..=2099) && within(4..6, 1..=12) && within(6..8, 1..=31)
}

/// Whether a library is called as [`hashed`] calls them.
fn has_hash(name: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let hash = split(name).0.rsplit_once('-').map(|(_, hash)| hash);
    hash.is_some_and(|hash| hash.len() == DIGITS && hash.bytes().all(is_digit) && !is_date(hash))
}

/// The name that a library had before it was called as [`hashed`] calls them, if it is.
pub fn without_hash(name: &str) -> Option<String> {
    let (base, rest) = split(name);
    let (plain, _) = base.rsplit_once('-').filter(|_| has_hash(name))?;
    Some(format!("{plain}{rest}"))
}

/// A name before its first dot, and from there on.
fn split(name: &str) -> (&str, &str) {
    name.split_at(name.find('.').unwrap_or(name.len()))
}

/// The path of `name` beside the file at `path`.
fn beside(path: &str, name: &str) -> String {
    let directory = directory(path);
    if directory.is_empty() { name.to_string() } else { format!("{directory}/{name}") }
}

/// Has `modules` call libraries that an earlier run renamed by their new names, where options add them by the plain ones.
///
/// Of several with one plain name each module gets the one that it got under that.
pub(super) fn recall(modules: &mut [Module], wheel: Option<&Wheel>, options: &WheelOptions) {
    if options.isolate != Isolate::Files {
        return;
    }
    let carried: HashSet<&str> = modules.iter().map(|module| base_name(&module.path)).collect();
    let added = options.module.add_needed.iter().map(String::as_str);
    let added: HashSet<&str> = added.filter(|name| !carried.contains(name)).collect();
    // Nobody knows which one it was, of two in one directory.
    let mut renamed: BTreeMap<String, Option<usize>> = BTreeMap::new();
    for (index, module) in modules.iter().enumerate().filter(|(_, module)| is_private(&module.path)) {
        let plain = without_hash(base_name(&module.path)).filter(|plain| added.contains(plain.as_str()));
        let Some(plain) = plain else { continue };
        renamed.entry(beside(&module.path, &plain)).and_modify(|only| *only = None).or_insert(Some(index));
    }
    let mut linked = linked_modules(modules, options);
    for (path, index) in renamed.into_iter().filter_map(|(path, only)| Some((path, only?))) {
        modules[index].plain_name = Some(base_name(&path).to_string());
        linked[index].path = path;
    }
    linked.iter_mut().for_each(|module| module.needed.retain(|name| added.contains(name.as_str())));
    let decided = runtime_path::decide(&linked, root(wheel, options), wheel.map(|wheel| wheel.name.distribution.as_str()));
    if !decided.undecided.is_empty() {
        return;
    }
    for (module, libraries) in decided.libraries().iter().enumerate() {
        for library in libraries {
            let new = base_name(&modules[*library].path).to_string();
            modules[module].call_needed(base_name(&linked[*library].path), &new);
        }
    }
}

/// Gives libraries among `modules` their names, and the modules that need them what they will need.
pub(super) fn rename(
    modules: &mut [Module],
    archive: &Archive<'_>,
    wheel: Option<&Wheel>,
    options: &WheelOptions,
    edits: &mut Edits,
    notices: &mut Vec<Notice>,
) -> Result<()> {
    let mut candidates = candidates(modules, options);
    if candidates.is_empty() {
        return Ok(());
    }
    let linked = linked_modules(modules, options);
    let decided = runtime_path::decide(&linked, root(wheel, options), wheel.map(|wheel| wheel.name.distribution.as_str()));
    if !decided.undecided.is_empty() {
        // Nobody knows whose name to write into whom. Where that matters, the archive is refused.
        return Ok(());
    }
    let kept = kept(modules, &candidates, archive, wheel, edits)?;
    candidates.retain(|index, _| !kept.contains_key(index));
    notices.extend(kept.into_values().map(|message| PLAIN_NAME.notes(message)));
    let entries = archive.entries.iter().map(|entry| entry.name.as_str());
    let names = Names::new(entries.chain(modules.iter().map(|module| module.path.as_str())));
    candidates.retain(|index, new| {
        let taken = names.in_the_way(new).is_some();
        if taken {
            notices.push(PLAIN_NAME.notes(format!("`{}` keeps its name: `{new}` is taken", modules[*index].path)));
        }
        !taken
    });
    for (module, libraries) in decided.libraries().iter().enumerate() {
        for library in libraries {
            let Some(new) = candidates.get(library) else { continue };
            let old = base_name(&modules[*library].path).to_string();
            modules[module].call_needed(&old, base_name(new));
        }
    }
    for (index, new) in candidates {
        let module = &mut modules[index];
        module.plain_name = Some(base_name(&module.path).to_string());
        if let Some(entry) = module.entry {
            edits.renamed.insert(entry, new.clone());
        }
        module.path = new;
    }
    Ok(())
}

/// The libraries that are to get other names, with their new paths.
fn candidates(modules: &[Module], options: &WheelOptions) -> BTreeMap<usize, String> {
    let needed: Vec<String> = modules.iter().flat_map(|module| modules::needed(module, &options.module)).collect();
    let needed: HashSet<&str> = needed.iter().map(String::as_str).collect();
    let is_meant = |module: &Module| match options.isolate {
        Isolate::None => false,
        Isolate::Grafted => module.entry.is_none(),
        Isolate::Files => module.entry.is_none() || is_private(&module.path),
    };
    let is_library =
        |module: &Module| needed.contains(base_name(&module.path)) && !module.exports.iter().any(|name| is_entry(name));
    let meant = modules.iter().enumerate().filter(|(_, module)| is_meant(module) && is_library(module));
    let named = meant.filter_map(|(index, module)| {
        let name = hashed(base_name(&module.path), &module.bytes)?;
        Some((index, beside(&module.path, &name)))
    });
    named.collect()
}

/// Those of the candidates that something may open by their names, each with a sentence that tells what.
fn kept(
    modules: &[Module],
    candidates: &BTreeMap<usize, String>,
    archive: &Archive<'_>,
    wheel: Option<&Wheel>,
    edits: &Edits,
) -> Result<BTreeMap<usize, String>> {
    let kept = |index: &usize, why: &str| (*index, format!("`{}` keeps its name: {why}", modules[*index].path));
    let read = read_all(modules)?;
    if let Some(why) = opener(modules, &read, archive, edits)? {
        return Ok(candidates.keys().map(|index| kept(index, &why)).collect());
    }
    let names: Vec<[String; 2]> = candidates.keys().map(|index| file_names(&modules[*index].path)).collect();
    let all: Vec<&str> = names.iter().flatten().map(String::as_str).collect();
    let data: Vec<&[u8]> = read.iter().flat_map(Linked::data).map(|segment| &*segment.bytes).collect();
    let occur = occur_in_any_case(&all, &readable(modules, archive, wheel, edits), &data)?;
    let opened = candidates.keys().zip(occur.chunks(2)).filter(|(_, occur)| occur.contains(&true));
    Ok(opened.map(|(index, _)| kept(index, "its name occurs in a file or in a module, and may be opened by that")).collect())
}

fn read_all(modules: &[Module]) -> Result<Vec<Linked<'_>>> {
    let read = modules.par_iter().map(|module| Linked::read(&module.bytes).with_context(|| format!("entry `{}`", module.path)));
    read.collect()
}

/// Why any library may be opened, if it may.
fn opener(modules: &[Module], read: &[Linked<'_>], archive: &Archive<'_>, edits: &Edits) -> Result<Option<String>> {
    let mut code = Code::new(modules::sources(archive, edits)?);
    let opens_any = |(_, opens): &&(String, Opens)| matches!(opens, Opens::Any | Opens::Global(_));
    if let Some((path, _)) = code.opens()?.iter().find(opens_any) {
        return Ok(Some(format!("`{path}` may open any library")));
    }
    let paths: Vec<&str> = modules.iter().map(|module| module.path.as_str()).collect();
    lasting_opener(&paths, read, || read_all(modules))
}

/// What code may read names from: all files that stay, but modules and those that name every file.
fn readable<'a>(modules: &[Module], archive: &'a Archive<'a>, wheel: Option<&Wheel>, edits: &Edits) -> Sources<'a> {
    let modules: HashSet<usize> = modules.iter().filter_map(|module| module.entry).collect();
    let listing =
        |name: &str| wheel.is_some_and(|wheel| name == format!("{}/RECORD", wheel.dist_info) || name == audit::path(wheel));
    let stays = |index: &usize| {
        let entry = &archive.entries[*index];
        !entry.directory && !edits.removed.contains(index) && !modules.contains(index) && !listing(&entry.name)
    };
    Sources::Entries(archive, (0..archive.entries.len()).filter(stays).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_no_hashes() {
        for date in ["libx-20240101.so", "libx-19991231.so.1"] {
            assert!(!has_hash(date) && hashed(date, b"").is_some(), "{date}");
        }
        for hash in ["libx-20241301.so", "libx-20240132.so", "libx-00000000.so", "libx-2024010a.so", "libx-21000101.so"] {
            assert!(has_hash(hash), "{hash}");
        }
        // printf 28648 | sha256sum: 2043102234e7f478…
        let name = hashed("libx.so", b"28648").unwrap();
        assert_eq!((name.as_str(), has_hash(&name)), ("libx-04310223.so", true));
    }

    #[test]
    fn names_get_a_hash_once() {
        // printf '' | sha256sum
        assert_eq!(hashed("libx.so", b"").as_deref(), Some("libx-e3b0c442.so"));
        assert_eq!(hashed("libx.so.1.2", b"").as_deref(), Some("libx-e3b0c442.so.1.2"));
        assert_eq!(hashed("libx-e3b0c442.so.1", b"other"), None);
        for plain in ["lib-12345.so", "libx-1234567g.so", "libx-ABCDEF01.so", "libx.so-12345678", "12345678.so"] {
            assert!(!has_hash(plain), "{plain}");
        }
    }
}
