//! What the code of a module does with the tables that it gives to Python.
//!
//! **Idea.** Code reaches a table by its address, which it has from `__memory_base`, or which another function gives it as an argument. So of all
//! functions that name data, and of those that they pass addresses of tables to, it is known what they write, read and call there. An address
//! that is not known to the byte leads into the table that it was made from; one that a function puts into memory may be any that it takes from
//! as far behind another address, as code that is not optimised does with all of them.
//!
//! **When it gives up.** Where a function that names data cannot be followed, all of the data may be written. An imported function may write where
//! it is pointed to, but for those of Python.
//!
//! **Relies on** what C code does with tables that Python reads:
//! - It writes them by their names, not by addresses that another function returned or put into memory, and not from behind their ends.
//! - What Python is given the address of a table for, under a name with `Py`, does not put other functions into it.

use super::Keeps;
use super::addresses::Addresses;
use super::calls::{self, Deed, Event, Search, Walked};
use super::values::{Origin, Spot};
use crate::Result;
use crate::linking::relocation_code;
use crate::module::{Body, FunctionId, Item, Module};
use crate::parallel::prelude::*;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use wasmparser::FuncType;

/// An address with an index may lead to a table so many bytes behind it: optimisers take from the address what they add to the index, as much
/// as one `PyMethodDef` has.
const CLOSE: u32 = 16;
/// An address this far in front of a table may be that of an object in which it is.
const IN_FRONT: u32 = 1 << 12;
/// So many different things are done behind one parameter, at most; where there are more, anything may be.
const MOST_DEEDS: usize = 64;

/// What is done with the tables.
#[derive(Debug, Default)]
pub struct Uses {
    /// What may be written, sorted and disjoint.
    pub written: Vec<Range<u32>>,
    /// What is read for something else than a call, sorted and disjoint.
    read: Vec<Range<u32>>,
    /// Words that are called, and under which types.
    called: HashSet<(u32, u32)>,
    /// So many bytes behind an address that is not known something is called, and under which types.
    behind: HashSet<(u32, u32)>,
    /// Types under which functions call something that could not be followed.
    unclear: HashSet<u32>,
    types: Types,
}

/// The types that matter, each by the least of its ids.
#[derive(Debug, Default)]
struct Types {
    ids: HashMap<FuncType, u32>,
    least: HashMap<u32, u32>,
}

impl Types {
    fn of(module: &Module<'_>, wanted: &HashSet<FuncType>) -> Self {
        let mut types = Types::default();
        for (id, ty) in (0..).zip(module.types()).filter(|(_, ty)| wanted.contains(ty)) {
            let least = *types.ids.entry(ty.clone()).or_insert(id);
            types.least.insert(id, least);
        }
        types
    }
}

impl Uses {
    /// Those of the tables in `regions`, whose pointers lead to functions of the types `actual`.
    pub fn of(module: &Module<'_>, addresses: &Addresses, regions: &[Range<u32>], actual: &HashSet<FuncType>) -> Result<Self> {
        let tables = joined(regions.to_vec());
        let mut code = Code { module, addresses, tables: &tables, walked: HashMap::new() };
        let mut uses = Uses { types: Types::of(module, actual), ..Uses::default() };
        let named = code.walk(&uses.types)?;
        let deeds = code.behind_parameters();
        for id in named {
            match code.walked.get(&id) {
                Some(Some(walked)) => walked.events.iter().for_each(|event| uses.add(event, &tables, &deeds)),
                _ => code.add_unclear(id, &mut uses)?,
            }
        }
        uses.written = joined(uses.written);
        uses.read = joined(uses.read);
        Ok(uses)
    }

