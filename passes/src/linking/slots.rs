//! Which slots of the module's own part of the function table a function may name.
//!
//! **Idea.** The address of the function in slot `k` is `__table_base + k`. A walk over the operand stack and the locals tells every `k` that a
//! function adds to the base, wherever an optimiser put base and constant. What is known of a value holds on *some* path: where paths
//! meet, either may be meant.
//!
//! **Numbers on top.** Programs add to addresses of functions (marks, tables of offsets), and optimisers fold both sums into one. So
//! `__table_base + n` may be the address in slot `n`, or one below it with a number on top: all of these count as named. It is slot `n` and no
//! other where
//! - the sum is called: the operand of `call_indirect`;
//! - the number is a relocation of the linker, which leaves room for five bytes, as nobody does who folds sums
//!   (`R_WASM_TABLE_INDEX_REL_SLEB` has no addend, and LLVM folds none: `WebAssemblyTargetLowering::isOffsetFoldingLegal`);
//! - relocation code of the linker stores it in data, or a global holds it for good ([`crate::linking::internal_got`]).
//!
//! What is added to such an address makes it no other one, but the sum counts as named, too.
//!
//! **When it gives up.** When something else is done with the base or an address behind it than to add a constant and to pass the sum on
//! (a sum with another number, a multiplication), when code works on a table itself, and at instructions that it does not know. Then
//! any slot may be meant. So it may in functions too large to be followed: the bounds are in [`crate::body::solve::forward`] and at [`MOST_WALKS`].
//!
//! **Relies on** what compilers, linkers and optimisers are not known to do, each broken by a module in the tests (`assumptions`):
//! - An optimiser folds a number into an address only where it was added, not where it was taken away: above a sum nothing is named.
//! - The bare base that leaves a function is the address in slot 0: nobody adds the number of a slot in another function than the one
//!   that reads the base, save to a parameter, which is followed.
//! - Constants with room for five bytes behind the base, stores of relocation code and globals that hold an address for good come from the
//!   linker, so that no number is folded into them.

mod walk;

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::Result;
use crate::body::facts::Facts;
use crate::linking::internal_got;
use crate::linking::relocation_code;
use crate::module::{Address, ConstExpr, FunctionId, Item, Module, SegmentKind};
use crate::parallel::prelude::*;

/// The slots that one function names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Taken {
    pub slots: BTreeSet<u32>,
    /// So many of the lowest slots it may name.
    pub lowest: u32,
    /// Parameters that it adds to `__table_base + k`, each with the `k`: its callers name the slot.
    parameters: BTreeSet<(u32, u32)>,
    /// It may name any slot.
    pub unclear: bool,
}

impl Taken {
    fn unclear() -> Self {
        Taken { unclear: true, ..Taken::default() }
    }

    /// It may name the slot `last`, and any below it.
    fn reach_up_to(&mut self, last: u32) {
        self.lowest = self.lowest.max(last.saturating_add(1));
    }

    /// Adds what another walk found; tells whether callers have to pass more.
    fn add(&mut self, other: Taken) -> bool {
        let before = self.parameters.len();
        self.slots.extend(other.slots);
        self.lowest = self.lowest.max(other.lowest);
        self.parameters.extend(other.parameters);
        self.unclear |= other.unclear;
        !self.unclear && self.parameters.len() > before
    }
}

/// So often a function is walked at most: once, and whenever one that it calls asks for more. Only hostile modules need more walks than
/// functions on the way from a caller to one that adds a parameter.
const MOST_WALKS: usize = 8;

