;; Subsections in any order and one kind twice: each kind once, ascending, nothing lost.
;; RUN: upgrade -O0 % -o - -v | print

(module
  (@custom "dylink.0" (before first) "\05\09\01\07$ORIGIN\02\06\01\04a.so\01\04\08\02\01\00\02\06\01\04b.so\03\06\01\03run\01\04\08\01\03env\01f\11")
  (import "env" "f" (func))
  (func (export "run")))
