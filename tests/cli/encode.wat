;; RUN: % -o - --verbose | print
;; RUN[no-encode]: % -o - --no-encode -v

;; Zeros at the end of the data go, but for one: the loader zeroes the memory of a module. Its size stays.
(module
  (@dylink.0 (mem-info (memory 64 2) (table 0 0)))
  (import "env" "memory" (memory 1))
  (import "env" "__memory_base" (global $memory_base i32))
  (func (export "main"))
  (data (global.get $memory_base) "text\00\00\00\00more\00\00\00\00\00\00\00\00"))
