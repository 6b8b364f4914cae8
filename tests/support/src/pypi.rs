//! The wheels of `tests/pypi/requirements.txt` from the Python package index: some that others built natively for
//! `pyemscripten_2025_0`, and the stable ABI of CPython as data.
//!
//! Each is fetched once by `pip download`, which compares its hash, into a directory below cargo's target directory. As with the npm
//! packages, that happens beside its place, and the complete directory is renamed.
//!
//! Fails when Python with pip is missing, and when the index cannot be reached.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result, ensure};

use crate::node::Job;
use crate::npm::target_directory;

/// The package with data on the stable ABI.
const ABI3INFO: &str = "abi3info";

/// The installer of Pyodide 0.29.5 and 314.0.7, and what it needs.
const MICROPIP: [&str; 2] = ["micropip", "packaging"];

/// The judge of uploads.
pub const TWINE: &str = "twine==7.0.0";

/// What makes a wheel of a program.
pub const MATURIN: &str = "maturin==1.16.0";

/// What puts libraries into wheels for Pyodide, with its command.
pub const AUDITWHEEL: &str = "auditwheel-emscripten==0.3.0";

/// What builds wheels in a matrix.
pub const CIBUILDWHEEL: &str = "cibuildwheel==4.3.5";

/// What builds the packages of a distribution of Pyodide.
pub const PYODIDE_BUILD: &str = "pyodide-build==0.39.2";

/// What runs checks before a commit.
pub const PRE_COMMIT: &str = "pre-commit==4.7.0";

/// Names of all packages that there are native wheels of.
pub fn names() -> Result<Vec<String>> {
    let pure = |name: &String| name == ABI3INFO || MICROPIP.contains(&name.as_str());
    Ok(requirements()?.into_iter().map(|(name, _)| name).filter(|name| !pure(name)).collect())
}

/// The wheels of micropip and of what it needs, to be unpacked into a runtime.
pub fn micropip() -> Result<Vec<PathBuf>> {
    MICROPIP.into_iter().map(wheel).collect()
}

/// A job that installs `wheel` with micropip, which looks at tags as Pyodide's own `loadPackage` does not, and runs `python`.
pub fn with_micropip(wheel: &Path, python: &str) -> Result<Job> {
    let name = wheel.file_name().context("a wheel has a name")?.to_string_lossy();
    let path = format!("/tmp/{name}");
    let install = format!("import micropip\nawait micropip.install('emfs:{path}', deps=False)\n");
    let files = vec![(path, std::fs::read(wheel)?)];
    Ok(Job { unpacked: micropip()?, files, ..Job::new("micropip", install + python) })
}

