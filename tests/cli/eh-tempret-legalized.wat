;; So do the exports of legalized functions (`orig$` names what they wrap).
;; RUN: upgrade -O0 % -o - -v | print

(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__stack_pointer" (global $__stack_pointer (mut i32)))
  (import "env" "invoke_v" (func $invoke_v (param i32)))
  (import "env" "__cxa_find_matching_catch_3" (func $__cxa_find_matching_catch_3 (param i32) (result i32)))
  (import "env" "getTempRet0" (func $getTempRet0 (result i32)))
  (func (export "run") (param $pointer i32) (result i32)
    (call $invoke_v (local.get $pointer))
    (drop (call $__cxa_find_matching_catch_3 (i32.const 0)))
    (call $getTempRet0))
  (func (export "orig$wide") (result i64) (i64.const 1)))
