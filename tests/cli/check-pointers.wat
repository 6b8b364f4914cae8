;; Pointers that are called under another type than their functions have: in the slots of a type, in a table of methods, as an argument of
;; the runtime's, and through the table. `$right` has the type that `qsort` asks for, and `$written` stands where code writes. The stub is
;; as wasm-ld makes it for a call whose declaration is wrong.
;; FAIL 1: check %
;; FAIL[2026] 1: check % --target 314
;; FAIL[json] 1: check % --json
(module
  (@dylink.0 (mem-info (memory 256 2) (table 6 0)))
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 6 funcref))
  (import "env" "__memory_base" (global $mb i32))
  (import "env" "__table_base" (global $tb i32))
  (import "env" "PyType_FromSpec" (func $PyType_FromSpec (param i32) (result i32)))
  (import "env" "qsort" (func $qsort (param i32 i32 i32 i32)))
  (elem (global.get $tb) func $one $two $nothing $right $real $written)
  (func $one (param i32) (result i32) local.get 0)
  (func $two (param i32 i32) (result i32) local.get 1)
  (func $nothing (param i32))
  (func $right (param i32 i32) (result i32) i32.const 0)
  (func $real (param f64 f64) (result i32) i32.const 0)
  (func $written (result i32) i32.const 0)
  (func $"signature_mismatch:helper" (param i32) unreachable)
  ;; The spec comes as a parameter.
  (func $type (param i32) (result i32) (call $PyType_FromSpec (local.get 0)))
  (func (export "PyInit_m") (result i32)
    (i32.store offset=128 (global.get $mb) (i32.const 0))
    (call $"signature_mismatch:helper" (i32.const 0))
    (drop (call $type (i32.add (global.get $mb) (i32.const 80))))
    (call $qsort (i32.const 0) (i32.const 0) (i32.const 4) (i32.add (global.get $tb) (i32.const 3)))
    (call $qsort (i32.const 0) (i32.const 0) (i32.const 4) (i32.add (global.get $tb) (i32.const 4)))
    (call_indirect (param i32) (result i32) (i32.const 0) (i32.add (global.get $tb) (i32.const 1))))
  (func (export "__wasm_apply_data_relocs")
    (i32.store (i32.add (global.get $mb) (i32.const 32)) (i32.add (global.get $mb) (i32.const 16)))
    (i32.store (i32.add (global.get $mb) (i32.const 36)) (i32.add (global.get $tb) (i32.const 0)))
    (i32.store (i32.add (global.get $mb) (i32.const 48)) (i32.add (global.get $mb) (i32.const 24)))
    (i32.store (i32.add (global.get $mb) (i32.const 52)) (i32.add (global.get $tb) (i32.const 1)))
    (i32.store (i32.add (global.get $mb) (i32.const 80)) (i32.add (global.get $mb) (i32.const 8)))
    (i32.store (i32.add (global.get $mb) (i32.const 96)) (i32.add (global.get $mb) (i32.const 100)))
    (i32.store (i32.add (global.get $mb) (i32.const 104)) (i32.add (global.get $tb) (i32.const 1)))
    (i32.store (i32.add (global.get $mb) (i32.const 112)) (i32.add (global.get $tb) (i32.const 2)))
    (i32.store (i32.add (global.get $mb) (i32.const 120)) (i32.add (global.get $mb) (i32.const 32)))
    (i32.store (i32.add (global.get $mb) (i32.const 128)) (i32.add (global.get $tb) (i32.const 5))))
  (data (global.get $mb)
    "mod\00\00\00\00\00" "m.T\00\00\00\00\00" "meth\00\00\00\00" "fast\00\00\00\00"
    ;; 32: two PyMethodDef, with METH_NOARGS and METH_FASTCALL
    "\00\00\00\00" "\00\00\00\00" "\04\00\00\00" "\00\00\00\00"
    "\00\00\00\00" "\00\00\00\00" "\80\00\00\00" "\00\00\00\00"
    "\00\00\00\00" "\00\00\00\00" "\00\00\00\00" "\00\00\00\00"
    ;; 80: PyType_Spec
    "\00\00\00\00" "\08\00\00\00" "\00\00\00\00" "\00\40\00\00" "\00\00\00\00"
    ;; 100: Py_tp_init, Py_tp_clear, Py_tp_methods, Py_tp_repr
    "\3c\00\00\00" "\00\00\00\00" "\33\00\00\00" "\00\00\00\00" "\40\00\00\00" "\00\00\00\00" "\42\00\00\00" "\00\00\00\00"
    "\00\00\00\00" "\00\00\00\00"))
