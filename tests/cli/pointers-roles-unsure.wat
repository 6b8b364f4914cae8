;; A word that is `m_free` of a module, wrong by one parameter, and the function of a method whose flags code writes: it may be called rightly, so that
;; it gets no adapter.
;; RUN: upgrade % -o out.wasm -O0 -v
;; FAIL[check] 1: check %
(module
  (@dylink.0 (mem-info (memory 256 2) (table 1 0)))
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 1 funcref))
  (import "env" "__memory_base" (global $mb i32))
  (import "env" "__table_base" (global $tb i32))
  (import "env" "PyModule_Create2" (func $PyModule_Create2 (param i32 i32) (result i32)))
  (import "env" "PyModule_AddFunctions" (func $PyModule_AddFunctions (param i32 i32) (result i32)))
  (elem (global.get $tb) func $three)
  (func $three (param i32 i32 i32) (result i32) local.get 0)
  (func (export "PyInit_m") (result i32)
    (i32.store (i32.add (global.get $mb) (i32.const 152)) (i32.const 128))
    (drop (call $PyModule_AddFunctions (i32.const 0) (i32.add (global.get $mb) (i32.const 144))))
    (call $PyModule_Create2 (i32.add (global.get $mb) (i32.const 100)) (i32.const 1013)))
  (func (export "__wasm_apply_data_relocs")
    (i32.store (i32.add (global.get $mb) (i32.const 120)) (i32.add (global.get $mb) (i32.const 0)))
    (i32.store (i32.add (global.get $mb) (i32.const 144)) (i32.add (global.get $mb) (i32.const 0)))
    (i32.store (i32.add (global.get $mb) (i32.const 148)) (i32.add (global.get $tb) (i32.const 0)))
    (i32.store (i32.add (global.get $mb) (i32.const 152)) (i32.const 128)))
  (data (global.get $mb) "m\00\00\00"))
