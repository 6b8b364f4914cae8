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
    /// The functions that something other than code and exports names: segments, and the initial values of globals and tables.
    pub fn listed_functions(&self) -> impl Iterator<Item = FunctionId> {
        let (mut lists, mut expressions) = (Vec::new(), Vec::new());
        for segment in &self.elements {
            match &segment.items {
                ElementItems::Functions(functions) => lists.push(functions),
                ElementItems::Expressions(_, items) => expressions.extend(items),
            }
        }
        expressions.extend(self.globals.iter().filter_map(|global| global.origin.defined()));
        expressions.extend(self.tables.iter().filter_map(|table| table.origin.defined()?.as_ref()));
        let listed = lists.into_iter().flatten().copied();
        listed.chain(expressions.into_iter().flat_map(ConstExpr::functions)).map(|id| self.resolved(id))
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_listed_by_segments_and_initial_values() {
        let bytes = wat::parse_str(
            r#"(module (@dylink.0 (mem-info)) (func $a) (func $b) (func $c) (func $d) (func $not (call $not))
            (table 4 funcref) (global funcref (ref.func $d))
            (elem (i32.const 0) func $b) (elem declare func $c) (elem (i32.const 1) funcref (ref.func $a) (ref.null func)))"#,
        )
        .unwrap();
        let mut module = Module::read(&bytes).unwrap();
        let listed = |module: &Module<'_>| module.listed_functions().map(|id| id.0).collect::<Vec<_>>();
        assert_eq!(listed(&module), [1, 2, 0, 3]);
        module.replace_function(FunctionId(1), FunctionId(4));
        assert_eq!(listed(&module), [4, 2, 0, 3]);
        // What a table begins with may be a function, too, but engines take that with other features only.
        let table = wat::parse_str("(module (@dylink.0 (mem-info)) (func $a) (table 1 funcref (ref.func $a)))").unwrap();
        let refused = Module::read(&table).unwrap_err().to_string();
        assert!(refused.contains("table"), "{refused}");
    }
}
