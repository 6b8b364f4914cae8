;; Code that does not validate is an error that names its place in the file.
;; FAIL 1: upgrade -O0 % -o out/

(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (func (export "answer") (result i32) f32.const 42))
