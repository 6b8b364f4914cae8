;; An export gives the second half of a value to its caller through the runtime's `tempRet0`, so the routines use that one too.
;; RUN: upgrade -O0 % -o - -v | print

(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__stack_pointer" (global $__stack_pointer (mut i32)))
  (import "env" "invoke_v" (func $invoke_v (param i32)))
  (import "env" "__cxa_find_matching_catch_3" (func $__cxa_find_matching_catch_3 (param i32) (result i32)))
  (import "env" "getTempRet0" (func $getTempRet0 (result i32)))
  (import "env" "setTempRet0" (func $setTempRet0 (param i32)))
  (func (export "run") (param $pointer i32) (result i32)
    (call $invoke_v (local.get $pointer))
    (drop (call $__cxa_find_matching_catch_3 (i32.const 0)))
    (call $getTempRet0))
  (func (export "halves") (result i32)
    (call $setTempRet0 (i32.const 1))
    (i32.const 2)))
