;; A struct that the target lays out differently. JavaScript exceptions tell that the module is for 2024_0.
;; FAIL 1: check %
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "invoke_v" (func (param i32)))
  (import "env" "emscripten_set_keydown_callback_on_thread" (func (param i32 i32 i32 i32 i32) (result i32))))
