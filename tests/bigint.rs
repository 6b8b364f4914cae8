//! 64-bit integers at the border of modules, both ways: `dynCall_*` exports for main modules without BIGINT, run under two of those,
//! and whole libraries whose legalization is undone.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use wasmparser::{ExternalKind, FuncType, Parser, Payload, TypeRef};

const PROGRAM: &str = env!("CARGO_BIN_EXE_wasm-pyfix");

/// A directory with the main module of the Emscripten `version` and its side modules, and `fixed.so`: `c_min-nodyn.so` with its
/// `dynCall_*` exports added.
fn without_bigint(version: &str) -> tempfile::TempDir {
    let fixtures = support::repository().join("tests/fixtures/built/dyncall").join(version);
    let directory = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(&fixtures).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, directory.path().join(path.file_name().unwrap())).unwrap();
    }
    upgrade(&[&directory.path().join("c_min-nodyn.so")], &directory.path().join("fixed.so"), &["--target", "emscripten-legacy"]);
    directory
}

#[track_caller]
fn upgrade(inputs: &[&Path], output: &Path, arguments: &[&str]) {
    let result = Command::new(PROGRAM).args(inputs).arg("-o").arg(output).args(arguments).output().unwrap();
    assert!(result.status.success(), "{}", String::from_utf8_lossy(&result.stderr));
}

/// Runs a side module under the main module beside it.
fn run(directory: &Path, module: &str, scope: &str) -> Output {
    let arguments = ["--no-experimental-fetch", "main_min.js", module, "run_all", scope];
    // An error comes behind the line of the program, which is all of it and more than a pipe holds when Node exits.
    let errors = directory.join("errors");
    let stderr = std::fs::File::create(&errors).unwrap();
    let mut command = Command::new("node");
    let mut output = command.args(arguments).current_dir(directory).stderr(stderr).output().expect("node is needed");
    output.stderr = std::fs::read(errors).unwrap();
    output
}

#[track_caller]
fn assert_ok(directory: &Path, module: &str, scope: &str) {
    let output = run(directory, module, scope);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ok\n", "{module} {scope}: {}", tail(&output.stderr));
}

#[track_caller]
fn assert_fails(directory: &Path, module: &str, scope: &str, message: &str) {
    let output = run(directory, module, scope);
    assert!(output.stdout.is_empty() && !output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains(message), "{module} {scope}: {}", tail(&output.stderr));
}

/// The end of an error without the line of the program.
fn tail(stderr: &[u8]) -> String {
    String::from_utf8_lossy(stderr).lines().rev().take(12).filter(|line| line.len() < 200).collect::<Vec<_>>().join("\n")
}

/// This loader looks for `dynCall_*` among the exports of modules that were loaded globally only.
#[test]
fn missing_dyncalls_fail_under_3_1_6_and_work_once_added() {
    let directory = without_bigint("3.1.6");
    let missing = "Cannot read properties of undefined (reading 'call')";
    assert_fails(directory.path(), "c_min-nodyn.so", "global", missing);
    assert_ok(directory.path(), "fixed.so", "global");
    assert_ok(directory.path(), "c_min-sm1.so", "global");
}

#[test]
fn missing_dyncalls_fail_under_3_1_69_and_work_once_added() {
    let directory = without_bigint("3.1.69");
    for scope in ["global", "local"] {
        assert_fails(directory.path(), "c_min-nodyn.so", scope, "TypeError: f is not a function");
        assert_ok(directory.path(), "fixed.so", scope);
    }
}

/// What the linker would have added is what is added, and nothing when it did.
#[test]
fn the_linkers_own_dyncalls_are_kept() {
    for version in ["3.1.6", "3.1.69"] {
        let directory = without_bigint(version);
        let bytes = |name: &str| std::fs::read(directory.path().join(name)).unwrap();
        let (linked, fixed) = (signatures(&bytes("c_min-sm1.so")), signatures(&bytes("fixed.so")));
        let dyncalls = |border: &Border| {
            let mut found: Vec<_> = border.exports.iter().filter(|(name, _)| name.starts_with("dynCall_")).collect();
            found.sort_by_key(|(name, _)| name.to_string());
            format!("{found:?}")
        };
        assert_eq!(dyncalls(&linked), dyncalls(&fixed));
        let again = directory.path().join("again.so");
        upgrade(&[&directory.path().join("c_min-sm1.so")], &again, &["-O0", "--target", "emscripten-legacy"]);
        assert!(std::fs::read(again).unwrap() == bytes("c_min-sm1.so"), "the module was in order");
    }
}

