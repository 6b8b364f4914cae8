//! What bodies show about legalized imports.
//!
//! Binaryen's `LegalizeJSInterface` calls a legalized import from one function alone, `legalfunc$<name>`: it splits its 64-bit
//! arguments, calls, and joins the result with `getTempRet0`. Names are usually stripped and the optimiser may have inlined it or
//! specialised its parameters. Where the function is still whole it proves the true type of the import; where only the joining of
//! the result is left it proves that the import is legalized.

use crate::Result;
use crate::linking::signature::{has_i64, legalized};
use crate::module::{Body, FunctionId, Item, Module};
use crate::parallel::prelude::*;
use std::collections::HashSet;
use wasmparser::{BinaryReader, FuncType, FunctionBody, Operator, ValType};

/// What one body shows.
#[derive(Debug, Default)]
pub struct Shape {
    /// The import that this function is the legalized wrapper of.
    pub wraps: Option<FunctionId>,
    /// Imported functions whose result it joins with `getTempRet0`.
    pub joins: HashSet<u32>,
    /// Imported functions to which it gives the two halves of a 64-bit integer as the last thing before the call.
    pub splits: HashSet<u32>,
}

/// Looks over all bodies, in the order of their ids.
pub fn scan(module: &Module<'_>) -> Result<Vec<(FunctionId, Shape)>> {
    let get_temp_ret = match module.import("env", "getTempRet0") {
        Some(Item::Function(id)) => Some(id.0),
        _ => None,
    };
    let bodies: Vec<_> = module.bodies().collect();
    bodies.into_par_iter().map(|(id, body)| Ok((id, scan_body(module, id, body, get_temp_ret)?))).collect()
}

fn scan_body(module: &Module<'_>, id: FunctionId, body: &Body<'_>, get_temp_ret: Option<u32>) -> Result<Shape> {
    let mut shape = Shape::default();
    // What was replaced is what it was replaced by.
    let imported = |function: u32| module.function(module.resolved(FunctionId(function))).origin.defined().is_none();
    let mut last_call = None;
    let mut halves = Halves::default();
    for operator in FunctionBody::new(BinaryReader::new(&body.bytes, body.offset)).get_operators_reader()? {
        let operator = operator?;
        match operator {
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                if Some(function_index) == get_temp_ret {
                    shape.joins.extend(last_call);
                } else {
                    last_call = imported(function_index).then_some(function_index);
                    shape.splits.extend(last_call.filter(|_| halves.given));
                }
            }
            // What lies between a call and the joining of its result.
            Operator::I64ExtendI32U
            | Operator::LocalGet { .. }
            | Operator::LocalSet { .. }
            | Operator::LocalTee { .. }
            | Operator::Drop => {}
            _ => last_call = None,
        }
        halves.step(&operator);
    }
    if has_i64(module.signature(id)) {
        shape.wraps = wrapped_import(module, id, body, get_temp_ret)?;
    }
    Ok(shape)
}

/// Recognises the two halves of one 64-bit integer pushed one after the other, and perhaps more arguments after them.
#[derive(Debug, Default)]
struct Halves {
    /// How many instructions of the pattern came last.
    matched: usize,
    local: u32,
    given: bool,
}

impl Halves {
    fn step(&mut self, operator: &Operator<'_>) {
        let next = match (self.matched, operator) {
            (1, Operator::I32WrapI64) => 2,
            (2, Operator::LocalGet { local_index }) if *local_index == self.local => 3,
            (3, Operator::I64Const { value: 32 }) => 4,
            (4, Operator::I64ShrU) => 5,
            (5, Operator::I32WrapI64) => {
                self.given = true;
                0
            }
            (_, Operator::LocalGet { local_index }) => {
                self.local = *local_index;
                1
            }
            (_, operator) => {
                self.given &= is_plain_argument(operator);
                0
            }
        };
        self.matched = next;
    }
}

fn is_plain_argument(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::I32Const { .. }
            | Operator::I64Const { .. }
            | Operator::F32Const { .. }
            | Operator::F64Const { .. }
            | Operator::GlobalGet { .. }
            | Operator::I32WrapI64
            | Operator::I64ShrU
    )
}

/// The import that the body of `id` is the wrapper of: it does nothing but call it with its own parameters, split.
fn wrapped_import(module: &Module<'_>, id: FunctionId, body: &Body<'_>, get_temp_ret: Option<u32>) -> Result<Option<FunctionId>> {
    let ty = module.signature(id);
    // Six instructions for each parameter, eight around the call and `end`: no body that is longer in bytes than the longest of
    // these can be one.
    if body.bytes.len() > 16 * ty.params().len() + 32 {
        return Ok(None);
    }
    let operators: Vec<Operator<'_>> = FunctionBody::new(BinaryReader::new(&body.bytes, body.offset))
        .get_operators_reader()?
        .into_iter()
        .collect::<Result<_, _>>()?;
    let Some(import) = operators.iter().find_map(|operator| match operator {
        Operator::Call { function_index } => Some(FunctionId(*function_index)),
        _ => None,
    }) else {
        return Ok(None);
    };
    let is_import = module.function(import).origin.is_import();
    let fits = is_import && *module.signature(import) == legalized(ty);
    Ok((fits && Some(operators) == wrapper(ty, import, get_temp_ret)).then_some(import))
}

/// The code of `legalfunc$` for an import of true type `ty`.
fn wrapper(ty: &FuncType, import: FunctionId, get_temp_ret: Option<u32>) -> Option<Vec<Operator<'static>>> {
    let mut code = Vec::new();
    for (local_index, &parameter) in (0..).zip(ty.params()) {
        code.push(Operator::LocalGet { local_index });
        if parameter == ValType::I64 {
            code.push(Operator::I32WrapI64);
            code.push(Operator::LocalGet { local_index });
            code.extend([Operator::I64Const { value: 32 }, Operator::I64ShrU, Operator::I32WrapI64]);
        }
    }
    code.push(Operator::Call { function_index: import.0 });
    if ty.results() == [ValType::I64] {
        code.extend([Operator::I64ExtendI32U, Operator::Call { function_index: get_temp_ret? }, Operator::I64ExtendI32U]);
        code.extend([Operator::I64Const { value: 32 }, Operator::I64Shl, Operator::I64Or]);
    }
    code.push(Operator::End);
    Some(code)
}
