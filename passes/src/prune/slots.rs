//! Which slots of the module's own part of the function table a function may name.
//!
//! **Idea.** The address of a function is `__table_base + k`: linkers know of no addend to it (`R_WASM_TABLE_INDEX_REL_SLEB`). So a walk
//! over the operand stack and the locals tells every `k` that a function adds to the base, wherever an optimiser put base and constant.
//! What is known of a value holds on *some* path: where paths meet, either may be meant.
//!
//! **When it gives up.** When something else is done with the base or an address behind it than to add a constant and to pass the sum on
//! (a sum with another number, a multiplication), when code works on a table itself, and at instructions that it does not know. Then
//! any slot may be meant.

mod walk;

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::Result;
use crate::internal_got;
use crate::module::{Address, ConstExpr, ElementItems, FunctionId, Item, Module, SegmentKind};
use crate::references::References;
use crate::relocations::read;
use rayon::prelude::*;

/// The slots that one function names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Taken {
    pub slots: BTreeSet<u32>,
    /// Parameters that it adds to `__table_base + k`, each with the `k`: its callers name the slot.
    parameters: BTreeSet<(u32, u32)>,
    /// It may name any slot.
    pub unclear: bool,
}

/// Globals that hold addresses in the function table.
#[derive(Debug)]
pub struct Globals {
    /// `__table_base`
    pub base: u32,
    /// Those that hold `__table_base + k` for good, each with its `k`.
    pub slots: HashMap<u32, u32>,
}

impl Globals {
    /// `None` when the slots are not filled as linkers do, or when something else than code may use the base of the table.
    fn new(module: &Module<'_>) -> Result<Option<Self>> {
        let (Some(own), Some(Item::Global(base))) = (module.own_segment(), module.import("env", "__table_base")) else {
            return Ok(None);
        };
        let imported = module.imports().iter().filter(|import| import.field == "__table_base").count() > 1;
        let exported = module.exports().iter().any(|export| export.item == Item::Global(base));
        let inits = module.globals().iter().filter_map(|global| global.origin.defined());
        let elements =
            module.elements().iter().enumerate().filter(|(index, _)| *index != own).map(|(_, segment)| offset(&segment.kind));
        let offsets = elements.chain(module.data().iter().map(|segment| offset(&segment.kind))).flatten();
        for expression in inits.chain(offsets) {
            if References::of_expression(expression)?.reads.contains(&base.0) {
                return Ok(None);
            }
        }
        if imported || exported {
            return Ok(None);
        }
        let slots = internal_got::find(module)?.into_iter().filter_map(|(global, entry)| match entry.address {
            Address::Table(slot) => Some((global, slot)),
            Address::Memory(_) => None,
        });
        Ok(Some(Globals { base: base.0, slots: slots.collect() }))
    }

    /// Whether a function with these references names slots or works on tables.
    pub fn concern(&self, references: &References) -> bool {
        references.tables || references.reads.iter().any(|global| *global == self.base || self.slots.contains_key(global))
    }
}

/// The module's own part of the function table, and who names its slots.
#[derive(Debug)]
pub struct Table<'m> {
    /// What is in the slots.
    pub functions: &'m [FunctionId],
    pub globals: Globals,
    /// The slots that functions name, by their id; those that name none are missing.
    pub taken: HashMap<u32, Taken>,
}

impl<'m> Table<'m> {
    /// `references` are those of each function. `None` when the slots are not filled as linkers do, when something else than code may
    /// use the base of the table, and when a table of relocations hides which slots are in use.
    pub fn new(module: &'m Module<'_>, references: &HashMap<u32, References>) -> Result<Option<Self>> {
        let Some(globals) = Globals::new(module)? else { return Ok(None) };
        let relocations = read::data_function(module);
        if relocations.is_some_and(|id| crate::relocations::is_done(module, id)) {
            return Ok(None);
        }
        let mut table = Table { functions: module.own_slots(), taken: HashMap::new(), globals };
        let concerned: Vec<u32> = references.iter().filter(|(_, of)| table.globals.concern(of)).map(|(id, _)| *id).collect();
        table.walk(module, concerned)?;
        // Who calls a function that adds a parameter names the slot, or adds a parameter of its own.
        let mut asked = BTreeSet::new();
        loop {
            let before = std::mem::replace(&mut asked, table.asked());
            if asked == before {
                break;
            }
            let called: HashSet<u32> = asked.iter().map(|(id, ..)| *id).collect();
            let called = |id: &u32| called.contains(&module.resolved(FunctionId(*id)).0);
            let callers = references.iter().filter(|(_, of)| of.functions.iter().any(called)).map(|(id, _)| *id);
            table.walk(module, callers.collect())?;
        }
        let mut called_by_others = functions_with_addresses(module)?;
        called_by_others.retain(|id| asked.iter().any(|(asking, ..)| asking == id));
        for id in called_by_others {
            table.taken.entry(id).or_default().unclear = true;
        }
        Ok(Some(table))
    }

