//! The model of a linked side module.
//!
//! Sections stay byte ranges of the input until something needs them decoded; what passes work with (imports, functions, globals,
//! exports, element segments …) is decoded once by [`Module::read`]. Code, constant expressions and data stay bytes.
//!
//! **Stable ids.** A function, global, table, memory, tag or type keeps one id for its whole life: its index in the input, or the
//! next free number for what a pass adds. An import that becomes a definition keeps its id too, and so every reference to it stays
//! right without being visited. Bytes of code in the model are in *id space*: their index immediates are ids. Indices are assigned
//! once, by [`Module::write`], which rewrites the immediates of every body in one parallel sweep.

mod constants;
pub mod dylink;
mod edit;
mod encode;
mod features;
mod index;
mod names;
mod order;
mod read;
mod remap;
mod synthesize;
mod write;

use crate::body::facts::{self, Facts};
use crate::parallel::prelude::*;
use dylink::Dylink;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use wasmparser::{BinaryReader, FuncType, GlobalType, MemoryType, Operator, OperatorsReader, TableType};

pub use read::{FEATURES, Unsupported, validate};
pub use synthesize::Address;
pub(crate) use write::Written;

/// Id of a function type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub u32);
/// Id of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionId(pub u32);
/// Id of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(pub u32);
/// Id of a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemoryId(pub u32);
/// Id of a global.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GlobalId(pub u32);
/// Id of an exception tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagId(pub u32);

/// What an import brings in or an export gives out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Item {
    /// A function.
    Function(FunctionId),
    /// A table.
    Table(TableId),
    /// A memory.
    Memory(MemoryId),
    /// A global.
    Global(GlobalId),
    /// An exception tag.
    Tag(TagId),
}

/// One import. The order of the list is the order of the section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import<'a> {
    /// The module it is imported from, as the section has it: `env`, `GOT.mem`, …
    pub module: Cow<'a, str>,
    /// Its name there.
    pub field: Cow<'a, str>,
    /// What it brings in.
    pub item: Item,
}

/// One export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export<'a> {
    /// The name.
    pub name: Cow<'a, str>,
    /// What it gives out.
    pub item: Item,
}

/// Where an item comes from.
#[derive(Debug, Clone)]
pub enum Origin<T> {
    /// Some entry of [`Module::imports`] brings it in.
    Import,
    /// This module defines it.
    Defined(T),
    /// It is gone; nothing may refer to it any more.
    Dead,
}

impl<T> Origin<T> {
    /// Whether an import brings it in.
    pub fn is_import(&self) -> bool {
        matches!(self, Origin::Import)
    }

    /// Whether nothing is left of it.
    pub fn is_dead(&self) -> bool {
        matches!(self, Origin::Dead)
    }

    /// The definition, if this module has it.
    pub fn defined(&self) -> Option<&T> {
        match self {
            Origin::Defined(definition) => Some(definition),
            _ => None,
        }
    }
}

/// A function body: local declarations and code, in id space. Borrowed means untouched.
#[derive(Debug, Clone)]
pub struct Body<'a> {
    /// The bytes, sizes of their own not included.
    pub bytes: Cow<'a, [u8]>,
    /// Where the body began in the input file, for errors; 0 when it is new.
    pub offset: u64,
    /// Whether a pass has written other code.
    rewritten: bool,
    /// What it refers to, once somebody has asked.
    facts: OnceLock<Arc<Facts>>,
}

impl<'a> Body<'a> {
    /// The body that `bytes` are, which began at `offset` in the input file.
    fn borrowed(bytes: &'a [u8], offset: u64) -> Self {
        Body { bytes: bytes.into(), offset, rewritten: false, facts: OnceLock::new() }
    }

