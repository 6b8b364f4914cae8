;; Exceptions and longjmp in JavaScript, which only the oldest platform has. An address keeps the module from being loaded; functions
;; fail when they are called.
;; FAIL 1: check %
;; FAIL[2026] 1: check % --target pyemscripten_2026_0
;; RUN[2024]: check % --target pyodide_2024_0
;; RUN[upgraded]: upgrade % -o upgraded.wasm -q
;; RUN[after]: check upgraded.wasm
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__stack_pointer" (global (mut i32)))
  (import "env" "invoke_v" (func $invoke_v (param i32)))
  (import "env" "emscripten_longjmp" (func (param i32 i32)))
  (import "GOT.func" "emscripten_longjmp" (global (mut i32)))
  (import "env" "__cxa_find_matching_catch_2" (func $find (result i32)))
  (func (export "run") (param i32) (result i32)
    (call $invoke_v (local.get 0))
    (call $find)))
