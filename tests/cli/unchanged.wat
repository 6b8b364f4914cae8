;; A side module in which no pass finds work comes out as it went in, whatever way it takes.
;; RUN: upgrade % -o - | print
;; RUN[stdin]: upgrade - -o - < % | print
;; RUN[default]: % -o other.wasm
;; RUN[directory]: upgrade % -o out/ | print out/unchanged.wasm
;; RUN[quiet]: upgrade % -o out/ -q
;; RUN[verbose]: upgrade % -o out/ -v
;; RUN[in-place]: upgrade % --in-place
;; RUN[dry-run]: upgrade % --dry-run

(module
  (@dylink.0
    (mem-info (memory 4 2) (table 0 0)))
  (import "env" "memory" (memory 1))
  (import "env" "__memory_base" (global $__memory_base i32))
  (func (export "answer") (result i32) i32.const 42)
  (data (global.get $__memory_base) "four"))
