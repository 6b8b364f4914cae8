;; What may not mean the same is reported: an exception given to a function that does not expect the unwinder's pointer, and a landing
;; pad that calls another function before it asks for its exception.
;; RUN[verbose]: upgrade -O0 % -o out/ -v
;; RUN[json]: upgrade -O0 % -o json/ --json -q

(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__stack_pointer" (global $__stack_pointer (mut i32)))
  (import "env" "invoke_v" (func $invoke_v (param i32)))
  (import "env" "__cxa_find_matching_catch_3" (func $__cxa_find_matching_catch_3 (param i32) (result i32)))
  (import "env" "stranger" (func $stranger (param i32)))
  (import "env" "__cxa_begin_catch" (func $__cxa_begin_catch (param i32) (result i32)))
  (func (export "strange") (param $pointer i32) (local $exception i32)
    (call $invoke_v (local.get $pointer))
    (local.set $exception (call $__cxa_find_matching_catch_3 (i32.const 0)))
    (drop (call $__cxa_begin_catch (local.get $exception)))
    (call $passes_on (local.get $exception))
    (call $stranger (local.get $exception)))
  (func (export "late") (param $pointer i32)
    (call $invoke_v (local.get $pointer))
    (call $nothing)
    (drop (call $__cxa_find_matching_catch_3 (i32.const 0))))
  (func $passes_on (param i32))
  (func $nothing))
