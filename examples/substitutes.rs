//! Assembles the table of functions that modules get where the runtime lacks them: `cargo run --example substitutes`.

use anyhow::Result;
use std::path::Path;

fn main() -> Result<()> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("passes/src/substitutes");
    let bytes = wat::parse_file(directory.join("substitutes.wat"))?;
    std::fs::write(directory.join("substitutes.wasm"), &bytes)?;
    println!("{} bytes", bytes.len());
    Ok(())
}
