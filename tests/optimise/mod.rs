//! The passes that make modules smaller, run over a group that is linked to nothing else: every export goes that neither a module of the
//! group nor the test asks for. It is the most that may ever be asked of them.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use support::Runtime;
use wasm_pyfix::pipeline::Plan;
use wasm_pyfix::pipeline::{ModuleResult, ShrinkOptions, shrink_modules};
use wasm_pyfix::target::Target;
use wasm_pyfix_passes::Environment;
use wasm_pyfix_passes::module::Module;
use wasm_pyfix_passes::prune::Exports;

/// What `runtime` offers.
pub fn environment(runtime: Runtime) -> Arc<Environment> {
    static MANIFESTS: LazyLock<HashMap<&str, Arc<Environment>>> = LazyLock::new(|| {
        let manifest = |runtime: Runtime| {
            let target = Target::find(runtime.platform()).expect("a target of that name");
            (runtime.platform(), Arc::new(target.manifest().expect("its manifest is built in")))
        };
        Runtime::ALL.into_iter().map(manifest).collect()
    });
    Arc::clone(&MANIFESTS[runtime.platform()])
}

/// The modules of `group` for `runtime` as small as they get, in the same order. What `asks` accepts is a name that the test looks up.
///
/// # Panics
/// When a pass fails, or when a second run changes the result of the first.
#[track_caller]
pub fn optimised(group: &[&[u8]], runtime: Runtime, asks: impl Fn(&str) -> bool) -> Vec<Vec<u8>> {
    let bytes = |results: Vec<ModuleResult>, group: &[&[u8]]| -> Vec<Vec<u8>> {
        let pairs = results.into_iter().zip(group);
        pairs.map(|(result, input)| result.bytes.unwrap_or_else(|| input.to_vec())).collect()
    };
    let first = bytes(shrink(group, runtime, &asks), group);
    let again: Vec<&[u8]> = first.iter().map(Vec::as_slice).collect();
    let second = shrink(&again, runtime, &asks);
    let changed: Vec<usize> = (0..second.len()).filter(|index| second[*index].bytes.is_some()).collect();
    assert!(changed.is_empty(), "a second run changes {changed:?} of the group: {second:#?}", second = outcomes(&second));
    first
}

fn outcomes(results: &[ModuleResult]) -> Vec<&[wasm_pyfix_passes::Outcome]> {
    results.iter().map(|result| result.outcomes.as_slice()).collect()
}

#[track_caller]
fn shrink(group: &[&[u8]], runtime: Runtime, asks: &impl Fn(&str) -> bool) -> Vec<ModuleResult> {
    let environment = Some(environment(runtime));
    let options = ShrinkOptions {
        bind: true,
        isolate: false,
        prune: true,
        relocations: true,
        merge: true,
        encode: true,
        order: wasm_pyfix_passes::order::For::Deflate,
        strip: None,
        bigint: true,
        environment,
        symbolic: false,
    };
    let plan = |modules: &[Module<'_>]| Ok(modules.iter().map(|module| plan(module, asks)).collect());
    shrink_modules(group, &options, plan).unwrap_or_else(|error| panic!("{error:#}"))
}

fn plan(module: &Module<'_>, asks: &impl Fn(&str) -> bool) -> Plan {
    let names = module.exports().iter().map(|export| export.name.to_string());
    let kept = names.filter(|name| asks(name)).map(|name| (name, "the test asks for it")).collect();
    Plan { exports: Exports::Prune, kept, ..Plan::keep(String::new()) }
}
