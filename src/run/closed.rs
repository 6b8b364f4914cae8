//! `--closed`: what the inputs say of each other, before the first of them is written.
//!
//! What a module imports after its upgrade is not what it imported before: what only dead code used is gone, and what is grafted is new. So each
//! input that has names in common with others is upgraded for trial, with what is known so far, until that tells nothing new. A second run
//! begins with what the first one ended with, and finds the same. At the end it is made sure that results import no name that nobody reckoned with.

use super::Run;
use crate::closed::survey::{self, Contents, Survey};
use crate::closed::{Links, Others, Party, World};
use crate::code::openers;
use crate::code::sources::Source as Text;
use crate::codes::upgrading::CLOSED;
use crate::distribution;
use crate::input::{self, Kind};
use crate::name::normalized;
use crate::report::InputReport;
use crate::tree::distribution::{Distribution, distributions};
use crate::tree::{Tree, modules};
use anyhow::{Context, Result, bail};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// How often an input is tried at most. What is known then is enough: it keeps too much, if anything.
const MOST_TRIALS: usize = 8;

/// What is known of all inputs.
pub(super) struct Closed {
    world: Arc<World>,
    /// By what they are called: inputs, and what is in directories.
    parties: HashMap<(String, String), Party>,
    /// The one that is being upgraded.
    now: Option<Party>,
    /// Whether that is for trial.
    trying: bool,
}

/// Where a party is.
enum Place {
    /// An input by itself.
    File(usize),
    /// A distribution in one of the directories, or a module there that belongs to none.
    Distribution(usize, usize),
    Module(usize, String),
    /// All other code in a directory.
    Code(usize, Vec<String>),
    /// What is not looked into.
    Unknown(String),
}

/// All parties.
#[derive(Default)]
struct Places {
    places: Vec<Place>,
    /// Directories, each with the number of its input.
    trees: Vec<(usize, Tree, Vec<Distribution>)>,
    depends: Vec<Option<Vec<Party>>>,
}

