//! JavaScript exception handling becomes native: calls of `invoke_*` become wasm `try` blocks, and `__cxa_find_matching_catch_*`,
//! `__resumeException`, `emscripten_longjmp` and what belongs to them become routines inside the module.
//!
//! **Idea.** Emscripten's JavaScript library implemented `try` by a JavaScript function per signature, `invoke_<signature>`, which
//! called a function pointer, caught what was thrown and reported it in `__THREW__`. Where every use of `__THREW__` in a function is
//! known ([`flow`]), the call stands in a `try` that catches the tags `__cpp_exception` and `__c_longjmp` and reports in a local
//! ([`inline`]), or continues right where the code behind the call would take what was thrown ([`threading`]). Otherwise the imported
//! function becomes a wrapper of the same type that calls, catches and reports in memory, and the code around the call stays as the
//! compiler wrote it. `__cxa_find_matching_catch_N` asks libc++abi through the runtime's personality
//! (see [`runtime::find_matching_catch`]). The imported functions keep their ids when they become definitions: calls, tail calls,
//! element segments and exports of them need no change.
//!
//! **Which tags a call site catches** follows what the code behind it checks, so that a frame that knows only C++ exceptions lets a
//! `longjmp` pass and the other way round ([`sites`]). Where that is not certain it catches both, as JavaScript did.
//!
//! **Legalized invokes**, of modules linked without WASM_BIGINT, take and return 64-bit integers in halves. Their wrappers join them
//! for the call and split the result.
//!
//! **When it refuses.** Modules that no loader would take: without a memory, or with the stack pointer, a base, the table, a tag or a
//! GOT entry imported with another type than the conventions give it; and when the function table leaves no place for a slot that an
//! address needs.
//!
//! **Relies on** LLVM's `WebAssemblyLowerEmscriptenEHSjLj.cpp` for the calls, Emscripten 3.1.58's `library_exceptions.js`,
//! `emscripten_exception_builtins.c`, `emscripten_setjmp.c` and `emscripten_tempret.s` for what they meant, and 4.0.9's
//! `libcxxabi/src/cxa_personality.cpp` and `libunwind/src/Unwind-wasm.c` for what they mean now.

mod abi;
mod flow;
mod harmless;
mod inline;
pub mod personality;
mod runtime;
mod scan;
mod setjmp;
mod site_sets;
mod sites;
mod threading;

use crate::body::edit::Edits;
use crate::body::halves::TempRet;
use crate::code_offsets::drop_code_offsets;
use crate::module::{Address, ConstExpr, ElementItems, FunctionId, GlobalId, Item, Module, Origin};
use crate::siblings::SiblingExports;
use crate::{Environment, Error, Notice, Outcome, Result, code, signature};
use abi::{Abi, Role};
pub(crate) use flow::NoArity;
use inline::{Helpers, SiteCall};
use personality::Personality;
use rayon::prelude::*;
use runtime::{Callee, Catches, Matching, State};
use scan::BodyFacts;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use threading::{Exnref, Threaded};
use wasmparser::{FuncType, ValType};

/// Export by which modules agree on the numbers of their `setjmp` calls.
pub(crate) const SETJMP_COUNTER: &str = setjmp::COUNTER;

/// The functions of libc++abi by which C++ code throws.
pub const THROWING: [&str; 2] = ["__cxa_throw", "__cxa_rethrow"];

/// What the target and the user ask of this pass.
#[derive(Debug, Clone, Copy)]
pub struct Options<'o> {
    /// Name of the runtime's entry point to exception matching, as [`personality::offered`] tells it.
    pub personality: &'o str,
    /// Write `try_table` instead of the legacy `try`.
    pub exnref: bool,
    /// Functions that sibling modules export: imports of these names are theirs.
    pub sibling_exports: &'o SiblingExports,
    /// What the runtime offers; `None` when nothing is known of it.
    pub environment: Option<&'o Environment>,
}

