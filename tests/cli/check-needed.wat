;; A needed library that is nowhere, unless another input is it.
;; RUN: check %
;; FAIL[strict] 1: check % --strict
;; RUN[provided]: check % check-needed.wasm
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)) (needed "liby.so" "check-needed.wasm"))
  (func (export "answer") (result i32) i32.const 42))
