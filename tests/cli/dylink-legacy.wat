;; The section `dylink` of Emscripten before 2.0.30, which today's loaders reject: 16 bytes of memory, aligned to 4, one table slot, one
;; needed library.
;; RUN: upgrade % -o - | print

(module
  (@custom "dylink" (before first) "\10\02\01\00\01\07liba.so")
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 1 funcref))
  (import "env" "__memory_base" (global $memory_base i32))
  (import "env" "__table_base" (global $table_base i32))
  (func $answer (export "answer") (result i32) i32.const 42)
  (elem (global.get $table_base) func $answer)
  (data (global.get $memory_base) "four"))
