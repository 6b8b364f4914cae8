//! The routines that take the place of the imported JavaScript functions.
//!
//! Every routine is built in id space: the numbers given to the instructions are ids of the module.

use super::personality::{Personality, SELECTOR};
use crate::Result;
use crate::body::halves::{TempRet, push_joined, returns_i64, split_result};
use crate::module::{FunctionId, GlobalId, Module, TableId, TagId, TypeId};
use wasm_encoder::{BlockType, Function, InstructionSink, MemArg, MemArgTarget, ValType};
use wasmparser::FuncType;

/// The state that the JavaScript library kept, now private to the module.
#[derive(Debug, Clone, Copy)]
pub struct State {
    pub stack_pointer: GlobalId,
    pub function_table: TableId,
    /// `__cpp_exception (param i32)`, if anything catches or throws it: the payload points to the `_Unwind_Exception`.
    pub cpp_exception: Option<TagId>,
    /// `__c_longjmp (param i32)`, if anything catches it: the payload points to the jump buffer and the value.
    pub longjmp: Option<TagId>,
    /// The exception that an invoke caught last. One is enough: the landing pad asks for it before it calls anything else.
    pub caught: GlobalId,
    /// Holds the address of `__THREW__`, with `__threwValue` right behind it; `None` when no code of the module reads them.
    pub threw: Option<GlobalId>,
}

/// What a wrapper catches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Catches {
    /// C++ exceptions, and Rust panics, which travel as such.
    Cpp,
    Longjmp,
    Both,
}

impl Catches {
    pub fn cpp(self) -> bool {
        self != Catches::Longjmp
    }
    pub fn longjmp(self) -> bool {
        self != Catches::Cpp
    }

    /// The tags with what a handler of each does.
    pub fn handlers(self, state: &State) -> Vec<(TagId, Handler)> {
        let cpp = state.cpp_exception.filter(|_| self.cpp()).map(|tag| (tag, Handler::Exception));
        let longjmp = state.longjmp.filter(|_| self.longjmp()).map(|tag| (tag, Handler::Longjmp));
        cpp.into_iter().chain(longjmp).collect()
    }
}

/// What a handler reports.
#[derive(Debug, Clone, Copy)]
pub enum Handler {
    Exception,
    Longjmp,
}

