//! Wheel file names, their tags, and which Python may use them.
//!
//! `{distribution}-{version}(-{build})?-{python}-{abi}-{platform}.whl`, each of the last three a set of tags joined by `.` (PEP
//! 425, PEP 427). The platform is replaced; the Python and ABI tags never are: an extension built for one CPython minor version
//! has that version's structures compiled in, and a changed tag would only turn a clear refusal into corrupted memory.

use crate::codes::finding::Finding;
use crate::codes::python::{other_platform, other_python};
use crate::target::{TagStyle, Target};
use anyhow::{Context, Result, bail, ensure};

/// The parts of a wheel's file name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelName {
    /// Distribution name as spelled in the file name.
    pub distribution: String,
    /// Version as spelled in the file name.
    pub version: String,
    /// Build number and tag, when there is one.
    pub build: Option<String>,
    /// Python tags: `cp312`, `py3`, …
    pub python: Vec<String>,
    /// ABI tags: `abi3`, `none`, `cp312`, …
    pub abi: Vec<String>,
    /// Platform tags.
    pub platform: Vec<String>,
}

impl WheelName {
    /// Takes a wheel's file name apart. The suffix may be in capitals; [`file_name`](Self::file_name) writes it small, as
    /// installers want it.
    pub fn parse(file_name: &str) -> Result<Self> {
        let stem = stem(file_name).context("the file name does not end in `.whl`")?;
        let parts: Vec<&str> = stem.split('-').collect();
        let (build, tags) = match parts.len() {
            5 => (None, &parts[2..]),
            6 => (Some(parts[2].to_string()), &parts[3..]),
            _ => bail!("`{file_name}` is not a wheel name: expected name-version(-build)-python-abi-platform.whl"),
        };
        ensure!(parts.iter().all(|part| !part.is_empty()), "`{file_name}` is not a wheel name: one of its parts is empty");
        if let Some(build) = &build {
            ensure!(build.starts_with(|c: char| c.is_ascii_digit()), "build tag `{build}` does not begin with a digit");
        }
        let set = |tags: &str| tags.split('.').map(str::to_string).collect();
        Ok(WheelName {
            distribution: parts[0].to_string(),
            version: parts[1].to_string(),
            build,
            python: set(tags[0]),
            abi: set(tags[1]),
            platform: set(tags[2]),
        })
    }

    /// The file name.
    pub fn file_name(&self) -> String {
        let mut parts = vec![self.distribution.clone(), self.version.clone()];
        parts.extend(self.build.clone());
        parts.extend([self.python.join("."), self.abi.join("."), self.platform.join(".")]);
        parts.join("-") + ".whl"
    }

    /// Every single tag that the compressed sets stand for, as `Tag:` lines of `WHEEL` list them.
    pub fn tags(&self) -> Vec<String> {
        let mut tags = Vec::new();
        for python in &self.python {
            for abi in &self.abi {
                tags.extend(self.platform.iter().map(|platform| format!("{python}-{abi}-{platform}")));
            }
        }
        tags
    }

    /// Whether the stable ABI is all that its tags name. That of free-threaded Python (`abi3t`, PEP 803) may stand beside it.
    pub fn is_abi3(&self) -> bool {
        self.abi.iter().any(|abi| abi == "abi3") && self.abi.iter().all(|abi| abi == "abi3" || abi == "abi3t")
    }

