;; RUN: % -o - --no-encode -v | print
;; RUN[pyinit]: % -o - --exports pyinit --verbose --no-encode | print
;; RUN[all]: % -o - --exports all --no-encode -v | print
;; RUN[no-prune]: % -o - --no-prune --no-encode -v | print
;; RUN[kept]: % -o - --keep-export _Z* --no-encode -v | print
;; RUN[O0]: % -o - -O0 | print

;; An extension module: its mangled exports go and with them what only they keep. The names that stay have a reason each: Python looks for
;; PyInit_m, plain_name is not mangled, and _Z5namedv occurs in the data. The GOT entry of _Z4usedv is bound to the module's own function, since
;; nobody else defines it, and so its name can go, too. The global that is never read loses the code that sets it.
(module
  (@dylink.0 (mem-info (memory 32 2) (table 1 0)) (export-info "_Z4goneiv" 0x10) (import-info "env" "unused_weak" 0x11))
  (type $unused (func (param f64) (result f64)))
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 1 funcref))
  (import "env" "__memory_base" (global $memory_base i32))
  (import "env" "__table_base" (global $table_base i32))
  (import "env" "Py_IncRef" (func $incref (param i32)))
  (import "env" "Py_DecRef" (func $decref (param i32)))
  (import "env" "unused_weak" (func $unused_weak (type $unused)))
  (import "GOT.func" "_Z4usedv" (global $got (mut i32)))
  (import "GOT.mem" "_Py_NoneStruct" (global $none (mut i32)))
  (global $never_read (mut i32) (i32.const 0))
  (global $data i32 (i32.const 8))
  (func $start
    global.get $memory_base
    i32.const 16
    i32.add
    global.set $never_read)
  (func $init (export "PyInit_m") (result i32)
    global.get $got)
  (func $plain (export "plain_name") (param i32)
    local.get 0
    call $incref)
  (func $used (export "_Z4usedv"))
  (func $named (export "_Z5namedv"))
  (func $gone (export "_Z4goneiv") (result i32)
    call $only_kept
    global.get $none)
  (func $only_kept
    i32.const 1
    call $decref
    f64.const 1
    call $unused_weak
    drop)
  (func $in_table)
  (export "_ZTV4Gone" (global $data))
  (export "__wasm_call_ctors" (func $start))
  (start $start)
  (elem (global.get $table_base) func $in_table)
  (data (global.get $memory_base) "_Z5namedv"))
