//! What different compilers and optimisers make of the same sources: every form runs once upgraded, and then made smaller, and the sites
//! are recognised.
//!
//! `tests/shapes/build.sh` makes many variants, of which `tests/shapes/built` holds those that differ in kind.
//! `WASM_PYFIX_SHAPES=DIRECTORY` takes all that lie there instead, and prints how their sites were converted.

#[path = "optimise/mod.rs"]
mod optimise;

use std::path::{Path, PathBuf};

use support::fixtures::{Group, differences};
use support::{Answer, Job, Node, Runtime, run_jobs};
use wasm_pyfix::pipeline::{ModuleOptions, upgrade_module};

/// The shapes that lie in the repository, each with its call sites and how many of them are direct. All are inlined.
const SITES: &[(&str, &str, usize, usize)] = &[
    ("clang-14-O0", "a_eh.so", 248, 109),
    ("clang-14-O2", "d_vt.so", 13, 5),
    ("clang-14-O2+opt-O2", "a_eh.so", 123, 60),
    ("clang-19-O0", "a_eh.so", 127, 30),
    ("clang-19-O0", "b_sj.so", 47, 33),
    ("clang-19-O0", "b_sjcpp.so", 13, 11),
    ("clang-19-O0+opt-O1", "a_eh.so", 127, 62),
    ("clang-19-O0+opt-O4", "b_sj.so", 47, 42),
    ("clang-19-O0+opt-O4", "b_sjcpp.so", 13, 12),
    ("clang-19-O1", "a_eh.so", 111, 59),
    ("clang-19-O2+opt-O4", "a_eh.so", 121, 60),
    ("clang-19-O2+opt-Oz", "b_sjcpp.so", 15, 14),
    ("clang-19-Oz", "a_eh.so", 116, 55),
    ("clang-19-Oz", "b_sj.so", 47, 42),
    ("clang-19-Oz", "d_vt.so", 16, 6),
    ("clang-22-O0", "a_eh.so", 127, 62),
    ("clang-22-O0", "b_sj.so", 47, 39),
    ("clang-22-O2", "a_eh.so", 121, 60),
    ("clang-22-O2", "b_sjcpp.so", 15, 14),
    ("clang-22-Os", "d_vt.so", 16, 6),
];

/// Calls the entry of every library of a variant.
const PYTHON: &str = "
import ctypes, json, sys
ctypes.CDLL('/shapes/libd_dep.so', ctypes.RTLD_GLOBAL)
texts = []
for name in NAMES:
    print(name, file=sys.stderr)
    entry = ctypes.CDLL('/shapes/' + name).run_all
    entry.restype = ctypes.c_char_p
    texts.append(entry().decode())
json.dumps(texts)
";

struct Shape {
    variant: String,
    file: String,
    upgraded: Vec<u8>,
    sites: usize,
    inlined: usize,
    direct: usize,
    left: Vec<(String, usize)>,
}

fn directory() -> PathBuf {
    std::env::var_os("WASM_PYFIX_SHAPES").map_or_else(|| support::repository().join("tests/shapes/built"), PathBuf::from)
}

fn shapes() -> Vec<Shape> {
    let directory = directory();
    let entries = std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut variants: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    variants.sort();
    variants.iter().flat_map(|variant| shapes_of(variant)).collect()
}

fn shapes_of(directory: &Path) -> Vec<Shape> {
    let variant = directory.file_name().expect("an entry has a name").to_string_lossy().into_owned();
    let group = Group::read(&directory.to_string_lossy()).unwrap_or_else(|error| panic!("{error:#}"));
    group.modules.into_iter().map(|(file, bytes)| shape(&variant, file, &bytes)).collect()
}

fn shape(variant: &str, file: String, original: &[u8]) -> Shape {
    let options = ModuleOptions { personality: "_Unwind_CallPersonality".to_string(), ..ModuleOptions::default() };
    let result = upgrade_module(original, &options).unwrap_or_else(|error| panic!("{variant}/{file}: {error}"));
    let outcome = result.outcomes.into_iter().find(|outcome| outcome.pass == "exceptions").expect("the pass ran");
    let changed = |what: &str| outcome.changed.get(what).copied().unwrap_or(0);
    Shape {
        variant: variant.to_string(),
        file,
        upgraded: result.bytes.expect("there is work to do"),
        sites: changed("call_sites"),
        inlined: changed("call_sites_inlined"),
        direct: changed("call_sites_direct"),
        left: outcome.left.iter().map(|left| (format!("{}: {}", left.what.name(), left.why), left.count)).collect(),
    }
}