/// Whom a wrapper calls.
#[derive(Debug, Clone, Copy)]
pub enum Callee<'t> {
    /// The function pointer in the first parameter, of this type.
    Pointer(TypeId),
    /// The function pointer in the first parameter, of this type, which takes and returns whole 64-bit integers; the halves of its
    /// arguments follow, and its result is returned in halves.
    Legalized(TypeId, &'t FuncType, TempRet),
    /// A function whose type is not what the invoke says. JavaScript drops arguments too many and makes up for missing ones.
    Known(FunctionId, &'t FuncType),
}

/// The body of an invoke wrapper of type `ty` (function pointer first): calls, and when something is thrown restores the stack
/// pointer, reports it in `__THREW__` and `__threwValue` and returns zero, as `invoke_*` of Emscripten's
/// `library_exceptions.js` does. Anything else that is thrown (JavaScript errors, exit) passes, as it does there.
pub fn invoke(ty: &FuncType, callee: Callee<'_>, catches: Catches, state: &State) -> Result<Vec<u8>> {
    let stack_pointer = ty.params().len() as u32;
    let payload = stack_pointer + 1;
    let halves = matches!(callee, Callee::Legalized(_, ty, _) if returns_i64(ty));
    let halves = halves.then_some((1, ValType::I64));
    let mut function = Function::new([(2, ValType::I32)].into_iter().chain(halves).collect::<Vec<_>>());
    let result = match ty.results() {
        [] => BlockType::Empty,
        [result, ..] => BlockType::Result(Module::encoded_type(*result)?),
    };
    function.instructions().global_get(state.stack_pointer.0).local_set(stack_pointer);
    function.instructions().try_(result);
    call(&mut function, ty, callee, state.function_table)?;
    for (tag, handler) in catches.handlers(state) {
        function.instructions().catch(tag.0).local_set(payload);
        report(handler, &mut function, payload, stack_pointer, state);
        zero(&mut function.instructions(), ty)?;
    }
    function.instructions().end().end();
    Ok(function.into_raw_body())
}

fn call(function: &mut Function, ty: &FuncType, callee: Callee<'_>, table: TableId) -> Result<()> {
    let arguments = ty.params().len() as u32;
    match callee {
        Callee::Pointer(ty) => {
            for argument in 1..arguments {
                function.instructions().local_get(argument);
            }
            function.instructions().local_get(0).call_indirect(table.0, ty.0);
        }
        Callee::Legalized(id, ty, high) => {
            let mut code = function.instructions();
            push_joined(&mut code, ty, 1);
            code.local_get(0).call_indirect(table.0, id.0);
            if returns_i64(ty) {
                split_result(&mut code, arguments + 2, high);
            }
        }
        Callee::Known(callee, callee_type) => {
            for (index, &parameter) in callee_type.params().iter().enumerate() {
                match index as u32 + 1 {
                    given if given < arguments => function.instructions().local_get(given),
                    _ => missing(&mut function.instructions(), parameter),
                };
            }
            function.instructions().call(callee.0);
            match (ty.results(), callee_type.results()) {
                ([], [_]) => {
                    function.instructions().drop();
                }
                ([result], []) => {
                    missing(&mut function.instructions(), *result);
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// What JavaScript's `undefined` becomes on the way to wasm.
fn missing<'s, 'f>(code: &'s mut InstructionSink<'f>, ty: wasmparser::ValType) -> &'s mut InstructionSink<'f> {
    match ty {
        wasmparser::ValType::F32 => code.f32_const(f32::NAN.into()),
        wasmparser::ValType::F64 => code.f64_const(f64::NAN.into()),
        _ => code.i32_const(0),
    }
}

/// Whether JavaScript would have made the call `invoke` → `callee` work although the types differ: only the number of values
/// differs, and none that `undefined` cannot become (a BigInt).
pub fn adaptable(invoke: &FuncType, callee: &FuncType) -> bool {
    let given = &invoke.params()[1..];
    let shared = given.len().min(callee.params().len());
    let converts =
        |ty: &wasmparser::ValType| matches!(ty, wasmparser::ValType::I32 | wasmparser::ValType::F32 | wasmparser::ValType::F64);
    let results = match (invoke.results(), callee.results()) {
        ([result], []) => converts(result),
        (a, b) => (a.is_empty() && b.len() <= 1) || a == b,
    };
    given[..shared] == callee.params()[..shared] && callee.params()[shared..].iter().all(converts) && results
}

/// The zero that an invoke returns when something was thrown.
pub fn zero(code: &mut InstructionSink<'_>, ty: &FuncType) -> Result<()> {
    for &result in ty.results() {
        match Module::encoded_type(result)? {
            ValType::I32 => code.i32_const(0),
            ValType::I64 => code.i64_const(0),
            ValType::F32 => code.f32_const(0.0.into()),
            ValType::F64 => code.f64_const(0.0.into()),
            ValType::V128 => code.v128_const(0),
            ValType::Ref(ty) => code.ref_null(ty.heap_type),
        };
    }
    Ok(())
}

/// `(exception, stack pointer)`: what the handler of an inlined call site does about an exception.
pub fn caught(state: &State) -> Vec<u8> {
    body(|code| {
        code.local_get(0).global_set(state.caught.0);
        code.local_get(1).global_set(state.stack_pointer.0);
    })
}

/// `(payload, stack pointer) -> (jump buffer, value)`: what the handler of an inlined call site does about a longjmp.
pub fn jumped(state: &State) -> Vec<u8> {
    body(|code| {
        code.local_get(1).global_set(state.stack_pointer.0);
        code.local_get(0).i32_load(word(0)).local_get(0).i32_load(word(4));
    })
}

fn report(handler: Handler, function: &mut Function, payload: u32, stack_pointer: u32, state: &State) {
    match handler {
        Handler::Exception => report_exception(function, payload, stack_pointer, state),
        Handler::Longjmp => report_longjmp(function, payload, stack_pointer, state),
    }
}

fn report_exception(function: &mut Function, exception: u32, stack_pointer: u32, state: &State) {
    let mut code = function.instructions();
    code.local_get(exception).global_set(state.caught.0);
    code.local_get(stack_pointer).global_set(state.stack_pointer.0);
    if let Some(threw) = state.threw {
        code.global_get(threw.0).i32_const(1).i32_store(word(0));
        code.global_get(threw.0).i32_const(0).i32_store(word(4));
    }
}

fn report_longjmp(function: &mut Function, jump: u32, stack_pointer: u32, state: &State) {
    let mut code = function.instructions();
    code.local_get(stack_pointer).global_set(state.stack_pointer.0);
    if let Some(threw) = state.threw {
        // __wasm_longjmp (compiler-rt, emscripten_setjmp.c) throws the address of { jump buffer, value }.
        code.global_get(threw.0).local_get(jump).i32_load(word(0)).i32_store(word(0));
        code.global_get(threw.0).local_get(jump).i32_load(word(4)).i32_store(word(4));
    }
}

/// A value aligned as an i32 at `offset` bytes.
pub fn word(offset: u64) -> MemArg {
    MemArg { offset, align: 2, target: MemArgTarget::Memory(0), ordering: None }
}

/// A value aligned as an i64 at `offset` bytes.
pub fn long(offset: u64) -> MemArg {
    MemArg { align: 3, ..word(offset) }
}

/// How a landing pad asks libc++abi which of its clauses takes the exception.
#[derive(Debug, Clone, Copy)]
pub struct Matching {
    /// Where `getTempRet0` will find the clause.
    pub selected: TempRet,
    /// What the asking needs; `None` when no landing pad of the module has a typed clause.
    pub personality: Option<Personality>,
}

/// Sizes in bytes of the language-specific data area for a landing pad with `clauses` typed clauses: the part before the type
/// table, which is the same for every call, and the whole.
fn lsda_size(clauses: u32) -> (u32, u32) {
    let head = lsda_head(clauses).len() as u32;
    (head, head + 4 * clauses)
}

/// The language-specific data area up to its type table, padded to words.
///
/// One call site, number 0, whose actions try clause 1, 2, … in turn. libc++abi reads it in `scan_eh_tab`
/// (`cxa_personality.cpp`); the format is the Itanium C++ ABI's, with call sites numbered as wasm does.
fn lsda_head(clauses: u32) -> Vec<u8> {
    const OMIT: u8 = 0xff;
    const ABSOLUTE_POINTER: u8 = 0x00;
    const ULEB: u8 = 0x01;
    let mut actions = Vec::new();
    for clause in 1..=i64::from(clauses) {
        wasm_encoder::Encode::encode(&clause, &mut actions);
        // The distance from here to the next action, 0 for none.
        actions.push(if clause < i64::from(clauses) { 1 } else { 0 });
    }
    // Call-site table: encoding, length, landing pad 0, first action 1.
    let behind_offset = [&[ULEB, 2, 0, 1][..], &actions].concat();
    // The offset counts from behind itself to the end of the type table; as the padding depends on its length, try the lengths.
    for length in 1..=5 {
        let unpadded = 2 + length + behind_offset.len();
        let head = unpadded.next_multiple_of(4);
        let mut offset = Vec::new();
        let end_of_types = head + 4 * clauses as usize;
        wasm_encoder::Encode::encode(&((end_of_types - 2 - length) as u32), &mut offset);
        if offset.len() == length {
            let mut lsda = [&[OMIT, ABSOLUTE_POINTER][..], &offset, &behind_offset].concat();
            lsda.resize(head, 0);
            return lsda;
        }
    }
    Vec::new()
}

/// `__cxa_find_matching_catch_N`: returns the exception that was caught last and leaves the matching clause, or 0, in `tempRet0`.
///
/// A landing pad with typed clauses builds a language-specific data area on the stack and has the runtime's personality read it,
/// so that libc++abi itself compares types and adjusts the pointer to the thrown object, for its own exceptions and foreign ones.
pub fn find_matching_catch(clauses: u32, matching: &Matching, state: &State) -> Vec<u8> {
    let Some(personality) = matching.personality.filter(|_| clauses > 0) else {
        let mut function = Function::new([]);
        let mut code = function.instructions();
        code.i32_const(0);
        matching.selected.set(&mut code);
        code.global_get(state.caught.0).end();
        return function.into_raw_body();
    };
    let (head, size) = lsda_size(clauses);
    // Behind the table lies a zero, as the type of selector 0, which means none.
    let frame = (size + 4).next_multiple_of(16);
    let lsda = clauses;
    let mut function = Function::new([(1, ValType::I32)]);
    let mut code = function.instructions();
    code.global_get(state.stack_pointer.0).i32_const(frame as i32).i32_sub().local_tee(lsda).global_set(state.stack_pointer.0);
    for (index, bytes) in lsda_head(clauses).chunks(8).enumerate() {
        let value = bytes.iter().rev().fold(0, |value, byte| (value << 8) | i64::from(*byte));
        let at = word(8 * index as u64);
        match bytes.len() {
            8 => code.local_get(lsda).i64_const(value).i64_store(at),
            _ => code.local_get(lsda).i32_const(value as i32).i32_store(at),
        };
    }
    for clause in 0..clauses {
        // The type table is read backwards from its end.
        let offset = word(u64::from(head + 4 * (clauses - 1 - clause)));
        match clause {
            0 => code.local_get(lsda).local_get(clause).i64_extend_i32_u().i64_store(offset),
            _ => code.local_get(lsda).local_get(clause).i32_store(offset),
        };
    }
    code.global_get(personality.context.0).i32_const(0).i32_store(word(0));
    code.global_get(personality.context.0).local_get(lsda).i32_store(word(4));
    personality.matches(&mut code, state.caught);
    // Clause s (from 1) has its type 4 s bytes before the end of the table.
    code.local_get(lsda).global_get(personality.context.0).i32_load(word(SELECTOR)).i32_const(2).i32_shl().i32_sub();
    code.i32_load(word(u64::from(size)));
    matching.selected.set(&mut code);
    code.local_get(lsda).i32_const(frame as i32).i32_add().global_set(state.stack_pointer.0);
    code.global_get(state.caught.0).end();
    function.into_raw_body()
}

/// `__resumeException(exception)`: throws it on. What landing pads hold is the pointer that the tag carries.
pub fn resume_exception(cpp_exception: TagId) -> Vec<u8> {
    body(|code| {
        code.local_get(0).throw(cpp_exception.0);
    })
}

/// `llvm_eh_typeid_for(typeinfo)`: the identity, as `find_matching_catch` selects by typeinfo.
pub fn typeid_for() -> Vec<u8> {
    body(|code| {
        code.local_get(0);
    })
}

/// `getTempRet0()`
pub fn get_temp_ret(global: GlobalId) -> Vec<u8> {
    body(|code| {
        code.global_get(global.0);
    })
}

/// `setTempRet0(value)`
pub fn set_temp_ret(global: GlobalId) -> Vec<u8> {
    body(|code| {
        code.local_get(0).global_set(global.0);
    })
}

/// `setThrew(what, value)`: the first report stands (compiler-rt, `emscripten_exception_builtins.c`).
pub fn set_threw(threw: Option<GlobalId>) -> Vec<u8> {
    body(|code| {
        if let Some(threw) = threw {
            code.global_get(threw.0).i32_load(word(0)).i32_eqz().if_(BlockType::Empty);
            code.global_get(threw.0).local_get(0).i32_store(word(0));
            code.global_get(threw.0).local_get(1).i32_store(word(4));
            code.end();
        }
    })
}

/// A function whose address is taken and that nobody may call.
pub fn trap() -> Vec<u8> {
    body(|code| {
        code.unreachable();
    })
}

fn body(code: impl FnOnce(&mut InstructionSink<'_>)) -> Vec<u8> {
    let mut function = Function::new([]);
    code(&mut function.instructions());
    function.instructions().end();
    function.into_raw_body()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the table as libc++abi's `scan_eh_tab` does and returns the clause numbers in the order they are tried, and the
    /// distance from the start to the end of the type table.
    fn scan(lsda: &[u8]) -> (Vec<i64>, usize) {
        fn uleb(bytes: &[u8], at: &mut usize) -> usize {
            let (mut value, mut shift) = (0, 0);
            loop {
                let byte = bytes[*at];
                *at += 1;
                value |= ((byte & 0x7f) as usize) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    return value;
                }
            }
        }
        fn sleb(bytes: &[u8], at: &mut usize) -> i64 {
            let start = *at;
            let value = uleb(bytes, at) as i64;
            let bits = 7 * (*at - start);
            (value << (64 - bits)) >> (64 - bits)
        }
        assert_eq!(lsda[..2], [0xff, 0x00]);
        let mut at = 2;
        let offset = uleb(lsda, &mut at);
        let class_info = at + offset;
        assert_eq!(lsda[at], 1);
        at += 1;
        let length = uleb(lsda, &mut at);
        let actions = at + length;
        assert_eq!(uleb(lsda, &mut at), 0);
        let mut action = actions + uleb(lsda, &mut at) - 1;
        let mut clauses = Vec::new();
        loop {
            clauses.push(sleb(lsda, &mut action));
            let next = action;
            match sleb(lsda, &mut action) {
                0 => return (clauses, class_info),
                distance => action = next + distance as usize,
            }
        }
    }

    #[test]
    fn the_lsda_lists_every_clause_and_ends_with_the_types() {
        // One-byte offsets end above 20 clauses, one-byte actions above 63.
        for clauses in [1, 2, 3, 20, 21, 22, 63, 64, 65, 70, 127, 128, 998] {
            let head = lsda_head(clauses);
            assert_eq!(head.len() % 4, 0);
            let (order, class_info) = scan(&head);
            assert_eq!(order, (1..=i64::from(clauses)).collect::<Vec<_>>(), "{clauses} clauses");
            assert_eq!(class_info as u32, lsda_size(clauses).1, "{clauses} clauses");
        }
    }
}
