;; Loads and stores through an address that is that of `__THREW__` or `__threwValue` on some paths alone: the address decides between
;; the local and memory. The words then have a place in memory, so that their addresses are those of nothing else.
;; RUN: upgrade -O0 % -o - -v | print

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

  ;; The local that held the address of `__threwValue` holds another one when the code comes back.
  (func (export "loads") (param $other i32) (result i32) (local $threw i32) (local $p i32) (local $exception i32)
    (i32.store (global.get $__THREW__) (i32.const 0))
    (call $invoke_v (global.get $__table_base))
    (local.set $threw (i32.load (global.get $__THREW__)))
    (i32.store (global.get $__THREW__) (i32.const 0))
    (if (i32.eq (local.get $threw) (i32.const 1)) (then
      (local.set $exception (call $__cxa_find_matching_catch_2))
      (drop (call $getTempRet0))
      (call $work)
      (call $__resumeException (local.get $exception))
      (unreachable)))
    (local.set $p (global.get $__threwValue))
    (if (i32.load (local.get $other)) (then (local.set $p (local.get $other))))
    (i32.load (local.get $p)))

  (func (export "stores") (param $other i32) (local $threw i32) (local $p i32) (local $exception i32)
    (i32.store (select (local.get $other) (global.get $__THREW__) (i32.load (local.get $other))) (i32.const 0))
    (call $invoke_v (global.get $__table_base))
    (if (i32.eq (i32.load (global.get $__THREW__)) (i32.const 1)) (then
      (drop (call $__cxa_find_matching_catch_2)))))

  (func $leaf (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (elem (global.get $__table_base) func $throws $gives $leaf $throws))
