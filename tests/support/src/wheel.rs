//! Wheels of a few files.

use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

/// Writes a wheel of `package` for `platform`, such as `pyodide_2025_0`, with these files into `directory`.
///
/// # Panics
/// When it cannot be written.
pub fn write(directory: &Path, package: &str, platform: &str, files: &[(&str, &[u8])]) -> PathBuf {
    let tag = format!("cp312-abi3-{platform}_wasm32");
    let metadata = [
        ("METADATA", format!("Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")),
        ("WHEEL", format!("Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n")),
        ("RECORD", String::new()),
    ];
    let metadata = metadata.map(|(name, text)| (format!("{package}-1.0.dist-info/{name}"), text.into_bytes()));
    let mut wheel = ZipWriter::new(Cursor::new(Vec::new()));
    let files = files.iter().map(|(name, contents)| (name.to_string(), contents.to_vec()));
    for (name, contents) in files.chain(metadata) {
        wheel.start_file(name, SimpleFileOptions::default()).expect("names are short");
        wheel.write_all(&contents).expect("there is room");
    }
    let path = directory.join(format!("{package}-1.0-{tag}.whl"));
    std::fs::write(&path, wheel.finish().expect("there is room").into_inner()).expect("the directory can be written");
    path
}

/// The entry `name` of an archive.
///
/// # Panics
/// When there is none.
#[track_caller]
pub fn entry(archive: &Path, name: &str) -> Vec<u8> {
    let bytes = std::fs::read(archive).unwrap_or_else(|error| panic!("{}: {error}", archive.display()));
    let mut archive = ZipArchive::new(Cursor::new(bytes)).expect("it is an archive");
    let mut contents = Vec::new();
    archive.by_name(name).unwrap_or_else(|error| panic!("{name}: {error}")).read_to_end(&mut contents).expect("it is whole");
    contents
}
