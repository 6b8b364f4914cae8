//! From the tables that a module gives to Python to the pointers in them.
//!
//! What does not look like the table that it should be is not read further: a name that is none, flags that nobody defines.

use super::addresses::Meaning;
use super::image::{Image, Word};
use super::layouts::{self, Field, Kind};
use super::roots::Role;
use crate::linking::signature;
use std::collections::HashSet;
use std::ops::Range;
use wasmparser::FuncType;

/// A word of data that Python calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    /// Bytes behind `__memory_base`.
    pub at: u32,
    pub address: Meaning,
    /// The struct that it is in.
    pub table: &'static str,
    /// Its name there.
    pub field: &'static str,
    /// What the table belongs to, with its name.
    pub owner: Owner,
    /// The type under which it is called.
    pub expected: FuncType,
    pub called: Called,
}

/// How a pointer is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Called {
    /// As code calls pointers: a function of another type ends the program.
    Directly,
    /// By a trampoline of Python, which makes up for other types.
    ByTrampoline,
    /// In one way or the other.
    Either,
}

/// What a table belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// A module.
    Module,
    /// A type.
    Type,
    /// A function or method.
    Method,
    /// An attribute of a type.
    Attribute,
}

/// What a table belongs to, with its name as it stands in data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// What it is.
    pub what: What,
    /// The name.
    pub name: String,
}

/// So many entries are looked at; only hostile modules have more.
const MOST_ENTRIES: usize = 1 << 17;

/// Follows tables.
pub struct Follow<'f> {
    image: &'f Image<'f>,
    /// Minor version of Python 3.
    python: u32,
    /// The name of a module that exports its slots.
    exported: String,
    /// Tables that were followed already: what they were taken for, and where they are.
    seen: HashSet<(Table, u32)>,
    entries: usize,
    pub found: Vec<Pointer>,
    /// Tables that were not read to their end.
    pub left: usize,
    /// Where the tables are.
    pub regions: Vec<Range<u32>>,
}

/// What a table is taken for. Several types may have one in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Table {
    Of(Role),
    /// That of a field with this name.
    Suite(&'static str),
    ModuleSlots,
    /// The slots of a type, which may be one with garbage collection.
    TypeSlots(bool),
}

impl<'f> Follow<'f> {
    pub fn new(image: &'f Image<'f>, python: u32, exported: String) -> Self {
        Follow { image, python, exported, seen: HashSet::new(), entries: 0, found: Vec::new(), left: 0, regions: Vec::new() }
    }

    /// Reads the table at `at`, and those that it names.
    pub fn table(&mut self, role: Role, at: u32) {
        if !self.seen.insert((Table::Of(role), at)) {
            return;
        }
        let read = match role {
            Role::Function(_) => Some(()),
            Role::ModuleDef => self.module(at),
            Role::ExportedSlots => self.exported_slots(at),
            Role::Type => self.type_object(at),
            Role::Spec => self.spec(at),
            Role::Method => self.method(at),
            Role::Methods => self.methods(at),
            Role::Getset => self.getset(at),
            Role::Getsets => self.getsets(at),
        };
        self.left += usize::from(read.is_none());
    }

    fn region(&mut self, at: u32, bytes: u32) {
        self.regions.push(at..at.saturating_add(bytes));
    }

    fn number(&self, at: u32) -> Option<i32> {
        if let Word::Number(number) = self.image.word(at) { Some(number) } else { None }
    }

    /// The address of data at `at`; `Some(None)` when it is null.
    fn data(&self, at: u32) -> Option<Option<u32>> {
        match self.image.word(at) {
            Word::Number(0) => Some(None),
            Word::Address(Meaning::Data(to)) => Some(Some(to)),
            _ => None,
        }
    }

    fn name(&self, at: u32) -> Option<String> {
        self.image.name(self.data(at)??)
    }

    fn entry(&mut self) -> Option<()> {
        self.entries += 1;
        (self.entries <= MOST_ENTRIES).then_some(())
    }

    fn pointer(&mut self, at: u32, place: (&'static str, &'static str), owner: &Owner, letters: &str, called: Called) {
        let (Word::Address(address @ (Meaning::Slot(_) | Meaning::Entry(_))), Some(expected)) =
            (self.image.word(at), signature::spelled(letters))
        else {
            return;
        };
        let (table, field) = place;
        self.found.push(Pointer { at, address, table, field, owner: owner.clone(), expected, called });
    }

    /// What a place of a table holds.
    fn kind(&mut self, kind: Kind, at: u32, place: (&'static str, &'static str), owner: &Owner, collected: bool) -> Option<()> {
        match kind {
            Kind::Call(letters) => self.pointer(at, place, owner, letters, Called::Directly),
            Kind::Either(letters) => self.pointer(at, place, owner, letters, Called::Either),
            Kind::Collected(letters) if collected => self.pointer(at, place, owner, letters, Called::Directly),
            Kind::Collected(_) => {}
            Kind::Methods => self.data(at)?.into_iter().for_each(|to| self.table(Role::Methods, to)),
            Kind::Getsets => self.data(at)?.into_iter().for_each(|to| self.table(Role::Getsets, to)),
            Kind::ModuleSlots => {
                if let Some(to) = self.data(at)?.filter(|to| self.seen.insert((Table::ModuleSlots, *to))) {
                    self.module_slots(to, owner)?;
                }
            }
            Kind::Suite(fields) => {
                if let Some(to) = self.data(at)?.filter(|to| self.seen.insert((Table::Suite(place.1), *to))) {
                    self.fields(fields, to, "PyTypeObject", owner, collected);
                }
            }
        }
        Some(())
    }

