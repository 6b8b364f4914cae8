;; Objects of both kinds in one module: one half fails wherever it is loaded.
;; FAIL 1: check %
;; FAIL[2024] 1: check % --target pyodide_2024_0
;; FAIL[legacy] 1: check % --target emscripten-legacy
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__stack_pointer" (global (mut i32)))
  (import "env" "invoke_v" (func $invoke_v (param i32)))
  (import "env" "__cpp_exception" (tag $cpp_exception (param i32)))
  (func (export "javascript") (param i32) (call $invoke_v (local.get 0)))
  (func (export "native") (result i32)
    try (result i32)
      i32.const 1
      throw $cpp_exception
    catch $cpp_exception
    end))
