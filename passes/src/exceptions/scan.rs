//! One fast look over every body: which functions of the exception ABI it calls and what else it does with them.

use super::Handlers;
use super::abi::{Abi, Role};
use crate::Result;
use crate::body::facts::Kind;
use crate::module::{Body, FunctionId, Module};
use crate::parallel::prelude::*;
use std::collections::{HashMap, HashSet};
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
    let setjmp_tests: HashSet<u32> = (module.imports().iter())
        .filter(|import| import.module == "env" && matches!(import.field.as_ref(), "__wasm_setjmp_test" | "testSetjmp"))
        .filter_map(|import| if let crate::module::Item::Function(id) = import.item { Some(id.0) } else { None })
        .collect();
    let threw: HashSet<u32> = abi.threw.iter().map(|id| id.0).collect();
    let threw_values: HashSet<u32> = abi.threw_value.iter().map(|id| id.0).collect();
    let wanted = Wanted { module, roles, setjmp_tests, threw, threw_values };
    let bodies: Vec<_> = module.bodies().collect();
    bodies.into_par_iter().map(|(id, body)| Ok((id, scan_body(body, &wanted)?))).collect()
}

/// What to look for.
struct Wanted<'m> {
    module: &'m Module<'m>,
    roles: HashMap<u32, Role>,
    setjmp_tests: HashSet<u32>,
    threw: HashSet<u32>,
    threw_values: HashSet<u32>,
}

impl Wanted<'_> {
    /// Whether a call of `function` leaves something in `tempRet0` that comes from outside this module.
    fn is_foreign(&self, function: u32) -> bool {
        // What was replaced is what it was replaced by.
        let meant = self.module.resolved(FunctionId(function));
        let imported = self.module.function(meant).origin.defined().is_none();
        imported && !self.roles.contains_key(&function) && !self.setjmp_tests.contains(&function)
    }
}

fn scan_body(body: &Body<'_>, wanted: &Wanted<'_>) -> Result<BodyFacts> {
    let Wanted { roles, setjmp_tests, threw, threw_values, .. } = wanted;
    let refers = body.facts()?;
    let mut facts = BodyFacts {
        throws: refers.throws || refers.indirect_calls,
        legacy_try: refers.legacy_try,
        try_table: refers.try_table,
        calls: refers.calls().collect(),
        ..BodyFacts::default()
    };
    facts.calls.sort_unstable();
    facts.calls.dedup();
    for immediate in &refers.immediates {
        let id = immediate.id;
        facts.handles_longjmp |= immediate.kind == Kind::Call && setjmp_tests.contains(&id);
        match (immediate.kind, roles.get(&id)) {
            (Kind::Call, Some(role)) => match role {
                // The opcode takes one byte.
                Role::Invoke | Role::LegalizedInvoke => facts.invokes.push((immediate.at as usize - 1, FunctionId(id))),
                Role::FindMatchingCatch { .. } => facts.matches = true,
                Role::Longjmp => facts.handles_longjmp = true,
                Role::SetTempRet => facts.sets_temp_ret = true,
                Role::SaveSetjmp => facts.saves_setjmp = true,
                _ => {}
            },
            (Kind::TailCall | Kind::Reference, Some(_)) => facts.references.push(FunctionId(id)),
            (Kind::Read | Kind::Write, _) => {
                let value = threw_values.contains(&id);
                facts.handles_longjmp |= value;
                facts.uses_words |= value || threw.contains(&id);
            }
            _ => {}
        }
    }
    if facts.calls.iter().any(|function| roles.get(function) == Some(&Role::GetTempRet)) {
        temp_ret(body, wanted, &mut facts)?;
    }
    Ok(facts)
}

/// Notes which second results `body` reads.
fn temp_ret(body: &Body<'_>, wanted: &Wanted<'_>, facts: &mut BodyFacts) -> Result<()> {
    // The function called last, unless the flow of control changed since.
    let mut last_call = None;
    for operator in FunctionBody::new(BinaryReader::new(&body.bytes, body.offset)).get_operators_reader()? {
        let operator = operator?;
        if ends_straight_code(&operator) {
            last_call = None;
        }
        let Operator::Call { function_index } = operator else { continue };
        let before = last_call.replace(function_index);
        if wanted.roles.get(&function_index) == Some(&Role::GetTempRet) {
            match before {
                Some(function) => facts.reads_foreign_temp_ret |= wanted.is_foreign(function),
                None => facts.reads_temp_ret = true,
            }
        }
    }
    Ok(())
}

/// The kinds of exception handlers in one body.
pub fn handlers(body: &Body<'_>) -> Result<Handlers> {
    let facts = body.facts()?;
    Ok(Handlers { legacy: facts.legacy_try, new: facts.try_table || facts.throw_ref })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linking::siblings::SiblingExports;

    /// What a defined function leaves in `tempRet0` comes from inside, also when another stands for it since `merge` ran.
    #[test]
    fn what_was_replaced_is_not_foreign() {
        let text = r#"(module (@dylink.0 (mem-info (memory 0 0)))
            (import "env" "getTempRet0" (func $get (result i32)))
            (func $one (result i32) i32.const 1)
            (func $equal (result i32) i32.const 1)
            (func (export "f") (result i32) call $equal drop call $get))"#;
        let bytes = wat::parse_str(text).unwrap();
        let mut module = Module::read(&bytes).unwrap();
        module.replace_function(FunctionId(2), FunctionId(1));
        let abi = Abi::find(&module, &SiblingExports::default());
        let facts = scan(&module, &abi).unwrap();
        assert!(facts.iter().all(|(_, facts)| !facts.reads_foreign_temp_ret));
    }
}
