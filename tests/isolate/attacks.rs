//! Ways to get at symbols that are linked by slot, and orders of loading: small wheels, all in one process on each runtime.

use std::path::{Path, PathBuf};

use support::wheel::{self, entry};
use support::{Job, Node, Runtime, run_jobs};
use wasm_pyfix_passes::module::Module;

use crate::{PLATFORM, PROGRAM, upgraded};

/// The beginning of a module.
fn begin(linking: &str) -> String {
    format!(
        r#"(module (@dylink.0 (mem-info (memory 8 2) (table 1 0)) {linking})
        (import "env" "memory" (memory 1)) (import "env" "__indirect_function_table" (table $table 1 funcref))
        (import "env" "__memory_base" (global $base i32)) (import "env" "__table_base" (global $slots i32))"#
    )
}

/// A library that counts on from `state`, and takes the addresses of its own symbols from the loader.
fn library(state: u32, linking: &str, imports: &str, items: &str) -> String {
    begin(linking)
        + &format!(
            r#"(import "GOT.func" "f" (global $own_f (mut i32))) (import "GOT.mem" "state" (global $own_state (mut i32))) {imports}
            (global (export "state") i32 (i32.const 0))
            (func $f (export "f") (result i32)
                (i32.store (global.get $own_state) (i32.add (i32.load (global.get $own_state)) (i32.const 1)))
                (i32.load (global.get $own_state)))
            (func (export "f_address") (result i32) (global.get $own_f))
            (func (export "apply") (param i32) (result i32) (call_indirect (result i32) (local.get 0)))
            (elem (global.get $slots) func $f) {items}
            (data (global.get $base) "\{state:02x}\00\00\00"))"#
        )
}

/// A user of the library, in every way there is.
fn user(linking: &str, imports: &str, items: &str) -> String {
    begin(linking)
        + &format!(
            r#"(import "env" "f" (func $f (result i32))) (import "env" "f_address" (func $f_address (result i32)))
            (import "env" "apply" (func $apply (param i32) (result i32)))
            (import "GOT.func" "f" (global $got_f (mut i32))) (import "GOT.mem" "state" (global $state (mut i32))) {imports}
            (func (export "PyInit_m") (result i32) (i32.const 0))
            (func (export "call") (result i32) (call $f))
            (func (export "read") (result i32) (i32.load (global.get $state)))
            (func (export "address") (result i32) (global.get $got_f))
            (func (export "state_address") (result i32) (global.get $state))
            (func (export "same") (result i32) (i32.eq (call $f_address) (global.get $got_f)))
            (func (export "pointed") (result i32) (call_indirect (result i32) (global.get $got_f)))
            (func $callback (result i32) (i32.add (i32.const 1000) (call $f)))
            (func (export "back") (result i32) (call $apply (global.get $slots)))
            (elem (global.get $slots) func $callback) {items})"#
        )
}

/// How the modules of a wheel see its library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Linked {
    Slot,
    Name,
}

