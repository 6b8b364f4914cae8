//! Several inputs as one closed world (`--closed`): nobody but their modules and code links to their modules.
//!
//! **Idea.** A library that several packages share keeps its exports, since others may need them ([`crate::exports`]), and so do C names of
//! extension modules. Where all who could need them are at hand, they are asked. Each input, a *party*, is still upgraded by itself, so that
//! memory is that of the largest; what it has to know of the others is one [`World`] of names, and [`Others`] is the view that one party has of it.
//!
//! - An export stays if a module of another party imports its name, whichever library that means: loaders have one table of symbols, and entries
//!   of the global offset table are filled by whoever is loaded.
//! - It stays if its name occurs in the code or in the data of a module of any party: it may be looked up by that.
//! - A module keeps what it keeps without `--closed` where code or a module of another party may open it: one that opens libraries
//!   whose names it does not spell out reaches the packages that its own depends on, as the lock file tells, and all where none tells. One whose file
//!   name occurs in code or data anywhere is taken for opened.
//! - A library that nobody needs keeps everything: who loads it is not known.
//!
//! What a library refers to and defines itself is bound as in any closed world ([`wasm_pyfix_passes::bind`]), but for names that another party
//! exports, too.
//!
//! **Relies on**: what is not among the inputs (a page, a notebook, a program) opens no library of them and looks up no symbol by its name;
//! and packages open libraries of packages that they depend on alone, unless they name the files.

pub mod survey;

use crate::code::Names;
use crate::exports::file_names;
use crate::loader::base_name;
use anyhow::Result;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use survey::{Contents, Side, Survey};
use wasm_pyfix_passes::linking::looked_up::is_looked_up;
use wasm_pyfix_passes::linking::mangling::is_mangled;
use wasm_pyfix_passes::linking::siblings::{Exporters, SiblingExports};
use wasm_pyfix_passes::symbols::Alias;

/// Number of an input, or of a distribution or module in a directory.
pub type Party = usize;

/// Names that a party imports and exports, by their numbers, as far as they may go somewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    pub imports: HashSet<u32>,
    pub exports: HashSet<u32>,
}

/// What parties know of each other.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// Names of exports that may go.
    numbers: HashMap<String, u32>,
    /// Which of them occur in code, and which in the data of a module.
    in_code: Vec<bool>,
    in_data: Vec<bool>,
    links: Vec<Links>,
    /// How many parties import each name, and how many export it.
    importers: Vec<u32>,
    exporters: Vec<u32>,
    /// Who needs a library, by its file name.
    needed: Arc<Exporters>,
    /// Libraries of a party from which one that depends on it imports something.
    used: HashSet<(Party, String)>,
    /// File names that code opens, or that occur in code or data.
    opened: HashSet<String>,
    /// For each party, why another may open any of its libraries.
    openers: Vec<Option<String>>,
}

