;; A library that asks the loader for a symbol whose name nobody can read in it: `unused`, of which the data has all but the first letter.
;; `find` takes what dlopen has returned and an argument for the function, and gives its result, or -1 if there is no such function.
(module
  (@dylink.0 (mem-info (memory 16 0) (table 0 0)))
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__memory_base" (global $memory_base i32))
  (import "env" "dlsym" (func $dlsym (param i32 i32) (result i32)))
  (func (export "find") (param $handle i32) (param $argument i32) (result i32)
    (local $function i32)
    (i32.store8 (global.get $memory_base) (i32.const 117))
    (local.set $function (call $dlsym (local.get $handle) (global.get $memory_base)))
    (if (i32.eqz (local.get $function)) (then (return (i32.const -1))))
    (call_indirect (param i32) (result i32) (local.get $argument) (local.get $function)))
  (data (global.get $memory_base) "-nused\00"))
