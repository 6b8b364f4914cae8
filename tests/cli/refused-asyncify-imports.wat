;; A module that asyncify instrumented for another module's state exports none of its functions.
;; FAIL 3: upgrade -O0 % -o out/

(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "__asyncify_state" (global (mut i32)))
  (import "env" "__asyncify_data" (global (mut i32)))
  (func (export "f") (result i32) global.get 0))
