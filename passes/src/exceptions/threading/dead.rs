//! What threading leaves behind goes: code that nothing leads to, writes to locals that nobody reads, values that are dropped.

use super::simple::is_push;
use super::{Context, simple, unreached};
use crate::body::code::{Code, Instruction, Op};
use crate::body::list::List;
use crate::body::solve::live::Live;

/// What one write needed may be dead in turn; more rounds than this find next to nothing.
const ROUNDS: usize = 3;

/// Removes them; bodies that are too large to tell which locals are read keep their writes.
pub fn remove(context: &Context<'_>, code: &mut Code<'_>) {
    simple::rewrite(context, code);
    unreached::remove(code);
    for _ in 0..ROUNDS {
        let before = code.list.len();
        round(code);
        if code.list.len() == before {
            break;
        }
    }
}

fn round(code: &mut Code<'_>) {
    code.number();
    let Some(live) = Live::analyse(code) else { return };
    let mut kept: Vec<Instruction> = Vec::with_capacity(code.list.len());
    for at in 0..code.list.len() {
        let instruction = &code.list[at];
        let last = kept.last().map(|last| &last.op);
        let is_dead = |local: u32| !live.reads(local, Some(at as u32 + 1));
        match (&instruction.op, last) {
            (Op::Set(local), _) if is_dead(*local) => drop_value(&mut kept),
            (Op::Drop, Some(last)) if is_push(last) || matches!(last, Op::Tee(_)) => drop_value(&mut kept),
            (Op::Tee(local), _) if is_dead(*local) => {}
            (Op::Get(local), Some(Op::Set(written))) if local == written => {
                kept.pop();
                kept.push(Op::Tee(*local).into());
            }
            _ => kept.push(instruction.clone()),
        }
    }
    code.list = List::from(kept);
}

/// The value on the stack is for nobody.
fn drop_value(kept: &mut Vec<Instruction>) {
    match kept.last().map(|last| &last.op) {
        Some(op) if is_push(op) => drop(kept.pop()),
        // The value has another place already.
        Some(&Op::Tee(other)) => {
            kept.pop();
            kept.push(Op::Set(other).into());
        }
        _ => kept.push(Op::Drop.into()),
    }
}
