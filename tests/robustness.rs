//! Hostile, damaged and unusual modules: whatever comes in, the answer is a valid module or one clear error, in bounded time and
//! memory. A panic or an error that blames the tool itself is a failure.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use properties::mutate;
use properties::random::Random;
use rayon::prelude::*;
use wasm_pyfix::pipeline::{ModuleOptions, upgrade_module};
use wasm_pyfix_passes::Error;
use wasm_pyfix_passes::handlers::Kind;

/// No module of this file is larger than some hundred kilobytes. Much more than it takes on a busy machine, and much less than what is
/// not linear would take.
const PATIENCE: Duration = Duration::from_secs(30);

fn options(exnref: bool) -> ModuleOptions {
    ModuleOptions {
        personality: "_Unwind_CallPersonality".to_string(),
        handlers: exnref.then_some(Kind::Exnref),
        ..ModuleOptions::default()
    }
}

/// Upgrades `bytes` and returns the error, if there is one. `what` says which module this is.
#[track_caller]
fn survive(what: &str, bytes: &[u8], exnref: bool) -> Option<Error> {
    let start = Instant::now();
    let result = upgrade_module(bytes, &options(exnref));
    assert!(start.elapsed() < PATIENCE, "{what} takes {:?}", start.elapsed());
    match result {
        // A result is validated where it is made; what is left to see is that it is final.
        Ok(result) => {
            let upgraded = result.bytes?;
            let again =
                upgrade_module(&upgraded, &options(exnref)).unwrap_or_else(|error| panic!("{what}, upgraded again: {error}"));
            assert!(again.bytes.is_none(), "{what}: a second run changes something");
            None
        }
        Err(Error::Internal(message)) => panic!("{what}: {message}"),
        Err(error) => Some(error),
    }
}

/// Small modules of every kind.
fn seeds() -> Vec<(String, Vec<u8>)> {
    let directory = support::repository().join("tests/fixtures/built");
    let mut seeds: Vec<(String, Vec<u8>)> = [
        "emscripten-3.1.69/O0-sm1-js/libd_dep.so",
        "emscripten-3.1.69/O2-sm1-wasm/e_ext.so",
        "dyncall/3.1.69/c_min-sm1.so",
        "mixed/mixed.so",
    ]
    .map(|name| (name.to_string(), fs::read(directory.join(name)).unwrap()))
    .into();
    for name in
        ["eh-catch", "sjlj-mixed-function", "eh-addresses", "eh-references", "eh-custom-sections", "dylink-legacy", "dylink-order"]
    {
        let text = fs::read_to_string(support::repository().join(format!("tests/cli/{name}.wat"))).unwrap();
        seeds.push((name.to_string(), wat::parse_str(text).unwrap()));
    }
    seeds
}

/// A module that is cut off is an error that says where.
#[test]
fn truncated_modules_are_errors_with_an_offset() {
    for (name, bytes) in seeds() {
        let step = (bytes.len() / 500).max(1);
        for length in (0..bytes.len()).step_by(step) {
            // Cut between two sections the rest may stand for itself, as far as its contents agree.
            let Some(error) = survive(&format!("{name}, cut at {length}"), &bytes[..length], false) else { continue };
            if let Error::Malformed { offset, .. } = error {
                assert!(offset <= length as u64, "{name}, cut at {length}: {error}");
                assert!(error.to_string().contains("at offset 0x"), "{error}");
            }
        }
    }
}

#[test]
fn mutated_modules_are_upgraded_or_refused() {
    const MUTATIONS: usize = 20_000;
    for (name, seed) in seeds() {
        let understood = (0..MUTATIONS)
            .into_par_iter()
            .filter(|number| {
                let mut random = Random::new(*number as u64);
                let mut bytes = seed.clone();
                mutate::bytes(&mut bytes, &mut random);
                !matches!(survive(&format!("{name}, mutation {number}"), &bytes, number % 4 == 0), Some(Error::Malformed { .. }))
            })
            .count();
        // Mutations that all break the format would test the parser only.
        assert!(understood > MUTATIONS / 50, "{name}: only {understood} mutations are valid");
    }
}

