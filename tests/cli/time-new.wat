;; Modules whose time_t has 64 bits: whole, in halves that the code joins, or young by other marks.
;; RUN: -O0 % -o - -v | print
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0))
  (import "env" "getTempRet0" (func $getTempRet0 (result i32)))
  (import "env" "saveSetjmp" (func (param i32 i32 i32 i32) (result i32)))
  (import "env" "time" (func $time (param i32) (result i32)))
  (import "env" "mktime" (func $mktime (param i32) (result i32)))
  (func (export "now") (result i64)
    (drop (call $mktime (i32.const 0)))
    i32.const 0
    call $time
    i64.extend_i32_u
    call $getTempRet0
    i64.extend_i32_u
    i64.const 32
    i64.shl
    i64.or))
