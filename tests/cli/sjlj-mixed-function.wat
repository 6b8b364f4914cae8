;; A function with setjmp and landing pads (an inliner made it): each call site catches what the code behind it asks about.
;; RUN: upgrade -O0 % -o - -v | print

(module
  (@dylink.0 (mem-info (memory 0 0) (table 1 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__memory_base" (global $__memory_base i32))
  (import "env" "__table_base" (global $__table_base i32))
  (import "env" "__stack_pointer" (global $__stack_pointer (mut i32)))
  (import "GOT.mem" "__THREW__" (global $__THREW__ (mut i32)))
  (import "GOT.mem" "__threwValue" (global $__threwValue (mut i32)))
  (import "env" "invoke_v" (func $invoke_v (param i32)))
  (import "env" "emscripten_longjmp" (func $emscripten_longjmp (param i32 i32)))
  (import "env" "__wasm_setjmp" (func $__wasm_setjmp (param i32 i32 i32)))
  (import "env" "__wasm_setjmp_test" (func $__wasm_setjmp_test (param i32 i32) (result i32)))
  (import "env" "__cxa_find_matching_catch_2" (func $__cxa_find_matching_catch_2 (result i32)))
  (import "env" "__resumeException" (func $__resumeException (param i32)))
  (func (export "run") (param $buffer i32) (param $frame i32) (result i32) (local $threw i32) (local $value i32)
    (call $__wasm_setjmp (local.get $buffer) (i32.const 1) (local.get $frame))
    (i32.store (global.get $__THREW__) (i32.const 0))
    (call $invoke_v (global.get $__table_base))
    (local.set $threw (i32.load (global.get $__THREW__)))
    (i32.store (global.get $__THREW__) (i32.const 0))
    (local.set $value (i32.load (global.get $__threwValue)))
    (if (i32.and (i32.ne (local.get $threw) (i32.const 0)) (i32.ne (local.get $value) (i32.const 0))) (then
      (if (i32.eqz (call $__wasm_setjmp_test (local.get $threw) (local.get $frame)))
        (then (call $emscripten_longjmp (local.get $threw) (local.get $value)) unreachable))))
    ;; Asks only for C++ exceptions.
    (i32.store (global.get $__THREW__) (i32.const 0))
    (call $invoke_v (global.get $__table_base))
    (local.set $threw (i32.load (global.get $__THREW__)))
    (i32.store (global.get $__THREW__) (i32.const 0))
    (if (i32.eq (local.get $threw) (i32.const 1)) (then
      (call $__resumeException (call $__cxa_find_matching_catch_2))
      unreachable))
    ;; Asks nothing: both are caught, as they were.
    (call $invoke_v (global.get $__table_base))
    (local.get $value))
  (func $jumps (call $emscripten_longjmp (i32.const 16) (i32.const 1)) unreachable)
  (elem (global.get $__table_base) func $jumps))
