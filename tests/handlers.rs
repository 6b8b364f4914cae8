//! Random programs with exception instructions do the same converted to the other kind and back, and with all default passes.
//!
//! The seeds are fixed. `WASM_PYFIX_HANDLERS=FIRST..LAST` takes others; a failure names the family and the seed.

#[path = "native/convert.rs"]
mod convert;

use std::path::Path;

use convert::{Converter, EXNREF, LEGACY, instructions};
use properties::handlers::{Family, program};
use support::Node;

/// Programs of each family.
const SEEDS: std::ops::Range<u64> = 0..250;
/// Ways that each program is sent.
const RUNS: &str = "30";

fn seeds() -> std::ops::Range<u64> {
    let Ok(asked) = std::env::var("WASM_PYFIX_HANDLERS") else { return SEEDS };
    let ends = asked.split_once("..").map(|(first, last)| (first.parse(), last.parse()));
    match ends {
        Some((Ok(first), Ok(last))) => first..last,
        _ => panic!("WASM_PYFIX_HANDLERS is FIRST..LAST, not {asked}"),
    }
}

/// A program in several forms, the original first.
struct Program {
    name: String,
    forms: Vec<(&'static str, Vec<u8>)>,
}

impl Program {
    fn new(family: Family, seed: u64) -> Self {
        let text = program(seed, family);
        let name = format!("{family:?} {seed}");
        let original = wat::parse_str(&text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
        Program { name, forms: vec![("original", original)] }
    }
}

/// The programs in those forms that have no new instruction; every one of them has some.
fn of_node_20(programs: &[Program]) -> Vec<Program> {
    let legacy = |program: &Program| {
        let forms = program.forms.iter().filter(|(_, bytes)| instructions(bytes)[1] == 0).cloned();
        Program { name: program.name.clone(), forms: forms.collect() }
    };
    programs.iter().map(legacy).collect()
}

/// Runs all forms of all programs, and fails unless all of a program do the same.
#[track_caller]
fn assert_same(node: Node, programs: &[Program]) {
    let scratch = tempfile::tempdir().expect("a directory");
    let write = |number: usize, (form, bytes): &(&str, Vec<u8>)| {
        let path = scratch.path().join(format!("{number}-{form}.wasm"));
        std::fs::write(&path, bytes).expect("the file can be written");
        path
    };
    let files = |(number, program): (usize, &Program)| -> Vec<_> { program.forms.iter().map(|form| write(number, form)).collect() };
    let files: Vec<Vec<_>> = programs.iter().enumerate().map(files).collect();
    let script = support::repository().join("tests/native/programs.mjs");
    let answers = answers(node, &script, &serde_json::to_vec(&files).expect("paths are text"));
    assert_eq!(answers.len(), programs.len());
    let wrong: Vec<String> = programs.iter().zip(&answers).filter_map(|(program, answers)| difference(program, answers)).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), programs.len(), wrong[..wrong.len().min(10)].join("\n"));
}

fn answers(node: Node, script: &Path, input: &[u8]) -> Vec<Vec<String>> {
    let arguments = [script.to_string_lossy().into_owned(), RUNS.to_string()];
    let output = node.run(&arguments, input).unwrap_or_else(|error| panic!("{error:#}"));
    serde_json::from_slice(&output).expect("the script gives JSON")
}

/// What a program does otherwise in one of its forms.
fn difference(program: &Program, answers: &[String]) -> Option<String> {
    let [expected, others @ ..] = answers else { panic!("no answer for {}", program.name) };
    if !expected.contains("=>") {
        return Some(format!("{}: the original does not load: {expected}", program.name));
    }
    let differs = others.iter().zip(&program.forms[1.min(program.forms.len())..]).find(|(answer, _)| *answer != expected);
    differs.map(|(answer, (form, _))| {
        let lines = expected.lines().zip(answer.lines()).enumerate().find(|(_, (expected, answer))| expected != answer);
        let (way, (expected, answer)) = lines.unwrap_or((0, (expected, answer)));
        format!("{} {form}, way {way}:\n  expected {expected}\n  got      {answer}", program.name)
    })
}

