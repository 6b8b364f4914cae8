//! What the code behind a call does when something was thrown, and when not, as far as constants tell.

use super::Reports;
use crate::body::code::{Code, Label, Op, Span};
use crate::body::solve::reach::Reach;
use crate::module::Module;
use std::collections::BTreeMap;
use wasmparser::BlockType;

/// What is known of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    Const(i32),
    /// The value of a local that the handler sets, and that is not zero.
    NotZero(u32),
    /// The same, of a jump buffer's address: neither is it 1, which stands for an exception.
    Buffer(u32),
    /// The exception that a landing pad asked for.
    Exception,
    Nothing,
}

impl Known {
    /// What a branch makes of it, if that is known.
    fn is_true(self) -> Option<bool> {
        match self {
            Known::Const(value) => Some(value != 0),
            Known::NotZero(_) | Known::Buffer(_) => Some(true),
            Known::Exception | Known::Nothing => None,
        }
    }
}

/// One way through the code: the values on the stack and in the locals it wrote.
#[derive(Debug, Clone, Default)]
pub struct Path {
    stack: Vec<Known>,
    pub writes: BTreeMap<u32, Known>,
    /// Statements on the way that do more than to move constants. They come before what is left of `writes`.
    pub statements: Vec<Op>,
}

/// Where both ways go on together, or part.
pub enum Step {
    /// At the next instruction.
    Next,
    /// This instruction decides, and does so for this path.
    Decides(bool),
}

impl Path {
    /// A path on which these locals have these values.
    pub fn new(writes: impl IntoIterator<Item = (u32, Known)>) -> Self {
        Path { writes: writes.into_iter().collect(), ..Path::default() }
    }

    /// Whether it left nothing on the stack.
    pub fn is_level(&self) -> bool {
        self.stack.is_empty()
    }

    /// Whether the jump buffer and the value of a longjmp lie on top of the stack, as they were thrown.
    pub fn throws_on(&self, reports: Reports) -> bool {
        let thrown = reports.value.map(|value| [Known::Buffer(reports.threw), Known::NotZero(value)]);
        thrown.is_some_and(|thrown| self.stack.ends_with(&thrown))
    }

    /// Pushes the exception that the routine of a landing pad returns.
    pub fn push_exception(&mut self) {
        self.stack.push(Known::Exception);
    }

    /// Whether that lies on top of the stack.
    pub fn has_exception(&self) -> bool {
        self.stack.last() == Some(&Known::Exception)
    }

    /// Takes over a statement, which is then run where the path leads to; `None` when it has to do with what is known, or when there are
    /// too many already.
    pub fn take_statement(&mut self, statement: &[Op]) -> Option<()> {
        let known = |op: &Op| matches!(op, Op::Get(local) | Op::Set(local) | Op::Tee(local) if self.writes.contains_key(local));
        if self.statements.len() + statement.len() > MOST_STATEMENTS || statement.iter().any(known) {
            return None;
        }
        self.statements.extend_from_slice(statement);
        Some(())
    }

    /// Does what `op` does; `None` when that is more than to move constants between the stack and locals.
    pub fn step(&mut self, op: &Op, get_temp_ret: &[u32]) -> Option<Step> {
        match *op {
            Op::Get(local) => self.stack.push(self.writes.get(&local).copied().unwrap_or(Known::Nothing)),
            Op::Set(local) => drop(self.writes.insert(local, self.stack.pop()?)),
            Op::Tee(local) => drop(self.writes.insert(local, *self.stack.last()?)),
            Op::Const(value) => self.stack.push(Known::Const(value)),
            Op::Push(_) | Op::GlobalGet(_) => self.stack.push(Known::Nothing),
            Op::Call(function) if get_temp_ret.contains(&function) => self.stack.push(Known::Nothing),
            Op::Drop => drop(self.stack.pop()?),
            Op::Eqz => {
                let value = self.stack.pop()?;
                self.stack.push(equal(value, Known::Const(0)));
            }
            Op::Eq | Op::Ne | Op::And => {
                let (b, a) = (self.stack.pop()?, self.stack.pop()?);
                let result = match (op, equal(a, b), a, b) {
                    (Op::Eq, equal, ..) => equal,
                    (Op::Ne, Known::Const(equal), ..) => Known::Const(1 - equal),
                    (Op::And, _, Known::Const(a), Known::Const(b)) => Known::Const(a & b),
                    _ => Known::Nothing,
                };
                self.stack.push(result);
            }
            Op::Select => {
                let (condition, b, a) = (self.stack.pop()?, self.stack.pop()?, self.stack.pop()?);
                self.stack.push(match condition.is_true() {
                    Some(condition) => {
                        if condition {
                            a
                        } else {
                            b
                        }
                    }
                    None if a == b => a,
                    None => Known::Nothing,
                });
            }
            Op::BrIf(_) | Op::If(..) => return self.stack.pop()?.is_true().map(Step::Decides),
            _ => return None,
        }
        Some(Step::Next)
    }

