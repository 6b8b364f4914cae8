;; RUN: % -o - --no-prune --no-encode --verbose | print
;; RUN[no-merge]: % -o - --no-prune --no-encode --no-merge
;; RUN[pruned]: % -o - --no-encode --verbose | print

;; Equal functions become one, callees first, so that their callers are equal in the next round. What is in the table or exported keeps its
;; identity, and stands for those that are neither. Kept apart: functions that call themselves, and those whose type, locals or code
;; differ.
(module
  (@dylink.0 (mem-info (memory 0 0) (table 2 0)))
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 2 funcref))
  (import "env" "__table_base" (global $table_base i32))
  (func $double (param i32) (result i32)
    local.get 0
    i32.const 2
    i32.mul)
  (func $double_again (param i32) (result i32)
    local.get 0
    i32.const 2
    i32.mul)
  (func $caller (param i32) (result i32)
    local.get 0
    call $double
    i32.const 1
    i32.add)
  (func $caller_again (param i32) (result i32)
    local.get 0
    call $double_again
    i32.const 1
    i32.add)
  (func $in_table (param i32) (result i32)
    local.get 0
    i32.const 3
    i32.mul)
  (func $in_table_again (param i32) (result i32)
    local.get 0
    i32.const 3
    i32.mul)
  (func $not_in_table (param i32) (result i32)
    local.get 0
    i32.const 3
    i32.mul)
  (func $exported (export "first") (param i32) (result i32)
    local.get 0
    i32.const 5
    i32.mul)
  (func $exported_again (export "second") (param i32) (result i32)
    local.get 0
    i32.const 5
    i32.mul)
  (func $not_exported (param i32) (result i32)
    local.get 0
    i32.const 5
    i32.mul)
  (func $referenced (result i32)
    i32.const 7)
  (func $referenced_again (result i32)
    i32.const 7)
  (func $recursive (param i32)
    local.get 0
    i32.eqz
    if
      return
    end
    local.get 0
    i32.const 1
    i32.sub
    call $recursive)
  (func $recursive_again (param i32)
    local.get 0
    i32.eqz
    if
      return
    end
    local.get 0
    i32.const 1
    i32.sub
    call $recursive_again)
  (func $no_local (result i32)
    i32.const 11)
  (func $local (result i32) (local i32)
    i32.const 11)
  (func $other_type (param i32) (result i32)
    i32.const 11)
  (func $other_number (result i32)
    i32.const 12)
  (func $main (export "main") (result i32)
    i32.const 1
    call $caller
    call $caller_again
    call $not_in_table
    call $not_exported
    call $other_type
    call $double_again
    call $recursive
    i32.const 9
    call $recursive_again
    call $no_local
    call $local
    i32.add
    call $other_number
    i32.add
    ref.func $referenced
    ref.is_null
    i32.add
    ref.func $referenced_again
    ref.is_null
    i32.add)
  (elem (global.get $table_base) func $in_table $in_table_again)
  (elem declare func $referenced $referenced_again))
