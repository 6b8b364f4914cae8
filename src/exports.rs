//! Which exports of side modules may go, told from what is around them: the names in a wheel, its Python sources, its other modules.
//!
//! Nothing in a module says who uses its exports. So an export goes only where everybody who could use it is known:
//!
//! - An **extension module** (it has a `PyInit_` function) is loaded by Python for that function. Its C++ and Rust names go; plain C names
//!   go only when asked for (`--exports pyinit`), since some extensions serve others as a library.
//! - A **library** in a `*.libs` directory of a wheel, where repair tools put them, that another module of the wheel needs, belongs to
//!   that wheel alone: its exports go as far as no sibling imports them.
//! - Every **other module** keeps all: another package may need it.
//!
//! A module keeps everything when something finds symbols at run time: Python sources that mention `setdlopenflags` or `RTLD_GLOBAL`
//! (then symbols of one package are visible to others), that open it by ctypes or cffi, and siblings that import `dlopen` or `dlsym`. And
//! a name that occurs in a Python file or in the data of a module stays, whoever it belongs to.

use aho_corasick::AhoCorasick;
use anyhow::{Context, Result};
use clap::ValueEnum;
use globset::{Glob, GlobSet, GlobSetBuilder};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use wasm_pyfix_passes::module::Module;
use wasm_pyfix_passes::prune::Exports;

use crate::wheel::runtime_path::{base_name, directory};
use crate::wheel::sources::Sources;

/// Which exports of an extension module go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Those with names that C++ and Rust have mangled
    #[default]
    Auto,
    /// All that neither Python nor the loader looks up
    Pyinit,
    /// None, of whatever module
    All,
}

/// What the user asks for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Which exports go.
    pub mode: Mode,
    /// Names that stay.
    pub keep: GlobSet,
}

/// A side module and where it lies.
#[derive(Debug, Clone, Copy)]
pub struct Located<'m> {
    /// Path in the wheel, or the name of the file.
    pub path: &'m str,
    pub module: &'m Module<'m>,
}

/// A file of Python code, as source or bytecode.
#[derive(Debug, Clone)]
pub struct Source {
    pub path: String,
    pub text: Vec<u8>,
}

/// What may go of one module.
#[derive(Debug, Clone)]
pub struct Plan {
    pub exports: Exports,
    /// Why no other exports go.
    pub why: String,
    /// Names that stay, each with the reason.
    pub kept: HashMap<String, &'static str>,
}

impl Options {
    /// Reads what `--exports`, `--keep-export` and `--keep-exports-from` say.
    ///
    /// # Errors
    /// A glob that makes no sense, or a file that cannot be read.
    pub fn new(mode: Mode, globs: &[String], file: Option<&Path>) -> Result<Self> {
        let mut keep = GlobSetBuilder::new();
        for glob in globs {
            keep.add(parse_glob(glob)?);
        }
        if let Some(path) = file {
            let context = || format!("{}: cannot read the names of exports to keep", path.display());
            let bytes = std::fs::read(path).with_context(context)?;
            for glob in names_in(&bytes).with_context(context)? {
                keep.add(parse_glob(&glob).with_context(context)?);
            }
        }
        Ok(Options { mode, keep: keep.build()? })
    }
}

fn parse_glob(glob: &str) -> Result<Glob> {
    Glob::new(glob).with_context(|| format!("`{glob}` is no pattern"))
}

/// The names that a list mentions, one in a line, or that a side module imports.
fn names_in(bytes: &[u8]) -> Result<Vec<String>> {
    if bytes.starts_with(b"\0asm") {
        let module = Module::read(bytes)?;
        return Ok(module.imports().iter().map(|import| globset::escape(&import.field)).collect());
    }
    let text = std::str::from_utf8(bytes)?;
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    Ok(lines.filter(|line| !line.is_empty()).map(str::to_string).collect())
}

