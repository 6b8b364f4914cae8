//! Code that puts 64-bit integers together from their halves and splits them, in id space.

use crate::linking::signature::legalized;
use crate::module::{FunctionId, GlobalId, Module};
use wasm_encoder::{Function, InstructionSink, ValType};
use wasmparser::{FuncType, ValType as Type};

/// Where the second result of a function goes that has only one: `tempRet0`.
#[derive(Debug, Clone, Copy)]
pub enum TempRet {
    /// A global of this module.
    Private(GlobalId),
    /// The runtime's, set by this imported function: other code of the module exchanges values with the runtime through it.
    Runtime { set: FunctionId },
}

impl TempRet {
    /// Takes the value from the stack.
    pub fn set(self, code: &mut InstructionSink<'_>) {
        match self {
            TempRet::Private(global) => code.global_set(global.0),
            TempRet::Runtime { set } => code.call(set.0),
        };
    }
}

/// Pushes the arguments for a function of type `ty` out of the locals from `first` on, in which they are legalized.
pub fn push_joined(code: &mut InstructionSink<'_>, ty: &FuncType, first: u32) {
    let mut local = first;
    for &parameter in ty.params() {
        code.local_get(local);
        if parameter == Type::I64 {
            local += 1;
            code.i64_extend_i32_u().local_get(local).i64_extend_i32_u().i64_const(32).i64_shl().i64_or();
        }
        local += 1;
    }
}

/// Turns the i64 on the stack into its low half; the high one goes to `high`. Uses the i64 local `scratch`.
pub fn split_result(code: &mut InstructionSink<'_>, scratch: u32, high: TempRet) {
    code.local_tee(scratch).i64_const(32).i64_shr_u().i32_wrap_i64();
    high.set(code);
    code.local_get(scratch).i32_wrap_i64();
}

/// Whether functions of type `ty` return a 64-bit integer.
pub fn returns_i64(ty: &FuncType) -> bool {
    ty.results() == [Type::I64]
}

/// The body of a function with `before` parameters followed by those of `ty`, legalized: it joins the latter, lets `call` consume
/// them and splits what that leaves, a result of `ty`. Imports the setter of `tempRet0` if that takes it.
pub fn legal_body(module: &mut Module<'_>, ty: &FuncType, before: u32, call: impl FnOnce(&mut InstructionSink<'_>)) -> Vec<u8> {
    let setter = returns_i64(ty).then(|| module.import_function("env", "setTempRet0", &FuncType::new([Type::I32], [])));
    let scratch = before + legalized(ty).params().len() as u32;
    let mut function = Function::new(setter.map(|_| (1, ValType::I64)));
    let mut code = function.instructions();
    push_joined(&mut code, ty, before);
    call(&mut code);
    if let Some(set) = setter {
        split_result(&mut code, scratch, TempRet::Runtime { set });
    }
    code.end();
    function.into_raw_body()
}
