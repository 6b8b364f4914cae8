;; A `time_t` of 32 bits.
;; FAIL 1: check %
;; RUN[legacy]: check % --target emscripten-legacy
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "saveSetjmp" (func (param i32 i32 i32 i32) (result i32)))
  (import "GOT.func" "gettimeofday" (global (mut i32))))
