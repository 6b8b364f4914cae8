//! What a module is made of: sections and their sizes, imports and exports with their types, functions with their sizes and names.
//!
//! For reports, which must be able to describe what no pass takes: modules with threads or 64-bit memory, without linking metadata, or
//! of features that this engine does not know. So it reads the bytes on its own, decodes no more than it tells, and validates nothing
//! but what it decodes.
//!
//! **Relies on** the tool-conventions of WebAssembly for custom sections: `DynamicLinking.md` (`dylink.0`), `ProducersSection.md` and
//! `Linking.md` (`target_features`).

use crate::module::dylink::{Dylink, LEGACY_SECTION, SECTION};
use crate::parallel::prelude::*;
use crate::{Error, Result};
use std::collections::HashMap;
use wasmparser::{
    BinaryReader, CompositeInnerType, CustomSectionReader, ExternalKind, FuncType, FunctionBody, GlobalType, KnownCustom,
    MemoryType, Name, Operator, Parser, Payload, TypeRef,
};

/// A module as it lies in its file.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// The linking metadata, if there are any.
    pub linking: Option<Linking>,
    /// All sections in their order.
    pub sections: Vec<Section>,
    /// All imports, in their order.
    pub imports: Vec<Import>,
    /// All exports, in their order.
    pub exports: Vec<Export>,
    /// The functions that the module defines, in the order of their indices.
    pub functions: Vec<Function>,
    /// Index of the function that runs at instantiation.
    pub start: Option<u32>,
    /// The memories, imported ones first.
    pub memories: Vec<MemoryType>,
    /// How many functions have exception handlers of the legacy instructions (`try`), and of the new ones (`try_table`).
    pub legacy_handlers: usize,
    /// How many functions have handlers of the new instructions.
    pub new_handlers: usize,
    /// The section `producers`: field, name and version.
    pub producers: Vec<[String; 3]>,
    /// The section `target_features`: the features that the code uses.
    pub target_features: Vec<String>,
}

/// The linking metadata and where they stand.
#[derive(Debug, Clone)]
pub struct Linking {
    /// What it says.
    pub dylink: Dylink,
    /// Whether they are in the section `dylink` of old.
    pub legacy: bool,
    /// Whether their section is the first, where loaders look for it.
    pub first: bool,
}

/// One section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// `type`, `import`, …; the name of a custom section.
    pub name: String,
    /// Whether it is a custom section.
    pub custom: bool,
    /// Bytes, with id and length; those of all sections and the eight of the header are the file.
    pub size: u64,
    /// How many things it lists, where it is a list.
    pub count: Option<u32>,
}

/// What an import or an export is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A function of this type.
    Function(FuncType),
    /// A global of this type.
    Global(GlobalType),
    /// A tag for exceptions of this type.
    Tag(FuncType),
    /// A table.
    Table,
    /// A memory of this type.
    Memory(MemoryType),
    /// Of a type that side modules do not use.
    Other,
}

/// One import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The module it is imported from.
    pub module: String,
    /// Its name there.
    pub field: String,
    /// What it is.
    pub kind: Kind,
}

/// One export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// The name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Index of what it gives out.
    pub index: u32,
}

/// One function with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its index.
    pub index: u32,
    /// Bytes of the body, without its length.
    pub size: u64,
    /// What the section `name` calls it.
    pub name: Option<String>,
}

impl Survey {
    /// The size of the body of the function `index`; `None` when the module does not define it.
    pub fn body_size(&self, index: u32) -> Option<u64> {
        let first = self.functions.first()?.index;
        Some(self.functions.get(index.checked_sub(first)? as usize)?.size)
    }

    /// Index of the exported function `name`.
    pub fn exported_function(&self, name: &str) -> Option<u32> {
        let is_it = |export: &&Export| export.name == name && matches!(export.kind, Kind::Function(_));
        self.exports.iter().find(is_it).map(|export| export.index)
    }
}

/// Looks over the module `bytes`.
///
/// # Errors
/// [`Error::Malformed`] where they cannot be decoded.
pub fn survey(bytes: &[u8]) -> Result<Survey> {
    let mut reader = Reader::default();
    for payload in Parser::new(0).parse_all(bytes) {
        reader.read(payload?)?;
    }
    reader.finish()
}

