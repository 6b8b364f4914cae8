//! Upgrades modules and drops what they do not need: a single module, or all modules of a wheel, which are linked to each other.
//!
//! The passes and their order are the engine's ([`wasm_pyfix_passes::pipeline`]); here is what it asks for: which exports may go, told from
//! the code beside the modules ([`exports`]), which libraries are private ([`private`]), and how far it is.

use anyhow::{Context, Result};
use wasm_pyfix_passes::module::Module;
use wasm_pyfix_passes::pipeline::{self, World};
use wasm_pyfix_passes::{Error, Outcome};

use crate::code::Code;
use crate::exports::{self, Located};
use crate::pipeline::{ModuleResult, Plan, ShrinkOptions};
use crate::private;
use crate::progress::{Phase, Progress};
use crate::target::Target;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Which passes run.
    pub passes: ShrinkOptions,
    /// Which exports may go.
    pub exports: exports::Options,
    /// Whom the result is for.
    pub targets: Vec<&'static Target>,
}

/// A module before its upgrade.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// Path in the archive, or the name of the file.
    pub path: &'a str,
    /// Whether it is in an archive, so that errors have to tell which one is meant.
    pub entry: bool,
    pub bytes: &'a [u8],
}

/// Upgrades modules that are linked to each other by `upgrade`, which is given all and tells of each what was done, and shrinks them if
/// there are `options` for that, until another run would change nothing.
///
/// # Errors
/// What `upgrade`, reading the modules and the passes return.
pub fn upgrade_and_shrink(
    inputs: &[Input<'_>],
    code: &mut Code<'_>,
    options: Option<&Options>,
    progress: &Progress,
    upgrade: impl FnMut(&mut [Module<'_>]) -> Result<Vec<Vec<Outcome>>>,
) -> Result<Vec<ModuleResult>> {
    let bytes: Vec<&[u8]> = inputs.iter().map(|input| input.bytes).collect();
    let mut around = Around { inputs, code, options, progress, upgrade, hashed: None };
    pipeline::run(&bytes, options.map(|options| &options.passes), &mut around)
}

/// What is around the modules.
struct Around<'w, 'c, U> {
    inputs: &'w [Input<'w>],
    code: &'w mut Code<'c>,
    options: Option<&'w Options>,
    progress: &'w Progress,
    upgrade: U,
    /// What the names of private libraries begin with, once somebody has asked.
    hashed: Option<Vec<[u8; 5]>>,
}

impl<U: FnMut(&mut [Module<'_>]) -> Result<Vec<Vec<Outcome>>>> World for Around<'_, '_, U> {
    type Error = anyhow::Error;

    fn failed(&self, place: usize, error: Error) -> anyhow::Error {
        let error = anyhow::Error::from(error);
        match self.inputs.get(place).filter(|input| input.entry) {
            Some(input) => error.context(format!("entry `{}`", input.path)),
            None => error,
        }
    }

    fn upgrade(&mut self, modules: &mut [Module<'_>]) -> Result<Vec<Vec<Outcome>>> {
        self.progress.enter(Phase::Upgrading, modules.len());
        (self.upgrade)(modules)
    }

    fn plan(&mut self, modules: &[Module<'_>]) -> Result<Vec<Plan>> {
        self.progress.enter(Phase::Shrinking, modules.len());
        let located: Vec<_> = self.inputs.iter().zip(modules).map(|(input, module)| Located { path: input.path, module }).collect();
        let options = self.options.context("plans are for shrinking")?;
        let mut plans = exports::plan(&located, self.code, &options.exports)?;
        if options.passes.isolate {
            let standings = private::standings(self.inputs, modules, self.code, &options.targets, &mut self.hashed)?;
            plans.iter_mut().zip(standings).for_each(|(plan, standing)| plan.standing = standing);
        }
        Ok(plans)
    }
}
