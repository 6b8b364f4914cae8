//! Targets: the platforms that wheels are upgraded to, and from.
//!
//! A target is plain data ([`table`]) and a built-in [`manifest`] of the symbols that its runtimes offer, stored compressed and
//! read only when something asks for it.

pub mod commands;
pub mod diff;
pub mod file;
mod filesystem;
pub mod instructions;
pub mod javascript;
pub mod libraries;
pub mod manifest;
pub mod structs;
mod table;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::OnceLock;
use wasm_pyfix_passes::module::Module;
use wasm_pyfix_passes::symbols::{self, Alias};
use wasm_pyfix_passes::{Environment, ExceptionAbi, handlers};

/// A platform: one version of the Pyodide ABI, or a main module of the user's that is like one.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its name: a platform tag without the architecture, or the path of its [`file`].
    pub name: &'static str,
    /// The platform that it is like, if it is a file.
    pub like: Option<&'static str>,
    /// The other spelling of the name, where there are two: `pyodide_` was the prefix before PEP 783, `pyemscripten_` is since.
    pub alias: Option<&'static str>,
    /// Version of the platform, as in its tags.
    pub version: &'static str,
    /// Whether it is known from runtimes before their release, so that it may still change.
    pub preliminary: bool,
    /// Version of Emscripten that its runtimes are built with.
    pub emscripten: &'static str,
    /// Version of Python that its runtimes contain.
    pub python: &'static str,
    /// The release of that Python that lock files of its runtimes name.
    pub python_release: &'static str,
    /// Whether 64-bit integers pass between WebAssembly and JavaScript whole (`-sWASM_BIGINT`), instead of in halves.
    pub bigint: bool,
    /// The exception ABI of side modules.
    pub exception_abi: ExceptionAbi,
    /// The runtime's entry point to exception matching, `(i32) -> i32`, if it offers one.
    pub personality: Option<&'static str>,
    /// The exception instructions that modules are given; `None` for those that they have.
    pub handlers: Option<handlers::Kind>,
    /// How the loader finds needed libraries.
    pub library_lookup: LibraryLookup,
    /// Where packages are installed.
    pub site_packages: &'static str,
    /// The spelling of platform tags that suits most users.
    pub default_tag_style: TagStyle,
    /// Structs that are laid out differently than on the platform before.
    pub struct_changes: &'static [StructChange],
    /// Symbols that have another name than on the platform before.
    pub renamed: &'static [&'static [Renamed]],
    /// The releases of Pyodide that are of this platform, oldest first, by what their versions have in common: `0.29`, `314`.
    pub releases: &'static [&'static str],
    /// Versions of the npm package `pyodide` that the manifest was made from; it has what all of them offer.
    pub runtimes: &'static [&'static str],
    symbols: Symbols,
}

/// Where the manifest of a target is.
#[derive(Debug, Clone, Copy)]
enum Symbols {
    /// The main module is a different one for every application.
    Nowhere,
    /// Built in, compressed by gzip.
    Compressed(&'static [u8]),
    /// In a file that has been read.
    Text(&'static str),
}

/// How a loader finds the libraries in NEEDED.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LibraryLookup {
    /// In `<distribution>.libs` of site-packages, by Pyodide's own loader; RUNTIME_PATH is ignored.
    LibsDirectory,
    /// In the directories of RUNTIME_PATH.
    RuntimePath {
        /// Whether `..` is resolved before a path is compared with those of loaded libraries. Where it is not, two paths to one
        /// file load it twice.
        normalised: bool,
    },
}

/// Which of the two spellings platform tags get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum TagStyle {
    /// `pyemscripten_*`, as PEP 783 and package indexes want.
    Pep783,
    /// `pyodide_*`, the only one before Pyodide 0.29.4.
    Legacy,
    /// Both in one compressed tag set.
    Both,
}

/// A symbol that has another name since some version of what the runtimes are made of.
#[derive(Debug, PartialEq, Eq)]
pub struct Renamed {
    pub old: &'static str,
    pub new: &'static str,
    /// Why both mean the same, and since when.
    pub reason: &'static str,
}

/// A struct whose layout changed, and the functions whose importers are therefore built for the older layout.
#[derive(Debug, PartialEq, Eq)]
pub struct StructChange {
    /// Name of the struct.
    pub structure: &'static str,
    /// Import names; a trailing `*` stands for any rest.
    pub imports: &'static [&'static str],
}

