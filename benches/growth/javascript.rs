//! JavaScript of main modules.

use anyhow::Result;

use super::Input;

/// Objects that each copy the one before twice, one variable with many values under many names, and tables that share entries.
pub fn shared_values(n: usize) -> Result<Input> {
    let pieces = |piece: &dyn Fn(usize) -> String| (0..n).map(piece).collect::<String>();
    let objects = pieces(&|i| format!("a{}={{...a{i},y{i}:1,...a{i}}};\n", i + 1));
    let values = pieces(&|i| format!("x={{m{i}:x}};o.p=x;\n"));
    let entries = pieces(&|i| format!("n{i}:x,m{i}:o.p,"));
    let tables = "wasmImports={...a0};\n".repeat(50);
    let javascript = format!("var x,o,a0={{f(){{}}}};{objects}{values}{tables}wasmImports={{...a{n},{entries}}};");
    let main = wat::parse_str("(module (func (export \"malloc\") (param i32) (result i32) (i32.const 0)))")?;
    let mut input = Input::module("(module (@dylink.0 (mem-info (memory 0 0) (table 0 0))) (import \"env\" \"f\" (func)))")?;
    input.beside = vec![("main.wasm", main), ("main.js", javascript.into_bytes())];
    input.options = &["--main", "main.wasm", "--main", "main.js"];
    Ok(input)
}