/// What is no module is called by its name on the command line, with exit code 1 and nothing written.
#[test]
fn other_files_are_errors_of_the_command() {
    let header = b"\0asm\x01\0\0\0";
    let huge_section = [&header[..], &[1, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat();
    let no_magic = [&b"\0asn"[..], &header[4..]].concat();
    let cases: &[(&[u8], &str)] = &[
        (b"", "is empty"),
        (b"\x7fELF\x02\x01\x01\0", "is an ELF file, built for a native platform"),
        (b"\xcf\xfa\xed\xfe\x07\0\0\x01", "is a Mach-O file, built for macOS"),
        (b"\0asm\x0d\0\x01\0", "is a WebAssembly component"),
        (b"!<arch>\n", "link its objects into a side module first"),
        (&header[..6], "is cut off within the header"),
        (header, "no `dylink.0` section"),
        (&huge_section, "(at offset 0x"),
        (&no_magic, "it starts with the bytes 00 61 73 6e"),
    ];
    for (bytes, expected) in cases {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("x.so"), bytes).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"));
        let output = command.args(["x.so", "-o", "out"]).current_dir(directory.path()).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{bytes:?}: {stderr}");
        assert!(stderr.starts_with("error[") && stderr.contains("]: x.so: ") && stderr.contains(expected), "{bytes:?}: {stderr}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "{bytes:?}: something was written");
    }
}

/// Sections that claim billions of entries, of each kind and of `dylink.0`, behind a valid beginning.
#[test]
fn huge_counts_take_no_memory() {
    const COUNT: [u8; 5] = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let begin = b"\0asm\x01\0\0\0\0\x0f\x08dylink.0\x01\x04\0\0\0\0";
    for section in 1..=13 {
        let error = survive("a huge section", &[&begin[..], &[section, 5], &COUNT].concat(), false);
        // The number of data segments is only a promise.
        assert!(error.is_some() || section == 12, "section {section}");
        let error = survive("a huge section", &[&begin[..], &[section], &COUNT, &COUNT].concat(), false).expect("an error");
        assert!(error.to_string().contains("at offset 0x"), "{error}");
    }
    for subsection in 1..=6 {
        let dylink = [b"\x08dylink.0", &[subsection, 5][..], &COUNT].concat();
        let bytes = [b"\0asm\x01\0\0\0", &[0, dylink.len() as u8][..], &dylink].concat();
        assert!(survive("a huge subsection", &bytes, false).is_some() || subsection == 6, "subsection {subsection}");
    }
}

/// Following the values of this many locals through this many branches would take hours, and keeping them gigabytes.
#[test]
fn functions_with_many_locals_and_branches_take_no_time() {
    let function = |locals: usize, code: &str| {
        let locals = "i32 ".repeat(locals);
        format!(r#"(func (local {locals}) (call $invoke_v (global.get $__table_base)) {code})"#)
    };
    let nested = "block ".repeat(20_000) + "local.get 0 br_if 0 " + &"end ".repeat(20_000);
    let branches = "block local.get 0 br_if 0 end ".repeat(50_000);
    let loops = "loop local.get 0 br_if 0 end ".repeat(50_000);
    for code in [nested, branches, loops] {
        survive(&code[..30], &catching(&[("MORE", &function(30_000, &code))]), false);
    }
    // As many as engines allow: there is no room for another.
    let error = survive("most locals", &catching(&[("MORE", &function(50_000, ""))]), false);
    assert!(error.is_none(), "{error:?}");
}

/// The loader would refuse it, but the tool must not fill four billion slots to append one.
#[test]
fn a_huge_table_takes_no_memory() {
    let text = r#"(module
        (@dylink.0 (mem-info (memory 0 0) (table 4294967295 0)))
        (import "env" "memory" (memory 0))
        (import "GOT.func" "invoke_v" (global $address (mut i32)))
        (func (export "run") (result i32) (global.get $address)))"#;
    let error = survive("a huge table", &wat::parse_str(text).unwrap(), false).expect("an error").to_string();
    assert!(error.contains("4294967295 table slots"), "{error}");
}

/// What a module that catches exceptions has, except what `parts` replace: each is a name and the text in its place.
fn catching(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut text = r#"(module
        DYLINK
        MEMORY
        TABLE
        BASES
        (import "env" "__stack_pointer" (global $__stack_pointer (mut i32)))
        (import "GOT.mem" "__THREW__" (global $__THREW__ (mut i32)))
        (import "GOT.func" "invoke_i" (global $invoke_i_address (mut i32)))
        (import "env" "invoke_v" (func $invoke_v (param i32)))
        (import "env" "__cxa_find_matching_catch_3" (func $match (param i32) (result i32)))
        (import "env" "getTempRet0" (func $getTempRet0 (result i32)))
        MORE
        (func $f)
        (func $run (export "run") (result i32)
          (call $invoke_v (global.get $__table_base))
          (drop (i32.load (global.get $__THREW__)))
          (drop (call $match (global.get $invoke_i_address)))
          (call $getTempRet0))
        ELEMENTS
        DATA)"#
        .to_string();
    let usual = [
        ("DYLINK", "(@dylink.0 (mem-info (memory 4 2) (table 1 0)))"),
        ("MEMORY", r#"(import "env" "memory" (memory 0))"#),
        ("TABLE", r#"(import "env" "__indirect_function_table" (table 0 funcref))"#),
        (
            "BASES",
            r#"(import "env" "__memory_base" (global $__memory_base i32)) (import "env" "__table_base" (global $__table_base i32))"#,
        ),
        ("ELEMENTS", "(elem (global.get $__table_base) func $f)"),
        ("DATA", r#"(data (global.get $__memory_base) "data")"#),
        ("MORE", ""),
    ];
    for (part, replacement) in parts.iter().chain(&usual) {
        text = text.replace(part, replacement);
    }
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Forms that no linker writes and that mean the same.
#[test]
fn unusual_modules_are_upgraded() {
    let cases: &[&[(&str, &str)]] = &[
        &[],
        &[("DATA", "")],
        &[("DATA", r#"(data "passive")"#)],
        &[("MORE", "(memory 1)")],
        &[("MORE", r#"(import "env" "memory" (memory 0)) (import "env" "invoke_v" (func $again (param i32)))"#)],
        &[("MORE", r#"(import "GOT.func" "invoke_i" (global (mut i32))) (import "GOT.mem" "__THREW__" (global (mut i32)))"#)],
        &[("MORE", r#"(import "env" "memory" (memory 0)) (data (memory 1) (i32.const 0) "second")"#)],
        &[("MORE", "(start $f)")],
        &[("MORE", r#"(export "a" (func $invoke_v)) (export "b" (func $match)) (export "c" (global $__THREW__))"#)],
        &[("MORE", "(global $base i32 (global.get $__memory_base)) (global (mut i32) (global.get $__table_base))")],
        &[("MORE", "(global funcref (ref.func $match)) (global funcref (ref.func $invoke_v))")],
        &[("MORE", "(table 3 funcref) (table 1 externref)")],
        &[("MORE", "(elem declare func $invoke_v $match) (elem func $invoke_v) (elem funcref (ref.func $match) (ref.null func))")],
        &[("MORE", r#"(import "env" "setTempRet0" (func)) (import "env" "_Unwind_CallPersonality" (func))"#)],
        &[("MORE", r#"(import "env" "__cpp_exception" (tag (param i32))) (tag $own (export "own")) (func (throw $own))"#)],
        &[("DYLINK", r#"(@dylink.0 (mem-info (memory 4 2) (table 9 0)))"#)],
        &[("DYLINK", r#"(@custom "dylink" (before first) "\04\02\01\00\00")"#)],
    ];
    for parts in cases {
        let bytes = catching(parts);
        for exnref in [false, true] {
            if let Some(error) = survive(&format!("{parts:?}"), &bytes, exnref) {
                panic!("{parts:?}: {error}");
            }
        }
    }
}

/// Modules that cannot be converted: each is refused, with the reason.
#[test]
fn modules_that_break_conventions_are_refused() {
    let base = |memory: &str, table: &str| {
        format!(
            r#"(import "env" "__memory_base" (global $__memory_base {memory})) (import "env" "__table_base" (global $__table_base {table}))"#
        )
    };
    let (mutable, wide) = (base("i32", "(mut i32)"), base("i64", "i32"));
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("one list", &[("ELEMENTS", "(elem (global.get $__table_base) funcref (ref.func $f))")]),
        ("one list", &[("ELEMENTS", "(elem (global.get $__table_base) func $f) (elem (i32.const 0) func $f)")]),
        ("one list", &[("ELEMENTS", "(elem (i32.const 1) func $f)")]),
        ("one list", &[("TABLE", ""), ("MORE", "(table 1 funcref)")]),
        ("`env.__table_base` is not an immutable i32", &[("BASES", &mutable), ("ELEMENTS", ""), ("DATA", "")]),
        ("`env.__memory_base` is not an immutable i32", &[("BASES", &wide), ("DATA", "")]),
        (
            "`env.__indirect_function_table` is not a table of functions",
            &[("TABLE", r#"(import "env" "__indirect_function_table" (table 0 externref))"#), ("ELEMENTS", "")],
        ),
        ("`GOT.mem._ZTIi` is not a mutable i32", &[("MORE", r#"(import "GOT.mem" "_ZTIi" (global i32))"#)]),
        ("`GOT.func.f` is not a mutable i32", &[("MORE", r#"(import "GOT.func" "f" (global (mut i64)))"#)]),
        ("`env.__cpp_exception` is not a tag", &[("MORE", r#"(import "env" "__cpp_exception" (tag (param i64)))"#)]),
        ("`env.__c_longjmp` is not a tag", &[("MORE", r#"(import "env" "__c_longjmp" (func))"#)]),
        (
            "fills 32-bit memory",
            &[
                ("DYLINK", "(@dylink.0 (mem-info (memory 4294967290 2) (table 1 0)))"),
                ("MORE", "(func (drop (i32.load (global.get $__THREW__))))"),
            ],
        ),
    ];
    for (reason, parts) in cases {
        assert_refused(reason, &catching(parts));
    }
    let without_memory = r#"(module
        (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
        (import "env" "invoke_v" (func $invoke_v (param i32)))
        (func (export "run") (call $invoke_v (i32.const 0))))"#;
    assert_refused("no memory", &wat::parse_str(without_memory).unwrap());
}

#[track_caller]
fn assert_refused(reason: &str, bytes: &[u8]) {
    match survive(reason, bytes, false) {
        Some(Error::Refused { message, .. }) if message.contains(reason) => {}
        other => panic!("instead of being refused for {reason:?}: {other:?}"),
    }
}
