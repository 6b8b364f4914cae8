//! Bytes in: decodes a side module and refuses what this engine does not handle.
//!
//! The whole input is validated first, so that passes meet only well-formed code, and errors name the exact offset.

use super::dylink::{Dylink, LEGACY_SECTION, SECTION};
use super::*;
use crate::parallel::prelude::*;
use crate::{Error, Result, code};
use wasmparser::{
    BinaryReader, CompositeInnerType, DataKind, ElementKind, ExternalKind, FuncValidatorAllocations, Parser, Payload, TableInit,
    TypeRef, ValidPayload, Validator, WasmFeatures,
};

/// The features a module may use. Shared and 64-bit memories are recognised only to be refused in words.
pub const FEATURES: WasmFeatures = WasmFeatures::WASM2
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::RELAXED_SIMD)
    .union(WasmFeatures::THREADS)
    .union(WasmFeatures::MEMORY64)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::EXCEPTIONS)
    .union(WasmFeatures::COMPACT_IMPORTS)
    .union(WasmFeatures::LEGACY_EXCEPTIONS);

/// Validates a module, function bodies in parallel.
pub fn validate(bytes: &[u8]) -> Result<()> {
    let mut validator = Validator::new_with_features(FEATURES);
    let mut bodies = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        if let ValidPayload::Func(validate, body) = validator.payload(&payload?)? {
            bodies.push((validate, body));
        }
    }
    bodies.into_par_iter().try_for_each_init(FuncValidatorAllocations::default, |allocations, (validate, body)| {
        let mut validator = validate.into_validator(std::mem::take(allocations));
        validator.validate(&body)?;
        *allocations = validator.into_allocations();
        Ok(())
    })
}

impl<'a> Module<'a> {
    /// Decodes a linked side module.
    ///
    /// # Errors
    /// [`Error::Malformed`] where the input is not a valid linked side module, [`Error::Refused`] for relocatable objects,
    /// garbage-collected types and what is [`Unsupported`].
    pub fn read(input: &'a [u8]) -> Result<Self> {
        let module = Module::read_any(input)?;
        match module.unsupported() {
            Some(unsupported) => Err(Error::refused(unsupported.code(), unsupported.describe())),
            None => Ok(module),
        }
    }

    /// Decodes a linked side module, be it one that no pass may touch.
    ///
    /// # Errors
    /// As [`Module::read`], but for what is [`Unsupported`].
    pub fn read_any(input: &'a [u8]) -> Result<Self> {
        let kind = Parser::new(0).parse(input, true)?;
        if let wasmparser::Chunk::Parsed { payload: Payload::Version { encoding: wasmparser::Encoding::Component, .. }, .. } = kind
        {
            let message = "this is a WebAssembly component; only core modules can be side modules";
            return Err(Error::malformed(4, message));
        }
        validate(input)?;
        Module::read_valid(input)
    }

    /// Decodes a linked side module that [`validate`] has found to be valid: what is wrong with another one may go unnoticed.
    ///
    /// # Errors
    /// As [`Module::read_any`].
    pub fn read_valid(input: &'a [u8]) -> Result<Self> {
        let mut module = Module::empty(input);
        for payload in Parser::new(0).parse_all(input) {
            module.read_payload(payload?)?;
        }
        module.read_dylink()?;
        Ok(module)
    }

    fn empty(input: &'a [u8]) -> Self {
        Module {
            input,
            sections: Vec::new(),
            touched: Touched::default(),
            dylink: Dylink::default(),
            dylink_read: Dylink::default(),
            dylink_canonical: true,
            dylink_repair: None,
            types: Vec::new(),
            type_ids: HashMap::new(),
            dead_types: HashSet::new(),
            replaced: HashMap::new(),
            imports: Vec::new(),
            functions: Vec::new(),
            tables: Vec::new(),
            memories: Vec::new(),
            tags: Vec::new(),
            globals: Vec::new(),
            exports: Vec::new(),
            start: None,
            elements: Vec::new(),
            data: Vec::new(),
            new_names: Vec::new(),
            function_order: Vec::new(),
            shortest_lebs: false,
            bodiless: 0,
        }
    }

