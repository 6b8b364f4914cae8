//! Which imports of a module belong to Emscripten's JavaScript exception handling.
//!
//! LLVM's `WebAssemblyLowerEmscriptenEHSjLj.cpp` makes the calls; the names are final since 2020 (emscripten#12399). A name alone
//! proves nothing (`invoke_if` may be a user's function): the wasm type must agree.

use crate::linking::siblings::SiblingExports;
use crate::linking::signature;
use crate::module::{FunctionId, GlobalId, Item, Module};
use std::collections::{BTreeMap, HashMap, HashSet};
use wasmparser::{FuncType, ValType};

/// What an imported function is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// `invoke_<signature>(function pointer, arguments…)`: a call that reports in `__THREW__` what was thrown.
    Invoke,
    /// `invoke_<signature>` linked without WASM_BIGINT: its 64-bit values are pairs of i32.
    LegalizedInvoke,
    /// `__cxa_find_matching_catch_<clauses + 2>(typeinfo…)`: which clause takes the current exception.
    FindMatchingCatch {
        /// How many clauses it is given.
        clauses: u32,
    },
    /// `__resumeException(exception)`: goes on unwinding.
    ResumeException,
    /// `llvm_eh_typeid_for(typeinfo)`: the identity.
    TypeidFor,
    /// `getTempRet0()`: the second result of the call before.
    GetTempRet,
    /// `setTempRet0(value)`: gives a second result.
    SetTempRet,
    /// `emscripten_longjmp(env, value)`
    Longjmp,
    /// `setThrew(what, value)`: sets `__THREW__` unless it is set.
    SetThrew,
    /// `saveSetjmp(env, label, table, size)`: enters a setjmp into the table of its frame; before Emscripten 3.1.57.
    SaveSetjmp,
    /// `testSetjmp(id, table, size)`: looks a setjmp up in the table of a frame; before Emscripten 3.1.57.
    TestSetjmp,
    /// `__gxx_personality_v0`: an address that LLVM mentions and nobody calls.
    Personality,
}

/// The parts of the JavaScript exception ABI that a module imports.
#[derive(Debug, Default)]
pub struct Abi {
    /// The imported functions and what each is for.
    pub functions: BTreeMap<u32, Role>,
    /// The types of the functions that invokes call, by invoke.
    pub callees: BTreeMap<u32, FuncType>,
    /// GOT entries that hold the address of such a function: the global and the function's name.
    pub function_addresses: Vec<(GlobalId, String, Role)>,
    /// Globals that hold the address of `__THREW__`, usually one.
    pub threw: Vec<GlobalId>,
    /// Globals that hold the address of `__threwValue`, usually one.
    pub threw_value: Vec<GlobalId>,
}

const THREW: &str = "__THREW__";
const THREW_VALUE: &str = "__threwValue";

impl Abi {
    /// Looks through the imports of `module`. A function that it or a sibling defines and exports under such a name is a user's
    /// function, and so is one that is imported with another type than the ABI's.
    pub fn find(module: &Module<'_>, sibling_exports: &SiblingExports) -> Self {
        let mut abi = Abi::default();
        let users = users_functions(module);
        for import in module.imports() {
            let field = import.field.as_ref();
            if sibling_exports.contains(field) || users.contains(field) {
                continue;
            }
            match (import.module.as_ref(), import.item) {
                ("env", Item::Function(id)) => {
                    if let Some(role) = role(field, module.signature(id)) {
                        abi.functions.insert(id.0, role);
                        abi.callees.extend(callee(field, role).map(|ty| (id.0, ty)));
                    }
                }
                ("GOT.mem", Item::Global(id)) if field == THREW => abi.threw.push(id),
                ("GOT.mem", Item::Global(id)) if field == THREW_VALUE => abi.threw_value.push(id),
                ("GOT.func", Item::Global(id)) => {
                    // The compiler only ever calls the two of setjmp.
                    let found = type_of(field).and_then(|ty| role(field, &ty));
                    if let Some(role) = found.filter(|role| !matches!(role, Role::SaveSetjmp | Role::TestSetjmp)) {
                        abi.function_addresses.push((id, field.to_string(), role));
                    }
                }
                _ => {}
            }
        }
        abi
    }

