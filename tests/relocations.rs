//! Relocation code is understood, whatever an optimiser made of it, and nothing is taken for relocation code that is not. The table
//! that takes its place does the same.

use std::path::Path;
use std::process::{Command, Stdio};

use rayon::prelude::*;
use serde_json::{Value as Json, json};
use support::fixtures::{self, Group, is_legalized};
use support::{Node, Runtime, all_modules};
use wasm_pyfix::pipeline::Plan;
use wasm_pyfix::pipeline::{ModuleOptions, ShrinkOptions, shrink_modules, upgrade_module};
use wasm_pyfix_passes::Outcome;
use wasm_pyfix_passes::linking::relocation_code::{self as read, Code, GlobalRelocation, Relocation, Unrecognised, Value};
use wasm_pyfix_passes::module::{Address, GlobalId, Item, Module};

/// A side module with 64 bytes of data whose relocation function has `locals`, then the body `code`; `more` follows.
fn module(code: &str, more: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            (@custom "dylink.0" (before first) "\01\04\40\02\04\00")
            (import "env" "memory" (memory 1))
            (import "env" "__memory_base" (global $mb i32))
            (import "env" "__table_base" (global $tb i32))
            (import "GOT.mem" "symbol" (global $symbol (mut i32)))
            (import "env" "imported" (func $imported))
            (global $internal (mut i32) (i32.const 0))
            (global $wide (mut i64) (i64.const 0))
            (func (export "__wasm_apply_data_relocs") {code})
            {more})"#
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn read_data(bytes: &[u8]) -> Result<Vec<Relocation>, Unrecognised> {
    let module = Module::read(bytes).unwrap_or_else(|error| panic!("{error}"));
    let code = read::read(&module, read::data_function(&module).expect("it is exported"))?;
    assert!(code.globals.is_empty() && code.zeroed.is_empty());
    Ok(code.data)
}

const MEMORY: fn(u32) -> Value = |offset| Value::Base(Address::Memory(offset));
const TABLE: fn(u32) -> Value = |offset| Value::Base(Address::Table(offset));
const SYMBOL: fn(i32) -> Value = |addend| Value::Entry { global: GlobalId(2), addend };

#[track_caller]
fn assert_reads(code: &str, expected: &[(u32, Value)]) {
    let found = read_data(&module(code, "")).unwrap_or_else(|why| panic!("{why:?}"));
    let found: Vec<_> = found.into_iter().map(|relocation| (relocation.place, relocation.value)).collect();
    assert_eq!(found, expected);
}

#[track_caller]
fn assert_refuses(code: &str, more: &str, what: &str) {
    let why = read_data(&module(code, more)).expect_err("it does more than relocate");
    assert_eq!(why.what, what);
    assert!(why.offset > 0, "{why:?}");
}

#[test]
fn what_lld_writes() {
    assert_reads("", &[]);
    assert_reads(
        "(i32.store (i32.add (i32.const 8) (global.get $mb)) (i32.add (global.get $mb) (i32.const 24)))
         (i32.store (i32.add (i32.const 12) (global.get $mb)) (i32.add (global.get $tb) (i32.const 3)))
         (i32.store (i32.add (i32.const 16) (global.get $mb)) (global.get $symbol))
         (i32.store (i32.add (i32.const 20) (global.get $mb)) (i32.add (global.get $symbol) (i32.const 8)))",
        &[(8, MEMORY(24)), (12, TABLE(3)), (16, SYMBOL(0)), (20, SYMBOL(8))],
    );
}

