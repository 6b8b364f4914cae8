;; 64-bit integers in halves: no type mismatch is reported besides, and a main module without BIGINT wants them so.
;; FAIL 1: check %
;; RUN[legacy]: check % --target emscripten-legacy
;; RUN[upgraded]: upgrade -O0 % -o upgraded.wasm -q
;; RUN[after]: check upgraded.wasm
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "getTempRet0" (func $getTempRet0 (result i32)))
  (import "env" "lseek" (func $lseek (param i32 i32 i32 i32) (result i32)))
  (func (export "orig$own") (param i64))
  (func (export "own") (param i32 i32))
  (func (export "seek") (result i64)
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
