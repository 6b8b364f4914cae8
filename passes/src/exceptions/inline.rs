//! Call sites with their `try` in place, and `__THREW__` in a local.
//!
//! Where [`flow`](super::flow) knows every use of the words `__THREW__` and `__threwValue` in a function, they become locals of it: a
//! handler sets them, and the code behind the call reads them as before. The pushes of their addresses go. The call itself stands
//! inside a `try` right there, direct where the callee is known, and without a `try` where the callee cannot throw.
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
use super::runtime::{Catches, Handler, State, zero};
use super::threading::Reports;
use crate::body::code;
use crate::body::edit::Edits;
use crate::module::{FunctionId, Module, TypeId};
use crate::{Error, Result};
use std::collections::HashMap;
use wasm_encoder::{BlockType, InstructionSink, MemArg, MemArgTarget};
use wasmparser::{FuncType, ValType};

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

/// The body behind `edits` with every site of `calls` (by position) inlined, in legacy instructions, and the locals of its handlers.
pub fn inline(
    module: &Module<'_>,
    mut edits: Edits<'_>,
    flow: &Flow,
    calls: &HashMap<usize, SiteCall>,
    state: &State,
    helpers: &Helpers,
) -> Result<(Vec<u8>, Reports)> {
    let threw = edits.new_local(ValType::I32)?;
    let reads_value = !flow.words.ambiguous.is_empty() || flow.words.loads.iter().any(|load| load.word == Word::ThrewValue);
    let value = if reads_value { Some(edits.new_local(ValType::I32)?) } else { None };
    let mut writer = Writer {
        module,
        state,
        helpers,
        edits,
        threw,
        value,
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
        writer.site(at, site, call, flow.words.read_once)?;
    }
    let reports = Reports { threw, value, read_once: flow.words.read_once };
    Ok((writer.edits.apply()?, reports))
}

