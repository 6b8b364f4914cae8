//! Call sites without their wrapper, and `__THREW__` in a local.
//!
//! Where [`flow`](super::flow) knows every use of the words `__THREW__` and `__threwValue` in a function, they become locals of it: a
//! handler sets them, and the code behind the call reads them as before. The pushes of their addresses go. The call itself becomes one
//! instruction of the list, a [`Site`], which [`threading`](super::threading) works on and writes out: as a `try`, direct where the callee
//! is known, and without a `try` where the callee cannot throw.
//!
//! What the locals replace must be seen by nobody else, and nobody else may report. [`sites`](super::sites) decides it, by what
//! [`flow`](super::flow) found.
//!
//! For the whole module:
//! - No function of the module looks at the words without a call site of its own before, and the module does not import `setThrew`.
//! - No address of the words goes where somebody may keep it: to a function, out of one, to memory, to a global, into a number, or to
//!   others as an export; every function that uses the words could be followed; and all that is stored to `__THREW__` is zero. Otherwise
//!   who is called behind a call site may report in memory.
//!
//! For each function:
//! - It does not look at the words behind a call of something else, nor, through what may be an address of theirs, before any call site.
//! - The callee of none of its call sites is given what may be an address of the words, through which it could report.
//! - Where what may be an address of the words, but is not on every path, goes where it is not followed, anybody may look at them. Then
//!   a function stores zero to `__THREW__` before each call site, and again behind it before it calls anything or is left, and accesses
//!   no memory between but the stack and the words. Whoever looks at any other time finds zero, as before.
//!
//! Functions that are not so clear keep calling wrappers, which report in memory.
//!
//! **Relies on**
//! - the addresses of the words being known from their GOT entries alone (nobody adds a number to the address of other data to get there);
//! - nobody keeping, to report through it later, an address that the callee of a call site is given, or a value that is an address of the
//!   words on some paths alone; and nobody reporting through what is such an address on some paths alone: LLVM gives undefined values the
//!   local at hand, so that Rust's compiler stores and passes such values where the code that gets them ignores them (7 of 10 Rust wheels
//!   of Pyodide 0.27 have some), and accesses words and other memory through one local;
//! - `__threwValue` meaning nothing where `__THREW__` is zero, and being written by nobody but the ABI;
//! - where nobody else may look, functions storing zero before each call site, as LLVM has them do: sites set the local to zero
//!   themselves.
//!
//! Instrumentation that works on linked modules (SAFE_HEAP, for which emcc runs a pass of Binaryen over the linked module, and its other
//! passes, see `tests/instrumented.rs`) gives the addresses to functions. Sanitizers work before LLVM makes invokes and do not see the
//! words (clang 19, `-fsanitize=address` and `undefined`).
//!
//! `tests/exceptions/watched.rs` has modules that do not keep to the second and the last, and what they give.

use super::flow::{Access, Ambiguous, Flow, SiteFlow, Word};
use super::runtime::{Catches, State, zero};
use super::threading::{Below, Reports, Site};
use crate::body::code;
use crate::body::code::{Changes, Code, Op};
use crate::module::{FunctionId, Module, TagId, TypeId};
use crate::{Error, Result};
use std::collections::HashMap;
use wasm_encoder::{InstructionSink, MemArg, MemArgTarget};
use wasmparser::{BlockType, FuncType, ValType};

/// Functions that the handlers call, to keep them short; there only if some handler does.
#[derive(Debug, Clone, Copy)]
pub struct Helpers {
    /// `(exception, stack pointer)`: notes the exception and restores the stack pointer.
    pub caught: Option<FunctionId>,
    /// `(payload, stack pointer) -> (jump buffer, value)`: restores the stack pointer and takes the payload apart.
    pub jumped: Option<FunctionId>,
}

/// How one site calls.
#[derive(Debug, Clone, Copy)]
pub struct SiteCall {
    /// Whom it calls, if that is known.
    pub callee: Option<FunctionId>,
    /// Whether the callee may throw.
    pub throws: bool,
    pub catches: Catches,
    /// The type of the callee, which is also that of the `try`.
    pub ty: TypeId,
}

/// Writes the words and every site of `calls` (by position) into `changes` of the body of `code`, which is still to be read. Returns the
/// sites, by their numbers, and the locals of their handlers.
pub fn inline(
    module: &Module<'_>,
    code: &mut Code<'_>,
    changes: &mut Changes,
    flow: &Flow,
    calls: &HashMap<usize, SiteCall>,
    state: &State,
) -> Result<(Vec<Site>, Reports)> {
    let threw = code.new_local(ValType::I32)?;
    let reads_value = !flow.words.ambiguous.is_empty() || flow.words.loads.iter().any(|load| load.word == Word::ThrewValue);
    let value = if reads_value { Some(code.new_local(ValType::I32)?) } else { None };
    let reports = Reports { threw, value, read_once: flow.words.read_once };
    let mut writer = Writer {
        module,
        state,
        code,
        changes,
        sites: Vec::new(),
        reports,
        saved_stack_pointer: None,
        moves_stack_pointer: flow.moves_stack_pointer,
        temporaries: HashMap::new(),
    };
    writer.words(flow)?;
    for access in &flow.words.ambiguous {
        writer.ambiguous(access)?;
    }
    for (&at, site) in &flow.sites {
        let call = calls.get(&at).ok_or_else(|| Error::Internal(format!("the call at {at} has no plan")))?;
        writer.site(at, site, call)?;
    }
    Ok((writer.sites, reports))
}

