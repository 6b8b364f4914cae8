;; A segment that does not begin at `__table_base` says nothing about the slots from there on: no callee is taken for known.
;; RUN: upgrade -O0 % -o - -v | print

(module
  (@dylink.0 (mem-info (memory 0 0) (table 2 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__table_base" (global $__table_base i32))
  (import "env" "__stack_pointer" (global $__stack_pointer (mut i32)))
  (import "env" "invoke_v" (func $invoke_v (param i32)))
  (import "env" "__cxa_find_matching_catch_2" (func $__cxa_find_matching_catch_2 (result i32)))
  (func (export "run") (result i32)
    (call $invoke_v (global.get $__table_base))
    (call $__cxa_find_matching_catch_2))
  (func $not_in_slot_0 (param i32))
  (elem (i32.add (global.get $__table_base) (i32.const 1)) func $not_in_slot_0))