/// Converts `module`.
///
/// # Errors
/// [`Error::Refused`] where imports of the dynamic-linking conventions have other types than these say, and when a slot is needed and
/// the function table is not one list of functions.
pub fn run(module: &mut Module<'_>, options: &Options<'_>) -> Result<Outcome> {
    let mut outcome = Outcome::new("exceptions");
    let abi = Abi::find(module, options.sibling_exports);
    if !abi.needs_conversion() {
        return Ok(outcome);
    }
    module.check_conventions()?;
    if abi.catches() && module.memories().is_empty() {
        return Err(Error::refused(
            code::UNUSUAL_LINKING,
            "it has no memory, in which exceptions are reported: not as Emscripten links it",
        ));
    }
    let facts = scan::scan(module, &abi)?;
    let mut plan = sites::plan(module, &abi, &facts, options, &mut outcome)?;
    import_callees(module, &mut plan);
    let machinery = if abi.catches() { Some(machinery(module, &abi, &facts, &plan, options, &mut outcome)?) } else { None };
    let mut addresses = Vec::new();
    if let Some(machinery) = &machinery {
        addresses = private_words(module, &abi, &machinery.state)?;
        let called = define_invokes(module, &abi, &facts, &plan, machinery, &mut outcome)?;
        remove_unused(module, &abi, &facts, &called, &mut outcome);
    }
    define_others(module, &abi, machinery.as_ref(), &mut outcome);
    if let Some(machinery) = &machinery {
        define_setjmp(module, &abi, machinery, &mut outcome)?;
    }
    rename_longjmp(module, &abi, &mut outcome);
    addresses.extend(define_addresses(module, &abi, machinery.as_ref(), &mut outcome)?);
    module.initialize_globals(&addresses);
    module.forget_import_infos();
    drop_code_offsets(module, &mut outcome);
    // Calls inlined in a `try` take their arguments as block parameters, which are part of multivalue.
    let block_parameters: &[&str] = if plan.inlined.is_empty() { &[] } else { &["multivalue"] };
    module.add_target_features(&[&["exception-handling"], block_parameters].concat());
    Ok(outcome)
}

/// Imports the functions of the runtime that call sites called by their addresses. No import of `env` has their names yet.
fn import_callees(module: &mut Module<'_>, plan: &mut sites::Plan) {
    let mut imported: HashMap<(String, FuncType), FunctionId> = HashMap::new();
    for (index, name) in std::mem::take(&mut plan.importable) {
        let site = &mut plan.sites[index];
        if site.inlined {
            let ty = module.signature(site.invoke);
            let ty = FuncType::new(ty.params()[1..].to_vec(), ty.results().to_vec());
            let import = imported.entry((name, ty)).or_insert_with_key(|(name, ty)| module.add_imported_function("env", name, ty));
            site.callee = Some(*import);
        }
    }
}

/// Names of the imports by which `module` uses exceptions or `longjmp` of JavaScript, as far as runtimes with native ones lack them.
/// Empty when there is nothing to convert.
pub fn javascript_imports(module: &Module<'_>, sibling_exports: &SiblingExports) -> BTreeSet<String> {
    let abi = Abi::find(module, sibling_exports);
    if !abi.needs_conversion() {
        return BTreeSet::new();
    }
    let kept = |role: &Role| matches!(role, Role::GetTempRet | Role::SetTempRet | Role::SetThrew);
    let functions = module.imports().iter().filter(|import| match import.item {
        Item::Function(id) => abi.role(id).is_some_and(|role| !kept(&role)),
        _ => false,
    });
    let addresses = abi.function_addresses.iter().filter(|(_, _, role)| !kept(role)).map(|(_, name, _)| name.clone());
    functions.map(|import| import.field.to_string()).chain(addresses).collect()
}

/// Which kinds of exception handlers the code of a module has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Handlers {
    /// `try`, `catch`, `delegate`, `rethrow`
    pub legacy: bool,
    /// `try_table`, `throw_ref`
    pub new: bool,
}

/// Looks over all bodies for exception handlers.
///
/// # Errors
/// [`Error::Malformed`] for code that cannot be decoded.
pub fn handlers(module: &Module<'_>) -> Result<Handlers> {
    let bodies: Vec<_> = module.bodies().collect();
    let either = |a: Handlers, b: Handlers| Handlers { legacy: a.legacy || b.legacy, new: a.new || b.new };
    bodies.into_par_iter().map(|(_, body)| scan::handlers(body)).try_reduce(Handlers::default, |a, b| Ok(either(a, b)))
}

/// Where `tempRet0` lives from now on: in a global of the module if nobody else needs it.
fn temp_ret(module: &mut Module<'_>, abi: &Abi, facts: &[(FunctionId, BodyFacts)]) -> TempRet {
    if exchanges_temp_ret(module, abi, facts) {
        let set = module.import_function("env", "setTempRet0", &FuncType::new([ValType::I32], []));
        TempRet::Runtime { set }
    } else {
        TempRet::Private(module.add_global(0))
    }
}

