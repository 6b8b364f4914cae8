//! Which exports of side modules may go, told from what is around them: the names in a wheel, its code in Python and JavaScript, its other modules.
//!
//! Nothing in a module says who uses its exports. So an export goes only where everybody who could use it is known:
//!
//! - An **extension module** (it has a function by which Python loads it, `PyInit_…`, `PyInitU_…` or `PyModExport_…`) is loaded for that function. Its C++ and Rust names go; plain C names
//!   go only when asked for (`--exports pyinit`), since some extensions serve others as a library.
//! - A **library** in a `*.libs` directory of a wheel, where repair tools put them, that another module of the wheel needs, belongs to
//!   that wheel alone: its exports go as far as no sibling imports them.
//! - Every **other module** keeps all: another package may need it. Where all who could are known, they are asked ([`crate::closed`]).
//!
//! A module keeps everything when something finds symbols at run time: code that mentions `setdlopenflags` or `RTLD_GLOBAL` (then
//! symbols of one package are visible to others), code that opens it, and siblings that may open any library ([`openers`]). And a name
//! that occurs in code or in the data of a module stays, whoever it belongs to.

use anyhow::{Context, Result};
use clap::ValueEnum;
use globset::{Glob, GlobSet, GlobSetBuilder};
use rayon::prelude::*;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;
use wasm_pyfix_passes::linking::mangling::is_mangled;
use wasm_pyfix_passes::linking::python::is_extension;
use wasm_pyfix_passes::module::Module;
use wasm_pyfix_passes::prune::{self, Exports, Member};

use crate::archive::Archive;
use crate::closed::Others;
use crate::code::Code;
use crate::code::openers::{self, Opens};
use crate::loader::{base_name, directory};
use crate::pipeline::Plan;
use crate::plugins;
use crate::tree::{self, Tree};
use crate::wheel::contents;

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
    /// What others say, where all who may use the modules are known.
    pub others: Option<Others>,
}

/// A side module and where it lies.
#[derive(Debug, Clone, Copy)]
pub struct Located<'m> {
    /// Path in the wheel, or the name of the file.
    pub path: &'m str,
    pub module: &'m Module<'m>,
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
            for glob in names_from(path).with_context(context)? {
                keep.add(parse_glob(&glob).with_context(context)?);
            }
        }
        Ok(Options { mode, keep: keep.build()?, others: None })
    }
}

fn parse_glob(glob: &str) -> Result<Glob> {
    Glob::new(glob).with_context(|| format!("`{glob}` is no pattern"))
}

/// The names that the file at `path` mentions, or that the modules in the directory do.
fn names_from(path: &Path) -> Result<BTreeSet<String>> {
    if !path.is_dir() {
        return Ok(names_in(&std::fs::read(path)?)?.into_iter().collect());
    }
    let tree = Tree::read(path)?;
    let mut names = BTreeSet::new();
    for name in tree.names(tree::Kind::File).filter(|name| contents::is_module_name(name) || is_archive(name)) {
        let bytes = tree.contents(&name)?;
        if bytes.starts_with(b"\0asm") || is_archive(&name) {
            names.extend(names_in(&bytes).with_context(|| format!("`{name}`"))?);
        }
    }
    Ok(names)
}

fn is_archive(name: &str) -> bool {
    [".whl", ".zip"].iter().any(|suffix| name.ends_with(suffix))
}

/// The names that a list mentions, one in a line, or that a side module imports, or those of a wheel or archive.
fn names_in(bytes: &[u8]) -> Result<Vec<String>> {
    if bytes.starts_with(b"\0asm") {
        let module = Module::read(bytes)?;
        return Ok(module.imports().iter().map(|import| globset::escape(&import.field)).collect());
    }
    if bytes.starts_with(b"PK") {
        let archive = Archive::open(bytes)?;
        let mut names = Vec::new();
        for (index, kind) in contents::named_like_modules(&archive)? {
            if kind == contents::Kind::Module {
                let context = || format!("entry `{}`", archive.entries[index].name);
                names.extend(names_in(&archive.read(index)?).with_context(context)?);
            }
        }
        return Ok(names);
    }
    let text = std::str::from_utf8(bytes)?;
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    Ok(lines.filter(|line| !line.is_empty()).map(str::to_string).collect())
}

