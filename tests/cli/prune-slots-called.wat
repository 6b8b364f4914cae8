;; RUN: % -o - --no-encode -v | print

;; Slots that code calls are named, and no others: whoever calls 1 and 3 does not mean 0 or 2. Nor does whoever stores the address 5. So 0, 2
;; and 4 get a stub, and 6 goes.
(module
  (@dylink.0 (mem-info (memory 32 2) (table 7 0)))
  (type $f (func (result i32)))
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 7 funcref))
  (import "env" "__memory_base" (global $memory_base i32))
  (import "env" "__table_base" (global $table_base i32))
  (func (export "__wasm_apply_data_relocs")
    global.get $memory_base
    global.get $table_base
    i32.const 5
    i32.add
    i32.store)
  (func (export "PyInit_m") (result i32)
    (local $base i32)
    global.get $table_base
    local.tee $base
    i32.const 1
    i32.add
    call_indirect (type $f)
    drop
    local.get $base
    i32.const 3
    i32.add
    call_indirect (type $f))
  (func $f0 (type $f) i32.const 0)
  (func $f1 (type $f) i32.const 1)
  (func $f2 (type $f) i32.const 2)
  (func $f3 (type $f) i32.const 3)
  (func $f4 (type $f) i32.const 4)
  (func $f5 (type $f) i32.const 5)
  (func $f6 (type $f) i32.const 6)
  (elem (global.get $table_base) func $f0 $f1 $f2 $f3 $f4 $f5 $f6))
