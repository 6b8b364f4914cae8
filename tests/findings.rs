//! Small inputs that once went wrong, where they lie beside the repository: their own runner upgrades each with the tool, runs it on
//! Pyodide 0.29.5 and 314.0.7, and says what came instead of what is right. `cargo test --test findings` runs them all.

use std::io::Write;
use std::process::Command;

use support::Runtime;

#[test]
fn on_0_29_5() {
    check(Runtime::V0_29_5);
}

#[test]
fn on_314_0_7() {
    check(Runtime::V314_0_7);
}

#[track_caller]
fn check(runtime: Runtime) {
    let directory = support::repository().join("../shared/findings");
    if !directory.is_dir() {
        // Not `eprintln!`: what a passing test prints that way is never seen.
        let notice = format!("no findings beside the repository: they were not checked on {}\n", runtime.version());
        std::io::stderr().write_all(notice.as_bytes()).expect("standard error can be written");
        return;
    }
    let unpacked = runtime.directory().unwrap_or_else(|error| panic!("{error:#}"));
    let mut command = Command::new("node");
    command.arg(directory.join("run.mjs")).arg(unpacked).arg(env!("CARGO_BIN_EXE_wasm-pyfix"));
    let output = command.output().expect("Node starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && printed.lines().all(|line| line.ends_with(": ok")),
        "on {}:\n{printed}{}",
        runtime.version(),
        String::from_utf8_lossy(&output.stderr)
    );
}
