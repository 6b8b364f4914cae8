;; Pyodide runtimes are 32-bit.
;; FAIL 1: check %
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory i64 0))
  (func (export "answer") (result i32) i32.const 42))
