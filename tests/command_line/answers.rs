//! What an expert user expects of lock files, names, second runs and options that do nothing.

use super::*;

/// The second time the results of the first are among the inputs.
#[test]
fn a_command_may_run_twice_into_the_same_directory() {
    let inputs = inputs();
    fs::remove_file(inputs.path().join(CP312_NAME)).unwrap();
    let wheels = || names(inputs.path()).into_iter().filter(|name| name.ends_with(".whl")).collect::<Vec<_>>();
    let run = |option: &str| {
        let wheels = wheels();
        let arguments: Vec<&str> = wheels.iter().map(String::as_str).chain(option.split(' ')).collect();
        run_expecting(0, inputs.path(), &arguments)
    };
    run("-o .");
    assert_eq!(wheels(), [NEW_NAME, OLD_NAME]);
    let first = fs::read(inputs.path().join(NEW_NAME)).unwrap();
    run("-o . -n");
    let second = run("-o .");
    assert!(
        second.contains(&format!("unchanged {NEW_NAME}")) && second.contains(&format!("upgraded {OLD_NAME} -> ./{NEW_NAME}")),
        "{second}"
    );
    assert_eq!(
        (wheels(), fs::read(inputs.path().join(NEW_NAME)).unwrap()),
        (vec![NEW_NAME.to_string(), OLD_NAME.to_string()], first.clone())
    );
    // What is there already may be the result of another input, too, and then the old file goes.
    run("--in-place -n");
    run("--in-place");
    assert_eq!((wheels(), fs::read(inputs.path().join(NEW_NAME)).unwrap()), (vec![NEW_NAME.to_string()], first));
    // Other contents are not overwritten.
    fs::write(inputs.path().join(OLD_NAME), wheel("abi3")).unwrap();
    fs::write(inputs.path().join(NEW_NAME), wheel("abi3")).unwrap();
    let stderr = run_expecting(1, inputs.path(), &[OLD_NAME, NEW_NAME, "-o", "."]);
    assert!(stderr.contains(&format!("the output ./{NEW_NAME} is an input")), "{stderr}");
}

