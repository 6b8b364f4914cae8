;; A wrapper has the type of its invoke: 64-bit integers, floats and vectors pass, and what is thrown gives zero.
;; RUN: upgrade -O0 % -o - -v | print
;; RUN[exnref]: upgrade -O0 % -o - --exnref -v | print

(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__stack_pointer" (global $__stack_pointer (mut i32)))
  (import "env" "invoke_jjfd" (func $invoke_jjfd (param i32 i64 f32 f64) (result i64)))
  (import "env" "invoke_VV" (func $invoke_VV (param i32 v128) (result v128)))
  (import "env" "invoke_dF" (func $invoke_dF (param i32 funcref) (result f64)))
  (import "env" "invoke_f" (func $invoke_f (param i32) (result f32)))
  (import "env" "__cxa_find_matching_catch_2" (func $__cxa_find_matching_catch_2 (result i32)))
  (func (export "run") (param $pointer i32)
    (drop (call $invoke_jjfd (local.get $pointer) (i64.const 1) (f32.const 2) (f64.const 3)))
    (drop (call $invoke_VV (local.get $pointer) (v128.const i64x2 4 5)))
    (drop (call $invoke_dF (local.get $pointer) (ref.null func)))
    (drop (call $invoke_f (local.get $pointer)))
    (drop (call $__cxa_find_matching_catch_2))))
