//! Reads a file that is compared: its modules, with what `show` tells of them, and what is around them.

use crate::archive::Archive;
use crate::input::{self, Kind, Source};
use crate::name::{WheelName, stem};
use crate::show::Module;
use crate::show::module::{self, Wanted};
use crate::wheel::audit::{self, Audit};
use crate::wheel::metadata::{self, Digester};
use crate::wheel::{contents, naming};
use anyhow::{Context, Result};
use rayon::prelude::*;
use std::collections::{BTreeMap, HashSet};

/// A module, a wheel or an archive, before or now.
#[derive(Default)]
pub struct Side {
    /// What is in the file; nothing where it was unpacked.
    pub bytes: Vec<u8>,
    /// Bytes of the file, or of all files.
    pub size: u64,
    /// Single tags of a wheel.
    pub tags: Vec<String>,
    /// SHA-256 of the files that are no side modules.
    pub files: BTreeMap<String, String>,
    pub modules: Vec<Piece>,
    /// What was done to a wheel, if it has a record of that.
    pub audit: Option<Audit>,
}

/// A side module.
pub struct Piece {
    /// Name of its entry; `None` when it is the input.
    pub path: Option<String>,
    pub bytes: Vec<u8>,
    pub about: Module,
}

/// Everything is wanted but the largest functions.
const WANTED: Wanted = Wanted { imports: true, exports: true, functions: 0 };

/// Reads `source`, and tells what it is.
///
/// # Errors
/// When it cannot be read as what it is.
pub fn read(source: &Source) -> Result<(Kind, Side)> {
    read_file(source).with_context(|| source.to_string())
}

fn read_file(source: &Source) -> Result<(Kind, Side)> {
    let bytes = source.read()?;
    let file_name = source.file_name().unwrap_or_default();
    let kind = input::recognise(&bytes, Some(&file_name))?;
    let mut side = Side { size: bytes.len() as u64, ..Side::default() };
    match kind {
        Kind::Module => side.modules.push(piece(None, bytes.clone())?),
        Kind::Wheel | Kind::Archive | Kind::Directory | Kind::Lock => {
            if kind == Kind::Wheel {
                let name = naming::of_wheel(&file_name, &bytes)?;
                side.tags = if stem(&name).is_some() { WheelName::parse(&name)?.tags() } else { Vec::new() };
            }
            read_archive(&Archive::open(&bytes)?, &mut side)?;
        }
    }
    Ok((kind, Side { bytes, ..side }))
}

/// Reads what is in an archive into `side`.
///
/// # Errors
/// When an entry cannot be read as what it is.
pub fn read_archive(archive: &Archive<'_>, side: &mut Side) -> Result<()> {
    let dist_info = metadata::dist_info(archive.entries.iter().map(|entry| entry.name.as_str()))?;
    side.audit = dist_info.and_then(|dist_info| audit::read(archive, &dist_info));
    let named = contents::named_like_modules(archive)?;
    let modules = named.into_par_iter().filter(|(_, kind)| *kind == contents::Kind::Module);
    let pieces: Vec<Option<(usize, Piece)>> =
        modules.map(|(index, _)| entry(archive, index).map(|piece| Some((index, piece?)))).collect::<Result<_>>()?;
    let (indices, pieces): (HashSet<usize>, Vec<Piece>) = pieces.into_iter().flatten().unzip();
    side.modules = pieces;
    let others = (0..archive.entries.len()).filter(|index| !archive.entries[*index].directory && !indices.contains(index));
    let others: Vec<usize> = others.collect();
    let digest = |index: usize| -> Result<(String, String)> {
        let mut digester = Digester::for_hash("sha256")?;
        archive.stream(index, &mut digester)?;
        Ok((archive.entries[index].name.clone(), digester.finish().hash))
    };
    side.files = others.into_par_iter().map(digest).collect::<Result<_>>()?;
    Ok(())
}

/// The side module that an entry is; `None` for WebAssembly that is data of the package.
fn entry(archive: &Archive<'_>, index: usize) -> Result<Option<Piece>> {
    let name = &archive.entries[index].name;
    let bytes = archive.read(index)?;
    let about = module::describe(&bytes, WANTED);
    if name.ends_with(".wasm") && about.as_ref().map_or(true, |module| module.linking.is_none()) {
        return Ok(None);
    }
    let about = about.with_context(|| format!("entry `{name}`"))?;
    Ok(Some(Piece { path: Some(name.clone()), bytes, about }))
}

/// The side module `bytes`.
///
/// # Errors
/// When it is none.
pub fn piece(path: Option<String>, bytes: Vec<u8>) -> Result<Piece> {
    let about = module::describe(&bytes, WANTED);
    let about = match &path {
        Some(path) => about.with_context(|| path.clone())?,
        None => about?,
    };
    Ok(Piece { path, bytes, about })
}