impl World {
    /// Puts together what each party says. `depends` are those that each depends on, where that is known. `contents` gives a party once more, and
    /// `aliases` are names that imports get.
    ///
    /// # Errors
    /// When a party cannot be read, or there are too many names.
    pub fn new<'c>(
        surveys: &[Survey],
        depends: &[Option<Vec<Party>>],
        aliases: &[Alias],
        contents: impl Fn(Party) -> Result<Contents<'c>>,
    ) -> Result<Self> {
        let sides = || surveys.iter().enumerate().flat_map(|(party, survey)| survey.sides.iter().map(move |side| (party, side)));
        let needed = sides().flat_map(|(party, side)| side.needed.iter().map(move |name| (party, base_name(name))));
        let needed = Arc::new(Exporters::new(needed));
        let is_needed = |party: Party, side: &Side| SiblingExports::of_others(&needed, party).contains(base_name(&side.path));
        let mut names: Vec<&str> = sides().flat_map(|(party, side)| side.candidates(is_needed(party, side))).collect();
        names.sort_unstable();
        names.dedup();
        let numbers: HashMap<String, u32> =
            names.iter().enumerate().map(|(number, name)| (name.to_string(), number as u32)).collect();
        let mut world = World {
            importers: vec![0; names.len()],
            exporters: vec![0; names.len()],
            numbers,
            needed: Arc::clone(&needed),
            openers: openers(surveys, depends),
            opened: surveys.iter().flat_map(|survey| &survey.opened).cloned().collect(),
            ..World::default()
        };
        for survey in surveys {
            let imports = survey.sides.iter().flat_map(|side| &side.imports);
            let exports = survey.sides.iter().flat_map(|side| &side.exports);
            let mut links = world.numbered(imports.clone(), exports);
            links.imports.extend(world.renamed(imports, aliases));
            world.links.push(Links::default());
            world.set(world.links.len() - 1, links);
        }
        world.used = used(surveys, depends, &world);
        world.search(surveys, &names, contents)?;
        Ok(world)
    }

    /// Looks for `names` and for the file names of libraries in code and data.
    fn search<'c>(&mut self, surveys: &[Survey], names: &[&str], contents: impl Fn(Party) -> Result<Contents<'c>>) -> Result<()> {
        let libraries = surveys.iter().flat_map(|survey| &survey.sides).filter(|side| side.is_shared());
        let files: HashSet<String> = libraries.flat_map(|side| file_names(&side.path)).collect();
        let mut files: Vec<&str> = files.iter().map(String::as_str).collect();
        files.sort_unstable();
        let all: Vec<&str> = names.iter().chain(&files).copied().collect();
        if all.is_empty() {
            return Ok(());
        }
        let found = Names::new(&all)?;
        let flags = || all.iter().map(|_| AtomicBool::new(false)).collect::<Vec<_>>();
        let (in_code, in_data) = (flags(), flags());
        for party in 0..surveys.len() {
            contents(party)?.search(&found, &in_code, &in_data)?;
        }
        let is_set = |flags: &[AtomicBool], at: usize| flags[at].load(Ordering::Relaxed);
        self.in_code = (0..names.len()).map(|at| is_set(&in_code, at)).collect();
        self.in_data = (0..names.len()).map(|at| is_set(&in_data, at)).collect();
        let mentioned = (0..files.len()).filter(|at| is_set(&in_code, names.len() + at) || is_set(&in_data, names.len() + at));
        self.opened.extend(mentioned.map(|at| files[at].to_string()));
        Ok(())
    }

    /// Those of the names that may go somewhere, by their numbers.
    pub fn numbered<'n>(&self, imports: impl Iterator<Item = &'n String>, exports: impl Iterator<Item = &'n String>) -> Links {
        let number = |name: &String| self.numbers.get(name).copied();
        Links { imports: imports.filter_map(number).collect(), exports: exports.filter_map(number).collect() }
    }

    /// The names that `imports` may have after the upgrade.
    fn renamed<'n>(&self, imports: impl Iterator<Item = &'n String>, aliases: &[Alias]) -> Vec<u32> {
        let imports: HashSet<&str> = imports.map(String::as_str).collect();
        let renamed = aliases.iter().filter(|alias| imports.contains(alias.old.as_str()));
        renamed.filter_map(|alias| self.numbers.get(&alias.new).copied()).collect()
    }

    pub fn links(&self, party: Party) -> &Links {
        &self.links[party]
    }

    /// Has `party` import and export what `links` say.
    pub fn set(&mut self, party: Party, links: Links) {
        for (counts, old, new) in [
            (&mut self.importers, &self.links[party].imports, &links.imports),
            (&mut self.exporters, &self.links[party].exports, &links.exports),
        ] {
            old.iter().for_each(|name| counts[*name as usize] -= 1);
            new.iter().for_each(|name| counts[*name as usize] += 1);
        }
        self.links[party] = links;
    }

    /// Whether what becomes of `party` depends on others, or what becomes of others on it: they have names in common.
    pub fn is_linked(&self, party: Party) -> bool {
        let Links { imports, exports } = &self.links[party];
        let shared = |name: &u32| {
            let own = u32::from(imports.contains(name)) + u32::from(exports.contains(name));
            self.importers[*name as usize] + self.exporters[*name as usize] > own
        };
        imports.iter().chain(exports).any(shared)
    }

    /// The name with a number, for messages.
    pub fn name(&self, number: u32) -> &str {
        self.numbers.iter().find(|(_, other)| **other == number).map_or("", |(name, _)| name)
    }
}

