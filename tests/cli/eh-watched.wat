;; The address of __THREW__ leaves functions, as it does where every load is a call: whoever was given it may keep it and report through
;; it, so that all reports stay in memory.
;; RUN: upgrade -O0 % -o - -v | print

(module
  (@dylink.0 (mem-info (memory 8 2) (table 1 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__memory_base" (global $__memory_base i32))
  (import "env" "__table_base" (global $__table_base i32))
  (import "env" "__stack_pointer" (global $__stack_pointer (mut i32)))
  (import "GOT.mem" "__THREW__" (global $__THREW__ (mut i32)))
  (import "env" "invoke_v" (func $invoke_v (param i32)))
  (import "env" "__cxa_find_matching_catch_2" (func $cleanup (result i32)))
  (import "env" "__resumeException" (func $resume (param i32)))
  (import "env" "may_throw" (func $throws))
  (import "env" "sees" (func $sees (param i32) (result i32)))

  ;; As instrumentation has it: a function of the module loads.
  (func $load (param $address i32) (result i32)
    (i32.load (local.get $address)))
  (func (export "through_a_function") (local $threw i32)
    (i32.store (global.get $__THREW__) (i32.const 0))
    (call $invoke_v (global.get $__table_base))
    (local.set $threw (call $load (global.get $__THREW__)))
    (i32.store (global.get $__THREW__) (i32.const 0))
    (if (i32.eq (local.get $threw) (i32.const 1)) (then (call $resume (call $cleanup)))))

  ;; Another module does.
  (func (export "through_an_import") (local $threw i32)
    (i32.store (global.get $__THREW__) (i32.const 0))
    (call $invoke_v (global.get $__table_base))
    (local.set $threw (call $sees (global.get $__THREW__)))
    (i32.store (global.get $__THREW__) (i32.const 0))
    (if (i32.eq (local.get $threw) (i32.const 1)) (then (call $resume (call $cleanup)))))

  ;; The pointer may be the address.
  (func (export "through_a_pointer") (param $pointer i32) (local $threw i32)
    (i32.store (global.get $__THREW__) (i32.const 0))
    (call $invoke_v (global.get $__table_base))
    (local.set $threw (i32.load (local.get $pointer)))
    (i32.store (global.get $__THREW__) (i32.const 0))
    (if (i32.eq (local.get $threw) (i32.const 1)) (then (call $resume (call $cleanup)))))

  ;; What is left behind may be looked at.
  (func (export "left_behind")
    (i32.store (global.get $__THREW__) (i32.const 0))
    (call $invoke_v (global.get $__table_base))
    (if (i32.eq (i32.load (global.get $__THREW__)) (i32.const 1)) (then (call $resume (call $cleanup)))))

  ;; Whoever it calls may report.
  (func (export "local") (local $threw i32)
    (i32.store (global.get $__THREW__) (i32.const 0))
    (call $invoke_v (global.get $__table_base))
    (local.set $threw (i32.load (global.get $__THREW__)))
    (i32.store (global.get $__THREW__) (i32.const 0))
    (if (i32.eq (local.get $threw) (i32.const 1)) (then (call $resume (call $cleanup)))))

  (elem (global.get $__table_base) func $throws))
