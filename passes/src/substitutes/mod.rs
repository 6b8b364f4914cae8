//! Small functions that the runtime lacks are put into the module.
//!
//! Runtimes drop functions: Emscripten 4 has no `_emscripten_memcpy_js` any more, and main modules other than Pyodide's export only what
//! somebody thought of, so that a grammar of tree-sitter fails in its first `isalpha`. Some of them are leaves of a few instructions, whose
//! meaning the C standard or Emscripten's source fixes. The table (`substitutes.wat`, assembled in `substitutes.wasm`) has such bodies,
//! and an import becomes a definition with that body.
//!
//! It happens only where nobody else can be meant: the runtime does not have the name, nor has it at times, no sibling exports it, and
//! neither does the module. The type must be the table's to the letter. Weak imports stay, for code asks whether they are there, and so
//! do functions whose address is taken through the GOT, which the loader fills.
//!
//! **Relies on** musl's definitions in `src/ctype`, as Emscripten compiles it: those of bytes know no locale, and `iswdigit` and `iswxdigit`
//! know ASCII alone. What needs a table of Unicode (`iswalpha`, `towupper`) is not here. `abort` and `__assert_fail` end the program with
//! a trap instead of an exception of JavaScript with a text; neither can be caught by the module.

use crate::linking::siblings::SiblingExports;
use crate::module::{FunctionId, Import, Item, Module};
use crate::{Environment, Outcome};
use std::collections::HashSet;
use std::sync::LazyLock;

/// Name of the pass.
pub const PASS: &str = "substitutes";

const TABLE: &[u8] = include_bytes!("substitutes.wasm");

/// Read by one thread: others may wait for it, and one that waits for other threads in turn could do work that waits for this.
static READ: LazyLock<Module<'static>> = LazyLock::new(|| Module::read_valid(TABLE).expect("the table can be read"));

/// The functions that copy memory with one instruction.
const BULK: &str = "memcpy";

/// Puts functions into `module` that neither `environment` nor a sibling has.
pub fn run(module: &mut Module<'_>, environment: &Environment, siblings: &SiblingExports) -> Outcome {
    let mut outcome = Outcome::new(PASS);
    let mut bodies = Vec::new();
    let mut copies = false;
    let substitutable = Substitutable::of(module);
    for import in module.imports() {
        let name = &*import.field;
        if environment.may_define(name) || siblings.contains(name) {
            continue;
        }
        let Some((id, body)) = substitutable.body(import) else { continue };
        bodies.push((id, body.to_vec()));
        copies |= name.contains(BULK);
        outcome.count_named("functions_put_in", name.to_string(), 1);
    }
    if copies {
        module.add_target_features(&["bulk-memory"]);
    }
    module.define_functions(bodies);
    outcome
}

/// What of a module decides which of its imports a function of the table can stand for.
pub struct Substitutable<'m, 'a> {
    module: &'m Module<'a>,
    weak: HashSet<&'m str>,
    /// What the module exports itself or takes the address of.
    taken: HashSet<&'m str>,
}

impl<'m, 'a> Substitutable<'m, 'a> {
    /// What is known of `module` before anything is put into it.
    pub fn of(module: &'m Module<'a>) -> Self {
        let exports = module.exports().iter().map(|export| &*export.name);
        let addresses = module.imports().iter().filter(|import| import.module == "GOT.func").map(|import| &*import.field);
        Substitutable { module, weak: module.dylink.weak_imports(), taken: exports.chain(addresses).collect() }
    }

    /// Whether [`run`] would put a function in the place of `import`, if nobody else has it.
    pub fn has(&self, import: &Import<'_>) -> bool {
        self.body(import).is_some()
    }