/// What each shape prints; each variant in a runtime of its own, since weak functions of one may win over those of another. `change` is
/// what becomes of the modules of a variant, the last of which is the library that the others need.
fn texts(shapes: &[Shape], runtime: Runtime, change: impl Fn(Vec<Vec<u8>>) -> Vec<Vec<u8>>) -> Vec<Answer> {
    let library = support::repository().join("tests/fixtures/built/emscripten-3.1.69/O2-sm1-js/libd_dep.so");
    let library = std::fs::read(library).expect("a fixture");
    let variants: Vec<&[Shape]> = shapes.chunk_by(|a, b| a.variant == b.variant).collect();
    let modules = |variant: &[Shape]| {
        let upgraded = variant.iter().map(|shape| shape.upgraded.clone());
        change(upgraded.chain([library.clone()]).collect())
    };
    let jobs: Vec<Job> = variants.iter().map(|variant| job(variant, modules(variant))).collect();
    let answers = run_jobs(Node::Installed, runtime, &jobs).unwrap_or_else(|error| panic!("{error:#}"));
    variants.into_iter().zip(answers).flat_map(|(variant, answer)| texts_of(variant, answer)).collect()
}

fn job(variant: &[Shape], modules: Vec<Vec<u8>>) -> Job {
    let names: Vec<&str> = variant.iter().map(|shape| shape.file.as_str()).collect();
    let files = names.iter().chain(&["libd_dep.so"]).map(|name| format!("/shapes/{name}")).zip(modules).collect();
    Job { files, ..Job::new(&variant[0].variant, PYTHON.replace("NAMES", &format!("{names:?}"))) }
}

fn texts_of(variant: &[Shape], answer: Answer) -> Vec<Answer> {
    let outcome = answer.outcome.map(|text| serde_json::from_str::<Vec<String>>(&text).expect("the snippet gives JSON"));
    let text = |index: usize| outcome.as_ref().map(|texts| texts[index].clone()).map_err(Clone::clone);
    let answer = |(index, shape): (usize, &Shape)| Answer { name: shape.file.clone(), outcome: text(index), libraries: Vec::new() };
    variant.iter().enumerate().map(answer).collect()
}

#[test]
fn every_shape_runs_upgraded() {
    let shapes = shapes();
    assert_right(&shapes, &texts(&shapes, Runtime::V0_29_5, |modules| modules));
}

#[test]
fn every_shape_runs_optimised() {
    let shapes = shapes();
    let optimised = |modules: Vec<Vec<u8>>| {
        let modules: Vec<&[u8]> = modules.iter().map(Vec::as_slice).collect();
        optimise::optimised(&modules, Runtime::V314_0_7, |name| name == "run_all")
    };
    assert_right(&shapes, &texts(&shapes, Runtime::V314_0_7, optimised));
}

#[track_caller]
fn assert_right(shapes: &[Shape], answers: &[Answer]) {
    let mut wrong = Vec::new();
    for (shape, answer) in shapes.iter().zip(answers) {
        wrong.extend(differences(std::slice::from_ref(answer)).into_iter().map(|line| format!("{}: {line}", shape.variant)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_sites_of_every_shape_are_inlined() {
    let shapes = shapes();
    for Shape { variant, file, sites, inlined, direct, left, .. } in &shapes {
        println!("{variant} {file}: {sites} sites, {inlined} inlined, {direct} direct; {left:?}");
        assert_eq!(inlined, sites, "{variant} {file}: {left:?}");
    }
    if std::env::var_os("WASM_PYFIX_SHAPES").is_none() {
        let got: Vec<_> = shapes.iter().map(|shape| (&*shape.variant, &*shape.file, shape.sites, shape.direct)).collect();
        assert_eq!(got, SITES);
    }
}
