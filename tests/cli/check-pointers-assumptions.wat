;; Code that C compilers are not known to make of tables for Python, or programs to have: what it writes is not seen, so that all of these are said to
;; be wrong.
;; FAIL 1: check %
(module
  (@dylink.0 (mem-info (memory 4096 2) (table 2 0)))
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 2 funcref))
  (import "env" "__memory_base" (global $mb i32))
  (import "env" "__table_base" (global $tb i32))
  (import "env" "PyType_Ready" (func $PyType_Ready (param i32) (result i32)))
  (import "env" "PyArg_Parse" (func $PyArg_Parse (param i32 i32 i32) (result i32)))
  (elem (global.get $tb) func $wrong $right)
  (func $wrong (param i32 i32) (result i32) local.get 0)
  (func $right (param i32) (result i32) local.get 0)
  (func $get (result i32) (i32.add (global.get $mb) (i32.const 2560)))
  (func $put (i32.store (i32.const 8) (i32.add (global.get $mb) (i32.const 512))))
  (func (export "PyInit_m") (result i32)
    ;; By an address that another function put into memory.
    (call $put)
    (i32.store offset=60 (i32.load (i32.const 8)) (i32.add (global.get $tb) (i32.const 1)))
    ;; By one that another function returned.
    (i32.store offset=60 (call $get) (i32.add (global.get $tb) (i32.const 1)))
    ;; From behind its end.
    (i32.store (i32.sub (i32.add (global.get $mb) (i32.const 1228)) (i32.sub (i32.const 144) (i32.load (i32.const 0)))) (i32.add (global.get $tb) (i32.const 1)))
    ;; By an object in which it is, so far in front that nobody knows of it.
    (memory.fill (i32.add (global.get $mb) (i32.const 1436)) (i32.const 0) (i32.load (i32.const 0)))
    ;; By a function of Python.
    (drop (call $PyArg_Parse (i32.const 0) (i32.const 0) (i32.add (global.get $mb) (i32.const 2108))))
    (drop (call $PyType_Ready (i32.add (global.get $mb) (i32.const 512))))
    (drop (call $PyType_Ready (i32.add (global.get $mb) (i32.const 1024))))
    (drop (call $PyType_Ready (i32.add (global.get $mb) (i32.const 1536))))
    (drop (call $PyType_Ready (i32.add (global.get $mb) (i32.const 2048))))
    (drop (call $PyType_Ready (i32.add (global.get $mb) (i32.const 2560))))
    i32.const 0)
  (func (export "__wasm_apply_data_relocs")
    (i32.store (i32.add (global.get $mb) (i32.const 524)) (i32.add (global.get $mb) (i32.const 0)))
    (i32.store (i32.add (global.get $mb) (i32.const 572)) (i32.add (global.get $tb) (i32.const 0)))
    (i32.store (i32.add (global.get $mb) (i32.const 1036)) (i32.add (global.get $mb) (i32.const 4)))
    (i32.store (i32.add (global.get $mb) (i32.const 1084)) (i32.add (global.get $tb) (i32.const 0)))
    (i32.store (i32.add (global.get $mb) (i32.const 1548)) (i32.add (global.get $mb) (i32.const 8)))
    (i32.store (i32.add (global.get $mb) (i32.const 1596)) (i32.add (global.get $tb) (i32.const 0)))
    (i32.store (i32.add (global.get $mb) (i32.const 2060)) (i32.add (global.get $mb) (i32.const 12)))
    (i32.store (i32.add (global.get $mb) (i32.const 2108)) (i32.add (global.get $tb) (i32.const 0)))
    (i32.store (i32.add (global.get $mb) (i32.const 2572)) (i32.add (global.get $mb) (i32.const 16)))
    (i32.store (i32.add (global.get $mb) (i32.const 2620)) (i32.add (global.get $tb) (i32.const 0))))
  (data (global.get $mb) "m.T\00m.U\00m.V\00m.W\00m.X\00"))
