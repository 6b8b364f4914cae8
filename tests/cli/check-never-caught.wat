;; C++ exceptions of a module without landing pads end the runtime. The handlers that it has are those of setjmp.
;; RUN: check %
;; FAIL[strict] 1: check % --strict
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "__cxa_allocate_exception" (func $allocate (param i32) (result i32)))
  (import "env" "__cxa_throw" (func $throw (param i32 i32 i32)))
  (import "GOT.mem" "_ZTIi" (global $int (mut i32)))
  (import "env" "__c_longjmp" (tag $longjmp (param i32)))
  (func (export "throws")
    (call $throw (call $allocate (i32.const 4)) (global.get $int) (i32.const 0)))
  (func (export "jumps")
    try
      (call 2)
    catch $longjmp
      drop
    end))
