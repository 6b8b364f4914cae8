//! Predicted failures happen, with the words that were predicted; after the remedy there is no finding and no failure.

use super::{check, codes, findings};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use support::modules::modules_of_archive;
use support::{Job, Node, Runtime, run_jobs};
use wasm_pyfix::target::Target;
use wasm_pyfix_passes::module::{Item, Module};
use wasm_pyfix_passes::{Item as Offered, Provider};

/// Where modules are put in the runtime, and how they are loaded and called.
const PATH: &str = "/home/pyodide/m.so";
const CALL: &str = "import ctypes\nstr(ctypes.CDLL('/home/pyodide/m.so').answer())";

/// How a module is put right.
enum Remedy {
    /// By `upgrade` with these arguments.
    Upgrade(&'static [&'static str]),
    /// By compiling this text instead.
    Compile(&'static str),
    /// By another runtime or engine.
    Run(Node, Runtime),
}

struct Case {
    code: &'static str,
    /// What the module has besides the linking metadata, or all of it if it begins with `(module`.
    text: &'static str,
    node: Node,
    runtimes: &'static [Runtime],
    remedy: Remedy,
}

const UPGRADED: &[Runtime] = &Runtime::UPGRADED;
const FIRST: &[Runtime] = &[Runtime::V0_29_5];
const ANSWER: &str = "(func (export \"answer\") (result i32) i32.const 42)";

/// A case on the usual engine.
fn case(code: &'static str, runtimes: &'static [Runtime], text: &'static str, remedy: Remedy) -> Case {
    Case { code, text, node: Node::Installed, runtimes, remedy }
}

fn assemble(text: &str) -> Vec<u8> {
    let text = if text.starts_with("(module") {
        text.to_string()
    } else {
        format!("(module (@dylink.0 (mem-info (memory 0 0) (table 0 0))) {text})")
    };
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"))
}

/// Whether a runtime's `error` is what was `predicted`, in which `…` stands for anything.
pub fn matches(error: &str, predicted: &str) -> bool {
    let mut rest = error;
    predicted.trim_start_matches("Error: ").split('…').all(|part| {
        let found = rest.split_once(part.trim());
        rest = found.map_or(rest, |(_, behind)| behind);
        found.is_some()
    })
}

/// Runs modules, each in a fresh runtime of one process.
fn run(node: Node, runtime: Runtime, modules: &[&[u8]]) -> Vec<Result<String, String>> {
    let job = |module: &&[u8]| Job { files: vec![(PATH.to_string(), module.to_vec())], ..Job::new("m", CALL) };
    let jobs: Vec<Job> = modules.iter().map(job).collect();
    run_jobs(node, runtime, &jobs).unwrap().into_iter().map(|answer| answer.outcome).collect()
}

/// Checks one module against a runtime's platform.
fn check_module(module: &[u8], runtime: Runtime) -> Vec<serde_json::Value> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.so");
    std::fs::write(&file, module).unwrap();
    findings(&check(&[&file], &["--target", runtime.platform()]).1)
}

fn upgraded(module: &[u8], runtime: Runtime, arguments: &[&str]) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let [input, output] = ["m.so", "upgraded.so"].map(|name| directory.path().join(name));
    std::fs::write(&input, module).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"));
    command.arg(&input).arg("-o").arg(&output).args(["--target", runtime.platform()]).args(arguments);
    let result = command.output().unwrap();
    assert!(result.status.success(), "{}", String::from_utf8_lossy(&result.stderr));
    std::fs::read(&output).unwrap()
}

/// What is run where.
type Place = (Node, Runtime);

/// A module to run: what to say about it, its bytes, and what has to come of it.
type Trial = (String, Vec<u8>, Expected);

enum Expected {
    /// An error with these words in it, or any of them: what keeps a module from being loaded hides the rest.
    Error(Vec<String>),
    /// The answer.
    Answer,
}

