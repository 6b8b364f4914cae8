//! One fast look over every body: which functions of the exception ABI it calls and what else it does with them.

use super::Handlers;
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
    /// It calls `setTempRet0`.
    pub sets_temp_ret: bool,
    /// It calls `getTempRet0`, and not right behind a call.
    pub reads_temp_ret: bool,
    /// It calls `getTempRet0` right behind the call of an imported function that is not of the ABI.
    pub reads_foreign_temp_ret: bool,
    /// It refers to the words `__THREW__` and `__threwValue`.
    pub uses_words: bool,
    /// The functions it calls directly.
    pub calls: Vec<u32>,
    /// It throws itself, or calls through a pointer.
    pub throws: bool,
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
    let wanted = Wanted { module, roles, setjmp_tests, threw, threw_values };
    let bodies: Vec<_> = module.bodies().collect();
    bodies.into_par_iter().map(|(id, body)| Ok((id, scan_body(body, &wanted)?))).collect()
}

/// What to look for.
struct Wanted<'m> {
    module: &'m Module<'m>,
    roles: HashMap<u32, Role>,
    setjmp_tests: Vec<u32>,
    threw: Vec<u32>,
    threw_values: Vec<u32>,
}

impl Wanted<'_> {
    /// Whether a call of `function` leaves something in `tempRet0` that comes from outside this module.
    fn is_foreign(&self, function: u32) -> bool {
        let imported = self.module.function(FunctionId(function)).origin.defined().is_none();
        imported && !self.roles.contains_key(&function) && !self.setjmp_tests.contains(&function)
    }
}

fn scan_body(body: &Body<'_>, wanted: &Wanted<'_>) -> Result<BodyFacts> {
    let roles = &wanted.roles;
    let mut facts = BodyFacts::default();
    // The function called last, unless the flow of control changed since.
    let mut last_call = None;
    let mut operators = FunctionBody::new(BinaryReader::new(&body.bytes, body.offset)).get_operators_reader()?;
    while !operators.eof() {
        let at = operators.original_position() - body.offset;
        let operator = operators.read()?;
        if ends_straight_code(&operator) {
            last_call = None;
        }
        match operator {
            Operator::Call { function_index } => {
                let before = last_call.replace(function_index);
                facts.calls.push(function_index);
                if wanted.setjmp_tests.contains(&function_index) {
                    facts.handles_longjmp = true;
                }
                let Some(role) = roles.get(&function_index) else { continue };
                match role {
                    Role::Invoke | Role::LegalizedInvoke => facts.invokes.push((at as usize, FunctionId(function_index))),
                    Role::FindMatchingCatch { .. } => facts.matches = true,
                    Role::Longjmp => facts.handles_longjmp = true,
                    Role::SetTempRet => facts.sets_temp_ret = true,
                    Role::GetTempRet => match before {
                        Some(function) => facts.reads_foreign_temp_ret |= wanted.is_foreign(function),
                        None => facts.reads_temp_ret = true,
                    },
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
            Operator::GlobalGet { global_index } | Operator::GlobalSet { global_index }
                if wanted.threw_values.contains(&global_index) =>
            {
                facts.uses_words = true;
                facts.handles_longjmp = true;
            }
            Operator::GlobalGet { global_index } | Operator::GlobalSet { global_index } if wanted.threw.contains(&global_index) => {
                facts.uses_words = true;
            }
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

/// The kinds of exception handlers in one body.
pub fn handlers(body: &Body<'_>) -> Result<Handlers> {
    let mut handlers = Handlers::default();
    let mut operators = FunctionBody::new(BinaryReader::new(&body.bytes, body.offset)).get_operators_reader()?;
    while !operators.eof() {
        match operators.read()? {
            Operator::Try { .. } => handlers.legacy = true,
            Operator::TryTable { .. } | Operator::ThrowRef => handlers.new = true,
            _ => {}
        }
    }
    Ok(handlers)
}

/// Whether what came before `operator` in the code need not have run before what comes after it.
fn ends_straight_code(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::End
            | Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrTable { .. }
            | Operator::Return
            | Operator::Unreachable
            | Operator::Try { .. }
            | Operator::TryTable { .. }
            | Operator::Catch { .. }
            | Operator::CatchAll
            | Operator::Delegate { .. }
            | Operator::CallIndirect { .. }
    )
}
