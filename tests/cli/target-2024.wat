;; For a runtime with exceptions in JavaScript they stay there, and everything else is done: 64-bit integers cross the border whole, those of
;; `invoke_*` too, whose names spell their types.
;; RUN: upgrade % -o - --target pyodide_2024_0 | print
;; FAIL[check] 1: check % --target pyodide_2024_0
;; RUN[release]: upgrade % -n -O0 --target 0.27.7

(module
  (@dylink.0
    (mem-info (memory 0 0) (table 1 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 1 funcref))
  (import "env" "__table_base" (global $base i32))
  (import "GOT.mem" "__THREW__" (global $threw (mut i32)))
  (import "env" "setTempRet0" (func $set (param i32)))
  (import "env" "getTempRet0" (func $get (result i32)))
  (import "env" "invoke_jij" (func $invoke_jij (param i32 i32 i32 i32) (result i32)))
  (import "env" "__cxa_find_matching_catch_2" (func $cleanup (result i32)))
  (import "env" "__resumeException" (func $resume (param i32)))
  (func $callee (param i32 i64) (result i64)
    local.get 1)
  (elem (global.get $base) func $callee)
  (func (export "run") (param i32) (result i32)
    (local $result i32)
    (local.set $result (call $invoke_jij (global.get $base) (local.get 0) (i32.const 1) (i32.const 2)))
    (if (i32.load (global.get $threw))
      (then (call $resume (call $cleanup)) unreachable))
    (i32.add (local.get $result) (call $get))))