/// A wheel: its modules, its Python, how its symbols are linked, the expression that tries it, and the value.
struct Attack {
    package: &'static str,
    modules: Vec<(&'static str, String)>,
    python: &'static str,
    linked: Linked,
    expression: &'static str,
    value: &'static str,
}

const NEEDED: &str = r#"(needed "libx.so")"#;

fn attacks() -> Vec<Attack> {
    let hook = r#"(import "env" "hook" (func $hook (result i32)))"#;
    let in_turn = |name: &str, other: &str| {
        let imports = format!(r#"(import "env" "{other}" (func $other (param i32) (result i32)))"#);
        let calls = format!(
            r#"(func (export "{name}") (param i32) (result i32) (if (result i32) (local.get 0)
                (then (i32.add (i32.const 10) (call $other (i32.sub (local.get 0) (i32.const 1))))) (else (i32.const 7))))"#
        );
        (imports, calls)
    };
    let ((calls_y, x), (calls_x, y)) = (in_turn("x", "y"), in_turn("y", "x"));
    vec![
        // Whoever looks a symbol up by its old name finds the addresses that modules have, in another instance of the library, too.
        Attack {
            package: "named",
            modules: vec![("m.abi3.so", user(NEEDED, "", "")), ("libx.so", library(10, "", "", ""))],
            python: "NAMES = ['f', 'state']",
            linked: Linked::Slot,
            expression: "[address(library('named').f) == load('named').address(),
                addressof(c_int.in_dll(library('named'), 'state')) == load('named').state_address(),
                library('named').f(), load('named').call(), load('named').read()]",
            value: "[True, True, 11, 12, 12]",
        },
        // There are two instances of the module, and of the library, and all modules use the first library.
        Attack {
            package: "twice",
            modules: vec![
                ("m.abi3.so", user(NEEDED, "", "")),
                ("n.abi3.so", user(r#"(needed "libx.so" "libx.so")"#, "", "")),
                ("libx.so", library(20, "", "", "")),
            ],
            python: "",
            linked: Linked::Slot,
            expression: "[value for module in (load('twice'), load('twice', 'n'), load('again'))
                for value in (module.call(), module.pointed(), module.same())] + [load('twice').read(), load('twice', 'n').read()]",
            value: "[21, 22, 1, 23, 24, 1, 25, 26, 1, 26, 26]",
        },
        // Symbols that are visible to all do not get in the way, whichever of two libraries is first.
        Attack {
            package: "first",
            modules: vec![("m.abi3.so", user(NEEDED, "", "")), ("libx.so", library(30, "", "", ""))],
            python: "",
            linked: Linked::Slot,
            expression: "[visible('second').call(), visible('first').call(), load('first').back(), load('first').read()]",
            value: "[41, 31, 1032, 32]",
        },
        Attack {
            package: "second",
            modules: vec![("m.abi3.so", user(NEEDED, "", "")), ("libx.so", library(40, "", "", ""))],
            python: "",
            linked: Linked::Slot,
            expression: "[load('second').pointed(), load('second').same(), load('second').back(), load('second').read()]",
            value: "[42, 1, 1043, 43]",
        },
        // The library is needed by a library that is needed.
        Attack {
            package: "through",
            modules: vec![
                ("m.abi3.so", user(r#"(needed "liby.so")"#, "", "")),
                ("libx.so", library(50, "", "", "")),
                ("liby.so", begin(NEEDED) + r#"(func (export "unused")))"#),
            ],
            python: "",
            linked: Linked::Slot,
            expression: "[load('through').call(), load('through').pointed(), load('through').same(), load('through').read()]",
            value: "[51, 52, 1, 52]",
        },
        // Two libraries need each other, and see each other's symbols by name.
        Attack {
            package: "cycle",
            modules: vec![
                (
                    "m.abi3.so",
                    begin(NEEDED)
                        + r#"(import "env" "x" (func $x (param i32) (result i32)))
                    (func (export "PyInit_m") (result i32) (i32.const 0)) (func (export "call") (result i32) (call $x (i32.const 3))))"#,
                ),
                ("libx.so", library(0, r#"(needed "liby.so")"#, &calls_y, &x)),
                ("liby.so", begin(NEEDED) + &calls_x + &y + ")"),
            ],
            python: "",
            linked: Linked::Name,
            expression: "load('cycle').call()",
            value: "37",
        },
        // One that two libraries, which need each other, get through one of them: the other begins before it.
        Attack {
            package: "between",
            modules: vec![
                (
                    "m.abi3.so",
                    begin(r#"(needed "liby.so")"#)
                        + r#"(import "env" "z" (func $z (result i32)))
                    (func (export "PyInit_m") (result i32) (i32.const 0)) (func (export "call") (result i32) (call $z)))"#,
                ),
                (
                    "libx.so",
                    begin("") + r#"(func $x (export "x") (result i32) (i32.const 81)) (elem (global.get $slots) func $x))"#,
                ),
                ("liby.so", begin(r#"(needed "libz.so" "libx.so")"#) + r#"(func (export "unused")))"#),
                (
                    "libz.so",
                    begin(r#"(needed "liby.so")"#)
                        + r#"(import "env" "x" (func $x (result i32))) (func (export "z") (result i32) (call $x)))"#,
                ),
            ],
            python: "",
            linked: Linked::Name,
            expression: "load('between').call()",
            value: "81",
        },
        // The library calls its user, which it finds by name.
        Attack {
            package: "hook",
            modules: vec![
                (
                    "m.abi3.so",
                    user(
                        NEEDED,
                        r#"(import "env" "hooked" (func $hooked (result i32)))"#,
                        r#"(func (export "hook") (result i32) (call $f))
                        (func (export "hooked_call") (result i32) (call $hooked))"#,
                    ),
                ),
                ("libx.so", library(60, "", hook, r#"(func (export "hooked") (result i32) (call $hook))"#)),
            ],
            python: "",
            linked: Linked::Slot,
            expression: "[load('hook').hooked_call(), load('hook').read()]",
            value: "[61, 61]",
        },
        // The constructors of the library and of its user use its symbols, and it calls the user before that is loaded.
        Attack {
            package: "early",
            modules: vec![
                (
                    "m.abi3.so",
                    user(
                        NEEDED,
                        "",
                        r#"(func (export "__wasm_call_ctors") (i32.store (global.get $base) (call $apply (global.get $slots))))
                        (func (export "early") (result i32) (i32.load (global.get $base)))"#,
                    ),
                ),
                ("libx.so", library(70, "", "", r#"(func (export "__wasm_call_ctors") (drop (call $f)))"#)),
            ],
            python: "",
            linked: Linked::Slot,
            expression: "[load('early').early(), load('early').read()]",
            value: "[1072, 72]",
        },
    ]
}

impl Attack {
    fn path(&self, name: &str) -> String {
        format!("{}{}/{name}", self.package, if name.starts_with("lib") { ".libs" } else { "" })
    }

    fn write(&self, directory: &Path) -> PathBuf {
        let assemble = |text: &String| wat::parse_str(text).unwrap_or_else(|error| panic!("{}: {error}\n{text}", self.package));
        let modules = self.modules.iter().map(|(name, text)| (self.path(name), assemble(text)));
        let mut files: Vec<(String, Vec<u8>)> = modules.collect();
        files.push((format!("{}/__init__.py", self.package), self.python.as_bytes().to_vec()));
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, contents)| (name.as_str(), contents.as_slice())).collect();
        wheel::write(directory, self.package, PLATFORM, &files)
    }

    /// How `libx.so` of the upgraded `wheel` offers what others use.
    fn links(&self, wheel: &Path) -> Vec<Linked> {
        let bytes = entry(wheel, &self.path("libx.so"));
        let module = Module::read(&bytes).unwrap();
        let own = module.exports().iter().filter(|export| export.name.starts_with('$'));
        own.map(|export| if export.name.contains(':') { Linked::Slot } else { Linked::Name }).collect()
    }
}

const PYTHON: &str = "
import os
from ctypes import CDLL, RTLD_GLOBAL, addressof, c_int, c_void_p, cast
os.symlink('twice', 'again')
def load(package, name='m', **more): return CDLL(f'{os.getcwd()}/{package}/{name}.abi3.so', **more)
def visible(package): return load(package, mode=RTLD_GLOBAL)
def library(package): return CDLL(f'{os.getcwd()}/{package}.libs/libx.so')
def address(function): return cast(function, c_void_p).value
";

#[test]
fn symbols_by_slot_are_what_they_were_by_name() {
    let attacks = attacks();
    let directory = tempfile::tempdir().unwrap();
    let wheels: Vec<PathBuf> = attacks.iter().map(|attack| attack.write(directory.path())).collect();
    let tries: Vec<String> = attacks.iter().map(|attack| format!("str({})", attack.expression)).collect();
    let python = format!("{PYTHON}'\\n'.join([{}])", tries.join(", "));
    for runtime in [Runtime::V0_29_5, Runtime::V314_0_7] {
        let unpacked: Vec<PathBuf> = (attacks.iter().zip(&wheels))
            .map(|(attack, wheel)| {
                upgraded(directory.path(), &format!("{}-{}", attack.package, runtime.version()), wheel, runtime, &[])
            })
            .collect();
        for (attack, wheel) in attacks.iter().zip(&unpacked) {
            let links = attack.links(wheel);
            assert!(
                links.first() == Some(&attack.linked) && links.iter().all(|link| *link == attack.linked),
                "{}: {links:?}",
                attack.package
            );
        }
        let answer =
            run_jobs(Node::Installed, runtime, &[Job { unpacked, ..Job::new("attacks", python.as_str()) }]).unwrap().remove(0);
        for package in ["named", "twice"] {
            let ending = format!("{package}.libs/libx.so");
            let instances = answer.libraries.iter().filter(|path| path.ends_with(&ending)).count();
            // The loader of 314.0.7 has one spelling for a path.
            assert_eq!(instances, if runtime == Runtime::V0_29_5 { 2 } else { 1 }, "{package}: {:?}", answer.libraries);
        }
        let answer = answer.outcome.unwrap_or_else(|error| panic!("{}: {error}", runtime.version()));
        for (attack, value) in attacks.iter().zip(answer.lines()) {
            assert_eq!(value, attack.value, "{}: {}", runtime.version(), attack.package);
        }
    }
}

/// Two packages with libraries that happen to have names in common: which definition each finds, `check` tells before, and has nothing to say
/// of afterwards.
#[test]
fn libraries_of_two_wheels_clash_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let attacks: Vec<Attack> = attacks().into_iter().filter(|attack| ["first", "second"].contains(&attack.package)).collect();
    let wheels: Vec<PathBuf> = attacks.iter().map(|attack| attack.write(directory.path())).collect();
    let results = wheels
        .iter()
        .enumerate()
        .map(|(number, wheel)| upgraded(directory.path(), &number.to_string(), wheel, Runtime::V0_29_5, &[]));
    let results: Vec<PathBuf> = results.collect();
    let clashes = |wheels: &[PathBuf]| {
        let output = std::process::Command::new(PROGRAM).arg("check").args(wheels).output().unwrap();
        String::from_utf8(output.stdout).unwrap().matches("[symbol-clash]").count()
    };
    assert_eq!((clashes(&wheels), clashes(&results)), (4, 0));
}
