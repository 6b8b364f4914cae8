//! Calls of routines that are a single instruction, and landing pads that ask for what they do not use.

use super::Context;
use crate::body::code::{Code, Instruction, Op};
use crate::body::list::List;

/// Writes the instruction for each such call.
pub fn rewrite(context: &Context<'_>, code: &mut Code<'_>) {
    let mut kept: Vec<Instruction> = Vec::with_capacity(code.list.len());
    let mut at = 0;
    while at < code.list.len() {
        let instruction = &code.list[at];
        match instruction.op {
            Op::Call(function) if context.typeid.contains(&function) => {}
            Op::Call(function) if asks_in_vain(context, code, function, at) => {
                let clauses = context.matching[&function] as usize;
                // What pushes its arguments does nothing else, or their values are dropped.
                for _ in 0..clauses {
                    match kept.last().map(|last| &last.op) {
                        Some(op) if is_push(op) => drop(kept.pop()),
                        _ => kept.push(Op::Drop.into()),
                    }
                }
                at += 3;
            }
            Op::Call(function) => {
                let op = match (context.temp_ret, context.state.cpp_exception) {
                    (Some(global), _) if context.get_temp_ret.contains(&function) => Op::GlobalGet(global.0),
                    (_, Some(tag)) if context.resume.contains(&function) => Op::Throw(tag.0),
                    _ => Op::Call(function),
                };
                kept.push(op.into());
            }
            _ => kept.push(instruction.clone()),
        }
        at += 1;
    }
    code.list = List::from(kept);
}

/// Whether the routine of a landing pad is called at `at` and both its results are dropped: the exception, which nobody can then
/// catch, and the clause.
fn asks_in_vain(context: &Context<'_>, code: &Code<'_>, function: u32, at: usize) -> bool {
    let op = |index: usize| code.list.get(index).map(|instruction| &instruction.op);
    context.matching.contains_key(&function)
        && op(at + 1) == Some(&Op::Drop)
        && matches!(op(at + 2), Some(Op::Call(function)) if context.get_temp_ret.contains(function))
        && op(at + 3) == Some(&Op::Drop)
}

/// Whether it pushes a value and does nothing else.
pub fn is_push(op: &Op) -> bool {
    matches!(op, Op::Get(_) | Op::Const(_) | Op::Push(_) | Op::GlobalGet(_))
}
