//! File names of private libraries that no other library has: `libx-1a2b3c4d.so` instead of `libx.so`.
//!
//! Loaders look for a needed library in `/usr/lib` and site-packages before they look along RUNTIME_PATH ([`crate::loader`]). A library of
//! that name which another package put there wins over the one in the wheel, whatever it is. So a library gets a part of the hash of its
//! contents into its name, before the first dot, as auditwheel has it, and NEEDED of its users names it so.
//!
//! The hash is that of the library as it was found, so that options do not change names. A second run knows such a name by its looks: `-`
//! and eight hexadecimal digits before the first dot. It does not compute it again, for the contents are others by then.
//!
//! A library keeps its name where something may open it by that: code names the file, or a module has the name in its data. Of code that
//! opens libraries by names that it puts together, nobody knows which; there a library keeps its name if what is special in it, `x` of
//! `libx.so`, occurs in any code or data. Of modules that import `dlopen` those count which have a format for such names: libhdf5 imports
//! it for plugins, whatever they are called. Names that modules of Cython keep compressed are not seen.
//!
//! **Left**: libraries that were in the wheel before, unless they are asked for; then, those outside of `*.libs`, which other packages may need, and
//! those whose new name is taken. **Relies on** every user being in the archive, and on names in dlopen being spelled out.

use super::metadata::sha256_hex;
use super::modules::{self, Module};
use super::{Edits, Wheel, WheelOptions, contents, linked_modules};
use crate::archive::Archive;
use crate::code::Code;
use crate::code::openers::Opens;
use crate::codes::noted::PLAIN_NAME;
use crate::exports::is_private;
use crate::loader::{LIBRARY_DIRECTORY, base_name, directory};
use crate::wheel::runtime_path;
use anyhow::{Context, Result};
use clap::ValueEnum;
use memchr::memmem;
use std::collections::{BTreeMap, HashSet};
use wasm_pyfix_passes::Notice;
use wasm_pyfix_passes::linking::python::is_entry;

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

/// What a module has in its data that puts names of libraries together, as it seems.
const FORMATS: [&[u8]; 2] = [b"%s.so", b"lib%s"];

/// The name of a library with a part of the hash of its contents; `None` if it has one.
pub fn hashed(name: &str, bytes: &[u8]) -> Option<String> {
    let hash = &sha256_hex(bytes)[..DIGITS];
    let (base, rest) = split(name);
    (!has_hash(name)).then(|| format!("{base}-{hash}{rest}"))
}

/// Whether a library is called as [`hashed`] calls them.
pub fn has_hash(name: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let hash = split(name).0.rsplit_once('-').map(|(_, hash)| hash);
    hash.is_some_and(|hash| hash.len() == DIGITS && hash.bytes().all(is_digit))
}

/// A name before its first dot, and from there on.
fn split(name: &str) -> (&str, &str) {
    name.split_at(name.find('.').unwrap_or(name.len()))
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
    let root = if wheel.is_some() { options.site_packages.trim_end_matches('/') } else { LIBRARY_DIRECTORY };
    let linked = linked_modules(modules, options);
    let decided = runtime_path::decide(&linked, root, wheel.map(|wheel| wheel.name.distribution.as_str()));
    if !decided.undecided.is_empty() {
        // Nobody knows whose name to write into whom. Where that matters, the archive is refused.
        return Ok(());
    }
    let kept = kept(modules, &candidates, archive, edits)?;
    candidates.retain(|index, _| !kept.contains_key(index));
    notices.extend(kept.into_values().map(|message| PLAIN_NAME.notes(message)));
    let names = archive.names();
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
        let directory = directory(&module.path);
        Some((index, if directory.is_empty() { name } else { format!("{directory}/{name}") }))
    });
    named.collect()
}

/// Those of the candidates that something may open by their names, each with a sentence that tells what.
fn kept(
    modules: &[Module],
    candidates: &BTreeMap<usize, String>,
    archive: &Archive<'_>,
    edits: &Edits,
) -> Result<BTreeMap<usize, String>> {
    let mut code = Code::new(modules::sources(archive, edits)?);
    let mut opener = None;
    let mut opened: HashSet<String> = HashSet::new();
    for (path, opens) in code.opens()? {
        match opens {
            Opens::Nothing => {}
            Opens::Named(files) => opened.extend(files.iter().cloned()),
            Opens::Any | Opens::Global(_) => opener = opener.or_else(|| Some(path.clone())),
        }
    }
    let mut data: Vec<&[u8]> = Vec::new();
    for module in modules {
        let context = || format!("entry `{}`", module.path);
        let own = contents::data(&module.bytes).with_context(context)?;
        let imports = contents::imports(&module.bytes).with_context(context)?;
        let puts_together = || own.iter().any(|data| FORMATS.iter().any(|format| memmem::find(data, format).is_some()));
        if imports.iter().any(|name| name.contains("dlopen")) && puts_together() {
            opener = opener.or_else(|| Some(module.path.clone()));
        }
        data.extend(own);
    }
    // What to look for: the whole name, and what is special in it.
    let looked = |path: &str| -> [String; 2] {
        let name = base_name(path);
        let base = split(name).0;
        [name.to_string(), base.strip_prefix("lib").unwrap_or(base).to_string()]
    };
    let names: Vec<[String; 2]> = candidates.keys().map(|index| looked(&modules[*index].path)).collect();
    let all: Vec<&str> = names.iter().flatten().map(String::as_str).filter(|name| !name.is_empty()).collect();
    code.look_for(&all)?;
    let in_data: HashSet<&str> =
        all.iter().zip(code.occur_in_data(&all, &data)?).filter(|(_, occurs)| *occurs).map(|(name, _)| *name).collect();
    let occurs = |name: &str| name.is_empty() || code.mentions(name) || in_data.contains(name);
    let mut kept = BTreeMap::new();
    for (index, [name, special]) in candidates.keys().zip(&names) {
        let why = match &opener {
            _ if opened.contains(name) || occurs(name) => "its name occurs in code, which may open it by that".to_string(),
            Some(opener) if occurs(special) => {
                format!("`{opener}` opens libraries by names that it puts together, and `{special}` may be part of one")
            }
            _ => continue,
        };
        kept.insert(*index, format!("`{}` keeps its name: {why}", modules[*index].path));
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

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