    /// Finds anew what `functions` name.
    fn walk(&mut self, module: &Module<'_>, functions: Vec<u32>) -> Result<()> {
        let relocations = read::data_function(module);
        let shared = &*self;
        let found = functions.into_par_iter().filter_map(|id| {
            let body = module.function(FunctionId(id)).origin.defined()?;
            Some(match relocations {
                Some(relocations) if relocations.0 == id => Ok((id, taken_by_data(module, relocations))),
                _ => walk::taken(module, shared, FunctionId(id), body).map(|taken| (id, taken)),
            })
        });
        let found: Vec<(u32, Taken)> = found.collect::<Result<_>>()?;
        self.taken.extend(found);
        Ok(())
    }

    /// The functions that add parameters, and which to which slot.
    fn asked(&self) -> BTreeSet<(u32, u32, u32)> {
        let of = |(id, taken): (&u32, &Taken)| {
            let id = *id;
            taken.parameters.iter().map(move |(parameter, slot)| (id, *parameter, *slot)).collect::<Vec<_>>()
        };
        self.taken.iter().flat_map(of).collect()
    }
}

/// The functions that others may call than those that name them.
fn functions_with_addresses(module: &Module<'_>) -> Result<BTreeSet<u32>> {
    let exported = module.exports().iter().filter_map(|export| match export.item {
        Item::Function(id) => Some(module.resolved(id).0),
        _ => None,
    });
    let mut functions: BTreeSet<u32> = exported.collect();
    for segment in module.elements() {
        match &segment.items {
            ElementItems::Functions(items) => functions.extend(items.iter().map(|id| module.resolved(*id).0)),
            ElementItems::Expressions(_, expressions) => {
                for expression in expressions {
                    let named = References::of_expression(expression)?.functions;
                    functions.extend(named.into_iter().map(|id| module.resolved(FunctionId(id)).0));
                }
            }
        }
    }
    Ok(functions)
}

/// The slots whose addresses the relocation code `id` stores.
fn taken_by_data(module: &Module<'_>, id: FunctionId) -> Taken {
    let Ok(code) = read::read(module, id) else { return Taken { unclear: true, ..Taken::default() } };
    let slots = code.data.iter().filter_map(|relocation| match relocation.value {
        read::Value::Base(Address::Table(slot)) => Some(slot),
        _ => None,
    });
    Taken { slots: slots.collect(), ..Taken::default() }
}

