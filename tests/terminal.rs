//! What a terminal of 80 columns shows. The session in `docs/session.md` is what these commands print; with `BLESS=1` in the environment it
//! is written instead of compared.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::{Cursor, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use zip::write::SimpleFileOptions;

const COLUMNS: u16 = 80;

/// Runs the program on a terminal, and returns what that was sent.
fn on_terminal(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    on_terminal_of(COLUMNS, directory, arguments, variables)
}

fn on_terminal_of(columns: u16, directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&master, size).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let terminal = || File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"));
    command.args(arguments).current_dir(directory).stdin(Stdio::null()).stdout(terminal()).stderr(terminal());
    command.env("SOURCE_DATE_EPOCH", "1700000000").env("TERM", "xterm").env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    let mut child = command.envs(variables.iter().copied()).spawn().unwrap();
    // The last handles of the terminal's end must be the child's, or reading would never end.
    drop(command);
    let mut master = File::from(master);
    let reader = std::thread::spawn(move || {
        let mut shown = Vec::new();
        // Linux says that the other end is gone by an error.
        let _ = master.read_to_end(&mut shown);
        String::from_utf8(shown).unwrap()
    });
    child.wait().unwrap();
    reader.join().unwrap().replace("\r\n", "\n")
}

/// `text` as it looks, without colours.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    plain + rest
}

fn module(fields: &str) -> Vec<u8> {
    wat::parse_str(format!("(module (@dylink.0 (mem-info (memory 0 0) (table 0 0))) {fields})")).unwrap()
}

fn wheel(name: &str, modules: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let parts: Vec<&str> = name.trim_end_matches(".whl").split('-').collect();
    let info = format!("{}-{}.dist-info", parts[0], parts[1]);
    let tags = format!("Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {}-{}-{}\n", parts[2], parts[3], parts[4]);
    let metadata = format!("Metadata-Version: 2.1\nName: {}\nVersion: {}\n", parts[0], parts[1]);
    let mut files: Vec<(String, Vec<u8>)> = modules.iter().map(|(path, bytes)| (path.to_string(), bytes.clone())).collect();
    files.push((format!("{info}/METADATA"), metadata.into_bytes()));
    files.push((format!("{info}/WHEEL"), tags.into_bytes()));
    let record: String = files.iter().map(|(path, _)| format!("{path},,\n")).chain([format!("{info}/RECORD,,\n")]).collect();
    files.push((format!("{info}/RECORD"), record.into_bytes()));
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        writer.start_file(name, options.last_modified_time(zip::DateTime::default())).unwrap();
        writer.write_all(&bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Wheels of several kinds.
fn inputs() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: Vec<u8>| fs::write(directory.path().join(name), bytes).unwrap();
    let helpers: String = (0..40).map(|n| format!(r#"(func (export "helper{n}") (result i32) i32.const {n})"#)).collect();
    let entry = r#"(func (export "PyInit_ext") (result i32) call $now drop i32.const 0)"#;
    let now = r#"(import "env" "_emscripten_get_now" (func $now (result f64)))"#;
    let extension = module(&format!("{now} {helpers} {entry}"));
    let needing = wat::parse_str(
        r#"(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)) (needed "libfast.so"))
            (func (export "PyInit_ext") (result i32) i32.const 0))"#,
    );
    let lacking = module(r#"(import "env" "_Py_IsFinalizing" (func)) (func (export "PyInit_ext") (result i32) i32.const 0)"#);
    let old = |name: &str| format!("{name}-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl");
    for (name, bytes) in [("demo", extension.clone()), ("needy", needing.unwrap()), ("lacking", lacking)] {
        let name = old(name);
        write(&name, wheel(&name, &[("pkg/ext.abi3.so", bytes)]));
    }
    let native = "demo-1.0-cp312-cp312-pyodide_2024_0_wasm32.whl";
    write(native, wheel(native, &[("pkg/ext.cpython-312-wasm32-emscripten.so", extension)]));
    directory
}

const DEMO: &str = "demo-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl";
const CP312: &str = "demo-1.0-cp312-cp312-pyodide_2024_0_wasm32.whl";
const NEEDY: &str = "needy-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl";
const LACKING: &str = "lacking-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl";

#[test]
fn the_documented_session_is_a_real_one() {
    let inputs = inputs();
    let sessions: [&[&str]; 7] = [
        &[DEMO, "-o", "dist"],
        &[DEMO, "-n", "-v"],
        &[DEMO, NEEDY, CP312, LACKING, "-o", "dist", "--target", "pyodide_2025_0"],
        &["explain", "python-tag"],
        &["explain", "missing-library"],
        &["check", LACKING],
        &[DEMO, NEEDY, "-o", "dist2", "-q", "--summary"],
    ];
    let mut text = String::new();
    for arguments in sessions {
        let shown = plain(&on_terminal(inputs.path(), arguments, &[]));
        for line in shown.lines() {
            let words = line.trim_start().split(' ').count();
            assert!(line.chars().count() <= usize::from(COLUMNS) || words < 4, "{line}");
        }
        text.push_str(&format!("$ wasm-pyfix {}\n{shown}", arguments.join(" ")));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/session.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once("```\n").unwrap();
    let (session, after) = rest.split_once("```").unwrap();
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, format!("{before}```\n{text}```{after}")).unwrap();
    } else {
        assert_eq!(session, text, "docs/session.md (BLESS=1 writes it)");
    }
}

#[test]
fn headings_are_bold_unless_no_color_is_set() {
    let directory = tempfile::tempdir().unwrap();
    let bold = "\u{1b}[1mpython-tag\u{1b}[0m";
    let shown = on_terminal(directory.path(), &["explain", "python-tag"], &[]);
    assert!(shown.starts_with(bold) && shown.contains("\u{1b}[1mWhat to do\u{1b}[0m"), "{shown:?}");
    let plain = on_terminal(directory.path(), &["explain", "python-tag"], &[("NO_COLOR", "1")]);
    assert!(plain.starts_with("python-tag\nerror: the wheel") && !plain.contains('\u{1b}'), "{plain:?}");
}

#[test]
fn show_keeps_to_the_width_of_a_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let producers = format!("(@producers (processed-by \"tool\" \"{}\"))", "of many words ".repeat(20));
    fs::write(directory.path().join("many.so"), module(&producers)).unwrap();
    let longest = |columns| {
        let shown = plain(&on_terminal_of(columns, directory.path(), &["show", "--no-upgrade", "many.so"], &[]));
        shown.lines().map(|line| line.chars().count()).max().unwrap()
    };
    let lengths = [60, 80, 120].map(|columns| (usize::from(columns), longest(columns)));
    assert!(lengths.iter().all(|(columns, longest)| longest <= columns && longest + 20 > *columns), "{lengths:?}");
}
