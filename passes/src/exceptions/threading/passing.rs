//! Call sites that would catch something only to throw it on let it pass.
//!
//! Where a module uses `setjmp` anywhere, LLVM has every landing pad ask whether a longjmp came, and if so call `emscripten_longjmp` with
//! the same jump buffer and value; and functions that call `setjmp` ask whether an exception came, and if so resume it. Landing pads whose
//! clean-up was optimised away do the same. JavaScript caught everything, so that was needed; a `try` need not catch what its handler
//! throws on unchanged. It is certain only where the code between the call and the throw does nothing but move constants and what was
//! thrown between the stack and locals. What it writes is then read by nobody, as the function is left; and the stack pointer is restored
//! by the frame that catches.
//!
//! A `try` without handlers goes. Its call is then one of those that cannot throw as far as the code behind it can see.

use super::path::{Known, Path, Step};
use super::{Context, Reports, site};
use crate::body::code::{Code, Instruction, Label, Op};
use crate::body::list::List;
use crate::module::FunctionId;
use std::collections::{BTreeMap, HashMap};
use wasmparser::BlockType;

/// More instructions than any compiler puts between a call and the longjmp.
const MOST_STEPS: usize = 200;

/// Removes the handlers of such sites, and returns how many sites there were.
pub fn remove_handlers(context: &Context<'_>, code: &mut Code<'_>, reports: Reports) -> usize {
    let blocks = Blocks::find(code);
    let mut edits: BTreeMap<usize, Edit> = BTreeMap::new();
    for at in 0..code.list.len() {
        if let Op::Try(label, _) = code.list[at].op {
            edit(context, code, &blocks, (at, label), reports, &mut edits);
        }
    }
    if edits.is_empty() {
        return 0;
    }
    let sites = edits.len();
    let mut kept: Vec<Instruction> = Vec::with_capacity(code.list.len());
    let mut from = 0;
    for (begin, Edit { end, instead }) in edits {
        kept.extend(code.list.range(from..begin).cloned());
        kept.extend(instead);
        from = end;
    }
    kept.extend(code.list.range(from..code.list.len()).cloned());
    code.list = List::from(kept);
    sites
}

/// What takes the place of some code, up to `end`.
struct Edit {
    end: usize,
    instead: Vec<Instruction>,
}

/// Notes which handlers of the `try` at `at` go.
fn edit(
    context: &Context<'_>,
    code: &Code<'_>,
    blocks: &Blocks,
    (at, label): (usize, Label),
    reports: Reports,
    edits: &mut BTreeMap<usize, Edit>,
) {
    let (Some(handlers), Some(&end)) = (blocks.handlers.get(&label), blocks.ends.get(&label)) else { return };
    let ends = handlers.iter().skip(1).chain([&end]);
    let passing = |handler: &usize| passes(context, code, blocks, (*handler, end, label), reports).is_some();
    let removed: Vec<(usize, usize)> =
        handlers.iter().zip(ends).filter(|(handler, _)| passing(handler)).map(|(handler, end)| (*handler, *end)).collect();
    if removed.len() < handlers.len() {
        edits.extend(removed.into_iter().map(|(handler, end)| (handler, Edit { end, instead: Vec::new() })));
        return;
    }
    // The zero for `__THREW__` is stored right before the call, as it is where there never was a `try`.
    let (Some(begin), Some(&first)) = (at.checked_sub(2), handlers.first()) else { return };
    if code.list[begin].op != Op::Const(0) || code.list[begin + 1].op != Op::Set(reports.threw) {
        return;
    }
    let zero = [code.list[begin].clone(), code.list[begin + 1].clone()];
    let arguments = code.list.range(at + 1..first - 1).cloned();
    let instead = arguments.chain(zero).chain(code.list.range(first - 1..first).cloned()).collect();
    edits.insert(begin, Edit { end: end + 1, instead });
}

/// Where the parts of each block are.
#[derive(Default)]
struct Blocks {
    ends: HashMap<Label, usize>,
    others: HashMap<Label, usize>,
    /// The handlers of each `try`.
    handlers: HashMap<Label, Vec<usize>>,
}

impl Blocks {
    fn find(code: &Code<'_>) -> Self {
        let mut blocks = Blocks::default();
        for (at, instruction) in code.list.iter().enumerate() {
            match instruction.op {
                Op::End(label) => drop(blocks.ends.insert(label, at)),
                Op::Else(label) => drop(blocks.others.insert(label, at)),
                Op::Catch(label, _) => blocks.handlers.entry(label).or_default().push(at),
                _ => {}
            }
        }
        blocks
    }
}

/// What the code behind a call site takes for thrown.
#[derive(PartialEq)]
enum Thrown {
    Exception,
    Longjmp,
}

/// Whether the code behind the site throws on what the handler at `handler` reports; `Some` if it does.
fn passes(
    context: &Context<'_>,
    code: &Code<'_>,
    blocks: &Blocks,
    (handler, end, label): (usize, usize, Label),
    reports: Reports,
) -> Option<()> {
    let Op::Call(helper) = code.list.get(handler + 2)?.op else { return None };
    let is = |known: Option<FunctionId>| known.is_some_and(|known| known.0 == helper);
    let (thrown, mut path) = match () {
        () if is(context.helpers.caught) => (Thrown::Exception, site::after_exception(reports)),
        () if is(context.helpers.jumped) => (Thrown::Longjmp, site::after_longjmp(reports)),
        () => return None,
    };
    let mut at = end + 1;
    if code.shape[label as usize].1 > 0 {
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
        let possible = path.is_level() && code.arity[*label as usize] == 0 && !code.loops.contains(label);
        blocks.ends.get(label).copied().filter(|end| possible && *end > at).map(Next::Behind)
    };
    match op {
        Op::Block(_, BlockType::Empty) | Op::End(_) if path.is_level() => Some(Next::Instruction),
        Op::Else(label) | Op::Br(label) => forward(path, label),
        // Out of the body of another site, past its handlers.
        Op::Catch(..) => None,
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
