//! Whether `RECORD` is true: every file listed, with its hash and size, and nothing else. Installers must verify it (PEP 427).

use super::{Finding, Place};
use crate::archive::Archive;
use crate::codes::record::{RECORD_COMPILED, RECORD_MISMATCH, RECORD_MISSING_FILE, RECORD_UNLISTED};
use crate::plain::plural;
use crate::wheel::metadata::{Digester, Record, Row, is_record};
use anyhow::Result;
use rayon::prelude::*;
use std::collections::HashMap;
use std::io::Write;

/// Compares the archive with its `RECORD`. `at_hand` are entries that have been read already.
pub fn check(archive: &Archive<'_>, dist_info: &str, at_hand: &HashMap<&str, &[u8]>) -> Vec<Finding> {
    let path = format!("{dist_info}/RECORD");
    let place = |path: &str| Place { path: Some(path.to_string()) };
    let record = match archive.position(&path) {
        None => return vec![Finding::new(&RECORD_MISMATCH, &Place::default(), format!("has no `{path}`"))],
        Some(index) => archive.read(index).and_then(|text| Record::parse(&text)),
    };
    let mut record = match record {
        Ok(record) => record,
        Err(error) => return vec![Finding::new(&RECORD_MISMATCH, &place(&path), format!("cannot be read: {error:#}"))],
    };
    let compiled = record.follow_compiled(|path| archive.position(path).is_some());
    let rows = record.rows().par_iter().filter(|row| !is_record(&row.path, dist_info));
    let mut findings: Vec<Finding> = rows
        .filter_map(|row| {
            if archive.position(&row.path).is_none() {
                return Some(Finding::new(&RECORD_MISSING_FILE, &place(&row.path), "is in RECORD and not in the archive"));
            }
            let problem = verify(archive, row, at_hand).err()?;
            Some(Finding::new(&RECORD_MISMATCH, &place(&row.path), format!("is not what RECORD says: {problem:#}")))
        })
        .collect();
    if let Some(first) = compiled.first() {
        let count = compiled.len();
        let message = format!("lists {count} {} compiled in place, the first `{first}`", plural(count, "source"));
        findings.push(Finding::new(&RECORD_COMPILED, &place(&path), message));
    }
    let unlisted = record.unlisted(&archive.entries, dist_info);
    findings.extend(unlisted.iter().map(|index| {
        let place = place(&archive.entries[*index].name);
        Finding::new(&RECORD_UNLISTED, &place, "is not in RECORD")
    }));
    // What RECORD says of the others is stronger than their checksum.
    findings.extend(archive.damaged(&record.unproven(&archive.entries, dist_info)));
    findings
}

fn verify(archive: &Archive<'_>, row: &Row, at_hand: &HashMap<&str, &[u8]>) -> Result<()> {
    let mut digester = Digester::for_hash(&row.hash)?;
    match (at_hand.get(row.path.as_str()), archive.position(&row.path)) {
        (Some(bytes), _) => digester.write_all(bytes)?,
        (None, Some(index)) => archive.stream(index, &mut digester)?,
        (None, None) => return Ok(()),
    }
    Record::verify(row, &digester.finish())
}
