;; A table of relocations, as an earlier run makes it, with a word far behind the data of the module: it would take more memory than there is data to
;; write it there.
;; RUN: upgrade % -o out.wasm -O0 -v
(module
  (@dylink.0 (mem-info (memory 8000 2) (table 1 0)))
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 1 funcref))
  (import "env" "__memory_base" (global $mb i32))
  (import "env" "__table_base" (global $tb i32))
  (import "env" "PyModule_Create2" (func $PyModule_Create2 (param i32 i32) (result i32)))
  (elem (global.get $tb) func $wrong)
  (func $wrong (param i32 i32) (result i32) local.get 0)
  (func $routine (param i32 i32) (result i32) local.get 0)
  (func (export "PyInit_m") (result i32) (call $PyModule_Create2 (i32.add (global.get $mb) (i32.const 4000)) (i32.const 1013)))
  (func (export "__wasm_apply_data_relocs")
    (if (i32.eqz (i32.load (global.get $mb)))
      (then
        (memory.init $table (i32.add (global.get $mb) (i32.const 400)) (i32.const 0) (i32.const 3))
        (drop (call $routine (call $routine (global.get $mb) (global.get $mb)) (global.get $tb))))))
  (data (global.get $mb) "m\00\00\00")
  (data $table "\8f\5b\0f"))
