//! What the command does with files: that outputs appear whole, under the right name or not at all, and that reports and exit codes
//! say so.

#[path = "command_line/answers.rs"]
mod answers;
#[path = "command_line/auto.rs"]
mod auto;

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

const SIDE_MODULE: &str = r#"(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0))
  (func (export "PyInit_ext") (result i32) i32.const 0))"#;

const OLD_NAME: &str = "demo-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl";
const NEW_NAME: &str = "demo-1.0-cp312-abi3-pyemscripten_2025_0_wasm32.pyodide_2025_0_wasm32.whl";
const CP312_NAME: &str = "demo-1.0-cp312-cp312-pyodide_2024_0_wasm32.whl";

fn side_module() -> Vec<u8> {
    wat::parse_str(SIDE_MODULE).unwrap()
}

/// A wheel with the given ABI tag, built for 2024_0.
fn wheel(abi: &str) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |name: &str, bytes: &[u8]| {
        let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        writer.start_file(name, options.last_modified_time(zip::DateTime::default())).unwrap();
        writer.write_all(bytes).unwrap();
    };
    let tags = format!("Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp312-{abi}-pyodide_2024_0_wasm32\n");
    add("demo/ext.abi3.so", &side_module());
    add("demo-1.0.dist-info/METADATA", b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n");
    add("demo-1.0.dist-info/WHEEL", tags.as_bytes());
    let record = ["demo/ext.abi3.so", "demo-1.0.dist-info/METADATA", "demo-1.0.dist-info/WHEEL", "demo-1.0.dist-info/RECORD"];
    add("demo-1.0.dist-info/RECORD", record.map(|path| format!("{path},,\n")).concat().as_bytes());
    writer.finish().unwrap().into_inner()
}

/// A directory with an input of each kind.
fn inputs() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(directory.path().join(name), bytes).unwrap();
    write("ext.so", &side_module());
    write(OLD_NAME, &wheel("abi3"));
    write(CP312_NAME, &wheel("cp312"));
    write("native.so", b"\x7fELF\x02\x01\x01\0");
    directory
}

fn command(directory: &Path, arguments: &[&str]) -> Command {
    support::command(env!("CARGO_BIN_EXE_wasm-pyfix"), directory, arguments)
}

fn run(directory: &Path, arguments: &[&str]) -> Output {
    command(directory, arguments).output().unwrap()
}

