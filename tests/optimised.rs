//! Modules that were linked to each other do the same before and after the passes that make them smaller: a wheel made for the details,
//! wheels from the Python package index and, where there is a corpus, its native ones.
//!
//! "Before" is what `-O0` writes: the same wheel with a RUNTIME_PATH, which is no matter of size.

#[path = "optimised/native.rs"]
mod native;

use std::collections::BTreeSet;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use support::modules::modules_of_archive;
use support::{Job, Node, Runtime, run_jobs};
use wasm_pyfix_passes::module::Module;
use wasmparser::{Parser, Payload};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// What `run` of the extension module returns, in its own words: see tests/linked/src/user.cpp.
const EXPECTED: &str = include_str!("linked/user.expected");

const RUN: &str = "import demo.user\ndemo.user.run()";

/// With the library that overrides loaded for all to see: then its function is called in place of the weak one, which otherwise loses
/// only its address.
const RUN_OVERRIDDEN: &str = "
import ctypes, glob
ctypes.CDLL(glob.glob('demo*/liboverride.so')[0], ctypes.RTLD_GLOBAL)
import demo.user
demo.user.run()";

/// The wheel of tests/linked: an extension module, the libraries that it needs in `libraries`, and `more` files.
fn demo(libraries: &str, more: &[(&str, &[u8])]) -> Vec<u8> {
    let built = support::repository().join("tests/linked/built");
    let read = |name: &str| std::fs::read(built.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut wheel = ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |name: &str, contents: &[u8]| {
        wheel.start_file(name, SimpleFileOptions::default()).unwrap();
        wheel.write_all(contents).unwrap();
    };
    add("demo/__init__.py", b"");
    add("demo/names.py", b"NAMES = ['found_through_python']\n");
    add("demo/user.abi3.so", &read("user.abi3.so"));
    add(&format!("{libraries}/libshapes.so"), &read("libshapes.so"));
    add(&format!("{libraries}/liboverride.so"), &read("liboverride.so"));
    more.iter().for_each(|(name, contents)| add(name, contents));
    add("demo-1.0.dist-info/METADATA", b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n");
    let tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp312-abi3-pyodide_2025_0_wasm32\n";
    add("demo-1.0.dist-info/WHEEL", tags.as_bytes());
    add("demo-1.0.dist-info/RECORD", b"");
    wheel.finish().unwrap().into_inner()
}

/// What the tool makes of a wheel.
struct Made {
    path: PathBuf,
    _directory: tempfile::TempDir,
}

fn make(wheel: &[u8], runtime: Runtime, arguments: &[&str]) -> Made {
    let source = tempfile::tempdir().unwrap();
    let input = source.path().join("demo-1.0-cp312-abi3-pyodide_2025_0_wasm32.whl");
    std::fs::write(&input, wheel).unwrap();
    made(&input, runtime, arguments)
}

fn made(input: &Path, runtime: Runtime, arguments: &[&str]) -> Made {
    let directory = tempfile::tempdir().unwrap();
    let path = support::upgrade_archive(env!("CARGO_BIN_EXE_wasm-pyfix"), input, runtime, arguments, directory.path());
    Made { path, _directory: directory }
}

/// Names in the module `file` of a wheel: its exports, and its imports as `module.name`.
struct Names {
    exports: BTreeSet<String>,
    imports: BTreeSet<String>,
}

fn names(wheel: &Made, file: &str) -> Names {
    let modules = modules_of_archive(&wheel.path).unwrap();
    let (_, bytes) = modules.iter().find(|(path, _)| path.ends_with(file)).unwrap();
    let mut names = Names { exports: BTreeSet::new(), imports: BTreeSet::new() };
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.unwrap() {
            Payload::ImportSection(imports) => {
                let imports = imports.into_imports().map(|import| import.unwrap());
                names.imports.extend(imports.map(|import| format!("{}.{}", import.module, import.name)));
            }
            Payload::ExportSection(exports) => {
                names.exports.extend(exports.into_iter().map(|export| export.unwrap().name.to_string()));
            }
            _ => {}
        }
    }
    names
}

/// Throwing and catching, casts, typeinfo, statics of inline functions, addresses of functions, tables, vtables and weak functions,
/// each across the border of a library.
#[test]
fn linked_modules_do_the_same() {
    let libraries = ["demo.libs", "demo"];
    let levels: [&[&str]; 4] = [&["-O0"], &["-O1"], &["--exports", "pyinit"], &["--exports", "all"]];
    for runtime in Runtime::UPGRADED {
        let cases: Vec<(String, Made)> = libraries
            .iter()
            .flat_map(|libraries| levels.map(|level| (libraries, level)))
            .map(|(libraries, level)| (format!("{libraries} {level:?}"), make(&demo(libraries, &[]), runtime, level)))
            .collect();
        let overridden = EXPECTED.replace("use policy 4", "use policy 3000");
        for (python, expected) in [(RUN, EXPECTED), (RUN_OVERRIDDEN, overridden.as_str())] {
            let job = |(name, wheel): &(String, Made)| Job { unpacked: vec![wheel.path.clone()], ..Job::new(name, python) };
            let jobs: Vec<Job> = cases.iter().map(job).collect();
            for answer in run_jobs(Node::Installed, runtime, &jobs).unwrap() {
                assert_eq!(answer.outcome.as_deref(), Ok(expected), "{} on {}", answer.name, runtime.version());
            }
        }
    }
}

/// Or else the test above would say nothing.
#[test]
fn linked_modules_lose_what_nobody_needs_and_keep_what_others_may_define() {
    let before = make(&demo("demo.libs", &[]), Runtime::V0_29_5, &["-O0"]);
    // Under their own names, by which they are looked for below.
    let after = make(&demo("demo.libs", &[]), Runtime::V0_29_5, &["--no-isolate"]);
    let (library, extension) = (names(&after, "libshapes.so"), names(&after, "user.abi3.so"));
    let gone = ["unused", "only_for_unused"];
    assert!(gone.iter().all(|name| !library.exports.contains(*name)), "{:?}", library.exports);
    assert!(!extension.exports.contains("_Z7mangledi") && names(&before, "user.abi3.so").exports.contains("_Z7mangledi"));
    for kept in ["twice", "policy", "_ZTI5Shape", "_ZTV6Square", "found_through_data", "found_through_python"] {
        assert!(library.exports.contains(kept), "{kept}: {:?}", library.exports);
    }
    // Overridden, and so left to the loader; the other weak function is nobody else's.
    for import in ["env.policy", "GOT.func.policy", "GOT.mem._ZTI7Failure", "GOT.func._Z6triplei"] {
        assert!(library.imports.contains(import), "{import}: {:?}", library.imports);
    }
    assert!(!library.imports.contains("env.fallback") && names(&before, "libshapes.so").imports.contains("env.fallback"));
}

/// A library that may serve other packages keeps its exports; one of a `*.libs` directory those whose names occur somewhere.
#[test]
fn names_that_occur_in_python_or_in_data_are_found_at_run_time() {
    let python = "
import ctypes, os
import demo.user
demo.user.run()
path = next(d + '/libshapes.so' for d in ('demo.libs', 'demo') if os.path.exists(d + '/libshapes.so'))
library = ctypes.CDLL(path)
found = [library.found_through_data(), library.found_through_python(), hasattr(library, 'unused')]
str(found)";
    for runtime in Runtime::UPGRADED {
        for (libraries, level, unused) in [("demo.libs", "-O0", "True"), ("demo.libs", "-O1", "False"), ("demo", "-O1", "True")] {
            let wheel = make(&demo(libraries, &[]), runtime, &[level]);
            let job = Job { unpacked: vec![wheel.path.clone()], ..Job::new(level, python) };
            let answer = run_jobs(Node::Installed, runtime, &[job]).unwrap().remove(0);
            let what = format!("{libraries} {level} on {}", runtime.version());
            assert_eq!(answer.outcome, Ok(format!("[5, 6, {unused}]")), "{what}");
        }
    }
}

/// Where a module of the wheel calls `dlsym`, names may be computed.
#[test]
fn a_wheel_that_looks_symbols_up_keeps_them() {
    let finder = wat::parse_str(include_str!("linked/finder.wat")).unwrap();
    let wheel = demo("demo.libs", &[("demo/finder.so", &finder)]);
    let python = "
import ctypes
library = ctypes.CDLL('demo.libs/libshapes.so')
str([ctypes.CDLL('demo/finder.so').find(library._handle, 5), library.unused(5)])";
    for runtime in Runtime::UPGRADED {
        for level in ["-O0", "-O1"] {
            let made = make(&wheel, runtime, &[level]);
            let job = Job { unpacked: vec![made.path.clone()], ..Job::new(level, python) };
            let answer = run_jobs(Node::Installed, runtime, &[job]).unwrap().remove(0);
            assert_eq!(answer.outcome.as_deref(), Ok("[103, 103]"), "{level} on {}", runtime.version());
        }
    }
}

/// What nobody names goes out of the function table; everybody else finds what was there.
#[test]
fn slots_that_are_named_stay() {
    assert_calls("slots", include_str!("linked/slots.wat"), "[100, 102, 103]", [(5, 10), (4, 7)]);
}

/// The address of a function and a number may be folded into one sum, which looks like the address of another.
#[test]
fn slots_below_a_sum_stay() {
    assert_calls("marked", include_str!("linked/marked.wat"), "[100, 101]", [(5, 7), (4, 6)]);
}

/// Runs the function `call` of a module with numbers from 0 on, as it is and without what goes. `sizes` are the slots and functions before
/// and after.
#[track_caller]
fn assert_calls(name: &str, text: &str, expected: &str, sizes: [(usize, usize); 2]) {
    let wheel = demo("demo.libs", &[(&format!("demo/{name}.so"), &wat::parse_str(text).unwrap())]);
    let count = expected.split(',').count();
    let python =
        format!("import ctypes\nlibrary = ctypes.CDLL('demo/{name}.so')\nstr([library.call(which) for which in range({count})])");
    for runtime in Runtime::UPGRADED {
        for (level, (slots, functions)) in ["-O0", "-O1"].into_iter().zip(sizes) {
            let made = make(&wheel, runtime, &[level]);
            let modules = modules_of_archive(&made.path).unwrap();
            let (_, bytes) = modules.iter().find(|(path, _)| path.ends_with(&format!("{name}.so"))).unwrap();
            let module = Module::read(bytes).unwrap();
            assert_eq!((module.own_slots().len(), module.dylink.table_size), (slots, slots as u32), "{level}");
            assert_eq!(module.bodies().count(), functions, "{level}");
            let job = Job { unpacked: vec![made.path.clone()], ..Job::new(level, &python) };
            let answer = run_jobs(Node::Installed, runtime, &[job]).unwrap().remove(0);
            assert_eq!(answer.outcome.as_deref(), Ok(expected), "{level} on {}", runtime.version());
        }
    }
}
