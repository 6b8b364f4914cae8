//! Archives that must not be accepted: each gives one error that names the file and the entry, and nothing panics.

use super::support::*;
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const NAME: &str = "demo-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl";

/// The error message for an archive; it has to begin with the file name.
fn message(bytes: &[u8]) -> String {
    let message = format!("{:#}", fail(NAME, bytes, &options()));
    assert!(message.starts_with(&format!("{NAME}: ")), "{message}");
    message
}

/// Asserts that the error for `bytes` contains all of `parts`.
fn rejected(bytes: &[u8], parts: &[&str]) {
    let message = message(bytes);
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

fn demo() -> Wheel {
    Wheel::new(NAME).file("demo.so", &module(&[], &["f"])).file("other.txt", b"text")
}

/// Replaces every occurrence of `from` (of equal length) in the archive.
fn patch(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut found = 0;
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
            found += 1;
        }
    }
    assert!(found > 0);
    bytes
}

/// Where the central directory header of `name` begins.
fn central_header(bytes: &[u8], name: &str) -> usize {
    let is_header = |at: &usize| bytes[*at..].starts_with(b"PK\x01\x02") && bytes[*at + 46..].starts_with(name.as_bytes());
    (0..bytes.len() - 46).find(is_header).unwrap()
}

#[test]
fn names_that_leave_the_directory() {
    let names = [
        ("../ab.txt", "`..`"),
        ("/abcd.txt", "absolute"),
        ("a\\bcd.txt", "backslash"),
        ("C:/bc.txt", "absolute"),
        ("a//bc.txt", "empty"),
    ];
    for (name, problem) in names {
        rejected(&patch(demo().build(), b"other.txt", name.as_bytes()), &[problem, &name.escape_debug().to_string()]);
    }
    rejected(&patch(demo().build(), b"other.txt", b"ot\xffer.txt"), &["not UTF-8"]);
}

#[test]
fn duplicate_names() {
    rejected(&patch(demo().file("third.txt", b"").build(), b"third.txt", b"other.txt"), &["`other.txt` occurs twice"]);
}

#[test]
fn a_file_that_is_a_directory_too() {
    rejected(&demo().file("other.txt/x", b"").build(), &["`other.txt/x`", "which is a file"]);
}

#[test]
fn zip_bombs() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let deflated = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    writer.start_file("zeros", deflated).unwrap();
    for _ in 0..40 {
        writer.write_all(&vec![0; 1 << 20]).unwrap();
    }
    rejected(&writer.finish().unwrap().into_inner(), &["`zeros`", "zip bomb"]);
}

#[test]
fn many_entries_that_are_too_large_together() {
    let mut bytes = Wheel::bare().file("a", &[1; 3000]).file("b", &[2; 3000]).stored().build();
    // The sizes in both headers become 1.5 GB; the ratio check comes first unless the compressed size lies as well.
    for name in ["a", "b"] {
        let header = central_header(&bytes, name);
        bytes[header + 24..header + 28].copy_from_slice(&1_500_000_000u32.to_le_bytes());
        bytes[header + 20..header + 24].copy_from_slice(&1_500_000_000u32.to_le_bytes());
    }
    rejected(&bytes, &["`b`", "zip bomb"]);
}

#[test]
fn sizes_that_lie() {
    for size in [1u32, 1_000_000] {
        let mut bytes = demo().build();
        let header = central_header(&bytes, "demo.so");
        bytes[header + 24..header + 28].copy_from_slice(&size.to_le_bytes());
        message(&bytes);
        // The same lie in the local header, which is the first of the archive.
        bytes[22..26].copy_from_slice(&size.to_le_bytes());
        rejected(&bytes, &["`demo.so`"]);
    }
}

#[test]
fn overlapping_entries() {
    let mut bytes = demo().build();
    let (from, to) = (central_header(&bytes, "demo.so"), central_header(&bytes, "other.txt"));
    let offset = bytes[from + 42..from + 46].to_vec();
    bytes[to + 42..to + 46].copy_from_slice(&offset);
    rejected(&bytes, &["contradict"]);
}

#[test]
fn damaged_contents() {
    let mut bytes = Wheel::new(NAME).file("demo.so", &module(&[], &["f"])).stored().build();
    let at = bytes.windows(8).position(|window| window == b"dylink.0").unwrap();
    bytes[at + 12] ^= 1;
    rejected(&bytes, &["`demo.so`"]);
}

