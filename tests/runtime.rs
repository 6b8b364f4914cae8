//! The fixtures under real runtimes: what passes on Pyodide 0.27.7 must pass on 0.29.5, 314.0.7 and 315.0.0-alpha.2 once upgraded.
//!
//! Every test runs one group of modules in one runtime, in one Node process: all in the same instance where they are to pass, each in its own
//! where they are to fail. "Optimised" is upgraded and then made as small as it gets;
//! that form runs on some of the targets where the upgraded one runs on all, and on 0.27.7 and 0.28.3, each with itself as the target.

#[path = "optimise/mod.rs"]
mod optimise;

use std::collections::HashSet;
use std::sync::Arc;

use support::fixtures::{Group, differences, fixture_of, is_legalized};
use support::{Node, Runtime};
use wasm_pyfix::pipeline::{ModuleOptions, upgrade_module};
use wasm_pyfix::target::Target;
use wasm_pyfix_passes::ExceptionAbi;
use wasm_pyfix_passes::handlers::Kind;
use wasm_pyfix_passes::linking::siblings::{Exporters, SiblingExports};
use wasm_pyfix_passes::module::Module;
use wasmparser::{ExternalKind, Parser, Payload};

const O0_SM1: &str = "emscripten-3.1.69/O0-sm1-js";
const O2_SM1: &str = "emscripten-3.1.69/O2-sm1-js";
const O2_SM2: &str = "emscripten-3.1.69/O2-sm2-js";
/// LLVM 14: `saveSetjmp` and `testSetjmp`. Its other modules need a libc++ that no runtime has any more.
const O2_SM1_2022: &str = "emscripten-3.1.6/O2-sm1-js";
const NATIVE: &str = "emscripten-3.1.69/O2-sm1-wasm";
const MIXED: &str = "mixed";

/// How many fixtures of a group print something: `a_eh`, `b_sj`, `b_sjcpp`, `c_i64`, `d_lib`, `d_user`, `d_vt` and `e_ext`.
const PRINTING: usize = 8;

/// The group `name` without legalized modules.
fn group(name: &str) -> Group {
    Group::read(name).expect("the fixtures are in the repository").only(|file| !is_legalized(file))
}

/// The legalized modules of a group, with the libraries that they need.
fn legalized(name: &str) -> Group {
    let group = Group::read(name).expect("the fixtures are in the repository");
    group.only(|file| is_legalized(file) || file == "libd_dep.so")
}

/// How many they are: `a_eh-bi0`, `c_i64-bi0`, `c_i64-bi0-nodyn` and `d_lib-bi0`.
const LEGALIZED: usize = 4;

/// How modules for `runtime` are upgraded.
fn options(runtime: Runtime) -> ModuleOptions {
    let target = Target::find(runtime.platform()).expect("a target of that name");
    ModuleOptions {
        keep_exceptions: target.exception_abi == ExceptionAbi::JavaScript,
        personality: target.personality.unwrap_or_default().to_string(),
        bigint: true,
        environment: Some(optimise::environment(runtime)),
        ..ModuleOptions::default()
    }
}

fn upgraded(group: Group, exnref: bool) -> Group {
    upgraded_with(group, &ModuleOptions { handlers: exnref.then_some(Kind::Exnref), ..options(Runtime::V0_29_5) })
}

fn upgraded_with(group: Group, options: &ModuleOptions) -> Group {
    let siblings = group.modules.clone();
    group.map(|file, bytes| {
        let others = siblings.iter().filter(|(name, _)| name != file);
        let names: Vec<String> = others.flat_map(|(_, bytes)| exported_functions(bytes)).collect();
        let exporters = Exporters::new(names.iter().map(|name| (1, name.as_str())));
        let sibling_exports = SiblingExports::of_others(&Arc::new(exporters), 0);
        let options = ModuleOptions { sibling_exports, ..options.clone() };
        let result = upgrade_module(&bytes, &options).unwrap_or_else(|error| panic!("{file}: {error}"));
        let upgraded = result.bytes.unwrap_or(bytes);
        let second = upgrade_module(&upgraded, &options).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(second.bytes.is_none(), "{file}: a second run changes the result");
        upgraded
    })
}

/// Names that the tests look up in the modules.
const CALLED: [&str; 5] = ["run_all", "user_run", "native_catch", "both", "get_live"];

/// `group`, already upgraded, with those of its modules made smaller together that need each other.
#[track_caller]
fn optimised(group: Group, runtime: Runtime) -> Group {
    let mut small = group.clone();
    for world in worlds(&group) {
        let bytes: Vec<&[u8]> = world.iter().map(|index| group.modules[*index].1.as_slice()).collect();
        let optimised = optimise::optimised(&bytes, runtime, |name| CALLED.contains(&name));
        world.iter().zip(optimised).for_each(|(index, bytes)| small.modules[*index].1 = bytes);
    }
    let size = |group: &Group| group.modules.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
    assert!(size(&small) < size(&group), "{} does not get smaller", group.name);
    small
}

