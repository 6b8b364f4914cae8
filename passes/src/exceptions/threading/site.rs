//! A call site as one instruction of the list, and what is written for it.

use super::Reports;
use crate::body::arity::Arity;
use crate::body::code::{Code, Effect, Instruction, Op};
use crate::body::list::List;
use crate::exceptions::inline::Helpers;
use crate::{Error, Result};
use wasmparser::BlockType;

/// A call that reports in locals, by its number that of an [`Op::Site`].
#[derive(Debug, Clone)]
pub struct Site {
    /// Pushes the arguments that are not on the stack, and the function pointer.
    pub pushes: Vec<Op>,
    pub call: Op,
    /// The type of its `try`, and how many values that takes and gives.
    pub ty: BlockType,
    pub arity: Arity,
    /// Pushes the zero that stands for the result, if there is one.
    pub zero: Option<Op>,
    /// The tags that it catches, if it catches anything.
    pub cpp: Option<u32>,
    pub longjmp: Option<u32>,
    /// The local that holds the stack pointer, if it catches anything.
    pub stack_pointer: Option<u32>,
    pub below: Option<Below>,
}

/// A function pointer that lies on the stack although the call needs none: it is dropped from below the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Below {
    /// There is no result.
    Alone,
    /// The result waits in this local.
    Result(u32),
}

impl Below {
    /// What takes the result away, and what drops the pointer and puts the result back.
    pub fn code(self) -> (Option<Op>, Vec<Op>) {
        match self {
            Below::Alone => (None, vec![Op::Drop]),
            Below::Result(local) => (Some(Op::Set(local)), vec![Op::Drop, Op::Get(local)]),
        }
    }
}

impl Site {
    /// Whether it catches anything.
    pub fn catches(&self) -> bool {
        self.cpp.is_some() || self.longjmp.is_some()
    }

    /// What it does, as far as the code around it can see.
    pub fn effect(&self, reports: Reports) -> Effect {
        let read = |op: &Op| if let Op::Get(local) = op { Some(*local) } else { None };
        let result = self.below.and_then(|below| if let Below::Result(local) = below { Some(local) } else { None });
        Effect {
            arity: (self.arity.0 + u32::from(self.below.is_some()), self.arity.1),
            reads: self.pushes.iter().filter_map(read).chain(self.stack_pointer).collect(),
            writes: reports.read_once.then_some(reports.threw).into_iter().chain(result).collect(),
        }
    }

    /// The call, with what it does not find on the stack.
    pub fn called(&self) -> impl Iterator<Item = Instruction> {
        self.pushes.iter().chain([&self.call]).cloned().map(Instruction::from)
    }

    /// Has an exception noted, which the handler is given, and the stack pointer restored.
    pub fn note_exception(&self, helpers: &Helpers) -> Option<[Op; NOTE]> {
        Some([Op::Get(self.stack_pointer?), Op::Call(helpers.caught?.0)])
    }

    /// Has the stack pointer restored, and a longjmp, which the handler is given, reported.
    pub fn report_longjmp(&self, helpers: &Helpers, reports: Reports) -> Option<[Op; 4]> {
        let value = reports.value.map_or(Op::Drop, Op::Set);
        Some([Op::Get(self.stack_pointer?), Op::Call(helpers.jumped?.0), value, Op::Set(reports.threw)])
    }

    /// Writes the site out, with handlers that report, to `out`.
    fn write(&self, code: &mut Code<'_>, helpers: &Helpers, reports: Reports, out: &mut Vec<Instruction>) -> Option<()> {
        let mut push = |ops: &[Op]| out.extend(ops.iter().cloned().map(Instruction::from));
        let clear = [Op::Const(0), Op::Set(reports.threw)];
        let clear: &[Op] = if reports.read_once { &clear } else { &[] };
        if self.catches() {
            let label = code.new_label(self.arity);
            push(clear);
            push(&[Op::Try(label, self.ty)]);
            push(&self.pushes);
            push(std::slice::from_ref(&self.call));
            if let Some(tag) = self.cpp {
                push(&[Op::Catch(label, tag)]);
                push(&self.note_exception(helpers)?);
                push(&[Op::Const(1), Op::Set(reports.threw)]);
                if let Some(value) = reports.value {
                    push(&[Op::Const(0), Op::Set(value)]);
                }
                push(self.zero.as_slice());
            }
            if let Some(tag) = self.longjmp {
                push(&[Op::Catch(label, tag)]);
                push(&self.report_longjmp(helpers, reports)?);
                push(self.zero.as_slice());
            }
            push(&[Op::End(label)]);
        } else {
            push(&self.pushes);
            push(clear);
            push(std::slice::from_ref(&self.call));
        }
        if let Some((taken, dropped)) = self.below.map(Below::code) {
            push(taken.as_slice());
            push(&dropped);
        }
        Some(())
    }
}

/// With so many instructions a handler of exceptions begins: those of [`Site::note_exception`].
pub const NOTE: usize = 2;

/// Writes out all sites that are left in `code`.
pub fn write_out(code: &mut Code<'_>, sites: &[Site], helpers: &Helpers, reports: Reports) -> Result<()> {
    let list = std::mem::take(&mut code.list);
    let mut out = Vec::with_capacity(list.len());
    for instruction in list.into_vec() {
        match instruction.op {
            Op::Site(number) => {
                let first = out.len();
                let written = sites.get(number as usize).and_then(|site| site.write(code, helpers, reports, &mut out));
                written.ok_or_else(|| Error::Internal("a handler without its helper".into()))?;
                out[first].id = instruction.id;
            }
            _ => out.push(instruction),
        }
    }
    code.list = List::from(out);
    Ok(())
}
