//! What opens libraries at run time, and so may look up any symbol by a name that is put together: code in Python and JavaScript, and
//! modules.
//!
//! Nothing here proves that something opens a library; the lists are there so that nothing which does is missed. What is on them:
//!
//! - CPython: `ctypes` (`CDLL`, `PyDLL`, `cdll`, `pydll`, `LibraryLoader`, `LoadLibrary`, `pythonapi`, which finds all global symbols),
//!   `_ctypes` (`dlopen`, `dlsym`), `ctypes.util` (`find_library`), loading of extension modules by hand (`ExtensionFileLoader`,
//!   `create_dynamic`, `load_dynamic`, `_imp`), `sqlite3` (`enable_load_extension`), and what makes symbols global (`setdlopenflags`,
//!   `RTLD_GLOBAL`). Source: `Lib/ctypes`, `Modules/_ctypes/callproc.c`, `Lib/importlib/_bootstrap_external.py` of 3.13 and 3.14.
//! - cffi: `dlopen` of an `FFI`, `load_library` of its backend and verifier (`cffi/api.py` 2.1). numpy: `ctypeslib.load_library`, which
//!   is `ctypes.cdll[...]` (`numpy/ctypeslib/_ctypeslib.py` 2.3).
//! - Pyodide and Emscripten, from JavaScript or through `pyodide_js`: `loadDynlib`, `loadDynamicLibrary`, `loadWebAssemblyModule`, the
//!   functions `dlopen` and `dlsym` under their many names, and the tables of loaded libraries (`LDSO`, `resolveGlobalSymbol`,
//!   `wasmImports`; the `pyodide.asm` scripts of 0.27.7 to 314.0.7). JavaScript that mentions `WebAssembly` may have a loader of its own.
//! - Modules: imports of the functions `dlopen` and `dlsym`, and the words above in their data, since code in Cython, cffi or C may
//!   call Python for it.
//!
//! **Cython** keeps the names in a module compressed, by default since 3.2 (zlib; LZSS since 3.3; bz2 and zstd when asked for), where that
//! makes them smaller (`Cython/Compiler/Code.py`, `Cython/LZSS.py`). Then no word is found, so such a module is taken for an opener. It
//! is recognised by `cython_runtime`, which every module of Cython names in a C string, without `cline_in_traceback`, which is among
//! the names of every module and is too long to come through any of the compressions in one piece. LZSS is also known by its looks, since
//! the string table begins with groups of eight literal bytes behind a byte of flags.
//!
//! A source in Python that opens nothing but files which it names literally opens those alone (`python`). Everything else that mentions a
//! word may open every library.
//!
//! Relied on: code that runs is in a file with one of the endings below, in a script, or in an archive that names such files; and it spells
//! these words out, in ASCII.

mod python;

use aho_corasick::AhoCorasick;
use std::sync::LazyLock;
use wasm_pyfix_passes::module::Module;

/// What makes the symbols of one package visible to others.
const GLOBAL: [&str; 2] = ["setdlopenflags", "RTLD_GLOBAL"];

/// Openers in code.
const WORDS: [&str; 27] = [
    "CDLL",
    "PyDLL",
    "WinDLL",
    "OleDLL",
    "cdll",
    "pydll",
    "pythonapi",
    "LibraryLoader",
    "LoadLibrary",
    "load_library",
    "load_op_library",
    "find_library",
    "dlopen",
    "dlsym",
    "ExtensionFileLoader",
    "create_dynamic",
    "load_dynamic",
    "enable_load_extension",
    "loadDynlib",
    "load_dynlib",
    "loadDynamicLibrary",
    "loadWebAssemblyModule",
    "loadedLibs",
    "LDSO",
    "mergeLibSymbols",
    "resolveGlobalSymbol",
    "wasmImports",
];

/// Those of `WORDS` that are too short to mean anything in binary data, unless `ctypes` is mentioned, too.
const WITH_CTYPES: [&str; 2] = ["cdll", "pydll"];

/// Endings of files with code.
const ENDINGS: [&str; 9] = [".py", ".pyc", ".pyw", ".pth", ".js", ".mjs", ".cjs", ".html", ".htm"];

static AUTOMATON: LazyLock<AhoCorasick> =
    LazyLock::new(|| AhoCorasick::new(GLOBAL.iter().chain(&WORDS)).expect("a short list of short words"));

/// What code opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opens {
    Nothing,
    /// Files of these names.
    Named(Vec<String>),
    /// Perhaps any library.
    Any,
    /// Perhaps any library, and it shows symbols to others by this word.
    Global(&'static str),
}

