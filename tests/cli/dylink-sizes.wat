;; Memory and table sizes below what the segments take would let the module write into what belongs to others.
;; RUN: upgrade -O0 % -o - -v | print

(module
  (@dylink.0 (mem-info (memory 3 2) (table 1 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__memory_base" (global $__memory_base i32))
  (import "env" "__table_base" (global $__table_base i32))
  (func $f)
  (elem (global.get $__table_base) func $f $f)
  (elem (i32.add (global.get $__table_base) (i32.const 4)) func $f)
  (data (global.get $__memory_base) "four")
  (data (i32.add (global.get $__memory_base) (i32.const 16)) "eight..."))
