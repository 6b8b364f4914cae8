//! Main modules of other programs than Pyodide: what the files say is what the running programs offer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::npm;
use wasm_pyfix::target::manifest;
use wasm_pyfix_passes::{Environment, Item, Provider};

fn package(name: &str) -> PathBuf {
    npm::packages().unwrap_or_else(|error| panic!("{error:#}")).join(name)
}

/// What the program offers to a module that it instantiates.
fn live(program: &str, directory: &Path, main: &str) -> BTreeMap<String, String> {
    let script = support::repository().join("tests/runtime/imports.mjs");
    let output = Command::new("node").arg(script).arg(program).arg(directory).arg(main).output().expect("Node starts");
    assert!(output.status.success(), "{main}: {}", String::from_utf8_lossy(&output.stderr));
    let stdout = String::from_utf8(output.stdout).unwrap();
    stdout.lines().map(|line| line.split_once(' ').unwrap()).map(|(name, kind)| (name.to_string(), kind.to_string())).collect()
}

fn kind(item: &Item) -> &'static str {
    match item {
        Item::Function(_) => "func",
        Item::Data => "data",
        Item::Global { mutable: true, .. } => "global",
        Item::Global { mutable: false, .. } => "constant",
        Item::Tag(_) => "tag",
        Item::Table => "table",
        Item::Memory => "memory",
        Item::Unknown => "unknown",
    }
}

/// Every import that the program gives, and no other, is known with its kind.
fn assert_agree(environment: &Environment, live: &BTreeMap<String, String>, what: &str) {
    // The main module's own exports are no imports of it.
    let read: BTreeMap<String, String> = (environment.symbols.iter())
        .filter(|(name, offer)| offer.provider != Provider::MainModule || live.contains_key(*name))
        .map(|(name, offer)| (name.clone(), kind(&offer.item).to_string()))
        .collect();
    let differences: Vec<_> = (read.iter().filter(|(name, kind)| live.get(*name) != Some(kind)))
        .chain(live.iter().filter(|(name, _)| !read.contains_key(*name)))
        .take(10)
        .collect();
    assert!(differences.is_empty(), "{what}: {differences:?}");
}

#[test]
fn web_tree_sitter_offers_what_its_files_say() {
    let directory = package("web-tree-sitter");
    let live = live("web-tree-sitter", &directory, "");
    assert!(live.len() > 15, "{live:?}");
    for javascript in ["web-tree-sitter.js", "web-tree-sitter.cjs"] {
        let files = [directory.join("web-tree-sitter.wasm"), directory.join(javascript)];
        assert_agree(&manifest::from_files(&files).unwrap(), &live, javascript);
    }
}

#[test]
fn duckdb_offers_what_its_files_say() {
    let directory = package("@duckdb/duckdb-wasm");
    for (main, names, scripts) in [
        ("eh", 1200, ["node-blocking.cjs", "node-eh.worker.cjs", "browser-eh.worker.js", "browser-blocking.cjs"]),
        ("mvp", 1600, ["node-blocking.cjs", "node-mvp.worker.cjs", "browser-mvp.worker.js", "browser-blocking.cjs"]),
    ] {
        let main = format!("dist/duckdb-{main}.wasm");
        let live = live("duckdb", &directory, &main);
        assert!(live.len() > names, "{main}: {}", live.len());
        for javascript in scripts {
            let files = [directory.join(&main), directory.join(format!("dist/duckdb-{javascript}"))];
            assert_agree(&manifest::from_files(&files).unwrap(), &live, &format!("{main} and {javascript}"));
        }
    }
    // With threads, which Node has no worker for.
    let files = ["duckdb-coi.wasm", "duckdb-browser-coi.worker.js"].map(|name| directory.join("dist").join(name));
    let environment = manifest::from_files(&files).unwrap();
    assert_eq!(environment.symbols.values().filter(|offer| offer.item == Item::Unknown).count(), 0);
    assert_eq!(environment.item("__stack_pointer"), Some(&Item::Global { value: wasmparser::ValType::I32, mutable: true }));
}

