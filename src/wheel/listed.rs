//! `RECORD`: whether the entries are as it lists them, and what it lists of the result.

use super::bytecode;
use super::dist_info::read_dist_info;
use super::metadata::{self, Digested, Digester, Record};
use super::modules::Module;
use super::{Edits, Wheel, WheelOptions, sbom};
use crate::archive::Archive;
use crate::codes::finding::Place;
use crate::codes::noted::SIGNATURE_DROPPED;
use crate::codes::python::{STALE_BYTECODE, without_source};
use crate::codes::record::{RECORD_COMPILED, RECORD_MISMATCH, RECORD_MISSING_FILE, RECORD_UNLISTED};
use crate::name::dotted_python;
use crate::plain::plural;
use anyhow::{Context, Result, anyhow, bail};
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};
use wasm_pyfix_passes::Notice;

/// `RECORD` as it was found.
pub(super) struct Verified {
    pub(super) record: Record,
    /// Bytecode in place of the sources that it listed: these rows have no hash yet.
    pub(super) compiled: Vec<String>,
}

/// Fails if one of `entries` is damaged.
pub(super) fn refuse_damaged(archive: &Archive<'_>, entries: &[usize]) -> Result<()> {
    let damaged = archive.damaged(entries);
    damaged.first().map_or(Ok(()), |first| bail!(first.code.fails(format!("entry {}", first.sentence(damaged.len() - 1)))))
}

/// Parses `RECORD` and compares every entry with its row. Of those that it does not list only the checksum tells.
pub(super) fn verify_record(
    archive: &Archive<'_>,
    wheel: &Wheel,
    modules: &[Module],
    notices: &mut Vec<Notice>,
) -> Result<Verified> {
    let (_, text) = read_dist_info(archive, wheel, "RECORD")?;
    let mut record = Record::parse(&text).with_context(|| RECORD_MISMATCH.fails(format!("entry `{}/RECORD`", wheel.dist_info)))?;
    let compiled = record.follow_compiled(|path| archive.position(path).is_some());
    if let Some(first) = compiled.first() {
        let count = compiled.len();
        notices.push(RECORD_COMPILED.notes(format!(
            "RECORD listed {count} {} compiled in place, the first `{first}`: now the bytecode",
            plural(count, "source")
        )));
    }
    let at_hand: HashMap<&str, &[u8]> = modules.iter().map(|module| (module.path.as_str(), module.bytes.as_slice())).collect();
    let verify = |row: &metadata::Row| {
        if metadata::is_record(&row.path, &wheel.dist_info) {
            return Ok(());
        }
        let index = archive
            .position(&row.path)
            .with_context(|| RECORD_MISSING_FILE.fails(format!("entry `{}` is in RECORD and not in the archive", row.path)))?;
        let mut digester = Digester::for_hash(&row.hash).with_context(|| format!("entry `{}`", row.path))?;
        match at_hand.get(row.path.as_str()) {
            Some(bytes) => std::io::Write::write_all(&mut digester, bytes)?,
            None => archive.stream(index, &mut digester)?,
        }
        Record::verify(row, &digester.finish()).map_err(|error| RECORD_MISMATCH.covers(error))
    };
    let results: Vec<Result<()>> = record.rows().par_iter().map(verify).collect();
    results.into_iter().collect::<Result<()>>()?;
    refuse_damaged(archive, &record.unproven(&archive.entries, &wheel.dist_info))?;
    Ok(Verified { record, compiled })
}

/// Drops bytecode that the target's Python cannot read; refuses it when it stands in place of its source.
pub(super) fn drop_stale_bytecode(
    archive: &Archive<'_>,
    wheel: &Wheel,
    options: &WheelOptions,
    edits: &mut Edits,
    notices: &mut Vec<Notice>,
) -> Result<()> {
    if !wheel.runs_on_target {
        return Ok(());
    }
    let stale = bytecode::stale(archive, &options.python_tag)?;
    if let Some(first) = stale.sourceless.first() {
        let place = Place { path: Some(archive.entries[*first].name.clone()) };
        let finding = without_source(&place, &dotted_python(&options.python_tag));
        let problem = finding.sentence(stale.sourceless.len() - 1);
        if !options.allow_python_mismatch {
            bail!(finding.code.refuses(format!("{problem}: it cannot be imported; take a wheel that has its sources")));
        }
        notices.push(finding.code.warns(format!("{problem}: kept, at your own risk")));
    }
    if !stale.droppable.is_empty() {
        let message = format!("{} .pyc of another Python than `{}` dropped", stale.droppable.len(), options.python_tag);
        notices.push(STALE_BYTECODE.notes(message));
        edits.removed.extend(stale.droppable);
    }
    Ok(())
}

/// Makes `RECORD` true again, and drops its signatures.
pub(super) fn update_record(
    archive: &Archive<'_>,
    wheel: &Wheel,
    verified: Verified,
    edits: &mut Edits,
    notices: &mut Vec<Notice>,
) -> Result<()> {
    let Verified { mut record, compiled } = verified;
    for signature in ["RECORD.jws", "RECORD.p7s"] {
        if let Some(index) = archive.position(&format!("{}/{signature}", wheel.dist_info)) {
            edits.removed.insert(index);
            notices.push(SIGNATURE_DROPPED.warns(format!("{signature} dropped: the signature was for the old contents")));
        }
    }
    sbom::follow(archive, wheel, edits, notices)?;
    let removed: HashSet<String> = edits.removed.iter().map(|index| archive.entries[*index].name.clone()).collect();
    let digests = |index: &usize, bytes: &Vec<u8>| (archive.entries[*index].name.clone(), metadata::digest(bytes));
    let mut changed: HashMap<String, Digested> = edits.replaced.iter().map(|(index, bytes)| digests(index, bytes)).collect();
    for path in compiled {
        let digested = digest_entry(archive, &path)?;
        changed.insert(path, digested);
    }
    let mut added: Vec<(String, Digested)> = Vec::new();
    for path in unlisted(archive, wheel, &record, edits) {
        notices.push(RECORD_UNLISTED.notes(format!("`{path}` was not in RECORD and has been added to it")));
        let digested = match changed.get(&path) {
            Some(digested) => digested.clone(),
            None => digest_entry(archive, &path)?,
        };
        added.push((path, digested));
    }
    added.extend(edits.added.iter().map(|(path, bytes)| (path.clone(), metadata::digest(bytes))));
    record.update(&removed, &changed, &added, &wheel.dist_info);
    record.rename(&edits.renamed.iter().map(|(index, new)| (archive.entries[*index].name.clone(), new.clone())).collect());
    let (index, _) = read_dist_info(archive, wheel, "RECORD")?;
    edits.replaced.insert(index, record.write()?);
    Ok(())
}

/// Files of the archive that `RECORD` does not list and that stay.
pub(super) fn unlisted(archive: &Archive<'_>, wheel: &Wheel, record: &Record, edits: &Edits) -> Vec<String> {
    let unlisted = record.unlisted(&archive.entries, &wheel.dist_info);
    unlisted.into_iter().filter(|index| !edits.removed.contains(index)).map(|index| archive.entries[index].name.clone()).collect()
}

pub(super) fn digest_entry(archive: &Archive<'_>, path: &str) -> Result<Digested> {
    let index = archive.position(path).ok_or_else(|| anyhow!("entry `{path}` has vanished"))?;
    let mut digester = Digester::for_hash("sha256")?;
    archive.stream(index, &mut digester)?;
    Ok(digester.finish())
}
