;; The new exception instructions: a matter of the engine, not of the runtime.
;; RUN: check %
;; FAIL[strict] 1: check % --strict
;; RUN[quiet]: check % -q
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (tag $own (param i32))
  (func (export "run") (result i32)
    (block $caught (result i32)
      (try_table (catch $own $caught) (throw $own (i32.const 1)))
      (i32.const 0))))
