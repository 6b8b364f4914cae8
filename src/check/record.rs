//! Whether `RECORD` is true: every file listed, with its hash and size, and nothing else. Installers must verify it (PEP 427).

use super::codes::{Code, Severity, Upgrade};
use super::{Finding, Place, reading};
use crate::plain::plural;
use crate::wheel::archive::Archive;
use crate::wheel::metadata::{Digester, Record, Row, is_record};
use anyhow::Result;
use rayon::prelude::*;
use std::collections::HashMap;
use std::io::Write;

pub static RECORD_MISMATCH: Code = Code {
    name: "record-mismatch",
    severity: Severity::Error,
    summary: "a file is not what RECORD says",
    explanation: "The hash or the size of a file differs from its row in `RECORD`, or `RECORD` itself is malformed: the wheel is \
                  damaged, or was changed by a tool that does not keep `RECORD`. Installers are to refuse it, by PEP 427. No runtime \
                  notices (neither `loadPackage` nor micropip 0.11.1 compares), nor does pip, so what is damaged gets installed.",
    remedy: "fetch or build the wheel again",
    upgrade: Upgrade::Refuses,
};

pub static RECORD_MISSING_FILE: Code = Code {
    name: "record-missing-file",
    severity: Severity::Error,
    summary: "RECORD lists a file that is not there",
    explanation: "A file was taken out of the wheel and its row left in `RECORD`. Installers are to refuse it, by \
                  PEP 427. No runtime notices (neither `loadPackage` nor micropip 0.11.1 looks), nor does pip; the file is missing \
                  when something wants it.",
    remedy: "fetch or build the wheel again",
    upgrade: Upgrade::Refuses,
};

pub static RECORD_UNLISTED: Code = Code {
    name: "record-unlisted",
    severity: Severity::Warning,
    summary: "a file is not in RECORD",
    explanation: "A file was put into the wheel without a row in `RECORD`. Installers may refuse it, and need not remove the file \
                  when the package is uninstalled. No runtime notices (neither `loadPackage` nor micropip 0.11.1 looks), nor does pip.",
    remedy: "build the wheel again, or repack it with `wheel pack`",
    upgrade: Upgrade::Leaves,
};

pub static RECORD_COMPILED: Code = Code {
    name: "record-compiled",
    severity: Severity::Warning,
    summary: "RECORD lists sources that are compiled in their place",
    explanation: "`pyodide py-compile` leaves a wheel so: `a.py` became `a.pyc`, and `RECORD` still lists `a.py`. By PEP 427, installers \
                  may refuse it. No runtime notices (neither `loadPackage` nor micropip 0.11.1 compares), nor does pip; the files \
                  stay when the package is uninstalled.",
    remedy: "repack the wheel with `wheel pack`",
    upgrade: Upgrade::Fixes,
};

pub static CODES: [&Code; 4] = [&RECORD_MISMATCH, &RECORD_MISSING_FILE, &RECORD_UNLISTED, &RECORD_COMPILED];

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
    findings.extend(reading::damaged(archive, &record.unproven(&archive.entries, dist_info)));
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
