//! What `upgrade` checks before it writes: whether the target loads the modules of the result. The same checks find that as in `check`.
//!
//! Refuses a result in which an error is found that belongs to a module: what is around it, such as a wheel's tags, has rules of its own
//! in `upgrade`. Missing functions have been judged before, when it was still known where the module came from.

use super::run::check_inputs;
use super::{Context, Finding, wheel};
use crate::codes::features::TIME_32_BIT;
use crate::codes::symbols::MISSING_FUNCTION;
use crate::codes::{Code, Severity, exceptions, features, libraries, linking, own, reading, symbols};
use crate::input::Kind;
use anyhow::{Result, bail};

/// What the user accepts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Accepted {
    /// Symbols that are missing.
    pub missing: bool,
    /// Structs of another layout.
    pub structs: bool,
}

/// Checks `bytes`, the upgraded input, which is to be called `file_name`.
///
/// # Errors
/// A refusal with what keeps the target from loading it.
pub fn check(kind: Kind, file_name: &str, bytes: &[u8], context: &Context<'_>, accepted: Accepted) -> Result<()> {
    let mut inputs = [wheel::open_bytes(kind, file_name, bytes.into(), context.target)];
    if kind == Kind::Module {
        // The engine has validated what it read, and what it wrote.
        inputs[0].files.iter_mut().for_each(|file| file.valid = true);
    }
    let found = check_inputs(&[file_name.to_string()], &mut inputs, context)?;
    let findings = found.into_iter().flat_map(|(findings, _)| findings);
    let left: Vec<Finding> = findings.filter(|finding| counts(finding, accepted)).collect();
    let Some(first) = left.first() else { return Ok(()) };
    bail!(first.code.refuses(format!(
        "the result would not run on {}: {}; `--no-check` writes it nevertheless",
        context.target.name,
        first.sentence(left.len() - 1)
    )));
}

fn counts(finding: &Finding, accepted: Accepted) -> bool {
    let is_of = |codes: &[&'static Code]| codes.contains(&finding.code);
    let of_module = [
        &reading::CODES[..],
        &linking::CODES,
        &features::CODES,
        &exceptions::CODES,
        &symbols::CODES,
        &own::CODES,
        &libraries::CODES,
    ];
    finding.severity == Severity::Error
        && *finding.code != MISSING_FUNCTION
        && of_module.iter().any(|codes| is_of(codes))
        && !(accepted.missing && is_of(&symbols::CODES))
        && !(accepted.structs && *finding.code == TIME_32_BIT)
}