/// Globals that hold addresses.
#[derive(Debug)]
pub struct Globals {
    /// `__table_base`
    pub base: u32,
    /// Those that hold `__table_base + k` for good, each with its `k`.
    pub slots: HashMap<u32, u32>,
    /// Those that hold the address of data for good.
    data: HashSet<u32>,
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
            if expression.facts()?.reads().any(|global| global == base.0) {
                return Ok(None);
            }
        }
        if imported || exported {
            return Ok(None);
        }
        let mut globals = Globals { base: base.0, slots: HashMap::new(), data: HashSet::new() };
        for (global, entry) in internal_got::find(module)? {
            match entry.address {
                Address::Table(slot) => drop(globals.slots.insert(global, slot)),
                Address::Memory(_) => drop(globals.data.insert(global)),
            }
        }
        Ok(Some(globals))
    }

    /// Whether a function with these facts names slots or works on tables.
    fn concern(&self, facts: &Facts) -> bool {
        facts.tables || facts.reads().any(|global| global == self.base || self.slots.contains_key(&global))
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
    /// `None` when the slots are not filled as linkers do, when something else than code may
    /// use the base of the table, and when a table of relocations hides which slots are in use.
    pub fn new(module: &'m Module<'_>) -> Result<Option<Self>> {
        let Some(globals) = Globals::new(module)? else { return Ok(None) };
        let relocations = relocation_code::data_function(module);
        if relocations.is_some_and(|id| relocation_code::is_done(module, id)) {
            return Ok(None);
        }
        let mut table = Table { functions: module.own_slots(), taken: HashMap::new(), globals };
        let facts = module.facts()?;
        let concerned: Vec<u32> = facts.iter().filter(|(_, of)| table.globals.concern(of)).map(|(id, _)| id.0).collect();
        let mut asking = table.walk(module, concerned)?;
        // Who calls a function that adds a parameter names the slot, or adds a parameter of its own.
        let callers = if asking.is_empty() { HashMap::new() } else { callers(module, &facts) };
        let mut walks: HashMap<u32, usize> = HashMap::new();
        while !asking.is_empty() {
            let called_by = |id: &u32| callers.get(id).into_iter().flatten().copied();
            let mut again: BTreeSet<u32> = asking.iter().flat_map(called_by).collect();
            again.retain(|id| table.may_be_walked(*id, &mut walks));
            asking = table.walk(module, again.into_iter().collect())?;
        }
        let called_by_others = functions_with_addresses(module);
        for (_, taken) in table.taken.iter_mut().filter(|(id, _)| called_by_others.contains(id)) {
            taken.unclear |= !taken.parameters.is_empty();
        }
        Ok(Some(table))
    }

    /// Whether another walk over the function `id` may tell more. It is given up when there were too many.
    fn may_be_walked(&mut self, id: u32, walks: &mut HashMap<u32, usize>) -> bool {
        let walks = walks.entry(id).or_insert(1);
        *walks += 1;
        if *walks > MOST_WALKS {
            self.taken.insert(id, Taken::unclear());
        }
        self.taken.get(&id).is_none_or(|taken| !taken.unclear)
    }

    /// Adds what `functions` name; returns those of them that ask more of their callers than before.
    fn walk(&mut self, module: &Module<'_>, functions: Vec<u32>) -> Result<Vec<u32>> {
        let relocations = relocation_code::data_function(module);
        let shared = &*self;
        let found = functions.into_par_iter().filter_map(|id| {
            let body = module.function(FunctionId(id)).origin.defined()?;
            Some(match relocations {
                Some(relocations) if relocations.0 == id => Ok((id, shared.taken_by_data(module, relocations))),
                _ => walk::taken(module, shared, FunctionId(id), body).map(|taken| (id, taken)),
            })
        });
        let found: Vec<(u32, Taken)> = found.collect::<Result<_>>()?;
        let asks = |(id, taken)| self.taken.entry(id).or_default().add(taken).then_some(id);
        Ok(found.into_iter().filter_map(asks).collect())
    }

    /// The slots whose addresses the relocation code `id` stores.
    fn taken_by_data(&self, module: &Module<'_>, id: FunctionId) -> Taken {
        let Ok(code) = relocation_code::read(module, id) else { return Taken::unclear() };
        let mut taken = Taken::default();
        for set in &code.globals {
            // Nothing is known of what is read from a global that does not hold an address for good.
            let for_good = self.globals.slots.get(&set.global.0).copied();
            match set.value {
                relocation_code::Value::Base(Address::Table(slot)) => taken.unclear |= for_good != Some(slot),
                relocation_code::Value::Entry { global, .. } if self.globals.slots.contains_key(&global.0) => taken.unclear = true,
                value => self.take_stored(module, value, &mut taken),
            }
        }
        code.data.iter().for_each(|relocation| self.take_stored(module, relocation.value, &mut taken));
        taken
    }

    /// Relocation code stores `value`.
    fn take_stored(&self, module: &Module<'_>, value: relocation_code::Value, taken: &mut Taken) {
        match value {
            relocation_code::Value::Base(Address::Table(slot)) => drop(taken.slots.insert(slot)),
            relocation_code::Value::Entry { global, addend } => match self.globals.slots.get(&global.0) {
                Some(slot) => taken.slots.extend([*slot, slot.wrapping_add(addend as u32)]),
                None => {
                    let own = !module.globals()[global.0 as usize].origin.is_import();
                    taken.unclear |= own && addend != 0 && !self.globals.data.contains(&global.0);
                }
            },
            relocation_code::Value::Base(Address::Memory(_)) | relocation_code::Value::Constant(_) => {}
        }
    }
}