    /// What keeps the pointer at `at` to a function of the type `actual` from being replaced. Python may hand it out in a struct, so many bytes
    /// from its beginning.
    pub fn of_word(&self, at: u32, in_struct: Option<u32>, actual: &FuncType) -> Option<Keeps> {
        let ty = *self.types.ids.get(actual)?;
        if self.called.contains(&(at, ty)) || in_struct.is_some_and(|bytes| self.behind.contains(&(bytes, ty))) {
            return Some(Keeps::Rightly);
        }
        (self.unclear.contains(&ty) || overlaps(&self.read, at, at.saturating_add(4))).then_some(Keeps::Unclear)
    }

    fn add(&mut self, event: &Event, tables: &[Range<u32>], deeds: &Deeds) {
        match *event {
            Event::Done(spot, deed) => self.done(spot, deed, tables, CLOSE),
            Event::Behind { bytes, ty } => self.behind.extend(self.types.least.get(&ty).map(|ty| (bytes, *ty))),
            Event::Passed { callee, argument, spot: spot @ Spot { origin: Origin::Data(at), .. }, length } => {
                if !is_in_front(tables, at) {
                    return;
                }
                // What is passed is where the object begins, if nothing was added to it.
                let away = if spot.more.is_some() { 0 } else { CLOSE };
                for (behind, deed) in deeds.of(callee, argument, length) {
                    self.done(beyond(spot, behind), deed, tables, away);
                }
            }
            _ => {}
        }
    }

    /// Something is done at `spot`, which leads to a table at most so many bytes `away` if it is not known to the byte.
    fn done(&mut self, spot: Spot, deed: Deed, tables: &[Range<u32>], away: u32) {
        let Origin::Data(at) = spot.origin else { return };
        match (deed, spot.more) {
            (Deed::Write(bytes), Some(_)) => self.written.push(at..at.saturating_add(bytes)),
            (Deed::Read(bytes), Some(_)) => self.read.push(at..at.saturating_add(bytes)),
            (Deed::Call(ty), Some(_)) => self.called.extend(self.types.least.get(&ty).map(|ty| (at, *ty))),
            (Deed::Write(_), None) => self.written.extend(close(tables, at, away).cloned()),
            (Deed::Read(_) | Deed::Call(_), None) => self.read.extend(close(tables, at, 0).cloned()),
        }
    }
}

/// `spot`, as far behind as the deed is behind a parameter.
fn beyond(spot: Spot, behind: Option<i32>) -> Spot {
    behind.map_or(Spot::around(spot.origin), |bytes| spot.plus(i64::from(bytes)))
}

/// The tables in which `at` is, or that are at most so many bytes behind it.
fn close(tables: &[Range<u32>], at: u32, away: u32) -> impl Iterator<Item = &Range<u32>> {
    let first = tables.partition_point(|table| table.end <= at);
    tables[first..].iter().take_while(move |table| table.start.saturating_sub(away) <= at)
}

/// Whether an object that is at `at` may have a table in it.
pub fn is_in_front(tables: &[Range<u32>], at: u32) -> bool {
    close(tables, at, IN_FRONT).next().is_some()
}

/// Ranges that overlap or touch are one; sorted.
fn joined(mut ranges: Vec<Range<u32>>) -> Vec<Range<u32>> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<u32>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

/// Whether one of `ranges`, which are sorted and disjoint, has a byte from `start` to `end`.
pub fn overlaps(ranges: &[Range<u32>], start: u32, end: u32) -> bool {
    let first = ranges.partition_point(|range| range.end <= start);
    ranges.get(first).is_some_and(|range| range.start < end)
}

/// A parameter of a function.
type Parameter = (FunctionId, u32);
/// What is done so many bytes behind a parameter, or somewhere around what it holds.
type Done = BTreeSet<(Option<i32>, Deed)>;

/// Anything may be done.
fn anything() -> Done {
    [(None, Deed::Write(0)), (None, Deed::Read(0))].into()
}

/// What is done behind the parameters of functions.
struct Deeds {
    own: HashMap<Parameter, Done>,
    others: HashMap<FunctionId, Other>,
}

