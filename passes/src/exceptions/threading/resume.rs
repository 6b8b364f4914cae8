//! Exceptions that a landing pad in a handler resumes are thrown on by `rethrow`.

use super::Context;
use super::site::NOTE;
use crate::body::code::{Code, Instruction, Label, Op};
use std::collections::HashMap;
use wasmparser::BlockType;

/// Rewrites the landing pads that stand in handlers of exceptions, those of the `try` blocks in `noting`, each with the local that holds
/// its stack pointer.
///
/// The exception that the routine of a landing pad returns first thing in a handler is the one that the handler caught, and so is the
/// local it is put into, if nothing else in the handler writes it.
pub fn rethrow(context: &Context<'_>, code: &mut Code<'_>, noting: &HashMap<Label, u32>) {
    if context.resume.is_empty() {
        return;
    }
    let resuming = resuming(context, code);
    let exceptions = context.state.cpp_exception.map(|tag| tag.0);
    let mut at = code.list.len();
    // From the last to the first, so that handlers inside handlers come first.
    while at > 0 {
        at -= 1;
        if let Op::Catch(label, tag) = code.list[at].op
            && Some(tag) == exceptions
            && let Some(&stack_pointer) = noting.get(&label)
        {
            let _ = handler(context, code, &resuming, (label, stack_pointer), at);
        }
    }
}

/// One handler; `None` when it is left as it is.
fn handler(
    context: &Context<'_>,
    code: &mut Code<'_>,
    resuming: &HashMap<Label, u32>,
    (label, stack_pointer): (Label, u32),
    at: usize,
) -> Option<()> {
    let noted = at + 1 + NOTE;
    let end = end_of_handler(code, at)?;
    let matches = (noted..end).find(|index| !is_before_matching(code, &code.list[*index].op))?;
    let Op::Call(routine) = code.list[matches].op else { return None };
    let clauses = *context.matching.get(&routine)?;
    let exception = match code.list.get(matches + 1)?.op {
        Op::Set(local) | Op::Tee(local) => local,
        _ => return None,
    };
    let writes = |instruction: &Instruction| matches!(instruction.op, Op::Set(local) | Op::Tee(local) if local == exception);
    if code.list.range(at..end).filter(|instruction| writes(instruction)).count() != 1 {
        return None;
    }
    let mut new = Vec::with_capacity(end - at);
    let mut index = at + 1;
    if clauses == 0 && matches == noted && ignores_clause(context, code, matches) {
        new.extend(
            [code.list[matches + 1].op.clone(), Op::Get(stack_pointer), Op::GlobalSet(context.state.stack_pointer.0)]
                .map(Instruction::from),
        );
        index = matches + 4;
    }
    // What is thrown in the body of another `try` is caught there.
    let mut guarded: Vec<Label> = Vec::new();
    while index < end {
        match code.list[index].op {
            Op::Try(inner, _) => guarded.push(inner),
            Op::Catch(inner, _) => guarded.retain(|guarded| *guarded != inner),
            _ => {}
        }
        if guarded.is_empty() {
            index += replace(context, code, resuming, label, exception, index, &mut new);
        } else {
            new.push(code.list[index].clone());
            index += 1;
        }
    }
    code.list.replace(at + 1..end, new);
    Some(())
}

/// Whether the clause of a routine without any is dropped. Where it follows the note right away, there is nothing to note.
fn ignores_clause(context: &Context<'_>, code: &Code<'_>, matches: usize) -> bool {
    let op = |index: usize| code.list.get(index).map(|instruction| &instruction.op);
    matches!(op(matches + 1), Some(Op::Set(_)))
        && matches!(op(matches + 2), Some(Op::Call(function)) if context.get_temp_ret.contains(function))
        && op(matches + 3) == Some(&Op::Drop)
}

/// What may stand between the beginning of a handler and the routine of its landing pad.
fn is_before_matching(code: &Code<'_>, op: &Op) -> bool {
    match op {
        Op::Plain(span, ..) => !code.calls_pointer(span),
        _ => matches!(
            op,
            Op::Get(_) | Op::Const(_) | Op::Push(_) | Op::Set(_) | Op::Tee(_) | Op::Drop | Op::GlobalSet(_) | Op::Block(..)
        ),
    }
}

/// Writes what takes the place of the instruction at `index`, and returns how many it replaces.
fn replace(
    context: &Context<'_>,
    code: &mut Code<'_>,
    resuming: &HashMap<Label, u32>,
    label: Label,
    exception: u32,
    index: usize,
    new: &mut Vec<Instruction>,
) -> usize {
    if resumes(context, code, exception, index) {
        new.push(Op::Rethrow(label).into());
        let stops = matches!(code.list.get(index + 2).map(|instruction| &instruction.op), Some(Op::Stop(_, 0)));
        return 2 + usize::from(stops);
    }
    match code.list[index].op {
        Op::Br(to) if resuming.get(&to) == Some(&exception) => new.push(Op::Rethrow(label).into()),
        Op::BrIf(to) if resuming.get(&to) == Some(&exception) => {
            let inner = code.new_label((0, 0));
            new.extend([Op::If(inner, BlockType::Empty), Op::Rethrow(label), Op::End(inner)].map(Instruction::from));
        }
        _ => new.push(code.list[index].clone()),
    }
    1
}

/// Whether the instructions at `index` resume the exception in the local.
fn resumes(context: &Context<'_>, code: &Code<'_>, exception: u32, index: usize) -> bool {
    let call = code.list.get(index + 1).map(|instruction| &instruction.op);
    code.list[index].op == Op::Get(exception) && matches!(call, Some(Op::Call(function)) if context.resume.contains(function))
}

/// Labels behind which an exception in a local is resumed, with the local.
fn resuming(context: &Context<'_>, code: &Code<'_>) -> HashMap<Label, u32> {
    let mut labels = HashMap::new();
    for at in 0..code.list.len().saturating_sub(2) {
        if let (&Op::End(label), &Op::Get(local)) = (&code.list[at].op, &code.list[at + 1].op)
            && code.arity(label) == 0
            && !code.blocks[label as usize].is_loop
            && resumes(context, code, local, at + 1)
        {
            labels.insert(label, local);
        }
    }
    labels
}

/// Where the handler that begins at `at` ends.
fn end_of_handler(code: &Code<'_>, at: usize) -> Option<usize> {
    let mut depth = 0;
    for index in at + 1..code.list.len() {
        match code.list[index].op {
            Op::Block(..) | Op::Loop(..) | Op::If(..) | Op::Try(..) => depth += 1,
            Op::Catch(..) | Op::End(_) if depth == 0 => return Some(index),
            Op::End(_) => depth -= 1,
            _ => {}
        }
    }
    None
}
