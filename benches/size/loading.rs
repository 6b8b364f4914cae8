//! How long a wheel takes to load: each time in a Node process of its own, with a fresh Pyodide.
//!
//! `load.mjs` installs the wheel with `pyodide.loadPackage` and then imports it, or loads each of its modules by ctypes where importing
//! takes what is not there (numpy) or another Python. It measures the time in all of `WebAssembly.Module` and `WebAssembly.Instance`
//! beside the total.

use anyhow::Result;
use serde::Deserialize;

use crate::forms::Wheel;
use crate::node::load;

/// Times of one process, in milliseconds.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Load {
    pub compile: f64,
    pub instantiate: f64,
    /// From the installation of the wheel to the end of the import.
    pub total: f64,
}

/// Loads all `wheels` in turns, `rounds` times. A wheel that fails once is not tried again and has no times.
pub fn rounds(wheels: &[Wheel], rounds: usize) -> Result<Vec<Vec<Load>>> {
    let mut loads: Vec<Result<Vec<Load>>> = wheels.iter().map(|_| Ok(Vec::new())).collect();
    for _ in 0..rounds {
        for (wheel, loads) in wheels.iter().zip(&mut loads) {
            let Ok(done) = loads else { continue };
            match load(&wheel.path, wheel.runtime) {
                Ok(load) => done.push(load),
                Err(error) => *loads = Err(error),
            }
        }
    }
    let noted = |(wheel, loads): (&Wheel, Result<Vec<Load>>)| {
        loads.unwrap_or_else(|error| {
            eprintln!("  {} does not load: {error:#}", wheel.form.label());
            Vec::new()
        })
    };
    Ok(wheels.iter().zip(loads).map(noted).collect())
}
