;; RUN: % -o - --no-encode --verbose | print
;; RUN[no-prune]: % -o - --no-prune --no-bind --no-encode -v | print

;; Slots of the function table that nobody names. `gone` is a mangled export of an extension module. It alone names slots 2, 4, 7 and 8: the
;; latter are at the end and go, the former stay, since what code that stays names may be the address of one of them and a number. Who names
;; the others: data (0), the start function for a global that is read (1), code that has the base of the table in a local, on one path of several
;; (3), the caller of a function that adds a parameter (5), and one of two constants (6, 0). A global that only `gone` reads does not name slot 8.
(module
  (@dylink.0 (mem-info (memory 32 2) (table 9 0)))
  (type $f (func (result i32)))
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 9 funcref))
  (import "env" "__memory_base" (global $memory_base i32))
  (import "env" "__table_base" (global $table_base i32))
  (import "env" "use" (func $use (param i32)))
  (global $first (mut i32) (i32.const 0))
  (global $last (mut i32) (i32.const 0))
  (func $start
    global.get $table_base
    i32.const 1
    i32.add
    global.set $first
    global.get $table_base
    i32.const 8
    i32.add
    global.set $last)
  (func (export "__wasm_apply_data_relocs")
    global.get $memory_base
    global.get $table_base
    i32.store)
  (func (export "PyInit_m") (param $three i32) (result i32)
    (local $base i32)
    global.get $first
    call $use
    loop $again
      local.get $three
      if
        local.get $base
        i32.const 3
        i32.add
        call $use
      end
      global.get $table_base
      local.set $base
      local.get $three
      br_if $again
    end
    i32.const 5
    call $merged
    global.get $table_base
    i32.const 6
    i32.const 0
    local.get $three
    select
    i32.add)
  (func $merged (param $slot i32)
    global.get $table_base
    local.get $slot
    i32.add
    call $use)
  (func $gone (export "_Z4gonev")
    i32.const 2
    call $merged
    i32.const 4
    call $merged
    i32.const 7
    call $merged
    global.get $last
    call $use)
  (func $f0 (type $f) i32.const 0)
  (func $f1 (type $f) i32.const 1)
  (func $f2 (type $f) i32.const 2)
  (func $f3 (type $f) i32.const 3)
  (func $f4 (type $f) i32.const 4)
  (func $f5 (type $f) i32.const 5)
  (func $f6 (type $f) i32.const 6)
  (func $f7 (type $f) i32.const 7)
  (func $f8 (type $f) i32.const 8)
  (start $start)
  (elem (global.get $table_base) func $f0 $f1 $f2 $f3 $f4 $f5 $f6 $f7 $f8))