/// A library archive has no `RECORD`: the checksums alone tell of damage to what is copied.
#[test]
fn damaged_members_of_a_library_archive() {
    for archive in [Wheel::bare(), Wheel::bare().stored()] {
        let mut bytes = archive.file("lib/a.so", &module(&[], &["a"])).file("share/data.txt", b"contents").build();
        let header = central_header(&bytes, "share/data.txt");
        bytes[header + 16] ^= 1;
        let offset = u32::from_le_bytes(bytes[header + 42..header + 46].try_into().unwrap()) as usize;
        bytes[offset + 14] ^= 1;
        let message = format!("{:#}", fail("libs.zip", &bytes, &options()));
        assert!(message.starts_with("libs.zip: entry `share/data.txt`") && message.contains("checksum"), "{message}");
    }
}

/// A wheel without modules comes out as it is, if all of it can be read.
#[test]
fn damaged_contents_without_modules() {
    let mut bytes = Wheel::new(NAME).file("pkg/data.txt", b"contents of the file").stored().build();
    run(NAME, &bytes, &options());
    let at = bytes.windows(8).position(|window| window == b"contents").unwrap();
    bytes[at] ^= 1;
    rejected(&bytes, &["`pkg/data.txt`", "checksum"]);
}

/// Sizes behind the contents, 64-bit sizes and extra fields are as good as any: members keep what they hold.
#[test]
fn unusual_headers_are_copied_whole() {
    let deflated = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let mut writer = ZipWriter::new_stream(Vec::new());
    let files = [("lib/a.so", module(&[], &["a"])), ("share/data.txt", vec![b'x'; 5000]), ("share/empty", Vec::new())];
    for (name, contents) in &files {
        for (suffix, large, method) in [
            ("", false, CompressionMethod::Deflated),
            (".64", true, CompressionMethod::Deflated),
            (".0", true, CompressionMethod::Stored),
        ] {
            writer.start_file(format!("{name}{suffix}"), deflated.compression_method(method).large_file(large)).unwrap();
            writer.write_all(contents).unwrap();
        }
    }
    let bytes = writer.finish().unwrap().into_inner();
    assert!(bytes.windows(4).any(|window| window == b"PK\x07\x08"), "no sizes behind the contents");
    let result = run("libs.zip", &bytes, &options());
    assert!(result.changed);
    let (old, new) = (entries(&bytes), entries(&result.bytes));
    assert_eq!(old.len(), new.len());
    for (old, new) in old.iter().zip(&new).filter(|(old, _)| !old.name.starts_with("lib/")) {
        assert_eq!((&old.name, &old.contents, &old.compressed), (&new.name, &new.contents, &new.compressed));
    }
    assert!(is_upgraded(&new, "lib/a.so"));
    assert!(!run("libs.zip", &result.bytes, &options()).changed);
}

#[test]
fn encrypted_entries() {
    let mut bytes = demo().build();
    let header = central_header(&bytes, "other.txt");
    bytes[header + 8] |= 1;
    rejected(&bytes, &["`other.txt`", "encrypted"]);
}

#[test]
fn unsupported_compression() {
    let mut bytes = demo().build();
    let header = central_header(&bytes, "other.txt");
    bytes[header + 10] = 14;
    rejected(&bytes, &["`other.txt`", "deflate"]);
}

#[test]
fn symbolic_links_and_devices() {
    for (mode, problem) in [(0o120777u32, "symbolic link"), (0o020666, "neither a file nor a directory")] {
        let mut bytes = demo().build();
        let header = central_header(&bytes, "other.txt");
        bytes[header + 38..header + 42].copy_from_slice(&(mode << 16).to_le_bytes());
        rejected(&bytes, &["`other.txt`", problem]);
    }
}

#[test]
fn truncation_anywhere_is_an_error() {
    let bytes = demo().build();
    for length in 0..bytes.len() {
        message(&bytes[..length]);
    }
    rejected(b"not a zip", &["zip archive"]);
}

#[test]
fn data_before_the_archive() {
    rejected(&[b"#!/bin/sh\n".as_slice(), &demo().build()].concat(), &["precede"]);
}

