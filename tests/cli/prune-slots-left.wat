;; RUN: % -o - --no-encode --verbose | print

;; Code that adds a number to the base of the function table of which nothing is known: it may name any slot, so all stay.
(module
  (@dylink.0 (mem-info (memory 32 2) (table 2 0)))
  (type $f (func (result i32)))
  (import "env" "__indirect_function_table" (table 2 funcref))
  (import "env" "__table_base" (global $table_base i32))
  (import "env" "which" (func $which (type $f)))
  (func (export "PyInit_m") (result i32)
    global.get $table_base
    call $which
    i32.add)
  (func $f0 (type $f) i32.const 0)
  (func $f1 (type $f) i32.const 1)
  (elem (global.get $table_base) func $f0 $f1))
