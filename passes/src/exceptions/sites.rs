//! What each call site of an invoke catches, whom it calls where that is known, and whether its `try` stands in place.
//!
//! A function that never looks at `__threwValue` can do nothing for a longjmp but mistake it for a normal return, and one without a
//! landing pad can do nothing for an exception: such functions catch the one kind they know. Where a function has both (compiled as
//! C++ around `setjmp`, or put together by an inliner from two translation units), [`flow`](super::flow) tells for each site.
//!
//! One exception: in a module without any landing pad, frames of `setjmp` catch C++ exceptions too, as they did in JavaScript. It was
//! compiled with exception catching disabled, its own `catch` clauses dropped, so that an exception that passed would find nobody and
//! end the runtime. PyMuPDF 1.26.0 relies on it: every error it expects is thrown in such a frame, stopped there, and turned into a
//! return value.

use super::Options;
use super::abi::{Abi, Role};
use super::flow::{self, Checks, Facts, Flow, SiteFlow};
use super::runtime::{self, Catches};
use super::scan::BodyFacts;
use crate::linking::{harmless, internal_got};
use crate::module::{Address, FunctionId, GlobalId, Item, Module};
use crate::parallel::prelude::*;
use crate::{Kept, Notice, Outcome, Result, code};
use std::collections::{BTreeMap, HashMap, HashSet};
use wasmparser::FuncType;

/// Bytes of the largest function whose sites are inlined. Its instructions become a list of a hundred bytes for each; the largest function
/// of boost_histogram has 532,542 bytes.
const MOST_INLINED: usize = 3 << 18;

/// One call of an invoke.
#[derive(Debug, Clone, Copy)]
pub struct Site {
    /// The function that calls.
    pub function: FunctionId,
    /// Position of the `call` in its body.
    pub at: usize,
    pub invoke: FunctionId,
    pub catches: Catches,
    /// Whom it calls, if that is known and of the type that the invoke says.
    pub callee: Option<FunctionId>,
    /// Whether the callee may throw.
    pub throws: bool,
    /// Whether its `try` stands in its function; otherwise it calls a wrapper.
    pub inlined: bool,
}

/// The call sites of a module.
#[derive(Debug, Default)]
pub struct Plan {
    pub sites: Vec<Site>,
    /// Sites (by their place in `sites`) whose callee is known and has another type than the invoke says.
    pub adapted: BTreeMap<usize, FunctionId>,
    /// Sites that call a function of the runtime by its address, and the name by which to import it.
    pub importable: Vec<(usize, String)>,
    /// Functions whose sites are inlined, with what is known of them.
    pub inlined: BTreeMap<FunctionId, Flow>,
    /// Whether code is left that reads `__THREW__` in memory.
    pub words_in_memory: bool,
}

impl Plan {
    /// Which wrappers each invoke needs, the one that catches most first.
    pub fn wanted(&self) -> HashMap<FunctionId, Vec<Catches>> {
        let mut wanted: HashMap<FunctionId, Vec<Catches>> = HashMap::new();
        for (index, site) in self.sites.iter().enumerate() {
            if !site.inlined && !self.adapted.contains_key(&index) {
                wanted.entry(site.invoke).or_default().push(site.catches);
            }
        }
        for catches in wanted.values_mut() {
            catches.sort_by_key(|catches| std::cmp::Reverse(*catches));
            catches.dedup();
        }
        wanted
    }
}

