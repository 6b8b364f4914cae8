//! Random programs as wheels whose private libraries are isolated, all in one process and under the same names: each leaves the trace that the
//! whole program leaves by itself on Pyodide 0.27.7.

use std::path::{Path, PathBuf};

use support::{Job, Node, Runtime, run_jobs, wheel};
use wasm_pyfix::cli;
use wasm_pyfix::run::InMemory;
use wasm_pyfix_passes::module::Module;

use crate::{assert_same, programs, seeds, split, traces};

/// Seeds that always run, all in one process.
const SEEDS: std::ops::Range<u64> = 0..30;

/// Loads the first extension module of all wheels, then the second one, and runs the programs.
const PYTHON: &str = "
import ctypes, importlib
def load(seed, name):
    return ctypes.CDLL(f'{importlib.import_module(f\"p{seed}\").__path__[0]}/{name}.abi3.so')
first = {seed: load(seed, 'a') for seed in SEEDS}
last = {seed: load(seed, 'b') for seed in reversed(SEEDS)}
lines = []
for seed in SEEDS:
    library = last[seed]
    library.run.restype = ctypes.c_uint32
    result = library.run()
    events = (ctypes.c_int32 * library.count()).from_address(library.events())
    agreed = '' if first[seed].check() == library.check() == AGREED else ' the modules have different addresses'
    lines.append(f'{seed}: {result} ' + ' '.join(map(str, events)) + agreed)
'\\n'.join(lines)
";

/// The wheel of a program, written into `directory`.
fn built(directory: &Path, seed: u64) -> PathBuf {
    let package = format!("p{seed}");
    let assemble = |(path, text): (String, String)| {
        let module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{path}: {error}\n{text}"));
        (path, module)
    };
    let modules: Vec<(String, Vec<u8>)> = split::wheel(seed, &package).into_iter().map(assemble).collect();
    let start = format!("{package}/__init__.py");
    let mut files: Vec<(&str, &[u8])> = modules.iter().map(|(path, module)| (path.as_str(), module.as_slice())).collect();
    files.push((&start, b""));
    wheel::write(directory, &package, "pyodide_2024_0", &files)
}

/// What the tool makes of `wheels` for `runtime`, written into `directory`.
fn upgraded(wheels: &[PathBuf], runtime: Runtime, directory: &Path) -> Vec<PathBuf> {
    let words = ["wasm-pyfix", "upgrade", "--dry-run", "--quiet", "./input", "--target", runtime.platform()];
    let args = cli::upgrade_args(words).unwrap_or_else(|error| panic!("{error}"));
    let mut tool = InMemory::new(&args).unwrap_or_else(|error| panic!("{error:#}"));
    let upgrade = |wheel: &PathBuf| {
        let name = wheel.file_name().unwrap().to_str().unwrap();
        let (report, bytes) = tool.upgrade(name, &std::fs::read(wheel).unwrap());
        assert!(report.error.is_none(), "{name}: {:?}", report.error);
        let path = directory.join(name);
        std::fs::write(&path, bytes.expect("there is work to do")).unwrap();
        path
    };
    wheels.iter().map(upgrade).collect()
}

/// So many names of symbols and of tables does the library `name` of the wheel of a program export.
fn own_names(wheel: &Path, seed: u64, name: &str) -> (usize, usize) {
    let bytes = wheel::entry(wheel, &format!("p{seed}.libs/{name}"));
    let module = Module::read(&bytes).unwrap();
    let own = module.exports().iter().filter(|export| export.name.starts_with('$'));
    let (tables, symbols): (Vec<_>, Vec<_>) = own.partition(|export| export.name.contains(':'));
    (symbols.len(), tables.len())
}

#[test]
fn programs_in_isolated_wheels_leave_the_trace_of_the_whole() {
    let programs = programs(seeds(SEEDS));
    let expected = traces(Node::Installed, Runtime::V0_27_7, &programs, |program| program.module.clone());
    let seeds: Vec<u64> = programs.iter().map(|program| program.seed).collect();
    let directory = tempfile::tempdir().unwrap();
    let wheels: Vec<PathBuf> = seeds.iter().map(|seed| built(directory.path(), *seed)).collect();
    let python = PYTHON.replace("SEEDS", &format!("{seeds:?}")).replace("AGREED", &split::AGREED.to_string());
    for runtime in [Runtime::V0_29_5, Runtime::V314_0_7] {
        let results = tempfile::tempdir().unwrap();
        let unpacked = upgraded(&wheels, runtime, results.path());
        let mut by_name = 0;
        for (wheel, seed) in unpacked.iter().zip(&seeds) {
            let [base, more] = ["libbase.so", "libmore.so"].map(|name| own_names(wheel, *seed, name));
            assert_eq!((base.1, more.1), (1, 1), "{seed}");
            by_name += base.0 + more.0;
        }
        // Or else nothing is said of libraries that are used both ways.
        assert!(by_name > 0);
        let job = Job { unpacked, ..Job::new("programs", python.as_str()) };
        let answer = run_jobs(Node::Installed, runtime, &[job]).unwrap().remove(0);
        let text = answer.outcome.unwrap_or_else(|error| panic!("{}: {error}", runtime.version()));
        assert_same(&expected, &text.lines().map(str::to_string).collect::<Vec<_>>(), runtime.version());
    }
}
