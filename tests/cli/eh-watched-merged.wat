;; What is the address of __THREW__ on one path leaves a function, as undefined values of Rust do: reports that others could look at
;; through it stay in memory, and so do those of a function that gives it to whom it calls. A function that stores zero before anybody
;; can look keeps its report in a local.
;; RUN: upgrade -O0 % -o - -v | print

(module
  (@dylink.0 (mem-info (memory 8 2) (table 2 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__memory_base" (global $__memory_base i32))
  (import "env" "__table_base" (global $__table_base i32))
  (import "env" "__stack_pointer" (global $__stack_pointer (mut i32)))
  (import "GOT.mem" "__THREW__" (global $__THREW__ (mut i32)))
  (import "env" "invoke_vi" (func $invoke_vi (param i32 i32)))
  (import "env" "invoke_v" (func $invoke_v (param i32)))
  (import "env" "__cxa_find_matching_catch_2" (func $cleanup (result i32)))
  (import "env" "__resumeException" (func $resume (param i32)))
  (import "env" "may_throw" (func $throws))
  (import "env" "takes" (func $takes (param i32)))

  ;; The address on one path, and something else on the other.
  (func (export "stores") (param $p i32) (param $q i32) (local $threw i32)
    (i32.store (global.get $__THREW__) (i32.const 0))
    (call $invoke_v (global.get $__table_base))
    (local.set $threw (i32.load (global.get $__THREW__)))
    (i32.store (global.get $__THREW__) (i32.const 0))
    (if (local.get $q) (then (local.set $p (global.get $__THREW__))))
    (i32.store (local.get $q) (local.get $p))
    (if (i32.eq (local.get $threw) (i32.const 1)) (then (call $resume (call $cleanup)))))

  ;; What is left behind may be looked at.
  (func (export "left_behind")
    (i32.store (global.get $__THREW__) (i32.const 0))
    (call $invoke_v (global.get $__table_base))
    (if (i32.eq (i32.load (global.get $__THREW__)) (i32.const 1)) (then (call $resume (call $cleanup)))))

  ;; The callee may report through it.
  (func (export "gives") (param $p i32) (local $threw i32)
    (if (local.get $p) (then (local.set $p (global.get $__THREW__))))
    (i32.store (global.get $__THREW__) (i32.const 0))
    (call $invoke_vi (i32.add (global.get $__table_base) (i32.const 1)) (local.get $p))
    (local.set $threw (i32.load (global.get $__THREW__)))
    (i32.store (global.get $__THREW__) (i32.const 0))
    (if (i32.eq (local.get $threw) (i32.const 1)) (then (call $resume (call $cleanup)))))

  ;; Nobody can see its report.
  (func (export "local") (local $threw i32)
    (i32.store (global.get $__THREW__) (i32.const 0))
    (call $invoke_v (global.get $__table_base))
    (local.set $threw (i32.load (global.get $__THREW__)))
    (i32.store (global.get $__THREW__) (i32.const 0))
    (if (i32.eq (local.get $threw) (i32.const 1)) (then (call $resume (call $cleanup)))))

  (elem (global.get $__table_base) func $throws $takes))
