;; A linker may have left two imports of one function: both become the module's own, with one counter.
;; RUN: upgrade -O0 % -o - -v | print

(module
  (@dylink.0
    (mem-info (memory 16 4) (table 0 0)))
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 1 funcref))
  (import "env" "__memory_base" (global $memory_base i32))
  (import "GOT.mem" "__THREW__" (global $THREW (mut i32)))
  (import "env" "saveSetjmp" (func $one (param i32 i32 i32 i32) (result i32)))
  (import "env" "saveSetjmp" (func $other (param i32 i32 i32 i32) (result i32)))
  (func (export "run") (param $table i32) (result i32)
    (call $one (global.get $memory_base) (i32.const 1)
      (call $other (global.get $memory_base) (i32.const 2) (local.get $table) (i32.const 4)) (i32.const 4))))
