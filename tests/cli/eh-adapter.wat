;; A known callee of another type than its invoke says is called as JavaScript did: arguments too many go, missing ones are undefined.
;; RUN: upgrade -O0 % -o - -v | print

(module
  (@dylink.0 (mem-info (memory 0 0) (table 4 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__table_base" (global $__table_base i32))
  (import "env" "__stack_pointer" (global $__stack_pointer (mut i32)))
  (import "env" "invoke_ii" (func $invoke_ii (param i32 i32) (result i32)))
  (import "env" "__cxa_find_matching_catch_2" (func $__cxa_find_matching_catch_2 (result i32)))
  (func (export "run") (result i32)
    (drop (call $invoke_ii (global.get $__table_base) (i32.const 1)))
    (drop (call $invoke_ii (i32.add (global.get $__table_base) (i32.const 1)) (i32.const 1)))
    (drop (call $invoke_ii (i32.add (global.get $__table_base) (i32.const 2)) (i32.const 1)))
    (drop (call $invoke_ii (i32.add (global.get $__table_base) (i32.const 3)) (i32.const 1)))
    (call $__cxa_find_matching_catch_2))
  (func $fits (param i32) (result i32) (i32.const 0))
  (func $takes_more (param i32 f64) (result i32) (i32.const 0))
  (func $takes_nothing_gives_nothing)
  (func $takes_bigint (param i32 i64) (result i32) (i32.const 0))
  (elem (global.get $__table_base) func $fits $takes_more $takes_nothing_gives_nothing $takes_bigint))
