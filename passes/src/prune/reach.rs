//! Which parts of a group of modules can be reached from what stays.

use super::Member;
use crate::Result;
use crate::body::facts::{Facts, Kind};
use crate::linking::slots::{Table, Taken};
use crate::module::{ElementItems, FunctionId, Item, Module, SegmentKind};
use crate::parallel::prelude::*;
use std::collections::{HashMap, HashSet};

/// Why the slots of a function table all stay.
const UNCLEAR: &str = "code works on the table itself, or makes addresses of functions in a way that is not understood";

/// What stays of one module.
#[derive(Debug, Default)]
pub struct Reached {
    pub exports: HashSet<String>,
    pub functions: HashSet<u32>,
    /// Globals that are read, exported or imported and written. Assignments alone do not reach a global of the module.
    pub globals: HashSet<u32>,
    pub tags: HashSet<u32>,
    pub types: HashSet<u32>,
    /// Slots of the module's own part of the function table that somebody may name; `None` when that is not known.
    pub slots: Option<HashSet<u32>>,
    /// Why it is not known, where that is worth telling.
    pub slots_unknown: Option<&'static str>,
}

/// One module as a graph.
struct Graph<'g> {
    module: &'g Module<'g>,
    /// Names under which functions, globals and tags are imported.
    imports: HashMap<Node, &'g str>,
    exports: HashMap<&'g str, Item>,
    /// What is known of the function table; `None` when any slot may be in use.
    table: Option<Table<'g>>,
}

/// Something that can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Node {
    Function(u32),
    Global(u32),
    Tag(u32),
}

/// Finds what stays of each of `members`.
pub fn reach(members: &[Member<'_>]) -> Result<Vec<Reached>> {
    let graphs = members.par_iter().map(|member| Graph::new(&member.module)).collect::<Result<Vec<_>>>()?;
    let mut search = Search {
        exporters: exporters(&graphs),
        reached: graphs
            .iter()
            .map(|graph| Reached { slots: graph.table.as_ref().map(|_| HashSet::new()), ..Reached::default() })
            .collect(),
        lowest: vec![0; graphs.len()],
        graphs: &graphs,
        waiting: Vec::new(),
    };
    for (index, member) in members.iter().enumerate() {
        search.start(index, member)?;
    }
    search.run()?;
    Ok(search.reached)
}

/// The modules that export each name.
fn exporters<'g>(graphs: &[Graph<'g>]) -> HashMap<&'g str, Vec<usize>> {
    let mut exporters: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, graph) in graphs.iter().enumerate() {
        for name in graph.exports.keys() {
            exporters.entry(name).or_default().push(index);
        }
    }
    exporters
}

impl<'g> Graph<'g> {
    fn new(module: &'g Module<'g>) -> Result<Self> {
        let imports = module.imports().iter().filter_map(|import| Some((Node::of(import.item)?, &*import.field)));
        Ok(Graph {
            module,
            table: Table::new(module)?,
            imports: imports.collect(),
            exports: module.exports().iter().map(|export| (&*export.name, export.item)).collect(),
        })
    }
}

impl Node {
    fn of(item: Item) -> Option<Node> {
        match item {
            Item::Function(id) => Some(Node::Function(id.0)),
            Item::Global(id) => Some(Node::Global(id.0)),
            Item::Tag(id) => Some(Node::Tag(id.0)),
            // Tables and memories stay.
            Item::Table(_) | Item::Memory(_) => None,
        }
    }
}

struct Search<'s, 'g> {
    graphs: &'s [Graph<'g>],
    /// The modules that export each name that no import was found to need so far.
    exporters: HashMap<&'g str, Vec<usize>>,
    reached: Vec<Reached>,
    /// So many of the lowest slots of each module are reached.
    lowest: Vec<u32>,
    /// Reached, and what it refers to not yet: the module's place in the list, and the node.
    waiting: Vec<(usize, Node)>,
}

impl Search<'_, '_> {
    /// Reaches what stays of the module `index` whatever the others do.
    fn start(&mut self, index: usize, member: &Member<'_>) -> Result<()> {
        let module = &member.module;
        if member.fixed || self.takes_references(index)? {
            self.everything(index);
        }
        for export in module.exports().iter().filter(|export| member.stays(&export.name, export.item).is_some()) {
            self.export(index, &export.name);
        }
        if let Some(start) = module.start() {
            self.function(index, start);
        }
        let own = if self.graphs[index].table.is_some() { module.own_segment() } else { None };
        for (number, segment) in module.elements().iter().enumerate() {
            if let SegmentKind::Active { offset, .. } = &segment.kind {
                self.refer(index, &offset.facts()?);
            }
            match &segment.items {
                // Whoever names one of its slots reaches what is in it.
                _ if Some(number) == own => {}
                ElementItems::Functions(functions) => functions.iter().for_each(|function| self.function(index, *function)),
                ElementItems::Expressions(_, expressions) => {
                    for expression in expressions {
                        self.refer(index, &expression.facts()?);
                    }
                }
            }
        }
        for segment in module.data() {
            if let SegmentKind::Active { offset, .. } = &segment.kind {
                self.refer(index, &offset.facts()?);
            }
        }
        for init in module.tables().iter().filter_map(|table| table.origin.defined()?.as_ref()) {
            self.refer(index, &init.facts()?);
        }
        Ok(())
    }