    /// The platform that the wheel was built for: the newest that its tags name, since of several it was built to run on that, too.
    pub fn source(&self) -> Option<&'static Target> {
        self.sources().max_by_key(|source| source.version)
    }

    /// The platforms that its tags name, be it by their version of Emscripten.
    pub fn sources(&self) -> impl Iterator<Item = &'static Target> {
        self.platform.iter().filter_map(|tag| platform_of_tag(tag))
    }

    /// Whether the runtimes of `target` take one of the platform tags.
    pub fn is_for(&self, target: &Target) -> bool {
        self.platform.iter().any(|tag| tag == "any" || platform_of_tag(tag).is_some_and(|of| of.is_same_platform(target)))
    }

    /// Which installers take the name, if it has a platform in both spellings.
    pub fn installers(&self) -> Option<String> {
        let has = |tag: String| self.platform.contains(&tag);
        let both = |target: &&Target| [TagStyle::Pep783, TagStyle::Legacy].into_iter().all(|style| has(target.platform_tag(style)));
        let version = Target::all().iter().filter(|target| target.has_wheels()).find(both)?.version;
        Some(format!(
            "the name has the platform in both spellings: Pyodide before 0.29.4 installs `pyodide_{version}` alone, the Python package \
             index takes `pyemscripten_{version}` alone, and `pyodide py-compile` skips names with both; `--tag-style pep783` or `legacy` \
             writes one of them"
        ))
    }

    /// Checks that the wheel is for Emscripten, and not for later platforms than `target` alone: nothing here makes a module older. The
    /// platform `any` passes, since wheels with data modules carry it.
    pub fn check_platform(&self, target: Option<&Target>) -> Result<()> {
        let tags = self.platform.join(".");
        if self.platform.iter().any(|tag| tag != "any" && !is_of_emscripten(tag)) {
            let finding = other_platform(&tags, None);
            bail!(finding.code.refuses(format!("{}; only WebAssembly wheels are upgraded", finding.sentence(0))));
        }
        let Some(target) = target else { return Ok(()) };
        // Of a compressed set, one platform that is not later is enough: the wheel runs there already.
        if let (Some(tag), true) = (self.platform.first(), self.platform.iter().all(|tag| target.is_before_tag(tag))) {
            let advice = match Target::of_platform_tag(tag) {
                Some(later) => format!("use --target {}", later.name),
                None => "this release knows no target that new".to_string(),
            };
            let finding = other_platform(&tags, Some(target.name));
            bail!(
                finding
                    .code
                    .refuses(format!("{}: it is for a later platform, and nothing is made older; {advice}", finding.sentence(0)))
            );
        }
        Ok(())
    }

    /// Whether the Python that `target` (such as `cp313`) names accepts the Python and ABI tags, by the rules of PEP 425.
    pub fn runs_on(&self, target: &str) -> Result<bool> {
        let target = PythonTag::parse(target).with_context(|| format!("Python tag `{target}` of the target"))?;
        let accepts = |python: &str, abi: &str| {
            let Some(tag) = PythonTag::parse(python) else { return false };
            match abi {
                "abi3" | "abi3t" => tag.implementation == "cp" && tag.version() <= target.version(),
                "none" if tag.implementation == "py" => tag.major == target.major && tag.version() <= target.version(),
                "none" => tag == target,
                _ => tag == target && PythonTag::parse(abi).as_ref() == Some(&target),
            }
        };
        Ok(self.python.iter().any(|python| self.abi.iter().any(|abi| accepts(python, abi))))
    }

    /// That the wheel is for other Pythons than `has`, which is that of `target`.
    pub fn other_python(&self, target: &str, has: &str) -> Finding {
        other_python(&self.python.join("."), &self.abi.join("."), target, has)
    }
}

/// The version of Python in a tag such as `cp313`, with its point: `3.13`.
pub fn dotted_python(tag: &str) -> String {
    python_version(tag).map_or(tag.to_string(), |(major, minor)| format!("{major}.{minor}"))
}

/// The platform that a tag names, be it by its version of Emscripten.
pub fn platform_of_tag(tag: &str) -> Option<&'static Target> {
    let by_emscripten = || Target::all().iter().find(|target| target.has_wheels() && target.emscripten_tag() == *tag);
    Target::of_platform_tag(tag).or_else(by_emscripten)
}

/// Whether a platform tag is of a kind from before PEP 783, such as `pyodide_2025_0_wasm32`.
pub fn is_legacy(tag: &str) -> bool {
    ["pyodide_", "emscripten_"].iter().any(|prefix| tag.starts_with(prefix))
}

/// Whether a platform tag is one of Emscripten, of whatever version.
pub fn is_of_emscripten(tag: &str) -> bool {
    ["pyemscripten_", "pyodide_", "emscripten_"].iter().any(|prefix| tag.starts_with(prefix))
}

/// A wheel's file name without `.whl`, in whatever case that is; `None` for other files.
pub fn stem(file_name: &str) -> Option<&str> {
    let (stem, suffix) = file_name.split_at_checked(file_name.len().checked_sub(4)?)?;
    suffix.eq_ignore_ascii_case(".whl").then_some(stem)
}

/// A Python tag: implementation and version.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PythonTag {
    implementation: String,
    major: u32,
    minor: Option<u32>,
}

impl PythonTag {
    fn parse(tag: &str) -> Option<Self> {
        let (implementation, version) = tag.split_at_checked(2)?;
        let (major, minor) = version.split_at_checked(1)?;
        let minor = if minor.is_empty() { None } else { Some(minor.parse().ok()?) };
        Some(PythonTag { implementation: implementation.to_string(), major: major.parse().ok()?, minor })
    }

    fn version(&self) -> (u32, u32) {
        (self.major, self.minor.unwrap_or(0))
    }
}

