//! Upgrades modules and drops what they do not need: a single module, or all modules of a wheel, which are linked to each other.
//!
//! **Idea.** A second run over the results changes nothing, since it was made: the passes run over their own output, written and read
//! again, until nothing changes. What one pass takes away may be what kept another from its work (an import that broke the conventions
//! of linking, a function that two others differed in), so this is not left to each pass. Within a round the passes that find things to
//! drop alternate, so that most modules need the first round and the one that proves it.
//!
//! **Measured:** the round that proves it takes a half to two thirds as long as the first, since nothing is written, validated or compressed in it.
//!
//! **When it gives up.** Modules that change in each of [`MOST_ROUNDS`] rounds stay as their upgrade leaves them.

use anyhow::Result;
use wasm_pyfix_passes::module::Module;
use wasm_pyfix_passes::{Kept, Outcome, prune};

use crate::code::Code;
use crate::exports::{self, Located};
use crate::pipeline::{ModuleResult, ShrinkOptions, shrink_modules};
use crate::progress::{Phase, Progress};

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Which passes run.
    pub passes: ShrinkOptions,
    /// Which exports may go.
    pub exports: exports::Options,
}

/// A module before its upgrade.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// Path in the wheel, or the name of the file.
    pub path: &'a str,
    pub bytes: &'a [u8],
}

/// So many rounds at most. Real modules need two or three.
const MOST_ROUNDS: usize = 8;

/// Upgrades modules that are linked to each other by `upgrade`, which is given the bytes of all and returns a result for each, and shrinks
/// them if there are `options` for that, until another run would change nothing.
///
/// # Errors
/// What `upgrade`, reading the modules and the passes return.
pub fn upgrade_and_shrink(
    inputs: &[Input<'_>],
    code: &mut Code<'_>,
    options: Option<&Options>,
    progress: &Progress,
    upgrade: impl Fn(&[&[u8]]) -> Result<Vec<ModuleResult>>,
) -> Result<Vec<ModuleResult>> {
    let unchanged = || vec![ModuleResult::default(); inputs.len()];
    let mut results = unchanged();
    for _ in 0..MOST_ROUNDS {
        progress.enter(Phase::Upgrading, inputs.len());
        let mut changed = round(inputs, &mut results, &upgrade)?;
        if let Some(options) = options {
            progress.enter(Phase::Shrinking, inputs.len());
            changed |= round(inputs, &mut results, |bytes| shrink(inputs, bytes, code, options))?;
        }
        if !changed {
            return Ok(results);
        }
    }
    let mut results = unchanged();
    round(inputs, &mut results, &upgrade)?;
    for result in &mut results {
        let mut outcome = Outcome::new(prune::PASS);
        outcome.leave(Kept::Module, NEVER_AT_REST);
        result.outcomes.push(outcome);
    }
    Ok(results)
}

/// Why a module is not made smaller.
const NEVER_AT_REST: &str = "it changes whenever it is made smaller";

/// Adds to `results` what `passes` make of the modules; tells whether they changed any.
fn round(
    inputs: &[Input<'_>],
    results: &mut [ModuleResult],
    passes: impl FnOnce(&[&[u8]]) -> Result<Vec<ModuleResult>>,
) -> Result<bool> {
    let bytes: Vec<&[u8]> =
        (inputs.iter().zip(&*results)).map(|(input, result)| result.bytes.as_deref().unwrap_or(input.bytes)).collect();
    let round = passes(&bytes)?;
    let changed = round.iter().any(|later| later.bytes.is_some());
    results.iter_mut().zip(round).for_each(|(result, later)| result.follow(later));
    Ok(changed)
}

fn shrink(inputs: &[Input<'_>], bytes: &[&[u8]], code: &mut Code<'_>, options: &Options) -> Result<Vec<ModuleResult>> {
    let plan = |read: &[Module<'_>]| {
        let located = inputs.iter().zip(read).map(|(input, module)| Located { path: input.path, module });
        exports::plan(&located.collect::<Vec<_>>(), code, &options.exports)
    };
    shrink_modules(bytes, &options.passes, plan)
}