/// The lock file is for the target afterwards, whether or not something was left to do in the wheel.
#[test]
fn the_copy_of_a_lock_file_is_for_the_target() {
    let inputs = inputs();
    run_expecting(0, inputs.path(), &[OLD_NAME, "-o", "."]);
    let package = |file: &str| format!(r#"{{"file_name": "{file}", "sha256": "00"}}"#);
    let lock = format!(
        r#"{{"info": {{"abi_version": "2024_0", "python": "3.12.7"}}, "packages": {{"demo": {}, "other": {}, "pure": {}}}}}"#,
        package(NEW_NAME),
        package("other-1-cp312-cp312-pyodide_2024_0_wasm32.whl"),
        package("pure-1-py3-none-any.whl")
    );
    fs::write(inputs.path().join("lock.json"), &lock).unwrap();
    let report = json(&run(inputs.path(), &[NEW_NAME, "--lock", "lock.json", "-o", "dist", "--json"]));
    assert_eq!((&report["inputs"][0]["status"], &report["lock"]), (&"unchanged".into(), &"dist/lock.json".into()));
    assert_eq!(report["lock_unfit"], serde_json::json!(["other"]));
    let notice = &report["notices"][0];
    let message = "1 package of the lock file does not fit pyodide_2025_0 yet: other";
    assert_eq!((&notice["code"], &notice["message"]), (&"lock-unfit".into(), &message.into()));
    let written: Value = serde_json::from_slice(&fs::read(inputs.path().join("dist/lock.json")).unwrap()).unwrap();
    let info = serde_json::json!({"platform": "emscripten_4_0_9", "abi_version": "2025_0", "arch": "wasm32", "python": "3.13.2"});
    assert_eq!((&written["info"], &written["packages"]["demo"]["sha256"]), (&info, &report["inputs"][0]["sha256"]));
    // A dry run tells the same, and one that is unchanged need not be listed.
    let dry = json(&run(inputs.path(), &[NEW_NAME, "--lock", "lock.json", "-n", "--json"]));
    assert_eq!((&dry["lock"], &dry["lock_unfit"]), (&Value::Null, &report["lock_unfit"]));
    let none = lock.replace(NEW_NAME, OLD_NAME);
    fs::write(inputs.path().join("lock.json"), none).unwrap();
    let stderr = run_expecting(0, inputs.path(), &[NEW_NAME, "--lock", "lock.json", "-o", "none/"]);
    assert!(stderr.contains("lock.json lists no package with this file"), "{stderr}");
    // What is right already stays, in place as elsewhere.
    let right = fs::read(inputs.path().join("dist/lock.json")).unwrap();
    run_expecting(0, inputs.path(), &[NEW_NAME, "--lock", "dist/lock.json", "--in-place"]);
    assert_eq!(fs::read(inputs.path().join("dist/lock.json")).unwrap(), right);
}

/// Entries of an archive with their contents.
fn entries(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut read = |index: usize| {
        let mut entry = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
        (entry.name().unwrap().to_string(), bytes)
    };
    (0..4).map(&mut read).collect()
}

/// Its tags are in the name, or else in its metadata.
#[test]
fn a_wheel_named_zip_is_a_wheel() {
    let inputs = inputs();
    run_expecting(0, inputs.path(), &[OLD_NAME, "-o", "expected"]);
    let expected = fs::read(inputs.path().join("expected").join(NEW_NAME)).unwrap();
    for name in [&*OLD_NAME.replace(".whl", ".zip"), "downloaded.ZIP"] {
        fs::copy(inputs.path().join(OLD_NAME), inputs.path().join(name)).unwrap();
        let report = json(&run(inputs.path(), &[name, "-o", "dist", "--json"]));
        assert_eq!((&report["inputs"][0]["kind"], &report["inputs"][0]["file_name"]), (&"wheel".into(), &NEW_NAME.into()));
        assert_eq!(names(&inputs.path().join("dist")), [NEW_NAME], "{name}");
        assert_eq!(entries(&fs::read(inputs.path().join("dist").join(NEW_NAME)).unwrap()), entries(&expected));
        run_expecting(2, inputs.path(), &[name, "-o", "new.zip"]);
        for command in ["check", "show"] {
            let output = run(inputs.path(), &[command, name, "--json"]);
            assert_eq!((output.status.code(), &json(&output)["inputs"][0]["kind"]), (Some(0), &"wheel".into()), "{command} {name}");
        }
        run_expecting(0, inputs.path(), &["--in-place", name]);
        assert!(!inputs.path().join(name).exists());
        fs::remove_file(inputs.path().join(NEW_NAME)).unwrap();
    }
    // One in which nothing is to be done gets its right name, too.
    fs::write(inputs.path().join("done.zip"), &expected).unwrap();
    let said = run_expecting(0, inputs.path(), &["done.zip", "-o", "renamed/"]);
    assert!(said.starts_with("upgraded done.zip -> renamed/"), "{said}");
    assert_eq!(fs::read(inputs.path().join("renamed").join(NEW_NAME)).unwrap(), expected);
}

/// What is for other platforms is no fault of a wheel for its own.
#[test]
fn a_wheel_is_checked_against_the_platform_of_its_tags() {
    let inputs = inputs();
    for target in ["2025_0", "2026_0"] {
        run_expecting(0, inputs.path(), &[OLD_NAME, "-o", "dist", "--target", target]);
    }
    let (new, next) = (format!("dist/{NEW_NAME}"), format!("dist/{NAME_2026}"));
    let checked = |arguments: &[&str]| {
        let output = run(inputs.path(), &[&["check", "--json"], arguments].concat());
        let target = if output.status.code() == Some(2) { Value::Null } else { json(&output)["target"].clone() };
        (output.status.code().unwrap(), target)
    };
    assert_eq!(checked(&[OLD_NAME]), (0, "pyodide_2024_0".into()));
    assert_eq!(checked(&[OLD_NAME, "--target", "pyodide_2025_0"]), (1, "pyodide_2025_0".into()));
    assert_eq!(checked(&[&new]), (0, "pyodide_2025_0".into()));
    assert_eq!(checked(&["ext.so", &next]), (0, "pyemscripten_2026_0".into()));
    assert_eq!(checked(&["ext.so"]), (0, "pyodide_2025_0".into()));
    assert_eq!(checked(&[&new, &next]), (2, Value::Null));
    assert_eq!(checked(&[&new, &next, "--target", "314"]), (1, "pyemscripten_2026_0".into()));
    // One that is for both goes with either.
    let both = "demo-1.0-cp312-abi3-pyemscripten_2025_0_wasm32.pyemscripten_2026_0_wasm32.whl";
    fs::copy(inputs.path().join(&new), inputs.path().join(both)).unwrap();
    assert_eq!(checked(&[both, &new]).1, "pyodide_2025_0");
    assert_eq!(checked(&[&next, both]).1, "pyemscripten_2026_0");
    let stderr = run_expecting(2, inputs.path(), &["check", &new, &next]);
    assert!(stderr.contains("the wheels are for different platforms"), "{stderr}");
}

#[test]
fn options_that_do_nothing_are_told() {
    let inputs = inputs();
    fs::create_dir(inputs.path().join("lib")).unwrap();
    let needing = r#"(module (@dylink.0 (mem-info) (needed "libx.so")) (import "env" "f" (func)) (func (export "PyInit_m") (result i32) i32.const 0))"#;
    fs::write(inputs.path().join("needing.so"), wat::parse_str(needing).unwrap()).unwrap();
    let said = |arguments: &[&str]| -> Vec<String> {
        let output = run(inputs.path(), &[&["-n", "--json", "--allow-missing"], arguments].concat());
        let notices = json(&output)["notices"].clone();
        let text = String::from_utf8(output.stderr).unwrap();
        let notices = notices.as_array().unwrap().iter().filter(|notice| notice["code"] == "no-effect");
        let notices: Vec<String> = notices.map(|notice| notice["message"].as_str().unwrap().to_string()).collect();
        assert!(notices.iter().all(|notice| text.contains(&format!("\nwarning[no-effect]: {notice}\n"))), "{text}");
        notices
    };
    let for_wheels = "did nothing: it is for wheels, and no input is one";
    let for_archives = "did nothing: it is for wheels and archives, and no input is one";
    assert_eq!(said(&["ext.so", "--libdir", "lib"]), [format!("`--libdir` {for_archives}")]);
    assert_eq!(said(&["ext.so", "--exclude", "*"]), [format!("`--exclude` {for_archives}")]);
    assert_eq!(said(&["ext.so", "--compress", "9"]), [format!("`--compress` {for_archives}")]);
    assert_eq!(said(&["ext.so", "--tag-style", "both"]), [format!("`--tag-style` {for_wheels}")]);
    assert_eq!(said(&["ext.so", "--allow-python-mismatch"]), [format!("`--allow-python-mismatch` {for_wheels}")]);
    assert_eq!(
        said(&[OLD_NAME, "--libdir", "lib"]),
        ["nothing was taken from `--libdir lib`: no input lacks a library that is in it"]
    );
    assert_eq!(said(&[OLD_NAME, "--exclude", "libx*"]), ["`--exclude libx*` matches no library that a module needs"]);
    assert_eq!(said(&["ext.so", "--keep-export", "_Z*"]), ["`--keep-export _Z*` matches no export of a module"]);
    assert_eq!(said(&["ext.so", "--remove-needed", "libx.so"]), ["`--remove-needed libx.so` did nothing: no module needs it"]);
    assert_eq!(said(&["ext.so", "--alias", "f=g"]), ["`--alias f=g` did nothing: no module imports `f`"]);
    // What one of the inputs has is enough, and what an input has that failed nobody knows.
    for arguments in [
        &["ext.so", OLD_NAME, "--tag-style", "both"][..],
        &["ext.so", "needing.so", "--remove-needed", "libx.so", "--alias", "f=g", "--keep-export", "PyInit_*"],
        &[OLD_NAME, "ext.so", "--keep-export", "PyInit_ext"],
        &["native.so", "ext.so", "--libdir", "lib", "--keep-export", "_Z*"],
    ] {
        assert_eq!(said(arguments), [""; 0], "{arguments:?}");
    }
    assert_eq!(run_expecting(0, inputs.path(), &["-n", "-q", "ext.so", "--libdir", "lib"]), "");
    for (arguments, says) in [
        ("--bsymbolic -O0", "`-O0` binds nothing"),
        ("--bsymbolic --no-bind", "`--no-bind` binds nothing"),
        ("--keep-export x --no-prune", "`--no-prune` keeps all"),
        ("--map names.tsv --no-bind", "`--no-bind` gives none"),
        ("--one-wheel", "is about several targets"),
    ] {
        let arguments: Vec<&str> = ["-n", "ext.so"].into_iter().chain(arguments.split(' ')).collect();
        let stderr = run_expecting(2, inputs.path(), &arguments);
        assert!(stderr.contains(says), "{stderr}");
    }
}

/// Scripts can tell wrong usage from everything else, on standard error and in JSON.
#[test]
fn wrong_usage_has_a_code() {
    let inputs = inputs();
    for (arguments, says) in [
        (&["ext.so", "--nonsense"][..], "unexpected argument '--nonsense' found"),
        (&["ext.so"], "where is the result to go?"),
        (&["ext.so", "-o", "a/", "-O0", "--bsymbolic"], "`--bsymbolic` binds more"),
        (&["ext.so", "-o", "a/", "--target", "nowhere"], "there is no target `nowhere`"),
        (&["check", "ext.so", "--target", "nowhere"], "there is no target `nowhere`"),
        (&["check"], "the following required arguments were not provided: <FILE>..."),
        (&["show", "ext.so", "--functions", "many"], "invalid value 'many'"),
        (&["show", "ext.so", "--target", "nowhere"], "there is no target `nowhere`"),
        (&["check", "ext.so", "--target", "314", "--target", "315", "--against-next"], "`--against-next` goes on from one target"),
        (&["targets", "--diff", "314"], "2 values required"),
        (&["targets", "--diff", "314", "nowhere"], "there is no target `nowhere`"),
        (&["chek", "ext.so"], "did you mean `check`?"),
    ] {
        let stderr = run_expecting(2, inputs.path(), arguments);
        assert!(stderr.starts_with("error[usage]: "), "{arguments:?}: {stderr}");
        let output = run(inputs.path(), &[arguments, &["--json"]].concat());
        let report = json(&output);
        assert_eq!((output.status.code(), &report["exit_code"], &report["error"]["code"]), (Some(2), &2.into(), &"usage".into()));
        let message = report["error"]["message"].as_str().unwrap();
        assert!(message.contains(says) && !message.contains("Usage:"), "{arguments:?}: {message}");
        assert!(report["schema_version"].is_u64() && report["tool"]["name"] == "wasm-pyfix" && report["error"]["offset"].is_null());
    }
    assert!(run_expecting(2, inputs.path(), &["explain", "nonsense"]).starts_with("error[usage]: there is no code `nonsense`"));
    // Help is nothing wrong, be it asked for or not.
    assert!(!run_expecting(2, inputs.path(), &[]).contains("error["));
    assert!(
        String::from_utf8(run(inputs.path(), &["explain", "usage"]).stdout).unwrap().contains("the command line makes no sense")
    );
}

#[test]
fn options_that_others_leave_nothing_to_do_for_are_told() {
    let inputs = inputs();
    fs::write(inputs.path().join("names"), "a\n").unwrap();
    for (arguments, says) in [
        (&["--exports", "pyinit", "-O0"][..], "`--exports` did nothing: `-O0` keeps all exports"),
        (&["--exports", "auto", "--no-prune"], "`--exports` did nothing: `--no-prune` keeps all exports"),
        (&["--keep-exports-from", "names", "--no-prune"], "`--keep-exports-from` did nothing: `--no-prune` keeps all exports"),
    ] {
        let stderr = run_expecting(0, inputs.path(), &[&["ext.so", "-n"], arguments].concat());
        assert!(stderr.contains(&format!("warning[no-effect]: {says}")), "{arguments:?}: {stderr}");
    }
    for arguments in [&["--exports", "all", "-O0"][..], &["--exports", "pyinit"], &["-O0"]] {
        let stderr = run_expecting(0, inputs.path(), &[&["ext.so", "-n"], arguments].concat());
        assert!(!stderr.contains("no-effect"), "{arguments:?}: {stderr}");
    }
}