/// The version that a tag such as `cp313` names: `(3, 13)`.
pub fn python_version(tag: &str) -> Option<(u32, u32)> {
    PythonTag::parse(tag).map(|tag| tag.version())
}

/// What the name of an extension module for one Python is made of: `x.cpython-313-wasm32-emscripten.so`.
pub struct PythonSuffix<'a> {
    /// Name of the module.
    pub stem: &'a str,
    /// The version of Python, without the point.
    pub version: &'a str,
    /// What stands behind it.
    pub rest: &'a str,
}

/// The parts of a file name with the suffix of one Python.
pub fn python_suffix(file_name: &str) -> Option<PythonSuffix<'_>> {
    let (stem, rest) = file_name.split_once(".cpython-")?;
    let (version, rest) = rest.split_at(rest.find(['-', '.']).unwrap_or(rest.len()));
    Some(PythonSuffix { stem, version, rest })
}

/// First two bytes of that Python's `.pyc` files, little endian; `None` for versions whose number is not known here.
///
/// Measured as `importlib.util.MAGIC_NUMBER` of Pyodide 0.27.7, 0.29.5, 314.0.7 and 315.0.0-alpha.2. They do not change within a minor version.
pub fn pyc_magic(tag: &str) -> Option<u16> {
    match python_version(tag)? {
        (3, 12) => Some(3531),
        (3, 13) => Some(3571),
        (3, 14) => Some(3627),
        (3, 15) => Some(3666),
        _ => None,
    }
}

/// A distribution name with case and separators evened out (PEP 503), for comparisons.
pub fn normalized(distribution: &str) -> String {
    let words: Vec<String> = distribution.split(['-', '_', '.']).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_apart_and_together() {
        for name in
            ["a-1.0-py3-none-any.whl", "a_b-1.0+local-1abc-cp312.cp313-abi3-pyemscripten_2025_0_wasm32.pyodide_2025_0_wasm32.whl"]
        {
            assert_eq!(WheelName::parse(name).unwrap().file_name(), name);
        }
        for bad in ["a-1.0-py3-none.whl", "a.zip", "a-1-x-py3-none-any.whl", "a--py3-none-any.whl", "a-b-c-d-e-f-g.whl"] {
            assert!(WheelName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_suffix_may_be_in_capitals() {
        let name = WheelName::parse("a-1.0-py3-none-any.WHL").unwrap();
        assert_eq!(name.file_name(), "a-1.0-py3-none-any.whl");
        assert_eq!((stem("x.Whl"), stem("whl"), stem("x.whl.zip"), stem("\u{e9}\u{e9}l")), (Some("x"), None, None, None));
    }

    #[test]
    fn tags_are_the_product_of_the_sets() {
        let name = WheelName::parse("a-1-py2.py3-none-x_wasm32.y_wasm32.whl").unwrap();
        assert_eq!(name.tags(), ["py2-none-x_wasm32", "py2-none-y_wasm32", "py3-none-x_wasm32", "py3-none-y_wasm32"]);
    }

    #[test]
    fn sources_are_told_by_platform_or_emscripten() {
        let source = |tags: &str| WheelName::parse(&format!("a-1-cp312-abi3-{tags}.whl")).unwrap().source().map(|of| of.name);
        assert_eq!(source("emscripten_3_1_58_wasm32"), Some("pyodide_2024_0"));
        assert_eq!(source("emscripten_4_0_9_wasm32.pyodide_2024_0_wasm32"), Some("pyodide_2025_0"));
        assert_eq!(source("pyodide_2023_0_wasm32.any"), None);
    }

    #[test]
    fn the_stable_abi_may_be_that_of_free_threaded_python_too() {
        let is_abi3 = |abi: &str| WheelName::parse(&format!("a-1-cp312-{abi}-any.whl")).unwrap().is_abi3();
        assert_eq!(["abi3", "abi3.abi3t", "abi3t", "abi3.none", "cp312"].map(is_abi3), [true, true, false, false, false]);
    }

    #[test]
    fn python_rules() {
        let runs = |tags: &str| WheelName::parse(&format!("a-1-{tags}-any.whl")).unwrap().runs_on("cp313").unwrap();
        for good in ["cp313-cp313", "cp312-abi3", "cp37-abi3", "cp313-abi3", "py3-none", "py2.py3-none", "py38-none", "cp313-none"]
        {
            assert!(runs(good), "{good}");
        }
        for bad in
            ["cp312-cp312", "cp314-abi3", "cp312-none", "py314-none", "py2-none", "pp310-pypy310_pp73", "cp313-cp313t", "cp3-cp3"]
        {
            assert!(!runs(bad), "{bad}");
        }
    }
}