#[test]
fn what_optimisers_make_of_it() {
    // Bases and sums in locals, subtractions of negative numbers, offsets in the stores.
    assert_reads(
        "(local $base i32) (local $table i32) (local $sum i32) (local f64)
         (block $unused
           (i32.store offset=4
             (local.tee $base (global.get $mb))
             (local.tee $sum (i32.sub (local.get $base) (i32.const -40)))))
         (local.set $table (global.get $tb))
         (i32.store (i32.add (local.get $base) (i32.const 8)) (i32.sub (local.get $sum) (i32.const 4)))
         nop
         (i32.store offset=12 (i32.sub (i32.add (local.get $base) (i32.const 5)) (i32.const 5)) (local.get $table))
         (drop (global.get $symbol))
         (i32.store offset=16 (local.get $base) (i32.sub (global.get $symbol) (i32.const 1)))",
        &[(4, MEMORY(40)), (8, MEMORY(36)), (12, TABLE(0)), (16, SYMBOL(-1))],
    );
    // What does not depend on where the module is.
    assert_reads(
        "(local $zero i32)
         (i32.store offset=4 (global.get $mb) (i32.sub (global.get $symbol) (global.get $symbol)))
         (i32.store offset=8 (global.get $mb) (i32.add (local.get $zero) (i32.const 7)))",
        &[(4, Value::Constant(0)), (8, Value::Constant(7))],
    );
    // Addends that lie before the module, and places at its borders that need no alignment.
    assert_reads(
        "(i32.store offset=60 (global.get $mb) (i32.sub (global.get $mb) (i32.const 16)))
         (i32.store offset=1 align=1 (global.get $mb) (global.get $internal))",
        &[(60, MEMORY(0xffff_fff0)), (1, Value::Entry { global: GlobalId(3), addend: 0 })],
    );
}

#[test]
fn helper_functions_are_followed() {
    let more = "(func $a (i32.store (global.get $mb) (global.get $mb)) (call $b))
                (func $b (i32.store offset=8 (global.get $mb) (global.get $tb)))";
    let found = read_data(&module("(call $a)", more)).unwrap();
    let place = |place, value| Relocation { place, value };
    assert_eq!(found, [place(0, MEMORY(0)), place(8, TABLE(0))]);

    assert_refuses("(call $a) (call $a)", "(func $a)", "functions that call each other repeatedly or too deeply");
    assert_refuses("(call $a)", "(func $a (call $a))", "functions that call each other repeatedly or too deeply");
    assert_refuses("(call $a (i32.const 1))", "(func $a (param i32))", "a function with parameters or results");
    assert_refuses("(call $imported)", "", "a call of an imported function");
}

#[test]
fn anything_else_is_not_recognised() {
    let cases = [
        ("(i64.store (global.get $mb) (i64.const 1))", "the instruction `I64Const`"),
        ("(i32.store8 (global.get $mb) (global.get $tb))", "the instruction `I32Store8`"),
        ("(i32.store (global.get $mb) (i32.load (global.get $mb)))", "the instruction `I32Load`"),
        ("(memory.copy (global.get $mb) (global.get $tb) (i32.const 4))", "the instruction `MemoryCopy`"),
        ("(if (global.get $symbol) (then (i32.store (global.get $mb) (global.get $tb))))", "the instruction `If`"),
        ("(block (br_if 0 (global.get $symbol)) (i32.store (global.get $mb) (global.get $tb)))", "the instruction `BrIf`"),
        ("(loop (br 0))", "the instruction `Br`"),
        ("return (i32.store (global.get $mb) (global.get $tb))", "the instruction `Return`"),
        ("(drop (global.get $wide))", "a global that holds no address"),
        ("(global.set $symbol (global.get $mb))", "a write to an imported global"),
        ("(i32.store (global.get $mb) (i32.add (global.get $mb) (global.get $tb)))", "a sum of two addresses"),
        ("(i32.store (global.get $mb) (i32.sub (global.get $mb) (global.get $tb)))", "a difference that is no address"),
        ("(i32.store (global.get $mb) (i32.sub (i32.const 9) (global.get $tb)))", "a difference that is no address"),
        ("(i32.store (global.get $symbol) (global.get $mb))", "a store outside of the module's data"),
        ("(i32.store (i32.const 16) (global.get $mb))", "a store outside of the module's data"),
        ("(i32.store offset=61 (global.get $mb) (global.get $mb))", "a store outside of the module's data"),
        ("(i32.store offset=0xffffffff (global.get $mb) (global.get $mb))", "a store outside of the module's data"),
        // The offset does not wrap around: this store is far behind the module, not at its beginning.
        ("(i32.store offset=4 (i32.sub (global.get $mb) (i32.const 4)) (global.get $mb))", "a store outside of the module's data"),
        ("(memory.fill (global.get $mb) (i32.const 1) (i32.const 8))", "the instruction `MemoryFill`"),
        ("(memory.fill (global.get $mb) (i32.const 0) (global.get $tb))", "the instruction `MemoryFill`"),
        ("(memory.fill (global.get $mb) (i32.const 0) (i32.const 65))", "a store outside of the module's data"),
        ("(memory.fill (i32.const 0) (i32.const 0) (i32.const 1))", "a store outside of the module's data"),
        ("(i64.store offset=57 (global.get $mb) (i64.const 0))", "a store outside of the module's data"),
        (
            "(memory.fill (global.get $mb) (i32.const 0) (i32.const 8)) (i32.store offset=7 (global.get $mb) (global.get $tb))",
            "two stores to one place",
        ),
        (
            "(i32.store offset=4 (global.get $mb) (global.get $mb)) (i32.store offset=7 (global.get $mb) (global.get $tb))",
            "two stores to one place",
        ),
    ];
    for (code, what) in cases {
        assert_refuses(code, "", what);
    }
}

