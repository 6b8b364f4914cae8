//! One wheel for several targets (`--one-wheel`): what the passes may take for granted, and what was proven in the end.

use crate::cli::UpgradeArgs;
use crate::codes::noted::ONE_WHEEL;
use crate::input::Kind;
use crate::name::WheelName;
use crate::target::Target;
use anyhow::Result;
use wasm_pyfix_passes::{Environment, Notice};

/// What the runtimes of all `targets` offer alike. A reference that may stay with one of them and not with another stays for all, so that
/// the results need not differ.
pub fn common(targets: &[&Target]) -> Result<Option<Environment>> {
    let mut common: Option<Environment> = None;
    for target in targets.iter().filter(|target| target.has_manifest()) {
        let manifest = target.manifest()?;
        match &mut common {
            Some(common) => common.keep_common(&manifest),
            None => common = Some(manifest),
        }
    }
    Ok(common)
}

/// What holds for a result called `file_name` that is the same for all targets.
pub fn proven(args: &UpgradeArgs, targets: &[&Target], kind: Kind, file_name: Option<&str>, accepts_missing: bool) -> Notice {
    let mut proven = vec!["the upgrade for each gives the same bytes"];
    if !args.module.no_check && !accepts_missing {
        proven.push("each offers what the modules import, with the same types");
    }
    let is_abi3 = |name: &str| WheelName::parse(name).is_ok_and(|name| name.is_abi3());
    if kind == Kind::Wheel && !args.wheel.allow_python_mismatch && file_name.is_some_and(is_abi3) {
        proven.push("the modules use nothing outside of the stable ABI on another Python than they were built for");
    }
    let names: Vec<&str> = targets.iter().map(|target| target.name).collect();
    ONE_WHEEL.notes(format!("for {}: {}", names.join(", "), proven.join("; ")))
}
