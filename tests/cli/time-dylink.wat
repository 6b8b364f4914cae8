;; The section `dylink` is older than a time_t of 64 bits.
;; FAIL 3: -O0 % -o -
(module
  (@custom "dylink" (before first) "\00\00\00\00\00")
  (import "env" "stat" (func (param i32 i32) (result i32))))