#[track_caller]
fn read_start(code: &str, more: &str) -> Code {
    let bytes = module("", &format!("(start $start) (func $start {code}) {more}"));
    let module = Module::read(&bytes).unwrap();
    read::read(&module, module.start().expect("it has one")).unwrap_or_else(|why| panic!("{why:?}"))
}

#[test]
fn globals_are_relocated() {
    let code = read_start(
        "(global.set $internal (i32.add (global.get $mb) (i32.const 4))) (call $more)",
        "(global $second (mut i32) (i32.const 0))
         (func $more (global.set $second (i32.sub (global.get $internal) (i32.const -4))))",
    );
    let expected = |id, value| GlobalRelocation { global: GlobalId(id), value };
    assert_eq!(code, Code { globals: vec![expected(3, MEMORY(4)), expected(5, MEMORY(8))], ..Code::default() });
}

/// What lld writes is one `memory.fill`; for short ranges, wasm-opt makes a store of it.
#[test]
fn memory_is_cleared() {
    let code = read_start(
        "(memory.fill (i32.add (global.get $mb) (i32.const 40)) (i32.const 0) (i32.const 24))
         (v128.store offset=1 (global.get $mb) (v128.const i64x2 0 0))
         (i64.store offset=20 (global.get $mb) (i64.const 0))
         (i32.store16 (global.get $mb) (i32.const 0))
         (i32.store8 offset=30 (global.get $mb) (i32.const 0))
         (i32.store offset=32 (global.get $mb) (global.get $mb))",
        "",
    );
    let data = vec![Relocation { place: 32, value: MEMORY(0) }];
    assert_eq!(code, Code { data, zeroed: vec![40..64, 1..17, 20..28, 0..2, 30..31], ..Code::default() });
}