/// Bytes of a file that [`is_code`] looks at.
pub const HEAD: u64 = 4;

/// Whether a file may hold code, by its path and how it begins: by its ending, as a script, or as an archive.
pub fn is_code(path: &str, head: &[u8]) -> bool {
    let script = path.split('/').rev().skip(1).any(|part| part == "scripts" || part == "bin");
    ENDINGS.iter().any(|end| path.ends_with(end)) || head.starts_with(b"#!") || is_archive(head) || (script && !is_binary(head))
}

fn is_archive(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04")
}

fn is_binary(head: &[u8]) -> bool {
    head.starts_with(b"\0asm") || head.starts_with(b"\x7fELF")
}

/// What the code in the file at `path` opens.
pub fn of_source(path: &str, text: &[u8]) -> Opens {
    if is_archive(text) {
        let code = memchr::memmem::find(text, b".py").or_else(|| memchr::memmem::find(text, b".js"));
        return code.map_or(Opens::Nothing, |_| Opens::Any);
    }
    let mut mentions = 0;
    for found in AUTOMATON.find_overlapping_iter(text) {
        match GLOBAL.get(found.pattern().as_usize()) {
            Some(word) => return Opens::Global(word),
            None => mentions += 1,
        }
    }
    if mentions_word(text, "_imp") || (is_javascript(path) && memchr::memmem::find(text, b"WebAssembly").is_some()) {
        return Opens::Any;
    }
    match mentions {
        0 => Opens::Nothing,
        _ if path.ends_with(".py") || path.ends_with(".pyw") => python::opens(text, mentions),
        _ => Opens::Any,
    }
}

fn is_javascript(path: &str) -> bool {
    ENDINGS[4..].iter().any(|end| path.ends_with(end))
}

/// How many openers `text` mentions.
fn count(text: &[u8]) -> usize {
    AUTOMATON.find_overlapping_iter(text).count()
}

fn mentions_word(text: &[u8], word: &str) -> bool {
    let in_name = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    memchr::memmem::find_iter(text, word.as_bytes())
        .any(|at| !in_name(at.checked_sub(1).and_then(|before| text.get(before))) && !in_name(text.get(at + word.len())))
}

/// Why the code of a module may look up any symbol, if it may: the end of a sentence about it.
pub fn of_module(module: &Module<'_>) -> Option<String> {
    // Calling it and taking its address come from different import modules.
    let finds = |name: &str| ["dlopen", "dlsym"].iter().any(|word| name.contains(word));
    if let Some(import) = module.imports().iter().find(|import| finds(&import.field)) {
        return Some(format!("imports `{}` and may look up any symbol", import.field));
    }
    let mut words: Vec<&'static str> = Vec::new();
    for segment in module.data() {
        for found in AUTOMATON.find_overlapping_iter(&*segment.bytes) {
            let word = GLOBAL.iter().chain(&WORDS).nth(found.pattern().as_usize()).expect("a pattern of the automaton");
            if !words.contains(word) {
                words.push(word);
            }
        }
    }
    let certain = |word: &&&str| !WITH_CTYPES.contains(*word) || in_data(module, "ctypes");
    if let Some(word) = words.iter().find(certain) {
        return Some(format!("mentions `{word}` and may look up any symbol"));
    }
    has_compressed_names(module).then(|| "keeps its strings compressed, so that it may look up any symbol".to_string())
}

/// Whether no name of Python that the code of a module uses need occur in its data.
fn has_compressed_names(module: &Module<'_>) -> bool {
    let of_cython = in_data(module, "cython_runtime") && !in_data(module, "cline_in_traceback");
    of_cython || module.data().iter().any(|segment| looks_like_lzss(&segment.bytes))
}

/// Whether two groups of eight printable bytes, each behind eight flags for a literal, follow each other.
fn looks_like_lzss(bytes: &[u8]) -> bool {
    const GROUP: usize = 9;
    let is_group = |group: &[u8]| group[0] == 0xff && group[1..].iter().all(|byte| (b' '..=b'~').contains(byte));
    memchr::memchr_iter(0xff, bytes)
        .filter_map(|at| bytes.get(at..at + 2 * GROUP))
        .any(|groups| is_group(&groups[..GROUP]) && is_group(&groups[GROUP..]))
}

fn in_data(module: &Module<'_>, word: &str) -> bool {
    module.data().iter().any(|segment| memchr::memmem::find(&segment.bytes, word.as_bytes()).is_some())
}
