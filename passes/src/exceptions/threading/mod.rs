//! Handlers continue where the code behind their call would take them.
//!
//! Behind a call site ([`Site`]) stands the compiler's test of `__THREW__`, now a local that the handlers set. What it finds is known when
//! nothing was thrown, and mostly when something was ([`path`]). Where both paths part at one branch, the handler itself continues at the
//! landing pad or the dispatch of setjmp, and the path of calls that return carries no flag, no test, and no `getTempRet0`.
//!
//! Landing pads that only one site leads to move into its handler. There, an exception that the pad resumes is thrown on by `rethrow`,
//! which keeps it as it is, instead of `throw`, which makes a new one.
//!
//! What would be caught only to be thrown on is not caught ([`passing`]), and where nothing was thrown for sure there is no test either
//! ([`harmless`]). What all this leaves behind goes ([`dead`], [`unreached`], [`simple`]).
//!
//! **What must hold**: between the call and the branch, the code does nothing but move constants between the stack and locals, or is a
//! statement that has nothing to do with the test and is run on both paths ([`path::statement`]); every local it writes is written for
//! both paths, or read on none of them ([`Live`]); and code that moves into a handler takes nothing from the stack that was there before
//! it. Sites where that cannot be seen keep the local and the test.

mod dead;
mod decision;
mod harmless;
mod passing;
mod path;
mod resume;
mod rewrite;
mod simple;
mod site;
mod unreached;

#[cfg(test)]
mod tests;

use crate::body::code::{Code, Op};
use crate::body::solve::live::Live;
pub use site::{Below, Site};

use super::abi::Role;
use super::inline::Helpers;
use super::runtime::State;
use crate::Result;
use crate::module::{FunctionId, GlobalId, Module};
use std::collections::{BTreeSet, HashMap};

/// What is the same for all functions of a module.
pub struct Context<'m> {
    pub module: &'m Module<'m>,
    pub state: &'m State,
    pub helpers: &'m Helpers,
    /// `getTempRet0`, `__resumeException`, and the landing pad routines with their number of clauses.
    pub get_temp_ret: Vec<u32>,
    pub resume: Vec<u32>,
    /// `llvm_eh_typeid_for`, the identity.
    pub typeid: Vec<u32>,
    /// `emscripten_longjmp`
    pub longjmp: Vec<u32>,
    pub matching: HashMap<u32, u32>,
    /// What `getTempRet0` reads, if it is a global of the module.
    pub temp_ret: Option<GlobalId>,
    /// For a `try` of some type, the type with the same parameters and no result.
    pub without_result: HashMap<u32, u32>,
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
            typeid: with(Role::TypeidFor),
            longjmp: with(Role::Longjmp),
            matching: roles.iter().filter_map(clauses).collect(),
            temp_ret: None,
            without_result: HashMap::new(),
        }
    }
}

impl Context<'_> {
    /// The routine of the ABI that the instruction calls, if it does.
    fn routine(&self, op: &Op) -> Option<u32> {
        let Op::Call(function) = *op else { return None };
        let helper = |helper: Option<FunctionId>| helper.is_some_and(|helper| helper.0 == function);
        let known = [&self.get_temp_ret, &self.resume, &self.typeid].iter().any(|known| known.contains(&function))
            || self.matching.contains_key(&function)
            || helper(self.helpers.caught)
            || helper(self.helpers.jumped);
        known.then_some(function)
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

/// A body, and what became of it.
pub struct Threaded {
    pub body: Vec<u8>,
    /// How many of its call sites lost their test.
    pub sites: usize,
    /// How many of them let something pass that they would only throw on.
    pub passing: usize,
    /// The routines of the ABI that it still calls.
    pub calls: BTreeSet<u32>,
}

/// Threads the call sites in `code`, and writes it out.
pub fn thread(context: &Context<'_>, mut code: Code<'_>, mut sites: Vec<Site>, reports: Reports) -> Result<Threaded> {
    let (mut threaded, mut passing) = (0, 0);
    let mut noting = HashMap::new();
    let live = if reports.read_once { Live::analyse(&code) } else { None };
    if let Some(live) = &live {
        passing = passing::remove_handlers(context, &code, &mut sites, reports);
        // What comes later in the code is simpler already when its turn comes.
        for at in (0..code.list.len()).rev() {
            let Op::Site(number) = code.list[at].op else { continue };
            let site = &sites[number as usize];
            let done = if site.catches() {
                let label = rewrite::thread(context, &mut code, site, live, at, reports);
                noting.extend(label.zip(site.stack_pointer));
                label.is_some()
            } else {
                harmless::thread(context, &mut code, site, live, at, reports).is_some()
            };
            threaded += usize::from(done);
        }
    }
    site::write_out(&mut code, &sites, context.helpers, reports)?;
    if live.is_some() {
        resume::rethrow(context, &mut code, &noting);
        dead::remove(context, &mut code);
    }
    let calls = code.list.iter().filter_map(|instruction| context.routine(&instruction.op)).collect();
    let body = code.encode()?;
    Ok(Threaded { body, sites: threaded, passing, calls })
}
