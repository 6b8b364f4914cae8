//! Random programs as the modules of a wheel: two private libraries, the second of which needs the first, and two extension modules.
//!
//! Each module has a quarter of the functions. Those of libraries are called by name and by address, those of the first extension module
//! through pointers, which its constructor leaves in the first library's data. All programs use the same names, so that nothing but
//! isolation keeps them apart in one process. Some have what holds names back: weak imports, exports of imports, imports in the table.

use std::fmt::Write;
use std::ops::Range;

use properties::random::Random;

use crate::forms::{SHARED, function_type, imports, shared, slots};
use crate::program::{self, COUNT, EVENTS, OUTLINED, POINTERS, Parts, RECORDED};

/// What `check` of an extension module gives when all see the same functions and data.
pub const AGREED: u32 = 0b1_1111;

const MODULES: usize = 4;
/// So many of them are libraries. Those behind them see each other through pointers alone.
const LIBRARIES: usize = 2;

const NEEDED: &str = r#"(needed "libmore.so" "libbase.so")"#;

/// Relocated data with addresses of both libraries, and a function that tells whether all modules have the same ones.
const CHECK: &str = r#"
  (func (export "__wasm_apply_data_relocs")
    (i32.store (global.get $own_memory) (global.get $got0))
    (i32.store offset=4 (global.get $own_memory) (global.get $memory_base))
    (i32.store offset=8 (global.get $own_memory) (global.get $cell)))
  (func (export "check") (result i32)
    (i32.store (global.get $cell) (i32.add (i32.load (global.get $cell)) (i32.const 7)))
    (i32.eq (call $first) (global.get $got0))
    (i32.shl (i32.eq (i32.load (global.get $own_memory)) (global.get $got0)) (i32.const 1)) i32.or
    (i32.shl (i32.eq (i32.load offset=4 (global.get $own_memory)) (global.get $memory_base)) (i32.const 2)) i32.or
    (i32.shl (i32.eq (i32.load offset=8 (global.get $own_memory)) (call $cell_address)) (i32.const 3)) i32.or
    (i32.shl (i32.eq (i32.load (global.get $cell)) (call $cell_value)) (i32.const 4)) i32.or)"#;

/// The text of each module of the program of `seed`, with its path in the wheel of `package`.
pub fn wheel(seed: u64, package: &str) -> Vec<(String, String)> {
    let parts = program::parts(seed);
    let count = parts.functions.len();
    let ends = std::array::from_fn(|module| count * (module + 1) / MODULES);
    let mut split = Split { parts, ends, random: Random::new(seed) };
    let modules = [
        (format!("{package}.libs/libbase.so"), split.base()),
        (format!("{package}.libs/libmore.so"), split.more()),
        (format!("{package}/a.abi3.so"), split.first()),
        (format!("{package}/b.abi3.so"), split.last()),
    ];
    modules.into_iter().map(|(path, text)| (path, shared(&text))).collect()
}

struct Split {
    parts: Parts,
    /// Behind the last function of each module.
    ends: [usize; MODULES],
    random: Random,
}

impl Split {
    /// The functions of a module.
    fn own(&self, module: usize) -> Range<usize> {
        module.checked_sub(1).map_or(0, |before| self.ends[before])..self.ends[module]
    }

    /// The library with the state. It defines `event` weakly, and may take the addresses of its own functions from the loader.
    fn base(&mut self) -> String {
        let own = self.own(0);
        let mut text = imports() + r#"(import "env" "event" (func $event (param i32)))"#;
        text += &if self.random.chance(50) {
            own.clone().map(|index| format!("(import \"GOT.func\" \"f{index}\" (global $slot{index} (mut i32)))")).collect()
        } else {
            slots(own.clone())
        };
        text += &self.parts.routines().replace("(func $event ", "(func $own_event (export \"event\") ");
        text += r#"(global (export "state") i32 (i32.const 0)) (func (export "first") (result i32) (global.get $table_base))"#;
        text += &exported(SHARED.iter().map(|(name, _)| name.to_string()).filter(|name| name != "event"));
        // A constant table of pointers.
        let _ = write!(text, "(func (export \"__wasm_apply_data_relocs\") {})", self.leave(0, "$table_base"));
        let functions = exported(self.own(0).map(|index| format!("f{index}"))) + &self.functions(0);
        self.assemble(0, EVENTS + 4 * RECORDED, "", &(text + &functions))
    }