/// A survey in the making.
#[derive(Default)]
struct Reader<'a> {
    survey: Survey,
    types: Vec<Option<FuncType>>,
    /// The types of all functions, globals and tags by index.
    functions: Vec<u32>,
    globals: Vec<GlobalType>,
    tags: Vec<u32>,
    /// Name, kind and index; they get their types at the end.
    exports: Vec<(String, ExternalKind, u32)>,
    bodies: Vec<FunctionBody<'a>>,
    names: HashMap<u32, String>,
    imported_functions: u32,
    /// Where the section read last ends.
    end: u64,
}

/// Bytes before the first section: magic number and version.
const HEADER: u64 = 8;

impl<'a> Reader<'a> {
    fn read(&mut self, payload: Payload<'a>) -> Result<()> {
        if let Some((id, range)) = payload.as_section() {
            let size = range.end - self.end.max(HEADER);
            self.end = range.end;
            let (name, custom) = match &payload {
                Payload::CustomSection(section) => (section.name().to_string(), true),
                _ => (section_name(id).to_string(), false),
            };
            self.survey.sections.push(Section { name, custom, size, count: count(&payload) });
        }
        match payload {
            Payload::Version { encoding: wasmparser::Encoding::Component, .. } => {
                return Err(Error::malformed(4, "this is a WebAssembly component; only core modules can be side modules"));
            }
            Payload::TypeSection(types) => {
                for group in types {
                    self.types.extend(group?.into_types().map(|ty| match ty.composite_type.inner {
                        CompositeInnerType::Func(ty) => Some(ty),
                        _ => None,
                    }));
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import?;
                    let kind = self.imported(import.ty);
                    self.survey.imports.push(Import { module: import.module.to_string(), field: import.name.to_string(), kind });
                }
                self.imported_functions = self.functions.len() as u32;
            }
            Payload::FunctionSection(functions) => {
                for ty in functions {
                    self.functions.push(ty?);
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    self.survey.memories.push(memory?);
                }
            }
            Payload::TagSection(tags) => {
                for tag in tags {
                    self.tags.push(tag?.func_type_idx);
                }
            }
            Payload::GlobalSection(globals) => {
                for global in globals {
                    self.globals.push(global?.ty);
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    self.exports.push((export.name.to_string(), export.kind, export.index));
                }
            }
            Payload::StartSection { func, .. } => self.survey.start = Some(func),
            Payload::CodeSectionEntry(body) => self.bodies.push(body),
            Payload::CustomSection(section) => self.custom(&section)?,
            _ => {}
        }
        Ok(())
    }

    fn function_type(&self, ty: u32) -> Option<FuncType> {
        self.types.get(ty as usize)?.clone()
    }

