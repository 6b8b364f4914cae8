//! What a pass may need that the linker did not give a module: memory of its own, table slots, and globals that hold their
//! addresses.
//!
//! Addresses of a side module are known only when it is loaded: `__memory_base + n` and `__table_base + n`. Constant expressions
//! that add need the extended-const feature, which engines as young as V8 11.3 (Node 20) reject, so the start function computes
//! them, as lld's own `__wasm_apply_global_relocs` does.

use super::encode::{self, MUTABLE_I32};
use super::*;
use crate::{Error, Result, body, code};
use wasm_encoder::{MemArg, MemArgTarget};
use wasmparser::{RefType, ValType};

/// An address that is known when the module is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// Bytes behind `__memory_base`.
    Memory(u32),
    /// Slots behind `__table_base`.
    Table(u32),
}

/// Engines refuse larger tables (WebAssembly JavaScript Interface, implementation-defined limits).
const MAX_TABLE_SIZE: u32 = 10_000_000;

/// A word of memory, so many bytes behind an address.
fn word(offset: u64) -> MemArg {
    MemArg { offset, align: 2, target: MemArgTarget::Memory(0), ordering: None }
}

const IMMUTABLE_I32: GlobalType = GlobalType { content_type: ValType::I32, mutable: false, shared: false };

