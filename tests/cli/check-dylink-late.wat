;; Loaders say more when the first section is no custom one.
;; FAIL 1: check %
(module
  (func (export "answer") (result i32) i32.const 42)
  (@custom "dylink.0" (after last) "\01\04\00\00\00\00"))
