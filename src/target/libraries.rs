//! Shared libraries that the distributions of Pyodide have as packages of their own, which are put into `/usr/lib`.
//!
//! Sources: `pyodide-lock.json` of the npm packages tells which packages there are (those of the type `shared_library`), and their recipes
//! (`pyodide/pyodide-recipes`, `packages/*/meta.yaml`) which files are in them; that of libheif could not be had, and its file is called
//! as everywhere.

use super::Target;

/// A package of shared libraries.
struct Package {
    name: &'static str,
    files: &'static [&'static str],
    /// Versions of the platforms whose distributions have it.
    platforms: &'static [&'static str],
}

const fn package(name: &'static str, files: &'static [&'static str], platforms: &'static [&'static str]) -> Package {
    Package { name, files, platforms }
}

const SUITESPARSE: &[&str] = &[
    "libsuitesparseconfig.so",
    "libamd.so",
    "libcamd.so",
    "libccolamd.so",
    "libcolamd.so",
    "libmetis.so",
    "libcholmod.so",
    "libspqr.so",
];

static PACKAGES: [Package; 15] = [
    package("libblis", &["libblis.so"], &["2026_0"]),
    package("libcrc32c", &["libcrc32c.so"], &["2025_0", "2026_0"]),
    package("libgdal", &["libgdal.so"], &["2025_0", "2026_0"]),
    package("libgeos", &["libgeos.so", "libgeos_c.so"], &["2025_0", "2026_0"]),
    package("libhdf5", &["libhdf5.so", "libhdf5_hl.so"], &["2025_0", "2026_0"]),
    package("libheif", &["libheif.so"], &["2025_0", "2026_0"]),
    package("libmagic", &["libmagic.so"], &["2025_0"]),
    package("libngspice", &["libngspice.so"], &["2025_0", "2026_0"]),
    package("libopenblas", &["libopenblas.so"], &["2025_0", "2026_0", "2026_5"]),
    package("libopenssl", &["libcrypto.so", "libssl.so"], &["2025_0", "2026_5"]),
    package("libproj", &["libproj.so"], &["2025_0", "2026_0"]),
    package("libsuitesparse", SUITESPARSE, &["2025_0", "2026_0"]),
    package("libtaglib", &["libtag.so", "libtag_c.so"], &["2025_0", "2026_0"]),
    package("test-cpp-exceptions", &["cpp-exceptions-test-throw.so", "cpp-exceptions-test-catch.so"], &["2026_5"]),
    package("test-sharedlib", &["sharedlib-test.so", "sharedlib-test-dep.so", "sharedlib-test-dep2.so"], &["2026_5"]),
];

/// The packages of shared libraries in the distributions of `target`.
pub fn packages(target: &Target) -> impl Iterator<Item = &'static str> {
    PACKAGES.iter().filter(|package| package.platforms.contains(&target.version)).map(|package| package.name)
}

/// The package of the distributions of `target` that has a library of this file name.
pub fn package_of(target: &Target, file: &str) -> Option<&'static str> {
    let has = |package: &&Package| package.platforms.contains(&target.version) && package.files.contains(&file);
    PACKAGES.iter().find(has).map(|package| package.name)
}
