;; The struct of a callback has other offsets on the target: nothing in the module can be changed for that, so it is said.
;; JavaScript exceptions tell that the module is for 2024_0.
;; RUN: upgrade -O0 % -o out/ -v
;; RUN[json]: upgrade -O0 % -o other/ --json -v

(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "invoke_v" (func $invoke_v (param i32)))
  (import "env" "emscripten_set_keydown_callback_on_thread"
    (func $keydown (param i32 i32 i32 i32 i32) (result i32)))
  (func (export "f") (result i32)
    (call $keydown (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))
