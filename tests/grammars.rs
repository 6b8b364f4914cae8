//! The grammars of `tree-sitter-wasms`, linked with Emscripten before 2.0.30, under today's web-tree-sitter: a family of modules that no
//! loader accepts any more, and another loader than Pyodide's. Each runs in a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::npm;

/// A program or document for each grammar.
const SAMPLES: [(&str, &str); 36] = [
    ("bash", "for f in *; do echo \"$f\"; done\n"),
    ("c", "int main(void) { return 0; }\n"),
    ("c_sharp", "class A { int f() { return 1; } }\n"),
    ("cpp", "template <class T> T f(T t) { return t; }\nauto s = R\"x(raw)x\";\n"),
    ("css", "a > b { color: red; }\n"),
    ("dart", "void main() { print('x'); }\n"),
    ("elisp", "(defun f (x) (+ x 1))\n"),
    ("elixir", "defmodule A do\n  def f(x), do: x + 1\nend\n"),
    ("elm", "f x = x + 1\n"),
    ("embedded_template", "<p><%= x %></p>\n"),
    ("go", "package main\n\nfunc main() { println(1) }\n"),
    ("html", "<p>one<br><b>two</b></p>\n"),
    ("java", "class A { int f() { return 1; } }\n"),
    ("javascript", "const f = (x) => `${x}`\n"),
    ("json", "{\"a\": [1, true, null]}\n"),
    ("kotlin", "fun main() { println(\"x\") }\n"),
    ("lua", "local function f(x) return x + 1 end\n"),
    ("objc", "@interface A : NSObject\n@end\n"),
    ("ocaml", "let f x = x + 1\n"),
    ("php", "<?php function f($x) { return $x + 1; }\n"),
    ("python", "def f(x):\n    return x + 1\n"),
    ("ql", "from int x where x = 1 select x\n"),
    ("rescript", "let f = x => x + 1\n"),
    ("ruby", "def f(x)\n  x + 1\nend\n"),
    ("rust", "fn main() { println!(\"{}\", r#\"x\"#); }\n"),
    ("scala", "object A { def f(x: Int) = x + 1 }\n"),
    ("solidity", "contract A { uint x; }\n"),
    ("swift", "func f(x: Int) -> Int { return x + 1 }\n"),
    ("systemrdl", "addrmap a { reg { field {} f; } r; };\n"),
    ("tlaplus", "---- MODULE A ----\nx == 1\n====\n"),
    ("toml", "[a]\nb = 1\n"),
    ("tsx", "const x = <p>{1}</p>;\n"),
    ("typescript", "const f = (x: number): number => x + 1;\n"),
    ("vue", "<template><p>x</p></template>\n"),
    ("yaml", "a:\n  - b\n"),
    ("zig", "pub fn main() void {}\n"),
];

/// Too old in the ABI between grammar and parser, which is no matter of WebAssembly.
const OLD_LANGUAGES: [&str; 2] = ["elm", "ql"];
/// Import a function of libc++ that no runtime has any more.
const WITHOUT_LIBRARY: [&str; 2] = ["elm", "yaml"];
const LIBRARY_FUNCTION: &str = "_ZNKSt3__220__vector_base_commonILb1EE20__throw_length_errorEv";

fn package(name: &str) -> PathBuf {
    npm::packages().unwrap_or_else(|error| panic!("{error:#}")).join(name)
}

fn grammar(name: &str) -> PathBuf {
    package("tree-sitter-wasms/out").join(format!("tree-sitter-{name}.wasm"))
}

fn wasm_pyfix(arguments: &[&str], files: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wasm-pyfix")).args(arguments).args(files).output().expect("wasm-pyfix starts")
}

