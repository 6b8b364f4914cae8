//! A lock file as an input: the packages that it lists, and the files of these.
//!
//! All files are looked at before anything is done: one that is not there, or is another than the lock file says, is an error that names
//! the package, and nothing is written. A file is looked for beside the lock file, by the path that the entry has, and of a URL by its last
//! part; a wheel for any platform that is only behind a URL needs nothing, and stays there.
//!
//! Packages come in an order in which those that one depends on come before it, so that it is known of these whether they fit.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use rayon::prelude::*;

use crate::codes::upgrading::LOCK_FILE;
use crate::name::{WheelName, normalized};
use crate::wheel::{self, Listed, metadata::sha256_hex};

/// The packages that are asked for, with their files.
#[derive(Debug)]
pub struct Distribution {
    pub path: PathBuf,
    /// Those with a file, in the order in which they are done.
    pub packages: Vec<Package>,
    /// Positions of the packages that are in a file: several may be.
    pub in_file: HashMap<PathBuf, Vec<usize>>,
    /// Those that stay behind their URLs.
    pub behind_urls: Vec<Listed>,
    /// Names of those that nobody asked for.
    pub others: HashSet<String>,
    /// The platform that the lock file is for, if it says so.
    pub abi_version: Option<String>,
}

/// A package of a lock file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    pub name: String,
    /// As the lock file spells it.
    pub file_name: String,
    pub file: PathBuf,
    /// Where that is below the directory of the lock file.
    pub below: PathBuf,
    /// Names of the entries of those that it depends on.
    pub depends: Vec<String>,
}

/// Whether the file at `path` is a lock file.
pub fn is_lock(path: &Path) -> bool {
    let named = path.extension().is_some_and(|suffix| suffix.eq_ignore_ascii_case("json"));
    named && path.is_file() && fs::read_to_string(path).is_ok_and(|text| wheel::listed(&text).is_ok())
}

/// Reads the lock file at `path`, and finds the files of its packages; with `wanted` of those alone, and of what they depend on.
///
/// # Errors
/// When it is no lock file, lists no package that is wanted, or a file is not there or another one.
pub fn read(path: &Path, wanted: &[String]) -> Result<Distribution> {
    let context = || LOCK_FILE.fails(path.display().to_string());
    let text = fs::read_to_string(path).with_context(context)?;
    let listed = wheel::listed(&text).with_context(context)?;
    let order = order(&listed, wanted).with_context(context)?;
    let directory = path.parent().unwrap_or(Path::new(""));
    let found: Vec<Result<Option<Package>>> = order.par_iter().map(|index| find(&listed, *index, directory)).collect();
    let found: Vec<Option<Package>> = found.into_iter().collect::<Result<_>>().with_context(context)?;
    let without = order.iter().zip(&found).filter(|(_, package)| package.is_none()).map(|(index, _)| &listed[*index]);
    let behind_urls = without.cloned().collect();
    let packages: Vec<Package> = found.into_iter().flatten().collect();
    let meant: HashSet<usize> = order.into_iter().collect();
    let others = listed.iter().enumerate().filter(|(index, _)| !meant.contains(index)).map(|(_, package)| package.name.clone());
    let others = others.collect();
    let abi_version = wheel::abi_version(&text).with_context(context)?;
    let mut in_file: HashMap<PathBuf, Vec<usize>> = HashMap::new();
    for (index, package) in packages.iter().enumerate() {
        in_file.entry(package.file.clone()).or_default().push(index);
    }
    Ok(Distribution { path: path.to_path_buf(), packages, in_file, behind_urls, others, abi_version })
}

/// The positions of the packages that are wanted, or of all, each behind those that it depends on.
fn order(listed: &[Listed], wanted: &[String]) -> Result<Vec<usize>> {
    let positions = positions(listed);
    let mut roots: Vec<usize> = (0..listed.len()).collect();
    if !wanted.is_empty() {
        let position = |name: &String| positions.get(&normalized(name)).copied();
        roots = wanted
            .iter()
            .map(|name| position(name).with_context(|| format!("lists no package `{name}`")))
            .collect::<Result<_>>()?;
    }
    let (mut order, mut met) = (Vec::new(), HashSet::new());
    // Each with the number of its dependencies that were followed.
    let mut path: Vec<(usize, usize)> = Vec::new();
    for root in roots {
        if met.insert(root) {
            path.push((root, 0));
        }
        while let Some((index, next)) = path.pop() {
            let Some(name) = listed[index].depends.get(next) else {
                order.push(index);
                continue;
            };
            path.push((index, next + 1));
            path.extend(positions.get(&normalized(name)).filter(|other| met.insert(**other)).map(|other| (*other, 0)));
        }
    }
    Ok(order)
}

/// Positions by name, as the runtime looks them up.
fn positions(listed: &[Listed]) -> HashMap<String, usize> {
    listed.iter().enumerate().map(|(index, package)| (normalized(&package.name), index)).collect()
}

