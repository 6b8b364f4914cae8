;; Both kinds of exception instructions in one module.
;; RUN: check %
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (tag $own (param i32))
  (func (export "legacy") try i32.const 1 throw $own catch_all end)
  (func (export "new") (result i32)
    (block $caught (result i32)
      (try_table (catch $own $caught) (throw $own (i32.const 1)))
      (i32.const 0))))