    /// The function that `import` brings in, and the body in the table that can stand for it.
    fn body(&self, import: &Import<'_>) -> Option<(FunctionId, &'static [u8])> {
        let name = &*import.field;
        let Item::Function(substitute) = READ.export(name)? else { return None };
        let id = function(import)?;
        let fits = import.module == "env"
            && self.module.signature(id) == READ.signature(substitute)
            && self.module.memories().len() == 1
            && !self.taken.contains(name)
            && !self.weak.contains(name);
        READ.function(substitute).origin.defined().filter(|_| fits).map(|body| (id, &*body.bytes))
    }
}

fn function(import: &Import<'_>) -> Option<FunctionId> {
    match import.item {
        Item::Function(id) => Some(id),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linking::siblings::Exporters;
    use crate::{Item as Offered, Provider};
    use std::sync::Arc;

    const TEXT: &str = include_str!("substitutes.wat");

    #[test]
    fn the_table_is_what_the_text_says() {
        assert!(wat::parse_str(TEXT).unwrap() == TABLE, "assemble passes/src/substitutes/substitutes.wat into substitutes.wasm");
    }

    /// A body that names a function, a type, a global or a table would mean something else in another module.
    #[test]
    fn bodies_fit_any_module() {
        let table = Module::read_any(TABLE).unwrap();
        assert!(table.imports().is_empty() && table.globals().is_empty() && table.tables().is_empty());
        for (_, body) in table.bodies() {
            let body = wasmparser::FunctionBody::new(wasmparser::BinaryReader::new(&body.bytes, 0));
            for operator in body.get_operators_reader().unwrap() {
                let operator = operator.unwrap();
                let text = format!("{operator:?}");
                let named = ["function_index", "type_index", "global_index", "table", "blockty"];
                assert!(named.iter().all(|name| !text.contains(name)), "{text}");
            }
        }
    }

    fn module(more: &str) -> Vec<u8> {
        let text = format!(
            "(module
                (@custom \"dylink.0\" (before first) \"\\01\\04\\00\\00\\00\\00{more}
                (import \"env\" \"memory\" (memory 0))
                (func (export \"f\")))"
        );
        wat::parse_str(text).unwrap()
    }

    const IMPORT: &str = "\") (import \"env\" \"isalpha\" (func $isalpha (param i32) (result i32)))";

    fn changed(module: &[u8], environment: &Environment, siblings: &SiblingExports) -> bool {
        let mut module = Module::read(module).unwrap();
        let outcome = run(&mut module, environment, siblings);
        crate::validate(&module.write().unwrap()).unwrap();
        assert_eq!(outcome.is_unchanged(), module.import("env", "isalpha").is_some());
        !outcome.is_unchanged()
    }

    #[test]
    fn only_what_nobody_offers_is_put_in() {
        let nobody = SiblingExports::default();
        let siblings = SiblingExports::of_others(&Arc::new(Exporters::new([(1, "isalpha")].into_iter())), 0);
        let empty = Environment::default();
        assert!(changed(&module(IMPORT), &empty, &nobody));
        let mut offered = Environment::default();
        offered.add("isalpha", Provider::MainModule, Offered::Unknown);
        assert!(!changed(&module(IMPORT), &offered, &nobody));
        let mut sometimes = Environment::default();
        sometimes.sometimes.insert("isalpha".to_string());
        assert!(!changed(&module(IMPORT), &sometimes, &nobody));
        assert!(!changed(&module(IMPORT), &empty, &siblings));
        let addressed = format!("{IMPORT} (import \"GOT.func\" \"isalpha\" (global (mut i32)))");
        assert!(!changed(&module(&addressed), &empty, &nobody));
        // IMPORT_INFO with `env`, `isalpha` and the flag of weak binding.
        let weak = format!("\\04\\0e\\01\\03env\\07isalpha\\01{IMPORT}");
        assert!(!changed(&module(&weak), &empty, &nobody));
        let other_type = "\") (import \"env\" \"isalpha\" (func $isalpha (param i64) (result i32)))";
        assert!(!changed(&module(other_type), &empty, &nobody));
    }
}
