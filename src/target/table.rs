//! The targets as data.
//!
//! Sources: Pyodide's documentation, `docs/development/abi/312.md`, `313.md`, `314.md`, `315.md` and `flags.md`; PEP 783 for the tags; the struct
//! sizes in Emscripten's generated `struct_info` of the four versions; the npm packages for everything else.

use super::filesystem::FILESYSTEM;
use super::{LibraryLookup, Renamed, StructChange, Symbols, TagStyle, Target};
use wasm_pyfix_passes::ExceptionAbi;
use wasm_pyfix_passes::exceptions::personality::WHOLE;
use wasm_pyfix_passes::handlers::Kind;

/// All targets, oldest first.
pub static TARGETS: [Target; 5] = [
    // Applications built by Emscripten up to 3.1.71 without -sWASM_BIGINT, which was the default before 4.0.0.
    Target {
        name: "emscripten-legacy",
        like: None,
        alias: None,
        version: "-",
        preliminary: false,
        emscripten: "up to 3.1.71",
        python: "-",
        python_release: "-",
        bigint: false,
        exception_abi: ExceptionAbi::JavaScript,
        personality: None,
        handlers: None,
        library_lookup: LibraryLookup::RuntimePath { normalised: false },
        site_packages: "",
        default_tag_style: TagStyle::Legacy,
        struct_changes: &[],
        renamed: &[],
        releases: &[],
        runtimes: &[],
        symbols: Symbols::Nowhere,
    },
    Target {
        name: "pyodide_2024_0",
        like: None,
        alias: None,
        version: "2024_0",
        preliminary: false,
        emscripten: "3.1.58",
        python: "3.12",
        python_release: "3.12.7",
        bigint: true,
        exception_abi: ExceptionAbi::JavaScript,
        personality: None,
        handlers: None,
        library_lookup: LibraryLookup::LibsDirectory,
        site_packages: "/lib/python3.12/site-packages",
        default_tag_style: TagStyle::Legacy,
        struct_changes: &[],
        renamed: &[RENAMED_2024_0],
        releases: &["0.26", "0.27"],
        runtimes: &["0.27.7"],
        symbols: Symbols::Compressed(include_bytes!("manifests/pyodide_2024_0.txt.gz")),
    },
    Target {
        name: "pyodide_2025_0",
        like: None,
        alias: Some("pyemscripten_2025_0"),
        version: "2025_0",
        preliminary: false,
        emscripten: "4.0.9",
        python: "3.13",
        python_release: "3.13.2",
        bigint: true,
        exception_abi: ExceptionAbi::Native,
        personality: Some("_Unwind_CallPersonality"),
        // All engines know them, and Pyodide's own modules have them.
        handlers: Some(Kind::Legacy),
        library_lookup: LibraryLookup::RuntimePath { normalised: false },
        site_packages: "/lib/python3.13/site-packages",
        // Pyodide before 0.29.4 knows only the legacy spelling, package indexes only the other.
        default_tag_style: TagStyle::Both,
        struct_changes: CHANGES_2025_0,
        renamed: &[RENAMED_2025_0, FILESYSTEM],
        releases: &["0.28", "0.29"],
        runtimes: &["0.28.3", "0.29.5"],
        symbols: Symbols::Compressed(include_bytes!("manifests/pyodide_2025_0.txt.gz")),
    },
    Target {
        name: "pyemscripten_2026_0",
        like: None,
        alias: Some("pyodide_2026_0"),
        version: "2026_0",
        preliminary: false,
        emscripten: "5.0.3",
        python: "3.14",
        python_release: "3.14.2",
        bigint: true,
        exception_abi: ExceptionAbi::Native,
        personality: Some("_Unwind_CallPersonality"),
        // All engines know them, and Pyodide's own modules have them.
        handlers: Some(Kind::Legacy),
        library_lookup: LibraryLookup::RuntimePath { normalised: true },
        site_packages: "/lib/python3.14/site-packages",
        default_tag_style: TagStyle::Pep783,
        struct_changes: CHANGES_2026_0,
        renamed: &[RENAMED_2026_0],
        releases: &["314"],
        runtimes: &["314.0.7"],
        symbols: Symbols::Compressed(include_bytes!("manifests/pyemscripten_2026_0.txt.gz")),
    },
    Target {
        name: "pyemscripten_2026_5",
        like: None,
        alias: Some("pyodide_2026_5"),
        version: "2026_5",
        preliminary: true,
        emscripten: "6.0.5",
        python: "3.15",
        python_release: "3.15.0rc1",
        bigint: true,
        exception_abi: ExceptionAbi::Native,
        personality: Some("_Unwind_CallPersonality"),
        // All engines know them, and Pyodide's own modules have them.
        handlers: Some(Kind::Legacy),
        library_lookup: LibraryLookup::RuntimePath { normalised: true },
        site_packages: "/lib/python3.15/site-packages",
        default_tag_style: TagStyle::Pep783,
        struct_changes: &[],
        renamed: &[RENAMED_2026_5],
        releases: &["315"],
        runtimes: &["315.0.0-alpha.2"],
        symbols: Symbols::Compressed(include_bytes!("manifests/pyemscripten_2026_5.txt.gz")),
    },
];

