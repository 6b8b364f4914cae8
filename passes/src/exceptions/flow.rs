//! What happens to the values around the call sites of one function.
//!
//! An abstract interpretation over the structured code: it follows locals and the operand stack along every path until nothing
//! changes, so that its answers do not depend on the order an optimiser put instructions in. It answers
//! - what the code behind each call of an invoke asks about `__THREW__` and `__threwValue`;
//! - which table slot the function pointer of the call is, where that is the same on all paths, and what pushes it;
//! - where the two words are loaded and stored, and which instructions push and move their addresses;
//! - where the exception of a landing pad is passed.
//!
//! It gives up on a function (and then knows nothing about it) when an address of the words is computed with or stored, when the function
//! has native exception handlers of its own, and when it is too large to follow.

mod values;
mod walk;

#[cfg(test)]
mod tests;

use super::abi::Role;
use crate::module::Module;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

pub use walk::analyse;

/// What is the same for all functions of a module.
pub struct Facts<'m> {
    pub module: &'m Module<'m>,
    pub roles: HashMap<u32, Role>,
    /// `__wasm_setjmp_test` and its predecessor.
    pub setjmp_tests: HashSet<u32>,
    /// Imported functions that may be given the exception of a landing pad.
    pub takes_exception: HashSet<u32>,
    /// Imported functions by id, for reports.
    pub import_names: HashMap<u32, String>,
    pub threw: HashSet<u32>,
    pub threw_value: HashSet<u32>,
    pub table_base: Option<u32>,
    /// Globals that hold `__table_base + n` for good.
    pub slots: HashMap<u32, u32>,
    /// Globals that keep their value while a function runs: of the GOT for functions, constants, and `slots`.
    pub stable: HashSet<u32>,
    /// `__stack_pointer`, if the module imports it.
    pub stack_pointer: Option<u32>,
}

/// Positions in a body, from the first byte to behind the last.
pub type Span = std::ops::Range<usize>;

/// What the code behind a call site asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checks {
    /// Whether `__THREW__` is 1: a C++ exception.
    pub cpp: bool,
    /// The value of a longjmp, or whether it is meant for this function.
    pub longjmp: bool,
    /// Something else, which may ask for either.
    pub other: bool,
}

/// The answers about one function.
#[derive(Debug, Default)]
pub struct Flow {
    /// The call sites that a path leads to, by position of the call.
    pub sites: BTreeMap<usize, SiteFlow>,
    /// Where the words `__THREW__` and `__threwValue` are used.
    pub words: Words,
    /// It changes the stack pointer.
    pub moves_stack_pointer: bool,
    /// Imported functions that are given the exception of a landing pad and may take it for something else.
    pub strangers: BTreeSet<String>,
    /// Landing pads that call something before they ask for their exception.
    pub late: usize,
}

/// What is known at one call site.
#[derive(Debug, Clone, Default)]
pub struct SiteFlow {
    pub checks: Checks,
    /// What the code does with the function pointer.
    pub pointer: Pointer,
    /// A local that holds the stack pointer at the call.
    pub stack_pointer: Option<u32>,
}

/// The function pointer of a call.
#[derive(Debug, Clone, Default)]
pub struct Pointer {
    /// The table slot, if it is the same on all paths.
    pub slot: Option<u32>,
    /// The global it is read from, one that the arguments cannot change.
    pub global: Option<u32>,
    /// The local it is read from, if the arguments do not change it.
    pub local: Option<u32>,
    /// The instructions that push it and do nothing else.
    pub pushed_by: Option<Span>,
}

/// Every use of `__THREW__` and `__threwValue` in a function.
#[derive(Debug, Clone, Default)]
pub struct Words {
    /// Instructions that only push or move an address of the words.
    pub addresses: Vec<Span>,
    pub loads: Vec<Access>,
    pub stores: Vec<Access>,
    /// Loads and stores of an i32 that may mean one of the words or anything else.
    pub ambiguous: Vec<Ambiguous>,
    /// Stores of zero to `__THREW__`, from the instruction that pushes the zero on.
    pub clears: Vec<Access>,
    /// Some load may come without a call site of this function before it: it asks about another function's.
    pub foreign: bool,
    /// An address is used for something else, or crosses a label: the instructions in `addresses` must stay.
    ///
    /// Compilers use the addresses for loads and stores alone. What else becomes of one is an undefined value, an argument that the
    /// callee ignores, for which a compiler took the local at hand.
    pub addresses_stay: bool,
    /// No load of `__THREW__` comes behind a store to it that came behind the call.
    pub read_once: bool,
    /// An address may go where it is not followed: to another function, into memory or a global, or into a computation.
    pub escape: bool,
    /// An address itself goes to another function, which may keep it, or `__THREW__` is stored what is no zero: then others may report in
    /// memory whatever this module's handlers do.
    pub kept: bool,
    /// A load without a call site of this function before it may be one of the words.
    pub unclear: bool,
    /// The callee of a call site is given what may be an address, and so may report in memory.
    pub given: bool,
    /// They are looked at behind a call of something else, which may have reported something of its own.
    pub late: bool,
    /// Others could see what is reported here, or this function what others reported: it is left, or calls, before it stores zero behind a
    /// call site, or does not store zero before it.
    pub untidy: bool,
    /// Something else is accessed between a call site and the zero that is stored behind it, or stored before `__THREW__` is read again.
    pub exposed: bool,
}

impl Words {
    /// Whether locals can take the place of the words; `watched` tells whether anybody else may look at them.
    pub fn may_be_locals(&self, watched: bool) -> bool {
        !self.late && !self.given && !self.unclear && !(watched && (self.untidy || self.exposed))
    }
}

/// A load or store of one of the words.
#[derive(Debug, Clone)]
pub struct Access {
    pub span: Span,
    pub word: Word,
    /// The instructions that push its address and do nothing else.
    pub address: Option<Span>,
}

/// A load or store through an address that is that of a word on some paths alone.
///
/// Compilers share one local between the address of a word and another address, where control flow that wasm does not show keeps them
/// apart, and sink stores to both out of the arms of an `if`.
#[derive(Debug, Clone)]
pub struct Ambiguous {
    pub span: Span,
    /// Exponent of its alignment.
    pub align: u32,
    pub loads: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    Threw,
    ThrewValue,
}
