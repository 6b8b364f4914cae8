//! What one party of a closed world says: who its modules are, what they import, export and need, and what its code and modules open.

use crate::archive::Archive;
use crate::code::openers::Opens;
use crate::code::sources::{Source, Sources};
use crate::code::{Code, Names};
use crate::exports::{is_private, lasting_opener};
use crate::input::Kind;
use crate::wheel::{all_code, contents};
use anyhow::{Context, Result};
use rayon::prelude::*;
use std::sync::atomic::AtomicBool;
use wasm_pyfix_passes::linking::python::is_extension;
use wasm_pyfix_passes::module::{Item, Module};

/// A side module.
#[derive(Debug, Clone, Default)]
pub struct Side {
    pub path: String,
    /// It is in a directory for the libraries of one wheel.
    pub private: bool,
    /// Python imports it.
    pub extension: bool,
    pub needed: Vec<String>,
    pub imports: Vec<String>,
    pub exports: Vec<String>,
}

/// All of a party.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    pub sides: Vec<Side>,
    /// Files that its code opens by their names.
    pub opened: Vec<String>,
    /// Why it may open any library, if it may.
    pub opener: Option<String>,
}

/// The bytes of a party.
pub enum Contents<'c> {
    /// A wheel or an archive of libraries.
    Archive(Vec<u8>),
    /// A module by itself, and what it is called.
    Module(String, Vec<u8>),
    /// Code that belongs to nobody.
    Code(Vec<Source>),
    /// What is not looked into, and may hold any code: what it is called.
    Unknown(&'c str),
}

/// Modules by their paths.
type Found = Vec<(String, Vec<u8>)>;

impl Contents<'_> {
    /// Looks at all of it.
    ///
    /// # Errors
    /// When something in it cannot be read.
    pub fn survey(&self) -> Result<Survey> {
        match self {
            Contents::Archive(bytes) => {
                let archive = Archive::open(bytes)?;
                survey(&modules(&archive)?, all_code(&archive)?)
            }
            Contents::Module(path, bytes) => survey(&module(path, bytes)?, Sources::Files(&[])),
            Contents::Code(files) => survey(&Vec::new(), Sources::Files(files)),
            Contents::Unknown(name) => {
                let opener = Some(format!("`{name}`, which is not looked into, may open any library"));
                Ok(Survey { opener, ..Survey::default() })
            }
        }
    }

    /// Sets the flags of names that occur in its code, and of those in the data of its modules.
    ///
    /// # Errors
    /// When something in it cannot be read.
    pub fn search(&self, names: &Names, in_code: &[AtomicBool], in_data: &[AtomicBool]) -> Result<()> {
        let (found, archive);
        match self {
            Contents::Archive(bytes) => {
                archive = Archive::open(bytes)?;
                names.search(&all_code(&archive)?, in_code)?;
                found = modules(&archive)?;
            }
            Contents::Module(path, bytes) => found = module(path, bytes)?,
            Contents::Code(files) => return names.search(&Sources::Files(files), in_code),
            Contents::Unknown(_) => return Ok(()),
        }
        let read = |(path, bytes): &(String, Vec<u8>)| {
            let module = Module::read(bytes).with_context(|| format!("entry `{path}`"))?;
            module.data().iter().for_each(|segment| names.search_text(&segment.bytes, in_data));
            Ok(())
        };
        found.par_iter().map(read).collect()
    }
}

/// The names that modules of `bytes`, which are of this `kind`, import, and those that they export.
///
/// # Errors
/// When they cannot be read.
pub fn names(kind: Kind, bytes: &[u8]) -> Result<(Vec<String>, Vec<String>)> {
    let found = if kind == Kind::Module { module("", bytes)? } else { modules(&Archive::open(bytes)?)? };
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    for (_, bytes) in found {
        imports.extend(contents::imports(&bytes)?.into_iter().map(str::to_string));
        exports.extend(contents::inspect(&bytes)?.map(|(_, exports)| exports).unwrap_or_default());
    }
    Ok((imports, exports))
}

fn module(path: &str, bytes: &[u8]) -> Result<Found> {
    Ok(vec![(path.to_string(), bytes.to_vec())])
}

/// The side modules in an archive.
fn modules(archive: &Archive<'_>) -> Result<Found> {
    let named = contents::named_like_modules(archive)?;
    let read = |(index, kind): &(usize, contents::Kind)| {
        if *kind != contents::Kind::Module {
            return Ok(None);
        }
        let name = &archive.entries[*index].name;
        let bytes = archive.read(*index)?;
        let found = contents::inspect(&bytes).with_context(|| format!("entry `{name}`"))?;
        Ok(found.map(|_| (name.clone(), bytes)))
    };
    let found: Vec<Result<Option<_>>> = named.par_iter().map(read).collect();
    found.into_iter().filter_map(Result::transpose).collect()
}

fn read_all(found: &Found) -> Result<Vec<Module<'_>>> {
    let read = found.par_iter().map(|(path, bytes)| Module::read(bytes).with_context(|| format!("entry `{path}`")));
    read.collect()
}

fn survey(found: &Found, code: Sources<'_>) -> Result<Survey> {
    let read = || read_all(found);
    let paths: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
    let modules = read()?;
    let sides = paths.iter().zip(&modules).map(|(path, module)| side(path, module)).collect();
    let mut opened = Vec::new();
    let mut opener = lasting_opener(&paths, &modules, read)?;
    for (path, opens) in Code::new(code).opens()? {
        match opens {
            Opens::Nothing => {}
            Opens::Named(files) => opened.extend(files.iter().cloned()),
            Opens::Any | Opens::Global(_) => {
                opener.get_or_insert_with(|| format!("`{path}` opens some library and may look up any symbol"));
            }
        }
    }
    Ok(Survey { sides, opened, opener })
}

fn side(path: &str, module: &Module<'_>) -> Side {
    let exports = module.exports().iter().filter(|export| matches!(export.item, Item::Function(_) | Item::Global(_)));
    Side {
        path: path.to_string(),
        private: is_private(path),
        extension: is_extension(module),
        needed: module.dylink.needed.clone(),
        imports: module.imports().iter().map(|import| import.field.to_string()).collect(),
        exports: exports.map(|export| export.name.to_string()).collect(),
    }
}