/// The symbols of CPython's stable ABI, sorted, one line each: the name, and the version that it is in it since.
pub fn stable_abi() -> Result<String> {
    const PROGRAM: &str = "from abi3info import DATAS, FUNCTIONS\n\
        for name, added in sorted((s.name, o.added) for d in (DATAS, FUNCTIONS) for s, o in d.items()):\n    \
        print(f'{name} {added.major}.{added.minor}')";
    let wheel = wheel(ABI3INFO)?;
    // Python imports from wheels.
    let output =
        Command::new("python3").args(["-c", PROGRAM]).env("PYTHONPATH", &wheel).output().context("cannot start `python3`")?;
    ensure!(output.status.success(), "{} cannot be read: {}", wheel.display(), String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// The wheel of the package `name`, spelled as in `tests/pypi/requirements.txt`.
pub fn wheel(name: &str) -> Result<PathBuf> {
    // Tests of one program that want the same wheel at the same time need it once.
    static FETCHING: Mutex<()> = Mutex::new(());
    let _guard = FETCHING.lock();
    let all = requirements()?;
    let (_, requirement) = all.iter().find(|(known, _)| known == name).with_context(|| format!("`{name}` is not pinned"))?;
    let pinned = requirement.split_whitespace().next().unwrap_or(name);
    let directory = target_directory()?.join("pypi").join(pinned);
    if !directory.is_dir() {
        let parent = directory.parent().context("the directory of a wheel has a parent")?;
        std::fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        let staging = tempfile::Builder::new().prefix("fetching-").tempdir_in(parent)?;
        eprintln!("Fetching {pinned} from the Python package index (once) ...");
        download(requirement, staging.path()).with_context(|| format!("the wheel {pinned} is needed and cannot be had"))?;
        if let Err(error) = std::fs::rename(staging.path(), &directory) {
            // Another program may have been faster.
            ensure!(directory.is_dir(), "cannot rename {} to {}: {error}", staging.path().display(), directory.display());
        }
    }
    let files = std::fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let mut paths = files.filter_map(|file| file.ok().map(|file| file.path()));
    let wheel = paths.find(|path| path.extension().is_some_and(|end| end == "whl"));
    wheel.with_context(|| format!("{} holds no wheel; delete it to fetch the wheel again", directory.display()))
}

/// A directory from which `python` imports the package of `requirement`, which is for this machine. What it needs in turn is whatever fits it.
///
/// # Errors
/// When it cannot be had.
pub fn installed(requirement: &str, python: &Path) -> Result<PathBuf> {
    static FETCHING: Mutex<()> = Mutex::new(());
    let _guard = FETCHING.lock();
    let directory = target_directory()?.join("pypi").join(requirement);
    if !directory.is_dir() {
        let parent = directory.parent().context("the directory of a package has a parent")?;
        std::fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        let staging = tempfile::Builder::new().prefix("fetching-").tempdir_in(parent)?;
        eprintln!("Fetching {requirement} from the Python package index (once) ...");
        let mut pip = Command::new(python);
        pip.args(["-m", "pip", "install", "--quiet", "--only-binary=:all:", requirement, "--target"]).arg(staging.path());
        let output = pip
            .output()
            .with_context(|| format!("cannot start `{}`: install Python with pip, and have it in PATH", python.display()))?;
        ensure!(output.status.success(), "`pip install` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        if let Err(error) = std::fs::rename(staging.path(), &directory) {
            ensure!(directory.is_dir(), "cannot rename {} to {}: {error}", staging.path().display(), directory.display());
        }
    }
    Ok(directory)
}

/// A Python of this version, such as `(3, 12)`, or later: the one in `PATH`, or one that pyenv keeps beside it.
pub fn python_since(major: u32, minor: u32) -> Option<PathBuf> {
    let program = format!("import sys\nsys.exit(sys.version_info < ({major}, {minor}))");
    let fits = |python: &PathBuf| Command::new(python).args(["-c", &program]).output().is_ok_and(|output| output.status.success());
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv"));
    let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from).or(home);
    let kept = pyenv.and_then(|root| std::fs::read_dir(root.join("versions")).ok()).into_iter().flatten();
    let mut kept: Vec<PathBuf> = kept.filter_map(|entry| Some(entry.ok()?.path().join("bin/python3"))).collect();
    kept.sort();
    std::iter::once(PathBuf::from("python3")).chain(kept).find(fits)
}

/// Package names and their lines of `tests/pypi/requirements.txt`.
fn requirements() -> Result<Vec<(String, String)>> {
    let path = crate::repository().join("tests/pypi/requirements.txt");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    Ok(lines.filter_map(|line| Some((line.split_once("==")?.0.to_string(), line.to_string()))).collect())
}

fn download(requirement: &str, directory: &Path) -> Result<()> {
    let list = directory.join("requirements.txt");
    std::fs::write(&list, requirement).with_context(|| format!("cannot write {}", list.display()))?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"])
        .args(["--platform", "pyemscripten_2025_0_wasm32", "--python-version", "3.13", "--implementation", "cp"])
        .args(["--abi", "cp313", "--abi", "abi3", "--requirement"])
        .arg(&list)
        .arg("--dest")
        .arg(directory);
    let output = pip.output().context("cannot start `python3`: install Python with pip, and have it in PATH")?;
    ensure!(
        output.status.success(),
        "`pip download` failed; is the package index reachable?\n{}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}
