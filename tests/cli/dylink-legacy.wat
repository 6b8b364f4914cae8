;; The section `dylink` of old becomes `dylink.0`, its libraries NEEDED.
;; RUN: upgrade -O0 % -o - -v | print

(module
  (@custom "dylink" (before first) "\04\02\02\00\02\07libz.so\07libm.so")
  (import "env" "memory" (memory 0))
  (func (export "answer") (result i32) i32.const 42))
