//! Missing `dynCall_<signature>` exports are added.
//!
//! **Idea.** JavaScript that calls a function pointer with 64-bit integers in its signature cannot do so through the table when the
//! main module was linked without BIGINT: it calls `dynCall_<signature>(pointer, arguments…)`, an export that takes and returns them
//! in halves. Linkers add these exports for the signatures that a module knows of. Emscripten 3.1.20 to 3.1.71 made up for those of
//! side modules at run time in part; before and after, a call through `invoke_*` with a signature that the main module lacks dies
//! with `Cannot read properties of undefined (reading 'call')` or `f is not a function`.
//!
//! **When it refuses.** Never. Signatures that JavaScript cannot pass (several results, vectors) are left out and reported.
//!
//! **Relies on** Binaryen's `GenerateDynCalls.cpp` and `LegalizeJSInterface.cpp` for the form, `dynCallLegacy` of Emscripten's
//! `library.js` for the use, `mergeLibSymbols` of its `library_dylink.js` for the lookup in side modules.

use crate::body::halves::legal_body;
use crate::linking::DYNCALL;
use crate::linking::signature::{has_i64, letters, spelled, through_pointer};
use crate::module::{ElementItems, Item, Module};
use crate::{Kept, Outcome, Result};
use std::collections::{BTreeSet, HashSet};
use wasmparser::{FuncType, ValType};

/// Which signatures get an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signatures {
    /// Those with 64-bit integers, of functions in the table and of `invoke_*` imports.
    I64,
    /// All of those, and of every indirect call.
    All,
    /// These, as letters with the result first.
    Listed(Vec<String>),
}

/// As [`std::str::FromStr`] reads it.
impl std::fmt::Display for Signatures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Signatures::I64 => f.write_str("i64"),
            Signatures::All => f.write_str("all"),
            Signatures::Listed(signatures) => f.write_str(&signatures.join(",")),
        }
    }
}

impl std::str::FromStr for Signatures {
    type Err = String;

    /// `i64`, `all`, or signatures with commas between them.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "i64" => Ok(Signatures::I64),
            "all" => Ok(Signatures::All),
            list => {
                let signatures: Vec<String> = list.split(',').map(str::to_string).collect();
                match signatures.iter().find(|signature| spelled(signature).is_none_or(|ty| !is_callable(&ty))) {
                    None => Ok(Signatures::Listed(signatures)),
                    Some(signature) => Err(format!(
                        "`{signature}` is neither `i64` nor `all` nor a signature: result first (`v` for none), then the parameters, \
                         each one of `i`, `j` (i64), `f`, `d`, `F` (funcref), `X` (externref)"
                    )),
                }
            }
        }
    }
}

/// What is asked of this pass.
#[derive(Debug, Clone, Copy)]
pub struct Options<'o> {
    /// Which signatures are to have a wrapper.
    pub signatures: &'o Signatures,
    /// The main module has BIGINT: 64-bit integers stay whole.
    pub bigint: bool,
}

/// The signatures that the `invoke_*` imports of `module` spell. The conversion of exceptions takes these imports away.
pub fn invoked(module: &Module<'_>) -> BTreeSet<String> {
    let imports = module.imports().iter().filter(|import| import.module == "env");
    let letters = imports.filter_map(|import| match import.item {
        Item::Function(id) => {
            let letters = import.field.strip_prefix("invoke_")?;
            let ty = through_pointer(&spelled(letters)?);
            let have = module.signature(id);
            (*have == ty || crate::linking::signature::is_legalized(have, &ty)).then(|| letters.to_string())
        }
        _ => None,
    });
    letters.collect()
}

/// Adds the exports that are asked for and missing; `invoked` are the signatures of `invoke_*` imports.
pub fn run(module: &mut Module<'_>, invoked: BTreeSet<String>, options: &Options<'_>) -> Result<Outcome> {
    let mut outcome = Outcome::new("dyncall");
    let wanted = match options.signatures {
        Signatures::Listed(list) => list.iter().cloned().collect(),
        Signatures::I64 => {
            let mut wanted = in_table(module, &mut outcome);
            wanted.extend(invoked);
            wanted.retain(|signature| signature.contains('j'));
            wanted
        }
        Signatures::All => {
            let mut wanted = in_table(module, &mut outcome);
            wanted.extend(invoked);
            wanted.extend(called(module, &mut outcome)?);
            wanted
        }
    };
    let present = module.exports().iter().filter_map(|export| export.name.strip_prefix(DYNCALL));
    let present: HashSet<String> = present.map(str::to_string).collect();
    for signature in wanted {
        let name = format!("{DYNCALL}{signature}");
        let Some(ty) = spelled(&signature).filter(|_| !present.contains(&signature)) else { continue };
        if is_callable(&ty) {
            add(module, &name, &ty, options.bigint);
            outcome.count("dyncall_exports_added", 1);
        } else {
            outcome.leave(Kept::Signature, &format!("`{signature}` has a vector, which JavaScript cannot pass"));
        }
    }
    Ok(outcome)
}

/// Whether JavaScript can pass all values of the type, in halves if need be.
fn is_callable(ty: &FuncType) -> bool {
    !ty.params().iter().chain(ty.results()).any(|ty| *ty == ValType::V128)
}

/// The signatures of the functions that the module puts into the table.
fn in_table(module: &Module<'_>, outcome: &mut Outcome) -> BTreeSet<String> {
    let lists = module.elements().iter().filter_map(|segment| match &segment.items {
        ElementItems::Functions(functions) => Some(functions),
        ElementItems::Expressions(..) => None,
    });
    let types: BTreeSet<u32> = lists.flatten().map(|id| module.function(*id).ty.0).collect();
    types.into_iter().filter_map(|ty| signature(module, ty, outcome)).collect()
}

/// The signatures of indirect calls.
fn called(module: &Module<'_>, outcome: &mut Outcome) -> Result<BTreeSet<String>> {
    let types: BTreeSet<u32> = module.facts()?.into_iter().flat_map(|(_, facts)| facts.types_called()).collect();
    Ok(types.into_iter().filter_map(|ty| signature(module, ty, outcome)).collect())
}

fn signature(module: &Module<'_>, ty: u32, outcome: &mut Outcome) -> Option<String> {
    let signature = letters(&module.types()[ty as usize]);
    if signature.is_none() {
        outcome.leave(Kept::Signature, "it has several results");
    }
    signature
}

/// Adds the export `name` for functions of type `ty`.
fn add(module: &mut Module<'_>, name: &str, ty: &FuncType, bigint: bool) {
    let table = module.function_table();
    let pointee = module.type_id(ty);
    let whole = through_pointer(ty);
    let (exported, body) = if bigint || !has_i64(ty) {
        let mut function = wasm_encoder::Function::new([]);
        for argument in 1..=ty.params().len() as u32 {
            function.instructions().local_get(argument);
        }
        function.instructions().local_get(0).call_indirect(table.0, pointee.0).end();
        (whole, function.into_raw_body())
    } else {
        let body = legal_body(module, ty, 1, |code| {
            code.local_get(0).call_indirect(table.0, pointee.0);
        });
        (crate::linking::signature::legalized(&whole), body)
    };
    let function = module.add_function(&exported, body, name);
    module.add_export(name, Item::Function(function));
}
