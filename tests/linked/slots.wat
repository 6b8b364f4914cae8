;; An extension module of which a mangled export goes, and with it the only use of slots 1 and 4: one in the middle, one at the end. `call` calls
;; what is in the slot that one of the other addresses names: that of data (0), of code on one path (2), and of the base in a local (3).
(module
  (@dylink.0 (mem-info (memory 4 2) (table 5 0)))
  (type $number (func (result i32)))
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 1 funcref))
  (import "env" "__memory_base" (global $memory_base i32))
  (import "env" "__table_base" (global $table_base i32))
  (func (export "__wasm_apply_data_relocs")
    global.get $memory_base
    global.get $table_base
    i32.store)
  (func (export "PyInit_slots") (result i32)
    i32.const 0)
  (func $address (param $slot i32) (result i32)
    global.get $table_base
    local.get $slot
    i32.add)
  (func (export "call") (param $which i32) (result i32)
    (local $base i32)
    global.get $table_base
    local.set $base
    local.get $which
    if (result i32)
      local.get $which
      i32.const 1
      i32.eq
      if (result i32)
        global.get $table_base
        i32.const 2
        i32.add
        call_indirect (type $number)
      else
        local.get $base
        i32.const 3
        i32.add
        call_indirect (type $number)
      end
    else
      global.get $memory_base
      i32.load
      call_indirect (type $number)
    end)
  (func (export "_Z4gonev") (result i32)
    i32.const 1
    call $address
    call_indirect (type $number)
    i32.const 4
    call $address
    call_indirect (type $number)
    i32.add)
  (func $f0 (type $number) i32.const 100)
  (func $f1 (type $number) i32.const 101)
  (func $f2 (type $number) i32.const 102)
  (func $f3 (type $number) i32.const 103)
  (func $f4 (type $number) i32.const 104)
  (elem (global.get $table_base) func $f0 $f1 $f2 $f3 $f4))
