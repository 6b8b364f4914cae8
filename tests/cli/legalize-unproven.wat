;; Imports whose result is demonstrably split, and whose type nothing tells, or two sources differently.
;; FAIL 3: -O0 % -o -
;; RUN[kept]: -O0 % -n --target emscripten-legacy
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "getTempRet0" (func $getTempRet0 (result i32)))
  (import "env" "unknown" (func $unknown (param i32 i32) (result i32)))
  (import "env" "lseek" (func $lseek (param i32 i32) (result i32)))
  (func $legalfunc (param i64) (result i64)
    local.get 0
    i32.wrap_i64
    local.get 0
    i64.const 32
    i64.shr_u
    i32.wrap_i64
    call $lseek
    i64.extend_i32_u
    call $getTempRet0
    i64.extend_i32_u
    i64.const 32
    i64.shl
    i64.or)
  (func (export "uses") (result i64)
    (drop (call $legalfunc (i64.const 1)))
    i32.const 1
    i32.const 2
    call $unknown
    i64.extend_i32_u
    call $getTempRet0
    i64.extend_i32_u
    i64.const 32
    i64.shl
    i64.or))
