;; Asyncify's state would have to be the main module's.
;; FAIL 1: check %
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "__asyncify_state" (global (mut i32)))
  (func (export "answer") (result i32) i32.const 42))