    /// Whether there is anything that a runtime with native exceptions lacks.
    pub fn needs_conversion(&self) -> bool {
        let roles = self.functions.values().chain(self.function_addresses.iter().map(|(_, _, role)| role));
        roles.into_iter().any(|role| !matches!(role, Role::GetTempRet | Role::SetTempRet | Role::SetThrew))
    }

    /// Whether the module catches or passes on what is thrown, or exchanges values through `tempRet0` and `__THREW__`; otherwise it
    /// only throws.
    pub fn catches(&self) -> bool {
        let roles = self.functions.values().chain(self.function_addresses.iter().map(|(_, _, role)| role));
        roles.into_iter().any(|role| !matches!(role, Role::Longjmp | Role::Personality | Role::TypeidFor))
    }

    /// Whether the module has a function of this role, or the address of one.
    pub fn has(&self, role: Role) -> bool {
        self.with_role(role).next().is_some() || self.function_addresses.iter().any(|(_, _, have)| *have == role)
    }

    /// The functions of one role.
    pub fn with_role(&self, role: Role) -> impl Iterator<Item = FunctionId> {
        self.functions.iter().filter(move |(_, have)| **have == role).map(|(id, _)| FunctionId(*id))
    }

    /// The invokes, legalized or not.
    pub fn invokes(&self) -> impl Iterator<Item = FunctionId> {
        self.with_role(Role::Invoke).chain(self.with_role(Role::LegalizedInvoke))
    }

    /// What the function `id` is for, if it is of the ABI.
    pub fn role(&self, id: FunctionId) -> Option<Role> {
        self.functions.get(&id.0).copied()
    }

    /// The roles by function, for look-ups in hot loops.
    pub fn by_function(&self) -> HashMap<u32, Role> {
        self.functions.iter().map(|(id, role)| (*id, *role)).collect()
    }
}

/// Names of functions that are not the ABI's, whatever they look like. Their addresses come through the GOT as those of the ABI do,
/// without a type.
fn users_functions<'m>(module: &'m Module<'_>) -> HashSet<&'m str> {
    let exported = module.exports().iter().filter_map(|export| match export.item {
        Item::Function(id) if module.function(id).origin.defined().is_some() => Some(export.name.as_ref()),
        _ => None,
    });
    let imported = module.imports().iter().filter_map(|import| match import.item {
        Item::Function(id) if role(&import.field, module.signature(id)).is_none() => Some(import.field.as_ref()),
        _ => None,
    });
    exported.chain(imported).collect()
}

/// The type of the function that the invoke `name` calls.
fn callee(name: &str, role: Role) -> Option<FuncType> {
    let letters = name.strip_prefix("invoke_").filter(|_| matches!(role, Role::Invoke | Role::LegalizedInvoke))?;
    signature::spelled(letters)
}

/// What the import `env.name` of type `ty` is for, if it belongs to the ABI.
pub fn role(name: &str, ty: &FuncType) -> Option<Role> {
    if let Some(letters) = name.strip_prefix("invoke_") {
        let spelled = signature::through_pointer(&signature::spelled(letters)?);
        return match () {
            _ if spelled == *ty => Some(Role::Invoke),
            _ if signature::is_legalized(ty, &spelled) => Some(Role::LegalizedInvoke),
            _ => None,
        };
    }
    if type_of(name).as_ref() != Some(ty) {
        // The address of the personality is taken with whatever type the compiler had at hand.
        return (name == "__gxx_personality_v0").then_some(Role::Personality);
    }
    Some(match name {
        "__resumeException" => Role::ResumeException,
        "llvm_eh_typeid_for" => Role::TypeidFor,
        "getTempRet0" => Role::GetTempRet,
        "setTempRet0" => Role::SetTempRet,
        "emscripten_longjmp" => Role::Longjmp,
        "setThrew" => Role::SetThrew,
        "saveSetjmp" => Role::SaveSetjmp,
        "testSetjmp" => Role::TestSetjmp,
        "__gxx_personality_v0" => Role::Personality,
        _ => Role::FindMatchingCatch { clauses: clauses(name)? },
    })
}

