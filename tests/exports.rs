//! Which exports may go, told from what is around a module: roles, code in Python and JavaScript, siblings, names that occur somewhere, and what the
//! user asks for.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use wasm_pyfix::code::Code;
use wasm_pyfix::code::sources::{Source, Sources};
use wasm_pyfix::exports::{Located, Mode, Options, plan};
use wasm_pyfix::pipeline::Plan;
use wasm_pyfix_passes::module::Module;
use wasm_pyfix_passes::prune::Exports;

const EXTENSION: &str = "demo/_ext.abi3.so";
const LIBRARY: &str = "demo.libs/libx-1.so.2";

/// A side module that needs `needed`, imports the functions `imports`, exports `exports` and has `data` in its memory.
fn assemble(needed: &[&str], imports: &[&str], exports: &[&str], data: &str) -> Vec<u8> {
    let join = |names: &[&str], text: fn(&str) -> String| names.iter().map(|name| text(name)).collect::<String>();
    let needed = join(needed, |name| format!(r#"(needed "{name}")"#));
    let imports = join(imports, |name| format!(r#"(import "env" "{name}" (func))"#));
    let exports = join(exports, |name| format!(r#"(func (export "{name}"))"#));
    let text = format!(
        r#"(module (@dylink.0 (mem-info (memory 64 0)) {needed})
        (import "env" "memory" (memory 1)) (import "env" "__memory_base" (global $base i32))
        {imports} {exports} (data (global.get $base) "{data}"))"#
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn extension() -> Vec<u8> {
    assemble(&["libx-1.so.2"], &["wanted"], &["PyInit__ext", "_Z3foov", "_RNvC3foo3bar", "plain"], "")
}

fn library() -> Vec<u8> {
    assemble(&[], &[], &["wanted", "unwanted", "_Z3barv"], "")
}

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_string(), text: text.as_bytes().to_vec() }
}

fn plans(modules: &[(&str, Vec<u8>)], sources: &[Source], options: &Options) -> Vec<Plan> {
    let read: Vec<Module<'_>> = modules.iter().map(|(_, bytes)| Module::read(bytes).unwrap()).collect();
    let located: Vec<Located<'_>> = modules.iter().zip(&read).map(|((path, _), module)| Located { path, module }).collect();
    plan(&located, &mut Code::new(Sources::Files(sources)), options).unwrap()
}

/// The plans of an extension module and a library that it needs, which lies at `library`, beside one Python file.
fn wheel(library_path: &str, python: &str) -> [Plan; 2] {
    let modules = [(EXTENSION, extension()), (library_path, library())];
    plans(&modules, &[source("demo/load.py", python)], &Options::default()).try_into().unwrap()
}

fn exports(plans: &[Plan]) -> Vec<Exports> {
    plans.iter().map(|plan| plan.exports).collect()
}

/// Both modules keep everything, for a reason that mentions `why`.
#[track_caller]
fn assert_all_stay(plans: &[Plan], why: &str) {
    assert_eq!(exports(plans), [Exports::Keep, Exports::Keep], "{plans:?}");
    assert!(plans.iter().all(|plan| plan.why.contains(why)), "{plans:?}");
}

#[test]
fn roles_decide_what_may_go() {
    let plans = wheel(LIBRARY, "import demo._ext\n");
    assert_eq!(exports(&plans), [Exports::PruneMangled, Exports::Prune]);
    assert!(plans[0].why.contains("plain C names"), "{plans:?}");
    // Outside of `*.libs` a library may be there for other packages, too.
    let plans = wheel("demo/libx-1.so.2", "");
    assert_eq!(exports(&plans), [Exports::PruneMangled, Exports::Keep]);
    assert!(plans[1].why.contains("library"), "{plans:?}");
}

#[test]
fn a_library_that_nobody_needs_keeps_all() {
    let unneeded = plans(&[(LIBRARY, library())], &[], &Options::default());
    assert_eq!(exports(&unneeded), [Exports::Keep]);
}

#[test]
fn every_kind_of_entry_makes_an_extension_module() {
    for entry in ["PyInit_x", "PyInitU_x", "PyModExport_x"] {
        let modules = [("x.so", assemble(&[], &[], &[entry, "_Z1fv"], ""))];
        assert_eq!(exports(&plans(&modules, &[], &Options::default())), [Exports::PruneMangled], "{entry}");
    }
}

#[test]
fn modes_decide_for_extension_modules_and_all_for_everything() {
    let modules = [(EXTENSION, extension()), (LIBRARY, library()), ("libother.so", library())];
    let of = |mode| exports(&plans(&modules, &[], &Options { mode, ..Options::default() }));
    assert_eq!(of(Mode::Auto), [Exports::PruneMangled, Exports::Prune, Exports::Keep]);
    assert_eq!(of(Mode::Pyinit), [Exports::Prune, Exports::Prune, Exports::Keep]);
    assert_eq!(of(Mode::All), [Exports::Keep; 3]);
}

/// As clingo does, whose 256 C functions others use.
#[test]
fn symbols_that_are_made_global_stay() {
    assert_all_stay(&wheel(LIBRARY, "import os, sys\nsys.setdlopenflags(os.RTLD_NOW | flag)\n"), "`setdlopenflags`");
    assert_all_stay(&wheel(LIBRARY, "flags = os.RTLD_LAZY | os.RTLD_GLOBAL\n"), "`RTLD_GLOBAL`");
    let [extension, _] = wheel(LIBRARY, "sys.setdlopenflags(2)\n");
    assert!(extension.why.contains("`demo/load.py`"), "{extension:?}");
}

#[test]
fn bytecode_counts_as_python() {
    let modules = [(EXTENSION, extension()), (LIBRARY, library())];
    let bytecode = Source { path: "demo/load.pyc".to_string(), text: b"\xf3\r\r\n\0\0\xda\x0esetdlopenflags\xda".to_vec() };
    assert_all_stay(&plans(&modules, &[bytecode], &Options::default()), "`demo/load.pyc`");
}

#[test]
fn what_python_opens_by_its_name_keeps_all() {
    for python in [
        "lib = ctypes.CDLL('libx-1.so.2')\n",
        "lib = ctypes.cdll.LoadLibrary(os.path.join(os.path.dirname(__file__), '..', 'demo.libs', 'libx-1.so.2'))\n",
        "lib = ffi.dlopen('demo.libs/libx-1.so.2')\n",
        "lib = ctypes.PyDLL('libx-1.so')\n",
        "lib = cdll[os.path.join(here, 'libx-1.so')]\n",
        "lib = CDLL(str(here / 'demo.libs' / 'libx-1.so.2'), use_errno=True)\n",
        "lib = CDLL(here + '/libx-1.so.2',)\n",
        "from ctypes import (c_int,\n    CDLL)\nfrom ctypes import cdll; lib = CDLL(\n    r\"libx-1.so.2\"\n)\n",
        "lib = CDLL(os.path.abspath(Path(here, 'libx-1.so.2')))\n",
    ] {
        let plans = wheel(LIBRARY, python);
        assert_eq!(exports(&plans), [Exports::PruneMangled, Exports::Keep], "{python}");
        assert!(plans[1].why.contains("`demo/load.py` opens libx-1.so.2"), "{python}: {plans:?}");
    }
}

/// As pycryptodome does, which puts names together and tries suffixes.
#[test]
fn what_python_opens_by_a_computed_name_may_be_any_module() {
    for python in [
        "def load(name, cdecl):\n    return ctypes.CDLL(pycryptodome_filename(parts, name + ext))\n",
        "lib = ffi.dlopen(path)\n",
        "lib = ctypes.cdll.LoadLibrary(next(pathlib.Path(__file__).parent.glob('*.so')))\n",
        "lib = ctypes.pydll.LoadLibrary(sys.argv[1])\n",
        "lib = ctypes.PyDLL('libx-1' + suffix)\n",
        "lib = ctypes.cdll[os.path.join(here, 'lib' + 'x-1' + '.so')]\n",
        // The name of a module is not that of its file.
        "from demo import _ext\nlib = ctypes.CDLL(os.path.join(path, name))\n",
    ] {
        assert_all_stay(&wheel(LIBRARY, python), "opens some library");
    }
}

/// Behind an opener that names its file literally there may be others.
#[test]
fn one_literal_name_hides_no_computed_one() {
    for other in [
        "CDLL(f'lib{kind}.so')",
        "CDLL('lib%s.so' % kind)",
        "CDLL('lib{}.so'.format(kind))",
        "CDLL('lib' + 'x.so')",
        "CDLL('lib' 'y.so')",
        "CDLL('libx-1.so' if found else name)",
        "CDLL(names['libx-1.so'])",
        "CDLL(find('libx-1.so'))",
        "CDLL('\\x6cib.so')",
        "CDLL(name='libx-1.so')",
        "CDLL('libx-1.so', 256)",
        "CDLL('libx-1.so', mode=mode)",
        "CDLL('libof-another-package.so')",
        "CDLL(None)",
        "Path('a').joinpath(CDLL('libx-1.so'), open_one(CDLL))",
        "load = CDLL",
        "class Library(CDLL): pass",
        "getattr(ctypes, 'CDLL')(name)",
        "cdll[name]",
        "cdll.name",
        "f\"{names[\"#\"]}\"; CDLL(name)",
        "# CDLL",
    ] {
        let python = format!("lib = CDLL('libx-1.so.2')\nother = {other}\n");
        assert_all_stay(&wheel(LIBRARY, &python), "opens some library");
        assert_all_stay(&wheel(LIBRARY, &format!("other = {other}\nlib = CDLL('libx-1.so.2')\n")), "opens some library");
    }
    assert_all_stay(&wheel(LIBRARY, "from ctypes import CDLL as load\nlib = load(name)\n"), "opens some library");
}

/// Each is another way of opening libraries, or of finding symbols in those that are open.
#[test]
fn every_opener_counts() {
    for python in [
        "load = ctypes.WinDLL\n",
        "load = ctypes.OleDLL\n",
        "load = ctypes.LibraryLoader(kind)\n",
        "ctypes.pythonapi[name]()\n",
        "lib = numpy.ctypeslib.load_library('libx-1', here)\n",
        "lib = _cffi_backend.load_library(path)\n",
        "path = ctypes.util.find_library(name)\n",
        "lib = _ctypes.dlopen(path, 2)\n",
        "address = _ctypes.dlsym(handle, name)\n",
        "loader = importlib.machinery.ExtensionFileLoader(name, path)\n",
        "module = importlib._bootstrap._call(_imp.create_dynamic, spec)\n",
        "import _imp as loader\n",
        "imp.load_dynamic(name, path)\n",
        "connection.enable_load_extension(True)\n",
        "tf.load_op_library(path)\n",
        "pyodide_js._api.loadDynlib(path)\n",
        "js.pyodide._module.loadDynamicLibrary(path)\n",
        "run_js('pyodide._module.LDSO')\n",
    ] {
        assert_all_stay(&wheel(LIBRARY, python), "opens some library");
    }
    let plans = wheel(LIBRARY, "from demo import simple_imp\nWebAssembly = None\n");
    assert_eq!(exports(&plans), [Exports::PruneMangled, Exports::Prune], "names that only end like an opener");
}

#[test]
fn code_of_all_kinds_is_looked_at() {
    for (path, text) in [
        ("demo/page.html", "<script>module.loadWebAssemblyModule(bytes)</script>"),
        ("demo/widget.mjs", "Module._dlopen(path, flags)"),
        ("demo/widget.js", "new WebAssembly.Instance(module, imports)"),
        ("demo/load.pth", "import ctypes; ctypes.CDLL(path)"),
        ("demo-1.0.data/scripts/tool", "#!python\nctypes.CDLL('libx-1.so')"),
        // Compiled Python does not say where a name is used.
        ("demo/load.pyc", "\x03\r\r\n\0\0z\x04CDLLz\x0blibx-1.so.2"),
        ("demo/code.zip", "PK\x03\x04compressed PK\x01\x02 code/load.py"),
    ] {
        let modules = [(EXTENSION, extension()), (LIBRARY, library())];
        assert_all_stay(&plans(&modules, &[source(path, text)], &Options::default()), "opens some library");
    }
}

#[test]
fn files_with_code_are_known_by_endings_places_and_first_bytes() {
    use wasm_pyfix::code::openers::is_code;
    for path in ["a.py", "p/a.pyc", "a.pth", "a.pyw", "a.js", "a.mjs", "a.cjs", "a.html", "a.data/scripts/tool", "p/bin/tool"] {
        assert!(is_code(path, b"text"), "{path}");
    }
    assert!(is_code("p/tool", b"#!/u") && is_code("p/code.bin", b"PK\x03\x04"));
    assert!(!is_code("p/tool", b"text") && !is_code("p/a.so", b"\0asm") && !is_code("p/bin/tool", b"\0asm"));
}

/// Code in Cython, cffi or C may call Python or JavaScript to open libraries.
#[test]
fn modules_that_mention_an_opener_may_open_any_module() {
    for data in ["ctypesCDLLlib", "setdlopenflags", "os.RTLD_GLOBAL", "Module.loadDynamicLibrary(path)", "ctypes\\00cdll"] {
        let mentions = assemble(&[], &[], &["PyInit_reader"], data);
        let modules = [(EXTENSION, extension()), (LIBRARY, library()), ("demo/reader.so", mentions)];
        let plans = plans(&modules, &[], &Options::default());
        assert_eq!(exports(&plans), [Exports::Keep; 3], "{data}");
        assert!(plans[1].why.contains("`reader.so` mentions"), "{plans:?}");
    }
    // MuPDF's data has these letters by chance.
    let chance = assemble(&[], &[], &["PyInit_reader"], "mcdlld");
    let modules = [(EXTENSION, extension()), (LIBRARY, library()), ("demo/reader.so", chance)];
    assert_eq!(exports(&plans(&modules, &[], &Options::default()))[1], Exports::Prune);
}

/// Cython compresses the names that a module uses; the second text begins like what its own compression makes of them.
#[test]
fn modules_with_compressed_strings_may_open_any_module() {
    let of = |data: &str| {
        let modules = [(EXTENSION, extension()), (LIBRARY, library()), ("demo/m.so", assemble(&[], &[], &["PyInit_m"], data))];
        plans(&modules, &[], &Options::default())
    };
    for data in ["zlib\\00cython_runtime\\00\\78\\da\\75\\92", "\\bf?This \\00\\00a\\ff rather \\ffnames of\\ff"] {
        let plans = of(data);
        assert_eq!(exports(&plans), [Exports::Keep; 3], "{data}");
        assert!(plans[1].why.contains("`m.so` keeps its strings compressed"), "{plans:?}");
    }
    let plain = of("cython_runtime\\00__main__cline_in_tracebacknames");
    assert_eq!(exports(&plain), [Exports::PruneMangled, Exports::Prune, Exports::PruneMangled]);
}

#[test]
fn a_module_that_looks_symbols_up_keeps_all_of_its_wheel() {
    for function in ["dlopen", "dlsym", "emscripten_dlopen_promise", "_dlsym_js"] {
        let finder = assemble(&[], &[function], &["PyInit_finder"], "");
        let modules = [(EXTENSION, extension()), (LIBRARY, library()), ("demo/finder.so", finder)];
        let plans = plans(&modules, &[], &Options::default());
        assert_eq!(exports(&plans), [Exports::Keep; 3]);
        assert!(plans[1].why.contains(&format!("`finder.so` imports `{function}`")), "{plans:?}");
    }
}

#[test]
fn names_that_occur_stay() {
    let reader = assemble(&[], &[], &["PyInit_reader"], "call of unwanted\\00");
    let modules = [(EXTENSION, extension()), (LIBRARY, library()), ("demo/reader.so", reader)];
    let python = [source("demo/names.py", "NAMES = ['_Z3foov']\n")];
    let plans = plans(&modules, &python, &Options::default());
    assert_eq!(plans[0].kept.get("_Z3foov"), Some(&"its name occurs in code"));
    assert_eq!(plans[1].kept.get("unwanted"), Some(&"its name occurs in the data of a module"));
    assert!(!plans[0].kept.contains_key("_RNvC3foo3bar") && !plans[1].kept.contains_key("_Z3barv"), "{plans:?}");
}

#[test]
fn names_that_are_asked_for_stay() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, contents: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, contents).unwrap();
        path
    };
    let list = file("list", b"# what others call\nunwanted  # since 1.0\n\n_Z3*\n");
    let importer = file("importer.so", &assemble(&[], &["unwanted", "what[ever]"], &[], ""));
    let kept = |globs: &[&str], file: Option<&Path>| {
        let globs: Vec<String> = globs.iter().map(|glob| glob.to_string()).collect();
        let options = Options::new(Mode::Auto, &globs, file).unwrap();
        let plans = plans(&[(EXTENSION, extension()), (LIBRARY, library())], &[], &options);
        let names = plans.iter().flat_map(|plan| plan.kept.iter());
        assert!(names.clone().all(|(_, why)| *why == "asked for"), "{plans:?}");
        names.map(|(name, _)| name.clone()).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(kept(&[], None), "");
    assert_eq!(kept(&["un*"], None), "unwanted");
    assert_eq!(kept(&[], Some(&list)), "_Z3barv _Z3foov unwanted");
    assert_eq!(kept(&["_R*"], Some(&importer)), "_RNvC3foo3bar unwanted");
}

#[test]
fn patterns_and_files_that_cannot_be_read_are_errors() {
    let message = |globs: &[String], file: Option<&Path>| format!("{:#}", Options::new(Mode::Auto, globs, file).unwrap_err());
    assert!(message(&["[".to_string()], None).contains("`[` is no pattern"));
    assert!(message(&[], Some(Path::new("no/such/file"))).contains("no/such/file: cannot read the names of exports to keep"));
    let mut binary = tempfile::NamedTempFile::new().unwrap();
    binary.write_all(b"\x7fELF\xff").unwrap();
    assert!(message(&[], Some(binary.path())).contains("cannot read the names"));
}

/// The names that `file` exports once the tool has run over it with `arguments`.
fn exported(file: &[u8], arguments: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let (input, output) = (directory.path().join("in.so"), directory.path().join("out.so"));
    std::fs::write(&input, file).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"));
    let result = command.arg(&input).arg("-o").arg(&output).args(arguments).current_dir(directory.path()).output().unwrap();
    assert!(result.status.success(), "{}", String::from_utf8_lossy(&result.stderr));
    let bytes = std::fs::read(&output).unwrap();
    let module = Module::read(&bytes).unwrap();
    module.exports().iter().map(|export| &*export.name).collect::<Vec<_>>().join(" ")
}

/// `what` is exported by nobody else, so that nothing but the options decides.
#[test]
fn options_decide_for_a_single_module() {
    let module = assemble(&[], &[], &["PyInit__ext", "_Z3foov", "_RNvC3foo3bar", "plain"], "");
    let all = "PyInit__ext _Z3foov _RNvC3foo3bar plain";
    assert_eq!(exported(&module, &[]), "PyInit__ext plain");
    assert_eq!(exported(&module, &["--exports", "auto"]), "PyInit__ext plain");
    assert_eq!(exported(&module, &["--exports", "pyinit"]), "PyInit__ext");
    assert_eq!(exported(&module, &["--exports", "pyinit", "--keep-export", "*oo*"]), "PyInit__ext _Z3foov _RNvC3foo3bar");
    for nothing in [&["--exports", "all"][..], &["-O0"], &["--no-prune"], &["-O0", "--exports", "pyinit"]] {
        assert_eq!(exported(&module, nothing), all, "{nothing:?}");
    }
    let library = assemble(&[], &[], &["_Z3foov", "plain"], "");
    assert_eq!(exported(&library, &["--exports", "pyinit"]), "_Z3foov plain");
}

/// Whoever imports a name may be in a wheel, or anywhere in a directory.
#[test]
fn wheels_and_directories_tell_what_is_needed() {
    let module = assemble(&[], &[], &["PyInit__ext", "_Z3foov", "_Z3barv"], "");
    let importer =
        |name: &str| wat::parse_str(format!(r#"(module (@dylink.0 (mem-info)) (import "env" "{name}" (func)))"#)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file("p/m.so", zip::write::SimpleFileOptions::default()).unwrap();
    writer.write_all(&importer("_Z3foov")).unwrap();
    std::fs::create_dir(directory.path().join("sub")).unwrap();
    let wheel = directory.path().join("sub/x.whl");
    std::fs::write(&wheel, writer.finish().unwrap().into_inner()).unwrap();
    let from = |path: &Path| exported(&module, &["--keep-exports-from", path.to_str().unwrap()]);
    assert_eq!(from(&wheel), "PyInit__ext _Z3foov");
    std::fs::write(directory.path().join("y.so"), importer("_Z3barv")).unwrap();
    std::fs::write(directory.path().join("z.so"), "INPUT(libz.so)\n").unwrap();
    assert_eq!(from(directory.path()), "PyInit__ext _Z3foov _Z3barv");
}