/// Emscripten's event structs, whose `EM_BOOL` members shrank from four bytes to one.
const CHANGES_2025_0: &[StructChange] = &[
    StructChange { structure: "EmscriptenKeyboardEvent", imports: &["emscripten_set_key*"] },
    StructChange {
        structure: "EmscriptenMouseEvent",
        imports: &[
            "emscripten_set_click_callback*",
            "emscripten_set_dblclick_callback*",
            "emscripten_set_mouse*",
            "emscripten_get_mouse_status",
        ],
    },
    StructChange { structure: "EmscriptenWheelEvent", imports: &["emscripten_set_wheel_callback*"] },
    StructChange { structure: "EmscriptenTouchEvent", imports: &["emscripten_set_touch*"] },
    StructChange { structure: "EmscriptenGamepadEvent", imports: &["emscripten_set_gamepad*", "emscripten_get_gamepad_status"] },
    StructChange {
        structure: "EmscriptenFullscreenChangeEvent",
        imports: &["emscripten_set_fullscreenchange_callback*", "emscripten_get_fullscreen_status"],
    },
    StructChange {
        structure: "EmscriptenPointerlockChangeEvent",
        imports: &["emscripten_set_pointerlockchange_callback*", "emscripten_get_pointerlock_status"],
    },
    StructChange { structure: "EmscriptenWebSocketCloseEvent", imports: &["emscripten_websocket_set_onclose_callback*"] },
    StructChange {
        structure: "EmscriptenWebGLContextAttributes",
        imports: &[
            "emscripten_webgl_create_context",
            "emscripten_webgl_do_create_context",
            "emscripten_webgl_get_context_attributes",
            "emscripten_webgl_init_context_attributes",
        ],
    },
    FETCH,
];

const CHANGES_2026_0: &[StructChange] = &[
    StructChange {
        structure: "statfs",
        imports: &["statfs", "fstatfs", "statfs64", "fstatfs64", "__syscall_statfs64", "__syscall_fstatfs64"],
    },
    FETCH,
];

/// Its size is 208 bytes in Emscripten 3.1.58, 200 in 4.0.9, and 208 in 5.0.3.
const FETCH: StructChange =
    StructChange { structure: "emscripten_fetch_t", imports: &["emscripten_fetch*", "emscripten_start_fetch"] };

const RENAMED_2024_0: &[Renamed] = &[Renamed {
    old: "_emscripten_get_now",
    new: "emscripten_get_now",
    reason: "never existed: the Rust crate `instant` 0.1 spells the name as JavaScript does",
}];

const RENAMED_2025_0: &[Renamed] = &[
    Renamed { old: "_PyThreadState_UncheckedGet", new: "PyThreadState_GetUnchecked", reason: PYTHON_3_13 },
    Renamed { old: "_Py_IsFinalizing", new: "Py_IsFinalizing", reason: PYTHON_3_13 },
    Renamed { old: "_PyLong_AsInt", new: "PyLong_AsInt", reason: PYTHON_3_13 },
    Renamed { old: "_PyObject_LookupAttr", new: "PyObject_GetOptionalAttr", reason: PYTHON_3_13 },
    Renamed { old: "__clock", new: "clock", reason: MUSL },
    Renamed { old: "__clock_getres", new: "clock_getres", reason: MUSL },
];

const RENAMED_2026_0: &[Renamed] =
    &[Renamed { old: "__gettimeofday", new: "gettimeofday", reason: MUSL }, Renamed { old: "__time", new: "time", reason: MUSL }];

const RENAMED_2026_5: &[Renamed] = &[
    Renamed { old: "_PyObject_Dump", new: "PyObject_Dump", reason: PYTHON_3_15 },
    Renamed { old: "_PySys_GetOptionalAttr", new: "PySys_GetOptionalAttr", reason: PYTHON_3_15 },
    Renamed { old: "_PySys_GetOptionalAttrString", new: "PySys_GetOptionalAttrString", reason: PYTHON_3_15 },
    Renamed { old: "_PySys_GetRequiredAttr", new: "PySys_GetAttr", reason: PYTHON_3_15 },
    Renamed { old: "_PySys_GetRequiredAttrString", new: "PySys_GetAttrString", reason: PYTHON_3_15 },
    Renamed { old: "_PyTuple_FromArray", new: "PyTuple_FromArray", reason: PYTHON_3_15 },
];

/// The entry points to exception matching. They take the place of each other in any runtime that has one and not the other.
pub const PERSONALITIES: &[Renamed] = {
    const REASON: &str =
        "is called since Emscripten 6.0.6 in the place of the other, with the same type (LLVM pull request 209282)";
    let [old, new] = WHOLE;
    &[Renamed { old, new, reason: REASON }, Renamed { old: new, new: old, reason: REASON }]
};

const PYTHON_3_15: &str = "became public under this name in Python 3.15 (What's New in Python 3.15, C API changes)";
const PYTHON_3_13: &str = "became public under this name in Python 3.13 (What's New in Python 3.13, New Features of the C API)";
const MUSL: &str = "was the name inside of musl, with the public one as a weak alias; Emscripten has only the public one any more";
