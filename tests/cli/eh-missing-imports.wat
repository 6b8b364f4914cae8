;; What the wrappers need and the module lacks is imported: stack pointer, function table, tags, personality, bases.
;; RUN: upgrade -O0 % -o - -v | print

(module
  (@dylink.0 (mem-info (memory 3 0) (table 0 0)))
  (import "env" "memory" (memory 0))
  (import "GOT.mem" "__THREW__" (global $__THREW__ (mut i32)))
  (import "env" "invoke_v" (func $invoke_v (param i32)))
  (import "env" "__cxa_find_matching_catch_4" (func $__cxa_find_matching_catch_4 (param i32 i32) (result i32)))
  (func (export "run") (param $pointer i32) (result i32)
    (i32.store (global.get $__THREW__) (i32.const 0))
    (call $invoke_v (local.get $pointer))
    (call $__cxa_find_matching_catch_4 (i32.const 8) (i32.const 0))))