/// The places in `group` of modules that are connected by NEEDED, world by world.
fn worlds(group: &Group) -> Vec<Vec<usize>> {
    let mut world: Vec<usize> = (0..group.modules.len()).collect();
    for (index, (_, bytes)) in group.modules.iter().enumerate() {
        for needed in Module::read(bytes).expect("the module is well formed").dylink.needed {
            let library = group.modules.iter().position(|(file, _)| *file == needed).expect("it is in the group");
            let (from, to) = (world[index], world[library]);
            world.iter_mut().filter(|number| **number == from).for_each(|number| *number = to);
        }
    }
    let members = |number: usize| (0..world.len()).filter(|index| world[*index] == number).collect();
    (0..world.len()).map(members).filter(|world: &Vec<usize>| !world.is_empty()).collect()
}

fn exported_functions(module: &[u8]) -> HashSet<String> {
    let sections = Parser::new(0).parse_all(module).map(|payload| payload.expect("the module is well formed"));
    let exports = sections.filter_map(|payload| if let Payload::ExportSection(exports) = payload { Some(exports) } else { None });
    let exports = exports.flatten().map(|export| export.expect("the module is well formed"));
    exports.filter(|export| export.kind == ExternalKind::Func).map(|export| export.name.to_string()).collect()
}

/// Runs `group` and fails unless `count` modules printed something and all of them printed what the natively compiled sources do.
#[track_caller]
fn assert_passes(group: &Group, node: Node, runtime: Runtime, count: usize) {
    let fixtures: HashSet<&str> = group.modules.iter().map(|(file, _)| fixture_of(file)).collect();
    // Two builds of one library define the same symbols.
    let answers = if fixtures.len() == group.modules.len() { group.run_together(node, runtime) } else { group.run(node, runtime) };
    let answers = answers.unwrap_or_else(|error| panic!("{error:#}"));
    let differences = differences(&answers);
    let summary = format!("{} on {}: {} of {count} fail", group.name, runtime.version(), differences.len());
    assert!(differences.is_empty(), "{summary}\n{}", differences.join("\n"));
    assert_eq!(answers.len(), count, "{summary}");
}

#[track_caller]
fn assert_upgraded_passes(name: &str, runtime: Runtime, count: usize) {
    assert_passes(&upgraded(group(name), false), Node::Installed, runtime, count);
}

#[track_caller]
fn assert_optimised_passes(name: &str, runtime: Runtime, count: usize) {
    assert_passes(&optimised(upgraded(group(name), false), runtime), Node::Installed, runtime, count);
}

// The harness itself: the originals pass where they were made for.

#[test]
fn o0_sm1_originals_pass_on_2024() {
    assert_passes(&group(O0_SM1), Node::Installed, Runtime::V0_27_7, PRINTING);
}

#[test]
fn o2_sm1_originals_pass_on_2024() {
    assert_passes(&group(O2_SM1), Node::Installed, Runtime::V0_27_7, PRINTING);
}

#[test]
fn o2_sm2_originals_pass_on_2024() {
    assert_passes(&group(O2_SM2), Node::Installed, Runtime::V0_27_7, PRINTING + 1);
}

/// 0.27.7 has BIGINT, but accepts legalized modules whose border no 64-bit integer crosses.
#[test]
fn legalized_originals_pass_on_2024_without_64_bit_integers() {
    for name in [O0_SM1, O2_SM1] {
        let narrow = legalized(name).only(|file| fixture_of(file) != "c_i64");
        assert_passes(&narrow, Node::Installed, Runtime::V0_27_7, 2);
    }
}

/// Natively compiled modules pass, with one known difference: LLVM lets a longjmp run destructors there.
#[test]
fn native_modules_pass_on_later_platforms() {
    for runtime in Runtime::UPGRADED {
        assert_native_passes(&group(NATIVE), runtime);
    }
}

#[track_caller]
fn assert_native_passes(group: &Group, runtime: Runtime) {
    let mut answers = group.run_together(Node::Installed, runtime).unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(answers.len(), PRINTING + 1);
    let longjmp = answers.iter_mut().find(|answer| fixture_of(&answer.name) == "b_sjcpp").expect("b_sjcpp ran");
    longjmp.outcome = longjmp.outcome.as_ref().map(|text| text.replace("+1-1 r9", "+1 r9")).map_err(Clone::clone);
    let differences = differences(&answers);
    assert!(differences.is_empty(), "{}\n{}", runtime.version(), differences.join("\n"));
}

