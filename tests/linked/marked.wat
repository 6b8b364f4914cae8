;; An extension module that keeps the addresses of functions with numbers added to them, as an optimiser folds them into one sum: that of
;; slot 0 and 1, and that of slot 1 and 2. `call` takes the number off again. Nobody names slot 4.
(module
  (@dylink.0 (mem-info (memory 4 2) (table 5 0)))
  (type $number (func (result i32)))
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 1 funcref))
  (import "env" "__memory_base" (global $memory_base i32))
  (import "env" "__table_base" (global $table_base i32))
  (func (export "PyInit_marked") (result i32)
    i32.const 0)
  (func (export "call") (param $which i32) (result i32)
    local.get $which
    if
      global.get $memory_base
      global.get $table_base
      i32.const 3
      i32.add
      i32.store
    else
      global.get $memory_base
      global.get $table_base
      i32.const 1
      i32.add
      i32.store
    end
    global.get $memory_base
    i32.load
    local.get $which
    i32.const 1
    i32.add
    i32.sub
    call_indirect (type $number))
  (func $f0 (type $number) i32.const 100)
  (func $f1 (type $number) i32.const 101)
  (func $f2 (type $number) i32.const 102)
  (func $f3 (type $number) i32.const 103)
  (func $f4 (type $number) i32.const 104)
  (elem (global.get $table_base) func $f0 $f1 $f2 $f3 $f4))
