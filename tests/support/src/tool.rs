//! The command line of wasm-pyfix, called as a user would.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::npm::Runtime;

/// The command line `arguments` of the executable `program` in `directory`, with nothing in its environment that changes what it prints
/// or writes.
pub fn command(program: &str, directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(directory).stdin(Stdio::null());
    command.env("SOURCE_DATE_EPOCH", "1700000000").env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command
}

/// Upgrades the wheel or archive `input` for `runtime` into `directory`, which is empty, and gives the path of the result.
///
/// `program` is the executable, `arguments` come on top.
///
/// # Panics
/// When the program fails, or writes anything but exactly one file.
#[track_caller]
pub fn upgrade_archive(program: &str, input: &Path, runtime: Runtime, arguments: &[&str], directory: &Path) -> PathBuf {
    let mut command = Command::new(program);
    // The slash says that it is a directory.
    command.arg(input).arg("-o").arg(directory.join("")).args(["--target", runtime.platform()]).args(arguments);
    let output = command.output().unwrap_or_else(|error| panic!("cannot start {program}: {error}"));
    assert!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    let written = std::fs::read_dir(directory).expect("the directory is there").map(|entry| entry.expect("readable").path());
    let written: Vec<PathBuf> = written.collect();
    match written.as_slice() {
        [file] => file.clone(),
        _ => panic!("{command:?} wrote {written:?} instead of one file"),
    }
}
