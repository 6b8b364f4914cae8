;; RUN: % -o - -O0 --no-check --allow-missing -v | print

;; As resolve.wat, but nothing can become local: the address of `glob` is no constant, the module puts a function into the table that it
;; does not ask slots for, so that `index` could have another address elsewhere, and `environ` is an import.
(module
  (@dylink.0 (mem-info (memory 16 2) (table 0 0)))
  (type $index (func (param i32) (result i32)))
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 1 funcref))
  (import "env" "__memory_base" (global $memory_base i32))
  (import "env" "index" (func $weak_index (type $index)))
  (import "env" "environ" (func $environ))
  (import "GOT.func" "index" (global $index_address (mut i32)))
  (import "GOT.mem" "glob" (global $glob_address (mut i32)))
  (global (export "glob") i32 (global.get $memory_base))
  (func $own_index (export "index") (type $index)
    local.get 0)
  (export "environ" (func $environ))
  (elem (i32.const 0) func $own_index)
  (func (export "PyInit_m") (result i32)
    call $environ
    i32.const 0
    call $weak_index)
  (func (export "addresses") (result i32 i32)
    global.get $index_address
    global.get $glob_address))
