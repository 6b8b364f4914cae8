;; A stack pointer that nobody can set: no loader would take the module, and no wrapper can be written for it.
;; FAIL 3: upgrade -O0 % -o out/

(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__stack_pointer" (global i32))
  (import "env" "invoke_v" (func $invoke_v (param i32)))
  (func (export "run") (call $invoke_v (i32.const 1))))