    /// A body that a pass has written.
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Body { bytes: bytes.into(), offset: 0, rewritten: true, facts: OnceLock::new() }
    }

    /// The same code with every index, constant and offset as short as it can be.
    fn shortened(&self) -> crate::Result<Self> {
        let bytes = facts::shortened(&self.bytes, self.offset)?;
        Ok(Body { rewritten: self.rewritten, ..Body::new(bytes) })
    }

    /// What it refers to, and where.
    ///
    /// # Errors
    /// Malformed code, which [`Module::read`] would have found.
    pub(crate) fn facts(&self) -> crate::Result<&Facts> {
        if let Some(facts) = self.facts.get() {
            return Ok(facts);
        }
        let facts = Facts::of_body(&self.bytes, self.offset)?;
        Ok(self.facts.get_or_init(|| Arc::new(facts)))
    }
}

/// A constant expression up to and with its `end`, in id space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConstExpr<'a> {
    /// The bytes.
    pub bytes: Cow<'a, [u8]>,
    /// Where it began in the input file, for errors; 0 when it is new.
    pub offset: u64,
}

/// A function, imported or defined.
#[derive(Debug, Clone)]
pub struct Function<'a> {
    /// Its signature.
    pub ty: TypeId,
    /// Where it comes from; a definition is a body.
    pub origin: Origin<Body<'a>>,
}

/// A global, imported or defined.
#[derive(Debug, Clone)]
pub struct Global<'a> {
    /// Its type.
    pub ty: GlobalType,
    /// Where it comes from; a definition is an initial value.
    pub origin: Origin<ConstExpr<'a>>,
}

/// A table, imported or defined.
#[derive(Debug, Clone)]
pub struct Table<'a> {
    /// Its type.
    pub ty: TableType,
    /// A definition may have an initial value.
    pub origin: Origin<Option<ConstExpr<'a>>>,
}

/// A memory, imported or defined.
#[derive(Debug, Clone)]
pub struct Memory {
    /// Its type.
    pub ty: MemoryType,
    /// Where it comes from.
    pub origin: Origin<()>,
}

/// An exception tag, imported or defined.
#[derive(Debug, Clone)]
pub struct Tag {
    /// The types of what an exception carries, as parameters of a function.
    pub ty: TypeId,
    /// Where it comes from.
    pub origin: Origin<()>,
}

/// Where a segment goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SegmentKind<'a, Target> {
    /// Written at instantiation; `explicit` keeps the longer encoding that names target 0.
    Active {
        /// The table or memory.
        target: Target,
        /// Whether it is named although it is the first.
        explicit: bool,
        /// Where in it the segment begins.
        offset: ConstExpr<'a>,
    },
    /// Code copies it when it wants to.
    Passive,
    /// Only declares that its functions may be referenced (element segments).
    Declared,
}

/// One element segment.
#[derive(Debug, Clone)]
pub struct ElementSegment<'a> {
    /// Where it goes.
    pub kind: SegmentKind<'a, TableId>,
    /// What it puts there.
    pub items: ElementItems<'a>,
}

/// What an element segment puts into the table.
#[derive(Debug, Clone)]
pub enum ElementItems<'a> {
    /// Functions by their ids.
    Functions(Vec<FunctionId>),
    /// References of a type, computed by expressions.
    Expressions(wasmparser::RefType, Vec<ConstExpr<'a>>),
}

/// One data segment.
#[derive(Debug, Clone)]
pub struct DataSegment<'a> {
    /// Where it goes.
    pub kind: SegmentKind<'a, MemoryId>,
    /// Borrowed means untouched.
    pub bytes: Cow<'a, [u8]>,
}

/// One section of the input file.
#[derive(Debug, Clone)]
struct Section {
    id: u8,
    /// The whole section: id, size and payload.
    range: Range<usize>,
    /// Where the payload begins.
    payload: usize,
    /// Name of a custom section; empty for the others.
    name: String,
    /// Whether a pass dropped it.
    dropped: bool,
    /// A new payload (behind the name) for a custom section, if a pass gave one.
    replacement: Option<Vec<u8>>,
}