/// Whether `tempRet0` takes values into the module or out of it.
///
/// Between a landing pad and its `find_matching_catch`, and around the `setjmp` of one function, nobody else needs it. But legalized
/// exports and `dynCall_*` wrappers return the high half of 64-bit results in it, legalized imports do, and so does a sibling's
/// `saveSetjmp`.
fn exchanges_temp_ret(module: &Module<'_>, abi: &Abi, facts: &[(FunctionId, BodyFacts)]) -> bool {
    let exposed = std::cell::LazyCell::new(|| exposed(module));
    let gives = |(id, facts): &(FunctionId, BodyFacts)| facts.sets_temp_ret && !facts.handles_longjmp && exposed.contains(id);
    module.exports().iter().any(|export| export.name.starts_with("orig$"))
        || module.imports().iter().any(|import| import.field == "saveSetjmp" && !abi.has(Role::SaveSetjmp))
        || abi.function_addresses.iter().any(|(_, _, role)| matches!(role, Role::GetTempRet | Role::SetTempRet))
        || facts.iter().any(|(_, facts)| facts.reads_foreign_temp_ret)
        || facts.iter().any(|(_, facts)| facts.reads_temp_ret && !facts.matches && !facts.handles_longjmp && !facts.saves_setjmp)
        || facts.iter().any(gives)
}

/// The functions that others can call: they are exported or in a table.
fn exposed(module: &Module<'_>) -> HashSet<FunctionId> {
    let exported = module.exports().iter().filter_map(|export| match export.item {
        Item::Function(id) => Some(id),
        _ => None,
    });
    let mut exposed: HashSet<FunctionId> = exported.collect();
    for segment in module.elements() {
        match &segment.items {
            ElementItems::Functions(functions) => exposed.extend(functions),
            ElementItems::Expressions(_, expressions) => exposed.extend(expressions.iter().flat_map(ConstExpr::functions)),
        }
    }
    exposed
}

/// Whether the import `env.name` of type `ty` belongs to the exception ABI, `setjmp` included, and is not for others to change.
pub fn is_of_abi(name: &str, ty: &FuncType) -> bool {
    const SETJMP: [&str; 4] = ["__wasm_setjmp", "__wasm_setjmp_test", "saveSetjmp", "testSetjmp"];
    SETJMP.contains(&name) || abi::role(name, ty).is_some()
}

/// The type with whole 64-bit integers of the import `name`, if it is an invoke that takes them in halves, as `ty` says.
pub(crate) fn legalized_invoke(name: &str, ty: &FuncType) -> Option<FuncType> {
    let letters = name.strip_prefix("invoke_").filter(|_| abi::role(name, ty) == Some(Role::LegalizedInvoke))?;
    signature::spelled(letters).map(|callee| signature::through_pointer(&callee))
}

/// Whether `module` imports an invoke that takes 64-bit integers in halves.
pub(crate) fn has_legalized_invoke(module: &Module<'_>) -> bool {
    module.imports().iter().any(|import| match import.item {
        Item::Function(id) => legalized_invoke(&import.field, module.signature(id)).is_some(),
        _ => false,
    })
}

/// Moves `tempRet0` into the module where it has no other use than joining and splitting 64-bit integers inside it. Modules that
/// [`run`] converts are left to it.
pub(crate) fn make_temp_ret_private(
    module: &mut Module<'_>,
    sibling_exports: &SiblingExports,
    outcome: &mut Outcome,
) -> Result<()> {
    let abi = Abi::find(module, sibling_exports);
    if abi.needs_conversion() || !(abi.has(Role::GetTempRet) || abi.has(Role::SetTempRet)) {
        return Ok(());
    }
    let facts = scan::scan(module, &abi)?;
    if exchanges_temp_ret(module, &abi, &facts) {
        return Ok(());
    }
    let global = module.add_global(0);
    for (role, body) in [(Role::GetTempRet, runtime::get_temp_ret(global)), (Role::SetTempRet, runtime::set_temp_ret(global))] {
        let bodies: Vec<_> = abi.with_role(role).map(|id| (id, body.clone())).collect();
        outcome.count("temp_ret0_imports_made_private", bodies.len());
        module.define_functions(bodies);
    }
    Ok(())
}

/// What the routines of one module share.
#[derive(Debug)]
struct Machinery {
    state: State,
    matching: Matching,
}

