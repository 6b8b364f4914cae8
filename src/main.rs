//! The command line of wasm-pyfix.

fn main() {
    std::process::exit(wasm_pyfix::command::run(std::env::args_os()));
}
