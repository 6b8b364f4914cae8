//! One fast look over every body: which functions of the exception ABI it calls and what else it does with them.

use super::abi::{Abi, Role};
use crate::Result;
use crate::module::{Body, FunctionId, Module};
use rayon::prelude::*;
use std::collections::HashMap;
use wasmparser::{BinaryReader, FunctionBody, Operator};

/// What one function has to do with the exception ABI.
#[derive(Debug, Clone, Default)]
pub struct BodyFacts {
    /// Calls of invokes: position of the instruction in the body, and the invoke.
    pub invokes: Vec<(usize, FunctionId)>,
    /// It calls `__cxa_find_matching_catch_*`.
    pub matches: bool,
    /// It reads the address of `__threwValue`, or calls `emscripten_longjmp` or `__wasm_setjmp_test`.
    pub handles_longjmp: bool,
    /// It refers to the words `__THREW__` and `__threwValue`, or to the second alone.
    pub uses_words: bool,
    pub reads_value: bool,
    /// The functions it calls directly.
    pub calls: Vec<u32>,
    /// It throws itself, or calls through a pointer.
    pub throws: bool,
    /// It calls `getTempRet0` or `setTempRet0`.
    pub uses_temp_ret: bool,
    /// It calls `saveSetjmp`, whose second result is in `tempRet0`.
    pub saves_setjmp: bool,
    /// It has native exception handlers of the legacy kind, or of the new kind.
    pub legacy_try: bool,
    pub try_table: bool,
    /// Functions of the ABI that it tail-calls or takes a reference of.
    pub references: Vec<FunctionId>,
}

/// Looks over all bodies, in the order of their ids.
pub fn scan(module: &Module<'_>, abi: &Abi) -> Result<Vec<(FunctionId, BodyFacts)>> {
    let roles = abi.by_function();
    let setjmp_tests: Vec<u32> = (module.imports().iter())
        .filter(|import| import.module == "env" && matches!(import.field.as_ref(), "__wasm_setjmp_test" | "testSetjmp"))
        .filter_map(|import| if let crate::module::Item::Function(id) = import.item { Some(id.0) } else { None })
        .collect();
    let threw: Vec<u32> = abi.threw.iter().map(|id| id.0).collect();
    let threw_values: Vec<u32> = abi.threw_value.iter().map(|id| id.0).collect();
    let words = Words { setjmp_tests, threw, threw_values };
    let bodies: Vec<_> = module.bodies().collect();
    bodies.into_par_iter().map(|(id, body)| Ok((id, scan_body(body, &roles, &words)?))).collect()
}

/// Ids to look for, beside those with a role.
struct Words {
    setjmp_tests: Vec<u32>,
    threw: Vec<u32>,
    threw_values: Vec<u32>,
}

fn scan_body(body: &Body<'_>, roles: &HashMap<u32, Role>, words: &Words) -> Result<BodyFacts> {
    let mut facts = BodyFacts::default();
    let mut operators = FunctionBody::new(BinaryReader::new(&body.bytes, body.offset)).get_operators_reader()?;
    while !operators.eof() {
        let at = operators.original_position() - body.offset;
        match operators.read()? {
            Operator::Call { function_index } => {
                facts.calls.push(function_index);
                if words.setjmp_tests.contains(&function_index) {
                    facts.handles_longjmp = true;
                }
                let Some(role) = roles.get(&function_index) else { continue };
                match role {
                    Role::Invoke => facts.invokes.push((at as usize, FunctionId(function_index))),
                    Role::FindMatchingCatch { .. } => facts.matches = true,
                    Role::Longjmp => facts.handles_longjmp = true,
                    Role::GetTempRet | Role::SetTempRet => facts.uses_temp_ret = true,
                    Role::SaveSetjmp => facts.saves_setjmp = true,
                    _ => {}
                }
            }
            Operator::ReturnCall { function_index } => {
                facts.calls.push(function_index);
                if roles.contains_key(&function_index) {
                    facts.references.push(FunctionId(function_index));
                }
            }
            Operator::RefFunc { function_index } if roles.contains_key(&function_index) => {
                facts.references.push(FunctionId(function_index));
            }
            Operator::GlobalGet { global_index } if words.threw_values.contains(&global_index) => {
                facts.uses_words = true;
                facts.reads_value = true;
                facts.handles_longjmp = true;
            }
            Operator::GlobalGet { global_index } if words.threw.contains(&global_index) => facts.uses_words = true,
            Operator::CallIndirect { .. } | Operator::ReturnCallIndirect { .. } => facts.throws = true,
            Operator::Throw { .. } | Operator::Rethrow { .. } | Operator::ThrowRef => facts.throws = true,
            Operator::Try { .. } => facts.legacy_try = true,
            Operator::TryTable { .. } => facts.try_table = true,
            _ => {}
        }
    }
    facts.calls.sort_unstable();
    facts.calls.dedup();
    Ok(facts)
}