impl StructChange {
    /// Whether a module that imports `name` exchanges this struct with the runtime.
    pub fn concerns(&self, name: &str) -> bool {
        self.imports.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == *pattern,
        })
    }
}

/// Architecture part of platform tags.
const ARCHITECTURE: &str = "wasm32";

/// Name of the target that wheels are upgraded to unless another one is asked for.
pub const DEFAULT: &str = "pyodide_2025_0";

/// What `--target` takes for the platform that each input is for already.
pub const AUTO: &str = "auto";

impl Target {
    /// All targets, oldest first.
    pub fn all() -> &'static [Target] {
        &table::TARGETS
    }

    /// The target called `name`: in either spelling, by its whole platform tag, its version (`2025_0`) or a release of Pyodide (`0.29`,
    /// `314.0.7`), or in the [`file`] of this name.
    pub fn find(name: &str) -> Result<&'static Target> {
        if file::is_file(name) {
            return file::target(name);
        }
        let plain = name.strip_suffix(ARCHITECTURE).and_then(|name| name.strip_suffix('_')).unwrap_or(name);
        let means =
            |target: &&Target| target.is_called(plain) || (target.has_wheels() && plain == target.version) || target.runs_on(name);
        match Target::all().iter().find(means) {
            Some(target) => Ok(target),
            None => bail!("there is no target `{name}`; {}", known_targets()),
        }
    }

    /// The target that a platform tag of a wheel names, such as `pyodide_2024_0_wasm32`.
    pub fn of_platform_tag(tag: &str) -> Option<&'static Target> {
        let name = tag.strip_suffix(ARCHITECTURE)?.strip_suffix('_')?;
        Target::all().iter().find(|target| target.has_wheels() && target.is_called(name))
    }

    /// The platform tag with its version of Emscripten. Its runtimes take that, too: it was the only kind before there were platforms.
    pub fn emscripten_tag(&self) -> String {
        format!("emscripten_{}_{ARCHITECTURE}", self.emscripten.replace('.', "_"))
    }

    /// What lock files of its runtimes say of the platform in `info`. The runtime refuses those of another `abi_version`.
    pub fn lock_info(&self) -> [(&'static str, String); 4] {
        let platform = format!("emscripten_{}", self.emscripten.replace('.', "_"));
        [
            ("abi_version", self.version.to_string()),
            ("arch", ARCHITECTURE.to_string()),
            ("platform", platform),
            ("python", self.python_release.to_string()),
        ]
    }

    /// Whether `tag` is a platform tag of Pyodide for a later platform than this one, known here or not.
    pub fn is_before_tag(&self, tag: &str) -> bool {
        let version = |text: &str| -> Option<(u32, u32)> {
            let (year, patch) = text.split_once('_')?;
            Some((year.parse().ok()?, patch.parse().ok()?))
        };
        let later = ["pyemscripten_", "pyodide_"].iter().find_map(|prefix| tag.strip_prefix(prefix));
        let later = later.and_then(|rest| rest.strip_suffix(ARCHITECTURE)?.strip_suffix('_')).and_then(version);
        later.is_some_and(|later| version(self.version).is_some_and(|own| own < later))
    }

    fn is_called(&self, name: &str) -> bool {
        name == self.name || Some(name) == self.alias
    }

    /// Whether the Pyodide release `version` is of this platform.
    fn runs_on(&self, version: &str) -> bool {
        series(version).is_some_and(|series| self.releases.contains(&series))
    }

    /// The platform tag in a style, with spellings sorted and joined by `.` if it takes both.
    pub fn platform_tag(&self, style: TagStyle) -> String {
        let tag = |prefix: &str| format!("{prefix}_{}_{ARCHITECTURE}", self.version);
        match style {
            TagStyle::Pep783 => tag("pyemscripten"),
            TagStyle::Legacy => tag("pyodide"),
            TagStyle::Both => format!("{}.{}", tag("pyemscripten"), tag("pyodide")),
        }
    }

    /// Tag of its Python, such as `cp313`.
    pub fn python_tag(&self) -> String {
        format!("cp{}", self.python.replace('.', ""))
    }

    /// The structs whose layout a module built for `source` has wrong when it runs here. Empty if `source` is no older.
    pub fn struct_changes_since(&self, source: &Target) -> impl Iterator<Item = &'static StructChange> {
        let (first, last) = (source.age(), self.age());
        Target::all()
            .iter()
            .filter(move |target| first < target.age() && target.age() <= last)
            .flat_map(|target| target.struct_changes)
    }

    /// Other names for symbols that modules of any older platform may import.
    pub fn aliases(&self) -> Vec<Alias> {
        let up_to_here = Target::all().iter().filter(|target| target.age() <= self.age());
        let renamed = up_to_here.flat_map(|target| target.renamed).copied().flatten().chain(table::PERSONALITIES);
        renamed.map(|renamed| Alias { old: renamed.old.to_string(), new: renamed.new.to_string(), always: false }).collect()
    }

    /// Whether its loader reads the linking metadata of Emscripten before 2.0.30, the section `dylink` (removed in 4.0.5).
    pub fn reads_legacy_dylink(&self) -> bool {
        self.emscripten_version() < [4, 0, 5]
    }

    /// Whether its loader names a symbol that is missing in the global offset table as such (since 4.0.19).
    pub fn names_undefined_symbols(&self) -> bool {
        self.emscripten_version() >= [4, 0, 19]
    }

    /// Whether its loader forgets which imports of a module are weak when it loads a library that the module needs, and then fails for
    /// those that nobody offers (until Emscripten 4.0.15, emscripten-core/emscripten#25214). That of Pyodide 0.27 does not fail for any:
    /// it does without `reportUndefinedSymbols`.
    pub fn forgets_weak_imports(&self) -> bool {
        self.emscripten_version() < [4, 0, 15] && self.library_lookup != LibraryLookup::LibsDirectory
    }

    /// Whether it is a platform of Pyodide after `other`.
    pub fn is_later_than(&self, other: &Target) -> bool {
        self.has_wheels() && other.has_wheels() && self.age() > other.age()
    }

    /// The version of Emscripten, the latest where there are several.
    fn emscripten_version(&self) -> [u32; 3] {
        let latest = self.emscripten.rsplit(' ').next().unwrap_or_default();
        let mut numbers = latest.split('.').map(|number| number.parse().unwrap_or(0));
        std::array::from_fn(|_| numbers.next().unwrap_or(0))
    }

    /// Place in the list of targets.
    fn age(&self) -> usize {
        let name = self.like.unwrap_or(self.name);
        Target::all().iter().take_while(|target| target.name != name).count()
    }

    /// The text of the manifest.
    pub fn manifest_text(&self) -> Result<String> {
        let mut text = String::new();
        let context = || format!("the built-in manifest of {} cannot be read", self.name);
        let compressed = match self.symbols {
            Symbols::Nowhere => bail!("there is no built-in manifest of {}", self.name),
            Symbols::Compressed(compressed) => compressed,
            Symbols::Text(text) => return Ok(text.to_string()),
        };
        flate2::read::GzDecoder::new(compressed).read_to_string(&mut text).with_context(context)?;
        Ok(text)
    }

    /// What to keep in mind of a preliminary target.
    pub fn preliminary_notice(&self) -> Option<String> {
        let runtimes = self.runtimes.join(" and ");
        self.preliminary.then(|| {
            format!("{} is known from Pyodide {runtimes}, before its release, and may still change: keep the originals", self.name)
        })
    }

    /// Whether it is a platform of Pyodide, for which there are wheels.
    pub fn has_wheels(&self) -> bool {
        !self.releases.is_empty()
    }

    /// Whether it is known what its runtimes offer.
    pub fn has_manifest(&self) -> bool {
        !matches!(self.symbols, Symbols::Nowhere)
    }

    /// Whether it is the same platform as `other`: the one may be a file that is like the other.
    pub fn is_same_platform(&self, other: &Target) -> bool {
        self.has_wheels() && self.version == other.version
    }

    /// Whether all is known that the runtime offers, with `main` given as its files in place of the manifest. A main module alone does not
    /// tell what its JavaScript offers, and only platforms of Pyodide have a manifest.
    pub fn is_known_whole(&self, main: &[PathBuf]) -> bool {
        self.has_manifest() || main.len() > 1
    }

    /// What the runtimes of this target offer to side modules. Reads the manifest anew at each call.
    pub fn manifest(&self) -> Result<Environment> {
        manifest::from_text(&self.manifest_text()?).with_context(|| format!("the manifest of {} cannot be read", self.name))
    }
}

