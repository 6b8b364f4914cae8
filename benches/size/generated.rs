//! A wheel made here, in the manner of python-flint: an extension module beside a library in `*.libs` that exports all of its thousands
//! of functions, as `SIDE_MODULE=1` does, of which the extension module calls some.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use anyhow::Result;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Functions of the library, all exported. libflint has about as many.
const FUNCTIONS: usize = 9000;
/// Of so many functions, the extension module calls one.
const CALLED: usize = 10;
/// Functions call each other within groups of so many.
const GROUP: usize = 5;
/// Steps of arithmetic in each function.
const STEPS: usize = 24;

pub const NAME: &str = "generated-1.0-cp313-cp313-pyodide_2025_0_wasm32.whl";

const EXTENSION: &str = "generated/extension.cpython-313-wasm32-emscripten.so";

/// The wheel; it is the same each time.
pub fn wheel() -> Result<Vec<u8>> {
    let mut wheel = ZipWriter::new(Cursor::new(Vec::new()));
    let files = [
        ("generated/__init__.py", Vec::new()),
        (EXTENSION, wat::parse_str(extension()?)?),
        ("generated.libs/libgenerated.so", wat::parse_str(library()?)?),
        ("generated-1.0.dist-info/METADATA", b"Metadata-Version: 2.1\nName: generated\nVersion: 1.0\n".to_vec()),
        (
            "generated-1.0.dist-info/WHEEL",
            b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp313-cp313-pyodide_2025_0_wasm32\n".to_vec(),
        ),
        ("generated-1.0.dist-info/RECORD", Vec::new()),
    ];
    for (name, contents) in files {
        wheel.start_file(name, SimpleFileOptions::default())?;
        wheel.write_all(&contents)?;
    }
    Ok(wheel.finish()?.into_inner())
}

/// The C name of a function of the library.
fn name(function: usize) -> String {
    format!("generated_poly_{function:04}_evaluate")
}

fn library() -> Result<String> {
    let mut text = String::from("(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)))\n");
    // Constants that a compiler might have chosen: neither equal nor without any pattern.
    let mut seed = 1u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed >> 8
    };
    for function in 0..FUNCTIONS {
        writeln!(text, "(func $f{function} (export \"{}\") (param i32 i32) (result i32)\nlocal.get 0", name(function))?;
        for step in 0..STEPS {
            let operator = ["add", "mul", "xor", "sub", "rotl"][next() as usize % 5];
            match step % 3 {
                0 => writeln!(text, "local.get 1 i32.{operator}")?,
                _ => writeln!(text, "i32.const {} i32.{operator}", next() % 100_000)?,
            }
        }
        // Only to those behind, so that calls end.
        if (function + 1) % GROUP != 0 {
            writeln!(text, "local.get 1 call $f{}", function + 1)?;
        }
        text.push_str(")\n");
    }
    text.push(')');
    Ok(text)
}

/// Its `PyInit` calls what it needs of the library and gives an empty module.
fn extension() -> Result<String> {
    let called: Vec<usize> = (0..FUNCTIONS).step_by(CALLED).collect();
    let mut text = String::from(
        "(module (@dylink.0 (mem-info (memory 64 2)) (needed \"libgenerated.so\") (runtime-path \"$ORIGIN/../generated.libs\"))\n\
         (import \"env\" \"memory\" (memory 1))\n\
         (import \"env\" \"__memory_base\" (global $memory_base i32))\n\
         (import \"env\" \"PyModule_Create2\" (func $create (param i32 i32) (result i32)))\n",
    );
    for function in &called {
        writeln!(text, "(import \"env\" \"{}\" (func $f{function} (param i32 i32) (result i32)))", name(*function))?;
    }
    // A PyModuleDef of CPython 3.13 has 13 words, of which the first five are its PyModuleDef_Base and the sixth is the address of the
    // name, which lies behind it.
    text.push_str("(data (global.get $memory_base) \"\\01");
    text.push_str(&"\\00".repeat(51));
    text.push_str("extension\\00\")\n(func (export \"PyInit_extension\") (result i32) (local $sum i32)\n");
    for function in &called {
        writeln!(text, "local.get $sum i32.const {function} call $f{function} local.set $sum")?;
    }
    text.push_str(
        "global.get $memory_base global.get $memory_base i32.const 52 i32.add i32.store offset=20\n\
         global.get $memory_base i32.const 1013 call $create))",
    );
    Ok(text)
}
