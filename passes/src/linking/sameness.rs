//! What functions do that have no state of their own, so that functions of two modules can be told to do the same.
//!
//! A function of a side module gets at its own data, and at addresses of functions, through globals alone: `__memory_base`,
//! `__table_base` and what is computed from these. One that reads and writes no global but the stack pointer, and whose callees do not
//! either, does nothing but what its arguments say. Two such functions with the same type and the same code, whose calls mean the same in
//! turn, do the same, whichever module they are in.
//!
//! An imported function means what the loader finds under its name, which may differ from module to module: who offers it has to be told.
//!
//! **Nothing is told** of functions that call themselves, by whatever way, or an import of which nobody knows who offers it, that take a
//! reference of a function, throw with a tag of the module's own, or work on tables or segments. **Relies on** a hash of 64 bits.

use crate::Result;
use crate::body::facts::{Facts, Kind, behind_leb};
use crate::module::{Body, FunctionId, Item, Module};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use wasmparser::{BinaryReader, FunctionBody, Operator};

/// The only global that functions may use.
const STACK_POINTER: &str = "__stack_pointer";

/// The functions of a module, as far as somebody has asked for them.
pub struct Doings<'m> {
    module: &'m Module<'m>,
    /// The hash of what a function does, if that can be told; `None` as well while it is looked at.
    known: HashMap<FunctionId, Option<u64>>,
    /// Imports by what they bring in.
    imports: HashMap<Item, (&'m str, &'m str)>,
    /// Who offers the functions that are imported, as a number; those are missing of which it is not known.
    offered: HashMap<FunctionId, u64>,
}

impl<'m> Doings<'m> {
    /// Of a module nothing is looked at yet. `offered` has who offers the functions that it imports, as the same number for all modules; those
    /// are missing of which it is not known.
    pub fn new(module: &'m Module<'m>, offered: HashMap<FunctionId, u64>) -> Self {
        let imports = module.imports().iter().map(|import| (import.item, (&*import.module, &*import.field)));
        Doings { module, known: HashMap::new(), imports: imports.collect(), offered }
    }

    /// A hash of what the function does, of its type and its code, if it has no state of its own.
    ///
    /// # Errors
    /// Malformed code, which [`Module::read`] would have found.
    pub fn of(&mut self, function: FunctionId) -> Result<Option<u64>> {
        // Functions, and how many of their callees were looked at: chains of calls are longer than a stack is deep.
        let mut stack: Vec<(FunctionId, Vec<FunctionId>)> = Vec::new();
        self.enter(function, &mut stack)?;
        while let Some((current, callees)) = stack.last_mut() {
            if let Some(callee) = callees.pop() {
                self.enter(callee, &mut stack)?;
                continue;
            }
            let current = *current;
            let hash = self.hash(current)?;
            self.known.insert(current, hash);
            stack.pop();
        }
        Ok(self.known.get(&function).copied().flatten())
    }

    /// Puts a function that nobody has looked at on the stack.
    fn enter(&mut self, function: FunctionId, stack: &mut Vec<(FunctionId, Vec<FunctionId>)>) -> Result<()> {
        if self.known.contains_key(&function) {
            return Ok(());
        }
        self.known.insert(function, None);
        if let Some(body) = self.module.function(function).origin.defined() {
            stack.push((function, body.facts()?.calls().map(FunctionId).collect()));
        }
        Ok(())
    }

    /// The hash of a function whose callees are known.
    fn hash(&self, function: FunctionId) -> Result<Option<u64>> {
        let Some(body) = self.module.function(function).origin.defined() else { return Ok(None) };
        let facts = body.facts()?;
        if facts.tables || works_on_segments(body)? {
            return Ok(None);
        }
        let mut hasher = DefaultHasher::new();
        self.module.signature(function).hash(&mut hasher);
        Ok(self.code(&body.bytes, facts, &mut hasher).map(|()| hasher.finish()))
    }

    /// Hashes the code, with what indices mean in the place of these.
    fn code(&self, bytes: &[u8], facts: &Facts, hasher: &mut DefaultHasher) -> Option<()> {
        let mut done = 0;
        for immediate in &facts.immediates {
            let at = immediate.at as usize;
            bytes[done..at].hash(hasher);
            done = behind_leb(bytes, at);
            self.meaning(immediate.kind, immediate.id, hasher)?;
        }
        bytes[done..].hash(hasher);
        Some(())
    }

