;; Adapters for pointers that are called under another type. The last slot is named by data alone, and gets one. So could slot 0, but code adds
;; a larger number to the base. Slot 1 is called by code, under its own type, so that the words that point to it get a new slot; of two
;; that are equal and called alike it is the same. The third word is called under another type. A call of the runtime that is given a pointer
;; goes to a function that gives it another one, and a call through the table under a wrong type calls the adapter. Kinds of numbers are not
;; mended, and what the trampoline of Python makes up for stays.
;; RUN: upgrade % -o - -O0 | print
;; RUN[off]: upgrade % -o off.wasm -O0 --no-adapters -v
;; RUN[verbose]: upgrade % -o out.wasm -O0 -v
;; FAIL[after] 1: check out.wasm
;; RUN[json]: upgrade % -o out/ -O0 --json
;; FAIL[check] 1: check %
(module
  (@dylink.0 (mem-info (memory 256 2) (table 6 0)))
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 6 funcref))
  (import "env" "__memory_base" (global $mb i32))
  (import "env" "__table_base" (global $tb i32))
  (import "env" "PyType_FromSpec" (func $PyType_FromSpec (param i32) (result i32)))
  (import "env" "qsort" (func $qsort (param i32 i32 i32 i32)))
  (elem (global.get $tb) func $nothing $two $three $real $one $more)
  (func $nothing (param i32))
  (func $two (param i32 i32) (result i32) local.get 1)
  (func $three (param i32 i32 i32) (result i32) local.get 2)
  (func $real (param f64) (result i32) i32.const 0)
  (func $one (param i32) (result i32) local.get 0)
  (func $more (param i32 i32 i32 i64 f32 f64) local.get 0 drop)
  (func (export "PyInit_m") (result i32)
    (drop (call $PyType_FromSpec (i32.add (global.get $mb) (i32.const 80))))
    (call $qsort (i32.const 0) (i32.const 0) (i32.const 4) (i32.add (global.get $tb) (i32.const 2)))
    (drop (call_indirect (param i32 i32) (result i32) (i32.const 0) (i32.const 0) (i32.add (global.get $tb) (i32.const 1))))
    (call_indirect (param i32 i32) (result i32) (i32.const 0) (i32.const 0) (i32.add (global.get $tb) (i32.const 2))))
  (func (export "__wasm_apply_data_relocs")
    (i32.store (i32.add (global.get $mb) (i32.const 32)) (i32.add (global.get $mb) (i32.const 16)))
    (i32.store (i32.add (global.get $mb) (i32.const 36)) (i32.add (global.get $tb) (i32.const 4)))
    (i32.store (i32.add (global.get $mb) (i32.const 80)) (i32.add (global.get $mb) (i32.const 8)))
    (i32.store (i32.add (global.get $mb) (i32.const 96)) (i32.add (global.get $mb) (i32.const 100)))
    (i32.store (i32.add (global.get $mb) (i32.const 104)) (i32.add (global.get $tb) (i32.const 1)))
    (i32.store (i32.add (global.get $mb) (i32.const 112)) (i32.add (global.get $tb) (i32.const 0)))
    (i32.store (i32.add (global.get $mb) (i32.const 120)) (i32.add (global.get $mb) (i32.const 32)))
    (i32.store (i32.add (global.get $mb) (i32.const 128)) (i32.add (global.get $tb) (i32.const 3)))
    (i32.store (i32.add (global.get $mb) (i32.const 136)) (i32.add (global.get $tb) (i32.const 1)))
    (i32.store (i32.add (global.get $mb) (i32.const 144)) (i32.add (global.get $tb) (i32.const 1)))
    (i32.store (i32.add (global.get $mb) (i32.const 152)) (i32.add (global.get $tb) (i32.const 5))))
  (data (global.get $mb)
    "mod\00\00\00\00\00" "m.T\00\00\00\00\00" "meth\00\00\00\00" "fast\00\00\00\00"
    ;; 32: PyMethodDef with METH_NOARGS
    "\00\00\00\00" "\00\00\00\00" "\04\00\00\00" "\00\00\00\00"
    "\00\00\00\00" "\00\00\00\00" "\00\00\00\00" "\00\00\00\00"
    "\00\00\00\00" "\00\00\00\00" "\00\00\00\00" "\00\00\00\00"
    ;; 80: PyType_Spec
    "\00\00\00\00" "\08\00\00\00" "\00\00\00\00" "\00\40\00\00" "\00\00\00\00"
    ;; 100: Py_tp_init, Py_tp_clear, Py_tp_methods, Py_tp_repr, Py_tp_call, Py_tp_hash, Py_tp_new
    "\3c\00\00\00" "\00\00\00\00" "\33\00\00\00" "\00\00\00\00" "\40\00\00\00" "\00\00\00\00" "\42\00\00\00" "\00\00\00\00"
    "\32\00\00\00" "\00\00\00\00" "\3b\00\00\00" "\00\00\00\00" "\41\00\00\00" "\00\00\00\00" "\00\00\00\00" "\00\00\00\00"))