#[test]
fn single_damaged_bytes_never_panic() {
    let bytes = demo().build();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x55;
        // Some bytes carry no meaning that is checked, such as timestamps.
        let _ = upgrade_archive(NAME, &damaged, &options(), &upgrade);
    }
}

#[test]
fn several_dist_info_directories() {
    rejected(&demo().file("more-2.dist-info/METADATA", b"").build(), &["a second dist-info directory", "more-2.dist-info"]);
}

#[test]
fn wheels_without_their_metadata() {
    rejected(&Wheel::bare().file("demo.so", &module(&[], &[])).build(), &["not a wheel"]);
    for file in ["WHEEL", "RECORD", "METADATA"] {
        let name = format!("demo-1.0.dist-info/{file}");
        let missing = format!("demo-1.0.dist-info/{}", "x".repeat(file.len()));
        let message = message(&patch(demo().build(), name.as_bytes(), missing.as_bytes()));
        assert!(message.contains(file), "{message}");
    }
}

#[test]
fn contents_that_contradict_record() {
    let module = module(&[], &[]);
    let (hash, size) = (record_hash(&module), module.len());
    let other = record_hash(b"something else");
    rejected(&with_record(&format!("demo.so,{other},{size}\n")), &["`demo.so`", &hash, &other]);
    rejected(&with_record(&format!("demo.so,{hash},1\n")), &["`demo.so`", "RECORD says 1;"]);
    rejected(&with_record("demo.so,md5=x,1\n"), &["`demo.so`", "md5"]);
    rejected(&with_record("gone.py,sha256=x,1\n"), &["`gone.py`", "not in the archive"]);
    rejected(&with_record("demo.so,sha256=x\n"), &["RECORD", "2 fields"]);
}

/// A wheel with a `RECORD` of its own.
fn with_record(record: &str) -> Vec<u8> {
    Wheel::bare()
        .file("demo.so", &module(&[], &[]))
        .file("demo-1.0.dist-info/METADATA", b"Name: demo\n")
        .file("demo-1.0.dist-info/WHEEL", b"Tag: cp312-abi3-pyodide_2024_0_wasm32\n")
        .file("demo-1.0.dist-info/RECORD", record.as_bytes())
        .build()
}

#[test]
fn later_versions_of_the_format() {
    let wheel = |version: &str| {
        let text = format!("Wheel-Version: {version}\nTag: cp312-abi3-pyodide_2024_0_wasm32\n");
        Wheel::bare()
            .file("demo.so", &module(&[], &[]))
            .file("demo-1.0.dist-info/METADATA", b"Name: demo\n")
            .file("demo-1.0.dist-info/WHEEL", text.as_bytes())
            .file("demo-1.0.dist-info/RECORD", b"demo.so,,\n")
            .build()
    };
    rejected(&wheel("2.0"), &["entry `demo-1.0.dist-info/WHEEL`", "`Wheel-Version: 2.0`", "another format"]);
    let notices = run(NAME, &wheel("1.9"), &options()).notices;
    assert!(notices.iter().any(|notice| notice.message.contains("`Wheel-Version: 1.9`")), "{notices:?}");
}

#[test]
fn binaries_of_other_platforms() {
    for (head, platform) in [(&b"\x7fELF\x02\x01\x01\0"[..], "ELF"), (b"\xcf\xfa\xed\xfe\x07\0\0\x01", "Mach-O")] {
        rejected(&demo().file("lib/x.so", head).build(), &["`lib/x.so`", platform]);
    }
    rejected(&demo().file("x.so", b"\0asm\x0d\0\x01\0").build(), &["`x.so`", "component"]);
    rejected(&demo().file("x.so", b"\0asm\x01\0\0\0").build(), &["`x.so`", "dylink.0"]);
    rejected(&demo().file("x.so", b"\0asm\x01\0\0\0\0\xff").build(), &["`x.so`"]);
}

#[test]
fn text_under_the_name_of_a_library_is_reported_and_kept() {
    let result = run(NAME, &demo().file("x.so", b"GROUP(liby.so)").build(), &options());
    assert!(result.notices.iter().any(|notice| notice.message.contains("`x.so`")), "{:?}", result.notices);
    assert_eq!(text(&entries(&result.bytes), "x.so"), "GROUP(liby.so)");
}

