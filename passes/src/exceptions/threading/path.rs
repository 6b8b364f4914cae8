//! What the code behind a call does when something was thrown, and when not, as far as constants tell.

use super::Reports;
use crate::body::code::{Code, Label, Op, Span};
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
                    } else if code.loops.contains(label) {
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
    let mut walk = Heights { code, frames: Vec::new(), height: 0, reached: true };
    for instruction in code.list.range(from..to) {
        walk.instruction(&instruction.op, module)?;
    }
    walk.frames.is_empty().then_some(Stretch { ends: walk.reached })
}

/// A block that is open.
struct Frame {
    label: Label,
    /// Height of the stack below its parameters.
    height: u32,
    /// Whether it is reached.
    entered: bool,
    /// Whether what comes behind its end is reached, as far as is known.
    leads_out: bool,
    /// An `if` without `else`, which also ends where its condition is false.
    lone_if: bool,
}

struct Heights<'c, 'b> {
    code: &'c Code<'b>,
    frames: Vec<Frame>,
    height: u32,
    reached: bool,
}

impl Heights<'_, '_> {
    fn instruction(&mut self, op: &Op, module: &Module<'_>) -> Option<()> {
        match op {
            Op::Block(label, _) | Op::Loop(label, _) | Op::If(label, _) | Op::Try(label, _) => self.open(op, *label)?,
            Op::Else(_) | Op::Catch(..) => {
                let frame = self.frames.last_mut()?;
                frame.leads_out |= self.reached;
                frame.lone_if = false;
                self.reached = frame.entered;
                let takes = if matches!(op, Op::Catch(..)) { 1 } else { self.code.shape[frame.label as usize].0 };
                self.height = frame.height + takes;
            }
            Op::End(label) => {
                let frame = self.frames.pop()?;
                self.reached |= frame.leads_out || (frame.lone_if && frame.entered);
                self.height = frame.height + self.code.shape[*label as usize].1;
            }
            _ if self.reached => self.reached_instruction(op, module)?,
            _ => {}
        }
        Some(())
    }

    fn open(&mut self, op: &Op, label: Label) -> Option<()> {
        let (takes, _) = self.code.shape[label as usize];
        let is_if = matches!(op, Op::If(..));
        if self.reached {
            self.height = self.height.checked_sub(takes + u32::from(is_if))?;
        }
        self.frames.push(Frame { label, height: self.height, entered: self.reached, leads_out: false, lone_if: is_if });
        self.height += takes;
        Some(())
    }

    fn reached_instruction(&mut self, op: &Op, module: &Module<'_>) -> Option<()> {
        match op {
            Op::Br(label) => self.branch(&[*label], 0)?,
            Op::BrIf(label) => {
                self.branch(&[*label], 1)?;
                self.height -= 1;
                self.reached = true;
            }
            Op::BrTable(labels, default) => {
                self.branch(labels, 1)?;
                self.branch(&[*default], 1)?;
            }
            Op::Stop(_, takes) => {
                self.height.checked_sub(*takes)?;
                self.reached = false;
            }
            Op::Throw(_) => {
                self.height.checked_sub(1)?;
                self.reached = false;
            }
            Op::Rethrow(_) | Op::Unreachable => self.reached = false,
            _ => {
                let (takes, gives) = self.code.effect(module, op);
                self.height = self.height.checked_sub(takes)? + gives;
            }
        }
        Some(())
    }

    /// A branch that takes `conditions` values itself and those of its label.
    fn branch(&mut self, labels: &[Label], conditions: u32) -> Option<()> {
        for &label in labels {
            self.height.checked_sub(conditions + self.code.arity[label as usize])?;
            for frame in self.frames.iter_mut().filter(|frame| frame.label == label) {
                frame.leads_out = true;
            }
        }
        self.reached = false;
        Some(())
    }
}
