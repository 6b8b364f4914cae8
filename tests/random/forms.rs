//! Random programs as modules: as one, as two that throw and jump across their border, and as an extension module.

use std::fmt::Write;

use crate::program::{
    self, BUFFERS, COUNT, EVENTS, HASH, OUTLINED, POINTERS, PRELUDE, Parts, RECORDED, SIGNATURES, Signature, convert,
};

/// Where live buffers are counted and where the fuel is, when several modules share them; 8 bytes are free there.
const DEPTH: usize = 8;
const FUEL: usize = 12;

/// Routines of the library that the other module calls, with their types.
pub const SHARED: [(&str, &str); 5] = [
    ("event", "(param i32)"),
    ("tired", "(result i32)"),
    ("throw_int", "(param i32)"),
    ("throw_double", "(param i32)"),
    ("jump", "(param i32)"),
];

/// The text of the program of `seed`.
pub fn whole(seed: u64) -> String {
    let parts = program::parts(seed);
    let count = parts.functions.len();
    let memory = EVENTS + 4 * RECORDED;
    format!(
        "(module (@dylink.0 (mem-info (memory {memory} 4) (table {count} 0)))\n{}{}{}{}{}{}{})",
        imports(),
        parts.routines(),
        slots(0..count),
        parts.functions.concat(),
        parts.run(&pointers(count)),
        COUNTERS,
        elements(0..count)
    )
}

/// What the trace is read with.
const COUNTERS: &str = r#"
  (export "run" (func $run)) (export "events" (func $events)) (export "count" (func $count))"#;

/// What every program imports.
pub fn imports() -> String {
    let mut text = PRELUDE.to_string();
    for (letters, parameters, result) in SIGNATURES {
        let ty = function_type((letters, parameters, result), "i32 ");
        let _ = writeln!(text, "(import \"env\" \"invoke_{letters}\" (func $invoke_{letters} {ty}))");
    }
    text
}

/// The type of functions of a signature, with more parameters before its own.
pub fn function_type((_, parameters, result): Signature, more: &str) -> String {
    let result = result.map(|ty| format!("(result {ty})")).unwrap_or_default();
    format!("(param {more}{}) {result}", parameters.join(" "))
}

/// Globals with the addresses of functions of the module's own, set when it starts; the first has the first slot of the table.
pub fn slots(functions: std::ops::Range<usize>) -> String {
    let (mut globals, mut start) = (String::new(), String::new());
    for (slot, index) in functions.enumerate() {
        let _ = writeln!(globals, "(global $slot{index} (mut i32) (i32.const 0))");
        let _ = write!(start, "(global.set $slot{index} (i32.add (global.get $table_base) (i32.const {slot}))) ");
    }
    format!("{globals}(func $start {start}) (start $start)")
}

/// Code that stores the addresses of all functions where calls through memory load them.
fn pointers(count: usize) -> String {
    let store = |index: usize| {
        let address = format!("(i32.add (global.get $table_base) (i32.const {index}))");
        format!("(i32.store offset={} (global.get $memory_base) {address}) ", POINTERS + 4 * index)
    };
    (0..count).map(store).collect()
}

fn elements(functions: std::ops::Range<usize>) -> String {
    let slots: String = functions.map(|index| format!("$f{index} ")).collect();
    format!("(elem (global.get $table_base) func {slots})")
}

impl Parts {
    /// What every program can do.
    pub fn routines(&self) -> String {
        let routines = program::ROUTINES.replace("HASH", &HASH.to_string()).replace("RECORDED", &RECORDED.to_string());
        let routines = routines.replace("EVENTS", &EVENTS.to_string()).replace("BUFFERS", &BUFFERS.to_string());
        routines + if self.outlined { OUTLINED } else { "" }
    }