struct Writer<'w, 'a> {
    module: &'w Module<'w>,
    state: &'w State,
    code: &'w mut Code<'a>,
    changes: &'w mut Changes,
    sites: Vec<Site>,
    reports: Reports,
    /// Local for the stack pointer at sites where no other holds it.
    saved_stack_pointer: Option<u32>,
    /// Whether the function changes the stack pointer.
    moves_stack_pointer: bool,
    /// Locals for operands, by type and number.
    temporaries: HashMap<(ValType, usize), u32>,
}

impl Writer<'_, '_> {
    /// Loads and stores of the words become reads and writes of locals.
    fn words(&mut self, flow: &Flow) -> Result<()> {
        let words = &flow.words;
        for span in words.addresses.iter().filter(|_| !words.addresses_stay) {
            self.changes.replace(span, Vec::new());
        }
        for load in &words.loads {
            let local = self.local_of(load.word)?;
            let mut instead = self.without_address(load, words.addresses_stay);
            instead.push(Op::Get(local));
            self.changes.replace(&load.span, instead);
        }
        for store in &words.stores {
            // Where there is no local for it, nobody reads it.
            let mut instead = vec![self.local_of(store.word).map_or(Op::Drop, Op::Set)];
            instead.extend(self.without_address(store, words.addresses_stay));
            self.changes.replace(&store.span, instead);
        }
        for clear in &words.clears {
            let mut instead = self.without_address(clear, words.addresses_stay);
            // Each site sets the local to zero itself, where that is all they are for.
            if !words.read_once {
                instead.extend([Op::Const(0), Op::Set(self.reports.threw)]);
            }
            self.changes.replace(&clear.span, instead);
        }
        Ok(())
    }

    /// An access of a local where the address is that of its word, and of memory otherwise.
    fn ambiguous(&mut self, access: &Ambiguous) -> Result<()> {
        let words = self.state.threw.ok_or_else(|| Error::Internal("no addresses of __THREW__ to compare with".into()))?;
        let (threw, value) = (self.reports.threw, self.local_of(Word::ThrewValue)?);
        let address = self.temporary(ValType::I32, usize::MAX - 1)?;
        let stored = match access.loads {
            true => None,
            false => Some(self.temporary(ValType::I32, usize::MAX - 2)?),
        };
        let memarg = MemArg { offset: 0, align: access.align, target: MemArgTarget::Memory(0), ordering: None };
        let (ty, gives) = if access.loads { (BlockType::Type(ValType::I32), 1) } else { (BlockType::Empty, 0) };
        let mut block = || self.code.new_label((0, gives));
        let (outer, inner) = (block(), block());
        let add = self.code.plain((2, 1), &code(|code| code.i32_add()));
        let memory = match stored {
            None => self.code.plain((1, 1), &code(|code| code.i32_load(memarg))),
            Some(_) => self.code.plain((2, 0), &code(|code| code.i32_store(memarg))),
        };
        let local = |local: u32| match stored {
            None => vec![Op::Get(local)],
            Some(stored) => vec![Op::Get(stored), Op::Set(local)],
        };
        let mut out: Vec<Op> = stored.map(Op::Set).into_iter().collect();
        out.extend([Op::Tee(address), Op::GlobalGet(words.0), Op::Eq, Op::If(outer, ty)]);
        out.extend(local(threw));
        out.extend([Op::Else(outer), Op::Get(address), Op::GlobalGet(words.0), Op::Const(4), add, Op::Eq, Op::If(inner, ty)]);
        out.extend(local(value));
        out.extend([Op::Else(inner), Op::Get(address)]);
        out.extend(stored.map(Op::Get));
        out.extend([memory, Op::End(inner), Op::End(outer)]);
        self.changes.replace(&access.span, out);
        Ok(())
    }

    /// Takes the push of an address away, or else returns the code that drops it.
    fn without_address(&mut self, access: &Access, addresses_stay: bool) -> Vec<Op> {
        match &access.address {
            _ if !addresses_stay => Vec::new(),
            Some(push) => {
                self.changes.replace(push, Vec::new());
                Vec::new()
            }
            None => vec![Op::Drop],
        }
    }

