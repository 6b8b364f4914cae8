//! Modules with native exception handling, of both kinds of instructions, under real runtimes: as they are built they give the native
//! text.
//!
//! `tests/native/README.md` tells what there is. Every variant runs in a runtime of its own, since weak functions of one may win over
//! those of another; a test starts one Node process for each runtime and kind.

use std::collections::BTreeMap;

use support::fixtures::{Group, differences};
use support::{Answer, Job, Node, Runtime, run_jobs};

/// The directories below `tests/native/built`.
const LEGACY: &str = "legacy";
const EXNREF: &str = "exnref";

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

#[test]
fn originals_of_the_legacy_kind_pass_on_2025() {
    assert_pass(&variants(LEGACY), Node::Installed, Runtime::V0_29_5);
}

#[test]
fn originals_of_the_legacy_kind_pass_on_2026() {
    let few = variants(LEGACY).into_iter().filter(|variant| ["legacy/O0", "legacy/O2", "legacy/Oz"].contains(&&*variant.name));
    assert_pass(&few.collect::<Vec<_>>(), Node::Installed, Runtime::V314_0_7);
}

#[test]
fn originals_of_the_new_kind_pass_on_2026() {
    assert_pass(&variants(EXNREF), Node::V24Exnref, Runtime::V314_0_7);
}