    fn read_payload(&mut self, payload: Payload<'a>) -> Result<()> {
        if let Some((id, range)) = payload.as_section() {
            self.read_section_range(id, range, &payload);
        }
        match payload {
            Payload::TypeSection(types) => {
                for group in types.into_iter_with_offsets() {
                    let (offset, group) = group?;
                    for ty in group.into_types() {
                        self.add_type(function_type(ty, offset)?);
                    }
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    self.read_import(import?)?;
                }
            }
            Payload::FunctionSection(functions) => {
                for ty in functions {
                    self.functions.push(Function { ty: TypeId(ty?), origin: Origin::Dead });
                    self.bodiless += 1;
                }
            }
            Payload::TableSection(tables) => {
                for table in tables {
                    let table = table?;
                    let init = match table.init {
                        TableInit::RefNull => None,
                        TableInit::Expr(init) => Some(const_expr(&init)?),
                    };
                    self.tables.push(Table { ty: table.ty, origin: Origin::Defined(init) });
                }
            }
            Payload::MemorySection(memories) => {
                for ty in memories {
                    self.memories.push(Memory { ty: ty?, origin: Origin::Defined(()) });
                }
            }
            Payload::TagSection(tags) => {
                for tag in tags {
                    self.tags.push(Tag { ty: TypeId(tag?.func_type_idx), origin: Origin::Defined(()) });
                }
            }
            Payload::GlobalSection(globals) => {
                for global in globals {
                    let global = global?;
                    self.globals.push(Global { ty: global.ty, origin: Origin::Defined(const_expr(&global.init_expr)?) });
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    self.exports.push(Export { name: export.name.into(), item: item(export.kind, export.index)? });
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(FunctionId(func)),
            Payload::ElementSection(elements) => {
                for element in elements {
                    self.elements.push(element_segment(element?)?);
                }
            }
            Payload::DataSection(segments) => {
                for segment in segments {
                    self.data.push(data_segment(self.input, segment?)?);
                }
            }
            Payload::CodeSectionEntry(body) => {
                // Bodies come in the order of the function section, whose entries come after the imports.
                let next = self.functions.len() - self.bodiless;
                self.bodiless -= 1;
                let body = Body::borrowed(body.as_bytes(), body.range().start);
                self.functions[next].origin = Origin::Defined(body);
            }
            _ => {}
        }
        Ok(())
    }

    fn read_section_range(&mut self, id: u8, payload: Range<u64>, section: &Payload<'a>) {
        let begin = self.sections.last().map_or(8, |last| last.range.end);
        let mut section_payload = payload.start as usize;
        let mut name = String::new();
        if let Payload::CustomSection(custom) = section {
            name = custom.name().to_string();
            section_payload = custom.data_offset() as usize;
        }
        let range = begin..payload.end as usize;
        self.sections.push(Section { id, range, payload: section_payload, name, dropped: false, replacement: None });
    }

    fn read_import(&mut self, import: wasmparser::Import<'a>) -> Result<()> {
        let item = match import.ty {
            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                self.functions.push(Function { ty: TypeId(ty), origin: Origin::Import });
                Item::Function(FunctionId(self.functions.len() as u32 - 1))
            }
            TypeRef::Table(ty) => {
                self.tables.push(Table { ty, origin: Origin::Import });
                Item::Table(TableId(self.tables.len() as u32 - 1))
            }
            TypeRef::Memory(ty) => {
                self.memories.push(Memory { ty, origin: Origin::Import });
                Item::Memory(MemoryId(self.memories.len() as u32 - 1))
            }
            TypeRef::Global(ty) => {
                self.globals.push(Global { ty, origin: Origin::Import });
                Item::Global(GlobalId(self.globals.len() as u32 - 1))
            }
            TypeRef::Tag(ty) => {
                self.tags.push(Tag { ty: TypeId(ty.func_type_idx), origin: Origin::Import });
                Item::Tag(TagId(self.tags.len() as u32 - 1))
            }
        };
        self.imports.push(Import { module: import.module.into(), field: import.name.into(), item });
        Ok(())
    }

    fn read_dylink(&mut self) -> Result<()> {
        let Some(index) = self.sections.iter().position(|s| s.name == SECTION || s.name == LEGACY_SECTION) else {
            let message = if self.custom_sections().any(|name| name == "linking") {
                "this is a relocatable object; link it into a side module first (-sSIDE_MODULE)"
            } else {
                "no `dylink.0` section: not a side module, or one that a strip tool broke; use the file as the linker wrote it"
            };
            return Err(Error::Malformed { code: code::NO_DYLINK, offset: 8, message: message.to_string() });
        };
        let section = &self.sections[index];
        let payload = &self.input[section.payload..section.range.end];
        let offset = section.payload as u64;
        if section.name == SECTION {
            self.dylink = Dylink::read(payload, offset)?;
            self.dylink_canonical = index == 0 && self.dylink.write() == payload;
            self.dylink_repair = (!self.dylink_canonical).then_some(Repair::Canonical);
        } else {
            self.dylink = Dylink::read_legacy(payload, offset)?;
            self.dylink_canonical = false;
            self.dylink_repair = Some(Repair::Legacy);
        }
        self.dylink_read = self.dylink.clone();
        // Loaders look at the first section only.
        let section = self.sections.remove(index);
        self.sections.insert(0, section);
        Ok(())
    }

    /// What keeps passes from touching the module, if anything does.
    pub fn unsupported(&self) -> Option<Unsupported> {
        if self.memories.iter().any(|memory| memory.ty.shared) {
            return Some(Unsupported::SharedMemory);
        }
        if self.memories.iter().any(|memory| memory.ty.memory64) || self.tables.iter().any(|table| table.ty.table64) {
            return Some(Unsupported::Memory64);
        }
        // Binaryen's asyncify exports its functions; in side modules it imports the state (`asyncify-import-globals`).
        let state =
            |import: &Import<'_>| import.module == "env" && matches!(&*import.field, "__asyncify_state" | "__asyncify_data");
        let asyncify = self.exports.iter().any(|export| export.name.starts_with("asyncify_")) || self.imports.iter().any(state);
        asyncify.then_some(Unsupported::Asyncify)
    }
}

/// What a side module may be that no pass touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsupported {
    /// Its memory is shared between threads.
    SharedMemory,
    /// Its memory or table has 64-bit addresses.
    Memory64,
    /// Binaryen's asyncify pass has instrumented it.
    Asyncify,
}

