;; Native exceptions and `longjmp`, in each of the two kinds of instructions, and metadata that are not in the first section.

;; RUN: show % --functions 0

(module
  (@custom "first" (before first) "")
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 1))
  (import "env" "__cpp_exception" (tag $exception (param i32)))
  (import "env" "__c_longjmp" (tag $longjmp (param i32)))
  (import "env" "__wasm_setjmp" (func $setjmp (param i32 i32 i32)))
  (func (export "legacy")
    try
      i32.const 0
      i32.const 0
      i32.const 0
      call $setjmp
    catch $exception
      drop
    end)
  (func (export "new")
    block (result i32)
      try_table (catch $longjmp 0)
        i32.const 0
        throw $exception
      end
      unreachable
    end
    drop))
