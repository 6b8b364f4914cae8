//! Call sites that would catch something only to throw it on let it pass.
//!
//! Where a module uses `setjmp` anywhere, LLVM has every landing pad ask whether a longjmp came, and if so call `emscripten_longjmp` with
//! the same jump buffer and value; and functions that call `setjmp` ask whether an exception came, and if so resume it. Landing pads whose
//! clean-up was optimised away do the same. JavaScript caught everything, so that was needed; a `try` need not catch what its handler
//! throws on unchanged. It is certain only where the code between the call and the throw does nothing but move constants and what was
//! thrown between the stack and locals. What it writes is then read by nobody, as the function is left; and the stack pointer is restored
//! by the frame that catches.
//!
//! A site that catches nothing any more is one of those that cannot throw as far as the code behind it can see.

use super::decision::{after_exception, after_longjmp};
use super::path::{Known, Path, Step};
use super::site::Site;
use super::{Context, Reports};
use crate::body::code::{Code, Label, Op};
use std::collections::HashMap;
use wasmparser::BlockType;

/// More instructions than any compiler puts between a call and the longjmp.
const MOST_STEPS: usize = 200;

/// Has such sites catch no more than they need, and returns how many there were.
pub fn remove_handlers(context: &Context<'_>, code: &Code<'_>, sites: &mut [Site], reports: Reports) -> usize {
    let blocks = Blocks::find(code);
    let mut changed = 0;
    for (at, instruction) in code.list.iter().enumerate() {
        let Op::Site(number) = instruction.op else { continue };
        let Some(site) = sites.get_mut(number as usize).filter(|site| site.below.is_none()) else { continue };
        let has_result = site.zero.is_some();
        let passes = |thrown: Thrown| passes(context, code, &blocks, (at, has_result), thrown, reports).is_some();
        let before = (site.cpp, site.longjmp);
        site.cpp = before.0.filter(|_| !passes(Thrown::Exception));
        site.longjmp = before.1.filter(|_| !passes(Thrown::Longjmp));
        changed += usize::from(before != (site.cpp, site.longjmp));
    }
    changed
}

/// Where the parts of each block are.
#[derive(Default)]
struct Blocks {
    ends: HashMap<Label, usize>,
    others: HashMap<Label, usize>,
}

impl Blocks {
    fn find(code: &Code<'_>) -> Self {
        let mut blocks = Blocks::default();
        for (at, instruction) in code.list.iter().enumerate() {
            match instruction.op {
                Op::End(label) => drop(blocks.ends.insert(label, at)),
                Op::Else(label) => drop(blocks.others.insert(label, at)),
                _ => {}
            }
        }
        blocks
    }
}

/// What the code behind a call site takes for thrown.
#[derive(Clone, Copy)]
enum Thrown {
    Exception,
    Longjmp,
}

/// Whether the code behind the site at `at` throws on what its handler reports; `Some` if it does.
fn passes(
    context: &Context<'_>,
    code: &Code<'_>,
    blocks: &Blocks,
    (at, has_result): (usize, bool),
    thrown: Thrown,
    reports: Reports,
) -> Option<()> {
    let mut path = match thrown {
        Thrown::Exception => after_exception(reports),
        Thrown::Longjmp => after_longjmp(reports),
    };
    let mut at = at + 1;
    if has_result {
        // The result is a zero that stands for none.
        match code.list.get(at)?.op {
            Op::Set(local) => drop(path.writes.insert(local, Known::Nothing)),
            Op::Drop => {}
            _ => return None,
        }
        at += 1;
    }
    for _ in 0..MOST_STEPS {
        let op = &code.list.get(at)?.op;
        if let Op::Call(function) = op {
            match thrown {
                Thrown::Longjmp if context.longjmp.contains(function) => return path.throws_on(reports).then_some(()),
                Thrown::Exception if context.resume.contains(function) => return path.has_exception().then_some(()),
                Thrown::Exception if context.matching.get(function) == Some(&0) => {
                    path.push_exception();
                    at += 1;
                    continue;
                }
                _ => {}
            }
        }
        at = match next(context, code, blocks, &mut path, op, at)? {
            Next::Instruction => at + 1,
            Next::Behind(index) => index + 1,
        };
    }
    None
}

enum Next {
    Instruction,
    Behind(usize),
}

/// Where the way goes on behind the instruction at `at`.
fn next(context: &Context<'_>, code: &Code<'_>, blocks: &Blocks, path: &mut Path, op: &Op, at: usize) -> Option<Next> {
    let forward = |path: &Path, label: &Label| {
        let possible = path.is_level() && code.arity(*label) == 0 && !code.blocks[*label as usize].is_loop;
        blocks.ends.get(label).copied().filter(|end| possible && *end > at).map(Next::Behind)
    };
    match op {
        Op::Block(_, BlockType::Empty) | Op::End(_) if path.is_level() => Some(Next::Instruction),
        Op::Else(label) | Op::Br(label) => forward(path, label),
        _ => match (path.step(op, &context.get_temp_ret)?, op) {
            (Step::Next, _) | (Step::Decides(false), Op::BrIf(_)) => Some(Next::Instruction),
            (Step::Decides(true), Op::BrIf(label)) => forward(path, label),
            (Step::Decides(true), Op::If(_, BlockType::Empty)) => Some(Next::Instruction),
            (Step::Decides(false), Op::If(label, BlockType::Empty)) => {
                blocks.others.get(label).or_else(|| blocks.ends.get(label)).copied().map(Next::Behind)
            }
            _ => None,
        },
    }
}
