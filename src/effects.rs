//! Options that did nothing, so that a misspelt name is no silent one.
//!
//! What an option names is looked for in the modules of all inputs and results: in results, since libraries that were grafted are there
//! alone. Where an input failed nobody knows, and nothing is said. Only if there is something to look for, modules are read for it.

use std::collections::HashSet;
use std::path::PathBuf;

use anyhow::Result;
use globset::Glob;
use wasm_pyfix_passes::module::Module;

use crate::archive::Archive;
use crate::cli::UpgradeArgs;
use crate::exports::Mode;
use crate::input::Kind;
use crate::wheel::contents;

/// What was in the inputs and results.
#[derive(Debug, Default)]
pub struct Seen {
    wheel: bool,
    archive: bool,
    exports: HashSet<String>,
    imports: HashSet<String>,
    needed: HashSet<String>,
    /// The files that libraries were taken from.
    pub grafted: Vec<PathBuf>,
    /// Whether something was not read to its end.
    pub failed: bool,
}

impl Seen {
    /// Looks at an input and its result.
    pub fn look(&mut self, args: &UpgradeArgs, kind: Kind, contents: &[&[u8]]) {
        self.wheel |= kind == Kind::Wheel;
        self.archive |= kind != Kind::Module;
        let names_something = !(args.size.keep_export.is_empty()
            && args.module.alias.is_empty()
            && args.module.remove_needed.is_empty()
            && args.wheel.exclude.is_empty());
        if names_something {
            self.failed |= contents.iter().try_for_each(|bytes| self.read(kind, bytes)).is_err();
        }
    }

    fn read(&mut self, kind: Kind, bytes: &[u8]) -> Result<()> {
        if kind == Kind::Module {
            return self.read_module(bytes);
        }
        let archive = Archive::open(bytes)?;
        for (index, kind) in contents::named_like_modules(&archive)? {
            if kind == contents::Kind::Module {
                self.read_module(&archive.read(index)?)?;
            }
        }
        Ok(())
    }

    fn read_module(&mut self, bytes: &[u8]) -> Result<()> {
        // Data of a package may be any WebAssembly.
        let Ok(module) = Module::read(bytes) else { return Ok(()) };
        self.exports.extend(module.exports().iter().map(|export| export.name.to_string()));
        self.imports.extend(module.imports().iter().map(|import| import.field.to_string()));
        self.needed.extend(module.dylink.needed.iter().cloned());
        Ok(())
    }

    /// A sentence on each option that did nothing.
    pub fn without_effect(&self, args: &UpgradeArgs) -> Vec<String> {
        let mut notices = beside_others(args);
        if self.failed {
            return notices;
        }
        notices.extend(self.for_wheels_only(args));
        let missed = |glob: &&String, names: &HashSet<String>| {
            Glob::new(glob).is_ok_and(|glob| {
                let matcher = glob.compile_matcher();
                !names.iter().any(|name| matcher.is_match(name))
            })
        };
        let globs = args.size.keep_export.iter().filter(|glob| missed(glob, &self.exports));
        notices.extend(globs.map(|glob| format!("`--keep-export {glob}` matches no export of a module")));
        let aliases = args.module.alias.iter().filter(|alias| !self.imports.contains(&alias.old));
        notices.extend(
            aliases.map(|alias| format!("`--alias {}={}` did nothing: no module imports `{}`", alias.old, alias.new, alias.old)),
        );
        let removed = args.module.remove_needed.iter().filter(|name| !self.needed.contains(*name));
        notices.extend(removed.map(|name| format!("`--remove-needed {name}` did nothing: no module needs it")));
        if self.archive {
            let globs = args.wheel.exclude.iter().filter(|glob| missed(glob, &self.needed));
            notices.extend(globs.map(|glob| format!("`--exclude {glob}` matches no library that a module needs")));
            let unused = args.wheel.libdir.iter().filter(|dir| !self.grafted.iter().any(|file| file.starts_with(dir)));
            let unused = unused
                .map(|dir| format!("nothing was taken from `--libdir {}`: no input lacks a library that is in it", dir.display()));
            notices.extend(unused);
        }
        notices
    }

    fn for_wheels_only(&self, args: &UpgradeArgs) -> Vec<String> {
        let args = &args.wheel;
        let for_wheels = [
            ("--tag-style", args.tag_style.is_some()),
            ("--audit", args.audit),
            ("--allow-python-mismatch", args.allow_python_mismatch),
        ];
        let for_archives = [
            ("--libdir", !args.libdir.is_empty()),
            ("--isolate", args.isolate.is_some()),
            ("--exclude", !args.exclude.is_empty()),
            ("--map", args.map.is_some()),
            ("--compress", args.compress.is_some()),
            ("--lock", args.lock.is_some()),
        ];
        let mut notices = Vec::new();
        for (option, _) in for_wheels.iter().filter(|(_, given)| *given && !self.wheel) {
            notices.push(format!("`{option}` did nothing: it is for wheels, and no input is one"));
        }
        for (option, _) in for_archives.iter().filter(|(_, given)| *given && !self.archive) {
            notices.push(format!("`{option}` did nothing: it is for wheels and archives, and no input is one"));
        }
        notices
    }
}

/// What others leave nothing to do for, whatever is in the inputs.
fn beside_others(args: &UpgradeArgs) -> Vec<String> {
    let size = &args.size;
    let keeps_all = match (size.optimize, size.no_prune) {
        (0, _) => "-O0",
        (_, true) => "--no-prune",
        _ => return Vec::new(),
    };
    let options = [
        ("--exports", size.exports.is_some_and(|mode| mode != Mode::All)),
        ("--keep-exports-from", size.keep_exports_from.is_some()),
    ];
    let given = options.iter().filter(|(_, given)| *given);
    given.map(|(option, _)| format!("`{option}` did nothing: `{keeps_all}` keeps all exports")).collect()
}
