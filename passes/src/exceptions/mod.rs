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

mod flow;
mod inline;
mod invokes;
pub mod personality;
mod runtime;
mod scan;
mod setjmp;
mod site_sets;
mod sites;
mod threading;

use crate::body::halves::TempRet;
use crate::linking::SETJMP_COUNTER;
use crate::linking::code_offsets::drop_code_offsets;
use crate::linking::exception_abi as abi;
use crate::linking::siblings::SiblingExports;
use crate::module::{Address, FunctionId, GlobalId, Item, Module, Origin};
use crate::parallel::prelude::*;
use crate::{Environment, Error, Outcome, Result, code};
use abi::{Abi, Role};
use personality::Personality;
use runtime::{Callee, Catches, Matching, State};
use scan::BodyFacts;
use std::collections::{BTreeSet, HashMap, HashSet};
use wasmparser::{FuncType, ValType};

/// The functions of libc++abi by which C++ code throws.
pub const THROWING: [&str; 2] = ["__cxa_throw", "__cxa_rethrow"];

/// What the target and the user ask of this pass.
#[derive(Debug, Clone, Copy)]
pub struct Options<'o> {
    /// Name of the runtime's entry point to exception matching, as [`personality::offered`] tells it.
    pub personality: &'o str,
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
    let machinery = if abi.catches() { Some(machinery(module, &abi, &facts, &plan, options)?) } else { None };
    let mut addresses = Vec::new();
    if let Some(machinery) = &machinery {
        addresses = private_words(module, &abi, &machinery.state)?;
        let called = invokes::define(module, &abi, &facts, &plan, machinery, &mut outcome)?;
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
    let found: Vec<Handlers> = bodies.into_par_iter().map(|(_, body)| scan::handlers(body)).collect::<Result<_>>()?;
    let either = |a: Handlers, b: Handlers| Handlers { legacy: a.legacy || b.legacy, new: a.new || b.new };
    Ok(found.into_iter().fold(Handlers::default(), either))
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
    exported.chain(module.listed_functions()).collect()
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
) -> Result<Machinery> {
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

/// The functions of the ABI that something other than a call needs: an element segment, an export, a tail call, `ref.func`, a global, a
/// GOT entry. All are found in one look over the module.
fn referenced(module: &Module<'_>, abi: &Abi, facts: &[(FunctionId, BodyFacts)]) -> HashSet<FunctionId> {
    let mut found: HashSet<FunctionId> = facts.iter().flat_map(|(_, facts)| facts.references.iter().copied()).collect();
    found.extend(module.listed_functions());
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
        module.export_data(SETJMP_COUNTER, offset);
        let realloc = module.import_function("env", "realloc", &FuncType::new([ValType::I32; 2], [ValType::I32]));
        let saving = setjmp::Saving { counter: module.data_address(SETJMP_COUNTER), realloc };
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