/// Sets up what the routines need, importing what the module lacks.
fn machinery(
    module: &mut Module<'_>,
    abi: &Abi,
    facts: &[(FunctionId, BodyFacts)],
    plan: &sites::Plan,
    options: &Options<'_>,
    outcome: &mut Outcome,
) -> Result<Machinery> {
    let try_table = facts.iter().any(|(_, facts)| facts.try_table);
    let legacy_try = facts.iter().any(|(_, facts)| facts.legacy_try);
    if options.exnref && legacy_try {
        let message = "it already has legacy `try` instructions, which engines do not mix with `try_table`: kept";
        outcome.notices.push(Notice::note(code::MIXED_HANDLERS, message));
    }
    let one_i32 = FuncType::new([ValType::I32], []);
    // A wrapper that is needed for its address catches both.
    let referenced = referenced(module, abi, facts);
    let any = abi.invokes().any(|invoke| referenced.contains(&invoke))
        || abi.function_addresses.iter().any(|(_, _, role)| *role == Role::Invoke);
    let cpp = any || abi.has(Role::ResumeException) || plan.sites.iter().any(|site| site.catches.cpp());
    let longjmp = any || plan.sites.iter().any(|site| site.catches.longjmp());
    let state = State {
        stack_pointer: module.stack_pointer(),
        function_table: module.function_table(),
        cpp_exception: cpp.then(|| module.import_tag("env", "__cpp_exception", &one_i32)),
        longjmp: longjmp.then(|| module.import_tag("env", "__c_longjmp", &one_i32)),
        caught: module.add_global(0),
        threw: plan.words_in_memory.then(|| module.add_global(0)),
        exnref: try_table || (options.exnref && !legacy_try),
    };
    let temp_ret = temp_ret(module, abi, facts);
    Ok(Machinery { state, matching: matching(module, abi, temp_ret, options) })
}

/// `__THREW__` and `__threwValue` become two words of the module's own memory, if code is left that looks at them; returns the globals
/// to initialize.
fn private_words(module: &mut Module<'_>, abi: &Abi, state: &State) -> Result<Vec<(GlobalId, Address)>> {
    // What is left of their uses otherwise cannot be reached.
    module.define_globals(&[&abi.threw[..], &abi.threw_value].concat());
    let Some(threw) = state.threw else { return Ok(Vec::new()) };
    let Address::Memory(words) = module.reserve_memory(8, 2)? else {
        return Err(Error::Internal("reserved memory is not memory".into()));
    };
    let mut addresses = vec![(threw, Address::Memory(words))];
    addresses.extend(abi.threw.iter().map(|&global| (global, Address::Memory(words))));
    addresses.extend(abi.threw_value.iter().map(|&global| (global, Address::Memory(words + 4))));
    Ok(addresses)
}

/// Gives every invoke its wrappers and directs each call site to the one that catches what the site checks. Returns the functions that
/// are called afterwards, as far as they belong to the ABI.
fn define_invokes(
    module: &mut Module<'_>,
    abi: &Abi,
    facts: &[(FunctionId, BodyFacts)],
    plan: &sites::Plan,
    machinery: &Machinery,
    outcome: &mut Outcome,
) -> Result<BTreeSet<u32>> {
    let state = &machinery.state;
    let mut wrappers: HashMap<(FunctionId, Catches), FunctionId> = HashMap::new();
    let referenced = referenced(module, abi, facts);
    let called: HashSet<FunctionId> = plan.sites.iter().map(|site| site.invoke).collect();
    let mut all_wanted = plan.wanted();
    let (mut unwanted, mut bodies) = (Vec::new(), Vec::new());
    for invoke in abi.invokes().collect::<Vec<_>>() {
        let mut wanted = all_wanted.remove(&invoke).unwrap_or_default();
        if referenced.contains(&invoke) && !wanted.contains(&Catches::Both) {
            wanted.insert(0, Catches::Both);
        }
        if wanted.is_empty() {
            unwanted.push(invoke);
            outcome.count("uncalled_imports_removed", usize::from(!called.contains(&invoke)));
            continue;
        }
        let ty = module.signature(invoke).clone();
        let unknown = || Error::Internal("an invoke calls a function of unknown type".into());
        let callee = abi.callees.get(&invoke.0).ok_or_else(unknown)?;
        let pointee = module.type_id(callee);
        let callee = match abi.role(invoke) {
            Some(Role::LegalizedInvoke) => Callee::Legalized(pointee, callee, machinery.matching.selected),
            _ => Callee::Pointer(pointee),
        };
        for (index, &catches) in wanted.iter().enumerate() {
            let body = runtime::invoke(&ty, callee, catches, state)?;
            let wrapper = if index == 0 {
                bodies.push((invoke, body));
                invoke
            } else {
                module.add_function(&ty, body, wrapper_name(catches))
            };
            wrappers.insert((invoke, catches), wrapper);
        }
        outcome.count("invoke_wrappers", wanted.len());
    }
    module.remove_functions(&unwanted);
    module.define_functions(bodies);
    let adapters = define_adapters(module, plan, state)?;
    outcome.count("calls_adapted", plan.adapted.len());
    outcome.count("call_sites", plan.sites.len());
    rewrite_sites(module, abi, facts, plan, &Replacements { wrappers, adapters }, machinery, outcome)
}