/// Decides for each of `modules`, which are all modules of a wheel or a single one, what may go. `sources` is all Python code beside them.
///
/// # Errors
/// When there are too many names to search for.
pub fn plan(modules: &[Located<'_>], sources: &Sources<'_>, options: &Options) -> Result<Vec<Plan>> {
    let words = Words::new(modules)?;
    let found = sources.map(|source| words.find(source))?;
    let everything = keeps_everything(modules, &found);
    let opened = opened_by_name(modules, &found);
    let needed: HashSet<&str> =
        modules.iter().flat_map(|module| &module.module.dylink.needed).map(|name| base_name(name)).collect();
    let mut plans: Vec<Plan> = (modules.iter().zip(opened))
        .map(|(module, opened)| {
            let (exports, why) = match &everything {
                _ if options.mode == Mode::All => (Exports::Keep, "`--exports all`".to_string()),
                Some(why) => (Exports::Keep, why.clone()),
                None => opened.map_or_else(|| of_role(module, &needed, options.mode), |why| (Exports::Keep, why)),
            };
            Plan { exports, why, kept: HashMap::new() }
        })
        .collect();
    let mentioned = mentioned(modules, &plans, sources)?;
    for (plan, module) in plans.iter_mut().zip(modules).filter(|(plan, _)| plan.exports != Exports::Keep) {
        for export in module.module.exports() {
            let name = &*export.name;
            if options.keep.is_match(name) {
                plan.kept.insert(name.to_string(), "asked for");
            } else if let Some(why) = mentioned.get(name) {
                plan.kept.insert(name.to_string(), why);
            }
        }
    }
    Ok(plans)
}

/// What may go of a module by what it is.
fn of_role(module: &Located<'_>, needed: &HashSet<&str>, mode: Mode) -> (Exports, String) {
    let is_extension = module.module.exports().iter().any(|export| is_entry(&export.name));
    match mode {
        _ if is_private(module.path) && needed.contains(base_name(module.path)) => (Exports::Prune, String::new()),
        Mode::Pyinit if is_extension => (Exports::Prune, String::new()),
        _ if is_extension => (Exports::PruneMangled, "plain C names, which other packages may import".to_string()),
        _ => (Exports::Keep, "a library, which other packages may need".to_string()),
    }
}

fn is_entry(name: &str) -> bool {
    ["PyInit_", "PyInitU_", "PyModExport_"].iter().any(|prefix| name.starts_with(prefix))
}

/// Whether `path` is in a directory in which repair tools put the libraries of one wheel.
fn is_private(path: &str) -> bool {
    directory(path).split('/').any(|part| part.ends_with(".libs"))
}

/// Words that show symbols to other packages.
const SHOWING: [&str; 2] = ["setdlopenflags", "RTLD_GLOBAL"];
/// Words of code that opens libraries.
const OPENING: [&str; 5] = ["CDLL", "PyDLL", "LoadLibrary", "dlopen(", "cdll."];

/// What is looked for in the sources, all at once: the words above, and the names of the files of the modules.
struct Words {
    automaton: AhoCorasick,
    /// For each pattern behind the words, the modules that it names.
    modules: Vec<Vec<usize>>,
}

/// What one source has of them.
struct Found {
    path: String,
    shows: [bool; SHOWING.len()],
    opens: bool,
    /// The modules that it names, if it opens any.
    modules: Vec<usize>,
}

impl Words {
    /// The file name of a module may occur with or without what follows `.so` or stands before it (`.2`, `.abi3`). The name without an
    /// extension may be anything, the name of a Python module for instance.
    fn new(modules: &[Located<'_>]) -> Result<Self> {
        let mut named: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, module) in modules.iter().enumerate() {
            let name = base_name(module.path);
            let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
            named.entry(name.to_string()).or_default().push(index);
            named.entry(format!("{stem}.so")).or_default().push(index);
        }
        let words = SHOWING.iter().chain(&OPENING).copied().chain(named.keys().map(String::as_str));
        let automaton = AhoCorasick::new(words).context("too many modules")?;
        Ok(Words { automaton, modules: named.into_values().collect() })
    }

    fn find(&self, source: &Source) -> Found {
        let mut has = vec![false; self.automaton.patterns_len()];
        self.automaton.find_overlapping_iter(&source.text).for_each(|found| has[found.pattern().as_usize()] = true);
        let (words, names) = has.split_at(SHOWING.len() + OPENING.len());
        let (shows, opens) = words.split_at(SHOWING.len());
        let opens = opens.contains(&true);
        let named = self.modules.iter().zip(names).filter(|(_, has)| opens && **has);
        let modules: BTreeSet<usize> = named.flat_map(|(modules, _)| modules.iter().copied()).collect();
        Found {
            path: source.path.clone(),
            shows: std::array::from_fn(|word| shows[word]),
            opens,
            modules: modules.into_iter().collect(),
        }
    }
}

/// Why all modules keep everything, if they do.
fn keeps_everything(modules: &[Located<'_>], sources: &[Found]) -> Option<String> {
    for (word, name) in SHOWING.iter().enumerate() {
        if let Some(source) = sources.iter().find(|source| source.shows[word]) {
            return Some(format!("`{}` mentions `{name}`, which shows symbols to other packages", source.path));
        }
    }
    for module in modules {
        // Calling it and taking its address come from different import modules.
        let finds = |name: &&str| module.module.imports().iter().any(|import| import.field == **name);
        if let Some(name) = ["dlopen", "dlsym"].iter().find(|name| finds(name)) {
            return Some(format!("`{}` imports `{name}` and may look up any symbol", base_name(module.path)));
        }
    }
    None
}

/// For each module, why Python may find its symbols by their names. A file that opens libraries and names no file of a module may open any
/// of them: it puts names together.
fn opened_by_name(modules: &[Located<'_>], sources: &[Found]) -> Vec<Option<String>> {
    let any = sources.iter().position(|source| source.opens && source.modules.is_empty());
    let mut opened = vec![None; modules.len()];
    for (number, source) in sources.iter().enumerate() {
        for &index in &source.modules {
            // What a source before it says of all modules comes first.
            if any.is_none_or(|any| number < any) {
                let what = base_name(modules[index].path);
                opened[index].get_or_insert_with(|| format!("`{}` opens {what} and may look up any symbol", source.path));
            }
        }
    }
    if let Some(any) = any {
        let why = format!("`{}` opens some library and may look up any symbol", sources[any].path);
        for opened in &mut opened {
            opened.get_or_insert_with(|| why.clone());
        }
    }
    opened
}

/// The exports whose names occur in Python code or in the data of a module.
fn mentioned(modules: &[Located<'_>], plans: &[Plan], sources: &Sources<'_>) -> Result<HashMap<String, &'static str>> {
    let prunable = modules.iter().zip(plans).filter(|(_, plan)| plan.exports != Exports::Keep);
    let names: HashSet<&str> = prunable.flat_map(|(module, _)| module.module.exports()).map(|export| &*export.name).collect();
    // A fixed order, so that automata are the same in every run.
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_unstable();
    let automaton = AhoCorasick::new(&names).context("too many exports")?;
    // Flags, for lists of what each file has would take memory in the product of files and names.
    let search = |found: &[AtomicBool], text: &[u8]| {
        automaton.find_overlapping_iter(text).for_each(|name| found[name.pattern().as_usize()].store(true, Ordering::Relaxed));
    };
    let nothing = || names.iter().map(|_| AtomicBool::new(false)).collect::<Vec<_>>();
    let (in_python, in_data) = (nothing(), nothing());
    sources.map(|source| search(&in_python, &source.text))?;
    modules.par_iter().for_each(|module| module.module.data().iter().for_each(|segment| search(&in_data, &segment.bytes)));
    let why = |python: bool, data: bool| match (python, data) {
        (true, _) => Some("its name occurs in Python code"),
        (false, true) => Some("its name occurs in the data of a module"),
        (false, false) => None,
    };
    let found = names.iter().zip(in_python.into_iter().zip(in_data));
    let found = found.filter_map(|(name, (python, data))| Some((name.to_string(), why(python.into_inner(), data.into_inner())?)));
    Ok(found.collect())
}