/// What functions that are not followed do where they are pointed to.
#[derive(Debug, Clone, Copy)]
enum Other {
    /// Those of Python.
    Nothing,
    /// The first argument is written, as many bytes as the third one says, and with `true` the second one is read.
    Writes(bool),
    Anything,
}

impl Other {
    fn imported(name: &str) -> Self {
        match name {
            "memcpy" | "memmove" => Other::Writes(true),
            "memset" => Other::Writes(false),
            _ if name.starts_with("Py") || name.starts_with("_Py") => Other::Nothing,
            _ => Other::Anything,
        }
    }

    fn deeds(self, argument: u32, length: Option<u32>) -> Done {
        let behind = length.map(|_| 0);
        match (self, argument) {
            (Other::Writes(_), 0) => [(behind, Deed::Write(length.unwrap_or(0)))].into(),
            (Other::Writes(true), 1) => [(behind, Deed::Read(length.unwrap_or(0)))].into(),
            (Other::Anything, _) => anything(),
            _ => Done::new(),
        }
    }
}

impl Deeds {
    fn of(&self, callee: FunctionId, argument: u32, length: Option<u32>) -> Done {
        match self.others.get(&callee) {
            Some(other) => other.deeds(argument, length),
            None => self.own.get(&(callee, argument)).cloned().unwrap_or_default(),
        }
    }
}

/// The functions that were looked at.
struct Code<'c, 'a> {
    module: &'c Module<'a>,
    addresses: &'c Addresses,
    tables: &'c [Range<u32>],
    /// What they do, where that is known.
    walked: HashMap<FunctionId, Option<Walked>>,
}

impl Code<'_, '_> {
    /// Looks at the functions that name data or call something under one of the `types`, which it returns, and at those to which they pass
    /// addresses of tables.
    fn walk(&mut self, types: &Types) -> Result<Vec<FunctionId>> {
        let relocations = relocation_code::data_function(self.module);
        let concerned = self.module.bodies_that(|facts| {
            facts.reads().any(|global| self.addresses.is_data(global))
                || facts.types_called().any(|ty| types.least.contains_key(&ty))
        })?;
        let named: Vec<FunctionId> = concerned.iter().map(|(id, _)| *id).filter(|id| Some(*id) != relocations).collect();
        let mut waiting = named.clone();
        let mut needed: HashSet<Parameter> = HashSet::new();
        let mut open: Vec<Parameter> = Vec::new();
        while !waiting.is_empty() {
            let found = self.look(&waiting)?;
            self.walked.extend(found);
            for id in std::mem::take(&mut waiting) {
                let passed = self.passed(id, None).into_iter().filter(|parameter| needed.insert(*parameter));
                open.extend(passed);
            }
            let mut new: BTreeSet<FunctionId> = BTreeSet::new();
            let mut later = Vec::new();
            while let Some((id, argument)) = open.pop() {
                if self.walked.contains_key(&id) {
                    let passed = self.passed(id, Some(argument)).into_iter().filter(|parameter| needed.insert(*parameter));
                    open.extend(passed);
                } else if self.module.function(id).origin.defined().is_some() {
                    new.insert(id);
                    later.push((id, argument));
                }
            }
            waiting = new.into_iter().collect();
            open = later;
        }
        Ok(named)
    }

