;; Where code between a call and its test does more than move constants, or its landing pad needs what only the code outside has, the
;; test stays, or the landing pad stays outside of the handler.
;; RUN: upgrade -O0 % -o - -v | print

(module
  (@dylink.0 (mem-info (memory 0 0) (table 2 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__memory_base" (global $__memory_base i32))
  (import "env" "__table_base" (global $__table_base i32))
  (import "env" "__stack_pointer" (global $__stack_pointer (mut i32)))
  (import "GOT.mem" "__THREW__" (global $__THREW__ (mut i32)))
  (import "env" "invoke_v" (func $invoke_v (param i32)))
  (import "env" "invoke_iii" (func $invoke_iii (param i32 i32 i32) (result i32)))
  (import "env" "__cxa_find_matching_catch_2" (func $__cxa_find_matching_catch_2 (result i32)))
  (import "env" "__resumeException" (func $__resumeException (param i32)))
  (import "env" "getTempRet0" (func $getTempRet0 (result i32)))
  (import "env" "may_throw" (func $throws))
  (import "env" "may_throw_too" (func $adds (param i32 i32) (result i32)))
  (import "env" "work" (func $work))

  ;; The function does something else before it asks.
  (func (export "works_before") (local $threw i32) (local $sum i32) (local $exception i32)
    (i32.store (global.get $__THREW__) (i32.const 0))
    (call $invoke_v (global.get $__table_base))
    (local.set $threw (i32.load (global.get $__THREW__)))
    (i32.store (global.get $__THREW__) (i32.const 0))
    (call $work)
    (if (i32.eq (local.get $threw) (i32.const 1)) (then
      (local.set $exception (call $__cxa_find_matching_catch_2))
      (drop (call $getTempRet0))
      (call $work)
      (call $__resumeException (local.get $exception))
      (unreachable))))

  ;; The result is used before the function asks.
  (func (export "uses_result") (result i32) (local $threw i32) (local $sum i32) (local $exception i32)
    (i32.store (i32.const 16) (call $invoke_iii (i32.add (global.get $__table_base) (i32.const 1)) (i32.const 1) (i32.const 2)))
    (if (i32.eq (i32.load (global.get $__THREW__)) (i32.const 1)) (then
      (local.set $exception (call $__cxa_find_matching_catch_2))
      (drop (call $getTempRet0))
      (call $work)
      (call $__resumeException (local.get $exception))
      (unreachable)))
    (i32.const 0))

  ;; What the test found is used once more: the handler says it too.
  (func (export "asks_again") (result i32) (local $threw i32) (local $sum i32) (local $exception i32)
    (block $pad
    (i32.store (global.get $__THREW__) (i32.const 0))
    (call $invoke_v (global.get $__table_base))
    (local.set $threw (i32.load (global.get $__THREW__)))
    (i32.store (global.get $__THREW__) (i32.const 0))
      (br_if $pad (i32.eq (local.get $threw) (i32.const 1)))
      (call $work))
    (if (i32.eq (local.get $threw) (i32.const 1)) (then
      (local.set $exception (call $__cxa_find_matching_catch_2))
      (drop (call $getTempRet0))
      (call $work)
      (call $__resumeException (local.get $exception))
      (unreachable)))
    (i32.const 0))

  ;; The landing pad takes a value that was on the stack before the call.
  (func (export "value_below") (local $threw i32) (local $sum i32) (local $exception i32)
    (i32.const 7)
    (block $goes_on (param i32) (result i32)
    (i32.store (global.get $__THREW__) (i32.const 0))
    (call $invoke_v (global.get $__table_base))
    (local.set $threw (i32.load (global.get $__THREW__)))
    (i32.store (global.get $__THREW__) (i32.const 0))
      (br_if $goes_on (i32.ne (local.get $threw) (i32.const 1)))
      (drop)
      (local.set $exception (call $__cxa_find_matching_catch_2))
      (drop (call $getTempRet0))
      (call $work)
      (call $__resumeException (local.get $exception))
      (unreachable))
    (drop))

  ;; The local of the exception is written twice: what is resumed is thrown anew.
  (func (export "another_exception") (local $threw i32) (local $sum i32) (local $exception i32)
    (i32.store (global.get $__THREW__) (i32.const 0))
    (call $invoke_v (global.get $__table_base))
    (local.set $threw (i32.load (global.get $__THREW__)))
    (i32.store (global.get $__THREW__) (i32.const 0))
    (if (i32.eq (local.get $threw) (i32.const 1)) (then
      (local.set $exception (call $__cxa_find_matching_catch_2))
      (drop (call $getTempRet0))
      (if (i32.load (i32.const 16)) (then (local.set $exception (i32.load (i32.const 20)))))
      (call $__resumeException (local.get $exception))
      (unreachable))))

  (elem (global.get $__table_base) func $throws $adds))
