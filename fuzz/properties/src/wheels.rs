//! Wheels and archives, right ones and wrong ones: entries, `RECORD`, `WHEEL` and names are put together at random, and at times bytes of
//! the archive itself are changed.

use std::io::{Cursor, Read, Write};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::corpus;
use crate::mutate;
use crate::random::Random;

/// File names of wheels and archives.
const FILE_NAMES: [&str; 9] = [
    "pkg-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl",
    "pkg-1.0-cp313-cp313-pyodide_2025_0_wasm32.whl",
    "pkg-1.0-py3-none-pyodide_2024_0_wasm32.whl",
    "pkg-1.0-cp312-cp312-emscripten_3_1_58_wasm32.whl",
    "pkg-1.0-1-cp311-abi3-pyemscripten_2025_0_wasm32.pyodide_2025_0_wasm32.whl",
    "pkg-1.0-py3-none-any.whl",
    "pkg-1.0.whl",
    "libs.zip",
    "pkg-1.0-cp314-cp314-pyemscripten_2026_0_wasm32.whl",
];

/// Names of entries that tools trip over.
const ODD_NAMES: [&str; 14] = [
    "../evil.so",
    "/abs.so",
    "pkg//twice.so",
    "pkg/./here.so",
    "pkg\\back.so",
    "C:/drive.so",
    "pkg/",
    "PKG/A.so",
    "pkg/a.so/under.so",
    "pkg/ünïcode.so",
    "",
    "pkg/nul\0.so",
    "pkg-1.0.dist-info/RECORD.jws",
    "other-2.0.dist-info/WHEEL",
];

const PYTHON: [&str; 7] = [
    "import ctypes\nctypes.CDLL('a.so')\n",
    "import ctypes, os\nctypes.cdll[os.environ['X']]\n",
    "import sys\nsys.setdlopenflags(0x102)\n",
    "from ctypes import *\ncdll.LoadLibrary(name + '.so').run()\n",
    "print('hello')\n",
    "import importlib.machinery as m\nm.ExtensionFileLoader('pkg.a', p)\n",
    "\u{feff}# coding: latin-1\n",
];

struct Entry {
    name: String,
    contents: Vec<u8>,
}

/// The name of the file that `seed` gives to contents that come without one.
pub fn file_name(seed: u64) -> &'static str {
    FILE_NAMES[(seed % FILE_NAMES.len() as u64) as usize]
}

/// An archive.
pub fn archive(random: &mut Random) -> Vec<u8> {
    let mut entries = contents(random);
    if random.chance(92) {
        metadata(&mut entries, random);
    }
    if random.chance(30) {
        damage(&mut entries, random);
    }
    let mut bytes = zip(&entries, random).unwrap_or_default();
    if random.chance(15) {
        structure(&mut bytes, random);
    }
    if random.chance(10) {
        mutate::bytes(&mut bytes, random);
    }
    bytes
}

/// `bytes` with another module, file of Python or line of metadata in it; what cannot be read has bytes changed.
pub fn changed(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut entries = read(bytes).unwrap_or_default();
    if entries.is_empty() || random.chance(10) {
        let mut changed = bytes.to_vec();
        structure(&mut changed, random);
        return changed;
    }
    damage(&mut entries, random);
    zip(&entries, random).unwrap_or_default()
}

fn read(bytes: &[u8]) -> Option<Vec<Entry>> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).ok()?;
    let mut entries = Vec::new();
    for index in 0..archive.len().min(50) {
        let mut entry = archive.by_index(index).ok()?;
        let name = entry.name().ok()?.into_owned();
        let mut contents = Vec::new();
        entry.by_ref().take(1 << 20).read_to_end(&mut contents).ok()?;
        entries.push(Entry { name, contents });
    }
    Some(entries)
}

