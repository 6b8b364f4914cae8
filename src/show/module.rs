//! What is in one side module.

use super::abi::abi;
use super::families::{FAMILIES, family};
use super::{Function, Functions, Linking, Module, Need, Producer, Relocations, Section, Symbol, Symbols};
use indexmap::IndexMap;
use std::collections::{HashMap, HashSet};
use wasm_pyfix_passes::Result;
use wasm_pyfix_passes::module::dylink;
use wasm_pyfix_passes::survey::{self, Kind, Survey};
use wasmparser::{FuncType, GlobalType, ValType};

/// Which lists are wanted in full.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    pub imports: bool,
    pub exports: bool,
    /// How many of the largest functions.
    pub functions: usize,
}

/// Describes the module `bytes`. NEEDED is not resolved.
///
/// # Errors
/// When it cannot be decoded.
pub fn describe(bytes: &[u8], wanted: Wanted) -> Result<Module> {
    let survey = survey::survey(bytes)?;
    Ok(Module {
        path: None,
        size: bytes.len() as u64,
        linking: linking(&survey),
        abi: abi(&survey),
        imports: imports(&survey, wanted.imports),
        exports: exports(&survey, wanted.exports),
        functions: functions(&survey, wanted.functions),
        relocations: relocations(&survey),
        sections: (survey.sections.into_iter())
            .map(|section| Section { name: section.name, custom: section.custom, size: section.size, count: section.count })
            .collect(),
        producers: survey.producers.into_iter().map(|[field, name, version]| Producer { field, name, version }).collect(),
        target_features: survey.target_features,
    })
}

fn linking(survey: &Survey) -> Option<Linking> {
    let found = survey.linking.as_ref()?;
    let metadata = &found.dylink;
    let elsewhere = |name: &String| Need { name: name.clone(), path: None, found: super::Found::Elsewhere };
    Some(Linking {
        section: if found.legacy { dylink::LEGACY_SECTION } else { dylink::SECTION },
        first: found.first,
        memory_size: metadata.memory_size,
        memory_alignment: 1 << metadata.memory_alignment,
        table_size: metadata.table_size,
        needed: metadata.needed.iter().map(elsewhere).collect(),
        runtime_path: metadata.runtime_path.clone(),
        weak_imports: weak(survey).len(),
    })
}

/// Names that may be missing; loaders match by the field alone.
fn weak(survey: &Survey) -> HashSet<&str> {
    survey.linking.as_ref().map(|linking| linking.dylink.weak_imports()).unwrap_or_default()
}

/// What kind an item is, and its type in words.
fn kind(kind: &Kind) -> (&'static str, Option<String>) {
    match kind {
        Kind::Function(ty) => ("function", Some(signature(ty))),
        Kind::Global(ty) => ("global", Some(global_type(ty))),
        Kind::Tag(ty) => ("tag", Some(signature(ty))),
        Kind::Table => ("table", None),
        Kind::Memory(_) => ("memory", None),
        Kind::Other => ("other", None),
    }
}

fn signature(ty: &FuncType) -> String {
    let list = |types: &[ValType]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    format!("({}) -> ({})", list(ty.params()), list(ty.results()))
}

fn global_type(ty: &GlobalType) -> String {
    if ty.mutable { format!("mutable {}", ty.content_type) } else { ty.content_type.to_string() }
}

fn imports(survey: &Survey, all: bool) -> Symbols {
    let weak = weak(survey);
    let exported: HashSet<&str> = survey.exports.iter().map(|export| &*export.name).collect();
    let mut list = Vec::with_capacity(survey.imports.len());
    for import in &survey.imports {
        let (mut kind, mut ty) = kind(&import.kind);
        // A GOT entry is a global for what it stands for.
        for got in ["GOT.func", "GOT.mem"] {
            if import.module == got {
                (kind, ty) = (got, None);
            }
        }
        let name = import.field.clone();
        let (family, weak) = (family(&name).name, weak.contains(&*name));
        list.push(Symbol { module: Some(import.module.clone()), name, kind, ty, family, weak });
    }
    symbols(list, &exported, all)
}

fn exports(survey: &Survey, all: bool) -> Symbols {
    let imported: HashSet<&str> = survey.imports.iter().map(|import| &*import.field).collect();
    let symbol = |export: &survey::Export| {
        let (kind, ty) = kind(&export.kind);
        Symbol { module: None, name: export.name.clone(), kind, ty, family: family(&export.name).name, weak: false }
    };
    symbols(survey.exports.iter().map(symbol).collect(), &imported, all)
}

/// Counts `list`; `others` are the names on the other side of the module.
fn symbols(list: Vec<Symbol>, others: &HashSet<&str>, all: bool) -> Symbols {
    const KINDS: [&str; 8] = ["function", "GOT.func", "GOT.mem", "global", "tag", "table", "memory", "other"];
    let count_of = |wanted: &dyn Fn(&Symbol) -> bool| list.iter().filter(|symbol| wanted(symbol)).count();
    let counts = |names: &mut dyn Iterator<Item = &'static str>, of: fn(&Symbol) -> &'static str| {
        let counted = names.map(|name| (name, count_of(&|symbol| of(symbol) == name)));
        counted.filter(|(_, count)| *count > 0).collect::<IndexMap<_, _>>()
    };
    let both_ways: HashSet<&str> = list.iter().map(|symbol| &*symbol.name).filter(|name| others.contains(name)).collect();
    Symbols {
        count: list.len(),
        kinds: counts(&mut KINDS.into_iter(), |symbol| symbol.kind),
        families: counts(&mut FAMILIES.iter().map(|family| family.name), |symbol| symbol.family),
        both_ways: both_ways.len(),
        list: all.then_some(list),
    }
}

fn functions(survey: &Survey, count: usize) -> Functions {
    let exported: HashMap<u32, &str> = (survey.exports.iter().rev())
        .filter(|export| matches!(export.kind, Kind::Function(_)))
        .map(|export| (export.index, &*export.name))
        .collect();
    let mut largest: Vec<&survey::Function> = survey.functions.iter().collect();
    largest.sort_by_key(|function| (std::cmp::Reverse(function.size), function.index));
    let name = |function: &survey::Function| {
        let own = function.name.clone();
        own.or_else(|| exported.get(&function.index).map(ToString::to_string))
    };
    let describe = |function: &&survey::Function| Function { index: function.index, name: name(function), size: function.size };
    Functions {
        count: survey.functions.len(),
        size: survey.functions.iter().map(|function| function.size).sum(),
        largest: largest.iter().take(count).map(describe).collect(),
    }
}

fn relocations(survey: &Survey) -> Relocations {
    let size = |index: Option<u32>| index.and_then(|index| survey.body_size(index)).unwrap_or(0);
    Relocations { data_code_size: size(survey.exported_function("__wasm_apply_data_relocs")), start_code_size: size(survey.start) }
}
