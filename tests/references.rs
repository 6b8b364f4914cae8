//! References of a module to what it defines itself, under real loaders: they mean after an upgrade what they meant before, or what they
//! should have.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::{Job, Node, Runtime, run_jobs};

fn wasm_pyfix(arguments: &[&str], files: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wasm-pyfix")).args(arguments).args(files).output().expect("wasm-pyfix starts")
}

/// The module `tests/references/NAME.wat`.
fn assembled(name: &str) -> Vec<u8> {
    let path = support::repository().join("tests/references").join(name).with_extension("wat");
    wat::parse_file(&path).unwrap_or_else(|error| panic!("{error}"))
}

/// The module `name`, upgraded for `runtime` with `arguments`.
fn upgraded(name: &str, runtime: Runtime, arguments: &[&str]) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path: PathBuf = directory.path().join(name).with_extension("so");
    std::fs::write(&path, assembled(name)).expect("it is written");
    let output = wasm_pyfix(&[&["--in-place", "--target", runtime.platform()], arguments].concat(), &[&path]);
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(&path).expect("it is there")
}

/// What `python` gives beside `modules`, each in `/t`.
fn answer(runtime: Runtime, modules: &[(&str, Vec<u8>)], python: &str) -> Result<String, String> {
    let files = modules.iter().map(|(name, bytes)| (format!("/t/{name}.so"), bytes.clone())).collect();
    let job = Job { files, ..Job::new("references", python) };
    let answers = run_jobs(Node::Installed, runtime, &[job]).unwrap_or_else(|error| panic!("{error:#}"));
    answers.into_iter().next().expect("one answer").outcome
}

#[test]
fn an_override_is_called_and_pointed_to() {
    let python = "
import ctypes
strong = ctypes.CDLL('/t/strong.so', ctypes.RTLD_GLOBAL)
weak = ctypes.CDLL('/t/weak.so')
(weak.called(), weak.pointed())";
    for runtime in Runtime::UPGRADED {
        let original = answer(runtime, &[("strong", assembled("strong")), ("weak", assembled("weak"))], python);
        assert_eq!(original, Ok("(227, 227)".to_string()), "{runtime:?}");
        let modules = ["strong", "weak"].map(|name| (name, upgraded(name, runtime, &[])));
        assert_eq!(answer(runtime, &modules, python), original, "{runtime:?}");
    }
}

/// As the linker's option does: nobody else counts.
#[test]
fn bsymbolic_means_the_own_definition_in_both_ways() {
    let python = "
import ctypes
strong = ctypes.CDLL('/t/strong.so', ctypes.RTLD_GLOBAL)
weak = ctypes.CDLL('/t/weak.so')
(weak.called(), weak.pointed())";
    let modules = [("strong", assembled("strong")), ("weak", upgraded("weak", Runtime::V0_29_5, &["--bsymbolic"]))];
    assert_eq!(answer(Runtime::V0_29_5, &modules, python), Ok("(117, 117)".to_string()));
}

/// What the runtime has as something else cannot be meant, with `-O0`, too.
#[test]
fn a_name_of_the_runtime_means_the_own_definition() {
    let read = "import ctypes\nctypes.CDLL('/t/clash.so').read()";
    let call = "import ctypes\nctypes.CDLL('/t/clash.so').call()";
    for runtime in Runtime::UPGRADED {
        let original = [("clash", assembled("clash"))];
        assert_ne!(answer(runtime, &original, read), Ok("4".to_string()), "{runtime:?}");
        let failed = answer(runtime, &original, call).expect_err("another function is called");
        assert!(failed.contains("null function or function signature mismatch"), "{runtime:?}: {failed}");
        for arguments in [&[][..], &["-O0"]] {
            let upgraded = [("clash", upgraded("clash", runtime, arguments))];
            let python = format!("{read}, ctypes.CDLL('/t/clash.so').call()");
            assert_eq!(answer(runtime, &upgraded, &python), Ok("(4, 15)".to_string()), "{runtime:?} {arguments:?}");
        }
    }
}

/// Upgrades an archive of the two modules, and gives these.
fn upgraded_archive(names: [&'static str; 2], runtime: Runtime) -> Vec<(&'static str, Vec<u8>)> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("libraries-1.0.zip");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).expect("it is created"));
    for name in names {
        archive.start_file(format!("{name}.so"), zip::write::SimpleFileOptions::default()).expect("an entry");
        archive.write_all(&assembled(name)).expect("it is written");
    }
    archive.finish().expect("it is written");
    let output = wasm_pyfix(&["--in-place", "--target", runtime.platform()], &[&path]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut archive = zip::ZipArchive::new(std::fs::File::open(&path).expect("it is there")).expect("an archive");
    let mut module = |name: &'static str| {
        let mut bytes = Vec::new();
        archive.by_name(&format!("{name}.so")).expect("the module").read_to_end(&mut bytes).expect("it is read");
        (name, bytes)
    };
    names.map(&mut module).into()
}

#[test]
fn a_weak_symbol_may_be_missing_beside_a_needed_library() {
    let python = "import ctypes\nctypes.CDLL('/t/needer.so').value()";
    for runtime in Runtime::UPGRADED {
        let original = answer(runtime, &[("needer", assembled("needer")), ("helper", assembled("helper"))], python);
        // Later loaders keep apart which symbols are weak in which module.
        let fails = original.as_ref().is_err_and(|error| error.contains("bad export type for"));
        assert_eq!(fails, runtime == Runtime::V0_29_5, "{runtime:?}: {original:?}");
        let modules = upgraded_archive(["needer", "helper"], runtime);
        assert_eq!(answer(runtime, &modules, python), Ok("42".to_string()), "{runtime:?}");
    }
}
