//! Builds archives and modules, runs the upgrade with a stand-in for the passes, and takes the result apart.

use base64::Engine;
use sha2::Digest;
use std::io::{Cursor, Read, Write};
pub use wasm_pyfix::pipeline::ModuleOptions;
pub use wasm_pyfix::wheel::upgrade_archive;
use wasm_pyfix::wheel::{ArchiveResult, WheelOptions};
pub use wasm_pyfix_passes::Outcome;
use wasm_pyfix_passes::dylink;
pub use wasm_pyfix_passes::module::Module;
use wasm_pyfix_passes::module::dylink::{Dylink, ExportInfo};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// The export to which the stand-in gives flags in a module that it has seen.
const MARK: &str = "up";

/// What the tests ask for unless they say otherwise.
pub fn options() -> WheelOptions {
    WheelOptions {
        platform_tags: vec!["pyemscripten_2025_0_wasm32".to_string(), "pyodide_2025_0_wasm32".to_string()],
        keep_spelling: true,
        python_tag: "cp313".to_string(),
        site_packages: "/lib/python3.13/site-packages".to_string(),
        ..WheelOptions::default()
    }
}

/// A side module with these NEEDED libraries that exports one function under these names.
pub fn module(needed: &[&str], exports: &[&str]) -> Vec<u8> {
    let dylink = Dylink { needed: needed.iter().map(|name| name.to_string()).collect(), ..Dylink::default() };
    let body = wat::parse_str(format!(
        "(module (func $f) {})",
        exports.iter().map(|name| format!("(export \"{name}\" (func $f))")).collect::<String>()
    ));
    let body = body.unwrap();
    with_dylink(&dylink, &body[8..])
}

fn with_dylink(dylink: &Dylink, rest: &[u8]) -> Vec<u8> {
    let mut module = wasm_encoder::Module::new();
    module.section(&wasm_encoder::CustomSection { name: "dylink.0".into(), data: dylink.write().into() });
    let mut bytes = module.finish();
    bytes.extend_from_slice(rest);
    bytes
}

/// The linking metadata of `module`, and what follows them.
fn split(module: &[u8]) -> (Dylink, &[u8]) {
    let mut reader = wasmparser::BinaryReader::new(&module[9..], 0);
    let length = reader.read_var_u32().unwrap() as usize;
    let start = 9 + reader.original_position() as usize;
    let payload = &module[start..start + length];
    assert_eq!(&payload[..9], b"\x08dylink.0");
    (Dylink::read(&payload[9..], 0).unwrap(), &module[start + length..])
}

/// A module as the stand-in leaves it when no RUNTIME_PATH is asked for.
pub fn upgraded(module: &[u8]) -> Vec<u8> {
    let (mut dylink, rest) = split(module);
    mark(&mut dylink);
    with_dylink(&dylink, rest)
}

fn mark(dylink: &mut Dylink) {
    if !is_marked(dylink) {
        dylink.export_info.push(ExportInfo { name: MARK.to_string(), flags: 0 });
    }
}

fn is_marked(dylink: &Dylink) -> bool {
    dylink.export_info.iter().any(|info| info.name == MARK)
}

/// The stand-in: writes RUNTIME_PATH, NEEDED and a mark, once.
pub fn upgrade(_: &str, module: &mut Module<'_>, options: &ModuleOptions) -> anyhow::Result<Vec<Outcome>> {
    let (runtime_path, rename_needed) = (&options.runtime_path, Some(&options.rename_needed));
    let (add_needed, remove_needed) = (&options.add_needed, &options.remove_needed);
    let linking = dylink::Options { runtime_path, add_needed, remove_needed, rename_needed };
    let mut outcome = dylink::run(module, &linking);
    if !is_marked(&module.dylink) {
        mark(&mut module.dylink);
        outcome.count("marks", 1);
    }
    Ok(vec![outcome])
}

/// Upgrades an archive that has to succeed.
pub fn run(name: &str, bytes: &[u8], options: &WheelOptions) -> ArchiveResult {
    upgrade_archive(name, bytes, options, &upgrade).unwrap_or_else(|error| panic!("{error:#}"))
}

/// Upgrades an archive that has to fail.
pub fn fail(name: &str, bytes: &[u8], options: &WheelOptions) -> anyhow::Error {
    match upgrade_archive(name, bytes, options, &upgrade) {
        Ok(_) => panic!("{name} was accepted"),
        Err(error) => error,
    }
}

/// Whether the command line would exit with code 3.
pub fn is_refused(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(wasm_pyfix_passes::Error::Refused { .. }))
}

