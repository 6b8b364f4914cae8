;; What breaks on later platforms, and what is known to go after the last one.
;; FAIL 1: check % --target 0.29 --against-next
;; FAIL[quiet] 1: check % --target 0.29 --target 315 -q
;; FAIL[usage] 2: check % --target 0.29 --target 315 --against-next

(module
  (@dylink.0
    (mem-info (memory 0 0) (table 0 0)))
  (import "env" "_PyLong_Add" (func (param i32 i32) (result i32)))
  (import "env" "_Unwind_CallPersonality" (func (param i32) (result i32)))
  (import "env" "__cpp_exception" (tag $tag (param i32)))
  (func (export "run") (result i32)
    try (result i32)
      i32.const 0
    catch $tag
    end))