/// The file of a package; `None` where it stays behind its URL.
fn find(listed: &[Listed], index: usize, directory: &Path) -> Result<Option<Package>> {
    let Listed { name, file_name, sha256, depends } = &listed[index];
    let is_url = file_name.contains("://");
    let path = Path::new(if is_url { file_name.rsplit('/').next().unwrap_or_default() } else { file_name });
    let is_plain = path.components().all(|part| matches!(part, Component::Normal(_))) && path.file_name().is_some();
    ensure!(is_plain, "package `{name}`: its file `{file_name}` is not below the lock file");
    let file = directory.join(path);
    if !file.is_file() {
        let for_any = WheelName::parse(&path.to_string_lossy()).is_ok_and(|name| name.platform == ["any"]);
        if is_url && for_any {
            return Ok(None);
        }
        bail!("package `{name}`: its file `{}` is not beside the lock file", path.display());
    }
    if let Some(expected) = sha256 {
        let bytes = fs::read(&file).with_context(|| format!("package `{name}`: cannot read `{}`", path.display()))?;
        let found = sha256_hex(&bytes);
        let same = found.eq_ignore_ascii_case(expected);
        ensure!(same, "package `{name}`: `{}` has the SHA-256 {found}, the lock file says {expected}", path.display());
    }
    let below = path.parent().unwrap_or(Path::new("")).to_path_buf();
    Ok(Some(Package { name: name.clone(), file_name: file_name.clone(), file, below, depends: depends.clone() }))
}

/// What is to be said of a lock file, errors in its entries included.
#[derive(Debug, Default)]
pub struct Survey {
    /// The packages whose files are as they should be.
    pub packages: Vec<Package>,
    /// What is wrong with the files of the others.
    pub broken: Vec<String>,
    /// Packages and what they depend on that is not listed.
    pub unknown: Vec<(String, String)>,
    pub abi_version: Option<String>,
}

/// Looks at all packages of the lock file at `path`.
///
/// # Errors
/// When it is none.
pub fn survey(path: &Path) -> Result<Survey> {
    let context = || LOCK_FILE.fails(path.display().to_string());
    let text = fs::read_to_string(path).with_context(context)?;
    let listed = wheel::listed(&text).with_context(context)?;
    let directory = path.parent().unwrap_or(Path::new(""));
    let mut survey = Survey { abi_version: wheel::abi_version(&text).with_context(context)?, ..Survey::default() };
    let found: Vec<Result<Option<Package>>> =
        (0..listed.len()).into_par_iter().map(|index| find(&listed, index, directory)).collect();
    for found in found {
        match found {
            Ok(package) => survey.packages.extend(package),
            Err(error) => survey.broken.push(format!("{error:#}")),
        }
    }
    let positions = positions(&listed);
    for package in &listed {
        let unknown = package.depends.iter().filter(|name| !positions.contains_key(&normalized(name)));
        survey.unknown.extend(unknown.map(|name| (package.name.clone(), name.clone())));
    }
    Ok(survey)
}

/// Whether a file of a distribution is one that is upgraded, by its name.
pub fn is_upgraded(path: &Path) -> bool {
    path.extension().is_some_and(|suffix| ["whl", "zip"].iter().any(|of| suffix.eq_ignore_ascii_case(of)))
}

impl Distribution {
    /// All packages in the file `file`.
    pub fn packages_in(&self, file: &Path) -> impl Iterator<Item = &Package> {
        self.in_file.get(file).into_iter().flatten().map(|index| &self.packages[*index])
    }

    /// Of `package` the first dependency that is among `dropped`.
    pub fn dropped_dependency<'p>(package: &'p Package, dropped: &HashSet<String>) -> Option<&'p String> {
        package.depends.iter().find(|name| dropped.contains(&normalized(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(packages: &[(&str, &[&str])]) -> Vec<Listed> {
        let package = |(name, depends): &(&str, &[&str])| Listed {
            name: name.to_string(),
            file_name: String::new(),
            sha256: None,
            depends: depends.iter().map(|name| name.to_string()).collect(),
        };
        packages.iter().map(package).collect()
    }

    #[test]
    fn what_a_package_depends_on_comes_before_it() {
        let packages = listed(&[("a", &["B-b", "c"]), ("b_b", &["d"]), ("c", &["a"]), ("d", &["nowhere"]), ("e", &[])]);
        let names = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|name| name.to_string()).collect();
            order(&packages, &wanted).map(|order| order.into_iter().map(|index| packages[index].name.as_str()).collect::<Vec<_>>())
        };
        assert_eq!(names(&[]).unwrap(), ["d", "b_b", "c", "a", "e"]);
        assert_eq!(names(&["B.B"]).unwrap(), ["d", "b_b"]);
        assert!(names(&["e", "f"]).unwrap_err().to_string().contains("lists no package `f`"));
    }
}
