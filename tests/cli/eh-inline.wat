;; However the function pointer of an invoke comes about, the call stands in a `try` in its function: direct where the callee is known
;; (also through an import of the same name as the GOT entry), without a `try` where it cannot throw, through the pointer otherwise.
;; RUN: upgrade -O0 % -o - -v | print
;; RUN[exnref]: upgrade -O0 % -o - --exnref -v | print

(module
  (@dylink.0 (mem-info (memory 4 2) (table 2 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__memory_base" (global $__memory_base i32))
  (import "env" "__table_base" (global $__table_base i32))
  (import "env" "__stack_pointer" (global $__stack_pointer (mut i32)))
  (import "GOT.mem" "__THREW__" (global $__THREW__ (mut i32)))
  (import "GOT.func" "jn" (global $jn_address (mut i32)))
  (import "env" "jn" (func $jn (param i32 f64) (result f64)))
  (import "env" "invoke_did" (func $invoke_did (param i32 i32 f64) (result f64)))
  (import "env" "__cxa_find_matching_catch_2" (func $__cxa_find_matching_catch_2 (result i32)))
  (import "env" "__resumeException" (func $__resumeException (param i32)))

  (func $throws (param i32 f64) (result f64) (call $jn (local.get 0) (local.get 1)))
  (func $harmless (param i32 f64) (result f64) (local.get 1))

  (func (export "known") (result f64) (local $threw i32) (local $result f64)
    (i32.store (global.get $__THREW__) (i32.const 0))
    (local.set $result (call $invoke_did (global.get $__table_base) (i32.const 1) (f64.const 2)))
    (local.set $threw (i32.load (global.get $__THREW__)))
    (i32.store (global.get $__THREW__) (i32.const 0))
    (if (i32.eq (local.get $threw) (i32.const 1)) (then (call $__resumeException (call $cleans_up (call $__cxa_find_matching_catch_2)))))
    (local.get $result))

  (func (export "harmless") (result f64) (local $result f64)
    (i32.store (global.get $__THREW__) (i32.const 0))
    (local.set $result
      (call $invoke_did (i32.add (global.get $__table_base) (i32.const 1)) (i32.const 1) (f64.const 2)))
    (if (i32.eq (i32.load (global.get $__THREW__)) (i32.const 1))
      (then (call $__resumeException (call $cleans_up (call $__cxa_find_matching_catch_2)))))
    (local.get $result))

  (func (export "by_import") (result f64) (local $result f64)
    (local.set $result (call $invoke_did (global.get $jn_address) (i32.const 1) (f64.const 2)))
    (if (i32.eq (i32.load (global.get $__THREW__)) (i32.const 1))
      (then (call $__resumeException (call $cleans_up (call $__cxa_find_matching_catch_2)))))
    (local.get $result))

  ;; A frame of its own holds the stack pointer in a local.
  (func (export "in_local") (param $pointer i32) (result f64) (local $result f64) (local $frame i32)
    (global.set $__stack_pointer (local.tee $frame (i32.sub (global.get $__stack_pointer) (i32.const 16))))
    (local.set $result (call $invoke_did (local.get $pointer) (i32.const 1) (f64.const 2)))
    (if (i32.eq (i32.load (global.get $__THREW__)) (i32.const 1))
      (then (call $__resumeException (call $cleans_up (call $__cxa_find_matching_catch_2)))))
    (global.set $__stack_pointer (i32.add (local.get $frame) (i32.const 16)))
    (local.get $result))

  ;; The arguments change the local, or the pointer comes from memory: it has to be read before them.
  (func (export "changed") (param $pointer i32) (result f64) (local $result f64)
    (local.set $result (call $invoke_did (local.get $pointer) (local.tee $pointer (i32.const 0)) (f64.const 2)))
    (local.set $result (call $invoke_did (i32.load (i32.const 16)) (local.get $pointer) (f64.const 2)))
    (if (i32.eq (i32.load (global.get $__THREW__)) (i32.const 1))
      (then (call $__resumeException (call $cleans_up (call $__cxa_find_matching_catch_2)))))
    (local.get $result))

  ;; A known pointer that is also kept in a local stays on the stack under the call.
  (func (export "kept") (result f64) (local $pointer i32) (local $result f64)
    (local.set $result (call $invoke_did (local.tee $pointer (global.get $__table_base)) (local.get $pointer) (f64.const 2)))
    (if (i32.eq (i32.load (global.get $__THREW__)) (i32.const 1))
      (then (call $__resumeException (call $cleans_up (call $__cxa_find_matching_catch_2)))))
    (local.get $result))

  (func $cleans_up (param $exception i32) (result i32)
    (i32.store (i32.const 32) (i32.const 1))
    (local.get $exception))

  (elem (global.get $__table_base) func $throws $harmless))