fn wrapper_name(catches: Catches) -> &'static str {
    match catches {
        Catches::Cpp => "invoke (C++ exceptions)",
        Catches::Longjmp => "invoke (longjmp)",
        Catches::Both => "invoke",
    }
}

/// The functions that sites call which are not inlined.
struct Replacements {
    wrappers: HashMap<(FunctionId, Catches), FunctionId>,
    adapters: Adapters,
}

type Adapters = HashMap<(FunctionId, FunctionId, Catches), FunctionId>;

/// A wrapper of its own for each known callee whose type is not what its invoke says.
fn define_adapters(module: &mut Module<'_>, plan: &sites::Plan, state: &State) -> Result<Adapters> {
    let mut adapters = Adapters::new();
    for (site, &callee) in &plan.adapted {
        let site = &plan.sites[*site];
        let key = (site.invoke, callee, site.catches);
        if adapters.contains_key(&key) {
            continue;
        }
        let ty = module.signature(site.invoke).clone();
        let callee_type = module.signature(callee).clone();
        let body = runtime::invoke(&ty, Callee::Known(callee, &callee_type), site.catches, state)?;
        adapters.insert(key, module.add_function(&ty, body, "invoke (other type)"));
    }
    Ok(adapters)
}

/// Rewrites the functions around the call sites: `try` in place, or calls of the right wrapper. Returns the functions that are called
/// afterwards, as far as they belong to the ABI.
fn rewrite_sites(
    module: &mut Module<'_>,
    abi: &Abi,
    facts: &[(FunctionId, BodyFacts)],
    plan: &sites::Plan,
    Replacements { wrappers, adapters }: &Replacements,
    machinery: &Machinery,
    outcome: &mut Outcome,
) -> Result<BTreeSet<u32>> {
    let state = &machinery.state;
    let mut redirects: BTreeMap<FunctionId, Vec<(usize, FunctionId)>> = BTreeMap::new();
    for (index, site) in plan.sites.iter().enumerate().filter(|(_, site)| !site.inlined) {
        let callee = match plan.adapted.get(&index) {
            Some(&callee) => adapters.get(&(site.invoke, callee, site.catches)),
            None => wrappers.get(&(site.invoke, site.catches)),
        };
        if let Some(&callee) = callee.filter(|callee| **callee != site.invoke) {
            redirects.entry(site.function).or_default().push((site.at, callee));
        }
    }
    let calls = site_calls(module, plan);
    let helpers = helpers(module, plan, state);
    let temp_ret = if let TempRet::Private(global) = machinery.matching.selected { Some(global) } else { None };
    let without_result = types_without_result(module, plan);
    let exnref = state.exnref.then(|| exnref_types(module, plan));
    let functions: BTreeSet<FunctionId> = redirects.keys().chain(plan.inlined.keys()).copied().collect();
    let shared = &*module;
    let context = threading::Context {
        temp_ret,
        without_result,
        exnref,
        ..threading::Context::new(shared, &abi.by_function(), state, &helpers)
    };
    let bodies: Vec<(FunctionId, Threaded)> = (functions.into_par_iter())
        .map(|function| {
            let body =
                shared.function(function).origin.defined().ok_or_else(|| Error::Internal("a call site in an import".into()))?;
            let mut edits = Edits::new(body, shared.signature(function).params().len() as u32)?;
            for &(at, callee) in redirects.get(&function).into_iter().flatten() {
                edits.redirect_call(at, callee);
            }
            let Some(flow) = plan.inlined.get(&function) else {
                return Ok((function, Threaded { body: edits.apply()?, sites: 0, passing: 0, calls: BTreeSet::new() }));
            };
            let (body, reports) = inline::inline(shared, edits, flow, &calls[&function], state, &helpers)?;
            Ok((function, threading::thread(&context, function, body, reports)?))
        })
        .collect::<Result<_>>()?;
    let (mut threaded, mut let_pass) = (0, 0);
    let mut called = BTreeSet::new();
    for (function, Threaded { body, sites, passing, calls }) in bodies {
        module.define_function(function, body);
        threaded += sites;
        let_pass += passing;
        called.extend(calls);
    }
    for helper in [helpers.caught, helpers.jumped].into_iter().flatten().filter(|helper| !called.contains(&helper.0)) {
        module.remove_function(helper);
    }
    called.extend(facts.iter().filter(|(id, _)| !plan.inlined.contains_key(id)).flat_map(|(_, facts)| facts.calls.iter().copied()));
    let inlined = || plan.sites.iter().filter(|site| site.inlined);
    outcome.count("call_sites_inlined", inlined().count());
    outcome.count("call_sites_direct", inlined().filter(|site| site.callee.is_some()).count());
    outcome.count("call_sites_not_throwing", inlined().filter(|site| !site.throws).count());
    outcome.count("call_sites_without_test", threaded);
    outcome.count("call_sites_letting_pass", let_pass);
    Ok(called)
}

