;; Legalized invokes: the halves are joined for the call, and the result is split; with a result alone, and without one.
;; RUN: -O0 % -o - -v | print
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0))
  (import "env" "getTempRet0" (func $getTempRet0 (result i32)))
  (import "env" "invoke_ji" (func $invoke_ji (param i32 i32) (result i32)))
  (import "env" "invoke_vfj" (func $invoke_vfj (param i32 f32 i32 i32)))
  (import "env" "__cxa_find_matching_catch_2" (func $cleanup (result i32)))
  (import "env" "__resumeException" (func $resume (param i32)))
  (import "GOT.mem" "__THREW__" (global $THREW (mut i32)))
  (func (export "run") (param $f i32) (result i64) (local $result i64)
    (i32.store (global.get $THREW) (i32.const 0))
    local.get $f
    i32.const 7
    call $invoke_ji
    i64.extend_i32_u
    call $getTempRet0
    i64.extend_i32_u
    i64.const 32
    i64.shl
    i64.or
    local.set $result
    (if (i32.eq (i32.load (global.get $THREW)) (i32.const 1)) (then (call $resume (call $cleanup))))
    (call $invoke_vfj (local.get $f) (f32.const 1) (i32.const 2) (i32.const 3))
    (if (i32.eq (i32.load (global.get $THREW)) (i32.const 1)) (then (call $resume (call $cleanup))))
    local.get $result))
