//! The command line of wasm-pyfix.

fn main() {
    #[cfg(target_os = "wasi")]
    on_wasi();
    std::process::exit(wasm_pyfix::command::run(std::env::args_os()));
}

/// Makes up for what WASI lacks: threads, of which rayon would start some, and a directory that a program is started in, which the host tells.
#[cfg(target_os = "wasi")]
fn on_wasi() {
    // Both fail only where there is nothing to make up for.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global();
    if let Some(directory) = std::env::var_os("PWD") {
        let _ = std::env::set_current_dir(directory);
    }
}