/// Every real module relocates its data in a way that is understood.
#[test]
fn every_module_is_understood() {
    let (mut functions, mut relocations) = (0, 0);
    for (name, bytes) in all_modules() {
        let module = Module::read(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        if let Some(start) = module.start() {
            read::read(&module, start).unwrap_or_else(|why| panic!("{name}: {why:?}"));
        }
        let Some(function) = read::data_function(&module) else { continue };
        functions += 1;
        relocations += read::read(&module, function).unwrap_or_else(|why| panic!("{name}: {why:?}")).data.len();
    }
    assert!(functions > 20 && relocations > 50_000, "{functions} functions with {relocations} relocations");
}

/// What the pass makes of a module, and what it says.
fn compact(bytes: &[u8]) -> (Option<Vec<u8>>, Outcome) {
    let options = ShrinkOptions { relocations: true, ..ShrinkOptions::default() };
    let keep = Plan::keep(String::new());
    let mut results = shrink_modules(&[bytes], &options, |_| Ok(vec![keep.clone()])).unwrap_or_else(|error| panic!("{error:#}"));
    let result = results.remove(0);
    let outcome = result.outcomes.into_iter().find(|outcome| outcome.pass == "relocations").expect("the pass ran");
    (result.bytes, outcome)
}

/// What becomes of a module before relocations are moved: other passes reserve memory and wrap the start function.
fn upgrade(bytes: &[u8]) -> Option<Vec<u8>> {
    let personality = "_Unwind_CallPersonality".to_string();
    let options = ModuleOptions { personality, bigint: true, ..ModuleOptions::default() };
    // Modules whose types nothing proves are refused.
    upgrade_module(bytes, &options).ok()?.bytes
}

/// Writes the modules of a pair into `directory` and tells `tests/runtime/relocations.mjs` about it. The second one keeps `stores`.
fn pair(directory: &Path, index: usize, name: &str, before: &[u8], after: &[u8], stores: usize) -> Json {
    let write = |suffix: &str, bytes: &[u8]| {
        let path = directory.join(format!("{index}-{suffix}.wasm"));
        std::fs::write(&path, bytes).expect("the directory is writable");
        path
    };
    let (mut globals, mut tags) = (serde_json::Map::new(), serde_json::Map::new());
    for bytes in [before, after] {
        let module = Module::read(bytes).expect("it was read before");
        for import in module.imports() {
            let full = format!("{}.{}", import.module, import.field);
            match import.item {
                Item::Global(id) => {
                    let ty = module.globals()[id.0 as usize].ty;
                    globals.insert(full, json!([ty.content_type.to_string(), ty.mutable]));
                }
                Item::Tag(id) => {
                    let ty = &module.types()[module.tags()[id.0 as usize].ty.0 as usize];
                    tags.insert(full, json!(ty.params().iter().map(ToString::to_string).collect::<Vec<_>>()));
                }
                _ => {}
            }
        }
    }
    let (before, after) = (write("before", before), write("after", after));
    json!({ "name": name, "before": before, "after": after, "globals": globals, "tags": tags, "stores": stores })
}

/// What `tests/runtime/relocations.mjs` finds different.
fn differences(pairs: Vec<Json>) -> String {
    let script = support::repository().join("tests/runtime/relocations.mjs");
    let mut node =
        Command::new("node").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Node is installed");
    serde_json::to_writer(node.stdin.take().expect("it is piped"), &json!({ "pairs": pairs })).expect("Node reads it");
    let output = node.wait_with_output().expect("Node ends");
    assert!(output.status.success(), "Node failed after: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stdout).expect("Node prints text")
}

/// Compares what both forms of every module that gets a table make of their memory. `prepare` comes first; it leaves out modules for
/// which it gives nothing.
#[track_caller]
fn assert_same_memory(prepare: impl Fn(Vec<u8>) -> Option<Vec<u8>> + Sync, at_least: usize) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let modules: Vec<_> = all_modules().into_iter().enumerate().collect();
    let pairs = modules.into_par_iter().filter_map(|(index, (name, bytes))| {
        let before = prepare(bytes)?;
        let (after, outcome) = compact(&before);
        assert!(outcome.left.is_empty(), "{name}: {:?}", outcome.left);
        let after = after?;
        assert!(after.len() < before.len(), "{name} grows");
        let (again, outcome) = compact(&after);
        assert!(again.is_none(), "{name}: a second run finds work");
        assert!(outcome.left.is_empty(), "{name}: a second run complains: {:?}", outcome.left);
        Some(pair(directory.path(), index, &name, &before, &after, 0))
    });
    let pairs: Vec<Json> = pairs.collect();
    assert!(pairs.len() >= at_least, "only {} modules got a table", pairs.len());
    let differences = differences(pairs);
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn tables_do_what_stores_did() {
    assert_same_memory(Some, 20);
}

#[test]
fn tables_do_what_stores_did_in_upgraded_modules() {
    assert_same_memory(|bytes| upgrade(&bytes), 10);
}

/// `count` stores like lld's into consecutive words, beginning with the word `first`.
fn stores(first: u32, count: u32, value: &str) -> String {
    let store = |word| format!("(i32.store (i32.add (i32.const {}) (global.get $mb)) {value})\n", 4 * word);
    (first..first + count).map(store).collect()
}

/// Relocations enough for a table, of which the data holds no addend.
fn many(data: &str) -> Vec<u8> {
    let symbol = stores(4, 40, "(i32.add (global.get $symbol) (i32.const 8))");
    let addresses = stores(44, 20, "(i32.add (global.get $mb) (i32.const 1000))");
    let code = symbol + &addresses + &stores(64, 10, "(global.get $tb)");
    large_module(&code, data)
}

/// A side module with 1200 bytes of memory.
fn large_module(code: &str, more: &str) -> Vec<u8> {
    let mut bytes = module(code, more);
    // The memory size of `module`, 64, in its place in `dylink.0`; `dylink` makes room for it.
    let mut large = Module::read(&bytes).unwrap();
    large.dylink.memory_size = 1200;
    bytes = large.write().unwrap();
    bytes
}

/// Runs the module, with and without a table, in Node.
#[track_caller]
fn assert_same_as_stores(bytes: &[u8]) -> Outcome {
    let (after, outcome) = compact(bytes);
    let after = after.expect("it gets a table");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let stores = outcome.left.iter().map(|left| left.count).sum();
    let differences = differences(vec![pair(directory.path(), 0, "module", bytes, &after, stores)]);
    assert!(differences.is_empty(), "{differences}");
    assert_eq!(compact(&after), (None, Outcome::new("relocations")));
    outcome
}

const SEGMENT: &str = r#"(data (global.get $mb) "%")"#;

/// A data segment of `size` bytes that begins at `__memory_base`.
fn segment(size: usize) -> String {
    SEGMENT.replace('%', &"\\07".repeat(size))
}

#[test]
fn addends_that_the_data_lacks_are_written_into_it() {
    let outcome = assert_same_as_stores(&many(&segment(400)));
    assert_eq!(outcome.changed["relocations_moved"], 70);
    assert!(outcome.left.is_empty());
}

/// The form of it all, as text.
#[test]
fn the_table_and_its_code() {
    let (bytes, _) = compact(&many(&segment(400)));
    let text = wasmprinter::print_bytes(bytes.expect("it gets a table")).unwrap();
    let snapshot = support::repository().join("tests/relocations/table.wat");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&snapshot, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&snapshot).unwrap_or_default();
    assert!(text == expected, "tests/relocations/table.wat differs (BLESS=1 writes it); it should be\n{text}");
}

/// Words that no segment holds, unaligned ones and constants keep their stores.
#[test]
fn what_no_table_can_do_stays_a_store() {
    let more = "(i32.store offset=300 (global.get $mb) (global.get $mb))
                (i32.store offset=398 align=2 (global.get $mb) (global.get $tb))
                (i32.store offset=1196 (global.get $mb) (i32.add (global.get $symbol) (i32.const 3)))
                (i32.store offset=500 (global.get $mb) (i32.const 77))
                (i32.store offset=305 align=1 (global.get $mb) (global.get $symbol))";
    let code = stores(4, 60, "(global.get $symbol)") + more;
    let outcome = assert_same_as_stores(&large_module(&code, &segment(400)));
    assert_eq!(outcome.changed["relocations_moved"], 61);
    let left: Vec<_> = outcome.left.iter().map(|left| (left.why.as_str(), left.count)).collect();
    assert_eq!(left, [("no data segment holds its word", 2), ("it stores a constant", 1), ("its word is not aligned", 1)]);
}

/// Memory that the start function clears holds no addends.
#[test]
fn cleared_memory_keeps_its_stores() {
    let start = "(start $start)
                 (func $start (memory.fill (i32.add (global.get $mb) (i32.const 200)) (i32.const 0) (i32.const 1000)))";
    let outcome = assert_same_as_stores(&many(&format!("{} {start}", segment(400))));
    assert_eq!(outcome.changed["relocations_moved"], 46);
    assert_eq!(outcome.left.iter().map(|left| left.count).sum::<usize>(), 24);
}

/// Sums as offsets of segments need a younger engine than Node 20 has, so this looks at the bytes.
#[test]
fn several_segments_can_hold_words() {
    let data = r#"(data (offset (i32.add (global.get $mb) (i32.const 200))) "%") (data (global.get $mb) "%")"#;
    let (bytes, outcome) = compact(&many(&data.replace('%', &"\\01".repeat(200))));
    assert_eq!(outcome.changed["relocations_moved"], 70);
    assert!(outcome.left.is_empty());
    let bytes = bytes.expect("it gets a table");
    let module = Module::read(&bytes).unwrap();
    let word = |segment: usize, at: usize| i32::from_le_bytes(module.data()[segment].bytes[at..at + 4].try_into().unwrap());
    assert_eq!([word(1, 12), word(1, 16), word(1, 172), word(1, 176), word(1, 196)], [0x0101_0101, 8, 8, 1000, 1000]);
    assert_eq!([word(0, 0), word(0, 52), word(0, 56), word(0, 92), word(0, 96)], [1000, 1000, 0, 0, 0x0101_0101]);
}

#[test]
fn what_is_not_understood_is_left_alone() {
    let other = "(func $other (drop (i32.load (global.get $mb))))";
    let cases = [
        (many(&format!("{} (start $other) {other}", segment(400))), "the start function has the instruction `I32Load`"),
        (
            many(&format!("{} (start $s) (func $s (i32.store offset=8 (global.get $mb) (global.get $mb)))", segment(400))),
            "the start function stores addresses, too",
        ),
        (many(r#"(data (i32.const 8) "abc")"#), "where a data segment goes is not known"),
        (
            many(&format!(r#"{} (data (offset (i32.add (global.get $mb) (i32.const 399))) "abc")"#, segment(400))),
            "data segments overlap",
        ),
        (
            large_module(&(stores(4, 60, "(global.get $symbol)") + "(call $imported)"), &segment(400)),
            "it has a call of an imported",
        ),
        (
            large_module(&(stores(4, 60, "(global.get $mb)") + "(global.set $internal (global.get $mb))"), &segment(400)),
            "it does not only",
        ),
    ];
    for (bytes, why) in cases {
        let (after, outcome) = compact(&bytes);
        assert!(after.is_none(), "{why}: it is changed");
        let [left] = outcome.left.as_slice() else { panic!("{why}: {outcome:?}") };
        assert!(left.what.code() == "kept-relocation-code" && left.why.starts_with(why), "{left:?}");
    }
}

/// A few stores are shorter than a loop.
#[test]
fn a_few_relocations_stay_as_they_are() {
    for count in [0, 1, 20] {
        let bytes = large_module(&stores(4, count, "(global.get $symbol)"), &segment(400));
        assert_eq!(compact(&bytes), (None, Outcome::new("relocations")));
    }
}

/// The fixtures with tables, under real runtimes: they print what the sources do.
#[test]
fn modules_with_tables_run() {
    let mut changed = 0;
    for name in ["emscripten-3.1.69/O2-sm1-js", "emscripten-3.1.69/O0-sm1-js"] {
        let group = Group::read(name).expect("the fixtures are in the repository").only(|file| !is_legalized(file));
        let group = group.map(|_, bytes| {
            let upgraded = upgrade(&bytes).unwrap_or(bytes);
            let (after, _) = compact(&upgraded);
            changed += usize::from(after.is_some());
            after.unwrap_or(upgraded)
        });
        for runtime in Runtime::UPGRADED {
            let answers = group.run_together(Node::Installed, runtime).unwrap_or_else(|error| panic!("{error:#}"));
            let differences = fixtures::differences(&answers);
            assert!(differences.is_empty() && !answers.is_empty(), "{} {name}\n{}", runtime.version(), differences.join("\n"));
        }
    }
    assert!(changed >= 4, "only {changed} modules got a table");
}
