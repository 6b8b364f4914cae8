//! What the tests, the example and the benchmarks of wasm-pyfix share.
//!
//! * [`npm`]: the Pyodide runtimes and the wheel from the npm registry, fetched once into cargo's target directory;
//! * [`pypi`]: native wheels from the Python package index, fetched the same way;
//! * [`node`]: Python snippets run in those runtimes, each in a fresh one;
//! * [`fixtures`]: the exception-handling suite of `tests/fixtures` and what it must print;
//! * [`measure`]: what the benchmarks have in common;
//! * [`modules`]: every module at hand, for properties that hold for all of them;
//! * [`wheel`]: wheels of a few files.

pub mod fixtures;
pub mod measure;
pub mod modules;
pub mod node;
pub mod npm;
pub mod pypi;
mod tool;
pub mod wheel;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub use modules::{all_modules, main_modules};
pub use node::{Answer, Job, Node, run_jobs, run_python};
pub use npm::Runtime;
pub use tool::{command, upgrade_archive};

/// The directory of the repository.
pub fn repository() -> &'static Path {
    // This crate lives in `tests/support`.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().and_then(Path::parent).expect("the crate lies two directories deep")
}

/// A directory of real wheels that lies beside the repository, or where `WASM_PYFIX_CORPUS` says; `None` when there is none.
///
/// Its files are other people's work and stay out of the repository, so tests over it are an extra, never the only ones.
pub fn corpus() -> Option<PathBuf> {
    let directory = match std::env::var_os("WASM_PYFIX_CORPUS") {
        Some(directory) => PathBuf::from(directory),
        None => repository().join("../shared/corpus"),
    };
    directory.is_dir().then_some(directory)
}

/// The names of all members of `report`, a JSON value, but for those below members with the names `open`, which are data.
pub fn members(report: &serde_json::Value, open: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut left = vec![report];
    while let Some(value) = left.pop() {
        match value {
            serde_json::Value::Array(values) => left.extend(values),
            serde_json::Value::Object(object) => {
                found.extend(object.keys().cloned());
                left.extend(object.iter().filter(|(name, _)| !open.contains(&name.as_str())).map(|(_, value)| value));
            }
            _ => {}
        }
    }
    found
}