impl Module<'_> {
    /// Reserves `size` bytes of zeroed memory, aligned to 2^`alignment`: the loader zeroes what it gives to a module.
    ///
    /// # Errors
    /// [`Error::Refused`] when the module would not fit 32-bit memory.
    pub fn reserve_memory(&mut self, size: u32, alignment: u32) -> Result<Address> {
        let too_large = || Error::refused(code::NO_ROOM, "its data fills 32-bit memory; there is no room for more");
        let begin = self.dylink.memory_size.checked_next_multiple_of(1 << alignment).ok_or_else(too_large)?;
        self.dylink.memory_size = begin.checked_add(size).ok_or_else(too_large)?;
        self.dylink.memory_alignment = self.dylink.memory_alignment.max(alignment);
        Ok(Address::Memory(begin))
    }

    /// Gives the data segment `index` other contents.
    pub fn set_data(&mut self, index: usize, bytes: Vec<u8>) {
        self.touched.insert(section::DATA);
        self.data[index].bytes = bytes.into();
    }

    /// Adds a data segment that `memory.init` copies; returns its index.
    pub fn add_passive_data(&mut self, bytes: Vec<u8>) -> u32 {
        self.touched.insert(section::DATA);
        // Code that names a segment is valid only when this section precedes it.
        self.touched.insert(section::DATA_COUNT);
        self.data.push(DataSegment { kind: SegmentKind::Passive, bytes: bytes.into() });
        self.data.len() as u32 - 1
    }

    /// The table that function pointers index, imported if the module has none.
    pub fn function_table(&mut self) -> TableId {
        let element_type = RefType::FUNCREF;
        let ty = TableType { element_type, table64: false, initial: 0, maximum: None, shared: false };
        self.import_table("env", "__indirect_function_table", ty)
    }

    /// Gives the function `id` a slot of its own in the function table.
    ///
    /// # Errors
    /// [`Error::Refused`] when the module fills its slots in a way that leaves no place to append to.
    pub fn add_table_slot(&mut self, id: FunctionId) -> Result<Address> {
        self.add_table_slots(&[id])?;
        Ok(Address::Table(self.dylink.table_size - 1))
    }

    /// Gives each of `ids` a slot of its own in the function table, one behind the other.
    ///
    /// # Errors
    /// [`Error::Refused`] when the module fills its slots in a way that leaves no place to append to.
    pub fn add_table_slots(&mut self, ids: &[FunctionId]) -> Result<()> {
        let Some(first) = ids.first() else { return Ok(()) };
        let table = self.function_table();
        if self.elements.iter().all(|segment| !matches!(segment.kind, SegmentKind::Active { .. })) {
            let base = self.import_global("env", "__table_base", IMMUTABLE_I32);
            let mut bytes = Vec::new();
            wasm_encoder::InstructionSink::new(&mut bytes).global_get(base.0).end();
            let offset = ConstExpr { bytes: bytes.into(), offset: 0 };
            let kind = SegmentKind::Active { target: table, explicit: false, offset };
            self.elements.push(ElementSegment { kind, items: ElementItems::Functions(Vec::new()) });
        }
        let Some(index) = self.own_segment() else {
            return Err(Error::refused(
                code::UNUSUAL_LINKING,
                "its function table is not one list of functions at `__table_base`, as linkers write it",
            ));
        };
        let reserved = self.dylink.table_size;
        if reserved as usize + ids.len() > MAX_TABLE_SIZE as usize {
            return Err(Error::refused(
                code::NO_ROOM,
                format!("it asks for {reserved} table slots, and needs more than engines grant"),
            ));
        }
        let ElementItems::Functions(functions) = &mut self.elements[index].items else {
            return Err(Error::Internal("the module's own segment is no list of functions".to_string()));
        };
        self.touched.insert(section::ELEMENT);
        // Slots that the linker reserved beyond the list hold null and belong to this module: filling them hurts nobody.
        while functions.len() < reserved as usize {
            functions.push(*first);
        }
        functions.extend_from_slice(ids);
        self.dylink.table_size = functions.len() as u32;
        Ok(())
    }

    /// The functions in the module's own table slots, from `__table_base` on; none when it fills them in another way than linkers do.
    pub fn own_slots(&self) -> &[FunctionId] {
        match self.own_segment().map(|index| &self.elements[index].items) {
            Some(ElementItems::Functions(functions)) => functions,
            _ => &[],
        }
    }

    /// Shortens the data by the zeros at its end, but for one, where that is known to change nothing: the loader zeroes what it gives to a
    /// module. Returns the number of bytes.
    pub fn trim_data(&mut self) -> usize {
        let Some(Item::Global(base)) = self.import("env", "__memory_base") else { return 0 };
        let active = |segment: &&mut DataSegment<'_>| matches!(segment.kind, SegmentKind::Active { .. });
        let mut active = self.data.iter_mut().filter(active);
        let (Some(segment), None) = (active.next(), active.next()) else { return 0 };
        let at_base = matches!(&segment.kind, SegmentKind::Active { target: MemoryId(0), offset, .. } if offset.is_global(base));
        let used = segment.bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let spare = segment.bytes.len().saturating_sub(used + 1);
        if !at_base || spare == 0 || segment.bytes.len() > self.dylink.memory_size as usize {
            return 0;
        }
        match &mut segment.bytes {
            Cow::Borrowed(bytes) => *bytes = &bytes[..used + 1],
            Cow::Owned(bytes) => bytes.truncate(used + 1),
        }
        self.touched.insert(section::DATA);
        spare
    }

    /// Whether [`Module::own_slots`] tells all slots of the module, and more can be appended.
    pub fn fills_own_slots(&self) -> bool {
        let active = |segment: &ElementSegment<'_>| matches!(segment.kind, SegmentKind::Active { .. });
        self.own_segment().is_some() || !self.elements.iter().any(active)
    }

    /// Puts `functions` into the module's own table slots, of which there are as many or more. The loader makes room for `table_size`
    /// slots only, so the import of the table must not ask for those that go.
    pub fn set_own_slots(&mut self, functions: Vec<FunctionId>) {
        let Some(index) = self.own_segment() else { return };
        let before = self.own_slots().len();
        if self.dylink.table_size as usize == before {
            self.dylink.table_size = functions.len() as u32;
        }
        let gone = before.saturating_sub(functions.len()) as u64;
        if gone > 0
            && let Some(Item::Table(table)) = self.import("env", "__indirect_function_table")
        {
            let ty = &mut self.tables[table.0 as usize].ty;
            ty.initial = ty.initial.saturating_sub(gone);
            self.touched.insert(section::IMPORT);
        }
        self.touched.insert(section::ELEMENT);
        self.elements[index].items = ElementItems::Functions(functions);
    }

    /// The segment that fills the function table, when it is the only active one, a list of functions, and begins at `__table_base`.
    pub fn own_segment(&self) -> Option<usize> {
        let Some(Item::Table(table)) = self.import("env", "__indirect_function_table") else { return None };
        let Some(Item::Global(base)) = self.import("env", "__table_base") else { return None };
        let active = |segment: &ElementSegment<'_>| matches!(segment.kind, SegmentKind::Active { .. });
        let mut active = self.elements.iter().enumerate().filter(|(_, segment)| active(segment));
        let (Some((index, segment)), None) = (active.next(), active.next()) else { return None };
        let at_base = matches!(&segment.kind, SegmentKind::Active { target, offset, .. }
            if *target == table && offset.is_global(base));
        (at_base && matches!(segment.items, ElementItems::Functions(_))).then_some(index)
    }

    /// Checks that imports of names that the dynamic-linking conventions define have the types they say, so that passes may use them.
    ///
    /// # Errors
    /// [`Error::Refused`] for a module that no loader could link.
    pub fn check_conventions(&self) -> Result<()> {
        for import in &self.imports {
            if let Some(expected) = self.breaks_convention(import) {
                return Err(Error::refused(
                    code::UNUSUAL_LINKING,
                    format!(
                        "its import `{}.{}` is not {expected}, as the dynamic-linking conventions have it: no loader would link it",
                        import.module, import.field
                    ),
                ));
            }
        }
        Ok(())
    }

    /// What `import` should be, if it is something else.
    fn breaks_convention(&self, import: &Import<'_>) -> Option<&'static str> {
        let is_global = |ty: GlobalType| matches!(import.item, Item::Global(id) if self.globals[id.0 as usize].ty == ty);
        let (holds, expected) = match (import.module.as_ref(), import.field.as_ref()) {
            ("env", "__stack_pointer") | ("GOT.mem" | "GOT.func", _) => (is_global(MUTABLE_I32), "a mutable i32 global"),
            ("env", "__memory_base" | "__table_base") => (is_global(IMMUTABLE_I32), "an immutable i32 global"),
            ("env", "__indirect_function_table") => {
                let table = |id: TableId| self.tables[id.0 as usize].ty.element_type == RefType::FUNCREF;
                (matches!(import.item, Item::Table(id) if table(id)), "a table of functions")
            }
            ("env", "__cpp_exception" | "__c_longjmp") => {
                let one_i32 = FuncType::new([ValType::I32], []);
                let tag = |id: TagId| self.types[self.tags[id.0 as usize].ty.0 as usize] == one_i32;
                (matches!(import.item, Item::Tag(id) if tag(id)), "a tag with one i32")
            }
            _ => return None,
        };
        (!holds).then_some(expected)
    }

    /// Has the start function put addresses into globals before anything else runs.
    pub fn initialize_globals(&mut self, globals: &[(GlobalId, Address)]) {
        if globals.is_empty() {
            return;
        }
        let mut function = wasm_encoder::Function::new([]);
        let (mut memory_base, mut table_base) = (None, None);
        for &(global, address) in globals {
            let (known, name, offset) = match address {
                Address::Memory(offset) => (&mut memory_base, "__memory_base", offset),
                Address::Table(offset) => (&mut table_base, "__table_base", offset),
            };
            let base = *known.get_or_insert_with(|| self.import_global("env", name, IMMUTABLE_I32));
            function.instructions().global_get(base.0).i32_const(offset as i32).i32_add().global_set(global.0);
        }
        self.run_first(function);
    }

    /// Has the start function write addresses into memory of the module before anything else runs: one word behind the other, from `begin` on.
    pub fn write_addresses(&mut self, begin: u32, addresses: &[Address]) {
        let memory_base = self.import_global("env", "__memory_base", IMMUTABLE_I32).0;
        let mut function = wasm_encoder::Function::new([]);
        for (index, address) in addresses.iter().enumerate() {
            function.instructions().global_get(memory_base);
            match address {
                Address::Memory(offset) => {
                    function.instructions().global_get(memory_base).i32_const(*offset as i32).i32_add();
                }
                Address::Table(slot) => {
                    let table_base = self.import_global("env", "__table_base", IMMUTABLE_I32).0;
                    function.raw(body::relocated(table_base, *slot));
                }
            }
            let offset = u64::from(begin) + 4 * index as u64;
            function.instructions().i32_store(word(offset));
        }
        self.run_first(function);
    }

    /// Has the start function read globals out of memory before anything else runs, each so many bytes behind the address in another one.
    pub fn read_addresses(&mut self, globals: &[(GlobalId, GlobalId, u32)]) {
        let mut function = wasm_encoder::Function::new([]);
        for (global, base, offset) in globals {
            function.instructions().global_get(base.0).i32_load(word(u64::from(*offset))).global_set(global.0);
        }
        self.run_first(function);
    }

    /// Has the start function run `function`, which takes no arguments and has no `end` yet, before anything else.
    pub(super) fn run_first(&mut self, mut function: wasm_encoder::Function) {
        if let Some(start) = self.start {
            function.instructions().call(start.0);
        }
        function.instructions().end();
        let ty = FuncType::new([], []);
        let start = self.add_function(&ty, function.into_raw_body(), "__wasm_pyfix_start");
        self.set_start(start);
    }

    /// The global `__stack_pointer`, imported if the module lacks it.
    pub fn stack_pointer(&mut self) -> GlobalId {
        self.import_global("env", "__stack_pointer", MUTABLE_I32)
    }

    /// The global that holds the address of the data symbol `name`, imported if the module lacks it.
    pub fn data_address(&mut self, name: &str) -> GlobalId {
        self.import_global("GOT.mem", name, MUTABLE_I32)
    }

    /// Exports the data `offset` bytes behind `__memory_base` as the symbol `name`. The loader adds the base to what is exported, and
    /// of several modules that export a name, the first one is meant by all of them.
    pub fn export_data(&mut self, name: &str, offset: u32) {
        let id = GlobalId(self.globals.len() as u32);
        self.touched.insert(section::GLOBAL);
        self.touched.insert(section::EXPORT);
        self.globals.push(Global { ty: IMMUTABLE_I32, origin: Origin::Defined(ConstExpr::i32(offset as i32)) });
        self.exports.push(Export { name: name.to_string().into(), item: Item::Global(id) });
    }

    /// The type of a wrapper's zero result, for passes that build code.
    pub fn encoded_type(ty: ValType) -> Result<wasm_encoder::ValType> {
        encode::value_type(ty)
    }
}
