;; What the metadata reserve must cover the segments.
;; FAIL 1: check %
;; RUN[upgraded]: upgrade -O0 % -o upgraded.wasm -q
;; RUN[after]: check upgraded.wasm
(module
  (@dylink.0 (mem-info (memory 4 0) (table 1 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__memory_base" (global $memory_base i32))
  (import "env" "__table_base" (global $table_base i32))
  (func $f (export "answer") (result i32) i32.const 42)
  (elem (global.get $table_base) func $f $f)
  (data (global.get $memory_base) "eight by"))