/// The wasm type that a function of the ABI must have.
pub fn type_of(name: &str) -> Option<FuncType> {
    use ValType::I32;
    if let Some(letters) = name.strip_prefix("invoke_") {
        return Some(signature::through_pointer(&signature::spelled(letters)?));
    }
    Some(match name {
        "__resumeException" | "setTempRet0" => FuncType::new([I32], []),
        "llvm_eh_typeid_for" => FuncType::new([I32], [I32]),
        "getTempRet0" => FuncType::new([], [I32]),
        "emscripten_longjmp" | "setThrew" => FuncType::new([I32, I32], []),
        "saveSetjmp" => FuncType::new([I32; 4], [I32]),
        "testSetjmp" => FuncType::new([I32; 3], [I32]),
        "__gxx_personality_v0" => FuncType::new([I32; 5], [I32]),
        _ => FuncType::new(vec![I32; clauses(name)? as usize], [I32]),
    })
}

/// `__cxa_find_matching_catch_N` takes N - 2 clauses.
fn clauses(name: &str) -> Option<u32> {
    let number = name.strip_prefix("__cxa_find_matching_catch_")?;
    number.parse::<u32>().ok()?.checked_sub(2).filter(|clauses| *clauses <= 998)
}

/// Whether the import `env.name` of type `ty` belongs to the exception ABI, `setjmp` included, and is not for others to change.
pub fn is_of_abi(name: &str, ty: &FuncType) -> bool {
    const SETJMP: [&str; 4] = ["__wasm_setjmp", "__wasm_setjmp_test", "saveSetjmp", "testSetjmp"];
    SETJMP.contains(&name) || role(name, ty).is_some()
}

/// The type with whole 64-bit integers of the import `name`, if it is an invoke that takes them in halves, as `ty` says.
pub(crate) fn legalized_invoke(name: &str, ty: &FuncType) -> Option<FuncType> {
    let letters = name.strip_prefix("invoke_").filter(|_| role(name, ty) == Some(Role::LegalizedInvoke))?;
    signature::spelled(letters).map(|callee| signature::through_pointer(&callee))
}

/// Whether `module` imports an invoke that takes 64-bit integers in halves.
pub(crate) fn has_legalized_invoke(module: &Module<'_>) -> bool {
    module.imports().iter().any(|import| match import.item {
        Item::Function(id) => legalized_invoke(&import.field, module.signature(id)).is_some(),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ValType::{F64, I32, I64};

    #[test]
    fn an_invoke_is_one_by_name_and_type() {
        assert_eq!(role("invoke_vi", &FuncType::new([I32, I32], [])), Some(Role::Invoke));
        assert_eq!(role("invoke_jd", &FuncType::new([I32, F64], [I64])), Some(Role::Invoke));
        // A user's function of that name.
        assert_eq!(role("invoke_if", &FuncType::new([I32], [I32])), None);
        assert_eq!(role("invoke_id", &FuncType::new([I32, I32], [I32])), None);
        assert_eq!(role("invoke_callback", &FuncType::new([I32], [])), None);
        assert_eq!(role("invoke_", &FuncType::new([I32], [])), None);
    }

    #[test]
    fn a_legalized_invoke_may_differ_in_the_result_alone() {
        assert_eq!(role("invoke_j", &FuncType::new([I32], [I32])), Some(Role::LegalizedInvoke));
        assert_eq!(role("invoke_ji", &FuncType::new([I32, I32], [I32])), Some(Role::LegalizedInvoke));
        assert_eq!(role("invoke_vj", &FuncType::new([I32, I32, I32], [])), Some(Role::LegalizedInvoke));
        assert_eq!(role("invoke_vj", &FuncType::new([I32, I64], [])), Some(Role::Invoke));
    }

    #[test]
    fn find_matching_catch_counts_its_clauses() {
        let clauses = |n| Some(Role::FindMatchingCatch { clauses: n });
        assert_eq!(role("__cxa_find_matching_catch_2", &FuncType::new([], [I32])), clauses(0));
        assert_eq!(role("__cxa_find_matching_catch_5", &FuncType::new([I32; 3], [I32])), clauses(3));
        assert_eq!(role("__cxa_find_matching_catch_5", &FuncType::new([I32; 2], [I32])), None);
        assert_eq!(role("__cxa_find_matching_catch_1", &FuncType::new([], [I32])), None);
    }
}
