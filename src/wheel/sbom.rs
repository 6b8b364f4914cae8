//! Bills of materials in a wheel (`.dist-info/sboms`, PEP 770): what they say of the contents of modules is said of the new contents.
//!
//! In CycloneDX, as JSON, a component may have `hashes`, each with `alg` and `content`. Where a `SHA-256` there is that of a file as it was,
//! it becomes that of the file as it is. All else stays to the byte: the text is changed, and not written anew. auditwheel and maturin name
//! the packages that libraries were taken from, without hashes, so theirs stay as they are.
//!
//! **Left, with a notice** (`old-sbom`): bills of another form, and those of which it is not known here what they say of a file that was
//! changed: with hashes by other algorithms, with the hash in other places, where the original may be meant (`pedigree`), or with that of a file
//! of which there were copies that differ now. So is one that lacks a library which was grafted.

use super::metadata::sha256_hex;
use super::{Edits, Wheel, contents};
use crate::archive::Archive;
use crate::codes::noted::OLD_SBOM;
use anyhow::Result;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use wasm_pyfix_passes::Notice;

/// The SHA-256 of files as they are, by that of the files as they were; `None` where there are several.
type Hashes = HashMap<String, Option<String>>;

/// Digits of a SHA-256.
const DIGITS: usize = 64;

/// Has the bills of materials follow what is in `edits`.
///
/// # Errors
/// For an entry that cannot be unpacked.
pub(super) fn follow(archive: &Archive<'_>, wheel: &Wheel, edits: &mut Edits, notices: &mut Vec<Notice>) -> Result<()> {
    let directory = format!("{}/sboms/", wheel.dist_info);
    let is_bill = |index: &usize| !archive.entries[*index].directory && archive.entries[*index].name.starts_with(&directory);
    let bills: Vec<usize> = (0..archive.entries.len()).filter(is_bill).collect();
    let grafted = edits.added.iter().any(|(path, _)| contents::is_module_name(path));
    let changed = edits.replaced.keys().any(|index| contents::is_module_name(&archive.entries[*index].name));
    if bills.is_empty() || !(grafted || changed) {
        return Ok(());
    }
    let hashes = hashes(archive, edits)?;
    let mut left = grafted;
    for index in bills {
        if !archive.may_be_held(index) {
            left = true;
            continue;
        }
        let text = archive.read(index)?;
        match std::str::from_utf8(&text).ok().and_then(|text| followed(text, &hashes)) {
            Some(new) if new.as_bytes() != text => drop(edits.replaced.insert(index, new.into_bytes())),
            Some(_) => {}
            None => left = true,
        }
    }
    if left {
        notices.push(OLD_SBOM.warns(format!("the bills of materials in `{directory}` may be out of date about modules")));
    }
    Ok(())
}

/// The hashes of all modules, and of other files that changed.
fn hashes(archive: &Archive<'_>, edits: &Edits) -> Result<Hashes> {
    let modules = (0..archive.entries.len()).filter(|index| contents::is_module_name(&archive.entries[*index].name));
    let stays = |index: &usize| !archive.entries[*index].directory && !edits.removed.contains(index) && archive.may_be_held(*index);
    let indices: BTreeSet<usize> = edits.replaced.keys().copied().chain(modules).filter(stays).collect();
    let mut hashes = Hashes::new();
    for index in indices {
        let old = sha256_hex(&archive.read(index)?);
        let new = edits.replaced.get(&index).map_or_else(|| old.clone(), |bytes| sha256_hex(bytes));
        let known = hashes.entry(old).or_insert_with(|| Some(new.clone()));
        *known = known.take().filter(|known| *known == new);
    }
    Ok(hashes)
}

/// The text of a bill with new hashes; `None` if it is not known what it says.
fn followed(text: &str, hashes: &Hashes) -> Option<String> {
    let bill: Value = serde_json::from_str(text).ok().filter(|bill: &Value| bill["bomFormat"] == "CycloneDX")?;
    let mut found = 0;
    let mut components = vec![&bill, &bill["metadata"]["component"]];
    while let Some(component) = components.pop() {
        found += hashes_of_files(component, hashes)?;
        components.extend(component["components"].as_array().into_iter().flatten());
    }
    let mut replaced = 0;
    let mut pieces = Vec::new();
    for piece in text.split('"') {
        let known = if piece.len() == DIGITS { hashes.get(&piece.to_ascii_lowercase()) } else { None };
        pieces.push(match known {
            Some(new) => new.as_deref()?,
            None => piece,
        });
        replaced += usize::from(known.is_some());
    }
    (replaced == found).then(|| pieces.join("\""))
}

/// How many hashes of a component are those of files; `None` if it has others that may be.
fn hashes_of_files(component: &Value, hashes: &Hashes) -> Option<usize> {
    let listed = component["hashes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let (sha256, others): (Vec<&Value>, Vec<&Value>) = listed.iter().partition(|hash| hash["alg"] == "SHA-256");
    let is_of_file = |hash: &&&Value| hash["content"].as_str().is_some_and(|hash| hashes.contains_key(&hash.to_ascii_lowercase()));
    let of_files = sha256.iter().filter(is_of_file).count();
    let known = others.is_empty() || (of_files == 0 && !sha256.is_empty());
    known.then_some(of_files)
}
