;; Overrides the weak functions of `weak.wat`.
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (func (export "_Z4hooki") (export "c_hook") (param i32) (result i32)
    i32.const 2))