/// Types of imported and exported functions.
#[derive(Default)]
struct Border {
    imports: HashMap<String, FuncType>,
    exports: HashMap<String, FuncType>,
}

fn signatures(module: &[u8]) -> Border {
    let (mut types, mut functions, mut border) = (Vec::new(), Vec::new(), Border::default());
    for payload in Parser::new(0).parse_all(module) {
        match payload.unwrap() {
            Payload::TypeSection(section) => types = section.into_iter_err_on_gc_types().map(Result::unwrap).collect(),
            Payload::ImportSection(section) => {
                for import in section.into_imports().map(Result::unwrap) {
                    if let TypeRef::Func(ty) = import.ty {
                        functions.push(types[ty as usize].clone());
                        border.imports.insert(import.name.to_string(), types[ty as usize].clone());
                    }
                }
            }
            Payload::FunctionSection(section) => {
                functions.extend(section.into_iter().map(|ty| types[ty.unwrap() as usize].clone()))
            }
            Payload::ExportSection(section) => {
                for export in section.into_iter().map(Result::unwrap).filter(|export| export.kind == ExternalKind::Func) {
                    border.exports.insert(export.name.to_string(), functions[export.index as usize].clone());
                }
            }
            _ => {}
        }
    }
    border
}

/// ICU and PHP's extension: twelve libraries that use each other, upgraded together. What one imports from another has the type
/// that the other exports; before, every such pair agreed on halves.
#[test]
fn libraries_legalized_together_are_restored_together() {
    let libraries = support::npm::php_intl().unwrap();
    assert_eq!(libraries.len(), 12);
    let inputs: Vec<&Path> = libraries.iter().map(PathBuf::as_path).collect();
    let output = tempfile::tempdir().unwrap();
    upgrade(&inputs, &output.path().join(""), &[]);
    let borders =
        |paths: &[PathBuf]| -> Vec<Border> { paths.iter().map(|path| signatures(&std::fs::read(path).unwrap())).collect() };
    let results: Vec<PathBuf> = libraries.iter().map(|path| output.path().join(path.file_name().unwrap())).collect();
    let restored = borders(&results);

    let mut wide = 0;
    let exports: HashMap<&String, &FuncType> = restored.iter().flat_map(|border| &border.exports).collect();
    for (border, path) in restored.iter().zip(&results) {
        for (name, ty) in &border.imports {
            let Some(exported) = exports.get(name) else { continue };
            assert_eq!(ty, *exported, "{}: {name}", path.display());
            wide += usize::from(ty.params().iter().chain(ty.results()).any(|ty| *ty == wasmparser::ValType::I64));
        }
        let left: Vec<_> = border.exports.keys().filter(|name| name.starts_with("orig$") || name.starts_with("dynCall_")).collect();
        assert!(left.is_empty(), "{}: {left:?}", path.display());
        assert!(!border.imports.contains_key("getTempRet0") && !border.imports.contains_key("setTempRet0"));
    }
    assert!(wide > 20, "only {wide} imports between them have 64-bit integers");

    let again = tempfile::tempdir().unwrap();
    let inputs: Vec<&Path> = results.iter().map(PathBuf::as_path).collect();
    upgrade(&inputs, &again.path().join(""), &[]);
    for path in &results {
        let second = again.path().join(path.file_name().unwrap());
        assert!(std::fs::read(path).unwrap() == std::fs::read(second).unwrap(), "a second run changes {}", path.display());
    }
}

/// Alone, PHP's extension does not tell what the functions of ICU that it calls return.
#[test]
fn a_library_alone_is_refused_with_the_names_of_the_imports() {
    let libraries = support::npm::php_intl().unwrap();
    let extension = libraries.iter().find(|path| path.ends_with("php8.0-intl.so")).unwrap();
    let output = Command::new(PROGRAM).arg(extension).arg("--dry-run").output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("unum_parseInt64_72 (nothing tells its type), utext_nativeLength_72"), "{error}");
}