/// Section ids of the binary format, in no order of their own.
mod section {
    pub const CUSTOM: u8 = 0;
    pub const TYPE: u8 = 1;
    pub const IMPORT: u8 = 2;
    pub const FUNCTION: u8 = 3;
    pub const TABLE: u8 = 4;
    pub const MEMORY: u8 = 5;
    pub const GLOBAL: u8 = 6;
    pub const EXPORT: u8 = 7;
    pub const START: u8 = 8;
    pub const ELEMENT: u8 = 9;
    pub const CODE: u8 = 10;
    pub const DATA: u8 = 11;
    pub const DATA_COUNT: u8 = 12;
    pub const TAG: u8 = 13;
    /// The order in which the known sections must stand.
    pub const ORDER: [u8; 13] =
        [TYPE, IMPORT, FUNCTION, TABLE, MEMORY, TAG, GLOBAL, EXPORT, START, ELEMENT, DATA_COUNT, CODE, DATA];
}

/// What is done to the section of the linking metadata because of how it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// The section `dylink` of old becomes `dylink.0`.
    Legacy,
    /// `dylink.0` gets its place and its form.
    Canonical,
}

/// Which known sections a pass has changed, as a set of section ids.
#[derive(Debug, Clone, Copy, Default)]
struct Touched(u32);

impl Touched {
    fn insert(&mut self, id: u8) {
        self.0 |= 1 << id;
    }
    fn contains(self, id: u8) -> bool {
        self.0 & (1 << id) != 0
    }
}

/// A linked Emscripten side module.
#[derive(Debug, Clone)]
pub struct Module<'a> {
    input: &'a [u8],
    sections: Vec<Section>,
    touched: Touched,
    /// The linking metadata; written back when it differs from what was read.
    pub dylink: Dylink,
    dylink_read: Dylink,
    dylink_canonical: bool,
    /// What is done to the section anyway, until a pass has told.
    dylink_repair: Option<Repair>,
    types: Vec<FuncType>,
    /// The first of each type.
    type_ids: HashMap<FuncType, TypeId>,
    /// Types that are gone.
    dead_types: HashSet<TypeId>,
    /// Functions that are gone, and which stand for them: every reference to the former means the latter.
    replaced: HashMap<FunctionId, FunctionId>,
    imports: Vec<Import<'a>>,
    functions: Vec<Function<'a>>,
    tables: Vec<Table<'a>>,
    memories: Vec<Memory>,
    tags: Vec<Tag>,
    globals: Vec<Global<'a>>,
    exports: Vec<Export<'a>>,
    start: Option<FunctionId>,
    elements: Vec<ElementSegment<'a>>,
    data: Vec<DataSegment<'a>>,
    /// Names for functions that a pass added, written if the module has a name section.
    new_names: Vec<(FunctionId, String)>,
    /// The order that a pass chose for the functions that are defined; those that it does not mention come last.
    function_order: Vec<FunctionId>,
    /// Whether LEBs around the code are made as short as they can be.
    shortest_lebs: bool,
    /// While reading: how many declared functions still wait for their body.
    bodiless: usize,
}

impl<'a> Module<'a> {
    /// Has [`Module::write`] encode every known section anew instead of copying those that no pass changed. The result means the
    /// same; it serves to test the encoding.
    pub fn encode_everything(&mut self) {
        for id in section::ORDER {
            if self.sections.iter().any(|section| section.id == id) {
                self.touched.insert(id);
            }
        }
    }

    /// Makes LEBs as short as they can be, in code and, when the module is written, around it. What does not get shorter is copied as it is.
    ///
    /// # Errors
    /// Malformed code, which [`Module::read`] would have found.
    pub fn shorten_lebs(&mut self) -> crate::Result<()> {
        self.shortest_lebs = true;
        let padded: Vec<FunctionId> = self.bodies_that(|facts| facts.padded)?.into_iter().map(|(id, _)| id).collect();
        for id in padded {
            self.touched.insert(section::CODE);
            if let Origin::Defined(body) = &mut self.functions[id.0 as usize].origin {
                *body = body.shortened()?;
            }
        }
        Ok(())
    }

    /// All function types by their ids, those that are gone included.
    pub fn types(&self) -> &[FuncType] {
        &self.types
    }

    /// All imports, in the order of the section.
    pub fn imports(&self) -> &[Import<'a>] {
        &self.imports
    }

