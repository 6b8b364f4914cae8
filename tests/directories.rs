//! Directories as inputs: folders of wheels, unpacked wheels, and what installers leave.

#[allow(dead_code, reason = "few of its parts are needed here")]
#[path = "wheels/support.rs"]
mod archives;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use archives::{Wheel, entries, record_hash};
use tempfile::TempDir;

const NAME: &str = "demo-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl";

fn run(directory: &Path, arguments: &[&str]) -> Output {
    support::command(env!("CARGO_BIN_EXE_wasm-pyfix"), directory, arguments).output().unwrap()
}

/// Runs, expects an exit code, and returns standard error.
#[track_caller]
fn run_expecting(code: i32, directory: &Path, arguments: &[&str]) -> String {
    let output = run(directory, arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
    stderr
}

/// A side module with these parts.
fn module(dylink: &str, fields: &str) -> Vec<u8> {
    wat::parse_str(format!("(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)) {dylink}) {fields})")).unwrap()
}

fn extension(needed: &str) -> Vec<u8> {
    let needed = if needed.is_empty() { String::new() } else { format!("(needed \"{needed}\")") };
    module(
        &needed,
        r#"(import "env" "_emscripten_get_now" (func $now (result f64))) (func (export "PyInit_ext") (result i32) call $now drop i32.const 0)"#,
    )
}

/// A wheel with a private library of which nobody needs all, bytecode of another Python, and a file that RECORD does not list.
fn wheel() -> Vec<u8> {
    let library =
        module("", r#"(func (export "used") (result i32) i32.const 1) (func (export "unused") (result i32) i32.const 2)"#);
    let wheel = Wheel::new(NAME).file("demo/__init__.py", b"from . import ext\n").file("demo/ext.abi3.so", &extension("libx.so"));
    let wheel = wheel.file("demo.libs/libx.so", &library).file("demo/__pycache__/a.cpython-311.pyc", b"\xa7\x0d\r\nxxxx");
    wheel.unlisted("demo/data.txt", b"data").build()
}

/// Unpacks an archive as `unzip` does.
fn unpack(bytes: &[u8], directory: &Path) {
    for entry in entries(bytes) {
        let path = directory.join(&entry.name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &entry.contents).unwrap();
    }
}

/// All that is below a directory: files with their contents, links with their targets, directories.
fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![directory.to_path_buf()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let kind = fs::symlink_metadata(&path).unwrap();
            let bytes = if kind.is_symlink() {
                fs::read_link(&path).unwrap().to_str().unwrap().as_bytes().to_vec()
            } else if kind.is_dir() {
                left.push(path.clone());
                b"directory".to_vec()
            } else {
                fs::read(&path).unwrap()
            };
            found.insert(path.strip_prefix(directory).unwrap().to_path_buf(), bytes);
        }
    }
    found
}

fn paths(directory: &Path) -> Vec<String> {
    contents(directory).into_keys().map(|path| path.to_str().unwrap().to_string()).collect()
}

/// The wheel upgraded as a file, unpacked.
fn unpacked_result(directory: &Path, arguments: &[&str]) -> BTreeMap<PathBuf, Vec<u8>> {
    fs::write(directory.join(NAME), wheel()).unwrap();
    run_expecting(0, directory, &[&[NAME, "-o", "of-wheel/"], arguments].concat());
    let files: Vec<PathBuf> = fs::read_dir(directory.join("of-wheel")).unwrap().map(|entry| entry.unwrap().path()).collect();
    unpack(&fs::read(&files[0]).unwrap(), &directory.join("expected"));
    contents(&directory.join("expected"))
}

#[test]
fn an_unpacked_wheel_becomes_what_its_wheel_becomes() {
    for arguments in [&[][..], &["-O0", "--target", "314", "--tag-style", "pep783"], &["--isolate", "files", "--audit"]] {
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &str| directory.path().join(path);
        let expected = unpacked_result(directory.path(), arguments);
        unpack(&wheel(), &at("tree"));
        let before = contents(&at("tree"));
        let said = run_expecting(0, directory.path(), &[&["tree", "-o", "new/out"], arguments].concat());
        assert!(said.starts_with("upgraded tree -> new/out (") && !said.contains("installers"), "{said}");
        assert_eq!(contents(&at("tree")), before, "the input was changed");
        assert_eq!(contents(&at("new/out")), expected, "{arguments:?}");
        assert_eq!(paths(&at("new")).iter().filter(|path| path.contains(".tmp")).count(), 0);
        run_expecting(0, directory.path(), &[&["tree", "--in-place"], arguments].concat());
        assert_eq!(contents(&at("tree")), expected, "{arguments:?} in place");
        let again = run_expecting(0, directory.path(), &[&["tree", "--in-place"], arguments].concat());
        assert!(again.starts_with("unchanged tree"), "{again}");
    }
}