/// The part of a version of Pyodide that its platform follows from: `0.29` of `0.29.5`, `314` of `314.0.7`, `315` of `315.0.0-alpha.2`
/// and of `315.0.0a2`. `None` if it is no version or leaves that open.
fn series(version: &str) -> Option<&str> {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let before = ["-alpha.", "-beta.", "-rc.", "a", "b", "rc"].iter().find_map(|stage| version.split_once(stage));
    let version = before.filter(|(_, number)| is_number(number)).map_or(version, |(release, _)| release);
    if !version.split('.').all(is_number) {
        return None;
    }
    // Before 314, which follows Python, the second number told the series.
    let end = match version.strip_prefix("0.") {
        Some(rest) => rest.find('.').map(|at| at + "0.".len()),
        None => version.find('.'),
    };
    Some(&version[..end.unwrap_or(version.len())])
}

/// What the runtimes of all targets offer. The manifests are read at the first call.
pub fn known() -> &'static [(&'static Target, Environment)] {
    static KNOWN: OnceLock<Vec<(&'static Target, Environment)>> = OnceLock::new();
    // The manifests are part of the program, and tests read them all.
    let read = |target: &'static Target| Some((target, target.manifest().ok()?));
    KNOWN.get_or_init(|| Target::all().iter().filter_map(read).collect())
}

/// Whether `name` is a symbol of the runtimes of any target.
pub fn is_known(name: &str) -> bool {
    known().iter().any(|(_, environment)| environment.item(name).is_some())
}

/// Whether only a runtime can be meant to offer what `module` imports as `name`: by its name, or since some runtime does.
pub fn is_of_runtime(name: &str, module: &Module<'_>) -> bool {
    symbols::is_of_runtime(name, module) || is_known(name)
}

fn known_targets() -> String {
    let names: Vec<_> = Target::all().iter().flat_map(|target| std::iter::once(target.name).chain(target.alias)).collect();
    format!("targets are {}", names.join(", "))
}

/// A target for machines: what `targets --json` prints of each.
#[derive(Debug, Serialize)]
pub struct Summary {
    pub name: &'static str,
    pub alias: Option<&'static str>,
    pub is_default: bool,
    pub preliminary: bool,
    pub pyodide: &'static [&'static str],
    pub python: &'static str,
    pub emscripten: &'static str,
    /// Whether exceptions are native, and not implemented in JavaScript.
    pub native_exceptions: bool,
    pub runtimes: &'static [&'static str],
}