    /// The function that calls the last one, again and again, and gives the hash; `before` is what it does first.
    pub fn run(&self, before: &str) -> String {
        let last = self.functions.len() - 1;
        let (letters, parameters, result) = self.signatures[last];
        let arguments: String = parameters.iter().map(|ty| convert("(local.get $round)", ty)).collect();
        let keep = if result.is_some() { "drop" } else { "" };
        format!(
            r#"(func $run (result i32) (local $round i32) (local $t i32) (local $sp i32)
              {before}
              (i32.store offset={COUNT} (global.get $memory_base) (i32.const 0))
              (i32.store offset={HASH} (global.get $memory_base) (i32.const 7))
              (local.set $sp (global.get $stack_pointer))
              (loop $rounds
                (global.set $fuel (i32.const 60)) (global.set $depth (i32.const 0))
                (call $event (i32.add (i32.const 9000) (local.get $round)))
                (i32.store (global.get $THREW) (i32.const 0))
                (call $invoke_{letters} (i32.add (global.get $table_base) (i32.const {last})) {arguments}) {keep}
                (local.set $t (i32.load (global.get $THREW)))
                (i32.store (global.get $THREW) (i32.const 0))
                (if (i32.eq (local.get $t) (i32.const 1)) (then
                  (call $event (i32.load (call $begin_catch (call $match (i32.const 0)))))
                  (call $end_catch)))
                (call $event (i32.sub (local.get $sp) (global.get $stack_pointer)))
                (local.set $round (i32.add (local.get $round) (i32.const 1)))
                (br_if $rounds (i32.lt_u (local.get $round) (i32.const 8))))
              (i32.load offset={HASH} (global.get $memory_base)))"#
        )
    }
}

/// The program of `seed` as a library and a module that uses it. What the library defines has the seed in its name, so that many
/// programs can be in one process.
pub fn pair(seed: u64) -> (String, String) {
    let parts = program::parts(seed);
    let split = parts.functions.len() / 2;
    (shared(&library(&parts, seed, split)), shared(&user(&parts, seed, split)))
}

/// `text` with the fuel and the depth in memory, where both modules see them.
pub fn shared(text: &str) -> String {
    let mut text = text.to_string();
    for (global, offset) in [("depth", DEPTH), ("fuel", FUEL)] {
        text = text.replace(&format!("(global ${global} (mut i32) (i32.const 0))"), "");
        text = text.replace(&format!("(global.get ${global})"), &format!("(i32.load offset={offset} (global.get $memory_base))"));
        text = text.replace(&format!("(global.set ${global} "), &format!("(i32.store offset={offset} (global.get $memory_base) "));
    }
    text
}

