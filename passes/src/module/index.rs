//! From ids to the indices of the output: imports first, in the order of the import section, then definitions in the order of their
//! ids or, for functions, in the one that a pass chose.

use super::{FunctionId, GlobalId, Item, MemoryId, Module, Origin, TableId, TagId, TypeId};
use crate::{Error, Result};
use std::collections::HashSet;

/// The index of every id of one index space.
#[derive(Debug)]
pub struct IndexMap {
    what: &'static str,
    indices: Vec<u32>,
    /// Ids of items that are gone and for which another one stands.
    replaced: HashSet<u32>,
    identity: bool,
}

/// Index of an item that is gone.
const DEAD: u32 = u32::MAX;

impl IndexMap {
    /// `numbered` are the ids of all items that are still there, in the order of their indices; `count` is the number of ids.
    fn new(what: &'static str, count: usize, numbered: impl Iterator<Item = u32>) -> Self {
        let mut indices = vec![DEAD; count];
        for (index, id) in numbered.enumerate() {
            indices[id as usize] = index as u32;
        }
        let mut map = IndexMap { what, indices, replaced: HashSet::new(), identity: false };
        map.compare();
        map
    }

    /// Has references to the first of each pair of ids mean the second.
    fn replace(&mut self, pairs: impl Iterator<Item = (u32, u32)>) {
        for (id, by) in pairs {
            self.indices[id as usize] = self.indices[by as usize];
            self.replaced.insert(id);
        }
        self.compare();
    }

    /// Has each id mean the number at its place in `numbers`.
    pub fn number(&mut self, numbers: Vec<u32>) {
        self.indices = numbers;
        self.compare();
    }

    fn compare(&mut self) {
        self.identity = self.indices.iter().enumerate().all(|(id, &index)| index == DEAD || index as usize == id);
    }

    /// The index of the id `id`; an error if it is gone, which means that a pass removed something still in use.
    pub fn get(&self, id: u32) -> Result<u32> {
        match self.indices.get(id as usize) {
            Some(&index) if index != DEAD => Ok(index),
            _ => Err(Error::Internal(format!("a reference to the removed {} {id} is left", self.what))),
        }
    }

    /// The index of the id `id`, if it is still there itself.
    pub fn alive(&self, id: u32) -> Option<u32> {
        self.indices.get(id as usize).copied().filter(|&index| index != DEAD && !self.replaced.contains(&id))
    }

    /// Whether every id that is left is its own index.
    pub fn is_identity(&self) -> bool {
        self.identity
    }

    /// Whether no id is gone.
    fn is_complete(&self) -> bool {
        self.replaced.is_empty() && !self.indices.contains(&DEAD)
    }
}

/// The index spaces of one module.
#[derive(Debug)]
pub struct IndexMaps {
    pub types: IndexMap,
    pub functions: IndexMap,
    pub tables: IndexMap,
    pub memories: IndexMap,
    pub globals: IndexMap,
    pub tags: IndexMap,
}

impl IndexMaps {
    pub fn new(module: &Module<'_>) -> Self {
        Self::in_order(module, &module.defined_functions())
    }

    /// The functions that the module defines come in the order of `functions`.
    pub fn in_order(module: &Module<'_>, functions: &[FunctionId]) -> Self {
        let imports = || module.imports.iter().map(|import| import.item);
        let imported = imports().filter_map(|item| if let Item::Function(FunctionId(id)) = item { Some(id) } else { None });
        let tables = imports().filter_map(|item| if let Item::Table(TableId(id)) = item { Some(id) } else { None });
        let memories = imports().filter_map(|item| if let Item::Memory(MemoryId(id)) = item { Some(id) } else { None });
        let globals = imports().filter_map(|item| if let Item::Global(GlobalId(id)) = item { Some(id) } else { None });
        let tags = imports().filter_map(|item| if let Item::Tag(TagId(id)) = item { Some(id) } else { None });
        let functions = imported.chain(functions.iter().map(|id| id.0));
        let mut functions = IndexMap::new("function", module.functions.len(), functions);
        functions.replace(module.replaced.keys().map(|id| (id.0, module.resolved(*id).0)));
        let types = (0..module.types.len() as u32).filter(|id| module.has_type(TypeId(*id)));
        let globals = globals.chain(defined(module.globals.iter().map(|global| &global.origin)));
        let tables = tables.chain(defined(module.tables.iter().map(|table| &table.origin)));
        let memories = memories.chain(defined(module.memories.iter().map(|memory| &memory.origin)));
        let tags = tags.chain(defined(module.tags.iter().map(|tag| &tag.origin)));
        IndexMaps {
            types: IndexMap::new("type", module.types.len(), types),
            functions,
            tables: IndexMap::new("table", module.tables.len(), tables),
            memories: IndexMap::new("memory", module.memories.len(), memories),
            globals: IndexMap::new("global", module.globals.len(), globals),
            tags: IndexMap::new("tag", module.tags.len(), tags),
        }
    }

    /// Every id stands for itself, or for what took its place.
    pub fn of_ids(module: &Module<'_>) -> Self {
        let itself = |what, count: usize| IndexMap::new(what, count, 0..count as u32);
        let mut functions = itself("function", module.functions.len());
        functions.replace(module.replaced.keys().map(|id| (id.0, module.resolved(*id).0)));
        IndexMaps {
            types: itself("type", module.types.len()),
            functions,
            tables: itself("table", module.tables.len()),
            memories: itself("memory", module.memories.len()),
            globals: itself("global", module.globals.len()),
            tags: itself("tag", module.tags.len()),
        }
    }

    fn spaces(&self) -> [&IndexMap; 6] {
        [&self.types, &self.functions, &self.tables, &self.memories, &self.globals, &self.tags]
    }

    /// Whether code can be copied as it is.
    pub fn are_identity(&self) -> bool {
        self.spaces().iter().all(|space| space.is_identity())
    }

    /// Whether names can be copied as they are: none is that of something which is gone.
    pub fn keep_names(&self) -> bool {
        self.spaces().iter().all(|space| space.is_identity() && space.is_complete())
    }

    pub fn item(&self, item: Item) -> Result<u32> {
        match item {
            Item::Function(id) => self.function(id),
            Item::Table(id) => self.table(id),
            Item::Memory(id) => self.memories.get(id.0),
            Item::Global(id) => self.globals.get(id.0),
            Item::Tag(id) => self.tags.get(id.0),
        }
    }

    pub fn ty(&self, id: TypeId) -> Result<u32> {
        self.types.get(id.0)
    }

    pub fn function(&self, id: FunctionId) -> Result<u32> {
        self.functions.get(id.0)
    }

    pub fn table(&self, id: TableId) -> Result<u32> {
        self.tables.get(id.0)
    }
}

/// The ids of those that the module defines.
fn defined<'o, T: 'o>(origins: impl Iterator<Item = &'o Origin<T>>) -> impl Iterator<Item = u32> {
    (0..).zip(origins).filter(|(_, origin)| matches!(origin, Origin::Defined(_))).map(|(id, _)| id)
}