/// Decides about every call site; `scanned` are all functions of the module.
pub fn plan(
    module: &Module<'_>,
    abi: &Abi,
    scanned: &[(FunctionId, BodyFacts)],
    options: &Options<'_>,
    outcome: &mut Outcome,
) -> Result<Plan> {
    let facts = facts(module, abi)?;
    let relevant: Vec<_> = scanned.iter().filter(|(_, body)| !body.invokes.is_empty() || body.matches).collect();
    let flows: Vec<Option<Flow>> = (relevant.par_iter())
        .map(|(function, _)| match module.function(*function).origin.defined() {
            Some(body) => flow::analyse(&facts, *function, body),
            None => Ok(None),
        })
        .collect::<Result<_>>()?;
    let callees = Callees::new(module, scanned, options);
    let outlined = Outlined::new(scanned);
    let kept = kept(module, abi, &relevant, &flows);
    // Locals are no place for reports that another function reads.
    let inline = !abi.has(Role::SetThrew)
        && !scanned.iter().any(|(_, body)| body.uses_words && body.invokes.is_empty())
        && !flows.iter().flatten().any(|flow| flow.words.foreign)
        && !kept;
    let watched = flows.iter().flatten().any(|flow| flow.words.escape || flow.words.late);
    outcome.leave_each(Kept::LandingPad, flows.iter().flatten().flat_map(report));
    let mut plan = Plan::default();
    let mut stopped = false;
    for ((function, body), flow) in relevant.into_iter().zip(flows) {
        let first = plan.sites.len();
        let local = flow.as_ref().is_some_and(|flow| flow.words.may_be_locals(watched));
        let large = module.function(*function).origin.defined().is_some_and(|body| body.bytes.len() > MOST_INLINED);
        // Wrappers join and split 64-bit integers for the code around them.
        let mut halves = false;
        for &(at, invoke) in &body.invokes {
            let known = flow.as_ref().and_then(|flow| flow.sites.get(&at));
            let mut catches = outlined.catches(body, known.filter(|_| local).map(|site| site.checks), outcome);
            if outlined.stops_exceptions && catches == Catches::Longjmp {
                catches = Catches::Both;
                stopped = true;
            }
            let legalized = abi.role(invoke) == Some(Role::LegalizedInvoke);
            halves |= legalized;
            let target = if legalized { Target::Unknown } else { callees.resolve(known, invoke, outcome) };
            let callee = if let Target::Function(callee) = target { Some(callee) } else { None };
            match target {
                Target::Adapted(callee) => drop(plan.adapted.insert(plan.sites.len(), callee)),
                Target::Importable(name) => plan.importable.push((plan.sites.len(), name.to_string())),
                Target::Function(_) | Target::Unknown => {}
            }
            let throws = callee.is_none_or(|callee| callees.may_throw(callee));
            plan.sites.push(Site { function: *function, at, invoke, catches, callee, throws, inlined: false });
        }
        let adapted = plan.adapted.range(first..).next().is_some();
        match flow {
            Some(flow) if inline && local && !large && !adapted && !halves => {
                for site in &mut plan.sites[first..] {
                    site.inlined = flow.sites.contains_key(&site.at);
                }
                plan.inlined.insert(*function, flow);
            }
            _ => {
                let why = match (halves, large) {
                    (true, _) => "64-bit integers are passed in halves in its function: calls a wrapper",
                    (_, true) => "its function is too large: calls a wrapper",
                    _ => "the use of __THREW__ around it is not recognised: calls a wrapper",
                };
                for _ in first..plan.sites.len() {
                    outcome.leave(Kept::CallSite, why);
                }
            }
        }
    }
    // Accesses that may mean the words compare with their addresses, which must then be those of nothing else.
    let compared = plan.inlined.values().any(|flow| !flow.words.ambiguous.is_empty());
    // Whoever looks at a report that is a local finds zero, and at the address that the words have.
    plan.words_in_memory = compared
        || watched
        || kept
        || scanned.iter().any(|(function, body)| body.uses_words && !plan.inlined.contains_key(function));
    if stopped {
        outcome.notices.push(Notice::note(
            code::NEVER_CAUGHT,
            "it has no landing pad (exception catching was disabled when it was compiled): C++ exceptions end at its setjmp frames, \
             as they did before",
        ));
    }
    Ok(plan)
}

/// Whether somebody may report in memory beside the handlers: through an address that was kept, or in a function that is not followed.
fn kept(module: &Module<'_>, abi: &Abi, functions: &[&(FunctionId, BodyFacts)], flows: &[Option<Flow>]) -> bool {
    let words: HashSet<GlobalId> = abi.threw.iter().chain(&abi.threw_value).copied().collect();
    let exported = |item: &Item| matches!(item, Item::Global(global) if words.contains(global));
    let keeps = |((_, body), flow): (&&(FunctionId, BodyFacts), &Option<Flow>)| {
        flow.as_ref().map_or(body.uses_words, |flow| flow.words.kept)
    };
    module.exports().iter().any(|export| exported(&export.item)) || functions.iter().zip(flows).any(keeps)
}

/// What other functions mean for what a call site catches.
struct Outlined {
    /// Some function asks about one of the words, or for the exception, without a call site of its own: on behalf of another.
    elsewhere: bool,
    /// No function has a landing pad.
    stops_exceptions: bool,
}

