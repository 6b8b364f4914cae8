;; Marks of old modules: the section `dylink`, `saveSetjmp` and 64-bit integers in halves.

;; RUN: show % --functions 0 --no-upgrade
;; RUN[json]: show % --json --functions 0 --no-upgrade

(module
  (@custom "dylink" (before first) "\10\02\00\00\01\07libm.so")
  (import "env" "memory" (memory 1))
  (import "env" "saveSetjmp" (func (param i32 i32 i32 i32) (result i32)))
  (import "env" "testSetjmp" (func (param i32 i32 i32) (result i32)))
  (import "env" "invoke_vj" (func (param i32 i32 i32)))
  (func $whole (export "orig$wide") (param i64))
  (func (export "wide") (param i32 i32)
    i64.const 0
    call $whole))
