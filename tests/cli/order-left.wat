;; RUN: % -o - --verbose | print

;; Three small functions do not deflate better in any order; nothing else is to be done either, so the module comes out as it is.
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (func (export "main") (result i32)
    i32.const 1)
  (func (export "PyInit_m") (result f64)
    f64.const 2)
  (func (export "_initialize") (param i64) (result i64)
    local.get 0))
