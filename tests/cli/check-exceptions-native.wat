;; Native exceptions, which the oldest platform does not have, nor a main module of that time, of which nothing else is known.
;; RUN: check %
;; FAIL[2024] 1: check % --target pyodide_2024_0
;; FAIL[legacy] 1: check % --target emscripten-legacy
;; FAIL[upgrade] 3: upgrade % -n --target emscripten-legacy
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "__cpp_exception" (tag $cpp_exception (param i32)))
  (import "env" "__wasm_longjmp" (func (param i32 i32)))
  (func (export "run") (result i32)
    try (result i32)
      i32.const 1
      throw $cpp_exception
    catch $cpp_exception
    end))
