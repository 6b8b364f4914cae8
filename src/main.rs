//! The command line of wasm-pyfix.
fn main() {}
