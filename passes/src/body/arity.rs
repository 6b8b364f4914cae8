//! How many values blocks and instructions take and give.

use crate::module::{FunctionId, Module};
use wasmparser::{BlockType, FrameKind, FuncType, ModuleArity, Operator, SubType};

/// So many values are taken, and so many given.
pub type Arity = (u32, u32);

/// That of a block of this type.
pub fn of_block(module: &Module<'_>, ty: BlockType) -> Arity {
    match ty {
        BlockType::Empty => (0, 0),
        BlockType::Type(_) => (0, 1),
        BlockType::FuncType(index) => of_type(&module.types()[index as usize]),
    }
}

/// That of a call of `function`.
pub fn of_function(module: &Module<'_>, function: u32) -> Arity {
    of_type(module.signature(FunctionId(function)))
}

/// That of a function of the type with this index, without the pointer by which it is called.
pub fn of_type_at(module: &Module<'_>, index: u32) -> Arity {
    of_type(&module.types()[index as usize])
}

/// How many values an exception of the tag carries; `None` when there is no such tag.
pub fn of_tag(module: &Module<'_>, tag: u32) -> Option<u32> {
    module.tags().get(tag as usize).map(|tag| of_type_at(module, tag.ty.0).0)
}

fn of_type(ty: &FuncType) -> Arity {
    (ty.params().len() as u32, ty.results().len() as u32)
}

/// That of an instruction that has the same in every module: no control flow, no call. `None` for others.
pub fn of_plain(operator: &Operator<'_>) -> Option<Arity> {
    operator.operator_arity(&Nothing)
}

/// A module of which nothing is known.
struct Nothing;

impl ModuleArity for Nothing {
    fn sub_type_at(&self, _: u32) -> Option<&SubType> {
        None
    }
    fn tag_type_arity(&self, _: u32) -> Option<Arity> {
        None
    }
    fn type_index_of_function(&self, _: u32) -> Option<u32> {
        None
    }
    fn func_type_of_cont_type(&self, _: &wasmparser::ContType) -> Option<&FuncType> {
        None
    }
    fn sub_type_of_ref_type(&self, _: &wasmparser::RefType) -> Option<&SubType> {
        None
    }
    fn control_stack_height(&self) -> u32 {
        0
    }
    fn label_block(&self, _: u32) -> Option<(BlockType, FrameKind)> {
        None
    }
}
