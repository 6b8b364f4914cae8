//! Handlers continue where the code behind their call would take them.
//!
//! Behind an inlined call site stands the compiler's test of `__THREW__`, now a local that the handlers set. What it finds is known when
//! nothing was thrown, and mostly when something was ([`path`]). Where both paths part at one branch, the handler itself continues at the
//! landing pad or the dispatch of setjmp, and the path of calls that return carries no flag, no test, and no `getTempRet0`.
//!
//! Landing pads that only one site leads to move into its handler. There, an exception that the pad resumes is thrown on by `rethrow`,
//! which keeps it as it is, instead of `throw`, which makes a new one.
//!
//! **What must hold**: between the call and the branch, the code does nothing but move constants between the stack and locals; every
//! local it writes is written for both paths, or read on none of them ([`live`]); and code that moves into a handler takes nothing from
//! the stack that was there before it. Sites where that cannot be seen keep the local and the test.

mod code;
mod dead;
mod list;
mod live;
mod path;
mod resume;
mod site;

pub use code::Exnref;
use code::{Code, Op};
use live::Live;

use super::abi::Role;
use super::inline::Helpers;
use super::runtime::State;
use crate::Result;
use crate::module::{Body, FunctionId, Module};
use std::collections::HashMap;

/// What is the same for all functions of a module.
pub struct Context<'m> {
    pub module: &'m Module<'m>,
    pub state: &'m State,
    pub helpers: &'m Helpers,
    /// `getTempRet0`, `__resumeException`, and the landing pad routines with their number of clauses.
    pub get_temp_ret: Vec<u32>,
    pub resume: Vec<u32>,
    pub matching: HashMap<u32, u32>,
    /// For a `try` of some type, the type with the same parameters and no result.
    pub without_result: HashMap<u32, u32>,
    /// There if `try_table` is to be written.
    pub exnref: Option<Exnref>,
}

impl<'m> Context<'m> {
    pub fn new(module: &'m Module<'m>, roles: &HashMap<u32, Role>, state: &'m State, helpers: &'m Helpers) -> Self {
        let with = |wanted: Role| roles.iter().filter(|(_, role)| **role == wanted).map(|(id, _)| *id).collect();
        let clauses =
            |(id, role): (&u32, &Role)| if let Role::FindMatchingCatch { clauses } = role { Some((*id, *clauses)) } else { None };
        Context {
            module,
            state,
            helpers,
            get_temp_ret: with(Role::GetTempRet),
            resume: with(Role::ResumeException),
            matching: roles.iter().filter_map(clauses).collect(),
            without_result: HashMap::new(),
            exnref: None,
        }
    }
}

/// The locals that a function's handlers report in.
#[derive(Debug, Clone, Copy)]
pub struct Reports {
    /// In place of `__THREW__`.
    pub threw: u32,
    /// In place of `__threwValue`, if anything reads it.
    pub value: Option<u32>,
    /// Every site sets `threw` to zero itself, and nothing else does.
    pub read_once: bool,
}

/// A body, and how many of its call sites lost their test.
pub struct Threaded {
    pub body: Vec<u8>,
    pub sites: usize,
}

/// Threads the handlers of the call sites in `body`, which [`inline`](super::inline) wrote with legacy instructions.
pub fn thread(context: &Context<'_>, function: FunctionId, body: Vec<u8>, reports: Reports) -> Result<Threaded> {
    let body = Body { bytes: body.into(), offset: 0 };
    let mut code = Code::read(context.module, function, &body)?;
    let tries: Vec<usize> = (0..code.list.len()).filter(|at| matches!(code.list[*at].op, Op::Try(..))).collect();
    let mut sites = 0;
    if reports.read_once
        && let Some(live) = Live::analyse(&code)
    {
        // What comes later in the code is simpler already when its turn comes.
        for &at in tries.iter().rev() {
            let done = site::thread(context, &mut code, &live, at, reports).is_some();
            sites += usize::from(done);
        }
        resume::rethrow(context, &mut code);
        if sites > 0 {
            dead::remove(&mut code);
        }
    }
    let body = code.encode(context.exnref.as_ref())?;
    Ok(Threaded { body, sites })
}
