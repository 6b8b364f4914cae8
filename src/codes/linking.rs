//! Linking metadata.

use super::{Code, Severity, Upgrade};

pub static NO_DYLINK: Code = Code {
    name: "no-dylink",
    severity: Severity::Error,
    summary: "the module has no linking metadata",
    explanation: "A side module says in a custom section `dylink.0` how much memory and table it needs. A module without one is no side \
                  module (a program, or an object file), or a tool has stripped it; `emstrip` of Emscripten 5.0.1 and later does. \
                  Loaders say `Error: need the dylink section to be first`.",
    remedy: "link it with `-sSIDE_MODULE`, and strip it with a tool that keeps `dylink.0`",
    upgrade: Upgrade::Refuses,
};

pub static LEGACY_DYLINK: Code = Code {
    name: "legacy-dylink",
    severity: Severity::Error,
    summary: "the linking metadata are in the legacy section `dylink`",
    explanation: "Emscripten before 2.0.30 wrote the section `dylink`; loaders since 4.0.5 read `dylink.0` alone, and fail with an \
                  `Error` that has no message.",
    remedy: "link it with Emscripten 2.0.30 or later",
    upgrade: Upgrade::Fixes,
};

pub static DYLINK_NOT_FIRST: Code = Code {
    name: "dylink-not-first",
    severity: Severity::Error,
    summary: "another section stands before the linking metadata",
    explanation: "Loaders look for `dylink.0` in the first section only. Tools that insert or sort sections break that. Loaders say \
                  `Error: need the dylink section to be first`, or nothing but `Error` where the first section is another custom one.",
    remedy: "take the file as the linker wrote it",
    upgrade: Upgrade::Fixes,
};

pub static DYLINK_TOO_SMALL: Code = Code {
    name: "dylink-too-small",
    severity: Severity::Error,
    summary: "the linking metadata reserve less than the segments fill",
    explanation: "The loader reserves as many bytes of memory and slots of the table as `dylink.0` says. Data beyond that overwrites \
                  what belongs to others, without a message; functions beyond the end of the table fail with `RuntimeError: \
                  WebAssembly.Instance(): … out of bounds`.",
    remedy: "take the file as the linker wrote it",
    upgrade: Upgrade::Fixes,
};

pub static CODES: [&Code; 4] = [&NO_DYLINK, &LEGACY_DYLINK, &DYLINK_NOT_FIRST, &DYLINK_TOO_SMALL];
