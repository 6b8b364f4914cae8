;; RUN: % -o - --no-prune --no-encode --no-adapters -v | print
;; RUN[bsymbolic]: % -o - --no-prune --bsymbolic --no-encode --no-adapters -v | print

;; An extension module that refers to its own exports through the loader. Calls of `weak` and the address of `strong` become local, and so
;; does that of the C variable `data`; `_ZTI3Foo` and `_ZGVx` have one identity in all modules and stay with the GOT, and so does what the
;; runtime defines as well (`PyObject_Free`). An internal GOT global with few uses becomes an address, and a call of a known slot direct,
;; but not one with another type or of a global that is set later. `--bsymbolic` binds all.
(module
  (@dylink.0 (mem-info (memory 32 2) (table 2 0)))
  (type $void (func))
  (type $i32 (func (result i32)))
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 1 funcref))
  (import "env" "__memory_base" (global $memory_base i32))
  (import "env" "__table_base" (global $table_base i32))
  (import "env" "weak" (func $weak_import (type $void)))
  (import "env" "PyObject_Free" (func $free (param i32)))
  (import "GOT.func" "strong" (global $strong_address (mut i32)))
  (import "GOT.func" "PyObject_Free" (global $missing (mut i32)))
  (import "GOT.mem" "data" (global $data_address (mut i32)))
  (import "GOT.mem" "_ZTI3Foo" (global $typeinfo (mut i32)))
  (import "GOT.mem" "_ZGVx" (global $guard (mut i32)))
  (global $internal (mut i32) (i32.const 0))
  (global $often (mut i32) (i32.const 0))
  (global $late (mut i32) (i32.const 0))
  (global $eight i32 (i32.const 8))
  (func $start
    global.get $table_base
    global.set $internal
    global.get $table_base
    i32.const 1
    i32.add
    global.set $often)
  (func $set_late (export "set_late")
    global.get $table_base
    global.set $late)
  (func $weak (export "weak"))
  (func $own_free (export "PyObject_Free") (param i32))
  (func $strong (export "strong") (result i32)
    i32.const 1)
  (func $slot0)
  (func $slot1)
  (func (export "PyInit_m") (result i32)
    call $weak_import
    i32.const 0
    call $free
    global.get $internal
    call_indirect (type $void)
    global.get $table_base
    i32.const 1
    i32.add
    call_indirect (type $void)
    global.get $internal
    call_indirect (type $i32)
    drop
    global.get $late
    call_indirect (type $void)
    global.get $strong_address
    call_indirect (type $i32))
  (func (export "addresses") (result i32 i32 i32 i32 i32 i32)
    global.get $internal
    global.get $strong_address
    global.get $data_address
    global.get $typeinfo
    global.get $guard
    global.get $missing)
  (func (export "often") (result i32 i32 i32 i32)
    global.get $often
    global.get $often
    global.get $often
    global.get $often)
  (export "data" (global $eight))
  (export "_ZTI3Foo" (global $eight))
  (export "_ZGVx" (global $eight))
  (start $start)
  (elem (global.get $table_base) func $slot0 $slot1))
