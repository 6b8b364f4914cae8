//! Constant expressions that compute (proposal extended-const), and what stands in their place where engines do not know them.

use super::*;
use wasm_encoder::InstructionSink;
use wasmparser::ValType;

impl ConstExpr<'_> {
    fn operators(&self) -> impl Iterator<Item = Operator<'_>> {
        OperatorsReader::new(BinaryReader::new(&self.bytes, self.offset)).into_iter().map_while(Result::ok)
    }

    /// Whether it computes instead of naming a value.
    pub fn computes(&self) -> bool {
        use Operator::{I32Add, I32Mul, I32Sub, I64Add, I64Mul, I64Sub};
        self.operators().any(|operator| matches!(operator, I32Add | I32Sub | I32Mul | I64Add | I64Sub | I64Mul))
    }

    /// Zero of an integer type.
    fn zero(ty: ValType) -> Self {
        let mut bytes = Vec::new();
        let mut sink = InstructionSink::new(&mut bytes);
        if ty == ValType::I64 {
            sink.i64_const(0)
        } else {
            sink.i32_const(0)
        };
        sink.end();
        ConstExpr { bytes: bytes.into(), offset: 0 }
    }
}

impl<'a> Module<'a> {
    /// Has the first active data segment write `bytes` at `__memory_base`, and the others nothing.
    pub fn merge_active_data(&mut self, bytes: Vec<u8>) {
        let Some(Item::Global(base)) = self.import("env", "__memory_base") else { return };
        self.touched.insert(section::DATA);
        let mut contents = Some(bytes);
        for segment in &mut self.data {
            let SegmentKind::Active { offset, .. } = &mut segment.kind else { continue };
            let mut code = Vec::new();
            InstructionSink::new(&mut code).global_get(base.0).end();
            *offset = ConstExpr { bytes: code.into(), offset: 0 };
            segment.bytes = contents.take().unwrap_or_default().into();
        }
    }

    /// Has the start function compute the initial values of these integer globals before anything else runs.
    pub fn compute_at_start(&mut self, globals: &[GlobalId]) {
        if globals.is_empty() {
            return;
        }
        self.touched.insert(section::GLOBAL);
        let mut function = wasm_encoder::Function::new([]);
        for &id in globals {
            let global = &mut self.globals[id.0 as usize];
            let zero = ConstExpr::zero(global.ty.content_type);
            let Origin::Defined(init) = &mut global.origin else { continue };
            let init = std::mem::replace(init, zero);
            global.ty.mutable = true;
            // All but its `end`.
            function.raw(init.bytes[..init.bytes.len() - 1].iter().copied());
            function.instructions().global_set(id.0);
        }
        self.run_first(function);
    }
}
