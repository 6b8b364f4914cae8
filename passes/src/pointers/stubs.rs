//! Calls that wasm-ld could not make, for the type of the declaration is not that of the definition.
//!
//! **Relies on** lld, `replaceWithUnreachable` in `lld/wasm/SymbolTable.cpp`: a function `signature_mismatch:NAME` with a body of `unreachable`
//! takes the place of each such declaration. Where names are stripped nobody can tell it from a function of the user's that does not return.

use crate::Result;
use crate::module::{FunctionId, Module};
use std::collections::{BTreeMap, HashMap};
use wasmparser::{BinaryReader, FunctionBody, Operator};

/// What the names of stubs begin with.
const PREFIX: &str = "signature_mismatch:";

/// The functions that are called under another type than they are defined with, by their names, and who calls them so.
///
/// # Errors
/// Malformed code, which [`Module::read`] would have found.
pub fn stubs_called(module: &Module<'_>) -> Result<BTreeMap<String, Vec<FunctionId>>> {
    let named = module.function_names().into_iter();
    let stubs: HashMap<u32, String> = named
        .filter(|(id, _)| is_stub(module, *id))
        .filter_map(|(id, name)| Some((id.0, name.strip_prefix(PREFIX)?.to_string())))
        .collect();
    let mut called: BTreeMap<String, Vec<FunctionId>> = BTreeMap::new();
    if stubs.is_empty() {
        return Ok(called);
    }
    for (caller, facts) in module.facts()? {
        for stub in facts.calls().filter_map(|callee| stubs.get(&callee)) {
            let callers = called.entry(stub.clone()).or_default();
            if callers.last() != Some(&caller) {
                callers.push(caller);
            }
        }
    }
    Ok(called)
}

fn is_stub(module: &Module<'_>, id: FunctionId) -> bool {
    let Some(body) = module.functions().get(id.0 as usize).and_then(|function| function.origin.defined()) else { return false };
    let Ok(operators) = FunctionBody::new(BinaryReader::new(&body.bytes, body.offset)).get_operators_reader() else { return false };
    let first: Vec<Operator<'_>> = operators.into_iter().take(3).map_while(std::result::Result::ok).collect();
    matches!(first[..], [Operator::Unreachable, Operator::End])
}
