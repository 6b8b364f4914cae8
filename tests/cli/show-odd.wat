;; What `upgrade` refuses is described all the same: threads, 64-bit memory, asyncify, no linking metadata.

;; FAIL[upgrade] 1: upgrade -n %
;; RUN: show % --functions 0
;; RUN[json]: show % --json --functions 0

(module
  (import "env" "memory" (memory i64 1 2 shared))
  (import "env" "__asyncify_state" (global (mut i32)))
  (import "env" "f" (func))
  (func (export "g")))
