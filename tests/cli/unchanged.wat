;; A side module in which no pass finds work comes out as it went in, whatever way it takes.
;; RUN: upgrade -O0 % -o - | print
;; RUN[stdin]: upgrade -O0 - -o - < % | print
;; RUN[default]: -O0 % -o other.wasm
;; RUN[directory]: upgrade -O0 % -o out/ | print out/unchanged.wasm
;; RUN[quiet]: upgrade -O0 % -o out/ -q
;; RUN[verbose]: upgrade -O0 % -o out/ -v
;; RUN[in-place]: upgrade -O0 % --in-place
;; RUN[dry-run]: upgrade -O0 % --dry-run

(module
  (@dylink.0
    (mem-info (memory 4 2) (table 0 0)))
  (import "env" "memory" (memory 1))
  (import "env" "__memory_base" (global $__memory_base i32))
  (func (export "answer") (result i32) i32.const 42)
  (data (global.get $__memory_base) "four"))