/// Runs, expects an exit code, and returns standard error.
fn run_expecting(code: i32, directory: &Path, arguments: &[&str]) -> String {
    let output = run(directory, arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
    stderr
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Names of the files in a directory.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_wheel_gets_its_new_name_in_a_directory() {
    let inputs = inputs();
    let stderr = run_expecting(0, inputs.path(), &[OLD_NAME, "-o", "dist"]);
    assert_eq!(names(&inputs.path().join("dist")), [NEW_NAME]);
    assert!(stderr.starts_with(&format!("upgraded {OLD_NAME} -> dist/{NEW_NAME} (")), "{stderr}");
    assert_eq!(fs::read(inputs.path().join(OLD_NAME)).unwrap(), wheel("abi3"), "the input was changed");

    let report = json(&run(inputs.path(), &[&format!("dist/{NEW_NAME}"), "-o", "again", "--json"]));
    assert_eq!(report["inputs"][0]["status"], "unchanged");
    let file = |directory: &str| fs::read(inputs.path().join(directory).join(NEW_NAME)).unwrap();
    assert_eq!(file("dist"), file("again"));
}

#[test]
fn a_wheel_named_by_the_user_keeps_that_name() {
    let inputs = inputs();
    let stderr = run_expecting(0, inputs.path(), &[OLD_NAME, "-o", "x.whl"]);
    assert!(stderr.contains(&format!("should be {NEW_NAME}")), "{stderr}");
    assert!(inputs.path().join("x.whl").is_file());
}

#[test]
fn in_place_renames_a_wheel_and_leaves_an_unchanged_module_alone() {
    let inputs = inputs();
    let module = inputs.path().join("ext.so");
    let modified = fs::metadata(&module).unwrap().modified().unwrap();
    run_expecting(0, inputs.path(), &["--in-place", OLD_NAME, "ext.so"]);
    assert_eq!(names(inputs.path()), [NEW_NAME, CP312_NAME, "ext.so", "native.so"]);
    assert_eq!(fs::metadata(&module).unwrap().modified().unwrap(), modified);
}

#[test]
fn a_dry_run_reports_and_writes_nothing() {
    let inputs = inputs();
    let before = names(inputs.path());
    for arguments in [&["-n", OLD_NAME][..], &["-n", OLD_NAME, "-o", "dist/"], &["-n", OLD_NAME, "--in-place"]] {
        let stderr = run_expecting(0, inputs.path(), arguments);
        assert!(stderr.starts_with(&format!("would upgrade {OLD_NAME}")), "{stderr}");
        assert_eq!(names(inputs.path()), before);
    }
    let output = run(inputs.path(), &["-n", OLD_NAME, "-o", "-"]);
    assert!(output.status.success() && output.stdout.is_empty());
}

/// What a run says when it cannot write, a dry run says before.
#[cfg(unix)]
#[test]
fn a_dry_run_fails_where_a_run_would() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let inputs = inputs();
    let at = |path: &str| inputs.path().join(path);
    symlink("nothing.so", at("dangling.so")).unwrap();
    symlink("nothing", at("nowhere")).unwrap();
    fs::create_dir_all(at("taken/ext.so")).unwrap();
    fs::create_dir(at("closed")).unwrap();
    fs::set_permissions(at("closed"), fs::Permissions::from_mode(0o555)).unwrap();
    let before = names(inputs.path());
    let says = |output: &str, says: &str| {
        let dry = run_expecting(1, inputs.path(), &["-n", "ext.so", "-o", output]);
        assert!(dry.starts_with("error[unwritable]: ext.so: cannot ") && dry.contains(says), "{output}: {dry}");
        assert_eq!(run_expecting(1, inputs.path(), &["ext.so", "-o", output]), dry);
        assert_eq!(names(inputs.path()), before);
    };
    says("dangling.so", "is a link to nothing");
    says("taken/", "is a directory");
    says("native.so/x.so", "native.so is no directory");
    says("native.so/dir/", "native.so is no directory");
    says("nowhere/x.so", "nowhere is a link to nothing");
    // Whoever has all rights may write there.
    let codes = ["-n", "-v"].map(|option| run(inputs.path(), &[option, "ext.so", "-o", "closed/new/x.so"]).status.code());
    assert_eq!(codes[0], codes[1]);
    // Directories that are made on the way are no obstacle, and are not made.
    run_expecting(0, inputs.path(), &["-n", "ext.so", "-o", "new/dir/x.so"]);
    assert!(!at("new").exists());
}

#[cfg(unix)]
#[test]
fn outputs_that_are_one_file_behind_a_link_do_not_overwrite_each_other() {
    let inputs = inputs();
    let at = |path: &str| inputs.path().join(path);
    for name in ["x.so", "y.so"] {
        fs::copy(at("ext.so"), at(name)).unwrap();
    }
    fs::create_dir(at("o")).unwrap();
    fs::write(at("o/x.so"), "old").unwrap();
    std::os::unix::fs::symlink("x.so", at("o/y.so")).unwrap();
    for (option, written) in [("-n", false), ("-v", true)] {
        let stderr = run_expecting(1, inputs.path(), &[option, "x.so", "y.so", "-o", "o"]);
        assert!(stderr.contains("y.so: the output o/y.so was written for another input already"), "{stderr}");
        assert_eq!(fs::read(at("o/x.so")).unwrap() != b"old", written);
        assert!(fs::symlink_metadata(at("o/y.so")).unwrap().is_symlink());
    }
}

/// The copy of a lock file is in the way of a wheel, whether or not their directory is there, and however it is spelled.
#[test]
fn a_dry_run_knows_a_file_by_any_spelling() {
    let inputs = inputs();
    let lock = format!(r#"{{"packages": {{"demo": {{"file_name": "{OLD_NAME}", "sha256": "{:064}"}}}}}}"#, 0);
    fs::write(inputs.path().join("lock.json"), lock).unwrap();
    for option in ["-n", "-v"] {
        let arguments = [option, OLD_NAME, "-o", "./new/x.whl", "--lock", "lock.json", "--lock-output", "new/./x.whl"];
        let stderr = run_expecting(1, inputs.path(), &arguments);
        assert!(stderr.contains("was written for another input already"), "{option}: {stderr}");
    }
}

#[test]
fn a_failing_input_does_not_stop_the_others() {
    let inputs = inputs();
    let stderr = run_expecting(1, inputs.path(), &[CP312_NAME, "native.so", "missing.so", OLD_NAME, "ext.so", "-o", "dist"]);
    assert_eq!(names(&inputs.path().join("dist")), [NEW_NAME, "ext.so"]);
    assert!(stderr.contains(&format!("refused[python-tag]: {CP312_NAME}: it is for Python")), "{stderr}");
    assert!(stderr.contains("error[unreadable]: native.so: is an ELF file"), "{stderr}");
    assert!(stderr.contains("error[unreadable]: missing.so: cannot open it"), "{stderr}");
}

#[test]
fn a_refusal_has_its_own_exit_code() {
    let inputs = inputs();
    run_expecting(3, inputs.path(), &[CP312_NAME, "ext.so", "-o", "dist"]);
    run_expecting(0, inputs.path(), &[CP312_NAME, "--allow-python-mismatch", "-o", "dist"]);
    assert_eq!(names(&inputs.path().join("dist")).len(), 2);
}

#[test]
fn a_wheel_for_a_later_platform_is_refused() {
    let inputs = inputs();
    let later = "demo-1.0-cp312-abi3-pyemscripten_2026_0_wasm32.whl";
    fs::rename(inputs.path().join(OLD_NAME), inputs.path().join(later)).unwrap();
    let stderr = run_expecting(3, inputs.path(), &[later, "-o", "dist"]);
    assert!(stderr.contains("use --target pyemscripten_2026_0"), "{stderr}");
    run_expecting(0, inputs.path(), &[later, "-o", "dist", "--target", "pyemscripten_2026_0"]);
}

#[test]
fn a_wheel_whose_suffix_is_in_capitals_is_a_wheel() {
    let inputs = inputs();
    let name = OLD_NAME.replace(".whl", ".WHL");
    fs::rename(inputs.path().join(OLD_NAME), inputs.path().join(&name)).unwrap();
    run_expecting(0, inputs.path(), &[&name, "-o", "dist"]);
    assert_eq!(names(&inputs.path().join("dist")), [NEW_NAME]);
}

#[test]
fn inputs_are_not_overwritten() {
    let inputs = inputs();
    fs::create_dir(inputs.path().join("sub")).unwrap();
    // It loses an export.
    let module = wat::parse_str(SIDE_MODULE.replace("(func ", r#"(func (export "_ZN1aEv")) (func "#)).unwrap();
    fs::write(inputs.path().join("ext.so"), &module).unwrap();
    for output in ["ext.so", "./ext.so", ".", "sub/../ext.so", "native.so"] {
        let arguments = if output == "native.so" { vec!["ext.so", "native.so", "-o", "."] } else { vec!["ext.so", "-o", output] };
        let stderr = run_expecting(1, inputs.path(), &arguments);
        assert!(stderr.contains("is an input"), "{output}: {stderr}");
    }
    assert_eq!(fs::read(inputs.path().join("ext.so")).unwrap(), module);
}

#[test]
fn outputs_of_one_name_do_not_overwrite_each_other() {
    let inputs = inputs();
    fs::create_dir(inputs.path().join("sub")).unwrap();
    fs::write(inputs.path().join("sub/ext.so"), side_module()).unwrap();
    let stderr = run_expecting(1, inputs.path(), &["ext.so", "sub/ext.so", "-o", "dist"]);
    assert!(stderr.contains("was written for another input already"), "{stderr}");
}

#[test]
fn a_directory_is_not_named_like_a_file() {
    let directory = inputs();
    let wheel = names(directory.path()).into_iter().find(|name| name.ends_with(".whl")).expect("a wheel");
    for (inputs, output) in
        [(&[&*wheel][..], "out.so"), (&[&wheel], "out.zip"), (&["ext.so", &wheel], "out.whl"), (&["ext.so", &wheel], "o.wasm")]
    {
        let message = run_expecting(2, directory.path(), &[inputs, &["-o", output]].concat());
        assert!(message.contains(&format!("{output} is named like a file, and the results need a directory")), "{message}");
        assert!(!directory.path().join(output).exists());
    }
    run_expecting(0, directory.path(), &[&*wheel, "-o", "out.so/"]);
    assert_eq!(names(&directory.path().join("out.so")).len(), 1);
}

#[test]
fn what_cannot_be_written_leaves_nothing_behind() {
    let inputs = inputs();
    let before = names(inputs.path());
    for output in ["native.so/x.so", "native.so/dir/"] {
        let stderr = run_expecting(1, inputs.path(), &["ext.so", "-o", output]);
        assert!(stderr.starts_with("error[unwritable]: ext.so: cannot create the directory"), "{stderr}");
    }
    assert_eq!(names(inputs.path()), before);
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_not_utf8_is_an_error() {
    use std::os::unix::ffi::OsStrExt;
    let inputs = inputs();
    let name = std::ffi::OsStr::from_bytes(b"\xff.so");
    fs::write(inputs.path().join(name), side_module()).unwrap();
    let output = command(inputs.path(), &["-o", "dist/"]).arg(name).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("its name is not UTF-8"));
}

#[cfg(unix)]
#[test]
fn pipes_are_written_and_not_replaced() {
    use std::os::unix::fs::FileTypeExt;
    let inputs = inputs();
    let pipe = inputs.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut reader = Command::new("cat").arg(&pipe).stdout(Stdio::piped()).spawn().unwrap();
    run_expecting(0, inputs.path(), &["ext.so", "-o", "pipe"]);
    let is_pipe = fs::metadata(&pipe).unwrap().file_type().is_fifo();
    if !is_pipe {
        reader.kill().unwrap();
    }
    assert!(is_pipe, "the pipe was replaced by a file");
    assert_eq!(reader.wait_with_output().unwrap().stdout, side_module());
}

#[test]
fn standard_input_and_output_carry_modules() {
    let inputs = inputs();
    let pipe = |name: &str| {
        let file = fs::File::open(inputs.path().join(name)).unwrap();
        command(inputs.path(), &["-", "-o", "-"]).stdin(file).output().unwrap()
    };
    let output = pipe("ext.so");
    assert_eq!((output.status.code(), output.stdout), (Some(0), side_module()));
    let output = pipe(OLD_NAME);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("give the file by name"));
    assert!(run(inputs.path(), &[OLD_NAME, "-o", "-"]).stdout.starts_with(b"PK"));
}

/// Command lines that write to standard output.
const PRINTING: &[&[&str]] = &[
    &["ext.so", "-o", "-"],
    &["ext.so", "-n", "--json"],
    &["check", "--target", "pyodide_2025_0", "ext.so", "--json"],
    &["show", "ext.so"],
    &["show", "ext.so", "--json"],
    &["explain"],
    &["--list-targets"],
    &["--help"],
    &["check", "--help"],
    &["--version"],
];

#[test]
fn a_reader_that_goes_away_causes_no_panic() {
    let inputs = inputs();
    for arguments in PRINTING {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command(inputs.path(), arguments).stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        // Whoever went away knows that; a result that got lost is told of.
        assert!(!stderr.contains("panicked") && stderr.contains("error[") == arguments.contains(&"-o"), "{arguments:?}: {stderr}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let inputs = inputs();
    for arguments in PRINTING {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = command(inputs.path(), arguments).stdout(full).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {stderr}");
        assert!(stderr.contains("cannot write to standard output"), "{arguments:?}: {stderr}");
    }
}

#[test]
fn colour_follows_the_option_and_the_environment() {
    let inputs = inputs();
    let has_colour = |color: &str, variable: &str| {
        let output = command(inputs.path(), &["-n", "ext.so", "--color", color]).env(variable, "1").output().unwrap();
        output.stderr.contains(&0x1b)
    };
    assert!(has_colour("always", "NO_COLOR"));
    assert!(has_colour("auto", "CLICOLOR_FORCE"));
    assert!(!has_colour("auto", "UNRELATED"));
    assert!(!has_colour("auto", "NO_COLOR"));
    assert!(!has_colour("never", "CLICOLOR_FORCE"));
}

#[test]
fn programs_are_told_how_far_an_input_is() {
    let inputs = inputs();
    let output = run(inputs.path(), &["-n", "-q", "ext.so", "--progress", "json"]);
    let lines = String::from_utf8(output.stderr).unwrap();
    let told: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told[0], serde_json::json!({"input": "ext.so", "phase": "upgrading", "modules": 1, "done": 0, "round": 1}));
    assert_eq!(told.last().unwrap()["phase"], "checking");
    assert!(run(inputs.path(), &["-n", "-q", "ext.so"]).stderr.is_empty());
}

#[test]
fn the_lock_file_is_copied_beside_the_wheel() {
    let inputs = inputs();
    let lock = format!(r#"{{"packages": {{"demo": {{"file_name": "{OLD_NAME}", "sha256": "00", "name": "demo"}}}}}}"#);
    let path = inputs.path().join("pyodide-lock.json");
    fs::write(&path, &lock).unwrap();
    let expect_new_entry = |file: &str, report: &Value| {
        let written: Value = serde_json::from_slice(&fs::read(inputs.path().join(file)).unwrap()).unwrap();
        assert_eq!(written["packages"]["demo"]["file_name"], NEW_NAME);
        assert_eq!(written["packages"]["demo"]["sha256"], report["inputs"][0]["sha256"]);
        assert_eq!(report["lock"], file);
    };
    let with_lock =
        |rest: &[&str]| json(&run(inputs.path(), &[&[OLD_NAME, "--lock", "pyodide-lock.json", "--json"], rest].concat()));
    expect_new_entry("dist/pyodide-lock.json", &with_lock(&["-o", "dist"]));
    expect_new_entry("other.json", &with_lock(&["-o", "dist", "--lock-output", "other.json"]));
    assert_eq!(fs::read_to_string(&path).unwrap(), lock, "the lock file itself was changed");
    assert_eq!(with_lock(&["-o", "."])["exit_code"], 1, "the copy would overwrite the lock file");
    assert_eq!(fs::read_to_string(&path).unwrap(), lock, "the lock file itself was changed");
    expect_new_entry("pyodide-lock.json", &with_lock(&["--in-place"]));
}

#[test]
fn a_wheel_that_the_lock_file_lacks_is_not_written() {
    let inputs = inputs();
    fs::write(inputs.path().join("lock.json"), r#"{"packages": {}}"#).unwrap();
    let stderr = run_expecting(1, inputs.path(), &[OLD_NAME, "--lock", "lock.json", "-o", "dist"]);
    assert!(stderr.contains("no package of the lock file"), "{stderr}");
    assert!(!inputs.path().join("dist").exists());
}

#[test]
fn the_files_of_a_runtime_must_be_one() {
    let inputs = inputs();
    let stderr = run_expecting(1, inputs.path(), &["ext.so", "-n", "--main", "native.so"]);
    assert!(stderr.starts_with("error[runtime-files]: native.so: "), "{stderr}");
    let stderr = run_expecting(1, inputs.path(), &["ext.so", "-n", "--main", "ext.so"]);
    assert!(stderr.contains("does not export `malloc`"), "{stderr}");
}

#[test]
fn a_lock_file_does_not_name_a_wheel_that_was_not_written() {
    let inputs = inputs();
    let lock = format!(r#"{{"packages": {{"demo": {{"file_name": "{OLD_NAME}", "sha256": "00"}}}}}}"#);
    fs::write(inputs.path().join("lock.json"), lock).unwrap();
    let arguments = [OLD_NAME, "--lock", "lock.json", "--lock-output", "new.json", "-o", "native.so/dist/"];
    run_expecting(1, inputs.path(), &arguments);
    assert!(!inputs.path().join("new.json").exists());
}

/// The example in `docs/report.md` is what a run prints. With `BLESS=1` in the environment it is written instead of compared.
#[test]
fn the_documented_report_is_a_real_one() {
    let inputs = inputs();
    let output = run(inputs.path(), &["--json", "-o", "dist", OLD_NAME, "native.so"]);
    assert_eq!(output.status.code(), Some(1));
    let printed = String::from_utf8(output.stdout).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/report.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("```json\n").unwrap();
    let (example, after) = rest.split_once("```").unwrap();
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, format!("{before}```json\n{printed}```{after}")).unwrap();
    } else {
        assert_eq!(example, printed, "docs/report.md (BLESS=1 writes it)");
    }
}

/// Every member of the report is in the tables of `docs/report.md`.
#[test]
fn every_member_of_the_report_is_documented() {
    let inputs = inputs();
    let report = json(&run(inputs.path(), &["--json", "-n", OLD_NAME, "native.so"]));
    let found = support::members(&report, &["changed", "names"]);
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/report.md")).unwrap();
    for member in found {
        assert!(text.contains(&format!("| `{member}` |")), "`{member}` is not in docs/report.md");
    }
}

const NAME_2026: &str = "demo-1.0-cp312-abi3-pyemscripten_2026_0_wasm32.whl";
const BOTH: [&str; 4] = ["--target", "pyodide_2025_0", "--target", "pyemscripten_2026_0"];

#[test]
fn several_targets_give_one_wheel_each() {
    let inputs = inputs();
    let output = run(inputs.path(), &[&BOTH[..], &[OLD_NAME, "-o", "dist", "--json"]].concat());
    assert_eq!(names(&inputs.path().join("dist")), [NEW_NAME, NAME_2026]);
    let report = json(&output);
    assert_eq!(report["targets"], serde_json::json!(["pyodide_2025_0", "pyemscripten_2026_0"]));
    let of = |index: usize| (report["inputs"][index]["targets"].clone(), report["inputs"][index]["output"].clone());
    assert_eq!(of(0), (serde_json::json!(["pyodide_2025_0"]), format!("dist/{NEW_NAME}").into()));
    assert_eq!(of(1), (serde_json::json!(["pyemscripten_2026_0"]), format!("dist/{NAME_2026}").into()));
    // A target that is named twice, in either spelling, is one target.
    run_expecting(0, inputs.path(), &["--target", "pyodide_2025_0", "--target", "pyemscripten_2025_0", OLD_NAME, "-o", "x.whl"]);
    assert!(inputs.path().join("x.whl").is_file());
}

#[test]
fn one_wheel_has_the_tags_of_all_targets() {
    let inputs = inputs();
    run_expecting(0, inputs.path(), &[&BOTH[..], &[OLD_NAME, "-o", "dist", "--one-wheel"]].concat());
    let merged = "demo-1.0-cp312-abi3-pyemscripten_2025_0_wasm32.pyemscripten_2026_0_wasm32.pyodide_2025_0_wasm32.whl";
    assert_eq!(names(&inputs.path().join("dist")), [merged]);
    let again = run_expecting(0, inputs.path(), &[&BOTH[..], &[&format!("dist/{merged}"), "-n", "--one-wheel"]].concat());
    assert!(again.starts_with("unchanged"), "{again}");
}

/// The absolute directory in RUNTIME_PATH is another one for each Python.
#[test]
fn one_wheel_must_be_right_for_all_targets() {
    let inputs = inputs();
    let module = |needed: &str, export: &str| {
        let text = format!(
            r#"(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)) {needed}) (import "env" "memory" (memory 0))
            (func (export "{export}") (result i32) i32.const 0))"#
        );
        wat::parse_str(text).unwrap()
    };
    let files = [
        ("demo/ext.abi3.so", module(r#"(needed "libx.so")"#, "PyInit_ext")),
        ("demo.libs/libx.so", module("", "x")),
        ("demo-1.0.dist-info/METADATA", b"Name: demo\nVersion: 1.0\n".to_vec()),
        ("demo-1.0.dist-info/WHEEL", b"Tag: cp312-abi3-pyodide_2024_0_wasm32\n".to_vec()),
    ];
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |name: &str, bytes: &[u8]| {
        writer.start_file(name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    };
    files.iter().for_each(|(name, bytes)| add(name, bytes));
    let rows: String = files.iter().map(|(name, _)| format!("{name},,\n")).collect();
    add("demo-1.0.dist-info/RECORD", rows.as_bytes());
    fs::write(inputs.path().join(OLD_NAME), writer.finish().unwrap().into_inner()).unwrap();
    let stderr = run_expecting(3, inputs.path(), &[&BOTH[..], &[OLD_NAME, "-o", "dist", "--one-wheel"]].concat());
    assert!(stderr.contains("differ in `demo/ext.abi3.so`"), "{stderr}");
    assert!(!inputs.path().join("dist").exists());
    run_expecting(0, inputs.path(), &[&BOTH[..], &[OLD_NAME, "-o", "dist"]].concat());
    assert_eq!(names(&inputs.path().join("dist")), [NEW_NAME, NAME_2026]);
}

#[test]
fn a_result_for_one_target_does_not_overwrite_that_for_another() {
    let inputs = inputs();
    // A module has the same result for both, and that is one file.
    run_expecting(0, inputs.path(), &[&BOTH[..], &["ext.so", "-o", "dist"]].concat());
    assert_eq!(names(&inputs.path().join("dist")), ["ext.so"]);
    // The name of this function is the older one on the older platform.
    let newer = r#"(module (@dylink.0 (mem-info (memory 0 0) (table 0 0))) (import "env" "memory" (memory 0))
        (import "env" "__gettimeofday" (func $time (param i32 i32) (result i32)))
        (func (export "f") (result i32) i32.const 0 i32.const 0 call $time))"#;
    fs::write(inputs.path().join("time.so"), wat::parse_str(newer).unwrap()).unwrap();
    let stderr = run_expecting(1, inputs.path(), &[&BOTH[..], &["time.so", "-o", "dist", "-O0"]].concat());
    assert!(stderr.contains("was written for another target already, with other contents"), "{stderr}");
}

#[test]
fn several_targets_need_a_directory() {
    let inputs = inputs();
    for (arguments, expected) in [
        (vec![OLD_NAME, "--in-place"], "cannot replace one input"),
        (vec![OLD_NAME, "-o", "-"], "cannot go to standard output"),
        (vec![OLD_NAME, "-o", "native.so"], "is a file"),
        (vec![OLD_NAME, "-o", "dist", "--lock", "lock.json"], "a lock file is for one runtime"),
        (vec![OLD_NAME, "-o", "dist", "--main", "ext.so"], "`--main` is about one runtime"),
    ] {
        let stderr = run_expecting(2, inputs.path(), &[&BOTH[..], &arguments].concat());
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
    }
}

#[test]
fn usage_errors_quote_nothing_hidden() {
    let inputs = inputs();
    for arguments in [
        vec!["explain", "a\u{202e}b\nc"],
        vec!["check", "ext.so", "--target", "a\u{202e}b\nc"],
        vec!["check", "ext.so", "--main", "a\u{202e}b\nc"],
        vec!["ext.so", "-n", "--target", "a\u{202e}b\nc"],
    ] {
        let stderr = run_expecting(2, inputs.path(), &arguments);
        assert!(stderr.contains("a\\u{202e}b\\nc") && !stderr.contains('\u{202e}'), "{arguments:?}: {stderr}");
    }
}

/// What is wrong inside of an archive is no predicate of it.
#[test]
fn findings_are_sentences() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("demo/ext.abi3.so", SimpleFileOptions::default()).unwrap();
    writer.write_all(&side_module()).unwrap();
    fs::write(directory.path().join(NEW_NAME), writer.finish().unwrap().into_inner()).unwrap();
    fs::write(directory.path().join("empty.so"), b"").unwrap();
    let text = |name: &str| {
        let output = run(directory.path(), &["check", "--target", "pyodide_2025_0", name]);
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(text(NEW_NAME).contains("cannot be read: no `.dist-info` directory inside"), "{}", text(NEW_NAME));
    assert!(text("empty.so").contains("is empty: expected"), "{}", text("empty.so"));
}