/// The converters to a kind, without and with all default passes.
fn converters(kind: &str) -> [Converter; 2] {
    [Converter::new(kind, &["-O0"]), Converter::new(kind, &[])]
}

#[test]
fn legacy_programs_do_the_same_as_new_ones_and_back() {
    let [mut to_legacy, mut to_small_legacy] = converters(LEGACY);
    let [mut to_new, mut to_small_new] = converters(EXNREF);
    let programs = seeds().map(|seed| {
        let Program { name, mut forms } = Program::new(Family::Legacy, seed);
        let original = forms[0].1.clone();
        let new = to_new.convert(&name, &original);
        let back = to_legacy.convert(&name, &new);
        assert_eq!((instructions(&new)[0], instructions(&back)[1]), (0, 0), "{name}");
        let small = to_small_legacy.convert(&name, &original);
        let small_new = to_small_new.convert(&name, &original);
        forms.extend([("new", new), ("back", back), ("small", small), ("small new", small_new)]);
        Program { name, forms }
    });
    let programs: Vec<Program> = programs.collect();
    assert_same(Node::V24Exnref, &programs);
    assert_same(Node::Installed, &of_node_20(&programs));
}

#[test]
fn new_programs_as_compilers_emit_them_do_the_same_as_legacy_ones_and_back() {
    let [mut to_legacy, mut to_small_legacy] = converters(LEGACY);
    let [mut to_new, mut to_small_new] = converters(EXNREF);
    let programs = seeds().map(|seed| {
        let Program { name, mut forms } = Program::new(Family::Shaped, seed);
        let original = forms[0].1.clone();
        let legacy = to_legacy.convert(&name, &original);
        let back = to_new.convert(&name, &legacy);
        assert_eq!((instructions(&legacy)[1], instructions(&back)[0]), (0, 0), "{name}");
        let small = to_small_new.convert(&name, &original);
        let small_legacy = to_small_legacy.convert(&name, &original);
        forms.extend([("legacy", legacy), ("back", back), ("small", small), ("small legacy", small_legacy)]);
        Program { name, forms }
    });
    let programs: Vec<Program> = programs.collect();
    assert_same(Node::V24Exnref, &programs);
    assert_same(Node::Installed, &of_node_20(&programs));
}

/// Some of them cannot be said with legacy instructions, and stay what they are.
#[test]
fn other_new_programs_are_never_converted_wrongly() {
    let [mut to_legacy, mut to_small_legacy] = converters(LEGACY);
    let mut to_new = Converter::new(EXNREF, &["-O0"]);
    let mut left = 0;
    let programs = seeds().map(|seed| {
        let Program { name, mut forms } = Program::new(Family::Free, seed);
        let original = forms[0].1.clone();
        let legacy = to_legacy.convert(&name, &original);
        let [old, new] = instructions(&legacy);
        assert!(old == 0 || new == 0, "{name}: {old} legacy and {new} new instructions");
        left += usize::from(new > 0);
        let back = to_new.convert(&name, &legacy);
        let small_legacy = to_small_legacy.convert(&name, &original);
        forms.extend([("legacy", legacy), ("back", back), ("small legacy", small_legacy)]);
        Program { name, forms }
    });
    let programs: Vec<Program> = programs.collect();
    assert!(left < programs.len(), "none is converted");
    assert_same(Node::V24Exnref, &programs);
}

/// Engines refuse the originals, so that what the two kinds do is compared.
#[test]
fn programs_of_both_kinds_become_one() {
    let [mut to_new, mut to_small_new] = converters(EXNREF);
    let mut to_legacy = Converter::new(LEGACY, &["-O0"]);
    let programs = seeds().map(|seed| {
        let Program { name, forms } = Program::new(Family::Mixed, seed);
        let legacy = to_legacy.convert(&name, &forms[0].1);
        let new = to_new.convert(&name, &forms[0].1);
        assert_eq!((instructions(&legacy)[1], instructions(&new)[0]), (0, 0), "{name}");
        let small = to_small_new.convert(&name, &forms[0].1);
        Program { name, forms: vec![("legacy", legacy), ("new", new), ("small", small)] }
    });
    assert_same(Node::V24Exnref, &programs.collect::<Vec<_>>());
}
