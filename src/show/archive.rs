//! What is in a wheel or an archive of shared libraries, and who needs whom in it.

use super::module::{self, Wanted};
use super::{Archive, Module, needs};
use crate::archive;
use crate::name::{self, WheelName};
use crate::target::Target;
use crate::wheel::{audit, contents, metadata};
use anyhow::{Context, Result};
use rayon::prelude::*;

/// Describes the archive `bytes` called `file_name`, and its modules in their order.
///
/// # Errors
/// When it cannot be read, or when it is called a wheel and its name is none.
pub fn describe(file_name: &str, bytes: &[u8], wanted: Wanted) -> Result<(Archive, Vec<Module>)> {
    let opened = archive::Archive::open(bytes)?;
    let mut described = Archive {
        files: opened.entries.iter().filter(|entry| !entry.directory).count(),
        unpacked_size: opened.entries.iter().map(|entry| entry.size).sum(),
        tags: Vec::new(),
        platforms: Vec::new(),
        requires_python: None,
        audit: None,
        notices: Vec::new(),
    };
    if name::stem(file_name).is_some() {
        let name = WheelName::parse(file_name)?;
        described.tags = name.tags();
        for target in name.platform.iter().filter_map(|tag| Target::of_platform_tag(tag)) {
            if !described.platforms.contains(&target.name) {
                described.platforms.push(target.name);
            }
        }
        read_metadata(&opened, &mut described)?;
    }
    let modules = modules(&opened, wanted, &mut described.notices)?;
    Ok((described, modules))
}

/// Reads what `.dist-info` says about Python and tags.
fn read_metadata(opened: &archive::Archive<'_>, described: &mut Archive) -> Result<()> {
    let names = opened.entries.iter().map(|entry| entry.name.as_str());
    let Some(dist_info) = metadata::dist_info(names)? else {
        described.notices.push("no .dist-info directory inside: not a wheel".to_string());
        return Ok(());
    };
    let read = |file: &str| -> Result<Option<String>> {
        let Some(index) = opened.position(&format!("{dist_info}/{file}")) else { return Ok(None) };
        Ok(Some(String::from_utf8_lossy(&opened.read(index)?).into_owned()))
    };
    described.audit = audit::read(opened, &dist_info);
    described.requires_python = read("METADATA")?.and_then(|text| metadata::requires_python(&text));
    let mut listed = read("WHEEL")?.map(|text| metadata::wheel_tags(&text)).unwrap_or_default();
    let mut named = described.tags.clone();
    listed.sort();
    named.sort();
    if listed != named {
        described.notices.push(format!("WHEEL lists other tags than the file name: {}", listed.join(", ")));
    }
    Ok(())
}

fn modules(opened: &archive::Archive<'_>, wanted: Wanted, notices: &mut Vec<String>) -> Result<Vec<Module>> {
    let named = contents::named_like_modules(opened)?;
    let read: Vec<Result<Found>> = named.par_iter().map(|(index, kind)| read_module(opened, *index, *kind, wanted)).collect();
    let mut modules = Vec::new();
    for found in read {
        match found? {
            Found::Module(module) => modules.push(*module),
            Found::Other(notice) => notices.push(notice),
            Found::Data => {}
        }
    }
    let needing = modules.iter().map(|module| {
        let linking = module.linking.as_ref();
        needs::Needing {
            path: module.path.as_deref().unwrap_or_default(),
            needed: linking.map(|linking| linking.needed.iter().map(|need| need.name.as_str()).collect()).unwrap_or_default(),
            runtime_path: linking.map_or(&[], |linking| &linking.runtime_path),
        }
    });
    let resolved = needs::resolve(&needing.collect::<Vec<_>>());
    for (module, needed) in modules.iter_mut().zip(resolved) {
        if let Some(linking) = &mut module.linking {
            linking.needed = needed;
        }
    }
    Ok(modules)
}

/// What is under the name of a module.
enum Found {
    Module(Box<Module>),
    /// WebAssembly that is no side module, under a name that Pyodide does not load.
    Data,
    /// Something else, in a sentence.
    Other(String),
}

fn read_module(opened: &archive::Archive<'_>, index: usize, kind: contents::Kind, wanted: Wanted) -> Result<Found> {
    let name = &opened.entries[index].name;
    match kind {
        contents::Kind::Module => {}
        contents::Kind::Foreign(what) => return Ok(Found::Other(format!("`{name}` is {what}"))),
        contents::Kind::Other => return Ok(Found::Other(format!("`{name}` is not WebAssembly"))),
    }
    let described = module::describe(&opened.read(index)?, wanted);
    if name.ends_with(".wasm") && described.as_ref().map_or(true, |module| module.linking.is_none()) {
        return Ok(Found::Data);
    }
    let described = described.with_context(|| format!("entry `{name}`"))?;
    Ok(Found::Module(Box::new(Module { path: Some(name.clone()), ..described })))
}
