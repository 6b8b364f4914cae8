;; RUN: % -o - -O0 -v | print

;; The local that takes the result of the call is written again behind it, before the test: the constant comes behind the call in the
;; output, too.
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__stack_pointer" (global $__stack_pointer (mut i32)))
  (import "GOT.mem" "__THREW__" (global $__THREW__ (mut i32)))
  (import "env" "invoke_i" (func $invoke_i (param i32) (result i32)))
  (import "env" "__cxa_find_matching_catch_3" (func $__cxa_find_matching_catch_3 (param i32) (result i32)))
  (import "env" "__cxa_begin_catch" (func $__cxa_begin_catch (param i32) (result i32)))
  (import "env" "__cxa_end_catch" (func $__cxa_end_catch))
  (func (export "run") (param $pointer i32) (result i32)
    (local $threw i32) (local $result i32)
    global.get $__THREW__
    i32.const 0
    i32.store
    local.get $pointer
    call $invoke_i
    local.set $result
    i32.const 7
    local.set $result
    global.get $__THREW__
    i32.load
    local.set $threw
    global.get $__THREW__
    i32.const 0
    i32.store
    local.get $threw
    i32.const 1
    i32.eq
    if
      i32.const 0
      call $__cxa_find_matching_catch_3
      call $__cxa_begin_catch
      drop
      call $__cxa_end_catch
      i32.const 9
      return
    end
    local.get $result))