/// For each party, which other one may open any of its libraries, and why.
fn openers(surveys: &[Survey], depends: &[Option<Vec<Party>>]) -> Vec<Option<String>> {
    let openers = surveys.iter().enumerate().filter_map(|(party, survey)| Some((party, survey.opener.as_ref()?)));
    let everywhere: Vec<(Party, &String)> = openers.clone().filter(|(party, _)| depends[*party].is_none()).take(2).collect();
    let mut found: Vec<Option<String>> = (0..surveys.len())
        .map(|party| everywhere.iter().find(|(opener, _)| *opener != party).map(|(_, why)| why.to_string()))
        .collect();
    let dependencies = |party: Party| depends[party].iter().flatten().copied();
    let mut waiting: VecDeque<(Party, &String)> =
        openers.flat_map(|(party, why)| dependencies(party).map(move |other| (other, why))).collect();
    let mut met = HashSet::new();
    while let Some((party, why)) = waiting.pop_front() {
        if met.insert(party) {
            found[party].get_or_insert_with(|| why.clone());
            waiting.extend(dependencies(party).map(|other| (other, why)));
        }
    }
    found
}

/// The libraries of which a party that depends on theirs imports a name.
fn used(surveys: &[Survey], depends: &[Option<Vec<Party>>], world: &World) -> HashSet<(Party, String)> {
    let mut used = HashSet::new();
    let mut users: HashMap<Party, Vec<Party>> = HashMap::new();
    for (party, others) in depends.iter().enumerate() {
        others.iter().flatten().filter(|other| **other != party).for_each(|other| users.entry(*other).or_default().push(party));
    }
    for (party, users) in users {
        let imported: HashSet<u32> = users.iter().flat_map(|user| &world.links[*user].imports).copied().collect();
        for side in surveys[party].sides.iter().filter(|side| side.is_shared()) {
            let imports = |name: &String| world.numbers.get(name).is_some_and(|number| imported.contains(number));
            if side.exports.iter().any(imports) {
                used.insert((party, side.path.clone()));
            }
        }
    }
    used
}

/// What a party knows of the others.
#[derive(Debug, Clone)]
pub struct Others {
    pub world: Arc<World>,
    pub party: Party,
}

impl Others {
    /// Why others may look up any symbol of the module at `path`, if they may.
    pub fn open(&self, path: &str) -> Option<String> {
        let named = file_names(path).into_iter().find(|name| self.world.opened.contains(name));
        let named = named.map(|name| format!("`{name}` occurs in code or data, and may be opened by that"));
        named.or_else(|| self.world.openers[self.party].clone())
    }

    /// Whether a module of another party needs the library at `path`.
    pub fn need(&self, path: &str) -> bool {
        SiblingExports::of_others(&self.world.needed, self.party).contains(base_name(path))
            || self.world.used.contains(&(self.party, path.to_string()))
    }

    /// Why the export `name` stays, if it has to.
    pub fn keep(&self, name: &str) -> Option<&'static str> {
        let Some(&number) = self.world.numbers.get(name) else { return Some("nobody has asked others about its name") };
        let at = number as usize;
        if self.import(number) {
            return Some("a module of another input imports it");
        }
        let in_data = self.world.in_data[at].then_some("its name occurs in the data of a module of an input");
        if self.world.in_code[at] { Some("its name occurs in code of an input") } else { in_data }
    }

    fn import(&self, number: u32) -> bool {
        let own = self.world.links[self.party].imports.contains(&number);
        self.world.importers[number as usize] > u32::from(own)
    }

    /// Whether another party imports `name`.
    pub fn imports(&self, name: &str) -> bool {
        self.world.numbers.get(name).is_some_and(|number| self.import(*number))
    }

    /// Whether another party exports `name`, too.
    pub fn export(&self, name: &str) -> bool {
        let Some(&number) = self.world.numbers.get(name) else { return false };
        let own = self.world.links[self.party].exports.contains(&number);
        self.world.exporters[number as usize] > u32::from(own)
    }
}

impl Side {
    /// Names of exports that may go in a closed world and stay otherwise. `needed` tells that another party needs the module.
    fn candidates(&self, needed: bool) -> impl Iterator<Item = &str> {
        let may_go = move |name: &&String| match (self.private, self.extension) {
            _ if is_looked_up(name, true) => false,
            _ if needed => true,
            (true, _) => false,
            (false, true) => !is_mangled(name),
            (false, false) => true,
        };
        self.exports.iter().filter(may_go).map(String::as_str)
    }

    /// Whether it is a library that other packages may use.
    fn is_shared(&self) -> bool {
        !self.private && !self.extension
    }
}
