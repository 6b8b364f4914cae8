;; A module that may have a time_t of 32 bits.
;; FAIL 3: -O0 % -o -
;; FAIL[unproven] 3: -O0 % -o - --allow-struct-change
;; RUN[legacy]: -O0 % -n --target emscripten-legacy
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "time" (func (param i32) (result i32)))
  (import "env" "strlen" (func (param i32) (result i32)))
  (import "GOT.func" "gettimeofday" (global (mut i32))))
