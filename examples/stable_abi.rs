//! Makes the table of CPython's stable ABI anew: `cargo run --example stable_abi`.
//!
//! Fetches the package abi3info, pinned in `tests/pypi/requirements.txt`, and writes `src/abi3/stable_abi.txt`. Needs Python with pip.
//! The result is what `tests/check.rs` compares with.

use anyhow::{Context, Result};
use std::path::Path;

fn main() -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/abi3/stable_abi.txt");
    let old = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    // The head says where the data come from, and under which licences.
    let head: String = old.lines().take_while(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    let table = support::pypi::stable_abi()?;
    println!("{}: {} symbols", path.display(), table.lines().count());
    std::fs::write(&path, head + &table).with_context(|| format!("cannot write {}", path.display()))
}
