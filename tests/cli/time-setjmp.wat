;; saveSetjmp was in use before and after time_t became longer: it counts as old unless the user knows better.
;; FAIL 3: -O0 % -o -
;; RUN[allowed]: -O0 % -n --allow-struct-change -v
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0))
  (import "env" "saveSetjmp" (func (param i32 i32 i32 i32) (result i32)))
  (import "env" "clock_gettime" (func (param i32 i32) (result i32))))