/// The functions that call each one.
fn callers(module: &Module<'_>, facts: &[(FunctionId, &Facts)]) -> HashMap<u32, Vec<u32>> {
    let mut callers: HashMap<u32, Vec<u32>> = HashMap::new();
    for (caller, of) in facts {
        for callee in of.functions() {
            callers.entry(module.resolved(FunctionId(callee)).0).or_default().push(caller.0);
        }
    }
    callers
}

/// The functions that others may call than those that name them.
fn functions_with_addresses(module: &Module<'_>) -> BTreeSet<u32> {
    let exported = module.exports().iter().filter_map(|export| match export.item {
        Item::Function(id) => Some(module.resolved(id).0),
        _ => None,
    });
    exported.chain(module.listed_functions().map(|id| id.0)).collect()
}

fn offset<'s, 'a, Target>(kind: &'s SegmentKind<'a, Target>) -> Option<&'s ConstExpr<'a>> {
    if let SegmentKind::Active { offset, .. } = kind { Some(offset) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the functions of a module with these `items` name, by their id. The only import of a function is `$use`.
    fn taken_in(items: &str) -> HashMap<u32, Taken> {
        let text = format!(
            r#"(module
                (@custom "dylink.0" (before first) "\01\04\40\00\0a\00")
                (import "env" "memory" (memory 1))
                (import "env" "__indirect_function_table" (table 10 funcref))
                (import "env" "__memory_base" (global $mb i32))
                (import "env" "__table_base" (global $tb i32))
                (import "env" "use" (func $use (param i32)))
                {items})"#
        );
        let mut bytes = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        relocate(&mut bytes);
        let module = Module::read(&bytes).unwrap_or_else(|error| panic!("{error}"));
        Table::new(&module).unwrap().unwrap().taken
    }

    /// Has each constant 0x7000_00xx be one as linkers write `xx`, which no text can say.
    fn relocate(bytes: &mut [u8]) {
        let constants =
            (0..bytes.len().saturating_sub(5)).filter(|at| bytes[*at] == 0x41 && bytes[at + 2..at + 6] == [0x80, 0x80, 0x80, 7]);
        constants.collect::<Vec<_>>().into_iter().for_each(|at| bytes[at + 5] = 0);
    }

    /// The slots in `taken`; `None` when they are not clear.
    fn clear(taken: &Taken) -> Option<Vec<u32>> {
        let all: BTreeSet<u32> = (0..taken.lowest.min(100)).chain(taken.slots.iter().copied()).collect();
        (!taken.unclear && taken.lowest < 100).then(|| all.into_iter().collect())
    }

    /// This slot and all below it.
    fn up_to(slot: u32) -> Vec<u32> {
        (0..=slot).collect()
    }

    /// The slots that a function `f` with this body names; `None` when they are not clear. It must have been walked.
    fn named_by(body: &str) -> Option<Vec<u32>> {
        let taken = taken_in(&format!(
            r#"(import "env" "__cpp_exception" (tag $tag (param i32)))
                (global $got (mut i32) (i32.const 0))
                (global $other (mut i32) (i32.const 0))
                (func $start (global.set $got (i32.add (global.get $tb) (i32.const 9))))
                (func $f (param $p i32) (result i32) (local $a i32) (local $b i32) {body})
                (func $asks (param $k i32) (call $use (i32.add (i32.add (global.get $tb) (i32.const 1)) (local.get $k))))
                (func $passes (param i64 i32) (call $asks (local.get 1)))
                (start $start)
                (elem (global.get $tb) func $start)"#
        ));
        assert_eq!(clear(&taken[&1]), Some(Vec::new()), "the start function only sets a global");
        clear(&taken[&2])
    }

    #[test]
    fn slots_are_found_on_all_paths() {
        let cases: [(&str, Vec<u32>); 17] = [
            ("(global.get $tb)", up_to(0)),
            ("(i32.add (i32.const 3) (global.get $tb))", up_to(3)),
            ("(i32.sub (global.get $tb) (i32.const -4))", up_to(4)),
            ("(drop (global.get $tb)) (i32.const 0)", vec![]),
            ("(global.get $got)", vec![9]),
            // A mark on an address, which somebody may take off.
            ("(i32.add (i32.add (global.get $tb) (i32.const 3)) (i32.const 1))", up_to(4)),
            ("(i32.sub (i32.add (global.get $tb) (i32.const 3)) (i32.const 1))", up_to(3)),
            // Operands below a branch are still there behind it.
            ("(global.get $tb) (block (br 0)) (i32.const 5) i32.add", up_to(5)),
            ("(i32.add (global.get $tb) (if (result i32) (local.get $p) (then (i32.const 1)) (else (i32.const 2))))", up_to(2)),
            ("(i32.add (i32.const 2) (if (result i32) (local.get $p) (then (global.get $tb)) (else (local.get $p))))", up_to(2)),
            // Either of two addresses.
            ("(select (i32.add (global.get $tb) (i32.const 6)) (global.get $tb) (local.get $p))", up_to(6)),
            // A local that holds the base when the loop comes round.
            (
                "(loop (call $use (i32.add (local.get $a) (i32.const 7))) (local.set $a (global.get $tb)) (br_if 0 (local.get $p)))
                 (i32.const 0)",
                up_to(7),
            ),
            // A local that holds the base where an exception arrives.
            (
                "try (local.set $a (global.get $tb)) (call $use (i32.const 1)) (local.set $a (i32.const 0))
                 catch $tag drop (call $use (i32.add (local.get $a) (i32.const 8))) end
                 (i32.const 0)",
                up_to(8),
            ),
            (
                "(block $out (result i32) (try_table (catch $tag $out) (local.set $a (global.get $tb)) (call $use (i32.const 1))) (i32.const 0))
                 (drop) (i32.add (local.get $a) (i32.const 4))",
                up_to(4),
            ),
            (
                "(local.set $a (i32.const 1)) (local.set $b (global.get $tb))
                 (block (block (br_table 0 1 (local.get $p))) (local.set $a (i32.const 2)))
                 (i32.add (local.get $b) (local.get $a))",
                up_to(2),
            ),
            // What callers pass.
            ("(call $passes (i64.const 0) (select (i32.const 2) (i32.const 3) (local.get $p))) (i32.const 0)", up_to(4)),
            ("(return (i32.const 1)) (global.get $tb)", vec![]),
        ];
        for (body, slots) in cases {
            assert_eq!(named_by(body), Some(slots), "{body}");
        }
    }

    #[test]
    fn relocations_and_calls_name_one_slot() {
        let cases = [
            ("(i32.add (global.get $tb) (i32.const 0x70000003))", vec![3]),
            ("(i32.add (i32.const 0x70000003) (global.get $tb))", vec![3]),
            // A mark on it, also where the slot is the first one.
            ("(i32.add (i32.add (global.get $tb) (i32.const 0x70000003)) (i32.const 1))", vec![3, 4]),
            ("(i32.add (i32.add (global.get $tb) (i32.const 0x70000000)) (i32.const 1))", vec![0, 1]),
            ("(i32.sub (i32.add (global.get $tb) (i32.const 0x70000003)) (i32.const 1))", vec![2, 3]),
            ("(i32.add (global.get $got) (i32.const 2))", vec![9, 11]),
            // The same in the order of an optimiser, or on some paths only.
            ("(i32.add (i32.add (i32.const 0x70000003) (i32.const 1)) (global.get $tb))", up_to(4)),
            (
                "(i32.add (global.get $tb) (if (result i32) (local.get $p) (then (i32.const 0x70000003)) (else (i32.const 3))))",
                up_to(3),
            ),
            (
                "(select (i32.add (global.get $tb) (i32.const 0x70000006)) (i32.add (global.get $tb) (i32.const 0x70000002)) (local.get $p))",
                vec![2, 6],
            ),
            (
                "(select (i32.add (global.get $tb) (i32.const 0x70000006)) (i32.add (global.get $tb) (i32.const 2)) (local.get $p))",
                vec![0, 1, 2, 6],
            ),
            ("(call_indirect (i32.add (global.get $tb) (i32.const 3))) (i32.const 0)", vec![3]),
            ("(call_indirect (global.get $tb)) (i32.const 0)", vec![0]),
            ("(return_call_indirect (result i32) (i32.add (i32.add (global.get $tb) (i32.const 3)) (i32.const -1)))", up_to(3)),
            ("(return_call_indirect (result i32) (i32.add (global.get $tb) (i32.const 3)))", vec![3]),
            // What goes along as an argument may be anything.
            (
                "(call_indirect (param i32) (i32.add (global.get $tb) (i32.const 2)) (i32.add (global.get $tb) (i32.const 5))) (i32.const 0)",
                vec![0, 1, 2, 5],
            ),
        ];
        for (body, slots) in cases {
            assert_eq!(named_by(body), Some(slots), "{body}");
        }
    }

    /// What happens to modules that do what compilers, linkers and optimisers are not known to do: they lose a slot.
    #[test]
    fn assumptions() {
        let lost = |body: &str, slot: u32| {
            let named = named_by(body).unwrap();
            assert!(!named.contains(&slot), "{body}: {named:?}");
        };
        // The address in slot 4, from which 1 was taken.
        lost("(i32.add (global.get $tb) (i32.const 3))", 4);
        // Somebody else adds the number of a slot.
        lost("(call $use (global.get $tb)) (i32.const 0)", 1);
        // A number was folded into what the linker wrote, and the room for five bytes stayed.
        lost("(i32.add (global.get $tb) (i32.const 0x70000003))", 2);
        // The global holds the address in slot 8 and 1.
        lost("(global.get $got)", 8);
        let relocation = "(i32.store (global.get $mb) (i32.add (global.get $tb) (i32.const 2)))";
        assert_eq!(named_by_relocations(relocation, ""), Some(vec![2]), "the address in slot 1 and 1");
    }

    #[test]
    fn what_is_not_clear_may_be_any_slot() {
        for body in [
            "(i32.add (global.get $tb) (i32.load (i32.const 0)))",
            "(i32.mul (global.get $got) (i32.const 2))",
            "(i32.sub (i32.const 9) (global.get $tb))",
            // Below the first one.
            "(i32.sub (global.get $tb) (i32.const 1))",
            // A counter.
            "(loop (local.set $a (i32.add (local.get $a) (i32.const 1))) (br_if 0 (local.get $p))) (i32.add (global.get $tb) (local.get $a))",
            // What comes around a loop as its parameter.
            "(global.get $tb) (loop (param i32) (result i32) i32.const 3 i32.add local.set $a global.get $tb local.get $p br_if 0)",
            "(local.get $p) (loop (param i32) (result i32) (call $asks) (global.get $tb) (br_if 0 (local.get $p)))",
            // A global that does not hold it for good.
            "(global.set $other (global.get $tb)) (global.set $other (i32.const 0)) (i32.const 0)",
            // A parameter that is something else by now.
            "(local.set $p (call $f (local.get $p))) (call $asks (local.get $p)) (i32.const 0)",
            "(call $asks (call $f (local.get $p))) (i32.const 0)",
            "(drop (table.get (i32.const 0))) (i32.const 0)",
            "(table.size)",
            // Sums in wider registers.
            "(drop (i64.extend_i32_u (global.get $tb))) (i32.const 0)",
            "(drop (i64.extend_i32_s (global.get $tb))) (i32.const 0)",
            "(drop (i32x4.splat (global.get $tb))) (i32.const 0)",
            "(drop (i32x4.replace_lane 1 (v128.const i64x2 0 0) (global.get $tb))) (i32.const 0)",
            // Either of two addresses, and something on top.
            "(i32.add (select (i32.add (global.get $tb) (i32.const 6)) (global.get $tb) (local.get $p)) (i32.const 1))",
        ] {
            assert_eq!(named_by(body), None, "{body}");
        }
    }

    #[test]
    fn functions_that_ask_each_other_are_walked_until_nothing_is_new() {
        let asks = |own: u32, other: &str| {
            format!(
                "(param i32) (call ${other} (i32.load (i32.const 0)))
                 (call $use (i32.add (i32.add (global.get $tb) (i32.const {own})) (local.get 0))) (call $x (i32.const 1))"
            )
        };
        let taken = taken_in(&format!(
            r#"(func $x (param i32) (call $use (i32.add (i32.add (global.get $tb) (i32.const 1)) (local.get 0))))
               (func $g {}) (func $f {})
               (func (export "PyInit_m") (result i32) (call $g (i32.const 1)) (i32.const 0))
               (elem (global.get $tb) func $use)"#,
            asks(2, "f"),
            asks(3, "g")
        ));
        assert_eq!([1, 2, 3].map(|id| taken[&id].unclear), [false, true, true]);
    }

    #[test]
    fn long_chains_of_callers_are_followed() {
        let links = 2_000;
        let chain: String = (1..=links).map(|link| format!("(func (param i32) (call {link} (local.get 0)))")).collect();
        let taken = taken_in(&format!(
            r#"(func (param i32) (call $use (i32.add (global.get $tb) (local.get 0)))) {chain}
               (func (call {} (i32.const 7)))
               (elem (global.get $tb) func $use)"#,
            links + 1
        ));
        assert_eq!(clear(&taken[&(links + 2)]), Some(up_to(7)));
        assert!(taken.values().all(|taken| !taken.unclear));
    }

    #[test]
    fn functions_that_are_too_large_to_follow_are_given_up() {
        // Each condition keeps what it knows of all locals.
        let conditions = format!(
            "(local {}) global.get $tb drop {} {}",
            "i32 ".repeat(5_000),
            "local.get 0 if ".repeat(2_000),
            "end ".repeat(2_000)
        );
        // Each branch brings it to the end of the block.
        let branches =
            format!("(local {}) global.get $tb drop block {} end", "i32 ".repeat(10_000), "local.get 0 br_if 0 ".repeat(7_000));
        // Each round tells one more local that it may hold the base.
        let shifts: String = (0..50).map(|local| format!("(local.set {local} (local.get {}))", local + 1)).collect();
        let shifts =
            format!("(local {}) (loop {shifts} (local.set 50 (global.get $tb)) (br_if 0 (local.get 0)))", "i32 ".repeat(51));
        // Each call asks for one more slot.
        let asks = (0..20).map(|slot| format!("(call $use (i32.add (i32.add (global.get $tb) (i32.const {slot})) (local.get 0)))"));
        let asks = format!("(param i32) {}", asks.collect::<String>());
        // Each assignment may be what any handler finds.
        let handlers = format!(
            "(local i32) global.get $tb drop {} {} {}",
            "try ".repeat(2_000),
            "i32.const 1 local.set 0 ".repeat(40_000),
            "catch_all end ".repeat(2_000)
        );
        let locals = format!("(local {}) (drop (global.get $tb))", "i32 ".repeat(45_000));
        for body in [conditions, branches, shifts, asks, handlers, locals] {
            let taken = taken_in(&format!("(func {body}) (elem (global.get $tb) func $use)"));
            assert!(taken[&1].unclear, "{}", body.replace("i32 ", ""));
        }
    }

    #[test]
    fn functions_that_are_walked_too_often_are_given_up() {
        let links = 20;
        let chain: String = (1..=links).map(|link| format!("(func (param i32) (call {link} (local.get 0)))")).collect();
        let calls: String = (1..=links).map(|link| format!("(call {link} (i32.const 7))")).collect();
        let taken = taken_in(&format!(
            "(func (param i32) (call $use (i32.add (global.get $tb) (local.get 0)))) {chain} (func {calls})
             (elem (global.get $tb) func $use)"
        ));
        assert!(taken[&(links + 2)].unclear && !taken[&(links + 1)].unclear);
    }

    #[test]
    fn parameters_that_others_may_pass_are_not_clear() {
        let asks = "(param i32) (call $use (i32.add (global.get $tb) (local.get 0)))";
        for (function, unclear) in [
            (format!("(func {asks}) (elem (global.get $tb) func $use)"), false),
            (format!(r#"(func (export "asks") {asks}) (elem (global.get $tb) func $use)"#), true),
            (format!("(func $asks {asks}) (elem (global.get $tb) func $asks)"), true),
            (format!("(func $asks {asks}) (elem (global.get $tb) func $use) (elem declare func $asks)"), true),
            (format!("(func $asks {asks}) (elem (global.get $tb) func $use) (elem declare funcref (item ref.func $asks))"), true),
            (format!("(func $asks {asks}) (global funcref (ref.func $asks)) (elem (global.get $tb) func $use)"), true),
            // One that adds no parameter may be called by anybody.
            (r#"(func (export "base") (result i32) (global.get $tb)) (elem (global.get $tb) func $use)"#.to_string(), false),
        ] {
            assert_eq!(taken_in(&function)[&1].unclear, unclear, "{function}");
        }
    }

    /// The slots that relocations of data name.
    fn named_by_relocations(code: &str, others: &str) -> Option<Vec<u32>> {
        let taken = taken_in(&format!(
            r#"(global $got (mut i32) (i32.const 0)) (global $data (mut i32) (i32.const 0)) (global $g (mut i32) (i32.const 0))
               (func (export "__wasm_apply_data_relocs") (local i32) {code})
               (func $start
                 (global.set $got (i32.add (global.get $tb) (i32.const 5)))
                 (global.set $data (i32.add (global.get $mb) (i32.const 8))))
               {others} (start $start) (elem (global.get $tb) func $start)"#
        ));
        clear(&taken[&1])
    }

    #[test]
    fn relocations_name_what_they_store() {
        let store = "(i32.store (global.get $mb) (i32.add (global.get $tb) (i32.const 1)))";
        let set = "(global.set $g (i32.add (global.get $tb) (i32.const 3)))";
        let stores = |value: &str| format!("{store} (i32.store offset=4 (global.get $mb) {value})");
        for (code, others, slots) in [
            (store.to_string(), "", Some(vec![1])),
            // A global that holds the address for good, and such that do not.
            (format!("{store} {set}"), "", Some(vec![1])),
            (format!("{store} {set}"), "(func (global.set $g (i32.const 0)))", None),
            (format!("{store} {set}"), r#"(export "g" (global $g))"#, None),
            (format!("{store} (local.set 0 (i32.add (global.get $tb) (i32.const 3))) (global.set $g (local.get 0))"), "", None),
            (stores("(global.get $got)"), "", Some(vec![1, 5])),
            (stores("(i32.add (global.get $got) (i32.const 2))"), "", Some(vec![1, 5, 7])),
            (format!("{store} (global.set $g (i32.add (global.get $got) (i32.const 2)))"), "", None),
            (stores("(i32.add (global.get $data) (i32.const 2))"), "", Some(vec![1])),
            (stores("(global.get $g)"), "", Some(vec![1])),
            (stores("(i32.add (global.get $g) (i32.const 2))"), "", None),
        ] {
            assert_eq!(named_by_relocations(&code, others), slots, "{code} {others}");
        }
    }
}