/// Decides for each of `modules`, which are all modules of a wheel or a single one, what may go. `code` is all code beside them.
///
/// # Errors
/// When code cannot be unpacked, or there are too many names to search for.
pub fn plan(modules: &[Located<'_>], code: &mut Code<'_>, options: &Options) -> Result<Vec<Plan>> {
    if options.mode == Mode::All {
        return Ok(modules.iter().map(|module| keep(module, "`--exports all`".to_string())).collect());
    }
    let opens = code.opens()?;
    let everything = keeps_everything(modules, opens);
    let opened = opened_by_name(modules, opens);
    let needed: HashSet<&str> =
        modules.iter().flat_map(|module| &module.module.dylink.needed).map(|name| base_name(name)).collect();
    let mut plans: Vec<Plan> = (modules.iter().zip(opened))
        .map(|(module, opened)| match everything.clone().or(opened) {
            Some(why) => keep(module, why),
            None => of_role(module, &needed, options.mode, options.others.as_ref()),
        })
        .collect();
    if let Some(others) = &options.others {
        plans.iter_mut().zip(modules).for_each(|(plan, module)| keep_for_others(plan, module, others));
    }
    let mentioned = mentioned(modules, &plans, code)?;
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

/// All exports of `module` stay.
fn keep(module: &Located<'_>, why: String) -> Plan {
    Plan { closed: plugins::is_grammar(module.module), ..Plan::keep(why) }
}

/// What may go of a module by what it is.
fn of_role(module: &Located<'_>, needed: &HashSet<&str>, mode: Mode, others: Option<&Others>) -> Plan {
    let is_extension = is_extension(module.module);
    let is_needed = needed.contains(base_name(module.path));
    let opened = others.map(|others| others.open(module.path));
    let (exports, why) = match mode {
        _ if is_private(module.path) && is_needed => (Exports::Prune, String::new()),
        Mode::Pyinit if is_extension => (Exports::Prune, String::new()),
        _ if is_extension => match opened {
            None => (Exports::PruneMangled, "plain C names, which other packages may import".to_string()),
            Some(Some(why)) => (Exports::PruneMangled, why),
            Some(None) => (Exports::Prune, String::new()),
        },
        _ => match opened {
            None => (Exports::Keep, "a library, which other packages may need".to_string()),
            Some(Some(why)) => (Exports::Keep, why),
            Some(None) if is_needed || others.is_some_and(|others| others.need(module.path)) => (Exports::Prune, String::new()),
            Some(None) => (Exports::Keep, "a library that no input needs, so that nobody knows who loads it".to_string()),
        },
    };
    Plan { exports, ..keep(module, why) }
}

/// Has the plan keep what others use. What they may use of private libraries and of C++ and Rust names is as without `--closed`, unless
/// they need the module.
fn keep_for_others(plan: &mut Plan, module: &Located<'_>, others: &Others) {
    let (is_private, is_extension) = (is_private(module.path), is_extension(module.module));
    let is_needed = others.need(module.path);
    for export in module.module.exports() {
        let name = &*export.name;
        let asked = !is_private && (!is_extension || !is_mangled(name));
        let why = match asked {
            true => others.keep(name),
            false => (is_needed && others.imports(name)).then_some("a module of another input imports it"),
        };
        plan.kept.extend(why.map(|why| (name.to_string(), why)));
        if plan.exports == Exports::Prune && !is_private && !is_extension && others.export(name) {
            plan.elsewhere.insert(name.to_string());
        }
    }
}

/// Why one of the modules may open any library, if one may: each lies at its path, and is in `read`. An import that nothing uses opens
/// nothing; it goes with this run, and the next one does not see it. To tell, they are read `again`.
///
/// # Errors
/// What reading them returns.
pub fn lasting_opener<'m>(
    paths: &[&str],
    read: &[Module<'_>],
    again: impl FnOnce() -> Result<Vec<Module<'m>>>,
) -> Result<Option<String>> {
    if opener_among(&located(paths, read)).is_none() {
        return Ok(None);
    }
    let member =
        |module| Member { module, exports: Exports::Keep, why: String::new(), kept: HashMap::new(), fixed: false, bigint: true };
    let mut members: Vec<Member<'_>> = again()?.into_iter().map(member).collect();
    prune::run(&mut members)?;
    let pruned: Vec<Module<'_>> = members.into_iter().map(|member| member.module).collect();
    Ok(opener_among(&located(paths, &pruned)))
}

fn located<'m>(paths: &[&'m str], modules: &'m [Module<'m>]) -> Vec<Located<'m>> {
    paths.iter().zip(modules).map(|(path, module)| Located { path, module }).collect()
}

