;; CPython 3.15 asks for the slots of a module (`PyModExport_*`), in which `Py_mod_exec`, `Py_mod_state_free` and a method are wrong. Older ones do
;; not ask.
;; FAIL 1: check % --target 315
;; RUN[2025]: check %
(module
  (@dylink.0 (mem-info (memory 256 2) (table 1 0)))
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 1 funcref))
  (import "env" "__memory_base" (global $mb i32))
  (import "env" "__table_base" (global $tb i32))
  (elem (global.get $tb) func $exec)
  (func $exec (param i32 i32) (result i32) i32.const 0)
  (func (export "PyModExport_m") (result i32) (i32.add (global.get $mb) (i32.const 0)))
  (func (export "__wasm_apply_data_relocs")
    (i32.store (i32.add (global.get $mb) (i32.const 8)) (i32.add (global.get $tb) (i32.const 0)))
    (i32.store (i32.add (global.get $mb) (i32.const 24)) (i32.add (global.get $mb) (i32.const 48)))
    (i32.store (i32.add (global.get $mb) (i32.const 56)) (i32.add (global.get $tb) (i32.const 0)))
    (i32.store (i32.add (global.get $mb) (i32.const 72)) (i32.add (global.get $mb) (i32.const 96)))
    (i32.store (i32.add (global.get $mb) (i32.const 96)) (i32.add (global.get $mb) (i32.const 128)))
    (i32.store (i32.add (global.get $mb) (i32.const 100)) (i32.add (global.get $tb) (i32.const 0))))
  (data (global.get $mb) "\55\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\5c\00\04\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\6a\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\67\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\80\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00m\00"))
