;; A function without any call of its own looks at `__THREW__`: nobody can tell for whom. All sites call wrappers, which catch both kinds.
;; RUN: upgrade -O0 % -o - -v | print

(module
  (@dylink.0 (mem-info (memory 0 0) (table 1 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__table_base" (global $__table_base i32))
  (import "GOT.mem" "__THREW__" (global $__THREW__ (mut i32)))
  (import "env" "invoke_v" (func $invoke_v (param i32)))
  (import "env" "__cxa_find_matching_catch_2" (func $__cxa_find_matching_catch_2 (result i32)))
  (import "env" "__resumeException" (func $__resumeException (param i32)))
  (import "env" "abort" (func $abort))

  (func $threw (result i32) (i32.load (global.get $__THREW__)))
  (func (export "run")
    (i32.store (global.get $__THREW__) (i32.const 0))
    (call $invoke_v (global.get $__table_base))
    (if (i32.eq (call $threw) (i32.const 1))
      (then (call $__resumeException (call $__cxa_find_matching_catch_2)) (unreachable))))

  (elem (global.get $__table_base) func $abort))
