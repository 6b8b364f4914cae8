;; Code that does not validate, and files that are no modules.
;; FAIL 1: check %
;; FAIL[missing] 1: check missing.so
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (func (export "answer") (result i32) f32.const 42))