/// All targets for machines.
pub fn summaries() -> Vec<Summary> {
    let summary = |target: &Target| Summary {
        name: target.name,
        alias: target.alias,
        is_default: target.name == DEFAULT,
        preliminary: target.preliminary,
        pyodide: target.releases,
        python: target.python,
        emscripten: target.emscripten,
        native_exceptions: target.exception_abi == ExceptionAbi::Native,
        runtimes: target.runtimes,
    };
    Target::all().iter().map(summary).collect()
}

/// The targets for people: the head and one row for each.
pub fn rows() -> Vec<[String; 7]> {
    let head = ["TARGET", "ALSO CALLED", "PYODIDE", "PYTHON", "EMSCRIPTEN", "EXCEPTIONS", "NOTE"];
    let mut rows = vec![head.map(str::to_string)];
    rows.extend(Target::all().iter().map(|target| {
        let exceptions = match target.exception_abi {
            ExceptionAbi::JavaScript => "JavaScript",
            ExceptionAbi::Native => "native",
        };
        let usage = match target.name {
            DEFAULT => "default",
            _ if target.preliminary => "preliminary",
            _ => "-",
        };
        let releases = if target.releases.is_empty() { "-".to_string() } else { target.releases.join(", ") };
        let alias = target.alias.unwrap_or("-");
        [target.name, alias, &releases, target.python, target.emscripten, exceptions, usage].map(str::to_string)
    }));
    rows
}

/// The [`rows`] as an aligned text, one line each: what `--list-targets` prints.
pub fn listing() -> String {
    let rows = rows();
    let widths: [usize; 7] = std::array::from_fn(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0));
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            // Writing to a string cannot fail.
            let _ = write!(line, "{cell:<width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
