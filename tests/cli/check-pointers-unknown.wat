;; What is not looked at: a spec of two, of which nobody knows which one is meant; one that comes from memory; a slot that only types with garbage
;; collection have called (`Py_tp_clear`); flags of a method that nobody defines; a type without a name.
;; RUN: check %
;; RUN[verbose]: upgrade % -o out.wasm -O0 -v
(module
  (@dylink.0 (mem-info (memory 256 2) (table 2 0)))
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 2 funcref))
  (import "env" "__memory_base" (global $mb i32))
  (import "env" "__table_base" (global $tb i32))
  (import "env" "PyType_FromSpec" (func $PyType_FromSpec (param i32) (result i32)))
  (import "env" "PyType_Ready" (func $PyType_Ready (param i32) (result i32)))
  (elem (global.get $tb) func $wrong $nothing)
  (func $wrong (result i32) i32.const 0)
  (func $nothing (param i32))
  (func $spec (param i32) (result i32)
    (drop (call $PyType_FromSpec (select
      (i32.add (global.get $mb) (i32.const 160)) (i32.add (global.get $mb) (i32.const 180)) (local.get 0))))
    (drop (call $PyType_FromSpec (i32.load offset=200 (global.get $mb))))
    (drop (call $PyType_Ready (i32.const 0)))
    (drop (call $PyType_Ready (i32.add (global.get $mb) (i32.const 0))))
    (call $PyType_FromSpec (i32.add (global.get $mb) (i32.const 80))))
  (func (export "PyInit_m") (result i32) (call $spec (i32.const 1)))
  (func (export "__wasm_apply_data_relocs")
    (i32.store (i32.add (global.get $mb) (i32.const 32)) (i32.add (global.get $mb) (i32.const 16)))
    (i32.store (i32.add (global.get $mb) (i32.const 36)) (i32.add (global.get $tb) (i32.const 0)))
    (i32.store (i32.add (global.get $mb) (i32.const 80)) (i32.add (global.get $mb) (i32.const 8)))
    (i32.store (i32.add (global.get $mb) (i32.const 96)) (i32.add (global.get $mb) (i32.const 100)))
    (i32.store (i32.add (global.get $mb) (i32.const 104)) (i32.add (global.get $tb) (i32.const 1)))
    (i32.store (i32.add (global.get $mb) (i32.const 112)) (i32.add (global.get $mb) (i32.const 32)))
    (i32.store (i32.add (global.get $mb) (i32.const 160)) (i32.add (global.get $mb) (i32.const 8)))
    (i32.store (i32.add (global.get $mb) (i32.const 176)) (i32.add (global.get $mb) (i32.const 220)))
    (i32.store (i32.add (global.get $mb) (i32.const 180)) (i32.add (global.get $mb) (i32.const 8)))
    (i32.store (i32.add (global.get $mb) (i32.const 196)) (i32.add (global.get $mb) (i32.const 220)))
    (i32.store (i32.add (global.get $mb) (i32.const 200)) (i32.add (global.get $mb) (i32.const 160)))
    (i32.store (i32.add (global.get $mb) (i32.const 224)) (i32.add (global.get $tb) (i32.const 0))))
  (data (global.get $mb)
    "mod\00\00\00\00\00" "m.T\00\00\00\00\00" "meth\00\00\00\00" "\00\00\00\00\00\00\00\00"
    ;; 32: PyMethodDef with METH_FASTCALL and another flag
    "\00\00\00\00\00\00\00\00\80\40\00\00\00\00\00\00"
    "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00"
    ;; 80: PyType_Spec without flags, and its slots: Py_tp_clear and Py_tp_methods
    "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00"
    "\33\00\00\00\00\00\00\00\40\00\00\00\00\00\00\00"
    "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00"
    ;; 160: two PyType_Spec and their slot, Py_tp_init
    "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00"
    "\3c\00\00\00\00\00\00\00\00\00\00\00"))