    /// All functions by their ids, those that are gone included.
    pub fn functions(&self) -> &[Function<'a>] {
        &self.functions
    }

    /// The function `id`.
    pub fn function(&self, id: FunctionId) -> &Function<'a> {
        &self.functions[id.0 as usize]
    }

    /// All globals by their ids, those that are gone included.
    pub fn globals(&self) -> &[Global<'a>] {
        &self.globals
    }

    /// All tables by their ids, those that are gone included.
    pub fn tables(&self) -> &[Table<'a>] {
        &self.tables
    }

    /// All memories by their ids, those that are gone included.
    pub fn memories(&self) -> &[Memory] {
        &self.memories
    }

    /// All tags by their ids, those that are gone included.
    pub fn tags(&self) -> &[Tag] {
        &self.tags
    }

    /// All exports, in the order of the section.
    pub fn exports(&self) -> &[Export<'a>] {
        &self.exports
    }

    /// The function that runs when the module is instantiated.
    pub fn start(&self) -> Option<FunctionId> {
        self.start
    }

    /// All element segments.
    pub fn elements(&self) -> &[ElementSegment<'a>] {
        &self.elements
    }

    /// All data segments.
    pub fn data(&self) -> &[DataSegment<'a>] {
        &self.data
    }

    /// The signature of a function.
    pub fn signature(&self, id: FunctionId) -> &FuncType {
        &self.types[self.function(id).ty.0 as usize]
    }

    /// The functions that this module defines, with their bodies.
    pub fn bodies(&self) -> impl Iterator<Item = (FunctionId, &Body<'a>)> {
        let numbered = self.functions.iter().enumerate();
        numbered.filter_map(|(index, function)| Some((FunctionId(index as u32), function.origin.defined()?)))
    }

    /// What the bodies of the functions that this module defines refer to. Those that nobody has asked for yet are looked at, several at a
    /// time.
    ///
    /// # Errors
    /// Malformed code, which [`Module::read`] would have found.
    pub(crate) fn facts(&self) -> crate::Result<Vec<(FunctionId, &Facts)>> {
        let bodies: Vec<_> = self.bodies().collect();
        bodies.into_par_iter().map(|(id, body)| Ok((id, body.facts()?))).collect()
    }

    /// The functions that this module defines for whose facts `wanted` holds, with their bodies.
    ///
    /// # Errors
    /// As [`Module::facts`].
    pub(crate) fn bodies_that(&self, wanted: impl Fn(&Facts) -> bool) -> crate::Result<Vec<(FunctionId, &Body<'a>)>> {
        let facts = self.facts()?;
        Ok(self.bodies().zip(facts).filter(|(_, (_, facts))| wanted(facts)).map(|(body, _)| body).collect())
    }

    /// The item that the import `module.field` brings in, if there is one; the first of several.
    pub fn import(&self, module: &str, field: &str) -> Option<Item> {
        self.imports.iter().find(|import| import.module == module && import.field == field).map(|import| import.item)
    }

    /// The global that the import `env.name` brings in: `__memory_base` and the like.
    pub fn base(&self, name: &str) -> Option<GlobalId> {
        if let Some(Item::Global(id)) = self.import("env", name) { Some(id) } else { None }
    }

    /// The item exported as `name`.
    pub fn export(&self, name: &str) -> Option<Item> {
        self.exports.iter().find(|export| export.name == name).map(|export| export.item)
    }

    /// Names of the custom sections that are still there, in order.
    pub fn custom_sections(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().filter(|s| s.id == section::CUSTOM && !s.dropped).map(|s| s.name.as_str())
    }

    /// Whether the metadata stood in the section `dylink` of old.
    pub fn has_legacy_dylink(&self) -> bool {
        self.sections.first().is_some_and(|section| section.name == dylink::LEGACY_SECTION)
    }

    /// What [`Module::write`] will do to the section of the linking metadata whatever passes do: told once.
    pub fn take_dylink_repair(&mut self) -> Option<Repair> {
        self.dylink_repair.take()
    }

    /// Whether `dylink.0` will be encoded anew: because a pass changed it, or because it was not in the canonical form.
    fn dylink_changes(&self) -> bool {
        self.dylink != self.dylink_read || !self.dylink_canonical
    }

    /// The contents of the custom section `name`, its name not included.
    pub fn custom_section(&self, name: &str) -> Option<&[u8]> {
        let section = self.sections.iter().find(|s| s.id == section::CUSTOM && s.name == name && !s.dropped)?;
        Some(match &section.replacement {
            Some(payload) => payload,
            None => &self.input[section.payload..section.range.end],
        })
    }

    /// Replaces the contents of the custom section `name`; nothing happens when there is none.
    pub fn replace_custom_section(&mut self, name: &str, payload: Vec<u8>) {
        if let Some(section) = self.sections.iter_mut().find(|s| s.id == section::CUSTOM && s.name == name && !s.dropped) {
            section.replacement = Some(payload);
        }
    }

    /// Drops the custom sections for whose name `unwanted` holds, and returns their names.
    pub fn drop_custom_sections(&mut self, unwanted: impl Fn(&str) -> bool) -> Vec<String> {
        let mut dropped = Vec::new();
        for section in &mut self.sections {
            if section.id == section::CUSTOM && !section.dropped && unwanted(&section.name) {
                section.dropped = true;
                dropped.push(section.name.clone());
            }
        }
        dropped
    }
}

