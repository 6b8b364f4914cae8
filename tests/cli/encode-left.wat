;; RUN: % -o - --verbose | print

;; Several segments could overlap: the zeros of the second are needed where the first put something else.
(module
  (@dylink.0 (mem-info (memory 64 2) (table 0 0)))
  (import "env" "memory" (memory 1))
  (import "env" "__memory_base" (global $memory_base i32))
  (func (export "main"))
  (data (global.get $memory_base) "overwritten")
  (data (global.get $memory_base) "text\00\00\00\00\00\00\00\00"))
