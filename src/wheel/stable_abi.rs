//! Whether the modules of `abi3` wheels keep to the stable ABI, where it matters: on another Python than they were built for.
//!
//! Such a wheel is retagged without a change to its modules. What they use outside of the stable ABI shows that they were compiled with the
//! structs of one Python version; under another they may take the whole runtime down when they are imported. [`crate::abi3`] audits
//! them, and the platform tag tells which Python they were built for.
//!
//! **Refused**: such a wheel for a target with another minor version of Python than every platform in its tags has. Files that the
//! target's Python passes over for others of the same module do not count.

use super::modules::Module;
use super::{Wheel, WheelOptions, contents, pythons, suffix};
use crate::abi3;
use crate::codes::abi3::unportable;
use crate::codes::finding::Place;
use crate::name::WheelName;
use crate::name::dotted_python;
use anyhow::{Context, Result, bail};
use rayon::prelude::*;
use std::collections::HashSet;
use wasm_pyfix_passes::Notice;

/// How a user insists.
pub(super) const ALLOW: &str = "upgrade it nevertheless with `--allow-python-mismatch`";

/// Refuses a wheel that is moved to a Python that its modules were not built for and do not keep clear of. Where the user allows that, the
/// paths of these modules come back, and `notices` tells of each.
pub(super) fn refuse_unportable(
    wheel: &Wheel,
    modules: &[Module],
    options: &WheelOptions,
    notices: &mut Vec<Notice>,
) -> Result<HashSet<String>> {
    let mut reported = HashSet::new();
    let moved = pythons(options).find_map(|python| Some((abi3::moved_from(&wheel.name, python)?, python)));
    let Some((source, python)) = moved.filter(|_| wheel.runs_on_target) else { return Ok(reported) };
    let paths: HashSet<&str> = modules.iter().map(|module| module.path.as_str()).collect();
    let imported = |module: &&Module| !suffix::is_spare(&module.path, python, |path| paths.contains(path));
    let modules: Vec<&Module> = modules.iter().filter(imported).collect();
    let outside: Vec<_> = modules.par_iter().map(|module| outside(module, &wheel.name)).collect::<Result<_>>()?;
    for (module, outside) in modules.into_iter().zip(outside) {
        let Some(outside) = outside else { continue };
        let place = Place { path: Some(module.path.clone()) };
        let finding = unportable(&place, &outside, &source.to_string(), &dotted_python(python));
        let problem = format!(
            "{}: most likely it was compiled for one version of Python, whatever the wheel's tag says, and may take the runtime down",
            finding.sentence(0)
        );
        if !options.allow_python_mismatch {
            bail!(finding.code.refuses(format!("{problem}; {ALLOW}")));
        }
        notices.push(finding.code.warns(problem));
        reported.insert(module.path.clone());
    }
    Ok(reported)
}

/// What a module uses that no stable ABI has, in words; `None` if it keeps to it, or if the wheel is not tagged for a version of it.
pub(super) fn outside(module: &Module, wheel: &WheelName) -> Result<Option<String>> {
    let Some(baseline) = abi3::baseline(wheel) else { return Ok(None) };
    let imports = contents::imports(&module.bytes).with_context(|| format!("entry `{}`", module.path))?;
    Ok(abi3::audit(imports.into_iter(), baseline).and_then(|audit| audit.outside()))
}
