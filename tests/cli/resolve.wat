;; RUN: % -o - -O0 -v | print
;; FAIL[check] 1: check %

;; An extension module with symbols that the runtime has as something else: `glob` is data here and a function there, `index` takes another
;; number of arguments, by its address and as a weak function, and `environ` is a function here and data there. Nothing but the module's own
;; can be meant. `PyObject_Free` has the type of the runtime's, which overrides it, and so does the data `stdout`.
(module
  (@dylink.0 (mem-info (memory 16 2) (table 0 0)))
  (type $index (func (param i32) (result i32)))
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__memory_base" (global $memory_base i32))
  (import "env" "index" (func $weak_index (type $index)))
  (import "env" "PyObject_Free" (func $free (param i32)))
  (import "GOT.func" "index" (global $index_address (mut i32)))
  (import "GOT.func" "environ" (global $environ_address (mut i32)))
  (import "GOT.func" "PyObject_Free" (global $free_address (mut i32)))
  (import "GOT.mem" "glob" (global $glob_address (mut i32)))
  (import "GOT.mem" "stdout" (global $stdout_address (mut i32)))
  (global (export "glob") i32 (i32.const 4))
  (global (export "stdout") i32 (i32.const 8))
  (func (export "index") (type $index)
    local.get 0)
  (func (export "environ"))
  (func (export "PyObject_Free") (param i32))
  (func (export "PyInit_m") (result i32)
    i32.const 0
    call $free
    i32.const 0
    call $weak_index)
  (func (export "addresses") (result i32 i32 i32 i32 i32)
    global.get $index_address
    global.get $environ_address
    global.get $free_address
    global.get $glob_address
    global.get $stdout_address))
