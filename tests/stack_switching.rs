//! `run_sync` suspends through converted frames: a module calls Python from within `try`, and Python waits for a promise.

use support::fixtures::Group;
use support::{Job, Node, Runtime, run_jobs};

const PROGRAM: &str = env!("CARGO_BIN_EXE_wasm-pyfix");
const GROUP: &str = "emscripten-3.1.69/O2-sm2-js";
const MODULE: &str = "e_ext.so";

/// `apply` calls Python for each element. What that raises passes its frames as a C++ exception.
const PYTHON: &str = r#"
import asyncio, e_ext
from pyodide.ffi import run_sync

async def later(x):
    await asyncio.sleep(0.001)
    return 12 // x

shares = e_ext.apply(lambda x: run_sync(later(x)), [1, 2, 3])
try:
    e_ext.apply(lambda x: run_sync(later(x)), [1, 0])
except ZeroDivisionError as error:
    shares.append(type(error).__name__)
shares + [e_ext.live()]
"#;

const EXPECTED: &str = "[12, 6, 4, 'ZeroDivisionError', 0]";

/// Runs the module in Node 24, which switches stacks without being asked to.
#[track_caller]
fn assert_suspended(runtime: Runtime, module: Vec<u8>) {
    let job = Job { files: vec![(format!("/home/pyodide/{MODULE}"), module)], ..Job::new("e_ext", PYTHON) };
    let answers = run_jobs(Node::V24Exnref, runtime, &[job]).unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(answers[0].outcome.as_deref(), Ok(EXPECTED), "{}", runtime.version());
}

#[test]
fn frames_of_upgraded_modules_are_suspended() {
    let group = Group::read(GROUP).unwrap_or_else(|error| panic!("{error:#}"));
    let (_, original) = group.modules.into_iter().find(|(name, _)| name == MODULE).expect("the fixture is in the repository");
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(MODULE), &original).unwrap();
    // By trampolines of that Pyodide.
    assert_suspended(Runtime::V0_27_7, original);
    for runtime in [Runtime::V0_29_5, Runtime::V314_0_7] {
        let arguments = [MODULE, "-o", "upgraded.so", "--target", runtime.platform()];
        let done = support::command(PROGRAM, directory.path(), &arguments).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert_suspended(runtime, std::fs::read(directory.path().join("upgraded.so")).unwrap());
    }
}
