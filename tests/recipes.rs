//! The recipes of `docs/recipes.md`, as they stand there, run by the tools that they are for: cibuildwheel, pyodide-build, auditwheel-emscripten and
//! pre-commit from the Python package index. What would compile something is left out.

#[allow(dead_code, reason = "few of its parts are needed here")]
#[path = "wheels/support.rs"]
mod archives;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use archives::{Wheel, entries};
use support::pypi;
use yaml_rust2::{Yaml, YamlLoader};

const PROGRAM: &str = env!("CARGO_BIN_EXE_wasm-pyfix");

/// The platforms and Pythons of a matrix.
const MATRIX: [&str; 3] =
    ["cp312-cp312-pyodide_2024_0_wasm32", "cp313-cp313-pyodide_2025_0_wasm32", "cp314-cp314-pyemscripten_2026_0_wasm32"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The blocks of a language below a heading of the page.
fn blocks(heading: &str, language: &str) -> Vec<String> {
    let page = read("docs/recipes.md");
    let section = page.split("\n## ").find(|section| section.starts_with(heading)).unwrap_or_else(|| panic!("no {heading:?}"));
    let begin = format!("```{language}\n");
    section.split(&begin).skip(1).map(|rest| rest.split("```").next().unwrap().to_string()).collect()
}

/// Runs a command that has to succeed.
#[track_caller]
fn succeed(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}: {}\n{}", text(&output.stdout), text(&output.stderr));
}

/// `PATH` with the program and, before it, the commands of a package.
fn path(package: Option<&Path>) -> OsString {
    let own = Path::new(PROGRAM).parent().unwrap().to_path_buf();
    let first = package.map(|package| package.join("bin")).into_iter().chain([own]);
    let all = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(first.chain(std::env::split_paths(&all))).unwrap()
}

/// A Python with this package, and the directory of the package; `None` where there is none that is new enough.
fn python_with(package: &str, minor: u32) -> Option<(Command, PathBuf)> {
    let Some(python) = pypi::python_since(3, minor) else {
        eprintln!("there is no Python 3.{minor} or later, so that {package} was not run");
        return None;
    };
    let installed = pypi::installed(package, &python).unwrap();
    let mut command = Command::new(python);
    command.env("PYTHONPATH", &installed).env("PATH", path(Some(&installed)));
    Some((command, installed))
}

fn larger_module(needed: &str, export: &str) -> Vec<u8> {
    let text = format!(
        r#"(module (@dylink.0 (mem-info (memory 0 0) (table 0 0)) {needed}) (import "env" "memory" (memory 0))
        (func $spare) (func (export "{export}") (result i32) call $spare i32.const 0) (func call $spare))"#
    );
    wat::parse_str(text).unwrap()
}

/// A directory with a wheel of one module for each of the platforms.
fn matrix(directory: &Path) -> Vec<PathBuf> {
    let wheel = |tags: &&str| {
        let name = format!("demo-1.0-{tags}.whl");
        let path = directory.join(&name);
        fs::write(&path, Wheel::new(&name).file("ext.so", &larger_module("", "PyInit_ext")).build()).unwrap();
        path
    };
    MATRIX.iter().map(wheel).collect()
}

