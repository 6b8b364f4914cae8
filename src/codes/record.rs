//! What `RECORD` says of a wheel.

use super::{Code, Severity, Upgrade};

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