/// What comes of `text` with the grammar in `file`.
fn parse(file: &Path, text: &str) -> String {
    let script = support::repository().join("tests/runtime/grammar.mjs");
    let mut command = Command::new("node");
    command.arg(script).arg(package("web-tree-sitter")).arg(file).arg(text);
    let output = command.output().expect("Node starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn grammars_load_and_parse() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (name, text) in SAMPLES {
        let original = grammar(name);
        let before = parse(&original, text);
        assert!(before.starts_with("failed: Error\n") && before.contains("getDylinkMetadata"), "{name} before: {before}");

        let upgraded = directory.path().join(name);
        if WITHOUT_LIBRARY.contains(&name) {
            let output = wasm_pyfix(&["-n"], &[&original]);
            let printed = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(3), "{name}: {printed}");
            assert!(printed.contains(LIBRARY_FUNCTION), "{name}: {printed}");
        }
        let arguments: &[&str] = if WITHOUT_LIBRARY.contains(&name) { &["--allow-missing", "-o"] } else { &["-o"] };
        let output = wasm_pyfix(arguments, &[&upgraded, &original]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let after = parse(&upgraded, text);
        let expected = match name {
            _ if OLD_LANGUAGES.contains(&name) => "failed: Error: Incompatible language version ",
            // The stub of a function that nobody has.
            "yaml" => "failed: TypeError: resolved is not a function",
            _ => "ok (",
        };
        assert!(after.starts_with(expected), "{name} after: {after}");
    }
}

/// What comes of loading `files` at the same time, a line each.
fn load_side_by_side(files: &[PathBuf]) -> String {
    let script = support::repository().join("tests/runtime/grammars.mjs");
    let output = Command::new("node").arg(script).arg(package("web-tree-sitter")).args(files).output().expect("Node starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The loader's global offset table is one for all modules, and entries of modules that are on the way are empty. So no grammar may ask it
/// for what it defines itself. `check` says so before, and nothing afterwards.
#[test]
fn grammars_load_side_by_side() {
    let library = package("web-tree-sitter");
    let main = ["web-tree-sitter.wasm", "web-tree-sitter.js"].map(|file| format!("--main={}", library.join(file).display()));
    let main: Vec<&str> = main.iter().map(String::as_str).collect();
    let loadable = || SAMPLES.iter().map(|(name, _)| *name).filter(|name| !OLD_LANGUAGES.contains(name) && *name != "yaml");
    let races = |file: &Path| {
        let output = wasm_pyfix(&[&["check"], &main[..]].concat(), &[file]);
        String::from_utf8_lossy(&output.stdout).contains("warning[load-race]")
    };
    assert!(races(&grammar("python")) && !races(&grammar("json")));
    for arguments in [&[][..], &main[..]] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let upgraded = loadable().map(|name| {
            let file = directory.path().join(name);
            // It lacks functions that are called only when something is wrong.
            let output = wasm_pyfix(&[arguments, &["--allow-missing", "-o"]].concat(), &[&file, &grammar(name)]);
            assert_eq!(output.status.code(), Some(0), "{name}: {}", String::from_utf8_lossy(&output.stderr));
            file
        });
        let upgraded: Vec<PathBuf> = upgraded.collect();
        assert_eq!(upgraded.len(), 33);
        assert!(upgraded.iter().all(|file| !races(file)));
        let loaded = load_side_by_side(&upgraded);
        assert_eq!(loaded.lines().filter(|line| line.ends_with(": ok")).count(), 33, "{loaded}");
    }
    // Without the help of this tool's `bind`, most fail.
    let directory = tempfile::tempdir().expect("a temporary directory");
    let left = loadable().map(|name| {
        let file = directory.path().join(name);
        let output = wasm_pyfix(&["--no-bind", "-o"], &[&file, &grammar(name)]);
        assert_eq!(output.status.code(), Some(0), "{name}");
        file
    });
    let loaded = load_side_by_side(&left.collect::<Vec<_>>());
    assert!(loaded.contains("bad export type for"), "{loaded}");
}

/// Given its files, the tool knows what this parser lacks, and what it has.
#[test]
fn the_main_module_of_another_program_is_read() {
    let library = package("web-tree-sitter");
    let (wasm, javascript) = (library.join("web-tree-sitter.wasm"), library.join("web-tree-sitter.js"));
    let run = |name: &str| {
        let main = |file: &Path| format!("--main={}", file.display());
        let output = wasm_pyfix(&["-n", "-v", &main(&wasm), &main(&javascript)], &[&grammar(name)]);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(run("json").0, Some(0));
    // It has no `__assert_fail`, which the module gets then.
    let (code, printed) = run("python");
    let substituted = printed.contains("1 function that the runtime lacks put into the module (__assert_fail)");
    assert_eq!((code, substituted), (Some(0), true), "{printed}");
    let (code, printed) = run("yaml");
    assert_eq!((code, printed.contains(LIBRARY_FUNCTION)), (Some(3), true), "{printed}");
}
