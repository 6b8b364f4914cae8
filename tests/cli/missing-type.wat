;; Another name does not help where the type is another one.
;; FAIL 3: % -o out.so
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0))
  (import "env" "malloc" (func $malloc (param i64) (result i32)))
  (func (export "f") (result i32) i64.const 1 call $malloc))
