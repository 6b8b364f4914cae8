//! Random programs in every form, upgraded in every way by the whole tool, before and after optimisers: the same trace as the original.

use std::ops::Range;
use std::path::Path;
use std::process::Command;

use support::{Job, Node, Runtime, npm, run_jobs};
use wasm_pyfix::cli;
use wasm_pyfix::run::InMemory;

use crate::forms;

/// Programs of each form.
const SEEDS: Range<u64> = 0..100;

/// Programs of each form that optimisers get.
const OPTIMISED: Range<u64> = 0..30;

/// Loads what FORM says, runs it and prints seed, hash and events.
const PYTHON: &str = "
import ctypes, importlib.machinery, importlib.util, sys
def alone(seed):
    library = ctypes.CDLL(f'/programs/{seed}.so')
    return library, library
def pair(seed):
    library = ctypes.CDLL(f'/programs/{seed}-library.so', mode=ctypes.RTLD_GLOBAL)
    return ctypes.CDLL(f'/programs/{seed}.so'), library
def by_ctypes(programs, library):
    programs.run.restype = ctypes.c_uint32
    result = programs.run()
    return result, list((ctypes.c_int32 * library.count()).from_address(library.events()))
def extension(seed):
    loader = importlib.machinery.ExtensionFileLoader(f'p{seed}', f'/programs/{seed}.so')
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(f'p{seed}', loader))
    loader.exec_module(module)
    return module.run(), list(memoryview(module.events()).cast('i'))
lines = []
for seed in SEEDS:
    print('program of seed', seed, file=sys.stderr)
    result, events = extension(seed) if 'FORM' == 'extension' else by_ctypes(*FORM(seed))
    lines.append(f'{seed}: {result} ' + ' '.join(map(str, events)))
'\\n'.join(lines)
";

/// A program of one or two modules: their names in the runtime, and what is in them.
type Modules = Vec<(String, Vec<u8>)>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Alone,
    Pair,
    Extension,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Form::Alone => "alone",
            Form::Pair => "pair",
            Form::Extension => "extension",
        }
    }

    fn modules(self, seeds: &Range<u64>) -> Modules {
        let assemble = |name: String, text: String| {
            let module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
            (name, module)
        };
        let of_seed = |seed: u64| match self {
            Form::Alone => vec![assemble(format!("{seed}.so"), forms::whole(seed))],
            Form::Extension => vec![assemble(format!("{seed}.so"), forms::extension(seed))],
            Form::Pair => {
                let (library, user) = forms::pair(seed);
                vec![assemble(format!("{seed}-library.so"), library), assemble(format!("{seed}.so"), user)]
            }
        };
        seeds.clone().flat_map(of_seed).collect()
    }
}

fn traces(form: Form, seeds: &Range<u64>, node: Node, runtime: Runtime, modules: Modules) -> Vec<String> {
    let files = modules.into_iter().map(|(name, bytes)| (format!("/programs/{name}"), bytes)).collect();
    let seeds: Vec<u64> = seeds.clone().collect();
    let python = PYTHON.replace("SEEDS", &format!("{seeds:?}")).replace("FORM", form.name());
    let answers =
        run_jobs(node, runtime, &[Job { files, ..Job::new("programs", python) }]).unwrap_or_else(|error| panic!("{error:#}"));
    let text =
        answers.into_iter().map(|answer| answer.outcome.unwrap_or_else(|error| panic!("{form:?} {}: {error}", runtime.version())));
    text.flat_map(|lines| lines.lines().map(str::to_string).collect::<Vec<_>>()).collect()
}