/// Every runtime may be the target: on 0.27.7 exceptions stay in JavaScript, and everything else is done.
#[track_caller]
fn assert_passes_on_its_target(name: &str, runtime: Runtime, count: usize) {
    let modules = optimised(upgraded_with(group(name), &options(runtime)), runtime);
    assert_passes(&modules, Node::Installed, runtime, count);
}

#[test]
fn o0_sm1_optimised_for_2024_pass_there() {
    assert_passes_on_its_target(O0_SM1, Runtime::V0_27_7, PRINTING);
}

#[test]
fn o2_sm1_optimised_for_2024_pass_there() {
    assert_passes_on_its_target(O2_SM1, Runtime::V0_27_7, PRINTING);
}

#[test]
fn o2_sm2_optimised_for_2024_pass_there() {
    assert_passes_on_its_target(O2_SM2, Runtime::V0_27_7, PRINTING + 1);
}

#[test]
fn legalized_optimised_for_2024_pass_there() {
    for name in [O0_SM1, O2_SM1] {
        let modules = optimised(upgraded_with(legalized(name), &options(Runtime::V0_27_7)), Runtime::V0_27_7);
        assert_passes(&modules, Node::Installed, Runtime::V0_27_7, LEGALIZED);
    }
}

#[test]
fn o2_sm1_optimised_for_28_pass_there() {
    assert_passes_on_its_target(O2_SM1, Runtime::V0_28_3, PRINTING);
}

#[test]
fn o0_sm1_optimised_for_2026_5_pass_there() {
    assert_passes_on_its_target(O0_SM1, Runtime::V315_0_0A2, PRINTING);
}

#[test]
fn o2_sm2_optimised_for_2026_5_pass_there() {
    assert_passes_on_its_target(O2_SM2, Runtime::V315_0_0A2, PRINTING + 1);
}

/// Where the runtime offers no entry point to exception matching, modules do what that does.
#[test]
fn matching_by_what_the_entry_point_calls_passes() {
    for runtime in Runtime::UPGRADED {
        let options = ModuleOptions { personality: "__gxx_personality_wasm0".to_string(), ..options(runtime) };
        assert_passes(&upgraded_with(group(O2_SM1), &options), Node::Installed, runtime, PRINTING);
    }
}

// What the tool is for.

/// Modules without any try block load as they are; all others need a symbol that these runtimes do not have.
#[test]
fn originals_fail_on_2025() {
    let answers = group(O2_SM1).run(Node::Installed, Runtime::V0_29_5).unwrap_or_else(|error| panic!("{error:#}"));
    for answer in answers.iter().filter(|answer| fixture_of(&answer.name) != "d_lib") {
        let error = answer.outcome.as_ref().expect_err(&answer.name);
        let expected = ["cannot resolve symbol invoke_", "bad export type for 'emscripten_longjmp'"];
        assert!(expected.iter().any(|message| error.contains(message)), "{}: {error}", answer.name);
    }
}

#[test]
fn legacy_setjmp_upgraded_passes_on_later_platforms() {
    let setjmp = group(O2_SM1_2022).only(|file| fixture_of(file).starts_with("b_sj"));
    let originals = setjmp.run(Node::Installed, Runtime::V0_29_5).unwrap_or_else(|error| panic!("{error:#}"));
    for answer in originals {
        let error = answer.outcome.expect_err(&answer.name);
        let expected = ["cannot resolve symbol saveSetjmp", "bad export type for 'emscripten_longjmp'"];
        assert!(expected.iter().any(|message| error.contains(message)), "{}: {error}", answer.name);
    }
    for runtime in Runtime::UPGRADED {
        assert_passes(&upgraded(setjmp.clone(), false), Node::Installed, runtime, 2);
    }
    let optimised = optimised(upgraded(setjmp.clone(), false), Runtime::V0_29_5);
    assert_passes(&optimised, Node::Installed, Runtime::V0_29_5, 2);
    assert_passes(&upgraded(setjmp, true), Node::V24Exnref, Runtime::V0_29_5, 2);
}

#[test]
fn o0_sm1_upgraded_pass_on_2025() {
    assert_upgraded_passes(O0_SM1, Runtime::V0_29_5, PRINTING);
}

#[test]
fn o0_sm1_upgraded_pass_on_2026() {
    assert_upgraded_passes(O0_SM1, Runtime::V314_0_7, PRINTING);
}

#[test]
fn o0_sm1_upgraded_pass_on_2026_5() {
    assert_upgraded_passes(O0_SM1, Runtime::V315_0_0A2, PRINTING);
}

