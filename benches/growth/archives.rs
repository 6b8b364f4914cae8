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
    archive((0..n).map(|number| format!("lib{number}.so")), &library, &[])
}

/// A library at the bottom of so many directories.
pub fn deep_path(n: usize) -> Result<Input> {
    let library = wat::parse_str("(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)) (needed \"libother.so\")))")?;
    let directories = "d/".repeat(n);
    // No RUNTIME_PATH leads a library to itself.
    archive([format!("{directories}lib.so"), format!("{directories}libother.so")], &library, &["--no-check"])
}

fn archive(names: impl IntoIterator<Item = String>, library: &[u8], options: &'static [&'static str]) -> Result<Input> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for name in names {
        zip.start_file(name, SimpleFileOptions::default())?;
        zip.write_all(library)?;
    }
    Ok(Input { file: "libraries.zip", bytes: zip.finish()?.into_inner(), beside: Vec::new(), options })
}
