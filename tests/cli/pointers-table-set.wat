;; Code that puts another function into a slot: nobody knows what the call finds.
;; RUN: check %
;; RUN[upgrade]: upgrade % -o out.wasm -O0
(module
  (@dylink.0 (mem-info (memory 64 2) (table 1 0)))
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 1 funcref))
  (import "env" "__memory_base" (global $mb i32))
  (import "env" "__table_base" (global $tb i32))
  (elem (global.get $tb) func $wrong)
  (func $wrong (param i32 i32) (result i32) local.get 0)
  (func $right (param i32) (result i32) local.get 0)
  (elem declare func $right)
  (func (export "PyInit_m") (result i32)
    (table.set 0 (i32.add (global.get $tb) (i32.const 0)) (ref.func $right))
    (call_indirect (param i32) (result i32) (i32.const 0) (i32.add (global.get $tb) (i32.const 0))))
)
