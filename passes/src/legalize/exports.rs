//! Types of the functions that a module will export once its legalization is undone, read without the rest of the module.

use crate::linking::signature::has_i64;
use crate::module::{Item, Module};
use crate::{Error, Result};
use std::collections::HashMap;
use wasmparser::{ExternalKind, FuncType, Parser, Payload, TypeRef};

/// The functions that the module `input` exports, or will once its legalization is undone, with 64-bit integers in their types:
/// those exported as `orig$<name>`, and those that have them as they are.
///
/// # Errors
/// [`Error::Malformed`] for what is no module.
pub fn wide_exports(input: &[u8]) -> Result<HashMap<String, FuncType>> {
    let mut types = Vec::new();
    let mut functions = Vec::new();
    let mut wide = HashMap::new();
    for payload in Parser::new(0).parse_all(input) {
        match payload? {
            Payload::TypeSection(section) => {
                for group in section {
                    types.extend(group?.into_types().map(|ty| ty.composite_type.inner));
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    if let TypeRef::Func(ty) | TypeRef::FuncExact(ty) = import?.ty {
                        functions.push(ty);
                    }
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    functions.push(ty?);
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if !matches!(export.kind, ExternalKind::Func) {
                        continue;
                    }
                    let unknown = || Error::malformed(0, format!("export `{}` is no function of the module", export.name));
                    let ty = functions.get(export.index as usize).ok_or_else(unknown)?;
                    if let Some(wasmparser::CompositeInnerType::Func(ty)) = types.get(*ty as usize)
                        && has_i64(ty)
                    {
                        let name = export.name.strip_prefix(super::ORIGINAL).unwrap_or(export.name);
                        wide.insert(name.to_string(), ty.clone());
                    }
                }
            }
            // Both follow the exports; the bodies need not be looked at.
            Payload::ElementSection(_) | Payload::CodeSectionStart { .. } => break,
            _ => {}
        }
    }
    Ok(wide)
}

/// The same of `module`, which may have been changed since it was read.
pub fn wide_exports_of(module: &Module<'_>) -> HashMap<String, FuncType> {
    let functions = module.exports().iter().filter_map(|export| match export.item {
        Item::Function(id) => Some((&*export.name, module.signature(id))),
        _ => None,
    });
    let wide = functions.filter(|(_, ty)| has_i64(ty));
    wide.map(|(name, ty)| (name.strip_prefix(super::ORIGINAL).unwrap_or(name).to_string(), ty.clone())).collect()
}
