//! Modules with native exception handling, of both kinds of instructions, under real runtimes: as they are built, and converted from
//! each kind to each, they give what the natively compiled sources print.
//!
//! `tests/native/README.md` tells what there is. Every variant runs in a runtime of its own, since weak functions of one may win over
//! those of another; a test starts one Node process for each runtime and kind.

#[path = "native/convert.rs"]
mod convert;

#[path = "native/wheels.rs"]
mod wheels;

use std::collections::BTreeMap;

use convert::{Converter, EXNREF, LEGACY, instructions};
use support::fixtures::{Group, differences};
use support::{Answer, Job, Node, Runtime, run_jobs};

/// What the runtime for modules of the new kind is called.
const NEXT: &str = "pyemscripten_2026_0";

/// Those that are in the directory of this name below `tests/native/built`.
fn variants(kind: &str) -> Vec<Group> {
    let directory = support::repository().join("tests/native/built").join(kind);
    let entries = std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut names: Vec<String> = entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let read = |name: &String| {
        let group = Group::read(&directory.join(name).to_string_lossy()).unwrap_or_else(|error| panic!("{error:#}"));
        Group { name: format!("{kind}/{name}"), ..group }
    };
    names.iter().map(read).collect()
}

/// Runs all modules of a variant.
fn job(variant: &Group) -> Job {
    let read = |file: &str| std::fs::read(support::repository().join("tests").join(file)).expect("a file of the repository");
    let script = |file: &str| String::from_utf8(read(file)).expect("a script is text");
    let beside = [
        ("/t/libd_dep.so".to_string(), read("fixtures/built/emscripten-3.1.69/O2-sm1-js/libd_dep.so")),
        ("/t/extension.py".to_string(), read("runtime/extension.py")),
    ];
    let files = variant.modules.iter().map(|(file, bytes)| (format!("/t/{file}"), bytes.clone()));
    Job {
        files: files.chain(beside).collect(),
        environment: vec![("LD_LIBRARY_PATH".to_string(), "/t".to_string())],
        ..Job::new(&variant.name, script("native/load.py"))
    }
}

/// What is wrong with the answer of a variant. LLVM lets a longjmp run destructors, and the natively compiled sources do not.
fn wrong(variant: &Group, answer: Answer) -> Vec<String> {
    let text = match answer.outcome {
        Ok(text) => text.replace("+1-1 r9", "+1 r9"),
        Err(error) => return vec![format!("{}: {error}", variant.name)],
    };
    let mut texts: BTreeMap<String, String> = serde_json::from_str(&text).expect("the snippet gives JSON");
    let answers = variant.modules.iter().map(|(file, _)| {
        let outcome = texts.remove(file).ok_or_else(|| "did not run".to_string());
        Answer { name: file.clone(), outcome, libraries: Vec::new() }
    });
    let answers: Vec<Answer> = answers.collect();
    differences(&answers).into_iter().map(|line| format!("{}: {line}", variant.name)).collect()
}

#[track_caller]
fn assert_pass(variants: &[Group], node: Node, runtime: Runtime) {
    let jobs: Vec<Job> = variants.iter().map(job).collect();
    let answers = run_jobs(node, runtime, &jobs).unwrap_or_else(|error| panic!("{error:#}"));
    let wrong: Vec<String> = variants.iter().zip(answers).flat_map(|(variant, answer)| wrong(variant, answer)).collect();
    assert!(wrong.is_empty(), "{}:\n{}", runtime.version(), wrong.join("\n"));
}

/// The variants converted to `kind`, all of whose instructions are then of that kind.
fn all_converted(variants: Vec<Group>, kind: &str, more: &[&str]) -> Vec<Group> {
    let mut converter = Converter::new(kind, more);
    let mut convert = |name: &str, bytes: &[u8]| {
        let converted = converter.convert(name, bytes);
        assert_eq!(instructions(&converted)[usize::from(kind == LEGACY)], 0, "{name} to {kind} {more:?}");
        converted
    };
    let mut all = Vec::new();
    for variant in variants {
        let name = variant.name.clone();
        all.push(variant.map(|file, bytes| convert(&format!("{name}/{file}"), &bytes)));
    }
    all
}

