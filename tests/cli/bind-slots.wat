;; RUN: % -o - --bsymbolic --no-encode -v | print

;; The module fills its part of the table in two pieces, so it gets no slot more: the address of `both` stays with the loader, and so does
;; the call of it, which means the same function. `called` has no address, and is called directly.
(module
  (@dylink.0 (mem-info (memory 0 0) (table 2 0)))
  (import "env" "__indirect_function_table" (table 2 funcref))
  (import "env" "__table_base" (global $table_base i32))
  (import "env" "both" (func $both (result i32)))
  (import "env" "called" (func $called (result i32)))
  (import "GOT.func" "both" (global $address (mut i32)))
  (func $own (export "both") (export "called") (result i32)
    i32.const 1)
  (func (export "run") (result i32 i32 i32)
    call $both
    call $called
    global.get $address)
  (elem (global.get $table_base) func $own)
  (elem (global.get $table_base) func $own))
