//! What is known of values and of points of the code.

use super::{Span, Word};
use crate::exceptions::site_sets::{NONE, Sites};
use wasmparser::{MemArg, MemArgTarget};

/// What is known of a value on every path that leads to it, and what it may be on some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value {
    pub exact: Exact,
    /// The call sites whose `__THREW__` it may be.
    pub threw: Sites,
    /// It may be the exception of a landing pad.
    pub exception: bool,
    /// It may be the address of `__THREW__` or `__threwValue`.
    pub address: bool,
    /// It may be that of `__THREW__`.
    pub threw_address: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exact {
    Unknown,
    Const(i32),
    TableBase,
    Slot(u32),
    ThrewAddress,
    ThrewValueAddress,
    /// That of one of the two.
    SomeWordAddress,
    /// An address of the stack, where the words are not.
    Stack,
}

impl Value {
    pub const UNKNOWN: Value = Value { exact: Exact::Unknown, threw: NONE, exception: false, address: false, threw_address: false };

    /// Whether it is the address of one of the words on every path.
    pub fn is_address(self) -> bool {
        matches!(self.exact, Exact::ThrewAddress | Exact::ThrewValueAddress | Exact::SomeWordAddress)
    }

    pub const fn exactly(exact: Exact) -> Self {
        let address = matches!(exact, Exact::ThrewAddress | Exact::ThrewValueAddress);
        Value { exact, threw: NONE, exception: false, address, threw_address: matches!(exact, Exact::ThrewAddress) }
    }
}

/// What else holds at one point of the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The call sites one of which was passed last.
    pub pending: Sites,
    /// No call came since.
    pub fresh: bool,
    /// A call site was passed on every path.
    pub passed: bool,
    /// `__THREW__` was stored to since, on some path.
    pub cleared: bool,
    /// `__THREW__` may hold what a call site of this function, or a store, reported.
    pub reported: bool,
    /// Something else was stored since.
    pub stored: bool,
    /// `__THREW__` is zero: that was stored, and nothing was called since.
    pub zero: bool,
    /// A local that holds the stack pointer.
    pub stack_pointer: Option<u32>,
}

impl State {
    /// In the beginning of a function.
    pub const BEGIN: State = State {
        pending: NONE,
        fresh: false,
        passed: false,
        cleared: false,
        reported: false,
        stored: false,
        zero: false,
        stack_pointer: None,
    };
}

/// A value on the operand stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operand {
    pub value: Value,
    /// The instructions that pushed it, if they do nothing else.
    pub pushed_by: Option<Span>,
    /// The local or global it was read from by the last of them.
    pub local: Option<u32>,
    pub global: Option<u32>,
    /// Where the instruction that pushed it ends.
    pub end: usize,
}

impl From<Value> for Operand {
    fn from(value: Value) -> Self {
        Operand { value, pushed_by: None, local: None, global: None, end: 0 }
    }
}

/// The word that an access of `address` with `memarg` means, if it is one of the two and nothing behind it.
pub fn word_itself(address: Value, memarg: MemArg) -> Option<Word> {
    if memarg.offset != 0 || memarg.target != MemArgTarget::Memory(0) {
        return None;
    }
    match address.exact {
        Exact::ThrewAddress => Some(Word::Threw),
        Exact::ThrewValueAddress => Some(Word::ThrewValue),
        _ => None,
    }
}

/// Whether an access of `address` with `memarg` may mean one of the words on some path.
pub fn may_be_word(address: Value, memarg: MemArg) -> bool {
    address.address && memarg.offset == 0
}