    fn look(&self, functions: &[FunctionId]) -> Result<Vec<(FunctionId, Option<Walked>)>> {
        let search = Search { addresses: self.addresses, asked: &HashMap::new(), tables: Some(self.tables) };
        let defined: Vec<(FunctionId, &Body<'_>)> =
            functions.iter().filter_map(|id| Some((*id, self.module.function(*id).origin.defined()?))).collect();
        defined.into_par_iter().map(|(id, body)| Ok((id, calls::events(self.module, &search, id, body)?))).collect()
    }

    /// The parameters to which the function `id` passes an address: one of a table, or what it has in its own parameter.
    fn passed(&self, id: FunctionId, parameter: Option<u32>) -> Vec<Parameter> {
        let Some(Some(walked)) = self.walked.get(&id) else { return Vec::new() };
        let passed = walked.events.iter().filter_map(|event| match *event {
            Event::Passed { callee, argument, spot, .. } => match (spot.origin, parameter) {
                (Origin::Data(at), None) => is_in_front(self.tables, at).then_some((callee, argument)),
                (Origin::Parameter(number), Some(parameter)) => (number == parameter).then_some((callee, argument)),
                _ => None,
            },
            _ => None,
        });
        passed.collect()
    }

    /// What is done behind the parameters of all functions that were looked at.
    fn behind_parameters(&self) -> Deeds {
        let mut deeds = Deeds { own: HashMap::new(), others: self.others() };
        // Where a parameter is passed on: from which one, and how far behind it.
        let mut passed: HashMap<Parameter, Vec<(Parameter, Option<i32>)>> = HashMap::new();
        for (&id, walked) in &self.walked {
            let Some(walked) = walked else { continue };
            for event in &walked.events {
                match *event {
                    Event::Done(Spot { origin: Origin::Parameter(number), more }, deed) => {
                        add(deeds.own.entry((id, number)).or_default(), (more, deed));
                    }
                    Event::Passed { callee, argument, spot: Spot { origin: Origin::Parameter(number), more }, length } => {
                        match deeds.others.get(&callee) {
                            Some(other) => {
                                let done = deeds.own.entry((id, number)).or_default();
                                for (behind, deed) in other.deeds(argument, length) {
                                    add(done, (sum(more, behind), deed));
                                }
                            }
                            None => passed.entry((callee, argument)).or_default().push(((id, number), more)),
                        }
                    }
                    _ => {}
                }
            }
        }
        let mut waiting: Vec<Parameter> = deeds.own.keys().copied().collect();
        let mut queued: HashSet<Parameter> = waiting.iter().copied().collect();
        while let Some(parameter) = waiting.pop() {
            queued.remove(&parameter);
            let done = deeds.own.get(&parameter).cloned().unwrap_or_default();
            for (from, more) in passed.get(&parameter).into_iter().flatten() {
                let known = deeds.own.entry(*from).or_default();
                let mut news = false;
                for (behind, deed) in &done {
                    news |= add(known, (sum(*more, *behind), *deed));
                }
                if news && queued.insert(*from) {
                    waiting.push(*from);
                }
            }
        }
        deeds
    }

    fn others(&self) -> HashMap<FunctionId, Other> {
        let imports = self.module.imports().iter().filter_map(|import| match import.item {
            Item::Function(id) if import.module == "env" => Some((id, Other::imported(&import.field))),
            Item::Function(id) => Some((id, Other::Anything)),
            _ => None,
        });
        let unclear = self.walked.iter().filter(|(_, walked)| walked.is_none()).map(|(id, _)| (*id, Other::Anything));
        imports.chain(unclear).collect()
    }

    /// Adds what the function `id` may do, which could not be followed.
    fn add_unclear(&self, id: FunctionId, uses: &mut Uses) -> Result<()> {
        let Some(body) = self.module.function(id).origin.defined() else { return Ok(()) };
        let facts = body.facts()?;
        uses.unclear.extend(facts.types_called().filter_map(|ty| uses.types.least.get(&ty)));
        if facts.reads().any(|global| self.addresses.is_data(global)) {
            uses.written.push(0..u32::MAX);
        }
        Ok(())
    }
}

fn sum(more: Option<i32>, behind: Option<i32>) -> Option<i32> {
    more?.checked_add(behind?)
}

/// Adds a deed; tells whether it is news.
fn add(done: &mut Done, deed: (Option<i32>, Deed)) -> bool {
    if done.len() < MOST_DEEDS {
        return done.insert(deed);
    }
    let before = done.len();
    done.extend(anything());
    done.len() > before
}