/// The variants of these names below those of `kind`.
fn few(kind: &str, names: &[&str]) -> Vec<Group> {
    let mut variants = variants(kind);
    variants.retain(|variant| variant.name.split_once('/').is_some_and(|(_, name)| names.contains(&name)));
    assert_eq!(variants.len(), names.len());
    variants
}

#[track_caller]
fn assert_legacy_pass(variants: &[Group]) {
    assert_pass(variants, Node::Installed, Runtime::V0_29_5);
}

#[track_caller]
fn assert_new_pass(variants: &[Group]) {
    assert_pass(variants, Node::V24Exnref, Runtime::V314_0_7);
}

#[test]
fn originals_of_the_legacy_kind_pass() {
    assert_legacy_pass(&variants(LEGACY));
    assert_pass(&few(LEGACY, &["O2"]), Node::Installed, Runtime::V314_0_7);
}

#[test]
fn originals_of_the_new_kind_pass() {
    assert_new_pass(&few(EXNREF, &["O0", "O1", "O2", "O2+opt-Oz", "O2+translated-O2"]));
}

#[test]
fn legacy_modules_pass_as_new_ones() {
    assert_new_pass(&all_converted(variants(LEGACY), EXNREF, &["-O0", "--target", NEXT]));
}

#[test]
fn new_modules_pass_as_legacy_ones() {
    assert_legacy_pass(&all_converted(variants(EXNREF), LEGACY, &["-O0"]));
}

#[test]
fn legacy_modules_pass_with_all_passes() {
    assert_legacy_pass(&all_converted(few(LEGACY, &["O2"]), LEGACY, &[]));
    assert_new_pass(&all_converted(few(LEGACY, &["O0", "O1", "O2", "O2+opt-Oz"]), EXNREF, &["--target", NEXT]));
}

#[test]
fn new_modules_pass_with_all_passes() {
    assert_new_pass(&all_converted(few(EXNREF, &["O2"]), EXNREF, &["--target", NEXT]));
    assert_legacy_pass(&all_converted(few(EXNREF, &["O0", "O1", "O2", "O2+translated-O2"]), LEGACY, &[]));
}

/// What has one kind of instructions already is not touched.
#[test]
fn modules_of_the_kind_that_is_asked_for_stay_as_they_are() {
    for kind in [LEGACY, EXNREF] {
        let originals = variants(kind);
        for (variant, converted) in originals.iter().zip(all_converted(originals.clone(), kind, &["-O0"])) {
            assert!(variant.modules == converted.modules, "{}", variant.name);
        }
    }
}

#[test]
fn modules_pass_converted_there_and_back() {
    let there = all_converted(few(LEGACY, &["O0", "O2"]), EXNREF, &["-O0"]);
    assert_legacy_pass(&all_converted(there, LEGACY, &["-O0"]));
    let there = all_converted(few(EXNREF, &["O2", "O1+translated"]), LEGACY, &["-O0"]);
    assert_new_pass(&all_converted(there, EXNREF, &["-O0"]));
}

/// `d_user` catches what `a_eh` throws, and the other way round: engines that know both kinds let exceptions pass between them.
#[test]
fn a_converted_library_works_with_one_that_is_not() {
    let mut halves = Vec::new();
    for (kind, other) in [(LEGACY, EXNREF), (EXNREF, LEGACY)] {
        let mut converter = Converter::new(other, &["-O0"]);
        for variant in few(kind, &["O1"]) {
            let both = variant.only(|file| ["a_eh.so", "d_user.so"].contains(&file));
            for half in ["a_eh.so", "d_user.so"] {
                let convert = |file: &str, bytes: Vec<u8>| if file == half { converter.convert(file, &bytes) } else { bytes };
                halves.push(both.clone().map(convert));
            }
        }
    }
    assert_new_pass(&halves);
}