struct Writer<'m, 'a> {
    module: &'m Module<'m>,
    state: &'m State,
    helpers: &'m Helpers,
    edits: Edits<'a>,
    /// Local in place of `__THREW__`.
    threw: u32,
    /// Local in place of `__threwValue`, if anything reads it.
    value: Option<u32>,
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
            self.edits.replace(span.clone(), Vec::new());
        }
        for load in &words.loads {
            let local = self.local_of(load.word)?;
            let mut instead = self.without_address(load, words.addresses_stay);
            InstructionSink::new(&mut instead).local_get(local);
            self.edits.replace(load.span.clone(), instead);
        }
        for store in &words.stores {
            let mut instead = Vec::new();
            match self.local_of(store.word) {
                Ok(local) => InstructionSink::new(&mut instead).local_set(local),
                // Nobody reads it.
                Err(_) => InstructionSink::new(&mut instead).drop(),
            };
            instead.extend(self.without_address(store, words.addresses_stay));
            self.edits.replace(store.span.clone(), instead);
        }
        for clear in &words.clears {
            let mut instead = self.without_address(clear, words.addresses_stay);
            // Each site sets the local to zero itself, where that is all they are for.
            if !words.read_once {
                InstructionSink::new(&mut instead).i32_const(0).local_set(self.threw);
            }
            self.edits.replace(clear.span.clone(), instead);
        }
        Ok(())
    }

    /// An access of a local where the address is that of its word, and of memory otherwise.
    fn ambiguous(&mut self, access: &Ambiguous) -> Result<()> {
        let words = self.state.threw.ok_or_else(|| Error::Internal("no addresses of __THREW__ to compare with".into()))?;
        let (threw, value) = (self.threw, self.local_of(Word::ThrewValue)?);
        let address = self.temporary(ValType::I32, usize::MAX - 1)?;
        let stored = match access.loads {
            true => None,
            false => Some(self.temporary(ValType::I32, usize::MAX - 2)?),
        };
        let memarg = MemArg { offset: 0, align: access.align, target: MemArgTarget::Memory(0), ordering: None };
        let mut out = Vec::new();
        let mut code = InstructionSink::new(&mut out);
        let ty = if access.loads { BlockType::Result(wasm_encoder::ValType::I32) } else { BlockType::Empty };
        if let Some(stored) = stored {
            code.local_set(stored);
        }
        code.local_tee(address).global_get(words.0).i32_eq().if_(ty);
        read_or_write(&mut code, threw, stored);
        code.else_().local_get(address).global_get(words.0).i32_const(4).i32_add().i32_eq().if_(ty);
        read_or_write(&mut code, value, stored);
        code.else_().local_get(address);
        match stored {
            None => code.i32_load(memarg),
            Some(stored) => code.local_get(stored).i32_store(memarg),
        };
        code.end().end();
        self.edits.replace(access.span.clone(), out);
        Ok(())
    }

    /// Takes the push of an address away, or else returns the code that drops it.
    fn without_address(&mut self, access: &Access, addresses_stay: bool) -> Vec<u8> {
        match &access.address {
            _ if !addresses_stay => Vec::new(),
            Some(push) => {
                self.edits.replace(push.clone(), Vec::new());
                Vec::new()
            }
            None => code(|code| code.drop()),
        }
    }

    fn local_of(&self, word: Word) -> Result<u32> {
        match word {
            Word::Threw => Ok(self.threw),
            Word::ThrewValue => self.value.ok_or_else(|| Error::Internal("no local for __threwValue".into())),
        }
    }

    fn site(&mut self, at: usize, site: &SiteFlow, call: &SiteCall, clear: bool) -> Result<()> {
        let callee_type = self.module.types()[call.ty.0 as usize].clone();
        let mut out = Vec::new();
        let pointer = &site.pointer;
        let movable = pointer.pushed_by.clone().filter(|_| pointer.local.is_some() || pointer.global.is_some());
        let mut how = How { callee: call.callee, pointer: Vec::new(), arguments: Vec::new() };
        let mut below = false;
        match (call.callee, &pointer.pushed_by) {
            (Some(_), Some(span)) => self.edits.replace(span.clone(), Vec::new()),
            (Some(_), None) => below = true,
            (None, _) => match movable {
                Some(span) => {
                    how.pointer = self.edits.original(&span).to_vec();
                    self.edits.replace(span, Vec::new());
                }
                None => self.spill(&callee_type, &mut how, &mut out)?,
            },
        }
        if call.throws {
            self.guarded(&callee_type, site, call, &how, clear, &mut out)?;
        } else {
            if clear {
                InstructionSink::new(&mut out).i32_const(0).local_set(self.threw);
            }
            self.call(call, &how, &mut out);
        }
        if below {
            self.drop_below(&callee_type, &mut out)?;
        }
        let length = self.edits.call_length(at);
        self.edits.replace(at..at + length, out);
        Ok(())
    }

    /// Puts the arguments and then the pointer from the stack into locals.
    fn spill(&mut self, callee: &FuncType, how: &mut How, out: &mut Vec<u8>) -> Result<()> {
        for (index, &ty) in callee.params().iter().enumerate() {
            how.arguments.push(self.temporary(ty, index)?);
        }
        let pointer = self.temporary(ValType::I32, callee.params().len())?;
        let mut sink = InstructionSink::new(out);
        for &argument in how.arguments.iter().rev() {
            sink.local_set(argument);
        }
        sink.local_set(pointer);
        how.pointer = code(|code| code.local_get(pointer));
        Ok(())
    }

    fn temporary(&mut self, ty: ValType, index: usize) -> Result<u32> {
        if let Some(&local) = self.temporaries.get(&(ty, index)) {
            return Ok(local);
        }
        let local = self.edits.new_local(ty)?;
        self.temporaries.insert((ty, index), local);
        Ok(local)
    }

    /// The function pointer of a direct call is still on the stack, under the result.
    fn drop_below(&mut self, callee: &FuncType, out: &mut Vec<u8>) -> Result<()> {
        match callee.results() {
            [] => {
                InstructionSink::new(out).drop();
            }
            [result, ..] => {
                let result = self.temporary(*result, usize::MAX)?;
                InstructionSink::new(out).local_set(result).drop().local_get(result);
            }
        }
        Ok(())
    }

    /// The call inside a `try` whose handlers set the locals.
    fn guarded(
        &mut self,
        callee: &FuncType,
        site: &SiteFlow,
        call: &SiteCall,
        how: &How,
        clear: bool,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let stack_pointer = match site.stack_pointer {
            Some(local) => local,
            None => self.save_stack_pointer(out)?,
        };
        if clear {
            InstructionSink::new(out).i32_const(0).local_set(self.threw);
        }
        // Arguments on the stack enter the block as its parameters.
        let on_stack = how.arguments.is_empty() && !callee.params().is_empty();
        let block = match callee.results() {
            _ if on_stack => BlockType::FunctionType(call.ty.0),
            [] => BlockType::Empty,
            [result, ..] => BlockType::Result(Module::encoded_type(*result)?),
        };
        let handlers = call.catches.handlers(self.state);
        InstructionSink::new(out).try_(block);
        self.call(call, how, out);
        for (tag, handler) in handlers {
            InstructionSink::new(out).catch(tag.0);
            self.handle(handler, stack_pointer, callee, out)?;
        }
        InstructionSink::new(out).end();
        Ok(())
    }

    /// A local with the stack pointer at this site: read on entry where the function does not move it, since reading an imported global
    /// in a loop costs more than a call without a `try` does; right here otherwise.
    fn save_stack_pointer(&mut self, out: &mut Vec<u8>) -> Result<u32> {
        let (local, first) = match self.saved_stack_pointer {
            Some(local) => (local, false),
            None => (self.edits.new_local(ValType::I32)?, true),
        };
        self.saved_stack_pointer = Some(local);
        let global = self.state.stack_pointer.0;
        if self.moves_stack_pointer {
            InstructionSink::new(out).global_get(global).local_set(local);
        } else if first {
            self.edits.begin_with(code(|code| code.global_get(global).local_set(local)));
        }
        Ok(local)
    }

    fn call(&self, call: &SiteCall, how: &How, out: &mut Vec<u8>) {
        let mut sink = InstructionSink::new(out);
        for &argument in &how.arguments {
            sink.local_get(argument);
        }
        if let Some(callee) = how.callee {
            sink.call(callee.0);
        } else {
            out.extend_from_slice(&how.pointer);
            InstructionSink::new(out).call_indirect(self.state.function_table.0, call.ty.0);
        }
    }

    /// The payload is on the stack; leaves the zero that stands for a result.
    fn handle(&self, handler: Handler, stack_pointer: u32, callee: &FuncType, out: &mut Vec<u8>) -> Result<()> {
        let helper = match handler {
            Handler::Exception => self.helpers.caught,
            Handler::Longjmp => self.helpers.jumped,
        };
        let helper = helper.ok_or_else(|| Error::Internal("a handler without its helper".into()))?;
        let mut sink = InstructionSink::new(out);
        sink.local_get(stack_pointer).call(helper.0);
        match handler {
            Handler::Exception => {
                sink.i32_const(1).local_set(self.threw);
                if let Some(value) = self.value {
                    sink.i32_const(0).local_set(value);
                }
            }
            Handler::Longjmp => {
                match self.value {
                    Some(value) => sink.local_set(value),
                    None => sink.drop(),
                };
                sink.local_set(self.threw);
            }
        }
        zero(&mut sink, callee)
    }
}

fn read_or_write(code: &mut InstructionSink<'_>, local: u32, stored: Option<u32>) {
    match stored {
        None => code.local_get(local),
        Some(stored) => code.local_get(stored).local_set(local),
    };
}

/// How the operands of a call reach it.
struct How {
    callee: Option<FunctionId>,
    /// Code that pushes the function pointer.
    pointer: Vec<u8>,
    /// Locals that hold the arguments; empty when they are on the stack.
    arguments: Vec<u32>,
}