/// Checks each case, and runs all modules of one place in one process: those that are to fail, and those that have been put right.
fn assert_cases(cases: &[Case]) {
    let mut trials: Vec<(Place, Vec<Trial>)> = Vec::new();
    let mut add = |place: Place, trial: Trial| match trials.iter_mut().find(|(known, _)| *known == place) {
        Some((_, trials)) => trials.push(trial),
        None => trials.push((place, vec![trial])),
    };
    for case in cases {
        let module = assemble(case.text);
        for &runtime in case.runtimes {
            let name = format!("{} on {}", case.code, runtime.version());
            let found = check_module(&module, runtime);
            assert_eq!(codes(&found), BTreeSet::from([case.code]), "{name}: {found:#?}");
            let predicted = found.iter().filter_map(|finding| finding["prevents"].as_str()).map(str::to_string).collect();
            add((case.node, runtime), (name.clone(), module.clone(), Expected::Error(predicted)));
            let (right, place) = match &case.remedy {
                Remedy::Upgrade(arguments) => (upgraded(&module, runtime, arguments), (case.node, runtime)),
                Remedy::Compile(text) => (assemble(text), (case.node, runtime)),
                Remedy::Run(node, runtime) => (module.clone(), (*node, *runtime)),
            };
            if place.0 == Node::Installed {
                let left = check_module(&right, place.1);
                assert!(left.is_empty(), "{name}: {left:#?}");
            }
            add(place, (format!("{name}, put right"), right, Expected::Answer));
        }
    }
    let mut failures = Vec::new();
    for ((node, runtime), mut trials) in trials {
        trials.dedup_by(|a, b| a.1 == b.1);
        let outcomes = run(node, runtime, &trials.iter().map(|(_, module, _)| module.as_slice()).collect::<Vec<_>>());
        for ((name, _, expected), outcome) in trials.iter().zip(outcomes) {
            let good = match (expected, &outcome) {
                (Expected::Answer, Ok(answer)) => answer == "42",
                (Expected::Error(predicted), Err(error)) => {
                    predicted.is_empty() || predicted.iter().any(|predicted| matches(error, predicted))
                }
                _ => false,
            };
            if !good {
                let predicted = if let Expected::Error(predicted) = expected { predicted.join("; ") } else { String::new() };
                failures.push(format!("{name}: {predicted}\n{outcome:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn symbols() {
    assert_cases(&[
        case(
            "missing-function",
            UPGRADED,
            "(import \"env\" \"emscripten_gone\" (func $f (param i32) (result i32)))
             (func (export \"answer\") (result i32) (call $f (i32.const -42)))",
            Remedy::Upgrade(&["--alias", "emscripten_gone=abs"]),
        ),
        case(
            "missing-address",
            UPGRADED,
            "(import \"GOT.func\" \"emscripten_gone\" (global (mut i32))) (func (export \"answer\") (result i32) i32.const 42)",
            Remedy::Upgrade(&["--alias", "emscripten_gone=abs"]),
        ),
        case(
            "missing-global",
            FIRST,
            "(import \"env\" \"gone\" (global i32)) (func (export \"answer\") (result i32) i32.const 42)",
            Remedy::Compile(ANSWER),
        ),
        case(
            "missing-tag",
            FIRST,
            "(import \"env\" \"gone\" (tag (param i32))) (func (export \"answer\") (result i32) i32.const 42)",
            Remedy::Compile(ANSWER),
        ),
        case(
            "unaddressable-function",
            FIRST,
            "(import \"GOT.func\" \"stackSave\" (global (mut i32))) (func (export \"answer\") (result i32) i32.const 42)",
            Remedy::Compile(ANSWER),
        ),
        case(
            "symbol-type-mismatch",
            FIRST,
            "(import \"env\" \"abs\" (func (param i64) (result i32))) (func (export \"answer\") (result i32) i32.const 42)",
            Remedy::Compile(ANSWER),
        ),
        case(
            "symbol-type-mismatch",
            FIRST,
            "(import \"env\" \"__stack_pointer\" (global i32)) (func (export \"answer\") (result i32) i32.const 42)",
            Remedy::Compile(ANSWER),
        ),
        case(
            "symbol-type-mismatch",
            FIRST,
            "(import \"env\" \"__cpp_exception\" (tag (param i64))) (func (export \"answer\") (result i32) i32.const 42)",
            Remedy::Compile(ANSWER),
        ),
        case(
            "symbol-kind-mismatch",
            FIRST,
            "(import \"env\" \"__c_longjmp\" (func)) (func (export \"answer\") (result i32) i32.const 42)",
            Remedy::Compile(ANSWER),
        ),
        case(
            "unknown-symbol",
            FIRST,
            "(import \"env\" \"of_another_library\" (func $f)) (func (export \"answer\") (result i32) (call $f) i32.const 42)",
            Remedy::Compile(ANSWER),
        ),
    ]);
}

/// What may be missing may be missing.
#[test]
fn weak_symbols() {
    let module = assemble(
        "(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)) (import-info \"env\" \"gone\" 1) (import-info \"GOT.mem\" \"got\" 1))
           (import \"env\" \"gone\" (func)) (import \"GOT.mem\" \"got\" (global (mut i32)))
           (func (export \"answer\") (result i32) i32.const 42))",
    );
    for runtime in Runtime::ALL {
        assert_eq!(check_module(&module, runtime), [] as [serde_json::Value; 0]);
        assert_eq!(run(Node::Installed, runtime, &[&module]), [Ok("42".to_string())]);
    }
}

const JAVASCRIPT: &str = "(import \"env\" \"memory\" (memory 0)) (import \"env\" \"__indirect_function_table\" (table 1 funcref))
    (import \"env\" \"__stack_pointer\" (global (mut i32)))
    (import \"env\" \"__table_base\" (global $base i32)) (import \"env\" \"invoke_i\" (func $invoke_i (param i32) (result i32)))";
const INVOKED: &str = "(func $f (result i32) i32.const 42) (elem (global.get $base) func $f)
    (func (export \"answer\") (result i32) (call $invoke_i (global.get $base)))";

#[test]
fn exceptions() {
    let module = |text: &str| -> &'static str {
        format!("(module (@dylink.0 (mem-info (memory 0 0) (table 1 0))) {JAVASCRIPT} {text} {INVOKED})").leak()
    };
    let native = "(import \"env\" \"__cpp_exception\" (tag $tag (param i32)))
        (func (export \"answer\") (result i32) try (result i32) i32.const 42 throw $tag catch $tag end)";
    let new = "(tag $own (param i32)) (func (export \"answer\") (result i32)
        (block $caught (result i32) (try_table (catch $own $caught) (throw $own (i32.const 42))) (i32.const 0)))";
    let both = format!("{new} (func try i32.const 42 throw $own catch_all end)").leak();
    assert_cases(&[
        case("javascript-exceptions", UPGRADED, module(""), Remedy::Upgrade(&[])),
        case(
            "javascript-exceptions",
            UPGRADED,
            module("(import \"GOT.func\" \"emscripten_longjmp\" (global (mut i32)))"),
            Remedy::Upgrade(&[]),
        ),
        case(
            "mixed-exceptions",
            FIRST,
            module(
                "(import \"env\" \"__cpp_exception\" (tag $tag (param i32)))
                 (func (export \"native\") (result i32) try (result i32) i32.const 42 throw $tag catch $tag end)",
            ),
            Remedy::Upgrade(&[]),
        ),
        case("native-exceptions", &[Runtime::V0_27_7], native, Remedy::Run(Node::Installed, Runtime::V0_29_5)),
        case("new-exceptions", FIRST, new, Remedy::Run(Node::V24Exnref, Runtime::V0_29_5)),
        case("mixed-handlers", FIRST, both, Remedy::Compile(native)),
    ]);
}

/// A C++ exception that passes frames without a landing pad ends the runtime; it does not where one catches.
#[test]
fn exceptions_that_are_never_caught() {
    const THROWS: &str = "(import \"env\" \"__cxa_allocate_exception\" (func $allocate (param i32) (result i32)))
        (import \"env\" \"__cxa_throw\" (func $throw (param i32 i32 i32)))
        (import \"GOT.mem\" \"_ZTIi\" (global $int (mut i32)))
        (func $f (result i32) (call $throw (call $allocate (i32.const 4)) (global.get $int) (i32.const 0)) unreachable)";
    let never: &str = format!("{THROWS} (func (export \"answer\") (result i32) (call $f))").leak();
    let catches: &str =
        format!("{THROWS} (func (export \"answer\") (result i32) try (result i32) (call $f) catch_all i32.const 42 end)").leak();
    const ALL: &[Runtime] = &Runtime::ALL;
    assert_cases(&[case("never-caught", ALL, never, Remedy::Compile(catches))]);
}

#[test]
fn linking_metadata() {
    assert_cases(&[
        case(
            "legacy-dylink",
            UPGRADED,
            "(module (@custom \"dylink\" (before first) \"\\00\\00\\00\\00\\00\") (func (export \"answer\") (result i32) i32.const 42))",
            Remedy::Upgrade(&[]),
        ),
        case(
            "dylink-not-first",
            FIRST,
            "(module (@custom \"early\" (before first) \"\") (@custom \"dylink.0\" (before first) \"\\01\\04\\00\\00\\00\\00\")
               (func (export \"answer\") (result i32) i32.const 42))",
            Remedy::Upgrade(&[]),
        ),
        case(
            "dylink-not-first",
            FIRST,
            "(module (@custom \"dylink.0\" (after last) \"\\01\\04\\00\\00\\00\\00\") (func (export \"answer\") (result i32) i32.const 42))",
            Remedy::Upgrade(&[]),
        ),
        case("no-dylink", FIRST, "(module (func (export \"answer\") (result i32) i32.const 42))", Remedy::Compile(ANSWER)),
        case(
            "dylink-too-small",
            FIRST,
            "(module (@dylink.0 (mem-info (memory 0 0) (table 1 0))) (import \"env\" \"__indirect_function_table\" (table 0 funcref))
               (import \"env\" \"__table_base\" (global $base i32)) (elem (global.get $base) func $f $f)
               (func $f (export \"answer\") (result i32) i32.const 42))",
            Remedy::Upgrade(&["-O0"]),
        ),
    ]);
}

/// Two segments that overlap by a byte, globals of both kinds and types, and a start function that reads one.
const EXTENDED_CONST: &str = "(module (@dylink.0 (mem-info (memory 24 2) (table 0 0)))
    (import \"env\" \"memory\" (memory 0)) (import \"env\" \"__memory_base\" (global $base i32))
    (global $fixed i32 (i32.add (global.get $base) (i32.const 16)))
    (global $wide i64 (i64.mul (i64.const 5) (i64.sub (i64.const 3) (i64.const 1))))
    (global $changing (mut i32) (i32.sub (i32.const 9) (i32.const 2)))
    (data (global.get $base) \"\\01\\02\\03\\04\\05\")
    (data (offset (i32.add (global.get $base) (i32.const 4))) \"\\06\")
    (data (offset (i32.add (i32.const 16) (global.get $base))) \"\\11\")
    (start $start)
    (func $start (global.set $changing (i32.add (global.get $changing) (i32.load8_u (global.get $fixed)))))
    (func (export \"answer\") (result i32)
      (i32.add (i32.wrap_i64 (global.get $wide)) (i32.add (global.get $changing)
        (i32.add (i32.load8_u offset=4 (global.get $base)) (i32.load8_u offset=1 (global.get $base)))))))";

#[test]
fn features() {
    assert_cases(&[
        case(
            "shared-memory",
            FIRST,
            "(import \"env\" \"memory\" (memory 1 16384 shared)) (func (export \"answer\") (result i32) i32.const 42)",
            Remedy::Compile(ANSWER),
        ),
        case(
            "memory64",
            FIRST,
            "(import \"env\" \"memory\" (memory i64 0)) (func (export \"answer\") (result i32) i32.const 42)",
            Remedy::Compile(ANSWER),
        ),
        case(
            "asyncify",
            FIRST,
            "(import \"env\" \"__asyncify_state\" (global (mut i32))) (func (export \"answer\") (result i32) i32.const 42)",
            Remedy::Compile(ANSWER),
        ),
        case("extended-const", UPGRADED, EXTENDED_CONST, Remedy::Upgrade(&["--no-extended-const"])),
        case("extended-const", FIRST, EXTENDED_CONST, Remedy::Upgrade(&["--no-extended-const", "-O0"])),
        case("extended-const", FIRST, EXTENDED_CONST, Remedy::Run(Node::V24Exnref, Runtime::V0_29_5)),
        case(
            "legalized-i64",
            FIRST,
            "(import \"env\" \"getTempRet0\" (func $high (result i32)))
             (import \"env\" \"llabs\" (func $llabs (param i32 i32) (result i32)))
             (func $wrapper (param i64) (result i64)
               local.get 0 i32.wrap_i64 local.get 0 i64.const 32 i64.shr_u i32.wrap_i64 call $llabs
               i64.extend_i32_u call $high i64.extend_i32_u i64.const 32 i64.shl i64.or)
             (func (export \"answer\") (result i32) (i32.wrap_i64 (call $wrapper (i64.const -42))))",
            Remedy::Upgrade(&[]),
        ),
    ]);
}

/// What clang makes with `-mextended-const` (its `use` reads `glob`, which the runtime has as a function): the original on an engine that knows it, and on one that does not what became of it.
#[test]
fn extended_constants_of_clang() {
    let path = support::repository().join("../shared/findings/extended-const/xc4.so");
    let Ok(original) = std::fs::read(path) else {
        eprintln!("no findings beside the repository: nothing to run");
        return;
    };
    let python = "import ctypes\nlib = ctypes.CDLL('/home/pyodide/m.so')\n\
                  str([lib.tc(1), lib.tc(7), lib.tc(8), lib.vtest(1), lib.vtest(6)])";
    let job = |module: &[u8]| Job { files: vec![(PATH.to_string(), module.to_vec())], ..Job::new("m", python) };
    let outcomes = |node: Node, runtime: Runtime, modules: &[&[u8]]| -> Vec<Result<String, String>> {
        let jobs: Vec<Job> = modules.iter().map(|module| job(module)).collect();
        run_jobs(node, runtime, &jobs).unwrap().into_iter().map(|answer| answer.outcome).collect()
    };
    let answer = Ok("[4, -108, -4, 14, 1003]".to_string());
    assert_eq!(outcomes(Node::V24Exnref, Runtime::V0_29_5, &[&original]), std::slice::from_ref(&answer));
    for runtime in Runtime::UPGRADED {
        let written = [&["--no-extended-const"][..], &["--no-extended-const", "-O0"]]
            .map(|arguments| upgraded(&original, runtime, arguments));
        let answers = outcomes(Node::Installed, runtime, &[&original, &written[0], &written[1]]);
        assert!(answers[0].as_ref().is_err_and(|error| error.contains("constant expression")), "{:?}", answers[0]);
        assert_eq!(answers[1..], [answer.clone(), answer.clone()], "{}", runtime.version());
    }
}

#[test]
fn invalid_modules() {
    let text = "(func (export \"answer\") (result i32) f32.const 42)";
    assert_cases(&[case("invalid-module", FIRST, text, Remedy::Compile(ANSWER))]);
}

/// A library that takes a 64-bit integer, called with a 32-bit one.
#[test]
fn types_of_libraries() {
    let library = assemble("(func (export \"twice\") (param i64) (result i32) (i32.wrap_i64 (local.get 0)))");
    let user = |ty: &str| {
        wat::parse_str(format!(
            "(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)) (needed \"lib.so\") (runtime-path \"$ORIGIN\"))
               (import \"env\" \"twice\" (func $twice (param {ty}) (result i32)))
               (func (export \"answer\") (result i32) (call $twice ({ty}.const 42))))"
        ))
        .unwrap()
    };
    let directory = tempfile::tempdir().unwrap();
    let [file, lib] = ["m.so", "lib.so"].map(|name| directory.path().join(name));
    std::fs::write(&lib, &library).unwrap();
    for (ty, expected) in [("i32", Err("Cannot convert 42 to a BigInt")), ("i64", Ok("42"))] {
        std::fs::write(&file, user(ty)).unwrap();
        let (_, report) = check(&[&file, &lib], &[]);
        let expected_codes = if expected.is_ok() { BTreeSet::new() } else { BTreeSet::from(["library-type-mismatch"]) };
        assert_eq!(codes(&findings(&report)), expected_codes);
        let files = vec![(PATH.to_string(), user(ty)), ("/home/pyodide/lib.so".to_string(), library.clone())];
        let job = Job { files, ..Job::new("m", CALL) };
        let outcome = run_jobs(Node::Installed, Runtime::V0_29_5, &[job]).unwrap().remove(0).outcome;
        match expected {
            Ok(answer) => assert_eq!(outcome.as_deref(), Ok(answer)),
            Err(message) => assert!(outcome.as_ref().is_err_and(|error| error.contains(message)), "{outcome:?}"),
        }
    }
}

/// The strong imports of functions and addresses by the modules of `wheel` that `runtime` cannot bind, asked from the runtime itself: a
/// module with a weak address of every name finds those that are there, and the wheel's modules offer some themselves.
pub fn unbound(wheel: &Path, runtime: Runtime) -> BTreeSet<(String, String)> {
    let modules = modules_of_archive(wheel).unwrap();
    let read: Vec<(&str, Module<'_>)> = modules.iter().map(|(path, bytes)| (path.as_str(), Module::read(bytes).unwrap())).collect();
    let exported: BTreeSet<&str> = read.iter().flat_map(|(_, module)| module.exports()).map(|export| &*export.name).collect();
    // The loader makes an address of each name, as of a function or as of data.
    let mut imported: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for (path, module) in &read {
        for import in module.imports() {
            let address = match (&*import.module, import.item) {
                ("env", Item::Function(_)) | ("GOT.func", _) => "GOT.func",
                ("GOT.mem", _) => "GOT.mem",
                _ => continue,
            };
            let weak = module.dylink.import_info.iter().any(|info| info.field == import.field);
            if !weak && !exported.contains(&*import.field) {
                imported.entry((address, &import.field)).or_default().push(path);
            }
        }
    }
    // The loader cannot take the address of a function in JavaScript without a signature, so it is there.
    let manifest = Target::find(runtime.platform()).unwrap().manifest().unwrap();
    imported.retain(|(_, name), _| {
        let offer = manifest.symbols.get(*name);
        !offer.is_some_and(|offer| offer.provider == Provider::JavaScript && offer.item == Offered::Function(None))
    });
    let names: Vec<(&str, &str)> = imported.keys().copied().collect();
    let python = format!(
        "import ctypes\nlib = ctypes.CDLL('/home/pyodide/m.so')\n' '.join(str(i) for i in range({}) if not lib[f'a{{i}}']())",
        names.len()
    );
    let job = Job { files: vec![(PATH.to_string(), probe(&names))], ..Job::new("probe", python) };
    let answer = run_jobs(Node::Installed, runtime, &[job]).unwrap().remove(0).outcome.unwrap();
    let missing = answer.split_whitespace().map(|index| names[index.parse::<usize>().unwrap()]);
    missing.flat_map(|name| imported[&name].iter().map(move |path| (path.to_string(), name.1.to_string()))).collect()
}

/// A module that has the addresses of functions and data, 0 for those that are not there.
fn probe(names: &[(&str, &str)]) -> Vec<u8> {
    let each = |text: &dyn Fn(usize, &str, &str) -> String| {
        names.iter().enumerate().map(|(i, (address, name))| text(i, address, name)).collect::<String>()
    };
    wat::parse_str(format!(
        "(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)) {}) {} {})",
        each(&|_, address, name| format!("(import-info \"{address}\" \"{name}\" 1)")),
        each(&|_, address, name| format!("(import \"{address}\" \"{name}\" (global (mut i32)))")),
        each(&|i, _, _| format!("(func (export \"a{i}\") (result i32) global.get {i})")),
    ))
    .unwrap()
}
