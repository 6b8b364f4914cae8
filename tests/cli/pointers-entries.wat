;; Addresses in the global offset table: of a function of the runtime (`PyObject_Free`, as `tp_clear`), which is called through the table by its
;; adapter, and of one of the module itself (as `tp_init`). The module calls what it reads from the slot of `tp_hash` under the type that the
;; function has, which works, so that it stays; and what it reads from the slot of `tp_repr` under the one that Python calls it with.
;; RUN: upgrade % -o - -O0 -v | print
;; RUN[default]: upgrade % -o out.wasm -v
;; FAIL[check] 1: check %
(module
  (@dylink.0 (mem-info (memory 256 2) (table 2 0)))
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 2 funcref))
  (import "env" "__memory_base" (global $mb i32))
  (import "env" "__table_base" (global $tb i32))
  (import "env" "PyType_FromSpec" (func $PyType_FromSpec (param i32) (result i32)))
  (import "GOT.func" "PyObject_Free" (global $free (mut i32)))
  (import "GOT.func" "initialize" (global $initialize (mut i32)))
  (elem (global.get $tb) func $hash $repr)
  (func $hash (result i32) i32.const 5)
  (func $repr (result i32) i32.const 0)
  (func (export "initialize") (param i32 i32) (result i32) i32.const 0)
  (func (export "PyInit_m") (result i32)
    (drop (call_indirect (result i32) (i32.load (i32.add (global.get $mb) (i32.const 120)))))
    (drop (call_indirect (param i32) (result i32) (i32.const 0) (i32.load offset=8 (i32.add (global.get $mb) (i32.const 120)))))
    (call $PyType_FromSpec (i32.add (global.get $mb) (i32.const 80))))
  (func (export "__wasm_apply_data_relocs")
    (i32.store (i32.add (global.get $mb) (i32.const 80)) (i32.add (global.get $mb) (i32.const 8)))
    (i32.store (i32.add (global.get $mb) (i32.const 96)) (i32.add (global.get $mb) (i32.const 100)))
    (i32.store (i32.add (global.get $mb) (i32.const 104)) (global.get $initialize))
    (i32.store (i32.add (global.get $mb) (i32.const 112)) (global.get $free))
    (i32.store (i32.add (global.get $mb) (i32.const 120)) (i32.add (global.get $tb) (i32.const 0)))
    (i32.store (i32.add (global.get $mb) (i32.const 128)) (i32.add (global.get $tb) (i32.const 1))))
  (data (global.get $mb)
    "mod\00\00\00\00\00" "m.T\00\00\00\00\00" "\00\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00"
    "\00\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00"
    "\00\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00"
    ;; 80: PyType_Spec
    "\00\00\00\00" "\08\00\00\00" "\00\00\00\00" "\00\40\00\00" "\00\00\00\00"
    ;; 100: Py_tp_init, Py_tp_clear, Py_tp_hash, Py_tp_repr
    "\3c\00\00\00" "\00\00\00\00" "\33\00\00\00" "\00\00\00\00" "\3b\00\00\00" "\00\00\00\00" "\42\00\00\00" "\00\00\00\00"
    "\00\00\00\00" "\00\00\00\00"))