    /// The writes to locals that are read, as code; `None` when one of them is not known.
    pub fn remaining(&self, is_read: impl Fn(u32) -> bool) -> Option<Vec<Op>> {
        let mut code = self.statements.clone();
        for (&local, &value) in self.writes.iter().filter(|(local, _)| is_read(**local)) {
            match value {
                Known::Const(value) => code.extend([Op::Const(value), Op::Set(local)]),
                Known::NotZero(from) | Known::Buffer(from) if from == local => {}
                Known::NotZero(from) | Known::Buffer(from) => code.extend([Op::Get(from), Op::Set(local)]),
                Known::Exception | Known::Nothing => return None,
            }
        }
        Some(code)
    }
}

fn equal(a: Known, b: Known) -> Known {
    match (a, b) {
        (Known::Const(a), Known::Const(b)) => Known::Const(i32::from(a == b)),
        (Known::NotZero(_), Known::Const(0)) | (Known::Const(0), Known::NotZero(_)) => Known::Const(0),
        (Known::Buffer(_), Known::Const(0 | 1)) | (Known::Const(0 | 1), Known::Buffer(_)) => Known::Const(0),
        _ => Known::Nothing,
    }
}

/// Longest statement that is written twice, for both ways.
const LONGEST_STATEMENT: usize = 12;

/// Most instructions of statements that are written twice behind one call: code is not to grow for the sake of exceptions, and they are
/// copied on the way.
const MOST_STATEMENTS: usize = 48;

/// The instructions from `at` on that compute something and put it away, without calls and control flow, and leave the stack as it was:
/// optimisers move them between a call and its test. `None` when there are none, or when they only move constants.
pub fn statement(code: &Code<'_>, module: &Module<'_>, at: usize) -> Option<Vec<Op>> {
    let mut height: u32 = 0;
    let mut computes = false;
    let mut statement = Vec::new();
    for instruction in code.list.range(at..at + LONGEST_STATEMENT) {
        let op = &instruction.op;
        match op {
            Op::Plain(..) | Op::GlobalSet(_) => computes = true,
            Op::Get(_) | Op::Set(_) | Op::Tee(_) | Op::Const(_) | Op::Push(_) | Op::GlobalGet(_) => {}
            Op::Eqz | Op::Eq | Op::Ne | Op::And | Op::Select | Op::Drop => {}
            _ => return None,
        }
        let is_call = |span: &Span| code.calls_pointer(span);
        if matches!(op, Op::Plain(span, ..) if is_call(span)) {
            return None;
        }
        let (takes, gives) = code.effect(module, op);
        height = height.checked_sub(takes)? + gives;
        statement.push(op.clone());
        if height == 0 {
            return computes.then_some(statement);
        }
    }
    None
}

