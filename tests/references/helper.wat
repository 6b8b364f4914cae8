;; The library that `needer.wat` needs, and that is loaded on the way.
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (func (export "helper") (result i32)
    i32.const 42))
