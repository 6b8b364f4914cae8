//! What Python and its installers make of a wheel.

use super::finding::{Finding, Place};
use super::{Code, Severity, Upgrade};

pub static PLATFORM_TAG: Code = Code {
    name: "platform-tag",
    severity: Severity::Error,
    summary: "the platform tag is not the target's",
    explanation: "Installers compare the platform tag of a wheel with that of the runtime and refuse any other: micropip says \
                  `ValueError: Wheel platform '…' is not compatible with Pyodide's platform '…'` or `ValueError: Wheel was built with \
                  Emscripten v… but Pyodide was built with Emscripten v…`. (`pyodide.loadPackage` with an address does not look at \
                  tags.) Some tags belong to no runtime at all: `pyemscripten_2024_0_wasm32`, for the prefix is younger than that \
                  platform, and those of other systems.",
    remedy: "take or build a wheel for the target",
    upgrade: Upgrade::Fixes,
};

pub static PYTHON_TAG: Code = Code {
    name: "python-tag",
    severity: Severity::Error,
    summary: "the wheel is for another Python version",
    explanation: "An extension for one minor version of CPython has that version's structs compiled in. Installers refuse it by its tags. \
                  (micropip says `ValueError: Wheel abi 'cp312' is not supported. Supported abis are 'abi3' and 'cp313'.` of a wheel \
                  tagged `emscripten_…`, and blames the platform of others, as with [platform-tag](#platform-tag).) If it is forced \
                  in, it fails to load or corrupts memory. Wheels with the stable ABI (`abi3`) and without extensions (`none`) are \
                  for later versions, too.",
    remedy: "build the project for the target's Python, or with `Py_LIMITED_API` for all versions",
    upgrade: Upgrade::Refuses,
};

pub static REQUIRES_PYTHON: Code = Code {
    name: "requires-python",
    severity: Severity::Warning,
    summary: "METADATA excludes the target's Python",
    explanation: "`Requires-Python` in `METADATA` leaves out every release of the target's Python. Installers that look packages up in an \
                  index refuse the wheel.",
    remedy: "ask the project for a release that supports this Python",
    upgrade: Upgrade::Leaves,
};

pub static TAGS_DIFFER: Code = Code {
    name: "tags-differ",
    severity: Severity::Warning,
    summary: "the tags in WHEEL are not those of the file name",
    explanation: "The `Tag:` lines of `WHEEL` must list what the file name says. Installers go by the name; tools that unpack and repack \
                  a wheel go by `WHEEL`.",
    remedy: "retag it with `wheel tags`",
    upgrade: Upgrade::Fixes,
};

pub static WHEEL_VERSION: Code = Code {
    name: "wheel-version",
    severity: Severity::Error,
    summary: "the wheel has another format than the known one",
    explanation: "`Wheel-Version` in `WHEEL` names a later major version of the format than 1, or is no version. Its files may mean something \
                  else, and installers refuse it, by PEP 427.",
    remedy: "build the wheel in the format 1.0",
    upgrade: Upgrade::Refuses,
};

pub static IGNORED_SUFFIX: Code = Code {
    name: "ignored-suffix",
    severity: Severity::Error,
    summary: "a module has the file suffix of another Python",
    explanation: "Python imports extensions by their suffix: `.cpython-313-wasm32-emscripten.so` for 3.13, `.abi3.so`, or `.so`. Files \
                  with the suffix of another version are ignored without a message; unless there is another file of the module, an import \
                  then says `ModuleNotFoundError: No module named '…'`. In a wheel with the stable ABI, `wasm-pyfix upgrade` renames \
                  such a file to end in `.abi3.so` if it keeps to that, and refuses the wheel if it does not.",
    remedy: "if the module has the stable ABI, rename it to end in `.abi3.so`; otherwise build it for the target's Python",
    upgrade: Upgrade::Leaves,
};

pub static STALE_BYTECODE: Code = Code {
    name: "stale-bytecode",
    severity: Severity::Note,
    summary: "bytecode of another Python beside its source",
    explanation: "A `.pyc` of another version is ignored, for its source is there. It takes space.",
    remedy: "leave it out of the wheel",
    upgrade: Upgrade::Fixes,
};

pub static SOURCELESS_BYTECODE: Code = Code {
    name: "sourceless-bytecode",
    severity: Severity::Error,
    summary: "bytecode of another Python in place of its source",
    explanation: "A `.pyc` stands in place of its source, as `pyodide py-compile` leaves them, and was made by another version of Python: \
                  `ImportError: bad magic number in '…'`.",
    remedy: "take a wheel that has its sources",
    upgrade: Upgrade::Refuses,
};

pub static CODES: [&Code; 8] = [
    &PLATFORM_TAG,
    &PYTHON_TAG,
    &REQUIRES_PYTHON,
    &WHEEL_VERSION,
    &TAGS_DIFFER,
    &IGNORED_SUFFIX,
    &STALE_BYTECODE,
    &SOURCELESS_BYTECODE,
];

/// The finding about a version of the format that is not known.
pub fn other_format(place: &Place, version: &str) -> Finding {
    let message = format!("has `Wheel-Version: {version}`, another format than the known 1.0");
    Finding::new(&WHEEL_VERSION, place, message)
}

/// The finding about a wheel whose platform tags are `tags`: none of them is that of the target, or of any runtime.
pub fn other_platform(tags: &str, target: Option<&str>) -> Finding {
    let message = match target {
        Some(target) => format!("has the platform tag `{tags}`, which is not {target}'s"),
        None => format!("has the platform tag `{tags}`, which belongs to no runtime"),
    };
    Finding::new(&PLATFORM_TAG, &Place::default(), message)
}

/// The finding about a wheel for other Pythons than `has`, which is that of the target.
pub fn other_python(versions: &str, abi: &str, target: &str, has: &str) -> Finding {
    let message = format!("is for Python `{versions}` with ABI `{abi}`, and {target} has `{has}`");
    Finding::new(&PYTHON_TAG, &Place::default(), message)
}

/// The finding about bytecode of another Python than `python` that stands in place of its source.
pub fn without_source(place: &Place, python: &str) -> Finding {
    Finding::new(&SOURCELESS_BYTECODE, place, format!("is bytecode of another Python than {python}, and there is no source"))
}

/// The finding about a module with the suffix of the Python `own`, which `python` passes over.
pub fn other_suffix(place: &Place, own: &str, python: &str) -> Finding {
    Finding::new(&IGNORED_SUFFIX, place, format!("has the suffix of Python {own}, which Python {python} ignores"))
}