fn contents(random: &mut Random) -> Vec<Entry> {
    const PLACES: [&str; 8] = [
        "pkg/a.so",
        "pkg/b.cpython-312-wasm32-emscripten.so",
        "pkg/c.abi3.so",
        "pkg.libs/libx.so",
        "other.libs/libx.so",
        "pkg/sub/libd_dep.so",
        "d.so",
        "pkg/data.wasm",
    ];
    let mut entries = Vec::new();
    for _ in 0..1 + random.below(3) {
        let seed = random.pick(corpus::modules());
        let contents = match random.below(20) {
            0..=11 => seed.bytes.clone(),
            12..=18 => mutate::module(&seed.bytes, random),
            _ => random.pick(&[&b""[..], b"!<arch>\n", b"#!/bin/sh\n", b"\x7fELF", b"\0asm", b"../a.so"]).to_vec(),
        };
        entries.push(Entry { name: random.pick(&PLACES).to_string(), contents });
    }
    for number in 0..random.below(3) {
        let suffix = random.pick(&["py", "pyi", "js", "txt", "PY"]);
        entries.push(Entry { name: format!("pkg/m{number}.{suffix}"), contents: random.pick(&PYTHON).as_bytes().to_vec() });
    }
    if random.chance(20) {
        let magic: u16 = *random.pick(&[3531, 3571, 3627, 0]);
        let contents = [&magic.to_le_bytes()[..], b"\r\n", &random.bytes(20)].concat();
        entries.push(Entry { name: random.pick(&["pkg/__pycache__/m0.cpython-312.pyc", "pkg/m0.pyc"]).to_string(), contents });
    }
    let mut names = std::collections::HashSet::new();
    entries.retain(|entry| names.insert(entry.name.clone()));
    entries
}

fn metadata(entries: &mut Vec<Entry>, random: &mut Random) {
    let tag = random.pick(&FILE_NAMES).trim_end_matches(".whl").splitn(3, '-').nth(2).unwrap_or("py3-none-any").to_string();
    let version = random.pick(&["1.0", "1.0", "1.0", "1.0", "1.0", "1.0", "1.0", "1.9", "2.0", ""]);
    let wheel = format!("Wheel-Version: {version}\nGenerator: x\nRoot-Is-Purelib: false\nTag: {tag}\n");
    let text = "Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\nRequires-Python: >=3.8\n";
    for (name, contents) in [("WHEEL", wheel), ("METADATA", text.to_string())] {
        entries.push(Entry { name: format!("pkg-1.0.dist-info/{name}"), contents: contents.into_bytes() });
    }
    let mut record = String::new();
    for entry in entries.iter() {
        let hash = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&entry.contents));
        let (mut size, mut hash) = (entry.contents.len().to_string(), format!("sha256={hash}"));
        match random.below(200) {
            0 => size = "7".to_string(),
            1 => hash = "md5=AAAA".to_string(),
            2 => (size, hash) = (String::new(), String::new()),
            3 => continue,
            _ => {}
        }
        record += &format!("{},{hash},{size}\n", entry.name);
    }
    record += "pkg-1.0.dist-info/RECORD,,\n";
    entries.push(Entry { name: "pkg-1.0.dist-info/RECORD".to_string(), contents: record.into_bytes() });
}

fn damage(entries: &mut Vec<Entry>, random: &mut Random) {
    for _ in 0..=random.below(2) {
        if entries.is_empty() {
            return;
        }
        let at = random.below(entries.len());
        match random.below(6) {
            0 => drop(entries.remove(at)),
            1 => entries[at].name = random.pick(&ODD_NAMES).to_string(),
            2 => entries.push(Entry { name: random.pick(&ODD_NAMES).to_string(), contents: b"\0asm".to_vec() }),
            3 => {
                let contents = mutate::module(&entries[at].contents, random);
                entries[at].contents = contents;
            }
            4 => mutate::bytes(&mut entries[at].contents, random),
            _ => {
                let other = random.below(entries.len());
                let name = entries[other].name.clone();
                entries[at].name = name.to_uppercase();
            }
        }
    }
}

/// `None` for entries of which the writer can make no archive.
fn zip(entries: &[Entry], random: &mut Random) -> Option<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for entry in entries {
        let method = *random.pick(&[CompressionMethod::Deflated, CompressionMethod::Deflated, CompressionMethod::Stored]);
        let options = SimpleFileOptions::default().compression_method(method).unix_permissions(0o100_755);
        writer.start_file(entry.name.as_str(), options).ok()?;
        writer.write_all(&entry.contents).ok()?;
    }
    if random.chance(5) {
        writer.set_comment("a comment").ok()?;
    }
    Some(writer.finish().ok()?.into_inner())
}

/// Changes a field of a local or central header, or of the end of the directory.
fn structure(bytes: &mut Vec<u8>, random: &mut Random) {
    let headers: Vec<usize> = (0..bytes.len().saturating_sub(4)).filter(|at| is_header(&bytes[*at..])).collect();
    if headers.is_empty() {
        return mutate::bytes(bytes, random);
    }
    for _ in 0..=random.below(2) {
        let at = random.pick(&headers) + 4 + random.below(42);
        if let Some(byte) = bytes.get_mut(at) {
            *byte = *random.pick(&[0, 1, 2, 8, 0x10, 0x7f, 0x80, 0xff]);
        }
    }
}

fn is_header(bytes: &[u8]) -> bool {
    [b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"].iter().any(|magic| bytes.starts_with(*magic))
}
