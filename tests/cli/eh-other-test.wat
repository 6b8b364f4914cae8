;; A function with a landing pad and a longjmp to pass on, whose test of the landing pad is not `== 1`: what leads there catches C++
;; exceptions all the same.
;; RUN: upgrade -O0 % -o - -v | print

(module
  (@dylink.0 (mem-info (memory 0 0) (table 1 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__table_base" (global $__table_base i32))
  (import "GOT.mem" "__THREW__" (global $__THREW__ (mut i32)))
  (import "env" "invoke_v" (func $invoke_v (param i32)))
  (import "env" "__cxa_find_matching_catch_2" (func $__cxa_find_matching_catch_2 (result i32)))
  (import "env" "__resumeException" (func $__resumeException (param i32)))
  (import "env" "emscripten_longjmp" (func $emscripten_longjmp (param i32 i32)))
  (import "env" "abort" (func $abort))

  (func (export "pads") (local $threw i32)
    (i32.store (global.get $__THREW__) (i32.const 0))
    (call $invoke_v (global.get $__table_base))
    (local.set $threw (i32.load (global.get $__THREW__)))
    (if (local.get $threw)
      (then (call $__resumeException (call $__cxa_find_matching_catch_2)) (unreachable)))
    (call $emscripten_longjmp (i32.const 16) (i32.const 1))
    (unreachable))

  (elem (global.get $__table_base) func $abort))