    /// Numbers an imported item.
    fn imported(&mut self, ty: TypeRef) -> Kind {
        match ty {
            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                self.functions.push(ty);
                self.function_type(ty).map_or(Kind::Other, Kind::Function)
            }
            TypeRef::Global(ty) => {
                self.globals.push(ty);
                Kind::Global(ty)
            }
            TypeRef::Tag(ty) => {
                self.tags.push(ty.func_type_idx);
                self.function_type(ty.func_type_idx).map_or(Kind::Other, Kind::Tag)
            }
            TypeRef::Memory(ty) => {
                self.survey.memories.push(ty);
                Kind::Memory(ty)
            }
            TypeRef::Table(_) => Kind::Table,
        }
    }

    fn exported(&self, kind: ExternalKind, index: u32) -> Kind {
        let typed = |types: &[u32]| types.get(index as usize).and_then(|ty| self.function_type(*ty));
        let found = match kind {
            ExternalKind::Func | ExternalKind::FuncExact => typed(&self.functions).map(Kind::Function),
            ExternalKind::Tag => typed(&self.tags).map(Kind::Tag),
            ExternalKind::Global => self.globals.get(index as usize).copied().map(Kind::Global),
            ExternalKind::Memory => self.survey.memories.get(index as usize).copied().map(Kind::Memory),
            ExternalKind::Table => Some(Kind::Table),
        };
        found.unwrap_or(Kind::Other)
    }

    fn custom(&mut self, section: &CustomSectionReader<'a>) -> Result<()> {
        let (data, offset) = (section.data(), section.data_offset());
        let legacy = section.name() == LEGACY_SECTION;
        if (legacy || section.name() == SECTION) && self.survey.linking.is_none() {
            let dylink = if legacy { Dylink::read_legacy(data, offset)? } else { Dylink::read(data, offset)? };
            self.survey.linking = Some(Linking { dylink, legacy, first: self.survey.sections.len() == 1 });
            return Ok(());
        }
        match section.as_known() {
            // Names are help for readers: what is wrong with them is no fault of the module.
            KnownCustom::Name(names) => {
                for names in names.into_iter().map_while(Result::ok) {
                    if let Name::Function(names) = names {
                        let names = names.into_iter().map_while(Result::ok);
                        self.names.extend(names.map(|naming| (naming.index, naming.name.to_string())));
                    }
                }
            }
            KnownCustom::Producers(fields) => {
                for field in fields.into_iter().map_while(Result::ok) {
                    let values = field.values.into_iter().map_while(Result::ok);
                    self.survey.producers.extend(values.map(|value| [field.name, value.name, value.version].map(str::to_string)));
                }
            }
            _ if section.name() == "target_features" => {
                self.survey.target_features = target_features(BinaryReader::new(data, offset)).unwrap_or_default();
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Survey> {
        let handlers: Vec<Result<[bool; 2]>> = self.bodies.par_iter().map(handlers).collect();
        for found in handlers {
            let [legacy, new] = found?;
            self.survey.legacy_handlers += usize::from(legacy);
            self.survey.new_handlers += usize::from(new);
        }
        for (index, body) in (self.imported_functions..).zip(&self.bodies) {
            let range = body.range();
            let name = self.names.get(&index).cloned();
            self.survey.functions.push(Function { index, size: range.end - range.start, name });
        }
        let exports = std::mem::take(&mut self.exports);
        self.survey.exports =
            (exports.into_iter()).map(|(name, kind, index)| Export { name, kind: self.exported(kind, index), index }).collect();
        Ok(self.survey)
    }
}

/// Whether a body has exception handlers of the legacy instructions, and of the new ones.
fn handlers(body: &FunctionBody<'_>) -> Result<[bool; 2]> {
    let mut found = [false; 2];
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        match operators.read()? {
            Operator::Try { .. } => found[0] = true,
            Operator::TryTable { .. } => found[1] = true,
            _ => {}
        }
    }
    Ok(found)
}

fn target_features(mut reader: BinaryReader<'_>) -> Result<Vec<String>> {
    let mut features = Vec::new();
    for _ in 0..reader.read_var_u32()? {
        let used = reader.read_u8()? == b'+';
        let name = reader.read_string()?;
        if used {
            features.push(name.to_string());
        }
    }
    Ok(features)
}

fn count(payload: &Payload<'_>) -> Option<u32> {
    Some(match payload {
        Payload::TypeSection(section) => section.count(),
        Payload::ImportSection(section) => section.count(),
        Payload::FunctionSection(section) => section.count(),
        Payload::TableSection(section) => section.count(),
        Payload::MemorySection(section) => section.count(),
        Payload::TagSection(section) => section.count(),
        Payload::GlobalSection(section) => section.count(),
        Payload::ExportSection(section) => section.count(),
        Payload::ElementSection(section) => section.count(),
        Payload::DataSection(section) => section.count(),
        Payload::CodeSectionStart { count, .. } => *count,
        _ => return None,
    })
}

/// Names of the sections by their ids, as the specification calls them.
fn section_name(id: u8) -> &'static str {
    const NAMES: [&str; 14] = [
        "custom",
        "type",
        "import",
        "function",
        "table",
        "memory",
        "global",
        "export",
        "start",
        "element",
        "code",
        "data",
        "data count",
        "tag",
    ];
    NAMES.get(usize::from(id)).copied().unwrap_or("unknown")
}
