;; Constant expressions that compute: data segments become one, and the start function sets the globals.
;; RUN[check]: check %
;; RUN: upgrade -O0 % -o - --no-extended-const -v | print
;; RUN[left]: upgrade -O0 % -n
;; RUN[optimised]: upgrade % -o - --no-extended-const -v | print
(module
  (@dylink.0 (mem-info (memory 16 2) (table 1 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 1 funcref))
  (import "env" "__memory_base" (global $base i32))
  (import "env" "__table_base" (global $table_base i32))
  (global $own i32 (i32.add (global.get $base) (i32.const 8)))
  (global $slot i32 (i32.add (global.get $table_base) (i32.const 0)))
  (global $wide (mut i64) (i64.mul (i64.const 2) (i64.const 3)))
  (global $plain i32 (i32.const 7))
  (data (global.get $base) "ab")
  (data "passive")
  (data (offset (i32.add (global.get $base) (i32.const 8))) "\01\02\03\04")
  (elem (global.get $table_base) func $f)
  (start $init)
  (func $init
    (global.set $wide (i64.add (global.get $wide) (i64.const 1))))
  (func $f (result i32)
    (i32.load (global.get $own)))
  (func (export "run") (result i32)
    (i32.add
      (i32.add (global.get $plain) (i32.wrap_i64 (global.get $wide)))
      (call_indirect (result i32) (global.get $slot))))
  (func (export "init")
    (memory.init 1 (global.get $base) (i32.const 0) (i32.const 7)))
  (@custom "target_features" "\02+\0bbulk-memory+\0eextended-const"))
