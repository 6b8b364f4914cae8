//! What goes before handlers are written anew.
//!
//! - Code that nothing leads to, behind a branch or the like: what its values are is not known, and it could not move.
//! - A `try` in whose body nothing throws, such as those that LLVM puts around calls of `__wasm_setjmp`, and its handlers.
//! - A handler that goes on behind its `try`, where only the end of a block comes, branches to that end instead, and need not stand there.
//! - A `try` with `delegate` at the beginning of a `try` whose own exceptions go to the same place: LLVM begins a `try` early and
//!   takes calls out of it again. These come to stand before it.

use super::shape::{Block, Kind, Shape, effect, stops, targets};
use crate::body::code::{Code, Label, Op};
use crate::module::Module;
use std::collections::{HashMap, HashSet};

/// The instructions of a list to which something may lead, by their numbers.
pub fn live(ops: &[Op]) -> Vec<usize> {
    let mut live = Vec::with_capacity(ops.len());
    // How many blocks are open in the code that nothing leads to.
    let mut dead: Option<usize> = None;
    for (at, op) in ops.iter().enumerate() {
        let opens = matches!(op, Op::Block(..) | Op::Loop(..) | Op::If(..) | Op::Try(..) | Op::TryTable(..));
        let ends = matches!(op, Op::End(_) | Op::Delegate(..));
        let turns = matches!(op, Op::Else(_) | Op::Catch(..) | Op::CatchAll(_));
        match &mut dead {
            Some(0) if ends || turns => dead = None,
            Some(open) => {
                *open = *open + usize::from(opens) - usize::from(ends);
                continue;
            }
            None => {}
        }
        if stops(op) {
            dead = Some(0);
        }
        live.push(at);
    }
    live
}

/// The label that a `delegate` names.
fn delegate(op: &Op) -> Option<Label> {
    if let Op::Delegate(_, to) = op { Some(*to) } else { None }
}

/// Whether an instruction may throw. Calls of the `harmless` functions do not.
fn throws(code: &Code<'_>, harmless: &HashSet<u32>, op: &Op) -> bool {
    const THROWING: [u8; 4] = [0x08, 0x12, 0x13, 0x15];
    match op {
        Op::Plain(span, ..) => match code.callee(span) {
            Some(callee) => !harmless.contains(&callee),
            None => code.calls_pointer(span),
        },
        // `throw`, and calls in the place of a return.
        Op::Stop(span, _) => code.bytes(span).first().is_some_and(|opcode| THROWING.contains(opcode)),
        Op::Call(callee) => !harmless.contains(callee),
        Op::Throw(_) | Op::Rethrow(_) | Op::ThrowRef => true,
        _ => false,
    }
}

/// The list without each `try` in whose body nothing throws, and without its handlers.
pub fn with_needed_tries(code: &Code<'_>, ops: Vec<Op>, harmless: &HashSet<u32>) -> Vec<Op> {
    let shape = Shape::of(code, &ops);
    let branches: HashSet<Label> = ops.iter().flat_map(targets).collect();
    // How many instructions before each may throw.
    let mut before = vec![0; ops.len() + 1];
    for (at, op) in ops.iter().enumerate() {
        before[at + 1] = before[at] + usize::from(throws(code, harmless, op));
    }
    // Whether a block stays where each of them was.
    let mut idle: HashMap<Label, bool> = HashMap::new();
    let mut out = Vec::with_capacity(ops.len());
    let mut at = 0;
    while let Some(op) = ops.get(at) {
        at += 1;
        match op {
            Op::Try(label, ty) => {
                let body = &shape.sequences[shape.blocks[*label as usize].first];
                if before[body.begin] < before[body.close] {
                    out.push(op.clone());
                    continue;
                }
                let stays = branches.contains(label) || code.blocks[*label as usize].shape != (0, 0) || body.ends;
                idle.insert(*label, stays);
                out.extend(stays.then_some(Op::Block(*label, *ty)));
            }
            Op::Catch(label, _) | Op::CatchAll(label) | Op::Delegate(label, _) | Op::End(label) if idle.contains_key(label) => {
                // Handlers go as well.
                at = shape.blocks[*label as usize].end + 1;
                out.extend(idle[label].then_some(Op::End(*label)));
            }
            op => out.push(op.clone()),
        }
    }
    out
}