impl Outlined {
    fn new(scanned: &[(FunctionId, BodyFacts)]) -> Self {
        Outlined {
            elsewhere: scanned.iter().any(|(_, body)| body.invokes.is_empty() && (body.matches || body.uses_words)),
            stops_exceptions: !scanned.iter().any(|(_, body)| body.matches || body.legacy_try || body.try_table),
        }
    }

    fn catches(&self, body: &BodyFacts, checks: Option<Checks>, outcome: &mut Outcome) -> Catches {
        if self.elsewhere {
            outcome.leave(Kept::CallSite, "another function may check for it what was thrown: catches exceptions and longjmp");
            return Catches::Both;
        }
        catches(body, checks, outcome)
    }
}

/// Which tags a site catches. What is uncertain catches both, as JavaScript did.
fn catches(body: &BodyFacts, checks: Option<Checks>, outcome: &mut Outcome) -> Catches {
    match (body.matches, body.handles_longjmp) {
        (true, false) => return Catches::Cpp,
        (false, true) => return Catches::Longjmp,
        (false, false) => {
            outcome.leave(Kept::CallSite, "its function has neither landing pad nor setjmp: catches exceptions and longjmp");
            return Catches::Both;
        }
        (true, true) => {}
    }
    match checks {
        Some(Checks { cpp: true, longjmp: false, other: false }) => Catches::Cpp,
        Some(Checks { cpp: false, longjmp: true, other: false }) => Catches::Longjmp,
        Some(Checks { cpp: true, longjmp: true, .. }) => Catches::Both,
        _ => {
            outcome.leave(Kept::CallSite, "what the code behind it checks is not recognised: catches exceptions and longjmp");
            Catches::Both
        }
    }
}

/// What is worth telling about landing pads.
fn report(flow: &Flow) -> impl Iterator<Item = String> {
    let stranger = |name: &String| format!("its exception is passed to `{name}`, which may take it for the thrown object");
    let late = std::iter::repeat_n("it calls another function before it asks for its exception".to_string(), flow.late);
    flow.strangers.iter().map(stranger).chain(late)
}

/// Whom a call site calls.
enum Target<'m> {
    /// A function of the type that the invoke says.
    Function(FunctionId),
    /// A function of the module of another type, to which the arguments have to be adapted.
    Adapted(FunctionId),
    /// The function of the runtime's main module of this name, of the type that the invoke says.
    Importable(&'m str),
    Unknown,
}

/// What stands behind a GOT entry.
enum Behind<'m> {
    Import(FunctionId),
    /// A function that the main module exports under this name.
    Runtime(&'m str, &'m FuncType),
}

/// The functions that call sites may call.
struct Callees<'m> {
    module: &'m Module<'m>,
    /// By table slot of the module.
    slots: &'m [FunctionId],
    /// By GOT entry.
    behind_got: HashMap<u32, Behind<'m>>,
    /// Functions of the module that cannot throw.
    harmless: HashSet<u32>,
}

impl<'m> Callees<'m> {
    fn new(module: &'m Module<'m>, scanned: &[(FunctionId, BodyFacts)], options: &Options<'m>) -> Self {
        let functions = scanned.iter().map(|(id, body)| harmless::Function { id: id.0, throws: body.throws, calls: &body.calls });
        let harmless = harmless::find(functions, &HashSet::new());
        Callees { module, slots: module.own_slots(), behind_got: behind_got(module, options), harmless }
    }

    fn resolve(&self, site: Option<&SiteFlow>, invoke: FunctionId, outcome: &mut Outcome) -> Target<'m> {
        let Some(pointer) = site.map(|site| &site.pointer) else { return Target::Unknown };
        let invoke = self.module.signature(invoke);
        let same = |callee: &FuncType| callee.params() == &invoke.params()[1..] && callee.results() == invoke.results();
        if let Some(&callee) = pointer.slot.and_then(|slot| self.slots.get(slot as usize)) {
            let ty = self.module.signature(callee);
            if same(ty) {
                return Target::Function(callee);
            }
            if runtime::adaptable(invoke, ty) {
                return Target::Adapted(callee);
            }
            outcome.leave(Kept::CallSite, "its callee has another type, to which the arguments cannot be adapted: the call traps");
            return Target::Unknown;
        }
        // An import of another type says nothing about what is behind the GOT entry.
        match pointer.global.and_then(|global| self.behind_got.get(&global)) {
            Some(&Behind::Import(callee)) if same(self.module.signature(callee)) => Target::Function(callee),
            Some(&Behind::Runtime(name, ty)) if same(ty) => Target::Importable(name),
            _ => Target::Unknown,
        }
    }

    fn may_throw(&self, callee: FunctionId) -> bool {
        !self.harmless.contains(&callee.0)
    }
}