    /// Hashes what an index means; `None` if that is of this module alone.
    fn meaning(&self, kind: Kind, id: u32, hasher: &mut DefaultHasher) -> Option<()> {
        let mut import = |item: Item| self.imports.get(&item).map(|import| import.hash(hasher));
        match kind {
            Kind::Call | Kind::TailCall => {
                let callee = FunctionId(id);
                match self.imports.get(&Item::Function(callee)) {
                    Some(import) => (import, self.module.signature(callee), self.offered.get(&callee)?).hash(hasher),
                    None => self.known.get(&callee).copied().flatten()?.hash(hasher),
                }
                Some(())
            }
            Kind::Reference => None,
            Kind::Read | Kind::Write => {
                let (item, (_, field)) = self.imports.get_key_value(&Item::Global(crate::module::GlobalId(id)))?;
                if *field == STACK_POINTER { import(*item) } else { None }
            }
            Kind::BlockType | Kind::Type => {
                self.module.types().get(id as usize)?.hash(hasher);
                Some(())
            }
            Kind::Tag => import(Item::Tag(crate::module::TagId(id))),
            Kind::Table => import(Item::Table(crate::module::TableId(id))),
        }
    }
}

/// Whether a body works on segments of its module.
fn works_on_segments(body: &Body<'_>) -> Result<bool> {
    let operators = FunctionBody::new(BinaryReader::new(&body.bytes, body.offset)).get_operators_reader()?;
    for operator in operators {
        if matches!(operator?, Operator::MemoryInit { .. } | Operator::DataDrop { .. } | Operator::ElemDrop { .. }) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the functions called `f` of two modules are told to do the same.
    fn same(first: &str, second: &str) -> bool {
        same_of(first, second, [Some(1), Some(1)])
    }

    /// The same where these offer what the modules import.
    fn same_of(first: &str, second: &str, offered: [Option<u64>; 2]) -> bool {
        let hash = |text: &str, offered: Option<u64>| {
            let bytes = wat::parse_str(format!(
                r#"(module (@dylink.0 (mem-info)) (import "env" "__stack_pointer" (global $sp (mut i32)))
                (import "env" "__memory_base" (global $base i32)) (import "env" "g" (func $g (param i32))) {text})"#
            ));
            let bytes = bytes.unwrap();
            let module = Module::read(&bytes).unwrap();
            let Some(export) = module.exports().iter().find(|export| export.name == "f") else { panic!("no `f`") };
            let Item::Function(id) = export.item else { panic!("`f` is no function") };
            let imported = module.imports().iter().filter_map(|import| match import.item {
                Item::Function(id) => Some((id, offered?)),
                _ => None,
            });
            Doings::new(&module, imported.collect()).of(id).unwrap()
        };
        let [one, other] = offered;
        let (first, second) = (hash(first, one), hash(second, other));
        first.is_some() && first == second
    }

    #[test]
    fn functions_that_differ_in_their_numbers_alone_do_the_same() {
        let first = r#"(func $h (param i32) local.get 0 call $g)
            (func (export "f") (param i32) global.get $sp drop local.get 0 call $h i32.const 1 drop)"#;
        let second = r#"(type (func (result f64))) (func $other (result f64) f64.const 0)
            (func (export "f") (param i32) global.get $sp drop local.get 0 call $h i32.const 1 drop)
            (func $h (param i32) local.get 0 call $g)"#;
        assert!(same(first, second));
        assert!(!same(first, &second.replace("i32.const 1", "i32.const 2")));
        assert!(!same(first, &second.replace("local.get 0 call $g", "i32.const 7 call $g")));
        assert!(!same(first, &second.replace("global.get $sp", "global.get $base")));
    }

    #[test]
    fn imports_mean_what_is_found_under_their_names() {
        let (calls, calls_none) = (r#"(func (export "f") i32.const 1 call $g)"#, r#"(func (export "f") nop)"#);
        let one = Some(1);
        for (offered, calling) in [([one, one], true), ([one, Some(2)], false), ([one, None], false), ([None, None], false)] {
            assert_eq!(same_of(calls, calls, offered), calling, "{offered:?}");
            assert!(same_of(calls_none, calls_none, offered), "{offered:?}");
        }
    }

    #[test]
    fn of_state_and_of_circles_nothing_is_told() {
        for text in [
            r#"(func (export "f") global.get $base drop)"#,
            r#"(global $own (mut i32) (i32.const 0)) (func (export "f") global.get $own drop)"#,
            r#"(func $f (export "f") call $f)"#,
            r#"(func $f (export "f") call $h) (func $h call $f)"#,
            r#"(func (export "f") call $h) (func $h call $h)"#,
            r#"(func $f (export "f") ref.func $f drop) (elem declare func $f)"#,
            r#"(memory 1) (data $d "x") (func (export "f") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)))"#,
            r#"(tag $t) (func (export "f") throw $t)"#,
        ] {
            assert!(!same(text, text), "{text}");
        }
        assert!(same(r#"(func (export "f"))"#, r#"(func (export "f"))"#));
    }
}
