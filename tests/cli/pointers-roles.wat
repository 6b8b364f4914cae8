;; A word that is the `tp_hash` of one type and the `tp_setattro` of another, for they overlap. Python calls it rightly as the latter, so that
;; it gets no adapter.
;; RUN: upgrade % -o - -O0 -v | print
;; FAIL[check] 1: check %
(module
  (@dylink.0 (mem-info (memory 512 2) (table 1 0)))
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 1 funcref))
  (import "env" "__memory_base" (global $mb i32))
  (import "env" "__table_base" (global $tb i32))
  (import "env" "PyType_Ready" (func $PyType_Ready (param i32) (result i32)))
  (elem (global.get $tb) func $three)
  (func $three (param i32 i32 i32) (result i32) local.get 0)
  (func (export "PyInit_m") (result i32)
    (drop (call $PyType_Ready (i32.add (global.get $mb) (i32.const 200))))
    (drop (call $PyType_Ready (i32.add (global.get $mb) (i32.const 184))))
    i32.const 0)
  (func (export "__wasm_apply_data_relocs")
    (i32.store (i32.add (global.get $mb) (i32.const 196)) (i32.add (global.get $mb) (i32.const 0)))
    (i32.store (i32.add (global.get $mb) (i32.const 212)) (i32.add (global.get $mb) (i32.const 0)))
    (i32.store (i32.add (global.get $mb) (i32.const 260)) (i32.add (global.get $tb) (i32.const 0))))
  (data (global.get $mb) "m.T\00"))