    /// Whether code takes references of functions, which an export or a global may have to declare. Linkers write no such code.
    fn takes_references(&self, index: usize) -> Result<bool> {
        Ok(self.graphs[index].module.facts()?.iter().any(|(_, facts)| facts.taken().next().is_some()))
    }

    /// Reaches all of a module.
    fn everything(&mut self, index: usize) {
        let graphs = self.graphs;
        let graph = &graphs[index];
        graph.exports.keys().for_each(|name| self.export(index, name));
        graph.imports.keys().for_each(|node| self.node(index, *node));
        graph.module.bodies().for_each(|(id, _)| self.node(index, Node::Function(id.0)));
        (0..graph.module.globals().len() as u32).for_each(|id| self.node(index, Node::Global(id)));
        self.all_slots(index, None);
    }

    /// Reaches all slots: code may name any.
    fn all_slots(&mut self, index: usize, why: Option<&'static str>) {
        let reached = &mut self.reached[index];
        if reached.slots.take().is_some() {
            reached.slots_unknown = why;
            let functions = self.graphs[index].table.as_ref().map_or(&[][..], |table| table.functions);
            functions.iter().for_each(|function| self.function(index, *function));
        }
    }

    /// Reaches the slot `slot`, if it is the module's own.
    fn slot(&mut self, index: usize, slot: u32) {
        let Some(function) = self.graphs[index].table.as_ref().and_then(|table| table.functions.get(slot as usize)) else { return };
        if self.reached[index].slots.as_mut().is_some_and(|slots| slots.insert(slot)) {
            self.function(index, *function);
        }
    }

    /// Reaches so many of the module's own slots, from the first one on.
    fn lowest_slots(&mut self, index: usize, count: u32) {
        let own = self.graphs[index].table.as_ref().map_or(0, |table| table.functions.len() as u32);
        for slot in self.lowest[index]..count.min(own) {
            self.slot(index, slot);
        }
        self.lowest[index] = self.lowest[index].max(count.min(own));
    }

    /// Reaches the slots that `node` names.
    fn slots(&mut self, index: usize, node: Node) {
        let graphs = self.graphs;
        let Some(table) = &graphs[index].table else { return };
        match node {
            Node::Function(id) => match table.taken.get(&id) {
                Some(Taken { unclear: true, .. }) => self.all_slots(index, Some(UNCLEAR)),
                Some(taken) => {
                    taken.slots.iter().for_each(|slot| self.slot(index, *slot));
                    self.lowest_slots(index, taken.lowest);
                }
                None => {}
            },
            Node::Global(id) => table.globals.slots.get(&id).into_iter().for_each(|slot| self.slot(index, *slot)),
            Node::Tag(_) => {}
        }
    }

    fn run(&mut self) -> Result<()> {
        while let Some((index, node)) = self.waiting.pop() {
            let graphs = self.graphs;
            let graph = &graphs[index];
            if let Some(name) = graph.imports.get(&node) {
                // Whoever imports it next finds all of them reached.
                for exporter in self.exporters.remove(name).unwrap_or_default() {
                    self.export(exporter, name);
                }
            }
            self.slots(index, node);
            match node {
                Node::Function(id) => {
                    self.reached[index].types.insert(graph.module.function(FunctionId(id)).ty.0);
                    if let Some(body) = graph.module.function(FunctionId(id)).origin.defined() {
                        self.refer(index, body.facts()?);
                    }
                }
                Node::Global(id) => {
                    if let Some(init) = graph.module.globals()[id as usize].origin.defined() {
                        self.refer(index, &init.facts()?);
                    }
                }
                Node::Tag(id) => {
                    self.reached[index].types.insert(graph.module.tags()[id as usize].ty.0);
                }
            }
        }
        Ok(())
    }

    fn export(&mut self, index: usize, name: &str) {
        let Some(&item) = self.graphs[index].exports.get(name) else { return };
        if self.reached[index].exports.insert(name.to_string())
            && let Some(node) = Node::of(item)
        {
            self.node(index, node);
        }
    }

    fn function(&mut self, index: usize, id: FunctionId) {
        self.node(index, Node::Function(id.0));
    }

    fn refer(&mut self, index: usize, facts: &Facts) {
        let module = self.graphs[index].module;
        for immediate in &facts.immediates {
            let id = immediate.id;
            match immediate.kind {
                Kind::Call | Kind::TailCall | Kind::Reference => self.node(index, Node::Function(id)),
                Kind::Read => self.node(index, Node::Global(id)),
                Kind::Write if module.globals()[id as usize].origin.defined().is_none() => self.node(index, Node::Global(id)),
                Kind::BlockType | Kind::Type => drop(self.reached[index].types.insert(id)),
                Kind::Tag => self.node(index, Node::Tag(id)),
                // Tables stay.
                Kind::Write | Kind::Table => {}
            }
        }
    }

    fn node(&mut self, index: usize, node: Node) {
        let reached = &mut self.reached[index];
        let (new, node) = match node {
            Node::Function(id) => {
                let id = self.graphs[index].module.resolved(FunctionId(id)).0;
                (reached.functions.insert(id), Node::Function(id))
            }
            Node::Global(id) => (reached.globals.insert(id), node),
            Node::Tag(id) => (reached.tags.insert(id), node),
        };
        if new {
            self.waiting.push((index, node));
        }
    }
}
