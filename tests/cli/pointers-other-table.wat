;; A call through another table than that of functions. One through the latter, whose slot comes from a local.
;; FAIL 1: check %
(module
  (@dylink.0 (mem-info (memory 64 2) (table 1 0)))
  (import "env" "memory" (memory 1))
  (import "env" "others" (table $others 1 funcref))
  (import "env" "__indirect_function_table" (table $functions 1 funcref))
  (import "env" "__memory_base" (global $mb i32))
  (import "env" "__table_base" (global $tb i32))
  (elem (table $functions) (global.get $tb) func $wrong)
  (func $wrong (param i32 i32) (result i32) local.get 0)
  (func (export "PyInit_m") (result i32) (local $slot i32)
    (drop (call_indirect $others (param i32) (result i32) (i32.const 0) (i32.add (global.get $tb) (i32.const 0))))
    (local.set $slot (i32.add (global.get $tb) (i32.const 0)))
    (call_indirect $functions (param i32) (result i32) (i32.const 0) (local.get $slot)))
)
