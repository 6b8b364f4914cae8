;; Options that have nothing to do are told of; without effect by other options they are wrong usage.
;; RUN[archives]: -n % --libdir . --exclude lib* --compress 9
;; RUN[wheels]: -n % --tag-style both --allow-python-mismatch
;; RUN[names]: -n % --keep-export _Z* --alias old=new --remove-needed libgone.so
;; RUN[effect]: -n % --keep-export PyInit_* --remove-needed liba.so
;; RUN[quiet]: -n -q % --libdir .
;; FAIL[bsymbolic] 2: -n % --bsymbolic -O0
;; FAIL[keep] 2: -n % --keep-export x --no-prune
;; FAIL[one-wheel] 2: -n % --one-wheel
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)) (needed "liba.so"))
  (import "env" "memory" (memory 0))
  (func (export "PyInit_m") (result i32) i32.const 0))