#[test]
fn o2_sm1_upgraded_pass_on_2025() {
    assert_upgraded_passes(O2_SM1, Runtime::V0_29_5, PRINTING);
}

#[test]
fn o2_sm1_upgraded_pass_on_2026() {
    assert_upgraded_passes(O2_SM1, Runtime::V314_0_7, PRINTING);
}

#[test]
fn o2_sm1_upgraded_pass_on_2026_5() {
    assert_upgraded_passes(O2_SM1, Runtime::V315_0_0A2, PRINTING);
}

#[test]
fn o2_sm2_upgraded_pass_on_2025() {
    assert_upgraded_passes(O2_SM2, Runtime::V0_29_5, PRINTING + 1);
}

#[test]
fn o2_sm2_upgraded_pass_on_2026() {
    assert_upgraded_passes(O2_SM2, Runtime::V314_0_7, PRINTING + 1);
}

#[test]
fn o2_sm2_upgraded_pass_on_2026_5() {
    assert_upgraded_passes(O2_SM2, Runtime::V315_0_0A2, PRINTING + 1);
}

#[test]
fn native_optimised_pass_on_later_platforms() {
    for runtime in Runtime::UPGRADED {
        assert_native_passes(&optimised(group(NATIVE), runtime), runtime);
    }
}

#[test]
fn o0_sm1_optimised_pass_on_2025() {
    assert_optimised_passes(O0_SM1, Runtime::V0_29_5, PRINTING);
}

#[test]
fn o2_sm1_optimised_pass_on_2026() {
    assert_optimised_passes(O2_SM1, Runtime::V314_0_7, PRINTING);
}

#[test]
fn o2_sm2_optimised_pass_on_2025() {
    assert_optimised_passes(O2_SM2, Runtime::V0_29_5, PRINTING + 1);
}

/// 64-bit integers in two halves: parameters and results of exports, of imports and of `invoke_*`.
#[test]
fn legalized_originals_fail_everywhere() {
    for runtime in Runtime::ALL {
        let originals = legalized(O2_SM1).only(|file| fixture_of(file) == "c_i64");
        for answer in originals.run(Node::Installed, runtime).unwrap_or_else(|error| panic!("{error:#}")) {
            let error = answer.outcome.expect_err(&answer.name);
            let expected = ["does not match the expected type", "cannot resolve symbol invoke_", "bad export type", "incompatible"];
            assert!(expected.iter().any(|message| error.contains(message)), "{}: {error}", answer.name);
        }
    }
}

#[test]
fn legalized_upgraded_pass_on_2025() {
    for name in [O0_SM1, O2_SM1, O2_SM2] {
        assert_passes(&upgraded(legalized(name), false), Node::Installed, Runtime::V0_29_5, LEGALIZED);
    }
}

#[test]
fn legalized_upgraded_pass_on_2026() {
    for name in [O0_SM1, O2_SM1, O2_SM2] {
        assert_passes(&upgraded(legalized(name), false), Node::Installed, Runtime::V314_0_7, LEGALIZED);
    }
}

#[test]
fn legalized_optimised_pass_on_2026() {
    let optimised = optimised(upgraded(legalized(O2_SM1), false), Runtime::V314_0_7);
    assert_passes(&optimised, Node::Installed, Runtime::V314_0_7, LEGALIZED);
}

#[test]
fn legalized_upgraded_with_exnref_pass_on_node_24() {
    assert_passes(&upgraded(legalized(O0_SM1), true), Node::V24Exnref, Runtime::V0_29_5, LEGALIZED);
}

/// One object compiled with JavaScript and one with native exception handling, linked into one module.
#[test]
fn mixed_module_fails_before_and_passes_after() {
    let original = group(MIXED);
    let answers = original.run(Node::Installed, Runtime::V0_29_5).unwrap_or_else(|error| panic!("{error:#}"));
    let error = answers[0].outcome.as_ref().expect_err("the original module cannot work");
    assert!(error.contains("cannot resolve symbol invoke_vi"), "{error}");

    let upgraded = upgraded(original, false);
    for runtime in Runtime::UPGRADED {
        assert_passes(&upgraded, Node::Installed, runtime, 1);
    }
    assert_passes(&optimised(upgraded, Runtime::V314_0_7), Node::Installed, Runtime::V314_0_7, 1);
}

/// The new exception instructions need a younger engine than Node 20 has.
#[test]
fn exnref_passes_on_node_24() {
    let upgraded = upgraded(group(O2_SM1), true);
    for runtime in Runtime::UPGRADED {
        assert_passes(&upgraded, Node::V24Exnref, runtime, PRINTING);
    }
    assert_passes(&optimised(upgraded, Runtime::V0_29_5), Node::V24Exnref, Runtime::V0_29_5, PRINTING);
}
