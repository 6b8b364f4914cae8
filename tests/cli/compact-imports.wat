;; Imports of one module in the compact encoding are imports like others; they are written one by one.
;; RUN: upgrade -O0 % -o - -v | print

(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env"
    (item "memory" (memory 0))
    (item "__indirect_function_table" (table 0 funcref))
    (item "invoke_v" (func $invoke_v (param i32)))
    (item "__cxa_find_matching_catch_2" (func $landing_pad (result i32))))
  (func (export "run") (result i32)
    (call $invoke_v (i32.const 0))
    (call $landing_pad)))
