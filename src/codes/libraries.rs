//! Needed libraries.

use super::finding::{Finding, Place};
use super::{Code, Severity, Upgrade};

pub static MISSING_LIBRARY: Code = Code {
    name: "missing-library",
    severity: Severity::Warning,
    summary: "nothing at hand provides a needed library",
    explanation: "The module names a library to load first, which is neither in the same wheel nor among the inputs. Unless another \
                  package installs it where the loader looks, the module does not load: `Error: Failed to find dynamic library \"…\"`, \
                  on 2024_0 `Error: Didn't expect to load any more file_packager files!`.",
    remedy: "give the library to `check`, too; `wasm-pyfix upgrade --libdir DIR` puts it into the wheel",
    upgrade: Upgrade::Leaves,
};

pub static LIBRARY_NOT_FOUND: Code = Code {
    name: "library-not-found",
    severity: Severity::Error,
    summary: "a needed library is there, and the loader does not look where it is",
    explanation: "The library is in the wheel, and neither in `/usr/lib` nor in site-packages itself nor in a directory of the \
                  RUNTIME_PATH of the module that needs it: `Error: Failed to find dynamic library \"…\"`. Pyodide 0.27 looked in \
                  `<distribution>.libs` by itself; later ones do not.",
    remedy: "link it with `-Wl,-rpath,$ORIGIN/…`",
    upgrade: Upgrade::Fixes,
};

pub static LIBRARY_LOADED_TWICE: Code = Code {
    name: "library-loaded-twice",
    severity: Severity::Warning,
    summary: "a library is found under two spellings of its path, and loaded twice",
    explanation: "The loader of 2025_0 knows a library by the path that it found it under, and does not resolve `..`: what it reaches \
                  as `pkg/../pkg.libs/libx.so` and as `pkg.libs/libx.so` has two states, which takes memory and time, and goes wrong \
                  where both are used. Later loaders resolve `..`.",
    remedy: "have the RUNTIME_PATH begin with the absolute directory of the library in site-packages",
    upgrade: Upgrade::Fixes,
};

pub static AMBIGUOUS_LIBRARY: Code = Code {
    name: "ambiguous-library",
    severity: Severity::Error,
    summary: "the archive has several libraries of a needed name, and nothing tells which is meant",
    explanation: "The libraries differ, and none of them lies where the RUNTIME_PATH of the module leads to, beside the module, or in the \
                  `.libs` directory of its package or of the distribution. On 2024_0 the first one that was loaded was taken.",
    remedy: "leave the others out of the archive, or name the directory of the right one with `wasm-pyfix upgrade --rpath`",
    upgrade: Upgrade::Refuses,
};

pub static SHADOWED_LIBRARY: Code = Code {
    name: "shadowed-library",
    severity: Severity::Warning,
    summary: "a library has the name of one in the distribution of the target",
    explanation: "The loader looks into `/usr/lib` and site-packages before it looks along the RUNTIME_PATH of a module. Pyodide puts \
                  the shared libraries of its own packages into `/usr/lib`. Once such a package is there, modules of the wheel get its \
                  library instead of the one in the wheel: another version, or one with other symbols (`Error: Dynamic linking error: \
                  cannot resolve symbol …`, after which nothing loads any more).",
    remedy: "if it is in a directory `*.libs`, `wasm-pyfix upgrade --isolate files` gives it a name that no other library has, unless \
             something may open it by its name; elsewhere, rename it where the wheel is built",
    upgrade: Upgrade::Leaves,
};

pub static DUPLICATE_LIBRARY: Code = Code {
    name: "duplicate-library",
    severity: Severity::Warning,
    summary: "a library is in two files of a distribution",
    explanation: "Told of directories and lock files. Libraries of one name and other contents may be taken for each other where they are found \
                  by their names; the same contents twice take memory and time twice, and have two states (a note).",
    remedy: "put the library into a package of its own on which the others depend; `wasm-pyfix upgrade --isolate files` gives private ones names \
             of their own",
    upgrade: Upgrade::Leaves,
};

pub static UNNEEDED_LIBRARY: Code = Code {
    name: "unneeded-library",
    severity: Severity::Note,
    summary: "no module of a distribution needs a library",
    explanation: "Told of directories and lock files, about archives of libraries and `*.libs` directories of wheels. Code may still open the \
                  library by its name, through ctypes for instance.",
    remedy: "leave the library out, if nobody opens it",
    upgrade: Upgrade::Leaves,
};

pub static UNDECLARED_DEPENDENCY: Code = Code {
    name: "undeclared-dependency",
    severity: Severity::Warning,
    summary: "a package needs a library of another one, on which it does not depend",
    explanation: "Told of lock files. `loadPackage` loads what `depends` lists, directly or by way of other packages, and nothing else: unless \
                  somebody loads the package of the library before, the module does not load.",
    remedy: "add the package to `depends` in the lock file, and in the recipe that it was made from",
    upgrade: Upgrade::Leaves,
};

pub static UNKNOWN_PACKAGE: Code = Code {
    name: "unknown-package",
    severity: Severity::Error,
    summary: "a package of a lock file depends on one that it does not list",
    explanation: "`loadPackage` does not load such a package at all.",
    remedy: "add the package to the lock file, or take its name out of `depends`",
    upgrade: Upgrade::Leaves,
};

pub static TOO_LARGE_TO_PRELOAD: Code = Code {
    name: "too-large-to-preload",
    severity: Severity::Warning,
    summary: "a module is too large to be compiled when it is imported",
    explanation: "Told of directories and lock files. On its main thread Chrome refuses to compile more than 8 MiB at once while JavaScript \
                  waits (`RangeError: WebAssembly.Compile is disallowed on the main thread, if the buffer size is larger than 8MB.`); \
                  Firefox and Safari do not, nor do workers and Node. `loadPackage` of today compiles all modules ahead, without waiting; \
                  where modules are imported from an unpacked archive or a mounted directory, or are loaded on demand, as later versions of \
                  Pyodide are to do with smaller ones (pyodide #6422), this one fails.",
    remedy: "load it with `loadPackage` or in a worker; `wasm-pyfix upgrade --strip names` and a smaller build make it smaller",
    upgrade: Upgrade::Leaves,
};

pub static CODES: [&Code; 10] = [
    &MISSING_LIBRARY,
    &AMBIGUOUS_LIBRARY,
    &LIBRARY_NOT_FOUND,
    &LIBRARY_LOADED_TWICE,
    &SHADOWED_LIBRARY,
    &DUPLICATE_LIBRARY,
    &UNNEEDED_LIBRARY,
    &UNDECLARED_DEPENDENCY,
    &UNKNOWN_PACKAGE,
    &TOO_LARGE_TO_PRELOAD,
];

/// The finding about a module at `path` of which nobody can decide which of `count` libraries it needs.
pub fn ambiguous(path: &str, needed: &str, count: usize) -> Finding {
    let message = format!("needs `{needed}`, which the archive has {count} times with different contents");
    Finding::new(&AMBIGUOUS_LIBRARY, &Place { path: Some(path.to_string()) }, message).about(needed)
}