#[test]
fn a_result_that_is_there_already_stays_and_another_one_is_not_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let at = |path: &str| directory.path().join(path);
    unpack(&wheel(), &at("tree"));
    fs::create_dir(at("out")).unwrap();
    let says = |says: &str| {
        let before = contents(directory.path());
        for option in ["-n", "-v"] {
            let said = run_expecting(1, directory.path(), &[option, "tree", "-o", "out"]);
            assert!(said.starts_with("error[unwritable]: tree: ") && said.contains(says), "{said}");
            assert_eq!(contents(directory.path()), before);
        }
    };
    run_expecting(0, directory.path(), &["-n", "tree", "-o", "out"]);
    assert!(paths(&at("out")).is_empty());
    run_expecting(0, directory.path(), &["tree", "-o", "out"]);
    run_expecting(0, directory.path(), &["tree", "-o", "out"]);
    fs::write(at("out/more"), "").unwrap();
    says("is there already, and has other contents");
    fs::remove_dir_all(at("out")).unwrap();
    fs::write(at("out"), "").unwrap();
    let said = run_expecting(2, directory.path(), &["tree", "-o", "out"]);
    assert!(said.contains("out is a file: the results need a directory"), "{said}");
    let said = run_expecting(1, directory.path(), &["tree", "-o", "tree/out"]);
    assert!(said.contains("lies in the input") && !at("tree/out").exists(), "{said}");
}

/// A directory into which `demo` and `other` were installed, and a module of nobody.
fn installed(directory: &Path) {
    let tree = directory.join("site");
    unpack(&wheel(), &tree);
    let info = tree.join("demo-1.0.dist-info");
    fs::write(info.join("INSTALLER"), "pip\n").unwrap();
    // Scripts lie elsewhere, and somebody removed the tests.
    let record = fs::read_to_string(info.join("RECORD")).unwrap();
    let row = format!("demo-1.0.dist-info/INSTALLER,{},4\n", record_hash(b"pip\n"));
    fs::write(info.join("RECORD"), format!("../../../bin/demo,sha256=xyz,9\n{record}demo/tests/t.py,sha256=abc,3\n{row}")).unwrap();
    let info = tree.join("other-2.0.dist-info");
    fs::create_dir_all(&info).unwrap();
    fs::write(tree.join("other.py"), "x = 1\n").unwrap();
    fs::write(info.join("RECORD"), "other.py,,\nother-2.0.dist-info/RECORD,,\n").unwrap();
    fs::create_dir_all(tree.join("mine/__pycache__")).unwrap();
    fs::write(tree.join("mine/own.so"), extension("")).unwrap();
    fs::write(tree.join("mine/notes.txt"), "notes\n").unwrap();
}

#[test]
fn of_installed_distributions_each_record_stays_true_and_all_else_is_copied() {
    let directory = tempfile::tempdir().unwrap();
    let at = |path: &str| directory.path().join(path);
    installed(directory.path());
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_000);
    fs::File::options().write(true).open(at("site/other.py")).unwrap().set_modified(old).unwrap();
    run_expecting(0, directory.path(), &["site", "-o", "out"]);
    let (before, after) = (contents(&at("site")), contents(&at("out")));
    let changed: Vec<&str> =
        after.iter().filter(|(path, bytes)| before.get(*path) != Some(bytes)).map(|(path, _)| path.to_str().unwrap()).collect();
    let expected =
        ["demo/ext.abi3.so", "demo-1.0.dist-info/RECORD", "demo-1.0.dist-info/WHEEL", "demo.libs/libx.so", "mine/own.so"];
    assert_eq!(changed, expected);
    let gone: Vec<&str> = before.keys().filter(|path| !after.contains_key(*path)).map(|path| path.to_str().unwrap()).collect();
    assert_eq!(gone, ["demo/__pycache__", "demo/__pycache__/a.cpython-311.pyc"]);
    assert_eq!(fs::metadata(at("out/other.py")).unwrap().modified().unwrap(), old);

    let record = String::from_utf8(after[Path::new("demo-1.0.dist-info/RECORD")].clone()).unwrap();
    let mut rows = record.lines();
    assert_eq!(rows.next(), Some("../../../bin/demo,sha256=xyz,9"));
    let mut listed = 0;
    for row in rows.filter(|row| !row.starts_with("demo-1.0.dist-info/RECORD,")) {
        let [path, hash, size] = row.split(',').collect::<Vec<_>>()[..] else { panic!("{row}") };
        if path == "demo/tests/t.py" {
            assert_eq!((hash, size), ("sha256=abc", "3"));
            continue;
        }
        let bytes = &after[Path::new(path)];
        assert_eq!((hash, size), (record_hash(bytes).as_str(), bytes.len().to_string().as_str()), "{path}");
        listed += 1;
    }
    assert_eq!(listed, 6, "{record}");
    // The file of nobody was not claimed.
    assert!(!record.contains("notes.txt") && !record.contains("data.txt"), "{record}");

    run_expecting(0, directory.path(), &["site", "--in-place"]);
    assert_eq!(contents(&at("site")), after);
}

