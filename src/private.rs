//! Which libraries belong to a wheel alone, so that their symbols may get names that no other module has.
//!
//! A library in a `*.libs` directory that another module of the wheel needs. None of a wheel with code, or with a module that has it in its data, that
//! shows symbols to other packages (`setdlopenflags`, `RTLD_GLOBAL`): others may override them then. And none of a wheel whose code may open
//! one of its private libraries: under another spelling of its path the loader makes a second instance, and both have one state only as
//! long as they find each other by name. Relied on is that modules which call `dlopen` do not open a library that others need.
//!
//! Loaders look for libraries in `/usr/lib` first. Where the distribution of a target has a library of the same file name, it is loaded in place
//! of the private one, and does not have new names. So nobody is certain to get a private library that is called like one of these.
//!
//! What the names begin with is a hash of all modules of the wheel as they were found, and of the path of the library. So two wheels with
//! the same library have different names, and the same input always gives the same ones.

use crate::code::Code;
use crate::code::openers::{self, Opens};
use crate::exports::is_private;
use crate::loader::base_name;
use crate::shrink::Input;
use crate::target::Target;
use crate::target::libraries::package_of;
use anyhow::Result;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use wasm_pyfix_passes::isolate::Standing;
use wasm_pyfix_passes::linking::isolated;
use wasm_pyfix_passes::module::Module;

/// The standing of each of `modules`, which were found as `inputs` and are for `targets`. `hashed` keeps what names begin with.
///
/// # Errors
/// When code cannot be unpacked.
pub fn standings(
    inputs: &[Input<'_>],
    modules: &[Module<'_>],
    code: &mut Code<'_>,
    targets: &[&'static Target],
    hashed: &mut Option<Vec<[u8; 5]>>,
) -> Result<Vec<Standing>> {
    let needed: HashSet<&str> = modules.iter().flat_map(|module| &module.dylink.needed).map(|name| base_name(name)).collect();
    let private: Vec<bool> = inputs.iter().map(|input| is_private(input.path) && needed.contains(base_name(input.path))).collect();
    let libraries = inputs.iter().zip(&private).filter(|(_, private)| **private).map(|(input, _)| base_name(input.path)).collect();
    if !private.contains(&true) || may_be_met(&libraries, modules, code)? {
        return Ok(vec![Standing::default(); modules.len()]);
    }
    let hashes = hashed.get_or_insert_with(|| hashes(inputs));
    let prefixes = private.iter().zip(hashes).map(|(private, hash)| private.then(|| isolated::prefix(*hash)));
    let standings = prefixes.zip(needed_of(inputs, modules, targets)).map(|(private, needed)| Standing { private, needed });
    Ok(standings.collect())
}

/// Whether something makes symbols visible to other packages, or code may open one of the `libraries`, which are names of files.
fn may_be_met(libraries: &HashSet<&str>, modules: &[Module<'_>], code: &mut Code<'_>) -> Result<bool> {
    let meets = |(_, opens): &(String, Opens)| match opens {
        Opens::Nothing => false,
        Opens::Named(files) => files.iter().any(|file| libraries.contains(base_name(file))),
        Opens::Any | Opens::Global(_) => true,
    };
    Ok(code.opens()?.iter().any(meets) || modules.iter().any(openers::shows_symbols))
}

/// A hash for each module, of its path and of the contents of all.
fn hashes(inputs: &[Input<'_>]) -> Vec<[u8; 5]> {
    let mut all = Sha256::new();
    for input in inputs {
        all.update((input.bytes.len() as u64).to_le_bytes());
        all.update(input.bytes);
    }
    let hash = |input: &Input<'_>| {
        let digest = all.clone().chain_update(input.path).finalize();
        let mut hash = [0; 5];
        hash.copy_from_slice(&digest[..5]);
        hash
    };
    inputs.iter().map(hash).collect()
}

/// For each module the places of those that it needs; `None` if one of these is not there, if of several with its name nobody knows which is
/// meant, or if the distribution of a target has one of that name, which comes first.
fn needed_of(inputs: &[Input<'_>], modules: &[Module<'_>], targets: &[&'static Target]) -> Vec<Option<Vec<usize>>> {
    let is_shadowed = |name: &str| targets.iter().any(|target| package_of(target, name).is_some());
    let mut named: HashMap<&str, Option<usize>> = HashMap::new();
    for (place, input) in inputs.iter().enumerate() {
        let name = base_name(input.path);
        let found = Some(place).filter(|_| !is_shadowed(name));
        named.entry(name).and_modify(|known| *known = None).or_insert(found);
    }
    let find = |name: &String| named.get(base_name(name)).copied().flatten();
    modules.iter().map(|module| module.dylink.needed.iter().map(find).collect()).collect()
}
