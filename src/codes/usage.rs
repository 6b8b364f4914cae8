//! The command line.

use super::{Code, Severity, Upgrade};

pub static USAGE: Code = Code {
    name: "usage",
    severity: Severity::Error,
    summary: "the command line makes no sense",
    explanation: "An option is not known or lacks its value, two of them contradict each other, or an argument is none of those that there \
                  can be. Nothing was read or written, and the exit code is 2.",
    remedy: "see `wasm-pyfix --help`, and `wasm-pyfix help COMMAND` for a subcommand",
    upgrade: Upgrade::Refuses,
};

pub static CODES: [&Code; 1] = [&USAGE];
