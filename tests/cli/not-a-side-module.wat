;; A module without linking metadata: the loader would not know what it needs.
;; FAIL 1: upgrade -O0 % -o out/

(module (func (export "answer") (result i32) i32.const 42))