/// A main module alone says with its imports what there is.
#[test]
fn imports_of_a_main_module_are_offers() {
    let wasm = wat::parse_str(
        "(module
            (import \"env\" \"__stack_pointer\" (global (mut i32)))
            (import \"env\" \"__cpp_exception\" (tag (param i32)))
            (import \"env\" \"memory\" (memory 1))
            (import \"env\" \"__indirect_function_table\" (table 1 funcref))
            (import \"GOT.mem\" \"x\" (global (mut i32)))
            (import \"env\" \"f\" (func))
            (func (export \"malloc\") (param i32) (result i32) unreachable))",
    )
    .unwrap();
    let environment = manifest::from_main(&wasm, None).unwrap();
    let kinds: Vec<_> = environment.symbols.iter().map(|(name, offer)| format!("{name} {}", kind(&offer.item))).collect();
    let expected = [
        "__cpp_exception tag",
        "__indirect_function_table table",
        "__memory_base constant",
        "__stack_pointer global",
        "__table_base constant",
        "f func",
        "malloc func",
        "memory memory",
    ];
    assert_eq!(kinds, expected);
    // What the JavaScript does not tell, the imports do; what nobody tells is anything.
    let libraries = wasm_pyfix::target::javascript::scan(
        "var wasmImports={__stack_pointer:pointer(),__cpp_exception:tag(),f:make(),g:make()};",
    );
    let environment = manifest::from_main(&wasm, Some(libraries.unwrap())).unwrap();
    let items = ["__stack_pointer", "__cpp_exception", "f", "g"].map(|name| environment.item(name).map(kind));
    assert_eq!(items, [Some("global"), Some("tag"), Some("func"), Some("unknown")]);
    let text = manifest::to_text(&environment).unwrap();
    assert!(text.contains("\ng js ?\n"), "{text}");
    assert_eq!(manifest::from_text(&text).unwrap(), environment);
}

/// All grammars of `tree-sitter-wasms`, given the files of the parser: what it lacks is named or put in, and the others load and parse.
#[test]
fn grammars_are_judged_by_the_parser_they_run_in() {
    let library = package("web-tree-sitter");
    let main = ["wasm", "js"].map(|ending| format!("--main={}", library.join(format!("web-tree-sitter.{ending}")).display()));
    let temporary = tempfile::tempdir().unwrap();
    let (mut refused, mut parsed) = (Vec::new(), 0);
    for entry in std::fs::read_dir(package("tree-sitter-wasms/out")).unwrap() {
        let grammar = entry.unwrap().path();
        let name = grammar.file_stem().unwrap().to_str().unwrap().trim_start_matches("tree-sitter-").to_string();
        let upgraded = temporary.path().join(&name);
        let output =
            Command::new(env!("CARGO_BIN_EXE_wasm-pyfix")).args(&main).arg(&grammar).arg("-o").arg(&upgraded).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.code() == Some(3) {
            // Two functions of libc++, and one that it dropped.
            assert!(printed.contains("`_ZdlPv`, `_Znwm`") && !printed.contains("`__assert_fail`"), "{name}: {printed}");
            refused.push(name);
            continue;
        }
        assert_eq!(output.status.code(), Some(0), "{name}: {printed}");
        let script = support::repository().join("tests/runtime/grammar.mjs");
        let text = "for f in *; do echo \"$f\"; done\n";
        let output = Command::new("node").arg(script).arg(&library).arg(&upgraded).arg(text).output().unwrap();
        let tree = String::from_utf8_lossy(&output.stdout);
        match name.as_str() {
            "ql" => assert!(tree.starts_with("failed: Error: Incompatible language version "), "{tree}"),
            "bash" => assert!(tree.starts_with("ok ("), "{tree}"),
            // What the text is in other languages does not matter.
            _ => assert!(tree.starts_with("ok (") || tree.starts_with("with errors ("), "{name}: {tree}"),
        }
        parsed += 1;
    }
    refused.sort();
    assert_eq!((refused, parsed), (vec!["elm".to_string(), "yaml".to_string()], 34));
}