/// Follows `path` from `from` to `to`, where it must arrive on the level it began on.
pub fn arrives(code: &Code<'_>, path: &mut Path, from: usize, to: usize, get_temp_ret: &[u32]) -> Option<()> {
    let mut at = from;
    let mut open: Vec<Label> = Vec::new();
    while at < to {
        match &code.list[at].op {
            Op::Block(label, BlockType::Empty) => open.push(*label),
            Op::End(_) => drop(open.pop()),
            op => match (path.step(op, get_temp_ret)?, op) {
                (Step::Next, _) | (Step::Decides(false), Op::BrIf(_)) => {}
                (Step::Decides(true), Op::BrIf(label)) => {
                    // Out of the blocks up to that one, if it ends before `to`.
                    if let Some(index) = open.iter().position(|open| open == label) {
                        open.truncate(index);
                    } else if code.blocks[*label as usize].is_loop {
                        return None;
                    }
                    at = code.end_of(*label, at).filter(|end| *end < to)?;
                }
                (Step::Decides(false), Op::If(label, BlockType::Empty)) => {
                    let end = code.end_of(*label, at)?;
                    if code.list.range(at..end).any(|instruction| instruction.op == Op::Else(*label)) {
                        return None;
                    }
                    at = end;
                }
                (Step::Decides(true), Op::If(label, BlockType::Empty)) => open.push(*label),
                _ => return None,
            },
        }
        at += 1;
    }
    (at == to && path.is_level()).then_some(())
}

/// What a stretch of code does to the stack.
pub struct Stretch {
    /// Whether its end is reached from its beginning.
    pub ends: bool,
}

/// Looks over the instructions from `from` to `to`, which must be nested in themselves; `None` when they take values that were on the
/// stack before.
pub fn stretch(code: &Code<'_>, module: &Module<'_>, from: usize, to: usize) -> Option<Stretch> {
    let mut walk = Heights { code, module, reach: Reach::new(), below: Vec::new(), height: 0 };
    for instruction in code.list.range(from..to) {
        walk.instruction(&instruction.op)?;
    }
    walk.reach.frames.is_empty().then_some(Stretch { ends: walk.reach.reached })
}

/// The height of the stack above where a stretch begins.
struct Heights<'c, 'b, 'm> {
    code: &'c Code<'b>,
    module: &'c Module<'m>,
    reach: Reach,
    /// That below the parameters of each open block.
    below: Vec<u32>,
    height: u32,
}

impl Heights<'_, '_, '_> {
    fn instruction(&mut self, op: &Op) -> Option<()> {
        let reached = self.reach.reached;
        match op {
            Op::Block(label, _) | Op::Loop(label, _) | Op::If(label, _) | Op::Try(label, _) => {
                let (takes, _) = self.code.blocks[*label as usize].shape;
                if reached {
                    self.height = self.height.checked_sub(takes + u32::from(matches!(op, Op::If(..))))?;
                }
                self.below.push(self.height);
                self.height += takes;
            }
            // A handler is given what the tag carries.
            Op::Catch(..) => self.height = self.below.last()? + 1,
            Op::Else(label) => self.height = self.below.last()? + self.code.blocks[*label as usize].shape.0,
            Op::End(label) => self.height = self.below.pop()? + self.code.blocks[*label as usize].shape.1,
            _ if reached => {
                self.reached(op)?;
                self.go_round(op);
            }
            _ => {}
        }
        self.reach.step(op);
        Some(())
    }

    /// The end of a loop that is branched to counts as reached: to say that it is not takes a byte and saves none.
    fn go_round(&mut self, op: &Op) {
        let (labels, last): (&[Label], _) = match op {
            Op::Br(label) | Op::BrIf(label) => (&[], *label),
            Op::BrTable(labels, default) => (labels, *default),
            _ => return,
        };
        for frame in &mut self.reach.frames {
            frame.leads_out |= frame.label == last || labels.contains(&frame.label);
        }
    }

    /// An instruction that is reached and is no part of a block.
    fn reached(&mut self, op: &Op) -> Option<()> {
        let of = |label: &Label| self.code.arity(*label);
        let needs = match op {
            Op::Br(label) => of(label),
            Op::BrIf(label) => of(label) + 1,
            Op::BrTable(labels, default) => labels.iter().chain([default]).map(of).max()? + 1,
            Op::Stop(_, takes) => *takes,
            Op::Throw(_) => 1,
            Op::Rethrow(_) | Op::Unreachable => 0,
            _ => {
                let (takes, gives) = self.code.effect(self.module, op);
                self.height = self.height.checked_sub(takes)? + gives;
                return Some(());
            }
        };
        self.height.checked_sub(needs)?;
        self.height -= u32::from(matches!(op, Op::BrIf(_)));
        Some(())
    }
}