/// What the tool makes of `modules`, each by itself.
fn upgraded(modules: &Modules, words: &str) -> Modules {
    let words = ["wasm-pyfix", "upgrade", "--dry-run", "--quiet", "./input"].into_iter().chain(words.split_whitespace());
    let args = cli::upgrade_args(words).unwrap_or_else(|error| panic!("{error}"));
    let mut tool = InMemory::new(&args).unwrap_or_else(|error| panic!("{error:#}"));
    let upgrade = |(name, module): &(String, Vec<u8>)| {
        let (report, bytes) = tool.upgrade(name, module);
        assert!(report.error.is_none(), "{name}: {:?}", report.error);
        (name.clone(), bytes.unwrap_or_else(|| module.clone()))
    };
    modules.iter().map(upgrade).collect()
}

/// What Binaryen makes of `modules` with `passes`.
fn optimised(modules: &Modules, passes: &str) -> Modules {
    let directory = tempfile::tempdir().unwrap();
    for (name, module) in modules {
        std::fs::write(directory.path().join(name), module).unwrap();
    }
    let library = npm::packages().unwrap().join("binaryen/index.js");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/random/binaryen.mjs");
    let output = Command::new("node").arg(script).arg(library).arg(directory.path()).arg(passes).output().unwrap();
    assert!(output.status.success(), "{passes}: {}", String::from_utf8_lossy(&output.stderr));
    let read = |(name, _): &(String, Vec<u8>)| (name.clone(), std::fs::read(directory.path().join(name)).unwrap());
    modules.iter().map(read).collect()
}

#[track_caller]
fn assert_same(expected: &[String], got: &[String], what: &str) {
    assert_eq!(expected.len(), got.len(), "{what}");
    for (expected, got) in expected.iter().zip(got) {
        assert_eq!(expected, got, "{what}");
    }
}

/// Compares what `form` does on Pyodide 0.27.7 with what it does when it is upgraded, with `words` on top.
#[track_caller]
fn same_in_every_way(form: Form, words: &[&str]) {
    let originals = form.modules(&SEEDS);
    let expected = traces(form, &SEEDS, Node::Installed, Runtime::V0_27_7, originals.clone());
    assert_eq!(expected.len(), SEEDS.count());
    for runtime in [Runtime::V0_29_5, Runtime::V314_0_7] {
        for more in words {
            let words = format!("--target {} {more}", runtime.platform());
            let got = traces(form, &SEEDS, Node::Installed, runtime, upgraded(&originals, &words));
            assert_same(&expected, &got, &format!("{form:?}, {words}"));
        }
    }
    let got = traces(form, &SEEDS, Node::V24Exnref, Runtime::V0_29_5, upgraded(&originals, &format!("--exnref {}", words[0])));
    assert_same(&expected, &got, &format!("{form:?}, exnref"));
}

#[test]
fn programs_of_two_modules_leave_the_same_trace() {
    same_in_every_way(Form::Pair, &["", "-O0"]);
}

#[test]
fn extension_modules_leave_the_same_trace() {
    same_in_every_way(Form::Extension, &["--exports pyinit", "", "-O0"]);
}

/// Optimisers change the code around calls; what they leave must be understood, too.
#[track_caller]
fn same_when_optimised(form: Form) {
    const PRUNED: &str = "--target pyemscripten_2026_0 --exports pyinit";
    let originals = form.modules(&OPTIMISED);
    let expected = traces(form, &OPTIMISED, Node::Installed, Runtime::V0_27_7, originals.clone());
    assert_eq!(expected.len(), OPTIMISED.count());
    for (passes, runtime, words) in [("O1", Runtime::V0_29_5, ""), ("O2", Runtime::V314_0_7, PRUNED)] {
        let upgraded = upgraded(&optimised(&originals, passes), words);
        assert_same(
            &expected,
            &traces(form, &OPTIMISED, Node::Installed, runtime, upgraded),
            &format!("{form:?}, {passes}, {words}"),
        );
    }
}

#[test]
fn optimised_programs_leave_the_same_trace() {
    same_when_optimised(Form::Alone);
}

#[test]
fn optimised_extension_modules_leave_the_same_trace() {
    same_when_optimised(Form::Extension);
}
