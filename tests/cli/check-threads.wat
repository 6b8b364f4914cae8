;; No Pyodide runtime has threads.
;; FAIL 1: check %
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 1 16384 shared))
  (func (export "answer") (result i32) i32.const 42))