impl ConstExpr<'_> {
    /// What it refers to, and where.
    ///
    /// # Errors
    /// A malformed expression, which [`Module::read`] would have found.
    pub(crate) fn facts(&self) -> crate::Result<Facts> {
        Facts::of_expression(&self.bytes, self.offset)
    }

    /// The functions that it takes references of.
    pub fn functions(&self) -> impl Iterator<Item = FunctionId> {
        let operators = OperatorsReader::new(BinaryReader::new(&self.bytes, self.offset));
        operators.into_iter().filter_map(|operator| match operator {
            Ok(Operator::RefFunc { function_index }) => Some(FunctionId(function_index)),
            _ => None,
        })
    }

    /// The value, where it is an `i32.const` and nothing else.
    pub fn as_i32(&self) -> Option<i32> {
        let operators = OperatorsReader::new(BinaryReader::new(&self.bytes, self.offset));
        let operators: Vec<_> = operators.into_iter().take(3).map_while(Result::ok).collect();
        match operators[..] {
            [Operator::I32Const { value }, Operator::End] => Some(value),
            _ => None,
        }
    }

    /// Whether it is the value of the global `id` and nothing else.
    fn is_global(&self, id: GlobalId) -> bool {
        let operators = OperatorsReader::new(BinaryReader::new(&self.bytes, self.offset));
        let operators: Vec<_> = operators.into_iter().take(3).map_while(Result::ok).collect();
        matches!(operators[..], [Operator::GlobalGet { global_index }, Operator::End] if global_index == id.0)
    }

    /// The constant that it adds to the global `base`, if that is what it does.
    pub fn offset_from(&self, base: GlobalId) -> Option<u32> {
        let operators = OperatorsReader::new(BinaryReader::new(&self.bytes, self.offset));
        let operators: Vec<Operator<'_>> = operators.into_iter().collect::<Result<_, _>>().ok()?;
        match operators[..] {
            [Operator::GlobalGet { global_index }, Operator::End] if global_index == base.0 => Some(0),
            [Operator::GlobalGet { global_index }, Operator::I32Const { value }, Operator::I32Add, Operator::End]
            | [Operator::I32Const { value }, Operator::GlobalGet { global_index }, Operator::I32Add, Operator::End]
                if global_index == base.0 =>
            {
                u32::try_from(value).ok()
            }
            _ => None,
        }
    }

    /// `i32.const value`
    fn i32(value: i32) -> Self {
        let mut bytes = Vec::new();
        wasm_encoder::InstructionSink::new(&mut bytes).i32_const(value).end();
        ConstExpr { bytes: bytes.into(), offset: 0 }
    }
}