impl Unsupported {
    /// Which problem that is.
    pub fn code(self) -> &'static str {
        match self {
            Unsupported::SharedMemory => code::SHARED_MEMORY,
            Unsupported::Memory64 => code::MEMORY64,
            Unsupported::Asyncify => code::ASYNCIFY,
        }
    }

    /// What it is and what to do about it, a sentence about the module.
    pub fn describe(self) -> &'static str {
        match self {
            Unsupported::SharedMemory => {
                "it uses shared memory (built with -pthread), which no Pyodide runtime offers; rebuild it without threads"
            }
            Unsupported::Memory64 => "it is a 64-bit module (memory64); Pyodide runtimes are 32-bit; rebuild it for wasm32",
            Unsupported::Asyncify => {
                "it was instrumented by asyncify, whose code no longer has the shape a compiler wrote; relink it without -sASYNCIFY"
            }
        }
    }
}

fn function_type(ty: wasmparser::SubType, offset: u64) -> Result<FuncType> {
    match ty.composite_type.inner {
        CompositeInnerType::Func(ty) => Ok(ty),
        _ => Err(Error::malformed(offset, "a garbage-collected type; side modules of Emscripten have only function types")),
    }
}

fn item(kind: ExternalKind, index: u32) -> Result<Item> {
    Ok(match kind {
        ExternalKind::Func | ExternalKind::FuncExact => Item::Function(FunctionId(index)),
        ExternalKind::Table => Item::Table(TableId(index)),
        ExternalKind::Memory => Item::Memory(MemoryId(index)),
        ExternalKind::Global => Item::Global(GlobalId(index)),
        ExternalKind::Tag => Item::Tag(TagId(index)),
    })
}

fn const_expr<'a>(expr: &wasmparser::ConstExpr<'a>) -> Result<ConstExpr<'a>> {
    let mut reader: BinaryReader<'a> = expr.get_binary_reader();
    let offset = reader.original_position();
    let bytes = reader.read_bytes(reader.bytes_remaining())?;
    Ok(ConstExpr { bytes: bytes.into(), offset })
}

fn element_segment<'a>(element: wasmparser::Element<'a>) -> Result<ElementSegment<'a>> {
    let kind = match element.kind {
        ElementKind::Passive => SegmentKind::Passive,
        ElementKind::Declared => SegmentKind::Declared,
        ElementKind::Active { table_index, offset_expr } => SegmentKind::Active {
            target: TableId(table_index.unwrap_or(0)),
            explicit: table_index.is_some(),
            offset: const_expr(&offset_expr)?,
        },
    };
    let items = match element.items {
        wasmparser::ElementItems::Functions(functions) => {
            ElementItems::Functions(functions.into_iter().map(|id| id.map(FunctionId)).collect::<Result<_, _>>()?)
        }
        wasmparser::ElementItems::Expressions(ty, expressions) => {
            let expressions = expressions.into_iter().map(|expr| const_expr(&expr?));
            ElementItems::Expressions(ty, expressions.collect::<Result<_, _>>()?)
        }
    };
    Ok(ElementSegment { kind, items })
}

fn data_segment<'a>(input: &[u8], segment: wasmparser::Data<'a>) -> Result<DataSegment<'a>> {
    let kind = match segment.kind {
        DataKind::Passive => SegmentKind::Passive,
        DataKind::Active { memory_index, offset_expr } => SegmentKind::Active {
            target: MemoryId(memory_index),
            // The first byte of a segment tells whether its memory is named.
            explicit: input[segment.range.start as usize] != 0,
            offset: const_expr(&offset_expr)?,
        },
    };
    Ok(DataSegment { kind, bytes: segment.data.into() })
}