fn library(parts: &Parts, seed: u64, split: usize) -> String {
    let memory = EVENTS + 4 * RECORDED;
    let mut exports = format!("(global (export \"s{seed}_state\") i32 (i32.const 0))");
    let functions = (0..split).map(|index| format!("f{index}"));
    for name in functions.chain(SHARED.iter().map(|(name, _)| name.to_string())) {
        let _ = write!(exports, "(export \"s{seed}_{name}\" (func ${name}))");
    }
    format!(
        "(module (@dylink.0 (mem-info (memory {memory} 4) (table {split} 0)))\n{}{}{}{}{exports}{}
        (export \"events\" (func $events)) (export \"count\" (func $count)))",
        imports(),
        parts.routines(),
        slots(0..split),
        parts.functions[..split].concat(),
        elements(0..split)
    )
}

fn user(parts: &Parts, seed: u64, split: usize) -> String {
    let count = parts.functions.len();
    let mut links = format!("(import \"GOT.mem\" \"s{seed}_state\" (global $memory_base (mut i32)))");
    for (name, ty) in SHARED {
        let _ = write!(links, "(import \"env\" \"s{seed}_{name}\" (func ${name} {ty}))");
    }
    for (index, signature) in parts.signatures[..split].iter().enumerate() {
        let ty = function_type(*signature, "");
        let _ = write!(links, "(import \"env\" \"s{seed}_f{index}\" (func $f{index} {ty}))");
        let _ = write!(links, "(import \"GOT.func\" \"s{seed}_f{index}\" (global $got{index} (mut i32)))");
    }
    // Addresses of the library's functions are known only when it is linked, so they are stored when the program runs.
    let theirs = (0..split).map(|index| {
        let store = format!("(i32.store offset={} (global.get $memory_base) (global.get $got{index}))", POINTERS + 4 * index);
        format!("(global.set $slot{index} (global.get $got{index})) {store} ")
    });
    let own = (split..count).map(|index| {
        let offset = POINTERS + 4 * index;
        format!("(i32.store offset={offset} (global.get $memory_base) (i32.add (global.get $table_base) (i32.const {index}))) ")
    });
    let before: String = theirs.chain(own).collect();
    let globals: String = (0..split).map(|index| format!("(global $slot{index} (mut i32) (i32.const 0))")).collect();
    let code = parts.functions[split..].concat() + &parts.run(&before);
    let outlined = if code.contains("$outlined_threw") { OUTLINED } else { "" };
    format!(
        "(module (@dylink.0 (mem-info (memory 0 0) (table {} 0)))\n{}{links}{globals}{}{outlined}{}{}(export \"run\" (func $run)))",
        count - split,
        imports().replace(r#"(import "env" "__memory_base" (global $memory_base i32))"#, ""),
        slots(split..count),
        addresses(&code, split, count),
        elements(split..count)
    )
}

/// `code` with the addresses of the first functions from the GOT, and those of the others by their slots in this module.
fn addresses(code: &str, split: usize, count: usize) -> String {
    let mut code = code.to_string();
    for index in 0..count {
        let address = format!("(i32.add (global.get $table_base) (i32.const {index}))");
        let new = match index.checked_sub(split) {
            None => format!("(global.get $got{index})"),
            Some(slot) => format!("(i32.add (global.get $own_table) (i32.const {slot}))"),
        };
        code = code.replace(&address, &new);
    }
    // The first function's address is also the base by itself.
    code.replace("(global.get $table_base)", "(global.get $got0)").replace("$own_table", "$table_base")
}

/// The program of `seed` as the extension module `p{seed}`: its functions are reached through tables of pointers, which relocations fill.
pub fn extension(seed: u64) -> String {
    let parts = program::parts(seed);
    let count = parts.functions.len();
    // Behind the events: names, definitions of two methods with an empty one behind them, the definition of the module.
    let names = EVENTS + 4 * RECORDED;
    let (methods, definition) = (names + 32, names + 80);
    let size = definition + 52;
    let word = |offset: usize, base: &str, value: usize| {
        format!("(i32.store offset={offset} (global.get $memory_base) (i32.add (global.get ${base}) (i32.const {value})))")
    };
    let mut relocations = pointers(count);
    for (method, name) in [(0, names), (1, names + 8)] {
        relocations += &word(methods + 16 * method, "memory_base", name);
        relocations += &word(methods + 16 * method + 4, "table_base", count + method);
    }
    relocations += &word(definition + 20, "memory_base", names + 16);
    relocations += &word(definition + 32, "memory_base", methods);
    format!(
        r#"(module (@dylink.0 (mem-info (memory {size} 4) (table {table} 0)))
        {imports}
        (import "env" "PyModule_Create2" (func $create (param i32 i32) (result i32)))
        (import "env" "PyLong_FromUnsignedLong" (func $long (param i32) (result i32)))
        (import "env" "PyBytes_FromStringAndSize" (func $bytes (param i32 i32) (result i32)))
        {routines}{slots}{functions}{run}
        (func $run_method (param i32 i32) (result i32) (call $long (call $run)))
        (func $events_method (param i32 i32) (result i32) (call $bytes (call $events) (i32.shl (call $count) (i32.const 2))))
        (func (export "_ZN1p6unusedEv") (result i32) (call $run_method (i32.const 0) (i32.const 0)))
        (func (export "PyInit_p{seed}") (result i32)
          (call $create (i32.add (global.get $memory_base) (i32.const {definition})) (i32.const 1013)))
        (func (export "__wasm_apply_data_relocs") {relocations})
        (elem (global.get $table_base) func {elements} $run_method $events_method)
        (data (global.get $memory_base) "{data}"))"#,
        table = count + 2,
        imports = imports(),
        routines = parts.routines(),
        slots = slots(0..count),
        functions = parts.functions.concat(),
        run = parts.run(""),
        elements = (0..count).map(|index| format!("$f{index} ")).collect::<String>(),
        data = data(seed, names, methods, definition),
    )
}

/// The data of an extension module but for addresses: names, `PyMethodDef`, `PyModuleDef`.
fn data(seed: u64, names: usize, methods: usize, definition: usize) -> String {
    /// Takes no arguments.
    const METH_NOARGS: u32 = 4;
    let mut data = vec![0u8; definition + 52];
    let mut put = |offset: usize, bytes: &[u8]| data[offset..offset + bytes.len()].copy_from_slice(bytes);
    put(names, b"run");
    put(names + 8, b"events");
    put(names + 16, format!("p{seed}").as_bytes());
    put(methods + 8, &METH_NOARGS.to_le_bytes());
    put(methods + 24, &METH_NOARGS.to_le_bytes());
    // One reference, and no state of its own.
    put(definition, &1u32.to_le_bytes());
    put(definition + 28, &(-1i32).to_le_bytes());
    data.iter().map(|byte| format!("\\{byte:02x}")).collect()
}