/// What the code at each inlined site needs to know, by function and position.
fn site_calls(module: &mut Module<'_>, plan: &sites::Plan) -> HashMap<FunctionId, HashMap<usize, SiteCall>> {
    let mut calls: HashMap<FunctionId, HashMap<usize, SiteCall>> =
        plan.inlined.keys().map(|function| (*function, HashMap::new())).collect();
    for site in plan.sites.iter().filter(|site| site.inlined) {
        let ty = module.type_id(&callee_type(module, site));
        let call = SiteCall { callee: site.callee, throws: site.throws, catches: site.catches, ty };
        calls.entry(site.function).or_default().insert(site.at, call);
    }
    calls
}

/// The type of the function that a site calls.
fn callee_type(module: &Module<'_>, site: &sites::Site) -> FuncType {
    let ty = module.signature(site.invoke);
    FuncType::new(ty.params()[1..].to_vec(), ty.results().to_vec())
}

/// The types of the callees at sites whose `try` may take their arguments.
fn guarded_types(module: &Module<'_>, plan: &sites::Plan) -> Vec<FuncType> {
    let guarded = plan.sites.iter().filter(|site| site.inlined && site.throws);
    let invokes: BTreeMap<FunctionId, &sites::Site> = guarded.map(|site| (site.invoke, site)).collect();
    invokes.into_values().map(|site| callee_type(module, site)).filter(|ty| !ty.params().is_empty()).collect()
}

/// For each such type, the type without its result: that of a `try` whose result is taken inside.
fn types_without_result(module: &mut Module<'_>, plan: &sites::Plan) -> HashMap<u32, u32> {
    let types = guarded_types(module, plan).into_iter().filter(|ty| !ty.results().is_empty());
    types.map(|ty| (module.type_id(&ty).0, module.type_id(&FuncType::new(ty.params().to_vec(), [])).0)).collect()
}

/// The types of the blocks around each `try_table`.
fn exnref_types(module: &mut Module<'_>, plan: &sites::Plan) -> Exnref {
    let payload = [ValType::I32];
    let with_reference = [ValType::I32, ValType::EXNREF];
    let mut types = Exnref { reference_alone: module.type_id(&FuncType::new([], with_reference)).0, ..Exnref::default() };
    for ty in guarded_types(module, plan) {
        let parameters = ty.params().to_vec();
        let payload = module.type_id(&FuncType::new(parameters.clone(), payload)).0;
        let with_reference = module.type_id(&FuncType::new(parameters.clone(), with_reference)).0;
        for ty in [module.type_id(&ty).0, module.type_id(&FuncType::new(parameters, [])).0] {
            types.payload.insert(ty, payload);
            types.with_reference.insert(ty, with_reference);
        }
    }
    types
}

/// The functions that the handlers of inlined sites call.
fn helpers(module: &mut Module<'_>, plan: &sites::Plan, state: &State) -> Helpers {
    let two = [ValType::I32, ValType::I32];
    let guarded = || plan.sites.iter().filter(|site| site.inlined && site.throws);
    let caught = guarded().any(|site| site.catches.cpp());
    let jumped = guarded().any(|site| site.catches.longjmp());
    Helpers {
        caught: caught.then(|| module.add_function(&FuncType::new(two, []), runtime::caught(state), "__wasm_pyfix_caught")),
        jumped: jumped.then(|| module.add_function(&FuncType::new(two, two), runtime::jumped(state), "__wasm_pyfix_jumped")),
    }
}

