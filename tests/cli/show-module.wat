;; What `show` tells of a module: in text, with all lists, and as JSON.

;; RUN: show %
;; RUN[lists]: show % --imports --exports --functions 2 --no-upgrade
;; RUN[json]: show % --json --imports --exports --functions 1
;; RUN[stdin]: show - --no-upgrade --functions 0 < %
;; RUN[target]: show % --target pyemscripten_2026_0 --functions 0
;; FAIL[missing] 1: show nothing.so
;; FAIL[missing-main] 1: show % --main nothing.wasm

(module
  (@dylink.0
    (mem-info (memory 1234 4) (table 2 0))
    (needed "libz.so" "libother.so")
    (export-info "data" 0)
    (import-info "env" "maybe" 1)
    (runtime-path "$ORIGIN/lib"))
  (@custom "target_features" (after func) "\01+\0fmutable-globals")
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 2 funcref))
  (import "env" "__stack_pointer" (global (mut i32)))
  (import "env" "__memory_base" (global $base i32))
  (import "env" "PyLong_FromLongLong" (func (param i64) (result i32)))
  (import "env" "maybe" (func (param f64)))
  (import "env" "_ZNSt3__26vectorIiNS_9allocatorIiEEE9push_backB8ne180100EOi" (func (param i32 i32)))
  (import "env" "invoke_vi" (func $invoke (param i32 i32)))
  (import "env" "__cxa_find_matching_catch_3" (func $find (param i32) (result i32)))
  (import "env" "__cxa_throw" (func (param i32 i32 i32)))
  (import "env" "both" (func (param i32)))
  (import "GOT.mem" "__THREW__" (global $threw (mut i32)))
  (import "GOT.func" "callback" (global (mut i32)))
  (global (export "data") i32 (i32.const 8))
  (func (export "__wasm_apply_data_relocs")
    global.get $base
    i32.const 16
    i32.add
    i32.const 1
    i32.store)
  (func $work (export "PyInit_demo") (result i32)
    i32.const 7
    i32.const 8
    call $invoke
    i32.const 0
    call $find)
  (func (export "both") (param i32))
  (elem (global.get 1) func $work)
  (data (global.get $base) "text"))