/// The functions behind GOT entries that are better called directly.
///
/// `GOT.func.f` and `env.f` mean the same function, and an import of the main module's function is bound to it when the module is
/// instantiated. For a function of any other module that is so only where that one was loaded with global visibility, which Pyodide does
/// for nobody: what `env.f` is bound to then is a JavaScript function that looks the name up (`proxyHandler` in `libdylink.js`), three
/// times as slow as a call through the GOT. What this module or a sibling exports is therefore left to the GOT.
fn behind_got<'m>(module: &'m Module<'m>, options: &Options<'m>) -> HashMap<u32, Behind<'m>> {
    let functions: HashMap<&str, FunctionId> = (module.imports().iter())
        .filter(|import| import.module == "env")
        .filter_map(|import| if let Item::Function(id) = import.item { Some((import.field.as_ref(), id)) } else { None })
        .collect();
    let exported: HashSet<&str> = module.exports().iter().map(|export| export.name.as_ref()).collect();
    let entries = module.imports().iter().filter(|import| import.module == "GOT.func").filter_map(|import| match import.item {
        Item::Global(id) => Some((import.field.as_ref(), id)),
        _ => None,
    });
    let entries = entries.filter(|(name, _)| !exported.contains(name) && !options.sibling_exports.contains(name));
    let behind = |name: &'m str| match (functions.get(name), options.environment) {
        (Some(&import), Some(environment)) => environment.offers_function(name).then_some(Behind::Import(import)),
        (Some(&import), None) => Some(Behind::Import(import)),
        (None, environment) => Some(Behind::Runtime(name, environment?.main_function(name)?)),
    };
    entries.filter_map(|(name, global)| Some((global.0, behind(name)?))).collect()
}

pub(super) fn facts<'m>(module: &'m Module<'m>, abi: &Abi) -> Result<Facts<'m>> {
    let functions = || {
        module.imports().iter().filter_map(|import| match import.item {
            Item::Function(id) => Some((id.0, import.field.as_ref())),
            _ => None,
        })
    };
    let named = |names: &[&str]| functions().filter(|(_, field)| names.contains(field)).map(|(id, _)| id).collect::<HashSet<_>>();
    let globals = |ids: &[GlobalId]| ids.iter().map(|id| id.0).collect::<HashSet<_>>();
    let table_base = match module.import("env", "__table_base") {
        Some(Item::Global(id)) => Some(id.0),
        _ => None,
    };
    let slots = internal_got::find(module)?.into_iter().filter_map(|(global, entry)| match entry.address {
        Address::Table(slot) => Some((global, slot)),
        Address::Memory(_) => None,
    });
    let slots = slots.collect();
    Ok(Facts {
        module,
        roles: abi.by_function(),
        setjmp_tests: named(&["__wasm_setjmp_test", "testSetjmp"]),
        takes_exception: named(&[
            "__cxa_begin_catch",
            "__cxa_get_exception_ptr",
            "__cxa_call_unexpected",
            "__clang_call_terminate",
        ]),
        import_names: functions()
            .filter(|(id, _)| abi.role(FunctionId(*id)) != Some(Role::ResumeException))
            .map(|(id, field)| (id, field.to_string()))
            .collect(),
        threw: globals(&abi.threw),
        threw_value: globals(&abi.threw_value),
        table_base,
        stable: stable_globals(module, &slots),
        slots,
        stack_pointer: match module.import("env", "__stack_pointer") {
            Some(Item::Global(id)) => Some(id.0),
            _ => None,
        },
    })
}

/// Globals whose value stays the same from one instruction of a function to another.
fn stable_globals(module: &Module<'_>, slots: &HashMap<u32, u32>) -> HashSet<u32> {
    let got = module.imports().iter().filter(|import| import.module == "GOT.func");
    let got = got.filter_map(|import| if let Item::Global(id) = import.item { Some(id.0) } else { None });
    let constants = module.globals().iter().enumerate().filter(|(_, global)| !global.ty.mutable).map(|(id, _)| id as u32);
    got.chain(constants).chain(slots.keys().copied()).collect()
}