    /// The library that needs the other one, with data of its own.
    fn more(&mut self) -> String {
        let data = r#"(global (export "cell") i32 (i32.const 4))
            (func (export "cell_address") (result i32) (i32.add (global.get $own_memory) (i32.const 4)))
            (func (export "cell_value") (result i32) (i32.load offset=4 (global.get $own_memory)))"#;
        let text = self.links(1)
            + data
            + &self.constructor(1, "")
            + &exported(self.own(1).map(|index| format!("f{index}")))
            + &self.functions(1);
        self.assemble(1, 8, r#"(needed "libbase.so")"#, &text)
    }

    /// The extension module that leaves pointers to its functions. It can do without some of what it imports.
    fn first(&mut self) -> String {
        let mut linking = NEEDED.to_string();
        linking += r#"(import-info "env" "nobody" 0x11) (import-info "GOT.func" "nobody" 0x11)"#;
        if self.random.chance(30) {
            linking += r#"(import-info "env" "event" 0x11)"#;
        }
        let weak = r#"(import "env" "nobody" (func $nobody)) (import "GOT.func" "nobody" (global $got_nobody (mut i32)))"#;
        let more = "(call $event (i32.const 1)) (if (global.get $got_nobody) (then (call $nobody)))";
        let mut text = weak.to_string() + &self.links(2) + &entry("a") + CHECK + &self.constructor(2, more) + &self.functions(2);
        if self.random.chance(30) {
            text += r#"(export "again" (func $f0))"#;
        }
        self.assemble(2, 16, &linking, &text)
    }

    /// The extension module that runs the program.
    fn last(&mut self) -> String {
        let run = self.addresses(&self.parts.run(&self.leave(3, "$own_table")), 3);
        let mut text = self.links(3) + &entry("b") + CHECK + &run + &self.functions(3);
        // The functions of the first one, of which nothing but the pointers is known.
        for index in self.own(2) {
            let signature = self.parts.signatures[index];
            let ty = function_type(signature, "");
            let arguments: String = (0..signature.1.len()).map(|number| format!("(local.get {number})")).collect();
            let _ = write!(text, "(func $f{index} {ty} (call_indirect {ty} {arguments} {}))", pointer(index));
        }
        let _ = write!(
            text,
            r#"(export "run" (func $run))
            (func (export "events") (result i32) (i32.add (global.get $memory_base) (i32.const {EVENTS})))
            (func (export "count") (result i32) (i32.load offset={COUNT} (global.get $memory_base)))"#
        );
        self.assemble(3, 16, NEEDED, &text)
    }

    /// What a module behind the first library imports of libraries, and the slots of its own functions.
    fn links(&self, module: usize) -> String {
        let mut text = imports().replace("(global $memory_base i32)", "(global $own_memory i32)");
        text += r#"(import "GOT.mem" "state" (global $memory_base (mut i32)))"#;
        for (name, ty) in SHARED {
            let _ = write!(text, "(import \"env\" \"{name}\" (func ${name} {ty}))");
        }
        for index in 0..self.own(module.min(LIBRARIES)).start {
            let ty = function_type(self.parts.signatures[index], "");
            let _ = write!(text, "(import \"env\" \"f{index}\" (func $f{index} {ty}))");
            let _ = write!(text, "(import \"GOT.func\" \"f{index}\" (global $got{index} (mut i32)))");
        }
        if module >= LIBRARIES {
            text += r#"(import "env" "first" (func $first (result i32))) (import "GOT.mem" "cell" (global $cell (mut i32)))
                (import "env" "cell_address" (func $cell_address (result i32)))
                (import "env" "cell_value" (func $cell_value (result i32)))"#;
        }
        text + &slots(self.own(module))
    }

    /// What a module does when it is loaded: it leaves pointers to its functions, and does `more`.
    fn constructor(&self, module: usize, more: &str) -> String {
        format!("(func (export \"__wasm_call_ctors\") {} {more})", self.leave(module, "$table_base"))
    }

    /// Code that stores the addresses of a module's functions, which lie behind the global `table`, where all modules find them.
    fn leave(&self, module: usize, table: &str) -> String {
        let stored = self.own(module).enumerate().map(|(number, index)| {
            format!("(i32.store offset={} (global.get $memory_base) {})", POINTERS + 4 * index, slot(number, table))
        });
        stored.collect()
    }

    /// The text of a module's functions.
    fn functions(&self, module: usize) -> String {
        let functions = self.parts.functions[self.own(module)].concat();
        let outlined = if module > 0 && functions.contains("$outlined_threw") { OUTLINED } else { "" };
        self.addresses(&functions, module) + outlined
    }

    /// `code` of a module with the addresses of functions as it has them.
    fn addresses(&self, code: &str, module: usize) -> String {
        let own = self.own(module);
        let mut code = code.to_string();
        for index in 0..self.parts.functions.len() {
            let address = slot(index, "$table_base");
            if own.contains(&index) {
                code = code.replace(&address, &slot(index - own.start, "$own_table"));
            } else {
                let theirs = if index < self.ends[LIBRARIES - 1] { format!("(global.get $got{index})") } else { pointer(index) };
                code = code.replace(&address, &theirs).replace(&format!("(global.get $slot{index})"), &theirs);
            }
        }
        // The first function's address is also the base by itself.
        let first = if module == 0 { "(global.get $own_table)" } else { "(global.get $got0)" };
        code.replace("(global.get $table_base)", first).replace("$own_table", "$table_base")
    }

    /// The module with these items. An extension module may have a function of a library in its part of the table.
    fn assemble(&mut self, module: usize, memory: usize, linking: &str, items: &str) -> String {
        let mut listed: Vec<String> = self.own(module).map(|index| format!("$f{index}")).collect();
        if module >= LIBRARIES && self.random.chance(30) {
            listed.push("$f0".to_string());
        }
        format!(
            "(module (@dylink.0 (mem-info (memory {memory} 4) (table {} 0)) {linking})\n{items}(elem (global.get $table_base) func {}))",
            listed.len(),
            listed.join(" ")
        )
    }
}

/// The entry of the extension module `name`.
fn entry(name: &str) -> String {
    format!("(func (export \"PyInit_{name}\") (result i32) (i32.const 0))")
}

/// Exports of functions under their names.
fn exported(names: impl Iterator<Item = String>) -> String {
    names.map(|name| format!("(export \"{name}\" (func ${name}))")).collect()
}

/// The address in a slot behind the global `base`.
fn slot(number: usize, base: &str) -> String {
    format!("(i32.add (global.get {base}) (i32.const {number}))")
}

/// The address of a function that its module has left in the data of the first library.
fn pointer(index: usize) -> String {
    format!("(i32.load offset={} (global.get $memory_base))", POINTERS + 4 * index)
}
