//! Random programs do the same before and after: originals on Pyodide 0.27.7, upgraded ones on the targets, trace against trace.
//!
//! The seeds are fixed. `WASM_PYFIX_RANDOM=FIRST..LAST` takes others; a failure names the seed and can be repeated with it.

#[path = "optimise/mod.rs"]
mod optimise;

#[path = "random/program.rs"]
mod program;

#[path = "random/forms.rs"]
mod forms;

#[path = "random/split.rs"]
mod split;

#[path = "random/variants.rs"]
mod variants;

#[path = "random/wheels.rs"]
mod wheels;

use support::{Job, Node, Runtime, run_jobs};
use wasm_pyfix::pipeline::{ModuleOptions, upgrade_module};
use wasm_pyfix_passes::handlers::Kind;

/// Seeds that always run.
const SEEDS: std::ops::Range<u64> = 0..160;
/// Programs in one runtime. A program that ends its runtime takes those behind it along.
const TOGETHER: usize = 160;

/// Loads every program, runs it and prints its number, hash and events. What runs is noted, for the error if it is the last.
const PYTHON: &str = "
import ctypes, sys
lines = []
for seed in SEEDS:
    print('program of seed', seed, file=sys.stderr)
    library = ctypes.CDLL(f'/programs/{seed}.so')
    library.run.restype = ctypes.c_uint32
    result = library.run()
    events = (ctypes.c_int32 * library.count()).from_address(library.events())
    lines.append(f'{seed}: {result} ' + ' '.join(map(str, events)))
'\\n'.join(lines)
";

/// The seeds that are asked for, or those that always run.
fn seeds(always: std::ops::Range<u64>) -> std::ops::Range<u64> {
    let Ok(asked) = std::env::var("WASM_PYFIX_RANDOM") else { return always };
    let ends = asked.split_once("..").map(|(first, last)| (first.parse(), last.parse()));
    match ends {
        Some((Ok(first), Ok(last))) => first..last,
        _ => panic!("WASM_PYFIX_RANDOM is FIRST..LAST, not {asked}"),
    }
}

/// A program by its seed, in the text and as a module.
struct Program {
    seed: u64,
    module: Vec<u8>,
}

fn programs(seeds: std::ops::Range<u64>) -> Vec<Program> {
    let assemble = |seed| {
        let text = forms::whole(seed);
        let module = wat::parse_str(&text).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{text}"));
        Program { seed, module }
    };
    seeds.map(assemble).collect()
}

/// A line for every program.
fn traces(node: Node, runtime: Runtime, programs: &[Program], change: impl Fn(&Program) -> Vec<u8>) -> Vec<String> {
    let mut jobs = Vec::new();
    for together in programs.chunks(TOGETHER) {
        let files = together.iter().map(|program| (format!("/programs/{}.so", program.seed), change(program)));
        let files = files.collect();
        let seeds: Vec<u64> = together.iter().map(|program| program.seed).collect();
        jobs.push(Job { files, ..Job::new("programs", PYTHON.replace("SEEDS", &format!("{seeds:?}"))) });
    }
    let answers = run_jobs(node, runtime, &jobs).unwrap_or_else(|error| panic!("{error:#}"));
    let text = |answer: support::Answer| answer.outcome.unwrap_or_else(|error| panic!("{}: {error}", runtime.version()));
    answers.into_iter().map(text).flat_map(|lines| lines.lines().map(str::to_string).collect::<Vec<_>>()).collect()
}

fn upgraded(program: &Program, exnref: bool) -> (Vec<u8>, wasm_pyfix_passes::Outcome) {
    let options = ModuleOptions {
        personality: "_Unwind_CallPersonality".to_string(),
        handlers: exnref.then_some(Kind::Exnref),
        ..ModuleOptions::default()
    };
    let result = upgrade_module(&program.module, &options).unwrap_or_else(|error| panic!("seed {}: {error}", program.seed));
    let outcome = result.outcomes.into_iter().find(|outcome| outcome.pass == "exceptions");
    (result.bytes.expect("there is work to do"), outcome.expect("the pass ran"))
}

/// What an upgraded program becomes when it is made smaller for Pyodide 314.0.7.
fn optimised(upgraded: &[u8]) -> Vec<u8> {
    optimise::optimised(&[upgraded], Runtime::V314_0_7, |name| ["run", "count", "events"].contains(&name)).remove(0)
}

#[track_caller]
fn assert_same(expected: &[String], got: &[String], what: &str) {
    assert_eq!(expected.len(), got.len(), "{what}");
    for (expected, got) in expected.iter().zip(got) {
        assert_eq!(expected, got, "{what}");
    }
}

#[test]
fn random_programs_leave_the_same_trace() {
    let programs = programs(seeds(SEEDS));
    let expected = traces(Node::Installed, Runtime::V0_27_7, &programs, |program| program.module.clone());
    assert_eq!(expected.len(), programs.len());
    for runtime in Runtime::UPGRADED {
        let got = traces(Node::Installed, runtime, &programs, |program| upgraded(program, false).0);
        assert_same(&expected, &got, runtime.version());
    }
    let got = traces(Node::Installed, Runtime::V314_0_7, &programs, |program| optimised(&upgraded(program, false).0));
    assert_same(&expected, &got, "optimised");
    let got = traces(Node::V24Exnref, Runtime::V0_29_5, &programs, |program| upgraded(program, true).0);
    assert_same(&expected, &got, "exnref");
}

/// Or else the comparison would say nothing about the code in place of the wrappers.
#[test]
fn random_programs_have_sites_of_every_kind() {
    let mut changed = std::collections::BTreeMap::<&str, usize>::new();
    for program in programs(seeds(SEEDS)) {
        for (what, count) in upgraded(&program, false).1.changed {
            *changed.entry(what).or_default() += count;
        }
    }
    let count = |what: &str| changed.get(what).copied().unwrap_or(0);
    assert!(count("call_sites_inlined") * 2 > count("call_sites"), "{changed:?}");
    for kind in ["invoke_wrappers", "call_sites_direct", "call_sites_not_throwing"] {
        assert!(count(kind) > 0, "{kind}: {changed:?}");
    }
}
