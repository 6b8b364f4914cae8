//! Upgraded fixtures seen by an independent reader: walrus must parse and validate what this tool writes.

use support::fixtures::Group;
use walrus::ModuleConfig;
use wasm_pyfix::pipeline::{ModuleOptions, upgrade_module};
use wasm_pyfix_passes::handlers::Kind;

const GROUPS: [&str; 5] = [
    "emscripten-3.1.69/O0-sm1-js",
    "emscripten-3.1.69/O2-sm1-js",
    "emscripten-3.1.69/O2-sm2-js",
    "emscripten-3.1.6/O2-sm1-js",
    "mixed",
];

/// Functions that belong to JavaScript exception handling and that no upgraded module may import.
fn is_obsolete(name: &str) -> bool {
    name.starts_with("invoke_")
        || name.starts_with("__cxa_find_matching_catch_")
        || ["__resumeException", "llvm_eh_typeid_for", "emscripten_longjmp"].contains(&name)
}

#[test]
fn walrus_reads_upgraded_fixtures() {
    for exnref in [false, true] {
        for name in GROUPS {
            let group = Group::read(name).expect("the fixtures are in the repository");
            // Legalized 64-bit signatures are refused.
            for (file, bytes) in group.modules.iter().filter(|(file, _)| !file.starts_with("c_i64-bi0")) {
                check(&format!("{name}/{file}, exnref {exnref}"), bytes, exnref);
            }
        }
    }
}

#[track_caller]
fn check(what: &str, bytes: &[u8], exnref: bool) {
    let options = ModuleOptions {
        personality: "_Unwind_CallPersonality".to_string(),
        handlers: exnref.then_some(Kind::Exnref),
        ..ModuleOptions::default()
    };
    let upgraded = upgrade_module(bytes, &options).unwrap_or_else(|error| panic!("{what}: {error}"));
    let upgraded = upgraded.bytes.as_deref().unwrap_or(bytes);
    // walrus validates while it parses. The native half of the mixed module keeps the instructions that it came with.
    let mut config = ModuleConfig::new();
    config.legacy_exceptions(!exnref || what.starts_with("mixed"));
    let module = config.parse(upgraded).unwrap_or_else(|error| panic!("{what}: {error:#}"));
    let left: Vec<&str> = module.imports.iter().map(|import| import.name.as_str()).filter(|name| is_obsolete(name)).collect();
    assert!(left.is_empty(), "{what} still imports {left:?}");
}
