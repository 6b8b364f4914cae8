;; True types of imports: from wrappers, from the runtime, from the module's own export, and for those that were inlined.
;; RUN: -O0 % -o - -v | print
;; RUN[kept]: -O0 % -o - --target emscripten-legacy | print
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "getTempRet0" (func $getTempRet0 (result i32)))
  ;; Known from its wrapper alone.
  (import "env" "wrapped" (func $wrapped (param f32 i32 i32) (result i32)))
  ;; Known from the runtime: (i32, i64, i32) -> i64.
  (import "env" "lseek" (func $lseek (param i32 i32 i32 i32) (result i32)))
  ;; Known from its own export.
  (import "env" "own" (func $own (param i32 i32)))
  ;; Two i32, as the runtime has them.
  (import "env" "strcmp" (func $strcmp (param i32 i32) (result i32)))
  ;; Two i32, for all that is known.
  (import "env" "unknown" (func $unknown (param i32 i32)))
  ;; Given the halves of an integer, which proves nothing.
  (import "env" "suspect" (func $suspect (param i32 i32)))
  (func $legalfunc (param f32 i64) (result i64)
    local.get 0
    local.get 1
    i32.wrap_i64
    local.get 1
    i64.const 32
    i64.shr_u
    i32.wrap_i64
    call $wrapped
    i64.extend_i32_u
    call $getTempRet0
    i64.extend_i32_u
    i64.const 32
    i64.shl
    i64.or)
  (func (export "orig$own") (param i64))
  (func (export "own") (param i32 i32))
  (func (export "uses") (param i64) (result i64)
    (drop (call $legalfunc (f32.const 1) (local.get 0)))
    (call $own (i32.const 1) (i32.const 2))
    (call $unknown (call $strcmp (i32.const 1) (i32.const 2)) (i32.const 2))
    local.get 0
    i32.wrap_i64
    local.get 0
    i64.const 32
    i64.shr_u
    i32.wrap_i64
    call $suspect
    i32.const 3
    i32.const 0
    i32.const 1
    i32.const 2
    call $lseek
    i64.extend_i32_u
    call $getTempRet0
    i64.extend_i32_u
    i64.const 32
    i64.shl
    i64.or))
