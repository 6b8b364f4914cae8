;; Loaders look at the first section only.
;; FAIL 1: check %
;; RUN[upgraded]: upgrade % -o upgraded.wasm -q
;; RUN[after]: check upgraded.wasm
(module
  (@custom "early" (before first) "x")
  (@custom "dylink.0" (before first) "\01\04\00\00\00\00")
  (func (export "answer") (result i32) i32.const 42))