/// SHA-256 in hexadecimal.
pub fn hex_sha256(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A wheel or zip archive to build.
pub struct Wheel {
    name: Option<String>,
    files: Vec<(String, Vec<u8>, bool)>,
    gone: Vec<String>,
    metadata: String,
    method: CompressionMethod,
}

impl Wheel {
    /// A wheel with the given file name; metadata is added by `build`.
    pub fn new(name: &str) -> Self {
        Wheel { name: Some(name.to_string()), ..Wheel::bare() }
    }

    /// A zip archive without metadata.
    pub fn bare() -> Self {
        let metadata = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n".to_string();
        Wheel { name: None, files: Vec::new(), gone: Vec::new(), metadata, method: CompressionMethod::Deflated }
    }

    /// Adds a file.
    pub fn file(mut self, name: &str, contents: &[u8]) -> Self {
        self.files.push((name.to_string(), contents.to_vec(), true));
        self
    }

    /// Adds a file that `RECORD` does not list.
    pub fn unlisted(mut self, name: &str, contents: &[u8]) -> Self {
        self.files.push((name.to_string(), contents.to_vec(), false));
        self
    }

    /// Lists a file in `RECORD` that is not there.
    pub fn gone(mut self, name: &str) -> Self {
        self.gone.push(name.to_string());
        self
    }

    /// Sets `METADATA`.
    pub fn metadata(mut self, text: &str) -> Self {
        self.metadata = text.to_string();
        self
    }

    /// Stores all entries.
    pub fn stored(mut self) -> Self {
        self.method = CompressionMethod::Stored;
        self
    }

    /// The archive.
    pub fn build(mut self) -> Vec<u8> {
        if let Some(name) = &self.name {
            let tags = name.trim_end_matches(".whl").splitn(3, '-').nth(2).unwrap().to_string();
            let wheel = format!("Wheel-Version: 1.0\nGenerator: test (1)\nRoot-Is-Purelib: false\nTag: {tags}\nBuild: 3\n");
            let metadata = self.metadata.clone();
            self = self.file("demo-1.0.dist-info/METADATA", metadata.as_bytes()).file("demo-1.0.dist-info/WHEEL", wheel.as_bytes());
            let mut record = String::new();
            for (name, contents, _) in self.files.iter().filter(|file| file.2) {
                record += &format!("{name},{},{}\n", record_hash(contents), contents.len());
            }
            for name in &self.gone {
                record += &format!("{name},{},4\n", record_hash(b"gone"));
            }
            record += "demo-1.0.dist-info/RECORD,,\n";
            self = self.unlisted("demo-1.0.dist-info/RECORD", record.as_bytes());
        }
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (index, (name, contents, _)) in self.files.iter().enumerate() {
            let time = DateTime::from_date_and_time(2020, 1, 1 + index as u8, 1, 2, 4).unwrap();
            let mode = if name.ends_with(".so") { 0o755 } else { 0o640 };
            let options =
                SimpleFileOptions::default().compression_method(self.method).last_modified_time(time).unix_permissions(mode);
            // Another level than the writer under test uses: recompressed entries show.
            let options = if self.method == CompressionMethod::Deflated { options.compression_level(Some(1)) } else { options };
            writer.start_file(name.as_str(), options).unwrap();
            writer.write_all(contents).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }
}

/// SHA-256 as in `RECORD`.
pub fn record_hash(contents: &[u8]) -> String {
    let digest = sha2::Sha256::digest(contents);
    format!("sha256={}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest))
}

/// An entry taken out of an archive.
pub struct Unpacked {
    pub name: String,
    pub contents: Vec<u8>,
    pub compressed: Vec<u8>,
    pub mode: Option<u32>,
    pub time: String,
    pub system: u8,
}

/// All entries of an archive, in order.
pub fn entries(bytes: &[u8]) -> Vec<Unpacked> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let unpack = |index| {
        let mut compressed = Vec::new();
        zip.by_index_raw(index).unwrap().read_to_end(&mut compressed).unwrap();
        let mut entry = zip.by_index(index).unwrap();
        let mut contents = Vec::new();
        entry.read_to_end(&mut contents).unwrap();
        Unpacked {
            name: entry.name().unwrap().to_string(),
            contents,
            compressed,
            mode: entry.unix_mode(),
            time: entry.last_modified().unwrap().to_string(),
            system: u8::from(entry.system()),
        }
    };
    (0..ZipArchive::new(Cursor::new(bytes)).unwrap().len()).map(unpack).collect()
}

/// The contents of one entry.
pub fn contents<'a>(entries: &'a [Unpacked], name: &str) -> &'a [u8] {
    &entries.iter().find(|entry| entry.name == name).unwrap_or_else(|| panic!("no {name}")).contents
}

/// The contents of one entry as text.
pub fn text(entries: &[Unpacked], name: &str) -> String {
    String::from_utf8(contents(entries, name).to_vec()).unwrap()
}

/// RUNTIME_PATH of one module.
pub fn runtime_path(entries: &[Unpacked], name: &str) -> Vec<String> {
    split(contents(entries, name)).0.runtime_path
}

/// NEEDED of one module.
pub fn needed(entries: &[Unpacked], name: &str) -> Vec<String> {
    split(contents(entries, name)).0.needed
}

/// Whether the stand-in has seen the module.
pub fn is_upgraded(entries: &[Unpacked], name: &str) -> bool {
    is_marked(&split(contents(entries, name)).0)
}

/// `RECORD` lists every file exactly once, with its hash and size.
pub fn check_record(entries: &[Unpacked]) {
    let record = text(entries, "demo-1.0.dist-info/RECORD");
    let mut listed: Vec<String> = record.lines().map(str::to_string).collect();
    let mut expected: Vec<String> = Vec::new();
    for Unpacked { name, contents, .. } in entries {
        expected.push(match name.as_str() {
            "demo-1.0.dist-info/RECORD" => format!("{name},,"),
            _ => format!("{name},{},{}", record_hash(contents), contents.len()),
        });
    }
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
}