/// Where one distribution is refused, all is as it was.
#[test]
fn a_tree_is_upgraded_as_a_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    installed(directory.path());
    let tree = directory.path().join("site");
    let refused = "z-1.0-cp312-cp312-pyodide_2024_0_wasm32.whl";
    let bytes = Wheel::new(refused).file("z/ext.so", &extension("")).build();
    for mut entry in entries(&bytes) {
        entry.name = entry.name.replace("demo-1.0", "z-1.0");
        let path = tree.join(&entry.name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = String::from_utf8_lossy(&entry.contents).replace("demo-1.0", "z-1.0");
        fs::write(
            path,
            if entry.name.ends_with("RECORD") {
                "z/ext.so,,\nz-1.0.dist-info/RECORD,,\n".into()
            } else if entry.name.contains("dist-info") {
                text.into_bytes()
            } else {
                entry.contents
            },
        )
        .unwrap();
    }
    let before = contents(directory.path());
    for arguments in [&["site", "-o", "out"][..], &["site", "--in-place"]] {
        let said = run_expecting(3, directory.path(), arguments);
        assert!(said.starts_with("refused[python-tag]: site: z-1.0.dist-info: "), "{said}");
        assert_eq!(contents(directory.path()), before);
    }
}

#[cfg(unix)]
#[test]
fn links_stay_links_and_what_they_lead_to_stays_as_it_is() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let directory = tempfile::tempdir().unwrap();
    let at = |path: &str| directory.path().join(path);
    installed(directory.path());
    fs::create_dir(at("cache")).unwrap();
    fs::write(at("cache/far.so"), extension("")).unwrap();
    symlink(at("cache/far.so"), at("site/far.so")).unwrap();
    symlink(at("cache"), at("site/cache")).unwrap();
    symlink("other.py", at("site/near.py")).unwrap();
    // As uv installs: the file is one with that in its cache.
    fs::hard_link(at("site/mine/own.so"), at("cache/own.so")).unwrap();
    fs::set_permissions(at("site/mine/own.so"), fs::Permissions::from_mode(0o755)).unwrap();
    let cache = contents(&at("cache"));
    for (arguments, out) in [(&["site", "-o", "out"][..], "out"), (&["site", "--in-place"], "site")] {
        let said = run_expecting(0, directory.path(), arguments);
        assert!(said.contains("warning[symbolic-link]: left as symbolic links, and not looked at: `far.so`"), "{said}");
        let after = contents(&at(out));
        assert_eq!(after[Path::new("far.so")], at("cache/far.so").to_str().unwrap().as_bytes());
        assert_eq!((&*after[Path::new("near.py")], after.contains_key(Path::new("cache/far.so"))), (&b"other.py"[..], false));
        assert_ne!(after[Path::new("mine/own.so")], extension(""));
        assert_eq!(fs::metadata(at(out).join("mine/own.so")).unwrap().permissions().mode() & 0o777, 0o755);
        assert_eq!(contents(&at("cache")), cache);
    }
}

