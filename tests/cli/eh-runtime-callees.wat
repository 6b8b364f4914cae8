;; A call through the GOT becomes a direct call of an import where the main module of the target exports that name with the type of the
;; call. It stays a call through the pointer where the type differs, where a JavaScript function, this module or nobody known offers the
;; name, and where an import of that name is not the runtime's: the loader would bind it to a JavaScript function that looks it up.
;; RUN: upgrade -O0 % -o - --no-adapters -v | print

(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__stack_pointer" (global $__stack_pointer (mut i32)))
  (import "GOT.mem" "__THREW__" (global $__THREW__ (mut i32)))
  (import "GOT.func" "free" (global $free (mut i32)))
  (import "GOT.func" "malloc" (global $malloc (mut i32)))
  (import "GOT.func" "emscripten_run_script" (global $javascript (mut i32)))
  (import "GOT.func" "own" (global $own (mut i32)))
  (import "GOT.func" "elsewhere" (global $elsewhere (mut i32)))
  (import "env" "elsewhere" (func $imported_elsewhere (param i32)))
  (import "env" "invoke_vi" (func $invoke_vi (param i32 i32)))
  (import "env" "__cxa_find_matching_catch_2" (func $__cxa_find_matching_catch_2 (result i32)))
  (import "env" "__resumeException" (func $__resumeException (param i32)))

  (func (export "own") (param i32))

  (func (export "run")
    (call $invoke_vi (global.get $free) (i32.const 1))
    (call $invoke_vi (global.get $malloc) (i32.const 2))
    (call $invoke_vi (global.get $javascript) (i32.const 3))
    (call $invoke_vi (global.get $own) (i32.const 4))
    (call $invoke_vi (global.get $elsewhere) (i32.const 5))
    (call $invoke_vi (global.get $free) (i32.const 6))
    (if (i32.eq (i32.load (global.get $__THREW__)) (i32.const 1))
      (then (call $__resumeException (call $__cxa_find_matching_catch_2))))))
