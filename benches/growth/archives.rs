//! Archives of libraries.

use std::io::{Cursor, Write};

use anyhow::Result;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::Input;

/// Libraries that all export the same names and import them of each other.
pub fn shared_names(n: usize) -> Result<Input> {
    let mut items = String::new();
    for name in 0..10 {
        items += &format!("(import \"GOT.func\" \"shared{name}\" (global (mut i32)))");
    }
    for name in 0..10 {
        items += &format!("(func (export \"shared{name}\") (result i32) (i32.const {name}))");
    }
    let library = wat::parse_str(format!("(module (@dylink.0 (mem-info (memory 0 0) (table 0 0))) {items})"))?;
    archive((0..n).map(|number| (format!("lib{number}.so"), &*library)), &[])
}

/// A library at the bottom of so many directories.
pub fn deep_path(n: usize) -> Result<Input> {
    let library = needing(["libother.so"])?;
    let directories = "d/".repeat(n);
    // No RUNTIME_PATH leads a library to itself.
    archive(["lib.so", "libother.so"].map(|name| (format!("{directories}{name}"), &*library)), &["--no-check"])
}

/// A module that needs so many libraries, each in a directory of its own that also has a namesake of the one before.
pub fn crossed(n: usize) -> Result<Input> {
    let names: Vec<String> = (0..n).map(|number| format!("lib{number}.so")).collect();
    let (needing, library) = (needing(names.iter().rev().map(String::as_str))?, needing([])?);
    let own = names.iter().enumerate().map(|(number, name)| format!("d{number}/{name}"));
    let namesakes = names.iter().enumerate().map(|(number, name)| format!("d{}/{name}", number + 1));
    let libraries = own.chain(namesakes).map(|path| (path, &*library));
    archive(libraries.chain([("module.so".to_string(), &*needing)]), &[])
}

/// Packages each of which has a module and the library that it needs, all of the same name.
pub fn of_packages(n: usize) -> Result<Input> {
    let (needing, library) = (needing(["libx.so"])?, needing([])?);
    let files =
        (0..n).flat_map(|number| [(format!("p{number}/module.so"), &*needing), (format!("p{number}.libs/libx.so"), &*library)]);
    archive(files, &[])
}

/// The same, checked as it is.
pub fn of_packages_checked(n: usize) -> Result<Input> {
    Ok(Input { checked: true, ..of_packages(n)? })
}

/// Packages each of which has a module and the library that it needs in a directory below, where the loader of 2024_0 looks.
pub fn below(n: usize) -> Result<Input> {
    let (needing, library) = (needing(["libx.so"])?, needing([])?);
    let files =
        (0..n).flat_map(|number| [(format!("p{number}/module.so"), &*needing), (format!("p{number}/sub/libx.so"), &*library)]);
    Ok(Input { checked: true, ..archive(files, &["--target", "pyodide_2024_0"])? })
}

/// Modules each of which needs many libraries, each from another directory, and all directories have all of these libraries: as many modules as
/// directories and as names.
pub fn shared_namesakes(n: usize) -> Result<Input> {
    let side = n.isqrt();
    let name = |number: usize| format!("lib{number}.so");
    let names: Vec<String> = (0..side).map(name).collect();
    let (needing, library) = (needing(names.iter().map(String::as_str))?, needing([])?);
    // Of equal libraries the first is taken.
    let taken = (0..side).map(|number| (format!("d{number}/{}", name(number)), &*library));
    let pairs = (0..side).flat_map(|place| (0..side).filter(move |number| *number != place).map(move |number| (place, number)));
    let others = pairs.map(|(place, number)| (format!("d{place}/{}", name(number)), &*library));
    let modules = (0..side).map(|number| (format!("p/m{number}.so"), &*needing));
    archive(taken.chain(others).chain(modules), &["--no-check"])
}

/// Libraries each of which needs the next one, which is in another directory.
pub fn chain(n: usize) -> Result<Input> {
    let libraries: Vec<Vec<u8>> = (0..n).map(|number| needing([&*format!("lib{}.so", number + 1)])).collect::<Result<_>>()?;
    let last = (format!("d{n}/lib{n}.so"), needing([])?);
    let files = libraries.iter().enumerate().map(|(number, library)| (format!("d{number}/lib{number}.so"), library.as_slice()));
    archive(files.chain([(last.0, &*last.1)]), &[])
}

/// Libraries each of which needs all before it, n names together, and takes an address from the loader that all of them define.
pub fn clashing(n: usize) -> Result<Input> {
    let library = |number: usize| -> Result<Vec<u8>> {
        let needed: String = (0..number).map(|before| format!("(needed \"lib{before}.so\")")).collect();
        Ok(wat::parse_str(format!(
            "(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)) {needed})
            (import \"GOT.mem\" \"shared\" (global (mut i32))) (global (export \"shared\") i32 (i32.const 0)))"
        ))?)
    };
    let libraries: Vec<Vec<u8>> = (0..(2 * n).isqrt()).map(library).collect::<Result<_>>()?;
    let files = libraries.iter().enumerate().map(|(number, library)| (format!("lib{number}.so"), library.as_slice()));
    Ok(Input { checked: true, ..archive(files, &[])? })
}

/// Extension modules that the target's Python passes over.
pub fn other_python(n: usize) -> Result<Input> {
    let module = wat::parse_str("(module (@dylink.0 (mem-info (memory 0 0) (table 0 0))) (func (export \"PyInit_m\")))")?;
    let files = (0..n).map(|number| (format!("p{number}/m.cpython-312-wasm32-emscripten.so"), &*module));
    Ok(Input { checked: true, ..archive(files, &[])? })
}

/// A module that has nothing in it and needs these libraries.
fn needing<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Vec<u8>> {
    let needed: String = names.into_iter().map(|name| format!("(needed \"{name}\")")).collect();
    Ok(wat::parse_str(format!("(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)) {needed}))"))?)
}

/// A wheel with these modules.
pub fn wheel<'c>(modules: impl Iterator<Item = (String, &'c [u8])>) -> Result<Input> {
    let metadata = [
        ("METADATA", &b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"[..]),
        ("WHEEL", b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp312-abi3-pyodide_2025_0_wasm32\n"),
        ("RECORD", b""),
    ];
    let metadata = metadata.map(|(name, contents)| (format!("demo-1.0.dist-info/{name}"), contents));
    let input = archive(modules.chain(metadata), &["--no-check"])?;
    Ok(Input { file: "demo-1.0-cp312-abi3-pyodide_2025_0_wasm32.whl", ..input })
}

fn archive<'c>(files: impl IntoIterator<Item = (String, &'c [u8])>, options: &'static [&'static str]) -> Result<Input> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, contents) in files {
        zip.start_file(name, SimpleFileOptions::default())?;
        zip.write_all(contents)?;
    }
    Ok(Input { file: "libraries.zip", bytes: zip.finish()?.into_inner(), checked: false, beside: Vec::new(), options })
}
