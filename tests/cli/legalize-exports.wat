;; Exports of split types get their originals back; stubs that others need stay.
;; RUN: -O0 % -o - -v | print
(module
  (@dylink.0 (mem-info (memory 0 0) (table 1 0)))
  (import "env" "setTempRet0" (func $setTempRet0 (param i32)))
  (import "env" "__table_base" (global $table_base i32))
  (import "env" "__indirect_function_table" (table 1 funcref))
  (func $wide (export "orig$wide") (param i64) (result i64) (local.get 0))
  (func $stub (export "wide") (param i32 i32) (result i32) (local i64)
    (local.set 2 (call $wide (i64.or (i64.extend_i32_u (local.get 0)) (i64.shl (i64.extend_i32_u (local.get 1)) (i64.const 32)))))
    (call $setTempRet0 (i32.wrap_i64 (i64.shr_u (local.get 2) (i64.const 32))))
    (i32.wrap_i64 (local.get 2)))
  (func $takes (export "orig$takes") (param i64))
  ;; In the table, so it stays.
  (func $takes_stub (export "takes") (param i32 i32)
    (call $takes (i64.or (i64.extend_i32_u (local.get 0)) (i64.shl (i64.extend_i32_u (local.get 1)) (i64.const 32)))))
  ;; No pair: the types have nothing to do with each other.
  (func (export "orig$other") (param i64))
  (func (export "other") (param f64))
  (func (export "dynCall_vj") (param i32 i32 i32))
  (func (export "dynCall_vi") (param i32 i32))
  ;; The name of a user's function.
  (func (export "dynCall_back") (param i32))
  (elem (global.get $table_base) func $takes_stub))
