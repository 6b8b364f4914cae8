//! Structs whose layout differs between the platform a module was built for and the one it goes to.
//!
//! Nothing in the module can be rewritten for that: its code has the old offsets. Whether it ever uses the struct cannot be told
//! either, so it is not refused; the user is told what to compile anew. The platform it was built for is known from the tag of its
//! wheel. Without one, imports of JavaScript exception handling tell that it is 2024_0 or older, since no later platform has them.

use super::Target;
use anyhow::Result;
use std::collections::BTreeSet;
use wasm_pyfix_passes::ExceptionAbi;
use wasmparser::{Parser, Payload, TypeRef};

/// Last platform whose side modules handle exceptions in JavaScript.
const LAST_JAVASCRIPT: &str = "pyodide_2024_0";

/// For each struct that `module`, built for `source`, exchanges with the runtime of `target` in another layout: a sentence that
/// begins with "imports".
///
/// # Errors
/// When the module is malformed.
pub fn notices(module: &[u8], source: Option<&Target>, target: &Target) -> Result<Vec<String>> {
    let imports = imported_functions(module)?;
    let source = match source {
        Some(source) => source,
        None if target.exception_abi == ExceptionAbi::Native && imports.iter().any(|name| is_javascript_exceptions(name)) => {
            Target::find(LAST_JAVASCRIPT)?
        }
        None => return Ok(Vec::new()),
    };
    let mut notices = Vec::new();
    for change in target.struct_changes_since(source) {
        let names: Vec<String> = imports.iter().filter(|name| change.concerns(name)).map(|name| format!("`{name}`")).collect();
        let notice = format!(
            "imports {}, which takes the struct `{}`; that has another layout on {} than on {}, so a module that uses it must be \
             compiled anew",
            names.join(", "),
            change.structure,
            target.name,
            source.name
        );
        // A struct that changed twice is still one struct.
        if !names.is_empty() && !notices.contains(&notice) {
            notices.push(notice);
        }
    }
    Ok(notices)
}

/// Names of the functions that `module` imports to call them or to take their addresses.
fn imported_functions(module: &[u8]) -> Result<BTreeSet<&str>> {
    let mut names = BTreeSet::new();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    let is_function = matches!(import.ty, TypeRef::Func(_) | TypeRef::FuncExact(_));
                    if is_function && import.module == "env" || import.module == "GOT.func" {
                        names.insert(import.name);
                    }
                }
            }
            Payload::FunctionSection(_) | Payload::CodeSectionStart { .. } => break,
            _ => {}
        }
    }
    Ok(names)
}

fn is_javascript_exceptions(name: &str) -> bool {
    ["invoke_", "__cxa_find_matching_catch_"].iter().any(|prefix| name.starts_with(prefix))
}
