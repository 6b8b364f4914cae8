//! Whether the modules of `abi3` wheels keep to the stable ABI, where it matters: on another Python than they were built for.
//!
//! Such a wheel is retagged without a change to its modules. What they use outside of the stable ABI shows that they were compiled with the
//! structs of one Python version; under another they may take the whole runtime down when they are imported. `crate::check::abi3` audits
//! them, and the platform tag tells which Python they were built for.
//!
//! **Refused**: such a wheel for a target with another minor version of Python than every platform in its tags has.

use super::modules::Module;
use super::name::WheelName;
use super::{Wheel, WheelOptions, contents, pythons};
use crate::check::abi3;
use anyhow::{Context, Result, bail};
use rayon::prelude::*;
use wasm_pyfix_passes::Error;

/// Refuses a wheel that is moved to a Python that its modules were not built for and do not keep clear of.
pub(super) fn refuse_unportable(
    wheel: &Wheel,
    modules: &[Module],
    options: &WheelOptions,
    notices: &mut Vec<String>,
) -> Result<()> {
    let moved = pythons(options).find_map(|python| Some((abi3::moved_from(&wheel.name, python)?, python)));
    let Some((source, python)) = moved.filter(|_| wheel.runs_on_target) else { return Ok(()) };
    let outside: Vec<_> = modules.par_iter().map(|module| outside(module, &wheel.name)).collect::<Result<_>>()?;
    for (module, outside) in modules.iter().zip(outside) {
        let Some(outside) = outside else { continue };
        let problem = format!(
            "`{}` {outside}: it is no abi3 module, whatever the wheel's tag says. It was built for `{}`, and may take the runtime of \
             `{python}` down",
            module.path,
            source.python_tag()
        );
        if !options.allow_python_mismatch {
            bail!(Error::Refused(problem));
        }
        notices.push(problem);
    }
    Ok(())
}

/// What a module uses that no stable ABI has, in words; `None` if it keeps to it, or if the wheel is not tagged for a version of it.
pub(super) fn outside(module: &Module, wheel: &WheelName) -> Result<Option<String>> {
    let Some(baseline) = abi3::baseline(wheel) else { return Ok(None) };
    let imports = contents::imports(&module.bytes).with_context(|| format!("entry `{}`", module.path))?;
    Ok(abi3::audit(imports.into_iter(), baseline).and_then(|audit| audit.outside()))
}
