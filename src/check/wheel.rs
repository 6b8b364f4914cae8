//! Opens an input, finds the modules in it, and checks what is around them.

use super::input::{File, Input};
use super::reading;
use super::{Finding, Place, python, record};
use crate::abi3;
use crate::archive::Archive;
use crate::codes::reading::{FOREIGN_BINARY, UNREADABLE};
use crate::input::{self, Kind, Source};
use crate::loader::LIBRARY_DIRECTORY;
use crate::name::WheelName;
use crate::origin;
use crate::target::Target;
use crate::wheel::contents::{self, Kind as Contents};
use crate::wheel::metadata;
use crate::wheel::naming;
use anyhow::{Context, Result};
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::HashMap;

/// Reads an input and checks it, but for its modules.
pub fn open(source: &Source, target: &Target) -> Input<'static> {
    let read = source.read().and_then(|bytes| Ok((input::recognise(&bytes, source.file_name().as_deref())?, bytes)));
    match read {
        Ok((kind, bytes)) => open_bytes(kind, &source.file_name().unwrap_or_default(), bytes.into(), target),
        Err(error) => Input { findings: vec![unreadable(&error)], ..Input::default() },
    }
}

/// Checks an input that has been read, but for its modules.
pub fn open_bytes<'b>(kind: Kind, file_name: &str, bytes: Cow<'b, [u8]>, target: &Target) -> Input<'b> {
    let own = if kind == Kind::Wheel { naming::of_wheel(file_name, &bytes) } else { Ok(file_name.to_string()) };
    let sources = own.as_ref().map_or_else(|_| Vec::new(), |name| origin::of_file_name(name));
    let mut input = Input { kind: Some(kind), sources, ..Input::default() };
    if let Err(error) = own.and_then(|name| read(kind, &name, bytes, target, &mut input)) {
        input.findings.push(unreadable(&error));
    }
    input
}

/// That an input cannot be read.
pub fn unreadable(error: &anyhow::Error) -> Finding {
    let message = format!("{error:#}");
    // What is known of a whole file is said of it; errors of what is inside are sentences of their own.
    let of_file = ["is ", "cannot ", "its "].iter().any(|start| message.starts_with(start));
    let message = if of_file { message } else { format!("cannot be read: {message}") };
    Finding::new(&UNREADABLE, &Place::default(), message)
}

fn read<'b>(kind: Kind, file_name: &str, bytes: Cow<'b, [u8]>, target: &Target, input: &mut Input<'b>) -> Result<()> {
    match kind {
        Kind::Module => {
            input.files = vec![File { path: None, bytes, valid: false }];
        }
        // There are no bytes of a directory or of what a lock file means: each part of it is a file.
        Kind::Archive | Kind::Directory | Kind::Lock => {
            input.root = Some(LIBRARY_DIRECTORY.to_string());
            let archive = Archive::open(&bytes)?;
            input.findings = archive.damaged(&archive.all());
            if input.findings.is_empty() {
                find_modules(&archive, target, input)?;
            }
        }
        Kind::Wheel => {
            let name = WheelName::parse(file_name)?;
            input.root = Some(target.site_packages.trim_end_matches('/').to_string());
            input.distribution = Some(name.distribution.clone());
            input.baseline = abi3::baseline(&name);
            input.stable_abi = name.is_abi3();
            input.moved_from = abi3::moved_from(&name, &target.python_tag());
            input.source = name.source();
            let archive = Archive::open(&bytes)?;
            find_modules(&archive, target, input)?;
            check_wheel(&archive, &name, target, input)?;
        }
    }
    Ok(())
}

/// Reads the files that are named like modules.
fn find_modules(archive: &Archive<'_>, target: &Target, input: &mut Input<'_>) -> Result<()> {
    input.names = archive.entries.iter().map(|entry| entry.name.clone()).collect();
    let named = contents::named_like_modules(archive)?;
    let python = target.python_tag();
    let read: Vec<Result<(File, Vec<Finding>)>> =
        named.into_par_iter().map(|(index, kind)| read_entry(archive, index, kind, &python)).collect();
    for read in read {
        let (file, findings) = read?;
        input.findings.extend(findings);
        if !file.bytes.is_empty() {
            input.modules.extend(file.path.clone());
            input.files.push(file);
        }
    }
    Ok(())
}

/// Reads one such file; its bytes are empty when it is none.
fn read_entry(archive: &Archive<'_>, index: usize, kind: Contents, python: &str) -> Result<(File<'static>, Vec<Finding>)> {
    let path = archive.entries[index].name.clone();
    let place = Place { path: Some(path.clone()) };
    let nothing = |findings| Ok((File { path: Some(path.clone()), bytes: Cow::default(), valid: false }, findings));
    match kind {
        Contents::Foreign(what) => {
            let says = "Error: need to see wasm magic number";
            return nothing(vec![Finding::new(&FOREIGN_BINARY, &place, format!("is {what}")).preventing(says)]);
        }
        Contents::Other if contents::is_opened(&path, python) => {
            let head = archive.head(index, contents::HEAD)?;
            return nothing(vec![reading::not_a_module(&place, &head, archive.entries[index].size)]);
        }
        Contents::Other => return nothing(Vec::new()),
        Contents::Module => {}
    }
    let bytes = archive.read(index)?;
    // A `.wasm` file without metadata is data of the package.
    if path.ends_with(".wasm") && matches!(contents::inspect(&bytes), Ok(None)) {
        return nothing(Vec::new());
    }
    Ok((File { path: Some(path), bytes: bytes.into(), valid: false }, Vec::new()))
}

/// Checks tags, metadata, `RECORD` and bytecode.
fn check_wheel(archive: &Archive<'_>, name: &WheelName, target: &Target, input: &mut Input<'_>) -> Result<()> {
    let names = archive.entries.iter().map(|entry| entry.name.as_str());
    let dist_info = metadata::dist_info(names)?.context("no `.dist-info` directory inside: not a wheel")?;
    let mut findings = python::tags(name, target)?;
    let paths = metadata::FILES.map(|file| format!("{dist_info}/{file}"));
    let missing = paths.iter().filter(|path| archive.position(path).is_none());
    findings.extend(missing.map(|path| Finding::new(&UNREADABLE, &Place::default(), metadata::lacks(path))));
    findings.extend(python::metadata(archive, &dist_info, name, target)?);
    let at_hand: HashMap<&str, &[u8]> = input.files.iter().filter_map(|file| Some((file.path.as_deref()?, &*file.bytes))).collect();
    findings.extend(record::check(archive, &dist_info, &at_hand));
    if name.runs_on(&target.python_tag())? {
        findings.extend(python::bytecode(archive, target)?);
    }
    input.findings.append(&mut findings);
    Ok(())
}
