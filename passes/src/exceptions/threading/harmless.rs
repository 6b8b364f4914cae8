//! The tests behind calls that cannot throw.
//!
//! Such a call site catches nothing, or nothing any more ([`passing`](super::passing)); it stores zero in the local that stands for
//! `__THREW__`, and nothing sets it before the code behind it has looked. What that code finds is known, so that its branches are taken
//! always or never. As everywhere in [`threading`](super), the code up to the branch may only move constants between the stack and locals;
//! what it writes is written in its place where somebody reads it.

use super::path::{self, Known, Path, Step};
use super::site::Site;
use super::{Context, Reports};
use crate::body::code::{Code, Instruction, Label, Op};
use crate::body::solve::live::Live;
use wasmparser::BlockType;

/// Most blocks that begin between a call and its test: they are copied on the way.
const MOST_OPENED: usize = 64;

/// What takes the place of the code from `from` on.
struct Replacement {
    end: usize,
    code: Vec<Instruction>,
}

/// Removes the test behind `site` at `at`, which catches nothing; `None` when its test stays.
pub fn thread(context: &Context<'_>, code: &mut Code<'_>, site: &Site, live: &Live, at: usize, reports: Reports) -> Option<()> {
    if site.below.is_some() {
        return None;
    }
    // The result stays where it is put; one that is left on the stack lies below all that follows.
    let taken = site.zero.is_some() && matches!(code.list.get(at + 1)?.op, Op::Set(_) | Op::Drop);
    let from = at + 1 + usize::from(taken);
    let id = code.list.get(from)?.id;
    let Replacement { end, code: mut new } = follow(context, code, live, from, reports)?;
    // What is read from here on is no more than it was.
    if let Some(first) = new.first_mut() {
        first.id = id;
    }
    code.list.replace(from..end, new);
    Some(())
}

/// Follows the code from `from` on past the branches that are never taken, up to one that always is.
fn follow(context: &Context<'_>, code: &Code<'_>, live: &Live, from: usize, reports: Reports) -> Option<Replacement> {
    let mut path = Path::new([(reports.threw, Known::Const(0))]);
    let mut opened: Vec<Instruction> = Vec::new();
    let mut best = None;
    let mut next = from;
    // The local that stands for `__THREW__` holds its zero already.
    let writes = |path: &Path, id: Option<u32>| path.remaining(|local| local != reports.threw && live.reads(local, id));
    let id = |at: usize| code.list.get(at).and_then(|instruction| instruction.id);
    let with =
        |opened: &[Instruction], writes: Vec<Op>| [opened, &writes.into_iter().map(Instruction::from).collect::<Vec<_>>()].concat();
    for at in from..code.list.len() {
        let op = &code.list[at].op;
        if matches!(op, Op::Block(_, BlockType::Empty)) && path.is_level() && opened.len() < MOST_OPENED {
            opened.push(code.list[at].clone());
            continue;
        }
        if at < next {
            continue;
        }
        if let Some(statement) = path::statement(code, context.module, at)
            && path.take_statement(&statement).is_some()
        {
            next = at + statement.len();
            continue;
        }
        let Some(step) = path.step(op, &context.get_temp_ret) else { break };
        let Step::Decides(taken) = step else { continue };
        if !path.is_level() {
            break;
        }
        match (op, taken) {
            (Op::BrIf(_), false) => {
                if let Some(writes) = writes(&path, id(at + 1)) {
                    best = Some(Replacement { end: at + 1, code: with(&opened, writes) });
                }
            }
            (&Op::BrIf(label), true) => {
                if code.arity(label) == 0
                    && let Some(writes) = writes(&path, code.blocks[label as usize].target)
                {
                    let mut new = with(&opened, writes);
                    new.push(Op::Br(label).into());
                    best = Some(Replacement { end: at + 1, code: new });
                }
                break;
            }
            (&Op::If(label, BlockType::Empty), taken) => {
                if let Some((end, arm)) = arm(code, label, at, taken)
                    && let Some(writes) = writes(&path, id(arm.start))
                {
                    let mut new = with(&opened, writes);
                    if !arm.is_empty() {
                        new.push(Op::Block(label, BlockType::Empty).into());
                        new.extend(code.list.range(arm).cloned());
                        new.push(Op::End(label).into());
                    }
                    best = Some(Replacement { end, code: new });
                }
                break;
            }
            _ => break,
        }
    }
    best
}

/// Behind the `if` at `at`, and the arm that it enters; an empty one, at what is reached then, where it has none.
fn arm(code: &Code<'_>, label: Label, at: usize, taken: bool) -> Option<(usize, std::ops::Range<usize>)> {
    let end = code.end_of(label, at)?;
    let other = (at..end).find(|index| code.list[*index].op == Op::Else(label));
    let arm = match (taken, other) {
        (true, other) => at + 1..other.unwrap_or(end),
        (false, Some(other)) => other + 1..end,
        (false, None) => end + 1..end + 1,
    };
    Some((end + 1, arm))
}
