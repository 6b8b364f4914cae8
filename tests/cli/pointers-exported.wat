;; The module exports the function that `m_free` points to: whoever asks the loader for its address is given that of its slot, which stays.
;; RUN: upgrade % -o - -O0 | print
(module
  (@dylink.0 (mem-info (memory 256 2) (table 1 0)))
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 1 funcref))
  (import "env" "__memory_base" (global $mb i32))
  (import "env" "__table_base" (global $tb i32))
  (import "env" "PyModule_Create2" (func $PyModule_Create2 (param i32 i32) (result i32)))
  (elem (global.get $tb) func $free)
  (func $free (export "free_it") (param i32 i32))
  (func (export "PyInit_m") (result i32) (call $PyModule_Create2 (i32.add (global.get $mb) (i32.const 100)) (i32.const 1013)))
  (func (export "__wasm_apply_data_relocs")
    (i32.store (i32.add (global.get $mb) (i32.const 120)) (i32.add (global.get $mb) (i32.const 0)))
    (i32.store (i32.add (global.get $mb) (i32.const 148)) (i32.add (global.get $tb) (i32.const 0))))
  (data (global.get $mb) "m\00\00\00"))
