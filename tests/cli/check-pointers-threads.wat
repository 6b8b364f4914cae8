;; What only threads call nobody calls: Pyodide has none.
;; RUN: check %
(module
  (@dylink.0 (mem-info (memory 64 2) (table 1 0)))
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 1 funcref))
  (import "env" "__memory_base" (global $mb i32))
  (import "env" "__table_base" (global $tb i32))
  (import "env" "pthread_create" (func $pthread_create (param i32 i32 i32 i32) (result i32)))
  (import "env" "pthread_key_create" (func $pthread_key_create (param i32 i32) (result i32)))
  (import "env" "pthread_atfork" (func $pthread_atfork (param i32 i32 i32) (result i32)))
  (elem (global.get $tb) func $wrong)
  (func $wrong (param i32 i32 i32) (result i32) local.get 0)
  (func (export "PyInit_m") (result i32)
    (drop (call $pthread_create (global.get $mb) (i32.const 0) (i32.add (global.get $tb) (i32.const 0)) (i32.const 0)))
    (drop (call $pthread_key_create (global.get $mb) (i32.add (global.get $tb) (i32.const 0))))
    (call $pthread_atfork (i32.add (global.get $tb) (i32.const 0)) (i32.const 0) (i32.const 0)))
)