/// New files do not go where links lead, nor into the place of what is no part of the distribution.
#[cfg(unix)]
#[test]
fn nothing_is_written_behind_a_link() {
    use std::os::unix::fs::symlink;
    let directory = tempfile::tempdir().unwrap();
    let at = |path: &str| directory.path().join(path);
    fs::create_dir_all(at("elsewhere")).unwrap();
    fs::create_dir_all(at("libs")).unwrap();
    fs::write(at("libs/liby.so"), module("", "(func (export \"f\"))")).unwrap();
    unpack(&Wheel::new(NAME).file("demo/ext.abi3.so", &extension("liby.so")).build(), &at("tree"));
    let arguments = |rest: &[&'static str]| [&["tree", "--libdir", "libs", "--isolate", "none"][..], rest].concat();
    let says = |says: &str| {
        let before = contents(directory.path());
        for rest in [&["-o", "out"][..], &["--in-place"], &["--in-place", "-n"], &["-o", "out", "-n"]] {
            let said = run_expecting(1, directory.path(), &arguments(rest));
            assert!(said.contains("error[unwritable]: tree: cannot write `demo.libs/liby.so`: ") && said.contains(says), "{said}");
            assert_eq!(contents(directory.path()), before);
        }
    };
    symlink(at("elsewhere"), at("tree/demo.libs")).unwrap();
    says("`demo.libs` is a symbolic link");
    fs::remove_file(at("tree/demo.libs")).unwrap();
    fs::create_dir(at("tree/demo.libs")).unwrap();
    symlink("nowhere", at("tree/demo.libs/liby.so")).unwrap();
    says("`demo.libs/liby.so` is a symbolic link");
    fs::remove_file(at("tree/demo.libs/liby.so")).unwrap();
    run_expecting(0, directory.path(), &arguments(&["--in-place"]));
    assert!(at("tree/demo.libs/liby.so").is_file());
}

/// Of a module whose name cannot be told nothing is passed over in silence; other files are copied by whatever name.
#[cfg(target_os = "linux")]
#[test]
fn modules_need_names_that_can_be_told() {
    use std::os::unix::ffi::OsStrExt;
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &[u8]| directory.path().join("tree").join(std::ffi::OsStr::from_bytes(name));
    unpack(&wheel(), &directory.path().join("tree"));
    fs::write(at(b"text-\xff.txt"), "text").unwrap();
    run_expecting(0, directory.path(), &["tree", "-o", "out"]);
    assert_eq!(fs::read(directory.path().join("out").join(std::ffi::OsStr::from_bytes(b"text-\xff.txt"))).unwrap(), b"text");
    fs::create_dir(at(b"\xff")).unwrap();
    fs::write(at(b"\xff/x.so"), extension("")).unwrap();
    let said = run_expecting(1, directory.path(), &["tree", "--in-place"]);
    assert!(said.starts_with("error[unreadable]: tree: `\u{fffd}/x.so`: its name is not UTF-8: rename it"), "{said}");
}

/// What a run that was killed has left goes nowhere, into RECORD least of all.
#[test]
fn temporary_files_are_no_part_of_a_tree() {
    let directory = tempfile::tempdir().unwrap();
    let at = |path: &str| directory.path().join(path);
    let expected = unpacked_result(directory.path(), &[]);
    unpack(&wheel(), &at("tree"));
    fs::create_dir_all(at("tree/demo/.wasm-pyfix-y.tmp")).unwrap();
    fs::create_dir_all(at("out/.wasm-pyfix-z.tmp")).unwrap();
    let left = [at("tree/demo/.wasm-pyfix-x.tmp"), at("tree/demo/.wasm-pyfix-y.tmp/ext.so"), at("out/.wasm-pyfix-z.tmp/a")];
    left.iter().for_each(|path| fs::write(path, "half").unwrap());
    let of_tree = |directory: &Path| -> BTreeMap<PathBuf, Vec<u8>> {
        contents(directory).into_iter().filter(|(path, _)| !path.to_string_lossy().contains(".wasm-pyfix")).collect()
    };
    run_expecting(0, directory.path(), &["tree", "-o", "out"]);
    assert_eq!(of_tree(&at("out")), expected);
    run_expecting(0, directory.path(), &["tree", "--in-place"]);
    assert_eq!(of_tree(&at("tree")), expected);
    // Another run may be at work on them.
    assert!(left.iter().all(|path| path.exists()));
}

/// A folder with wheels, modules, an unpacked wheel, and what is none of these.
fn folder() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let dist = directory.path().join("dist");
    fs::create_dir_all(dist.join("sub/.hidden")).unwrap();
    fs::write(dist.join(NAME), wheel()).unwrap();
    fs::write(dist.join("pure-1.0-py3-none-any.whl"), Wheel::new("pure-1.0-py3-none-any.whl").file("pure.py", b"").build())
        .unwrap();
    fs::write(dist.join("sub/ext.so"), extension("")).unwrap();
    fs::write(dist.join("sub/.hidden/ext.so"), extension("")).unwrap();
    fs::write(dist.join("sub/text.so"), "INPUT(libc.so)\n").unwrap();
    fs::write(dist.join("sub/data.wasm"), wat::parse_str("(module)").unwrap()).unwrap();
    fs::write(dist.join("README.md"), "text\n").unwrap();
    unpack(&wheel(), &dist.join("unpacked"));
    directory
}