fn offset<'s, 'a, Target>(kind: &'s SegmentKind<'a, Target>) -> Option<&'s ConstExpr<'a>> {
    if let SegmentKind::Active { offset, .. } = kind { Some(offset) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The slots that a function `f` with this body names; `None` when it is not clear.
    fn named_by(body: &str) -> Option<Vec<u32>> {
        let text = format!(
            r#"(module
                (@custom "dylink.0" (before first) "\01\04\00\00\0a\00")
                (import "env" "memory" (memory 1))
                (import "env" "__indirect_function_table" (table 10 funcref))
                (import "env" "__table_base" (global $tb i32))
                (import "env" "use" (func $use (param i32)))
                (import "env" "__cpp_exception" (tag $tag (param i32)))
                (global $got (mut i32) (i32.const 0))
                (func $start (global.set $got (i32.add (global.get $tb) (i32.const 9))))
                (func $f (param $p i32) (result i32) (local $a i32) (local $b i32) {body})
                (func $asks (param $k i32) (call $use (i32.add (i32.add (global.get $tb) (i32.const 1)) (local.get $k))))
                (func $passes (param i64 i32) (call $asks (local.get 1)))
                (start $start)
                (elem (global.get $tb) func $start))"#
        );
        let bytes = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let module = Module::read(&bytes).unwrap_or_else(|error| panic!("{error}"));
        let references = module.bodies().map(|(id, body)| (id.0, References::of_body(body).unwrap())).collect();
        let table = Table::new(&module, &references).unwrap().unwrap();
        let taken = table.taken.get(&2)?;
        assert!(!table.taken[&1].unclear && table.taken[&1].slots.is_empty(), "the start function only sets a global");
        (!taken.unclear).then(|| taken.slots.iter().copied().collect())
    }

    #[test]
    fn slots_are_found_on_all_paths() {
        let cases: [(&str, &[u32]); 15] = [
            ("(global.get $tb)", &[0]),
            ("(i32.add (i32.const 3) (global.get $tb))", &[3]),
            ("(i32.sub (global.get $tb) (i32.const -4))", &[4]),
            ("(drop (global.get $tb)) (i32.const 0)", &[]),
            ("(global.get $got)", &[9]),
            // Operands below a branch are still there behind it.
            ("(global.get $tb) (block (br 0)) (i32.const 5) i32.add", &[5]),
            ("(i32.add (global.get $tb) (if (result i32) (local.get $p) (then (i32.const 1)) (else (i32.const 2))))", &[1, 2]),
            ("(i32.add (i32.const 2) (if (result i32) (local.get $p) (then (global.get $tb)) (else (local.get $p))))", &[2]),
            // Either of two addresses.
            ("(select (i32.add (global.get $tb) (i32.const 6)) (global.get $tb) (local.get $p))", &[0, 6]),
            // A local that holds the base when the loop comes round.
            (
                "(loop (call $use (i32.add (local.get $a) (i32.const 7))) (local.set $a (global.get $tb)) (br_if 0 (local.get $p)))
                 (i32.const 0)",
                &[7],
            ),
            // A local that holds the base where an exception arrives.
            (
                "try (local.set $a (global.get $tb)) (call $use (i32.const 1)) (local.set $a (i32.const 0))
                 catch $tag drop (call $use (i32.add (local.get $a) (i32.const 8))) end
                 (i32.const 0)",
                &[8],
            ),
            (
                "(block $out (result i32) (try_table (catch $tag $out) (local.set $a (global.get $tb)) (call $use (i32.const 1))) (i32.const 0))
                 (drop) (i32.add (local.get $a) (i32.const 4))",
                &[4],
            ),
            (
                "(local.set $a (i32.const 1)) (local.set $b (global.get $tb))
                 (block (block (br_table 0 1 (local.get $p))) (local.set $a (i32.const 2)))
                 (i32.add (local.get $b) (local.get $a))",
                &[1, 2],
            ),
            // What callers pass.
            ("(call $passes (i64.const 0) (select (i32.const 2) (i32.const 3) (local.get $p))) (i32.const 0)", &[3, 4]),
            ("(return (i32.const 1)) (global.get $tb)", &[]),
        ];
        for (body, slots) in cases {
            assert_eq!(named_by(body).as_deref(), Some(slots), "{body}");
        }
    }

    #[test]
    fn what_is_not_clear_may_be_any_slot() {
        for body in [
            "(i32.add (global.get $tb) (i32.load (i32.const 0)))",
            "(i32.mul (global.get $got) (i32.const 2))",
            "(i32.sub (i32.const 9) (global.get $tb))",
            // A counter.
            "(loop (local.set $a (i32.add (local.get $a) (i32.const 1))) (br_if 0 (local.get $p))) (i32.add (global.get $tb) (local.get $a))",
            // A parameter that is something else by now.
            "(local.set $p (call $f (local.get $p))) (call $asks (local.get $p)) (i32.const 0)",
            "(call $asks (call $f (local.get $p))) (i32.const 0)",
            "(drop (table.get (i32.const 0))) (i32.const 0)",
            "(table.size)",
            // Either of two addresses, and something on top.
            "(i32.add (select (i32.add (global.get $tb) (i32.const 6)) (global.get $tb) (local.get $p)) (i32.const 1))",
        ] {
            assert_eq!(named_by(body), None, "{body}");
        }
    }
}