/// Runs `upgrade` over a wheel with no more memory than 64 times its size and 64 MB, and 64 MB of address space for stacks and code.
#[cfg(target_os = "linux")]
fn upgrade_in_bounded_memory(bytes: &[u8]) -> (bool, String) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(NAME), bytes).unwrap();
    let limit = bytes.len() / 1024 * 64 + 2 * 64 * 1024;
    let output = std::process::Command::new("sh")
        .args(["-c", &format!("ulimit -v {limit} && exec \"$@\""), "sh", env!("CARGO_BIN_EXE_wasm-pyfix")])
        .args(["--target", "pyodide_2025_0", "-o", "out/", NAME])
        .current_dir(directory.path())
        .envs([("RAYON_NUM_THREADS", "2"), ("MALLOC_ARENA_MAX", "1")])
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

/// Entries of zeros, which deflate packs a thousand times. What is copied or searched takes no memory, and what is held is refused by name.
#[cfg(target_os = "linux")]
#[test]
fn zeros_take_no_memory() {
    const SIZE: usize = 32 << 20;
    let zeros = vec![0; SIZE];
    let module = wat::parse_str(format!(
        "(module (@dylink.0 (mem-info (memory {SIZE} 0))) (import \"env\" \"memory\" (memory 0)) (data (i32.const 0) \"{}\"))",
        "\\00".repeat(SIZE / 2)
    ));
    let many = |ending: &str, contents: &[u8]| {
        (0..6).fold(demo(), |wheel, number| wheel.file(&format!("zeros{number}.{ending}"), contents)).build()
    };
    let (success, stderr) = upgrade_in_bounded_memory(&many("so", &zeros));
    assert!(
        !success && stderr.contains("refused[not-a-module]") && stderr.contains("`zeros0.so` is no WebAssembly (and 5 more)"),
        "{stderr}"
    );
    for (ending, contents, accepted) in [("bin", &zeros, true), ("py", &zeros, true), ("so", &module.unwrap(), false)] {
        let (success, stderr) = upgrade_in_bounded_memory(&many(ending, contents));
        assert_eq!(success, accepted, "{ending}: {stderr}");
        let named = stderr.contains(&format!("{NAME}: entry `zeros0.{ending}`")) && stderr.contains("repack the archive");
        assert!(accepted || named, "{stderr}");
    }
}

/// Code that is too large to be held is looked through in pieces: a name at the edge of a piece is found, and so is an opener. So is one in
/// Python, where nobody reads whole what a library is opened by.
#[test]
fn large_code_is_looked_through() {
    const SIZE: usize = 5_600_000;
    const OPENED: &str = "may look up any symbol";
    let library = wat::parse_str(
        r#"(module (@dylink.0 (mem-info (memory 0 0)))
        (func (export "PyInit_demo")) (func (export "_Z4useda")) (func (export "_Z6unuseda")))"#,
    );
    let library = library.unwrap();
    let run = |path: &str, word: &str, at: usize| {
        let mut text = vec![b' '; SIZE];
        text[at..at + word.len()].copy_from_slice(word.as_bytes());
        let bytes = Wheel::new(NAME).file("demo.abi3.so", &library).file(path, &text).build();
        assert!(bytes.len() < 60_000);
        let directory = tempfile::tempdir().unwrap();
        let input = directory.path().join(NAME);
        std::fs::write(&input, bytes).unwrap();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"))
            .args(["-v", "-o", "out.whl"])
            .arg(&input)
            .current_dir(directory.path())
            .output()
            .unwrap();
        let report = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{report}");
        let new = entries(&std::fs::read(directory.path().join("out.whl")).unwrap());
        let exports = contents(&new, "demo.abi3.so").to_vec();
        let stays = |name: &str| exports.windows(name.len()).any(|window| window == name.as_bytes());
        (stays("_Z4useda"), stays("_Z6unuseda"), report.contains(OPENED))
    };
    for at in [0, (1 << 20) - 4, 3 << 20, SIZE - 8] {
        assert_eq!(run("page.html", "_Z4useda", at), (true, false, false), "{at}");
    }
    assert_eq!(run("page.html", "loadDynlib", (1 << 20) - 5), (true, true, true));
    assert_eq!(run("page.py", "CDLL('no.so')", (2 << 20) - 5), (true, true, true));
}
