;; A destructor runs and unwinding goes on: a landing pad without clauses needs neither personality nor data on the stack.
;; RUN: upgrade -O0 % -o - -v | print
;; RUN[exnref]: upgrade -O0 % -o - --exnref -v | print

(module
  (@dylink.0 (mem-info (memory 0 0) (table 1 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__memory_base" (global $__memory_base i32))
  (import "env" "__table_base" (global $__table_base i32))
  (import "env" "__stack_pointer" (global $__stack_pointer (mut i32)))
  (import "GOT.mem" "__THREW__" (global $__THREW__ (mut i32)))
  (import "env" "invoke_v" (func $invoke_v (param i32)))
  (import "env" "__cxa_find_matching_catch_2" (func $__cxa_find_matching_catch_2 (result i32)))
  (import "env" "__resumeException" (func $__resumeException (param i32)))
  (func (export "run") (local $threw i32) (local $exception i32)
    (i32.store (global.get $__THREW__) (i32.const 0))
    (call $invoke_v (global.get $__table_base))
    (local.set $threw (i32.load (global.get $__THREW__)))
    (i32.store (global.get $__THREW__) (i32.const 0))
    (if (i32.eq (local.get $threw) (i32.const 1)) (then
      (local.set $exception (call $__cxa_find_matching_catch_2))
      (call $destructor)
      (call $__resumeException (local.get $exception))
      unreachable)))
  (func $destructor)
  (func $may_throw (call_indirect (global.get $__table_base)))
  (elem (global.get $__table_base) func $may_throw))
