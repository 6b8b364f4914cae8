//! Makes the built-in manifests anew: `cargo run --example manifests [TARGET…]`.
//!
//! Fetches the npm packages `pyodide` that each target lists, reads what their main modules and JavaScript libraries offer, keeps
//! what all runtimes of a target have in common, and writes `src/target/manifests/<target>.txt.gz`. Needs npm. The result is what
//! `tests/targets.rs` compares with.

use anyhow::{Context, Result, ensure};
use flate2::{Compression, GzBuilder};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use wasm_pyfix::target::{Target, manifest};

fn main() -> Result<()> {
    let mut targets = std::env::args().skip(1).map(|name| Target::find(&name)).collect::<Result<Vec<_>>>()?;
    if targets.is_empty() {
        targets.extend(Target::all().iter().filter(|target| target.has_wheels()));
    }
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    for target in targets {
        let directories = target.runtimes.iter().map(|version| fetch(version)).collect::<Result<Vec<_>>>()?;
        let text = manifest::to_text(&manifest::from_runtimes(&directories)?)?;
        // No name and no time in the header: the same text always gives the same file.
        let mut file = GzBuilder::new().write(Vec::new(), Compression::best());
        file.write_all(text.as_bytes())?;
        let bytes = file.finish()?;
        let path = repository.join("src/target/manifests").join(format!("{}.txt.gz", target.name));
        std::fs::write(&path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
        println!("{}: {} symbols, {} bytes", path.display(), text.lines().count() - 1, bytes.len());
    }
    Ok(())
}

/// Installs a version of the npm package `pyodide` below cargo's target directory, and returns where.
fn fetch(version: &str) -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let place = program.parent().context("this program lies in a directory")?.join(format!("pyodide-{version}"));
    let package = place.join("node_modules/pyodide");
    if !package.is_dir() {
        std::fs::create_dir_all(&place)?;
        let install = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"];
        let status = Command::new("npm").args(install).arg(&place).arg(format!("pyodide@{version}")).status();
        let status = status.context("cannot start npm: install it and have it in PATH")?;
        ensure!(status.success(), "npm could not fetch pyodide {version}");
    }
    Ok(package)
}