/// The functions of the ABI that something other than a call needs: an element segment, an export, a tail call, `ref.func`, a global, a
/// GOT entry. All are found in one look over the module.
fn referenced(module: &Module<'_>, abi: &Abi, facts: &[(FunctionId, BodyFacts)]) -> HashSet<FunctionId> {
    let mut found: HashSet<FunctionId> = facts.iter().flat_map(|(_, facts)| facts.references.iter().copied()).collect();
    for segment in module.elements() {
        match &segment.items {
            ElementItems::Functions(functions) => found.extend(functions.iter().copied()),
            ElementItems::Expressions(_, expressions) => found.extend(expressions.iter().flat_map(ConstExpr::functions)),
        }
    }
    found.extend(module.globals().iter().filter_map(|global| global.origin.defined()).flat_map(ConstExpr::functions));
    let named: HashSet<&str> = abi.function_addresses.iter().map(|(_, field, _)| field.as_str()).collect();
    let function = |item: Item| if let Item::Function(id) = item { Some(id) } else { None };
    found.extend(module.exports().iter().filter_map(|export| function(export.item)));
    let imports = module.imports().iter().filter(|import| named.contains(import.field.as_ref()));
    found.extend(imports.filter_map(|import| function(import.item)));
    found.retain(|id| abi.role(*id).is_some());
    found
}

/// How landing pads find their clause; imports what that takes.
fn matching(module: &mut Module<'_>, abi: &Abi, temp_ret: TempRet, options: &Options<'_>) -> Matching {
    let roles = abi.functions.values().chain(abi.function_addresses.iter().map(|(_, _, role)| role));
    let typed = roles.into_iter().any(|role| matches!(role, Role::FindMatchingCatch { clauses } if *clauses > 0));
    let personality = typed.then(|| Personality::import(module, options.personality));
    Matching { selected: temp_ret, personality }
}

/// Removes the imports of routines that nothing needs any more, now that the call sites are rewritten.
fn remove_unused(
    module: &mut Module<'_>,
    abi: &Abi,
    facts: &[(FunctionId, BodyFacts)],
    called: &BTreeSet<u32>,
    outcome: &mut Outcome,
) {
    let referenced = referenced(module, abi, facts);
    let is_unused = |(&id, &role): (&u32, &Role)| {
        let removable = matches!(role, Role::FindMatchingCatch { .. } | Role::ResumeException | Role::TypeidFor | Role::GetTempRet);
        (removable && !called.contains(&id) && !referenced.contains(&FunctionId(id))).then_some(FunctionId(id))
    };
    let unused: Vec<FunctionId> = abi.functions.iter().filter_map(is_unused).collect();
    module.remove_functions(&unused);
    outcome.count("uncalled_imports_removed", unused.len());
}

/// Everything but the invokes.
fn define_others(module: &mut Module<'_>, abi: &Abi, machinery: Option<&Machinery>, outcome: &mut Outcome) {
    let mut bodies = Vec::new();
    for (&id, &role) in &abi.functions {
        if matches!(module.function(FunctionId(id)).origin, Origin::Dead) {
            continue;
        }
        if let Some(body) = routine(role, machinery) {
            bodies.push((FunctionId(id), body));
            let landing_pad = matches!(role, Role::FindMatchingCatch { .. });
            outcome.count(if landing_pad { "landing_pad_routines" } else { "javascript_abi_functions" }, 1);
        }
    }
    module.define_functions(bodies);
}

/// The body that takes the place of an imported function; `None` for invokes and for what stays an import.
fn routine(role: Role, machinery: Option<&Machinery>) -> Option<Vec<u8>> {
    match role {
        Role::TypeidFor => return Some(runtime::typeid_for()),
        Role::Personality => return Some(runtime::trap()),
        _ => {}
    }
    let Machinery { state, matching } = machinery?;
    Some(match (role, matching.selected) {
        (Role::FindMatchingCatch { clauses }, _) => runtime::find_matching_catch(clauses, matching, state),
        (Role::ResumeException, _) => runtime::resume_exception(state.cpp_exception?),
        (Role::GetTempRet, TempRet::Private(global)) => runtime::get_temp_ret(global),
        (Role::SetTempRet, TempRet::Private(global)) => runtime::set_temp_ret(global),
        (Role::SetThrew, _) => runtime::set_threw(state.threw),
        _ => return None,
    })
}

