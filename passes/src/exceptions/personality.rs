//! The runtime's entry point to exception matching, by which libc++abi compares types and adjusts the pointer to the thrown object.
//!
//! Compiled code fills `__wasm_lpad_context { lpad_index, lsda, selector }` and calls a function that takes the exception, sets `selector`
//! to zero and has the personality set it. That function is `_Unwind_CallPersonality` of libunwind (`Unwind-wasm.c`), and since Emscripten
//! 6.0.6 `__gxx_wasm_personality_v0` of libc++abi, with the same type and meaning (LLVM pull request 209282). A runtime that offers neither
//! may still offer what both of them call, and then the module does what they do.

use super::runtime::{long, word};
use crate::Environment;
use crate::module::{FunctionId, GlobalId, Module};
use wasm_encoder::InstructionSink;
use wasmparser::{FuncType, ValType};

/// Entry points `(exception) -> reason`.
pub const WHOLE: [&str; 2] = ["_Unwind_CallPersonality", "__gxx_wasm_personality_v0"];

/// What these call: `(version, actions, class, exception, context) -> reason`, before Emscripten 6.0.6 and since.
const INNER: [&str; 2] = ["__gxx_personality_wasm0", "__gxx_personality_imp"];

/// Version of the interface, and the action that asks for a handler (`_UA_SEARCH_PHASE`).
const VERSION: i32 = 1;
const SEARCH: i32 = 1;

/// Offset of `selector` in the context.
pub const SELECTOR: u64 = 8;

/// How exceptions are matched in a runtime.
#[derive(Debug, Clone, Copy)]
pub struct Personality {
    call: FunctionId,
    /// Whether `call` is one of [`INNER`].
    inner: bool,
    /// Holds the address of `__wasm_lpad_context`.
    pub context: GlobalId,
}

/// The entry point that a runtime offers, the usual one first.
pub fn offered(environment: &Environment) -> Option<&'static str> {
    WHOLE.into_iter().chain(INNER).find(|name| environment.function(name) == Some(&ty(name)))
}

fn ty(name: &str) -> FuncType {
    use ValType::{I32, I64};
    if INNER.contains(&name) { FuncType::new([I32, I32, I64, I32, I32], [I32]) } else { FuncType::new([I32], [I32]) }
}

impl Personality {
    /// Imports the entry point `name`.
    pub fn import(module: &mut Module<'_>, name: &str) -> Self {
        Personality {
            call: module.import_function("env", name, &ty(name)),
            inner: INNER.contains(&name),
            context: module.data_address("__wasm_lpad_context"),
        }
    }

    /// Matches the exception in the global `exception`.
    pub fn matches(&self, code: &mut InstructionSink<'_>, exception: GlobalId) {
        if self.inner {
            code.global_get(self.context.0).i32_const(0).i32_store(word(SELECTOR));
            // The class of an exception is its first member.
            code.i32_const(VERSION).i32_const(SEARCH).global_get(exception.0).i64_load(long(0));
        }
        code.global_get(exception.0);
        if self.inner {
            code.global_get(self.context.0);
        }
        code.call(self.call.0).drop();
    }
}