/// The list with the same label for each `try` and the block at whose end it ends. Its handlers branch there.
pub fn with_shared_ends(code: &Code<'_>, ops: Vec<Op>) -> Vec<Op> {
    let shape = Shape::of(code, &ops);
    let mut same: HashMap<Label, Label> = HashMap::new();
    for op in &ops {
        // Blocks outside come first.
        if let Op::Try(label, _) = op
            && let Some(around) = block_that_ends_with(code, &shape, *label)
        {
            same.insert(*label, same.get(&around).copied().unwrap_or(around));
        }
    }
    if same.is_empty() {
        return ops;
    }
    let name = |label: Label| same.get(&label).copied().unwrap_or(label);
    let mut out = Vec::with_capacity(ops.len());
    for (at, op) in ops.into_iter().enumerate() {
        if let Some(closed) = shape.closes.get(&at).map(|closed| &shape.sequences[*closed])
            && closed.kind == Kind::Handler
            && !closed.ends
            && let Some(around) = same.get(&closed.label)
        {
            out.push(if *around == 0 { Op::Return } else { Op::Br(*around) });
        }
        out.push(match op {
            Op::Br(label) => Op::Br(name(label)),
            Op::BrIf(label) => Op::BrIf(name(label)),
            Op::BrTable(labels, default) => Op::BrTable(labels.iter().map(|label| name(*label)).collect(), name(default)),
            op => op,
        });
    }
    out
}

/// The block of which the `try` of `label` is the last instruction, if both give the same values.
fn block_that_ends_with(code: &Code<'_>, shape: &Shape, label: Label) -> Option<Label> {
    let block = &shape.blocks[label as usize];
    let around = &shape.sequences[block.within];
    let last = around.close == block.end + 1 && !matches!(around.kind, Kind::Loop | Kind::Handler);
    let gives = |label: Label| code.blocks[label as usize].shape.1;
    (last && !block.handlers.is_empty() && gives(label) == gives(around.label)).then_some(around.label)
}

/// The list with calls before each `try` that were in it only to be taken out again.
pub fn with_late_tries(module: &Module<'_>, code: &Code<'_>, ops: Vec<Op>, harmless: &HashSet<u32>) -> Vec<Op> {
    if !ops.iter().any(|op| matches!(op, Op::Delegate(..))) {
        return ops;
    }
    let shape = Shape::of(code, &ops);
    let named: HashSet<Label> = ops.iter().flat_map(targets).chain(ops.iter().filter_map(delegate)).collect();
    let mut out = Vec::with_capacity(ops.len());
    // Where each `try` is to begin that begins later.
    let mut later: Vec<(usize, Op)> = Vec::new();
    let mut undelegated: HashSet<Label> = HashSet::new();
    for (at, op) in ops.iter().enumerate() {
        while let Some((_, op)) = later.pop_if(|(begin, _)| *begin == at) {
            out.push(op);
        }
        match op {
            Op::Try(label, _) if undelegated.contains(label) => {}
            Op::Delegate(label, _) if undelegated.contains(label) => {}
            Op::Try(label, _) => match beginning(module, code, &ops, &shape, *label, (&named, harmless)) {
                Some((begin, tries)) => {
                    undelegated.extend(tries);
                    later.push((begin, op.clone()));
                }
                None => out.push(op.clone()),
            },
            op => out.push(op.clone()),
        }
    }
    out
}

/// Where the `try` of `label` can begin instead, and the ones before that which are none any more.
fn beginning(
    module: &Module<'_>,
    code: &Code<'_>,
    ops: &[Op],
    shape: &Shape,
    label: Label,
    (named, harmless): (&HashSet<Label>, &HashSet<u32>),
) -> Option<(usize, Vec<Label>)> {
    let guard = shape.guard_of(label);
    let Block { open, first, ref handlers, .. } = shape.blocks[label as usize];
    // What is before it must not branch to it or hand exceptions to it, nor take what it takes.
    if handlers.is_empty() || named.contains(&label) || code.blocks[label as usize].shape.0 > 0 {
        return None;
    }
    let close = shape.sequences[first].close;
    let (mut at, mut height, mut found) = (open + 1, 0, None);
    let mut tries = Vec::new();
    while at < close {
        let op = &ops[at];
        let (takes, gives) = effect(module, code, op);
        height += i64::from(gives) - i64::from(takes);
        match op {
            Op::Try(inner, _) => {
                let block = &shape.blocks[*inner as usize];
                let body = &shape.sequences[block.first];
                if block.delegate != Some(guard) || named.contains(inner) || body.ends || code.blocks[*inner as usize].shape.0 > 0 {
                    break;
                }
                tries.push(*inner);
                at = block.end + 1;
                if height == 0 {
                    found = Some((at, tries.len()));
                }
            }
            Op::Get(_) | Op::Set(_) | Op::Tee(_) | Op::Drop | Op::Push(_) => at += 1,
            Op::Plain(..) if !throws(code, harmless, op) => at += 1,
            _ => break,
        }
    }
    let (begin, count) = found?;
    tries.truncate(count);
    Some((begin, tries))
}