    fn local_of(&self, word: Word) -> Result<u32> {
        match word {
            Word::Threw => Ok(self.reports.threw),
            Word::ThrewValue => self.reports.value.ok_or_else(|| Error::Internal("no local for __threwValue".into())),
        }
    }

    fn site(&mut self, at: usize, site: &SiteFlow, call: &SiteCall) -> Result<()> {
        let callee = self.module.types()[call.ty.0 as usize].clone();
        let mut out = Vec::new();
        let (mut pushes, mut below) = (Vec::new(), false);
        match (call.callee, &site.pointer.pushed_by) {
            (Some(_), Some(span)) => self.changes.replace(span, Vec::new()),
            (Some(_), None) => below = true,
            (None, Some(span)) if site.pointer.local.is_some() || site.pointer.global.is_some() => {
                self.changes.replace(span, Vec::new());
                let global = || Op::Push(span.start as u32..span.end as u32);
                pushes.push(site.pointer.local.map_or_else(global, Op::Get));
            }
            (None, _) => pushes = self.spill(&callee, &mut out)?,
        }
        // Arguments that are not on the stack are pushed, in front of the pointer.
        let on_stack = if pushes.len() > 1 { 0 } else { callee.params().len() as u32 };
        let zero = callee.results().first().map(|result| self.zero(*result)).transpose()?;
        let arity = (on_stack, zero.iter().len() as u32);
        let ty = match callee.results() {
            _ if on_stack > 0 => BlockType::FuncType(call.ty.0),
            [] => BlockType::Empty,
            [result, ..] => BlockType::Type(*result),
        };
        let catches = |tag: Option<TagId>, wanted: bool| tag.filter(|_| wanted && call.throws).map(|tag| tag.0);
        let cpp = catches(self.state.cpp_exception, call.catches.cpp());
        let longjmp = catches(self.state.longjmp, call.catches.longjmp());
        let stack_pointer = match site.stack_pointer {
            Some(local) if call.throws => Some(local),
            None if call.throws => Some(self.save_stack_pointer(&mut out)?),
            _ => None,
        };
        let call = match call.callee {
            Some(callee) => Op::Call(callee.0),
            None => {
                let (table, ty) = (self.state.function_table.0, call.ty.0);
                let parameters = callee.params().len() as u32;
                self.code.plain((parameters + 1, arity.1), &code(|code| code.call_indirect(table, ty)))
            }
        };
        let below = match callee.results() {
            _ if !below => None,
            [] => Some(Below::Alone),
            [result, ..] => Some(Below::Result(self.temporary(*result, usize::MAX)?)),
        };
        let site = Site { pushes, call, ty, arity, zero, cpp, longjmp, stack_pointer, below };
        out.push(Op::Site(self.code.new_site(site.effect(self.reports))));
        self.sites.push(site);
        self.changes.replace_at(at, out);
        Ok(())
    }

    /// The zero that stands for a result.
    fn zero(&mut self, result: ValType) -> Result<Op> {
        Ok(match result {
            ValType::I32 => Op::Const(0),
            _ => {
                let mut bytes = Vec::new();
                zero(&mut InstructionSink::new(&mut bytes), &FuncType::new([], [result]))?;
                self.code.plain((0, 1), &bytes)
            }
        })
    }

    /// Puts the arguments and then the pointer from the stack into locals; returns what pushes them again.
    fn spill(&mut self, callee: &FuncType, out: &mut Vec<Op>) -> Result<Vec<Op>> {
        let mut locals = Vec::new();
        for (index, &ty) in callee.params().iter().enumerate() {
            locals.push(self.temporary(ty, index)?);
        }
        let pointer = self.temporary(ValType::I32, callee.params().len())?;
        out.extend(locals.iter().rev().map(|local| Op::Set(*local)));
        out.push(Op::Set(pointer));
        Ok(locals.into_iter().chain([pointer]).map(Op::Get).collect())
    }

    fn temporary(&mut self, ty: ValType, index: usize) -> Result<u32> {
        if let Some(&local) = self.temporaries.get(&(ty, index)) {
            return Ok(local);
        }
        let local = self.code.new_local(ty)?;
        self.temporaries.insert((ty, index), local);
        Ok(local)
    }

    /// A local with the stack pointer at this site: read on entry where the function does not move it, since reading an imported global
    /// in a loop costs more than a call without a `try` does; right here otherwise.
    fn save_stack_pointer(&mut self, out: &mut Vec<Op>) -> Result<u32> {
        let (local, first) = match self.saved_stack_pointer {
            Some(local) => (local, false),
            None => (self.code.new_local(ValType::I32)?, true),
        };
        self.saved_stack_pointer = Some(local);
        let save = [Op::GlobalGet(self.state.stack_pointer.0), Op::Set(local)];
        if self.moves_stack_pointer {
            out.extend(save);
        } else if first {
            self.changes.prologue.extend(save);
        }
        Ok(local)
    }
}
