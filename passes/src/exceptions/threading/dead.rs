//! Writes to locals that nobody reads any more go.

use super::code::{Code, Instruction, Op};
use super::list::List;
use super::live::Live;

/// What one write needed may be dead in turn; more rounds than this find next to nothing.
const ROUNDS: usize = 3;

/// Removes them; bodies that are too large to tell keep them.
pub fn remove(code: &mut Code<'_>) {
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
        let is_dead = |local: u32| !live.reads(local, Some(at as u32 + 1));
        match instruction.op {
            Op::Set(local) if is_dead(local) => match kept.last().map(|last| &last.op) {
                Some(Op::Get(_) | Op::Const(_) | Op::Push(_)) => drop(kept.pop()),
                // The value has another place already.
                Some(&Op::Tee(other)) => {
                    kept.pop();
                    kept.push(Op::Set(other).into());
                }
                _ => kept.push(Op::Drop.into()),
            },
            Op::Tee(local) if is_dead(local) => {}
            _ => kept.push(instruction.clone()),
        }
    }
    code.list = List::from(kept);
}