    /// All fields of a struct; those that are not understood are left.
    fn fields(&mut self, fields: &[Field], at: u32, table: &'static str, owner: &Owner, collected: bool) {
        let end = fields.iter().map(|field| field.at + layouts::POINTER).max().unwrap_or_default();
        self.region(at, end);
        for field in fields {
            let read = at.checked_add(field.at).and_then(|at| self.kind(field.kind, at, (table, field.name), owner, collected));
            self.left += usize::from(read.is_none());
        }
    }

    fn module(&mut self, at: u32) -> Option<()> {
        let owner = Owner { what: What::Module, name: self.name(at.checked_add(layouts::MODULE_NAME)?)? };
        self.fields(&layouts::MODULE_DEF, at, "PyModuleDef", &owner, true);
        Some(())
    }

    fn module_slots(&mut self, mut at: u32, owner: &Owner) -> Option<()> {
        loop {
            self.entry()?;
            self.region(at, layouts::MODULE_SLOT);
            let number = self.number(at)?;
            if number == 0 {
                return Some(());
            }
            if let Some((_, name, letters)) = layouts::MODULE_SLOTS.iter().find(|slot| slot.0 == number) {
                self.pointer(at.checked_add(layouts::POINTER)?, ("PyModuleDef_Slot", name), owner, letters, Called::Directly);
            }
            at = at.checked_add(layouts::MODULE_SLOT)?;
        }
    }

    fn exported_slots(&mut self, at: u32) -> Option<()> {
        let owner = Owner { what: What::Module, name: self.exported.clone() };
        // One array may name others.
        let mut arrays = vec![at];
        while let Some(mut at) = arrays.pop() {
            loop {
                self.entry()?;
                self.region(at, layouts::SLOT);
                let number = self.number(at)? & layouts::SLOT_NUMBER;
                let value = at.checked_add(layouts::SLOT_VALUE)?;
                match number {
                    0 => break,
                    layouts::SUBSLOTS => {
                        let more = self.data(value)?.filter(|to| self.seen.insert((Table::Of(Role::ExportedSlots), *to)));
                        arrays.extend(more);
                    }
                    _ => {
                        if let Some((_, name, kind)) = layouts::EXPORTED_SLOTS.iter().find(|slot| slot.0 == number) {
                            self.kind(*kind, value, ("PySlot", name), &owner, true)?;
                        }
                    }
                }
                at = at.checked_add(layouts::SLOT)?;
            }
        }
        Some(())
    }

    fn methods(&mut self, mut at: u32) -> Option<()> {
        while self.data(at)?.is_some() {
            self.method(at)?;
            at = at.checked_add(layouts::METHOD)?;
        }
        Some(())
    }

    fn method(&mut self, at: u32) -> Option<()> {
        self.entry()?;
        self.region(at, layouts::METHOD);
        let owner = Owner { what: What::Method, name: self.name(at)? };
        let flags = self.number(at.checked_add(2 * layouts::POINTER)?)?;
        if flags & !layouts::METHOD_FLAGS != 0 {
            return None;
        }
        let (_, field, letters, trampoline) = layouts::METHODS.iter().find(|method| method.0 == flags & layouts::CALLING)?;
        let called = if *trampoline { Called::ByTrampoline } else { Called::Directly };
        self.pointer(at.checked_add(layouts::POINTER)?, ("PyMethodDef", field), &owner, letters, called);
        Some(())
    }

    fn getsets(&mut self, mut at: u32) -> Option<()> {
        while self.data(at)?.is_some() {
            self.getset(at)?;
            at = at.checked_add(layouts::GETSET)?;
        }
        Some(())
    }

    fn getset(&mut self, at: u32) -> Option<()> {
        self.entry()?;
        self.region(at, layouts::GETSET);
        let owner = Owner { what: What::Attribute, name: self.name(at)? };
        for field in &layouts::GETSETS {
            if let Kind::Call(letters) = field.kind {
                self.pointer(at.checked_add(field.at)?, ("PyGetSetDef", field.name), &owner, letters, Called::ByTrampoline);
            }
        }
        Some(())
    }

    fn spec(&mut self, at: u32) -> Option<()> {
        self.region(at, layouts::SPEC_SLOTS + layouts::POINTER);
        let owner = Owner { what: What::Type, name: self.name(at)? };
        let collected = self.is_collected(at.checked_add(layouts::SPEC_FLAGS)?);
        let mut slot = self.data(at.checked_add(layouts::SPEC_SLOTS)?)??;
        if !self.seen.insert((Table::TypeSlots(collected), slot)) {
            return Some(());
        }
        loop {
            self.entry()?;
            self.region(slot, layouts::TYPE_SLOT);
            let number = self.number(slot)?;
            if number == 0 {
                return Some(());
            }
            let known = layouts::TYPE_SLOTS.iter().find(|known| known.number == number && known.since <= self.python);
            if let Some(known) = known {
                let value = slot.checked_add(layouts::POINTER)?;
                self.kind(known.kind, value, ("PyType_Slot", known.name), &owner, collected)?;
            }
            slot = slot.checked_add(layouts::TYPE_SLOT)?;
        }
    }

    fn type_object(&mut self, at: u32) -> Option<()> {
        let owner = Owner { what: What::Type, name: self.name(at.checked_add(layouts::TYPE_NAME)?)? };
        let collected = self.is_collected(at.checked_add(layouts::TYPE_FLAGS)?);
        self.fields(&layouts::TYPE_OBJECT, at, "PyTypeObject", &owner, collected);
        Some(())
    }

    /// Whether the flags of a type, which are at `at`, say for certain that its objects are garbage collected.
    fn is_collected(&self, at: u32) -> bool {
        self.number(at).is_some_and(|flags| flags & layouts::HAVE_GC != 0)
    }
}
