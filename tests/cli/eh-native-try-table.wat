;; A module that already has `try_table` gets `try_table`: engines do not mix the two forms.
;; RUN: upgrade -O0 % -o - -v | print

(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__stack_pointer" (global $__stack_pointer (mut i32)))
  (import "env" "__cpp_exception" (tag $__cpp_exception (param i32)))
  (import "env" "invoke_v" (func $invoke_v (param i32)))
  (import "env" "__cxa_find_matching_catch_2" (func $__cxa_find_matching_catch_2 (result i32)))
  (import "env" "may_throw" (func $may_throw))
  (func (export "run") (param $pointer i32) (result i32)
    (call $invoke_v (local.get $pointer))
    (call $__cxa_find_matching_catch_2))
  (func (export "native") (result i32)
    (block $caught (result i32)
      (try_table (catch $__cpp_exception $caught) (call $may_throw))
      (i32.const 0))))