/// Whether `path` is in a directory in which repair tools put the libraries of one wheel.
pub fn is_private(path: &str) -> bool {
    directory(path).split('/').any(|part| part.ends_with(".libs"))
}

/// Why all modules keep everything, if they do.
fn keeps_everything(modules: &[Located<'_>], sources: &[(String, Opens)]) -> Option<String> {
    for (path, opens) in sources {
        if let Opens::Global(word) = opens {
            return Some(format!("`{path}` mentions `{word}`, which shows symbols to other packages"));
        }
    }
    opener_among(modules)
}

/// Which of `modules` may open any library, and why, if one may.
pub fn opener_among(modules: &[Located<'_>]) -> Option<String> {
    let found: Vec<_> = modules.par_iter().map(|module| openers::of_module(module.module)).collect();
    let mut found = modules.iter().zip(found);
    found.find_map(|(module, why)| Some(format!("`{}` {}", base_name(module.path), why?)))
}

/// For each module, why code may find its symbols by their names. A file that opens libraries, and not only by names of modules, may
/// open any of them.
fn opened_by_name(modules: &[Located<'_>], sources: &[(String, Opens)]) -> Vec<Option<String>> {
    let names: Vec<[String; 2]> = modules.iter().map(|module| file_names(module.path)).collect();
    let known: HashSet<&str> = names.iter().flatten().map(String::as_str).collect();
    let mut any = None;
    let mut opened: HashMap<&str, &str> = HashMap::new();
    for (path, opens) in sources {
        match opens {
            Opens::Nothing => {}
            Opens::Named(files) if files.iter().all(|file| known.contains(file.as_str())) => {
                for file in files {
                    opened.entry(file).or_insert(path);
                }
            }
            Opens::Named(_) | Opens::Any | Opens::Global(_) => {
                any.get_or_insert(path);
            }
        }
    }
    let why = |(module, names): (&Located<'_>, &[String; 2])| {
        let named = names.iter().find_map(|name| Some((*opened.get(name.as_str())?, base_name(module.path))));
        let (path, what) = named.or_else(|| Some((any?, "some library")))?;
        Some(format!("`{path}` opens {what} and may look up any symbol"))
    };
    modules.iter().zip(&names).map(why).collect()
}

/// The file name of the module at `path`, with and without what follows `.so` or stands before it (`.2`, `.abi3`). The name without an
/// ending may be anything, the name of a Python module for instance.
pub fn file_names(path: &str) -> [String; 2] {
    let name = base_name(path);
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    [name.to_string(), format!("{stem}.so")]
}

/// The exports whose names occur in code or in the data of a module.
fn mentioned(modules: &[Located<'_>], plans: &[Plan], code: &mut Code<'_>) -> Result<HashMap<String, &'static str>> {
    let prunable = modules.iter().zip(plans).filter(|(_, plan)| plan.exports != Exports::Keep);
    let names: HashSet<&str> = prunable.flat_map(|(module, _)| module.module.exports()).map(|export| &*export.name).collect();
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    // A fixed order, so that automata are the same in every run.
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_unstable();
    code.look_for(&names)?;
    let data: Vec<&[u8]> = modules.iter().flat_map(|module| module.module.data()).map(|segment| &*segment.bytes).collect();
    let in_data = code.occur_in_data(&names, &data)?;
    let why = |name: &str, in_data: bool| match (code.mentions(name), in_data) {
        (true, _) => Some("its name occurs in code"),
        (false, true) => Some("its name occurs in the data of a module"),
        (false, false) => None,
    };
    let found = names.iter().zip(in_data);
    Ok(found.filter_map(|(name, in_data)| Some((name.to_string(), why(name, in_data)?))).collect())
}