/// Puts a wheel that needs two libraries into `directory`, and these into `lib` there.
fn needing_libraries(directory: &Path) -> PathBuf {
    let lib = directory.join("lib");
    fs::create_dir_all(&lib).unwrap();
    fs::write(lib.join("libone.so"), larger_module(r#"(needed "libtwo.so")"#, "one")).unwrap();
    fs::write(lib.join("libtwo.so"), larger_module("", "two")).unwrap();
    let name = "demo-1.0-cp313-cp313-pyodide_2025_0_wasm32.whl";
    let extension = larger_module(r#"(needed "libone.so")"#, "PyInit_ext");
    let wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp313-cp313-pyodide_2025_0_wasm32\n";
    let files: [(&str, &[u8]); 3] = [
        ("demo/ext.so", &extension),
        ("demo-1.0.dist-info/METADATA", b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"),
        ("demo-1.0.dist-info/WHEEL", wheel.as_bytes()),
    ];
    let row = |(name, contents): &(&str, &[u8])| format!("{name},{},{}\n", archives::record_hash(contents), contents.len());
    let record = files.iter().map(row).collect::<String>() + "demo-1.0.dist-info/RECORD,,\n";
    let all = files.iter().fold(Wheel::bare(), |wheel, (name, contents)| wheel.file(name, contents));
    fs::write(directory.join(name), all.file("demo-1.0.dist-info/RECORD", record.as_bytes()).build()).unwrap();
    directory.join(name)
}

/// How many functions a module defines.
fn functions(module: &[u8]) -> u32 {
    let sections = wasmparser::Parser::new(0).parse_all(module).map(Result::unwrap);
    let count = |section| if let wasmparser::Payload::FunctionSection(reader) = section { Some(reader.count()) } else { None };
    sections.into_iter().find_map(count).unwrap()
}

/// The one wheel in a directory.
fn only(directory: &Path) -> PathBuf {
    let files: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [file] = <[PathBuf; 1]>::try_from(files).unwrap_or_else(|all| panic!("{all:?}"));
    file
}

/// A wheel that its platform loads, with its two libraries, and in which nothing is left to do.
#[track_caller]
fn is_whole(wheel: &Path) {
    succeed(Command::new(PROGRAM).arg("check").arg(wheel));
    let all = entries(&fs::read(wheel).unwrap());
    let libraries = all.iter().filter(|entry| entry.name.starts_with("demo.libs/lib") && entry.name.contains("-")).count();
    assert_eq!(libraries, 2, "{:?}", all.iter().map(|entry| &entry.name).collect::<Vec<_>>());
    archives::check_record(&all);
}

/// Runs the recipe `toml` over wheels, in a project that has it; gives the directory with a result for each.
fn cibuildwheel(toml: &str, project: &Path, wheels: &[PathBuf]) -> Option<PathBuf> {
    let (mut python, _) = python_with(pypi::CIBUILDWHEEL, 11)?;
    fs::write(project.join("pyproject.toml"), toml).unwrap();
    let results = project.join("results");
    succeed(python.current_dir(project).arg(root().join("tests/recipes/run_cibuildwheel.py")).arg(&results).args(wheels));
    Some(results)
}

#[test]
fn cibuildwheel_repairs_and_audits_a_matrix() {
    let project = tempfile::tempdir().unwrap();
    let wheels = matrix(project.path());
    let Some(results) = cibuildwheel(&blocks("cibuildwheel", "toml")[0], project.path(), &wheels) else { return };
    for (number, wheel) in wheels.iter().enumerate() {
        let result = only(&results.join(number.to_string()));
        assert_eq!(result.file_name(), wheel.file_name());
        let (before, after) = (fs::read(wheel).unwrap(), fs::read(&result).unwrap());
        let module = |bytes: &[u8]| archives::contents(&entries(bytes), "ext.so").len();
        assert!(module(&after) < module(&before), "{}", wheel.display());
    }
}

#[test]
fn cibuildwheel_puts_libraries_in() {
    let project = tempfile::tempdir().unwrap();
    let wheel = needing_libraries(project.path());
    let audited = blocks("cibuildwheel", "toml")[1].clone() + "audit-command = \"wasm-pyfix check {wheel}\"\n";
    let Some(results) = cibuildwheel(&audited, project.path(), &[wheel]) else { return };
    is_whole(&only(&results.join("0")));
}

#[test]
fn wheels_come_from_auditwheel() {
    let Some((_, package)) = python_with(pypi::AUDITWHEEL, 12) else { return };
    let directory = tempfile::tempdir().unwrap();
    needing_libraries(directory.path());
    fs::create_dir(directory.path().join("dist")).unwrap();
    let mut script = Command::new("sh");
    script.current_dir(directory.path()).args(["-e", "-c", &blocks("After `pyodide", "sh")[0]]);
    succeed(script.env("PYTHONPATH", &package).env("PATH", path(Some(&package))));
    let result = only(&directory.path().join("dist"));
    succeed(Command::new(PROGRAM).arg("check").arg(&result));
    let all = entries(&fs::read(&result).unwrap());
    let needed = archives::needed(&all, "demo/ext.so");
    assert!(needed[0].starts_with("libone-") && !archives::runtime_path(&all, "demo/ext.so").is_empty(), "{needed:?}");
    assert!(all.iter().any(|entry| entry.name == format!("demo.libs/{}", needed[0])));
}

#[test]
fn pyodide_build_runs_it_in_the_unpacked_wheel() {
    let Some((mut python, _)) = python_with(pypi::PYODIDE_BUILD, 12) else { return };
    let directory = tempfile::tempdir().unwrap();
    let wheel = needing_libraries(directory.path());
    let before = fs::read(&wheel).unwrap();
    fs::write(directory.path().join("meta.yaml"), &blocks("Recipes of pyodide-build", "yaml")[0]).unwrap();
    python.arg(root().join("tests/recipes/run_pyodide_build.py")).arg(directory.path().join("meta.yaml")).arg(&wheel);
    succeed(python.arg(directory.path()).env("PYODIDE_ABI_VERSION", "2025_0"));
    let result = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
    let result = result.into_iter().find(|path| path.extension().is_some_and(|end| end == "whl")).unwrap();
    let after = fs::read(&result).unwrap();
    let functions = |bytes: &[u8]| functions(archives::contents(&entries(bytes), "demo/ext.so"));
    assert_eq!((functions(&before), functions(&after)), (3, 2));
    assert!(archives::needed(&entries(&after), "demo/ext.so")[0].starts_with("libone-"));
    succeed(Command::new(PROGRAM).arg("check").arg(&result));
}

#[test]
fn wheels_of_all_build_systems_are_replaced() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("dist")).unwrap();
    let mut sizes = Vec::new();
    for package in ["uharfbuzz", "iminuit", "css_inline"] {
        let wheel = pypi::wheel(package).unwrap();
        let copy = directory.path().join("dist").join(wheel.file_name().unwrap());
        sizes.push((copy.clone(), fs::copy(&wheel, &copy).unwrap()));
    }
    let [for_wheels, for_module] = <[String; 2]>::try_from(blocks("Other builds", "sh")).unwrap();
    let fixture = root().join("tests/fixtures/built/emscripten-3.1.69/O2-sm1-js/e_ext.so");
    fs::copy(&fixture, directory.path().join("ext.so")).unwrap();
    for script in [for_wheels, for_module] {
        succeed(Command::new("sh").current_dir(directory.path()).args(["-e", "-c", &script]).env("PATH", path(None)));
    }
    assert!(sizes.iter().all(|(wheel, before)| fs::metadata(wheel).unwrap().len() < *before), "{sizes:?}");
    succeed(Command::new(PROGRAM).arg("check").arg(directory.path().join("ext.so")));
}

fn yaml(path: &str) -> Yaml {
    YamlLoader::load_from_str(&read(path)).unwrap().remove(0)
}

/// What the action runs, with its inputs; by default it replaces files.
#[test]
fn the_action_runs_the_program() {
    let action = yaml("action.yml");
    let steps = action["runs"]["steps"].as_vec().unwrap();
    assert_eq!(action["runs"]["using"].as_str(), Some("composite"));
    assert!(steps.iter().all(|step| step["shell"].as_str() == Some("bash")));
    let inputs = action["inputs"].as_hash().unwrap();
    let used = read("action.yml");
    for (name, input) in inputs {
        let name = name.as_str().unwrap();
        assert!(used.contains(&format!("${{{{ inputs.{name} }}}}")) && input["description"].as_str().is_some(), "{name}");
    }
    for (output, place) in [("", "."), ("upgraded", "upgraded")] {
        let directory = tempfile::tempdir().unwrap();
        let wheels = matrix(directory.path());
        let mut bash = Command::new("bash");
        bash.current_dir(directory.path()).args(["-e", "-o", "pipefail", "-c", steps[1]["run"].as_str().unwrap()]);
        bash.env("PATH", path(None)).env("FILES", "*.whl").env("OUTPUT", output).env("ARGUMENTS", "--strip debug -q");
        let target = inputs[&Yaml::from_str("target")]["default"].as_str().unwrap();
        succeed(bash.env("TARGET", target));
        for wheel in wheels {
            let result = directory.path().join(place).join(wheel.file_name().unwrap());
            let again = Command::new(PROGRAM).arg(&result).args(["-n", "--target", "auto", "--strip", "debug"]).output().unwrap();
            assert!(again.stderr.starts_with(b"unchanged"), "{}", String::from_utf8_lossy(&again.stderr));
        }
    }
}

#[test]
fn the_hook_checks_wheels() {
    let hooks = yaml(".pre-commit-hooks.yaml");
    let hook = &hooks[0];
    let page = YamlLoader::load_from_str(&blocks("pre-commit", "yaml")[0]).unwrap();
    assert_eq!(page[0]["repos"][0]["hooks"][0]["id"], hook["id"]);
    let directory = tempfile::tempdir().unwrap();
    let wheels = matrix(directory.path());
    let entry: Vec<&str> = hook["entry"].as_str().unwrap().split(' ').collect();
    assert_eq!(entry[0], Path::new(PROGRAM).file_stem().unwrap());
    succeed(Command::new(PROGRAM).args(&entry[1..]).arg(&wheels[1]));
    let Some((mut python, _)) = python_with(pypi::PRE_COMMIT, 10) else { return };
    let manifest = root().join(".pre-commit-hooks.yaml");
    succeed(python.args(["-m", "pre_commit", "validate-manifest"]).arg(manifest).env("PRE_COMMIT_HOME", directory.path()));
    let (mut python, _) = python_with(pypi::PRE_COMMIT, 10).unwrap();
    const MATCH: &str = "import re, sys\nsys.exit(any(bool(re.search(sys.argv[1], name)) != (kind == 'yes') for kind, name in\n    \
        (pair.split(':') for pair in sys.argv[2:])))";
    let names =
        ["yes:a/ext.so", "yes:dist/demo-1.0-cp313-cp313-pyodide_2025_0_wasm32.whl", "no:demo-1.0-py3-none-any.whl", "no:a.so.py"];
    succeed(python.args(["-c", MATCH, hook["files"].as_str().unwrap()]).args(names));
}

/// What the page says of other pages is not looked at here, but that each command is run by a test: there are as many as these know.
#[test]
fn all_recipes_are_run() {
    let count = |language: &str| read("docs/recipes.md").matches(&format!("```{language}\n")).count();
    assert_eq!([count("toml"), count("sh"), count("yaml"), count("")], [2, 3, 3, 8]);
}