impl Run<'_> {
    /// Finds out what the inputs say of each other, for the present target.
    ///
    /// # Errors
    /// When one of them cannot be read: nobody knows what it needs then.
    pub(super) fn close(&mut self) -> Result<()> {
        let places = self.places().map_err(|error| CLOSED.covers(error))?;
        let world = self.world(&places).map_err(|error| CLOSED.covers(error))?;
        let parties = (0..places.places.len()).filter_map(|party| Some((self.key(&places, party)?, party))).collect();
        self.closed = Some(Closed { world: Arc::new(world), parties, now: None, trying: true });
        self.try_all(&places)?;
        if let Some(closed) = &mut self.closed {
            (closed.now, closed.trying) = (None, false);
        }
        Ok(())
    }

    fn places(&self) -> Result<Places> {
        let mut places = Places::default();
        let mut packages: HashMap<&Path, Party> = HashMap::new();
        for (number, item) in self.items.iter().enumerate() {
            match item.path() {
                Some(path) if item.tree => places.tree(number, path).with_context(|| item.source.to_string())?,
                Some(path) if item.package.is_some() && !distribution::is_upgraded(path) => {
                    packages.insert(path, places.places.len());
                    places.places.push(Place::Unknown(item.source.to_string()));
                }
                Some(path) => {
                    packages.insert(path, places.places.len());
                    places.places.push(Place::File(number));
                }
                None => bail!("standard input"),
            }
        }
        places.depends = vec![None; places.places.len()];
        let Some(distribution) = &self.distribution else { return Ok(places) };
        // By the names of packages: the party, and what it depends on.
        let mut listed: Vec<(String, Party, &[String])> = Vec::new();
        for package in &distribution.packages {
            let Some(party) = packages.get(package.file.as_path()) else { continue };
            listed.push((normalized(&package.name), *party, &package.depends));
        }
        for package in &distribution.behind_urls {
            listed.push((normalized(&package.name), places.places.len(), &package.depends));
            places.places.push(Place::Unknown(package.name.clone()));
        }
        places.depends.resize(places.places.len(), None);
        let by_name: HashMap<&str, Party> = listed.iter().map(|(name, party, _)| (name.as_str(), *party)).collect();
        for (_, party, depends) in &listed {
            let others = depends.iter().filter_map(|name| by_name.get(normalized(name).as_str()).copied());
            places.depends[*party].get_or_insert_default().extend(others);
        }
        Ok(places)
    }

    fn world(&self, places: &Places) -> Result<World> {
        let mut surveys: Vec<Survey> = Vec::new();
        for party in 0..places.places.len() {
            let mut survey = self.contents(places, party)?.survey().with_context(|| self.label(places, party))?;
            survey.sides.iter_mut().for_each(|side| side.needed.extend(self.args.module.add_needed.iter().cloned()));
            surveys.push(survey);
        }
        World::new(&surveys, &places.depends, &self.options.aliases, |party| self.contents(places, party))
    }

    /// What `party` is called in messages.
    fn label(&self, places: &Places, party: Party) -> String {
        match self.key(places, party) {
            Some((input, part)) if part.is_empty() => input,
            Some((input, part)) => format!("{input}: {part}"),
            None => String::new(),
        }
    }

    fn key(&self, places: &Places, party: Party) -> Option<(String, String)> {
        let (item, part) = match &places.places[party] {
            Place::File(item) => (*item, String::new()),
            Place::Distribution(tree, number) => {
                let (item, _, found) = &places.trees[*tree];
                (*item, found[*number].dist_info.clone())
            }
            Place::Module(tree, name) => (places.trees[*tree].0, name.clone()),
            Place::Code(..) | Place::Unknown(_) => return None,
        };
        Some((self.items[item].source.to_string(), part))
    }

    /// The contents of a party, with a file name.
    fn contents<'p>(&self, places: &'p Places, party: Party) -> Result<Contents<'p>> {
        match &places.places[party] {
            Place::Unknown(name) => Ok(Contents::Unknown(name)),
            Place::Code(tree, files) => {
                let text = |path: &String| Ok(Text { path: path.clone(), text: places.trees[*tree].1.contents(path)? });
                Ok(Contents::Code(files.iter().map(text).collect::<Result<_>>()?))
            }
            _ => {
                let (name, bytes) = self.bytes(places, party).with_context(|| self.label(places, party))?;
                let kind = input::recognise(&bytes, Some(&name)).with_context(|| self.label(places, party))?;
                Ok(if kind == Kind::Module { Contents::Module(name, bytes) } else { Contents::Archive(bytes) })
            }
        }
    }

    /// The file that a party is, and what it is called.
    fn bytes(&self, places: &Places, party: Party) -> Result<(String, Vec<u8>)> {
        match &places.places[party] {
            Place::File(item) => {
                let source = &self.items[*item].source;
                Ok((source.file_name().context("its name is not UTF-8: rename it")?, source.read()?))
            }
            Place::Distribution(tree, number) => {
                let (_, tree, found) = &places.trees[*tree];
                found[*number].pack(tree)
            }
            Place::Module(tree, name) => {
                Ok((name.rsplit('/').next().unwrap_or(name).to_string(), places.trees[*tree].1.contents(name)?))
            }
            Place::Code(..) | Place::Unknown(_) => bail!("no file"),
        }
    }

    /// Upgrades for trial what is linked to others, until that tells nothing new.
    fn try_all(&mut self, places: &Places) -> Result<()> {
        let grafts = !self.args.wheel.libdir.is_empty();
        let has_file = |party: &Party| !matches!(places.places[*party], Place::Code(..) | Place::Unknown(_));
        // Of a lock file, what depends on a library comes behind it, and tells what is needed of it.
        let all: Vec<Party> = (0..places.places.len()).rev().filter(has_file).collect();
        // Times are numbers of changes: a name is changed when a party comes to use it or does no longer, and a party tried again if a name that
        // it uses was changed since.
        let mut now: usize = 0;
        let mut changed: HashMap<u32, usize> = HashMap::new();
        let mut tried: HashMap<Party, usize> = HashMap::new();
        for _ in 0..MOST_TRIALS {
            let before = now;
            for party in all.iter().copied() {
                let Some(Closed { world, .. }) = &self.closed else { return Ok(()) };
                let Links { imports, exports } = world.links(party);
                let is_new = |name: &u32| changed.get(name) > tried.get(&party);
                let is_due = !tried.contains_key(&party) || imports.iter().chain(exports).any(is_new);
                if !is_due || !(grafts || world.is_linked(party)) {
                    continue;
                }
                let found = self.trial(places, party)?;
                if let (Some(found), Some(closed)) = (found, &mut self.closed) {
                    let world = Arc::make_mut(&mut closed.world);
                    let Links { imports, exports } = world.links(party);
                    let differing =
                        imports.symmetric_difference(&found.imports).chain(exports.symmetric_difference(&found.exports));
                    let differing: Vec<u32> = differing.copied().collect();
                    now += usize::from(!differing.is_empty());
                    changed.extend(differing.into_iter().map(|name| (name, now)));
                    world.set(party, found);
                }
                tried.insert(party, now);
            }
            if now == before {
                break;
            }
        }
        Ok(())
    }

    /// What `party` imports and exports after its upgrade; `None` if it is not upgraded, and stays as it is.
    fn trial(&mut self, places: &Places, party: Party) -> Result<Option<Links>> {
        let (name, bytes) = self.bytes(places, party)?;
        // What is said of it is said when its turn comes.
        let notices = std::mem::take(&mut self.notices);
        let seen = std::mem::take(&mut self.seen);
        let told = std::mem::replace(&mut self.told_names, true);
        if let Some(closed) = &mut self.closed {
            closed.now = Some(party);
        }
        let upgraded = self.transform(Some(name), &bytes, &mut InputReport::new(String::new()));
        (self.notices, self.seen, self.told_names) = (notices, seen, told);
        let Ok((kind, upgraded)) = upgraded else { return Ok(None) };
        let bytes = upgraded.bytes.as_deref().unwrap_or(&bytes);
        let (imports, exports) = survey::names(kind, bytes)?;
        Ok(self.closed.as_ref().map(|closed| closed.world.numbered(imports.iter(), exports.iter())))
    }

    /// Says that what follows is about the part `part` of `input`, or about all of it.
    pub(super) fn enter_party(&mut self, input: String, part: &str) {
        if let Some(closed) = &mut self.closed {
            closed.now = closed.parties.get(&(input, part.to_string())).copied();
        }
    }

    /// What the others say of the present party.
    pub(super) fn others(&self) -> Option<Others> {
        let closed = self.closed.as_ref()?;
        Some(Others { world: Arc::clone(&closed.world), party: closed.now? })
    }

    /// Makes sure that a result imports nothing that the others did not reckon with.
    pub(super) fn compare_imports(&self, kind: Kind, bytes: &[u8]) -> Result<()> {
        let Some((closed, party)) = self.closed.as_ref().and_then(|closed| Some((closed, closed.now?))) else { return Ok(()) };
        if closed.trying {
            return Ok(());
        }
        let (imports, _) = survey::names(kind, bytes)?;
        let new = closed.world.numbered(imports.iter(), [].iter()).imports;
        let known = &closed.world.links(party).imports;
        match new.iter().filter(|name| !known.contains(name)).map(|name| closed.world.name(*name)).min() {
            Some(name) => bail!(CLOSED.fails(format!(
                "its upgrade imports `{name}`, which it did not before: another input may not keep it; add `--keep-export {name}`"
            ))),
            None => Ok(()),
        }
    }
}

impl Places {
    /// Adds what is in the directory `root`, the input `item`.
    fn tree(&mut self, item: usize, root: &Path) -> Result<()> {
        let tree = Tree::read(root)?;
        let (found, loose) = distributions(&tree)?;
        let number = self.trees.len();
        let of_modules = modules(&tree, &loose)?;
        let pure = found.iter().filter(|distribution| !distribution.has_modules()).flat_map(|distribution| &distribution.files);
        let mut code = Vec::new();
        for name in pure.chain(&loose).filter(|name| !of_modules.contains(name)) {
            let text = tree.contents(name)?;
            if openers::is_code(name, &text[..text.len().min(openers::HEAD as usize)]) {
                code.push(name.clone());
            }
        }
        let with_modules = found.iter().enumerate().filter(|(_, distribution)| distribution.has_modules());
        self.places.extend(with_modules.map(|(index, _)| Place::Distribution(number, index)));
        self.places.extend(of_modules.into_iter().map(|name| Place::Module(number, name)));
        self.places.push(Place::Code(number, code));
        self.trees.push((item, tree, found));
        Ok(())
    }
}
