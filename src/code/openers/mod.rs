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
//! word may open every library, and so may a source that is too large to be held as a whole ([`Search`]).
//!
//! Relied on: code that runs is in a file with one of the endings below, in a script, or in an archive that names such files; and it spells
//! these words out, in ASCII.

mod python;

use crate::code::sources::Piece;
use aho_corasick::{AhoCorasick, Input, MatchKind};
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

/// Finds where the next word begins. Of words that overlap it tells one, so that it may look at several bytes at a time.
static NEXT: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let mut builder = AhoCorasick::builder();
    builder.match_kind(MatchKind::LeftmostFirst);
    builder.build(GLOBAL.iter().chain(&WORDS)).expect("a short list of short words")
});

/// The words of [`GLOBAL`] and [`WORDS`], numbered in this order, that `text` has: each as often as it occurs.
fn words_in(text: &[u8]) -> impl Iterator<Item = usize> {
    let mut from = 0;
    let begins = std::iter::from_fn(move || {
        let begin = NEXT.find(Input::new(text).range(from..))?.start();
        from = begin + 1;
        Some(begin)
    });
    begins.flat_map(|begin| {
        let words = AUTOMATON.find_overlapping_iter(&text[begin..text.len().min(begin + LONGEST)]);
        words.filter(|word| word.start() == 0).map(|word| word.pattern().as_usize())
    })
}

/// What code opens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Opens {
    #[default]
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

/// The longest of the words that are looked for, with a byte on either side: what pieces of a file have to share.
pub const LONGEST: usize = 23;

/// A search for what a file opens, through one piece of it after the other.
#[derive(Debug, Default)]
pub struct Search {
    path: String,
    /// Whether the file is an archive.
    archive: bool,
    opens: Opens,
}

impl Search {
    /// Looks through the next piece.
    pub fn look(&mut self, piece: &Piece<'_>) {
        if piece.first {
            self.path = piece.path.to_string();
            self.archive = is_archive(piece.text);
        }
        let found = if self.archive { of_archive(piece.text) } else { of_piece(piece) };
        if matches!((&self.opens, &found), (Opens::Nothing, _) | (_, Opens::Global(_))) {
            self.opens = found;
        }
    }

    /// The path of the file, and what it opens.
    pub fn found(self) -> (String, Opens) {
        (self.path, self.opens)
    }
}

fn of_archive(text: &[u8]) -> Opens {
    let code = memchr::memmem::find(text, b".py").or_else(|| memchr::memmem::find(text, b".js"));
    code.map_or(Opens::Nothing, |_| Opens::Any)
}

fn of_piece(piece: &Piece<'_>) -> Opens {
    let Piece { path, text, .. } = *piece;
    let mut mentions = 0;
    for found in words_in(text) {
        match GLOBAL.get(found) {
            Some(word) => return Opens::Global(word),
            None => mentions += 1,
        }
    }
    if mentions_word(piece, "_imp") || (is_javascript(path) && memchr::memmem::find(text, b"WebAssembly").is_some()) {
        return Opens::Any;
    }
    match mentions {
        0 => Opens::Nothing,
        // What is around a mention may be in another piece.
        _ if piece.is_whole() && (path.ends_with(".py") || path.ends_with(".pyw")) => python::opens(text, mentions),
        _ => Opens::Any,
    }
}

fn is_javascript(path: &str) -> bool {
    ENDINGS[4..].iter().any(|end| path.ends_with(end))
}

/// How many openers `text` mentions.
fn count(text: &[u8]) -> usize {
    words_in(text).count()
}

/// Whether a piece has `word`, not as a part of a longer one. What it begins or ends with is seen whole in the piece beside it.
fn mentions_word(piece: &Piece<'_>, word: &str) -> bool {
    let is_other = |byte: Option<&u8>, at_end: bool| match byte {
        Some(byte) => !byte.is_ascii_alphanumeric() && *byte != b'_',
        None => at_end,
    };
    let byte = |at: Option<usize>| at.and_then(|at| piece.text.get(at));
    memchr::memmem::find_iter(piece.text, word.as_bytes())
        .any(|at| is_other(byte(at.checked_sub(1)), piece.first) && is_other(byte(Some(at + word.len())), piece.last))
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
        for found in words_in(&segment.bytes) {
            let word = GLOBAL.iter().chain(&WORDS).nth(found).expect("a pattern of the automaton");
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

/// Whether a module has words in its data by which it may make symbols visible to other packages.
pub fn shows_symbols(module: &Module<'_>) -> bool {
    GLOBAL.iter().any(|word| in_data(module, word))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_share_the_longest_word() {
        let longest = GLOBAL.iter().chain(&WORDS).map(|word| word.len()).max().unwrap();
        assert_eq!(LONGEST, longest + 2);
    }

    #[test]
    fn words_that_overlap_are_all_found() {
        let words = |text: &str| {
            let all: Vec<&str> = GLOBAL.iter().chain(&WORDS).copied().collect();
            words_in(text.as_bytes()).map(|word| all[word]).collect::<Vec<_>>()
        };
        assert_eq!(words("setdlopenflags"), ["setdlopenflags", "dlopen"]);
        assert_eq!(words("x setdlopenflag RTLD_GLOBA"), ["dlopen"]);
        assert_eq!(words("cdll.cdll loadDynamicLibraryCDLL"), ["cdll", "cdll", "loadDynamicLibrary", "CDLL"]);
        assert_eq!(words(""), [""; 0]);
    }

    /// A word at the edge of a piece is not taken for one that it is the beginning or the end of.
    #[test]
    fn words_are_told_from_longer_ones_at_the_edges_of_pieces() {
        let opens = |pieces: &[&str]| {
            let mut search = Search::default();
            let last = pieces.len() - 1;
            for (at, text) in pieces.iter().enumerate() {
                search.look(&Piece { path: "a.py", text: text.as_bytes(), first: at == 0, last: at == last });
            }
            search.found().1
        };
        assert_eq!(opens(&["x = _imp", " _import", "_import x"]), Opens::Nothing);
        assert_eq!(opens(&["x", "y _imp.x"]), Opens::Any);
        assert_eq!(opens(&["_imp", "x"]), Opens::Nothing);
        assert_eq!(opens(&["x", "x _imp"]), Opens::Any);
        assert_eq!(opens(&["dlopen('a.so')", "RTLD_GLOBAL", "x"]), Opens::Global("RTLD_GLOBAL"));
        assert_eq!(opens(&["dlopen('a.so')"]), Opens::Named(vec!["a.so".to_string()]));
        assert_eq!(opens(&["dlopen('a.so')", "x"]), Opens::Any);
    }
}
