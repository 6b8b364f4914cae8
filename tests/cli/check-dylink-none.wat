;; A program, or what a strip tool left of a side module.
;; FAIL 1: check %
(module
  (func (export "answer") (result i32) i32.const 42))
