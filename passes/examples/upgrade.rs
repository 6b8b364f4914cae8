//! Upgrades a side module to native exceptions, makes nothing else of it, and tells what each pass did.

use std::error::Error;

use wasm_pyfix_passes::pipeline::{Options, upgrade_module};

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let [from, to] = &paths[..] else { return Err("usage: upgrade IN OUT".into()) };
    let input = std::fs::read(from)?;
    // What the runtime calls to have the landing pad of an exception chosen.
    let options = Options { personality: Some("_Unwind_CallPersonality"), ..Options::default() };
    let upgraded = upgrade_module(&input, &options)?;
    for outcome in &upgraded.outcomes {
        println!("{}: changed {:?}, left {:?}", outcome.pass, outcome.changed, outcome.left);
    }
    // Where no pass found work, the input stands.
    std::fs::write(to, upgraded.bytes.unwrap_or(input))?;
    Ok(())
}
