//! Private libraries of a wheel, which are linked by slot.

use std::fmt::Write;

use anyhow::Result;

use super::Input;
use super::archives::wheel;

/// Symbols of each library.
const SYMBOLS: usize = 10;

/// Libraries, each with an extension module that uses it.
pub fn with_a_user_each(n: usize) -> Result<Input> {
    let libraries = (0..n).map(|number| (format!("demo.libs/lib{number}.so"), module(&[], &definitions(number, SYMBOLS))));
    let users = (0..n).map(|number| {
        (
            format!("demo/m{number}.abi3.so"),
            module(&[format!("lib{number}.so")], &(uses(number, SYMBOLS) + &entry([number], SYMBOLS))),
        )
    });
    group(libraries.chain(users))
}

/// Libraries and an extension module that uses all of them.
pub fn with_one_user(n: usize) -> Result<Input> {
    let libraries = (0..n).map(|number| (format!("demo.libs/lib{number}.so"), module(&[], &definitions(number, SYMBOLS))));
    let names: Vec<String> = (0..n).map(|number| format!("lib{number}.so")).collect();
    let links: String = (0..n).map(|number| uses(number, SYMBOLS)).collect();
    let user = ("demo/m.abi3.so".to_string(), module(&names, &(links + &entry(0..n, SYMBOLS))));
    group(libraries.chain([user]))
}

/// Libraries each of which uses the one before it, with an extension module that needs the last one and uses the first.
pub fn chain(n: usize) -> Result<Input> {
    let library = |number: usize| {
        let (needed, items) = match number.checked_sub(1) {
            None => (Vec::new(), String::new()),
            Some(before) => (
                vec![format!("lib{before}.so")],
                uses(before, SYMBOLS) + &function(&format!("(export \"g{number}\")"), [before], SYMBOLS),
            ),
        };
        (format!("demo.libs/lib{number}.so"), module(&needed, &(items + &definitions(number, SYMBOLS))))
    };
    let user = ("demo/m.abi3.so".to_string(), module(&[format!("lib{}.so", n - 1)], &(uses(0, SYMBOLS) + &entry([0], SYMBOLS))));
    group((0..n).map(library).chain([user]))
}

/// Libraries that all define the same names, each with an extension module that uses it.
pub fn with_shared_names(n: usize) -> Result<Input> {
    let libraries = (0..n).map(|number| (format!("demo.libs/lib{number}.so"), module(&[], &definitions(0, SYMBOLS))));
    let users = (0..n).map(|number| {
        (format!("demo/m{number}.abi3.so"), module(&[format!("lib{number}.so")], &(uses(0, SYMBOLS) + &entry([0], SYMBOLS))))
    });
    group(libraries.chain(users))
}

/// A library of many symbols, and an extension module that uses all.
pub fn of_many_symbols(n: usize) -> Result<Input> {
    let library = ("demo.libs/lib0.so".to_string(), module(&[], &definitions(0, n)));
    let user = ("demo/m.abi3.so".to_string(), module(&["lib0.so".to_string()], &(uses(0, n) + &entry([0], n))));
    group([library, user].into_iter())
}

fn group(modules: impl Iterator<Item = (String, String)>) -> Result<Input> {
    let modules: Vec<(String, Vec<u8>)> = modules.map(|(path, text)| Ok((path, wat::parse_str(text)?))).collect::<Result<_>>()?;
    wheel(modules.iter().map(|(path, module)| (path.clone(), module.as_slice())))
}

fn module(needed: &[String], items: &str) -> String {
    let needed: String = needed.iter().map(|name| format!("(needed \"{name}\")")).collect();
    format!("(module (@dylink.0 (mem-info (memory 4 2) (table 0 0)) {needed}) (import \"env\" \"memory\" (memory 0)) {items})")
}

/// The functions of the library `number`.
fn definitions(number: usize, count: usize) -> String {
    (0..count).map(|index| format!("(func (export \"f{number}_{index}\") (result i32) (i32.const {index}))")).collect()
}

/// Imports of them and of their addresses.
fn uses(number: usize, count: usize) -> String {
    let mut text = String::new();
    for index in 0..count {
        let _ = write!(text, "(import \"env\" \"f{number}_{index}\" (func $f{number}_{index} (result i32)))");
        let _ = write!(text, "(import \"GOT.func\" \"f{number}_{index}\" (global $a{number}_{index} (mut i32)))");
    }
    text
}

/// A function that uses all of these libraries.
fn function(export: &str, libraries: impl IntoIterator<Item = usize>, count: usize) -> String {
    let uses = libraries.into_iter().flat_map(|number| (0..count).map(move |index| format!("{number}_{index}")));
    let uses: String = uses.map(|name| format!("(drop (i32.add (call $f{name}) (global.get $a{name})))")).collect();
    format!("(func {export} (result i32) {uses} (i32.const 0))")
}

fn entry(libraries: impl IntoIterator<Item = usize>, count: usize) -> String {
    function("(export \"PyInit_m\")", libraries, count)
}
