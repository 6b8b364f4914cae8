//! Reading and writing loses nothing.

use std::path::{Path, PathBuf};
use wasm_pyfix_passes::module::{Item, Module};
use wasmparser::FuncType;

/// Every `.so` below the fixtures, and below the folders named in `WASM_PYFIX_MODULES` (as in `PATH`).
fn modules() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures")];
    if let Some(more) = std::env::var_os("WASM_PYFIX_MODULES") {
        folders.extend(std::env::split_paths(&more));
    }
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "so") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn untouched_modules_come_out_byte_for_byte() {
    for path in modules() {
        let bytes = std::fs::read(&path).unwrap();
        let module = Module::read(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(module.write().unwrap() == bytes, "{}", path.display());
    }
}

/// Adding an import moves every function index, and removing it moves them back: what comes out must be what went in.
#[test]
fn indices_move_and_move_back() {
    const NAME: &str = "wasm_pyfix_test_only";
    for path in modules() {
        let bytes = std::fs::read(&path).unwrap();
        let mut module = Module::read(&bytes).unwrap();
        // Present from the start, so that adding the import adds no type.
        module.type_id(&FuncType::new([], []));
        module.encode_everything();
        let plain = module.write().unwrap();
        let mut module = Module::read(&plain).unwrap();
        module.import_function("env", NAME, &FuncType::new([], []));
        let moved = module.write().unwrap();
        assert!(moved != plain);
        let mut module = Module::read(&moved).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let Some(Item::Function(added)) = module.import("env", NAME) else { panic!("the import is lost") };
        module.remove_function(added);
        let back = module.write().unwrap();
        // Linkers pad LEBs in code that no optimiser saw; then only the text is the same.
        assert!(back == plain || text(&back) == text(&plain), "{}", path.display());
    }
}

fn text(module: &[u8]) -> String {
    wasmprinter::print_bytes(module).unwrap()
}