#[test]
fn a_folder_stands_for_what_is_in_it() {
    let directory = folder();
    let new = "demo-1.0-cp312-abi3-pyemscripten_2025_0_wasm32.pyodide_2025_0_wasm32.whl";
    // The second time OUT is passed over, though it lies in the folder.
    for _ in 0..2 {
        let said = run_expecting(0, directory.path(), &["dist", "-o", "dist/out"]);
        let last = said.lines().last().unwrap();
        assert!(last.starts_with("4 inputs: 3 upgraded, 1 unchanged; "), "{said}");
    }
    let found = paths(&directory.path().join("dist/out"));
    let top: Vec<&str> = found.iter().map(String::as_str).filter(|path| !path.starts_with("unpacked/")).collect();
    assert_eq!(top, [new, "pure-1.0-py3-none-any.whl", "sub", "sub/ext.so", "unpacked"]);

    let directory = folder();
    let report = run(directory.path(), &["dist", "--in-place", "--json"]).stdout;
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    let inputs = report["inputs"].as_array().unwrap();
    let found: Vec<[&str; 3]> =
        inputs.iter().map(|input| ["input", "kind", "status"].map(|member| input[member].as_str().unwrap())).collect();
    let expected = [
        [&*format!("dist/{NAME}"), "wheel", "upgraded"],
        ["dist/pure-1.0-py3-none-any.whl", "wheel", "unchanged"],
        ["dist/sub/ext.so", "module", "upgraded"],
        ["dist/unpacked", "directory", "upgraded"],
    ];
    assert_eq!(found, expected);
    assert!(directory.path().join("dist").join(new).is_file() && !directory.path().join("dist").join(NAME).exists());
}

/// Small inputs are upgraded at once, and written and reported as if one came after the other.
#[test]
fn several_threads_do_what_one_does() {
    let directory = folder();
    let dist = directory.path().join("dist");
    for number in 0..12 {
        fs::write(dist.join(format!("m{number}.so")), extension(&format!("lib{number}.so"))).unwrap();
    }
    fs::write(dist.join("m5.so"), b"\0asm").unwrap();
    fs::write(dist.join(NAME.replace("cp312-abi3", "cp312-cp312")), wheel()).unwrap();
    let results = ["1", "3"].map(|threads| {
        let mut command = support::command(env!("CARGO_BIN_EXE_wasm-pyfix"), directory.path(), &["dist", "-o", "out", "--json"]);
        let output = command.env("RAYON_NUM_THREADS", threads).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let found = contents(&directory.path().join("out"));
        fs::remove_dir_all(directory.path().join("out")).unwrap();
        (found, String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    });
    assert!(results[0].0.len() > 15 && results[0].2.contains("refused[python-tag]"), "{}", results[0].2);
    assert_eq!(results[0], results[1]);
}

#[test]
fn a_directory_with_nothing_to_upgrade_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("empty")).unwrap();
    let said = run_expecting(1, directory.path(), &["empty", "-o", "out"]);
    assert!(
        said.contains("error[unreadable]: empty: there is no wheel, archive, side module or `.dist-info` directory in it"),
        "{said}"
    );
    let said = run_expecting(2, directory.path(), &["empty", "-o", "-"]);
    assert!(said.contains("cannot go to standard output"), "{said}");
}

/// Several trees go side by side.
#[test]
fn each_of_several_trees_gets_its_own_directory() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        unpack(&wheel(), &directory.path().join(name));
    }
    run_expecting(0, directory.path(), &["a", "b/", "-o", "out"]);
    let top: Vec<String> = paths(&directory.path().join("out")).into_iter().filter(|path| !path.contains('/')).collect();
    assert_eq!(top, ["a", "b"]);
}
