;; Loaders look at the first section only: `dylink.0` goes there, the others keep their order.
;; RUN: upgrade -O0 % -o - -v | print

(module
  (@custom "early" (before first) "kept")
  (@custom "dylink.0" (before first) "\01\04\00\00\00\00")
  (@custom "late" (before first) "kept too")
  (func (export "answer") (result i32) i32.const 42))
