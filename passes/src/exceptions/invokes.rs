//! What calls of invokes become: calls of wrappers, or call sites without one in the functions around them.

use super::abi::{Abi, Role};
use super::inline::{self, Helpers, SiteCall};
use super::runtime::{self, Callee, Catches, State};
use super::scan::BodyFacts;
use super::threading::{self, Threaded};
use super::{Machinery, referenced, sites};
use crate::body::code::{Changes, Code, Op};
use crate::body::edit::Edits;
use crate::body::halves::TempRet;
use crate::module::{FunctionId, Module};
use crate::parallel::prelude::*;
use crate::{Error, Outcome, Result};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use wasmparser::{FuncType, ValType};

/// Gives every invoke its wrappers and directs each call site to the one that catches what the site checks. Returns the functions that
/// are called afterwards, as far as they belong to the ABI.
pub fn define(
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
    let functions: BTreeSet<FunctionId> = redirects.keys().chain(plan.inlined.keys()).copied().collect();
    let shared = &*module;
    let context =
        threading::Context { temp_ret, without_result, ..threading::Context::new(shared, &abi.by_function(), state, &helpers) };
    let bodies: Vec<(FunctionId, Threaded)> = (functions.into_par_iter())
        .map(|function| {
            let body =
                shared.function(function).origin.defined().ok_or_else(|| Error::Internal("a call site in an import".into()))?;
            let redirected = redirects.get(&function).into_iter().flatten();
            let Some(flow) = plan.inlined.get(&function) else {
                let mut edits = Edits::new(body);
                redirected.for_each(|&(at, callee)| edits.redirect_call(at, callee));
                return Ok((function, Threaded { body: edits.apply()?, sites: 0, passing: 0, calls: BTreeSet::new() }));
            };
            let mut code = Code::new(shared, function, body)?;
            let mut changes = Changes::default();
            redirected.for_each(|&(at, callee)| changes.replace_at(at, vec![Op::Call(callee.0)]));
            let (sites, reports) = inline::inline(shared, &mut code, &mut changes, flow, &calls[&function], state)?;
            code.read(shared, changes)?;
            Ok((function, threading::thread(&context, code, sites, reports)?))
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
