;; What code behind a call throws on as it came is not caught: a longjmp where a landing pad asks for exceptions too, an exception where
;; there is nothing to clean up. A `try` that catches nothing goes. What is done anything else with is caught as before.
;; RUN: upgrade -O0 % -o - -v | print
;; RUN[exnref]: upgrade -O0 % -o - --exnref -v | print

(module
  (@dylink.0 (mem-info (memory 0 0) (table 4 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__memory_base" (global $__memory_base i32))
  (import "env" "__table_base" (global $__table_base i32))
  (import "env" "__stack_pointer" (global $__stack_pointer (mut i32)))
  (import "GOT.mem" "__THREW__" (global $__THREW__ (mut i32)))
  (import "GOT.mem" "__threwValue" (global $__threwValue (mut i32)))
  (import "env" "invoke_v" (func $invoke_v (param i32)))
  (import "env" "invoke_ii" (func $invoke_ii (param i32 i32) (result i32)))
  (import "env" "__cxa_find_matching_catch_2" (func $__cxa_find_matching_catch_2 (result i32)))
  (import "env" "__resumeException" (func $__resumeException (param i32)))
  (import "env" "getTempRet0" (func $getTempRet0 (result i32)))
  (import "env" "emscripten_longjmp" (func $emscripten_longjmp (param i32 i32)))
  (import "env" "may_throw" (func $throws))
  (import "env" "may_throw_too" (func $gives (param i32) (result i32)))
  (import "env" "work" (func $work))

  ;; One value tells a longjmp from an exception and from nothing, as clang's landing pads have it.
  (func (export "longjmp") (result i32) (local $threw i32) (local $sum i32) (local $exception i32)
    (block $jumped
      (block $pad
    (i32.store (global.get $__THREW__) (i32.const 0))
    (call $invoke_v (global.get $__table_base))
    (local.set $threw (i32.load (global.get $__THREW__)))
    (i32.store (global.get $__THREW__) (i32.const 0))
        (br_if $jumped (select (local.get $threw) (i32.const 0) (i32.ne (local.get $threw) (i32.const 1))))
        (br_if $pad (i32.eq (local.get $threw) (i32.const 1)))
    (i32.store (global.get $__THREW__) (i32.const 0))
    (local.set $sum (call $invoke_ii (i32.add (global.get $__table_base) (i32.const 1)) (i32.const 7)))
    (local.set $threw (i32.load (global.get $__THREW__)))
    (i32.store (global.get $__THREW__) (i32.const 0))
        (br_if $jumped (select (local.get $threw) (i32.const 0) (i32.ne (local.get $threw) (i32.const 1))))
        (br_if $pad (i32.eq (local.get $threw) (i32.const 1)))
        (return (local.get $sum)))
      (local.set $exception (call $__cxa_find_matching_catch_2))
      (drop (call $getTempRet0))
      (call $work)
      (call $__resumeException (local.get $exception))
      (unreachable))
    (call $emscripten_longjmp (local.get $threw) (i32.load (global.get $__threwValue)))
    (unreachable))

  (func (export "exception") (result i32) (local $threw i32) (local $sum i32) (local $exception i32)
    (i32.store (global.get $__THREW__) (i32.const 0))
    (local.set $sum (call $invoke_ii (i32.add (global.get $__table_base) (i32.const 1)) (i32.const 7)))
    (local.set $threw (i32.load (global.get $__THREW__)))
    (i32.store (global.get $__THREW__) (i32.const 0))
    (if (i32.eq (local.get $threw) (i32.const 1)) (then
      (local.set $exception (call $__cxa_find_matching_catch_2))
      (drop (call $getTempRet0))
      (call $__resumeException (local.get $exception))
      (unreachable)))
    (local.get $sum))

  ;; The callee is not known: its pointer still comes last.
  (func (export "both") (param $pointer i32) (result i32) (local $threw i32) (local $sum i32) (local $exception i32)
    (i32.store (global.get $__THREW__) (i32.const 0))
    (local.set $sum (call $invoke_ii (local.get $pointer) (i32.const 7)))
    (local.set $threw (i32.load (global.get $__THREW__)))
    (i32.store (global.get $__THREW__) (i32.const 0))
    (block $jumped
      (br_if $jumped (select (local.get $threw) (i32.const 0) (i32.ne (local.get $threw) (i32.const 1))))
      (if (i32.eq (local.get $threw) (i32.const 1)) (then
      (local.set $exception (call $__cxa_find_matching_catch_2))
      (drop (call $getTempRet0))
      (call $__resumeException (local.get $exception))
      (unreachable)))
      (return (local.get $sum)))
    (call $emscripten_longjmp (local.get $threw) (i32.load (global.get $__threwValue)))
    (unreachable))

  ;; Another value is thrown on.
  (func (export "kept_value") (local $threw i32) (local $sum i32) (local $exception i32)
    (block $jumped
    (i32.store (global.get $__THREW__) (i32.const 0))
    (call $invoke_v (global.get $__table_base))
    (local.set $threw (i32.load (global.get $__THREW__)))
    (i32.store (global.get $__THREW__) (i32.const 0))
      (br_if $jumped (select (local.get $threw) (i32.const 0) (i32.ne (local.get $threw) (i32.const 1))))
      (if (i32.eq (local.get $threw) (i32.const 1)) (then
      (local.set $exception (call $__cxa_find_matching_catch_2))
      (drop (call $getTempRet0))
      (call $work)
      (call $__resumeException (local.get $exception))
      (unreachable)))
      (return))
    (call $emscripten_longjmp (local.get $threw) (i32.const 1))
    (unreachable))

  ;; Something is done before it is thrown on.
  (func (export "kept_work") (local $threw i32) (local $sum i32) (local $exception i32)
    (block $jumped
    (i32.store (global.get $__THREW__) (i32.const 0))
    (call $invoke_v (global.get $__table_base))
    (local.set $threw (i32.load (global.get $__THREW__)))
    (i32.store (global.get $__THREW__) (i32.const 0))
      (br_if $jumped (select (local.get $threw) (i32.const 0) (i32.ne (local.get $threw) (i32.const 1))))
      (if (i32.eq (local.get $threw) (i32.const 1)) (then
      (local.set $exception (call $__cxa_find_matching_catch_2))
      (drop (call $getTempRet0))
      (call $work)
      (call $__resumeException (local.get $exception))
      (unreachable)))
      (return))
    (local.set $sum (i32.load (global.get $__threwValue)))
    (call $work)
    (call $emscripten_longjmp (local.get $threw) (local.get $sum))
    (unreachable))

  ;; Another exception than the one that came.
  (func (export "kept_exception") (param $other i32) (local $threw i32) (local $sum i32) (local $exception i32)
    (i32.store (global.get $__THREW__) (i32.const 0))
    (call $invoke_v (global.get $__table_base))
    (local.set $threw (i32.load (global.get $__THREW__)))
    (i32.store (global.get $__THREW__) (i32.const 0))
    (if (i32.eq (local.get $threw) (i32.const 1)) (then
      (drop (call $__cxa_find_matching_catch_2))
      (drop (call $getTempRet0))
      (call $__resumeException (local.get $other))
      (unreachable))))

  (func $leaf (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (elem (global.get $__table_base) func $throws $gives $leaf $throws))