/// `saveSetjmp` and `testSetjmp`, which today's runtimes lack.
fn define_setjmp(module: &mut Module<'_>, abi: &Abi, machinery: &Machinery, outcome: &mut Outcome) -> Result<()> {
    let mut bodies: Vec<_> = abi.with_role(Role::TestSetjmp).map(|id| (id, setjmp::test())).collect();
    let saves: Vec<_> = abi.with_role(Role::SaveSetjmp).collect();
    if !saves.is_empty() {
        let Address::Memory(offset) = module.reserve_memory(4, 2)? else {
            return Err(Error::Internal("reserved memory is not memory".into()));
        };
        module.export_data(setjmp::COUNTER, offset);
        let realloc = module.import_function("env", "realloc", &FuncType::new([ValType::I32; 2], [ValType::I32]));
        let saving = setjmp::Saving { counter: module.data_address(setjmp::COUNTER), realloc };
        bodies.extend(saves.into_iter().map(|id| (id, setjmp::save(&saving, machinery.matching.selected))));
    }
    outcome.count("legacy_setjmp_routines", bodies.len());
    module.define_functions(bodies);
    Ok(())
}

/// `emscripten_longjmp` and `__wasm_longjmp` take the same: the jump buffer and the value.
fn rename_longjmp(module: &mut Module<'_>, abi: &Abi, outcome: &mut Outcome) {
    const NATIVE: &str = "__wasm_longjmp";
    let functions = abi.with_role(Role::Longjmp).map(Item::Function);
    let addresses = abi.function_addresses.iter().filter(|(_, _, role)| *role == Role::Longjmp);
    let items: HashSet<Item> = functions.chain(addresses.map(|(global, _, _)| Item::Global(*global))).collect();
    if !items.is_empty() {
        module.rename_imports(&items, NATIVE);
        outcome.count("longjmp_imports_renamed", items.len());
    }
    for info in module.dylink.import_info.iter_mut().filter(|info| info.field == "emscripten_longjmp") {
        info.field = NATIVE.to_string();
    }
}

/// GOT entries of functions that are no longer imported: each gets a table slot, and the global its number.
fn define_addresses(
    module: &mut Module<'_>,
    abi: &Abi,
    machinery: Option<&Machinery>,
    outcome: &mut Outcome,
) -> Result<Vec<(GlobalId, Address)>> {
    let behind = functions_behind(module, abi);
    let (mut globals, mut functions) = (Vec::new(), Vec::new());
    for (global, field, role) in &abi.function_addresses {
        if matches!(role, Role::Longjmp | Role::GetTempRet | Role::SetTempRet) {
            continue;
        }
        globals.push(*global);
        functions.push(match abi::type_of(field).and_then(|ty| behind.get(&(*role, ty))) {
            Some(function) => *function,
            None => define_named(module, field, *role, machinery)?,
        });
    }
    module.add_table_slots(&functions)?;
    module.define_globals(&globals);
    outcome.count("function_addresses", globals.len());
    let slots = (module.dylink.table_size - globals.len() as u32..).map(Address::Table);
    Ok(globals.into_iter().zip(slots).collect())
}

/// The functions that were imported, by their purpose: the first of each.
fn functions_behind(module: &Module<'_>, abi: &Abi) -> HashMap<(Role, FuncType), FunctionId> {
    let mut behind = HashMap::new();
    for (&id, &role) in &abi.functions {
        behind.entry((role, module.signature(FunctionId(id)).clone())).or_insert(FunctionId(id));
    }
    behind
}

/// A function of the ABI of which only the address is taken.
fn define_named(module: &mut Module<'_>, field: &str, role: Role, machinery: Option<&Machinery>) -> Result<FunctionId> {
    let unknown = || Error::Internal(format!("the address of `{field}` is taken, and nothing is known of it"));
    let ty = abi::type_of(field).ok_or_else(unknown)?;
    let body = match (role, machinery) {
        (Role::Invoke, Some(Machinery { state, .. })) => {
            let pointee = module.type_id(&FuncType::new(ty.params()[1..].to_vec(), ty.results().to_vec()));
            runtime::invoke(&ty, Callee::Pointer(pointee), Catches::Both, state)?
        }
        (role, machinery) => routine(role, machinery).ok_or_else(unknown)?,
    };
    Ok(module.add_function(&ty, body, field))
}
